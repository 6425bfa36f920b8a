"""LeNet for small grey images: one scope of defaults, a helper that returns a scope."""

import jax

import nn
import slim


def lenet_arg_scope(weight_decay=0.0, stddev=0.1):
    """The defaults of all layers."""
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_regularizer=slim.l2_regularizer(weight_decay),
        weights_initializer=nn.truncated_normal_initializer(stddev=stddev),
        activation_fn=nn.relu,
    ) as sc:
        return sc


def lenet(images: jax.Array, num_classes=10, is_training=False, keep_prob=0.5, weight_decay=1e-3):
    """Two convolutions with pools, then two fully connected layers."""
    end_points = {}
    with slim.arg_scope(lenet_arg_scope(weight_decay)):
        net = end_points["conv1"] = slim.conv2d(images, 8, [5, 5], scope="conv1")
        net = end_points["pool1"] = slim.max_pool2d(net, [2, 2], 2, scope="pool1")
        net = end_points["conv2"] = slim.conv2d(net, 16, [5, 5], scope="conv2")
        net = slim.max_pool2d(net, [2, 2], 2, scope="pool2")
        # From here on there are no pixels any more.
        net = slim.flatten(net)
        end_points["flatten"] = net
        net = slim.fully_connected(net, 32, scope="fc3")
        net = slim.dropout(net, keep_prob, is_training=is_training, scope="dropout3")
        logits = slim.fully_connected(net, num_classes, activation_fn=None, scope="fc4")
    if not num_classes:
        return net, end_points
    end_points["logits"] = logits
    end_points["predictions"] = slim.softmax(logits, scope="predictions")
    return logits, end_points
