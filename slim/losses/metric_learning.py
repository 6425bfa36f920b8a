"""Losses that learn distances between embeddings, as in `slim.losses.metric_learning`.

Embeddings are `[N, D]`, labels `[N]`, integers. Unlike the other losses these take no weights and
are not added to the collection of losses: `slim.losses.add_loss` does it.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

import nn
from nn import spelling
from nn.graph import Array
from slim.losses.clustering import (
    cluster_loss,
    compute_augmented_facility_locations,
    compute_augmented_facility_locations_pam,
    compute_clustering_score,
    compute_facility_energy,
    compute_gt_cluster_score,
    get_cluster_assignment,
    update_1d_tensor,
    update_all_medoids,
    update_medoid_per_cluster,
)
from slim.losses.distances import masked_maximum, masked_minimum, pairwise_distance

__all__ = [
    "HAS_SKLEARN",
    "cluster_loss",
    "compute_augmented_facility_locations",
    "compute_augmented_facility_locations_pam",
    "compute_clustering_score",
    "compute_facility_energy",
    "compute_gt_cluster_score",
    "contrastive_loss",
    "get_cluster_assignment",
    "lifted_struct_loss",
    "masked_maximum",
    "masked_minimum",
    "npairs_loss",
    "npairs_loss_multilabel",
    "pairwise_distance",
    "triplet_semihard_loss",
    "update_1d_tensor",
    "update_all_medoids",
    "update_medoid_per_cluster",
]

HAS_SKLEARN = False  # The scores of clusterings are computed here.


def contrastive_loss(
    labels: ArrayLike,
    embeddings_anchor: ArrayLike,
    embeddings_positive: ArrayLike,
    margin: float = 1.0,
) -> Array:
    """Return the mean over pairs of `d ** 2` where they belong together, `max(margin - d, 0) ** 2`
    where not.

    Args:
      labels: `[N]`: 1 where the two embeddings belong together, else 0.
      embeddings_anchor: `[N, D]`, of unit length.
      embeddings_positive: `[N, D]`, of unit length.
      margin: the distance from which on a pair may be apart.

    Source: `slim.losses.contrastive_loss`.

    >>> anchors, others = jnp.eye(2), jnp.array([[1.0, 0.0], [0.0, 0.5]])
    >>> float(slim.losses.contrastive_loss(jnp.array([1, 0]), anchors, others))
    0.125
    """
    anchors, others = _pairs("contrastive_loss", labels, embeddings_anchor, embeddings_positive)
    distances = jnp.sqrt(jnp.sum(jnp.square(anchors - others), 1))
    together = jnp.asarray(labels).astype(distances.dtype)
    apart = jnp.square(jnp.maximum(margin - distances, 0.0))
    return jnp.mean(together * jnp.square(distances) + (1 - together) * apart)


def triplet_semihard_loss(labels: ArrayLike, embeddings: ArrayLike, margin: float = 1.0) -> Array:
    """Return the mean of `max(margin + d(a, p) - d(a, n), 0)` over pairs `a, p` of one label.

    Distances are squared. The negative `n` has another label; it is the nearest to `a` of those
    farther away than `p`, or if there is none, the farthest.

    Args:
      labels: `[N]`.
      embeddings: `[N, D]`, of unit length.
      margin: how much farther the negatives should be.

    Source: `slim.losses.triplet_semihard_loss`.

    >>> embeddings = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> round(float(slim.losses.triplet_semihard_loss(jnp.array([0, 0, 1]), embeddings)), 4)
    0.3
    """
    distances = pairwise_distance(embeddings, squared=True)
    same = _same("triplet_semihard_loss", labels)
    negative = (~same).astype(distances.dtype)
    # [anchor, positive, negative]
    farther = distances[:, None, :] > distances[:, :, None]
    farther &= ~same[:, None, :]
    of_anchor = jnp.broadcast_to(distances[:, None, :], farther.shape)
    outside = masked_minimum(of_anchor, farther.astype(distances.dtype), dim=2)[..., 0]
    inside = masked_maximum(distances, negative)
    negatives = jnp.where(jnp.any(farther, -1), outside, inside)
    positive = _others(same, distances)
    return jnp.sum(jnp.maximum((margin + distances - negatives) * positive, 0.0)) / positive.sum()


def npairs_loss(
    labels: ArrayLike,
    embeddings_anchor: ArrayLike,
    embeddings_positive: ArrayLike,
    reg_lambda: float = 0.002,
    print_losses: bool = False,
) -> Array:
    """Return the cross-entropy of finding each anchor's partner by its dot product.

    Args:
      labels: `[N]`, of the pairs; pairs of one label are equally right.
      embeddings_anchor: `[N, D]`.
      embeddings_positive: `[N, D]`.
      reg_lambda: the weight of the embeddings' squared length, whose quarter is added.
      print_losses: whether to print both parts.

    Source: `slim.losses.npairs_loss`.

    >>> embeddings = jnp.array([[3.0, 0.0], [0.0, 3.0]])
    >>> round(float(slim.losses.npairs_loss(jnp.array([0, 1]), embeddings, embeddings)), 4)
    0.0091
    """
    same = _same("npairs_loss", labels).astype(jnp.float32)
    anchors, partners = _pairs("npairs_loss", labels, embeddings_anchor, embeddings_positive)
    return _npairs(same, anchors, partners, reg_lambda, print_losses)


def npairs_loss_multilabel(
    sparse_labels: Sequence[nn.SparseTensor],
    embeddings_anchor: ArrayLike,
    embeddings_positive: ArrayLike,
    reg_lambda: float = 0.002,
    print_losses: bool = False,
) -> Array:
    """Return `npairs_loss` for examples of several labels: the more two share, the more right.

    Args:
      sparse_labels: `N` sparse tensors of one shape, with a 1 for each label of the pair.
      embeddings_anchor: `[N, D]`.
      embeddings_positive: `[N, D]`.
      reg_lambda: as in `npairs_loss`.
      print_losses: as in `npairs_loss`.

    Raises:
      TypeError: labels that are not sparse tensors.

    Source: `slim.losses.npairs_loss_multilabel`.

    >>> labels = [nn.SparseTensor([[0]], [1], (3,)), nn.SparseTensor([[1], [2]], [1, 1], (3,))]
    >>> embeddings = jnp.array([[3.0, 0.0], [0.0, 3.0]])
    >>> round(float(slim.losses.npairs_loss_multilabel(labels, embeddings, embeddings)), 4)
    0.0091
    """
    if not all(isinstance(label, nn.SparseTensor) for label in sparse_labels):
        raise spelling.error(
            "npairs_loss_multilabel", "sparse_labels", sparse_labels, "nn.SparseTensors", TypeError
        )
    anchors, partners = _pairs(
        "npairs_loss_multilabel",
        jnp.arange(len(sparse_labels)),
        embeddings_anchor,
        embeddings_positive,
    )
    dense = jnp.stack([label.to_dense().ravel() for label in sparse_labels]).astype(jnp.float32)
    shared = jnp.sum(jnp.minimum(dense[:, None, :], dense[None, :, :]), -1)
    return _npairs(shared, anchors, partners, reg_lambda, print_losses)


def _npairs(
    shared: Array, anchors: Array, partners: Array, reg_lambda: float, print_losses: bool
) -> Array:
    lengths = [jnp.mean(jnp.sum(jnp.square(x), 1)) for x in (anchors, partners)]
    l2loss = 0.25 * reg_lambda * (lengths[0] + lengths[1])
    targets = shared / jnp.sum(shared, 1, keepdims=True)
    similarities = jnp.matmul(anchors, partners.T, precision="highest")
    cross_entropy = jnp.mean(-jnp.sum(targets * nn.log_softmax(similarities), 1))
    if print_losses:
        jax.debug.print("cross entropy: {} l2loss: {}", cross_entropy, l2loss)
    return l2loss + cross_entropy


def lifted_struct_loss(labels: ArrayLike, embeddings: ArrayLike, margin: float = 1.0) -> Array:
    """Return half the mean of `max(J, 0) ** 2` over pairs of one label.

    `J` is the pair's distance plus the logarithm of the sum of `exp(margin - d)` over the distances
    `d` of both to all examples of other labels.

    Args:
      labels: `[N]`.
      embeddings: `[N, D]`.
      margin: how far apart the labels should be.

    Source: `slim.losses.lifted_struct_loss`.

    >>> embeddings = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> round(float(slim.losses.lifted_struct_loss(jnp.array([0, 0, 1]), embeddings)), 4)
    0.7256
    """
    distances = pairwise_distance(embeddings)
    same = _same("lifted_struct_loss", labels)
    negative = (~same).astype(distances.dtype)
    room = margin - distances
    most = masked_maximum(room, negative)
    largest = jnp.maximum(most, most.T)
    # [one of the pair, the other, negative]: of the first one; then that of the other as well.
    of_one = jnp.exp(room[:, None, :] - largest[:, :, None]) * negative[:, None, :]
    of_one = jnp.sum(of_one, -1)
    both = largest + jnp.log(of_one + of_one.T) + distances
    positive = _others(same, distances)
    return 0.5 * jnp.sum(jnp.square(jnp.maximum(both * positive, 0.0))) / positive.sum()


def _pairs(
    function: str, labels: ArrayLike, first: ArrayLike, second: ArrayLike
) -> tuple[Array, Array]:
    """The embeddings as arrays, if each label has a pair of them."""
    first, second = jnp.asarray(first), jnp.asarray(second)
    if first.ndim != 2 or first.shape != second.shape or len(first) != np.size(labels):
        raise ValueError(
            f"{function}: the embeddings have the shapes {first.shape} and {second.shape}, for "
            f"{np.size(labels)} labels: expected [N, D] twice, for N labels."
        )
    return first, second


def _same(function: str, labels: ArrayLike) -> Array:
    """`[N, N]`: whether two examples have one label."""
    labels = jnp.asarray(labels)
    if labels.ndim != 1:
        raise spelling.error(function, "the shape of labels", labels.shape, "[N]")
    return labels[:, None] == labels[None, :]


def _others(same: Array, distances: Array) -> Array:
    """The same, without an example and itself, as numbers."""
    return same.astype(distances.dtype) - jnp.eye(len(same), dtype=distances.dtype)
