"""A model function made pure: `init` gives its variables their first values, `apply` runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from nn.expressions import Expression
from nn.graph import Array, Graph, Variable, given_values
from nn.summary import Row, rows_of, table

Values = dict[str, Array]


@dataclass(frozen=True)
class Transformed:
    """The pure functions of a model; `nn.transform` makes it.

    Variables live in two flat dicts keyed by their full TF1 names: `params` holds the trainable
    ones, `state` all others, such as the moving statistics of batch norm.

    >>> isinstance(nn.transform(layers.Dense(3)), nn.Transformed)
    True
    """

    fn: Callable[..., Any]

    def init(self, rng: Array, *args: Any, **kwargs: Any) -> tuple[Values, Values]:
        """Make the variables that the model asks for when called with these arguments.

        The model is only traced, not computed: the cost is that of the initializers (unless the
        model itself computes an initial value). The n-th variable made draws from
        `fold_in(rng, n)`, whatever its name.

        Returns:
          `params, state`.

        >>> net = nn.transform(layers.Dense(3))
        >>> params, state = net.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> {name: p.shape for name, p in params.items()}, state
        ({'dense/kernel': (4, 3), 'dense/bias': (3,)}, {})
        """
        values: Values = {}

        def make(variable: Variable) -> Array:
            key = jax.random.fold_in(rng, len(values))
            value = variable.initializer(key, variable.shape, variable.dtype)
            values[variable.name] = value
            return value

        variables, is_computed = _traced(self.fn, args, kwargs)
        if is_computed:
            with Graph(make, None, rng):
                self.fn(*args, **kwargs)
        else:
            for variable in variables:
                make(variable)
        params = {v.name: values[v.name] for v in variables if v.trainable}
        return params, {v.name: values[v.name] for v in variables if not v.trainable}

    def apply(
        self,
        params: Mapping[str, Array],
        state: Mapping[str, Array],
        *args: Any,
        rng: Array | None = None,
        **kwargs: Any,
    ) -> tuple[Any, Values]:
        """Run the model.

        Args:
          params: the trainable variables.
          state: the other variables.
          *args: go to the model.
          rng: a random key, needed where the model draws random numbers (dropout in training).
          **kwargs: go to the model.

        Returns:
          `out, state`: what the model returned, and the state it left.

        Raises:
          ValueError: a variable is missing, has another shape, or is in both dicts.

        >>> net = nn.transform(layers.Dense(3))
        >>> x = jnp.ones((2, 4))
        >>> params, state = net.init(jax.random.key(0), x)
        >>> out, state = jax.jit(net.apply)(params, state, x)
        >>> out.shape
        (2, 3)
        """
        if twice := params.keys() & state.keys():
            raise ValueError(f"apply: in params and in state as well: {', '.join(sorted(twice))}.")
        with Graph(given_values({**params, **state}), state, rng) as graph:
            out = self.fn(*args, **kwargs)
        return out, graph.state

    def variables(self, *args: Any, **kwargs: Any) -> tuple[Variable, ...]:
        """List the variables in the order in which they are made, computing nothing.

        The arguments are those of the model; `jax.ShapeDtypeStruct` will do for arrays.

        >>> net = nn.transform(layers.Dense(3))
        >>> [(v.name, v.shape) for v in net.variables(jnp.ones((2, 4)))]
        [('dense/kernel', (4, 3)), ('dense/bias', (3,))]
        """
        return _traced(self.fn, args, kwargs)[0]

    def rows(self, *args: Any, **kwargs: Any) -> list[Row]:
        """Return the rows of `tabulate` as records."""
        return rows_of(lambda: _traced(self.fn, args, kwargs))

    def tabulate(self, *args: Any, **kwargs: Any) -> str:
        """Return a table of the layer calls, computing nothing.

        Its columns: the scope, the op, the arguments that differ from their defaults, the output's
        shape, the variables made, the number of trainable parameters, FLOPs (two per multiply-add).

        >>> print(nn.transform(layers.Dense(3)).tabulate(jnp.ones((2, 4))))
        scope  op     arguments  output  variables             parameters  FLOPs
        dense  Dense  units=3    [2, 3]  kernel[4,3], bias[3]          15     48
        total                                                          15     48
        """
        return table(self.rows(*args, **kwargs))


def transform(fn: Callable[..., Any]) -> Transformed:
    """Make the pure functions `init` and `apply` of a model.

    Args:
      fn: a function that calls layers, or a layer; anything callable.

    >>> def model(images):
    ...     return layers.dense(layers.flatten(images), 10)
    >>> net = nn.transform(model)
    >>> params, state = net.init(jax.random.key(0), jnp.ones((2, 4, 4, 1)))
    >>> sorted(params)
    ['dense/bias', 'dense/kernel']
    """
    return Transformed(fn)


def _traced(fn: Callable[..., Any], args: tuple, kwargs: dict) -> tuple[tuple[Variable, ...], bool]:
    """Run `fn` abstractly, with concrete values for every argument that is no array.

    Returns:
      The variables it makes, and whether it computes the initial value of any itself.
    """
    leaves, structure = jax.tree.flatten((args, kwargs))
    is_array = [isinstance(x, jax.Array | np.ndarray | jax.ShapeDtypeStruct) for x in leaves]
    variables: list[Variable] = []
    computed: list[Variable] = []
    key = jax.random.key(0)

    def zeros(variable: Variable) -> Array:
        variables.append(variable)
        if _closes_over_traced(variable, key):
            computed.append(variable)
        return jnp.zeros(variable.shape, variable.dtype)

    def run(arrays: list) -> None:
        traced = iter(arrays)
        filled = [next(traced) if a else x for x, a in zip(leaves, is_array, strict=True)]
        args, kwargs = jax.tree.unflatten(structure, filled)
        with Graph(zeros, None, key):
            fn(*args, **kwargs)

    jax.eval_shape(run, [x for x, a in zip(leaves, is_array, strict=True) if a])
    return tuple(variables), bool(computed)


def _closes_over_traced(variable: Variable, key: Array) -> bool:
    """Tell whether an initializer uses what the model computes, which is not known in tracing."""
    if isinstance(variable.initializer, Expression):
        return False  # those of this library use their arguments alone
    make = partial(variable.initializer, key, variable.shape, variable.dtype)
    return any(isinstance(x, Tracer) for x in jax.make_jaxpr(make)().consts)
