"""The arithmetic of dense layers: matrix products, biases, dropout and the loss of weights."""

from collections.abc import Sequence
from functools import partial
from numbers import Real

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from nn import lowering, spelling


def bias_add(value: ArrayLike, bias: ArrayLike, data_format: str | None = None) -> jax.Array:
    """Adds a bias `[C]` to each channel of `[N, ..., C]`, or of `[N, C, ...]` by data_format.

    Raises:
        ValueError: value has no channels, bias another number of them, or data_format no meaning.
        TypeError: the dtypes differ.

    Source: `tf.nn.bias_add`.

    >>> bias_add(jnp.zeros((1, 3)), jnp.array([1.0, 2.0, 3.0]))
    Array([[1., 2., 3.]], dtype=float32)
    """
    axis = spelling.channel_axis("bias_add", data_format)
    value = spelling.array("bias_add", "value", value, "NC", more_batches=True)
    bias = spelling.same_dtype("bias_add", "bias", bias, "value", value)
    if bias.shape != (value.shape[axis],):
        raise ValueError(
            f"bias_add: bias has shape {bias.shape}: expected ({value.shape[axis]},), the channels"
            f" of value, which has shape {value.shape}"
        )
    return _bias_add(value, bias, axis)


def dense(inputs: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> jax.Array:
    """Multiplies the last axis of `[..., C]` by a matrix `[C, O]`, and adds a bias `[O]`.

    Raises:
        ValueError: inputs has a rank below 2, or the shapes do not fit.
        TypeError: the dtypes differ.

    >>> dense(jnp.ones((1, 2)), jnp.ones((2, 3)), jnp.array([0.0, 1.0, 2.0]))
    Array([[2., 3., 4.]], dtype=float32)
    """
    inputs = spelling.array("dense", "inputs", inputs, "NC", more_batches=True)
    kernel = spelling.array("dense", "kernel", kernel, "CO")
    spelling.same_dtype("dense", "kernel", kernel, "inputs", inputs)
    if inputs.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"dense: kernel has shape {kernel.shape}: its first dimension, {kernel.shape[0]},"
            f" must equal the inputs' last, {inputs.shape[-1]}"
        )
    outputs = _matmul(inputs, kernel)
    return outputs if bias is None else bias_add(outputs, bias)


def dropout(
    x: ArrayLike,
    rate: ArrayLike,
    noise_shape: Sequence[int | None] | None = None,
    *,
    rng: jax.Array | None,
) -> jax.Array:
    """Sets a share of the values to zero at random, and divides the others by 1 - rate.

    Args:
        x: any array of a floating type.
        rate: the share set to zero, in [0, 1); 0 returns x. The range of a traced one is not
            checked.
        noise_shape: where an entry is 1, that axis shares its decisions; None (or the size of x)
            decides for each.
        rng: a `jax.random` key.

    Raises:
        ValueError: x is not of a floating type, or rate or noise_shape does not fit.
        TypeError: noise_shape is no sequence, or rng is None.

    Source: `tf.nn.dropout`.

    >>> dropout(jnp.ones((2, 4)), 0.5, noise_shape=[1, None], rng=jax.random.key(0))
    Array([[0., 0., 2., 2.],
           [0., 0., 2., 2.]], dtype=float32)
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"dropout: x has dtype {x.dtype}: expected a floating type to be scaled")
    shape = _noise_shape(noise_shape, x)
    if not isinstance(rate, Tracer):
        if not isinstance(rate, Real | np.ndarray | jax.Array) or not 0 <= rate < 1:
            raise spelling.error("dropout", "rate", rate, "a number in [0, 1)")
        if rate == 0:
            return x
        is_half = jnp.finfo(x.dtype).bits < 32
        rate = np.asarray(rate, jnp.float32 if is_half else x.dtype)  # 1 - 0.9 is 0.1 then
    if rng is None:
        raise spelling.error("dropout", "rng", rng, "a jax.random key", TypeError)
    return _dropout(x, rate, rng, shape)


@jax.jit
def l2_loss(t: ArrayLike) -> jax.Array:
    """Computes sum(t ** 2) / 2. Source: `tf.nn.l2_loss`.

    >>> l2_loss(jnp.array([1.0, 3.0]))
    Array(5., dtype=float32)
    """
    t = spelling.floating("l2_loss", "t", t)
    return (jnp.sum(jnp.square(spelling.widen(t))) / 2).astype(t.dtype)


def _noise_shape(noise_shape: Sequence[int | None] | None, x: jax.Array) -> tuple[int, ...]:
    """One entry per axis of x, 1 or its size; the missing ones are 1, as in broadcasting."""
    if noise_shape is None:
        return x.shape
    expected = f"entries of 1, None or the size, for an array of shape {x.shape}"
    if isinstance(noise_shape, str) or not isinstance(noise_shape, Sequence | np.ndarray):
        raise spelling.error("dropout", "noise_shape", noise_shape, expected, TypeError)
    if len(noise_shape) > x.ndim:
        raise spelling.error("dropout", "noise_shape", noise_shape, expected)
    missing = x.ndim - len(noise_shape)
    given = zip(noise_shape, x.shape[missing:], strict=True)
    shape = tuple(size if entry is None else entry for entry, size in given)
    shape = (1,) * missing + spelling.integers("dropout", "noise_shape", shape, expected)
    if any(n not in (1, size) for n, size in zip(shape, x.shape, strict=True)):
        raise spelling.error("dropout", "noise_shape", noise_shape, expected)
    return shape


@partial(jax.jit, static_argnames="axis")
def _bias_add(value: jax.Array, bias: jax.Array, axis: int) -> jax.Array:
    others = [other for other in range(value.ndim) if other != axis % value.ndim]
    return value + jnp.expand_dims(bias, others)


@jax.jit
def _matmul(inputs: jax.Array, kernel: jax.Array) -> jax.Array:
    return lowering.dense(inputs, kernel)


@partial(jax.jit, static_argnames="shape")
def _dropout(x: jax.Array, rate: jax.Array, rng: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    keep = jax.random.bernoulli(rng, 1 - rate, shape)
    scale = (1 / (1 - rate)).astype(x.dtype)
    return jnp.where(keep, x * scale, np.zeros((), x.dtype))
