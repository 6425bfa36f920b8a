"""`explain`: where every argument of every call of a model came from."""

import argparse
import fnmatch
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from migrate import heatmap, page, tables, targets
from migrate.expressions import expression, shapes
from migrate.findings import Finding, findings_of
from migrate.recording import KINDS, Argument, Origin, Record, Recording, record
from migrate.sources import place, read
from nn.site import Site


@dataclass(frozen=True, eq=False)
class Explanation:
    """The calls of a model with the origin of each argument; prints as a table.

    Attributes:
      title: what was explained.
      recording: the record of the run.
      patterns: those of `only`; empty: everything.
    """

    title: str
    recording: Recording
    patterns: tuple[str, ...] = ()

    @cached_property
    def calls(self) -> list[tuple[Record, list[Argument]]]:
        """The calls that are shown, with the arguments that are shown."""
        found = [(r, [a for a in r.arguments.values() if self._shows(r, a)]) for r in self.records]
        return [(r, arguments) for r, arguments in found if arguments or not self.patterns]

    @property
    def records(self) -> list[Record]:
        """The record of every call, shown or not."""
        return self.recording.records

    @cached_property
    def findings(self) -> list[Finding]:
        """What is probably a mistake, in the order of the lines."""
        return findings_of(self.recording)

    def only(self, *patterns: str) -> "Explanation":
        """Return the explanation of some arguments alone.

        Args:
          *patterns: `OP.ARGUMENT`, or the op alone, or its scope for its op; globs as in a shell.

        >>> net = migrate.explain(models.mnist.scoped, jnp.ones((1, 28, 28, 1)))
        >>> [a.value for _, arguments in net.only('conv2d.kernel*').calls for a in arguments]
        [5, 5]
        """
        return replace(self, patterns=patterns)

    def stats(self) -> dict[str, dict[str, int]]:
        """Count the arguments of each origin for each op, and for `all` of them.

        Normalizers that a layer ran are counted for their op, but not in `all`.

        >>> net = migrate.explain(models.mnist.scoped, jnp.ones((1, 28, 28, 1)))
        >>> net.stats()['flatten']
        {'calls': 1, 'call': 0, 'normalizer_params': 0, 'arg_scope': 0, 'default': 2}
        """
        counts: dict[str, Counter] = {}
        for one, arguments in self.calls:
            for name in (one.op,) if one.is_normalizer else (one.op, "all"):
                counts.setdefault(name, Counter())["calls"] += 1
                counts[name].update(argument.kind for argument in arguments)
        total = counts.pop("all", Counter())
        return {
            name: {key: count[key] for key in ("calls", *KINDS)}
            for name, count in [*counts.items(), ("all", total)]
        }

    def to_json(self) -> str:
        """Return all of it as JSON."""
        recording = self.recording
        data = {
            "title": self.title,
            "arguments": {name: expression(value) for name, value in recording.bound.items()},
            "calls": [_call(one, arguments) for one, arguments in self.calls],
            "stats": self.stats(),
            "findings": [{"kind": f.kind, "text": f.text, **_at(f.site)} for f in self.findings],
            "error": str(recording.error) if recording.error else None,
        }
        return json.dumps(data, indent=1)

    def to_html(self) -> str:
        """Return one page that needs nothing else: the source, and the calls beside it."""
        return page.explanation(self)

    def to_svg(self) -> str:
        """Return the heat map: a row for each call, a column for each argument."""
        return heatmap.draw(self)

    def __str__(self) -> str:
        """The table."""
        return tables.as_text(tables.calls(self))

    __repr__ = __str__

    def _shows(self, one: Record, argument: Argument) -> bool:
        return not self.patterns or any(_matches(p, one, argument) for p in self.patterns)


def explain(fn: Callable, *args: Any, **kwargs: Any) -> Explanation:
    """Tell of every call of a model what each argument is, and where it came from.

    The model is traced, not computed.

    Args:
      fn: a model function, as `nn.transform` takes it.
      *args: its arguments; `jax.ShapeDtypeStruct` will do for arrays.
      **kwargs: likewise.

    >>> net = migrate.explain(models.mobilenet.scoped, jnp.ones((1, 28, 28, 1)))
    >>> decay = net.records[1].arguments['decay']
    >>> decay.value, decay.kind, decay.origin.site.function
    (0.95, 'arg_scope', 'scoped')
    >>> net.findings
    []
    """
    recording = record(fn, *args, **kwargs)
    source = recording.source.name
    name = getattr(fn, "__name__", type(fn).__name__)
    return Explanation(f"{source}:{name}" if source else name, recording)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `python -m migrate explain`."""
    parser.add_argument("target", metavar="FILE_OR_MODULE:FUNCTION")
    targets.add_arguments(parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="OP.ARGUMENT",
        help="show these arguments alone: 'conv2d.padding', '*.is_training', 'conv2d'",
    )
    form = parser.add_mutually_exclusive_group()
    for name, what in {
        "stats": "count the arguments by origin",
        "findings": "show the findings alone, with exit status 1 if there are any",
        "json": "print JSON",
        "html": "print one self-contained page",
        "svg": "print the heat map",
    }.items():
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=what)
    parser.add_argument("-o", "--output", type=Path, help="write to a file instead")


def run(options: argparse.Namespace) -> int:
    """Do what the command line asks; the status is 1 if the model or a finding is in the way."""
    target = targets.load(options.target)
    args, kwargs = target.arguments(options.input, options.arg)
    explanation = explain(target.fn, *args, **kwargs).only(*options.only)
    failed = explanation.recording.error is not None
    written = {
        "json": explanation.to_json,
        "html": explanation.to_html,
        "svg": explanation.to_svg,
    }
    if options.form in written:
        text = written[options.form]()
        options.output.write_text(text) if options.output else print(text, end="")
        return int(failed)
    table = getattr(tables, options.form or "calls")(explanation)
    if options.output:
        options.output.write_text(tables.as_text(table))
    else:
        tables.show(table)
    return int(failed or (options.form == "findings" and bool(explanation.findings)))


def _matches(pattern: str, one: Record, argument: Argument) -> bool:
    op, dot, name = pattern.rpartition(".")
    if not dot:
        return any(fnmatch.fnmatchcase(text, pattern) for text in (one.op, one.scope))
    called = any(fnmatch.fnmatchcase(text, op) for text in (one.op, one.scope))
    return called and fnmatch.fnmatchcase(argument.name, name)


def _call(one: Record, arguments: Iterable[Argument]) -> dict[str, Any]:
    return {
        "index": one.index,
        "op": one.op,
        "scope": one.scope,
        **_at(one.site),
        "path": [place(site) for site in one.path],
        "depth": one.depth,
        "parent": one.parent.index if one.parent else None,
        "is_normalizer": one.is_normalizer,
        "visit": one.visit,
        "visits": one.visits,
        "inputs": shapes(one.inputs),
        "outputs": shapes(one.outputs),
        "variables": {v.name: list(v.shape) for v in one.used},
        "arguments": {
            a.name: {**_origin(a.origin), "hides": [_origin(o) for o in a.hidden]}
            for a in arguments
        },
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {"value": expression(origin.value), "origin": origin.kind, **_at(origin.site)}


def _at(site: Site | None) -> dict[str, Any]:
    return {"file": read(site.file).name, "line": site.line} if site else {}
