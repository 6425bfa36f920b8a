"""What both versions of ResNet share: blocks of units, which are dilated instead of strided
where the output is to be denser, and the network around them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

import nn
import slim
from nn.graph import Array
from slim import add_arg_scope, arg_scope

__all__ = ["Block", "conv2d_same", "resnet_arg_scope", "stack_blocks_dense", "subsample"]


class Block(NamedTuple):
    """A block of units: its scope, the function of a unit, and the arguments of each.

    >>> Block('block1', max, [{'depth': 8, 'stride': 1}]).scope
    'block1'
    """

    scope: str
    unit_fn: Callable[..., Array]
    args: Sequence[Mapping[str, Any]]


def subsample(inputs: Array, factor: int, scope: Any = None) -> Array:
    """Keep every `factor`-th row and column of `[N, H, W, C]`.

    >>> images = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> nn.transform(lambda x: subsample(x, 2)).apply({}, {}, images)[0].ravel()
    Array([0., 2., 6., 8.], dtype=float32)
    """
    return inputs if factor == 1 else slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(
    inputs: Array,
    num_outputs: int,
    kernel_size: int,
    stride: int,
    rate: int = 1,
    scope: Any = None,
) -> Array:
    """Convolve with 'SAME' padding that does not depend on the size of the images.

    With stride 1 it is `slim.conv2d`. With others it gives what `subsample` makes of stride 1,
    while `slim.conv2d(padding='SAME')` reads images of even size one pixel further.

    Args:
      inputs: `[N, H, W, C]`.
      num_outputs: the number of output channels.
      kernel_size: in pixels.
      stride: in pixels.
      rate: the dilation.
      scope: the variable scope.

    Source: `slim.nets.resnet_utils.conv2d_same`.

    >>> net = nn.transform(lambda x: conv2d_same(x, 8, 3, stride=2))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 4, 4, 1)))
    >>> net.apply(params, state, jnp.ones((1, 4, 4, 1)))[0].shape
    (1, 2, 2, 8)
    """
    padding = "SAME"
    if stride != 1:
        reach = (kernel_size - 1) * rate  # of a dilated kernel, beyond its first pixel
        before = reach // 2
        ends = (before, reach - before)
        inputs, padding = jnp.pad(inputs, ((0, 0), ends, ends, (0, 0))), "VALID"
    return slim.conv2d(
        inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding=padding, scope=scope
    )


@add_arg_scope
def stack_blocks_dense(
    net: Array,
    blocks: Sequence[Block],
    output_stride: int | None = None,
    outputs_collections: Any = None,
) -> Array:
    """Run blocks of units; once the output is `output_stride` coarser, dilate instead of striding.

    So the same variables give features at more places.

    Args:
      net: `[N, H, W, C]`.
      blocks: their units take `rate` beside the arguments listed in the block.
      output_stride: in pixels of `net`; None: the product of the units' strides.
      outputs_collections: collections for the output of each block.

    Raises:
      ValueError: the strides have no such product.

    Source: `slim.nets.resnet_utils.stack_blocks_dense`.

    >>> def unit(x, depth, stride, rate):
    ...     return conv2d_same(x, depth, 3, stride, rate)
    >>> blocks = [Block('block1', unit, [{'depth': 8, 'stride': 2}] * 2)]
    >>> for stride in (None, 2, 1):
    ...     net = nn.transform(lambda x: print(stack_blocks_dense(x, blocks, stride).shape))
    ...     _ = net.variables(jnp.ones((1, 8, 8, 3)))
    (1, 2, 2, 8)
    (1, 4, 4, 8)
    (1, 8, 8, 8)
    """
    stride = rate = 1
    for block in blocks:
        with nn.variable_scope(block.scope, "block", [net]) as opened:
            for i, unit in enumerate(block.args, 1):
                with nn.variable_scope(f"unit_{i}", values=[net]):
                    if stride == output_stride:
                        net = block.unit_fn(net, rate=rate, **{**unit, "stride": 1})
                        rate *= unit.get("stride", 1)
                    else:
                        net = block.unit_fn(net, rate=1, **unit)
                        stride *= unit.get("stride", 1)
            net = slim.utils.collect_named_outputs(outputs_collections, opened.name, net)
    if output_stride not in (None, stride):
        raise ValueError(
            f"stack_blocks_dense: output_stride must be a product of the first units' strides, "
            f"got {output_stride!r}; the strides came to {stride}."
        )
    return net


def resnet_arg_scope(
    weight_decay: float = 0.0001,
    batch_norm_decay: float = 0.997,
    batch_norm_epsilon: float = 1e-5,
    batch_norm_scale: bool = True,
) -> dict:
    """Return the defaults that ResNets were trained with, for `slim.arg_scope`."""
    batch_norm_params = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "scale": batch_norm_scale,
        "updates_collections": nn.GraphKeys.UPDATE_OPS,
    }
    with (
        arg_scope(
            [slim.conv2d],
            weights_regularizer=slim.l2_regularizer(weight_decay),
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=nn.relu,
            normalizer_fn=slim.batch_norm,
            normalizer_params=batch_norm_params,
        ),
        arg_scope([slim.batch_norm], **batch_norm_params),
        arg_scope([slim.max_pool2d], padding="SAME") as scope,
    ):
        return scope


def network(
    inputs: Array,
    blocks: Sequence[Block],
    num_classes: int | None,
    is_training: Any,
    global_pool: bool,
    output_stride: int | None,
    include_root_block: bool,
    reuse: Any,
    scope: Any,
    *,
    name: str,
    unit_fn: Callable,
    preactivated: bool,
) -> tuple[Array, dict[str, Array]]:
    """Run the root, the blocks and the classifier of a ResNet: `resnet_v1` or `resnet_v2`.

    It takes their arguments; then `name`, the default scope; `unit_fn`, whose outputs are end
    points; and whether the units are `preactivated`: activate their inputs, not their outputs.
    """
    with nn.variable_scope(scope, name, [inputs], reuse=reuse) as opened:
        collection = opened.original_name_scope + "_end_points"
        collecting = [slim.conv2d, unit_fn, stack_blocks_dense]
        with (
            arg_scope(collecting, outputs_collections=collection),
            arg_scope([slim.batch_norm], is_training=is_training),
        ):
            net = inputs
            if include_root_block:
                if output_stride is not None:
                    if output_stride % 4:
                        raise ValueError(
                            f"{name}: output_stride must be a multiple of 4, got {output_stride}."
                        )
                    output_stride //= 4
                bare = {"activation_fn": None, "normalizer_fn": None} if preactivated else {}
                with arg_scope([slim.conv2d], **bare):
                    net = conv2d_same(net, 64, 7, stride=2, scope="conv1")
                net = slim.max_pool2d(net, [3, 3], stride=2, scope="pool1")
            net = stack_blocks_dense(net, blocks, output_stride)
            if preactivated:
                net = slim.batch_norm(net, activation_fn=nn.relu, scope="postnorm")
            if global_pool:
                net = jnp.mean(net, (1, 2), keepdims=True)
            if num_classes is not None:
                net = slim.conv2d(
                    net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="logits"
                )
            end_points = slim.utils.convert_collection_to_dict(collection)
            if num_classes is not None:
                end_points["predictions"] = slim.softmax(net, scope="predictions")
            return net, end_points


def with_units(resnet: Callable, block: Callable[..., Block], name: str, *units: int):
    """Make the network of four blocks with so many units, as `resnet_v1_50` of `resnet_v1`."""

    def network(
        inputs: Array,
        num_classes: int | None = None,
        is_training: Any = True,
        global_pool: bool = True,
        output_stride: int | None = None,
        reuse: Any = None,
        scope: Any = name,
    ) -> tuple[Array, dict[str, Array]]:
        """Run the ResNet of as many layers as the name says; see `resnet_v1` or `resnet_v2`."""
        strides = (2, 2, 2, 1)
        blocks = [
            block(f"block{i + 1}", base_depth=64 * 2**i, num_units=units[i], stride=strides[i])
            for i in range(4)
        ]
        return resnet(
            inputs,
            blocks,
            num_classes,
            is_training,
            global_pool,
            output_stride,
            include_root_block=True,
            reuse=reuse,
            scope=scope,
        )

    network.__name__ = network.__qualname__ = name
    network.__module__ = resnet.__module__
    return network
