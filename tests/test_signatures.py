"""Every public signature is TensorFlow's (names, order, kinds, defaults) or stands in a list here.

`data/surface.json` has what `inspect` says of the real thing.
"""

import functools
import inspect
import json
from pathlib import Path

import jax.numpy as jnp
import pytest

import layers
import slim
from nn.expressions import Expression

RECORDED = json.loads((Path(__file__).parent / "data" / "surface.json").read_text())
OURS = {"layers": layers, "slim": slim, "slim.losses": slim.losses, "slim.utils": slim.utils}

NOT_THERE_YET = {
    "layers": """
        Conv2DTranspose Conv3DTranspose InputSpec conv2d_transpose conv3d_transpose
    """,
    "slim": """
        GDN OPTIMIZER_CLS_NAMES OPTIMIZER_SUMMARIES RevBlock VariableDeviceChooser
        adaptive_clipping_fn assert_global_step assert_or_get_global_step assign_from_checkpoint
        assign_from_checkpoint_fn assign_from_values assign_from_values_fn avg_pool3d bucketize
        conv2d_in_plane conv2d_transpose conv3d_transpose convolution2d_in_plane
        convolution2d_transpose convolution3d_transpose create_global_step dense_to_sparse gdn
        get_global_step get_or_create_global_step global_variable group_norm images_to_sequence
        instance_norm layer_norm legacy_fully_connected legacy_linear legacy_relu local_variable
        max_pool3d maxout one_hot_encoding optimize_loss pool recompute_grad rev_block
        scale_gradient sequence_to_images spatial_softmax summarize_activation
        summarize_activations summarize_biases summarize_collection summarize_tensor
        summarize_tensors summarize_variables summarize_weights unit_norm
    """,
    "slim.losses": """
        cluster_loss contrastive_loss lifted_struct_loss npairs_loss npairs_loss_multilabel
        triplet_semihard_loss
    """,
    "slim.utils": """
        NamedOutputs append_tensor_alias channel_dimension constant_value gather_tensors_aliases
        get_tensor_aliases static_cond
    """,
}
ONLY_OURS = {
    "layers": {"DepthwiseConv2D", "depthwise_conv2d"},  # TensorFlow has them in Keras only
    "slim": {"losses", "utils", "to_layers_names", "to_slim_names"},
    "slim.losses": set(),
    "slim.utils": set(),
}

CLASSES = [name for name in layers.__all__ if inspect.isclass(getattr(layers, name))]

# The arguments that TensorFlow has and we have not, and the other way round, with the reason.
INTERNAL = [["_scope", "None", "keyword-only"], ["_reuse", "None", "keyword-only"]]
DTYPE = [["dtype", "None", "keyword-only"]]
PLACED_BY_THE_GRAPH = [
    ["synchronization", "VariableSynchronization.AUTO"],
    ["aggregation", "VariableAggregation.NONE"],
]
DIFFERENCES = {
    # What TensorFlow's classes take in **kwargs is written out.
    **{f"layers.{name}": ([["**kwargs"]], DTYPE + INTERNAL) for name in CLASSES},
    "layers.Layer": ([["**kwargs"]], INTERNAL),
    "layers.Flatten": ([["**kwargs"]], [["name", "None"], *DTYPE, *INTERNAL]),
    # How replicas of a graph share a variable: JAX has shardings.
    "slim.variable": (PLACED_BY_THE_GRAPH, []),
    "slim.model_variable": (PLACED_BY_THE_GRAPH, []),
    # No layer of ours passes masks on.
    "layers.BatchNormalization.call": ([["mask", "None"]], []),
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


SHARED = [
    (package, name)
    for package, module in OURS.items()
    for name in module.__all__
    if "params" in RECORDED[package].get(name, ())
]


@pytest.mark.parametrize(("package", "name"), SHARED)
def test_signature(package, name):
    ours, theirs = getattr(OURS[package], name), RECORDED[package][name]
    compared = {f"{package}.{name}": (ours, theirs["params"])}
    if "call" in theirs:
        compared[f"{package}.{name}.call"] = functools.partial(ours.call, None), theirs["call"]
    for key, (function, recorded) in compared.items():
        left_out, added = DIFFERENCES.get(key, ([], []))
        found = parameters(function)
        assert all(p in found for p in added)
        assert all(p in recorded for p in left_out)
        assert [p for p in found if p not in added] == [p for p in recorded if p not in left_out]


@pytest.mark.parametrize(
    ("package", "name"), [(p, n) for p, n in SHARED if RECORDED[p][n]["kind"] == "partial"]
)
def test_partials_fix_the_same(package, name):
    partial, recorded = getattr(OURS[package], name), RECORDED[package][name]
    assert partial.func is getattr(OURS[package], recorded["of"])
    assert {k: spelled(v) for k, v in partial.keywords.items()} == recorded["fixed"]


@pytest.mark.parametrize("package", ["slim", "slim.losses", "slim.utils"])
def test_the_same_functions_obey_arg_scope(package):
    shared = [name for p, name in SHARED if p == package]
    ours = [name for name in shared if slim.has_arg_scope(getattr(OURS[package], name))]
    assert ours == [name for name in shared if RECORDED[package][name].get("arg_scope")]


@pytest.mark.parametrize("package", OURS)
def test_names(package):
    recorded, ours = set(RECORDED[package]), set(OURS[package].__all__)
    assert sorted(recorded - ours) == NOT_THERE_YET[package].split()
    assert ours - recorded == ONLY_OURS[package]


def test_functions_have_the_names_that_tensorflow_gives_them():
    # They show in default scopes: slim.repeat(x, 2, slim.conv2d) makes Repeat/convolution2d_1.
    for package, name in SHARED:
        function, recorded = getattr(OURS[package], name), RECORDED[package][name]
        if recorded["kind"] == "function":
            assert function.__name__ == recorded.get("name", name)
