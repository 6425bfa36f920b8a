"""Slim's initializers: those of `nn`, but with Slim's own spread of the normal ones."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

import nn
from nn import spelling
from nn.expressions import prints_as_call
from nn.graph import Array, Initializer
from nn.initializers import fans

__all__ = [
    "variance_scaling_initializer",
    "xavier_initializer",
    "xavier_initializer_conv2d",
]


@prints_as_call
def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: Any = jnp.float32
) -> Initializer:
    """Return the initializer with variance `2 / (fan_in + fan_out)` (Glorot & Bengio, 2010).

    Args:
      uniform: uniform within `sqrt(6 / (fan_in + fan_out))`, or truncated normal.
      seed: fixes its numbers.
      dtype: what it makes unless it is asked for another floating type.

    Raises:
      TypeError: the dtype is not a floating type.

    Source: `slim.xavier_initializer`.

    >>> weights = slim.xavier_initializer()(jax.random.key(0), (3, 3, 8, 16), jnp.float32)
    >>> bool(jnp.all(jnp.abs(weights) <= np.sqrt(6 / (9 * 8 + 9 * 16))))
    True
    """
    made = variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)
    return made.function  # type: ignore[attr-defined]


xavier_initializer_conv2d = xavier_initializer


@prints_as_call
def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: int | None = None,
    dtype: Any = jnp.float32,
) -> Initializer:
    """Return an initializer with variance `factor / n`, by default that of He et al. (2015).

    Not the numbers of `nn.variance_scaling_initializer`: the truncated normal is here made from
    one of variance `1.3 * factor / n`, which leaves 1.003 of the standard deviation.

    Args:
      factor: a positive number.
      mode: what `n` is: 'FAN_IN', 'FAN_OUT' or 'FAN_AVG', of a kernel `[..., in, out]`.
      uniform: uniform within `sqrt(3 * factor / n)`, or truncated normal.
      seed: fixes its numbers.
      dtype: what it makes unless it is asked for another floating type.

    Raises:
      TypeError: there is no such mode, or the dtype is not a floating type.

    Source: `slim.variance_scaling_initializer`.

    >>> slim.variance_scaling_initializer(mode='FAN_OUT')
    variance_scaling_initializer(mode='FAN_OUT')
    """
    _check_floating(dtype)
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        expected = "'FAN_IN', 'FAN_OUT' or 'FAN_AVG'"
        raise spelling.error("variance_scaling_initializer", "mode", mode, expected, TypeError)

    def scaled(key: Array, shape: Sequence[int], dtype: Any = dtype) -> Array:
        _check_floating(dtype)
        fan_in, fan_out = fans(shape)
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2}[mode]
        variance = factor / max(1.0, n)  # n is 0 only for an array of no elements
        if uniform:
            limit = math.sqrt(3 * variance)
            return nn.random_uniform_initializer(-limit, limit, seed)(key, shape, dtype)
        stddev = math.sqrt(1.3 * variance)
        return nn.truncated_normal_initializer(0.0, stddev, seed)(key, shape, dtype)

    return scaled


def _check_floating(dtype: Any) -> None:
    if not jnp.issubdtype(np.dtype(dtype), np.floating):
        raise spelling.error(
            "variance_scaling_initializer", "dtype", dtype, "a floating type", TypeError
        )
