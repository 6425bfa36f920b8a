"""MobileNet v2: inverted residual blocks, a helper that is called with many strides."""

import jax.numpy as jnp

import nn
import slim


@slim.add_arg_scope
def inverted_residual(net, filters, stride=1, expansion=6, residual=True, scope=None):
    """Expand, filter each channel, project; and add the input where the shapes allow."""
    shortcut = net
    channels = net.shape[-1]
    with nn.variable_scope(scope, "expanded_conv"):
        if expansion > 1:
            net = slim.conv2d(net, channels * expansion, 1, scope="expand")
        net = slim.separable_conv2d(net, None, 3, stride=stride, scope="depthwise")
        net = slim.conv2d(net, filters, 1, activation_fn=None, scope="project")
        if residual and stride == 1 and channels == filters:
            net = net + shortcut
    return net


def head(net, filters):
    """The last convolution and the mean over all pixels."""
    net = slim.conv2d(net, filters, 1, scope="Conv_1")
    return jnp.mean(net, axis=(1, 2))


def mobilenet_v2(images, num_classes=10, is_training=False, weight_decay=4e-5, expansion=2):
    """A short MobileNet v2."""
    with (
        slim.arg_scope(
            [slim.conv2d, slim.separable_conv2d],
            activation_fn=nn.relu6,
            normalizer_fn=slim.batch_norm,
            padding="SAME",
        ),
        slim.arg_scope([slim.batch_norm], is_training=is_training, decay=0.99),
        slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(weight_decay)),
        slim.arg_scope([inverted_residual], expansion=expansion),
        nn.variable_scope("MobilenetV2"),
    ):
        net = slim.conv2d(images, 8, 3, stride=2, scope="Conv")
        net = inverted_residual(net, 8, expansion=1)
        for i, (filters, stride) in enumerate([(12, 2), (12, 1)], 1):
            net = inverted_residual(net, filters, stride, scope=f"block_{i}")
        net = inverted_residual(net, 16)
        with slim.arg_scope([slim.conv2d], normalizer_fn=None, activation_fn=nn.relu):
            net = head(net, 24)
        net = slim.dropout(net, keep_prob=0.8, is_training=is_training)
        return slim.fully_connected(net, num_classes, activation_fn=None, scope="Logits")
