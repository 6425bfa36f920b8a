"""Slim's evaluation of one checkpoint, or of each as it appears, with summaries."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nn.graph import Array
from slim import sessions
from slim.train_eval import (
    Evaluation,
    SummaryAtEndHook,
    checkpoints_iterator,
    evaluate_repeatedly,
    wait_for_new_checkpoint,
)

__all__ = [
    "SummaryAtEndHook",
    "checkpoints_iterator",
    "evaluate_once",
    "evaluation_loop",
    "wait_for_new_checkpoint",
]

USE_DEFAULT = 0


@sessions.without_graph
def evaluate_once(
    master: str,
    checkpoint_path: str,
    logdir: str | None,
    num_evals: int | None = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    eval_op: Callable[..., Any] | None = None,
    eval_op_feed_dict: Any = None,
    final_op: Callable[[Any], Any] | None = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = USE_DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    session_config: Any = None,
    hooks: Sequence[Any] | None = None,
    *,
    batches: Iterable[Any],
    rng: Array | None = None,
) -> Any:
    """Evaluate one checkpoint.

    Args:
      master: must be `''`; also to be left out are initial_op, initial_op_feed_dict,
        eval_op_feed_dict, final_op_feed_dict, summary_op_feed_dict and session_config.
      checkpoint_path: what `wait_for_new_checkpoint` returned.
      logdir: the folder where summaries are written; None: they are not.
      num_evals: how many batches to take; None: all.
      initial_op: see `master`.
      initial_op_feed_dict: see `master`.
      eval_op: a function of a batch that returns metrics, in any structure. The metrics of
        `slim.metrics` keep their sums in `state`, so what it returns last is over all batches.
      eval_op_feed_dict: see `master`.
      final_op: a function of what `eval_op` returned last; None: that itself is the result.
      final_op_feed_dict: see `master`.
      summary_op: None: write no summaries.
      summary_op_feed_dict: see `master`.
      variables_to_restore: `nn.Variable`s or names, or a dict of them by their names in the
        checkpoint, as `nn.ExponentialMovingAverage` makes; None: all but the local variables.
      session_config: see `master`.
      hooks: see `slim.train_eval.evaluate_repeatedly`.
      batches: an iterable of the arguments of `eval_op`.
      rng: the random key of what is not restored.

    Returns:
      The result.

    Raises:
      ValueError: there is no such checkpoint, or it lacks a variable.

    Source: `slim.evaluation.evaluate_once`.

    >>> import tempfile
    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.learning.create_train_op(loss, nn.GradientDescentOptimizer(0.5))
    >>> logdir = tempfile.mkdtemp()
    >>> _ = slim.learning.train(train_op, logdir, number_of_steps=1, batches=[jnp.ones(2)])
    >>> path = slim.evaluation.wait_for_new_checkpoint(logdir)
    >>> float(slim.evaluation.evaluate_once('', path, None, eval_op=loss, batches=[jnp.ones(2)]))
    1.0
    """
    hooks = [*_summaries(logdir, summary_op), *(hooks or ())]
    values = Evaluation(eval_op, batches, variables_to_restore, rng).run(
        checkpoint_path, num_evals, hooks
    )
    return values if final_op is None else final_op(values)


@sessions.without_graph
def evaluation_loop(
    master: str,
    checkpoint_dir: str,
    logdir: str | None,
    num_evals: int | None = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    init_fn: Any = None,
    eval_op: Callable[..., Any] | None = None,
    eval_op_feed_dict: Any = None,
    final_op: Callable[[Any], Any] | None = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = USE_DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    eval_interval_secs: float = 60,
    max_number_of_evaluations: int | None = None,
    session_config: Any = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
    hooks: Sequence[Any] | None = None,
    *,
    batches: Iterable[Any],
    rng: Array | None = None,
) -> Any:
    """Evaluate each new checkpoint of a run, until there are enough or the time is over.

    The arguments that `slim.evaluation.evaluate_once` does not have are those of
    `slim.train_eval.evaluate_repeatedly`; `init_fn` must be left out.

    Source: `slim.evaluation.evaluation_loop`.

    >>> slim.evaluation.evaluation_loop(
    ...     '', 'nowhere', None, eval_op=jnp.mean, batches=[], timeout=0)
    """
    if init_fn is not None:
        raise ValueError("init_fn: the variables come from the checkpoint; see batches and rng.")
    return evaluate_repeatedly(
        checkpoint_dir,
        eval_ops=eval_op,
        final_ops=final_op,
        eval_interval_secs=eval_interval_secs,
        hooks=[*_summaries(logdir, summary_op), *(hooks or ())],
        max_number_of_evaluations=max_number_of_evaluations,
        timeout=timeout,
        timeout_fn=timeout_fn,
        batches=batches,
        variables_to_restore=variables_to_restore,
        rng=rng,
        num_evals=num_evals,
    )


def _summaries(logdir: str | None, summary_op: Any) -> list[SummaryAtEndHook]:
    """Return the hook that writes the summaries, unless nobody wants them."""
    if summary_op not in (USE_DEFAULT, None):
        raise ValueError("summary_op: all summaries are written, or with None none of them.")
    return [] if logdir is None or summary_op is None else [SummaryAtEndHook(logdir)]
