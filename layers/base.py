"""What all layers share: a layer is a record of its arguments, and its variables belong to the
run that it is called in.
"""

import copy
import inspect
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass
from typing import Any, Concatenate, ParamSpec

import jax
import jax.numpy as jnp

import nn
from layers import arguments
from nn.blame import bind, noted
from nn.calls import is_heard, recorded
from nn.expressions import equal, show
from nn.graph import Array, current_graph, find_graph
from nn.site import call_site
from nn.variables import regularize

P = ParamSpec("P")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Layer:
    """The base of all layers, and of a user's own.

    A layer takes its variable scope at its first call in a run and keeps it there: called again,
    it shares its variables. The same layer can be used in any number of models.

    A subclass implements `call(inputs)` and makes its variables with `add_weight`, there or in
    `build(input_shape)`, which runs before every `call`. What they keep as attributes lives as
    long as the run.

    Args:
      trainable: whether its variables are trainable.
      name: its name, and that of its scope; made unique. The default comes from the class.
      dtype: of its variables; the default is that of the inputs.

    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight('scale', [input_shape[-1]])
    ...     def call(self, inputs):
    ...         return inputs * self.scale
    >>> params, _ = nn.transform(Scale()).init(jax.random.key(0), jnp.ones((2, 3)))
    >>> params['scale/scale'].shape
    (3,)
    """

    _: KW_ONLY
    dtype: Any = None
    _scope: Any = None
    _reuse: Any = None

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        *,
        _scope: Any = None,
        _reuse: Any = None,
    ):
        given = {"trainable": trainable, "name": name, "dtype": dtype}
        for attribute, value in {**given, "_scope": _scope, "_reuse": _reuse}.items():
            object.__setattr__(self, attribute, value)

    def build(self, input_shape: Any) -> None:
        """Make the variables; a subclass may do so in `call` instead."""

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, inside the layer's scope."""
        raise NotImplementedError(f"{type(self).__name__} does not implement call(inputs).")

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the layer in its scope."""
        graph = current_graph(type(self).__name__)
        inputs = _arrays(inputs)
        is_first = self not in graph.layers
        with (
            noted(lambda: f"in {self} at {call_site()}"),
            self._recorded(inputs, args, kwargs) as call,
        ):
            if is_first:  # what a subclass keeps as attributes belongs to the run: so to a copy
                graph.layers[self] = self._take_scope(), copy.copy(self)
            scope, own = graph.layers[self]
            with (
                nn.variable_scope(
                    scope, reuse=self._reuse if is_first else True, auxiliary_name_scope=False
                ),
                nn.name_scope(scope.original_name_scope),
            ):
                own.build(jax.tree.map(jnp.shape, inputs))
                outputs = own.call(inputs, *args, **kwargs)
                self._regularize_activity(outputs, scope.name)
            if call is not None:
                call.outputs = outputs
        return outputs

    def __getattr__(self, name: str) -> Any:
        """Find what `build` or `call` kept in the running model."""
        graph = None if name.startswith("__") else find_graph()
        own = graph.layers.get(self, (None, self))[1] if graph else self
        if own is self:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(own, name)

    def apply(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Do what calling the layer does."""
        return self(inputs, *args, **kwargs)

    def add_weight(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Callable | None = None,
        trainable: bool = True,
        constraint: Callable | None = None,
    ) -> Array:
        """Return the variable `name` of the layer, as `nn.get_variable`."""
        layer = type(self).__name__
        initializer = arguments.initializer(layer, initializer)
        regularizer = arguments.regularizer(layer, regularizer)
        graph = current_graph("add_weight")
        known = len(graph.variables)
        value = nn.get_variable(
            name,
            shape,
            dtype=dtype or self.dtype or jnp.float32,
            initializer=initializer,
            trainable=trainable and getattr(self, "trainable", True),
            constraint=constraint,
        )
        if regularizer is not None and len(graph.variables) > known:
            made = next(reversed(graph.variables))
            regularize(made, regularizer, f"{nn.get_variable_scope().name}/{name}")
        return value

    add_variable = add_weight

    def _activate(self, outputs: Array) -> Array:
        """Apply the activation, if there is one."""
        activation = arguments.activation(type(self).__name__, getattr(self, "activation", None))
        return outputs if activation is None else activation(outputs)

    def _take_scope(self) -> nn.VariableScope:
        """Open the layer's scope for the first time in this run, and keep what was opened."""
        base = getattr(self, "name", None) or _snake_case(type(self).__name__)
        if self._scope is not None or self._reuse:
            opening = nn.variable_scope(self._scope or base)
        else:
            opening = nn.variable_scope(None, default_name=base)
        with opening as scope:
            return scope

    def _regularize_activity(self, outputs: Any, scope: str) -> None:
        """Add the activity's loss, which TensorFlow divides by the batch size."""
        regularizer = getattr(self, "activity_regularizer", None)
        if regularizer is not None:
            loss = regularizer(outputs)
            if loss is not None:
                loss = loss / outputs.shape[0]
            nn.add_regularization(f"{scope}/ActivityRegularizer", lambda: loss)

    def _recorded(self, inputs: Any, args: tuple, kwargs: dict) -> Any:
        """Record this call, if anybody listens."""
        if not is_heard():
            return nullcontext()
        values = {name: value for name, value, _ in _arguments(self)}
        chosen = {name for name, value, default in _arguments(self) if not equal(value, default)}
        signature = inspect.signature(self.call)
        passed = dict(signature.bind(inputs, *args, **kwargs).arguments)
        passed.pop(next(iter(passed)))
        chosen |= {k for k, v in passed.items() if not equal(v, signature.parameters[k].default)}
        return recorded(type(self).__name__, inputs, values | passed, chosen)

    def __repr__(self) -> str:
        """The call that makes this layer, without its defaults."""
        shown = []
        for name, value, default in _arguments(self):
            if default is inspect.Parameter.empty:
                shown.append(show(value))
            elif not equal(value, default):
                shown.append(f"{name}={show(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def functional(
    layer: Callable[P, Layer], *, after_reuse: Sequence[str] = (), **call_arguments: Any
) -> Callable[Concatenate[Any, P], Array]:
    """Make the function `f(inputs, ...)` of a layer class: it makes a layer and calls it once.

    As in TensorFlow its `name` is the name of the variable scope, not made unique, and a layer
    with variables takes `reuse`.

    Args:
      layer: the class.
      after_reuse: arguments that TensorFlow put behind `reuse` in the function.
      **call_arguments: the arguments of `call` with their defaults, which the function takes too.
    """

    def keyword(name: str, default: Any) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)

    own = {
        name: p
        for name, p in inspect.signature(layer).parameters.items()
        if p.kind is not p.KEYWORD_ONLY
    }
    last = [own.pop(name) for name in after_reuse]
    has_variables = "trainable" in own
    at = list(own).index("trainable" if has_variables else "name")
    parameters = [keyword("inputs", inspect.Parameter.empty), *own.values()]
    parameters[at + 1 : at + 1] = [keyword(k, v) for k, v in call_arguments.items()]
    parameters += [keyword("reuse", None)] * has_variables + last
    signature = inspect.Signature(parameters)

    cls: Any = layer
    name = _snake_case(cls.__name__)

    def function(*args: Any, **kwargs: Any) -> Array:
        given = bind(name, signature, args, kwargs).arguments
        inputs, reuse = given.pop("inputs"), given.pop("reuse", None)
        called = {k: given.pop(k) for k in call_arguments if k in given}
        return cls(**given, _scope=given.get("name"), _reuse=reuse)(inputs, **called)

    function.__name__ = function.__qualname__ = name
    function.__module__ = cls.__module__
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__doc__ = f"Call a new `layers.{cls.__name__}` on `inputs`.\n\n{cls.__doc__}"
    return function  # type: ignore[return-value]


def _arguments(layer: Layer) -> list[tuple[str, Any, Any]]:
    """Return the name, value and default of the arguments that the layer was made with."""
    parameters = inspect.signature(type(layer)).parameters.values()
    return [
        (p.name, vars(layer)[p.name], p.default)
        for p in parameters
        if p.name in vars(layer) and not p.name.startswith("_")
    ]


def _arrays(inputs: Any) -> Any:
    """Return the inputs with arrays for leaves; nested lists of numbers are one array."""
    if all(isinstance(x, int | float) for x in jax.tree.leaves(inputs)):
        return jnp.asarray(inputs)
    return jax.tree.map(jnp.asarray, inputs)


def _snake_case(name: str) -> str:
    """Spell a class name as TensorFlow spells its default scope: Conv2D is conv2d."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return f"private{name}" if name.startswith("_") else name
