"""A comparison as one self-contained page, in the design of `explain`'s."""

from html import escape
from typing import TYPE_CHECKING

from migrate import page
from migrate.comparing import report
from migrate.comparing.aligning import Paired
from migrate.comparing.arguments import slims
from migrate.comparing.rungs import RUNGS
from migrate.expressions import expression, shapes
from migrate.recording import Argument, Record
from migrate.sources import place, read

if TYPE_CHECKING:
    from migrate.comparing.whole import Comparison


def page_of(comparison: "Comparison") -> str:
    """Return the page: both sources on one side, the layers of both on the other."""
    a, b = comparison.sides
    records = [one for pair in comparison.layers for one in pair if one]
    origins = [argument.origin for one in records for argument in one.arguments.values()]
    sets = list(dict.fromkeys(o.site for o in origins if o.site and o.kind != "call"))
    files = dict.fromkeys(site.file for one in records for site in (one.site,))
    files |= dict.fromkeys(site.file for site in sets)
    left = "".join(page.source(read(file), records, sets) for file in files)
    right = "".join(_layer(pair, i) for i, pair in enumerate(comparison.layers))
    hint = (
        '<p class="hint">Hover or focus a layer for its arguments on both sides. The arrow keys go '
        "from layer to layer.</p>"
    )
    title = f"{a.title} and {b.title}"
    return page.fill(title, _summary(comparison), left, right + _variables(comparison), hint)


def _summary(comparison: "Comparison") -> str:
    a, b = comparison.sides
    tried = {rung.name: rung for rung in comparison.rungs}
    rungs = ""
    for name in RUNGS:
        rung = tried.get(name)
        style, mark = ("", "✓") if rung and rung.ok else ("bad", "✗") if rung else ("quiet", "·")
        rungs += f'<li class="{style}">{mark} {name}</li>'
    failed = comparison.failed
    cause = f'<p class="bad">{escape(failed.cause)}</p>' if failed else ""
    if comparison.difference:
        cause += (
            f'<pre class="bad">{escape(report.difference(comparison.difference).strip())}</pre>'
        )
    measured = [report.measures(side) if failed != comparison.rungs[0] else {} for side in (a, b)]
    rows = "".join(
        f"<tr><td>{name}</td>" + "".join(f"<td>{side[name]}</td>" for side in measured) + "</tr>"
        for name in measured[0]
        if {side[name] for side in measured} != {"0 %"}
    )
    return (
        f"<h1>A {escape(a.title)}<br>B {escape(b.title)}</h1>"
        f'<p>{escape(report.verdict(comparison))}</p><ul class="rungs">{rungs}</ul>{cause}'
        f"<table><tr><th></th><th>A</th><th>B</th></tr>{rows}</table>"
    )


def _layer(pair: Paired, number: int) -> str:
    one = pair[0] or pair[1]
    assert one is not None
    unlike = {found.name for found in report.shown_differences(pair)}
    style = "one unlike" if unlike or None in pair else "one"
    halves = "".join(map(_half, pair))
    label = escape(f"{one.op} {one.scope}, {' and '.join(place(r.site) for r in pair if r)}")
    return (
        f'<article class="{style}" tabindex="0" style="margin-left: {1.6 * one.depth}em" '
        f'data-line="{page.line_id(read(one.site.file), one.site.line)}" aria-label="{label}" '
        f'aria-describedby="story{number}"><h2>{" | ".join(r.op if r else "—" for r in pair)} '
        f'<span class="quiet">{escape(one.scope)}</span></h2>'
        f'<div class="two">{halves}</div>{_story(pair, unlike, number)}</article>'
    )


def _half(one: Record | None) -> str:
    """The code of a call, and the cells of what is not at its default."""
    if one is None:
        return "<code>—</code><ul></ul>"
    chosen = [a for a in one.arguments.values() if a.kind != "default"]
    cells = "".join(page.cell(argument, one.site) for argument in chosen)
    line = page.line_id(read(one.site.file), one.site.line)
    return (
        f'<code data-from="{line}">{escape(report.code(one))}</code><ul class="cells">{cells}</ul>'
    )


def _story(pair: Paired, unlike: set[str], number: int) -> str:
    one = pair[0] or pair[1]
    assert one is not None
    found = [slims(r) if r else {} for r in pair]
    names = sorted(dict.fromkeys([*found[0], *found[1]]), key=lambda name: name not in unlike)
    rows = ""
    for name in names:
        sides = zip("AB", pair, found, strict=True)
        told = "".join(_told(letter, r, f[name]) for letter, r, f in sides if r and name in f)
        rows += f"<dt{' class=bad' if name in unlike else ''}>{name}</dt><dd>{told}</dd>"
    return (
        f'<div class="story" id="story{number}"><h2>{escape(one.op)} '
        f'<span class="quiet">{escape(one.scope)}</span></h2>'
        f'<p class="mono">{escape(shapes(one.inputs))} → {escape(shapes(one.outputs))}</p>'
        f"<dl>{rows}</dl></div>"
    )


def _told(letter: str, one: Record, argument: Argument) -> str:
    by = page.told(argument.origin)
    hidden = "".join(f"; not {expression(o.value)}, {page.told(o)}" for o in argument.hidden)
    return (
        f'<div class="{argument.kind}">{letter} <code>{escape(argument.name)}='
        f"{escape(expression(argument.value))}</code><span>{escape(by + hidden)}</span></div>"
    )


def _variables(comparison: "Comparison") -> str:
    rows = ""
    for pair in comparison.matching.pairs:
        one = pair[0] or pair[1]
        assert one is not None
        names = "".join(f"<td><code>{escape(v.name) if v else '—'}</code></td>" for v in pair)
        rows += f"<tr>{names}<td>{list(one.shape)}</td></tr>"
    return (
        f"<h2>Variables, matched {comparison.matching.how}</h2>"
        f"<table><tr><th>A</th><th>B</th><th>shape</th></tr>{rows}</table>"
    )
