"""`python -m migrate compare A B`."""

import argparse
from pathlib import Path

from migrate import tables, targets
from migrate.comparing import report
from migrate.comparing.whole import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("a", metavar="A", help="FILE_OR_MODULE:FUNCTION")
    parser.add_argument("b", metavar="B", help="FILE_OR_MODULE:FUNCTION")
    targets.add_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    for name, what in {
        "html": "print one self-contained page",
        "svg": "print a picture of the two, layer by layer",
    }.items():
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=what)
    parser.add_argument("-o", "--output", type=Path, help="write to a file instead")


def run(options: argparse.Namespace) -> int:
    """Do what the command line asks; the status is 1 if the models do not compute the same."""
    a, b = targets.load(options.a), targets.load(options.b)
    args, kwargs = a.arguments(options.input, options.arg)
    comparison = compare(a.fn, b.fn, *args, **kwargs)
    status = int(not comparison.same_numbers)
    if options.form:
        text = {"html": comparison.to_html, "svg": comparison.to_svg}[options.form]()
        options.output.write_text(text) if options.output else print(text, end="")
        return status
    told = report.of(comparison)
    if options.output:
        options.output.write_text(tables.as_text(told))
    else:
        tables.show(told)
    return status
