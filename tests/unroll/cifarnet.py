"""A network for small colour images: default names, normalized dense layers, a stack."""

import jax.numpy as jnp

import nn
import slim

MOMENTUM = 0.9


def cifarnet(images, num_classes=10, is_training=False, width=1):
    """Convolutions without names; then a dense layer with batch norm."""
    norm = {"is_training": is_training, "decay": MOMENTUM, "epsilon": 1e-4}
    with slim.arg_scope([slim.conv2d], padding="VALID"):
        net = slim.conv2d(images, 8 * width, 3)
        net = slim.conv2d(net, 8 * width, 3, normalizer_fn=slim.batch_norm, normalizer_params=norm)
        net = slim.avg_pool2d(net, 2)
    for filters in (12, 16):
        net = slim.conv2d(net, filters, 3, rate=2, activation_fn=nn.elu)
    net = slim.conv2d(
        net,
        16,
        (1, 3),
        normalizer_fn=slim.batch_norm,
        normalizer_params=dict(norm, scale=True),
        biases_initializer=None,
    )
    net = jnp.mean(net, axis=(1, 2))
    net = slim.fully_connected(
        net,
        24,
        normalizer_fn=slim.batch_norm,
        normalizer_params=norm,
        weights_initializer=slim.variance_scaling_initializer(),
    )
    net = slim.stack(
        net,
        slim.fully_connected,
        [20, 12],
        scope="fc",
        weights_regularizer=slim.l1_regularizer(1e-4),
    )
    return slim.linear(net, num_classes, scope="logits")
