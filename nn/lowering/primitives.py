"""Operations that JAX takes as one piece, and lowers in a form for each platform.

Its own way to choose by platform, `lax.platform_dependent`, has every form traced, differentiated
and transposed wherever the operation stands; of a primitive only its own rules are asked, and one
form is traced, when a program is lowered.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir


def primitive(
    name: str, shapes: Callable, *, cpu: Callable, default: Callable, several: bool = False
) -> Primitive:
    """Define a primitive of arrays and of what `shapes` takes by keyword only.

    Args:
        name: what a jaxpr shows.
        shapes: from the arrays' avals to the aval of the result.
        cpu: the form for a CPU.
        default: the form for all other platforms.
        several: whether there are several results, and `shapes` and the forms return lists.
    """
    parameters = inspect.signature(shapes).parameters.values()
    static = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]
    new = Primitive(name)
    new.multiple_results = several
    new.def_abstract_eval(shapes)
    new.def_impl(jax.jit(new.bind, static_argnames=static))
    mlir.register_lowering(new, mlir.lower_fun(default, several))
    mlir.register_lowering(new, mlir.lower_fun(cpu, several), platform="cpu")
    return new


def is_zero(*tangents: Any) -> bool:
    """Whether all of these tangents or cotangents are known to be zero."""
    return all(isinstance(tangent, ad.Zero) for tangent in tangents)


def in_front(operands: Any, axes: Any) -> list[jax.Array]:
    """The operands of a batching rule with their batch axes in front, added where there is none."""
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    return [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
