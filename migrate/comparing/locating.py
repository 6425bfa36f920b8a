"""The first layer where two models diverge, and the argument that does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrate.comparing.aligning import Paired, align
from migrate.comparing.arguments import Pair, differing
from migrate.comparing.numbers import unlike
from migrate.comparing.rungs import Failure, Ladder
from migrate.recording import Argument, Record
from nn.graph import Variable


@dataclass(frozen=True, eq=False)
class Difference:
    """Where two models first diverge.

    Attributes:
      records: the calls of the layer on each side; None where a side has no such call.
      arguments: in what they differ, the likeliest cause first; empty if it is none of them.
    """

    records: Paired
    arguments: tuple[Pair, ...]

    @property
    def layer(self) -> str:
        """The scope of the layer, or its op if it has none."""
        one = self.records[0] or self.records[1]
        return one.scope or one.op if one else ""

    @property
    def argument(self) -> str | None:
        """The name of the argument that differs there."""
        return self.arguments[0].name if self.arguments else None

    @property
    def a(self) -> Argument | None:
        """That argument on side A, with its origin."""
        return self.arguments[0].a if self.arguments else None

    @property
    def b(self) -> Argument | None:
        """That argument on side B."""
        return self.arguments[0].b if self.arguments else None


def locate(on: Ladder, failure: Failure) -> Difference | None:
    """Find the layer that is behind a failure."""
    modes = next(m for m in on.modes if failure.mode in m)
    recordings = [side.recording(mode) for side, mode in zip(on.sides, modes, strict=True)]
    pairs = align(recordings[0].records, recordings[1].records)
    found = None
    if failure.stops:  # what is missing after the stop is no difference
        lasts = [r.records[-1] for r in recordings if r.error is not None and r.records]
        stopped = [pair for pair in pairs if any(one in pair for one in lasts)]
        found = next(filter(_matters, pairs), None) or next(iter(stopped), None)
    elif failure.regularizes:
        found = _first_with(pairs, "regularizer")
    elif failure.variables is not None:
        found = _of_variables(pairs, *failure.variables)
    elif failure.weights is not None:
        seen = [m.seen(failure.weights, on.args, on.rng) for m in on.models(modes)]
        found = _first_by_numbers(pairs, *seen)
    found = found or _first_unlike(pairs)
    if found is None:
        return None
    unlikes = unlike_arguments(found)
    wanted = "regularizer" if failure.regularizes else ""
    unlikes.sort(key=lambda pair: wanted not in pair.name)
    return Difference(found, tuple(p for p in unlikes if not p.is_idle) or tuple(unlikes))


def unlike_arguments(pair: Paired) -> list[Pair]:
    """Return the arguments in which a pair of calls differs; of one alone there are none."""
    a, b = pair
    return differing(a, b) if a and b else []


def _matters(pair: Paired) -> bool:
    return any(not found.is_idle for found in unlike_arguments(pair))


def _first_with(pairs: Sequence[Paired], word: str) -> Paired | None:
    """The first layer that differs in an argument that is named so."""
    with_it = (p for p in pairs for u in unlike_arguments(p) if word in u.name and not u.is_idle)
    return next(with_it, None)


def _first_unlike(pairs: Sequence[Paired]) -> Paired | None:
    """The first layer that differs in an argument, or that has no partner."""
    suspects = [p for p in pairs if None in p or unlike_arguments(p)]
    return next((p for p in suspects if None in p or _matters(p)), next(iter(suspects), None))


def _of_variables(pairs: Sequence[Paired], a: Variable | None, b: Variable | None) -> Paired | None:
    """The layer that uses a variable, or the one around it that differs in an argument."""
    for pair in pairs:
        for one, variable in zip(pair, (a, b), strict=True):
            if one and variable and any(v.name == variable.name for v in one.used):
                return pair if _matters(pair) else _around(pairs, one) or pair
    return None


def _around(pairs: Sequence[Paired], one: Record) -> Paired | None:
    """The innermost layer around a call that differs in an argument."""
    parent = one.parent
    while parent is not None:
        pair = next(pair for pair in pairs if any(r is parent for r in pair))
        if _matters(pair):
            return pair
        parent = parent.parent
    return None


def _first_by_numbers(
    pairs: Sequence[Paired], seen_a: list[tuple[Any, Any]], seen_b: list[tuple[Any, Any]]
) -> Paired | None:
    """The first layer that makes different outputs of the same inputs.

    In one style an activation may stand after a layer which in the other has it as an argument.
    So such a layer is suspected only if the next one gets other inputs. The same goes for what is
    there on one side alone, and for code between two layers.
    """
    suspect = None
    for pair in pairs:
        a, b = pair
        if a is None or b is None:
            one, seen = (a, seen_a) if a else (b, seen_b)
            if one and not one.is_normalizer and not one.children and unlike(*seen[one.index]):
                suspect = pair
        elif unlike(seen_a[a.index][0], seen_b[b.index][0]):
            if suspect and not (a.parent or b.parent):
                return suspect
        elif unlike(_outputs(a, b, seen_a), _outputs(b, a, seen_b)) and _is_at_fault(pair):
            inner = [p for p in pairs if p[0] and p[1] and p[0].parent is a and p[1].parent is b]
            return _first_by_numbers(inner, seen_a, seen_b) or pair
        elif not (a.is_normalizer or b.is_normalizer):
            suspect = pair
    return suspect


def _is_at_fault(pair: Paired) -> bool:
    """Tell whether a pair with other outputs is to blame, rather than an activation after it."""
    a, b = pair
    return a is not None and b is not None and (a.op == b.op or _matters(pair))


def _outputs(one: Record, other: Record, seen: list[tuple[Any, Any]]) -> Any:
    """What a call returned, or what it gave its normalizer if the other side's has none inside."""
    mine = [child for child in one.children if child.is_normalizer]
    if mine and not any(child.is_normalizer for child in other.children):
        return seen[mine[0].index][0]
    return seen[one.index][1]
