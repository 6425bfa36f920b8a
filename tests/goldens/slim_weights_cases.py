"""TF-Slim's layers with weights: the arguments they share, and each one's geometry."""

from __future__ import annotations

import itertools

from goldens.kit import Input, Table, made, ref

CASES = Table()
SERIES, IMAGES, VOLUMES = (2, 6, 2), (2, 4, 3, 2), (2, 3, 4, 3, 2)
L1, L2 = ref("slim.l1_regularizer", 0.02), ref("slim.l2_regularizer", 0.1)
TANH, ELU = ref("nn.tanh"), ref("nn.elu")
BATCH_NORM, LAYER_NORM = ref("slim.batch_norm"), ref("slim.layer_norm")
ONES, THIRD = made("ones_initializer"), ref("constant_initializer", 0.3)
FORWARD = {"_gradients": False}  # NCHW has no CPU gradient; names and collections need none

# What every layer with weights does with the arguments that all of them have.
SHARED = [
    {"activation_fn": None, "biases_initializer": None},
    {"activation_fn": ELU, "biases_initializer": THIRD},
    {"weights_initializer": THIRD, "weights_regularizer": L2, "biases_regularizer": L1},
    {"normalizer_fn": BATCH_NORM, "weights_regularizer": L2, "activation_fn": TANH},
    {"normalizer_fn": BATCH_NORM, "normalizer_params": {"is_training": False, "scale": True}},
    {"normalizer_fn": LAYER_NORM, "activation_fn": None},
    {"normalizer_fn": ref("slim.bias_add"), "normalizer_params": {"initializer": ONES}},
    {"normalizer_fn": ref("slim.dropout"), "normalizer_params": {"is_training": False}},
    {"normalizer_fn": TANH, "biases_initializer": ONES},
    {"normalizer_fn": BATCH_NORM, "trainable": False},
    {"trainable": False, "weights_regularizer": L2},
    {"scope": "p/q", "variables_collections": ["mine"], "outputs_collections": ["a", "b"]},
    {"variables_collections": {"weights": ["w"], "biases": ["b", "c"]}, **FORWARD},
    {"variables_collections": {"biases": ["b"]}, "biases_initializer": None, **FORWARD},
    {"variables_collections": ["v"], "normalizer_fn": BATCH_NORM, **FORWARD},
    {"reuse": True},
    {"reuse": False, "scope": "z"},
    {"reuse": ref("AUTO_REUSE"), "scope": "z"},
    {"reuse": ref("AUTO_REUSE")},
    {"reuse": 3, "scope": "z"},
    {"scope": "/z"},
    {"scope": ""},
    {"scope": 3},
    {"activation_fn": "relu"},
    {"normalizer_fn": "batch_norm"},
    {"normalizer_fn": BATCH_NORM, "normalizer_params": ["decay"]},
    {"colour": "red"},
    {"kernel": 3},
]
LAYERS: list[tuple] = [
    ("slim.conv1d", SERIES, {"num_outputs": 3, "kernel_size": 2}),
    ("slim.conv2d", IMAGES, {"num_outputs": 3, "kernel_size": 2}),
    ("slim.conv3d", VOLUMES, {"num_outputs": 2, "kernel_size": 2}),
    ("slim.conv2d_transpose", (2, 3, 2, 2), {"num_outputs": 3, "kernel_size": 2, "stride": 2}),
    ("slim.conv3d_transpose", (1, 2, 2, 2, 2), {"num_outputs": 2, "kernel_size": 2}),
    ("slim.conv2d_in_plane", IMAGES, {"kernel_size": 2}),
    ("slim.separable_conv2d", IMAGES, {"num_outputs": 3, "kernel_size": 2}),
    ("slim.separable_conv2d", IMAGES, {"num_outputs": None, "kernel_size": 2}),
    ("slim.fully_connected", (3, 5), {"num_outputs": 4}),
]
for op, shape, base in LAYERS:
    CASES.calls(op, shape, *SHARED, **base)

CASES.calls(
    "slim.conv2d",
    IMAGES,
    *[
        {"kernel_size": k, "stride": s, "padding": p}
        for k, s, p in itertools.product([1, [3, 2]], [2, [1, 3]], ["SAME", "valid"])
    ],
    *[
        {"kernel_size": 2, "rate": r, "padding": p}
        for r, p in itertools.product([3, [2, 1]], ["SAME", "VALID"])
    ],
    {"kernel_size": 2, "rate": [1, 2], "stride": [2, 1]},
    {"kernel_size": 2, "rate": [1, 1], "stride": [2, 2]},
    {"kernel_size": 2, "rate": 2.0},
    {"kernel_size": 2, "rate": "2"},
    {"kernel_size": 2, "rate": None},
    {"kernel_size": 2, "stride": 1.5},
    {"kernel_size": 2, "stride": -1},
    {"kernel_size": 2, "stride": []},
    {"kernel_size": 2, "stride": "2"},
    {"kernel_size": [2]},
    {"kernel_size": -1},
    {"kernel_size": 2.0},
    {"kernel_size": "2"},
    {"kernel_size": 2, "padding": 1},
    {"kernel_size": 2, "data_format": "NCWH"},
    {"kernel_size": 2, "data_format": "NDHWC"},
    {"kernel_size": 2, "data_format": "NCDHW", "_in": (2, 2, 4, 3), **FORWARD},
    {"kernel_size": 2, "data_format": 3},
    {"kernel_size": 2, "_in": Input(IMAGES, "labels", "int32")},
    {"kernel_size": 2, "num_outputs": 0},
    {"kernel_size": 2, "num_outputs": 2.5},
    {"kernel_size": 2, "num_outputs": "2"},
    num_outputs=2,
)
CASES.calls(
    "slim.conv1d",
    SERIES,
    {"kernel_size": 3, "padding": "VALID", "stride": 2},
    {"kernel_size": [3], "stride": [2]},
    {"kernel_size": 3, "rate": 2, "padding": "VALID"},
    {"kernel_size": 3, "padding": "CAUSAL"},
    {"kernel_size": 3, "data_format": "NCW", "_in": (2, 2, 6), **FORWARD},
    {"kernel_size": [3, 3]},
    {"kernel_size": 3, "stride": 2, "rate": 2},
    {"kernel_size": 3, "_in": (6, 2)},
    {"kernel_size": 7, "padding": "VALID"},
    num_outputs=3,
)
CASES.calls(
    "slim.conv3d",
    VOLUMES,
    {"kernel_size": [1, 2, 3], "stride": [2, 1, 1]},
    {"kernel_size": 2, "padding": "VALID"},
    {"kernel_size": 2, "data_format": "NDHWC", "activation_fn": None},
    {"kernel_size": [2, 2]},
    {"kernel_size": 2, "stride": [1, 1]},
    {"kernel_size": 2, "stride": 2, "rate": 2},
    {"kernel_size": 2, "_in": (2, 3, 4, 3)},
    num_outputs=2,
)
CASES.calls(
    "slim.convolution",
    IMAGES,
    {"kernel_size": 2, "data_format": "NCHW", "_in": (2, 2, 4, 3), **FORWARD},
    {"kernel_size": [2, 3], "stride": 2, "conv_dims": 2},
    {"kernel_size": 2, "conv_dims": 1},
    {"kernel_size": 2, "conv_dims": 0},
    {"kernel_size": 2, "conv_dims": 1, "_in": SERIES},
    {"kernel_size": 2, "_in": (4, 3)},
    {"kernel_size": 2, "_in": (2, 2, 2, 2, 2, 2)},
    num_outputs=3,
)
CASES.calls(
    "slim.conv2d_transpose",
    (2, 3, 2, 2),
    *[
        {"kernel_size": k, "stride": s, "padding": p}
        for k, s, p in itertools.product([1, 2, [3, 4]], [1, 2, [3, 1]], ["SAME", "valid"])
    ],
    {"kernel_size": 3, "stride": 2, "data_format": "NCHW", "_in": (2, 2, 3, 2), **FORWARD},
    {"kernel_size": 3, "data_format": None},
    {"kernel_size": 3, "padding": "FULL"},
    {"kernel_size": [3]},
    {"kernel_size": 3, "stride": [1, 2, 1]},
    {"kernel_size": 3, "stride": 0},
    {"kernel_size": 3, "num_outputs": 0},
    {"kernel_size": 3, "num_outputs": None},
    {"kernel_size": 3, "num_outputs": 3.0},
    {"kernel_size": 3, "_in": (3, 2, 2)},
    {"kernel_size": 3, "_in": (2, 3, 2, 2, 2)},
    {"kernel_size": 3, "rate": 2},
    {"num_outputs": 3},
    num_outputs=3,
)
CASES.calls(
    "slim.conv3d_transpose",
    (1, 2, 1, 2, 2),
    {"kernel_size": [1, 2, 3], "stride": [2, 1, 1]},
    {"kernel_size": 3, "stride": 2, "padding": "VALID"},
    {"kernel_size": 2, "activation_fn": None, "biases_initializer": None},
    {"kernel_size": 2, "data_format": "NHWC"},
    {"kernel_size": 2, "data_format": None},
    {"kernel_size": 2, "stride": [1, 1]},
    {"kernel_size": 2, "_in": (2, 3, 2, 2)},
    num_outputs=2,
)
CASES.calls("slim.convolution2d_transpose", (1, 2, 2, 1), {"num_outputs": 1, "kernel_size": 2})
CASES.calls("slim.convolution3d_transpose", (1, 2, 2, 2, 1), {"num_outputs": 1, "kernel_size": 2})
CASES.calls(
    "slim.conv2d_in_plane",
    IMAGES,
    *[
        {"kernel_size": k, "stride": s, "padding": p}
        for k, s, p in itertools.product([[1, 2], [3, 2]], [1, 2], ["SAME", "VALID"])
    ],
    {"kernel_size": 2, "_in": (1, 3, 3, 1)},
    {"kernel_size": 2, "padding": "valid"},
    {"kernel_size": [2, 2, 2]},
    {"kernel_size": [2]},
    {"kernel_size": 2, "stride": 0},
    {"kernel_size": 2, "stride": [1, 2, 3]},
    {"kernel_size": 2, "_in": (4, 3, 2)},
    {"kernel_size": 2, "_in": (2, 2, 4, 3, 2)},
    {"kernel_size": 2, "data_format": "NHWC"},
    {"kernel_size": [6, 6], "padding": "VALID"},
    {"kernel_size": None},
    {},
)
CASES.calls("slim.convolution2d_in_plane", IMAGES, {"kernel_size": 2})
for outputs in (3, None):
    CASES.calls(
        "slim.separable_conv2d",
        IMAGES,
        *[
            {"kernel_size": k, "depth_multiplier": m, "stride": s, "rate": r, "padding": p}
            for k, m, (s, r), p in itertools.product(
                [[2, 3]], [1, 2], [(1, 1), (2, 1), (1, [1, 2])], ["SAME", "VALID"]
            )
        ],
        {"kernel_size": 2, "rate": [2, 2, 2]},
        {"kernel_size": 2, "rate": None},
        {"kernel_size": 2, "rate": 1.0},
        {"kernel_size": 2, "rate": "2"},
        {"kernel_size": 2, "stride": [2, 2, 2]},
        {"kernel_size": 2, "stride": 0},
        {"kernel_size": [2]},
        {"kernel_size": None},
        {"kernel_size": 2, "data_format": "NCHW", "_in": (2, 2, 4, 3), **FORWARD},
        {"kernel_size": 2, "data_format": None},
        {"kernel_size": 2, "padding": "valid"},
        {"kernel_size": 2, "depth_multiplier": -1},
        {"kernel_size": 2, "depth_multiplier": "2"},
        {"kernel_size": 2, "pointwise_initializer": ONES, "weights_initializer": THIRD},
        {"kernel_size": 2, "weights_regularizer": L2, "depth_multiplier": 2},
        {"kernel_size": 2, "_in": Input(IMAGES, "labels", "int32")},
        {"kernel_size": 2, "_in": (2, 2, 4, 3, 2)},
        num_outputs=outputs,
    )
CASES.calls(
    "slim.fully_connected",
    (4, 3),
    {"num_outputs": 2, "_in": Input((4, 3), "labels", "int32")},
    {"num_outputs": 2, "_in": (2, 1, 2, 1, 3), "activation_fn": None},
    {"num_outputs": 2, "_in": (2, 3, 4), "normalizer_fn": BATCH_NORM, "biases_initializer": None},
)
for partial in ("linear", "relu", "relu6", "elu"):
    CASES.calls(
        f"slim.{partial}",
        (3, 4),
        {"num_outputs": 2, "activation_fn": TANH},
        {"num_outputs": 2, "normalizer_fn": BATCH_NORM},
        {"num_outputs": 2, "_in": (2, 3, 4), "biases_initializer": None},
        {},
    )
