"""The proof: the two models compared, and a test that compares them again."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from migrate import targets
from migrate.comparing import compare
from migrate.unrolling.visits import Unrolled

_TEST = '''"""`{output}:{function}` computes what the Slim model that it came from computes."""

from pathlib import Path

import jax

import migrate
from migrate.targets import load

HERE = Path(__file__).parent


def test_{stem}_computes_what_the_slim_model_does():
    slim_model = load(f"{{HERE / {source!r}}}:{function}").fn
    explicit = load(f"{{HERE / {output!r}}}:{function}").fn
    inputs = [{inputs}]
    comparison = migrate.compare(slim_model, explicit, *inputs, **{kwargs})
    assert comparison.same_numbers, str(comparison)
'''


def compared(made: Unrolled, fn: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Compare a Slim model with its explicit form, on all rungs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explicit.py"
        path.write_text(made.text)
        explicit = targets.load(f"{path}:{made.function}").fn
        return compare(fn, explicit, *args, **kwargs)


def write_test(
    output: Path, source: Path, function: str, args: Sequence[Any], kwargs: dict[str, Any]
) -> Path:
    """Write a test next to the explicit module, and return where."""
    inputs = ", ".join(f'jax.ShapeDtypeStruct({a.shape}, "{a.dtype}")' for a in args)
    path = output.with_name(f"test_{output.stem}.py")
    path.write_text(
        _TEST.format(
            output=output.name,
            function=function,
            stem=output.stem,
            source=os.path.relpath(source, output.parent),
            inputs=inputs,
            kwargs=kwargs,
        ).replace(", **{})", ")")
    )
    return path
