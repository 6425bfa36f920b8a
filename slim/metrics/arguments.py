"""Brings predictions, labels and weights to one shape, as TensorFlow's metrics do."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from nn.graph import Array


def same_shape(
    predictions: ArrayLike, labels: ArrayLike, name: str = "labels"
) -> tuple[Array, Array]:
    """Return both as arrays; of one that has one axis more than the other, a last 1 is dropped."""
    predictions, labels = jnp.asarray(predictions), jnp.asarray(labels)
    if predictions.ndim == labels.ndim + 1 and predictions.shape[-1] == 1:
        predictions = predictions.squeeze(-1)
    elif labels.ndim == predictions.ndim + 1 and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    if predictions.shape != labels.shape:
        raise ValueError(
            f"predictions has shape {predictions.shape} and {name} {labels.shape}: expected the "
            "same, apart from a last axis of size 1."
        )
    return predictions, labels


def same_type(predictions: Array, labels: Array) -> None:
    """Refuse to subtract integers from floats, as TensorFlow does."""
    if predictions.dtype != labels.dtype:
        raise TypeError(
            f"predictions has dtype {predictions.dtype} and labels {labels.dtype}: expected one "
            "dtype, as labels.astype(predictions.dtype) gives."
        )


def fitted(weights: ArrayLike | None, values: Array) -> Array:
    """Return float32 weights of the rank of `values`, or a scalar; 1 for None."""
    weights = jnp.asarray(1.0 if weights is None else weights).astype(jnp.float32)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        return weights.squeeze(-1)
    if weights.ndim and weights.ndim == values.ndim - 1:
        weights = weights[..., None]
    if weights.ndim not in (0, values.ndim):
        raise _misfit(weights, values)
    return weights


def weighted(values: Array, weights: ArrayLike | None) -> Array:
    """Return float32 values times weights, which may also have the larger sizes."""
    weights = fitted(weights, values)
    if any(n != w and 1 not in (n, w) for n, w in zip(values.shape, weights.shape, strict=False)):
        raise _misfit(weights, values)
    return values.astype(jnp.float32) * weights


def broadcast(weights: ArrayLike | None, values: Array) -> Array:
    """Return float32 weights of the shape of `values`: given as a scalar, or with sizes of 1."""
    weights = jnp.asarray(1.0 if weights is None else weights).astype(jnp.float32)
    sizes = zip(weights.shape, values.shape, strict=False)
    if weights.ndim not in (0, values.ndim) or any(w not in (1, n) for w, n in sizes):
        raise _misfit(weights, values)
    return jnp.broadcast_to(weights, values.shape)


def _misfit(weights: Array, values: Array) -> ValueError:
    return ValueError(
        f"weights has shape {weights.shape} and the values {values.shape}: expected a scalar, or "
        "the same number of axes with sizes that are the same or 1."
    )


def between(name: str, values: Array, low: Any, high: Any) -> None:
    """Refuse numbers out of a range; inside a jit they are not known, and nothing is refused."""
    known = None if isinstance(values, Tracer) else np.asarray(values)
    if known is not None and ((known < low) | (known > high)).any():
        raise ValueError(
            f"{name} has values from {known.min()} to {known.max()}: expected them in "
            f"[{low}, {high}]."
        )


def quotient(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where the denominator is 0."""
    is_zero = denominator == 0
    return jnp.where(is_zero, 0.0, numerator / jnp.where(is_zero, 1.0, denominator))
