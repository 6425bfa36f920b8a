"""What each Slim call resolved to, with the frames it was made in, in every run that was tried."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import nn
from nn.calls import Call, listening
from nn.graph import find_graph
from nn.scopes import open_scope

_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


class Refusal(ValueError):  # noqa: N818
    """What cannot be unrolled, with its line; nothing is written."""


@dataclass(frozen=True)
class Unrolled:
    """An explicit module: its source, and the name of the function in it."""

    text: str
    function: str


@dataclass(frozen=True)
class Frame:
    """One function of the file as it ran.

    Attributes:
      code: the function's.
      end: the line, and the column in bytes, where the call that it was making ends.
      names: what the names that it can see stood for at that moment.
    """

    code: CodeType
    end: tuple[int, int]
    names: dict[str, Any]


@dataclass
class Visit:
    """One Slim call of one run.

    Attributes:
      call: as the hook told it.
      frames: the functions of the file that were running, outermost first; the last one made it.
      scope: the variable scope it was called in.
      initializer: whether that scope has an initializer of its own, which `layers` would use.
      inner: the calls that it made itself, such as its normalizer's.
    """

    call: Call
    frames: list[Frame]
    scope: str
    initializer: bool
    inner: list["Visit"] = field(default_factory=list)

    @property
    def opened(self) -> str:
        """The scope that the call opened, below the one it was called in."""
        return (self.call.scope or "").removeprefix(self.scope + "/" if self.scope else "")


def runs(fn: Callable, file: str, args: Sequence[Any], kwargs: dict[str, Any]) -> list[list[Visit]]:
    """Run a model abstractly: as asked, and with each of its other parameters moved a little.

    What stays the same in all these runs does not depend on the parameters.
    """
    found = [_watch(fn, file, args, kwargs)]
    for moved in _moved(fn, args, kwargs):
        try:
            found.append(_watch(fn, file, args, moved))
        except Refusal:
            raise
        except Exception:  # a value that this model does not take teaches nothing
            continue
    return found


def _moved(fn: Callable, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the keyword arguments with one of them, or one default, changed."""
    for name, parameter in list(inspect.signature(fn).parameters.items())[len(args) :]:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = kwargs.get(name, parameter.default)
        for other in _others(value):
            yield {**kwargs, name: other}


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value / 2 + 0.125]
    if isinstance(value, str):
        swapped = {"SAME": "VALID", "VALID": "SAME", "same": "valid", "valid": "same"}
        return [swapped.get(value, value + "_moved")]
    return []


def _watch(fn: Callable, file: str, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Visit]:
    """Return the visits of one abstract run, without those inside another."""
    visits: list[Visit] = []
    by_call: dict[int, Visit] = {}
    running: dict[int, tuple[int, int]] = {}  # a visit's innermost frame and instruction

    def listener(call: Call) -> None:
        if call.details is None:  # a call of `layers`: explicit already
            return
        graph = find_graph()
        scope = open_scope(graph) if graph else None
        innermost, frames = _frames(sys._getframe(1), file, call)
        visit = Visit(call, frames, scope.name if scope else "", bool(scope and scope.initializer))
        by_call[id(call)] = visit
        running[id(call)] = innermost
        outer = graph.call if graph else None
        if outer is not None and running.get(id(outer)) == innermost:
            by_call[id(outer)].inner.append(visit)
        else:
            visits.append(visit)

    model = functools.partial(fn, **kwargs)
    with listening(listener):
        nn.transform(model).variables(*args)
    return visits


def _frames(frame: FrameType | None, file: str, call: Call) -> tuple[tuple[int, int], list[Frame]]:
    """Return which instruction makes the call, and the file's frames, outermost first."""
    found: list[tuple[CodeType, tuple[int, int], dict[str, Any], dict[str, Any]]] = []
    first = (0, 0)
    inside: tuple[tuple[int, int], dict[str, Any]] | None = None  # of a comprehension
    while frame is not None:
        code = frame.f_code
        if code.co_filename == file and code.co_name != "<module>":
            end, names = inside or (_end(frame), {})
            first = first if found or inside else (id(frame), frame.f_lasti)
            names = {**frame.f_locals, **names}
            inside = (end, names) if code.co_name in _COMPREHENSIONS else None
            if inside is None:
                found.append((code, end, names, frame.f_globals))
        frame = frame.f_back
    site = call.site
    if site.file != file:
        raise Refusal(f"{call.op} at {site} is called in another file: unroll it there first.")
    found.reverse()
    frames = []
    for i, (code, end, names, names_of_module) in enumerate(found):
        visible = dict(names_of_module)
        for outer, _, outer_names, _ in found[:i]:
            if _contains(outer, code):
                visible |= outer_names
        frames.append(Frame(code, end, visible | names))
    return first, frames


def _end(frame: FrameType) -> tuple[int, int]:
    position = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    return position[1] or 0, position[3] or 0


def _contains(outer: CodeType, code: CodeType) -> bool:
    """Tell whether a function is defined inside another."""
    inner = [c for c in outer.co_consts if isinstance(c, CodeType)]
    return code in inner or any(_contains(c, code) for c in inner)
