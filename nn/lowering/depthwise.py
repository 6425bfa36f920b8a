"""A depthwise convolution on a CPU: one multiply-add per tap, over whole images.

With x padded, and `x[i]` what tap i sees of it at each place (`geometry.seen`),

    y = sum_i x[i] * w[i]
    dx = sum_i unseen(dy * w[i])
    dw[i] = sum over places of x[i] * dy

channel by channel: there is no matrix product in it, and its cost is that of reading the images.
XLA's own form is a convolution with as many groups as channels, which it runs as plain loops. For
several filters per channel, each channel of x stands as often as it has filters.
"""

import jax
import jax.numpy as jnp
from jax import lax

from nn.lowering.apart import apart
from nn.lowering.geometry import Convolution, offsets, padded, seen, unpadded, unseen


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The sum of what the taps see, `[N, *places, C * M]`."""
    return _output(_repeated(x, of), _by_tap(w), of=of)


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """Every place's gradient back to where its taps saw the input."""
    dx = _input_gradient(dy, _by_tap(w), of=of)
    return dx.reshape(*dx.shape[:-1], *of.filters[-2:]).sum(-1)


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """The sums over all places, `[*size, C, M]`."""
    products = _grouped_products(_repeated(x, of), dy, of=of)
    return products.sum((0, *range(2, products.ndim - 1))).reshape(of.filters)


def _repeated(x: jax.Array, of: Convolution) -> jax.Array:
    return x if of.filters[-1] == 1 else jnp.repeat(x, of.filters[-1], axis=-1)


def _by_tap(w: jax.Array) -> jax.Array:
    """The filters of each tap, `[taps, 1, ..., 1, C * M]`."""
    return w.reshape(-1, *(1,) * (w.ndim - 1), w.shape[-2] * w.shape[-1])


@apart
def _output(x: jax.Array, w: jax.Array, *, of: Convolution) -> jax.Array:
    # Multiplied before it is padded: as padded input times tap, XLA would pad in a loop of its own.
    taps = zip(w, offsets(of.window), strict=True)
    return sum(seen(padded(x * tap, of.window), offset, of.window) for tap, offset in taps)  # type: ignore


@apart
def _input_gradient(dy: jax.Array, w: jax.Array, *, of: Convolution) -> jax.Array:
    taps = zip(w, offsets(of.window), strict=True)
    return unpadded(sum(unseen(dy * tap, offset, of) for tap, offset in taps), of)  # type: ignore


@apart
def _grouped_products(x: jax.Array, dy: jax.Array, *, of: Convolution) -> jax.Array:
    """`x[i] * dy` for all taps, `[N, taps, rows / group, ..., C]`: some rows are added up already.

    A reduction of the products themselves would first write every x[i] to memory; adding `group`
    rows in the loop that multiplies makes what is written as much smaller.
    """
    rows = of.places[0]
    group = next((g for g in (7, 8, 6, 5, 4, 3, 2) if rows % g == 0), 1)
    x = padded(x, of.window)
    products = []
    for offset in offsets(of.window):
        product = seen(x, offset, of.window) * dy
        cut = product.reshape(product.shape[0], rows // group, group, *product.shape[2:])
        products.append(sum(lax.index_in_dim(cut, g, 2, keepdims=False) for g in range(group)))
    return jnp.stack(products, axis=1)
