"""Metrics of the `k` likeliest classes against a set of labels per example."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

import nn
from nn import spelling
from nn.graph import Array
from slim.metrics.arguments import broadcast, quotient
from slim.metrics.streaming import State, streaming

Labels = ArrayLike | nn.SparseTensor


def _name(what: str, k: int | None, class_id: int | None = None) -> str:
    """TensorFlow's names: `recall_at_3`, `precision_at_k_class1` ..."""
    return f"{what}_at_{'k' if k is None else k}" + (
        "" if class_id is None else f"_class{class_id}"
    )


def _set(values: Labels) -> tuple[Array, Array]:
    """Numbers `[..., n]`, and which of them are elements of the set: each once."""
    if isinstance(values, nn.SparseTensor):
        mark = jnp.ones_like(jnp.asarray(values.values), dtype=bool)
        values, there = values.to_dense(), values._replace(values=mark).to_dense()
    else:
        values = jnp.asarray(values)
        there = jnp.ones(values.shape, bool)
    values = values.astype(jnp.int32)
    same = (values[..., :, None] == values[..., None, :]) & there[..., None, :]
    return values, there & ~jnp.any(jnp.tril(same, -1), -1)


def _compared(
    labels: Labels, top: ArrayLike, class_id: int | None = None
) -> tuple[Array, Array, Array]:
    """`[...]`: how many elements are in both sets, in the labels alone, in the top alone."""
    (y, is_y), (t, is_t) = _set(_with_axis(labels, top)), _set(top)
    _check(y, t)
    if class_id is not None:
        is_y, is_t = is_y & (y == class_id), is_t & (t == class_id)
    equal = (y[..., :, None] == t[..., None, :]) & is_y[..., :, None] & is_t[..., None, :]
    both = jnp.sum(equal, (-1, -2))
    counts = both, jnp.sum(is_y, -1) - both, jnp.sum(is_t, -1) - both
    return tuple(count.astype(jnp.float32) for count in counts)  # type: ignore[return-value]


def _check(labels: Array, top: Array) -> None:
    if labels.shape[:-1] != top.shape[:-1]:
        raise ValueError(
            f"labels has shape {labels.shape} and the predictions {top.shape}: expected the same "
            "sizes before the last axis."
        )


def _with_axis(labels: Labels, top: ArrayLike) -> Labels:
    """The labels with an axis for those of one example, be there only one."""
    rank = np.ndim(top)
    if isinstance(labels, nn.SparseTensor):
        if len(labels.dense_shape) != rank - 1:
            return labels
        indices = jnp.asarray(labels.indices)
        indices = jnp.concatenate([indices, jnp.zeros_like(indices[:, :1])], 1)
        return nn.SparseTensor(indices, labels.values, (*labels.dense_shape, 1))
    labels = jnp.asarray(labels)
    if rank not in (labels.ndim, labels.ndim + 1):
        raise ValueError(
            f"labels has shape {labels.shape} and the predictions {np.shape(top)}: expected "
            "[..., labels of one example], or [...]."
        )
    return labels if rank == labels.ndim else labels[..., None]


def _top(predictions: ArrayLike, k: int) -> Array:
    return jax.lax.top_k(jnp.asarray(predictions), k)[1]


def _sums(
    labels: Labels,
    top: ArrayLike,
    other: str,
    weights: ArrayLike | None,
    class_id: int | None,
    k: int | None = None,
) -> State:
    """True positives, and the other count, weighted."""
    both, labels_alone, top_alone = _compared(labels, top, class_id)
    parts = {"true_positive": both, "false_negative": labels_alone, "false_positive": top_alone}
    each = broadcast(weights, both)
    return {
        _name(name, k, class_id): jnp.sum(parts[name] * each) for name in ("true_positive", other)
    }


def _share(state: State) -> Array:
    """True positives among both counts; NaN where both are 0."""
    (positives,) = (part for name, part in state.items() if name.startswith("true_positive"))
    return positives / jnp.sum(jnp.stack(list(state.values())))


def _at_k(what: str) -> ...:
    return streaming(lambda k, class_id: _name(what, k, class_id), _share)


def _at_top_k(what: str) -> ...:
    return streaming(lambda class_id: _name(what, None, class_id), _share)


@_at_k("recall")
def streaming_sparse_recall_at_k(
    predictions: ArrayLike,
    labels: Labels,
    k: int,
    class_id: int | None = None,
    weights: ArrayLike | None = None,
) -> State:
    """Return how many of the labels are among the `k` likeliest classes: tp / (tp + fn).

    Args:
      predictions: `[..., classes]`; of equal ones the first counts as likelier.
      labels: `[..., labels of one example]`, class numbers; or `[...]`; or an `nn.SparseTensor`,
        where examples have different numbers of labels.
      k: how many classes.
      class_id: only count this class.
      weights: a scalar, or `[...]` with sizes that are the same or 1.

    Returns:
      The metric; NaN as long as there is nothing to count.

    Source: `slim.metrics.streaming_sparse_recall_at_k`.

    >>> recall = slim.metrics.functional(slim.metrics.streaming_sparse_recall_at_k, k=2)
    >>> float(recall(jnp.array([[0.1, 0.6, 0.3]]), jnp.array([[0, 1]])))
    0.5
    """
    return _sums(labels, _top(predictions, k), "false_negative", weights, class_id, k)


@_at_k("precision")
def streaming_sparse_precision_at_k(
    predictions: ArrayLike,
    labels: Labels,
    k: int,
    class_id: int | None = None,
    weights: ArrayLike | None = None,
) -> State:
    """Return how many of the `k` likeliest classes are among the labels: tp / (tp + fp).

    The arguments are those of `streaming_sparse_recall_at_k`.

    Source: `slim.metrics.streaming_sparse_precision_at_k`.

    >>> precision = slim.metrics.functional(slim.metrics.streaming_sparse_precision_at_k, k=1)
    >>> float(precision(jnp.array([[0.1, 0.6, 0.3]]), jnp.array([[0, 1]])))
    1.0
    """
    return _sums(labels, _top(predictions, k), "false_positive", weights, class_id, k)


@_at_top_k("precision")
def streaming_sparse_precision_at_top_k(
    top_k_predictions: ArrayLike,
    labels: Labels,
    class_id: int | None = None,
    weights: ArrayLike | None = None,
) -> State:
    """Return `streaming_sparse_precision_at_k`, given the numbers of the top classes, `[..., k]`.

    Source: `slim.metrics.streaming_sparse_precision_at_top_k`.

    >>> precision = slim.metrics.functional(slim.metrics.streaming_sparse_precision_at_top_k)
    >>> float(precision(jnp.array([[1, 2]]), jnp.array([[0, 1]])))
    0.5
    """
    return _sums(labels, top_k_predictions, "false_positive", weights, class_id)


@_at_top_k("recall")
def sparse_recall_at_top_k(
    labels: Labels,
    top_k_predictions: ArrayLike,
    class_id: int | None = None,
    weights: ArrayLike | None = None,
) -> State:
    """Return `streaming_sparse_recall_at_k`, given the numbers of the top classes, `[..., k]`.

    Source: `slim.metrics.sparse_recall_at_top_k`.

    >>> recall = slim.metrics.functional(slim.metrics.sparse_recall_at_top_k)
    >>> float(recall(jnp.array([[0, 1]]), jnp.array([[1, 2]])))
    0.5
    """
    return _sums(labels, top_k_predictions, "false_negative", weights, class_id)


def _averages(
    top: ArrayLike, labels: Labels, weights: ArrayLike | None, most: str = "max"
) -> State:
    """The average precision of each example, weighted and summed; `most` names its largest sum."""
    top = jnp.asarray(top).astype(jnp.int32)
    if not top.ndim:
        raise spelling.error("average precision", "the shape of predictions", top.shape, "[..., k]")
    labels = _with_axis(labels, top)
    y, is_y = _set(labels)
    _check(y, top)
    relevant = jnp.any((top[..., :, None] == y[..., None, :]) & is_y[..., None, :], -1)
    relevant = relevant.astype(jnp.float32)
    precision = jnp.cumsum(relevant, -1) / jnp.cumsum(jnp.ones_like(relevant), -1)
    # As TensorFlow: of a set, its size; of an array, all labels that are not negative.
    number = jnp.sum(is_y if isinstance(labels, nn.SparseTensor) else y >= 0, -1)
    number = jnp.minimum(number, top.shape[-1]).astype(jnp.float32)
    average = jnp.sum(precision * relevant, -1) / number
    each = broadcast(weights, average)
    return {most: jnp.sum(each), "total": jnp.sum(average * each)}


def _mean(most: str) -> Callable[[State], Array]:
    return lambda state: quotient(state["total"], state[most])


@streaming(lambda k: _name("average_precision", k), _mean("max_1"))
def streaming_sparse_average_precision_at_k(
    predictions: ArrayLike, labels: Labels, k: int, weights: ArrayLike | None = None
) -> State:
    """Return the weighted mean of the average precision of the `k` likeliest classes.

    An example's average precision is the sum of the precisions at each place up to `k` that holds a
    label, divided by the number of its labels or by `k`, whichever is less. The arguments are those
    of `streaming_sparse_recall_at_k`.

    Source: `slim.metrics.streaming_sparse_average_precision_at_k`.

    >>> metric = slim.metrics.functional(slim.metrics.streaming_sparse_average_precision_at_k, k=2)
    >>> float(metric(jnp.array([[0.1, 0.6, 0.3]]), jnp.array([[0, 2]])))
    0.25
    """
    if k < 1:
        raise spelling.error("streaming_sparse_average_precision_at_k", "k", k, "at least 1")
    classes = np.shape(predictions)[-1]
    if isinstance(labels, nn.SparseTensor):
        values = jnp.asarray(labels.values)
        labels = labels._replace(values=jnp.where(values >= classes, -1, values))
    else:
        labels = jnp.where(jnp.asarray(labels) >= classes, -1, jnp.asarray(labels))
    return _averages(_top(predictions, k), labels, weights, "max_1")  # an op of TF's is `max`


@streaming("average_precision_at_top_k", _mean("max"))
def streaming_sparse_average_precision_at_top_k(
    top_k_predictions: ArrayLike, labels: Labels, weights: ArrayLike | None = None
) -> State:
    """Return the mean average precision, given the numbers of the top classes, `[..., k]`.

    Source: `slim.metrics.streaming_sparse_average_precision_at_top_k`.

    >>> metric = slim.metrics.functional(slim.metrics.streaming_sparse_average_precision_at_top_k)
    >>> float(metric(jnp.array([[1, 2]]), jnp.array([[0, 2]])))
    0.25
    """
    return _averages(top_k_predictions, labels, weights)
