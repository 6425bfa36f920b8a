"""A comparison as a picture: each layer of both styles beside what it resolved to."""

import textwrap
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from migrate.comparing import report

if TYPE_CHECKING:
    from migrate.comparing.whole import Comparison

LETTER, LINE, GAP, MARGIN = 6.7, 16, 8, 16  # pixels
COLUMNS = (50, 50, 44)  # letters
STYLE = """
text { font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1c2128;
white-space: pre }
.title { font-weight: 700; font-size: 13px }
.quiet { fill: #6b7280 } .good { fill: #1a7f37 } .bad { fill: #b3261e } .rule { stroke: #e3e1dc }
@media (prefers-color-scheme: dark) {
text { fill: #e7e6e3 } .quiet { fill: #9aa1ac } .good { fill: #56d364 } .bad { fill: #ff8a80 }
.rule { stroke: #2d3138 }
}
"""


def draw(comparison: "Comparison") -> str:
    """Return the SVG; the same models and the same lines give the same text."""
    lefts = [MARGIN, MARGIN + LETTER * (COLUMNS[0] + 3), MARGIN + LETTER * (sum(COLUMNS[:2]) + 6)]
    width = lefts[2] + LETTER * COLUMNS[2] + MARGIN
    out: list[str] = []
    y = 28.0
    for x, letter, side in zip(lefts, "AB", comparison.sides, strict=False):
        out.append(_text(f"{letter}  {side.title}", x, y, "title"))
    out.append(_text("what both resolve to", lefts[2], y, "title"))
    for name, sizes in _sizes(comparison).items():
        y += LINE
        for x, size in zip(lefts, sizes, strict=False):
            out.append(_text(f"{size} {name}", x, y, "quiet"))
    for pair in comparison.layers:
        y += LINE / 2 + GAP
        out.append(f'<path class="rule" d="M{MARGIN} {y - 3:.1f} H{width - MARGIN:.1f}"/>')
        cells = [*map(report.code, pair), report.resolved(pair)]
        wrapped = [
            textwrap.wrap(cell, columns, subsequent_indent="    " * (i < 2))
            for i, (cell, columns) in enumerate(zip(cells, COLUMNS, strict=True))
        ]
        unlike = bool(report.shown_differences(pair)) or None in pair
        for i, (x, lines) in enumerate(zip(lefts, wrapped, strict=True)):
            for n, line in enumerate(lines, 1):
                style = ("bad" if unlike else "quiet") if i == 2 else ""
                out.append(_text(line, x, y + LINE * n - 2, style))
        y += LINE * max(map(len, wrapped))
    y += LINE + GAP
    x = float(MARGIN)
    for rung in comparison.rungs:
        text = f"{'✓' if rung.ok else '✗'} {rung.name}"
        out.append(_text(text, x, y, "good" if rung.ok else "bad"))
        x += LETTER * (len(text) + 3)
    y += LINE
    out.append(_text(report.verdict(comparison), MARGIN, y, "title"))
    height = y + MARGIN
    titles = " and ".join(side.title for side in comparison.sides)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{_xml(titles)}">'
    )
    return "\n".join([head, f"<style>{STYLE}</style>", *out, "</svg>", ""])


def _sizes(comparison: "Comparison") -> dict[str, list[str]]:
    """The sizes that tell the styles apart."""
    found = [report.measures(side, timed=False) for side in comparison.sides]
    names = {
        "lines of code": "lines of code",
        "characters": "characters",
        "parameters": "parameters",
        "of the arguments hidden, not at the call": "hidden, not at the call",
    }
    return {name: [side[key] for side in found] for name, key in names.items()}


def _text(text: str, x: float, y: float, style: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}">{_xml(text)}</text>'


def _xml(text: str) -> str:
    return escape(text, {'"': "&quot;"})
