"""Initial values: TensorFlow 1's initializers as JAX functions `f(key, shape, dtype)`.

They draw from the same distributions as TensorFlow; the numbers come from JAX's generator. In all
of them a `seed` fixes the numbers, whatever the key, and `dtype` is what is made unless another one
is asked for, as `nn.get_variable` does.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nn.expressions import prints_as_call
from nn.graph import Initializer

# The standard deviation of a unit normal truncated at +-2.
_TRUNCATED_STDDEV = 0.87962566103423978


def _floating(default: Any) -> Callable[[Callable], Initializer]:
    """Make an initializer of a function that draws floats: it refuses to make anything else."""
    if not jnp.issubdtype(np.dtype(default), jnp.floating):
        raise ValueError(f"dtype must be a floating type, got {default!r}.")

    def decorate(draw: Callable) -> Initializer:
        def initializer(key: Any, shape: Sequence[int], dtype: Any = default) -> jax.Array:
            if not jnp.issubdtype(np.dtype(dtype), jnp.floating):
                raise TypeError(
                    f"this initializer makes floats, and the variable is {np.dtype(dtype)}: give "
                    "it another one, such as nn.zeros_initializer()."
                )
            return draw(key, tuple(shape), dtype)

        return initializer

    return decorate


@prints_as_call
def zeros_initializer(dtype: Any = jnp.float32) -> Initializer:
    """Return an initializer of zeros.

    >>> nn.zeros_initializer()(jax.random.key(0), (2,), jnp.float32)
    Array([0., 0.], dtype=float32)
    """
    return lambda key, shape, dtype=dtype: jnp.zeros(shape, dtype)


@prints_as_call
def ones_initializer(dtype: Any = jnp.float32) -> Initializer:
    """Return an initializer of ones.

    >>> nn.ones_initializer()(jax.random.key(0), (2,), jnp.float32)
    Array([1., 1.], dtype=float32)
    """
    return lambda key, shape, dtype=dtype: jnp.ones(shape, dtype)


@prints_as_call
def constant_initializer(
    value: Any = 0, dtype: Any = jnp.float32, verify_shape: bool = False
) -> Initializer:
    """Return an initializer of one value, or of the elements of an array.

    Args:
      value: a number, a list or an array; its last element fills what is left of the variable.
      dtype: what is made unless another dtype is asked for.
      verify_shape: refuse a value of another shape than the variable's.

    Raises:
      ValueError: by the initializer: the value has more elements than the variable.
      TypeError: it is no number or array; by the initializer: `verify_shape`, and it is of
        another shape, or not of the variable's kind.

    >>> nn.constant_initializer(0.1)(jax.random.key(0), (2,), jnp.float32)
    Array([0.1, 0.1], dtype=float32)
    >>> nn.constant_initializer([1, 2])(jax.random.key(0), (2, 2), jnp.float32)
    Array([[1., 2.],
           [2., 2.]], dtype=float32)
    """
    if value is None or isinstance(value, dict):
        raise TypeError(f"constant_initializer: value must be a number or an array, got {value!r}.")

    def constant(key: Any, shape: Sequence[int], dtype: Any = dtype) -> jax.Array:
        given, size = np.asarray(value), math.prod(shape)
        floats = jnp.issubdtype(given.dtype, jnp.floating)
        fits = (
            jnp.issubdtype(np.dtype(dtype), jnp.floating) if floats else given.dtype.kind in "biu"
        )
        if not fits:
            raise TypeError(f"constant_initializer: {given.dtype} values cannot be {dtype}.")
        if verify_shape and given.shape != tuple(shape):
            raise TypeError(
                f"constant_initializer: value must have the shape {shape}, got {given.shape}."
            )
        if given.size > max(size, 1):
            raise ValueError(
                f"constant_initializer: value must have at most {size} elements, got {given.size}."
            )
        if given.size <= 1:
            return jnp.full(shape, given.item() if given.size else 0, dtype)
        filled = np.pad(given.ravel(), (0, size - given.size), "edge")
        return jnp.asarray(filled.reshape(shape), dtype)

    return constant


@prints_as_call
def random_uniform_initializer(
    minval: float = 0.0,
    maxval: float | None = None,
    seed: int | None = None,
    dtype: Any = jnp.float32,
) -> Initializer:
    """Return an initializer uniform in `[minval, maxval)`.

    Args:
      minval: the lowest value.
      maxval: what all values are below; None: 1.0, for floats only.
      seed: fixes the numbers.
      dtype: what is made unless another dtype is asked for; integers too.

    Raises:
      ValueError: by the initializer: integers are asked for, and there is no `maxval`.

    >>> nn.random_uniform_initializer(-0.1, 0.1)
    random_uniform_initializer(-0.1, 0.1)
    """

    def uniform(key: Any, shape: Sequence[int], dtype: Any = dtype) -> jax.Array:
        key = _seeded(key, seed)
        if jnp.issubdtype(np.dtype(dtype), jnp.floating):
            high = 1.0 if maxval is None else maxval
            return jax.random.uniform(key, shape, dtype, minval, high)
        if maxval is None:
            raise ValueError(
                f"random_uniform_initializer: maxval must be given for {np.dtype(dtype)}, got None."
            )
        return jax.random.randint(key, shape, minval, maxval, dtype)

    return uniform


@prints_as_call
def random_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = jnp.float32
) -> Initializer:
    """Return a normal initializer.

    Raises:
      ValueError: the dtype is not a floating type.

    >>> nn.random_normal_initializer(stddev=0.01)
    random_normal_initializer(stddev=0.01)
    """

    @_floating(dtype)
    def normal(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        return mean + stddev * jax.random.normal(_seeded(key, seed), shape, dtype)

    return normal


@prints_as_call
def truncated_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = jnp.float32
) -> Initializer:
    """Return a normal initializer without values beyond 2 `stddev`.

    As in TensorFlow `stddev` is that before truncation: the result's own is 0.88 of it.

    Raises:
      ValueError: the dtype is not a floating type.

    >>> nn.truncated_normal_initializer(stddev=0.01)
    truncated_normal_initializer(stddev=0.01)
    """

    @_floating(dtype)
    def truncated(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        unit = jax.random.truncated_normal(_seeded(key, seed), -2.0, 2.0, shape, dtype)
        return mean + stddev * unit

    return truncated


@prints_as_call
def orthogonal_initializer(
    gain: float = 1.0, seed: int | None = None, dtype: Any = jnp.float32
) -> Initializer:
    """Return the initializer of orthogonal matrices: of `[..., in]` by `[out]`, times `gain`.

    Raises:
      ValueError: the dtype is not a floating type; by the initializer: the rank is below 2.

    >>> w = nn.orthogonal_initializer()(jax.random.key(0), (2, 2), jnp.float32)
    >>> bool(jnp.allclose(w.T @ w, jnp.eye(2), atol=1e-6))
    True
    """

    @_floating(dtype)
    def orthogonal(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        return jax.nn.initializers.orthogonal(gain)(_seeded(key, seed), shape, dtype)

    return orthogonal


@prints_as_call
def identity_initializer(gain: float = 1.0, dtype: Any = jnp.float32) -> Initializer:
    """Return the initializer of identity matrices, times `gain`.

    Raises:
      ValueError: the dtype is not a floating type; by the initializer: the rank is not 2.

    >>> nn.identity_initializer()(jax.random.key(0), (2, 3), jnp.float32)
    Array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """

    @_floating(dtype)
    def identity(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(f"identity_initializer makes matrices, got the shape {shape}.")
        return gain * jnp.eye(*shape, dtype=dtype)

    return identity


@prints_as_call
def uniform_unit_scaling_initializer(
    factor: float = 1.0, seed: int | None = None, dtype: Any = jnp.float32
) -> Initializer:
    """Return the uniform initializer with limit `factor * sqrt(3 / n)`, `n` inputs to `[..., out]`.

    Raises:
      ValueError: the dtype is not a floating type.

    >>> nn.uniform_unit_scaling_initializer(1.43)
    uniform_unit_scaling_initializer(1.43)
    """

    @_floating(dtype)
    def unit_scaling(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        limit = factor * math.sqrt(3.0 / max(1, math.prod(shape[:-1])))
        return random_uniform_initializer(-limit, limit, seed)(key, shape, dtype)

    return unit_scaling


@prints_as_call
def variance_scaling_initializer(
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    seed: int | None = None,
    dtype: Any = jnp.float32,
) -> Initializer:
    """Return an initializer with variance `scale / n`, as `tf.variance_scaling_initializer`.

    Args:
      scale: a positive factor.
      mode: what `n` is: "fan_in", "fan_out" or "fan_avg", of a kernel `[..., in, out]`.
      distribution: "truncated_normal" (also called "normal"), "untruncated_normal" or "uniform".
      seed: fixes the numbers.
      dtype: what is made unless another dtype is asked for.

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
    if distribution.lower() not in distributions:
        raise ValueError(
            "variance_scaling_initializer: distribution must be one of "
            f"{', '.join(distributions)}, got {distribution!r}."
        )

    @_floating(dtype)
    def scaled(key: Any, shape: Sequence[int], dtype: Any) -> jax.Array:
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        stddev = math.sqrt(scale / max(1.0, n))
        if distribution.lower() == "uniform":
            limit = math.sqrt(3.0) * stddev
            return random_uniform_initializer(-limit, limit, seed)(key, shape, dtype)
        if distribution.lower() == "untruncated_normal":
            return random_normal_initializer(0.0, stddev, seed)(key, shape, dtype)
        stddev /= _TRUNCATED_STDDEV
        return truncated_normal_initializer(0.0, stddev, seed)(key, shape, dtype)

    return scaled


@prints_as_call
def glorot_uniform_initializer(seed: int | None = None, dtype: Any = jnp.float32) -> Initializer:
    """Return the uniform initializer with limit `sqrt(6 / (fan_in + fan_out))`.

    >>> nn.glorot_uniform_initializer()
    glorot_uniform_initializer()
    """
    return variance_scaling_initializer(1.0, "fan_avg", "uniform", seed, dtype).function  # type: ignore


@prints_as_call
def glorot_normal_initializer(seed: int | None = None, dtype: Any = jnp.float32) -> Initializer:
    """Return the truncated normal initializer with variance `2 / (fan_in + fan_out)`.

    >>> nn.glorot_normal_initializer()
    glorot_normal_initializer()
    """
    return variance_scaling_initializer(1.0, "fan_avg", "truncated_normal", seed, dtype).function  # type: ignore


@prints_as_call
def he_uniform_initializer(seed: int | None = None) -> Initializer:
    """Return the uniform initializer with limit `sqrt(6 / fan_in)`.

    >>> nn.he_uniform_initializer()
    he_uniform_initializer()
    """
    return variance_scaling_initializer(2.0, "fan_in", "uniform", seed).function  # type: ignore


@prints_as_call
def he_normal_initializer(seed: int | None = None) -> Initializer:
    """Return the truncated normal initializer with variance `2 / fan_in`.

    >>> nn.he_normal_initializer()
    he_normal_initializer()
    """
    return variance_scaling_initializer(2.0, "fan_in", "truncated_normal", seed).function  # type: ignore


@prints_as_call
def lecun_uniform_initializer(seed: int | None = None) -> Initializer:
    """Return the uniform initializer with limit `sqrt(3 / fan_in)`.

    >>> nn.lecun_uniform_initializer()
    lecun_uniform_initializer()
    """
    return variance_scaling_initializer(1.0, "fan_in", "uniform", seed).function  # type: ignore


@prints_as_call
def lecun_normal_initializer(seed: int | None = None) -> Initializer:
    """Return the truncated normal initializer with variance `1 / fan_in`.

    >>> nn.lecun_normal_initializer()
    lecun_normal_initializer()
    """
    return variance_scaling_initializer(1.0, "fan_in", "truncated_normal", seed).function  # type: ignore


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """Return fan_in and fan_out of a kernel `[..., in, out]`, counted as TensorFlow counts them."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    receptive = math.prod(shape[:-2])
    return float(receptive * shape[-2]), float(receptive * shape[-1])


def _seeded(key: Any, seed: int | None) -> Any:
    return key if seed is None else jax.random.key(seed)
