"""Metrics over many batches, as in `slim.metrics`: fifty formulas over a handful of sums.

Inside a transformed function a metric keeps its sums in local variables, which are part of `state`
and move with it: there is no update op to forget. Both things that a metric returns are its value
after this batch (where TensorFlow's `update_op` gives something else, so does the second).

    >>> def evaluate(predictions, labels):
    ...     accuracy, _ = slim.metrics.streaming_accuracy(predictions, labels)
    ...     return accuracy
    >>> net = nn.transform(evaluate)
    >>> predictions, labels = jnp.array([[0, 1], [2, 2]]), jnp.array([[0, 1], [2, 0]])  # 2 batches
    >>> _, state = net.init(jax.random.key(0), predictions[0], labels[0])
    >>> sorted(state)
    ['accuracy/count', 'accuracy/total']
    >>> for batch in zip(predictions, labels):
    ...     accuracy, state = net.apply({}, state, *batch)
    >>> float(accuracy)
    0.75

Beside that every metric is three pure functions, which `functional` gives: `init`, `update` and
`value` of a dict of arrays. So a whole evaluation is one `lax.scan`, and what several devices or
hosts have summed up can be added:

    >>> accuracy = slim.metrics.functional(slim.metrics.streaming_accuracy)
    >>> state = accuracy.init(predictions[0], labels[0])
    >>> def step(state, batch):
    ...     return accuracy.update(state, *batch), None
    >>> state, _ = jax.lax.scan(step, state, (predictions, labels))
    >>> float(accuracy.value(state))
    0.75

All metrics take `weights`, as a rule a scalar, or of the rank of the labels with sizes that are the
same or 1; and, in a transformed function, the collections to add both results to and the `name` of
their scope. Sums are float32 where TensorFlow's are float64, and int32 where they are int64. What
TensorFlow checks while it runs (probabilities in [0, 1], labels in range) is checked where the
numbers are known, that is outside of `jit`. A ValueError says which shapes do not fit.
"""

from slim.metrics.averages import (
    accuracy,
    aggregate_metric_map,
    aggregate_metrics,
    count,
    streaming_accuracy,
    streaming_covariance,
    streaming_mean,
    streaming_mean_absolute_error,
    streaming_mean_cosine_distance,
    streaming_mean_relative_error,
    streaming_mean_squared_error,
    streaming_mean_tensor,
    streaming_pearson_correlation,
    streaming_percentage_less,
    streaming_recall_at_k,
    streaming_root_mean_squared_error,
)
from slim.metrics.concatenation import (
    AucData,
    auc_with_confidence_intervals,
    streaming_concat,
    streaming_dynamic_auc,
)
from slim.metrics.confusion import (
    cohen_kappa,
    streaming_false_negative_rate,
    streaming_false_negatives,
    streaming_false_positive_rate,
    streaming_false_positives,
    streaming_mean_iou,
    streaming_precision,
    streaming_recall,
    streaming_true_negatives,
    streaming_true_positives,
)
from slim.metrics.curves import (
    f1_score,
    precision_at_recall,
    recall_at_precision,
    streaming_auc,
    streaming_curve_points,
    streaming_sensitivity_at_specificity,
    streaming_specificity_at_sensitivity,
)
from slim.metrics.histograms import (
    PrecisionRecallData,
    auc_using_histogram,
    precision_recall_at_equal_thresholds,
)
from slim.metrics.streaming import Metric, functional
from slim.metrics.thresholds import (
    streaming_false_negative_rate_at_thresholds,
    streaming_false_negatives_at_thresholds,
    streaming_false_positive_rate_at_thresholds,
    streaming_false_positives_at_thresholds,
    streaming_precision_at_thresholds,
    streaming_recall_at_thresholds,
    streaming_true_negatives_at_thresholds,
    streaming_true_positives_at_thresholds,
)
from slim.metrics.top_k import (
    sparse_recall_at_top_k,
    streaming_sparse_average_precision_at_k,
    streaming_sparse_average_precision_at_top_k,
    streaming_sparse_precision_at_k,
    streaming_sparse_precision_at_top_k,
    streaming_sparse_recall_at_k,
)

__all__ = [
    "AucData",
    "Metric",
    "PrecisionRecallData",
    "accuracy",
    "aggregate_metric_map",
    "aggregate_metrics",
    "auc_using_histogram",
    "auc_with_confidence_intervals",
    "cohen_kappa",
    "count",
    "f1_score",
    "functional",
    "precision_at_recall",
    "precision_recall_at_equal_thresholds",
    "recall_at_precision",
    "sparse_recall_at_top_k",
    "streaming_accuracy",
    "streaming_auc",
    "streaming_concat",
    "streaming_covariance",
    "streaming_curve_points",
    "streaming_dynamic_auc",
    "streaming_false_negative_rate",
    "streaming_false_negative_rate_at_thresholds",
    "streaming_false_negatives",
    "streaming_false_negatives_at_thresholds",
    "streaming_false_positive_rate",
    "streaming_false_positive_rate_at_thresholds",
    "streaming_false_positives",
    "streaming_false_positives_at_thresholds",
    "streaming_mean",
    "streaming_mean_absolute_error",
    "streaming_mean_cosine_distance",
    "streaming_mean_iou",
    "streaming_mean_relative_error",
    "streaming_mean_squared_error",
    "streaming_mean_tensor",
    "streaming_pearson_correlation",
    "streaming_percentage_less",
    "streaming_precision",
    "streaming_precision_at_thresholds",
    "streaming_recall",
    "streaming_recall_at_k",
    "streaming_recall_at_thresholds",
    "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity",
    "streaming_sparse_average_precision_at_k",
    "streaming_sparse_average_precision_at_top_k",
    "streaming_sparse_precision_at_k",
    "streaming_sparse_precision_at_top_k",
    "streaming_sparse_recall_at_k",
    "streaming_specificity_at_sensitivity",
    "streaming_true_negatives",
    "streaming_true_negatives_at_thresholds",
    "streaming_true_positives",
    "streaming_true_positives_at_thresholds",
]
