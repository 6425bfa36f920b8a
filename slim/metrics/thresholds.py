"""Metrics of two classes at given thresholds: counts of each condition, and rates."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn.graph import Array
from slim.metrics.arguments import between, broadcast, fitted, same_shape
from slim.metrics.confusion import CONDITIONS
from slim.metrics.streaming import State, streaming

TP, FN, TN, FP = CONDITIONS
EPSILON = 1e-7  # in quotients


def counts(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None,
    conditions: Sequence[str] = tuple(CONDITIONS),
    unread: Sequence[str] = (),
) -> State:
    """`[T]` for each condition: the weights of its examples at each threshold, summed.

    Those in `unread` are variables that stay 0: TensorFlow runs no update that nothing reads.
    """
    predictions, labels = same_shape(
        jnp.asarray(predictions).astype(jnp.float32), jnp.asarray(labels).astype(bool)
    )
    each = broadcast(fitted(weights, predictions), predictions).reshape(1, -1)
    are = predictions.reshape(1, -1) > jnp.asarray(thresholds, jnp.float32)[:, None]
    labels = labels.reshape(1, -1)
    sums = {
        name: jnp.sum(CONDITIONS[name](labels, are).astype(jnp.float32) * each, axis=1)
        for name in CONDITIONS
        if name in conditions
    }
    return sums | {name: jnp.zeros_like(sums[name]) for name in unread}


def counts_of_probabilities(predictions: ArrayLike, *others: Any, **more: Any) -> State:
    """As above, where TensorFlow insists on predictions in [0, 1]."""
    between("predictions", jnp.asarray(predictions), 0, 1)
    return counts(predictions, *others, **more)


def _at(condition: str) -> Any:
    return streaming(None, lambda state: state[condition], also=())


@_at(TP)
def streaming_true_positives_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, the weighted number of positives predicted above it, `[T]`.

    Source: `slim.metrics.streaming_true_positives_at_thresholds`.

    >>> counts = slim.metrics.functional(
    ...     slim.metrics.streaming_true_positives_at_thresholds, thresholds=[0.3, 0.7])
    >>> counts(jnp.array([0.2, 0.5, 0.9]), jnp.array([0, 1, 1]))
    Array([2., 1.], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [TP])


@_at(FN)
def streaming_false_negatives_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, the weighted number of positives not predicted above it, `[T]`.

    Source: `slim.metrics.streaming_false_negatives_at_thresholds`.

    >>> counts = slim.metrics.functional(
    ...     slim.metrics.streaming_false_negatives_at_thresholds, thresholds=[0.3, 0.7])
    >>> counts(jnp.array([0.2, 0.5, 0.9]), jnp.array([0, 1, 1]))
    Array([0., 1.], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [FN])


@_at(FP)
def streaming_false_positives_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, the weighted number of negatives predicted above it, `[T]`.

    Source: `slim.metrics.streaming_false_positives_at_thresholds`.

    >>> counts = slim.metrics.functional(
    ...     slim.metrics.streaming_false_positives_at_thresholds, thresholds=[0.3, 0.7])
    >>> counts(jnp.array([0.5, 0.5, 0.9]), jnp.array([0, 1, 1]))
    Array([1., 0.], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [FP])


@_at(TN)
def streaming_true_negatives_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, the weighted number of negatives not predicted above it, `[T]`.

    Source: `slim.metrics.streaming_true_negatives_at_thresholds`.

    >>> counts = slim.metrics.functional(
    ...     slim.metrics.streaming_true_negatives_at_thresholds, thresholds=[0.3, 0.7])
    >>> counts(jnp.array([0.5, 0.5, 0.9]), jnp.array([0, 1, 1]))
    Array([0., 1.], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [TN])


def share(first: str, second: str) -> Callable[[State], Array]:
    """The first count's share of both, per threshold."""
    return lambda state: state[first] / (EPSILON + state[first] + state[second])


@streaming("precision_at_thresholds", share(TP, FP))
def streaming_precision_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, how many of those predicted above it are positive, `[T]`.

    Source: `slim.metrics.streaming_precision_at_thresholds`.

    >>> precision = slim.metrics.functional(
    ...     slim.metrics.streaming_precision_at_thresholds, thresholds=[0.3, 0.7])
    >>> precision(jnp.array([0.5, 0.5, 0.2]), jnp.array([0, 1, 1]))
    Array([0.5, 0. ], dtype=float32)
    """
    return counts_of_probabilities(predictions, labels, thresholds, weights, [TP, FP])


@streaming("recall_at_thresholds", share(TP, FN))
def streaming_recall_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, how many of the positives were predicted above it, `[T]`.

    Source: `slim.metrics.streaming_recall_at_thresholds`.

    >>> recall = slim.metrics.functional(
    ...     slim.metrics.streaming_recall_at_thresholds, thresholds=[0.3, 0.7])
    >>> recall(jnp.array([0.5, 0.5, 0.2]), jnp.array([0, 1, 1]))
    Array([0.5, 0. ], dtype=float32)
    """
    return counts_of_probabilities(predictions, labels, thresholds, weights, [TP, FN])


@streaming("false_positive_rate_at_thresholds", share(FP, TN))
def streaming_false_positive_rate_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, how many of the negatives were predicted above it, `[T]`.

    Source: `slim.metrics.streaming_false_positive_rate_at_thresholds`.

    >>> rate = slim.metrics.functional(
    ...     slim.metrics.streaming_false_positive_rate_at_thresholds, thresholds=[0.3, 0.7])
    >>> rate(jnp.array([0.5, 0.1, 0.2]), jnp.array([0, 0, 1]))
    Array([0.5, 0. ], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [FP, TN])


@streaming("false_negative_rate_at_thresholds", share(FN, TP))
def streaming_false_negative_rate_at_thresholds(
    predictions: ArrayLike,
    labels: ArrayLike,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
) -> State:
    """Return, per threshold, how many of the positives were not predicted above it, `[T]`.

    Source: `slim.metrics.streaming_false_negative_rate_at_thresholds`.

    >>> rate = slim.metrics.functional(
    ...     slim.metrics.streaming_false_negative_rate_at_thresholds, thresholds=[0.3, 0.7])
    >>> rate(jnp.array([0.5, 0.1, 0.2]), jnp.array([1, 1, 0]))
    Array([0.5, 1. ], dtype=float32)
    """
    return counts(predictions, labels, thresholds, weights, [FN, TP])
