"""The global step: the counter of training steps that TF1 keeps in the graph, here in `state`."""

from typing import Any

import jax
import jax.numpy as jnp

import nn
from nn.graph import Array, Graph, GraphKeys, current_graph


def create_global_step(graph: Graph | None = None) -> Array:
    """Make the global step, 0 at first, and return its value: an int32 scalar of `state`.

    It is the variable `global_step` of the open variable scope, in the collections
    `GLOBAL_VARIABLES` and `GLOBAL_STEP`. TensorFlow's is an int64, which JAX has only if asked.

    Args:
      graph: the graph of the run; None: the present one.

    Raises:
      ValueError: there is one already.
      TypeError: what is there is no integer scalar, or `graph` is no graph.

    Source: `slim.create_global_step`.

    >>> def count():
    ...     step = slim.create_global_step()
    ...     nn.assign('global_step', step + 1)
    >>> net = nn.transform(count)
    >>> _, state = net.apply(*net.init(jax.random.key(0)))
    >>> state
    {'global_step': Array(1, dtype=int32)}
    """
    if get_global_step(graph) is not None:
        raise ValueError(
            "create_global_step: there is a global step already; read it with "
            "slim.get_global_step(), or write slim.get_or_create_global_step()."
        )
    return nn.get_variable(
        "global_step",
        [],
        jnp.int32,
        nn.zeros_initializer(),
        trainable=False,
        collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
    )


def get_global_step(graph: Graph | None = None) -> Array | None:
    """Return the value of the global step, or None if there is none, or more than one.

    It is what stands alone in the collection `GLOBAL_STEP`, or else the variable `global_step`.

    Args:
      graph: the graph of the run; None: the present one.

    Raises:
      TypeError: it is no integer scalar, or `graph` is no graph.

    Source: `slim.get_global_step`.

    >>> nn.transform(slim.get_global_step).apply({}, {})[0] is None
    True
    """
    graph = current_graph("get_global_step") if graph is None else graph
    if not isinstance(graph, Graph):
        raise TypeError(f"graph must be None, for the graph of the running model, got {graph!r}.")
    listed = graph.collections.get(GraphKeys.GLOBAL_STEP, ())
    if len(listed) > 1:
        return None
    step = listed[0] if listed else graph.variables.get("global_step")
    if step is None:
        return None
    assert_global_step(step)
    return graph.values[step.name] if isinstance(step, nn.Variable) else step


def get_or_create_global_step(graph: Graph | None = None) -> Array:
    """Return the value of the global step, which is made if it is not there.

    The arguments and errors are those of `slim.create_global_step`.

    Source: `slim.get_or_create_global_step`.

    >>> def rate():
    ...     return 0.1 * 0.5 ** slim.get_or_create_global_step()
    >>> net = nn.transform(rate)
    >>> round(float(net.apply({}, {'global_step': jnp.asarray(2)})[0]), 4)
    0.025
    """
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor: Any) -> None:
    """Refuse what cannot be a global step.

    Args:
      global_step_tensor: an array or an `nn.Variable`.

    Raises:
      TypeError: it is neither, or not a scalar, or not an integer.

    Source: `slim.assert_global_step`.

    >>> slim.assert_global_step(jnp.asarray(3))
    """
    if not isinstance(global_step_tensor, jax.Array | nn.Variable):
        raise TypeError(
            f"global_step_tensor must be an array or a variable, got {global_step_tensor!r}."
        )
    dtype, shape = global_step_tensor.dtype, global_step_tensor.shape
    if shape or not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"a global step must be an integer scalar, got {dtype}{list(shape)}.")


def assert_or_get_global_step(
    graph: Graph | None = None, global_step_tensor: Any = None
) -> Any | None:
    """Return `global_step_tensor` if it can be a global step; if it is None, the global step.

    The arguments and errors are those of `slim.get_global_step` and `slim.assert_global_step`.

    Source: `slim.assert_or_get_global_step`.

    >>> int(slim.assert_or_get_global_step(global_step_tensor=jnp.asarray(3)))
    3
    """
    if global_step_tensor is None:
        return get_global_step(graph)
    assert_global_step(global_step_tensor)
    return global_step_tensor
