"""MobileNet v1: its layers are a table that a loop reads."""

from collections import namedtuple

import jax.numpy as jnp

import nn
import slim

Conv = namedtuple("Conv", ["kernel", "stride", "depth"])
DepthSepConv = namedtuple("DepthSepConv", ["kernel", "stride", "depth"])

DEFS = [
    Conv(kernel=[3, 3], stride=2, depth=8),
    DepthSepConv(kernel=[3, 3], stride=1, depth=16),
    DepthSepConv(kernel=[3, 3], stride=2, depth=24),
]


def mobilenet_v1_base(inputs, min_depth=4, depth_multiplier=1.0, conv_defs=None, scope=None):
    """The convolutional part."""
    end_points = {}
    if conv_defs is None:
        conv_defs = DEFS
    with (
        nn.variable_scope(scope, "MobilenetV1", [inputs]),
        slim.arg_scope([slim.conv2d, slim.separable_conv2d], padding="SAME"),
    ):
        net = inputs
        for i, conv_def in enumerate(conv_defs):
            end_point_base = f"Conv2d_{i}"
            depth = max(int(conv_def.depth * depth_multiplier), min_depth)
            if isinstance(conv_def, Conv):
                end_point = end_point_base
                net = slim.conv2d(
                    net,
                    depth,
                    conv_def.kernel,
                    stride=conv_def.stride,
                    normalizer_fn=slim.batch_norm,
                    scope=end_point,
                )
                end_points[end_point] = net
            elif isinstance(conv_def, DepthSepConv):
                end_point = end_point_base + "_depthwise"
                # By passing filters=None separable_conv2d produces only a depthwise layer.
                net = slim.separable_conv2d(
                    net,
                    None,
                    conv_def.kernel,
                    depth_multiplier=1,
                    stride=conv_def.stride,
                    normalizer_fn=slim.batch_norm,
                    scope=end_point,
                )
                end_points[end_point] = net
                net = slim.conv2d(
                    net,
                    depth,
                    [1, 1],
                    stride=1,
                    normalizer_fn=slim.batch_norm,
                    scope=end_point_base + "_pointwise",
                )
            else:
                raise ValueError(f"unknown layer {conv_def}")
    return net, end_points


def mobilenet_v1(
    inputs,
    num_classes=10,
    dropout_keep_prob=0.999,
    is_training=True,
    min_depth=4,
    depth_multiplier=1.0,
    weight_decay=0.00004,
    stddev=0.09,
    regularize_depthwise=False,
):
    """The whole network."""
    batch_norm_params = {
        "is_training": is_training,
        "center": True,
        "scale": True,
        "decay": 0.997,
        "epsilon": 0.001,
    }
    regularizer = slim.l2_regularizer(weight_decay)
    depthwise_regularizer = regularizer if regularize_depthwise else None
    weights_init = nn.truncated_normal_initializer(stddev=stddev)
    with (  # noqa: SIM117
        slim.arg_scope(
            [slim.conv2d, slim.separable_conv2d],
            weights_initializer=weights_init,
            activation_fn=nn.relu6,
        ),
        slim.arg_scope([slim.batch_norm], **batch_norm_params),
    ):
        with slim.arg_scope([slim.conv2d], weights_regularizer=regularizer):
            with slim.arg_scope([slim.separable_conv2d], weights_regularizer=depthwise_regularizer):
                net, end_points = mobilenet_v1_base(
                    inputs, min_depth=min_depth, depth_multiplier=depth_multiplier
                )
    with nn.variable_scope("Logits"):
        net = jnp.mean(net, axis=(1, 2), keepdims=True)
        net = slim.dropout(
            net, keep_prob=dropout_keep_prob, is_training=is_training, scope="Dropout_1b"
        )
        logits = slim.conv2d(net, num_classes, [1, 1], activation_fn=None, scope="Conv2d_1c_1x1")
        logits = jnp.squeeze(logits, axis=(1, 2))
    end_points["Predictions"] = nn.softmax(logits)
    return logits, end_points
