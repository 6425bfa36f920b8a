"""Measurements as tables in Markdown."""

import statistics
from collections.abc import Sequence

from benchmarks.rounds import Measurement


def ratios(times: Sequence[float], references: Sequence[float]) -> tuple[float, float, float]:
    """Return quartiles of the speed relative to a reference: the median, then 25 % and 75 %.

    Args:
      times: of a peer, one for each round.
      references: those of the reference in the same rounds.

    >>> ratios([1.0, 1.0, 2.0], [3.0, 4.0, 4.0])
    (3.0, 2.5, 3.5)
    """
    speeds = [other / own for own, other in zip(times, references, strict=True)]
    if len(speeds) == 1:
        speeds *= 2
    low, middle, high = statistics.quantiles(speeds, n=4, method="inclusive")
    return middle, low, high


def table(
    measurements: Sequence[Measurement],
    what: str,
    references: Sequence[str],
    flops: int = 0,
    peak: float = 0,
    images: int = 0,
) -> str:
    """Return the table of one quantity, the fastest peer first.

    Args:
      measurements: of all peers.
      what: a key of their `seconds`.
      references: the peers that others are compared with; those not measured are passed over.
      flops: of one step, for the share of `peak`; 0 leaves the column out.
      peak: FLOP/s.
      images: of one step or epoch, for the images per second; 0 leaves the column out.
    """
    known = {m.peer: m for m in measurements if what in m.seconds}
    references = [name for name in references if name in known]
    header = ["peer", "median ms"]
    header += [f"speed / {name} (25-75 %)" for name in references]
    header += ["of peak"] * bool(flops) + ["images/s"] * bool(images)
    header += ["first s", "with imports s", "versions"]
    rows = []
    for m in sorted(known.values(), key=lambda m: statistics.median(m.seconds[what])):
        seconds = statistics.median(m.seconds[what])
        row = [m.peer, f"{1e3 * seconds:.4g}"]
        for name in references:
            middle, low, high = ratios(m.seconds[what], known[name].seconds[what])
            row.append(f"{middle:.2f} ({low:.2f}-{high:.2f})")
        row += [f"{flops / seconds / peak:.0%}"] * bool(flops)
        row += [f"{images / seconds:,.0f}"] * bool(images)
        row += [f"{m.first:.1f}", f"{m.whole:.1f}"]
        row.append(" ".join(f"{name} {version}" for name, version in m.versions.items()))
        rows.append(row)
    return markdown([header, *rows])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first row is its header and whose first column is text.

    >>> print(markdown([["peer", "ms"], ["raw", "12.5"]]))
    | peer |   ms |
    | :--- | ---: |
    | raw  | 12.5 |
    """
    widths = [max(4, *map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append([row[0].ljust(widths[0]), *cells[1:]])
    rules = ["-" * (width - 1) + ":" for width in widths]
    lines.insert(1, [":" + "-" * (widths[0] - 1), *rules[1:]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
