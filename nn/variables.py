"""Variables by name: made on the first run, read on every other one."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nn.graph import (
    Array,
    Graph,
    GraphKeys,
    Initializer,
    NamedLoss,
    Variable,
    current_graph,
    nearest,
)
from nn.initializers import glorot_uniform_initializer, zeros_initializer
from nn.scopes import AUTO_REUSE, check_name, open_scope
from nn.site import call_site

_glorot_uniform = glorot_uniform_initializer()
_zeros = zeros_initializer()


def get_variable(
    name: str,
    shape: Sequence[int] | int | None = None,
    dtype: Any = None,
    initializer: Initializer | Array | None = None,
    regularizer: Callable | None = None,
    trainable: bool | None = None,
    collections: Sequence[str] | None = None,
    custom_getter: Callable | None = None,
    constraint: Callable | None = None,
) -> Array:
    """Return the variable `name` of the open variable scope, as `tf.get_variable`.

    Args:
      name: its name below the open variable scope.
      shape: its shape; not needed with an array for `initializer`.
      dtype: float32 unless the scope says otherwise.
      initializer: `initializer(key, shape, dtype)`, or an array. None: the scope's, else
        glorot_uniform for floats and zeros for integers and booleans.
      regularizer: `regularizer(value)` adds to the regularization losses.
      trainable: True (default): it belongs to `params`; False: to `state`.
      collections: the collections to add it to; the default is the global variables.
      custom_getter: `custom_getter(getter, name, **kwargs)` around the making.
      constraint: the projection to apply after an optimizer's update.

    Returns:
      Its present value, an array of `shape`.

    Raises:
      ValueError: it is there already and the scope does not reuse; it is not there and the scope
        does; its shape is not the one asked for, or not known.

    >>> net = nn.transform(lambda x: x * nn.get_variable('scale', [3]))
    >>> params, state = net.init(jax.random.key(0), jnp.ones(3))
    >>> list(params), params['scale'].shape
    (['scale'], (3,))
    """
    graph = current_graph(f"get_variable({name!r})")
    scope = open_scope(graph)
    getter = custom_getter or scope.custom_getter
    make = functools.partial(variable_of_name, graph)
    return (functools.partial(getter, make) if getter else make)(
        f"{scope.name}/{name}" if scope.name else name,
        shape=shape,
        dtype=scope.dtype or jnp.float32 if dtype is None else dtype,
        initializer=scope.initializer if initializer is None else initializer,
        regularizer=scope.regularizer if regularizer is None else regularizer,
        reuse=scope.reuse,
        trainable=trainable,
        collections=collections,
        constraint=scope.constraint if constraint is None else constraint,
    )


def variable_of_name(
    graph: Graph,
    name: str,
    shape: Sequence[int] | int | None = None,
    dtype: Any = jnp.float32,
    initializer: Any = None,
    regularizer: Callable | None = None,
    reuse: Any = None,
    trainable: bool | None = None,
    collections: Sequence[str] | None = None,
    constraint: Callable | None = None,
) -> Array:
    """Get or make the variable of this full name: the getter that custom getters end in."""
    dtype = np.dtype(dtype)
    size = (shape,) if isinstance(shape, int) else None if shape is None else tuple(shape)
    variable = graph.variables.get(name)
    if variable is not None:
        _check_reuse(variable, size, dtype, reuse)
    else:
        if reuse is True:
            raise ValueError(
                f"variable {name!r} at {call_site()} does not exist, and its scope has reuse=True. "
                f"Use reuse=nn.AUTO_REUSE to make it.{nearest(name, graph.variables)}"
            )
        graph.check_trace(f"making the variable {name!r}")
        check_name(name, at_root=True)
        size, initializer = _first_value(name, size, dtype, initializer)
        trainable = trainable is None or bool(trainable)
        variable = Variable(name, size, dtype, trainable, initializer, constraint, call_site())
        _add(graph, variable, collections)
        if regularizer is not None:
            regularize(name, regularizer)
    if graph.call is not None:
        graph.call.used.append(variable)
    return graph.values[name]


def _first_value(
    name: str, shape: tuple | None, dtype: np.dtype, initializer: Any
) -> tuple[tuple[int, ...], Initializer]:
    """Return the shape and the initializer of a new variable."""
    if initializer is None:
        initializer = _glorot_uniform if jnp.issubdtype(dtype, jnp.floating) else _zeros
    elif not callable(initializer):
        if shape is not None:
            raise ValueError(
                f"variable {name!r} at {call_site()}: an array as initializer has its own shape; "
                "leave shape out."
            )
        value = (jnp if isinstance(initializer, jax.Array) else np).asarray(initializer, dtype)
        return value.shape, lambda key, shape, dtype: jnp.asarray(value)
    if shape is None:
        raise ValueError(f"variable {name!r} at {call_site()}: its shape is needed to make it.")
    return tuple(int(n) for n in shape), initializer  # type: ignore[return-value]


def _add(graph: Graph, variable: Variable, collections: Sequence[str] | None) -> None:
    """Give a new variable its value in this run, and list it in its collections."""
    graph.variables[variable.name] = variable
    graph.values[variable.name] = graph.first_value(variable)
    keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
    if variable.trainable:
        keys.append(GraphKeys.TRAINABLE_VARIABLES)
    for key in dict.fromkeys(keys):
        graph.collections.setdefault(key, []).append(variable)
    if graph.call is not None:
        graph.call.variables.append(variable)


def _check_reuse(known: Variable, shape: Any, dtype: Any, reuse: Any) -> None:
    """Refuse to use a variable again where the scope does not reuse or where it does not fit."""
    if reuse is not True and reuse is not AUTO_REUSE:
        raise ValueError(
            f"variable {known.name!r} at {call_site()} already exists: {known.site} made it. "
            "To share it, open its scope with reuse=True or reuse=nn.AUTO_REUSE; to have another, "
            "give the layer another name."
        )
    if shape is not None and shape != known.shape:
        raise ValueError(
            f"variable {known.name!r} at {call_site()} is asked for with shape {shape}, but "
            f"{known.site} made it with {known.shape}."
        )
    if np.dtype(dtype) != known.dtype:
        raise ValueError(
            f"variable {known.name!r} at {call_site()} is asked for with dtype {np.dtype(dtype)}, "
            f"but {known.site} made it with {known.dtype}."
        )


def assign(name: str, value: Array) -> None:
    """Give a non-trainable variable of the open variable scope a new value.

    The run's `apply` returns it in `state`.

    Raises:
      ValueError: it is trainable, the value has another shape or dtype, or the model runs this
        inside a jit, grad, scan ... of its own.

    >>> def count():
    ...     n = nn.get_variable('n', [], jnp.int32, trainable=False)
    ...     nn.assign('n', n + 1)
    >>> net = nn.transform(count)
    >>> _, state = net.apply(*net.init(jax.random.key(0)))
    >>> int(state['n'])
    1
    """
    graph = current_graph(f"assign({name!r})")
    scope = open_scope(graph)
    graph.assign(f"{scope.name}/{name}" if scope.name else name, value)


def next_rng_key() -> Array:
    """Return the next random key of this run: keys depend on `rng` and on the order of asking.

    Raises:
      ValueError: `apply` was given no `rng`.

    >>> net = nn.transform(lambda: jax.random.uniform(nn.next_rng_key()))
    >>> value, _ = net.apply({}, {}, rng=jax.random.key(0))
    """
    graph = current_graph("next_rng_key")
    graph.check_trace("drawing a random key")
    if graph.rng is None:
        raise ValueError(
            f"{call_site()} draws random numbers (dropout in training mode?) and apply was given "
            "no key: net.apply(params, state, ..., rng=jax.random.key(0))."
        )
    key = jax.random.fold_in(graph.rng, graph.draws)
    graph.draws += 1
    return key


def add_to_collection(name: str, value: Any) -> None:
    """Append a value to the graph's collection `name`, as `tf.add_to_collection`.

    >>> def fn(x):
    ...     nn.add_to_collection('end_points', x)
    ...     return len(nn.get_collection('end_points'))
    >>> nn.transform(fn).apply({}, {}, 1.0)[0]
    1
    """
    graph = current_graph("add_to_collection")
    graph.check_trace(f"adding to the collection {name!r}")
    graph.collections.setdefault(name, []).append(value)


def get_collection(name: str, scope: str | None = None) -> list:
    """Return a list of what the graph's collection `name` holds, as `tf.get_collection`.

    Args:
      name: the collection; `nn.GraphKeys` has the standard ones.
      scope: a regular expression: only the values whose name it matches at the start. As in
        TensorFlow a name ends in `:0` here.

    >>> net = nn.transform(lambda: nn.get_collection(nn.GraphKeys.GLOBAL_VARIABLES))
    >>> net.apply({}, {})[0]
    []
    """
    values = current_graph("get_collection").collections.get(name, ())
    if scope is not None:
        values = [v for v in values if re.match(scope, graph_name(v))]
    values = [v.loss() if isinstance(v, NamedLoss) else v for v in values]
    return [v for v in values if v is not None]


def graph_name(value: Any) -> str:
    """Return the name that patterns are matched with: TensorFlow's, of the first output."""
    name = getattr(value, "name", None)
    return f"{name}:0" if name else ""


def add_regularization(name: str, loss: Callable[[], Array | None]) -> None:
    """Remember a regularization loss: `loss()` is called when the losses are asked for.

    Args:
      name: its name, by which `get_regularization_losses` filters.
      loss: returns a scalar, or None for no loss.

    >>> def fn(x):
    ...     nn.add_regularization('penalty', lambda: jnp.sum(x))
    ...     return nn.get_regularization_losses('penalty')
    >>> [float(loss) for loss in nn.transform(fn).apply({}, {}, jnp.ones(3))[0]]
    [3.0]
    """
    add_to_collection(GraphKeys.REGULARIZATION_LOSSES, NamedLoss(name, loss))


def regularize(
    variable: str, regularizer: Callable[[Array], Array | None], name: str | None = None
) -> None:
    """Make `regularizer(value of variable)` a regularization loss.

    Args:
      variable: the variable's full name.
      regularizer: a function of its value, which may return None for no loss.
      name: what the name of the loss begins with, if not with that of the variable.
    """
    graph = current_graph("regularize")
    of = getattr(regularizer, "__name__", type(regularizer).__name__)
    add_regularization(
        f"{name or variable}/Regularizer/{of}", lambda: regularizer(graph.values[variable])
    )


def get_regularization_losses(scope: str | None = None) -> list[Array]:
    """Return the regularization losses of the variables made so far, as scalars.

    They are computed from the present values, here: a model whose losses nobody asks for does not
    compute them.

    Args:
      scope: a regular expression that the start of a loss's name must match.

    >>> def fn(x):
    ...     nn.get_variable('w', regularizer=jnp.sum, initializer=jnp.ones(3))
    ...     return nn.get_regularization_losses()
    >>> net = nn.transform(fn)
    >>> params, state = net.init(jax.random.key(0), 0)
    >>> [float(loss) for loss in net.apply(params, state, 0)[0]]
    [3.0]
    """
    return get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)
