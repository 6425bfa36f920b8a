"""Keeping XLA from computing one thing several times."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata

F = TypeVar("F", bound=Callable[..., Any])


def apart(function: F) -> F:
    """Compile `function(*arrays, **static)` as a computation of its own.

    XLA:CPU fuses a producer into every one of its consumers and computes it again in each. An
    optimization barrier does not stop that, since it is removed before fusion; a call that is
    marked as not to be inlined does.
    """
    parameters = inspect.signature(function).parameters.values()
    static = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]

    @wraps(function)
    def body(*arrays, **static):
        with set_xla_metadata(inlineable="true"):
            return function(*arrays, **static)

    jitted = jax.jit(body, static_argnames=static)

    @wraps(function)
    def call(*arrays, **static):
        with set_xla_metadata(inlineable="false"):
            return jitted(*arrays, **static)

    return cast(F, call)


@apart
def reshaped(x: jax.Array, *, shape: tuple[int, ...]) -> jax.Array:
    """`x` in another shape, for which XLA would compute it anew, in loops along its new axes."""
    return x.reshape(shape)


@apart
def transposed(x: jax.Array) -> jax.Array:
    """`x` with its last two axes swapped: written out, where XLA would leave that to a product."""
    return jnp.swapaxes(x, -1, -2)
