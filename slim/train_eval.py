"""Evaluation of checkpoints as they appear: a function run over batches, its metrics in `state`."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import nn
from nn.graph import Array, GraphKeys, nearest
from slim import checkpoints, sessions, summaries
from slim.gradients import name_of

__all__ = [
    "SummaryAtEndHook",
    "checkpoints_iterator",
    "evaluate_repeatedly",
    "wait_for_new_checkpoint",
]


def wait_for_new_checkpoint(
    checkpoint_dir: str,
    last_checkpoint: str | None = None,
    seconds_to_sleep: float = 1,
    timeout: float | None = None,
) -> str | None:
    """Wait for a checkpoint newer than the last one, and return its path.

    Args:
      checkpoint_dir: the folder of a run, its `logdir`.
      last_checkpoint: the path of the last one; None: any will do.
      seconds_to_sleep: how often to look.
      timeout: the seconds to wait at most; None: for ever.

    Returns:
      Its path, or None when the time is over.

    Source: `slim.evaluation.wait_for_new_checkpoint`.

    >>> slim.evaluation.wait_for_new_checkpoint('nowhere', timeout=0) is None
    True
    """
    sessions.logger.info("waiting for a new checkpoint in %s", checkpoint_dir)
    end = None if timeout is None else time.monotonic() + timeout
    while (path := checkpoints.newest(checkpoint_dir)) in (None, last_checkpoint):
        if end is not None and time.monotonic() + seconds_to_sleep > end:
            return None
        time.sleep(seconds_to_sleep)
    return path


def checkpoints_iterator(
    checkpoint_dir: str,
    min_interval_secs: float = 0,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """Yield the path of the newest checkpoint, again and again as new ones appear.

    Args:
      checkpoint_dir: the folder of a run, its `logdir`.
      min_interval_secs: the least seconds between two of them.
      timeout: the seconds to wait for one at most; None: for ever.
      timeout_fn: asked when the time is over: whether to end. Without it, that is the end.

    Source: `slim.evaluation.checkpoints_iterator`.

    >>> list(slim.evaluation.checkpoints_iterator('nowhere', timeout=0))
    []
    """
    path = None
    while True:
        new = wait_for_new_checkpoint(checkpoint_dir, path, timeout=timeout)
        if new is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        path, began = new, time.monotonic()
        yield path
        time.sleep(max(0.0, began + min_interval_secs - time.monotonic()))


class SummaryAtEndHook:
    """Writes the summaries of an evaluation when it ends, for `hooks=` of the evaluations.

    Args:
      log_dir: the folder of `summaries.jsonl`, where there is no writer.
      summary_writer: `writer(step, values by name)`.
      summary_op: must be None: all summaries are written.
      feed_dict: must be None: summaries are those of the last batch.

    Raises:
      ValueError: neither folder nor writer.

    Source: `slim.evaluation.SummaryAtEndHook`.

    >>> hook = slim.evaluation.SummaryAtEndHook(summary_writer=lambda step, values: None)
    """

    def __init__(
        self,
        log_dir: str | None = None,
        summary_writer: Callable[[int, Mapping[str, Array]], None] | None = None,
        summary_op: Any = None,
        feed_dict: Any = None,
    ):
        if summary_op is not None or feed_dict is not None:
            raise ValueError(
                "SummaryAtEndHook: summary_op and feed_dict have no meaning here: what the "
                "evaluated function puts aside last is written."
            )
        if log_dir is None and summary_writer is None:
            raise ValueError("SummaryAtEndHook: give log_dir or summary_writer.")
        self.writer = summary_writer or partial(summaries.write_summaries, str(log_dir))

    def begin(self) -> None:
        """Nothing is to be made."""

    def after_create_session(self, session: "Evaluation", coord: Any) -> None:
        """Nothing is to be opened."""

    def end(self, session: "Evaluation") -> None:
        """Write them."""
        if session.summaries:
            self.writer(session.global_step, session.summaries)


class Evaluation:
    """One function evaluated over batches, checkpoint after checkpoint.

    Args:
      function: returns metrics of a batch; metrics over all batches keep their sums in `state`.
      batches: an iterable of the function's arguments; one that is no iterator begins anew with
        each checkpoint.
      restored: the variables to restore, or a dict of them by their names in the checkpoint; None:
        all but the local variables.
      rng: the random key of what is not restored.

    Attributes:
      values: what the function returned last.
      summaries: what it put aside last, by name.
      global_step: that of the checkpoint, or 0.
    """

    def __init__(self, function: Any, batches: Iterable[Any], restored: Any, rng: Array | None):
        if not callable(getattr(function, "fn", function)):
            raise ValueError(
                "eval_op must be a function of a batch that returns its metrics, not their values, "
                f"got {function!r}."
            )
        self.function, self.batches, self.restored = function, batches, restored
        self.rng = jax.random.key(0) if rng is None else rng
        self.local: set[str] = set()
        self.net = nn.transform(self._run)
        self.apply = jax.jit(self.net.apply)
        self.values: Any = None
        self.summaries: dict[str, Array] = {}
        self.global_step = 0

    def _run(self, *batch: Any) -> Any:
        values = getattr(self.function, "fn", self.function)(*batch)
        for key in (GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES):
            self.local |= {v.name for v in nn.get_collection(key)}
        return values, summaries.merged_summaries()

    def run(self, path: str, count: int | None, hooks: Sequence[Any]) -> Any:
        """Evaluate one checkpoint on `count` batches (all if None); returns the last values."""
        stored = checkpoints.read(path)
        batches = (sessions.as_arguments(batch) for batch in itertools.islice(self.batches, count))
        first = next(batches, None)
        if first is None:
            raise ValueError("batches is empty: expected an iterable of what the function takes.")
        params, state = self._restore(stored, *self.net.init(self.rng, *first))
        self.global_step = int(stored.get("state/global_step", 0))
        sessions.tell(hooks, "begin")
        sessions.tell(hooks, "after_create_session", self, None)
        for n, batch in enumerate(itertools.chain([first], batches)):
            key = jax.random.fold_in(self.rng, n)
            (self.values, self.summaries), state = self.apply(params, state, *batch, rng=key)
            sessions.tell(hooks, "after_run", self, self.values)
        sessions.tell(hooks, "end", self)
        sessions.logger.info(
            "%s: %s", path, jax.tree.map(lambda x: jnp.asarray(x).tolist(), self.values)
        )
        return self.values

    def _restore(self, stored: Mapping[str, Any], params: dict, state: dict) -> tuple[dict, dict]:
        """Return both dicts with the values of a checkpoint."""
        there = {
            name.partition("/")[2]: value
            for name, value in stored.items()
            if name.startswith(("params/", "state/"))
        }
        wanted = self.restored
        if wanted is None:
            wanted = [name for name in {**params, **state} if name not in self.local]
        if not isinstance(wanted, Mapping):
            wanted = {name_of(variable): variable for variable in wanted}
        for source, variable in wanted.items():
            if source not in there:
                raise ValueError(f"the checkpoint has no {source!r}.{nearest(source, there)}")
            target = params if (name := name_of(variable)) in params else state
            target[name] = jnp.asarray(there[source])
        return params, state


@sessions.without_graph
def evaluate_repeatedly(
    checkpoint_dir: str,
    master: str = "",
    scaffold: Any = None,
    eval_ops: Callable[..., Any] | None = None,
    feed_dict: Any = None,
    final_ops: Callable[[Any], Any] | None = None,
    final_ops_feed_dict: Any = None,
    eval_interval_secs: float = 60,
    hooks: Sequence[Any] | None = None,
    config: Any = None,
    max_number_of_evaluations: int | None = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
    *,
    batches: Iterable[Any],
    variables_to_restore: Any = None,
    rng: Array | None = None,
    num_evals: int | None = None,
) -> Any:
    """Evaluate each new checkpoint of a run, until there are enough or the time is over.

    Args:
      checkpoint_dir: the folder of the run, its `logdir`.
      master: must be left out, like `scaffold`, `feed_dict`, `final_ops_feed_dict` and `config`.
      scaffold: see `master`.
      eval_ops: a function of a batch that returns metrics, in any structure.
      feed_dict: see `master`.
      final_ops: a function of what `eval_ops` returned last; None: that itself is the result.
      final_ops_feed_dict: see `master`.
      eval_interval_secs: the least seconds between two evaluations.
      hooks: objects with any of the methods `begin()`, `after_create_session(evaluation, None)`,
        `after_run(evaluation, values)` and `end(evaluation)`.
      config: see `master`.
      max_number_of_evaluations: after how many to end; None: never.
      timeout: the seconds to wait for a checkpoint; None: for ever.
      timeout_fn: asked when the time is over: whether to end.
      batches: an iterable of the arguments of `eval_ops`; one that is no iterator, such as a list,
        begins anew with each checkpoint.
      variables_to_restore: `nn.Variable`s or names, or a dict of them by their names in the
        checkpoint; None: all but the local variables.
      rng: the random key of what is not restored.
      num_evals: how many batches to take for each checkpoint; None: all.

    Returns:
      The result of the last evaluation, None if there was none.

    Source: `slim.train_eval.evaluate_repeatedly`.

    >>> slim.train_eval.evaluate_repeatedly('nowhere', eval_ops=jnp.mean, batches=[], timeout=0)
    """
    evaluation = Evaluation(eval_ops, batches, variables_to_restore, rng)
    result = None
    paths = checkpoints_iterator(checkpoint_dir, eval_interval_secs, timeout, timeout_fn)
    for n, path in enumerate(paths, 1):
        values = evaluation.run(path, num_evals, hooks or ())
        result = values if final_ops is None else final_ops(values)
        if n == max_number_of_evaluations:
            break
    return result
