"""A run of training or of evaluation: what changes from step to step, and what it writes down.

In TF1 a session holds the variables, and ops change them. Here `Session` holds what the pure
functions of a train op return, for the loops `slim.learning.train` and `slim.training.train`.
"""

import functools
import inspect
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jax

from slim import checkpoints
from slim.summaries import write_summaries

logger = logging.getLogger("slim")
Function = TypeVar("Function", bound=Callable)

# What stands for the arguments that have no meaning without graphs and sessions.
INSTEAD = {
    "graph": "The loss function is the model.",
    "master": "For several processes call jax.distributed.initialize() first.",
    "is_chief": "All processes run the same program; jax.process_index() tells them apart.",
    "scaffold": "Give init_fn=, a function from params, state to params, state.",
    "config": "Use jax.config and the flags of XLA.",
    "session_config": "Use jax.config and the flags of XLA.",
    "session_wrapper": "Wrap train_step_fn, or the train op.",
    "init_op": "train_op.init makes the variables; give init_fn= to change them.",
    "init_feed_dict": "Give init_fn=slim.assign_from_values_fn(values).",
    "local_init_op": "train_op.init makes all variables.",
    "ready_op": "Variables have values as soon as they are there.",
    "initial_op": "The variables that are not restored have their first values.",
    "initial_op_feed_dict": "The variables that are not restored have their first values.",
    "startup_delay_steps": "All processes step together.",
    "saver": "The newest two checkpoints stay; for other rules use slim.checkpoints or orbax.",
    "sync_optimizer": "Shard the batches (jax.sharding): gradients are then summed over devices.",
    "ignore_live_threads": "There are no queues, so there are no threads.",
    "max_wait_secs": "There are no workers that wait for a session.",
    "run_metadata": "Use jax.profiler.trace.",
    "feed_dict": "The batches are what is fed.",
    "eval_op_feed_dict": "The batches are what is fed.",
    "final_op_feed_dict": "final_op is called with what eval_op returned last.",
    "final_ops_feed_dict": "final_ops is called with what eval_ops returned last.",
    "summary_op_feed_dict": "Summaries are those of the last batch.",
}


def without_graph(function: Function) -> Function:
    """Decorate a function so that it refuses those of its arguments that `INSTEAD` lists.

    Passing on an argument's own default is no use of it.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            default = signature.parameters[name].default
            unset = value is None or (type(value) is type(default) and value == default)
            if name in INSTEAD and not unset and value != "":
                raise ValueError(
                    f"{function.__name__}: {name}= has no meaning here, got {value!r}. "
                    f"{INSTEAD[name]}"
                )
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]


@dataclass
class Session:
    """What changes while a loop runs; hooks and train step functions are given it.

    Attributes:
      train_state: the present state of training, a `slim.training.TrainState`.
      batches: the iterator of batches.
      batch: the last one taken from it, as the arguments of the loss function.
    """

    train_state: Any
    batches: Iterator[Any]
    batch: tuple = ()
    _stopped: bool = field(default=False, repr=False)

    def next_batch(self) -> tuple:
        """Take the next batch.

        Raises:
          StopIteration: there is none; training ends.
        """
        self.batch = as_arguments(next(self.batches))
        return self.batch

    def request_stop(self) -> None:
        """End the loop after this step."""
        self._stopped = True

    def should_stop(self) -> bool:
        """Tell whether somebody has asked to stop."""
        return self._stopped


def as_arguments(batch: Any) -> tuple:
    """Return a batch as the arguments of a function: a tuple or a list is several."""
    return tuple(batch) if isinstance(batch, tuple | list) else (batch,)


def tell(hooks: Sequence[Any] | None, moment: str, *args: Any) -> None:
    """Call the method `moment` of those hooks that have it."""
    for hook in hooks or ():
        getattr(hook, moment, lambda *_: None)(*args)


def start(
    train_op: Any, logdir: str | None, batches: Iterable[Any], init_fn: Any, rng: Any
) -> Session:
    """Begin a run of training, or continue from the newest checkpoint in `logdir`."""
    if train_op is None:
        raise ValueError("train_op is None: give what create_train_op returned.")
    iterator = iter(batches)
    try:
        first = next(iterator)
    except StopIteration:
        raise ValueError("batches is empty: expected an iterable of what the loss takes.") from None
    arguments = as_arguments(first)
    train_state = train_op.init(jax.random.key(0) if rng is None else rng, *arguments)
    if logdir and (path := checkpoints.newest(logdir)):
        logger.info("continuing from %s", path)
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), train_state
        )
        with checkpoints.open_checkpoints(logdir) as manager:
            step = manager.latest_step()
            assert step is not None
            train_state = checkpoints.restore(manager, step, like)
    elif init_fn is not None:
        params, state = init_fn(train_state.params, train_state.state)
        train_state = train_state._replace(params=params, state=state)
    return Session(train_state, itertools.chain([first], iterator))


def run(
    session: Session,
    train_op: Any,
    step: Callable[[Session], tuple[Any, bool]],
    logdir: str | None,
    save_secs: float | None,
    write_now: Callable[[int, float], bool],
    writer: Callable[[int, dict], None] | None,
    hooks: Sequence[Any] | None = None,
) -> Any:
    """Step until somebody stops or the batches end; returns the last loss.

    Args:
      session: what `start` returned.
      train_op: what `create_train_op` returned.
      step: takes a step in the session; returns the loss and whether to stop.
      logdir: the folder of the checkpoints, or None for none.
      save_secs: the seconds between two of them; None: only the last one.
      write_now: `write_now(step, seconds since the last time)`: whether to write summaries.
      writer: `writer(step, values by name)` writes them.
      hooks: told of `begin`, `after_create_session`, `before_run`, `after_run` and `end`.
    """
    loss, saved, written = None, time.monotonic(), float("-inf")
    manager = checkpoints.open_checkpoints(logdir) if logdir else None
    tell(hooks, "begin")
    tell(hooks, "after_create_session", session, None)
    try:
        while not session.should_stop():
            tell(hooks, "before_run", session)
            try:
                loss, stop = step(session)
            except StopIteration:
                logger.info("the batches are at their end")
                break
            tell(hooks, "after_run", session, loss)
            done, now = int(session.train_state.global_step), time.monotonic()
            if writer is not None and write_now(done, now - written):
                if values := train_op.summaries(session.train_state, *session.batch):
                    writer(done, values)
                written = now
            if manager is not None and save_secs is not None and now - saved >= save_secs:
                checkpoints.save(manager, done, session.train_state)
                saved = now
            if stop:
                break
        tell(hooks, "end", session)
        if manager is not None:
            done = int(session.train_state.global_step)
            if manager.latest_step() != done:
                checkpoints.save(manager, done, session.train_state)
    finally:
        if manager is not None:
            manager.close()
    return loss


def writer_of(logdir: str | None) -> Callable[[int, dict], None] | None:
    """Return the function that writes summaries into a folder, or None without one."""
    return None if logdir is None else functools.partial(write_summaries, logdir)
