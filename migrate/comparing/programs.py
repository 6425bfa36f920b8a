"""What a model compiles to, as text without names: its jaxpr and its StableHLO."""

import re
from typing import Any

import jax

from migrate.comparing.numbers import Model
from nn.graph import Array


def traced(model: Model, weights: list[Array], args: tuple, rng: Array) -> jax.stages.Traced:
    """Trace a run, and the step of training in modes that have one."""
    arrays, structure = jax.tree.flatten(args)
    is_array = [hasattr(x, "dtype") for x in arrays]
    slots = [w for w, trainable in zip(weights, model.trainable, strict=True) if trainable]

    def program(weights: list[Array], slots: list[Array], inputs: list[Array], rng: Array) -> Any:
        given = iter(inputs)
        filled = [next(given) if a else x for x, a in zip(arrays, is_array, strict=True)]
        args = structure.unflatten(filled)
        found = model.forward(weights, args, rng)
        return jax.tree.leaves(found), model.step(weights, slots, args, rng)

    inputs = [x for x, a in zip(arrays, is_array, strict=True) if a]
    return jax.jit(program).trace(weights, slots, inputs, rng)


def jaxpr(of: jax.stages.Traced) -> str:
    """Return the jaxpr without the names of functions."""
    text = re.sub(r"\bname=\S+", "name=_", str(of.jaxpr))
    return re.sub(r"<function .*? at 0x[0-9a-f]+>|0x[0-9a-f]+", "_", text)


def stablehlo(of: jax.stages.Traced) -> str:
    """Return the StableHLO without the names of modules and functions, and without labels."""
    text = re.sub(r'jax\.result_info = "[^"]*"', "", of.lower().as_text())
    text = re.sub(r"^module @\S+", "module @_", text)
    numbers: dict[str, str] = {}
    return re.sub(r"@[\w.]+", lambda m: numbers.setdefault(m[0], f"@{len(numbers)}"), text)


def first_unlike_line(a: str, b: str) -> str:
    """Say where two texts first differ."""
    for n, (x, y) in enumerate(zip(a.splitlines(), b.splitlines(), strict=False), 1):
        if x != y:
            return f"line {n}: {_short(x)} in A, {_short(y)} in B"
    counts = [len(text.splitlines()) for text in (a, b)]
    return f"{counts[0]} lines in A, {counts[1]} in B"


def _short(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 70 else f"{line[:67]}..."
