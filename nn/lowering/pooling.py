"""Pools on a CPU: what the taps of a window see, compared or added up.

The derivative of a maximum is that of the tap that wins, by rows the first of equal ones. Its index
is found in one loop, where XLA's own gradient searches each window in plain ones; and where windows
lie side by side, their taps are blocks of a reshaped image and the way back is one comparison with
the winner's index.

To JAX a max-pool, what its winners see of a tangent, and the transpose of that, which brings a
gradient back to the winners, are three primitives: the first has the second for its derivative, and
the other two, each linear, have one another for their transposes. Sums are linear themselves: a
sum-pool and its transpose.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad, batching

from nn.lowering import exact
from nn.lowering.apart import apart
from nn.lowering.geometry import offsets, padded, seen
from nn.lowering.primitives import in_front, is_zero, primitive
from nn.spelling import Window, spatial_letters


def max_pool(x: jax.Array, window: Window) -> jax.Array:
    """The largest value at each place of the window, in its layout."""
    return _max_pool.bind(x, window=window)  # type: ignore


def _picked(dx: jax.Array, x: jax.Array, window: Window) -> jax.Array:
    """What the winners of x see of dx."""
    return _pick.bind(dx, x, window=window)  # type: ignore


def _returned(dy: jax.Array, x: jax.Array, window: Window) -> jax.Array:
    """What lies at each place of the window, back where its winner of x was seen."""
    return _return.bind(dy, x, window=window)  # type: ignore


def sum_pool(x: jax.Array, window: Window) -> jax.Array:
    """The sum at each place of the window, in its layout."""
    return _sum_pool.bind(x, window=window)  # type: ignore


def _spread(dy: jax.Array, window: Window, sizes: tuple[int, ...]) -> jax.Array:
    """What lies at each place of the window, at all that is seen from there: images of `sizes`."""
    return _sum_pool_return.bind(dy, window=window, sizes=sizes)  # type: ignore


@apart
def _largest(x: jax.Array, *, window: Window) -> jax.Array:
    first, *taps = _taps(x, window, exact.lowest(x))
    for tap in taps:
        first = jnp.maximum(first, tap)
    return first


@apart
def _winner(x: jax.Array, *, window: Window) -> jax.Array:
    """The index of the tap that sees the largest value first."""
    largest, *taps = _taps(x, window, exact.lowest(x))
    winner = jnp.zeros(largest.shape, _index_dtype(window))
    for index, tap in enumerate(taps, start=1):
        winner = jnp.where(tap > largest, winner.dtype.type(index), winner)
        largest = jnp.maximum(largest, tap)
    return winner


def _seen_by(winner: jax.Array, x: jax.Array, window: Window) -> jax.Array:
    """What the winners see of `x`: linear in x, and such that its transpose is one loop."""
    if _is_blocks(window):
        # Counted, not a constant, of which XLA would read an element for each number: that takes up
        # to four times as long (128 images of 28x28 with 16 or 32 channels).
        index = lax.iota(winner.dtype, math.prod(window.size))
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


# Forms of the primitives, in the window's layout, and their rules -------------------------------


def _largest_by_taps(x: jax.Array, *, window: Window) -> jax.Array:
    return _laid_out(_largest(_channels_last(x, window), window=window), window)


def _pick_by_taps(dx: jax.Array, x: jax.Array, *, window: Window) -> jax.Array:
    winner = _winner(_channels_last(x, window), window=window)
    return _laid_out(_seen_by(winner, _channels_last(dx, window), window), window)


def _return_by_taps(dy: jax.Array, x: jax.Array, *, window: Window) -> jax.Array:
    return jax.linear_transpose(partial(_pick_by_taps, x=x, window=window), x)(dy)[0]


def _largest_elsewhere(x: jax.Array, *, window: Window) -> jax.Array:
    form = exact.max_pool if _has_gradient(window) else _largest_by_taps
    return form(x, window=window)


def _pick_elsewhere(dx: jax.Array, x: jax.Array, *, window: Window) -> jax.Array:
    if not _has_gradient(window):
        return _pick_by_taps(dx, x, window=window)
    return jax.jvp(partial(exact.max_pool, window=window), (x,), (dx,))[1]


def _return_elsewhere(dy: jax.Array, x: jax.Array, *, window: Window) -> jax.Array:
    if not _has_gradient(window):
        return _return_by_taps(dy, x, window=window)
    return jax.vjp(partial(exact.max_pool, window=window), x)[1](dy)[0]


def _sum_by_taps(x: jax.Array, *, window: Window) -> jax.Array:
    x = _channels_last(x, window)
    if _is_blocks(window):
        total = _blocks(x, window).sum(_within(window))
    else:
        first, *taps = _taps(x, window, 0)
        total = sum(taps, start=first)
    return _laid_out(total, window)


def _sum_elsewhere(x: jax.Array, *, window: Window) -> jax.Array:
    form = exact.sum_pool if _has_gradient(window) else _sum_by_taps
    return form(x, window=window)


def _spread_by(
    form: Callable, dy: jax.Array, *, window: Window, sizes: tuple[int, ...]
) -> jax.Array:
    x = jax.ShapeDtypeStruct((dy.shape[0], *sizes), dy.dtype)
    return jax.linear_transpose(partial(form, window=window), x)(dy)[0]


def _has_gradient(window: Window) -> bool:
    """Whether JAX has a gradient of this reduce_window."""
    return max(window.dilations) == 1


def _shape_of_places(x: Any, *_: Any, window: Window) -> Any:
    named = dict(zip(spatial_letters(window.layout), window.outputs(x.shape), strict=True))
    shape = [named.get(letter, n) for letter, n in zip(window.layout, x.shape, strict=True)]
    return x.update(shape=tuple(shape), weak_type=False)


def _shape_of_images(_: Any, x: Any, *, window: Window) -> Any:
    return x.update(weak_type=False)


def _shape_of_sizes(dy: Any, *, window: Window, sizes: tuple[int, ...]) -> Any:
    return dy.update(shape=(dy.shape[0], *sizes), weak_type=False)


def _moved(function: Callable, primals: Any, tangents: Any, *, window: Window) -> Any:
    """The derivative of what is linear in its first argument; the second only decides who wins."""
    (a, x), (da, _) = primals, tangents
    return function(a, x, window), function(ad.instantiate_zeros(da), x, window)


def _transposed(transpose: Callable, ct: Any, _: Any, x: Any, *, window: Window) -> Any:
    return None if is_zero(ct) else transpose(ct, x, window), None


def _batched(function: Callable, operands: Any, axes: Any, **static: Any) -> Any:
    """Under `vmap` more images are more images."""
    operands = in_front(operands, axes)
    result = function(*(lax.collapse(x, 0, 2) for x in operands), **static)
    return result.reshape(*operands[0].shape[:2], *result.shape[1:]), 0


_max_pool = primitive(
    "max_pool", _shape_of_places, cpu=_largest_by_taps, default=_largest_elsewhere
)
_pick = primitive("max_pool_pick", _shape_of_places, cpu=_pick_by_taps, default=_pick_elsewhere)
_return = primitive(
    "max_pool_return", _shape_of_images, cpu=_return_by_taps, default=_return_elsewhere
)
ad.defjvp(_max_pool, lambda dx, x, *, window: _picked(dx, x, window))
for _primitive, _function, _transpose in [
    (_pick, _picked, _returned),
    (_return, _returned, _picked),
]:
    ad.primitive_jvps[_primitive] = partial(_moved, _function)
    ad.primitive_transposes[_primitive] = partial(_transposed, _transpose)
    batching.primitive_batchers[_primitive] = partial(_batched, _function)
batching.primitive_batchers[_max_pool] = partial(_batched, max_pool)

_sum_pool = primitive("sum_pool", _shape_of_places, cpu=_sum_by_taps, default=_sum_elsewhere)
_sum_pool_return = primitive(
    "sum_pool_return",
    _shape_of_sizes,
    cpu=partial(_spread_by, _sum_by_taps),
    default=partial(_spread_by, _sum_elsewhere),
)
ad.deflinear2(_sum_pool, lambda ct, x, *, window: [_spread(ct, window, x.aval.shape[1:])])
ad.deflinear2(_sum_pool_return, lambda ct, _, *, window, sizes: [sum_pool(ct, window)])
batching.primitive_batchers[_sum_pool] = partial(_batched, sum_pool)
batching.primitive_batchers[_sum_pool_return] = partial(_batched, _spread)
