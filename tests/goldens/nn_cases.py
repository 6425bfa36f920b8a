"""tf.nn: the functions of arrays that both front-ends stand on."""

from __future__ import annotations

from goldens.kit import Input, Table

CASES = Table()
SPELLING = {"_skip": "ours take every spelling of padding and data_format"}
IMAGES, KERNEL = (2, 5, 4, 2), (3, 3, 2, 3)
DEPTHWISE, POINTWISE = (3, 3, 2, 2), (1, 1, 4, 3)

CASES.calls(
    "nn.conv2d",
    [IMAGES, KERNEL],
    {"strides": 1, "padding": "SAME"},
    {"strides": 1, "padding": "VALID"},
    {"strides": 2, "padding": "SAME"},
    {"strides": (2, 1), "padding": "SAME"},
    {"strides": [1, 2, 2, 1], "padding": "SAME"},
    {"strides": [1, 1, 3, 1], "padding": "VALID"},
    {"strides": 1, "padding": "SAME", "dilations": 2},
    {"strides": 1, "padding": "VALID", "dilations": [1, 2, 1, 1]},
    {"strides": 1, "padding": [[0, 0], [1, 2], [0, 3], [0, 0]]},
    {"strides": 2, "padding": [[0, 0], [2, 0], [1, 1], [0, 0]]},
    {"strides": 1, "padding": "SAME", "_in": [IMAGES, (2, 2, 2, 3)]},
    {"strides": 2, "padding": "SAME", "_in": [IMAGES, (1, 4, 2, 1)]},
    {
        "strides": 1,
        "padding": "SAME",
        "data_format": "NCHW",
        "_in": [(2, 2, 5, 4), KERNEL],
        "_gradients": False,
    },
    # Refused
    {"strides": 1, "padding": "same", **SPELLING},
    {"strides": 1, "padding": "FULL"},
    {"strides": [1, 2, 2], "padding": "SAME"},
    {"strides": 0, "padding": "SAME"},
    {"strides": 1, "padding": "SAME", "data_format": "channels_last", **SPELLING},
    {"strides": 1, "padding": "SAME", "_in": [(5, 4, 2), KERNEL]},
    {"strides": 1, "padding": "SAME", "_in": [IMAGES, (3, 3, 5, 3)]},
    {"strides": 1, "padding": "SAME", "_in": [IMAGES, (3, 2, 3)]},
    {"strides": 1, "padding": "VALID", "_in": [IMAGES, (6, 6, 2, 3)]},
)
CASES.calls(
    "nn.depthwise_conv2d",
    [IMAGES, DEPTHWISE],
    {"strides": [1, 1, 1, 1], "padding": "SAME"},
    {"strides": [1, 1, 1, 1], "padding": "VALID"},
    {"strides": [1, 2, 2, 1], "padding": "SAME"},
    {"strides": [1, 2, 2, 1], "padding": "VALID", "_in": [IMAGES, (2, 3, 2, 1)]},
    {"strides": [1, 1, 1, 1], "padding": "SAME", "dilations": [2, 2]},
    # Refused
    {"strides": [1, 1, 1, 1], "padding": "same", **SPELLING},
    {"strides": [1, 1, 1, 1], "padding": "SAME", "_in": [IMAGES, (3, 3, 3, 1)]},
    {"strides": [1, 1, 1, 1], "padding": "SAME", "_in": [(4, 2), DEPTHWISE]},
)
CASES.calls(
    "nn.separable_conv2d",
    [IMAGES, DEPTHWISE, POINTWISE],
    {"strides": [1, 1, 1, 1], "padding": "SAME"},
    {"strides": [1, 2, 2, 1], "padding": "VALID"},
    {"strides": [1, 1, 1, 1], "padding": "SAME", "_in": [IMAGES, DEPTHWISE, (1, 1, 3, 3)]},
    {"strides": [1, 1, 1, 1], "padding": "SAME", "_in": [IMAGES, DEPTHWISE, (3, 3, 4, 3)]},
)
for op in ["max_pool", "avg_pool"]:
    CASES.calls(
        f"nn.{op}",
        IMAGES,
        {"ksize": 2, "strides": 2, "padding": "VALID"},
        {"ksize": 3, "strides": 2, "padding": "SAME"},
        {"ksize": (2, 3), "strides": (1, 2), "padding": "SAME"},
        {"ksize": [1, 3, 3, 1], "strides": [1, 1, 1, 1], "padding": "SAME"},
        {"ksize": 1, "strides": 2, "padding": "SAME"},
        # Refused
        {"ksize": 2, "strides": 2, "padding": "same", **SPELLING},
        {"ksize": 2, "strides": 2, "padding": "FULL"},
        {"ksize": 6, "strides": 1, "padding": "VALID"},
        {"ksize": (2, 2, 2), "strides": 1, "padding": "VALID"},
        {"ksize": 2, "strides": 2, "padding": "VALID", "_in": (4, 2)},
    )
for op in ['relu', 'relu6', 'elu', 'selu', 'leaky_relu', 'softplus', 'softsign', 'sigmoid', 'tanh',
           'softmax', 'log_softmax', 'l2_loss', 'crelu']:  # fmt: skip
    CASES.calls(f"nn.{op}", (3, 4), {})
CASES.calls("nn.leaky_relu", (3, 4), {"alpha": 0.5})
CASES.calls("nn.softmax", (3, 4), {"axis": 0}, {"axis": 2}, {"_in": (2, 3, 4), "axis": 1})
CASES.calls("nn.log_softmax", (3, 4), {"axis": 0})
CASES.calls(
    "nn.bias_add",
    [(2, 3, 2, 3), (3,)],
    {},
    {"_in": [(4, 3), (3,)]},
    {"data_format": "NCHW"},
    {"_in": [(4, 3), (2,)]},
    {"_in": [(4, 3), (3, 1)]},
    {"data_format": "NWC"},
    {"data_format": "channels"},
)
CASES.calls(
    "nn.moments",
    (2, 3, 2, 3),
    {"axes": [0, 1, 2]},
    {"axes": [0], "keepdims": True},
    {"axes": [1, 2]},
    {"axes": [-1]},
    {"axes": [4]},
)
CASES.calls(
    "nn.batch_normalization",
    [(2, 3, 2, 3), (3,), Input((3,), "positive"), (3,), (3,)],
    {"variance_epsilon": 0.001},
    {"variance_epsilon": 0.1, "_in": [(4, 3), (3,), Input((3,), "positive"), (3,), (3,)]},
)
CASES.calls(
    "nn.l2_normalize", (3, 4), {"axis": 1}, {"axis": None}, {"axis": [0, 1], "epsilon": 0.1}
)


@CASES.program((2, 3), (3,), Input((3,), "positive"))
def batch_normalization_without_offset_and_scale(t, x, mean, variance):
    return [
        t.nn.batch_normalization(x, mean, variance, None, None, 0.001),
        t.nn.batch_normalization(x, mean, variance, mean, None, 0.001),
        t.nn.batch_normalization(x, mean, variance, None, mean, 0.001),
    ]
