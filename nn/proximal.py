"""TF1's optimizers that can make variables exactly 0: FTRL, and the proximal ones."""

# ruff: noqa: N802 (the names are TensorFlow's)

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from nn.graph import Array
from nn.optimizers import Optimizer, Rate, check_positive, make_optimizer


def FtrlOptimizer(
    learning_rate: Rate,
    learning_rate_power: float = -0.5,
    initial_accumulator_value: Any = 0.1,
    l1_regularization_strength: Any = 0.0,
    l2_regularization_strength: Any = 0.0,
    use_locking: bool = False,
    name: str = "Ftrl",
    accum_name: str | None = None,
    linear_name: str | None = None,
    l2_shrinkage_regularization_strength: Any = 0.0,
    beta: Any = None,
) -> Optimizer:
    """Make FTRL-Proximal, which makes variables anew at each step: they forget their first values.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      learning_rate_power: how the rate falls with the sum of squares; at most 0.
      initial_accumulator_value: what the sums start at; at least 0.
      l1_regularization_strength: makes variables sparse; at least 0.
      l2_regularization_strength: draws variables to 0; at least 0.
      use_locking: as there.
      name: as there.
      accum_name: the name of the slot of the sums of squares.
      linear_name: the name of the other slot.
      l2_shrinkage_regularization_strength: is part of the gradient, not of the sums; at least 0.
      beta: is added to the L2 strength as `beta / (2 * learning_rate)`.

    Raises:
      ValueError: an argument is out of its range.

    Source: `tf.train.FtrlOptimizer`.

    >>> optimizer, params = nn.FtrlOptimizer(0.1), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params), params)
    >>> round(float((params['w'] + updates['w'])[0]), 4)
    1.5889
    """
    if learning_rate_power > 0:
        raise ValueError(
            f"FtrlOptimizer: learning_rate_power must be 0 or less, got {learning_rate_power!r}."
        )
    at_least_0 = {
        "initial_accumulator_value": initial_accumulator_value,
        "l1_regularization_strength": l1_regularization_strength,
        "l2_regularization_strength": l2_regularization_strength,
        "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
    }
    for argument, given in at_least_0.items():
        if given < 0:
            raise ValueError(f"FtrlOptimizer: {argument} must be 0 or more, got {given!r}.")
    l1, shrinkage = l1_regularization_strength, l2_shrinkage_regularization_strength

    def formula(g: Array, rate: Array, total: Array, linear: Array, value: Array) -> tuple:
        l2 = l2_regularization_strength + (0.0 if beta is None else beta) / (2 * rate)
        root = total**-learning_rate_power
        total = total + g * g
        new_root = total**-learning_rate_power
        linear = linear + g + 2 * shrinkage * value - (new_root - root) / rate * value
        new = (jnp.sign(linear) * l1 - linear) / (new_root / rate + 2 * l2)
        return jnp.where(jnp.abs(linear) > l1, new, 0.0) - value, total, linear

    slots = {accum_name or name: initial_accumulator_value}
    slots[linear_name or (name if accum_name else f"{name}_1")] = 0.0
    return make_optimizer(name, learning_rate, slots, formula, reads_values=True)


def ProximalGradientDescentOptimizer(
    learning_rate: Rate,
    l1_regularization_strength: Any = 0.0,
    l2_regularization_strength: Any = 0.0,
    use_locking: bool = False,
    name: str = "ProximalGradientDescent",
) -> Optimizer:
    """Make gradient descent in which regularization is a step of its own, so that zeros are exact.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      l1_regularization_strength: makes variables sparse.
      l2_regularization_strength: draws variables to 0.
      use_locking: as there.
      name: as there.

    Source: `tf.train.ProximalGradientDescentOptimizer`.

    >>> optimizer = nn.ProximalGradientDescentOptimizer(0.5, l1_regularization_strength=1.0)
    >>> params = {'w': jnp.array([0.5, 2.0])}
    >>> updates, opt_state = optimizer.update({'w': jnp.ones(2)}, optimizer.init(params), params)
    >>> params['w'] + updates['w']
    Array([0., 1.], dtype=float32)
    """
    nearer = _nearer(l1_regularization_strength, l2_regularization_strength)

    def formula(g: Array, rate: Array, value: Array) -> tuple:
        return (nearer(value - rate * g, rate) - value,)

    return make_optimizer(name, learning_rate, {}, formula, reads_values=True)


def ProximalAdagradOptimizer(
    learning_rate: Rate,
    initial_accumulator_value: Any = 0.1,
    l1_regularization_strength: Any = 0.0,
    l2_regularization_strength: Any = 0.0,
    use_locking: bool = False,
    name: str = "ProximalAdagrad",
) -> Optimizer:
    """Make Adagrad in which regularization is a step of its own, so that zeros are exact.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      initial_accumulator_value: what the sums of squares start at; positive.
      l1_regularization_strength: makes variables sparse.
      l2_regularization_strength: draws variables to 0.
      use_locking: as there.
      name: as there.

    Raises:
      ValueError: `initial_accumulator_value` is not positive.

    Source: `tf.train.ProximalAdagradOptimizer`.

    >>> optimizer, params = nn.ProximalAdagradOptimizer(0.1), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params), params)
    >>> round(float(updates['w'][0]), 4)
    -0.0988
    """
    check_positive("ProximalAdagradOptimizer", initial_accumulator_value)
    nearer = _nearer(l1_regularization_strength, l2_regularization_strength)

    def formula(g: Array, rate: Array, total: Array, value: Array) -> tuple:
        total = total + g * g
        rates = rate / jnp.sqrt(total)
        return nearer(value - rates * g, rates) - value, total

    slots = {name: initial_accumulator_value}
    return make_optimizer(name, learning_rate, slots, formula, reads_values=True)


def _nearer(l1: Any, l2: Any) -> Callable[[Array, Array], Array]:
    """Return the step towards 0 of the proximal optimizers."""

    def step(value: Array, rate: Array) -> Array:
        return jnp.sign(value) * jnp.maximum(jnp.abs(value) - rate * l1, 0.0) / (1 + rate * l2)

    return step
