"""An explanation as tables in a terminal."""

import importlib
from typing import TYPE_CHECKING, Any

from migrate.expressions import expression, shapes
from migrate.recording import KINDS, Argument, Origin, Record
from migrate.sources import place

if TYPE_CHECKING:
    from migrate.explaining import Explanation

STYLES = {
    "call": "dark_orange",
    "normalizer_params": "magenta",
    "arg_scope": "dodger_blue1",
    "default": "bright_black",
}


def calls(explanation: "Explanation") -> Any:
    """A table for each call, the defaults together in a line below, and the findings."""
    shown = [_heading(explanation)]
    for one, arguments in explanation.calls:
        shown += _call(one, arguments, with_defaults=bool(explanation.patterns))
    return rich("console").Group(*shown, "", stats(explanation), findings(explanation))


def stats(explanation: "Explanation") -> Any:
    """How many arguments of each op stand at the call, come from a scope, or are defaults."""
    table = new_table("op", "calls", "arguments", *KINDS)
    for column in table.columns[1:]:
        column.justify = "right"
    for op, count in explanation.stats().items():
        total = sum(count[kind] for kind in KINDS)
        shares = (f"{100 * count[k] / total:.0f} %" if total else "" for k in KINDS)
        cells = [styled(share, STYLES[k]) for share, k in zip(shares, KINDS, strict=True)]
        table.add_row(op, str(count["calls"]), str(total), *cells)
    return table


def findings(explanation: "Explanation") -> Any:
    """A line for each finding."""
    found = [styled(str(finding), "red") for finding in explanation.findings]
    error = explanation.recording.error
    if error is not None:
        site = explanation.recording.error_site
        where = f"{place(site)}: " if site else ""
        found.append(styled(f"{where}the model stopped here: {error}", "bold red"))
    return rich("console").Group(*(found or ["No findings."]))


def show(table: Any) -> None:
    """Print a table, in colours if the terminal has them."""
    rich("console").Console(highlight=False).print(table)


def as_text(table: Any, width: int = 120) -> str:
    """Return a table as plain text."""
    console = rich("console").Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _heading(explanation: "Explanation") -> Any:
    bound = explanation.recording.bound.items()
    given = ", ".join(f"{name}={expression(value)}" for name, value in bound)
    text = styled(explanation.title, "bold")
    return text.append(f"\n{given}", "not bold")


def _call(one: Record, arguments: list[Argument], with_defaults: bool) -> list[Any]:
    """A heading, a table of what is not a default, and a line of the others."""
    indent = "    " * one.depth
    visit = f"  visit {one.visit + 1} of {one.visits}" if one.visits > 1 else ""
    heading = styled(f"\n{indent}{one.op}", "bold")
    heading.append(f"  {one.scope}  {shapes(one.inputs)} -> {shapes(one.outputs)}", "not bold")
    heading.append(f"  {place(one.site)}{visit}", "not bold bright_black")
    table = new_table("argument", "value", "from", "instead of", show_header=False)
    defaults = []
    for a in arguments:
        if a.kind == "default" and not with_defaults:
            defaults.append(f"{a.name}={expression(a.value)}")
            continue
        hidden = ", ".join(f"{expression(o.value)} ({_where(o)})" for o in a.hidden)
        style = STYLES[a.kind]
        cells = (styled(expression(a.value), style), styled(_where(a.origin), style))
        table.add_row(f"{indent}  {a.name}", *cells, styled(hidden, "strike") if hidden else "")
    shown = [heading, table] if table.row_count else [heading]
    if defaults:
        text = styled("defaults: " + ", ".join(defaults), "bright_black")
        shown.append(rich("padding").Padding(text, (0, 0, 0, len(indent) + 2)))
    return shown


def _where(origin: Origin) -> str:
    """The origin; a call's line stands above."""
    if origin.site is None or origin.kind == "call":
        return origin.kind
    return f"{origin.kind} {place(origin.site)}"


def new_table(*columns: str, show_header: bool = True) -> Any:
    """Return a table without rows."""
    box = rich("box").SIMPLE_HEAD if show_header else None
    table = rich("table").Table(box=box, pad_edge=False, show_header=show_header)
    for column in columns:
        table.add_column(column, overflow="fold", min_width=min(len(column), 8))
    return table


def styled(text: str, style: str) -> Any:
    """Return a text in a style."""
    return rich("text").Text(text, style=style)


def rich(module: str) -> Any:
    """Return a module of rich."""
    try:
        return importlib.import_module(f"rich.{module}")
    except ModuleNotFoundError as error:
        raise ImportError("Tables need rich: pip install 'slimlayers[migrate]'.") from error
