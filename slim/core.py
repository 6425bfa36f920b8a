"""Slim's layers without a window: fully connected, dropout, flatten, softmax, bias."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

import layers
import nn
from nn.graph import Array
from slim.scaffold import check, finish, model_scope, parameter, weighted
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs


@weighted("fully_connected")
def fully_connected(inputs: Array, num_outputs: int, **of_layer: Any) -> layers.Layer:
    """Multiply the last axis of `[..., C]` by weights, normalize or add a bias, activate.

    Its variables are `weights` `[C, num_outputs]` and, without a normalizer, `biases`
    `[num_outputs]`, below `fully_connected`, `fully_connected_1` ...

    Args:
      inputs: of rank 2 or more; the result keeps the leading axes, as in TensorFlow.
      num_outputs: the number of outputs, an int.
      **of_layer: what all layers with weights have.

    Raises:
      ValueError: `num_outputs` is no int, or the inputs have fewer than two dimensions.

    Source: `slim.fully_connected`.

    >>> net = nn.transform(lambda x: slim.fully_connected(x, 10, activation_fn=None))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((2, 64)))
    >>> {name: p.shape for name, p in params.items()}
    {'fully_connected/weights': (64, 10), 'fully_connected/biases': (10,)}
    """
    if not isinstance(num_outputs, int):
        raise ValueError(f"fully_connected: num_outputs must be an int, got {num_outputs!r}.")
    return layers.Dense(num_outputs, **of_layer)


linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=nn.relu)
relu6 = functools.partial(fully_connected, activation_fn=nn.relu6)
elu = functools.partial(fully_connected, activation_fn=nn.elu)
for _partial, _of in ((linear, None), (relu, "relu"), (relu6, "relu6"), (elu, "elu")):
    _partial.__doc__ = f"""`slim.fully_connected` with `activation_fn={_of}`.

    >>> slim.{_of or "linear"}.func is slim.fully_connected
    True
    """


@add_arg_scope
def dropout(
    inputs: Array,
    keep_prob: float = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> Array:
    """In training, set all but a fraction of the inputs to zero and scale the others up.

    Args:
      inputs: of any shape.
      keep_prob: the fraction to keep, more than 0 and at most 1.
      noise_shape: the shape of the flags; 1 shares a flag along an axis.
      is_training: a bool, or an array of one bool; True if not given.
      outputs_collections: collections for the output.
      scope: the scope.
      seed: makes the noise another one for the same key.

    Raises:
      ValueError: `keep_prob` is out of range, or `apply` got no `rng` in training.

    Source: `slim.dropout`.

    >>> net = nn.transform(lambda x: slim.dropout(x, is_training=False))
    >>> net.apply({}, {}, jnp.ones(3))[0]
    Array([1., 1., 1.], dtype=float32)
    """
    if isinstance(keep_prob, int | float) and not 0 <= keep_prob <= 1:
        raise ValueError(f"dropout: keep_prob must be in (0, 1], got {keep_prob}.")
    with model_scope(scope, "Dropout", inputs) as (opened, inputs):
        layer = layers.Dropout(1 - keep_prob, noise_shape, seed)
        outputs = layer.call(inputs, training=is_training)
        return collect_named_outputs(outputs_collections, opened.name, outputs)


@add_arg_scope
def flatten(inputs: Array, outputs_collections: Any = None, scope: Any = None) -> Array:
    """Flatten `[N, ...]` to `[N, D]`; a vector `[N]` becomes `[N, 1]`.

    Args:
      inputs: of rank 1 or more.
      outputs_collections: collections for the output.
      scope: the name scope.

    Raises:
      ValueError: the inputs are a scalar.

    Source: `slim.flatten`.

    >>> nn.transform(slim.flatten).apply({}, {}, jnp.ones((2, 3, 4)))[0].shape
    (2, 12)
    """
    with nn.name_scope(scope, "Flatten") as opened:
        outputs = layers.Flatten().call(jnp.asarray(inputs))
        return collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def softmax(logits: Array, scope: Any = None) -> Array:
    """Return the probabilities of logits over the last axis.

    Args:
      logits: of rank 2 or more.
      scope: the scope.

    Raises:
      ValueError: the logits have fewer than two dimensions.

    Source: `slim.softmax`.

    >>> nn.transform(slim.softmax).apply({}, {}, jnp.zeros((1, 2)))[0]
    Array([[0.5, 0.5]], dtype=float32)
    """
    with nn.variable_scope(scope, "softmax"):
        logits = jnp.asarray(logits)
        if logits.ndim < 2:
            raise ValueError(
                f"softmax: the logits must have at least 2 dimensions, got the shape "
                f"{logits.shape}."
            )
        return nn.softmax(logits)


@add_arg_scope
def bias_add(
    inputs: Array,
    activation_fn: Callable | None = None,
    initializer: Callable | None = nn.zeros_initializer(),
    regularizer: Callable | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Array:
    """Add a bias to each channel; also a normalizer that only adds biases.

    Its variable is `biases` `[C]`, below `BiasAdd`.

    Args:
      inputs: `[N, ..., C]`, or `[N, C, ...]` with 'NCHW'.
      activation_fn: a function of the result, or None.
      initializer: of the biases.
      regularizer: a function of the biases, added to the regularization losses.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for `biases`.
      outputs_collections: collections for the output.
      trainable: whether the biases are trainable.
      data_format: 'NHWC' or 'NCHW'.
      scope: the variable scope.

    Raises:
      ValueError: the data format is another, or does not fit the inputs.

    Source: `slim.bias_add`.

    >>> net = nn.transform(slim.bias_add)
    >>> list(net.init(jax.random.key(0), jnp.ones((2, 3)))[0])
    ['BiasAdd/biases']
    """
    check("bias_add", "data_format", data_format, "NCHW", "NHWC")
    with nn.variable_scope(scope, "BiasAdd", reuse=reuse) as opened:
        inputs = jnp.asarray(inputs)
        if data_format == "NCHW" and inputs.ndim != 4:
            raise ValueError(
                f"bias_add: NCHW needs inputs of 4 dimensions, got the shape {inputs.shape}."
            )
        axis = 1 if data_format == "NCHW" else -1
        shape = [inputs.shape[axis]]
        biases = parameter(
            "biases",
            shape,
            inputs.dtype,
            initializer,
            variables_collections,
            trainable,
            regularizer,
        )
        outputs = nn.bias_add(inputs, biases, data_format)
        return finish(outputs, activation_fn, outputs_collections, opened.name)
