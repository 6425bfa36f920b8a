"""The clustering loss: a margin between the labels' clusters and the best ones that are not.

Which points are the centers (medoids) is searched for, without a gradient; the loss is then a
function of the distances to them. As sizes are static under JAX, ids beyond the last point stand
for centers that are not there: their distances are infinite.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from nn import spelling
from nn.graph import Array
from slim.losses import agreement
from slim.losses.distances import pairwise_distance


def update_1d_tensor(y: ArrayLike, index: ArrayLike, value: ArrayLike) -> Array:
    """Return a vector with one element replaced.

    Source: `slim.losses.metric_learning.update_1d_tensor`.

    >>> slim.losses.metric_learning.update_1d_tensor(jnp.array([1, 2, 3]), 1, 7)
    Array([1, 7, 3], dtype=int32)
    """
    y = jnp.asarray(y)
    return y.at[index].set(jnp.asarray(value).astype(y.dtype).squeeze())


def get_cluster_assignment(pairwise_distances: ArrayLike, centroid_ids: ArrayLike) -> Array:
    """Return, `[N]`, the place in `centroid_ids` of each point's nearest center.

    A center is its own nearest, whatever rounding says.

    Source: `slim.losses.metric_learning.get_cluster_assignment`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> slim.losses.metric_learning.get_cluster_assignment(distances, jnp.array([2, 0]))
    Array([1, 1, 0], dtype=int32)
    """
    distances, ids = jnp.asarray(pairwise_distances), jnp.asarray(centroid_ids)
    nearest = jnp.argmin(_rows(distances, ids), axis=0).astype(jnp.int32)
    place = jnp.zeros_like(nearest).at[ids].add(jnp.arange(len(ids), dtype=jnp.int32), mode="drop")
    is_center = jnp.zeros(nearest.shape, bool).at[ids].set(True, mode="drop")
    return jnp.where(is_center, place, nearest)


def compute_facility_energy(pairwise_distances: ArrayLike, centroid_ids: ArrayLike) -> Array:
    """Return minus the sum of the distances of all points to their nearest centers.

    Source: `slim.losses.metric_learning.compute_facility_energy`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> float(slim.losses.metric_learning.compute_facility_energy(distances, jnp.array([2, 0])))
    -1.0
    """
    distances = _rows(jnp.asarray(pairwise_distances), jnp.asarray(centroid_ids))
    return -jnp.sum(jnp.min(distances, axis=0))


def compute_clustering_score(labels: ArrayLike, predictions: ArrayLike, margin_type: str) -> Array:
    """Return how far two clusterings agree, from 0 to 1.

    All but the last compare what is grouped with what, not the numbers of the clusters; they are
    computed by NumPy on the host, in float64, and have no gradient.

    Args:
      labels: `[N]`, integers.
      predictions: `[N]`, integers.
      margin_type: 'nmi' (normalized mutual information), 'ami' (adjusted for chance), 'ari'
        (adjusted Rand index), 'vmeasure' (equal to 'nmi'), or 'const': 1 if all numbers are the
        same, else 0.

    Raises:
      ValueError: another `margin_type`.

    Source: `slim.losses.metric_learning.compute_clustering_score`.

    >>> labels, predictions = jnp.array([0, 0, 1, 1]), jnp.array([1, 1, 0, 0])
    >>> float(slim.losses.metric_learning.compute_clustering_score(labels, predictions, 'nmi'))
    1.0
    """
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    if margin_type == "const":
        return jnp.all(labels == predictions.astype(labels.dtype)).astype(jnp.float32)
    if margin_type not in agreement.SCORES:
        expected = "one of " + ", ".join(map(repr, [*agreement.SCORES, "const"]))
        raise spelling.error("compute_clustering_score", "margin_type", margin_type, expected)
    return jax.pure_callback(
        functools.partial(agreement.score, margin_type),
        jax.ShapeDtypeStruct((), jnp.float32),
        labels,
        predictions,
        vmap_method="broadcast_all",
    )


def compute_augmented_facility_locations(
    pairwise_distances: ArrayLike,
    labels: ArrayLike,
    all_ids: ArrayLike,
    margin_multiplier: float,
    margin_type: str,
) -> Array:
    """Return the centers, one per class, that are chosen greedily for energy plus margin.

    Source: `slim.losses.metric_learning.compute_augmented_facility_locations`. Where the labels are
    not known, inside a `jit`, there are `N` ids; those of no center are `N`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> slim.losses.metric_learning.compute_augmented_facility_locations(
    ...     distances, jnp.array([0, 0, 1]), jnp.arange(3), 0.0, 'const')
    Array([1, 2], dtype=int32)
    """
    classes, most = _number_of_classes(labels)
    distances, labels = jnp.asarray(pairwise_distances), jnp.asarray(labels)
    ids = jnp.asarray(all_ids).astype(jnp.int32)
    nobody = len(distances)

    def add(place: Any, chosen: Array) -> Array:
        nearest = jnp.min(_rows(distances, chosen), axis=0, initial=jnp.inf)
        energies = -jnp.sum(jnp.minimum(nearest[None, :], distances[ids]), axis=1)
        energies = jnp.where(jnp.isin(ids, chosen), -jnp.inf, energies)
        best = _best(
            distances, labels, chosen, place, ids, energies, margin_multiplier, margin_type
        )
        return chosen.at[place].set(jnp.where(place < classes, best, nobody))

    return jax.lax.fori_loop(0, most, add, jnp.full(most, nobody, jnp.int32))


def update_medoid_per_cluster(
    pairwise_distances: ArrayLike,
    pairwise_distances_subset: ArrayLike,
    labels: ArrayLike,
    chosen_ids: ArrayLike,
    cluster_member_ids: ArrayLike,
    cluster_idx: ArrayLike,
    margin_multiplier: float,
    margin_type: str,
) -> Array:
    """Return the centers with the one of one cluster replaced by its best member.

    Args:
      pairwise_distances: `[N, N]`.
      pairwise_distances_subset: those within the cluster, `[n, 1, 1, n]`.
      labels: `[N]`.
      chosen_ids: the centers.
      cluster_member_ids: the points of the cluster, `[n, 1]`.
      cluster_idx: the place of the cluster's center among the centers.
      margin_multiplier: the weight of the margin.
      margin_type: as in `compute_clustering_score`.

    Source: `slim.losses.metric_learning.update_medoid_per_cluster`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> slim.losses.metric_learning.update_medoid_per_cluster(
    ...     distances, distances.reshape(3, 1, 1, 3), jnp.array([0, 0, 0]), jnp.array([0]),
    ...     jnp.array([[0], [1], [2]]), 0, 0.0, 'const')
    Array([1], dtype=int32)
    """
    members = jnp.asarray(cluster_member_ids).reshape(-1).astype(jnp.int32)
    within = jnp.asarray(pairwise_distances_subset).reshape(len(members), len(members))
    chosen = jnp.asarray(chosen_ids)
    best = _best(
        jnp.asarray(pairwise_distances),
        jnp.asarray(labels),
        chosen,
        cluster_idx,
        members,
        -jnp.sum(within, axis=0),
        margin_multiplier,
        margin_type,
    )
    return chosen.at[cluster_idx].set(best.astype(chosen.dtype))


def update_all_medoids(
    pairwise_distances: ArrayLike,
    predictions: ArrayLike,
    labels: ArrayLike,
    chosen_ids: ArrayLike,
    margin_multiplier: float,
    margin_type: str,
) -> Array:
    """Return the centers after each in turn was replaced by the best point of its cluster.

    Source: `slim.losses.metric_learning.update_all_medoids`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> slim.losses.metric_learning.update_all_medoids(
    ...     distances, jnp.array([0, 0, 0]), jnp.array([0, 0, 0]), jnp.array([0]), 0.0, 'const')
    Array([1], dtype=int32)
    """
    classes, most = _number_of_classes(labels)
    distances, labels = jnp.asarray(pairwise_distances), jnp.asarray(labels)
    predictions, chosen_ids = jnp.asarray(predictions), jnp.asarray(chosen_ids)
    points = jnp.arange(len(distances), dtype=jnp.int32)

    def improve(place: Any, chosen: Array) -> Array:
        is_member = predictions == place
        energies = -jnp.sum(jnp.where(is_member[:, None], distances, 0.0), axis=0)
        energies = jnp.where(is_member, energies, -jnp.inf)
        best = _best(
            distances, labels, chosen, place, points, energies, margin_multiplier, margin_type
        )
        best = jnp.where(place < classes, best.astype(chosen.dtype), chosen[place])
        return chosen.at[place].set(best)

    return jax.lax.fori_loop(0, min(most, len(chosen_ids)), improve, chosen_ids)


def compute_augmented_facility_locations_pam(
    pairwise_distances: ArrayLike,
    labels: ArrayLike,
    margin_multiplier: float,
    margin_type: str,
    chosen_ids: ArrayLike,
    pam_max_iter: int = 5,
) -> Array:
    """Return centers refined by local search: points to centers, then centers anew, and again.

    Source: `slim.losses.metric_learning.compute_augmented_facility_locations_pam`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> slim.losses.metric_learning.compute_augmented_facility_locations_pam(
    ...     distances, jnp.array([0, 0, 0]), 0.0, 'const', jnp.array([0]))
    Array([1], dtype=int32)
    """
    distances, chosen = jnp.asarray(pairwise_distances), jnp.asarray(chosen_ids)
    for _ in range(pam_max_iter):
        predictions = get_cluster_assignment(distances, chosen)
        chosen = update_all_medoids(
            distances, predictions, labels, chosen, margin_multiplier, margin_type
        )
    return chosen


def compute_gt_cluster_score(pairwise_distances: ArrayLike, labels: ArrayLike) -> Array:
    """Return minus the distances within the classes, each to the best center of its own.

    Source: `slim.losses.metric_learning.compute_gt_cluster_score`.

    >>> distances = jnp.abs(jnp.array([[0.0, 1.0, 5.0]]) - jnp.array([[0.0], [1.0], [5.0]]))
    >>> float(slim.losses.metric_learning.compute_gt_cluster_score(distances, jnp.array([0, 0, 1])))
    -1.0
    """
    distances, labels = jnp.asarray(pairwise_distances), jnp.asarray(labels)
    same = labels[:, None] == labels[None, :]
    to_center = jnp.sum(jnp.where(same, distances, 0.0), axis=0)
    best = jnp.min(jnp.where(same, to_center[None, :], jnp.inf), axis=1)
    is_first = ~jnp.any(jnp.tril(same, -1), axis=1)
    return -jnp.sum(jnp.where(is_first, best, 0.0))


def _rows(distances: Array, ids: Array) -> Array:
    """The distances from these points; infinite ones where there is no such point."""
    return distances.at[ids].get(mode="fill", fill_value=jnp.inf)


def _number_of_classes(labels: ArrayLike) -> tuple[Any, int]:
    """The number of different labels, and the largest that it can be."""
    if not isinstance(labels, Tracer):
        return (known := len(np.unique(labels)), known)
    ordered = jnp.sort(labels)
    return 1 + jnp.sum(ordered[1:] != ordered[:-1]), len(ordered)


def _best(
    distances: Array,
    labels: Array,
    chosen: Array,
    place: Any,
    candidates: Array,
    energies: Array,
    margin_multiplier: float,
    margin_type: str,
) -> Array:
    """The candidate that, as the center at this place, has most energy plus margin."""

    def margin(candidate: Array) -> Array:
        centers = chosen.at[place].set(candidate.astype(chosen.dtype))
        predictions = get_cluster_assignment(distances, centers)
        return 1 - compute_clustering_score(labels, predictions, margin_type)

    return candidates[jnp.argmax(energies + margin_multiplier * jax.vmap(margin)(candidates))]


def cluster_loss(
    labels: ArrayLike,
    embeddings: ArrayLike,
    margin_multiplier: float,
    enable_pam_finetuning: bool = True,
    margin_type: str = "nmi",
    print_losses: bool = False,
) -> Array:
    """Return how much better than the labels' own clusters the best wrong ones are, if at all.

    Args:
      labels: `[N, 1]` or `[N]`, integers.
      embeddings: `[N, D]`, of unit length.
      margin_multiplier: the weight of the margin, 1 less the score of the clusters found.
      enable_pam_finetuning: whether to refine the greedy choice of centers by local search.
      margin_type: the score, as in `compute_clustering_score`.
      print_losses: whether to print the loss.

    Source: `slim.losses.cluster_loss`. (There it needs scikit-learn.)

    >>> embeddings = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> round(float(slim.losses.cluster_loss(jnp.array([0, 1, 1]), embeddings, 1.0)), 4)
    0.988
    """
    distances, labels = pairwise_distance(embeddings), jnp.asarray(labels).squeeze()
    # The choice of the centers has no gradient, and the host's scores could have none.
    fixed = jax.lax.stop_gradient(distances)
    chosen = compute_augmented_facility_locations(
        fixed, labels, jnp.arange(len(fixed)), margin_multiplier, margin_type
    )
    if enable_pam_finetuning:
        chosen = compute_augmented_facility_locations_pam(
            fixed, labels, margin_multiplier, margin_type, chosen
        )
    predictions = get_cluster_assignment(fixed, chosen)
    margin = margin_multiplier * (1 - compute_clustering_score(labels, predictions, margin_type))
    found = compute_facility_energy(distances, chosen) + margin
    loss = jnp.maximum(found - compute_gt_cluster_score(distances, labels), 0.0)
    if print_losses:
        jax.debug.print("clustering_loss: {}", loss)
    return loss
