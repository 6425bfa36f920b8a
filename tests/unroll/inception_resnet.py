"""Inception-ResNet: a block with an unnamed scope, repeated; padding as a parameter of a helper."""

import jax.numpy as jnp

import nn
import slim


def block(net, scale=1.0, activation_fn=nn.relu, scope=None, reuse=None):
    """Branches, concatenated, projected and added to the input."""
    with nn.variable_scope(scope, "Block", [net], reuse=reuse):
        with nn.variable_scope("Branch_0"):
            tower = slim.conv2d(net, 4, 1, scope="Conv2d_1x1")
        with nn.variable_scope("Branch_1"):
            tower_1 = slim.conv2d(net, 4, 1, scope="Conv2d_0a_1x1")
            tower_1 = slim.conv2d(tower_1, 6, 3, scope="Conv2d_0b_3x3")
        mixed = jnp.concatenate([tower, tower_1], axis=3)
        up = slim.conv2d(
            mixed, net.shape[3], 1, normalizer_fn=None, activation_fn=None, scope="Conv2d_1x1"
        )
        net += scale * up
        if activation_fn:
            net = activation_fn(net)
    return net


def reduction(net, filters):
    """Halves the image, padded as its scope says."""
    with nn.variable_scope(None, "Reduction"):
        return jnp.concatenate(
            [
                slim.conv2d(net, filters, 3, stride=2, scope="Conv2d"),
                slim.max_pool2d(net, 3, stride=2),
            ],
            axis=-1,
        )


def inception_resnet(images, is_training=False, num_classes=5, bn_decay=0.9):
    """Two kinds of repeated blocks between reductions."""
    with slim.arg_scope(
        [slim.conv2d],
        normalizer_fn=slim.batch_norm,
        normalizer_params={"is_training": is_training, "decay": bn_decay},
    ):
        net = slim.conv2d(images, 8, 3, stride=2, scope="stem")
        net = slim.repeat(net, 2, block, scale=0.17)
        with slim.arg_scope([slim.conv2d, slim.max_pool2d], padding="VALID"):
            net = reduction(net, 8)
        net = slim.repeat(net, 2, block, scale=0.2, activation_fn=nn.elu)
        with slim.arg_scope([slim.conv2d, slim.max_pool2d], padding="SAME"):
            net = reduction(net, 8)
        net = block(net, activation_fn=None, scope="Last")
        net = slim.dropout(jnp.mean(net, (1, 2)), 0.8, is_training=is_training, scope="Dropout")
        return slim.fully_connected(net, num_classes, activation_fn=None, scope="Logits")
