"""What a golden case is made of, for the recorder and the replay: neither TF nor JAX."""

from __future__ import annotations

import os
import pathlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

# Where the answers lie, and what else than names the numbers are drawn from: live.py sets both.
FOLDER = pathlib.Path(os.environ.get("GOLDENS", pathlib.Path(__file__).parent))
SEED = os.environ.get("GOLDENS_SEED", "")


@dataclass(frozen=True)
class Input:
    """One argument of a program: its shape, and what kind of numbers it holds."""

    shape: tuple[int, ...]
    kind: str = "normal"  # normal | probability | one_hot | labels | positive | true | false
    dtype: str = "float32"
    classes: int = 3

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to it is recorded."""
        return self.dtype.startswith("float")


class Sparse(NamedTuple):
    """A sparse array in a batch."""

    indices: np.ndarray
    values: np.ndarray
    dense_shape: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A short program `program(t, *inputs)`; `t` is either library under the same names."""

    name: str
    program: Callable[..., Any]
    inputs: tuple[Input, ...]
    skip: str = ""  # why the replay leaves it out for now
    gradients: bool = True
    statistics: bool = False  # record the spread of random initial values
    numbers: bool = True  # False: names, shapes and plain values alone, of what is too large to run

    def arrays(self) -> list[np.ndarray]:
        """The inputs, made from the case's name."""
        return [
            draw(f"{self.name}|input {i}", spec.shape, spec.kind, spec.classes).astype(spec.dtype)
            for i, spec in enumerate(self.inputs)
        ]

    def cotangent(self, index: int, shape: Sequence[int]) -> np.ndarray:
        """What output number `index` is multiplied with before gradients are taken."""
        return draw(f"{self.name}|cotangent {index}", shape)

    def value(self, variable: str, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        """The value that both sides give a variable. Integers (global steps) are 0."""
        if not dtype.startswith("float"):
            return np.zeros(shape, dtype)
        positive = variable.endswith(("variance", "stddev"))
        # The step counter of TF's unbiased averages must stay a count.
        kind = "zero" if variable.endswith("local_step") else "positive" if positive else "normal"
        return draw(f"{self.name}|{variable}", shape, kind).astype(dtype)


def draw(key: str, shape: Sequence[int], kind: str = "normal", classes: int = 3) -> np.ndarray:
    """Numbers that depend on nothing but the arguments (and the seed of a live comparison).

    RandomState, because NumPy promises never to change what it draws; Generator may change.
    """
    rng = np.random.RandomState(zlib.crc32(f"{SEED}{key}|{tuple(shape)}".encode()))
    if kind == "normal":
        return (0.5 * rng.standard_normal(tuple(shape))).astype("float32")
    if kind == "positive":
        return rng.uniform(0.5, 1.5, tuple(shape)).astype("float32")
    if kind == "probability":
        return rng.uniform(0.05, 0.95, tuple(shape)).astype("float32")
    if kind == "labels":
        return rng.randint(0, classes, tuple(shape))
    if kind == "one_hot":
        return np.eye(shape[-1], dtype="float32")[rng.randint(0, shape[-1], tuple(shape)[:-1])]
    return np.full(tuple(shape), kind in ("true", "one"))


@dataclass(frozen=True)
class Ref:
    """A value that each library has under this name; called if arguments were given."""

    path: str
    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        if self.args is None:
            return self.path
        words = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"{self.path}({', '.join(words)})"


def ref(path: str, *args: Any, **kwargs: Any) -> Ref:
    """`ref('nn.relu')` is a function; `ref('slim.l2_regularizer', .1)` what it returns."""
    return Ref(path, args if args or kwargs else None, kwargs)


def made(path: str, *args: Any, **kwargs: Any) -> Ref:
    """As `ref`, but called even without arguments."""
    return Ref(path, args, kwargs)


def look_up(t: Any, path: str) -> Any:
    """`t.slim.losses.log_loss` from `'slim.losses.log_loss'`."""
    for part in path.split("."):
        t = getattr(t, part)
    return t


def resolve(value: Any, t: Any) -> Any:
    """The value with every Ref in it replaced by what it names in library `t`."""
    if isinstance(value, Ref):
        found = look_up(t, value.path)
        if value.args is None:
            return found
        return found(*resolve(value.args, t), **resolve(value.kwargs, t))
    if isinstance(value, dict):
        return {key: resolve(item, t) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(resolve(item, t) for item in value)
    return value


def calling(op: str, kwargs: dict[str, Any]) -> Callable[..., Any]:
    """The program that calls one op with these arguments (for a class: makes it, then calls it)."""
    kwargs = dict(kwargs)
    at_call = kwargs.pop("at_call", {})

    def program(t: Any, *inputs: Any) -> Any:
        function = look_up(t, op)
        if op.rpartition(".")[2][0].isupper():
            return function(**resolve(kwargs, t))(*inputs, **at_call)
        return function(*inputs, **resolve(kwargs, t))

    return program


class Table(list[Case]):
    """A list of cases with two ways to write them down; arguments are fields of all its cases."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.fields = fields

    def calls(self, op: str, inputs: Any, *rows: dict[str, Any], **base: Any) -> None:
        """One case per row: `op(*inputs, **base, **row)`.

        Keys beginning with `_` in a row or in the base are fields of the case: `_skip`,
        `_gradients`, `_in` (other inputs).
        """
        for row in rows:
            given = {**base, **row}
            fields = self.fields | {k[1:]: given.pop(k) for k in list(given) if k[0] == "_"}
            specs = as_inputs(fields.pop("in", inputs))
            shapes = " ".join(
                "x".join(map(str, s.shape)) + ("" if s.dtype == "float32" else f":{s.dtype}")
                for s in specs
            )
            words = ", ".join(f"{key}={value!r}" for key, value in given.items())
            self.append(Case(f"{op}[{shapes}]({words})", calling(op, given), specs, **fields))

    def program(self, *inputs: Any, **fields: Any) -> Callable[..., Any]:
        """Decorator: the function below is a case, under its own name."""

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            module = function.__module__.rpartition(".")[2].removesuffix("_cases")
            name = f"{module}.{function.__name__}"
            self.append(Case(name, function, as_inputs(list(inputs)), **self.fields | fields))
            return function

        return add


def as_inputs(inputs: Any) -> tuple[Input, ...]:
    """A shape, an Input, or a list of them, as a tuple of Inputs."""
    if not isinstance(inputs, list):
        inputs = [inputs]
    return tuple(i if isinstance(i, Input) else Input(tuple(i)) for i in inputs)


def flatten(tree: Any, is_array: Callable[[Any], bool]) -> tuple[Any, list[Any]]:
    """Splits what a program returned into a JSON description and its arrays, in order.

    Dicts keep their order (it is part of what end points promise), tuples become lists.
    """
    arrays: list[Any] = []

    def walk(node: Any) -> Any:
        if is_array(node):
            arrays.append(node)
            return {"array": len(arrays) - 1}
        if isinstance(node, dict):
            return {"dict": [[key, walk(item)] for key, item in node.items()]}
        if isinstance(node, (list, tuple)):
            return [walk(item) for item in node]
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        raise TypeError(f"a program may return arrays and plain values, got {type(node)}")

    return walk(tree), arrays


def parted(array: Any) -> list[Any]:
    """Splits numbers into the finite ones, with zeros elsewhere, and where the NaNs are."""
    array = np.asarray(array)
    is_nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    return [np.where(is_nan, np.zeros_like(array), array), np.flatnonzero(is_nan).tolist()]
