"""Runs every case on the real TensorFlow and TF-Slim and writes down what they did.

From the folder `tests`: `python -m goldens.record`, in an environment as README.md describes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow.compat.v1 as tf
import tensorflow.compat.v2 as tf2
import tf_keras
import tf_slim
from tf_slim.layers import utils as slim_utils
from tf_slim.ops import arg_scope as arg_scope_module

from goldens import tf_loops
from goldens.cases import CASES
from goldens.kit import FOLDER, Case, flatten
from goldens.streamed_tensorflow import streamed

INITIALIZERS = (
    "constant zeros ones random_normal random_uniform truncated_normal variance_scaling "
    "uniform_unit_scaling orthogonal identity glorot_normal glorot_uniform he_normal he_uniform "
    "lecun_normal lecun_uniform"
)


def library() -> SimpleNamespace:
    """`t`, as programs see it, made of the real thing."""
    slim = SimpleNamespace(**{name: getattr(tf_slim, name) for name in dir(tf_slim)})
    slim.utils = slim_utils
    return SimpleNamespace(
        layers=tf.layers,
        slim=slim,
        nn=tf2.nn,
        variable_scope=tf.variable_scope,
        get_variable_scope=tf.get_variable_scope,
        get_variable=tf.get_variable,
        name_scope=tf.name_scope,
        AUTO_REUSE=tf.AUTO_REUSE,
        GraphKeys=tf.GraphKeys,
        get_collection=tf.get_collection,
        add_to_collection=tf.add_to_collection,
        **{f"{n}_initializer": getattr(tf.initializers, n) for n in INITIALIZERS.split()},
        train=tf.train,
        loops=tf_loops,
        names=lambda variables: [variable.op.name for variable in variables],
        streamed=streamed,
        SparseTensor=tf.SparseTensor,
        first_value=lambda initializer, shape, dtype: initializer(shape, tf.as_dtype(dtype)),
    )


def is_array(value: Any) -> bool:
    return isinstance(value, (tf.Tensor, tf.Variable, np.ndarray))


class Store:
    """All recorded numbers, end to end in one float32 array."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, array: Any) -> int:
        """Keeps an array and says where it begins."""
        array = np.asarray(array)
        if not np.all(np.isfinite(array.astype("float32"))):
            raise ValueError("a golden number must be finite")
        self.parts.append(array.astype("float32").ravel())
        self.size += array.size
        return self.size - array.size


def record(case: Case, store: Store) -> dict[str, Any]:
    """What the real thing did with one case, as JSON."""
    created: list[Any] = []

    def note(next_creator: Any, **kwargs: Any) -> Any:
        created.append(next_creator(**kwargs))
        return created[-1]

    arg_scope_module._ARGSTACK[:] = [{}]  # an arg_scope that raised leaves it wrong
    with tf.Graph().as_default(), tf.variable_creator_scope(note):
        tf.set_random_seed(1)
        inputs = [tf.placeholder(spec.dtype, spec.shape) for spec in case.inputs]
        try:
            tree, outputs = flatten(case.program(library(), *inputs), is_array)
        except Exception as error:
            if isinstance(error, ImportError) or "module 'tensorflow" in str(error):
                raise  # this tf_slim does not belong to this TensorFlow: nobody's refusal
            message = str(error).splitlines()
            return {"refused": type(error).__name__, "message": message[0][:200] if message else ""}
        outputs = [tf.convert_to_tensor(output) for output in outputs]
        described = [description(variable) for variable in created]
        answer = {"returns": tree, "variables": described}
        answer.update(values(case, store, inputs, outputs, created))
        for row, initial in zip(described, answer.pop("initial"), strict=True):
            row.append(initial)
        return answer


def description(variable: Any) -> list[Any]:
    """A variable as JSON: name, dtype, shape, the collections that hold it."""
    graph = tf.get_default_graph()
    holding = [
        key
        for key in graph.get_all_collection_keys()
        if isinstance(key, str) and any(item is variable for item in graph.get_collection(key))
    ]
    dtype = variable.dtype.base_dtype.name
    return [variable.op.name, dtype, variable.shape.as_list(), sorted(holding)]


def values(
    case: Case, store: Store, inputs: list[Any], outputs: list[Any], created: list[Any]
) -> dict[str, Any]:
    """Every number of a case that was accepted."""
    if not case.numbers:
        return {"initial": first_values(created)}
    trainable = [v for v in created if v in tf.trainable_variables()]
    others = [v for v in created if v not in trainable]
    sources = [i for i, spec in zip(inputs, case.inputs, strict=True) if spec.differentiable]
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) + tf.get_collection("mine")
    gradients = []
    if case.gradients and not case.statistics:
        gradients = slopes(case, outputs, sources + trainable)
    feed = dict(zip(inputs, case.arrays(), strict=True))
    options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with tf.Session(config=options) as session:
        for variable in created:
            session.run(variable.initializer)
        initial = [summary(array, case.statistics) for array in session.run(created)]
        if case.statistics:
            return {"initial": initial}
        for variable in created:
            value = case.value(
                variable.op.name, variable.shape.as_list(), variable.dtype.base_dtype.name
            )
            variable.load(value, session)
        got = session.run([outputs, [g for g in gradients if g is not None], losses], feed)
        known = iter(got[1])
        found = [None if g is None else store.add(next(known)) for g in gradients]
        # A call adds two updates, of mean and variance. One run for each call: renorm also moves
        # other variables in every run, and of a layer called twice the second update comes second.
        for i in range(0, len(updates), 2):
            session.run(updates[i : i + 2], feed)
        return {
            "initial": initial,
            "outputs": [[o.dtype.name, list(o.shape), store.add(o)] for o in got[0]],
            "slopes of inputs": found[: len(sources)] if gradients else None,
            "slopes of variables": found[len(sources) :] if gradients else None,
            "after updates": {v.op.name: store.add(session.run(v)) for v in others},
            "regularization": [
                [loss.op.name, float(value)] for loss, value in zip(losses, got[2], strict=True)
            ],
        }


def first_values(created: list[Any]) -> list[Any]:
    """A summary of each first value; kernels need not be made to be called random."""
    vectors = {v.op.name: v.initial_value for v in created if len(v.shape) == 1}
    with tf.Session() as session:
        found = session.run(vectors)
    return [summary(found.get(v.op.name, [0, 1]), False) for v in created]


def slopes(case: Case, outputs: list[Any], sources: list[Any]) -> list[Any]:
    """Gradients of the sum of outputs times cotangents; None where nothing depends."""
    objective = [
        tf.reduce_sum(tf.cast(output, "float32") * case.cotangent(i, output.shape.as_list()))
        for i, output in enumerate(outputs)
        if output.dtype.is_floating
    ]
    return tf.gradients(tf.add_n(objective), sources) if objective else []


def summary(array: Any, spread: bool) -> Any:
    """An initial value: the number if all elements are one number, else 'random' or its spread."""
    array = np.asarray(array, "float64")
    if array.size and np.all(array == array.flat[0]):
        return float(array.flat[0])
    if spread:
        return {"max": float(np.abs(array).max()), "std": float(array.std())}
    return "random"


def main() -> None:
    """Records all cases and writes recorded.json and recorded.npz."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slim-commit", required=True, help="of the tf_slim on the path")
    options.add_argument("--only", default="", help="leave out cases whose names lack this")
    arguments = options.parse_args()
    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    store, started = Store(), time.time()
    answers: dict[str, Any] = {}
    failed: list[str] = []
    for case in CASES:
        if arguments.only in case.name:
            try:
                answers[case.name] = record(case, store)
            except Exception as error:
                failed.append(f"{case.name}: {type(error).__name__} {str(error)[:200]}")
    if failed:
        sys.exit("accepted, then could not be run:\n" + "\n".join(failed))
    if arguments.only and "GOLDENS" not in os.environ:
        json.dump(answers, sys.stdout, indent=1)
        return
    about = {
        "tensorflow": tf.__version__,
        "tf_keras": tf_keras.__version__,
        "tf_slim": f"google-research/tf-slim {arguments.slim_commit}",
        "numpy": np.__version__,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
    text = ",\n".join([f'"about": {json.dumps(about)}', *lines])
    (FOLDER / "recorded.json").write_text("{\n" + text + "\n}\n")
    np.savez_compressed(FOLDER / "recorded.npz", values=np.concatenate(store.parts))
    refused = sum("refused" in answer for answer in answers.values())
    seconds = time.time() - started
    print(f"{len(answers)} cases, {refused} refused; {store.size} numbers; {seconds:.0f} s")


if __name__ == "__main__":
    main()
