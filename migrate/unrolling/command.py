"""`python -m migrate unroll FILE:FUNCTION -o explicit.py [--prove]`."""

import argparse
import sys
from pathlib import Path

from migrate import targets
from migrate.recording import file_of
from migrate.unrolling.proof import compared, write_test
from migrate.unrolling.visits import Refusal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("target", metavar="FILE_OR_MODULE:FUNCTION")
    targets.add_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--all", action="store_true", help="write the defaults of layers as well")
    parser.add_argument(
        "--no-comments", action="store_true", help="do not say where inherited values came from"
    )
    parser.add_argument(
        "--prove", action="store_true", help="compare both, and write a test that does it again"
    )


def run(options: argparse.Namespace) -> int:
    """Write the explicit module; nothing is written that cannot be right, or is found wrong."""
    from migrate.unrolling import unroll

    target = targets.load(options.target)
    args, kwargs = target.arguments(options.input, options.arg)
    try:
        made = unroll(
            target.fn, *args, comments=not options.no_comments, everything=options.all, **kwargs
        )
    except Refusal as refusal:
        print(f"{options.target} is not unrolled. {refusal}", file=sys.stderr)
        return 1
    if not options.prove:
        options.output.write_text(made.text)
        print(f"{options.output} is written, and not proven: --prove compares the two.")
        return 0
    comparison = compared(made, target.fn, args, kwargs)
    for rung in comparison.rungs:
        print(f"{'holds' if rung.ok else 'fails':6} {rung.name}  {rung.cause}".rstrip())
    if not comparison.same_numbers:
        print(comparison.difference, file=sys.stderr)
        print(f"{options.target} is not unrolled: the result is another model.", file=sys.stderr)
        return 1
    options.output.write_text(made.text)
    test = write_test(options.output, Path(file_of(target.fn)), made.function, args, kwargs)
    print(f"{options.output} is proven; {test} compares the two again.")
    return 0
