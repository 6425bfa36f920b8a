"""A convolution on a CPU as one matrix product.

The patches `[N, *places, taps * C]` put side by side what the taps see, and the filters are a
matrix `[taps * C, O]`. The gradients are the two products that belong to it, `dy w'` and
`patches' dy`, and the first of them goes back to the places by `geometry.overlapped`. A single tap
needs no patches.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from nn.lowering.apart import apart, reshaped, transposed
from nn.lowering.geometry import Convolution, overlapped, padded


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The patches times the filters."""
    return _flat_product(_patches(x, of=of), w.reshape(-1, w.shape[-1]))


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The gradient of the patches, back to where they were seen."""
    w = w.reshape(-1, w.shape[-1])
    products = _wide_product(dy.reshape(-1, dy.shape[-1]), w)
    return _overlapped(products.reshape(*dy.shape[:-1], len(w)), of=of)


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """The patches, summed over all places with the gradient there."""
    patches = _patches(x, of=of)
    product = _tall_product(patches.reshape(-1, patches.shape[-1]), dy.reshape(-1, dy.shape[-1]))
    return product.reshape(of.filters)


def _flat_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a b` of `[*m, k]` and `[k, n]`.

    XLA's library of products reads a large b in columns if a has few rows. Where a is transposed
    first, XLA takes Eigen, which reads b in blocks: measured on two cores, m = 8, 32 and 48 rows by
    3,136 x 1,024 numbers take 3.2, 4.7 and 4.7 ms for 5.1, 6.8 and 7.6. From m = 64 on it gains
    nothing, and 128 rows by 4,096 x 4,096 take 74 ms for 41.
    """
    rows = math.prod(a.shape[:-1])
    if rows >= 64 or not _is_much_larger(b, rows):
        return jnp.tensordot(a, b, 1)
    columns = transposed(a.reshape(rows, a.shape[-1]))
    return (columns.T @ b).reshape(*a.shape[:-1], b.shape[-1])


def _tall_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a' b` of `[m, k]` and `[m, n]`.

    Where m is large it is summed in two halves: measured on two cores that takes up to 40 % less
    time from m = 12,544 and k = 40 on, and no less below. Where m is small, Eigen would compute it
    beside the other products of XLA's library, and each disturb the other: a step of the MNIST
    network takes 2 to 3 % less time if a is transposed first.
    """
    rows, columns = a.shape
    if rows < columns:
        return transposed(a) @ b
    if rows < 10_000 or rows % 2 or columns < 40:
        return a.T @ b
    a, b = (reshaped(x, shape=(2, rows // 2, x.shape[-1])) for x in (a, b))
    return jnp.einsum("hmk,hmn->hkn", a, b).sum(0)


def _wide_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a b'` of `[m, k]` and `[n, k]`.

    XLA's library of products rearranges all of its right operand first. Where b is large and a has
    few rows, b stands on the left: measured on two cores, m = 8, 32 and 128 rows by 3,136 x 1,024
    numbers take 1.1, 2.0 and 7.2 ms for 2.4, 3.5 and 9.9; from m = 256 on it gains nothing.
    """
    if not _is_much_larger(b, rows=len(a)):
        return a @ b.T
    return transposed(b @ transposed(a))


def _is_much_larger(b: jax.Array, rows: int) -> bool:
    """Whether there are so many numbers of b for each of the rows that reading b is what counts."""
    return b.size >= 16_000 * rows


@apart
def _patches(x: jax.Array, *, of: Convolution) -> jax.Array:
    """What the taps see, side by side along one axis after the other, the last first.

    Of k x k taps that copies k + k longer pieces: measured on two cores 60 to 70 % of the time of
    k k pieces for three channels, 40 % for one.
    """
    x, window = padded(x, of.window), of.window
    for axis in reversed(range(len(window.size))):
        stride, far = window.strides[axis], window.dilations[axis]
        length = (of.places[axis] - 1) * stride + 1
        starts = range(0, window.size[axis] * far, far)
        taps = [lax.slice_in_dim(x, i, i + length, stride, axis=axis + 1) for i in starts]
        x = jnp.concatenate(taps, axis=-1)
    return x


@apart
def _overlapped(patches: jax.Array, *, of: Convolution) -> jax.Array:
    return overlapped(jnp.split(patches, of.taps, axis=-1), of)
