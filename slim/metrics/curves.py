"""Metrics of two classes from the curve through many thresholds: areas, and its best points."""

from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.metrics.confusion import CONDITIONS
from slim.metrics.streaming import State, streaming
from slim.metrics.thresholds import (
    EPSILON,
    FN,
    FP,
    TN,
    TP,
    counts,
    counts_of_probabilities,
    share,
)


def _spread(n: int, last: float = 1 + EPSILON) -> list[float]:
    """`n` thresholds from just below 0 to `last`, between them the multiples of 1 / (n - 1)."""
    return [-EPSILON, *(i / (n - 1) for i in range(1, n - 1)), last]


def _curve(state: State, curve: str) -> tuple[Array, Array]:
    """The points, x and y, from the lowest threshold to the highest."""
    tp, fn, tn, fp = (state[name] for name in CONDITIONS)
    recall = (tp + 1e-6) / (tp + fn + 1e-6)
    if curve == "ROC":
        return fp / (fp + tn + 1e-6), recall
    return recall, (tp + 1e-6) / (tp + fp + 1e-6)


def _area(state: State, curve: str) -> Array:
    x, y = _curve(state, curve)
    return jnp.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2)


def check_curve(function: str, curve: str) -> None:
    """Refuse what is no curve."""
    if curve not in ("ROC", "PR"):
        raise spelling.error(function, "curve", curve, "'ROC' or 'PR'")


@streaming("auc", _area)
def streaming_auc(
    predictions: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    curve: str = "ROC",
    name: str | None = None,
) -> State:
    """Return the area under a curve, by the trapezoidal rule.

    Args:
      predictions: probabilities.
      labels: of the same shape; cast to booleans.
      weights: a scalar, or of the same rank with sizes that are the same or 1.
      num_thresholds: of how many points the curve is made, evenly spread thresholds in [0, 1].
      metrics_collections: the collections to add the value to.
      updates_collections: the collections to add the value after this batch to.
      curve: 'ROC' (true positive rate over false positive rate) or 'PR' (precision over recall).
      name: the variable scope.

    Source: `slim.metrics.streaming_auc`.

    >>> auc = slim.metrics.functional(slim.metrics.streaming_auc)
    >>> round(float(auc(jnp.array([0.1, 0.4, 0.35, 0.8]), jnp.array([0, 0, 1, 1]))), 3)
    0.75
    """
    check_curve("streaming_auc", curve)
    unread = [TN] if curve == "PR" else []
    return counts_of_probabilities(
        predictions, labels, _spread(num_thresholds), weights, unread=unread
    )


@streaming("curve_points", lambda state, curve: jnp.stack(_curve(state, curve), axis=1))
def streaming_curve_points(
    labels: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    curve: str = "ROC",
    name: str | None = None,
) -> State:
    """Return the points of a curve, `[num_thresholds, 2]`; the arguments are `streaming_auc`'s.

    Source: `slim.metrics.streaming_curve_points`.

    >>> points = slim.metrics.functional(slim.metrics.streaming_curve_points, num_thresholds=3)
    >>> points(jnp.array([0, 1]), jnp.array([0.2, 0.8])).shape
    (3, 2)
    """
    check_curve("streaming_curve_points", curve)
    if labels is None or predictions is None:
        raise spelling.error("streaming_curve_points", "labels", labels, "labels and predictions")
    return counts(predictions, labels, _spread(num_thresholds), weights)


def _fraction(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} is {value}: expected a number in [0, 1].")


def _sensitivity(state: State, specificity: float) -> Array:
    tp, fn, tn, fp = (state[name] for name in CONDITIONS)
    at = jnp.argmin(jnp.abs(tn / (tn + fp + EPSILON) - specificity))
    return tp[at] / (tp[at] + fn[at] + EPSILON)


@streaming("sensitivity_at_specificity", _sensitivity)
def streaming_sensitivity_at_specificity(
    predictions: ArrayLike,
    labels: ArrayLike,
    specificity: float,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
) -> State:
    """Return the true positive rate where the true negative rate is nearest to `specificity`.

    Source: `slim.metrics.streaming_sensitivity_at_specificity`.

    >>> metric = slim.metrics.functional(
    ...     slim.metrics.streaming_sensitivity_at_specificity, specificity=0.5)
    >>> round(float(metric(jnp.array([0.1, 0.4, 0.3, 0.8]), jnp.array([0, 0, 1, 1]))), 3)
    1.0
    """
    _fraction("specificity", specificity)
    return counts_of_probabilities(predictions, labels, _spread(num_thresholds), weights)


def _specificity(state: State, sensitivity: float) -> Array:
    tp, fn, tn, fp = (state[name] for name in CONDITIONS)
    off = jnp.abs(tp / (tp + fn + EPSILON) - sensitivity)
    at = off.size - 1 - jnp.argmin(off[::-1])  # the last of the nearest
    return tn[at] / (tn[at] + fp[at] + EPSILON)


@streaming("specificity_at_sensitivity", _specificity)
def streaming_specificity_at_sensitivity(
    predictions: ArrayLike,
    labels: ArrayLike,
    sensitivity: float,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
) -> State:
    """Return the true negative rate where the true positive rate is nearest to `sensitivity`.

    Source: `slim.metrics.streaming_specificity_at_sensitivity`.

    >>> metric = slim.metrics.functional(
    ...     slim.metrics.streaming_specificity_at_sensitivity, sensitivity=0.5)
    >>> round(float(metric(jnp.array([0.1, 0.4, 0.3, 0.8]), jnp.array([0, 0, 1, 1]))), 3)
    1.0
    """
    _fraction("sensitivity", sensitivity)
    thresholds = _spread(num_thresholds, last=1 - EPSILON)
    return counts_of_probabilities(predictions, labels, thresholds, weights)


def _precision(state: State, target_recall: float) -> Array:
    tp, fn, fp = (state[name] for name in (TP, FN, FP))
    at = jnp.sum(tp / (tp + fn + EPSILON) >= target_recall) - 1
    return (tp[at] + EPSILON) / (tp[at] + fp[at] + EPSILON)


@streaming("precision_at_recall", _precision)
def precision_at_recall(
    labels: ArrayLike,
    predictions: ArrayLike,
    target_recall: float,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
) -> State:
    """Return the precision at the highest threshold whose recall is at least `target_recall`.

    Source: `slim.metrics.precision_at_recall`.

    >>> metric = slim.metrics.functional(slim.metrics.precision_at_recall, target_recall=0.8)
    >>> round(float(metric(jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.3, 0.8]))), 3)
    0.667
    """
    _fraction("target_recall", target_recall)
    return counts(predictions, labels, _spread(num_thresholds), weights, unread=[TN])


def _recall(state: State, precision: float, strict_mode: bool) -> Array:
    tp, fn, fp = (state[name] for name in (TP, FN, FP))
    precisions = tp / (tp + fp + EPSILON)
    if not strict_mode:
        at = jnp.argmin(jnp.abs(precisions - precision))
        return tp[at] / (tp[at] + fn[at] + EPSILON)
    at = jnp.argmax(1 / (precisions - precision + EPSILON))
    return jnp.where(precisions[at] >= precision, tp[at] / (tp[at] + fn[at] + EPSILON), 0.0)


@streaming("recall_at_precision", _recall)
def recall_at_precision(
    labels: ArrayLike,
    predictions: ArrayLike,
    precision: float,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
    strict_mode: bool = False,
) -> State:
    """Return the recall where the precision is nearest to the one given.

    Args:
      labels: cast to booleans.
      predictions: probabilities, of the same shape.
      precision: in [0, 1].
      weights: a scalar, or of the same rank with sizes that are the same or 1.
      num_thresholds: how many thresholds are tried.
      metrics_collections: the collections to add the value to.
      updates_collections: the collections to add the value after this batch to.
      name: the variable scope.
      strict_mode: whether the precision must be at least the one given; 0 where none is.

    Source: `slim.metrics.recall_at_precision`.

    >>> metric = slim.metrics.functional(slim.metrics.recall_at_precision, precision=1.0)
    >>> round(float(metric(jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.3, 0.8]))), 3)
    0.5
    """
    _fraction("precision", precision)
    return counts(predictions, labels, _spread(num_thresholds), weights, unread=[TN])


def _best_f1(state: State) -> Array:
    precision, recall = share(TP, FP)(state), share(TP, FN)(state)
    return jnp.max(2 * precision * recall / (precision + recall + EPSILON))


@streaming("f1", _best_f1)
def f1_score(
    labels: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    num_thresholds: int = 200,
) -> State:
    """Return the best F1 score, 2 / (1 / precision + 1 / recall), of all thresholds.

    Source: `slim.metrics.f1_score`.

    >>> f1 = slim.metrics.functional(slim.metrics.f1_score)
    >>> round(float(f1(jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.3, 0.8]))), 3)
    0.8
    """
    thresholds = _spread(num_thresholds)
    return counts_of_probabilities(predictions, labels, thresholds, weights, [TP, FP, FN])
