"""A model, layer by layer: what each call computed with which arguments, and what it costs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from nn.calls import Call, listening
from nn.expressions import show
from nn.graph import Variable

_NAMES = {"name", "scope"}  # the scope has a column of its own


@dataclass(frozen=True)
class Row:
    """One layer call of a model.

    Attributes:
      scope: the path of its scope.
      op: the layer's name.
      arguments: those that differ from their defaults.
      output: the output's shape.
      variables: the variables it made, without those of layers inside it.
      parameters: the number of elements of the trainable ones.
      flops: two for each multiply-add of a kernel, for this batch.
      depth: how many layer calls it is inside of.
    """

    scope: str
    op: str
    arguments: dict[str, Any]
    output: tuple[int, ...] | None
    variables: tuple[Variable, ...]
    parameters: int
    flops: int
    depth: int


def rows_of(run: Callable[[], Any]) -> list[Row]:
    """Return a row for every layer call made while `run()` runs."""
    calls: list[Call] = []
    with listening(calls.append):
        run()
    return [_row(call) for call in calls]


def _row(call: Call) -> Row:
    outputs = [x for x in jax.tree.leaves(call.outputs) if hasattr(x, "shape")]
    return Row(
        scope=call.scope or "",
        op=call.op,
        arguments={k: v for k, v in call.arguments.items() if k in call.chosen - _NAMES},
        output=tuple(outputs[0].shape) if outputs else None,
        variables=tuple(call.variables),
        parameters=sum(math.prod(v.shape) for v in call.variables if v.trainable),
        flops=_flops(call, outputs),
        depth=call.depth,
    )


def _flops(call: Call, outputs: Sequence[Any]) -> int:
    """Count two FLOPs for every use of an element of a kernel.

    A kernel is used once at each output position: at each input position if it is transposed.
    """
    kernels = [v for v in call.used if len(v.shape) >= 2]
    if not kernels or not outputs or "norm" in call.op.lower():
        return 0
    at = call.inputs if "transpose" in call.op.lower() else outputs[0]
    format_ = call.arguments.get("data_format") or ""
    if not at.ndim:
        return sum(2 * math.prod(k.shape) for k in kernels)
    channels = at.shape[1 if format_ == "channels_first" or format_.startswith("NC") else -1]
    positions = math.prod(at.shape) // channels
    return sum(2 * positions * math.prod(k.shape) for k in kernels)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text with a line of totals."""
    head = ("scope", "op", "arguments", "output", "variables", "parameters", "FLOPs")
    lines = [_cells(row) for row in rows]
    parameters, flops = sum(r.parameters for r in rows), sum(r.flops for r in rows)
    lines.append(("total", "", "", "", "", f"{parameters:,}", f"{flops:,}"))
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i >= 5 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *lines]
    )


def _cells(row: Row) -> tuple[str, ...]:
    arguments = ", ".join(f"{name}={show(value)}" for name, value in row.arguments.items())
    variables = ", ".join(
        f"{v.name.rpartition('/')[2]}[{','.join(map(str, v.shape))}]" for v in row.variables
    )
    return (
        "  " * row.depth + row.scope,
        row.op,
        arguments,
        "" if row.output is None else str(list(row.output)),
        variables,
        f"{row.parameters:,}" if row.parameters else "",
        f"{row.flops:,}" if row.flops else "",
    )
