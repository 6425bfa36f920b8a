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
from nn.lowering.primitives import primitive


def _face(face: Face, a: jax.Array, b: jax.Array, of: Convolution) -> jax.Array:
    return _convolution.bind(a, b, face=face, of=of)  # type: ignore


output = partial(_face, "output")
input_gradient = partial(_face, "input_gradient")
filter_gradient = partial(_face, "filter_gradient")


def _shape_and_dtype(a: Any, b: Any, *, face: Face, of: Convolution) -> Any:
    match face:
        case "output":
            return a.update(shape=of.output_shape(a.shape[0]), weak_type=False)
        case "input_gradient":
            return a.update(shape=of.input_shape(a.shape[0]), weak_type=False)
        case "filter_gradient":
            return a.update(shape=of.filters, weak_type=False)


def _transposed_in_first(ct: jax.Array, _: Any, b: jax.Array, *, face: Face, of: Convolution):
    match face:
        case "output":
            return input_gradient(ct, b, of)
        case "input_gradient":
            return output(ct, b, of)
        case "filter_gradient":
            return input_gradient(b, ct, of)


def _transposed_in_second(ct: jax.Array, a: jax.Array, _: Any, *, face: Face, of: Convolution):
    match face:
        case "output":
            return filter_gradient(a, ct, of)
        case "input_gradient":
            return filter_gradient(ct, a, of)
        case "filter_gradient":
            return output(a, ct, of)


def _batched(operands: Any, axes: Any, *, face: Face, of: Convolution) -> tuple[jax.Array, int]:
    """Under `vmap` more images are more images; with filters for each, JAX batches the form."""
    (a, b), (axis, filters_axis) = operands, axes
    if face == "filter_gradient" or filters_axis is not None:
        forms = {"cpu": on_cpu, "default": elsewhere}
        forms = {where: partial(form, face, of) for where, form in forms.items()}
        return jax.vmap(partial(lax.platform_dependent, **forms), in_axes=axes)(a, b), 0
    a = jnp.moveaxis(a, axis, 0)
    result = _face(face, a.reshape(-1, *a.shape[2:]), b, of)
    return result.reshape(*a.shape[:2], *result.shape[1:]), 0


def _form(by_platform: Callable) -> Callable:
    @partial(jax.jit, static_argnames=("face", "of"))
    def convolution(a: jax.Array, b: jax.Array, *, face: Face, of: Convolution) -> jax.Array:
        return by_platform(face, of, a, b)

    return convolution


_convolution = primitive(
    "convolution", _shape_and_dtype, cpu=_form(on_cpu), default=_form(elsewhere)
)
ad.defbilinear(_convolution, _transposed_in_first, _transposed_in_second)
batching.primitive_batchers[_convolution] = _batched
