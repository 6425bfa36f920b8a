"""Distances between embeddings, and extremes of some of them, as stable as TF-Slim's."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from nn.graph import Array


def pairwise_distance(feature: ArrayLike, squared: bool = False) -> Array:
    """Return the distances of all pairs of rows, `[N, N]`.

    Args:
      feature: `[N, D]`.
      squared: whether to return their squares.

    Source: `slim.losses.metric_learning.pairwise_distance`.

    >>> slim.losses.metric_learning.pairwise_distance(jnp.array([[0.0, 3.0], [4.0, 0.0]]))
    Array([[0., 5.],
           [5., 0.]], dtype=float32)
    """
    feature = jnp.asarray(feature)
    lengths = jnp.sum(jnp.square(feature), 1, keepdims=True)
    products = jnp.matmul(feature, feature.T, precision="highest")
    distances = jnp.maximum(lengths + lengths.T - 2 * products, 0.0)
    is_zero = (distances <= 0).astype(distances.dtype)
    if not squared:
        distances = jnp.sqrt(distances + is_zero * 1e-16)  # the root has no slope at 0
    return distances * (1 - is_zero) * (1 - jnp.eye(len(feature), dtype=distances.dtype))


def masked_maximum(data: ArrayLike, mask: ArrayLike, dim: int = 1) -> Array:
    """Return the largest of the chosen elements along an axis, which stays with size 1.

    Args:
      data: `[N, M]`.
      mask: of the same shape; 1 for what is chosen, else 0. Where nothing is, the smallest of all
        elements is returned.
      dim: the axis.

    Source: `slim.losses.metric_learning.masked_maximum`.

    >>> data, mask = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[1.0, 1.0, 0.0]])
    >>> slim.losses.metric_learning.masked_maximum(data, mask)
    Array([[2.]], dtype=float32)
    """
    data = jnp.asarray(data)
    lowest = jnp.min(data, dim, keepdims=True)
    return jnp.max((data - lowest) * jnp.asarray(mask), dim, keepdims=True) + lowest


def masked_minimum(data: ArrayLike, mask: ArrayLike, dim: int = 1) -> Array:
    """Return the smallest of the chosen elements; the arguments are those of `masked_maximum`.

    Source: `slim.losses.metric_learning.masked_minimum`.

    >>> data, mask = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[0.0, 1.0, 1.0]])
    >>> slim.losses.metric_learning.masked_minimum(data, mask)
    Array([[2.]], dtype=float32)
    """
    data = jnp.asarray(data)
    highest = jnp.max(data, dim, keepdims=True)
    return jnp.min((data - highest) * jnp.asarray(mask), dim, keepdims=True) + highest
