"""A convolution of few channels on a CPU: several outputs of a row in one row of the product.

Neighbouring outputs see nearly the same pixels. With n outputs side by side as if they were
channels, a convolution of stride 1 along its last axis is another one with stride n there, whose
window is n - 1 wider, and whose filters are n copies, each one place further on, with zeros around:

    y[.., n j + i, o] = (x * copies(w))[.., j, (i, o)]

Of k taps along that axis the patches hold k + n - 1 for n outputs, not n k. The zeros are
multiplied as well, which costs less than the memory as long as there are few channels.
"""

import jax
import jax.numpy as jnp
from jax import lax

from nn.lowering import patches
from nn.lowering.apart import reshaped
from nn.lowering.geometry import Convolution

_MOST_COLUMNS = 128  # of the product: more than that takes more time


def count(of: Convolution) -> int:
    """How many outputs stand side by side."""
    width, filters = of.places[-1], of.filters[-1]
    return next((n for n in (4, 3, 2) if width % n == 0 and n * filters <= _MOST_COLUMNS), 1)


def widened(of: Convolution) -> Convolution:
    """The convolution that makes several outputs at each of its places."""
    n, (*size, channels, filters) = count(of), of.filters
    size = *size[:-1], size[-1] + n - 1
    window = of.window._replace(size=size, strides=(*of.window.strides[:-1], n))
    return of._replace(window=window, filters=(*size, channels, n * filters))


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """`x * copies(w)`, its channels told apart."""
    y = patches.output(x, _copies(w, count(of)), widened(of))
    return y.reshape(of.output_shape(len(x)))


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """That of the wider convolution."""
    wide = widened(of)
    dy = reshaped(dy, shape=wide.output_shape(len(dy)))
    return patches.input_gradient(dy, _copies(w, count(of)), wide)


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """That of the wider convolution, its copies added up."""
    wide = widened(of)
    dy = reshaped(dy, shape=wide.output_shape(len(dy)))
    copies = patches.filter_gradient(x, dy, wide)
    taps = of.window.size[-1]
    each = [
        lax.slice_in_dim(copy, i, i + taps, axis=-3)
        for i, copy in enumerate(jnp.split(copies, count(of), axis=-1))
    ]
    return sum(each[1:], start=each[0])


def _copies(w: jax.Array, n: int) -> jax.Array:
    """The filters from the places 0, 1, ... n - 1 on, side by side."""
    around = [(0, 0)] * w.ndim
    shifted = []
    for i in range(n):
        around[-3] = (i, n - 1 - i)
        shifted.append(jnp.pad(w, around))
    return jnp.concatenate(shifted, axis=-1)
