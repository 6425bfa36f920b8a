"""Metrics: their pure form, what JAX asks of them, what differs from TensorFlow, every message.

What they compute is compared with the real TF-Slim in test_goldens.py.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
import slim

m = slim.metrics
RNG = np.random.RandomState(0)
BATCHES, N = 3, 6
SCORES = RNG.uniform(size=(BATCHES, N)).astype("float32")
FLAGS = RNG.randint(0, 2, (BATCHES, N)).astype(bool)
IDS, OTHER_IDS = (RNG.randint(0, 3, (BATCHES, N)).astype("int32") for _ in range(2))
LIKELY = RNG.uniform(size=(BATCHES, N, 4)).astype("float32")
LABELS = RNG.randint(0, 4, (BATCHES, N, 2)).astype("int32")
X, Y = (RNG.standard_normal((BATCHES, N)).astype("float32") for _ in range(2))

BINARY = {"predictions": FLAGS, "labels": FLAGS[::-1]}
SCORED = {"predictions": SCORES, "labels": FLAGS}
PAIR = {"predictions": X, "labels": Y}
TOP = {"predictions": LIKELY, "labels": LABELS}
TOP_IDS = {"top_k_predictions": LABELS[::-1], "labels": LABELS}

# Every metric over batches: what a batch holds, and the settings.
METRICS = {
    "auc_using_histogram": (
        {"boolean_labels": FLAGS, "scores": SCORES},
        {"score_range": [0.0, 1.0], "nbins": 5},
    ),
    "auc_with_confidence_intervals": (SCORED, {}),
    "cohen_kappa": ({"labels": IDS, "predictions_idx": OTHER_IDS}, {"num_classes": 3}),
    "count": ({"values": X}, {}),
    "f1_score": (SCORED, {"num_thresholds": 5}),
    "precision_at_recall": (SCORED, {"target_recall": 0.5, "num_thresholds": 5}),
    "precision_recall_at_equal_thresholds": (SCORED, {"num_thresholds": 5}),
    "recall_at_precision": (SCORED, {"precision": 0.5, "num_thresholds": 5}),
    "sparse_recall_at_top_k": (TOP_IDS, {}),
    "streaming_accuracy": ({"predictions": IDS, "labels": OTHER_IDS}, {}),
    "streaming_auc": (SCORED, {"num_thresholds": 5}),
    "streaming_concat": ({"values": X}, {"max_size": 10}),
    "streaming_covariance": (PAIR, {}),
    "streaming_curve_points": (SCORED, {"num_thresholds": 5}),
    "streaming_dynamic_auc": (SCORED, {}),
    "streaming_mean": ({"values": X}, {}),
    "streaming_mean_absolute_error": (PAIR, {}),
    "streaming_mean_cosine_distance": (PAIR, {"dim": 0}),
    "streaming_mean_iou": ({"predictions": IDS, "labels": OTHER_IDS}, {"num_classes": 3}),
    "streaming_mean_relative_error": ({**PAIR, "normalizer": SCORES}, {}),
    "streaming_mean_squared_error": (PAIR, {}),
    "streaming_mean_tensor": ({"values": X}, {}),
    "streaming_pearson_correlation": (PAIR, {}),
    "streaming_percentage_less": ({"values": X}, {"threshold": 0.5}),
    "streaming_recall_at_k": ({"predictions": LIKELY, "labels": IDS}, {"k": 2}),
    "streaming_root_mean_squared_error": (PAIR, {}),
    "streaming_sensitivity_at_specificity": (SCORED, {"specificity": 0.5, "num_thresholds": 5}),
    "streaming_sparse_average_precision_at_k": (TOP, {"k": 2}),
    "streaming_sparse_average_precision_at_top_k": (TOP_IDS, {}),
    "streaming_sparse_precision_at_k": (TOP, {"k": 2}),
    "streaming_sparse_precision_at_top_k": (TOP_IDS, {"class_id": 1}),
    "streaming_sparse_recall_at_k": (TOP, {"k": 2, "class_id": 1}),
    "streaming_specificity_at_sensitivity": (SCORED, {"sensitivity": 0.5, "num_thresholds": 5}),
}
for sign in ("true", "false"):
    for kind in ("positives", "negatives"):
        METRICS[f"streaming_{sign}_{kind}"] = BINARY, {}
        METRICS[f"streaming_{sign}_{kind}_at_thresholds"] = SCORED, {"thresholds": [0.3, 0.6]}
for rate in ("precision", "recall", "false_positive_rate", "false_negative_rate"):
    METRICS[f"streaming_{rate}"] = BINARY, {}
    METRICS[f"streaming_{rate}_at_thresholds"] = SCORED, {"thresholds": [0.3, 0.6]}

GROWING = {"auc_with_confidence_intervals", "streaming_dynamic_auc"}
NO_SUMS = {*GROWING, "streaming_concat", "streaming_covariance", "streaming_pearson_correlation"}
every = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in GROWING)) for name in METRICS]
)


def test_the_table_has_every_metric():
    others = {"accuracy", "aggregate_metric_map", "aggregate_metrics", "functional"}
    assert set(METRICS) == {n for n in m.__all__ if inspect.isfunction(getattr(m, n))} - others


def assert_same(found, expected):
    # The same sums, at most in another order.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected
    )


def run(name):
    """The values after each batch, and the state, of the form with local variables."""
    batches, settings = METRICS[name]
    net = nn.transform(lambda batch: getattr(m, name)(**batch, **settings)[0])
    first = {k: v[0] for k, v in batches.items()}
    _, state = net.init(jax.random.key(0), first)
    values = []
    for i in range(BATCHES):
        value, state = net.apply({}, state, {k: v[i] for k, v in batches.items()})
        values.append(value)
    return values, state


@every
def test_both_forms_are_one_metric(name):
    batches, settings = METRICS[name]
    metric = m.functional(getattr(m, name), **settings)
    values, kept = run(name)
    state = metric.init(**{k: v[0] for k, v in batches.items()})
    for i, expected in enumerate(values):
        state = metric.update(state, **{k: v[i] for k, v in batches.items()})
        assert_same(metric.value(state), expected)
    assert len(state) == len(kept)
    for k in state:
        assert_same(state[k], next(v for full, v in kept.items() if full.endswith(k)))


@pytest.mark.parametrize("name", sorted(METRICS.keys() - GROWING))
def test_an_evaluation_is_one_scan(name):
    batches, settings = METRICS[name]
    metric = m.functional(getattr(m, name), **settings)

    @jax.jit
    def evaluate(batches):
        state = metric.init(**jax.tree.map(lambda x: x[0], batches))
        state, _ = jax.lax.scan(lambda s, b: (metric.update(s, **b), None), state, batches)
        return metric.value(state)

    assert_same(evaluate(batches), run(name)[0][-1])


@pytest.mark.parametrize("name", sorted(METRICS.keys() - NO_SUMS))
def test_what_two_devices_summed_up_can_be_added(name):
    batches, settings = METRICS[name]
    metric = m.functional(getattr(m, name), **settings)
    states = []
    for i in range(BATCHES):
        batch = {k: v[i] for k, v in batches.items()}
        states.append(metric.update(metric.init(**batch), **batch))
    assert_same(metric.value(jax.tree.map(lambda *parts: sum(parts), *states)), run(name)[0][-1])


@pytest.mark.slow
def test_growing_metrics_are_compiled_for_every_size():
    net = nn.transform(lambda x, y: m.streaming_dynamic_auc(y, x)[0])
    _, state = net.init(jax.random.key(0), SCORES[0], FLAGS[0])
    apply = jax.jit(net.apply)
    for x, y in zip(SCORES, FLAGS, strict=True):
        value, state = apply({}, state, x, y)
    assert {k: v.shape for k, v in state.items() if k.endswith("array")} == {
        "dynamic_auc/concat_preds/array": (BATCHES * N,),
        "dynamic_auc/concat_labels/array": (BATCHES * N,),
    }
    assert_same(value, run("streaming_dynamic_auc")[0][-1])


def test_a_buffer_is_returned_whole_where_its_filling_is_not_known():
    concat = m.functional(m.streaming_concat, max_size=4)
    state = concat.update(concat.init(jnp.ones(3)), jnp.ones(3))
    np.testing.assert_array_equal(concat.value(state), np.ones(3))
    np.testing.assert_array_equal(jax.jit(concat.value)(state), [1, 1, 1, 0])


def test_local_variables_are_state_and_listed_as_local():
    def evaluate(x):
        m.streaming_mean(x, name="loss", metrics_collections="values")
        return nn.get_collection(nn.GraphKeys.LOCAL_VARIABLES), nn.get_collection("values")

    net = nn.transform(lambda x: [v.name for v in evaluate(x)[0]])
    assert net.apply({}, net.init(jax.random.key(0), X[0])[1], X[0])[0] == [
        "loss/total",
        "loss/count",
    ]
    values = nn.transform(lambda x: evaluate(x)[1])
    params, state = values.init(jax.random.key(0), X[0])
    assert params == {}
    (value,), _ = values.apply(params, state, X[0])
    assert_same(value, X[0].mean())


def test_probabilities_out_of_range_are_refused_where_they_are_known():
    metric = m.functional(m.precision_recall_at_equal_thresholds, num_thresholds=3)
    with pytest.raises(ValueError, match=r"expected them in \[0, 1\]"):
        metric(FLAGS[0], X[0])
    jax.jit(metric)(FLAGS[0], X[0])


def test_intervals_ask_for_both_labels_among_all_batches():
    # TensorFlow asks for both in the last batch, and gives 0 here.
    auc = m.functional(m.auc_with_confidence_intervals)
    state = auc.update(auc.init(FLAGS[0], SCORES[0]), FLAGS[0], SCORES[0])
    state = auc.update(state, np.ones(N, bool), SCORES[1])
    assert float(auc.value(state).auc) > 0


def test_sparse_labels_are_sets():
    recall = m.functional(m.streaming_sparse_recall_at_k, k=2)
    sparse = nn.SparseTensor([[0, 0], [0, 2], [1, 0]], [1, 1, 3], (2, 3))
    likely = jnp.array([[0.1, 0.6, 0.3, 0.0], [0.4, 0.3, 0.2, 0.1]])
    assert float(jax.jit(recall)(likely, sparse)) == 0.5
    assert [leaf.shape for leaf in map(jnp.asarray, jax.tree.leaves(recall(likely, sparse)))] == [
        ()
    ]


REFUSED = [
    (lambda: m.streaming_mean(X[0]), ValueError, "needs a running model"),
    (lambda: m.functional(m.accuracy), ValueError, "expected a metric over batches"),
    (lambda: m.functional(m.streaming_auc, curves="PR"), TypeError, "Did you mean 'curve'"),
    (lambda: m.functional(m.streaming_mean)(X[0], w=1.0), TypeError, "streaming_mean"),
    (
        lambda: m.functional(m.streaming_mean)(X[0], X[0][:2]),
        ValueError,
        r"weights has shape \(2,\)",
    ),
    (lambda: m.functional(m.streaming_accuracy)(IDS[0], IDS), ValueError, "labels"),
    (lambda: m.functional(m.streaming_mean_squared_error)(X[0], IDS[0]), TypeError, "int32"),
    (lambda: m.functional(m.streaming_auc, curve="AUC")(X[0], X[0]), ValueError, "'ROC' or 'PR'"),
    (lambda: m.functional(m.cohen_kappa, num_classes=1)(IDS[0], IDS[0]), ValueError, "at least 2"),
    (lambda: m.functional(m.streaming_concat)(1.0), ValueError, "axis is 0"),
    (lambda: m.aggregate_metrics(), ValueError, "at least one pair"),
    (lambda: m.accuracy(X[0], X[0]), ValueError, "expected integers or bools"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
