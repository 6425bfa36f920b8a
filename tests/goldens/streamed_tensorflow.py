"""`t.streamed` of TensorFlow: a metric run over batches in a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from goldens.kit import Sparse, parted

NARROW = {"float64": "float32", "int64": "int32"}  # ours, unless asked for wider ones
KINDS = ["local_variables", "metric_variables", "variables", "mine"]


def streamed(
    metric: Callable[..., Any],
    batches: Sequence[dict[str, Any]],
    state: bool = True,
    updates: bool = True,
) -> dict[str, Any]:
    """What `metric(**batch)` returned after each batch, and the local variables it left.

    The metric returns a pair, value and update, or a list of pairs. The updates are run first, so
    that a value is the one after the batch. Without `updates` they have no result to compare.
    """
    with tf.Graph().as_default():
        fed = {name: placeholder(array) for name, array in batches[0].items()}
        pairs = metric(**fed)
        pairs = pairs if isinstance(pairs, list) else [pairs]
        variables = tf.get_collection(tf.GraphKeys.LOCAL_VARIABLES) or tf.get_collection("mine")
        after = []
        with tf.Session() as session:
            session.run([variable.initializer for variable in variables])
            for batch in batches:
                feed = {fed[name]: fitting(array) for name, array in batch.items()}
                ran = session.run([update for _, update in pairs], feed)
                values = session.run([value for value, _ in pairs], feed)
                ran = ran if updates else [None] * len(ran)
                after.append(tf.nest.map_structure(result, list(zip(values, ran, strict=True))))
            last = session.run(variables) if state else None
        held = {key: [v.op.name for v in tf.get_collection(key)] for key in KINDS}
    names = [(v.op.name, v.dtype.base_dtype.name) for v in variables]
    return {
        "after": after if isinstance(pairs, list) and len(pairs) > 1 else [a[0] for a in after],
        "variables": [
            [name, NARROW.get(dtype, dtype), [key for key in KINDS if name in held[key]]]
            for name, dtype in names
        ],
        "state": last and [parted(array) for array in last],
    }


def placeholder(array: Any) -> Any:
    """What a batch is fed to; the sizes are known, as JAX knows them."""
    if isinstance(array, Sparse):
        return tf.sparse_placeholder(array.values.dtype, array.dense_shape)
    return tf.placeholder(array.dtype, array.shape)


def fitting(array: Any) -> Any:
    return tf.SparseTensorValue(*array) if isinstance(array, Sparse) else array


def result(array: Any) -> Any:
    return None if array is None else parted(array)
