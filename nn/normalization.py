"""Moments, and the normalizations made from them."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from nn import spelling
from nn.lowering import centred
from nn.spelling import Ints


def moments(x: ArrayLike, axes: Ints | None, keepdims: bool = False) -> tuple[jax.Array, jax.Array]:
    """Computes the mean and the biased variance along some axes (all of them if None).

    Both are of x's dtype; half types are summed in float32. Source: `tf.nn.moments`.

    >>> moments(jnp.array([[1.0, 2.0], [3.0, 6.0]]), 0)
    (Array([2., 4.], dtype=float32), Array([1., 4.], dtype=float32))
    """
    x = spelling.floating("moments", "x", x)
    return _moments(x, spelling.axes("moments", "axes", axes, x.ndim), bool(keepdims))


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    offset: ArrayLike | None,
    scale: ArrayLike | None,
    variance_epsilon: ArrayLike,
) -> jax.Array:
    """Computes `scale * (x - mean) / sqrt(variance + variance_epsilon) + offset`.

    The statistics, offset and scale (either may be None) have the shape `[C]` of x's last axis,
    or any that broadcasts to x. Half types are computed in float32; the result is of x's dtype.
    Source: `tf.nn.batch_normalization`.

    >>> batch_normalization(jnp.array([1.0, 3.0]), 2.0, 4.0, 1.0, 6.0, 0.0)
    Array([-2.,  4.], dtype=float32)
    """
    x = spelling.floating("batch_normalization", "x", x)
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    aligned = {name: _aligned(name, value, x) for name, value in given.items() if value is not None}
    return _batch_normalization(x, epsilon=variance_epsilon, **aligned)


def l2_normalize(x: ArrayLike, axis: Ints | None = None, epsilon: ArrayLike = 1e-12) -> jax.Array:
    """Divides by the root of the sum of squares along some axes, which is at least epsilon.

    Half types are computed in float32. Source: `tf.math.l2_normalize`.

    >>> l2_normalize(jnp.array([3.0, 4.0]))
    Array([0.6, 0.8], dtype=float32)
    """
    x = spelling.floating("l2_normalize", "x", x)
    return _l2_normalize(x, spelling.axes("l2_normalize", "axis", axis, x.ndim), epsilon)


def _aligned(argument: str, value: ArrayLike, x: jax.Array) -> jax.Array:
    """The value with as many axes as x, the missing ones in front, as broadcasting adds them."""
    value = jnp.asarray(value)
    shape = (1,) * (x.ndim - value.ndim) + value.shape
    if len(shape) != x.ndim or any(n not in (1, m) for n, m in zip(shape, x.shape, strict=True)):
        raise ValueError(
            f"batch_normalization: {argument} has shape {value.shape}:"
            f" expected one that broadcasts to that of x, {x.shape}"
        )
    return value.reshape(shape)


@partial(jax.jit, static_argnames=("axes", "keepdims"))
def _moments(x: jax.Array, axes: tuple[int, ...], keepdims: bool) -> tuple[jax.Array, jax.Array]:
    mean, variance = centred.mean_and_variance(spelling.widen(x), axes)
    if not keepdims:
        mean, variance = jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)
    return mean.astype(x.dtype), variance.astype(x.dtype)


@jax.jit
def _batch_normalization(
    x: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    epsilon: ArrayLike,
    offset: jax.Array | None = None,
    scale: jax.Array | None = None,
) -> jax.Array:
    wide = spelling.widen(x)
    mean, variance = mean.astype(wide.dtype), variance.astype(wide.dtype)
    factor = lax.rsqrt(variance + jnp.asarray(epsilon, wide.dtype))
    if scale is not None:
        factor = factor * scale.astype(wide.dtype)
    offset = jnp.zeros_like(mean) if offset is None else offset.astype(wide.dtype)
    centre, factor, offset = jnp.broadcast_arrays(mean, factor, offset)
    return centred.scaled(wide, centre, factor, offset).astype(x.dtype)


@partial(jax.jit, static_argnames="axes")
def _l2_normalize(x: jax.Array, axes: tuple[int, ...], epsilon: ArrayLike) -> jax.Array:
    wide = spelling.widen(x)
    squares = jnp.sum(jnp.square(wide), axes, keepdims=True)
    least = jnp.asarray(epsilon, wide.dtype)
    return (wide * lax.rsqrt(jnp.maximum(squares, least))).astype(x.dtype)
