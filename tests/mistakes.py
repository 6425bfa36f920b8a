"""Mistakes, and what a person reads who made one.

A case is a function that makes a mistake. In its message `<1>` stands for the `file:line` of the
case's line that is marked `# line 1`; notes are what the error says below that, from the innermost
call to the outermost. (The messages of the primitives, of losses and regularizers, and of the data
sets stand beside their other tests.)
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import pytest

import nn

IMAGES = jnp.ones((2, 8, 8, 3))
ROWS = jnp.ones((4, 3))

NO_INITIALIZER = (
    "{}: an initializer must be a function, None or a name (constant, glorot_normal, "
    "glorot_uniform, he_normal, he_uniform, identity, lecun_normal, lecun_uniform, ones, "
    "orthogonal, random_normal, random_uniform, truncated_normal, uniform_unit_scaling, "
    "variance_scaling, zeros), got {!r}."
)


def says(kind, message, *notes):
    """Make a function a case: calling it raises this kind of exception with this message."""

    def mark(case):
        case.says = kind, message, notes
        return case

    return mark


def cases(module: Mapping[str, Any]) -> list:
    """The cases among the names of a module."""
    return [pytest.param(f, id=name) for name, f in module.items() if hasattr(f, "says")]


def check(case) -> None:
    """Make the mistake, and compare all that is said."""
    kind, message, notes = case.says
    with pytest.raises(kind) as caught:
        case()
    assert type(caught.value) is kind
    assert re.sub(r"0x[0-9a-f]+", "0x...", str(caught.value)) == expand(message, case)
    if notes:
        assert notes_of(caught.value) == [expand(note, case) for note in notes]


def run(model, *args):
    return nn.transform(model).variables(*args)


def expand(message: str, case) -> str:
    """Put `file:line` for `<1>`, `<2>`."""
    lines, first = inspect.getsourcelines(case)
    for number, line in enumerate(lines, first):
        if mark := re.search(r"# line (\d)", line):
            message = message.replace(f"<{mark[1]}>", f"{case.__code__.co_filename}:{number}")
    return message


def notes_of(error):
    """The notes of an error, without JAX's, which says that frames of its own are hidden."""
    return [note for note in getattr(error, "__notes__", []) if note.startswith("in ")]
