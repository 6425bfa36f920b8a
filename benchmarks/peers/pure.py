"""The tasks of a library on JAX, given its training step as a pure function.

All of them are compiled by `jax.jit` with the state donated: what Flax, Haiku, Equinox and NNX
themselves recommend where the time of a call matters.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from benchmarks import networks
from benchmarks.peers import SCAN_STEPS


def optimizer(network: networks.Network) -> optax.GradientTransformation:
    """Make the optimizer of all peers on JAX."""
    return optax.adam(network.learning_rate)


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean loss of logits `[N, classes]` and labels `[N]`."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def key_of(step: jax.Array) -> jax.Array:
    """Return the random key of a step, for its dropout."""
    return jax.random.fold_in(jax.random.key(0), step)


@dataclasses.dataclass
class PureProgram:
    """A program around `step(state, images, labels)`, which returns the next state and the loss.

    Args:
      network: what `step` trains.
      state: all that changes, a pytree of arrays.
      step: the training step, not compiled.
      logits: a function of the state and images, not compiled.
      channels_first: whether both take images `[N, C, H, W]`.
      epoch_piece: how many steps of an epoch are at most compiled into one scan.
      compiler_options: of `jax.jit`, for the step.
    """

    network: networks.Network
    state: Any
    step: Callable[[Any, jax.Array, jax.Array], tuple[Any, jax.Array]]
    logits: Callable[[Any, jax.Array], jax.Array]
    channels_first: bool = False
    epoch_piece: int = 1
    compiler_options: dict[str, Any] | None = None

    def __post_init__(self):
        images, labels = networks.batch(self.network)
        self.state = jax.tree.map(jnp.array, self.state)  # copies: a donated array is given away
        self.images, self.labels = self._place(images), jnp.array(labels)
        self._jit = functools.partial(
            jax.jit, donate_argnums=0, compiler_options=self.compiler_options
        )
        self._train = self._jit(self.step)
        self._scan = self._jit(self._steps_on_one_batch)
        self._piece = self._jit(self._steps_of_epoch, static_argnums=1)
        self._infer = jax.jit(self.logits, compiler_options=self.compiler_options)
        self._dispatch = jax.jit(_touch, donate_argnums=0)
        self._data: Any = None
        self._tiny: Any = None

    def _place(self, images: np.ndarray) -> jax.Array:
        return jnp.array(images.transpose(0, 3, 1, 2) if self.channels_first else images)

    def train(self, steps: int) -> float:
        """Take training steps, one call each."""
        loss: Any = None
        for _ in range(steps):
            self.state, loss = self._train(self.state, self.images, self.labels)
        return float(loss)

    def _steps_on_one_batch(self, state: Any, images: jax.Array, labels: jax.Array) -> Any:
        def step(state: Any, _: None) -> tuple[Any, jax.Array]:
            return self.step(state, images, labels)

        return lax.scan(step, state, length=SCAN_STEPS)

    def scan(self, calls: int) -> list[float]:
        """Take training steps, several in one compiled loop."""
        losses: Any = None
        for _ in range(calls):
            self.state, losses = self._scan(self.state, self.images, self.labels)
        return np.asarray(losses).tolist()

    def infer(self, calls: int) -> np.ndarray:
        """Compute the logits."""
        logits: Any = None
        for _ in range(calls):
            logits = self._infer(self.state, self.images)
        return np.asarray(logits)

    def _steps_of_epoch(
        self, state: Any, length: int, images: jax.Array, labels: jax.Array, order: Any, first: Any
    ) -> tuple[Any, jax.Array]:
        """Take `length` steps on uint8 images in an order, from step `first` of the epoch."""
        size = self.network.batch

        def step(state: Any, number: jax.Array) -> tuple[Any, jax.Array]:
            batch = lax.dynamic_slice_in_dim(order, number * size, size)
            return self.step(state, images[batch].astype(jnp.float32) / 255, labels[batch])

        if length == 1:
            return step(state, first)
        state, losses = lax.scan(step, state, first + jnp.arange(length))
        return state, losses[-1]

    def epoch(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Train on all images once; they stay on the device as uint8."""
        if self._data is None:
            self._data = self._place(images), jnp.array(labels), np.random.default_rng(0)
        *data, random = self._data
        order, steps = jnp.array(random.permutation(len(labels))), len(labels) // self.network.batch
        piece = max(n for n in range(1, self.epoch_piece + 1) if steps % n == 0)
        loss: Any = None
        for first in range(0, steps, piece):
            self.state, loss = self._piece(self.state, piece, *data, order, np.int32(first))
        return float(loss)

    def trace(self) -> dict[str, float]:
        """Trace and lower the training step with nothing remembered, as a new process does."""
        jax.clear_caches()
        began = time.perf_counter()
        traced = self._jit(self.step).trace(self.state, self.images, self.labels)
        between = time.perf_counter()
        traced.lower()
        return {"trace": between - began, "lower": time.perf_counter() - between}

    def dispatch(self, calls: int) -> None:
        """Call a function of the state, with one number in place of each array."""
        state = self._tiny or jax.tree.map(
            lambda x: x if _is_key(x) else jnp.zeros([], x.dtype), self.state
        )
        for _ in range(calls):
            state = self._dispatch(state)
        self._tiny = jax.block_until_ready(state)


def _touch(state: Any) -> Any:
    """Do next to nothing to each number, but so much that the call cannot be left out."""
    return jax.tree.map(lambda x: x if _is_key(x) else x + jnp.ones([], x.dtype), state)


def _is_key(array: jax.Array) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
