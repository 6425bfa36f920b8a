"""What all layers share: a layer is a record of its arguments, and its variables belong to the
run that it is called in.
"""

import copy
import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Concatenate, ParamSpec

import jax
import jax.numpy as jnp

import nn
from layers import arguments
from layers.in_run import InRun, Kept, copy_of
from layers.input_spec import check_inputs
from nn.blame import bind, noted
from nn.calls import is_heard, recorded
from nn.expressions import equal, show
from nn.graph import Array, current_graph
from nn.site import call_site

P = ParamSpec("P")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Layer(InRun):
    """The base of all layers, and of a user's own.

    A layer takes its variable scope at its first call in a run and keeps it there: called again,
    it shares its variables. The same layer can be used in any number of models.

    A subclass implements `call(inputs)` and makes its variables with `add_weight`, there or in
    `build(input_shape)`, which runs before the first `call`. What they keep as attributes lives as
    long as the run; so do `variables`, `losses` and `updates`, which tell of the running model.

    Args:
      trainable: whether its variables are trainable.
      name: its name, and that of its scope; made unique. The default comes from the class.
      dtype: of its variables; the default is that of the inputs.
      activity_regularizer: a function of the output; its loss is divided by the batch size.

    Attributes:
      input_spec: what it expects of its inputs: an `InputSpec`, a list of them, or None.
      built: whether `build` ran.

    Source: `tf.layers.Layer`.

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

    activity_regularizer = None
    input_spec: ClassVar[Any] = None
    built: ClassVar[bool] = False

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        *,
        activity_regularizer: Callable | None = None,
        _scope: Any = None,
        _reuse: Any = None,
    ):
        given = {"trainable": trainable, "name": name, "dtype": dtype, "_scope": _scope}
        given |= {"_reuse": _reuse, "activity_regularizer": activity_regularizer}
        vars(self).update(given)

    def build(self, input_shape: Any) -> None:
        """Make the variables; a subclass may do so in `call` instead."""
        own = self._in_run()
        if type(self).build is Layer.build:  # the variables are made in `call`
            with own._opened():
                own.call(jnp.zeros(_known(input_shape, 1), self.dtype or jnp.float32))
            own._kept.is_called = True
        vars(own)["built"] = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, inside the layer's scope; `Layer` itself returns its inputs."""
        if type(self) is Layer:
            return inputs
        raise NotImplementedError(f"{type(self).__name__} does not implement call(inputs).")

    def __call__(self, inputs: Any, *args: Any, scope: Any = None, **kwargs: Any) -> Any:
        """Run the layer in its scope; `scope` replaces the name of the scope."""
        current_graph(type(self).__name__)
        inputs = _arrays(inputs)
        with (
            noted(lambda: f"in {self} at {call_site()}"),
            self._recorded(inputs, args, kwargs) as call,
        ):
            own = self._in_run(scope)
            with own._opened():
                if own.input_spec is not None:
                    check_inputs(type(self).__name__, own.input_spec, inputs)
                own._prepare(inputs)
                outputs = own.call(inputs, *args, **kwargs)
                if outputs is None:
                    raise ValueError(f"{type(self).__name__}: call must return its outputs.")
                own._regularize_activity(outputs)
            own._kept.is_called = True
            if call is not None:
                call.outputs = outputs
                call.used += [v for v in own.weights if v not in call.used]
        return outputs

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
        trainable: bool | None = None,
        constraint: Callable | None = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        partitioner: Any = None,
    ) -> Array:
        """Return the variable `name` of the layer's scope, as `nn.get_variable`.

        Args:
          name: its name below the scope.
          shape: its shape.
          dtype: the default is the layer's.
          initializer: `f(key, shape, dtype)`, or its name; None: that of the variable scope.
          regularizer: a function of it, added to the regularization losses.
          trainable: whether it is in `params`; never if the layer is not trainable.
          constraint: its projection after an optimizer's update.
          use_resource: without meaning here: a read always sees the present value.
          synchronization: refused: what spreads a variable over devices is its array's sharding.
          aggregation: likewise.
          partitioner: likewise.
        """
        for what, value in {
            "synchronization": synchronization,
            "aggregation": aggregation,
            "partitioner": partitioner,
        }.items():
            if value is not None:
                raise ValueError(
                    f"add_weight({name!r}): {what} is {value!r}: leave it out, and spread the "
                    "value over devices: jax.device_put(params, jax.NamedSharding(mesh, spec))."
                )
        own = self._in_run()
        with own._opened():
            return own._weight(
                name, shape, dtype, initializer, regularizer, trainable is not False, constraint
            )

    add_variable = add_weight

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """Return the shape of the output, computing nothing; None stands for any size.

        >>> layers.Conv2D(8, 3, 2).compute_output_shape((None, 9, 9, 3))
        (None, 4, 4, 8)
        """
        net, key = nn.transform(self), jax.random.key(0)

        def outputs(size: int) -> Any:
            x = jax.ShapeDtypeStruct(_known(input_shape, size), self.dtype or jnp.float32)
            return jax.eval_shape(lambda x: net.apply(*net.init(key, x), x, rng=key)[0], x)

        def same(a: Any, b: Any) -> tuple[int | None, ...]:
            return tuple(n if n == m else None for n, m in zip(a.shape, b.shape, strict=True))

        return jax.tree.map(same, outputs(256), outputs(512))

    def _in_run(self, scope: Any = None) -> Any:
        """Return the layer's copy in this run; the first time, make it and take the scope."""
        own = copy_of(self)
        if own._kept is None:
            own = copy.copy(self)
            base = getattr(self, "name", None) or _snake_case(type(self).__name__)
            given = self._scope if scope is None else scope
            if given is None and not self._reuse:
                opening = nn.variable_scope(None, default_name=base)
            else:
                opening = nn.variable_scope(given or base)
            with opening as scope:
                vars(own).update(_scope=scope, _kept=Kept(), name=self._unique_name(base))
            current_graph(base).layers[self] = own
        return own

    def _unique_name(self, base: str) -> str:
        """Return its name in this run: if it was given none, TensorFlow counts from 1."""
        if given := vars(self).get("name"):
            return given
        others = [vars(layer) for layer in current_graph(base).layers if type(layer) is type(self)]
        return f"{base}_{sum(other.get('name') is None for other in others) + 1}"

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Open the scope that the layer took."""
        reuse = True if self._kept.is_called else self._reuse
        with (
            nn.variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False),
            nn.name_scope(self._scope.original_name_scope),
        ):
            yield

    def _prepare(self, inputs: Any) -> None:
        """Build before the first call; before a later one, look up what was kept of variables."""
        own = vars(self)
        if self.dtype is None and jax.tree.leaves(inputs):
            own["dtype"] = jax.tree.leaves(inputs)[0].dtype
        if not self.built and type(self).build is not Layer.build:
            self.build(jax.tree.map(jnp.shape, inputs))
        own["built"] = True
        self._look_up()

    def _weight(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Callable | None = None,
        trainable: bool = True,
        constraint: Callable | None = None,
    ) -> Array:
        """Return the variable `name` of the open scope."""
        layer = type(self).__name__
        initializer = arguments.initializer(layer, initializer)
        regularizer = arguments.function(layer, "a regularizer", regularizer)
        constraint = arguments.function(layer, "a constraint", constraint)
        graph = current_graph("add_weight")
        known = len(graph.variables)
        value = nn.get_variable(
            name,
            shape,
            dtype=dtype or self.dtype or jnp.float32,
            initializer=initializer,
            trainable=trainable and self._is_trainable,
            constraint=constraint,
        )
        path = f"{nn.get_variable_scope().name}/{name}"
        made = next(reversed(graph.variables)) if len(graph.variables) > known else None
        if made is not None and regularizer is not None:
            of = getattr(regularizer, "__name__", type(regularizer).__name__)
            loss = lambda: regularizer(graph.values[made])  # noqa: E731
            self._promise(f"{path}/Regularizer/{of}", loss, "penalties")
        variable = graph.variables.get(made or path)
        if self._kept and variable is not None and variable not in self._variables():
            self._kept.weights.append((variable, value))
        return value

    def _variable(self, name: str, shape: Sequence[int], dtype: Any, argument: str = "") -> Array:
        """Return the variable `name` with the initializer ... of the arguments called so."""
        of = argument or name
        settings = [
            getattr(self, f"{of}_{what}") for what in ("initializer", "regularizer", "constraint")
        ]
        value = self._weight(name, shape, dtype, *settings[:2], constraint=settings[2])
        return self._keep(name, value)

    def _activate(self, outputs: Array) -> Array:
        """Apply the activation, if there is one."""
        activation = arguments.activation(type(self).__name__, getattr(self, "activation", None))
        return outputs if activation is None else activation(outputs)

    def _regularize_activity(self, outputs: Any) -> None:
        """Add the activity's loss, which TensorFlow divides by the batch size."""
        name, given = "activity_regularizer", self.activity_regularizer
        regularizer = arguments.function(type(self).__name__, name, given)
        if regularizer is None:
            return
        for output in jax.tree.leaves(outputs):
            loss = regularizer(output)
            if loss is not None:
                loss = loss / math.prod(output.shape[:1])
            self._promise(f"{self._scope.name}/ActivityRegularizer", lambda loss=loss: loss)

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
        given, op = chosen | passed.keys(), type(self)
        return recorded(op.__name__, op, inputs, values | passed, chosen, given)

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
    numbers = all(isinstance(x, int | float) for x in jax.tree.leaves(inputs))
    if numbers and not isinstance(inputs, dict):
        return jnp.asarray(inputs)
    return jax.tree.map(jnp.asarray, inputs)


def _known(shape: Sequence[int | None], size: int) -> tuple[int, ...]:
    """Return a shape with `size` for what is not known of it."""
    if shape is None:
        raise ValueError("a layer's input_shape must be a tuple of ints and None, got None.")
    return tuple(size if n is None else int(n) for n in shape)


def _snake_case(name: str) -> str:
    """Spell a class name as TensorFlow spells its default scope: Conv2D is conv2d."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return f"private{name}" if name.startswith("_") else name
