"""Metrics of a confusion matrix: of two classes at one decision, and of several classes."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.metrics.arguments import between, fitted, quotient, same_shape, weighted
from slim.metrics.streaming import State, streaming

# Of booleans: which examples count.
CONDITIONS = {
    "true_positives": lambda labels, predictions: labels & predictions,
    "false_negatives": lambda labels, predictions: labels & ~predictions,
    "true_negatives": lambda labels, predictions: ~labels & ~predictions,
    "false_positives": lambda labels, predictions: ~labels & predictions,
}


def _counted(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None, *conditions: str
) -> State:
    """The weights of the examples of each condition, summed."""
    predictions, labels = same_shape(
        jnp.asarray(predictions).astype(bool), jnp.asarray(labels).astype(bool)
    )
    are = {name: CONDITIONS[name](labels, predictions) for name in conditions}
    return {f"{name}/count": jnp.sum(weighted(which, weights)) for name, which in are.items()}


def _share(first: str, second: str) -> Callable[[State], Array]:
    """The first count's share of both; 0 where both are 0."""

    def value(state: State) -> Array:
        part, rest = state[f"{first}/count"], state[f"{second}/count"]
        return jnp.where(part + rest > 0, quotient(part, part + rest), 0.0)

    return value


def _counter(condition: str) -> Any:
    return streaming(condition, lambda state: state["count"])


def _count(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None, condition: str
) -> State:
    return {"count": _counted(predictions, labels, weights, condition)[f"{condition}/count"]}


@_counter("true_positives")
def streaming_true_positives(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted number of positive examples that were predicted as such.

    Predictions and labels are cast to booleans.

    Source: `slim.metrics.streaming_true_positives`.

    >>> positives = slim.metrics.functional(slim.metrics.streaming_true_positives)
    >>> float(positives(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1])))
    1.0
    """
    return _count(predictions, labels, weights, "true_positives")


@_counter("true_negatives")
def streaming_true_negatives(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted number of negative examples that were predicted as such.

    Source: `slim.metrics.streaming_true_negatives`.

    >>> negatives = slim.metrics.functional(slim.metrics.streaming_true_negatives)
    >>> float(negatives(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1])))
    0.0
    """
    return _count(predictions, labels, weights, "true_negatives")


@_counter("false_positives")
def streaming_false_positives(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted number of negative examples that were predicted to be positive.

    Source: `slim.metrics.streaming_false_positives`.

    >>> positives = slim.metrics.functional(slim.metrics.streaming_false_positives)
    >>> float(positives(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1])))
    1.0
    """
    return _count(predictions, labels, weights, "false_positives")


@_counter("false_negatives")
def streaming_false_negatives(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted number of positive examples that were predicted to be negative.

    Source: `slim.metrics.streaming_false_negatives`.

    >>> negatives = slim.metrics.functional(slim.metrics.streaming_false_negatives)
    >>> float(negatives(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1])))
    2.0
    """
    return _count(predictions, labels, weights, "false_negatives")


@streaming("precision", _share("true_positives", "false_positives"))
def streaming_precision(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return how many of those predicted to be positive are: tp / (tp + fp), or 0.

    Source: `slim.metrics.streaming_precision`.

    >>> precision = slim.metrics.functional(slim.metrics.streaming_precision)
    >>> float(precision(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1])))
    0.5
    """
    return _counted(predictions, labels, weights, "true_positives", "false_positives")


@streaming("recall", _share("true_positives", "false_negatives"))
def streaming_recall(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return how many of the positives were predicted to be: tp / (tp + fn), or 0.

    Source: `slim.metrics.streaming_recall`.

    >>> recall = slim.metrics.functional(slim.metrics.streaming_recall)
    >>> round(float(recall(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 1]))), 4)
    0.3333
    """
    return _counted(predictions, labels, weights, "true_positives", "false_negatives")


@streaming("false_positive_rate", _share("false_positives", "true_negatives"))
def streaming_false_positive_rate(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return how many of the negatives were predicted to be positive: fp / (fp + tn), or 0.

    Source: `slim.metrics.streaming_false_positive_rate`.

    >>> rate = slim.metrics.functional(slim.metrics.streaming_false_positive_rate)
    >>> float(rate(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 0])))
    0.5
    """
    return _counted(predictions, labels, weights, "false_positives", "true_negatives")


@streaming("false_negative_rate", _share("false_negatives", "true_positives"))
def streaming_false_negative_rate(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return how many of the positives were predicted to be negative: fn / (fn + tp), or 0.

    Source: `slim.metrics.streaming_false_negative_rate`.

    >>> rate = slim.metrics.functional(slim.metrics.streaming_false_negative_rate)
    >>> float(rate(jnp.array([1, 1, 0, 0]), jnp.array([1, 0, 1, 0])))
    0.5
    """
    return _counted(predictions, labels, weights, "false_negatives", "true_positives")


# Several classes ----------------------------------------------------------------------------------


def _matrix(labels: Array, predictions: Array, weights: Array, classes: int) -> Array:
    """`[label, prediction]`: the weights of the examples of each pair, summed."""
    between("labels", labels, 0, classes - 1)
    between("predictions", predictions, 0, classes - 1)
    # Below 0, JAX would count from the end: outside, on either side, is left out instead.
    labels, predictions = (jnp.where(ids < 0, classes, ids) for ids in (labels, predictions))
    empty = jnp.zeros((classes, classes), weights.dtype)
    return empty.at[labels, predictions].add(weights, mode="drop")


def _mean_iou(state: State) -> Array:
    matrix = state["total_confusion_matrix"]
    both = jnp.diagonal(matrix)
    either = matrix.sum(0) + matrix.sum(1) - both
    present = jnp.sum(either != 0, dtype=jnp.float32)
    return quotient(jnp.sum(both / jnp.where(either > 0, either, 1.0)), present)


@streaming("mean_iou", _mean_iou, update_value=lambda state: state["total_confusion_matrix"])
def streaming_mean_iou(
    predictions: ArrayLike, labels: ArrayLike, num_classes: int, weights: ArrayLike | None = None
) -> State:
    """Return the mean, over the classes met, of intersection over union: tp / (tp + fp + fn).

    Args:
      predictions: class numbers of any shape, below `num_classes`.
      labels: of the same shape.
      num_classes: the number of classes.
      weights: of the same shape.

    Returns:
      The mean, and the confusion matrix `[label, prediction]`.

    Source: `slim.metrics.streaming_mean_iou`.

    >>> iou = slim.metrics.functional(slim.metrics.streaming_mean_iou, num_classes=2)
    >>> round(float(iou(jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 1, 1]))), 4)
    0.5833
    """
    predictions, labels = jnp.asarray(predictions), jnp.asarray(labels)
    if predictions.shape != labels.shape:
        raise ValueError(
            f"predictions has shape {predictions.shape} and labels {labels.shape}: expected the "
            "same."
        )
    weights = jnp.ones(labels.shape) if weights is None else jnp.asarray(weights)
    if weights.size != labels.size:
        raise spelling.error(
            "streaming_mean_iou", "the shape of weights", weights.shape, f"{labels.shape}"
        )
    flat = [x.ravel() for x in (labels, predictions, weights)]
    labels, predictions = (x.astype(jnp.int32) for x in flat[:2])
    return {
        "total_confusion_matrix": _matrix(
            labels, predictions, flat[2].astype(jnp.float32), num_classes
        )
    }


def _kappa(state: State) -> Array:
    agreed, row, column = (state[k].astype(jnp.float32) for k in ("po", "pe_row", "pe_col"))
    total = row.sum()
    by_chance = jnp.sum(quotient(row * column, total))
    return quotient(agreed.sum() - by_chance, total - by_chance)


@streaming("cohen_kappa", _kappa)
def cohen_kappa(
    labels: ArrayLike,
    predictions_idx: ArrayLike,
    num_classes: int,
    weights: ArrayLike | None = None,
) -> State:
    """Return Cohen's kappa: how far labels and predictions agree beyond what chance would give.

    Args:
      labels: class numbers, `[N]` or `[N, 1]`.
      predictions_idx: likewise.
      num_classes: the number of classes, at least 2.
      weights: `[N]` or `[N, 1]`. Without, or with integers, the sums kept are integers.

    Source: `slim.metrics.cohen_kappa`.

    >>> kappa = slim.metrics.functional(slim.metrics.cohen_kappa, num_classes=2)
    >>> float(kappa(jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 1, 1])))
    0.5
    """
    if num_classes < 2:
        raise spelling.error("cohen_kappa", "num_classes", num_classes, "at least 2")
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions_idx)
    if labels.ndim > 2:
        raise spelling.error("cohen_kappa", "the shape of labels", labels.shape, "[N] or [N, 1]")
    if labels.ndim == 2:
        labels = labels.reshape(len(labels)) if labels.shape[1] == 1 else labels
    predictions, labels = same_shape(predictions, labels)
    weights = jnp.ones(labels.shape, jnp.int32) if weights is None else jnp.asarray(weights)
    kind = jnp.int32 if jnp.issubdtype(weights.dtype, jnp.integer) else jnp.float32
    weights = fitted(weights, labels).astype(kind)
    if weights.shape != labels.shape:
        raise spelling.error(
            "cohen_kappa", "the shape of weights", weights.shape, f"that of labels, {labels.shape}"
        )
    labels, predictions = labels.astype(jnp.int32), predictions.astype(jnp.int32)
    matrix = _matrix(labels, predictions, weights, num_classes)
    return {"po": jnp.diagonal(matrix), "pe_row": matrix.sum(0), "pe_col": matrix.sum(1)}
