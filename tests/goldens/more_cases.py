"""One and three dimensions, transposed convolutions, the other norms and small ops."""

from __future__ import annotations

from goldens.kit import Input, Table, ref

CASES = Table()
SERIES, IMAGES, VOLUMES = (2, 6, 2), (2, 4, 3, 2), (2, 3, 4, 3, 2)
L2, RELU, TANH = ref("slim.l2_regularizer", 0.1), ref("nn.relu"), ref("nn.tanh")
BATCH_NORM = ref("slim.batch_norm")

# tf.nn
CASES.calls(
    "nn.conv1d",
    [SERIES, (3, 2, 3)],
    {"stride": 1, "padding": "SAME"},
    {"stride": 2, "padding": "VALID"},
    {"stride": 1, "padding": "VALID", "dilations": 2},
    {"stride": 1, "padding": "VALID", "_in": [SERIES, (3, 3, 3)]},
)
CASES.calls(
    "nn.conv3d",
    [VOLUMES, (2, 3, 2, 2, 3)],
    {"strides": [1, 1, 1, 1, 1], "padding": "SAME"},
    {"strides": [1, 2, 1, 1, 1], "padding": "VALID"},
)
CASES.calls(
    "nn.conv2d_transpose",
    [(2, 3, 2, 3), (3, 3, 2, 3)],
    {"output_shape": [2, 6, 4, 2], "strides": 2},
    {"output_shape": [2, 5, 3, 2], "strides": 2},
    {"output_shape": [2, 7, 5, 2], "strides": 2, "padding": "VALID"},
    {"output_shape": [2, 8, 6, 2], "strides": 2, "padding": "VALID"},
)
CASES.calls(
    "nn.conv1d_transpose",
    [(2, 3, 3), (3, 2, 3)],
    {"output_shape": [2, 6, 2], "strides": 2},
    {"output_shape": [2, 7, 2], "strides": 2, "padding": "VALID"},
)
CASES.calls(
    "nn.conv3d_transpose",
    [(1, 2, 2, 2, 3), (3, 3, 3, 2, 3)],
    {"output_shape": [1, 4, 4, 4, 2], "strides": [1, 2, 2, 2, 1]},
)
CASES.calls(
    "nn.convolution",
    [IMAGES, (3, 3, 2, 3)],
    {},
    {"padding": "SAME", "strides": [2, 1]},
    {"padding": "SAME", "dilations": [1, 2]},
    {"padding": "VALID", "_in": [SERIES, (3, 2, 3)]},
    {"padding": "SAME", "_in": [VOLUMES, (2, 2, 2, 2, 3)]},
)

# tf.layers
CASES.calls(
    "layers.conv1d",
    SERIES,
    {},
    {"strides": 2, "padding": "same"},
    {"dilation_rate": 2},
    {"padding": "causal"},
    {"padding": "causal", "dilation_rate": 2},
    {"activation": RELU, "kernel_regularizer": L2, "use_bias": False},
    {"data_format": "channels_first", "_in": (2, 2, 6), "_gradients": False},
    {"strides": 2, "dilation_rate": 2},
    {"strides": (1, 1)},
    {"_in": (6, 2)},
    {"_in": (2, 3, 6, 2)},
    filters=3,
    kernel_size=3,
)
CASES.calls(
    "layers.conv3d",
    VOLUMES,
    {},
    {"strides": (2, 1, 1), "padding": "same", "activation": TANH},
    {"use_bias": False, "kernel_regularizer": L2},
    {"strides": 2, "dilation_rate": 2},
    {"strides": (1, 1)},
    {"_in": IMAGES},
    filters=2,
    kernel_size=(2, 2, 3),
)
CASES.calls(
    "layers.separable_conv1d",
    SERIES,
    {},
    {"padding": "same", "depth_multiplier": 2, "strides": 2},
    {"use_bias": False, "activation": RELU, "dilation_rate": 2},
    {"_in": (6, 2)},
    {"strides": 2, "dilation_rate": 2},
    filters=3,
    kernel_size=3,
)
for op in ["max_pooling", "average_pooling"]:
    CASES.calls(
        f"layers.{op}1d",
        SERIES,
        {"pool_size": 2, "strides": 2},
        {"pool_size": 3, "strides": 2, "padding": "same"},
        {"pool_size": 2},
        {"pool_size": 2, "strides": 2, "_in": (6, 2)},
        {
            "pool_size": 2,
            "strides": 2,
            "data_format": "channels_first",
            "_in": (2, 2, 6),
            "_gradients": False,
        },
    )
    CASES.calls(
        f"layers.{op}3d",
        VOLUMES,
        {"pool_size": 2, "strides": 2},
        {"pool_size": (1, 2, 3), "strides": (1, 2, 1), "padding": "same"},
        {"pool_size": 2, "strides": 2, "_in": IMAGES},
    )
CASES.calls(
    "layers.batch_normalization",
    (2, 2, 2, 2, 2),
    {"training": True, "momentum": 0.5},
    {"training": False},
    {"training": True, "momentum": 0.5, "fused": False},
    {"training": True, "axis": 1, "momentum": 0.5},
)
CASES.calls(
    "layers.conv2d_transpose",
    (2, 3, 2, 2),
    {},
    {"strides": 2},
    {"strides": 2, "padding": "same"},
    {"strides": (1, 2), "padding": "same", "activation": RELU, "use_bias": False},
    {"kernel_regularizer": L2},
    {"_in": (3, 2, 2)},
    filters=3,
    kernel_size=3,
)
CASES.calls(
    "layers.conv3d_transpose",
    (1, 2, 2, 2, 2),
    {},
    {"strides": 2, "padding": "same"},
    filters=2,
    kernel_size=2,
)

# TF-Slim
CASES.calls(
    "slim.conv1d",
    SERIES,
    {},
    {"stride": 2},
    {"rate": 2, "normalizer_fn": BATCH_NORM},
    {"_in": IMAGES},
    num_outputs=3,
    kernel_size=3,
)
CASES.calls(
    "slim.conv3d",
    VOLUMES,
    {},
    {"stride": 2, "activation_fn": None},
    {"normalizer_fn": BATCH_NORM},
    {"_in": IMAGES},
    num_outputs=2,
    kernel_size=2,
)
CASES.calls(
    "slim.convolution",
    IMAGES,
    {},
    {"_in": SERIES},
    {"_in": VOLUMES},
    {"conv_dims": 3},
    num_outputs=2,
    kernel_size=2,
)
CASES.calls(
    "slim.conv2d_transpose",
    (2, 3, 2, 2),
    {},
    {"stride": 2},
    {"stride": 2, "padding": "VALID"},
    {"stride": [1, 2], "activation_fn": None, "normalizer_fn": BATCH_NORM},
    {"data_format": "NWC"},
    num_outputs=3,
    kernel_size=3,
)
CASES.calls(
    "slim.conv3d_transpose",
    (1, 2, 2, 2, 2),
    {"num_outputs": 2, "kernel_size": 2, "stride": 2},
)
CASES.calls(
    "slim.conv2d_in_plane",
    IMAGES,
    {"kernel_size": 3},
    {"kernel_size": [1, 2], "activation_fn": None, "padding": "VALID"},
    {"kernel_size": 2, "normalizer_fn": BATCH_NORM},
    {"kernel_size": 2, "padding": "same"},
)
CASES.calls(
    "slim.pool",
    IMAGES,
    {"kernel_size": 2, "pooling_type": "MAX"},
    {"kernel_size": [2, 3], "pooling_type": "AVG", "padding": "SAME", "stride": 2},
    {"kernel_size": 2, "pooling_type": "MAX", "dilation_rate": 2},
    {"kernel_size": 2, "pooling_type": "AVG", "_in": SERIES},
    {"kernel_size": 2, "pooling_type": "MAX", "_in": VOLUMES},
    {"kernel_size": 2, "pooling_type": "MAX", "dilation_rate": 2, "padding": "SAME"},
    {"kernel_size": 2, "pooling_type": "MAX", "dilation_rate": 2, "stride": 2},
    {"kernel_size": 2, "pooling_type": "MAX", "padding": "same"},
    {"kernel_size": 2, "pooling_type": "max"},
    {"kernel_size": 2, "pooling_type": "MEDIAN"},
)
for op in ["max_pool3d", "avg_pool3d"]:
    CASES.calls(
        f"slim.{op}",
        VOLUMES,
        {"kernel_size": 2},
        {"kernel_size": [1, 2, 2], "stride": 1},
        {"kernel_size": 2, "_in": IMAGES},
    )
CASES.calls(
    "slim.layer_norm",
    (2, 3, 4),
    {},
    {"center": False},
    {"scale": False, "activation_fn": RELU},
    {"begin_norm_axis": 2},
    {"begin_norm_axis": -1, "begin_params_axis": 1},
    {"begin_norm_axis": 3},
    {"begin_params_axis": 3},
    {"scope": "z", "outputs_collections": "ends", "trainable": False},
)
CASES.calls(
    "slim.instance_norm",
    IMAGES,
    {},
    {"center": False, "epsilon": 0.1},
    {"scale": False, "activation_fn": RELU},
    {"data_format": "NCHW"},
    {"data_format": "NWC"},
)
CASES.calls(
    "slim.group_norm",
    (2, 3, 2, 4),
    {"groups": 2},
    {"groups": 4, "center": False},
    {"groups": 1, "scale": False, "epsilon": 0.1},
    {"groups": 2, "channels_axis": 1, "reduction_axes": [-2, -1], "_in": (2, 4, 3, 2)},
    {"groups": 2, "reduction_axes": [-3]},
    {"groups": 2, "_in": (2, 8), "reduction_axes": []},
    {},
    {"groups": 3},
    {"groups": 2, "channels_axis": 4},
    {"groups": 2, "reduction_axes": [-1]},
)
CASES.calls(
    "slim.unit_norm",
    (2, 3, 4),
    {"dim": 1},
    {"dim": 2, "epsilon": 0.1},
    {"dim": -1},
    {"dim": 3},
)
CASES.calls(
    "slim.maxout",
    (2, 3, 4),
    {"num_units": 2},
    {"num_units": 1, "axis": 1},
    {"num_units": 3},
)
CASES.calls(
    "slim.one_hot_encoding",
    Input((4,), "labels", "int64"),
    {"num_classes": 3},
    {"num_classes": 2},
    {"num_classes": 3, "on_value": 0.5, "off_value": -1.0},
    {"num_classes": 3, "_in": (4,)},
)
CASES.calls(
    "slim.spatial_softmax",
    IMAGES,
    {},
    {"temperature": 2.0},
    {"trainable": False},
    {"data_format": "NCHW"},
)
CASES.calls("slim.images_to_sequence", IMAGES, {}, {"data_format": "NCHW"}, {"_in": SERIES})
CASES.calls("slim.sequence_to_images", (3, 8, 2), {"height": 4}, {"height": 2})
