"""Metrics that are a weighted mean of something, and those made of second moments."""

import functools
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.metrics.arguments import broadcast, fitted, quotient, same_shape, same_type
from slim.metrics.streaming import State, streaming


def averaged(values: ArrayLike, weights: ArrayLike | None) -> State:
    """What a batch adds to a weighted mean."""
    values = jnp.asarray(values).astype(jnp.float32)
    each = broadcast(fitted(weights, values), values)
    return {"total": jnp.sum(values * each), "count": jnp.sum(each)}


def mean(state: State) -> Array:
    """The weighted mean so far; 0 where there is no weight."""
    return quotient(state["total"], jnp.maximum(state["count"], 0))


_averaging = functools.partial(streaming, value=mean)


@_averaging("mean")
def streaming_mean(values: ArrayLike, weights: ArrayLike | None = None) -> State:
    """Return the weighted mean of `values` over all batches.

    Source: `slim.metrics.streaming_mean`.

    >>> float(slim.metrics.functional(slim.metrics.streaming_mean)(jnp.array([1.0, 2.0])))
    1.5
    """
    return averaged(values, weights)


@streaming(
    "mean",
    lambda state: quotient(state["total_tensor"], jnp.maximum(state["count_tensor"], 0)),
)
def streaming_mean_tensor(values: ArrayLike, weights: ArrayLike | None = None) -> State:
    """Return, element by element, the weighted mean of `values` over all batches.

    Source: `slim.metrics.streaming_mean_tensor`.

    >>> slim.metrics.functional(slim.metrics.streaming_mean_tensor)(jnp.array([1.0, 2.0]))
    Array([1., 2.], dtype=float32)
    """
    values = jnp.asarray(values).astype(jnp.float32)
    each = broadcast(fitted(weights, values), values)
    return {"total_tensor": values * each, "count_tensor": each}


@streaming("count", lambda state: state["count"])
def count(values: ArrayLike, weights: ArrayLike | None = None) -> State:
    """Return the number of values of all batches, or the sum of their weights.

    Source: `slim.metrics.count`.

    >>> float(slim.metrics.functional(slim.metrics.count)(jnp.array([1.0, 2.0])))
    2.0
    """
    return {"count": averaged(values, weights)["count"]}


@_averaging("accuracy")
def streaming_accuracy(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted share of the predictions that equal their label.

    The predictions are cast to the dtype of the labels first.

    Source: `slim.metrics.streaming_accuracy`.

    >>> accuracy = slim.metrics.functional(slim.metrics.streaming_accuracy)
    >>> round(float(accuracy(jnp.array([1, 2, 3]), jnp.array([1, 2, 0]))), 4)
    0.6667
    """
    predictions, labels = same_shape(predictions, labels)
    return averaged(predictions.astype(labels.dtype) == labels, weights)


@_averaging("mean_absolute_error")
def streaming_mean_absolute_error(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted mean of `|predictions - labels|`.

    Source: `slim.metrics.streaming_mean_absolute_error`.

    >>> error = slim.metrics.functional(slim.metrics.streaming_mean_absolute_error)
    >>> float(error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])))
    1.5
    """
    return averaged(jnp.abs(_difference(predictions, labels)), weights)


@_averaging("mean_squared_error")
def streaming_mean_squared_error(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the weighted mean of `(predictions - labels) ** 2`.

    Source: `slim.metrics.streaming_mean_squared_error`.

    >>> error = slim.metrics.functional(slim.metrics.streaming_mean_squared_error)
    >>> float(error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])))
    2.5
    """
    return averaged(jnp.square(_difference(predictions, labels)), weights)


@_averaging("root_mean_squared_error", value=lambda state: jnp.sqrt(mean(state)))
def streaming_root_mean_squared_error(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the root of the weighted mean of `(predictions - labels) ** 2`.

    Source: `slim.metrics.streaming_root_mean_squared_error`.

    >>> error = slim.metrics.functional(slim.metrics.streaming_root_mean_squared_error)
    >>> float(error(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])))
    2.0
    """
    return averaged(jnp.square(_difference(predictions, labels)), weights)


@_averaging("mean_relative_error")
def streaming_mean_relative_error(
    predictions: ArrayLike,
    labels: ArrayLike,
    normalizer: ArrayLike,
    weights: ArrayLike | None = None,
) -> State:
    """Return the weighted mean of `|labels - predictions| / normalizer`, 0 where that is 0.

    Source: `slim.metrics.streaming_mean_relative_error`.

    >>> error = slim.metrics.functional(slim.metrics.streaming_mean_relative_error)
    >>> float(error(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]), normalizer=jnp.array([4.0, 0.0])))
    0.25
    """
    difference = jnp.abs(_difference(predictions, labels))
    difference, normalizer = same_shape(difference, normalizer, "normalizer")
    return averaged(quotient(difference, normalizer), weights)


@_averaging("mean_cosine_distance", value=lambda state: 1 - mean(state))
def streaming_mean_cosine_distance(
    predictions: ArrayLike, labels: ArrayLike, dim: int, weights: ArrayLike | None = None
) -> State:
    """Return one minus the weighted mean of `sum(predictions * labels)` along the axis `dim`.

    Both are of unit length along it. The weights have size 1 there.

    Source: `slim.metrics.streaming_mean_cosine_distance`.

    >>> distance = slim.metrics.functional(slim.metrics.streaming_mean_cosine_distance, dim=1)
    >>> float(distance(jnp.eye(2), jnp.array([[1.0, 0.0], [1.0, 0.0]])))
    0.5
    """
    predictions, labels = same_shape(predictions, labels)
    same_type(predictions, labels)
    axis = spelling.axes("streaming_mean_cosine_distance", "dim", [dim], predictions.ndim)
    return averaged(jnp.sum(predictions * labels, axis, keepdims=True), weights)


@_averaging("percentage_below_threshold")
def streaming_percentage_less(
    values: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> State:
    """Return the weighted share of the values that are below `threshold`.

    Source: `slim.metrics.streaming_percentage_less`.

    >>> less = slim.metrics.functional(slim.metrics.streaming_percentage_less, threshold=2.5)
    >>> float(less(jnp.array([1.0, 2.0, 3.0, 4.0])))
    0.5
    """
    return averaged(jnp.asarray(values) < threshold, weights)


@_averaging(lambda k: f"recall_at_{k:d}")
def streaming_recall_at_k(
    predictions: ArrayLike, labels: ArrayLike, k: int, weights: ArrayLike | None = None
) -> State:
    """Return the weighted share of the examples whose label is among the `k` likeliest classes.

    Predictions are `[N, K]`, labels `[N]`, integers. Of equal predictions none is preferred: a
    label counts where fewer than `k` classes are likelier.

    Source: `slim.metrics.streaming_recall_at_k`.

    >>> recall = slim.metrics.functional(slim.metrics.streaming_recall_at_k, k=2)
    >>> float(recall(jnp.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]), jnp.array([2, 0])))
    0.5
    """
    predictions, labels = jnp.asarray(predictions), jnp.asarray(labels)
    if predictions.ndim != 2 or labels.shape != predictions.shape[:1]:
        raise ValueError(
            f"predictions has shape {predictions.shape} and labels {labels.shape}: expected "
            "[N, K] and [N]."
        )
    is_class = (labels >= 0) & (labels < predictions.shape[1])
    own = jnp.take_along_axis(predictions, labels[:, None], axis=1, mode="clip")
    likelier = jnp.sum(predictions > own, axis=1)
    known = jnp.isfinite(own[:, 0])  # as in TensorFlow, a NaN or an infinity is never at the top
    return averaged((likelier < k) & is_class & known, weights)


def _difference(predictions: ArrayLike, labels: ArrayLike) -> Array:
    predictions, labels = same_shape(predictions, labels)
    same_type(predictions, labels)
    return predictions - labels


# Second moments -----------------------------------------------------------------------------------


def _moments(predictions: Array, labels: Array, weights: Array, prefix: str = "") -> State:
    """The weight, the two means and the sum of products around them of one batch."""
    n = jnp.sum(weights)
    p = quotient(jnp.sum(predictions * weights), n)
    y = quotient(jnp.sum(labels * weights), n)
    comoment = jnp.sum((predictions - p) * (labels - y) * weights)
    parts = {"count": n, "mean_prediction": p, "mean_label": y, "comoment": comoment}
    return {prefix + name: part for name, part in parts.items()}


def _joined(state: State, batch: State, prefix: str = "") -> State:
    """The moments of two sets of numbers taken together."""
    names = ("count", "mean_prediction", "mean_label", "comoment")
    n, p, y, c = (state[prefix + name] for name in names)
    m, q, z, d = (batch[prefix + name] for name in names)
    comoment = c + d + (p - q) * (y - z) * quotient(n * m, n + m)
    parts = (n + m, p + quotient((q - p) * m, n + m), y + quotient((z - y) * m, n + m), comoment)
    return {prefix + name: part for name, part in zip(names, parts, strict=True)}


def _covariance(state: State, prefix: str = "") -> Array:
    n = state[prefix + "count"]
    return jnp.where(n <= 1, jnp.nan, state[prefix + "comoment"] / jnp.where(n <= 1, 1.0, n - 1))


def _pairs(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> tuple[Array, Array, Array]:
    predictions, labels = same_shape(predictions, labels)
    same_type(predictions, labels)
    return predictions, labels, broadcast(fitted(weights, predictions), labels)


@streaming("covariance", _covariance, merge=_joined)
def streaming_covariance(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the unbiased sample covariance of predictions and labels.

    The weights are frequencies: the sum of products is divided by their sum less 1. It is NaN as
    long as that sum is not above 1.

    Source: `slim.metrics.streaming_covariance`.

    >>> covariance = slim.metrics.functional(slim.metrics.streaming_covariance)
    >>> float(covariance(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 4.0, 6.0])))
    2.0
    """
    return _moments(*_pairs(predictions, labels, weights))


_PARTS = ("covariance/", "variance_predictions/", "variance_labels/")


def _correlation(state: State) -> Array:
    both, predictions, labels = (_covariance(state, part) for part in _PARTS)
    return both / (jnp.sqrt(predictions) * jnp.sqrt(labels))


def _all_joined(state: State, batch: State) -> State:
    return {k: v for part in _PARTS for k, v in _joined(state, batch, part).items()}


@streaming("pearson_r", _correlation, merge=_all_joined)
def streaming_pearson_correlation(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> State:
    """Return the correlation coefficient of predictions and labels.

    Weights as in `streaming_covariance`.

    Source: `slim.metrics.streaming_pearson_correlation`.

    >>> correlation = slim.metrics.functional(slim.metrics.streaming_pearson_correlation)
    >>> round(float(correlation(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 4.0, 6.0]))), 4)
    1.0
    """
    p, y, w = _pairs(predictions, labels, weights)
    both, predictions_, labels_ = _PARTS
    return _moments(p, y, w, both) | _moments(p, p, w, predictions_) | _moments(y, y, w, labels_)


# One batch ----------------------------------------------------------------------------------------


def accuracy(
    predictions: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    name: str | None = None,
) -> Array:
    """Return the weighted share of the predictions of one batch that equal their label.

    Args:
      predictions: of any shape, integers or booleans.
      labels: of the same shape and dtype.
      weights: anything that broadcasts with them.
      name: accepted as in TensorFlow, and not needed.

    Raises:
      ValueError: labels that are floats, or of another dtype than the predictions.

    Source: `slim.metrics.accuracy`.

    >>> float(slim.metrics.accuracy(jnp.array([1, 2]), jnp.array([1, 3])))
    0.5
    """
    del name
    predictions, labels = jnp.asarray(predictions), jnp.asarray(labels)
    if not (jnp.issubdtype(labels.dtype, jnp.integer) or labels.dtype == jnp.bool):
        raise spelling.error("accuracy", "the dtype of labels", labels.dtype, "integers or bools")
    if predictions.dtype != labels.dtype:
        raise spelling.error(
            "accuracy",
            "the dtype of predictions",
            predictions.dtype,
            f"that of labels, {labels.dtype}",
        )
    if predictions.shape != labels.shape:
        raise spelling.error(
            "accuracy",
            "the shape of predictions",
            predictions.shape,
            f"that of labels, {labels.shape}",
        )
    is_correct = (predictions == labels).astype(jnp.float32)
    each = jnp.asarray(1.0 if weights is None else weights).astype(jnp.float32)
    return jnp.sum(is_correct * each) / jnp.sum(each * jnp.ones_like(is_correct))


def aggregate_metrics(*value_update_tuples: tuple[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Return the values and the updates of several metrics, as two lists.

    Raises:
      ValueError: there are none.

    Source: `slim.metrics.aggregate_metrics`.

    >>> slim.metrics.aggregate_metrics((1, 2), (3, 4))
    ([1, 3], [2, 4])
    """
    if not value_update_tuples:
        raise ValueError("aggregate_metrics: expected at least one pair, (value, update).")
    values, updates = zip(*value_update_tuples, strict=True)
    return list(values), list(updates)


def aggregate_metric_map(
    names_to_tuples: dict[str, tuple[Any, Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values and the updates of several metrics by name, as two dicts.

    Raises:
      ValueError: there are none.

    Source: `slim.metrics.aggregate_metric_map`.

    >>> slim.metrics.aggregate_metric_map({'a': (1, 2), 'b': (3, 4)})
    ({'a': 1, 'b': 3}, {'a': 2, 'b': 4})
    """
    values, updates = aggregate_metrics(*names_to_tuples.values())
    return (
        dict(zip(names_to_tuples, values, strict=True)),
        dict(zip(names_to_tuples, updates, strict=True)),
    )
