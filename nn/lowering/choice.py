"""Which form computes each face of a convolution: here are all the choices, and why.

GPU and TPU keep XLA's own convolutions. A CPU has a form for each face by the convolution's shape.
"""

import os
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Literal

import jax
import jax.numpy as jnp

from nn import spelling
from nn.lowering import depthwise, exact, patches, winograd
from nn.lowering.geometry import Convolution

Face = Literal["output", "input_gradient", "filter_gradient"]

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
    of the last digit, Winograd's by up to 1e-5 of the largest element in float32. The environment
    variable `SLIMLAYERS_LOWERING=lax` says the same for a whole process.

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
    result = getattr(chosen(face, of), face)(a, b, of)
    if face != "filter_gradient":
        result = jnp.moveaxis(result, -1, channels)
    return result.astype(dtype)


def elsewhere(face: Face, of: Convolution, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compute a face of a convolution as all other platforms do."""
    return getattr(exact, face)(a, b, of)


def chosen(face: Face, of: Convolution) -> ModuleType:
    """The module whose function of the face's name computes it on a CPU."""
    if of.depthwise:
        return depthwise
    return winograd if _is_small_filter_of_stride_1(of) else patches


def _is_small_filter_of_stride_1(of: Convolution) -> bool:
    size, strides, dilations = of.window.size, of.window.strides, of.window.dilations
    if size not in ((3, 3), (5, 5)) or {*strides, *dilations} != {1}:
        return False
    return min(of.filters[-2:]) >= 8 and min(of.places) >= 4
