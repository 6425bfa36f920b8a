"""Moving averages of variables, as `tf.train.ExponentialMovingAverage` keeps them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from nn.graph import Array, Variable

Values = dict[str, Array]


@dataclass(frozen=True)
class ExponentialMovingAverage:
    """Moving averages of variables: a shadow of each moves towards it by `1 - decay` at a step.

    The averages are a flat dict by the names that TF1 gives the shadows,
    `conv1/weights/ExponentialMovingAverage`: what `init` makes and `apply` moves.

    Args:
      decay: how much of an average stays at each step.
      num_updates: how many steps are done; makes the averages faster at the start, when the decay
        is at most `(1 + num_updates) / (10 + num_updates)`. It may be given to `apply` instead.
      zero_debias: correct the averages that start at 0 for their start.
      name: the last part of a shadow's name.

    Source: `tf.train.ExponentialMovingAverage`.

    >>> ema = nn.ExponentialMovingAverage(0.9)
    >>> averages = ema.init({'w': jnp.array([1.0])})
    >>> averages = ema.apply({'w': jnp.array([2.0])}, averages)
    >>> averages
    {'w/ExponentialMovingAverage': Array([1.1], dtype=float32)}
    """

    decay: Any
    num_updates: Any = None
    zero_debias: bool = False
    name: str = "ExponentialMovingAverage"

    def init(
        self, variables: Mapping[str, Array], tensors: Mapping[str, Array] | None = None
    ) -> Values:
        """Return the first averages.

        Args:
          variables: values by name whose averages start at these.
          tensors: values by name whose averages start at 0, as TF1 starts those of what is no
            variable, such as a loss.

        Raises:
          TypeError: one is not floating point.
        """
        averages, tensors = {}, tensors or {}
        for name, value in {**variables, **tensors}.items():
            value, shadow = jnp.asarray(value), self.average_name(name)
            if not jnp.issubdtype(value.dtype, jnp.floating):
                raise TypeError(f"{name!r} is {value.dtype}: only floating point is averaged.")
            averages[shadow] = value if name in variables else jnp.zeros_like(value)
            if self.zero_debias and name in tensors:
                averages[f"{shadow}/biased"] = jnp.zeros_like(value)
                averages[f"{shadow}/local_step"] = jnp.zeros([], value.dtype)
        return averages

    def apply(
        self, values: Mapping[str, Array], averages: Mapping[str, Array], num_updates: Any = None
    ) -> Values:
        """Return the averages moved towards the values; those of other names stay as they are.

        Args:
          values: the present values by name.
          averages: what `init` or `apply` returned.
          num_updates: how many steps are done, if that was not given before.

        Raises:
          ValueError: a value has no average.
        """
        num_updates = self.num_updates if num_updates is None else num_updates
        decay = jnp.asarray(self.decay, float)
        if num_updates is not None:
            count = jnp.asarray(num_updates).astype(float)
            decay = jnp.minimum(decay, (1 + count) / (10 + count))
        moved = dict(averages)
        for name, value in values.items():
            shadow = self.average_name(name)
            if shadow not in averages:
                raise ValueError(f"there is no average of {name!r}: give its first value to init.")
            rate = (1 - decay).astype(averages[shadow].dtype)
            kept = f"{shadow}/biased" if f"{shadow}/biased" in averages else shadow
            moved[kept] = averages[kept] - (averages[kept] - value) * rate
            if kept != shadow:
                steps = moved[f"{shadow}/local_step"] = averages[f"{shadow}/local_step"] + 1
                moved[shadow] = moved[kept] / (1 - (1 - rate) ** steps)
        return moved

    def average(self, var: Variable | str, averages: Mapping[str, Array]) -> Array | None:
        """Return the average of a variable, or None if there is none."""
        return averages.get(self.average_name(var))

    def average_name(self, var: Variable | str) -> str:
        """Return the name of a variable's shadow.

        >>> nn.ExponentialMovingAverage(0.9).average_name('fc/weights')
        'fc/weights/ExponentialMovingAverage'
        """
        return f"{var if isinstance(var, str) else var.name}/{self.name}"

    def variables_to_restore(
        self, moving_avg_variables: Iterable[Variable | str]
    ) -> dict[str, Variable | str]:
        """Return variables by the name of what a checkpoint shall restore them from.

        Args:
          moving_avg_variables: `net.variables(...)`, of which the trainable ones are restored from
            their averages and the others from themselves; or names, all of averaged variables.

        >>> ema = nn.ExponentialMovingAverage(0.9)
        >>> ema.variables_to_restore(['w'])
        {'w/ExponentialMovingAverage': 'w'}
        """
        return {
            var.name
            if isinstance(var, Variable) and not var.trainable
            else self.average_name(var): var
            for var in moving_avg_variables
        }
