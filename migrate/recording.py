"""The record of each resolved call of a model: what every argument is, and where it came from.

A model is traced once, abstractly, with the one hook of the core listening; nothing is computed.
"""

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import jax

import nn
import slim
from migrate.sources import Source, read
from nn.calls import Call, listening
from nn.expressions import equal
from nn.graph import Variable
from nn.site import Site, call_path, is_users
from slim.scoping import Opened, Setting

Kind = Literal["call", "normalizer_params", "arg_scope", "default"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Origin:
    """One of the places that gave an argument a value.

    Attributes:
      value: the value.
      kind: `call`, `normalizer_params` (which a call of a layer hands on to its normalizer),
        `arg_scope` or `default`.
      site: the line: of the call, of where `normalizer_params` was set, of the `arg_scope`; None
        for a default, and for a scope whose dict was changed by hand.
      setting: the `arg_scope`.
    """

    value: Any
    kind: Kind
    site: Site | None = None
    setting: Setting | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Argument:
    """An argument of a call: the origin that won, and those that it hides, the strongest first."""

    name: str
    origin: Origin
    hidden: tuple[Origin, ...]
    default: Any  # inspect.Parameter.empty if there is none

    @property
    def value(self) -> Any:
        """The value that the call ran with."""
        return self.origin.value

    @property
    def kind(self) -> Kind:
        """Where it came from."""
        return self.origin.kind


@dataclass(eq=False)
class Record:
    """One call of a `slim` or `layers` op, resolved.

    Attributes:
      index: its place in the order in which the calls began.
      op: its name, `conv2d` or `Conv2D`.
      function: the function, or the class of the layer.
      is_slim: whether the op takes its defaults from scopes; if not, it is a layer of `layers`.
      scope: the path of its scope.
      path: the user's lines that lead to it inside the model, the outermost first.
      depth: how many calls it is inside of.
      parent: the call that it is inside of.
      is_normalizer: whether `parent` called it as its `normalizer_fn`.
      arguments: every argument but the inputs, by name.
      settings: the scopes in force, the outermost first.
      inputs: the first argument, with shapes and dtypes for arrays.
      outputs: likewise.
      made: the variables that it made, without those of calls inside it.
      used: the variables that it made or used again, likewise.
      children: the calls inside it.
      visit: which visit of its place in the source it is, from 0.
      visits: how many visits that place had.
      call: what the hook told.
    """

    index: int
    op: str
    function: Callable
    is_slim: bool
    scope: str
    path: tuple[Site, ...]
    depth: int
    parent: "Record | None"
    is_normalizer: bool
    arguments: dict[str, Argument]
    settings: tuple[Setting, ...]
    inputs: Any
    outputs: Any
    made: tuple[Variable, ...]
    used: tuple[Variable, ...]
    call: Call = field(repr=False)
    children: "list[Record]" = field(default_factory=list, repr=False)
    visit: int = 0
    visits: int = 1

    @property
    def site(self) -> Site:
        """The user's line; its `span` is the place of the expression."""
        return self.path[-1]

    @property
    def values(self) -> dict[str, Any]:
        """The arguments' values by name."""
        return {name: argument.value for name, argument in self.arguments.items()}

    def again(self, inputs: Any) -> Any:
        """Run the op again, on these inputs, with the values written out and no scope.

        Those of its normalizer are written out as `normalizer_params`.
        """
        values = self.values
        for child in self.children:
            if child.is_normalizer:
                values["normalizer_params"] = child.values
        with slim.arg_scope({}):
            if self.is_slim:
                return self.function(inputs, **values)
            made_with = inspect.signature(self.function).parameters
            called = {k: values.pop(k) for k in [*values] if k not in made_with}
            return self.function(**values)(inputs, **called)


@dataclass(frozen=True, eq=False)
class Recording:
    """All that was heard while a model was traced.

    Attributes:
      fn: the model.
      bound: its arguments by name, defaults included, with shapes and dtypes for arrays.
      records: its calls in the order in which they began.
      scopes: the scopes in the order in which they were opened.
      variables: its variables in the order in which they were made.
      error: what it raised, if it did not come to its end.
    """

    fn: Callable
    bound: dict[str, Any]
    records: list[Record]
    scopes: list[Opened]
    variables: tuple[Variable, ...]
    error: Exception | None = None

    @property
    def error_site(self) -> Site | None:
        """The innermost of the user's lines that the error went through."""
        steps = traceback.walk_tb(self.error and self.error.__traceback__)
        path = [(f.f_code, line) for f, line in steps if is_users(f)][2:]  # not the two of ours
        path = [step for step in path if step[0].co_filename != "<string>"]  # nor a dataclass's
        return Site(path[-1][0].co_filename, path[-1][1], path[-1][0].co_name) if path else None

    @cached_property
    def source(self) -> Source:
        """The source of the model's file."""
        return read(file_of(self.fn))


def record(fn: Callable, *args: Any, **kwargs: Any) -> Recording:
    """Trace a model with these arguments, and return the record of its calls.

    Args:
      fn: a model function, as `nn.transform` takes it.
      *args: its arguments; `jax.ShapeDtypeStruct` will do for arrays.
      **kwargs: likewise.

    >>> recording = migrate.record(lambda x: slim.max_pool2d(x, 2), jnp.ones((1, 4, 4, 1)))
    >>> stride = recording.records[0].arguments['stride']
    >>> stride.value, stride.kind
    (2, 'default')
    """
    calls: list[Call] = []
    scopes: list[Opened] = []
    started: list[int] = []

    def model(*args: Any, **kwargs: Any) -> Any:
        started.append(len(call_path()))
        return fn(*args, **kwargs)

    variables, error = (), None
    with listening(calls.append, scopes.append):
        try:
            variables = nn.transform(model).variables(*args, **kwargs)
        except Exception as raised:  # whatever stopped the model, what was heard is worth telling
            error = raised
    records: list[Record] = []
    inside: list[Record] = []  # the call that is open at each depth
    for call in calls:
        del inside[call.depth :]
        path = call.path[started[0] :] or _outside(call.path)
        one = _record(call, path, len(records), inside[-1] if inside else None)
        inside.append(one)
        records.append(one)
    _count_visits(records)
    return Recording(fn, _bound(fn, args, kwargs), records, scopes, variables, error)


def file_of(fn: Any) -> str:
    """Return the file of a function, or of a layer's class."""
    while isinstance(fn, partial):
        fn = fn.func
    fn = inspect.unwrap(fn)
    try:
        return inspect.getsourcefile(fn if hasattr(fn, "__code__") else type(fn)) or ""
    except TypeError:
        return ""


def _outside(path: tuple[Site, ...]) -> tuple[Site, ...]:
    """The line that asked for the record, for a model that has no lines: a layer, a Slim op."""
    here = str(Path(__file__).parent)
    return tuple(site for site in path if not site.file.startswith(here))[-1:] or path[-1:]


def _record(call: Call, path: tuple[Site, ...], index: int, parent: Record | None) -> Record:
    is_slim, site = call.details is not None, path[-1]
    is_normalizer = parent is not None and _normalizes(call, site, parent)
    resolve = _slim_argument if is_slim else _layers_argument
    parameters = inspect.signature(call.function).parameters
    written = None if is_slim else read(site.file).given(site, call.op, parameters)
    given = call.given if written is None else call.given | (written & call.arguments.keys())
    arguments = {}
    for name, value in call.arguments.items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        own = None
        if name in given:
            own = _handed_on(parent, name) if is_normalizer and parent else None
            own = Origin(value, own.kind, own.site) if own else Origin(value, "call", site)
        arguments[name] = resolve(call, name, own, default)
    record = Record(
        index,
        call.op,
        call.function,
        is_slim,
        call.scope or "",
        path,
        call.depth,
        parent,
        is_normalizer,
        arguments,
        call.details or (),
        _shapes(call.inputs),
        _shapes(call.outputs),
        tuple(call.variables),
        tuple(call.used),
        call,
    )
    if parent is not None:
        parent.children.append(record)
    return record


def _slim_argument(call: Call, name: str, own: Origin | None, default: Any) -> Argument:
    """Weigh what the call, the scopes and the signature say of an argument."""
    key = slim.arg_scope_func_key(call.function)
    scoped = [
        Origin(s.defaults[name], "arg_scope", s.site, s)
        for s in reversed(call.details)
        if key in s.ops and name in s.defaults
    ]
    value = call.arguments[name]
    if own is not None:
        return Argument(name, own, tuple(scoped), default)
    if scoped and scoped[0].value is value:
        return Argument(name, scoped[0], tuple(scoped[1:]), default)
    if not scoped and equal(value, default):
        return Argument(name, Origin(value, "default"), (), default)
    return Argument(name, Origin(value, "arg_scope"), tuple(scoped), default)  # changed by hand


def _layers_argument(call: Call, name: str, own: Origin | None, default: Any) -> Argument:
    return Argument(name, own or Origin(call.arguments[name], "default"), (), default)


def _normalizes(call: Call, site: Site, parent: Record) -> bool:
    """Tell whether a call is the normalizer of the call around it."""
    normalizer = parent.arguments.get("normalizer_fn")
    if normalizer is None or site != parent.site:
        return False
    function = normalizer.value
    while isinstance(function, partial):
        function = function.func
    return function is call.function


def _handed_on(parent: Record, name: str) -> Origin | None:
    """What gave the normalizer an argument: `normalizer_params`, or a partial as its function."""
    params = parent.arguments.get("normalizer_params")
    by = params if params and name in (params.value or {}) else parent.arguments["normalizer_fn"]
    return Origin(None, "normalizer_params", by.origin.site)


def _count_visits(records: Sequence[Record]) -> None:
    places: dict[Any, list[Record]] = {}
    for one in records:
        places.setdefault((one.op, one.is_normalizer, one.site, one.site.span), []).append(one)
    for visited in places.values():
        for i, one in enumerate(visited):
            one.visit, one.visits = i, len(visited)


def _bound(fn: Callable, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments of the model by name."""
    try:
        bound = inspect.signature(fn).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    bound.apply_defaults()
    return {name: _shapes(value) for name, value in bound.arguments.items()}


def _shapes(tree: Any) -> Any:
    """Shapes and dtypes for the arrays of a tree."""
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if hasattr(x, "dtype") else x, tree
    )
