"""The command line: `python -m migrate COMMAND`."""

import argparse
import importlib
import sys

# Each command's module has `add_arguments(parser)` and `run(options) -> int`, the exit status.
COMMANDS = {
    "explain": ("migrate.explaining", "where every argument of every call came from"),
    "compare": ("migrate.comparing", "whether two models are one, and where they first differ"),
    "unroll": ("migrate.unrolling", "Slim source rewritten as explicit layers, with a proof"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command, and return its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="python -m migrate",
        description="Read a model, compare its two styles, and leave the scopes behind.",
        epilog="python -m migrate COMMAND --help tells more of each.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary, add_help=False)
    command = parser.parse_args(argv[:1]).command
    where, summary = COMMANDS[command]
    module = importlib.import_module(where)
    parser = argparse.ArgumentParser(prog=f"python -m migrate {command}", description=summary)
    module.add_arguments(parser)
    try:
        return module.run(parser.parse_args(argv[1:]))
    except ValueError as error:  # what a person typed; a model's own errors are reported as such
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
