"""Metrics of two classes from histograms of the scores, whose cost does not grow with the bins."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.metrics.arguments import between, same_shape, weighted
from slim.metrics.streaming import State, streaming


class PrecisionRecallData(NamedTuple):
    """What `precision_recall_at_equal_thresholds` returns: an array `[num_thresholds]` each.

    >>> slim.metrics.PrecisionRecallData._fields[:4]
    ('tp', 'fp', 'tn', 'fn')
    """

    tp: Array
    fp: Array
    tn: Array
    fn: Array
    precision: Array
    recall: Array
    thresholds: Array


def _precision_recall(state: State) -> PrecisionRecallData:
    tp, fp = (
        jnp.cumsum(state[f"variables/{name}_buckets"][::-1])[::-1]  # all at or above a threshold
        for name in ("tp", "fp")
    )
    tn, fn = fp[0] - fp, tp[0] - tp
    precision, recall = tp / jnp.maximum(1e-7, tp + fp), tp / jnp.maximum(1e-7, tp + fn)
    return PrecisionRecallData(tp, fp, tn, fn, precision, recall, jnp.linspace(0.0, 1.0, len(tp)))


@streaming("precision_recall_at_equal_thresholds", _precision_recall, also=())
def precision_recall_at_equal_thresholds(
    labels: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    num_thresholds: int | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> State:
    """Return the counts, precision and recall at thresholds evenly spread from 0 to 1.

    Args:
      labels: booleans.
      predictions: probabilities, of the same shape.
      weights: anything that broadcasts with them.
      num_thresholds: how many; 201 by default.
      use_locking: accepted as in TensorFlow, and not needed.
      name: the variable scope.

    Returns:
      A tuple with the fields tp, fp, tn, fn, precision, recall, thresholds: `[num_thresholds]`
      each.

    Raises:
      TypeError: the labels are no booleans.

    Source: `slim.metrics.precision_recall_at_equal_thresholds`.

    >>> metric = slim.metrics.functional(
    ...     slim.metrics.precision_recall_at_equal_thresholds, num_thresholds=3)
    >>> metric(jnp.array([False, True, True]), jnp.array([0.1, 0.4, 0.8])).recall
    Array([1. , 0.5, 0. ], dtype=float32)
    """
    n = 201 if num_thresholds is None else num_thresholds
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    if labels.dtype != bool:
        raise spelling.error(
            "precision_recall_at_equal_thresholds",
            "the dtype of labels",
            labels.dtype,
            "bool",
            TypeError,
        )
    between("predictions", predictions, 0, 1)
    predictions, labels = same_shape(predictions, labels)
    bucket = jnp.floor(predictions * (n - 1)).astype(jnp.int32).ravel()
    return {
        f"variables/{name}_buckets": jnp.zeros(n).at[bucket].add(weighted(which, weights).ravel())
        for name, which in [("tp", labels), ("fp", ~labels)]
    }


def _area(state: State) -> Array:
    x, y = (
        (counts / jnp.sum(counts)).astype(jnp.float32)[::-1]
        for counts in (
            state["hist_accumulate/hist_false_acc"],
            state["hist_accumulate/hist_true_acc"],
        )
    )
    y = jnp.cumsum(y)
    return x[0] * y[0] / 2 + jnp.sum(x[1:] * (y[1:] + y[:-1])) / 2


@streaming("auc_using_histogram", _area, also=())
def auc_using_histogram(
    boolean_labels: ArrayLike,
    scores: ArrayLike,
    score_range: ArrayLike,
    nbins: int = 100,
    collections: Any = None,
    check_shape: bool = True,
    name: str | None = None,
) -> State:
    """Return the area under the ROC curve, from a histogram of each class's scores.

    Args:
      boolean_labels: booleans, `[N]`.
      scores: `[N]`, of any range.
      score_range: `[low, high]`: what lies outside counts in the first or the last bin.
      nbins: the number of bins.
      collections: those of the variables; the default is the local variables.
      check_shape: accepted as in TensorFlow, whose check that there is one axis is never run.
      name: the variable scope.

    Raises:
      ValueError: the labels are no booleans, or the shapes do not fit.

    Source: `slim.metrics.auc_using_histogram`.

    >>> auc = slim.metrics.functional(slim.metrics.auc_using_histogram, score_range=[0.0, 1.0])
    >>> labels, scores = jnp.array([False, False, True, True]), jnp.array([0.1, 0.4, 0.35, 0.8])
    >>> round(float(auc(labels, scores)), 3)
    0.75
    """
    labels, scores = jnp.asarray(boolean_labels), jnp.asarray(scores)
    if labels.dtype != bool:
        raise spelling.error(
            "auc_using_histogram", "the dtype of boolean_labels", labels.dtype, "bool"
        )
    scores, labels = same_shape(scores, labels, "boolean_labels")
    low, high = jnp.asarray(score_range, scores.dtype)
    place = jnp.floor((scores - low) / (high - low) * nbins)
    place = jnp.clip(place, 0, nbins - 1).astype(jnp.int32).ravel()
    return {
        f"hist_accumulate/hist_{name}_acc": jnp.zeros(nbins, jnp.int32).at[place].add(which.ravel())
        for name, which in [
            ("true", labels.astype(jnp.int32)),
            ("false", (~labels).astype(jnp.int32)),
        ]
    }
