"""Layers without a window: dense, dropout, flatten."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

import nn
from layers import arguments
from layers.base import Layer, functional
from nn.control import is_known
from nn.graph import Array, Initializer


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Layer):
    """A matrix product over the last axis of `[..., C]`, giving `[..., units]`.

    Its variables are `kernel` `[C, units]` and `bias` `[units]`, below `dense`.

    Args:
      units: the number of outputs.
      activation: a function of the result, or None.
      use_bias: whether to add a bias.
      kernel_initializer: `f(key, shape, dtype)`; None: that of the variable scope, else
        glorot_uniform.
      bias_initializer: likewise; zeros.
      kernel_regularizer: a function of the kernel, added to the regularization losses.
      bias_regularizer: a function of the bias, likewise.
      activity_regularizer: a function of the output; its loss is divided by the batch size.
      kernel_constraint: the projection of the kernel after an optimizer's update.
      bias_constraint: likewise of the bias.
      trainable: whether the variables are trainable.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: `units` is no positive number, or the inputs have fewer than two dimensions.
      TypeError: the inputs are no floats.

    Source: `tf.layers.Dense`.

    >>> net = nn.transform(layers.Dense(10))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((2, 64)))
    >>> net.apply(params, state, jnp.ones((2, 64)))[0].shape
    (2, 10)
    """

    units: int
    activation: Callable | None = None
    use_bias: bool = True
    kernel_initializer: Initializer | None = None
    bias_initializer: Initializer | None = nn.zeros_initializer()
    kernel_regularizer: Callable | None = None
    bias_regularizer: Callable | None = None
    activity_regularizer: Callable | None = None
    kernel_constraint: Callable | None = None
    bias_constraint: Callable | None = None
    trainable: bool = True
    name: str | None = None

    bias: ClassVar[Any] = None  # if there is none

    def __post_init__(self):
        arguments.units("Dense", "units", self.units)

    def call(self, inputs: Array) -> Array:
        """Multiply by the kernel, add the bias, apply the activation."""
        arguments.rank_at_least("Dense", inputs, 2)
        units, dtype = int(self.units), jnp.dtype(self.dtype or inputs.dtype)
        arguments.floats("Dense", dtype)
        kernel = self._variable("kernel", (inputs.shape[-1], units), dtype)
        bias = self._variable("bias", (units,), dtype) if self.use_bias else None
        return self._activate(nn.dense(inputs.astype(dtype), kernel, bias))


@dataclass(frozen=True, eq=False, repr=False)
class Dropout(Layer):
    """In training, sets a fraction of the inputs to zero and scales the others up.

    Args:
      rate: the fraction to drop, at least 0 and less than 1.
      noise_shape: the shape of the flags; 1 shares a flag along an axis, None stands for the
        inputs' size.
      seed: makes the noise another one for the same key.
      name: the layer's name.

    `call(inputs, training=False)`: `training` is a bool, or an array of one bool.

    Raises:
      ValueError: `rate` is out of range, or `apply` got no `rng` in training.

    Source: `tf.layers.Dropout`.

    >>> def model(x):
    ...     return layers.Dropout(0.5)(x, training=True)
    >>> x, _ = nn.transform(model).apply({}, {}, jnp.ones(1000), rng=jax.random.key(0))
    >>> sorted(set(x.tolist()))
    [0.0, 2.0]
    """

    rate: float = 0.5
    noise_shape: Any = None
    seed: int | None = None
    name: str | None = None

    def __post_init__(self):
        if isinstance(self.rate, int | float) and not 0 <= self.rate <= 1:
            raise ValueError(f"Dropout: rate must be in [0, 1), got {self.rate}.")

    def call(self, inputs: Array, training: Any = False) -> Array:
        """Drop, if `training`."""
        if is_known(training) and not training:
            return inputs
        if isinstance(self.rate, int | float) and self.rate == 0:  # of any dtype, and without rng
            return inputs
        key = nn.next_rng_key()
        if self.seed is not None:
            key = jax.random.fold_in(key, self.seed)
        return nn.smart_cond(
            training,
            lambda: nn.dropout(inputs, self.rate, self.noise_shape, rng=key),
            lambda: inputs,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Layer):
    """Flattens `[N, ...]` to `[N, D]`; a vector `[N]` becomes `[N, 1]`.

    Args:
      data_format: with 'channels_first' the channels are moved to the end before.
      name: the layer's name.

    Source: `tf.layers.Flatten`.

    >>> nn.transform(layers.Flatten()).apply({}, {}, jnp.ones((2, 3, 4)))[0].shape
    (2, 12)
    """

    data_format: str | None = None
    name: str | None = None

    def call(self, inputs: Array) -> Array:
        """Flatten."""
        layout = arguments.layout("Flatten", self.data_format, 2)
        arguments.rank_at_least("Flatten", inputs, 1)
        if layout == "NCHW" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))


def flatten(
    inputs: Array, name: str | None = None, data_format: str | None = "channels_last"
) -> Array:
    """Call a new `layers.Flatten` on `inputs`; the class explains the arguments.

    >>> nn.transform(layers.flatten).apply({}, {}, jnp.ones((2, 3, 4)))[0].shape
    (2, 12)
    """
    return Flatten(data_format, name, _scope=name)(inputs)


dense = functional(Dense)
dropout = functional(Dropout, training=False)
