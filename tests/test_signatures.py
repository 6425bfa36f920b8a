"""Every public signature is TensorFlow's (names, order, kinds, defaults) or stands in a list here.

`data/surface.json` has what `inspect` says of the real thing.
"""

import functools
import importlib
import inspect
import json
from pathlib import Path

import jax.numpy as jnp
import pytest

import layers
import slim
from nn.expressions import Expression
from slim.absent import Absent

RECORDED = json.loads((Path(__file__).parent / "data" / "surface.json").read_text())
del RECORDED["about"]


def place(key):
    """Our module or namespace of the same name."""
    if key.startswith("slim.nets."):  # not imported by slim, as in TF-Slim
        return importlib.import_module(key)
    return functools.reduce(getattr, key.split(".")[1:], importlib.import_module(key.split(".")[0]))


OURS = {key: place(key) for key in RECORDED}

# Readers, queues and decoders of a graph: their names are there and say what to use instead.
WITHOUT_MEANING = {
    *("slim.data_decoder", "slim.data_provider", "slim.dataset_data_provider"),
    *("slim.parallel_reader", "slim.prefetch_queue", "slim.queues", "slim.tfexample_decoder"),
}
# What tf_slim's modules merely import from TensorFlow: hooks and counters of sessions.
LEFT_OUT = {
    "slim.evaluation": ["StopAfterNEvalsHook", "get_or_create_eval_step"],
    "slim.train_eval": ["StopAfterNEvalsHook", "evaluate_once", "get_or_create_eval_step"],
}
ONLY_OURS = {
    "layers": {"DepthwiseConv2D", "depthwise_conv2d"},  # TensorFlow has them in Keras only
    "slim": {"to_layers_names", "to_slim_names"},
    "slim.losses": set(),
    "slim.utils": set(),
}

# The arguments that TensorFlow has and we have not, and the other way round, with the reason.
INTERNAL = [["_scope", "None", "keyword-only"], ["_reuse", "None", "keyword-only"]]
DTYPE = [["dtype", "None", "keyword-only"]]
PLACED_BY_THE_GRAPH = [
    ["synchronization", "VariableSynchronization.AUTO"],
    ["aggregation", "VariableAggregation.NONE"],
]


def fed(*more):
    """A loop whose data TensorFlow found in the graph's queues: here it is an argument."""
    names = [["batches", "keyword-only"], ["rng", "None", "keyword-only"]]
    return [], names + [[name, "None", "keyword-only"] for name in more]


DIFFERENCES = {
    # What TensorFlow's classes take in **kwargs is written out.
    **{
        f"{package}.{name}": ([["**kwargs"]], DTYPE + INTERNAL)
        for package in ("layers", "slim", "slim.layers")
        for name in RECORDED[package]
        if inspect.isclass(value := getattr(OURS[package], name, None))
        and issubclass(value, layers.Layer)
    },
    "layers.Layer": ([["**kwargs"]], [["activity_regularizer", "None", "keyword-only"], *INTERNAL]),
    "layers.Flatten": ([["**kwargs"]], [["name", "None"], *DTYPE, *INTERNAL]),
    # How replicas of a graph share a variable: JAX has shardings.
    "slim.variable": (PLACED_BY_THE_GRAPH, []),
    "slim.model_variable": (PLACED_BY_THE_GRAPH, []),
    # No layer of ours passes masks on.
    "layers.BatchNormalization.call": ([["mask", "None"]], []),
    "slim.evaluation.evaluate_once": fed(),
    "slim.evaluation.evaluation_loop": fed(),
    "slim.learning.train": fed(),
    "slim.train_eval.evaluate_repeatedly": fed("variables_to_restore", "num_evals"),
    "slim.training.train": fed("init_fn"),
}


def spelled(default):
    """A default as the recording spells it."""
    if isinstance(default, Expression):
        made = {"xavier_initializer()": "variance_scaling_initializer(factor=1.0, mode=FAN_AVG, "}
        made = {name: text + "uniform=True)" for name, text in made.items()}
        return f"<{made.get(repr(default), repr(default).removesuffix('()'))}>"
    if default is jnp.float32 or default == "float32":
        return "tf.float32"
    return f"<{default.__name__}>" if callable(default) else repr(default)


def parameters(function):
    """The parameters of a function as the recording lists them."""
    listed = []
    for p in inspect.signature(function).parameters.values():
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        listed.append([stars + p.name])
        listed[-1] += [] if p.default is p.empty else [spelled(p.default)]
        listed[-1] += ["keyword-only"] if p.kind is p.KEYWORD_ONLY else []
    return listed


def shared():
    """The names that both have, where they mean something."""
    for package, module in OURS.items():
        for name, recorded in RECORDED[package].items():
            ours = getattr(module, name, None)
            if ours is not None and not isinstance(ours, Absent) and package not in WITHOUT_MEANING:
                yield package, name, ours, recorded


SHARED = list(shared())


def those(*kinds):
    found = [row for row in SHARED if row[3]["kind"] in kinds]
    return pytest.mark.parametrize(
        ("package", "name", "ours", "recorded"), found, ids=[f"{p}.{n}" for p, n, _, _ in found]
    )


@those("function", "class", "partial")
def test_signature(package, name, ours, recorded):
    compared = {f"{package}.{name}": (ours, recorded["params"])}
    if "call" in recorded:
        compared[f"{package}.{name}.call"] = functools.partial(ours.call, None), recorded["call"]
    for key, (function, theirs) in compared.items():
        left_out, added = DIFFERENCES.get(key, ([], []))
        found = parameters(function)
        assert all(p in found for p in added)
        assert all(p in theirs for p in left_out)
        assert [p for p in found if p not in added] == [p for p in theirs if p not in left_out]


@those("partial")
def test_partials_fix_the_same(package, name, ours, recorded):
    assert ours.func is getattr(OURS[package], recorded["of"])
    assert {k: spelled(v) for k, v in ours.keywords.items()} == recorded["fixed"]


@those("constant")
def test_constants(package, name, ours, recorded):
    assert list(ours) == recorded["value"]


@those("function")
def test_the_same_functions_obey_arg_scope(package, name, ours, recorded):
    assert slim.has_arg_scope(ours) == recorded.get("arg_scope", False)


@those("function")
def test_functions_have_the_names_that_tensorflow_gives_them(package, name, ours, recorded):
    # They show in default scopes: slim.repeat(x, 2, slim.conv2d) makes Repeat/convolution2d_1.
    assert ours.__name__ == recorded.get("name", name).replace("<lambda>", name)


@pytest.mark.parametrize("package", OURS)
def test_names(package):
    ours = OURS[package]
    missing = [name for name in RECORDED[package] if not hasattr(ours, name)]
    assert missing == LEFT_OUT.get(package, [])
    if package in ONLY_OURS:
        added = set(ours.__all__) - set(RECORDED[package])
        assert {n for n in added if not inspect.ismodule(getattr(ours, n))} == ONLY_OURS[package]


def test_readers_of_a_graph_say_what_to_use_instead():
    for package in WITHOUT_MEANING:
        for name in RECORDED[package]:
            value = getattr(OURS[package], name)
            if isinstance(value, Absent):
                with pytest.raises(NotImplementedError, match="Write `"):
                    value()
