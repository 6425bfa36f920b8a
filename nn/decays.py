"""TF1's learning rate decays: functions of the step, with `tf.train`'s names and arguments.

With the step left open they are schedules, of the optimizers here as of optax:
`nn.MomentumOptimizer(lambda step: nn.exponential_decay(0.1, step, 1000, 0.96), 0.9)`.
`tf.train.noisy_linear_cosine_decay` is not here: what is random needs a key, and a schedule has
none. Add noise to `nn.linear_cosine_decay` instead.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nn.graph import Array


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Array:
    """Return `learning_rate * decay_rate ** (global_step / decay_steps)`.

    Args:
      learning_rate: its value at the start.
      global_step: how many steps are done: a number or an array.
      decay_steps: the unit of time, in steps.
      decay_rate: the factor of one unit.
      staircase: count whole units only.
      name: accepted as in TensorFlow, and not needed.

    Raises:
      ValueError: `global_step` is None.

    Source: `tf.train.exponential_decay`.

    >>> round(float(nn.exponential_decay(0.1, 15, 10, 0.5, staircase=True)), 4)
    0.05
    """
    del name
    rate, step, steps = _floats("exponential_decay", learning_rate, global_step, decay_steps)
    return rate * _of(decay_rate, rate) ** _units(step / steps, staircase)


def natural_exp_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Array:
    """Return `learning_rate * exp(-decay_rate * global_step / decay_steps)`.

    The arguments are those of `nn.exponential_decay`. Source: `tf.train.natural_exp_decay`.

    >>> round(float(nn.natural_exp_decay(0.1, 10, 10, 0.5)), 4)
    0.0607
    """
    factor = jnp.exp(-jnp.asarray(decay_rate, float))
    return exponential_decay(learning_rate, global_step, decay_steps, factor, staircase, name)


def inverse_time_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Array:
    """Return `learning_rate / (1 + decay_rate * global_step / decay_steps)`.

    The arguments are those of `nn.exponential_decay`. Source: `tf.train.inverse_time_decay`.

    >>> round(float(nn.inverse_time_decay(0.1, 10, 10, 0.5)), 4)
    0.0667
    """
    del name
    rate, step, steps = _floats("inverse_time_decay", learning_rate, global_step, decay_steps)
    return rate / (1 + _of(decay_rate, rate) * _units(step / steps, staircase))


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Array:
    """Return a rate that falls to `end_learning_rate` in `decay_steps` steps, and stays there.

    Args:
      learning_rate: its value at the start.
      global_step: how many steps are done: a number or an array.
      decay_steps: when the end is reached.
      end_learning_rate: the value at the end.
      power: of the polynomial; 1.0 is a straight line.
      cycle: rather than stay at the end, rise again and fall until twice, three times ... as late.
      name: accepted as in TensorFlow, and not needed.

    Source: `tf.train.polynomial_decay`.

    >>> round(float(nn.polynomial_decay(0.1, 5, 10, end_learning_rate=0.0)), 4)
    0.05
    """
    del name
    rate, step, steps = _floats("polynomial_decay", learning_rate, global_step, decay_steps)
    if cycle:
        steps = steps * jnp.where(step == 0, 1.0, jnp.ceil(step / steps))
    else:
        step = jnp.minimum(step, steps)
    end = _of(end_learning_rate, rate)
    return (rate - end) * (1 - step / steps) ** _of(power, rate) + end


def piecewise_constant(
    x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str | None = None
) -> Array:
    """Return the first of `values` up to and with the first boundary, then the second, and so on.

    Args:
      x: the step: a number or an array.
      boundaries: steps in increasing order, of the type of `x`.
      values: one more than there are boundaries.
      name: accepted as in TensorFlow, and not needed.

    Raises:
      ValueError: there is another number of values, or the boundaries are of another type
        than `x`, or the values of more than one.

    Source: `tf.train.piecewise_constant`.

    >>> [float(nn.piecewise_constant(x, [10, 20], [1.0, 0.5, 0.25])) for x in (10, 11, 99)]
    [1.0, 0.5, 0.25]
    """
    del name
    if not boundaries or len(values) != len(boundaries) + 1:
        raise ValueError(
            f"piecewise_constant takes one value more than boundaries, got {list(boundaries)!r} "
            f"and {list(values)!r}."
        )
    x = jnp.asarray(x)
    kinds = {jnp.asarray(b).dtype.kind for b in boundaries}
    if kinds != {x.dtype.kind}:
        raise ValueError(
            f"piecewise_constant: x is {x.dtype}, so boundaries must be as well, got "
            f"{list(boundaries)!r}."
        )
    if len({jnp.asarray(v).dtype for v in values}) > 1:
        raise ValueError(
            f"piecewise_constant: values must be all floats or all integers, got {list(values)!r}."
        )
    passed = jnp.searchsorted(jnp.stack([jnp.asarray(b, x.dtype) for b in boundaries]), x)
    return jnp.stack([jnp.asarray(v) for v in values])[passed]


def cosine_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, alpha: Any = 0.0, name: Any = None
) -> Array:
    """Return a rate that falls along a half cosine to `alpha * learning_rate`, and stays there.

    Args:
      learning_rate: its value at the start.
      global_step: how many steps are done: a number or an array.
      decay_steps: when the end is reached.
      alpha: the fraction of `learning_rate` that is left at the end.
      name: accepted as in TensorFlow, and not needed.

    Source: `tf.train.cosine_decay`.

    >>> round(float(nn.cosine_decay(0.1, 5, 10)), 4)
    0.05
    """
    del name
    rate, step, steps = _floats("cosine_decay", learning_rate, global_step, decay_steps)
    alpha = _of(alpha, rate)
    return rate * ((1 - alpha) * _cosine(jnp.minimum(step, steps) / steps) + alpha)


def cosine_decay_restarts(
    learning_rate: Any,
    global_step: Any,
    first_decay_steps: Any,
    t_mul: Any = 2.0,
    m_mul: Any = 1.0,
    alpha: Any = 0.0,
    name: str | None = None,
) -> Array:
    """Return a rate that falls along a half cosine, then starts again, and again.

    Args:
      learning_rate: its value at the start.
      global_step: how many steps are done: a number or an array.
      first_decay_steps: the length of the first period.
      t_mul: by how much each period is longer than the one before.
      m_mul: the factor of the rate at each new start.
      alpha: the fraction of `learning_rate` that is left at a period's end.
      name: accepted as in TensorFlow, and not needed.

    Source: `tf.train.cosine_decay_restarts`.

    >>> [round(float(nn.cosine_decay_restarts(0.1, step, 10)), 4) for step in (0, 5, 10, 20)]
    [0.1, 0.05, 0.1, 0.05]
    """
    del name
    rate, step, steps = _floats(
        "cosine_decay_restarts", learning_rate, global_step, first_decay_steps
    )
    t_mul, alpha, done = _of(t_mul, rate), _of(alpha, rate), step / steps
    same = t_mul == 1.0
    growth = jnp.where(same, 2.0, t_mul)  # keeps the logarithms finite where they are not used
    starts = jnp.floor(jnp.log(1 - done * (1 - growth)) / jnp.log(growth))
    grown = (done - (1 - growth**starts) / (1 - growth)) / growth**starts
    starts = jnp.where(same, jnp.floor(done), starts)
    height = _of(m_mul, rate) ** starts
    done = jnp.where(same, done - starts, grown)
    return rate * ((1 - alpha) * height * _cosine(done) + alpha)


def linear_cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    num_periods: Any = 0.5,
    alpha: Any = 0.0,
    beta: Any = 0.001,
    name: str | None = None,
) -> Array:
    """Return `learning_rate * ((alpha + line) * cosine + beta)`, both falling in `decay_steps`.

    Args:
      learning_rate: the factor of all.
      global_step: how many steps are done: a number or an array.
      decay_steps: when the end is reached.
      num_periods: of the cosine in `decay_steps`.
      alpha: what is added to the line.
      beta: what is added to the product.
      name: accepted as in TensorFlow, and not needed.

    Source: `tf.train.linear_cosine_decay`.

    >>> round(float(nn.linear_cosine_decay(0.1, 5, 10, beta=0.0)), 4)
    0.025
    """
    del name
    rate, step, steps = _floats("linear_cosine_decay", learning_rate, global_step, decay_steps)
    step = jnp.minimum(step, steps)
    line, cosine = (steps - step) / steps, _cosine(2 * _of(num_periods, rate) * step / steps)
    return rate * ((_of(alpha, rate) + line) * cosine + _of(beta, rate))


def _floats(function: str, learning_rate: Any, global_step: Any, decay_steps: Any) -> Any:
    """Return these three in the dtype of the rate."""
    if global_step is None:
        raise ValueError(f"{function}: global_step is needed, the number of steps done, got None.")
    rate = jnp.asarray(learning_rate)
    rate = rate if jnp.issubdtype(rate.dtype, jnp.floating) else rate.astype(float)
    return rate, _of(global_step, rate), _of(decay_steps, rate)


def _of(value: Any, rate: Array) -> Array:
    """Return a number in the dtype of the rate."""
    return jnp.asarray(value).astype(rate.dtype)


def _units(count: Array, whole: bool) -> Array:
    return jnp.floor(count) if whole else count


@jax.jit
def _cosine(done: Array) -> Array:
    """Return half a cosine wave, which falls from 1 to 0 while `done` grows from 0 to 1."""
    return 0.5 * (1 + jnp.cos(math.pi * done))
