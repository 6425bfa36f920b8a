"""One helper under two scopes, and shared variables: what must become parameters, or be asked."""

import nn
import slim


def tower(net, filters):
    """Normalized and activated as its scope says."""
    net = slim.conv2d(net, filters, 3, scope="a")
    return slim.conv2d(net, filters, 3, scope="b")


def embed(image, units):
    """The same variables for each image."""
    net = slim.conv2d(image, 4, 3, stride=2, scope="conv")
    return slim.fully_connected(slim.flatten(net), units, scope="fc")


def siamese(images, is_training=False, use_norm=True, units=6):
    """Two towers of different scopes, and one embedding of two images."""
    with (
        slim.arg_scope([slim.batch_norm], is_training=is_training, scale=True),
        slim.arg_scope([slim.conv2d], weights_regularizer=slim.l1_l2_regularizer(1e-3, 1e-4)),
    ):
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, activation_fn=nn.relu6):  # noqa: SIM117
            with nn.variable_scope("left"):
                left = tower(images, 4)
        with slim.arg_scope([slim.conv2d], activation_fn=None, padding="VALID"):  # noqa: SIM117
            with nn.variable_scope("right"):
                right = tower(images, 4)
        norm = slim.batch_norm if use_norm else None
        left = slim.conv2d(
            left, 3, 1, normalizer_fn=slim.batch_norm if use_norm else None, scope="left_out"
        )
        right = slim.conv2d(right, 3, 1, normalizer_fn=norm, scope="right_out")
        with nn.variable_scope("embedding") as scope:
            first = embed(left, units)
            with nn.variable_scope(scope, reuse=True):
                second = embed(left * 2.0, units)
        third = slim.fully_connected(slim.flatten(right), units, scope="third")
        for _ in range(2):
            third = slim.fully_connected(third, units, reuse=nn.AUTO_REUSE, scope="shared")
    return first + second + third
