"""Which form computes each face of a convolution: here are all the choices, and why.

GPU and TPU keep XLA's own convolutions. A CPU has a form for each face by the convolution's shape.
"""

import math
import os
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Literal

import jax
import jax.numpy as jnp

from nn import spelling
from nn.lowering import depthwise, exact, fourier, patches, side_by_side, winograd
from nn.lowering.geometry import Convolution

Face = Literal["output", "input_gradient", "filter_gradient"]

# The forms for a CPU write out one operation for each tap: beyond this, compiling takes too long.
MOST_TAPS = 128

_VARIABLE = "SLIMLAYERS_LOWERING"
_asked = os.environ.get(_VARIABLE, "")
if _asked.lower() not in ("", "lax"):
    raise ValueError(
        f"The environment variable {_VARIABLE} is {_asked!r}: expected 'lax', or nothing."
    )
_by_lax = jax.make_user_context(bool(_asked))


def lax_lowering(exact: bool = True) -> AbstractContextManager:
    """Opens a block in which convolutions and pools are `jax.lax`'s own on every platform.

    On a CPU this library computes them in other, faster forms; most differ from `lax` by rounding
    of the last digit, Winograd's by up to 3e-5 of the largest element in float32, and where a pixel
    is infinite or NaN, outputs that do not see it may be NaN too. The environment variable
    `SLIMLAYERS_LOWERING=lax` says the same for a whole process.

    Args:
        exact: False opens a block in which the faster forms are used again.

    >>> with lax_lowering():
    ...     y = jax.lax.square(2.0)
    """
    return _by_lax(exact)


def uses_lax() -> bool:
    """Whether a block of `lax_lowering` is open; part of what `jax.jit` caches by."""
    return _by_lax.value


def on_cpu(face: Face, of: Convolution, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compute a face of a convolution of arrays in the window's layout, as a CPU does it best."""
    if not jnp.issubdtype(a.dtype, jnp.floating):
        return elsewhere(face, of, a, b)
    channels, dtype = of.window.layout.index("C"), a.dtype
    of = of.channels_last()
    a, b = spelling.widen(a), spelling.widen(b)  # half types are summed in float32
    a = jnp.moveaxis(a, channels, -1)
    if face == "filter_gradient":
        b = jnp.moveaxis(b, channels, -1)
    result = getattr(chosen(of, images=len(a)), face)(a, b, of)
    if face != "filter_gradient":
        result = jnp.moveaxis(result, -1, channels)
    return result.astype(dtype)


def elsewhere(face: Face, of: Convolution, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compute a face of a convolution as all other platforms do."""
    return getattr(exact, face)(a, b, of)


def chosen(of: Convolution, images: int) -> ModuleType:
    """The module whose functions, one named like each face, compute them on a CPU.

    Measured on two cores of a Zen 3, milliseconds of output and both gradients together:

    | images, filter, channels | `fourier` | `winograd` | `patches` |
    | --- | --- | --- | --- |
    | 128 of 14x14, 5x5, 32 to 64 | 38 | 49 | 132 |
    | 64 of 28x28, 5x5, 32 to 64 | 81 | 92 | 369 |
    | 16 of 48x48, 5x5, 32 to 64 | 102 | 77 | 230 |
    | 16 of 16x16, 5x5, 128 to 256 | 234 | 84 | 207 |
    | 64 of 14x14, 3x3, 64 to 64 | 21 | 32 | 48 |
    | 64 of 28x28, 3x3, 64 to 64 | 125 | 105 | 183 |
    | 64 of 14x14, 7x7, 32 to 32 | 12 | | 112 |
    | 8 of 56x56, 7x7, 32 to 64 | 117 | | 282 |
    | 4 of 112x112, 7x7, 16 to 16 | 103 | | 101 |
    | 16 of 7x7, 3x3, 512 to 512 | 297 | 196 | 110 |

    And on two of a Cascade Lake, milliseconds of output and filter gradient together:

    | images, filter, channels | `patches` | `side_by_side` |
    | --- | --- | --- |
    | 128 of 28x28, 5x5, 1 to 32 | 16.1 | 11.7 |
    | 64 of 32x32, 3x3, 3 to 32 | 12.3 | 9.4 |
    | 64 of 32x32, 3x3, 3 to 64 | 16.5 | 14.4 |
    | 64 of 32x32, 4x4, 6 to 32 | 27.8 | 19.6 |
    | 32 of 32x32, 7x7, 16 to 32 | 71.2 | 55.4 |
    | 64 of 32x32, 2x2, 16 to 32 | 16.5 | 20.2 |
    """
    if of.taps > MOST_TAPS:
        return exact
    if of.depthwise:
        return depthwise  # with lax's, a step of MobileNet takes ten times as long
    if of.taps == 1:
        return patches  # a single product: of a pointwise convolution, or a dense layer
    if _suits_fourier(of, images):
        return fourier
    if _suits_winograd(of, images):
        return winograd
    return side_by_side if _suits_side_by_side(of) else patches


def _suits_fourier(of: Convolution, images: int) -> bool:
    window = of.window
    if len(window.size) != 2 or min(window.size) < 3 or max(window.strides) > 1:
        return False
    # On larger images its transforms take longer than what a filter of so many taps saves.
    largest = 14 if of.taps < 25 else 32 if of.taps < 49 else 56
    return max(of.places) <= largest and _worth_transforming(of, images)


def _suits_winograd(of: Convolution, images: int) -> bool:
    window = of.window
    if window.size not in ((3, 3), (5, 5)) or {*window.strides, *window.dilations} != {1}:
        return False
    if min(of.places) < winograd.TILE:
        return False
    tiles = math.prod(-(-n // winograd.TILE) for n in of.places)
    return _worth_transforming(of, images * tiles)


def _worth_transforming(of: Convolution, pieces: int) -> bool:
    """Whether there is less of the filters to transform than of the images, and enough of both.

    The pieces are what is transformed of each channel: images, or tiles of them. With few channels
    products are too thin.
    """
    *_, channels, filters = of.filters
    return min(channels, filters) >= 8 and pieces * (channels + filters) > channels * filters


def _suits_side_by_side(of: Convolution) -> bool:
    window = of.window
    if window.strides[-1] > 1 or window.dilations[-1] > 1:
        return False  # with strides neighbours share less, and it gained nothing
    enough_shared = window.size[-1] >= 3 and of.filters[-2] <= 16 and side_by_side.count(of) > 1
    return enough_shared and side_by_side.widened(of).taps <= MOST_TAPS
