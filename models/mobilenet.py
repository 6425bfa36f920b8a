"""MobileNet v1 and a lite one for small images, in both styles.

A convolution of 3x3 pixels, then blocks of a depthwise and a pointwise convolution, each followed
by batch norm and relu6; then the global average, dropout and the logits. With `V1_BLOCKS` and
`stem_stride=2` it is the network of arXiv:1704.04861. For 1000 classes that one has 4,231,976
trainable parameters: all kernels, batch norm's gammas and betas, and the biases of the logits
alone. The moving statistics are 21,888 more.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

import layers
import nn
import slim

# (filters, stride) of each depthwise-separable block.
Blocks = Sequence[tuple[int, int]]
LITE_BLOCKS: Blocks = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
V1_BLOCKS: Blocks = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


def explicit(
    images: jax.Array,
    num_classes: int = 10,
    is_training: bool | jax.Array = False,
    weight_decay: float = 0.0,
    width: float = 1.0,
    blocks: Blocks = LITE_BLOCKS,
    stem_stride: int = 1,
    batch_norm_decay: float = 0.95,
) -> jax.Array:
    """Compute the logits `[N, num_classes]` of images `[N, H, W, C]`: every argument at its call.

    Args:
      images: `[N, H, W, C]`.
      num_classes: the number of logits.
      is_training: a bool, or an array of one bool.
      weight_decay: of the kernels except the depthwise ones.
      width: multiplies the filters of every layer, at least 8 of which remain.
      blocks: the filters and the stride of each block.
      stem_stride: the stride of the first convolution.
      batch_norm_decay: of the moving averages.

    >>> net = nn.transform(models.mobilenet.explicit)
    >>> variables = net.variables(
    ...     jnp.ones((1, 224, 224, 3)), 1000, blocks=models.mobilenet.V1_BLOCKS, stem_stride=2)
    >>> sum(v.trainable * math.prod(v.shape) for v in variables)
    4231976
    """

    def decay(kernel: jax.Array) -> jax.Array | None:
        return weight_decay * nn.l2_loss(kernel) if weight_decay else None

    net = layers.Conv2D(
        _filters(32, width),
        3,
        strides=stem_stride,
        padding="same",
        use_bias=False,
        kernel_regularizer=decay,
        name="Conv2d_0",
    )(images)
    net = layers.BatchNormalization(
        momentum=batch_norm_decay, epsilon=0.001, scale=True, name="Conv2d_0/BatchNorm"
    )(net, training=is_training)
    net = nn.relu6(net)
    for i, (filters, stride) in enumerate(blocks, 1):
        name = f"Conv2d_{i}_depthwise"
        net = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=name)(
            net
        )
        net = layers.BatchNormalization(
            momentum=batch_norm_decay, epsilon=0.001, scale=True, name=f"{name}/BatchNorm"
        )(net, training=is_training)
        net = nn.relu6(net)
        name = f"Conv2d_{i}_pointwise"
        net = layers.Conv2D(
            _filters(filters, width),
            1,
            padding="same",
            use_bias=False,
            kernel_regularizer=decay,
            name=name,
        )(net)
        net = layers.BatchNormalization(
            momentum=batch_norm_decay, epsilon=0.001, scale=True, name=f"{name}/BatchNorm"
        )(net, training=is_training)
        net = nn.relu6(net)
    net = jnp.mean(net, axis=(1, 2))
    net = layers.Dropout(rate=0.1)(net, training=is_training)
    return layers.Dense(num_classes, kernel_regularizer=decay, name="Logits")(net)


def scoped(
    images: jax.Array,
    num_classes: int = 10,
    is_training: bool | jax.Array = False,
    weight_decay: float = 0.0,
    width: float = 1.0,
    blocks: Blocks = LITE_BLOCKS,
    stem_stride: int = 1,
    batch_norm_decay: float = 0.95,
) -> jax.Array:
    """Compute the logits `[N, num_classes]` of images `[N, H, W, C]`: defaults come from scopes.

    The arguments are those of `explicit`.

    >>> net = nn.transform(models.mobilenet.scoped)
    >>> [v.name for v in net.variables(jnp.ones((1, 28, 28, 1)))][5:7]
    ['Conv2d_1_depthwise/depthwise_weights', 'Conv2d_1_depthwise/BatchNorm/gamma']
    """
    with (
        slim.arg_scope(
            [slim.conv2d, slim.separable_conv2d],
            activation_fn=nn.relu6,
            normalizer_fn=slim.batch_norm,
        ),
        slim.arg_scope(
            [slim.conv2d, slim.fully_connected],
            weights_regularizer=slim.l2_regularizer(weight_decay),
        ),
        slim.arg_scope(
            [slim.batch_norm], is_training=is_training, decay=batch_norm_decay, scale=True
        ),
        slim.arg_scope([slim.dropout], is_training=is_training),
    ):
        net = slim.conv2d(images, _filters(32, width), 3, stride=stem_stride, scope="Conv2d_0")
        for i, (filters, stride) in enumerate(blocks, 1):
            net = slim.separable_conv2d(net, None, 3, stride=stride, scope=f"Conv2d_{i}_depthwise")
            net = slim.conv2d(net, _filters(filters, width), 1, scope=f"Conv2d_{i}_pointwise")
        net = jnp.mean(net, axis=(1, 2))
        net = slim.dropout(net, keep_prob=0.9)
        return slim.fully_connected(net, num_classes, activation_fn=None, scope="Logits")


def _filters(number: int, width: float) -> int:
    """Return the number of filters at a width: at least 8, unless there are fewer."""
    return max(int(number * width), min(number, 8))
