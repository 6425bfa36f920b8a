"""Reads what record.py wrote, as records with NumPy arrays in them."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldens.kit import FOLDER, Case


@dataclass(frozen=True)
class RecordedVariable:
    """A variable that the real thing made."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    collections: tuple[str, ...]
    initial: Any  # a number (every element), 'random', or {'max': ..., 'std': ...}

    @property
    def trainable(self) -> bool:
        return "trainable_variables" in self.collections


@dataclass(frozen=True)
class Answer:
    """What the real thing did with one case: refused it, or returned and computed this."""

    refused: str
    returns: Any = None
    variables: tuple[RecordedVariable, ...] = ()
    outputs: tuple[np.ndarray, ...] = ()
    input_slopes: tuple[np.ndarray | None, ...] | None = None
    variable_slopes: tuple[np.ndarray | None, ...] | None = None
    state: dict[str, np.ndarray] | None = None
    regularization: tuple[float, ...] = ()


@functools.cache
def _files() -> tuple[dict[str, Any], np.ndarray]:
    with np.load(FOLDER / "recorded.npz") as numbers:
        return json.loads((FOLDER / "recorded.json").read_text()), numbers["values"]


def recorded_names() -> set[str]:
    """The names of all recorded cases."""
    return set(_files()[0]) - {"about"}


def answer(case: Case) -> Answer:
    """The recorded answer to a case."""
    cases, numbers = _files()
    raw = cases[case.name]
    if "refused" in raw:
        return Answer(refused=raw["refused"])

    def array(at: int | None, shape: Any, dtype: str = "float32") -> np.ndarray | None:
        if at is None:
            return None
        return numbers[at : at + math.prod(shape)].reshape(shape).astype(dtype)

    variables = [
        RecordedVariable(n, d, tuple(s), tuple(c), i) for n, d, s, c, i in raw["variables"]
    ]
    if case.statistics or not case.numbers:
        return Answer("", raw["returns"], tuple(variables))
    known = {variable.name: variable for variable in variables}
    sources = [spec.shape for spec in case.inputs if spec.differentiable]
    targets = [variable.shape for variable in variables if variable.trainable]
    slopes = [
        None
        if raw[f"slopes of {what}"] is None
        else tuple(array(at, s) for at, s in zip(raw[f"slopes of {what}"], shapes, strict=True))
        for what, shapes in [("inputs", sources), ("variables", targets)]
    ]
    return Answer(
        refused="",
        returns=raw["returns"],
        variables=tuple(variables),
        outputs=tuple(array(at, shape, dtype) for dtype, shape, at in raw["outputs"]),
        input_slopes=slopes[0],
        variable_slopes=slopes[1],
        state={
            name: array(at, known[name].shape, known[name].dtype)
            for name, at in raw["after updates"].items()
        },
        regularization=tuple(value for _, value in raw["regularization"]),
    )
