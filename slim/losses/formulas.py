"""The losses over a batch of predictions: each a formula, averaged by `compute_weighted_loss`."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

import nn
from nn import spelling
from nn.graph import Array
from slim.losses.collection import loss_scope, remembered


def compute_weighted_loss(
    losses: ArrayLike, weights: ArrayLike | None = 1.0, scope: str | None = None
) -> Array:
    """Return the weighted sum of `losses` over the number of them whose weight is not zero.

    Args:
      losses: `[N, ...]`.
      weights: a scalar, `[N]`, `[N, 1]`, or of any rank up to that of `losses`, with the same
        leading sizes: one weight for all the losses behind them. A last axis of size 1 is dropped.
        Where a size is 1 instead, as in `[1]`, the weight is used for all but counts once.
      scope: the name scope.

    Returns:
      A scalar of the dtype of `losses`; 0 where all weights are 0. It is added to the losses.

    Raises:
      ValueError: `weights` is None or does not fit, or `losses` is a scalar.

    Source: `slim.losses.compute_weighted_loss`.

    >>> float(slim.losses.compute_weighted_loss(jnp.array([1.0, 2.0, 6.0]), [1.0, 0.0, 2.0]))
    6.5
    """
    with loss_scope(scope, "weighted_loss"):
        losses = jnp.asarray(losses)
        weights = _weights("compute_weighted_loss", weights)
        if weights.ndim > 1 and weights.shape[-1] == 1:
            weights = weights.squeeze(-1)
        if not losses.ndim or not _fit(weights, losses):
            raise ValueError(
                f"compute_weighted_loss: losses has shape {losses.shape} and weights "
                f"{weights.shape}: expected losses [N, ...], and weights that are a scalar or have "
                "the leading sizes of losses, such as [N]."
            )
        behind = jnp.sum(losses.astype(jnp.float32), range(weights.ndim, losses.ndim))
        present = jnp.sum(weights != 0, dtype=jnp.float32)
        present *= math.prod(losses.shape[weights.ndim :])
        mean = jnp.sum(behind * weights) / jnp.maximum(present, 1.0)
        # Not only a zero: with weights of zero nothing reaches a gradient, as in TensorFlow.
        return remembered(jnp.where(present > 0, mean, 0.0).astype(losses.dtype))


def absolute_difference(
    predictions: ArrayLike,
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = 1.0,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean of `|predictions - labels|`, a float32 scalar.

    Source: `slim.losses.absolute_difference`.

    >>> float(slim.losses.absolute_difference(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])))
    1.5
    """
    with loss_scope(scope, "absolute_difference") as opened:
        difference = _difference("absolute_difference", predictions, labels)
        # Not jnp.abs, whose gradient at 0 is 1: TensorFlow's is 0.
        return compute_weighted_loss(difference * jnp.sign(difference), weights, opened)


def mean_squared_error(
    predictions: ArrayLike,
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = 1.0,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean of `(predictions - labels) ** 2`, a float32 scalar.

    Source: `slim.losses.mean_squared_error`.

    >>> float(slim.losses.mean_squared_error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])))
    2.5
    """
    with loss_scope(scope, "mean_squared_error") as opened:
        difference = _difference("mean_squared_error", predictions, labels)
        return compute_weighted_loss(jnp.square(difference), weights, opened)


def mean_pairwise_squared_error(
    predictions: ArrayLike,
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = 1.0,
    scope: str | None = None,
) -> Array:
    """Return the weighted sum, over the batch, of how far apart the errors of one example are.

    With `d = predictions - labels`, each example gives the mean of `(d_i - d_j) ** 2` over all
    `n * n` ordered pairs, which is twice the variance of its `d`. The result is the sum, not the
    mean, over the examples, a float32 scalar. `weights` is a scalar or `[N]`.

    Source: `slim.losses.mean_pairwise_squared_error`. (It takes weights of higher rank at times,
    and computes nothing meaningful from them; here they are refused.)

    >>> predictions, labels = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[0.0, 2.0, 2.0]])
    >>> round(float(slim.losses.mean_pairwise_squared_error(predictions, labels)), 4)
    0.4444
    """
    with loss_scope(scope, "mean_pairwise_squared_error"):
        difference = _difference("mean_pairwise_squared_error", predictions, labels)
        weights = _weights("mean_pairwise_squared_error", weights)
        if not difference.ndim or weights.ndim > 1 or not _fit(weights, difference):
            raise ValueError(
                f"mean_pairwise_squared_error: predictions has shape {difference.shape} and "
                f"weights {weights.shape}: expected [N, ...], and a scalar or [N]."
            )
        apart = 2 * jnp.var(difference, axis=range(1, difference.ndim))
        # Not only a product: an example of weight zero gives its weight no gradient either.
        return remembered(jnp.sum(jnp.where(weights != 0, apart, 0.0) * weights))


def cosine_distance(
    predictions: ArrayLike,
    labels: ArrayLike | None = None,
    axis: int | None = None,
    weights: ArrayLike | None = 1.0,
    scope: str | None = None,
    dim: int | None = None,
) -> Array:
    """Return the weighted mean of `1 - sum(predictions * labels)` along an axis.

    Args:
      predictions: `[N, ..., C]`, of unit length along the axis.
      labels: of the same shape, of unit length likewise.
      axis: the axis to sum over; required.
      weights: a scalar, `[N]`, or of the remaining shape.
      scope: the name scope.
      dim: the old name of `axis`.

    Raises:
      ValueError: the shapes do not fit; not exactly one of `axis` and `dim` is given.
      TypeError: there are no labels, or the axis is not an int.

    Source: `slim.losses.cosine_distance`.

    >>> predictions, labels = jnp.eye(2), jnp.array([[1.0, 0.0], [1.0, 0.0]])
    >>> float(slim.losses.cosine_distance(predictions, labels, axis=1))
    0.5
    """
    if (axis is None) == (dim is None):
        raise ValueError(
            f"cosine_distance: axis is {axis} and dim is {dim}: expected an int for axis."
        )
    with loss_scope(scope, "cosine_distance_loss") as opened:
        predictions, labels = _same_shape("cosine_distance", predictions=predictions, labels=labels)
        along = [dim if axis is None else axis]
        along = spelling.axes("cosine_distance", "axis", along, predictions.ndim)  # type: ignore
        products = predictions.astype(jnp.float32) * labels.astype(jnp.float32)
        return compute_weighted_loss(1 - jnp.sum(products, along), weights, opened)


def log_loss(
    predictions: ArrayLike,
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean of `-y log(p + epsilon) - (1 - y) log(1 - p + epsilon)`.

    The predictions `p` are probabilities, the labels `y` are in `[0, 1]`; a float32 scalar.

    Source: `slim.losses.log_loss`.

    >>> round(float(slim.losses.log_loss(jnp.array([0.5, 0.9]), jnp.array([0.0, 1.0]))), 3)
    0.399
    """
    with loss_scope(scope, "log_loss") as opened:
        predictions, labels = _same_shape("log_loss", predictions=predictions, labels=labels)
        p, y = predictions.astype(jnp.float32), labels.astype(jnp.float32)
        losses = -y * jnp.log(p + epsilon) - (1 - y) * jnp.log(1 - p + epsilon)
        return compute_weighted_loss(losses, weights, opened)


def hinge_loss(
    logits: ArrayLike, labels: ArrayLike | None = None, scope: str | None = None
) -> Array:
    """Return `max(1 - y * logits, 0)` elementwise, where `y` is -1 for label 0, and 1 for label 1.

    Unlike the other losses it takes no weights, is not averaged, and is not added to the losses.

    Source: `slim.losses.hinge_loss`.

    >>> slim.losses.hinge_loss(jnp.array([0.5, -2.0]), jnp.array([1.0, 0.0]))
    Array([0.5, 0. ], dtype=float32)
    """
    with loss_scope(scope, "hinge_loss"):
        logits, labels = _same_shape("hinge_loss", logits=logits, labels=labels)
        logits = spelling.floating("hinge_loss", "logits", logits)
        return nn.relu(1 - (2 * labels.astype(logits.dtype) - 1) * logits)


def sigmoid_cross_entropy(
    logits: ArrayLike,
    multi_class_labels: ArrayLike,
    weights: ArrayLike | None = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean cross-entropy of independent classes, of the dtype of the logits.

    Logits and labels are `[N, K]`, labels in `[0, 1]`. A `label_smoothing` above 0 moves the labels
    that far towards 1/2.

    Source: `slim.losses.sigmoid_cross_entropy`.

    >>> logits, labels = jnp.array([[2.0, -2.0]]), jnp.array([[1.0, 0.0]])
    >>> round(float(slim.losses.sigmoid_cross_entropy(logits, labels)), 4)
    0.1269
    """
    with loss_scope(scope, "sigmoid_cross_entropy_loss") as opened:
        logits, labels = _same_shape(
            "sigmoid_cross_entropy", logits=logits, multi_class_labels=multi_class_labels
        )
        x = spelling.widen(spelling.floating("sigmoid_cross_entropy", "logits", logits))
        y = labels.astype(x.dtype)
        if label_smoothing > 0:
            y = y * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = -y * jax.nn.log_sigmoid(x) - (1 - y) * jax.nn.log_sigmoid(-x)
        return compute_weighted_loss(losses.astype(logits.dtype), weights, opened)


def softmax_cross_entropy(
    logits: ArrayLike,
    onehot_labels: ArrayLike,
    weights: ArrayLike | None = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean cross-entropy of exclusive classes, of the dtype of the logits.

    Logits and labels are `[N, K]`, labels are probabilities, into which no gradient flows. A
    `label_smoothing` above 0 moves them that far towards `1/K`. (With more axes, `K` is the size of
    the second one there, as in TF-Slim.)

    Source: `slim.losses.softmax_cross_entropy`.

    >>> logits, labels = jnp.array([[2.0, 0.0]]), jnp.array([[1.0, 0.0]])
    >>> round(float(slim.losses.softmax_cross_entropy(logits, labels)), 4)
    0.1269
    """
    with loss_scope(scope, "softmax_cross_entropy_loss") as opened:
        logits, labels = _same_shape(
            "softmax_cross_entropy", logits=logits, onehot_labels=onehot_labels
        )
        if logits.ndim < 2:
            raise spelling.error(
                "softmax_cross_entropy", "the shape of logits", logits.shape, "[N, K]"
            )
        x = spelling.widen(spelling.floating("softmax_cross_entropy", "logits", logits))
        y = jax.lax.stop_gradient(labels.astype(x.dtype))
        if label_smoothing > 0:
            y = y * (1 - label_smoothing) + label_smoothing / y.shape[1]
        losses = -jnp.sum(y * nn.log_softmax(x), -1)
        return compute_weighted_loss(losses.astype(logits.dtype), weights, opened)


def sparse_softmax_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = 1.0,
    scope: str | None = None,
) -> Array:
    """Return the weighted mean cross-entropy of exclusive classes, given by number.

    Logits are `[N, K]`; labels `[N]` or `[N, 1]`, integers in `[0, K)`. Any other number makes the
    loss NaN, any other dtype of the labels is a TypeError. The loss has the dtype of the logits.

    Source: `slim.losses.sparse_softmax_cross_entropy`.

    >>> round(float(slim.losses.sparse_softmax_cross_entropy(jnp.array([[2.0, 0.0]]), [0])), 4)
    0.1269
    """
    with loss_scope(scope, "sparse_softmax_cross_entropy_loss") as opened:
        logits = spelling.floating("sparse_softmax_cross_entropy", "logits", logits)
        labels = jnp.asarray(labels)
        if not jnp.issubdtype(labels.dtype, jnp.integer):
            raise TypeError(
                f"sparse_softmax_cross_entropy: labels has dtype {labels.dtype}: expected "
                "integers. For one-hot labels there is softmax_cross_entropy."
            )
        n = logits.shape[0] if logits.ndim == 2 else None
        if labels.ndim == 0 or labels.shape[0] != n or labels.size != n:
            raise ValueError(
                f"sparse_softmax_cross_entropy: logits has shape {logits.shape} and labels "
                f"{labels.shape}: expected [N, K] and [N] or [N, 1]."
            )
        labels = labels.reshape(-1, 1)
        in_range = (labels >= 0) & (labels < logits.shape[1])
        chances = nn.log_softmax(spelling.widen(logits))
        picked = jnp.take_along_axis(chances, labels, axis=1, mode="clip")
        losses = -picked * jnp.where(in_range, 1.0, jnp.nan)  # the gradient becomes NaN as well
        return compute_weighted_loss(losses[:, 0].astype(logits.dtype), weights, opened)


def _difference(function: str, predictions: ArrayLike, labels: ArrayLike | None) -> Array:
    """Return predictions - labels, in float32."""
    predictions, labels = _same_shape(function, predictions=predictions, labels=labels)
    return predictions.astype(jnp.float32) - labels.astype(jnp.float32)


def _same_shape(function: str, **arguments: Any) -> list[Array]:
    """Return the two arguments as arrays of one shape."""
    for name, value in arguments.items():
        if value is None:
            raise spelling.error(function, name, value, "an array", TypeError)
    first, second = arrays = [jnp.asarray(value) for value in arguments.values()]
    if first.shape != second.shape:
        names = list(arguments)
        raise ValueError(
            f"{function}: {names[0]} has shape {first.shape} and {names[1]} {second.shape}: "
            "expected the same."
        )
    return arrays


def _weights(function: str, weights: ArrayLike | None) -> Array:
    if weights is None:
        raise spelling.error(function, "weights", weights, "a number or an array")
    return jnp.asarray(weights).astype(jnp.float32)


def _fit(weights: Array, losses: Array) -> bool:
    """Tell whether weights have the leading sizes of losses, or 1 where either has."""
    pairs = zip(weights.shape, losses.shape, strict=False)
    return weights.ndim <= losses.ndim and all(w == n or 1 in (w, n) for w, n in pairs)
