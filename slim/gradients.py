"""Gradients on their way from the loss to the optimizer, as pairs of gradient and variable."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

import nn
from nn.graph import Array

Pairs = list[tuple[Array | None, Any]]


def clip_gradient_norms(gradients_to_variables: Pairs, max_norm: float) -> Pairs:
    """Scale down each gradient whose own L2 norm is above `max_norm`.

    Args:
      gradients_to_variables: pairs of a gradient, or None, and its variable or its name.
      max_norm: the largest norm.

    Source: `slim.learning.clip_gradient_norms`, `slim.training.clip_gradient_norms`.

    >>> slim.learning.clip_gradient_norms([(jnp.array([3.0, 4.0]), 'w')], 1.0)
    [(Array([0.6, 0.8], dtype=float32), 'w')]
    """

    def clip(gradient: Array) -> Array:
        norm = jnp.sqrt(jnp.sum(gradient * gradient))
        return gradient * max_norm / jnp.maximum(norm, max_norm)

    return [(g if g is None else clip(g), variable) for g, variable in gradients_to_variables]


def clip_gradient_norms_fn(max_norm: float) -> Callable[[Pairs], Pairs]:
    """Return `clip_gradient_norms` with this `max_norm`, as `transform_grads_fn` of a train op.

    Source: `slim.training.clip_gradient_norms_fn`.

    >>> slim.training.clip_gradient_norms_fn(1.0)([(jnp.array([3.0, 4.0]), 'w')])
    [(Array([0.6, 0.8], dtype=float32), 'w')]
    """
    return lambda gradients_to_variables: clip_gradient_norms(gradients_to_variables, max_norm)


def multiply_gradients(grads_and_vars: Pairs, gradient_multipliers: Mapping[Any, Any]) -> Pairs:
    """Multiply some of the gradients.

    Args:
      grads_and_vars: pairs of a gradient, or None, and its variable or its name.
      gradient_multipliers: factors by variable, or by its name.

    Raises:
      ValueError: an argument is of the wrong type or empty, or a gradient to multiply is None.

    Source: `slim.learning.multiply_gradients`, `slim.training.multiply_gradients`.

    >>> slim.learning.multiply_gradients([(jnp.ones(2), 'w'), (jnp.ones(2), 'b')], {'b': 2.0})
    [(Array([1., 1.], dtype=float32), 'w'), (Array([2., 2.], dtype=float32), 'b')]
    """
    if not isinstance(grads_and_vars, list):
        raise ValueError(f"grads_and_vars must be a list, got {grads_and_vars!r}.")
    if not isinstance(gradient_multipliers, Mapping) or not gradient_multipliers:
        raise ValueError(
            "gradient_multipliers must be a dict of factors by variable name, and not empty, got "
            f"{gradient_multipliers!r}."
        )
    factors = {name_of(variable): factor for variable, factor in gradient_multipliers.items()}
    if missing := [n for g, v in grads_and_vars if g is None and (n := name_of(v)) in factors]:
        raise ValueError(f"gradient_multipliers: {missing[0]!r} has no gradient to multiply.")

    def multiplied(gradient: Any, factor: Any) -> Any:
        return gradient if factor is None else gradient * jnp.asarray(factor, gradient.dtype)

    return [(multiplied(g, factors.get(name_of(v))), v) for g, v in grads_and_vars]


def global_norm(grads_and_vars: Pairs) -> Array:
    """Return the L2 norm of all gradients together."""
    squares = [jnp.sum(g * g) for g, _ in grads_and_vars if g is not None]
    return jnp.sqrt(sum(squares, start=jnp.zeros([])))


def name_of(variable: nn.Variable | str) -> str:
    """Return the name of a variable, or of what TensorFlow called `name:0`."""
    return variable.removesuffix(":0") if isinstance(variable, str) else variable.name
