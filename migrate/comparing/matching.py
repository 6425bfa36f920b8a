"""The variables of two models in corresponding order: by name, or as they were made."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import slim
from migrate.comparing.arguments import same
from migrate.expressions import expression
from nn.graph import Variable


@dataclass(frozen=True)
class Matching:
    """Which variable of one model is which of the other.

    Attributes:
      how: 'by name', 'by the name map' or 'in the order of creation'.
      pairs: in the order of A, and of B where A lacks it; None where a side lacks it.
    """

    how: str
    pairs: tuple[tuple[Variable | None, Variable | None], ...]

    @property
    def fault(self) -> tuple[str, tuple[Variable | None, Variable | None]] | None:
        """The first pair that is not one variable, and why."""
        for a, b in self.pairs:
            if cause := _fault(a, b):
                return cause, (a, b)
        return None


def match(a: Sequence[Variable], b: Sequence[Variable]) -> Matching:
    """Match variables by name, in the names of either style; if those differ, by their order."""
    ours, theirs = {v.name: v for v in a}, {v.name: v for v in b}
    for how, rename in (("by name", dict), ("by the name map", slim.to_layers_names)):
        x, y = rename(ours), rename(theirs)
        if x.keys() == y.keys():
            return Matching(how, tuple((v, y[name]) for name, v in x.items()))
    if [(v.shape, v.trainable) for v in a] == [(v.shape, v.trainable) for v in b]:
        return Matching("in the order of creation", tuple(zip(a, b, strict=True)))
    x, y = slim.to_layers_names(ours), slim.to_layers_names(theirs)
    if x.keys().isdisjoint(y):  # other names throughout
        longest = max(len(a), len(b))
        filled = ([*vs, *[None] * (longest - len(vs))] for vs in (a, b))
        return Matching("in the order of creation", tuple(zip(*filled, strict=True)))
    names = list(x)
    for before, name in itertools.pairwise(["", *y]):  # those of B alone, after the one before them
        if name not in x:
            names.insert(names.index(before) + 1 if before else 0, name)
    how = "by name" if any(name in theirs for name in ours) else "by the name map"
    return Matching(how, tuple((x.get(name), y.get(name)) for name in names))


def _fault(a: Variable | None, b: Variable | None) -> str:
    if a is None or b is None:
        there, where = (a, "A") if a else (b, "B")
        return f"{there.name} {list(there.shape)} is in {where} alone" if there else ""
    name = a.name if a.name == b.name else f"{a.name} ({b.name} in B)"
    if a.shape != b.shape:
        return f"{name}: shape {list(a.shape)} in A, {list(b.shape)} in B"
    if a.dtype != b.dtype:
        return f"{name}: {a.dtype} in A, {b.dtype} in B"
    if a.trainable != b.trainable:
        return f"{name}: trainable in {'A' if a.trainable else 'B'} alone"
    if not same(a.initializer, b.initializer):
        first = expression(a.initializer), expression(b.initializer)
        return f"{name}: begins as {first[0]} in A, as {first[1]} in B"
    return ""
