"""A metric over many batches: what a batch adds, how that is kept, and the value so far.

`streaming` turns one formula into both forms: the call that keeps its sums in the running model's
local variables, as in TF-Slim, and three pure functions for code that keeps them itself.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

import nn
from nn.blame import bind, noted
from nn.graph import Array, GraphKeys, current_graph
from nn.site import call_site

State = dict[str, Array]
Scope = str | Callable[..., str] | None

_COLLECTIONS = ("metrics_collections", "updates_collections", "name")


@dataclass(frozen=True)
class Metric:
    """A metric as three pure functions; `slim.metrics.functional` makes it.

    Called with a batch, it gives the value of that batch alone.

    Attributes:
      init: `init(*batch)` is the state before the first batch: a dict of arrays, named as the local
        variables are. Of the batch only shapes and dtypes count.
      update: `update(state, *batch)` is the state with one more batch in it.
      value: `value(state)` is the metric.

    >>> mean = slim.metrics.functional(slim.metrics.streaming_mean)
    >>> state = mean.init(jnp.array([1.0, 2.0]))
    >>> state = mean.update(state, jnp.array([1.0, 2.0]))
    >>> state = mean.update(state, jnp.array([6.0, 7.0]), weights=jnp.array([1.0, 0.0]))
    >>> float(mean.value(state))
    3.0
    """

    init: Callable[..., State] = field(repr=False)
    update: Callable[..., State] = field(repr=False)
    value: Callable[[State], Any] = field(repr=False)
    name: str

    def __call__(self, *batch: Any, **more: Any) -> Any:
        """Return the value of this batch alone."""
        return self.value(self.update(self.init(*batch, **more), *batch, **more))


def functional(metric: Callable, **settings: Any) -> Metric:
    """Return a metric of this package as three pure functions.

    Args:
      metric: `slim.metrics.streaming_auc` for example.
      **settings: those of its arguments that are the same for all batches.

    >>> auc = slim.metrics.functional(slim.metrics.streaming_auc, num_thresholds=50)
    >>> scores, labels = jnp.array([0.2, 0.8, 0.6]), jnp.array([False, True, False])
    >>> round(float(auc(scores, labels)), 3)
    1.0
    """
    formula = getattr(metric, "formula", None)
    if formula is None:
        raise ValueError(
            f"functional: metric is {metric!r}: expected a metric over batches, such as "
            "slim.metrics.streaming_mean."
        )
    signature = inspect.signature(formula.measure)
    fixed = {p.name: p.default for p in signature.parameters.values() if p.default is not p.empty}
    fixed |= bind(metric.__name__, inspect.Signature(_optional(signature)), (), settings).arguments
    left = [p for p in signature.parameters.values() if p.name not in settings]
    batch_of = signature.replace(parameters=left)

    def arguments(batch: tuple, more: dict[str, Any]) -> dict[str, Any]:
        return {**fixed, **bind(metric.__name__, batch_of, batch, more).arguments}

    def init(*batch: Any, **more: Any) -> State:
        given = arguments(batch, more)
        return formula.first(jax.eval_shape(lambda: formula.measured(given)), given)

    def update(state: State, *batch: Any, **more: Any) -> State:
        given = arguments(batch, more)
        return formula.merged(state, formula.measured(given), given)

    return Metric(init, update, lambda state: formula.valued(state, fixed), metric.__name__)


def _optional(signature: inspect.Signature) -> list[inspect.Parameter]:
    """The parameters as keywords of which none is required."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return [p.replace(kind=kind, default=None) for p in signature.parameters.values()]


def added(state: State, batch: State) -> State:
    """Add what a batch measured to what was there: nearly every metric is made of sums."""
    return {name: state[name] + batch[name] for name in state}


def zeros(batch: State) -> State:
    """The state before the first batch, given the shapes and dtypes that a batch measures."""
    return {name: jnp.zeros(part.shape, part.dtype) for name, part in batch.items()}


@dataclass(frozen=True)
class Formula:
    """A metric's mathematics. The functions take by name those of its arguments that they need."""

    name: str
    measure: Callable[..., State]
    value: Callable[..., Any]
    merge: Callable[..., State] = added
    start: Callable[..., State] = zeros
    update_value: Callable[..., Any] | None = None

    def measured(self, arguments: dict[str, Any]) -> State:
        """What this batch adds."""
        with noted(lambda: f"in slim.metrics.{self.name} at {call_site()}"):
            return _with(self.measure, arguments)

    def first(self, batch: State, arguments: dict[str, Any]) -> State:
        """The state before the first batch."""
        return _with(self.start, arguments, batch)

    def merged(self, state: State, batch: State, arguments: dict[str, Any]) -> State:
        """The state after a batch."""
        return _with(self.merge, arguments, state, batch)

    def valued(self, state: State, arguments: dict[str, Any]) -> Any:
        """The metric."""
        return _with(self.value, arguments, state)


def _with(function: Callable, arguments: dict[str, Any], *leading: Any) -> Any:
    """Call a function with those of the arguments that it names."""
    wanted = list(inspect.signature(function).parameters)[len(leading) :]
    return function(*leading, **{name: arguments[name] for name in wanted if name in arguments})


def streaming(
    scope: Scope,
    value: Callable[..., Any],
    *,
    merge: Callable[..., State] = added,
    start: Callable[..., State] = zeros,
    update_value: Callable[..., Any] | None = None,
    also: tuple[str, ...] = _COLLECTIONS,
) -> Callable[[Callable[..., State]], Callable[..., tuple[Any, Any]]]:
    """Make a metric of the function that measures one batch.

    Args:
      scope: the default name of the scope of its variables, or a function of arguments that gives
        it; None opens none.
      value: `value(state)`; like the two below it may name further arguments of the metric.
      merge: `merge(state, batch)`, the state after a batch.
      start: `start(batch)`, the state before the first one.
      update_value: `update_value(state)`, where TensorFlow's `update_op` is not the value.
      also: the arguments that the metric has beyond those of the formula, None by default.
    """

    def decorate(measure: Callable[..., State]) -> Callable[..., tuple[Any, Any]]:
        formula = Formula(measure.__name__, measure, value, merge, start, update_value)
        signature = inspect.signature(measure)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        more = [inspect.Parameter(n, kind, default=None) for n in also]
        known = [p for p in more if p.name not in signature.parameters]
        signature = signature.replace(parameters=[*signature.parameters.values(), *known])

        @functools.wraps(measure)
        def metric(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
            bound = bind(measure.__name__, signature, args, kwargs)
            bound.apply_defaults()
            return _run(formula, scope, bound.arguments)

        metric.__signature__ = signature  # type: ignore[attr-defined]
        metric.formula = formula  # type: ignore[attr-defined]
        return metric

    return decorate


def _run(formula: Formula, scope: Scope, arguments: dict[str, Any]) -> tuple[Any, Any]:
    """Update the local variables with a batch; the value after it, and what `update_op` gives."""
    current_graph(formula.name)
    kept_in = [GraphKeys.LOCAL_VARIABLES]
    if "collections" not in arguments:  # the argument of the only metric whose variables are older
        kept_in.append(GraphKeys.METRIC_VARIABLES)
    default_name = _with(scope, arguments) if callable(scope) else scope
    # TensorFlow opens a variable scope, but names these variables after its name scope.
    with nn.name_scope(arguments.get("name"), default_name) if default_name else nullcontext():
        batch = formula.measured(arguments)
        variables = {
            name: _local_variable(name, part, arguments.get("collections") or kept_in)
            for name, part in formula.first(batch, arguments).items()
        }
        before = {name: variable[1] for name, variable in variables.items()}
        state = formula.merged(before, batch, arguments)
        for name, (full_name, _) in variables.items():
            _assign(full_name, state[name])
        value = formula.valued(state, arguments)
        update = _with(formula.update_value, arguments, state) if formula.update_value else value
    for collections, result in [("metrics_collections", value), ("updates_collections", update)]:
        keys = arguments.get(collections) or ()
        for key in [keys] if isinstance(keys, str) else keys:
            nn.add_to_collection(key, result)
    return value, update


def _local_variable(name: str, like: Array, collections: Sequence[str]) -> tuple[str, Array]:
    """Return the full name and the present value of a variable of a metric.

    It is named after the open name scope, and never shared.
    """
    graph = current_graph(name)
    full_name = graph.unique_name(name)
    like = graph.state.get(full_name, like)  # one that grows has another shape by now
    with nn.variable_scope(nn.VariableScope(), auxiliary_name_scope=False):
        value = nn.get_variable(
            full_name,
            like.shape,
            like.dtype,
            nn.zeros_initializer(),
            trainable=False,
            collections=collections,
        )
    return full_name, value


def _assign(full_name: str, value: Array) -> None:
    graph = current_graph(full_name)
    if value.shape == graph.values[full_name].shape:
        graph.assign(full_name, value)
    else:
        graph.check_trace(f"growing {full_name!r}")
        graph.values[full_name] = graph.state[full_name] = value
