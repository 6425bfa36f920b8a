"""The one hook: a listener is told of every layer call while a model runs, and of every scope of
defaults that is opened.

Nothing is recorded, and nothing costs, unless somebody listens. Summaries and migration tools are
listeners; the layers do not know them.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from nn.graph import Variable, find_graph
from nn.site import Site, call_path

_listener: ContextVar["tuple[Callable[[Call], None], Callable | None] | None"] = ContextVar(
    "listener", default=None
)


@dataclass
class Call:
    """One call of a layer, as resolved.

    Attributes:
      op: its name, `conv2d` or `Conv2D`.
      function: what was called: the function, or the class of the layer.
      arguments: every argument but the inputs with the value it ended with.
      chosen: those of them that are not at their defaults.
      given: those that the call itself passes; of a `layers` class, which keeps no record of how
        it was made, those that are not at their defaults.
      path: the user's lines, from the outermost to the innermost.
      depth: how many recorded calls it is inside of.
      scope: the first scope that it opened.
      variables: the variables that it made, without those of calls inside it.
      used: the variables that it made or used again, likewise.
      inputs: its first argument.
      outputs: what it returned.
      details: what a front-end adds, such as the settings in force.
    """

    op: str
    function: Callable
    arguments: dict[str, Any]
    chosen: frozenset[str]
    given: frozenset[str]
    path: tuple[Site, ...]
    depth: int = 0
    scope: str | None = None
    variables: list[Variable] = field(default_factory=list)
    used: list[Variable] = field(default_factory=list)
    inputs: Any = None
    outputs: Any = None
    details: Any = None

    @property
    def site(self) -> Site:
        """The user's line."""
        return self.path[-1]


def is_heard() -> bool:
    """Tell whether anybody listens."""
    return _listener.get() is not None


@contextlib.contextmanager
def listening(
    listener: Callable[[Call], None], on_scope: Callable[[Any], None] | None = None
) -> Iterator[None]:
    """Tell `listener` of every layer call of the block, in the order in which they began.

    Args:
      listener: gets a `Call`, whose outputs and variables are filled in when it ends.
      on_scope: gets what a front-end has to say of a scope of defaults that was opened.
    """
    token = _listener.set((listener, on_scope))
    try:
        yield
    finally:
        _listener.reset(token)


def scope_opened(scope: Any) -> None:
    """Tell the listener of a scope of defaults, if it wants to know."""
    listeners = _listener.get()
    if listeners is not None and listeners[1] is not None:
        listeners[1](scope)


@contextlib.contextmanager
def recorded(
    op: str,
    function: Callable,
    inputs: Any,
    arguments: dict[str, Any],
    chosen: Iterable[str],
    given: Iterable[str],
    details: Any = None,
) -> Iterator[Call]:
    """Record the block as one call; the block sets its `outputs`."""
    listeners = _listener.get()
    graph = find_graph()
    outer = graph.call if graph else None
    call = Call(
        op,
        function,
        arguments,
        frozenset(chosen),
        frozenset(given),
        call_path(),
        depth=outer.depth + 1 if outer else 0,
        inputs=inputs,
        details=details,
    )
    if listeners is not None:
        listeners[0](call)
    if graph is not None:
        graph.call = call
    try:
        yield call
    finally:
        if graph is not None:
            graph.call = outer
