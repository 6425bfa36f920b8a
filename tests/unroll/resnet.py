"""ResNet: blocks as data, units that collect their outputs, shortcuts, helpers of helpers."""

from collections import namedtuple

import jax
import jax.numpy as jnp

import nn
import slim

Block = namedtuple("Block", ["scope", "unit_fn", "args"])


def resnet_arg_scope(
    is_training=True,
    weight_decay=0.0001,
    batch_norm_decay=0.997,
    batch_norm_epsilon=1e-5,
    batch_norm_scale=True,
):
    """The defaults of ResNets."""
    batch_norm_params = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "scale": batch_norm_scale,
        "is_training": is_training,
    }
    with (  # noqa: SIM117
        slim.arg_scope(
            [slim.conv2d],
            weights_regularizer=slim.l2_regularizer(weight_decay),
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=nn.relu,
            normalizer_fn=slim.batch_norm,
        ),
        slim.arg_scope([slim.batch_norm], **batch_norm_params),
    ):
        with slim.arg_scope([slim.max_pool2d], padding="SAME") as arg_sc:
            return arg_sc


def subsample(inputs, factor, scope=None):
    """Leave pixels out."""
    if factor == 1:
        return inputs
    return slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(inputs, num_outputs, kernel_size, stride, rate=1, scope=None):
    """A convolution with padding that does not depend on the size of the image."""
    if stride == 1:
        return slim.conv2d(
            inputs, num_outputs, kernel_size, stride=1, rate=rate, padding="SAME", scope=scope
        )
    before = (kernel_size - 1) // 2
    padding = (before, kernel_size - 1 - before)
    inputs = jnp.pad(inputs, ((0, 0), padding, padding, (0, 0)))
    return slim.conv2d(
        inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding="VALID", scope=scope
    )


@slim.add_arg_scope
def bottleneck(
    inputs, depth, depth_bottleneck, stride, rate=1, outputs_collections=None, scope=None
):
    """A residual unit: two or three convolutions beside a shortcut."""
    with nn.variable_scope(scope, "bottleneck_v1", [inputs]) as sc:
        depth_in = slim.utils.last_dimension(inputs.shape, min_rank=4)
        if depth == depth_in:
            shortcut = subsample(inputs, stride, "shortcut")
        else:
            shortcut = slim.conv2d(
                inputs, depth, [1, 1], stride=stride, activation_fn=None, scope="shortcut"
            )
        residual = slim.conv2d(inputs, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        residual = conv2d_same(residual, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        residual = slim.conv2d(residual, depth, [1, 1], stride=1, activation_fn=None, scope="conv3")
        output = nn.relu(shortcut + residual)
        return slim.utils.collect_named_outputs(outputs_collections, sc.name, output)


@slim.add_arg_scope
def stack_blocks(net, blocks, outputs_collections=None):
    """All units of all blocks, one after the other."""
    for block in blocks:
        with nn.variable_scope(block.scope, "block", [net]) as sc:
            for i, unit in enumerate(block.args):
                with nn.variable_scope(f"unit_{i + 1}", values=[net]):
                    net = block.unit_fn(net, rate=1, **unit)
            net = slim.utils.collect_named_outputs(outputs_collections, sc.name, net)
    return net


def block(scope, depth, num_units, stride):
    """A block whose last unit has a stride."""
    unit = {"depth": depth, "depth_bottleneck": depth // 4}
    units = [{**unit, "stride": 1}] * (num_units - 1)
    return Block(scope, bottleneck, [*units, {**unit, "stride": stride}])


def resnet(
    inputs: jax.Array,
    num_classes=10,
    is_training=True,
    global_pool=True,
    weight_decay=0.0001,
    reuse=None,
    scope="resnet",
):
    """A short ResNet."""
    blocks = [block("block1", 16, 2, 2), block("block2", 32, 1, 1)]
    with (
        slim.arg_scope(resnet_arg_scope(is_training, weight_decay)),
        nn.variable_scope(scope, "resnet", [inputs], reuse=reuse) as sc,
    ):
        end_points_collection = sc.name + "_end_points"
        with slim.arg_scope(
            [slim.conv2d, bottleneck, stack_blocks], outputs_collections=end_points_collection
        ):
            net = conv2d_same(inputs, 8, 7, stride=2, scope="conv1")
            net = slim.max_pool2d(net, [3, 3], stride=2, scope="pool1")
            net = stack_blocks(net, blocks)
            if global_pool:
                net = jnp.mean(net, (1, 2), keepdims=True)
            net = slim.conv2d(
                net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="logits"
            )
            end_points = slim.utils.convert_collection_to_dict(end_points_collection)
            end_points["predictions"] = slim.softmax(net, scope="predictions")
            return net, end_points
