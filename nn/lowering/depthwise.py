"""A depthwise convolution on a CPU: one multiply-add per tap, over whole images.

With x padded, and `x[i]` what tap i sees of it at each place (`geometry.seen`),

    y = sum_i x[i] * w[i]
    dx = overlapped(dy * w[i])
    dw[i] = sum over places of x[i] * dy

channel by channel: there is no matrix product in it, and its cost is that of reading the images.
XLA's own form is a convolution with as many groups as channels, which it runs as plain loops. For
several filters per channel, each channel of x stands as often as it has filters.
"""

import jax
import jax.numpy as jnp

from nn.lowering.apart import apart
from nn.lowering.geometry import Convolution, offsets, overlapped, padded, seen
from nn.lowering.sums import MOST_ARRAYS, added, cut, group_size


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The sum of what the taps see, `[N, *places, C * M]`."""
    return _output(padded(_repeated(x, of), of.window), _by_tap(w), of=of)


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """Every place's gradient back to where its taps saw the input."""
    dx = _input_gradient(dy, _by_tap(w), of=of)
    return dx.reshape(*dx.shape[:-1], *of.filters[-2:]).sum(-1)


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """The sums over all places, `[*size, C, M]`."""
    x = padded(_repeated(x, of), of.window)
    taps = list(offsets(of.window))
    pieces = [taps[i : i + MOST_ARRAYS] for i in range(0, of.taps, MOST_ARRAYS)]
    sums = jnp.stack([s for piece in pieces for s in _group_sums(x, dy, tuple(piece), of)])
    return sums.sum(range(1, sums.ndim - 1)).reshape(of.filters)


def _repeated(x: jax.Array, of: Convolution) -> jax.Array:
    return x if of.filters[-1] == 1 else jnp.repeat(x, of.filters[-1], axis=-1)


def _by_tap(w: jax.Array) -> jax.Array:
    """The filters of each tap, `[taps, 1, ..., 1, C * M]`."""
    return w.reshape(-1, *(1,) * (w.ndim - 1), w.shape[-2] * w.shape[-1])


@apart
def _output(x: jax.Array, w: jax.Array, *, of: Convolution) -> jax.Array:
    taps = zip(w, offsets(of.window), strict=True)
    return sum(seen(x, offset, of.window) * tap for tap, offset in taps)  # type: ignore


@apart
def _input_gradient(dy: jax.Array, w: jax.Array, *, of: Convolution) -> jax.Array:
    return overlapped((dy * tap for tap in w), of)


def _group_sums(
    x: jax.Array, dy: jax.Array, taps: tuple[tuple[int, ...], ...], of: Convolution
) -> list[jax.Array]:
    """`x[i] * dy` for some taps, `[N, ..., C]`, in sums over groups of rows, and of columns."""
    sums = _products(x, dy, taps=taps, of=of)
    axis = sums[0].ndim - 2
    group = group_size(sums[0].shape[axis], min(of.taps, MOST_ARRAYS))
    return added([cut(s, axis, group) for s in sums], axis + 1)


@apart
def _products(
    x: jax.Array, dy: jax.Array, *, taps: tuple[tuple[int, ...], ...], of: Convolution
) -> list[jax.Array]:
    group = group_size(of.places[0], min(of.taps, MOST_ARRAYS))
    return added([cut(seen(x, tap, of.window) * dy, 1, group) for tap in taps], axis=2)
