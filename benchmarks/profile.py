"""Where the time of a training step goes: `python -m benchmarks.profile --network lite`.

Each operation of this library's compiled step, timed by JAX's profiler, beside what bounds it: the
floating-point operations of its matrix products and the bytes of its operands and results. "At the
peaks" is the time that these would take at the best the machine reaches (`benchmarks.machine`): for
each operation the products or the bytes, whichever take longer. What still lies in a cache may take
less. Of operations that run at the same time each counts, so their sum may be more than the step.
"""

import argparse
import collections
import functools
import gzip
import json
import math
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax

import nn
from benchmarks import machine, networks
from benchmarks.peers import slimlayers

STEPS = 5
WIDTHS = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8}
INSTRUCTION = re.compile(
    r"^ *(?:ROOT )?%(?P<name>[\w.\-]+) = (?P<type>\(.*?\)|\S+) (?P<kind>[\w\-]+)"
    r"\((?P<operands>.*?)\)(?P<rest>.*)$",
    re.MULTILINE,
)


class Operation(NamedTuple):
    """An operation of a compiled program."""

    kind: str
    where: str
    bytes: int
    flops: int


def operations(hlo: str) -> dict[str, Operation]:
    """Return the operations of a compiled program, by name, from its text."""
    found = {match["name"]: match for match in INSTRUCTION.finditer(hlo)}
    sizes = {name: _bytes(match["type"]) for name, match in found.items()}
    products = {name: _product(match, found) for name, match in found.items()}
    inside: dict[str, int] = collections.defaultdict(int)  # of each computation
    computation = ""
    for line in hlo.splitlines():
        if begun := re.match(r"(?:ENTRY )?%([\w.\-]+) \(.*\{$", line):
            computation = begun[1]
        elif match := INSTRUCTION.match(line):
            inside[computation] += products[match["name"]]
    result = {}
    for name, match in found.items():
        called = re.search(r"calls=%([\w.\-]+)", match["rest"])
        where = re.search(r'op_name="([^"]*)"', match["rest"])
        result[name] = Operation(
            match["kind"],
            where[1] if where else "",
            sizes[name] + sum(sizes.get(other, 0) for other in set(_operands(match))),
            inside[called[1]] if called else products[name],
        )
    return result


def _operands(match: re.Match) -> list[str]:
    return re.findall(r"%([\w.\-]+)", match["operands"])


def _shapes(text: str) -> list[tuple[str, list[int]]]:
    arrays = re.findall(r"(\w+)\[([\d,]*)\]", text)
    return [(dtype, [int(n) for n in sizes.split(",") if n]) for dtype, sizes in arrays]


def _bytes(text: str) -> int:
    return sum(WIDTHS.get(dtype, 4) * math.prod(shape) for dtype, shape in _shapes(text))


def _product(match: re.Match, found: dict[str, re.Match]) -> int:
    """The floating-point operations of a matrix product, 0 of anything else."""
    if match["kind"] != "dot":
        return 0
    ((_, left),) = _shapes(found[_operands(match)[0]]["type"])
    summed = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", match["rest"])
    assert summed
    length = math.prod(left[int(axis)] for axis in summed[1].split(",") if axis)
    return 2 * length * math.prod(_shapes(match["type"])[0][1])


class Row(NamedTuple):
    """Operations together: a row of the table."""

    seconds: float = 0
    at_the_peaks: float = 0
    count: float = 0
    bytes: float = 0
    flops: float = 0

    def plus(self, other: "Row") -> "Row":
        """Add up two rows."""
        return Row(*(a + b for a, b in zip(self, other, strict=True)))

    def __str__(self) -> str:
        gigas = [f"{amount / 1e9 / self.seconds:.1f}" if amount else "" for amount in self[3:]]
        return (
            f"{1e3 * self.seconds:.1f} | {1e3 * self.at_the_peaks:.1f} | {self.count}"
            f" | {self.bytes / 1e6:.0f} | {gigas[0]} | {self.flops / 1e9:.2f} | {gigas[1]} |"
        )


def at_the_peaks(operation: Operation, peaks: dict[str, float]) -> float:
    """Return the seconds that an operation takes on a machine at its best.

    >>> at_the_peaks(Operation("dot", "", bytes=10, flops=60), {"flops": 20, "bytes": 5})
    3.0
    """
    return max(operation.flops / peaks["flops"], operation.bytes / peaks["bytes"])


def what(operation: Operation) -> str:
    """Name the part of the step that an operation belongs to.

    >>> what(Operation("fusion", "jit(step)/transpose(jvp(conv))/jit(relu6)/select_n", 0, 0))
    'back: relu6 select_n'
    """
    way = "back" if "transpose(" in operation.where else "there"
    if operation.flops:
        return f"{way}: matrix products"
    *path, last = operation.where.split("/")
    functions = [f for part in path for f in re.findall(r"jit\((\w+)\)", part) if f != "step"]
    return f"{way}: {' '.join([*functions[-1:], last])}"


def measured(step, state, images, labels) -> tuple[dict[str, float], dict[str, Operation]]:
    """Return the seconds of each operation in a step, and the operations."""
    compiled = jax.jit(step).lower(state, images, labels).compile()
    state, _ = jax.block_until_ready(compiled(state, images, labels))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(STEPS):
                state, loss = compiled(state, images, labels)
                jax.block_until_ready(loss)
        (path,) = Path(folder).rglob("*.trace.json.gz")
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    known = operations(compiled.as_text() or "")
    seconds: dict[str, float] = collections.defaultdict(float)
    for event in events:
        name = event.get("name", "")
        if "hlo_op" in event.get("args", {}) and name in known and known[name].kind != "call":
            seconds[name] += event["dur"] / 1e6 / STEPS
    return seconds, known


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--network", default="lite", help="see python -m benchmarks --help (lite)")
    parser.add_argument("--top", type=int, default=16, help="how many rows (16)")
    parser.add_argument("--each", action="store_true", help="a row for each operation")
    arguments = parser.parse_args(argv)
    nn.keep_freed_memory()
    peaks = machine.peaks()
    program = slimlayers.build(networks.parse(arguments.network), "layers")
    state, images, labels = program.state, program.images, program.labels
    seconds, known = measured(program.step, state, images, labels)
    rows: dict[str, Row] = collections.defaultdict(Row)
    for name, time in seconds.items():
        key = f"{name}: {known[name].where}" if arguments.each else what(known[name])
        row = Row(time, at_the_peaks(known[name], peaks), 1, known[name].bytes, known[name].flops)
        rows[key] = rows[key].plus(row)
    print(f"Peaks: {peaks['flops'] / 1e9:.0f} GFLOP/s, {peaks['bytes'] / 1e9:.1f} GB/s.\n")
    print("| part | ms | at the peaks | operations | MB | GB/s | GFLOP | GFLOP/s |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    longest = sorted(rows.items(), key=lambda row: -row[1].seconds)
    for key, row in longest[: arguments.top]:
        print(f"| {key} | {row}")
    print(f"| all | {functools.reduce(Row.plus, rows.values())}")


if __name__ == "__main__":
    main()
