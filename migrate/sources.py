"""Source files as they are read by the tools: their lines, and what a call in them passes."""

import ast
import functools
import linecache
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nn.site import Site


@dataclass(frozen=True)
class Source:
    """A file of source."""

    file: str
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its path as a person writes it: relative to the working directory, if below."""
        try:
            return Path(self.file).relative_to(Path.cwd()).as_posix()
        except ValueError:
            return self.file

    def line(self, number: int) -> str:
        """Return a line, counted from 1, without its indentation."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    @functools.cached_property
    def tree(self) -> ast.Module:
        """It parsed; empty if it is no Python."""
        try:
            return ast.parse("\n".join(self.lines))
        except SyntaxError:
            return ast.parse("")

    @functools.cached_property
    def calls(self) -> dict[tuple[int, int, int, int], ast.Call]:
        """The calls in it, by first line, column, last line, end column."""
        return {_span(node): node for node in ast.walk(self.tree) if isinstance(node, ast.Call)}

    def given(self, site: Site, op: str, parameters: Iterable[str]) -> set[str] | None:
        """Return the names of the arguments that a call of a layer writes out, if it can be seen.

        Args:
          site: of `layers.Conv2D(32, 3)(net)` or `layers.conv2d(net, 32, 3)`.
          op: the name of the class.
          parameters: those of the class, in order.
        """
        node = self.calls.get(site.span) if site.span else None
        if node is None:
            return None
        given = {keyword.arg for keyword in node.keywords if keyword.arg}
        names, makes = list(parameters), node.func
        if isinstance(makes, ast.Call):  # the class form: the inputs are not among its arguments
            if _last_name(makes.func) != op:
                return None
            given |= {keyword.arg for keyword in makes.keywords if keyword.arg}
            return given | set(names[: _positional(makes.args)])
        if (_last_name(makes) or "").replace("_", "").lower() != op.lower():  # conv2d of Conv2D
            return None
        return given | set(names[: max(_positional(node.args) - 1, 0)])


def place(site: Site) -> str:
    """Return `file:line` with the file as a person writes it."""
    return f"{read(site.file).name}:{site.line}"


@functools.cache
def read(file: str) -> Source:
    """Read a file; what cannot be read has no lines."""
    return Source(file, tuple(line.rstrip("\n") for line in linecache.getlines(file)))


def _positional(args: Sequence[ast.expr]) -> int:
    """How many arguments by position can be counted: those before a starred one."""
    return next((i for i, a in enumerate(args) if isinstance(a, ast.Starred)), len(args))


def _last_name(node: ast.expr) -> str | None:
    return getattr(node, "attr", None) or getattr(node, "id", None)


def _span(node: ast.expr) -> tuple[int, int, int, int]:
    last, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return node.lineno, node.col_offset, last, end
