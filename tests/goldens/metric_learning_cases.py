"""Losses of embeddings, and the helpers of slim.losses.metric_learning."""

from __future__ import annotations

import numpy as np

from goldens.kit import Input, Table, draw

CASES = Table()
LEARNING = "slim.losses.metric_learning"
N = 6
EMBEDDINGS, LABELS = Input((N, 3)), Input((N,), "labels", "int64", 2)
PAIRED = Input((N,), "labels", "int32", 2)

CASES.calls(
    "slim.losses.contrastive_loss",
    [PAIRED, EMBEDDINGS, EMBEDDINGS],
    {},
    {"margin": 0.3},
    {"margin": 5.0},
    {"_in": [Input((N,), "labels", "float32", 2), EMBEDDINGS, EMBEDDINGS]},
    {"_in": [Input((N,), "true", "bool"), EMBEDDINGS, EMBEDDINGS]},
    {"_in": [PAIRED, EMBEDDINGS, Input((N, 2))]},
    {"_in": [Input((4,), "labels", "int32", 2), EMBEDDINGS, EMBEDDINGS]},
)
for op in ["triplet_semihard_loss", "lifted_struct_loss"]:
    CASES.calls(
        f"slim.losses.{op}",
        [LABELS, EMBEDDINGS],
        {},
        {"margin": 0.2},
        {"margin": 3.0},
        {"margin": 0.0},
        {"_in": [Input((8,), "labels", "int32", 3), Input((8, 4))]},
        {"_in": [Input((10,), "labels", "int64", 4), Input((10, 2), "positive")]},
        {"_in": [Input((7,), "labels", "float32", 2), Input((7, 3))]},
    )
    CASES.calls(f"{LEARNING}.{op}", [LABELS, EMBEDDINGS], {"margin": 0.5})
CASES.calls(
    "slim.losses.npairs_loss",
    [LABELS, EMBEDDINGS, EMBEDDINGS],
    {},
    {"reg_lambda": 0.0},
    {"reg_lambda": 0.5},
    {"print_losses": True},
    {"_in": [Input((N,), "labels", "int32", 20), EMBEDDINGS, EMBEDDINGS]},
    {"_in": [LABELS, EMBEDDINGS, Input((N, 2))]},
)
CASES.calls(f"{LEARNING}.npairs_loss", [LABELS, EMBEDDINGS, EMBEDDINGS], {"reg_lambda": 0.1})


def multilabel(name, rank=1, dtype="float32", **kwargs):
    """A program that gives every pair some of five labels."""
    there = draw(f"multilabel {name}", (4, 5), "labels", 2) > 0
    there[:, 0] = True

    def program(t, anchors, partners):
        shape = (5,) if rank == 1 else (1, 5)
        labels = [
            t.SparseTensor(
                np.argwhere(row.reshape(shape)), np.ones(row.sum(), dtype), np.array(shape)
            )
            for row in there
        ]
        return t.slim.losses.npairs_loss_multilabel(labels, anchors, partners, **kwargs)

    program.__name__, program.__module__ = f"multilabel_{name}", __name__
    CASES.program((4, 3), (4, 3))(program)


multilabel("floats")
multilabel("integers", dtype="int64")
multilabel("rows", rank=2)
multilabel("without_regularization", reg_lambda=0.0)
multilabel("printed", reg_lambda=0.3, print_losses=True)
CASES.calls("slim.losses.npairs_loss_multilabel", [(4, 3), (4, 3)], {})


@CASES.program((4, 3), (4, 3))
def multilabel_of_arrays(t, anchors, partners):
    return t.slim.losses.npairs_loss_multilabel([np.ones(3)] * 4, anchors, partners)


@CASES.program(LABELS, EMBEDDINGS)
def they_are_not_collected(t, labels, embeddings):
    t.slim.losses.triplet_semihard_loss(labels, embeddings)
    t.slim.losses.lifted_struct_loss(labels, embeddings)
    t.slim.losses.npairs_loss(labels, embeddings, embeddings)
    t.slim.losses.contrastive_loss(labels, embeddings, embeddings)
    return len(t.slim.losses.get_losses())


# Helpers ------------------------------------------------------------------------------------------

CASES.calls(
    f"{LEARNING}.pairwise_distance",
    (4, 3),
    {},
    {"squared": True},
    {"_in": [(1, 3)]},
    {"_in": [Input((5, 2), "positive")]},
)
CASES.calls(f"{LEARNING}.pairwise_distance", Input((3, 2), "true"), {}, {"squared": True})
for op in ["masked_maximum", "masked_minimum"]:
    MASKED = [(3, 4), Input((3, 4), "labels", "float32", 2)]
    CASES.calls(f"{LEARNING}.{op}", MASKED, {}, {"dim": 0}, {"dim": 1}, {"dim": -1})
    CASES.calls(f"{LEARNING}.{op}", [(3, 2), Input((3, 2), "false", "float32")], {})

KNOWN = {
    "two": np.array([0, 1, 0, 1, 1, 0]),
    "three": np.array([4, 9, 4, 2, 2, 9]),
    "one": np.array([3, 3, 3, 3, 3, 3]),
}


def with_distances(name, *inputs):
    """Decorator: a program that gets the distances of positive embeddings."""

    def add(function):
        def program(t, x, *rest):
            learning = t.slim.losses.metric_learning
            return function(learning, learning.pairwise_distance(x), *rest)

        program.__name__, program.__module__ = name or function.__name__, __name__
        CASES.program((N, 3), *inputs)(program)
        return function

    return add


@with_distances("")
def assignment(learning, distances):
    return [
        learning.get_cluster_assignment(distances, np.array(ids, "int32"))
        for ids in ([0], [2, 4], [5, 0, 3], [0, 1, 2, 3, 4, 5])
    ]


@with_distances("")
def energy(learning, distances):
    return [
        learning.compute_facility_energy(distances, np.array(ids, "int32"))
        for ids in ([0], [2, 4], [5, 0, 3])
    ]


@with_distances("")
def energy_of_the_labels(learning, distances):
    return [learning.compute_gt_cluster_score(distances, labels) for labels in KNOWN.values()]


@CASES.program((4,))
def one_element_replaced(t, x):
    learning = t.slim.losses.metric_learning
    y = learning.update_1d_tensor(x, 1, x[3] * 2.0)
    return [y, learning.update_1d_tensor(x, 0, x[2:3]), learning.update_1d_tensor(x, 3, x[0])]


@CASES.program(Input((5,), "labels", "int64", 2), Input((5,), "labels", "int64", 2))
def constant_score(t, labels, predictions):
    score = t.slim.losses.metric_learning.compute_clustering_score
    return [score(labels, predictions, "const"), score(labels, labels, "const")]


@CASES.program(Input((5,), "labels", "int64", 2), Input((5,), "labels", "int64", 2))
def unknown_score(t, labels, predictions):
    return t.slim.losses.metric_learning.compute_clustering_score(labels, predictions, "f1")


IDS = np.arange(N, dtype="int32")

# Not the centers are compared: of two points that are each other's nearest, either will do.
for kind, labels in KNOWN.items():
    for multiplier in [0.0, 0.5, 5.0]:
        for steps in [None, 0, 1, 5]:

            @with_distances(f"centers_of_{kind}_with_margin_{multiplier}_and_{steps}_refinements")
            def centers(learning, distances, labels=labels, multiplier=multiplier, steps=steps):
                chosen = learning.compute_augmented_facility_locations(
                    distances, labels, IDS, multiplier, "const"
                )
                if steps is not None:
                    chosen = learning.compute_augmented_facility_locations_pam(
                        distances, labels, multiplier, "const", chosen, pam_max_iter=steps
                    )
                return learning.compute_facility_energy(distances, chosen)


@with_distances("")
def medoids(learning, distances):
    labels = KNOWN["two"]
    chosen = learning.compute_augmented_facility_locations(distances, labels, IDS, 0.5, "const")
    predictions = learning.get_cluster_assignment(distances, chosen)
    chosen = learning.update_all_medoids(distances, predictions, labels, chosen, 0.5, "const")
    return learning.compute_facility_energy(distances, chosen)
