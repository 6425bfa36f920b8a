"""Initial values: TensorFlow 1's initializers as JAX functions `f(key, shape, dtype)`.

They draw from the same distributions as TensorFlow; the numbers come from JAX's generator.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nn.expressions import prints_as_call
from nn.graph import Initializer

# The standard deviation of a unit normal truncated at +-2.
_TRUNCATED_STDDEV = 0.87962566103423978


@prints_as_call
def zeros_initializer() -> Initializer:
    """Return an initializer of zeros.

    >>> nn.zeros_initializer()(jax.random.key(0), (2,), jnp.float32)
    Array([0., 0.], dtype=float32)
    """
    return lambda key, shape, dtype: jnp.zeros(shape, dtype)


@prints_as_call
def ones_initializer() -> Initializer:
    """Return an initializer of ones.

    >>> nn.ones_initializer()(jax.random.key(0), (2,), jnp.float32)
    Array([1., 1.], dtype=float32)
    """
    return lambda key, shape, dtype: jnp.ones(shape, dtype)


@prints_as_call
def constant_initializer(value: Any = 0) -> Initializer:
    """Return an initializer of one value, or of an array with as many elements as the variable.

    >>> nn.constant_initializer(0.1)(jax.random.key(0), (2,), jnp.float32)
    Array([0.1, 0.1], dtype=float32)
    """

    def constant(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        values = jnp.asarray(value, dtype)
        return jnp.full(shape, values) if values.ndim == 0 else values.reshape(shape)

    return constant


@prints_as_call
def random_uniform_initializer(
    minval: float = 0.0, maxval: float = 1.0, seed: int | None = None
) -> Initializer:
    """Return an initializer uniform in `[minval, maxval)`; a `seed` fixes its numbers.

    >>> nn.random_uniform_initializer(-0.1, 0.1)
    random_uniform_initializer(-0.1, 0.1)
    """

    def uniform(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        return jax.random.uniform(_seeded(key, seed), shape, dtype, minval, maxval)

    return uniform


@prints_as_call
def random_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None
) -> Initializer:
    """Return a normal initializer; a `seed` fixes its numbers.

    >>> nn.random_normal_initializer(stddev=0.01)
    random_normal_initializer(stddev=0.01)
    """

    def normal(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        return mean + stddev * jax.random.normal(_seeded(key, seed), shape, dtype)

    return normal


@prints_as_call
def truncated_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None
) -> Initializer:
    """Return a normal initializer without values beyond 2 `stddev`.

    As in TensorFlow `stddev` is that before truncation: the result's own is 0.88 of it.

    >>> nn.truncated_normal_initializer(stddev=0.01)
    truncated_normal_initializer(stddev=0.01)
    """

    def truncated(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        unit = jax.random.truncated_normal(_seeded(key, seed), -2.0, 2.0, shape, dtype)
        return mean + stddev * unit

    return truncated


@prints_as_call
def variance_scaling_initializer(
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    seed: int | None = None,
) -> Initializer:
    """Return an initializer with variance `scale / n`, as `tf.variance_scaling_initializer`.

    Args:
      scale: a positive factor.
      mode: what `n` is: "fan_in", "fan_out" or "fan_avg", of a kernel `[..., in, out]`.
      distribution: "truncated_normal" (also called "normal"), "untruncated_normal" or "uniform".
      seed: fixes its numbers.

    Raises:
      ValueError: an argument is none of these.

    >>> nn.variance_scaling_initializer(2.0, mode='fan_out')
    variance_scaling_initializer(2.0, mode='fan_out')
    """
    if scale <= 0:
        raise ValueError(f"variance_scaling_initializer: scale must be positive, got {scale}.")
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError(
            f"variance_scaling_initializer: mode must be fan_in, fan_out or fan_avg, got {mode!r}."
        )
    distributions = ("normal", "uniform", "truncated_normal", "untruncated_normal")
    if distribution not in distributions:
        raise ValueError(
            "variance_scaling_initializer: distribution must be one of "
            f"{', '.join(distributions)}, got {distribution!r}."
        )

    def scaled(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        stddev = math.sqrt(scale / max(1.0, n))
        if distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return random_uniform_initializer(-limit, limit, seed)(key, shape, dtype)
        if distribution == "untruncated_normal":
            return random_normal_initializer(0.0, stddev, seed)(key, shape, dtype)
        stddev /= _TRUNCATED_STDDEV
        return truncated_normal_initializer(0.0, stddev, seed)(key, shape, dtype)

    return scaled


@prints_as_call
def glorot_uniform_initializer(seed: int | None = None) -> Initializer:
    """Return the uniform initializer with limit `sqrt(6 / (fan_in + fan_out))`.

    >>> nn.glorot_uniform_initializer()
    glorot_uniform_initializer()
    """
    return variance_scaling_initializer(1.0, "fan_avg", "uniform", seed).function  # type: ignore


@prints_as_call
def glorot_normal_initializer(seed: int | None = None) -> Initializer:
    """Return the truncated normal initializer with variance `2 / (fan_in + fan_out)`.

    >>> nn.glorot_normal_initializer()
    glorot_normal_initializer()
    """
    made = variance_scaling_initializer(1.0, "fan_avg", "truncated_normal", seed)
    return made.function  # type: ignore


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """Return fan_in and fan_out of a kernel `[..., in, out]`, counted as TensorFlow counts them."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    receptive = math.prod(shape[:-2])
    return float(receptive * shape[-2]), float(receptive * shape[-1])


def _seeded(key: Any, seed: int | None) -> Any:
    return key if seed is None else jax.random.key(seed)
