"""One run of a model: what TensorFlow 1 kept in its default graph, alive only while `init` or
`apply` runs.

A `Graph` holds the variables of the run, their present values, the open scopes and the
collections. It stands in a `ContextVar`, so that a thread or an asyncio task sees its own.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.extend
import jax.numpy as jnp

from nn.site import Site, call_site

Array = jax.Array
Initializer = Callable[[Array, Sequence[int], Any], Array]

_current: ContextVar["Graph | None"] = ContextVar("graph", default=None)


class GraphKeys:
    """The names of the standard collections, as in `tf.GraphKeys`.

    >>> nn.GraphKeys.UPDATE_OPS
    'update_ops'
    """

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    UPDATE_OPS = "update_ops"
    SUMMARIES = "summaries"
    ACTIVATIONS = "activations"
    WEIGHTS = "weights"
    BIASES = "biases"
    GLOBAL_STEP = "global_step"


@dataclass(frozen=True, eq=False)
class Variable:
    """What is known of a variable before it has a value: `net.variables(...)` lists these.

    Attributes:
      name: the full TF1 name, which is also its key in `params` or `state`.
      shape: a tuple of ints.
      dtype: a NumPy dtype.
      trainable: whether it stands in `params` (True) or in `state` (False).
      initializer: `initializer(key, shape, dtype)` makes its first value.
      constraint: the projection to apply after an optimizer's update, or None.
      site: the user's line that made it.

    >>> kernel, bias = nn.transform(layers.Dense(3)).variables(jnp.ones((2, 4)))
    >>> kernel.name, kernel.shape, kernel.trainable
    ('dense/kernel', (4, 3), True)
    """

    name: str
    shape: tuple[int, ...]
    dtype: Any
    trainable: bool
    initializer: Initializer = field(repr=False)
    constraint: Callable[[Array], Array] | None = field(repr=False)
    site: Site

    @property
    def op(self) -> "Variable":
        """Itself: TF1 code writes `variable.op.name`."""
        return self

    @property
    def value(self) -> Array:
        """Its present value, inside `init` or `apply`."""
        return current_graph("Variable.value").values[self.name]

    def __jax_array__(self) -> Array:
        return self.value


class NamedLoss(NamedTuple):
    """A promise of a loss in a collection, kept when the collection is asked for."""

    name: str
    loss: Callable[[], Array | None]


class Graph:
    """The mutable state of one run; it dies with the run.

    Args:
      first_value: gives a variable the value that it has when the run first asks for it.
      state: the values that the run may assign to, and returns; None in `init`, where every
        variable that is not trainable may be assigned.
      rng: the key that random layers draw from, or None.
    """

    def __init__(
        self,
        first_value: Callable[[Variable], Array],
        state: Mapping[str, Array] | None,
        rng: Array | None,
    ):
        self.first_value = first_value
        self.is_init = state is None
        self.state = dict(state or {})
        self.rng = rng
        self.draws = 0
        self.variables: dict[str, Variable] = {}
        self.values: dict[str, Array] = {}
        self.collections: dict[str, list] = {}
        self.named_outputs: dict[str, list[tuple[str, Array]]] = {}
        self.layers: dict[Any, Any] = {}  # a layer -> its copy in this run
        self.scope: Any = None  # the open VariableScope, set by nn.scopes
        self.call: Any = None  # the layer call being recorded, set by nn.calls
        self.scope_counts: dict[str, int] = {}
        self.name_scope = ""
        self.names_in_use: dict[str, int] = {}
        # Values made under another trace (an inner jit, grad, scan ...) would outlive it here.
        self.trace = jax.extend.core.get_opaque_trace_state(convention="slimlayers")

    def __enter__(self) -> "Graph":
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)

    def check_trace(self, what: str) -> None:
        """Refuse `what` inside a JAX transformation that was opened inside the model."""
        if self.trace != jax.extend.core.get_opaque_trace_state(convention="slimlayers"):
            raise ValueError(
                f"{what} at {call_site()} happens inside a jit, grad, vmap, scan, cond or "
                "checkpoint that was opened inside the model, and its value would leak out of it. "
                "Transform the inner block with nn.transform and pass its params in, or put the "
                "jit around init and apply."
            )

    def unique_name(self, name: str) -> str:
        """Return `name` below the open name scope, with `_1`, `_2` ... if it was used before."""
        path = f"{self.name_scope}/{name}" if self.name_scope else name
        key = path.lower()  # TF1 compares names without case
        seen = self.names_in_use.get(key, 0)
        self.names_in_use[key] = seen + 1
        if not seen:
            return path
        while f"{key}_{seen}" in self.names_in_use:
            seen += 1
        self.names_in_use[f"{key}_{seen}"] = 1
        return f"{path}_{seen}"

    def assign(self, name: str, value: Array) -> None:
        """Replace the value of a variable of `state` for the rest of the run."""
        self.check_trace(f"assigning to {name!r}")
        variable, value = self.variables.get(name), jnp.asarray(value)
        if variable is None:
            raise ValueError(
                f"assign at {call_site()}: the run made no variable {name!r}."
                + nearest(name, self.variables)
            )
        if variable.trainable if self.is_init else name not in self.state:
            raise ValueError(
                f"assign at {call_site()}: {name!r} is in params, and apply returns only state. "
                f"Make it with trainable=False at {variable.site}."
            )
        if (value.shape, value.dtype) != (variable.shape, variable.dtype):
            raise ValueError(
                f"assign at {call_site()}: {name!r} is {variable.dtype}{list(variable.shape)}, and "
                f"the value {value.dtype}{list(value.shape)}."
            )
        self.values[name] = self.state[name] = value


def given_values(values: Mapping[str, Array]) -> Callable[[Variable], Array]:
    """Return the source of first values that `apply` runs with."""

    def first_value(variable: Variable) -> Array:
        if variable.name not in values:
            raise ValueError(
                f"apply was given no value for {variable.name!r}, shape {variable.shape}, which "
                f"{variable.site} asks for.{nearest(variable.name, values)} "
                "Make params and state with init."
            )
        value = values[variable.name]
        if jnp.shape(value) != variable.shape:
            raise ValueError(
                f"{variable.name!r} has shape {jnp.shape(value)} in what apply was given, and "
                f"{variable.site} asks for {variable.shape}."
            )
        return jnp.asarray(value)

    return first_value


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence for an error message about a name that is not among `names`."""
    near = difflib.get_close_matches(name, names, n=1)
    return f" The nearest name is {near[0]!r}." if near else ""


def find_graph() -> Graph | None:
    """Return the graph of the running model, or None outside of one."""
    return _current.get()


def current_graph(what: str) -> Graph:
    """Return the graph of the running model; outside of one, say what to write."""
    graph = _current.get()
    if graph is None:
        raise ValueError(
            f"{what} at {call_site()} needs a running model. Put the code in a function and "
            "transform it: `net = nn.transform(fn)`, then `params, state = net.init(key, ...)` "
            "and `out, state = net.apply(params, state, ...)`."
        )
    return graph
