"""Where in the user's own code a call was made: the `file:line` of error messages and records."""

import contextlib
import os
import sys
from dataclasses import dataclass, field
from types import CodeType, FrameType

import jax

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NOT_THE_USERS = (
    *(os.path.join(_ROOT, package) + os.sep for package in ("nn", "layers", "slim")),
    os.path.dirname(jax.__file__) + os.sep,
    contextlib.__file__,
)
_MODELS = os.path.join(_ROOT, "slim", "nets") + os.sep  # these are written as users write theirs


@dataclass(frozen=True)
class Site:
    """A line of source: `str(site)` is `file:line`."""

    file: str
    line: int
    function: str
    code: CodeType | None = field(default=None, repr=False, compare=False)
    instruction: int = field(default=0, repr=False, compare=False)

    @property
    def span(self) -> tuple[int, int, int, int] | None:
        """Where the expression stands: its first line and column, its last line and end column.

        The columns count bytes from 0, as those of `ast` do.
        """
        positions = list(self.code.co_positions()) if self.code else [(None,) * 4]
        first, last, column, end = positions[self.instruction // 2]
        if first is None or last is None or column is None or end is None:
            return None
        return first, column, last, end

    def __str__(self) -> str:
        """The form that editors and terminals make a link of."""
        return f"{self.file}:{self.line}"


def call_site() -> Site:
    """Return the innermost line on the call stack that belongs to neither this library nor JAX."""
    frame = sys._getframe(1)
    while frame.f_back is not None and not is_users(frame):
        frame = frame.f_back
    return _site(frame)


def call_path() -> tuple[Site, ...]:
    """Return all such lines, from the outermost to that of `call_site`."""
    frame, path = sys._getframe(1), []
    while frame is not None:
        if is_users(frame):
            path.append(_site(frame))
        frame = frame.f_back
    return tuple(reversed(path))


def is_users(frame: FrameType) -> bool:
    """Tell whether a frame runs code of the user, not of this library or JAX."""
    file = frame.f_code.co_filename
    return file.startswith(_MODELS) or not file.startswith(_NOT_THE_USERS)


def _site(frame: FrameType) -> Site:
    code = frame.f_code
    return Site(code.co_filename, frame.f_lineno, code.co_name, code, frame.f_lasti)
