"""ResNet v2, activated before each convolution: "Identity Mappings" (1603.05027)."""

from collections.abc import Sequence
from typing import Any

import nn
import slim
from nn.graph import Array
from slim import add_arg_scope, arg_scope  # noqa: F401 (as in TF-Slim, its networks have both)
from slim.nets import resnet_utils
from slim.nets.parts import made_for
from slim.nets.resnet_utils import Block, resnet_arg_scope, with_units

__all__ = [
    "bottleneck",
    "resnet_arg_scope",
    "resnet_v2",
    "resnet_v2_50",
    "resnet_v2_101",
    "resnet_v2_152",
    "resnet_v2_200",
    "resnet_v2_block",
]


@add_arg_scope
def bottleneck(
    inputs: Array,
    depth: int,
    depth_bottleneck: int,
    stride: int,
    rate: int = 1,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Normalize and activate, then add to the inputs what three convolutions make of that.

    Args:
      inputs: `[N, H, W, C]`.
      depth: the number of output channels.
      depth_bottleneck: that of the first two convolutions.
      stride: of the second convolution, in pixels.
      rate: its dilation.
      outputs_collections: collections for the output.
      scope: the variable scope.

    Source: `slim.nets.resnet_v2.bottleneck`.

    >>> net = nn.transform(lambda x: bottleneck(x, 8, 2, stride=2))
    >>> [v.name for v in net.variables(jnp.ones((1, 4, 4, 8)))][:2]
    ['bottleneck_v2/preact/beta', 'bottleneck_v2/preact/moving_mean']
    """
    with nn.variable_scope(scope, "bottleneck_v2", [inputs]) as opened:
        bare = {"normalizer_fn": None, "activation_fn": None}
        active = slim.batch_norm(inputs, activation_fn=nn.relu, scope="preact")
        if depth == slim.utils.last_dimension(inputs.shape, min_rank=4):
            shortcut = resnet_utils.subsample(inputs, stride, "shortcut")
        else:
            shortcut = slim.conv2d(active, depth, [1, 1], stride=stride, scope="shortcut", **bare)
        net = slim.conv2d(active, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = resnet_utils.conv2d_same(net, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        net = slim.conv2d(net, depth, [1, 1], stride=1, scope="conv3", **bare)
        return slim.utils.collect_named_outputs(outputs_collections, opened.name, shortcut + net)


@made_for(224)
def resnet_v2(
    inputs: Array,
    blocks: Sequence[Block],
    num_classes: int | None = None,
    is_training: Any = True,
    global_pool: bool = True,
    output_stride: int | None = None,
    include_root_block: bool = True,
    reuse: Any = None,
    scope: Any = None,
) -> tuple[Array, dict[str, Array]]:
    """Compute the logits or features of images, and the end points by name.

    Args:
      inputs: `[N, H, W, C]`; for features that lie on the images' corners, H and W are multiples
        of 32 plus 1.
      blocks: as `resnet_v2_block` makes them.
      num_classes: the number of logits; None: the result is the features.
      is_training: whether batch norm uses the batch's statistics.
      global_pool: whether to take the mean of all places: yes to classify, no for dense prediction.
      output_stride: how much coarser than the images the features are, in pixels: a multiple of 4;
        None: as the blocks' strides say.
      include_root_block: whether to begin with a convolution of stride 2 and a pool of stride 2.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      scope: the variable scope, `resnet_v2` if not given.

    Returns:
      The logits `[N, H', W', num_classes]`, or the features, where H' = W' = 1 with `global_pool`.

    Raises:
      ValueError: there is no such `output_stride`.

    Source: `slim.nets.resnet_v2.resnet_v2`.

    >>> blocks = [resnet_v2_block('block1', base_depth=2, num_units=2, stride=2)]
    >>> net, x = nn.transform(lambda x: resnet_v2(x, blocks, 10)[0]), jnp.ones((1, 33, 33, 3))
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0), x)
    >>> jax.eval_shape(net.apply, params, state, x)[0].shape
    (1, 1, 1, 10)
    """
    return resnet_utils.network(
        inputs,
        blocks,
        num_classes,
        is_training,
        global_pool,
        output_stride,
        include_root_block,
        reuse,
        scope,
        name="resnet_v2",
        unit_fn=bottleneck,
        preactivated=True,
    )


def resnet_v2_block(scope: str, base_depth: int, num_units: int, stride: int) -> Block:
    """Return a block of bottlenecks of depth `4 * base_depth`, the last of which strides.

    >>> [unit['stride'] for unit in resnet_v2_block('block1', 64, num_units=3, stride=2).args]
    [1, 1, 2]
    """
    unit = {"depth": 4 * base_depth, "depth_bottleneck": base_depth, "stride": 1}
    return Block(scope, bottleneck, [unit] * (num_units - 1) + [{**unit, "stride": stride}])


resnet_v2_50 = with_units(resnet_v2, resnet_v2_block, "resnet_v2_50", 3, 4, 6, 3)
resnet_v2_101 = with_units(resnet_v2, resnet_v2_block, "resnet_v2_101", 3, 4, 23, 3)
resnet_v2_152 = with_units(resnet_v2, resnet_v2_block, "resnet_v2_152", 3, 8, 36, 3)
resnet_v2_200 = with_units(resnet_v2, resnet_v2_block, "resnet_v2_200", 3, 24, 36, 3)
