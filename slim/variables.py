"""Slim's variables: made in collections, and found again by scope, suffix or pattern.

Patterns are matched as in TensorFlow, where the name of a variable ends in `:0`.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

import nn
from nn.graph import Array, GraphKeys, Variable, current_graph, nearest
from nn.variables import graph_name, variable_of_name
from slim.scoping import add_arg_scope


@add_arg_scope
def variable(
    name: str,
    shape: Sequence[int] | None = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Callable | None = None,
    trainable: bool = True,
    collections: Sequence[str] | None = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable | None = None,
    use_resource: bool | None = None,
) -> Array:
    """Return the variable `name` of the open scope, made if it is not there.

    The arguments are those of `nn.get_variable`. `caching_device`, `device` and `use_resource` are
    accepted for ported code and change nothing: JAX places arrays (`jax.device_put`, shardings).

    Raises:
      ValueError: a `partitioner` is given: use a sharding instead.

    >>> net = nn.transform(lambda: slim.variable('w', [2, 3]))
    >>> {name: p.shape for name, p in net.init(jax.random.key(0))[0].items()}
    {'w': (2, 3)}
    """
    if partitioner is not None:
        raise ValueError(
            f"variable {name!r}: partitioners have no meaning here. Shard the params with "
            "jax.device_put(params, NamedSharding(...))."
        )
    getter = nn.get_variable
    if custom_getter is not None:
        reuse = nn.get_variable_scope().reuse
        getter = functools.partial(custom_getter, reuse=reuse)
    keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else collections
    return getter(
        name,
        shape=shape,
        dtype=dtype,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=list(dict.fromkeys(keys)),
    )


@add_arg_scope
def model_variable(
    name: str,
    shape: Sequence[int] | None = None,
    dtype: Any = "float32",
    initializer: Any = None,
    regularizer: Callable | None = None,
    trainable: bool = True,
    collections: Sequence[str] | None = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable | None = None,
    use_resource: bool | None = None,
) -> Array:
    """Return the variable `name`, a part of the model: also in `MODEL_VARIABLES`.

    The arguments are those of `slim.variable`.

    >>> def model():
    ...     slim.model_variable('w', [2, 3])
    ...     return [v.name for v in slim.get_model_variables()]
    >>> net = nn.transform(model)
    >>> net.apply(*net.init(jax.random.key(0)))[0]
    ['w']
    """
    keys = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable.unheard(  # type: ignore[attr-defined]
        name,
        shape=shape,
        dtype=dtype,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=keys,
        caching_device=caching_device,
        device=device,
        partitioner=partitioner,
        custom_getter=custom_getter,
        use_resource=use_resource,
    )


def global_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Array:
    """Make a variable that no optimizer trains, and return its value; it belongs to `state`.

    Its name is below the open name scope, and made unique by `_1`, `_2` ...: it is never shared.

    Args:
      initial_value: an array, a number, or a function that returns one.
      validate_shape: accepted for ported code; a variable never changes its shape.
      name: its name; None: 'Variable'.
      use_resource: accepted for ported code; it changes nothing.

    Raises:
      ValueError: `initial_value` is None.

    Source: `slim.global_variable`.

    >>> net = nn.transform(lambda: slim.global_variable(0.5, name='temperature'))
    >>> net.init(jax.random.key(0))
    ({}, {'temperature': Array(0.5, dtype=float32)})
    """
    del validate_shape, use_resource
    return _untrained(initial_value, name, GraphKeys.GLOBAL_VARIABLES)


def local_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Array:
    """Make a variable for this run's own use: in `LOCAL_VARIABLES`, not in `GLOBAL_VARIABLES`.

    The arguments and errors are those of `slim.global_variable`; it too belongs to `state`.

    Source: `slim.local_variable`.

    >>> def model():
    ...     slim.local_variable(jnp.zeros(2), name='seen')
    ...     return [v.name for v in slim.get_local_variables()], slim.get_variables()
    >>> net = nn.transform(model)
    >>> net.apply(*net.init(jax.random.key(0)))[0]
    (['seen'], [])
    """
    del validate_shape, use_resource
    return _untrained(initial_value, name, GraphKeys.LOCAL_VARIABLES)


def _untrained(initial_value: Any, name: str | None, collection: str) -> Array:
    """Make what `tf.Variable(trainable=False)` makes: variable scopes do not rule it."""
    if callable(initial_value):
        initial_value = initial_value()
    if initial_value is None:
        raise ValueError(f"{collection}: initial_value must be an array or a number, got None.")
    value = initial_value if isinstance(initial_value, jax.Array) else np.asarray(initial_value)
    graph = current_graph("a variable")
    full_name = graph.unique_name(name or "Variable")
    while full_name in graph.variables:  # made by get_variable, which claims no name
        full_name = graph.unique_name(name or "Variable")
    return variable_of_name(
        graph,
        full_name,
        dtype=jax.dtypes.canonicalize_dtype(value.dtype),
        initializer=value,
        trainable=False,
        collections=[collection],
    )


def add_model_variable(var: Variable) -> None:
    """Add a variable to `MODEL_VARIABLES`, once.

    >>> def model():
    ...     slim.variable('w', [3])
    ...     slim.add_model_variable(slim.get_unique_variable('w'))
    ...     return [v.name for v in slim.get_model_variables()]
    >>> net = nn.transform(model)
    >>> net.apply(*net.init(jax.random.key(0)))[0]
    ['w']
    """
    if not any(item is var for item in nn.get_collection(GraphKeys.MODEL_VARIABLES)):
        nn.add_to_collection(GraphKeys.MODEL_VARIABLES, var)


def get_variables(
    scope: str | nn.VariableScope | None = None,
    suffix: str | None = None,
    collection: str = GraphKeys.GLOBAL_VARIABLES,
) -> list[Variable]:
    """Return the variables of a collection whose names begin with `scope` and end in `suffix`.

    Args:
      scope: a regular expression for the start of the name, or a variable scope.
      suffix: a regular expression for the end of the name.
      collection: where to look.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return [v.name for v in slim.get_variables('a', suffix='biases')]
    >>> net = nn.transform(model)
    >>> x = jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/biases']
    """
    name = scope.name if isinstance(scope, nn.VariableScope) else scope
    if suffix is not None:
        name = f"{name or ''}.*{suffix}{'' if ':' in suffix else ':'}"
    return nn.get_collection(collection, name)


def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Variable]:
    """Return the model's variables; the arguments are those of `get_variables`.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return [v.name for v in slim.get_model_variables(suffix='weights')]
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/weights']
    """
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Variable]:
    """Return the trainable variables; the arguments are those of `get_variables`.

    >>> def model(x):
    ...     slim.batch_norm(x)
    ...     return [v.name for v in slim.get_trainable_variables()]
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['BatchNorm/beta']
    """
    return get_variables(scope, suffix, GraphKeys.TRAINABLE_VARIABLES)


def get_local_variables(scope: Any = None, suffix: str | None = None) -> list[Variable]:
    """Return the local variables; the arguments are those of `get_variables`.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return slim.get_local_variables()
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    []
    """
    return get_variables(scope, suffix, GraphKeys.LOCAL_VARIABLES)


def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Variable]:
    """Return the variables whose names end in `suffix`.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return [v.name for v in slim.get_variables_by_suffix('biases')]
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/biases']
    """
    return get_variables(scope=scope, suffix=suffix)


def get_variables_by_name(given_name: str, scope: Any = None) -> list[Variable]:
    """Return the variables whose last name is `given_name`.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return [v.name for v in slim.get_variables_by_name('weights')]
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/weights']
    """
    return get_variables(scope=scope, suffix=f"/{given_name}:|^{given_name}:")


def get_unique_variable(var_op_name: str) -> Variable:
    """Return the one variable of this full name.

    Raises:
      ValueError: there is none.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return slim.get_unique_variable('a/weights').shape
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    (3, 3, 1, 4)
    """
    named = {candidate.name: candidate for candidate in get_variables()}
    if var_op_name in named:
        return named[var_op_name]
    raise ValueError(f"no variable is called {var_op_name!r}.{nearest(var_op_name, named)}")


def get_variable_full_name(var: Variable) -> str:
    """Return a variable's full name, its key in `params` or `state`.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return slim.get_variable_full_name(slim.get_variables()[0])
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    'a/weights'
    """
    return var.name


def get_variables_to_restore(
    include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
) -> list[Variable]:
    """Return the variables below the scopes `include` (all if None), without those of `exclude`.

    Args:
      include: regular expressions for the start of a name; what fits two of them is there twice.
      exclude: regular expressions for the start of a name.

    Raises:
      TypeError: one of the arguments is no list or tuple.

    >>> def model(x):
    ...     slim.conv2d(slim.conv2d(x, 4, 3, scope='a'), 4, 3, scope='logits')
    ...     return [v.name for v in slim.get_variables_to_restore(exclude=['logits'])]
    >>> net = nn.transform(model)
    >>> x = jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/weights', 'a/biases']
    """
    for argument, value in {"include": include, "exclude": exclude}.items():
        if value is not None and not isinstance(value, list | tuple):
            raise TypeError(f"{argument} must be a list or tuple of scopes, got {value!r}.")
    scopes = [None] if include is None else include
    kept = [v for scope in scopes for v in get_variables(scope)]
    dropped = {v for scope in exclude or () for v in get_variables(scope)}
    return [v for v in kept if v not in dropped]


def filter_variables(
    var_list: Sequence[Variable],
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    reg_search: bool = True,
) -> list[Variable]:
    """Return the variables whose names fit a pattern of the first list and none of the second.

    Args:
      var_list: the variables.
      include_patterns: regular expressions; None: all.
      exclude_patterns: regular expressions; None: none.
      reg_search: search anywhere in the name, not only at its start.

    >>> def model(x):
    ...     slim.conv2d(x, 4, 3, scope='a')
    ...     return [v.name for v in slim.filter_variables(slim.get_variables(), ['bias'])]
    >>> net, x = nn.transform(model), jnp.ones((1, 4, 4, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    ['a/biases']
    """
    fits = re.search if reg_search else re.match

    def any_fits(patterns: Sequence[str], variable: Variable) -> bool:
        return any(fits(pattern, graph_name(variable)) for pattern in patterns)

    return [
        v
        for v in var_list
        if (include_patterns is None or any_fits(include_patterns, v))
        and not any_fits(exclude_patterns or (), v)
    ]
