"""Where in the user's own code a call was made: the `file:line` of error messages and records."""

import contextlib
import os
import sys
from dataclasses import dataclass

import jax

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NOT_THE_USERS = (
    *(os.path.join(_ROOT, package) + os.sep for package in ("nn", "layers", "slim")),
    os.path.dirname(jax.__file__) + os.sep,
    contextlib.__file__,
)


@dataclass(frozen=True)
class Site:
    """A line of source: `str(site)` is `file:line`."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """The form that editors and terminals make a link of."""
        return f"{self.file}:{self.line}"


def call_site() -> Site:
    """Return the innermost line on the call stack that belongs to neither this library nor JAX."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
