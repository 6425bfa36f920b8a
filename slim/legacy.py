"""The fully connected layer of the first TF-Slim, with variables and collections of its own."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

import nn
from nn.graph import Array, GraphKeys
from slim.initializers import xavier_initializer
from slim.scaffold import count


def legacy_fully_connected(
    x: Array,
    num_output_units: int,
    activation_fn: Callable | None = None,
    weight_init: Callable = xavier_initializer(),
    bias_init: Callable | None = nn.zeros_initializer(),
    name: str | None = None,
    weight_collections: Sequence[str] | None = (GraphKeys.WEIGHTS,),
    bias_collections: Sequence[str] | None = (GraphKeys.BIASES,),
    output_collections: Sequence[str] | None = (GraphKeys.ACTIVATIONS,),
    trainable: bool = True,
    weight_regularizer: Callable | None = None,
    bias_regularizer: Callable | None = None,
) -> Array:
    """Multiply the last axis of `[..., C]` by weights, add a bias, activate.

    Its variables are `weights` `[C, num_output_units]` and `bias` `[num_output_units]`, below
    `fully_connected`; they are no model variables.

    Args:
      x: of rank 2 or more.
      num_output_units: the number of outputs.
      activation_fn: a function of the result, or None.
      weight_init: `f(key, shape, dtype)`.
      bias_init: likewise; None: no bias.
      name: the variable scope.
      weight_collections: collections for the weights, besides that of all variables.
      bias_collections: likewise for the bias.
      output_collections: collections for the output, besides `activations`.
      trainable: whether the variables are trainable.
      weight_regularizer: a function of the weights, added to the regularization losses.
      bias_regularizer: a function of the bias.

    Raises:
      ValueError: the inputs have fewer than two dimensions, or `num_output_units` is negative.
      TypeError: `num_output_units` is no int.

    Source: `slim.legacy_fully_connected`.

    >>> net = nn.transform(lambda x: slim.legacy_fully_connected(x, 10))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((2, 64)))
    >>> {name: p.shape for name, p in params.items()}
    {'fully_connected/weights': (64, 10), 'fully_connected/bias': (10,)}
    """
    with nn.variable_scope(name, "fully_connected"):
        x = jnp.asarray(x)
        if x.ndim < 2:
            raise ValueError(
                f"legacy_fully_connected: x must have at least 2 dimensions, got the shape "
                f"{x.shape}."
            )

        def made(name: str, shape: list, first: Any, regularizer: Any, listed: Any) -> Array:
            return nn.get_variable(
                name,
                shape,
                x.dtype,
                first,
                regularizer,
                trainable,
                [*(listed or ()), GraphKeys.GLOBAL_VARIABLES],
            )

        units = count("legacy_fully_connected", "num_output_units", num_output_units)
        shape = [x.shape[-1], units]
        weights = made("weights", shape, weight_init, weight_regularizer, weight_collections)
        bias = None
        if bias_init is not None:
            bias = made("bias", shape[1:], bias_init, bias_regularizer, bias_collections)
        outputs = nn.dense(x, weights, bias)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        for collection in {GraphKeys.ACTIVATIONS, *(output_collections or ())}:
            nn.add_to_collection(collection, outputs)
        return outputs


legacy_linear = functools.partial(legacy_fully_connected, activation_fn=None)
legacy_relu = functools.partial(legacy_fully_connected, activation_fn=nn.relu)
for _partial, _of in ((legacy_linear, None), (legacy_relu, "relu")):
    _partial.__doc__ = f"""`slim.legacy_fully_connected` with `activation_fn={_of}`.

    >>> slim.legacy_{_of or "linear"}.func is slim.legacy_fully_connected
    True
    """
