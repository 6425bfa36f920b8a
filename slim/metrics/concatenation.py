"""Metrics that keep every value they were given: concatenation, and exact areas under a curve."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.metrics.arguments import between, broadcast, fitted, same_shape
from slim.metrics.curves import check_curve
from slim.metrics.streaming import State, streaming
from slim.metrics.thresholds import EPSILON


def _empty(batch: State, max_size: int | None = None) -> State:
    """No rows; with a largest number of rows, room for them."""
    return {
        name: jnp.zeros(part.shape and (max_size or 0, *part.shape[1:]), part.dtype)
        for name, part in batch.items()
    }


def _appended(state: State, batch: State, max_size: int | None = None) -> State:
    """The rows of both: arrays that grow, or ones of a fixed size as far as there is room."""
    after = {}
    for name, part in batch.items():
        if not part.ndim:
            total = state[name] + part
            after[name] = total if max_size is None else jnp.minimum(total, max_size)
        elif max_size is None:
            after[name] = jnp.concatenate([state[name], part])
        else:
            size = state[name.replace("array", "size")]
            after[name] = state[name].at[size + jnp.arange(len(part))].set(part, mode="drop")
    return after


def _rows(values: Array, prefix: str = "") -> State:
    return {f"{prefix}array": values, f"{prefix}size": jnp.int32(len(values))}


def _concatenated(state: State, axis: int, max_size: int | None) -> Array:
    array, size = state["array"], state["size"]
    if max_size is not None and not isinstance(size, Tracer):
        array = array[: int(size)]
    return jnp.moveaxis(array, 0, axis)


@streaming(
    "streaming_concat",
    _concatenated,
    start=_empty,
    merge=_appended,
    update_value=lambda state: state["size"],
)
def streaming_concat(values: ArrayLike, axis: int = 0, max_size: int | None = None) -> State:
    """Return the values of all batches, one behind the other.

    JAX needs to know sizes beforehand. With a `max_size` a buffer of that size is kept, which a
    `lax.scan` can carry; inside a `jit`, where its filling is not known, the value is the whole
    buffer, of which the first `size` count. Without a `max_size` the state grows with every batch,
    and a jitted function is compiled anew for every size.

    Args:
      values: of any rank above 0.
      axis: along which to concatenate.
      max_size: the largest number of values along it; further ones are dropped.

    Returns:
      The values, and their number, `size`.

    Source: `slim.metrics.streaming_concat`.

    >>> concat = slim.metrics.functional(slim.metrics.streaming_concat)
    >>> state = concat.update(concat.init(jnp.ones(2)), jnp.ones(2))
    >>> concat.value(concat.update(state, jnp.zeros(1)))
    Array([1., 1., 0.], dtype=float32)
    """
    values = jnp.asarray(values)
    if not -values.ndim <= axis < values.ndim:
        raise spelling.error(
            "streaming_concat", "axis", axis, f"an axis of values, whose shape is {values.shape}"
        )
    return _rows(jnp.moveaxis(values, axis, 0))


# Exact areas --------------------------------------------------------------------------------------


def _examples(labels: Array, predictions: Array, weights: Array | None) -> State:
    """The rows that are kept, one number per example."""
    labels = labels.astype(jnp.int32).ravel()
    between("labels", labels, 0, 1)
    state = _rows(predictions.astype(jnp.float32).ravel(), "concat_preds/")
    state |= _rows(labels, "concat_labels/")
    return state if weights is None else state | _rows(weights.ravel(), "concat_weights/")


def _sorted(state: State) -> tuple[Array, Array, Array]:
    """Predictions in ascending order, with their labels (0 or 1) and weights."""
    predictions = state["concat_preds/array"]
    order = jnp.argsort(predictions)
    labels = state["concat_labels/array"].astype(jnp.float32)
    weights = state.get("concat_weights/array", jnp.ones_like(labels))
    return predictions[order], labels[order], weights[order]


def _dynamic_auc(state: State, curve: str) -> Array:
    predictions, labels, weights = (x[::-1] for x in _sorted(state))
    n = len(predictions)
    true, total = jnp.cumsum(weights * labels), jnp.cumsum(weights)
    positive = jnp.sum(weights * labels)
    negative = jnp.sum(weights) - positive
    if curve == "ROC":
        x, y, first = (total - true) / negative, true / positive, 0.0
    else:
        x, y, first = true / positive, true / total, 1.0
    # The curve has a corner behind the last of equal predictions; -1 is where it begins.
    is_corner = jnp.append(predictions[1:] != predictions[:-1], jnp.ones(min(n, 1), bool))
    corners = jax.lax.cummax(jnp.where(is_corner, jnp.arange(n), -1))
    before = jnp.append(jnp.full(min(n, 1), -1), corners[:-1])
    x_before = jnp.where(before < 0, 0.0, x[before])
    y_before = jnp.where(before < 0, first, y[before])
    parts = jnp.where(is_corner, (y + y_before) / 2 * jnp.abs(x - x_before), 0.0)
    return jnp.where((positive == 0) | (negative == 0), 0.0, jnp.sum(parts))


@streaming("dynamic_auc", _dynamic_auc, start=_empty, merge=_appended)
def streaming_dynamic_auc(
    labels: ArrayLike,
    predictions: ArrayLike,
    curve: str = "ROC",
    metrics_collections: Any = (),
    updates_collections: Any = (),
    name: str | None = None,
    weights: ArrayLike | None = None,
) -> State:
    """Return the exact area under a curve, whose thresholds are the predictions themselves.

    It keeps all examples: as for `streaming_concat`, the state grows with every batch.

    Args:
      labels: 0 or 1.
      predictions: of the same shape.
      curve: 'ROC' or 'PR'.
      metrics_collections: the collections to add the value to.
      updates_collections: the collections to add the value after this batch to.
      name: the variable scope.
      weights: of the same shape.

    Returns:
      The area; 0 as long as all labels are the same.

    Source: `slim.metrics.streaming_dynamic_auc`.

    >>> auc = slim.metrics.functional(slim.metrics.streaming_dynamic_auc)
    >>> float(auc(jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.35, 0.8])))
    0.75
    """
    check_curve("streaming_dynamic_auc", curve)
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(
            f"labels has shape {labels.shape} and predictions {predictions.shape}: expected the "
            "same."
        )
    if weights is not None:
        weights = jnp.asarray(weights).astype(jnp.float32)
        if weights.size != labels.size:
            raise spelling.error(
                "streaming_dynamic_auc", "the shape of weights", weights.shape, f"{labels.shape}"
            )
    return _examples(labels, predictions, weights)


class AucData(NamedTuple):
    """What `auc_with_confidence_intervals` returns: the area, and the ends of its interval.

    >>> slim.metrics.AucData(0.75, 0.5, 1.0).auc
    0.75
    """

    auc: Array
    lower: Array
    upper: Array


def _with_interval(state: State, alpha: float, logit_transformation: bool) -> AucData:
    """The area, and its interval by DeLong's method: from how the classes place each other."""
    predictions, labels, weights = _sorted(state)
    n = len(predictions)
    both = jnp.stack([weights * (1 - labels), weights * labels])  # [class, example]
    totals = both.sum(1)
    # The share of the other class below a prediction; of equal ones, half.
    group = jnp.cumsum(jnp.append(jnp.zeros(min(n, 1), bool), predictions[1:] != predictions[:-1]))
    in_group = jax.vmap(lambda w: jax.ops.segment_sum(w, group, n))(both)
    below = jnp.cumsum(in_group, 1) - in_group
    placed = ((below + in_group / 2) / (totals[:, None] + EPSILON))[::-1, group]
    placed = jnp.stack([1 - placed[0], placed[1]])
    areas = jnp.sum(both * placed, 1) / (totals + EPSILON)
    auc = jnp.where(totals[0] < totals[1], areas[1], areas[0])
    variances = jnp.sum(both * jnp.square(placed - areas[:, None]), 1) / (totals - 1 + EPSILON)
    error = jnp.sqrt(jnp.sum(variances / (totals + EPSILON)))
    z = ndtri(jnp.float32((1 - alpha) / 2))
    if logit_transformation:
        middle = jnp.log(auc / (1 - auc + EPSILON))
        width = z * error / (auc * (1 - auc + EPSILON))
        ends = [1 / (1 + jnp.exp(-x) + EPSILON) for x in (middle + width, middle - width)]
    else:
        ends = [auc + z * error, auc - z * error]
    is_extreme = (auc == 0) | (auc == 1)
    is_valid = jnp.any(labels == 0) & jnp.any(labels == 1) & (weights.sum() >= 1)
    found = [auc, *(jnp.where(is_extreme, auc, end) for end in ends)]
    return AucData(*(jnp.where(is_valid, x, 0.0) for x in found))


@streaming("auc_with_confidence_intervals", _with_interval, start=_empty, merge=_appended)
def auc_with_confidence_intervals(
    labels: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    alpha: float = 0.95,
    logit_transformation: bool = True,
    metrics_collections: Any = (),
    updates_collections: Any = (),
    name: str | None = None,
) -> State:
    """Return the exact area under the ROC curve with a confidence interval.

    It keeps all examples: as for `streaming_concat`, the state grows with every batch. A batch
    whose weights sum to less than 1 is left out.

    Args:
      labels: 0 or 1.
      predictions: of the same shape.
      weights: of the same rank with sizes that are the same or 1.
      alpha: the probability that the interval holds, above 0 and below 1.
      logit_transformation: whether to estimate it for the logit of the area.
      metrics_collections: the collections to add the value to.
      updates_collections: the collections to add the value after this batch to.
      name: the variable scope.

    Returns:
      A tuple with the fields auc, lower, upper; all 0 as long as all labels are the same or the
      weights sum to less than 1. (TensorFlow asks that of the last batch instead.)

    Source: `slim.metrics.auc_with_confidence_intervals`.

    >>> auc = slim.metrics.functional(slim.metrics.auc_with_confidence_intervals)
    >>> found = auc(jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.35, 0.8]))
    >>> [round(float(x), 3) for x in found]
    [0.75, 0.069, 0.992]
    """
    if not 0 < alpha < 1:
        raise spelling.error("auc_with_confidence_intervals", "alpha", alpha, "between 0 and 1")
    predictions, labels = same_shape(predictions, labels)
    each = broadcast(fitted(weights, predictions), predictions)
    return _examples(labels, predictions, jnp.where(each.sum() >= 1, each, 0.0))
