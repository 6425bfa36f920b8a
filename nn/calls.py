"""The one hook: a listener is told of every layer call while a model runs.

Nothing is recorded, and nothing costs, unless somebody listens. Summaries and migration tools are
listeners; the layers do not know them.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from nn.graph import Variable, find_graph
from nn.site import Site, call_site

_listener: ContextVar["Callable[[Call], None] | None"] = ContextVar("listener", default=None)


@dataclass
class Call:
    """One call of a layer, as resolved.

    Attributes:
      op: its name, `conv2d` or `Conv2D`.
      arguments: every argument but the inputs with the value it ended with.
      chosen: those of them that are not at their defaults.
      site: the user's line.
      depth: how many recorded calls it is inside of.
      scope: the first scope that it opened.
      variables: the variables that it made, without those of calls inside it.
      used: the variables that it made or used again, likewise.
      inputs: its first argument.
      outputs: what it returned.
      details: what a front-end adds, such as where each argument came from.
    """

    op: str
    arguments: dict[str, Any]
    chosen: frozenset[str]
    site: Site
    depth: int = 0
    scope: str | None = None
    variables: list[Variable] = field(default_factory=list)
    used: list[Variable] = field(default_factory=list)
    inputs: Any = None
    outputs: Any = None
    details: Any = None


def is_heard() -> bool:
    """Tell whether anybody listens."""
    return _listener.get() is not None


@contextlib.contextmanager
def listening(listener: Callable[[Call], None]) -> Iterator[None]:
    """Tell `listener` of every layer call of the block, in the order in which they began."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def recorded(
    op: str, inputs: Any, arguments: dict[str, Any], chosen: Any, details: Any = None
) -> Iterator[Call]:
    """Record the block as one call; the block sets its `outputs`."""
    listener = _listener.get()
    graph = find_graph()
    outer = graph.call if graph else None
    call = Call(
        op,
        arguments,
        frozenset(chosen),
        call_site(),
        depth=outer.depth + 1 if outer else 0,
        inputs=inputs,
        details=details,
    )
    if listener is not None:
        listener(call)
    if graph is not None:
        graph.call = call
    try:
        yield call
    finally:
        if graph is not None:
            graph.call = outer
