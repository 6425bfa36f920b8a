"""A comparison as text: the rungs, where it fails, the two sources layer by layer."""

import ast
import math
import re
from typing import TYPE_CHECKING, Any

from migrate import tables
from migrate.comparing.aligning import Paired
from migrate.comparing.arguments import NAMES, Pair, differing, plain, slims
from migrate.comparing.locating import Difference
from migrate.comparing.rungs import RUNGS
from migrate.comparing.sides import Side
from migrate.expressions import expression
from migrate.page import told
from migrate.recording import KINDS, Argument, Record
from migrate.sources import place, read

if TYPE_CHECKING:
    from migrate.comparing.whole import Comparison

# What says little of a layer, or is told elsewhere: the variables' own, and how it is run.
_LITTLE = (*NAMES, "weights_initializer", "biases_initializer", "data_format", "trainable")
MODULES = ("slim.", "layers.", "nn.")


def of(comparison: "Comparison") -> Any:
    """Return all of it, to be printed by rich."""
    a, b = comparison.sides
    heading = tables.styled(f"A  {a.title}\nB  {b.title}\n", "bold")
    shown = [heading, rungs(comparison)]
    if comparison.difference:
        shown.append(tables.styled(difference(comparison.difference), "red"))
    if comparison.rungs[0].ok:
        shown += [sizes(comparison), layers(comparison), variables(comparison)]
    return tables.rich("console").Group(*shown)


def verdict(comparison: "Comparison") -> str:
    """Say in a line how far the models are one."""
    if comparison.one_program:
        return "One program: the same variables, numbers, jaxpr and StableHLO."
    assert comparison.failed is not None
    if comparison.same_numbers:
        return f"The same numbers, but not one program ({comparison.failed.name} fails)."
    return f"Not the same: {comparison.failed.name} fails."


def rungs(comparison: "Comparison") -> Any:
    """A line for each rung that there is."""
    table = tables.new_table("", "rung", "cause", show_header=False)
    tried = {rung.name: rung for rung in comparison.rungs}
    for name in RUNGS:
        rung = tried.get(name)
        mark, style = ("✓", "green") if rung and rung.ok else ("✗", "red")
        mark, style = (mark, style) if rung else ("·", "bright_black")
        table.add_row(
            tables.styled(mark, style), tables.styled(name, style), rung.cause if rung else ""
        )
    return tables.rich("console").Group(table, tables.styled(verdict(comparison), "bold"))


def difference(found: Difference) -> str:
    """Say which layer it is, which argument, and where each side got it."""
    one = found.records[0] or found.records[1]
    assert one is not None
    lines = [f"\nThe first layer where they diverge: {one.op} {one.scope}"]
    if not found.arguments:
        lines.append(
            f"  It is in {'A' if found.records[0] else 'B'} alone, at {place(one.site)}."
            if None in found.records
            else "  Its arguments are the same: the code around it differs."
        )
    for pair in found.arguments:
        lines.append(f"  {pair.name}")
        sides = zip("AB", found.records, (pair.a, pair.b), strict=True)
        lines += [f"    {letter}  {origin(record, a)}" for letter, record, a in sides if record]
    return "\n".join(lines)


def origin(record: Record, argument: Argument | None) -> str:
    """Say what a side has for an argument, where from, and instead of what."""
    if argument is None:
        return f"{record.op} at {place(record.site)} has no such argument"
    by = told(argument.origin)
    at = f" at {place(record.site)}" if argument.kind in ("call", "default") else ""
    named = "" if argument.kind in ("call", "arg_scope") else f" of {record.op}"
    hidden = "".join(f"; not {expression(o.value)}, {told(o)}" for o in argument.hidden)
    return f"{argument.name}={expression(argument.value)}, {by}{named}{at}{hidden}"


def measures(side: Side, timed: bool = True) -> dict[str, str]:
    """Return the sizes of a side by what they are."""
    counts = [
        sum(math.prod(v.shape) for v in side.variables if v.trainable is trainable)
        for trainable in (True, False)
    ]
    total = sum(side.shares.values())
    hidden = total - side.shares["call"]
    sizes = {
        "lines of code": f"{len(side.code)}",
        "characters": f"{sum(map(len, side.code)):,}",
        "parameters": f"{counts[0]:,}" + f" and {counts[1]:,} not trained" * bool(counts[1]),
        "variables": f"{len(side.variables)}",
        "arguments of the layers": f"{total}",
        **{f"  {kind}": _share(side.shares[kind], total) for kind in KINDS},
        "hidden, not at the call": _share(hidden, total),
    }
    return sizes | ({"trace time": f"{1000 * side.trace_time:.0f} ms"} if timed else {})


def sizes(comparison: "Comparison", timed: bool = True) -> Any:
    """A column of sizes for each side."""
    table = tables.new_table("", "A", "B")
    found = [measures(side, timed) for side in comparison.sides]
    for name in found[0]:
        if {side[name] for side in found} != {"0 %"}:
            table.add_row(name, *(side[name] for side in found))
    return table


def layers(comparison: "Comparison") -> Any:
    """A row for each layer: its source on both sides, and what it resolved to."""
    table = tables.new_table("A", "B", "resolved to")
    for pair in comparison.layers:
        table.add_row(*(code(one) for one in pair), resolved(pair))
    return table


def code(one: Record | None) -> str:
    """Return the line and the expression of a call, without its spaces."""
    if one is None:
        return ""
    source = read(one.site.file)
    node = source.calls.get(one.site.span) if one.site.span else None
    segment = node and ast.get_source_segment("\n".join(source.lines), node)
    text = " ".join((segment or source.line(one.site.line)).split())
    text = re.sub(r",? (?=[)\]])|(?<=[(\[]) ", "", text)
    if one.is_normalizer:
        text = f"its {one.op}"
    return f"{'  ' * one.depth}{one.site.line}: {text}"


def resolved(pair: Paired) -> str:
    """Return what a layer of both was called with, and in what they differ."""
    a, b = pair
    one = a or b
    assert one is not None
    if a is None or b is None:
        return f"in {'A' if a else 'B'} alone"
    unlike = {found.name: found for found in shown_differences(pair)}
    ours, theirs = (slims(b), slims(a)) if b.is_slim else (slims(a), slims(b))
    told = [
        f"{name}={short(plain(name, argument.value))}"
        for name, argument in ours.items()
        if name in theirs and name not in unlike and _says_much(name, argument.value)
    ]
    split = [f"{name}: {_short(found.a)} | {_short(found.b)}" for name, found in unlike.items()]
    return ", ".join(told + split)


def shown_differences(pair: Paired) -> list[Pair]:
    """The arguments of a pair that differ, without those that have no effect."""
    a, b = pair
    return [found for found in differing(a, b) if not found.is_idle] if a and b else []


def short(value: Any) -> str:
    """A value as an expression without the names of our modules."""
    text = expression(value)
    for module in MODULES:
        text = text.replace(module, "")
    return text


def variables(comparison: "Comparison") -> Any:
    """A row for each variable: its name on both sides, and its shape."""
    table = tables.new_table("variable of A", "variable of B", "shape", "")
    for a, b in comparison.matching.pairs:
        one = a or b
        assert one is not None
        names = (v.name if v else "" for v in (a, b))
        table.add_row(*names, str(list(one.shape)), "" if one.trainable else "not trained")
    return tables.rich("console").Group(f"Variables, matched {comparison.matching.how}:", table)


def _says_much(name: str, value: Any) -> bool:
    return value is not None and name not in _LITTLE


def _short(argument: Argument | None) -> str:
    return short(argument.value) if argument else "none"


def _share(part: int, total: int) -> str:
    return f"{100 * part / total:.0f} %" if total else ""
