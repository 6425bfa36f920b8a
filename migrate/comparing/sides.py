"""One of the two models of a comparison: its runs in each mode, its variables, its size."""

import ast
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import nn
from migrate.recording import KINDS, Recording, file_of, record
from migrate.sources import Source, read
from nn.graph import Variable

FLAGS = ("is_training", "training")
# The modes; ONLY is that of a model that has no flag, or that was given it.
EVAL, TRAIN, ONLY = "eval", "train", "as given"


@dataclass(frozen=True, eq=False)
class Side:
    """A model with its arguments.

    Attributes:
      title: what it is called.
      fn: the function.
      args: its arguments; arrays may be `jax.ShapeDtypeStruct`.
      kwargs: likewise by keyword.
      flag: the parameter that says whether the model is in training; None if there is none, or if
        it is given.
    """

    title: str
    fn: Callable
    args: tuple
    kwargs: dict[str, Any]
    flag: str | None

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that it can be run in."""
        return (EVAL, TRAIN) if self.flag else (ONLY,)

    def model(self, mode: str) -> Callable:
        """Return the function of the positional arguments alone, in a mode."""
        flags = {self.flag: mode == TRAIN} if self.flag else {}
        return partial(self.fn, **self.kwargs, **flags)

    def recording(self, mode: str) -> Recording:
        """Return the record of a run in a mode."""
        return self.recordings[mode if mode in self.modes else self.modes[-1]]

    @cached_property
    def recordings(self) -> dict[str, Recording]:
        """The record of a run in each mode."""
        return {mode: record(self.model(mode), *self.args) for mode in self.modes}

    @cached_property
    def variables(self) -> list[Variable]:
        """Its variables in the order in which they are made, of all modes."""
        return list({v.name: v for r in self.recordings.values() for v in r.variables}.values())

    @cached_property
    def trace_time(self) -> float:
        """How many seconds it takes to trace the model when nobody listens."""
        start = time.perf_counter()
        nn.transform(self.model(self.modes[-1])).variables(*self.args)
        return time.perf_counter() - start

    @cached_property
    def shares(self) -> dict[str, int]:
        """How many arguments of the calls, without those of normalizers, are of each origin."""
        records = self.recordings[self.modes[-1]].records
        kinds = [a.kind for r in records if not r.is_normalizer for a in r.arguments.values()]
        return {kind: kinds.count(kind) for kind in KINDS}

    @cached_property
    def code(self) -> list[str]:
        """The lines of its code, without docstrings, comments, empty lines and indentation.

        They are those of the functions that its layers are called in.
        """
        records = self.recordings[self.modes[-1]].records
        sites = {(s.file, s.line) for r in records for s in r.path}
        return [
            line
            for file in dict.fromkeys([file_of(self.fn), *sorted(file for file, _ in sites)])
            for node in read(file).tree.body
            if any(of == file and _is_in(node, line) for of, line in sites)
            for line in _code_of(read(file), node)
        ]


def sides(a: Callable, b: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple[Side, Side]:
    """Return the two models of a comparison: each gets those of the keywords that it takes."""
    taken = [{k for k in kwargs if _takes(fn, k)} for fn in (a, b)]
    if strangers := sorted(kwargs.keys() - taken[0] - taken[1]):
        raise ValueError(f"neither model takes the argument {strangers[0]!r}.")
    made = [
        Side(
            _title(fn), fn, args, {k: kwargs[k] for k in kwargs if k in keys}, _flag(fn, args, keys)
        )
        for fn, keys in zip((a, b), taken, strict=True)
    ]
    return made[0], made[1]


def _takes(fn: Callable, name: str) -> bool:
    parameters = inspect.signature(fn).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _flag(fn: Callable, args: tuple, given: set[str]) -> str | None:
    """The parameter that switches a model to training, if it is not given already."""
    parameters = list(inspect.signature(fn).parameters)
    bound = {*given, *parameters[: len(args)], *getattr(fn, "keywords", ())}  # of a partial
    return next((flag for flag in FLAGS if flag in parameters and flag not in bound), None)


def _title(fn: Callable) -> str:
    inner: Any = fn
    while isinstance(inner, partial):
        inner = inner.func
    name = getattr(inner, "__name__", type(inner).__name__)
    file = read(file_of(fn)).name
    return f"{file}:{name}" if file else name


def _is_in(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return first <= line <= last


def _code_of(source: Source, node: ast.AST) -> list[str]:
    documented = [
        inner.body[0]
        for inner in ast.walk(node)
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner)
    ]
    numbers = range(getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) + 1)
    lines = [source.line(n) for n in numbers if not any(_is_in(d, n) for d in documented)]
    return [line for line in lines if line and not line.startswith("#")]
