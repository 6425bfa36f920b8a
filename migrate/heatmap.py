"""An explanation as a picture: a row for each call, a column for each argument, in colours."""

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from migrate.expressions import expression, names_of
from migrate.recording import KINDS, Argument, Record
from migrate.sources import place
from nn.site import Site

if TYPE_CHECKING:
    from migrate.explaining import Explanation

CELL, GAP, LETTER = 17, 2, 6.7  # pixels; the last is the width of a letter of 11 pixels' height
SHADES = 4  # of the colour of arg_scope, one for each scope in turn
NAMES = {
    "call": "written at the call",
    "normalizer_params": "from normalizer_params",
    "arg_scope": "from an arg_scope",
    "default": "a default of the op",
}
STYLE = """
text { font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1c2128 }
.title { font-size: 15px; font-weight: 700 }
.quiet { fill: #6b7280 }
.call { fill: #e07b2a } .normalizer_params { fill: #9b51cc } .default { fill: #dfe1e5 }
.arg_scope { fill: #3b7be0 } .s0 { fill: #2a62c4 } .s1 { fill: #4f8df0 } .s2 { fill: #1b93a8 }
.s3 { fill: #7fa6e8 }
.hides { stroke: #fff; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e7e6e3 } .quiet { fill: #9aa1ac } .default { fill: #2f343d }
.hides { stroke: #14161a }
}
"""


def draw(explanation: "Explanation") -> str:
    """Return the SVG; the same model and the same lines give the same text."""
    calls = explanation.calls
    columns = list(dict.fromkeys(a.name for _, arguments in calls for a in arguments))
    origins = [a.origin for _, arguments in calls for a in arguments if _scoped(a)]
    scopes = list(dict.fromkeys(origin.site for origin in origins))
    step = CELL + GAP
    left = 24 + LETTER * max([len(_label(one)) for one, _ in calls] or [0])
    top = 96 + 16 * len(scopes) + 0.75 * LETTER * max(map(len, columns), default=0)
    tilt = 0.75 * LETTER * len(columns[-1]) if columns else 0
    width, height = max(left + step * len(columns) + tilt + 12, 640), top + step * len(calls) + 14
    said = f"Where the arguments of {explanation.title} come from"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{_xml(said)}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="12" y="26">{_xml(explanation.title)}</text>',
        *_legend(explanation),
    ]
    for i, site in enumerate(scopes):
        filled = [origin for origin in origins if origin.site == site]
        ops = filled[0].setting.functions if filled[0].setting else ()
        text = f"{_at(site)} arg_scope([{names_of(ops)}]) fills {len(filled)}"
        out.append(_rect(f"s{i % SHADES}", 12, 66 + 16 * i, 11))
        out.append(_text(text, 30, 75.5 + 16 * i, "quiet"))
    for i, name in enumerate(columns):
        x = left + step * i + CELL / 2 + 4
        at = f"translate({x:.1f} {top - 6:.1f}) rotate(-50)"
        out.append(f'<text transform="{at}">{_xml(name)}</text>')
    for row, (one, arguments) in enumerate(calls):
        y = top + step * row
        out.append(_text(_label(one), 12, y + 12.5, "quiet" if one.depth else ""))
        for a in arguments:
            shade = f"s{scopes.index(a.origin.site) % SHADES}" if _scoped(a) else a.kind
            out += _cell(a, left + step * columns.index(a.name), y, shade)
    return "\n".join([*out, "</svg>", ""])


def _legend(explanation: "Explanation") -> list[str]:
    """A bar of the shares, and what the colours mean."""
    count = explanation.stats()["all"]
    total = sum(count[kind] for kind in KINDS) or 1
    out, x = [], 12.0
    for kind in KINDS:
        if count[kind]:
            text = f"{100 * count[kind] / total:.0f} % {NAMES[kind]}"
            out.append(_rect(kind, x, 40, 11))
            out.append(_text(text, x + 18, 49.5, ""))
            x += 36 + LETTER * len(text)
    return out


def _cell(argument: Argument, x: float, y: float, shade: str) -> list[str]:
    hidden = "".join(f", not {expression(o.value)} of {_at(o.site)}" for o in argument.hidden)
    origin = argument.kind + (f" at {_at(argument.origin.site)}" if argument.origin.site else "")
    story = f"{argument.name} = {expression(argument.value)}: {origin}{hidden}"
    cell = [_rect(shade, x, y, CELL, f"<title>{_xml(story)}</title>")]
    if argument.hidden:
        ends = f'x1="{x + 4:.1f}" y1="{y + CELL - 4:.1f}" x2="{x + CELL - 4:.1f}" y2="{y + 4:.1f}"'
        cell.append(f'<line class="hides" {ends}/>')
    return cell


def _label(one: Record) -> str:
    name = one.scope.rpartition("/")[2] if one.is_normalizer else one.scope
    return f"{'  ' * one.depth}{one.op}  {name}".replace(" ", "\u00a0")


def _scoped(argument: Argument) -> bool:
    return argument.kind == "arg_scope"


def _at(site: Site | None) -> str:
    return place(site) if site else "an unknown line"


def _rect(style: str, x: float, y: float, size: int, inside: str = "") -> str:
    extent = f'x="{x:.1f}" y="{y:.1f}" width="{size}" height="{size}" rx="2.5"'
    return f'<rect class="{style}" {extent}>{inside}</rect>'


def _text(text: str, x: float, y: float, style: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}">{_xml(text)}</text>'


def _xml(text: str) -> str:
    return escape(text, {'"': "&quot;"})
