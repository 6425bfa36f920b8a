"""TF-Slim's layers without weights, and its small ops."""

from __future__ import annotations

import itertools

import numpy as np

from goldens.kit import Input, Table, made, ref

CASES = Table()
SERIES, IMAGES, VOLUMES = (2, 6, 2), (2, 4, 3, 2), (2, 3, 4, 3, 2)
L1, L2 = ref("slim.l1_regularizer", 0.02), ref("slim.l2_regularizer", 0.1)
RELU, TANH = ref("nn.relu"), ref("nn.tanh")
ONES, THIRD = made("ones_initializer"), ref("constant_initializer", 0.3)
FORWARD = {"_gradients": False}  # NCHW has no CPU gradient; names and collections need none

CASES.calls(
    "slim.maxout",
    (2, 3, 4),
    *[{"num_units": n, "axis": a} for n, a in [(4, 2), (1, -1), (3, 1), (2, 0), (1, -3), (2, -1)]],
    {"num_units": 2, "scope": "z"},
    {"num_units": 2, "_in": (4,)},
    {"num_units": 2, "_in": (2, 2, 3, 4)},
    {"num_units": 2, "axis": 1, "_in": (2, 4, 3)},
    {"num_units": 2, "axis": 3},
    {"num_units": 2, "axis": -4},
    {"num_units": 2, "_in": ()},
    {"num_units": 5},
    {"num_units": 8},
    {"num_units": 0},
    {"num_units": -2},
    {"num_units": None},
    {"num_units": 2.0},
    {"num_units": 2, "_in": Input((2, 4), "labels", "int32")},
    {},
)
CASES.calls(
    "slim.spatial_softmax",
    (2, 3, 4, 2),
    {"temperature": 0.5, "name": "z"},
    {"temperature": 3, "data_format": "NCHW", "_in": (2, 2, 3, 4)},
    {"variables_collections": ["v"]},
    {"variables_collections": {"temperature": ["t"]}, "trainable": False},
    {"variables_collections": {"temperature": ["t"]}},
    {"_in": (1, 1, 1, 1)},
    {"_in": (1, 5, 1, 2)},
    {"data_format": "NWC"},
    {"data_format": None},
    {"_in": (3, 4, 2)},
    {"_in": (2, 2, 3, 4, 2)},
    {"_in": (4,)},
    {"scope": "z"},
    {"name": "a b"},
)
LABELS = Input((4,), "labels", "int32")
CASES.calls(
    "slim.one_hot_encoding",
    LABELS,
    {"num_classes": 4},
    {"num_classes": 1},
    {"num_classes": 0},
    {"num_classes": 3, "on_value": 2, "off_value": 1},
    {"num_classes": 3, "on_value": 2, "off_value": 1.0},
    {"num_classes": 3, "on_value": 2.0, "off_value": 1},
    {"num_classes": 3, "on_value": 5},
    {"num_classes": 3, "on_value": None, "off_value": None},
    {"num_classes": 3, "on_value": True, "off_value": False},
    {"num_classes": 3, "outputs_collections": "o", "scope": "z"},
    {"num_classes": 3, "_in": Input((2, 3), "labels", "int64")},
    {"num_classes": 3, "_in": Input((), "labels", "int32")},
    {"num_classes": 3, "_in": Input((2, 1, 2), "labels", "uint8")},
    {"num_classes": 3, "_in": Input((3,), "true", "bool")},
    {"num_classes": -1},
    {"num_classes": 3.0},
    {"num_classes": None},
    {"num_classes": [3]},
    {},
)
CASES.calls(
    "slim.images_to_sequence",
    IMAGES,
    {"outputs_collections": "o", "scope": "z"},
    {"_in": (1, 1, 5, 3)},
    {"data_format": "NHCW"},
    {"data_format": None},
    {"_in": (2, 3)},
    {"_in": (2, 2, 2, 2, 2)},
    {"_in": Input(IMAGES, "labels", "int32")},
)
CASES.calls(
    "slim.sequence_to_images",
    (3, 8, 2),
    {"height": 8},
    {"height": 1},
    {"height": 4, "output_data_format": "channels_first"},
    {"height": 4, "output_data_format": "colour"},
    {"height": 4, "outputs_collections": "o", "scope": "z"},
    {"height": 3},
    {"height": 16},
    {"height": 0},
    {"height": -4},
    {"height": 4, "_in": (8, 2)},
    {"height": 4, "_in": IMAGES},
    {"height": 4.0},
    {"height": "4"},
    {},
)
CASES.calls("slim.scale_gradient", [(2, 3), (2, 3)], {}, {"_in": [(2, 3), ()]})
for multiplier in (0.5, 0.0, -1.0):

    def scaled(t, x, multiplier=multiplier):
        return t.slim.scale_gradient(x, multiplier) * x

    scaled.__name__ = f"scale_gradient_by_{multiplier}"
    CASES.program((2, 3))(scaled)
CASES.calls(
    "slim.bucketize",
    (3, 4),
    {"boundaries": [0.0]},
    {"boundaries": [-0.5, 0.0, 0.1, 2.0]},
    {"boundaries": []},
    {"boundaries": [0, 1]},
    {"boundaries": (0.0, 1.0), "name": "b"},
    {"boundaries": [0.0, 0.0]},
    {"boundaries": [1, 2], "_in": Input((5,), "labels", "int32")},
    {"boundaries": [0.5, 1.5], "_in": Input((5,), "labels", "int32")},
    {"boundaries": [1.0, 2.0], "_in": Input((5,), "labels", "int64")},
    {"boundaries": [0.0], "_in": ()},
    {"boundaries": 0.0},
    {"boundaries": ["a"]},
    {"boundaries": None},
    {"boundaries": [0.0], "_in": Input((2,), "true", "bool")},
    {},
)
CASES.calls(
    "slim.layers.poincare_normalize",
    (3, 4),
    {},
    {"axis": 0},
    {"axis": [0, 1], "epsilon": 0.1},
    {"axis": -1, "epsilon": 0.5},
    {"axis": 2},
    {"_in": (4,)},
)
CASES.calls("slim.layers.conv2d", IMAGES, {"num_outputs": 2, "kernel_size": 1})
for op, series in [("pool", False), ("max_pool3d", True), ("avg_pool3d", True)]:
    if series:
        CASES.calls(
            f"slim.{op}",
            VOLUMES,
            {"kernel_size": 2, "padding": "SAME"},
            {"kernel_size": [2, 1, 3], "stride": [1, 2, 1], "padding": "same"},
            {"kernel_size": 3, "stride": 3},
            {"kernel_size": 2, "outputs_collections": "o", "scope": "z"},
            {"kernel_size": 2, "data_format": "NHWC"},
            {"kernel_size": 2, "data_format": "NWC"},
            {"kernel_size": 2, "data_format": None},
            {"kernel_size": 2, "padding": "FULL"},
            {"kernel_size": [2, 2]},
            {"kernel_size": 2, "stride": [1, 1]},
            {"kernel_size": 2, "stride": 0},
            {"kernel_size": None},
            {"kernel_size": 5},
            {"kernel_size": 2, "_in": SERIES},
            {},
        )
CASES.calls(
    "slim.pool",
    IMAGES,
    *[
        {"kernel_size": k, "pooling_type": p, **rest}
        for k, p, rest in itertools.product(
            [2, [3, 1]],
            ["MAX", "AVG"],
            [
                {"stride": [2, 1], "padding": "SAME"},
                {"stride": 2},
                {"dilation_rate": [2, 1], "_in": (2, 5, 5, 2)},
                {"dilation_rate": [1, 3], "_in": (2, 5, 5, 2)},
            ],
        )
    ],
    *[
        {"kernel_size": 2, "pooling_type": p, "dilation_rate": 2, "_in": shape}
        for p, shape in itertools.product(["MAX", "AVG"], [(2, 5, 3), (1, 4, 3, 4, 2)])
    ],
    {"kernel_size": 2, "pooling_type": "MAX", "data_format": "NHWC"},
    {"kernel_size": 2, "pooling_type": "MAX", "data_format": "NWC", "_in": SERIES},
    {"kernel_size": 2, "pooling_type": "MAX", "data_format": "NWC"},
    {"kernel_size": 2, "pooling_type": "MAX", "data_format": "channels_last"},
    {"kernel_size": 2, "pooling_type": "AVG", "outputs_collections": "o"},
    {"kernel_size": 2, "pooling_type": "AVG", "outputs_collections": "o", "scope": "z"},
    {"kernel_size": 2, "pooling_type": "AVG", "padding": "FULL"},
    {"kernel_size": 2, "pooling_type": "AVG", "stride": 3},
    {"kernel_size": 2, "pooling_type": "AVG", "stride": 0},
    {"kernel_size": 2, "pooling_type": "AVG", "dilation_rate": 0},
    {"kernel_size": 2, "pooling_type": "AVG", "dilation_rate": [2]},
    {"kernel_size": [2], "pooling_type": "AVG"},
    {"kernel_size": 0, "pooling_type": "AVG"},
    {"kernel_size": 2.0, "pooling_type": "AVG"},
    {"kernel_size": 2, "pooling_type": None},
    {"kernel_size": 2, "pooling_type": "AVG", "_in": (4, 3)},
    {"kernel_size": 2, "pooling_type": "AVG", "_in": (1, 2, 2, 2, 2, 2)},
    {"kernel_size": 6, "pooling_type": "AVG"},
    {"kernel_size": 2},
)
for op in ("max_pool2d", "avg_pool2d"):
    CASES.calls(
        f"slim.{op}",
        IMAGES,
        *[
            {"kernel_size": k, "stride": s, "padding": p}
            for k, s, p in itertools.product([1, 3, [2, 3]], [1, [2, 3]], ["SAME", "valid"])
        ],
        {"kernel_size": 2, "data_format": None},
        {"kernel_size": 2.0},
        {"kernel_size": "2"},
        {"kernel_size": 2, "outputs_collections": ["a", "b"]},
        {"kernel_size": 2, "scope": "a/b"},
        {"kernel_size": 2, "colour": "red"},
    )
CASES.calls(
    "slim.legacy_fully_connected",
    (4, 3),
    {},
    {"activation_fn": RELU, "name": "z"},
    {"weight_init": THIRD, "bias_init": ONES},
    {"bias_init": None},
    {"bias_init": None, "bias_regularizer": L1},
    {"weight_regularizer": L2, "bias_regularizer": L1},
    {"trainable": False},
    {"weight_collections": ["w"], "bias_collections": ["b", "c"], "output_collections": ["o"]},
    {"weight_collections": None, "bias_collections": (), "output_collections": None},
    {"_in": (2, 3, 2)},
    {"_in": (2, 3, 2), "bias_init": None, "activation_fn": TANH},
    {"_in": (2, 2, 1, 3)},
    {"_in": (3,)},
    {"_in": ()},
    {"num_output_units": -1},
    {"num_output_units": "2"},
    {"num_output_units": None},
    {"num_output_units": 2.0},
    {"reuse": True},
    num_output_units=2,
)
for op in ("legacy_linear", "legacy_relu"):
    CASES.calls(f"slim.{op}", (4, 3), {"num_output_units": 2}, {"num_output_units": 2, "name": "z"})
for op, inverse in itertools.product(["gdn"], [False, True]):
    CASES.calls(
        f"slim.{op}",
        (2, 3, 2, 2),
        {},
        {"_in": (2, 3, 2)},
        {"_in": (2, 2, 2, 2, 2)},
        {"beta_min": 1e-3, "gamma_init": 0.5},
        {"reparam_offset": 0.1},
        {"data_format": "channels_first", "_in": (2, 2, 3, 2)},
        {"name": "z", "activity_regularizer": L2},
        {"trainable": False},
        {"_in": (2, 3)},
        {"_in": (2, 2, 2, 2, 2, 2)},
        {"data_format": "NHWC"},
        {"reuse": True},
        {"scope": "z"},
        inverse=inverse,
        **FORWARD,
    )
CASES.calls("slim.GDN", (2, 3, 2, 2), {}, {"inverse": True, "name": "z"}, **FORWARD)
CASES.calls(
    "slim.dropout",
    (3, 4),
    {"keep_prob": 1.0, "noise_shape": [3, 1]},
    {"keep_prob": 1.0, "noise_shape": [1, 4], "scope": "z", "outputs_collections": "o"},
    {"keep_prob": 1.0, "noise_shape": [4]},
    {"keep_prob": 1.0, "noise_shape": [3, None]},
    {"keep_prob": 1.0, "seed": 3},
    {"keep_prob": 1, "is_training": None},
    {"keep_prob": 0.5, "is_training": None},
    {"keep_prob": 0.5, "is_training": 0},
    {"keep_prob": 0.0, "is_training": True},
    {"keep_prob": 2},
    {"keep_prob": 1.0001, "is_training": False},
    {"keep_prob": -0.0001, "is_training": False},
    {"keep_prob": True},
    {"keep_prob": [0.5]},
    {"keep_prob": 1.0, "_in": ()},
    {"keep_prob": 0.5, "is_training": False, "_in": Input((3,), "labels", "int32")},
    {"noise_shape": [3, 2]},
    {"noise_shape": [3]},
    {"is_training": "no"},
)
CASES.calls(
    "slim.flatten",
    (2, 3, 2, 2),
    {"_in": (1, 1)},
    {"_in": (2, 2, 2, 1, 2)},
    {"_in": Input((2, 3, 2), "labels", "int32")},
    {"scope": "a/b", "outputs_collections": ["o"]},
    {"scope": "a b"},
    {"colour": 1},
)
CASES.calls(
    "slim.softmax",
    (2, 3),
    {"_in": (2, 1)},
    {"_in": (1, 2, 2, 2, 3)},
    {"_in": ()},
    {"_in": Input((2, 3), "labels", "int32")},
    {"scope": "a/b"},
    {"axis": 1},
)
CASES.calls(
    "slim.bias_add",
    (2, 3, 2, 3),
    {"activation_fn": TANH, "initializer": ONES, "regularizer": L1},
    {"regularizer": L2, "trainable": False},
    {"initializer": None, **FORWARD},
    {"data_format": "NCHW", "_in": (2, 4, 3, 2), "activation_fn": RELU},
    {"data_format": "NCHW", "_in": (2, 4, 3)},
    {"data_format": None},
    {"_in": (2, 2, 2, 2, 2)},
    {"_in": ()},
    {"_in": Input((2, 3), "labels", "int32")},
    {"variables_collections": ["v"], "outputs_collections": ["o", "p"]},
    {"scope": "z", "reuse": True},
    {"scope": "a/b"},
)


@CASES.program(gradients=False)
def dense_to_sparse(t):
    found = t.slim.dense_to_sparse(np.array([[1, 0, 2], [0, 0, 3]], "float32"))
    return found.indices, found.values


@CASES.program(gradients=False)
def dense_to_sparse_with_a_token(t):
    found = t.slim.dense_to_sparse(np.array([[1, 2], [2, 2], [3, 1]], "int32"), eos_token=2)
    return found.indices, found.values
