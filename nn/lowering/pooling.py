"""Pools on a CPU: what the taps of a window see, compared or added up.

The derivative of a maximum is that of the tap that wins, by rows the first of equal ones, so the
winner's index is all that the way back needs; XLA's own gradient searches every window again, in
plain loops. Where windows lie side by side, their taps are blocks of a reshaped image and the way
back is one comparison with the winner's index.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nn.lowering.apart import apart
from nn.lowering.exact import lowest
from nn.lowering.geometry import offsets, padded, seen
from nn.spelling import Window


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, window: Window) -> jax.Array:
    """The largest value at each place of the window, in its layout."""
    return _laid_out(_largest(_channels_last(x, window), window=window), window)


@max_pool.defjvp
def _max_pool_jvp(window: Window, primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    winner = _winner(_channels_last(x, window), window=window)
    picked = _picked(_channels_last(dx, window), winner, window)
    return max_pool(x, window), _laid_out(picked, window)


def sum_pool(x: jax.Array, window: Window) -> jax.Array:
    """The sum at each place of the window, in its layout."""
    x = _channels_last(x, window)
    if _is_blocks(window):
        total = _blocks(x, window).sum(_within(window))
    else:
        first, *taps = _taps(x, window, 0)
        total = sum(taps, start=first)
    return _laid_out(total, window)


@apart
def _largest(x: jax.Array, *, window: Window) -> jax.Array:
    first, *taps = _taps(x, window, lowest(x))
    for tap in taps:
        first = jnp.maximum(first, tap)
    return first


@apart
def _winner(x: jax.Array, *, window: Window) -> jax.Array:
    """The index of the tap that sees the largest value first."""
    largest, *taps = _taps(x, window, lowest(x))
    winner = jnp.zeros(largest.shape, _index_dtype(window))
    for index, tap in enumerate(taps, start=1):
        winner = jnp.where(tap > largest, winner.dtype.type(index), winner)
        largest = jnp.maximum(largest, tap)
    return winner


def _picked(x: jax.Array, winner: jax.Array, window: Window) -> jax.Array:
    """What the winners see of `x`: linear in x, and such that its transpose is one loop."""
    if _is_blocks(window):
        index = np.arange(math.prod(window.size), dtype=winner.dtype)
        interleaved = [n for size in window.size for n in (1, size)]
        won = jnp.expand_dims(winner, _within(window)) == index.reshape(1, *interleaved, 1)
        return jnp.where(won, _blocks(x, window), 0).sum(_within(window))
    taps = enumerate(_taps(x, window, 0))
    picked = [jnp.where(winner == winner.dtype.type(i), tap, 0) for i, tap in taps]
    return sum(picked[1:], start=picked[0])


def _index_dtype(window: Window) -> type:
    return np.int8 if math.prod(window.size) < 128 else np.int32


def _taps(x: jax.Array, window: Window, padding: float) -> list[jax.Array]:
    """What each tap sees, `[N, *places, C]`."""
    x = padded(x, window, padding)
    return [seen(x, offset, window) for offset in offsets(window)]


def _is_blocks(window: Window) -> bool:
    side_by_side = window.strides == window.size and set(window.dilations) == {1}
    return side_by_side and not any(map(any, window.padding))


def _blocks(x: jax.Array, window: Window) -> jax.Array:
    """`[N, H, W, C]` as `[N, H', h, W', w, C]`, less rows and columns that no window sees."""
    pairs = [(n // k, k) for n, k in zip(x.shape[1:-1], window.size, strict=True)]
    x = x[(slice(None), *(slice(places * k) for places, k in pairs))]
    return x.reshape(x.shape[0], *(n for pair in pairs for n in pair), x.shape[-1])


def _within(window: Window) -> tuple[int, ...]:
    """The axes of `_blocks` that lie within a window."""
    return tuple(range(2, 2 * len(window.size) + 1, 2))


def _channels_last(x: jax.Array, window: Window) -> jax.Array:
    return jnp.moveaxis(x, window.layout.index("C"), -1)


def _laid_out(x: jax.Array, window: Window) -> jax.Array:
    return jnp.moveaxis(x, -1, window.layout.index("C"))
