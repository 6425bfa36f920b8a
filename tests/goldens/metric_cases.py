"""Metrics, over three batches: values, what update_op gives, local variables; and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from goldens.kit import Case, Input, Sparse, Table, draw

CASES = Table(gradients=False)
BATCHES = 3

# Arguments that differ from batch to batch ----------------------------------------------------


def numbers(*shape: int) -> Input:
    return Input(shape)


def chances(*shape: int) -> Input:
    return Input(shape, "probability")


def classes(*shape: int, n: int = 3, dtype: str = "int64") -> Input:
    return Input(shape, "labels", dtype, n)


def flags(*shape: int) -> Input:
    return Input(shape, "labels", "bool", 2)


def weights(*shape: int) -> Input:
    """Some of them 0."""
    return Input(shape, "weights")


def sparse(*shape: int, n: int = 5) -> Input:
    """Class numbers for some places of an array."""
    return Input(shape, "sparse", "int64", n)


def described(spec: Input) -> str:
    """An Input as a word: `4x3`, `6:labels3:int64` ..."""
    kind = spec.kind + (str(spec.classes) if spec.kind in ("labels", "sparse") else "")
    words = ["x".join(map(str, spec.shape)) or "scalar"]
    return ":".join(words + [w for w in (kind, spec.dtype) if w not in ("normal", "float32")])


def array(key: str, spec: Input) -> Any:
    """The numbers of one argument in one batch."""
    if spec.kind == "weights":
        return draw(key, spec.shape, "positive") * (draw(key + "?", spec.shape, "labels") > 0)
    values = draw(key, spec.shape, "labels" if spec.kind == "sparse" else spec.kind, spec.classes)
    if spec.kind == "sparse":
        there = draw(key + "?", spec.shape, "labels") > 0
        there[..., 0] = True
        return Sparse(np.argwhere(there), values[there].astype(spec.dtype), spec.shape)
    return values.astype(spec.dtype)


def case(
    name: str,
    metric: Callable[..., Any],
    batch: dict[str, Input],
    batches: int = BATCHES,
    skip: str = "",
    **compared: Any,
) -> None:
    """A metric `metric(t, **batch)` over batches that are drawn from the case's name."""
    key = f"metrics.{name}"

    def program(t: Any) -> Any:
        given = [
            {arg: array(f"{key}|{i}|{arg}", spec) for arg, spec in batch.items()}
            for i in range(batches)
        ]
        return t.streamed(lambda **arrays: metric(t, **arrays), given, **compared)

    CASES.append(Case(key, program, (), skip, gradients=False))


# Where TensorFlow's update_op is an operation, or nothing that means anything.
WITHOUT_UPDATE = {
    "auc_using_histogram",
    "auc_with_confidence_intervals",
    "precision_recall_at_equal_thresholds",
    "streaming_curve_points",
    "streaming_dynamic_auc",
}


def called(name: str, kwargs: dict[str, Any]) -> Callable[..., Any]:
    """The metric of this name."""

    def metric(t: Any, **batch: Any) -> Any:
        return getattr(t.slim.metrics, name)(**batch, **kwargs)

    return metric


def rows(name: str, batch: dict[str, Input], *rows: dict[str, Any], **base: Any) -> None:
    """One case per row, whose entries are arguments: Inputs, drawn anew for every batch, or values.

    An argument of the base that a row gives as `...` is left out.
    """
    for row in rows:
        given = {k: v for k, v in {**batch, **base, **row}.items() if v is not ...}
        fields = {"updates": name not in WITHOUT_UPDATE}
        fields |= {k[1:]: given.pop(k) for k in list(given) if k[0] == "_"}
        drawn = {k: v for k, v in given.items() if isinstance(v, Input)}
        fixed = {k: v for k, v in given.items() if k not in drawn}
        shapes = [f"{k}={described(v)}" for k, v in drawn.items()]
        words = [f"{k}={v!r}" for k, v in fixed.items()]
        words += [f"{v} {k}" for k, v in fields.items() if k == "batches"]
        case(f"{name}({', '.join(shapes + words)})", called(name, fixed), drawn, **fields)


WEIGHTED = [
    {},
    {"weights": 0.5},
    {"weights": 0.0},
    {"weights": weights(4, 3)},
    {"weights": weights(4, 1)},
    {"weights": weights(1, 3)},
    {"weights": weights(4)},
    {"weights": weights(4, 3, 1)},
    {"weights": [[1.0], [0.0], [2.0], [0.0]]},
    {"weights": weights(3)},
    {"weights": weights(2, 3)},
    {"weights": weights(4, 3, 2)},
]
SOME = [WEIGHTED[i] for i in (0, 2, 3, 4, 9, 10)]
NAMED = [
    {"name": "mine"},
    {"name": "a/b"},
    {"metrics_collections": ["m"], "updates_collections": ["u"]},
    {"metrics_collections": "m", "name": "x"},
]

# Means -------------------------------------------------------------------------------------------

V, PAIR = {"values": numbers(4, 3)}, {"predictions": numbers(4, 3), "labels": numbers(4, 3)}
for name in ["streaming_mean", "streaming_mean_tensor", "count"]:
    rows(name, V, *WEIGHTED, *NAMED[::2])
    rows(name, {}, {"values": classes(5)}, {"values": numbers()}, {"values": flags(2, 2)})
    rows(name, {"values": numbers(5, 1)}, {"weights": weights(5)}, {"weights": weights(5, 1)})
    rows(name, {"values": numbers(5)}, {"weights": weights(5, 1)}, {"weights": weights(1)})

CLASSES = {"predictions": classes(4, 3), "labels": classes(4, 3)}
rows("streaming_accuracy", CLASSES, *WEIGHTED, *NAMED)
FIT = [
    {"predictions": (4, 1), "labels": (4,)},
    {"predictions": (4,), "labels": (4, 1)},
    {"predictions": (4, 1), "labels": (4, 1)},
    {"predictions": (4, 3), "labels": (4,)},
    {"predictions": (4,), "labels": (3,)},
    {"predictions": (2, 3), "labels": (3, 2)},
]
for shapes in FIT:
    fitting = {k: classes(*s) for k, s in shapes.items()}
    rows("streaming_accuracy", fitting, {}, {"weights": weights(4)}, {"weights": weights(4, 1)})
    fitting = {k: numbers(*s) for k, s in shapes.items()}
    for name in ["streaming_mean_squared_error", "streaming_covariance"]:
        rows(name, fitting, {}, {"weights": weights(4)}, {"weights": weights(4, 1)})
rows(
    "streaming_accuracy",
    {},
    {"predictions": chances(6), "labels": flags(6)},
    {"predictions": numbers(6), "labels": classes(6)},
    {"predictions": flags(6), "labels": flags(6)},
    {"predictions": classes(6, dtype="int32"), "labels": classes(6)},
)
for name in [
    "streaming_mean_absolute_error",
    "streaming_mean_squared_error",
    "streaming_root_mean_squared_error",
    "streaming_covariance",
    "streaming_pearson_correlation",
]:
    rows(name, PAIR, *SOME, NAMED[0])
    rows(name, {}, {"predictions": numbers(4), "labels": classes(4)})
rows("streaming_mean_absolute_error", {}, {"predictions": classes(6), "labels": classes(6)})
rows(
    "streaming_covariance",
    {"predictions": numbers(1), "labels": numbers(1)},
    {},
    {"_batches": 1},
    {"weights": weights(1)},
    {"weights": [1.5]},
)
rows("streaming_pearson_correlation", {"predictions": numbers(1), "labels": numbers(1)}, {})
rows(
    "streaming_mean_relative_error",
    PAIR,
    *({"normalizer": numbers(4, 3), **row} for row in SOME + NAMED[:1]),
    {"normalizer": [[1.0, 0.0, 2.0]] * 4},
    {"normalizer": weights(4, 3)},
    {"normalizer": weights(4, 3, 1)},
    {"normalizer": weights(4)},
)
rows(
    "streaming_mean_cosine_distance",
    PAIR,
    *({"dim": dim} for dim in [0, 1, -1, 2]),
    {"dim": 1, "weights": 0.5},
    {"dim": 1, "weights": weights(4)},
    {"dim": 1, "weights": weights(4, 1)},
    {"dim": 1, "weights": weights(4, 3)},
    {"dim": 0, "weights": weights(1, 3)},
    {"dim": 1, "name": "mine"},
    {"dim": 1, "metrics_collections": ["m"]},
)
rows(
    "streaming_percentage_less",
    V,
    *({"threshold": 0.2, **row} for row in SOME + NAMED[:1]),
    {"threshold": -9.0},
    {"threshold": 9},
)
LIKELY = {"predictions": chances(6, 5), "labels": classes(6, n=5)}
rows(
    "streaming_recall_at_k",
    LIKELY,
    *({"k": k} for k in [1, 2, 5, 6]),
    {"k": 2, "weights": weights(6)},
    {"k": 2, "weights": 0.5},
    {"k": 2, "weights": weights(6, 1)},
    {"k": 2, "name": "mine"},
    {"k": 2, "labels": classes(6, 1)},
    {"k": 2, "labels": classes(6, n=9, dtype="int32")},
    {"k": 2, "predictions": classes(6, 5, n=2, dtype="float32")},
)

# Two classes --------------------------------------------------------------------------------------

BINARY = {"predictions": flags(4, 3), "labels": flags(4, 3)}
for name in [
    "streaming_true_positives",
    "streaming_true_negatives",
    "streaming_false_positives",
    "streaming_false_negatives",
    "streaming_precision",
    "streaming_recall",
    "streaming_false_positive_rate",
    "streaming_false_negative_rate",
]:
    rows(name, BINARY, *SOME, *NAMED[:2])
    rows(
        name,
        {},
        {"predictions": flags(6), "labels": Input((6,), "false", "bool")},
        {"predictions": Input((6,), "false", "bool"), "labels": flags(6)},
        {"predictions": classes(6), "labels": classes(6, 1)},
        {"predictions": numbers(6), "labels": classes(6, n=2)},
        {"predictions": flags(6), "labels": flags(5)},
    )

SCORED = {"predictions": chances(4, 3), "labels": flags(4, 3)}
# It checks constants, not what is fed to it; ours checks whatever is known.
ANYTHING = {"_skip": "on purpose: TensorFlow refuses these where they are constants"}
LIMITS = [[0.2, 0.5, 0.8], [0.5], (0.9, 0.1), []]
for name in [
    f"streaming_{sign}_{kind}" for sign in ["true", "false"] for kind in ["positives", "negatives"]
]:
    name = f"{name}_at_thresholds"
    rows(name, SCORED, *({"thresholds": limits} for limits in LIMITS))
    rows(name, SCORED, *SOME[1:], thresholds=LIMITS[0])
    rows(name, {"predictions": chances(4), "labels": flags(3)}, {"thresholds": [0.5]})
for name in [
    "streaming_precision_at_thresholds",
    "streaming_recall_at_thresholds",
    "streaming_false_positive_rate_at_thresholds",
    "streaming_false_negative_rate_at_thresholds",
]:
    rows(name, SCORED, *({"thresholds": limits} for limits in LIMITS))
    rows(name, SCORED, *SOME[1:], *NAMED[::2], thresholds=LIMITS[0])
    rows(name, {"predictions": chances(4, 1), "labels": classes(4, n=2)}, {"thresholds": [0.5]})
    odd = {} if "rate" in name else ANYTHING
    rows(name, {"labels": flags(4, 3)}, {"predictions": numbers(4, 3), "thresholds": [0.5], **odd})

# Many thresholds ----------------------------------------------------------------------------------

MANY = {
    "streaming_auc": [{"curve": "ROC"}, {"curve": "PR"}, {"curve": "AUC"}],
    "streaming_curve_points": [{"curve": "ROC"}, {"curve": "PR"}, {"curve": None}],
    "streaming_sensitivity_at_specificity": [{"specificity": s} for s in [0.7, 0, 1, 0.0, 1.5]],
    "streaming_specificity_at_sensitivity": [{"sensitivity": s} for s in [0.7, 0, 1, 0.0, -0.5]],
    "precision_at_recall": [{"target_recall": s} for s in [0.7, 0, 1, 0.99, 1.5]],
    "recall_at_precision": [
        {"precision": precision, "strict_mode": strict}
        for precision in [0.7, 0.0, 1.0, 1.5]
        for strict in [False, True]
    ],
    "f1_score": [{}],
}
for name, settings in MANY.items():
    rows(name, SCORED, *settings, num_thresholds=20)
    rows(name, SCORED, *SOME[1:], *NAMED[::2], num_thresholds=12, **settings[0])
    rows(name, SCORED, {"_state": False, "_batches": 2}, **settings[0])
    rows(
        name,
        {},
        {"predictions": chances(6), "labels": Input((6,), "false", "bool")},
        {"predictions": chances(6), "labels": Input((6,), "true", "bool")},
        {"predictions": chances(6), "labels": classes(6, 1, n=2)},
        {"predictions": chances(6, 1), "labels": classes(6, n=2, dtype="float32")},
        {"predictions": chances(6), "labels": flags(5)},
        {
            "predictions": numbers(6),
            "labels": flags(6),
            **(ANYTHING if name.startswith(("streaming_s", "streaming_auc", "f1")) else {}),
        },
        {"predictions": chances(6), "labels": flags(6), "num_thresholds": 2},
        num_thresholds=8,
        **settings[0],
    )
rows("streaming_curve_points", {}, {"labels": flags(4)}, {"predictions": chances(4)}, {})

EQUAL = {"labels": flags(4, 3), "predictions": chances(4, 3)}
rows(
    "precision_recall_at_equal_thresholds",
    EQUAL,
    *SOME,
    {"num_thresholds": 2},
    {"labels": classes(4, 3, n=2)},
    {"labels": flags(4), "predictions": chances(4, 1)},
    {"predictions": numbers(4, 3)},
    {"name": "mine"},
    {"use_locking": False},
    num_thresholds=6,
)
rows("precision_recall_at_equal_thresholds", EQUAL, {"_batches": 1})
SCORES = {"boolean_labels": flags(8), "scores": chances(8)}
rows(
    "auc_using_histogram",
    SCORES,
    {},
    {"score_range": [0.3, 0.6]},
    {"score_range": [-1.0, 3.0]},
    {"nbins": 2},
    {"scores": numbers(8), "score_range": [-1.0, 1.0]},
    {"boolean_labels": flags(4, 2), "scores": chances(4, 2)},
    {"boolean_labels": flags(4, 2), "scores": chances(4, 2), "check_shape": False},
    {"boolean_labels": flags(8, 1)},
    {"boolean_labels": classes(8, n=2)},
    {"boolean_labels": Input((8,), "false", "bool")},
    {"collections": ["mine"]},
    {"name": "n"},
    nbins=10,
    score_range=[0.0, 1.0],
)
rows("auc_using_histogram", SCORES, {"score_range": [0.0, 1.0], "_state": False})

# Several classes ----------------------------------------------------------------------------------

SEGMENTED = {"predictions": classes(6), "labels": classes(6)}
rows(
    "streaming_mean_iou",
    SEGMENTED,
    {},
    {"num_classes": 5},
    {"num_classes": 2},
    {"weights": weights(6)},
    {"weights": weights(6, 1)},
    {"weights": weights(3)},
    {"weights": 0.5},
    {"predictions": classes(2, 3), "labels": classes(2, 3), "weights": weights(2, 3)},
    {"predictions": classes(6, 1)},
    {"predictions": classes(5)},
    {"predictions": classes(6, n=1), "labels": classes(6, n=1)},
    {"predictions": classes(6, dtype="float32")},
    NAMED[0],
    num_classes=3,
)
rows(
    "cohen_kappa",
    {"labels": classes(6), "predictions_idx": classes(6)},
    {},
    {"num_classes": 5},
    {"num_classes": 2},
    {"num_classes": 1},
    {"weights": weights(6)},
    {"weights": weights(6, 1)},
    {"weights": classes(6)},
    {"weights": weights(3)},
    {"weights": 0.5},
    {"labels": classes(6, 1)},
    {"predictions_idx": classes(6, 1)},
    {"labels": classes(6, 1), "predictions_idx": classes(6, 1)},
    {"labels": classes(6, 2)},
    {"labels": classes(6, n=1), "predictions_idx": classes(6, n=1)},
    {"labels": classes(2, 3, 1)},
    NAMED[0],
    num_classes=3,
)

# The likeliest classes ----------------------------------------------------------------------------

TOP = {"predictions": chances(4, 5), "labels": classes(4, 2, n=5)}
AT_K = [
    *({"k": k} for k in [1, 2, 5]),
    {"k": 6},
    {"labels": classes(4, n=5)},
    {"labels": sparse(4, 3)},
    {"labels": sparse(4, 3, n=7)},
    {"labels": classes(4, 3, n=7)},
    {"labels": classes(3, 2, n=5)},
    {"labels": classes(4, 2, 2, n=5)},
    {"predictions": chances(2, 3, 5), "labels": classes(2, 3, 2, n=5)},
    {"predictions": chances(2, 3, 5), "labels": classes(2, 3, n=5)},
    {"predictions": chances(2, 3, 5), "labels": sparse(2, 3, 2), "weights": weights(2, 3)},
    {"predictions": classes(4, 5, n=2, dtype="float32")},
    {
        "labels": classes(4, 2, n=5, dtype="int32"),
        "_skip": "on purpose: TensorFlow asks for int64, which JAX does not have",
    },
    {"weights": 0.5},
    {"weights": 0.0},
    {"weights": weights(4)},
    {"weights": weights(1)},
    {"weights": weights(4, 1)},
    {"weights": weights(2)},
    NAMED[0],
    NAMED[2],
]
for name in ["streaming_sparse_recall_at_k", "streaming_sparse_precision_at_k"]:
    rows(name, TOP, *AT_K, k=3)
    rows(
        name,
        TOP,
        {"class_id": 2},
        {"class_id": 9},
        {"class_id": -1},
        {"class_id": 2, "labels": sparse(4, 3)},
        {"class_id": 2, "labels": classes(4, n=5)},
        {"class_id": 1, "weights": weights(4)},
        k=3,
    )
rows("streaming_sparse_average_precision_at_k", TOP, *AT_K, {"k": 0}, k=3)
IDS = {"top_k_predictions": classes(4, 3, n=5), "labels": classes(4, 2, n=5)}
AT_TOP_K = [
    {},
    {"labels": classes(4, n=5)},
    {"labels": sparse(4, 3)},
    {"top_k_predictions": classes(4, 3, n=5, dtype="int32")},
    {"top_k_predictions": classes(2, 3, 4, n=5), "labels": classes(2, 3, n=5)},
    {"labels": classes(4, 3, n=9)},
    {"weights": weights(4)},
    {"weights": 2.0},
    {"weights": weights(3)},
    NAMED[0],
]
for name in ["streaming_sparse_precision_at_top_k", "sparse_recall_at_top_k"]:
    rows(name, IDS, *AT_TOP_K, {"class_id": 1}, {"class_id": 1, "labels": sparse(4, 3)})
rows("streaming_sparse_average_precision_at_top_k", IDS, *AT_TOP_K)

# Everything is kept -------------------------------------------------------------------------------

rows(
    "streaming_concat",
    {},
    {"values": numbers(3)},
    {"values": numbers(2, 3)},
    {"values": numbers(2, 3), "axis": 1},
    {"values": numbers(2, 3, 2), "axis": -2},
    {"values": numbers(2, 3), "axis": 2},
    {"values": numbers(2, 3), "axis": -3},
    {"values": numbers()},
    {"values": classes(3), "name": "mine"},
    {"values": flags(3), "metrics_collections": ["m"]},
    _state=False,
)
rows(
    "streaming_concat",
    {},
    {"values": numbers(3), "max_size": 5},
    {"values": numbers(3), "max_size": 20},
    {"values": numbers(3), "max_size": 2},
    {"values": numbers(3), "max_size": 0},
    {"values": numbers(2, 3), "axis": 1, "max_size": 7},
    {"values": classes(2, 3), "max_size": 4},
)
EXACT = {"labels": classes(4, 3, n=2), "predictions": chances(4, 3)}
rows(
    "streaming_dynamic_auc",
    EXACT,
    {},
    {"curve": "PR"},
    {"curve": "AUC"},
    {"weights": weights(4, 3)},
    {"weights": weights(4, 3), "curve": "PR"},
    {"weights": weights(4)},
    {"predictions": classes(4, 3, dtype="float32")},
    {"predictions": classes(4, 3, dtype="float32"), "curve": "PR", "weights": weights(4, 3)},
    {"labels": flags(4, 3)},
    {"labels": classes(4, 3, n=1)},
    {"labels": classes(4, 3)},
    {"labels": classes(4, n=2)},
    NAMED[0],
    NAMED[2],
    _state=False,
)
rows(
    "auc_with_confidence_intervals",
    EXACT,
    {},
    {"alpha": 0.5},
    {"alpha": 0.0},
    {"alpha": 1.0},
    {"logit_transformation": False},
    {"logit_transformation": False, "alpha": 0.9},
    {"weights": weights(4, 3)},
    {"weights": weights(4, 3), "logit_transformation": False},
    {"predictions": classes(4, 3, dtype="float32")},
    {"predictions": classes(4, 3, dtype="float32"), "weights": weights(4, 3)},
    {"labels": classes(4, 3, n=1)},
    {"labels": classes(4, 3)},
    {"labels": classes(6, n=2), "predictions": chances(6, 1)},
    {"labels": classes(4, n=2)},
    NAMED[0],
    NAMED[2],
    _state=False,
)

# Names and collections ---------------------------------------------------------------------------

SIX = {"values": numbers(6)}


def program(batch: dict[str, Input]) -> Callable[..., Any]:
    """Decorator: the metric below, under its own name."""

    def add(metric: Callable[..., Any]) -> Callable[..., Any]:
        case(metric.__name__, metric, batch)
        return metric

    return add


@program(SIX)
def twice_without_a_name(t, values):
    return [t.slim.metrics.streaming_mean(values), t.slim.metrics.streaming_mean(values + 1.0)]


@program(SIX)
def twice_of_one_name(t, values):
    mean = t.slim.metrics.streaming_mean
    return [mean(values, name="m"), mean(values + 1.0, name="m")]


@program({"predictions": classes(6), "labels": classes(6)})
def several_in_a_scope(t, predictions, labels):
    with t.variable_scope("evaluation"):
        found = [
            t.slim.metrics.streaming_accuracy(predictions, labels),
            t.slim.metrics.streaming_precision(predictions, labels),
            t.slim.metrics.streaming_accuracy(predictions, labels),
        ]
    with t.variable_scope("evaluation"):
        return [*found, t.slim.metrics.streaming_recall(predictions, labels)]


@program({"predictions": chances(6), "labels": flags(6)})
def counts_at_thresholds_twice(t, predictions, labels):
    m = t.slim.metrics
    return [
        m.streaming_true_positives_at_thresholds(predictions, labels, [0.3, 0.6]),
        m.streaming_true_positives_at_thresholds(predictions, labels, [0.5]),
    ]


@program(TOP)
def top_k_twice_in_a_scope(t, predictions, labels):
    with t.name_scope("a"):
        return [
            t.slim.metrics.streaming_sparse_recall_at_k(predictions, labels, 2),
            t.slim.metrics.streaming_sparse_recall_at_k(predictions, labels, 2),
        ]


@program(SIX)
def in_name_scopes(t, values):
    with t.name_scope("a"):
        first = t.slim.metrics.streaming_mean(values)
    with t.name_scope("b"):
        second = t.slim.metrics.streaming_mean(values)
        third = t.slim.metrics.streaming_percentage_less(values, 0.0)
    with t.name_scope("c"):
        return [first, second, third, t.slim.metrics.streaming_percentage_less(values, 0.0)]


@program(SIX)
def collected(t, values):
    for collections in ["a", ["a", "b"]]:
        t.slim.metrics.streaming_mean(
            values, metrics_collections=collections, updates_collections=["u"]
        )
    return list(zip(t.get_collection("a"), t.get_collection("u"), strict=True))


@program({"predictions": classes(6), "labels": classes(6)})
def aggregated(t, predictions, labels):
    m = t.slim.metrics
    values, updates = m.aggregate_metrics(
        m.streaming_accuracy(predictions, labels), m.streaming_recall(predictions, labels)
    )
    return list(zip(values, updates, strict=True))


@program({"predictions": classes(6), "labels": classes(6)})
def aggregated_by_name(t, predictions, labels):
    m = t.slim.metrics
    values, updates = m.aggregate_metric_map(
        {
            "accuracy": m.streaming_accuracy(predictions, labels),
            "recall": m.streaming_recall(predictions, labels),
        }
    )
    return [(values[name], updates[name]) for name in values]


@CASES.program()
def aggregated_nothing(t):
    return t.slim.metrics.aggregate_metrics()


@CASES.program()
def aggregated_nothing_by_name(t):
    return t.slim.metrics.aggregate_metric_map({})


# One batch ---------------------------------------------------------------------------------------

NUMBERS = Input((4, 3), "labels", "int32")
CASES.calls(
    "slim.metrics.accuracy",
    [NUMBERS, NUMBERS],
    {},
    {"weights": 0.5},
    {"weights": [[1.0], [0.0], [2.0], [3.0]]},
    {"weights": [[1.0, 0.0, 2.0]]},
    {"name": "a"},
    {"_in": [Input((4,), "labels", "bool"), Input((4,), "labels", "bool")]},
    {"_in": [Input((4,)), Input((4,))]},
    {"_in": [Input((4,)), Input((4,), "labels", "int32")]},
    {"_in": [Input((4,), "labels", "int32"), Input((3,), "labels", "int32")]},
)
