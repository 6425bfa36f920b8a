"""Train ops: one step of training as a pure function, and a loop around it.

TF1's train op is a node of a graph and `total_loss` another. JAX has no graph, so here
**`total_loss` is the loss function**: a plain function of a batch, which calls layers and returns
the scalar to minimise, or what `nn.transform` made of one. The train op is a record of pure, jitted
functions over `TrainState`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import nn
from nn.graph import Array, nearest
from slim import sessions, summaries
from slim.gradients import (
    Pairs,
    clip_gradient_norms,
    clip_gradient_norms_fn,
    global_norm,
    multiply_gradients,
    name_of,
)
from slim.steps import get_or_create_global_step

__all__ = [
    "TrainOp",
    "TrainState",
    "add_gradients_summaries",
    "clip_gradient_norms",
    "clip_gradient_norms_fn",
    "create_train_op",
    "multiply_gradients",
    "train",
]

USE_GLOBAL_STEP = 0


class TrainState(NamedTuple):
    """All that changes in training: what a checkpoint holds.

    Attributes:
      params: the trainable variables by name.
      state: the other variables by name; `global_step` is one of them.
      opt_state: what the optimizer keeps.
      rng: the data of the random key of the next step.

    >>> isinstance(slim.training.TrainState({}, {}, (), jnp.zeros(2)), tuple)
    True
    """

    params: dict[str, Array]
    state: dict[str, Array]
    opt_state: Any
    rng: Array

    @property
    def global_step(self) -> Array:
        """How many steps are done."""
        if "global_step" not in self.state:
            raise ValueError(
                "there is no global step: the train op was made with global_step=None."
            )
        return self.state["global_step"]


@dataclass(frozen=True, eq=False)
class TrainOp:
    """One step of training, as pure functions; `create_train_op` and `optimize_loss` make it.

    Attributes:
      loss: the loss function.
      rate: called in the run after the loss; what it returns `optimizer` is called with.
      optimizer: returns the optax transformation.
      change: what to do with the gradients, pairs to pairs.
      variables_to_train: names of the variables to train, None for all that are trainable.
      moving: names of the variables of `state` that the loss may move, None for all.
      global_step: the name of the counter, or None.
      check_numerics: whether a call refuses a loss that is not finite.

    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.training.create_train_op(loss, nn.GradientDescentOptimizer(0.5))
    >>> train_state = train_op.init(jax.random.key(0), jnp.ones(2))
    >>> train_state, total_loss = train_op(train_state, jnp.ones(2))
    >>> float(total_loss), int(train_state.global_step), train_state.params
    (2.0, 1, {'w': Array([0.5, 0.5], dtype=float32)})
    """

    loss: Callable[..., Any]
    rate: Callable[[], Any]
    optimizer: Callable[[Any], optax.GradientTransformation]
    change: Callable[[Pairs], Pairs]
    variables_to_train: frozenset[str] | None
    moving: frozenset[str] | None
    global_step: str | None
    check_numerics: bool

    @partial(jax.jit, static_argnums=0)
    def init(self, rng: Array, *batch: Any) -> TrainState:
        """Make the first values of everything; `batch` is as those to come."""
        first, later = jax.random.split(rng)
        params, state = nn.transform(self._objective).init(first, *batch)
        if self.global_step is not None and self.global_step not in state:
            raise ValueError(
                f"global_step: the loss function makes no variable {self.global_step!r} that is "
                f"not trainable.{nearest(self.global_step, state)}"
            )
        trained = {v.name: params[v.name] for v in self._trained(batch)}
        change, _ = self._change(batch)
        _, made = change.init(first, trained)
        opt_state = self.optimizer(jnp.zeros([])).init(trained)
        return TrainState(params, state | made, opt_state, jax.random.key_data(later))

    def __call__(self, train_state: TrainState, *batch: Any) -> tuple[TrainState, Array]:
        """Take a step; returns the next state and the loss before it.

        Raises:
          FloatingPointError: the loss is not finite, and `check_numerics` was not switched off.
            To look at it takes until the step is computed; `step` does not look.
        """
        train_state, loss = self.step(train_state, *batch)
        if self.check_numerics and not np.isfinite(np.asarray(loss).astype(float)):
            raise FloatingPointError(
                f"LossTensor is inf or nan: the loss is {loss}. Is the learning rate too large?"
            )
        return train_state, loss

    @partial(jax.jit, static_argnums=0)
    def step(self, train_state: TrainState, *batch: Any) -> tuple[TrainState, Array]:
        """Take a step; returns the next state and the loss before it."""
        train_state, loss, _ = self._step(train_state, batch)
        return train_state, loss

    @partial(jax.jit, static_argnums=0)
    def summaries(self, train_state: TrainState, *batch: Any) -> dict[str, Array]:
        """Return what a step would put aside as summaries, by name."""
        return self._step(train_state, batch)[2]

    def _objective(self, *batch: Any) -> tuple[Array, Any, dict[str, Array]]:
        loss = jnp.asarray(self.loss(*batch))
        if loss.shape or not jnp.issubdtype(loss.dtype, jnp.floating):
            raise ValueError(
                f"the loss must be a floating point scalar, got {loss.dtype}{list(loss.shape)}."
            )
        if self.global_step == "global_step":
            get_or_create_global_step()
        return loss, self.rate(), summaries.merged_summaries()

    def _trained(self, batch: tuple) -> list[nn.Variable]:
        """Return the variables to train, in the order in which they are made."""
        made = nn.transform(self._objective).variables(*batch)
        trainable = [v for v in made if v.trainable]
        names = self.variables_to_train
        trained = [v for v in trainable if names is None or v.name in names]
        if wrong := (names or frozenset()) - {v.name for v in trainable}:
            name = min(wrong)
            raise ValueError(
                f"variables_to_train: there is no trainable variable {name!r}."
                + nearest(name, [v.name for v in trainable])
            )
        if not trained:
            raise ValueError("there are no variables to train.")
        return trained

    def _change(self, batch: tuple) -> tuple[nn.Transformed, list[nn.Variable]]:
        """Return the function of the gradients by name, which may have variables of its own."""
        trained = self._trained(batch)

        def change(gradients: Mapping[str, Array]) -> tuple[dict, dict[str, Array]]:
            pairs = self.change([(gradients[v.name], v) for v in trained])
            return {name_of(v): g for g, v in pairs}, summaries.merged_summaries()

        return nn.transform(change), trained

    def _step(self, train_state: TrainState, batch: tuple) -> tuple[TrainState, Array, dict]:
        params, state, opt_state, rng = train_state
        later, key, other_key = jax.random.split(jax.random.wrap_key_data(rng), 3)
        change, trained = self._change(batch)

        def objective(trained: dict[str, Array]) -> Any:
            (loss, *rest), after = nn.transform(self._objective).apply(
                params | trained, state, *batch, rng=key
            )
            return loss, (*rest, after)

        old = {v.name: params[v.name] for v in trained}
        (loss, (rate, found, after)), gradients = jax.value_and_grad(objective, has_aux=True)(old)
        if self.moving is not None:
            after = {n: value if n in self.moving else state[n] for n, value in after.items()}
        (changed, more), after = change.apply({}, after, gradients, rng=other_key)

        given = {
            n: jnp.zeros_like(p) if (g := changed.get(n)) is None else g for n, p in old.items()
        }
        moves, opt_state = self.optimizer(rate).update(given, opt_state, old)
        new: Any = optax.apply_updates(old, moves)
        moved = [v for v in trained if changed.get(v.name) is not None]
        new = old | nn.constrain({v.name: new[v.name] for v in moved}, moved)
        if self.global_step is not None:
            after = after | {self.global_step: after[self.global_step] + 1}
        data = jax.random.key_data(later)
        return TrainState(params | new, after, opt_state, data), loss, found | more


def create_train_op(
    total_loss: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    global_step: Any = USE_GLOBAL_STEP,
    update_ops: Iterable[Any] | None = None,
    variables_to_train: Sequence[Any] | None = None,
    transform_grads_fn: Callable[[Pairs], Pairs] | None = None,
    summarize_gradients: bool = False,
    gate_gradients: int = 1,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    check_numerics: bool = True,
) -> TrainOp:
    """Make the train op of a loss function.

    Args:
      total_loss: the loss function, of a batch.
      optimizer: `nn.AdamOptimizer(0.001)`, or any optax transformation.
      global_step: which variable to count the steps in: 0 for `global_step`, which is made if the
        model has none; the name of an integer variable of the model's; None: none.
      update_ops: None: all variables move that the loss function assigns to, such as the moving
        statistics of batch norm; a list: only these, by name, so `[]`: none.
      variables_to_train: `nn.Variable`s or names; None: all trainable ones.
      transform_grads_fn: from pairs of gradient and variable to such pairs; it runs with the model,
        so it may make variables and summaries.
      summarize_gradients: put the gradients aside as summaries.
      gate_gradients: accepted for ported code, like the next two: XLA decides.
      aggregation_method: see `gate_gradients`.
      colocate_gradients_with_ops: see `gate_gradients`.
      check_numerics: refuse a loss that is not finite, where the train op is called.

    Raises:
      ValueError: `total_loss` is no function; when initialised, `variables_to_train` is empty or
        names what is not trainable, or the loss is no scalar.

    Source: `slim.training.create_train_op`.

    >>> def total_loss(images, labels):
    ...     slim.losses.mean_squared_error(slim.fully_connected(images, 1), labels)
    ...     return slim.losses.get_total_loss()
    >>> train_op = slim.training.create_train_op(total_loss, nn.AdamOptimizer(0.01))
    >>> batch = jnp.ones((2, 3)), jnp.ones((2, 1))
    >>> train_state = train_op.init(jax.random.key(0), *batch)
    >>> train_state, loss = train_op(train_state, *batch)
    """
    del gate_gradients, aggregation_method, colocate_gradients_with_ops
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(
            f"optimizer must be nn.AdamOptimizer(0.001) or the like, or optax's, got {optimizer!r}."
        )

    def change(pairs: Pairs) -> Pairs:
        if transform_grads_fn is not None:
            pairs = transform_grads_fn(pairs)
        if summarize_gradients:
            with nn.name_scope("summarize_grads"):
                add_gradients_summaries(pairs)
        return pairs

    if global_step is not None:
        global_step = "global_step" if global_step == USE_GLOBAL_STEP else name_of(global_step)
    return TrainOp(
        loss_function(total_loss),
        lambda: (),
        lambda _: optimizer,
        change,
        names_of(variables_to_train),
        names_of(update_ops),
        global_step,
        check_numerics,
    )


def loss_function(total_loss: Any) -> Callable[..., Any]:
    """Return the plain function of a loss function, and refuse a computed loss."""
    function = total_loss.fn if isinstance(total_loss, nn.Transformed) else total_loss
    if not callable(function):
        raise ValueError(
            "total_loss must be the loss function, not a loss: JAX has no graph to find the "
            "variables in. Write `def total_loss(images, labels): ... return loss` and pass "
            f"total_loss, not total_loss(...); got {total_loss!r}."
        )
    return function


def names_of(variables: Iterable[Any] | None) -> frozenset[str] | None:
    """Return the names of variables."""
    return None if variables is None else frozenset(map(name_of, variables))


def add_gradients_summaries(grads_and_vars: Pairs) -> list[summaries.Summary]:
    """Put each gradient and its norm aside as summaries, `name_gradient` and `name_gradient_norm`.

    Source: `slim.training.add_gradients_summaries`.

    >>> def model(x):
    ...     return slim.training.add_gradients_summaries([(x, 'w')])
    >>> [summary.name for summary in nn.transform(model).apply({}, {}, jnp.ones(2))[0]]
    ['w_gradient', 'w_gradient_norm']
    """
    return gradients_summaries(grads_and_vars, "_")


def gradients_summaries(grads_and_vars: Pairs, joint: str) -> list[summaries.Summary]:
    """Put each gradient and its norm aside, `joint` between the variable's name and theirs."""
    made = []
    for gradient, variable in grads_and_vars:
        name = f"{name_of(variable)}{joint}gradient"
        if gradient is None:
            sessions.logger.info("%s has no gradient", name_of(variable))
            continue
        made.append(summaries.add_histogram_summary(gradient, name))
        norm = global_norm([(gradient, variable)])
        made.append(summaries.add_scalar_summary(norm, f"{name}_norm"))
    return made


@sessions.without_graph
def train(
    train_op: TrainOp,
    logdir: str | None,
    master: str = "",
    is_chief: bool = True,
    scaffold: Any = None,
    hooks: Sequence[Any] | None = None,
    chief_only_hooks: Sequence[Any] | None = None,
    save_checkpoint_secs: float | None = 600,
    save_summaries_steps: int | None = 100,
    config: Any = None,
    max_wait_secs: int = 7200,
    run_metadata: Any = None,
    *,
    batches: Iterable[Any],
    init_fn: Callable[..., Any] | None = None,
    rng: Array | None = None,
) -> tuple[TrainState, Any]:
    """Train until the batches end or a hook stops the session, from the newest checkpoint on.

    Args:
      train_op: what `create_train_op` returned.
      logdir: the folder of checkpoints and summaries; None: keep nothing.
      master: must be left out, like `is_chief`, `scaffold`, `config`, `max_wait_secs` and
        `run_metadata`: the error says what to use instead.
      is_chief: see `master`.
      scaffold: see `master`.
      hooks: objects with any of the methods `begin()`, `after_create_session(session, None)`,
        `before_run(session)`, `after_run(session, loss)` and `end(session)`; the session has
        `train_state`, `batch` and `request_stop()`.
      chief_only_hooks: hooks of process 0 alone.
      save_checkpoint_secs: the seconds between two checkpoints; there is one at the end as well.
      save_summaries_steps: the steps between two lines of summaries.
      config: see `master`.
      max_wait_secs: see `master`.
      run_metadata: see `master`.
      batches: what to train on: an iterable of the loss function's arguments.
      init_fn: `params, state -> params, state`, for the first values where there is no checkpoint.
      rng: the random key of the first values and of dropout; `jax.random.key(0)` if None.

    Returns:
      The `TrainState` at the end, and the last loss.

    Raises:
      ValueError: `logdir` is None and there is something to write.
      FloatingPointError: see `TrainOp`.

    Source: `slim.training.train`.

    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.training.create_train_op(loss, nn.GradientDescentOptimizer(0.5))
    >>> train_state, loss = slim.training.train(
    ...     train_op, None, save_checkpoint_secs=None, save_summaries_steps=None,
    ...     batches=[jnp.ones(2)] * 3)
    >>> int(train_state.global_step), float(loss)
    (3, 0.0)
    """
    if logdir is None and (save_summaries_steps or save_checkpoint_secs):
        raise ValueError(
            "logdir is None, so nothing can be kept: give a folder, or save_checkpoint_secs=None "
            "and save_summaries_steps=None."
        )
    every = save_summaries_steps
    session = sessions.start(train_op, logdir, batches, init_fn, rng)

    def step(session: sessions.Session) -> tuple[Any, bool]:
        session.train_state, loss = train_op(session.train_state, *session.next_batch())
        return loss, False

    loss = sessions.run(
        session,
        train_op,
        step,
        logdir if save_checkpoint_secs else None,
        save_checkpoint_secs,
        lambda done, _: done % every == 0 if every else False,
        sessions.writer_of(logdir),
        [*(hooks or ()), *((chief_only_hooks or ()) if jax.process_index() == 0 else ())],
    )
    return session.train_state, loss
