"""A convolution as calculus sees it: a sum of products, linear in its input and in its filters.

Of `y = output(x, w)` the two gradients are sums of products as well,

    dx = input_gradient(dy, w)        dw = filter_gradient(x, dy)

and each of these three faces of a convolution is linear in both its arguments, with the other two
as its transposes. So one primitive of JAX with three faces closes under `jvp`, `vjp` and all higher
derivatives, and each face is computed in a form of its own, which no derivative ever looks into.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from nn.lowering.choice import Face, elsewhere, on_cpu
from nn.lowering.geometry import Convolution
from nn.lowering.primitives import in_front, primitive


def _face(face: Face, a: jax.Array, b: jax.Array, of: Convolution, stacked: int = 0) -> jax.Array:
    """One face, or several side by side: both operands have `stacked` axes in front."""
    return _convolution.bind(a, b, face=face, of=of, stacked=stacked)  # type: ignore


output = partial(_face, "output")
input_gradient = partial(_face, "input_gradient")
filter_gradient = partial(_face, "filter_gradient")


def _shape_and_dtype(a: Any, b: Any, *, face: Face, of: Convolution, stacked: int) -> Any:
    match face:
        case "output":
            shape = of.output_shape(a.shape[stacked])
        case "input_gradient":
            shape = of.input_shape(a.shape[stacked])
        case "filter_gradient":
            shape = of.filters
    return a.update(shape=(*a.shape[:stacked], *shape), weak_type=False)


def _transposed_in_first(ct: jax.Array, _: Any, b: jax.Array, *, face: Face, **static: Any):
    match face:
        case "output":
            return input_gradient(ct, b, **static)
        case "input_gradient":
            return output(ct, b, **static)
        case "filter_gradient":
            return input_gradient(b, ct, **static)


def _transposed_in_second(ct: jax.Array, a: jax.Array, _: Any, *, face: Face, **static: Any):
    match face:
        case "output":
            return filter_gradient(a, ct, **static)
        case "input_gradient":
            return filter_gradient(ct, a, **static)
        case "filter_gradient":
            return output(a, ct, **static)


def _batched(operands: Any, axes: Any, *, face: Face, of: Convolution, stacked: int) -> Any:
    """Under `vmap` more images are more images; what has filters for each is stacked."""
    (a, b), (axis, filters_axis) = operands, axes
    if face == "filter_gradient" or filters_axis is not None:
        a, b = in_front(operands, axes)
        return _face(face, a, b, of, stacked + 1), 0
    a = jnp.moveaxis(a, axis, stacked)
    images = a.shape[stacked : stacked + 2]
    result = _face(face, lax.collapse(a, stacked, stacked + 2), b, of, stacked)
    shape = (*result.shape[:stacked], *images, *result.shape[stacked + 1 :])
    return result.reshape(shape), stacked


def _form(by_platform: Callable) -> Callable:
    @partial(jax.jit, static_argnames=("face", "of", "stacked"))
    def convolution(
        a: jax.Array, b: jax.Array, *, face: Face, of: Convolution, stacked: int
    ) -> jax.Array:
        form = partial(by_platform, face, of)
        for _ in range(stacked):
            form = jax.vmap(form)
        return form(a, b)

    return convolution


_convolution = primitive(
    "convolution", _shape_and_dtype, cpu=_form(on_cpu), default=_form(elsewhere)
)
ad.defbilinear(_convolution, _transposed_in_first, _transposed_in_second)
batching.primitive_batchers[_convolution] = _batched
