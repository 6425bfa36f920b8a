"""An explanation as one self-contained page: `page.html` filled with the source and the calls."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from migrate.expressions import expression, shapes
from migrate.recording import KINDS, Argument, Origin, Record
from migrate.sources import Source, place, read
from nn.site import Site

if TYPE_CHECKING:
    from migrate.explaining import Explanation

TEMPLATE = Path(__file__).with_name("page.html")
NAMES = {
    "call": "written at the call",
    "normalizer_params": "from normalizer_params",
    "arg_scope": "from an arg_scope",
    "default": "defaults of the op",
}


def fill(title: str, summary: str, left: str, right: str, foot: str = "") -> str:
    """Return the page: everything but the title is HTML."""
    parts = {"summary": summary, "left": left, "right": right, "foot": foot}
    return Template(TEMPLATE.read_text()).substitute(title=escape(title), **parts)


def explanation(of: "Explanation") -> str:
    """Return the page of an explanation."""
    shown = [one for one, _ in of.calls]
    cells = [a for _, arguments in of.calls for a in arguments if _threaded(a)]
    sets = list(dict.fromkeys(a.origin.site for a in cells if a.origin.site))
    left = "".join(source(file, shown, sets) for file in _files(of, sets))
    right = "".join(_call(one, arguments) for one, arguments in of.calls)
    hint = (
        '<p class="hint">Hover or focus a call for its whole story, or a line with a blue edge for '
        "the cells that it fills. The arrow keys go from call to call.</p>"
    )
    return fill(of.title, _summary(of), left, right, hint)


def source(file: Source, records: Iterable[Record], sets: Iterable[Site]) -> str:
    """Return the functions of a file that calls or scopes are in, line by line."""
    calls = {r.site.line for r in records if r.site.file == file.file}
    scopes = {site.line for site in sets if site.file == file.file}
    if not calls | scopes:
        return ""
    out, last = [], 0
    for number in sorted(_around(file, calls | scopes)):
        if number != last + 1 and last:
            out.append('<li class="gap">⋯</li>')
        last, id_ = number, line_id(file, number)
        kind = "sets" if number in scopes else "calls" if number in calls else ""
        more = f' data-from="{id_}" tabindex="0"' if number in scopes else ""
        text = escape(file.lines[number - 1]) or " "
        out.append(f'<li id="{id_}" value="{number}" class="{kind}"{more}>{text}</li>')
    return f'<h2>{escape(file.name)}</h2><ol class="source">{"".join(out)}</ol>'


def _files(of: "Explanation", sets: list[Site]) -> list[Source]:
    """The files to show: that of the model first."""
    sites = [of.recording.source.file, *(one.site.file for one, _ in of.calls)]
    files = dict.fromkeys([*sites, *(site.file for site in sets)])
    return [read(file) for file in files if file and read(file).lines]


def _around(file: Source, lines: set[int]) -> set[int]:
    """The lines of the outermost functions and statements around some lines."""
    shown = set(lines)
    for node in file.tree.body:
        extent = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if lines.intersection(extent):
            shown.update(extent)
            decorators = getattr(node, "decorator_list", [])
            shown.update(n for d in decorators for n in range(d.lineno, node.lineno))
    return {n for n in shown if 0 < n <= len(file.lines)}


def _summary(of: "Explanation") -> str:
    bound = ", ".join(f"{k}={expression(v)}" for k, v in of.recording.bound.items())
    count = of.stats()["all"]
    total = sum(count[kind] for kind in KINDS)
    kinds = [kind for kind in KINDS if count[kind]]
    bar = "".join(f'<i class="{kind}" style="flex: {count[kind]}"></i>' for kind in kinds)
    legend = "".join(
        f'<li><i class="{kind} dot"></i><b>{100 * count[kind] / total:.0f} %</b> {NAMES[kind]}</li>'
        for kind in kinds
    )
    found = [str(finding) for finding in of.findings]
    if of.recording.error is not None:
        site = of.recording.error_site
        where = f"{place(site)}: " if site else ""
        found.append(f"{where}the model stopped here: {of.recording.error}")
    findings = "".join(f"<li>▲ {escape(text)}</li>" for text in found)
    return (
        f'<h1>{escape(of.title)}</h1><p class="mono quiet">{escape(bound)}</p>'
        f'<div class="bar" aria-hidden="true">{bar}</div><ul class="legend">{legend}'
        '<li><label><input type="checkbox" id="quieter"> hide the defaults</label></li></ul>'
        f'<p class="quiet">{total} arguments of {count["calls"]} calls; normalizers are shown, but '
        f'not counted.</p><ul class="findings">{findings}</ul>'
    )


def _call(one: Record, arguments: list[Argument]) -> str:
    arguments = sorted(arguments, key=lambda a: a.kind == "default")
    cells = "".join(cell(argument, one.site) for argument in arguments)
    line = escape(place(one.site).rpartition("/")[2])
    visit = f", visit {one.visit + 1} of {one.visits}" if one.visits > 1 else ""
    label = escape(f"{one.op} {one.scope}, {place(one.site)}{visit}")
    return (
        f'<article class="one" tabindex="0" style="margin-left: {1.6 * one.depth}em" '
        f'data-line="{line_id(read(one.site.file), one.site.line)}" aria-label="{label}" '
        f'aria-describedby="story{one.index}"><span class="where quiet">{line}{visit}</span>'
        f'<h2>{escape(one.op)} <span class="quiet">{escape(one.scope)}</span></h2>'
        f'<ul class="cells">{cells}</ul>{_story(one, arguments)}</article>'
    )


def cell(argument: Argument, call: Site) -> str:
    """Return the cell of an argument."""
    site = argument.origin.site
    of = (
        f' data-from="{line_id(read(site.file), site.line)}"'
        if site and _threaded(argument)
        else ""
    )
    line = ""
    if of and site:  # its file is named where it is another one than the call's
        file = "" if site.file == call.file else Path(site.file).name
        line = f" <small>{escape(file)}:{site.line}</small>"
    hidden = "".join(f" <s>{escape(_short(o))}</s>" for o in argument.hidden)
    return (
        f'<li class="{argument.kind}"{of}><b>{argument.name}</b> '
        f"{escape(_short(argument.origin))}{line}{hidden}</li>"
    )


def _story(one: Record, arguments: list[Argument]) -> str:
    code = read(one.site.file).line(one.site.line)
    path = " → ".join(place(site) for site in one.path)
    visit = f", visit {one.visit + 1} of {one.visits}" if one.visits > 1 else ""
    parent = one.parent if one.is_normalizer else None
    inside = f"<p>the normalizer of {escape(f'{parent.op} {parent.scope}')}</p>" if parent else ""
    variables = "variables" * bool(one.used) + "".join(
        f"<br><code>{escape(v.name)} {list(v.shape)}</code>" + " not trained" * (not v.trainable)
        for v in one.used
    )
    rows = "".join(
        f'<dt class="{a.kind}">{a.name}</dt><dd class="{a.kind}">'
        f"<code>{escape(expression(a.value))}</code><span>{escape(told(a.origin))}</span>"
        + "".join(
            f"<span>not <s>{escape(expression(o.value))}</s>, {escape(told(o))}</span>"
            for o in a.hidden
        )
        + "</dd>"
        for a in arguments
    )
    return (
        f'<div class="story" id="story{one.index}"><h2>{escape(one.op)} '
        f'<span class="quiet">{escape(one.scope)}</span></h2>'
        f'<p class="quiet">{escape(path)}{visit}</p>{inside}'
        f"<pre>{escape(code)}</pre>"
        f'<p class="mono">{escape(shapes(one.inputs))} → {escape(shapes(one.outputs))}</p>'
        f'<dl>{rows}</dl><p class="quiet">{variables}</p></div>'
    )


def told(origin: Origin) -> str:
    """Where a value is from, in words."""
    where = place(origin.site) if origin.site else "an unknown line"
    return {
        "call": "written at the call",
        "normalizer_params": f"handed on as normalizer_params, set at {where}",
        "arg_scope": f"from the arg_scope at {where}",
        "default": "the default",
    }[origin.kind]


def _short(origin: Origin) -> str:
    """A value as it fits in a cell."""
    text = expression(origin.value)
    for module in ("slim.", "layers.", "nn."):
        text = text.removeprefix(module)
    return text if len(text) <= 60 else text[:57] + "..."


def _threaded(argument: Argument) -> bool:
    is_set = argument.kind in ("arg_scope", "normalizer_params")
    return is_set and argument.origin.site is not None


def line_id(file: Source, line: int) -> str:
    """Return the id of a line of a file."""
    return f"{file.name}-{line}".replace("/", "-").replace(" ", "-")
