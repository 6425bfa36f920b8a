"""Variable scopes and name scopes, with TensorFlow 1's rules for names.

Two counters give two kinds of names. A *variable scope* names variables; opening one with a
default name makes it unique among the scopes opened under the same parent since that parent was
entered, so entering a scope again starts the count below it again. A *name scope* names outputs;
it is unique in the whole graph, and never part of a variable's name.
"""

import contextlib
import enum
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from nn.graph import Graph, Initializer, current_graph
from nn.site import call_site


class _Reuse(enum.Enum):
    AUTO_REUSE = "AUTO_REUSE"

    def __repr__(self) -> str:
        return "nn.AUTO_REUSE"


AUTO_REUSE = _Reuse.AUTO_REUSE

_LEGAL_AT_ROOT = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_LEGAL_BELOW = re.compile(r"[A-Za-z0-9_.\\/>-]*")


@dataclass(eq=False)
class VariableScope:
    """An open variable scope, and the defaults that `get_variable` takes from it.

    Attributes:
      name: the prefix of its variables' names.
      original_name_scope: the name scope that it opened, ending in `/`.
      reuse: False (variables are made), True (they must be there), or `AUTO_REUSE`.

    >>> def fn():
    ...     with nn.variable_scope('a') as scope:
    ...         return scope.name, scope.original_name_scope, scope.reuse
    >>> nn.transform(fn).apply({}, {})[0]
    ('a', 'a/', False)
    """

    name: str = ""
    original_name_scope: str = ""
    reuse: bool | _Reuse = False
    initializer: Initializer | None = None
    regularizer: Callable | None = None
    custom_getter: Callable | None = None
    dtype: Any = None
    constraint: Callable | None = None

    def reuse_variables(self) -> None:
        """From here on, get variables instead of making them."""
        self.reuse = True


def get_variable_scope() -> VariableScope:
    """Return the open variable scope, as `tf.get_variable_scope`.

    >>> net = nn.transform(lambda: nn.get_variable_scope().name)
    >>> net.apply({}, {})[0]
    ''
    """
    return open_scope(current_graph("get_variable_scope"))


def open_scope(graph: Graph) -> VariableScope:
    """Return the open variable scope of `graph`, its root one if none was opened."""
    if graph.scope is None:
        graph.scope = VariableScope()
    return graph.scope


@contextlib.contextmanager
def name_scope(
    name: str | None, default_name: str | None = None, values: Sequence | None = None
) -> Iterator[str]:
    """Open a scope for the names of outputs, as `tf.name_scope`; variables do not see it.

    Args:
      name: the scope's name, made unique in the graph; ending in `/`, that scope is entered again.
      default_name: what to use when `name` is None.
      values: accepted as in TensorFlow, and not needed.

    Yields:
      The scope's full name, ending in `/`.

    >>> def fn(x):
    ...     with nn.name_scope('a') as first, nn.name_scope('b') as second:
    ...         return second
    >>> nn.transform(fn).apply({}, {}, 0)[0]
    'a/b/'
    """
    del values
    graph = current_graph("name_scope")
    name = default_name if name is None else name
    outer = graph.name_scope
    if not name:
        path = ""
    elif name.endswith("/"):
        path = name[:-1]
    else:
        check_name(name, at_root=not outer)
        path = graph.unique_name(name)
    graph.name_scope = path
    if graph.call is not None and graph.call.scope is None:
        graph.call.scope = path
    try:
        with jax.named_scope(path.rpartition("/")[2]) if path else contextlib.nullcontext():
            yield path + "/" if path else ""
    finally:
        graph.name_scope = outer


@contextlib.contextmanager
def variable_scope(
    name_or_scope: str | VariableScope | None,
    default_name: str | None = None,
    values: Sequence | None = None,
    *,
    initializer: Initializer | None = None,
    regularizer: Callable | None = None,
    custom_getter: Callable | None = None,
    reuse: bool | _Reuse | None = None,
    dtype: Any = None,
    constraint: Callable | None = None,
    auxiliary_name_scope: bool = True,
) -> Iterator[VariableScope]:
    """Open a scope for the names of variables, as `tf.variable_scope`.

    Args:
      name_or_scope: a name below the open scope, or a `VariableScope`, which is jumped to wherever
        it is opened.
      default_name: used when `name_or_scope` is None, made unique with `_1`, `_2` ...
      values: accepted as in TensorFlow, and not needed.
      initializer: the default initializer of variables below.
      regularizer: the default regularizer of variables below.
      custom_getter: `custom_getter(getter, name, **kwargs)`, called for every variable below; it
        returns `getter(name, **kwargs)`, or what it makes of it.
      reuse: True: variables must be there already; `nn.AUTO_REUSE`: make those that are not.
        Inherited by the scopes below.
      dtype: the default dtype of variables below.
      constraint: the default constraint of variables below.
      auxiliary_name_scope: whether to open the name scope of the same name as well.

    Raises:
      TypeError: neither a name nor a default name.
      ValueError: `reuse` is no such value, is asked for with a default name, or the name is not
        legal.

    >>> def fn(x):
    ...     with nn.variable_scope('block'):
    ...         return x * nn.get_variable('w', [3])
    >>> [v.name for v in nn.transform(fn).variables(jnp.ones(3))]
    ['block/w']
    """
    del values
    graph = current_graph("variable_scope")
    outer = open_scope(graph)
    if name_or_scope is None and default_name is None:
        raise TypeError("variable_scope: name_or_scope is None, so default_name is required.")
    if reuse not in (None, False, True, AUTO_REUSE):
        raise ValueError(
            f"variable_scope: reuse must be True, False, None or nn.AUTO_REUSE, got {reuse!r}."
        )
    if name_or_scope is None:
        if reuse:
            raise ValueError(
                f"reuse={reuse} at {call_site()} needs a name: a default name is always a new one. "
                "Give the scope= or name= of the layer whose variables are to be used again."
            )
        name_or_scope = _unique_scope(graph, outer.name, str(default_name))
    if not isinstance(name_or_scope, str | VariableScope):
        raise TypeError(
            "variable_scope: name_or_scope must be a string or a VariableScope, "
            f"got {name_or_scope!r}."
        )

    base = name_or_scope if isinstance(name_or_scope, VariableScope) else outer
    if isinstance(name_or_scope, VariableScope):
        path = name_or_scope.name
    else:
        path = f"{outer.name}/{name_or_scope}" if outer.name else name_or_scope
    if graph.call is not None and graph.call.scope is None:
        graph.call.scope = path
    if custom_getter is not None and base.custom_getter is not None:
        custom_getter = _nested(custom_getter, base.custom_getter)
    if auxiliary_name_scope:
        leaf = path.rpartition("/")[2] if base is name_or_scope else str(name_or_scope)
        names = name_scope(leaf)
    else:
        names = contextlib.nullcontext(graph.name_scope + "/" if graph.name_scope else "")

    with names as opened:
        original = base.original_name_scope if base is name_or_scope else opened
        scope = VariableScope(
            name=path,
            original_name_scope=original,
            reuse=reuse or base.reuse,
            initializer=base.initializer if initializer is None else initializer,
            regularizer=base.regularizer if regularizer is None else regularizer,
            custom_getter=custom_getter or base.custom_getter,
            dtype=base.dtype if dtype is None else dtype,
            constraint=constraint,
        )
        with _counting(graph, path, jump=base is name_or_scope):
            graph.scope = scope
            try:
                yield scope
            finally:
                graph.scope = outer


@contextlib.contextmanager
def _counting(graph: Graph, path: str, jump: bool) -> Iterator[None]:
    """Count an opened scope; leaving it forgets the counts below, so that re-entry starts anew."""
    graph.scope_counts[path] = graph.scope_counts.get(path, 0) + 1
    before = dict(graph.scope_counts) if jump else {}
    try:
        yield
    finally:
        if jump:
            graph.scope_counts = before
        else:
            below = path + "/"
            for opened in graph.scope_counts:
                if opened.startswith(below):
                    graph.scope_counts[opened] = 0


def _unique_scope(graph: Graph, parent: str, name: str) -> str:
    """Return `name`, or the first of `name_1`, `name_2` ... not yet opened under `parent`."""
    prefix = f"{parent}/" if parent else ""
    unique, n = name, 0
    while graph.scope_counts.get(prefix + unique, 0):
        n += 1
        unique = f"{name}_{n}"
    return unique


def _nested(inner: Callable, outer: Callable) -> Callable:
    """Make one getter of two: the inner one is asked first, and asks the outer one."""

    def getter(true_getter: Callable, name: str, *args: Any, **kwargs: Any) -> Any:
        return inner(functools.partial(outer, true_getter), name, *args, **kwargs)

    return getter


def check_name(name: str, at_root: bool) -> None:
    """Refuse a name that TensorFlow does not allow."""
    if not (_LEGAL_AT_ROOT if at_root else _LEGAL_BELOW).fullmatch(name):
        raise ValueError(
            f"{name!r} at {call_site()} is not a legal name: use letters, digits and "
            "_ . \\ / > -"
            + (", and start with a letter, a digit or a dot." if at_root else ".")
            + " Give the layer or the variable another name."
        )
