"""The rungs that two models climb together until one of them fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from migrate.comparing import programs
from migrate.comparing.matching import Matching, match
from migrate.comparing.numbers import Model, concrete, constant, largest, seeded, unlike
from migrate.comparing.sides import TRAIN, Side
from migrate.sources import place
from nn.graph import Array, Variable

STEPS = 3


@dataclass(frozen=True)
class Failure:
    """Why a rung failed.

    Attributes:
      cause: in a sentence.
      mode: in which mode.
      stops: whether a model did not come to its end.
      variables: those that differ, if it shows in variables.
      weights: those on which it shows, if it shows in numbers: of each side.
      regularizes: whether it shows in the regularization loss.
    """

    cause: str
    mode: str
    stops: bool = False
    variables: tuple[Variable | None, Variable | None] | None = None
    weights: list[Array] | None = None
    regularizes: bool = False


@dataclass(frozen=True)
class Rung:
    """One rung: its name, whether it holds, and if not the cause."""

    name: str
    ok: bool
    cause: str = ""
    failure: Failure | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Ladder:
    """Two sides, and what the rungs need of them."""

    a: Side
    b: Side

    @property
    def modes(self) -> list[tuple[str, str]]:
        """The modes of each side that are compared; a side with one only has it throughout."""
        a, b = (side.modes for side in self.sides)
        n = max(len(a), len(b))
        return list(zip((a * 2)[:n], (b * 2)[:n], strict=True))

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.a, self.b

    @cached_property
    def matching(self) -> Matching:
        """Their variables."""
        return match(self.a.variables, self.b.variables)

    @cached_property
    def args(self) -> tuple:
        """The arguments as arrays."""
        return concrete(self.a.args)

    @property
    def rng(self) -> Array:
        """The key that both draw from."""
        return jax.random.key(3)

    def models(self, mode: tuple[str, str]) -> tuple[Model, Model]:
        """Return both as functions of weights in one order."""
        pairs = [(x, y) for x, y in self.matching.pairs if x is not None and y is not None]
        trainable = tuple(x.trainable for x, _ in pairs)
        names = ([x.name for x, _ in pairs], [y.name for _, y in pairs])
        of = zip(self.sides, mode, names, strict=True)
        a, b = (Model(side, m, tuple(ns), trainable) for side, m, ns in of)
        return a, b

    @cached_property
    def constants(self) -> list[Array]:
        """Constant weights."""
        return [constant(v) for v, _ in self.matching.pairs if v]

    @cached_property
    def randoms(self) -> list[Array]:
        """Random weights."""
        return [seeded(v, i) for i, (v, _) in enumerate(self.matching.pairs) if v]

    def climb(self) -> Iterator[Rung]:
        """Yield the rungs up to the first that fails."""
        for name, rung in RUNGS.items():
            failure = rung(self)
            yield Rung(name, failure is None, failure.cause if failure else "", failure)
            if failure:
                return


def builds(on: Ladder) -> Failure | None:
    """Both models can be traced."""
    for modes in on.modes:
        for side, mode, letter in zip(on.sides, modes, "AB", strict=True):
            recording = side.recording(mode)
            if recording.error is not None:
                at = f" at {place(recording.error_site)}" if recording.error_site else ""
                told = str(recording.error).splitlines()[0]
                return Failure(f"{letter} stopped{at}: {told}", mode, stops=True)
    return None


def variables(on: Ladder) -> Failure | None:
    """Both have the same variables, trainable and begun alike."""
    if on.matching.fault is None:
        return None
    cause, pair = on.matching.fault
    counts = [len(side.variables) for side in on.sides]
    if counts[0] != counts[1]:
        cause = f"{counts[0]} in A, {counts[1]} in B: {cause}"
    return Failure(cause, on.modes[-1][0], variables=pair)


def constant_weights(on: Ladder) -> Failure | None:
    """With constant weights both give the same."""
    return _forward(on, on.modes[0], on.constants)


def random_weights(on: Ladder) -> Failure | None:
    """With random weights both give the same in every mode."""
    return next(filter(None, (_forward(on, mode, on.randoms) for mode in on.modes)), None)


def gradients(on: Ladder) -> Failure | None:
    """The gradients of an objective of all outputs are the same."""
    slopes = [model.step(*_start(on, model), on.args, on.rng)[2] for model in _training(on)]
    return _of_trained(on, slopes, "gradient of ")


def three_steps(on: Ladder) -> Failure | None:
    """After three steps of momentum all variables are the same."""
    reached = []
    for model in _training(on):
        weights, slots = _start(on, model)
        for n in range(STEPS):
            rng = jax.random.fold_in(on.rng, n)
            weights, slots, _ = model.step(weights, slots, on.args, rng)
        reached.append(weights)
    return _of_variables(on, on.matching.pairs, reached, "after three steps ")


def same_jaxpr(on: Ladder) -> Failure | None:
    """Both are one program to JAX."""
    return _same_text(on, programs.jaxpr)


def same_stablehlo(on: Ladder) -> Failure | None:
    """Both are one program to the compiler."""
    return _same_text(on, programs.stablehlo)


RUNGS: dict[str, Callable[[Ladder], Failure | None]] = {
    "builds": builds,
    "variables": variables,
    "constant weights": constant_weights,
    "random weights": random_weights,
    "gradients": gradients,
    "three steps": three_steps,
    "same jaxpr": same_jaxpr,
    "same StableHLO": same_stablehlo,
}
NUMBERS = tuple(RUNGS)[:6]  # those that say that the numbers are the same


def _forward(on: Ladder, modes: tuple[str, str], weights: list[Array]) -> Failure | None:
    x, y = (model.forward(weights, on.args, on.rng) for model in on.models(modes))
    mode = TRAIN if TRAIN in modes else modes[0]
    for what in ("outputs", "regularization loss"):
        if cause := unlike(x[what], y[what]):
            told, is_loss = f"{what} ({mode}): {cause}", what != "outputs"
            return Failure(told, mode, weights=weights, regularizes=is_loss)
    kept = [pair for pair in on.matching.pairs if pair[0] and not pair[0].trainable]
    found = (x["statistics"], y["statistics"])
    return _of_variables(on, kept, found, f"moving statistics ({mode}), ", mode)


def _training(on: Ladder) -> tuple[Model, Model]:
    return on.models(on.modes[-1])


def _start(on: Ladder, model: Model) -> tuple[list[Array], list[Array]]:
    """Return the random weights, and an optimizer's slots at zero."""
    trained = zip(on.randoms, model.trainable, strict=True)
    return on.randoms, [jnp.zeros_like(w) for w, trainable in trained if trainable]


def _of_trained(on: Ladder, found: list[Any], what: str) -> Failure | None:
    pairs = [pair for pair in on.matching.pairs if pair[0] and pair[0].trainable]
    return _of_variables(on, pairs, found, what)


def _of_variables(on: Ladder, pairs: Any, found: Any, what: str, mode: str = "") -> Failure | None:
    scale = largest(found[0])
    for pair, x, y in zip(pairs, *found, strict=True):
        if cause := unlike(x, y, scale):
            return Failure(
                f"{what}{pair[0].name}: {cause}", mode or on.modes[-1][0], variables=pair
            )
    return None


def _same_text(on: Ladder, text_of: Callable[[jax.stages.Traced], str]) -> Failure | None:
    for modes in on.modes:
        x, y = (text_of(programs.traced(m, on.randoms, on.args, on.rng)) for m in on.models(modes))
        if x != y:
            mode = TRAIN if TRAIN in modes else modes[0]
            return Failure(f"({mode}) {programs.first_unlike_line(x, y)}", mode)
    return None
