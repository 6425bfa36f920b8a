"""A dense convolution of stride 1 on a CPU by the Fourier transform: a product for each frequency.

An image on a torus, with at least as much room around it as it is padded on one side, sees only
zeros where a window wraps around. There the transform F turns a convolution and its gradients, sums
over places, into products of complex numbers, with sums over channels or images alone:

    F y = F x conj(F w)        F dx = F dy F w        F dw = F x conj(F dy)

up to shifts by the padding. On images of n x n with room for half a window that is 2 to 3
multiplications per output, however many taps the filter has, and since sines and cosines are no
larger than 1 it rounds no more than direct sums do: in float32 by 2e-7 to 4e-7 of the largest
element.

The transforms are matrix products as well, with matrices of sines and cosines: for small images
that takes less time than a fast transform's reordering. Their input is real, so half of the
frequencies along the first axis, p, are enough; q is that of the second. Complex numbers are two
real ones along an axis r, and their products sums along it.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from nn.lowering.apart import apart, transposed
from nn.lowering.geometry import Convolution

Places = Sequence[np.ndarray]  # along each of the two axes


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """`F y = F x conj(F w)`."""
    torus = _torus(of)
    x = _spectrum(_images_inside(x), _all(of.sizes), torus)
    products = _times_conjugate(x, _spectrum(w, _taps(of), torus))
    return _images_first(_real(products, _moved(_all(of.places), of, -1), torus))


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """`F dx = F dy F w`: with taps at the opposite places, `F w` is conjugated."""
    torus = _torus(of)
    dy = _spectrum(_images_inside(dy), _all(of.places), torus)
    w = _spectrum(jnp.swapaxes(w, -1, -2), [-taps for taps in _taps(of)], torus)
    products = _times_conjugate(dy, w)
    return _images_first(_real(products, _moved(_all(of.sizes), of, 1), torus))


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """`F dw = F x conj(F dy)`, added up over the images."""
    torus = _torus(of)
    x = transposed(_spectrum(_images_inside(x), _all(of.sizes), torus))
    dy = _spectrum(_images_inside(dy), _all(of.places), torus)
    return _real(_times_conjugate(x, dy), _moved(_taps(of), of, -1), torus)


def _torus(of: Convolution) -> list[int]:
    """Sizes at which a window that wraps around sees only zeros."""
    return [n + max(0, *pair) for n, pair in zip(of.sizes, of.window.padding, strict=True)]


def _all(sizes: Sequence[int]) -> Places:
    return [np.arange(n) for n in sizes]


def _taps(of: Convolution) -> Places:
    window = of.window
    return [np.arange(k) * d for k, d in zip(window.size, window.dilations, strict=True)]


def _moved(places: Places, of: Convolution, sign: int) -> Places:
    """The places further on, or back, by the padding before an image."""
    pairs = zip(places, of.window.padding, strict=True)
    return [along + sign * before for along, (before, _) in pairs]


# The transforms and their products


def _spectrum(x: jax.Array, places: Places, torus: Sequence[int]) -> jax.Array:
    """`[p, q, r, n, c]` of `[h, w, n, c]` that stands at these places."""
    height, width, *inside = x.shape
    p, q = torus[0] // 2 + 1, torus[1]
    rows = _waves(p, places[0], torus[0])[:, :, 0]  # of real numbers
    columns = _waves(q, places[1], torus[1])
    x = _product(rows.reshape(2 * p, height), x.reshape(height, -1))
    x = _product(columns.reshape(2 * q, 2 * width), x.reshape(p, 2 * width, -1))
    return x.reshape(p, q, 2, *inside)


def _real(spectrum: jax.Array, places: Places, torus: Sequence[int]) -> jax.Array:
    """`[h, w, n, c]` at these places, of a spectrum `[p, r, q, n, c]` of real numbers."""
    p, _, q, *inside = spectrum.shape
    height, width = map(len, places)
    # A frequency whose opposite is left out stands for both.
    twice = np.array([1 if 2 * i in (0, torus[0]) else 2 for i in range(p)])
    rows = _waves(p, places[0], torus[0])[:, :, 0] * twice[:, None, None] / math.prod(torus)
    columns = _waves(q, places[1], torus[1]).transpose(2, 3, 1, 0)
    x = _product(columns.reshape(2 * width, 2 * q), spectrum.reshape(p, 2 * q, -1))
    x = _product(rows.reshape(2 * p, height).T, x.reshape(2 * p, -1))
    return x.reshape(height, width, *inside)


def _waves(frequencies: int, places: np.ndarray, size: int) -> np.ndarray:
    """`exp(-2 pi i frequency place / size)` as `[frequency, r', r, place]`, from r to r'.

    Its transpose is its conjugate: that of the way back.
    """
    turns = np.outer(np.arange(frequencies), places) % size / size
    cos, sin = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    return np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1, 3)


@apart
def _product(matrix: np.ndarray, x: jax.Array) -> jax.Array:
    """The matrix times each of x's: repeated, for otherwise XLA puts the result's axes in order.

    What is a constant in a program, filters or a gradient of ones, XLA would multiply while it
    compiles, for seconds or minutes; a computation of its own it leaves alone.
    """
    repeated = jnp.broadcast_to(matrix.astype(x.dtype), (*x.shape[:-2], *matrix.shape))
    return jnp.matmul(repeated, x, precision="highest")


def _times_conjugate(a: jax.Array, b: jax.Array) -> jax.Array:
    """`[p, r, q, m, n]` of `[p, q, r, m, k]` and `[p, q, r, k, n]`: `a conj(b)`, summed over k."""
    small_a = a.size < b.size
    turned = (_turned(a, by=-1), b) if small_a else (a, _turned(b, by=1))
    return _beside(_summed(a, b), _summed(*turned))


def _summed(a: jax.Array, b: jax.Array) -> jax.Array:
    """Products summed over k, and over r.

    XLA's library takes the outer sum into the loop over products and divides that among all cores.
    Products alone, as small and as many, it gives to one: measured on two, 144 of 128 x 64 by
    64 x 64 numbers take 4.5 ms, and in two halves that are added up 2.5.
    """
    return (a @ b).sum(2)


@apart
def _turned(x: jax.Array, *, by: int) -> jax.Array:
    """Multiply by i or -i: the real part of that product is the imaginary part of the other."""
    return jnp.stack([-by * x[:, :, 1], by * x[:, :, 0]], axis=2)


@apart
def _beside(real: jax.Array, imaginary: jax.Array) -> jax.Array:
    return jnp.stack([real, imaginary], axis=1)


@apart
def _images_inside(x: jax.Array) -> jax.Array:
    """`[H, W, N, C]`: what a matrix multiplies stands behind what it sums over."""
    return jnp.moveaxis(x, 0, -2)


@apart
def _images_first(x: jax.Array) -> jax.Array:
    return jnp.moveaxis(x, -2, 0)
