"""The same layer several times in a row."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

import nn
from nn.graph import Array


def repeat(
    inputs: Array, repetitions: int, layer: Callable[..., Array], *args: Any, **kwargs: Any
) -> Array:
    """Apply a layer several times: `y = layer(y, *args, **kwargs)`.

    With `scope='conv'` the variables are below `conv/conv_1`, `conv/conv_2` ...; without, the
    scope is `Repeat` and the inner names come from the layer's.

    Args:
      inputs: the input of the first.
      repetitions: how many times.
      layer: a function that takes `scope`.
      *args: its arguments after the inputs.
      **kwargs: its keyword arguments, and the `scope` of all.

    Source: `slim.repeat`.

    >>> net = nn.transform(lambda x: slim.repeat(x, 2, slim.conv2d, 8, 3, scope='conv'))
    >>> [v.name for v in net.variables(jnp.ones((1, 4, 4, 1)))][::2]
    ['conv/conv_1/weights', 'conv/conv_2/weights']
    """
    scope = kwargs.pop("scope", None)
    with nn.variable_scope(scope, "Repeat"):
        outputs = jnp.asarray(inputs)
        name = scope or _name(layer, "repeat")
        for i in range(1, repetitions + 1):
            outputs = layer(outputs, *args, **kwargs, scope=f"{name}_{i}")
        return outputs


def stack(
    inputs: Array, layer: Callable[..., Array], stack_args: Sequence[Any], **kwargs: Any
) -> Array:
    """Apply a layer several times with other arguments each time.

    The scopes are named as in `repeat`, with `Stack` for `Repeat`.

    Args:
      inputs: the input of the first.
      layer: a function that takes `scope`.
      stack_args: for each time its arguments after the inputs: one, or a list or tuple of them.
      **kwargs: the keyword arguments of each, and the `scope` of all.

    Raises:
      ValueError: `stack_args` is no list or tuple.

    Source: `slim.stack`.

    >>> net = nn.transform(lambda x: slim.stack(x, slim.fully_connected, [8, 4], scope='fc'))
    >>> [v.name for v in net.variables(jnp.ones((1, 4)))][::2]
    ['fc/fc_1/weights', 'fc/fc_2/weights']
    """
    scope = kwargs.pop("scope", None)
    if not isinstance(stack_args, list | tuple):
        raise ValueError(f"stack: stack_args must be a list or tuple, got {stack_args!r}.")
    with nn.variable_scope(scope, "Stack"):
        outputs = jnp.asarray(inputs)
        name = scope or _name(layer, "stack")
        for i, args in enumerate(stack_args, 1):
            args = args if isinstance(args, list | tuple) else [args]
            outputs = layer(outputs, *args, **kwargs, scope=f"{name}_{i}")
        return outputs


def _name(layer: Any, default: str) -> str:
    """What TensorFlow calls the scopes of a layer: its name, or that of the partial's function."""
    return getattr(layer, "__name__", None) or getattr(
        getattr(layer, "func", None), "__name__", default
    )
