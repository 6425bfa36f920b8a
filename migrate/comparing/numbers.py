"""A model run on given weights: its outputs, losses and statistics, its gradients, its steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

import nn
from migrate.comparing.sides import Side
from nn.calls import Call, listening
from nn.graph import Array, Variable

LEARNING_RATE, MOMENTUM = 0.01, 0.9
# What two orders of summation may differ in, relative to the largest number of an array; and where
# all of it may be rounding, as of gradients that cancel out, to the largest of all arrays.
TOLERANCE, ROUNDING = 1e-5, 1e-6


@dataclass(frozen=True, eq=False)
class Model:
    """A side in one mode as pure functions of lists, in an order that both sides share.

    Attributes:
      side: the side.
      mode: the mode.
      names: the side's names of the variables.
      trainable: whether each is trainable.
    """

    side: Side
    mode: str
    names: tuple[str, ...]
    trainable: tuple[bool, ...]

    def forward(self, weights: Sequence[Array], args: tuple, rng: Array) -> dict[str, Any]:
        """Return the outputs, the regularization loss, and the statistics after it, by name."""
        named = list(zip(self.names, weights, self.trainable, strict=True))
        params = {name: weight for name, weight, trainable in named if trainable}
        state = {name: weight for name, weight, trainable in named if not trainable}
        net = nn.transform(self._with_loss)
        (outputs, loss), after = net.apply(params, state, *args, rng=rng)
        moved = [after[name] for name, _, trainable in named if not trainable]
        return {"outputs": outputs, "regularization loss": loss, "statistics": moved}

    def _with_loss(self, *args: Any) -> tuple[Any, Array]:
        outputs = self.side.model(self.mode)(*args)
        losses = [jnp.sum(x).astype(jnp.float32) for x in nn.get_regularization_losses()]
        return outputs, sum(losses, jnp.float32(0))

    def step(
        self, weights: Sequence[Array], slots: Sequence[Array], args: tuple, rng: Array
    ) -> tuple[list[Array], list[Array], list[Array]]:
        """Return the weights and the slots after a step of momentum, and the gradients."""
        trained = [w for w, trainable in zip(weights, self.trainable, strict=True) if trainable]

        def objective(trained: list[Array]) -> tuple[Array, list[Array]]:
            each = iter(trained)
            every = [next(each) if t else w for w, t in zip(weights, self.trainable, strict=True)]
            found = self.forward(every, args, rng)
            return _projected(found["outputs"]) + found["regularization loss"], found["statistics"]

        slopes, moved = jax.grad(objective, has_aux=True)(trained)
        slots = [MOMENTUM * slot + slope for slot, slope in zip(slots, slopes, strict=True)]
        stepped = iter([w - LEARNING_RATE * s for w, s in zip(trained, slots, strict=True)])
        state = iter(moved)
        return [next(stepped if t else state) for t in self.trainable], slots, slopes

    def seen(self, weights: Sequence[Array], args: tuple, rng: Array) -> list[tuple[Any, Any]]:
        """Return the inputs and outputs of every call, in the order of the records.

        What a call has inside a jit or scan of the model's own is not seen.
        """
        calls: list[Call] = []
        with listening(calls.append):
            self.forward(weights, args, rng)
        every = [(call.inputs, call.outputs) for call in calls]
        return jax.tree.map(lambda x: None if isinstance(x, Tracer) else x, every)


def _projected(outputs: Any) -> Array:
    """A number that depends on every output."""
    total = jnp.float32(0)
    for i, x in enumerate(jax.tree.leaves(outputs)):
        if jnp.issubdtype(x.dtype, jnp.floating):
            weights = np.random.default_rng([5, i]).normal(size=x.shape).astype(np.float32)
            total += jnp.mean(weights * x.astype(jnp.float32))
    return total


def concrete(tree: Any) -> Any:
    """Return a tree with random arrays where it has shapes."""
    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten([_array(x, number) for number, x in enumerate(leaves)])


def _array(x: Any, number: int) -> Any:
    if not isinstance(x, jax.ShapeDtypeStruct):
        return x
    random = np.random.default_rng([11, number])
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.asarray(random.normal(size=x.shape), x.dtype)
    return jnp.asarray(random.integers(0, 2, x.shape), x.dtype)


def constant(variable: Variable) -> Array:
    """A value of a variable that is the same everywhere, and keeps the size of what it scales."""
    size = math.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 2
    return jnp.full(variable.shape, 1 / max(size, 1), variable.dtype)


def seeded(variable: Variable, number: int) -> Array:
    """A random value of a variable, such that results exceed 6 (relu6's) and variances 0."""
    random = np.random.default_rng([7, number])
    if not jnp.issubdtype(variable.dtype, jnp.floating):
        return jnp.zeros(variable.shape, variable.dtype)
    if len(variable.shape) > 1:
        deviation = math.sqrt(2 / max(math.prod(variable.shape[:-1]), 1))
        return jnp.asarray(random.normal(0, deviation, variable.shape), variable.dtype)
    return jnp.asarray(random.uniform(0.5, 6, variable.shape), variable.dtype)


def unlike(a: Any, b: Any, scale: float = 0.0) -> str:
    """Say how two trees of arrays differ; '' if they are alike up to rounding.

    Args:
      a: a tree.
      b: another.
      scale: the largest number there is besides, to which rounding is relative.
    """
    ours, theirs = (jax.tree_util.tree_flatten_with_path(tree)[0] for tree in (a, b))
    paths = [[jax.tree_util.keystr(path) for path, _ in side] for side in (ours, theirs)]
    if paths[0] != paths[1]:
        told = [", ".join(side) or "one value" for side in paths]
        return f"they are {told[0]} in A, {told[1]} in B"
    for path, (_, x), (_, y) in zip(paths[0], ours, theirs, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        at = f"{path}: " if path else ""
        if x.shape != y.shape:
            return f"{at}shape {list(x.shape)} in A, {list(y.shape)} in B"
        if x.dtype != y.dtype:
            return f"{at}{x.dtype} in A, {y.dtype} in B"
        x, y = x.astype(np.float64), y.astype(np.float64)
        largest = float(np.max(np.abs(x), initial=0, where=np.isfinite(x)))
        if not np.allclose(x, y, 0, TOLERANCE * largest + ROUNDING * scale, equal_nan=True):
            with np.errstate(invalid="ignore"):
                gap = float(np.nanmax(np.abs(x - y)))
            return f"{at}they differ by up to {gap:.3g}, the largest being {largest:.3g}"
    return ""


def largest(tree: Any) -> float:
    """The largest absolute number of a tree."""
    return max((float(np.nanmax(np.abs(x), initial=0)) for x in jax.tree.leaves(tree)), default=0.0)
