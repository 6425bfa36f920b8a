"""A dense convolution of stride 1 on a CPU by Winograd's minimal filtering, F(4 x 4, k x k).

Four outputs of a filter with k taps are a product of polynomials, found from its values at k + 3
points: in two dimensions, for each tile of 4 x 4 outputs and with one matrix product per pair of
points in place of k k of them per output,

    Y = A' [ (G w G') * (B' X B) ] A

For k = 3 that is 2.25 multiplications instead of 9, for k = 5 it is 4 instead of 25. Everything
here is linear, so the gradients are the same products with the transposed matrices:

    dM = A dY A'     dX = B [ dM (G w G')' ] B'     dw = G' [ (B' X B)' dM ] G

A', G and B' come from the Toom-Cook construction in exact fractions. The values at the points are
larger than what comes out, which costs rounding: in float32 up to 3e-5 of the largest element, with
hundreds of channels or images, where direct sums lose 1e-6; `tests/test_lowering.py` holds it to
that.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nn.lowering.apart import apart, transposed
from nn.lowering.geometry import Convolution

TILE = 4  # outputs along each axis of a tile; 6 would lose another digit

# The points are chosen small, and symmetric, since the numbers grow with their powers.
_POINTS = {3: (0, 1, -1, 2, -2), 5: (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))}


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """`A' [(G w G') * (B' X B)] A`."""
    products = jnp.einsum("pqntsc,pqco->pqntso", _tiles_of_input(x, of), _filters(w, of))
    return _image(products, toom_cook(of.window.size[0]).a, of.places, (0, 0))


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """`B [(A dY A') (G w G')'] B'`."""
    products = jnp.einsum("pqntso,pqco->pqntsc", _tiles_of_gradient(dy, of), _filters(w, of))
    return _image(products, toom_cook(of.window.size[0]).b, of.sizes, _before(of))


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """`G' [(B' X B)' (A dY A')] G`."""
    products = _summed_over_tiles(_tiles_of_input(x, of), _tiles_of_gradient(dy, of))
    g = toom_cook(of.window.size[0]).g.astype(x.dtype)
    return jnp.einsum("pi,qj,pqco->ijco", g, g, products, precision="highest")


class _Matrices(NamedTuple):
    """A `[points, 4]`, G `[points, k]` and B' `[points, points]`."""

    a: np.ndarray
    g: np.ndarray
    b: np.ndarray


@cache
def toom_cook(taps: int) -> _Matrices:
    """The exact matrices of F(4, taps), rounded once to float64.

    A product of polynomials of degrees 3 and taps - 1 is known from its values at `TILE + taps - 2`
    points and its leading coefficient, the value "at infinity".
    """
    points = [Fraction(p) for p in _POINTS[taps]]
    n = len(points) + 1

    def powers(count: int) -> list[list[Fraction]]:
        at_infinity = [Fraction(i == count - 1) for i in range(count)]
        return [[p**i for i in range(count)] for p in points] + [at_infinity]

    def polynomial(roots: list[Fraction]) -> list[Fraction]:
        coefficients = [Fraction(1)]
        for root in roots:
            shifted, scaled = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
            coefficients = [s - root * c for s, c in zip(shifted, scaled, strict=True)]
        return coefficients + [Fraction(0)] * (n - len(coefficients))

    others = [[q for q in points if q != p] for p in points]
    lagrange = [polynomial(roots) for roots in [*others, points]]
    scales = [math.prod(p - q for q in rest) for p, rest in zip(points, others, strict=True)]
    g = [[x / s for x in row] for row, s in zip(powers(taps), [*scales, 1], strict=True)]
    return _Matrices(*(np.array(rows, float) for rows in (powers(TILE), g, lagrange)))


def _filters(w: jax.Array, of: Convolution) -> jax.Array:
    g = toom_cook(of.window.size[0]).g.astype(w.dtype)
    return jnp.einsum("pi,qj,ijco->pqco", g, g, w, precision="highest")


def _tiles_of_input(x: jax.Array, of: Convolution) -> jax.Array:
    return _tiles(x, toom_cook(of.window.size[0]).b, of.places, _before(of))


def _tiles_of_gradient(dy: jax.Array, of: Convolution) -> jax.Array:
    return _tiles(dy, toom_cook(of.window.size[0]).a, of.places, (0, 0))


def _before(of: Convolution) -> Sequence[int]:
    return [pair[0] for pair in of.window.padding]


def _summed_over_tiles(a: jax.Array, b: jax.Array) -> jax.Array:
    """`pqntsc,pqntso->pqco`, in pieces of some images.

    Measured on two cores, 2,048 tiles of 32 channels by 64: 11 ms, where the same product takes
    14 ms if it transposes for itself, and 26 ms if it also sums over all tiles at once.
    """
    points, images, tiles = a.shape[:2], a.shape[2], math.prod(a.shape[3:5])
    pieces = next(n for n in range(max(1, images * tiles // 512), 0, -1) if images % n == 0)
    a, b = (x.reshape(*points, pieces, -1, x.shape[-1]) for x in (a, b))
    return (transposed(a) @ b).sum(2)


# The transforms act on one axis at a time, rows first: `[N, H, W, C]` becomes
# `[points, N, tiles, W, C]` and then `[points, points, N, tiles, tiles, C]`.

_Rows = tuple[tuple[float, ...], ...]


def _tiles(
    x: jax.Array, matrix: np.ndarray, places: Sequence[int], before: Sequence[int]
) -> jax.Array:
    rows = tuple(map(tuple, matrix.tolist()))
    for axis in (0, 1):
        tiles = -(-places[axis] // TILE)
        x = _analysed(x, axis=axis, matrix=rows, tiles=tiles, before=before[axis])
    return x


def _image(
    tiles: jax.Array, matrix: np.ndarray, sizes: Sequence[int], before: Sequence[int]
) -> jax.Array:
    """The transpose of `_tiles`."""
    rows = tuple(map(tuple, matrix.tolist()))
    for axis in (1, 0):
        size = sizes[axis]
        tiles = _synthesised(tiles, axis=axis, matrix=rows, size=size, before=before[axis])
    return tiles


@apart
def _analysed(x: jax.Array, *, axis: int, matrix: _Rows, tiles: int, before: int) -> jax.Array:
    """Per tile `t`, the matrix times the pixels `4 t, 4 t + 1, ...` (less `before`) along an axis.

    The points become the axis `axis`; what stands there in x moves behind it.
    """
    at = 2 * axis + 1
    blocks = tiles + -(-len(matrix[0]) // TILE) - 1
    around = [(0, 0, 0)] * x.ndim
    around[at] = (before, blocks * TILE - before - x.shape[at], 0)
    x = lax.pad(x, np.zeros((), x.dtype), around)
    x = x.reshape(*x.shape[:at], blocks, TILE, *x.shape[at + 1 :])
    pixels = []
    for pixel in range(len(matrix[0])):
        block, phase = divmod(pixel, TILE)
        cut = lax.slice_in_dim(x, block, block + tiles, axis=at)
        pixels.append(lax.index_in_dim(cut, phase, at + 1, keepdims=False))
    return jnp.stack([_combined(row, pixels) for row in matrix], axis)


@apart
def _synthesised(x: jax.Array, *, axis: int, matrix: _Rows, size: int, before: int) -> jax.Array:
    """The transpose of `_analysed`: pixels that several tiles share are added up."""
    values = [lax.index_in_dim(x, point, axis, keepdims=False) for point in range(len(matrix))]
    columns = list(zip(*matrix, strict=True))
    at = 2 * axis + 1
    tiles = x.shape[at + 1]
    blocks = tiles + -(-len(columns) // TILE) - 1
    phases = []
    for phase in range(TILE):
        shifted = []
        for block, column in enumerate(columns[phase::TILE]):
            around = [(0, 0, 0)] * (x.ndim - 1)
            around[at] = (block, blocks - tiles - block, 0)
            pixels = _combined(column, values)
            shifted.append(lax.pad(pixels, np.zeros((), x.dtype), around))
        phases.append(sum(shifted[1:], start=shifted[0]))
    x = jnp.stack(phases, at + 1)
    x = x.reshape(*x.shape[:at], blocks * TILE, *x.shape[at + 2 :])
    return lax.slice_in_dim(x, before, before + size, axis=at)


def _combined(row: tuple[float, ...], arrays: list[jax.Array]) -> jax.Array:
    """The sum of `factor * array`, without the zeros and ones of these matrices."""
    total = None
    for factor, array in zip(row, arrays, strict=True):
        if factor:
            term = array if factor == 1 else array * np.array(factor, array.dtype)
            total = term if total is None else total + term
    assert total is not None  # no row of these matrices is all zeros
    return total
