"""Slim's training loop: train ops that clip and multiply gradients, and a loop that keeps a log."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

from nn.graph import Array
from slim import sessions, training
from slim.gradients import Pairs, clip_gradient_norms, multiply_gradients
from slim.summaries import Summary

__all__ = [
    "add_gradients_summaries",
    "clip_gradient_norms",
    "create_train_op",
    "multiply_gradients",
    "train",
    "train_step",
]

USE_DEFAULT = 0


def add_gradients_summaries(grads_and_vars: Pairs) -> list[Summary]:
    """Put each gradient and its norm aside as summaries, `name/gradient` and `name/gradient_norm`.

    Source: `slim.learning.add_gradients_summaries`.

    >>> def model(x):
    ...     return slim.learning.add_gradients_summaries([(x, 'w')])
    >>> [summary.name for summary in nn.transform(model).apply({}, {}, jnp.ones(2))[0]]
    ['w/gradient', 'w/gradient_norm']
    """
    return training.gradients_summaries(grads_and_vars, "/")


def create_train_op(
    total_loss: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    global_step: Any = training.USE_GLOBAL_STEP,
    update_ops: Iterable[Any] | None = None,
    variables_to_train: Sequence[Any] | None = None,
    clip_gradient_norm: float = 0,
    summarize_gradients: bool = False,
    gate_gradients: int = 1,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    check_numerics: bool = True,
) -> training.TrainOp:
    """Make the train op of a loss function.

    Args:
      total_loss: the loss function; see `slim.training.create_train_op`, as for all but these:
      optimizer: as there.
      global_step: as there.
      update_ops: as there.
      variables_to_train: as there.
      clip_gradient_norm: the largest norm of the gradient of a variable; 0: any.
      summarize_gradients: as there.
      gate_gradients: as there.
      aggregation_method: as there.
      colocate_gradients_with_ops: as there.
      gradient_multipliers: factors of gradients by variable or its name, before they are clipped.
      check_numerics: as there.

    Source: `slim.learning.create_train_op`.

    >>> def total_loss(images, labels):
    ...     slim.losses.mean_squared_error(slim.fully_connected(images, 1), labels)
    ...     return slim.losses.get_total_loss()
    >>> train_op = slim.learning.create_train_op(
    ...     total_loss, nn.MomentumOptimizer(0.01, 0.9), clip_gradient_norm=4,
    ...     gradient_multipliers={'fully_connected/biases': 2.0})
    >>> batch = jnp.ones((2, 3)), jnp.ones((2, 1))
    >>> train_state = train_op.init(jax.random.key(0), *batch)
    >>> train_state, loss = train_op(train_state, *batch)
    """

    def change(pairs: Pairs) -> Pairs:
        if gradient_multipliers:
            pairs = multiply_gradients(pairs, gradient_multipliers)
        return clip_gradient_norms(pairs, clip_gradient_norm) if clip_gradient_norm > 0 else pairs

    return training.create_train_op(
        total_loss,
        optimizer,
        global_step,
        update_ops,
        variables_to_train,
        change,
        summarize_gradients,
        gate_gradients,
        aggregation_method,
        colocate_gradients_with_ops,
        check_numerics,
    )


def train_step(
    sess: sessions.Session,
    train_op: training.TrainOp,
    global_step: Any,
    train_step_kwargs: Mapping[str, Any],
) -> tuple[Any, bool]:
    """Take a step with the next batch of the session.

    Args:
      sess: has the `train_state`, and `next_batch()`.
      train_op: what `create_train_op` returned.
      global_step: not needed: `sess.train_state.global_step`.
      train_step_kwargs: functions of the number of steps done, which are asked after the step:
        `should_stop`, `should_log`; asked before it: `should_trace`, which needs `logdir`.

    Returns:
      The loss, and whether to stop.

    Raises:
      ValueError: there is `should_trace` and no `logdir`.
      StopIteration: there is no next batch.

    Source: `slim.learning.train_step`.

    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.learning.create_train_op(loss, nn.GradientDescentOptimizer(0.5))
    >>> def two_in_one(sess, *args):
    ...     slim.learning.train_step(sess, *args)
    ...     return slim.learning.train_step(sess, *args)
    >>> train_state, loss = slim.learning.train(
    ...     train_op, None, two_in_one, number_of_steps=2, batches=[jnp.ones(2)] * 4)
    >>> int(train_state.global_step)
    2
    """
    del global_step
    given, began = train_step_kwargs, time.perf_counter()
    trace: Any = contextlib.nullcontext()
    if "should_trace" in given:
        if "logdir" not in given:
            raise ValueError("train_step: should_trace needs logdir, where the traces are written.")
        if given["should_trace"](int(sess.train_state.global_step)):
            trace = jax.profiler.trace(given["logdir"])
    with trace:
        sess.train_state, loss = train_op(sess.train_state, *sess.next_batch())
        jax.block_until_ready(loss)
    step = int(sess.train_state.global_step)
    if "should_log" in given and given["should_log"](step):
        seconds = time.perf_counter() - began
        loss = np.asarray(loss)
        sessions.logger.info("global step %d: loss = %.4f (%.3f sec/step)", step, loss, seconds)
    return loss, bool(given["should_stop"](step)) if "should_stop" in given else False


@sessions.without_graph
def train(
    train_op: training.TrainOp,
    logdir: str | None,
    train_step_fn: Callable[..., tuple[Any, bool]] = train_step,
    train_step_kwargs: Any = USE_DEFAULT,
    log_every_n_steps: int = 1,
    graph: Any = None,
    master: str = "",
    is_chief: bool = True,
    global_step: Any = None,
    number_of_steps: int | None = None,
    init_op: Any = USE_DEFAULT,
    init_feed_dict: Any = None,
    local_init_op: Any = USE_DEFAULT,
    init_fn: Callable[..., Any] | None = None,
    ready_op: Any = USE_DEFAULT,
    summary_op: Any = USE_DEFAULT,
    save_summaries_secs: float = 600,
    summary_writer: Any = USE_DEFAULT,
    startup_delay_steps: int = 0,
    saver: Any = None,
    save_interval_secs: float = 600,
    sync_optimizer: Any = None,
    session_config: Any = None,
    session_wrapper: Any = None,
    trace_every_n_steps: int | None = None,
    ignore_live_threads: bool = False,
    *,
    batches: Iterable[Any],
    rng: Array | None = None,
) -> tuple[training.TrainState, Any]:
    """Train until `number_of_steps` are done or the batches end, from the newest checkpoint on.

    The log goes to the logger `slim`, at the level INFO: `logging.basicConfig(level="INFO")` shows
    it. Arguments that belong to a graph or a session are refused on use, and the error says what
    stands for them: graph, master, is_chief, init_op, init_feed_dict, local_init_op, ready_op,
    startup_delay_steps, saver, sync_optimizer, session_config, session_wrapper,
    ignore_live_threads.

    Args:
      train_op: what `create_train_op` returned.
      logdir: the folder of checkpoints and summaries; None: keep nothing.
      train_step_fn: `train_step`, or a function of the same arguments around it.
      train_step_kwargs: its last argument; made of the other arguments by default.
      log_every_n_steps: how often to log the loss; 0: never.
      graph: see above.
      master: see above.
      is_chief: see above.
      global_step: passed on to `train_step_fn`.
      number_of_steps: how many steps to do, those before the checkpoint included; None: all.
      init_op: see above.
      init_feed_dict: see above.
      local_init_op: see above.
      init_fn: `params, state -> params, state`, for the first values where there is no checkpoint:
        `slim.assign_from_checkpoint_fn(...)`.
      ready_op: see above.
      summary_op: None: write no summaries.
      save_summaries_secs: the seconds between two lines of summaries.
      summary_writer: `writer(step, values by name)`, by default one that writes
        `summaries.jsonl`; None: write no summaries.
      startup_delay_steps: see above.
      saver: see above.
      save_interval_secs: the seconds between two checkpoints; there is one at the end as well.
      sync_optimizer: see above.
      session_config: see above.
      session_wrapper: see above.
      trace_every_n_steps: how often to write a profile of a step into `logdir`.
      ignore_live_threads: see above.
      batches: what to train on: an iterable of the loss function's arguments.
      rng: the random key of the first values and of dropout; `jax.random.key(0)` if None.

    Returns:
      The `slim.training.TrainState` at the end, and the last loss (None if no step was left).

    Raises:
      ValueError: `train_op` is None, `number_of_steps` is not positive, or `logdir` is None where
        something is to be written there.
      FloatingPointError: see `slim.training.TrainOp`.

    Source: `slim.learning.train`.

    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.learning.create_train_op(loss, nn.GradientDescentOptimizer(0.5))
    >>> train_state, loss = slim.learning.train(
    ...     train_op, None, number_of_steps=3, batches=[jnp.ones(2)] * 10)
    >>> int(train_state.global_step), float(loss)
    (3, 0.0)
    """
    if number_of_steps is not None and number_of_steps <= 0:
        raise ValueError(f"number_of_steps must be None or positive, got {number_of_steps!r}.")
    if summary_op not in (USE_DEFAULT, None):
        raise ValueError("summary_op: all summaries are written, or with None none of them.")
    if logdir is None and trace_every_n_steps is not None:
        raise ValueError("trace_every_n_steps needs logdir, where the traces are written.")
    session = sessions.start(train_op, logdir, batches, init_fn, rng)
    done = int(session.train_state.global_step)
    if number_of_steps is not None and done >= number_of_steps:
        sessions.logger.info("all %d steps are done", done)
        return session.train_state, None
    if train_step_kwargs == USE_DEFAULT:
        train_step_kwargs = {"should_stop": lambda step: step >= (number_of_steps or step + 1)}
        if log_every_n_steps > 0:
            train_step_kwargs["should_log"] = lambda step: step % log_every_n_steps == 0
        if trace_every_n_steps is not None:
            train_step_kwargs["should_trace"] = lambda step: step % trace_every_n_steps == 0
            train_step_kwargs["logdir"] = logdir
    writer = sessions.writer_of(logdir) if summary_writer == USE_DEFAULT else summary_writer
    loss = sessions.run(
        session,
        train_op,
        lambda session: train_step_fn(session, train_op, global_step, train_step_kwargs),
        logdir,
        save_interval_secs,
        lambda _, seconds: seconds >= save_summaries_secs,
        writer if summary_op == USE_DEFAULT else None,
    )
    return session.train_state, loss
