"""Regularizers: functions that make one number of a variable, added to the loss."""

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import jax.numpy as jnp

import nn
from nn import spelling
from nn.expressions import prints_as_call
from nn.graph import Array, GraphKeys, find_graph

__all__ = [
    "apply_regularization",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "sum_regularizer",
]

Regularizer = Callable[[Array], Array | None]


@prints_as_call
def l1_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return `w -> scale * sum(|w|)`.

    Args:
      scale: a float; at 0.0 the function returns None, and no loss is added.
      scope: accepted as in TF-Slim; losses are named after the regularizer.

    Raises:
      ValueError: the scale is negative, or an integer.

    Source: `slim.l1_regularizer`.

    >>> float(slim.l1_regularizer(0.5)(jnp.array([0.0, 1.0, -2.0, 3.0])))
    3.0
    """
    del scope
    if not _is_on("l1_regularizer", "scale", scale):
        return lambda weights: None

    def l1(weights: Array) -> Array:
        weights = spelling.floating("l1_regularizer", "weights", weights)
        # Not jnp.abs, whose gradient at 0 is 1: TensorFlow's is 0, so that zeros stay zeros.
        return jnp.asarray(scale, weights.dtype) * jnp.sum(weights * jnp.sign(weights))

    return l1


@prints_as_call
def l2_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return `w -> scale * sum(w ** 2) / 2`: Keras's `l2` of the same scale is twice as large.

    Args:
      scale: a float; at 0.0 the function returns None, and no loss is added.
      scope: accepted as in TF-Slim; losses are named after the regularizer.

    Raises:
      ValueError: the scale is negative, or an integer.

    Source: `slim.l2_regularizer`.

    >>> float(slim.l2_regularizer(0.5)(jnp.array([0.0, 1.0, -2.0, 3.0])))
    3.5
    >>> slim.l2_regularizer(4e-05)
    l2_regularizer(4e-05)
    """
    del scope
    if not _is_on("l2_regularizer", "scale", scale):
        return lambda weights: None

    def l2(weights: Array) -> Array:
        loss = nn.l2_loss(weights)
        return jnp.asarray(scale, loss.dtype) * loss

    return l2


@prints_as_call
def l1_l2_regularizer(
    scale_l1: float = 1.0, scale_l2: float = 1.0, scope: str | None = None
) -> Regularizer:
    """Return `w -> scale_l1 * sum(|w|) + scale_l2 * sum(w ** 2) / 2`.

    Args:
      scale_l1: a float; 0.0 leaves this part out.
      scale_l2: a float; 0.0 leaves this part out.
      scope: accepted as in TF-Slim; losses are named after the regularizer.

    Raises:
      ValueError: a scale is negative, or an integer.

    Source: `slim.l1_l2_regularizer`.

    >>> float(slim.l1_l2_regularizer(0.5, 0.25)(jnp.array([0.0, 1.0, -2.0, 3.0])))
    4.75
    """
    del scope
    _is_on("l1_l2_regularizer", "scale_l1", scale_l1)
    _is_on("l1_l2_regularizer", "scale_l2", scale_l2)
    parts = [l1_regularizer(scale_l1), l2_regularizer(scale_l2)]
    return lambda weights: _sum_of(parts, weights)


@prints_as_call
def sum_regularizer(
    regularizer_list: Iterable[Regularizer | None], scope: str | None = None
) -> Regularizer | None:
    """Return the sum of several regularizers as one; None if there are none.

    Args:
      regularizer_list: regularizers, and Nones, which are left out.
      scope: accepted as in TF-Slim; losses are named after the regularizer.

    Source: `slim.sum_regularizer`.

    >>> both = slim.sum_regularizer([slim.l1_regularizer(0.5), None, slim.l2_regularizer(0.5)])
    >>> float(both(jnp.array([0.0, 1.0, -2.0, 3.0])))
    6.5
    """
    del scope
    parts = [part for part in regularizer_list if part is not None]
    return (lambda weights: _sum_of(parts, weights)) if parts else None


def apply_regularization(
    regularizer: Regularizer, weights_list: Sequence[Any] | None = None
) -> Array:
    """Return the sum of `regularizer(w)` over some weights, and add it to the losses.

    Args:
      regularizer: a function of one array that returns a scalar, or None for no loss.
      weights_list: arrays or `nn.Variable`s; if None or empty, the collection
        `nn.GraphKeys.WEIGHTS`.

    Raises:
      ValueError: there are no weights, or the regularizer returns no scalar.

    Source: `slim.apply_regularization`.

    >>> float(slim.apply_regularization(slim.l2_regularizer(0.5), [jnp.ones(4), jnp.ones(8)]))
    3.0
    """
    graph = find_graph()
    weights = weights_list or (nn.get_collection(GraphKeys.WEIGHTS) if graph else [])
    if not weights:
        raise ValueError(
            "apply_regularization: weights_list is empty, and so is the collection "
            "nn.GraphKeys.WEIGHTS: expected weights to regularize."
        )
    losses = [regularizer(w.value if isinstance(w, nn.Variable) else w) for w in weights]
    losses = [jnp.asarray(loss) for loss in losses if loss is not None]
    for loss in losses:
        if loss.ndim:
            raise ValueError(
                f"apply_regularization: {regularizer!r} returned the shape {loss.shape}: "
                "expected a scalar."
            )
    total = sum(losses[1:], losses[0]) if losses else jnp.zeros(())
    if graph is not None:
        graph.check_trace("adding a regularization loss")
        nn.add_regularization("get_regularization_penalty", lambda: total)
    return total


def _sum_of(parts: Sequence[Regularizer], weights: Array) -> Array | None:
    losses = [loss for part in parts if (loss := part(weights)) is not None]
    return sum(losses[1:], losses[0]) if losses else None


def _is_on(function: str, argument: str, scale: Any) -> bool:
    """Tell whether a scale is not 0.0, having refused what is no scale."""
    if isinstance(scale, Integral):  # bool too
        expected = f"a float, such as {float(scale)}"
        raise spelling.error(function, argument, scale, expected)
    if isinstance(scale, Real) and scale < 0:
        raise spelling.error(function, argument, scale, "a float that is not negative")
    return not (isinstance(scale, Real) and scale == 0)  # an array may hold any scale
