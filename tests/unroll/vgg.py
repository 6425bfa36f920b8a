"""VGG: repeated convolutions, and end points that are collected on the way."""

import jax.numpy as jnp

import nn
import slim


def vgg_arg_scope(weight_decay=0.0005):
    """The scope that all of these networks share."""
    with (
        slim.arg_scope(
            [slim.conv2d, slim.fully_connected],
            activation_fn=nn.relu,
            weights_regularizer=slim.l2_regularizer(weight_decay),
            biases_initializer=nn.zeros_initializer(),
        ),
        slim.arg_scope([slim.conv2d], padding="SAME") as arg_sc,
    ):
        return arg_sc


def vgg_small(
    inputs,
    num_classes=10,
    is_training=True,
    dropout_keep_prob=0.5,
    spatial_squeeze=True,
    scope="vgg_s",
    fc_conv_padding="VALID",
    global_pool=False,
):
    """A narrow VGG whose fully connected layers are convolutions."""
    with slim.arg_scope(vgg_arg_scope()), nn.variable_scope(scope, "vgg_s", [inputs]) as sc:
        end_points_collection = sc.original_name_scope + "_end_points"
        # Collect outputs for conv2d, fully_connected and max_pool2d.
        with slim.arg_scope(
            [slim.conv2d, slim.fully_connected, slim.max_pool2d],
            outputs_collections=end_points_collection,
        ):
            net = slim.repeat(inputs, 2, slim.conv2d, 4, [3, 3], scope="conv1")
            net = slim.max_pool2d(net, [2, 2], scope="pool1")
            net = slim.repeat(net, 2, slim.conv2d, 8, [3, 3], scope="conv2")
            net = slim.max_pool2d(net, [2, 2], scope="pool2")

            # Use conv2d instead of fully_connected layers.
            net = slim.conv2d(net, 16, [2, 2], padding=fc_conv_padding, scope="fc6")
            net = slim.dropout(net, dropout_keep_prob, is_training=is_training, scope="dropout6")
            net = slim.conv2d(net, 16, [1, 1], scope="fc7")
            # Convert end_points_collection into an end_point dict.
            end_points = slim.utils.convert_collection_to_dict(end_points_collection)
            if global_pool:
                net = jnp.mean(net, axis=(1, 2), keepdims=True)
                end_points["global_pool"] = net
            if num_classes:
                net = slim.dropout(
                    net, dropout_keep_prob, is_training=is_training, scope="dropout7"
                )
                net = slim.conv2d(
                    net,
                    num_classes,
                    [1, 1],
                    activation_fn=None,
                    normalizer_fn=None,
                    scope="fc8",
                )
                if spatial_squeeze:
                    net = jnp.mean(net, axis=(1, 2))
                end_points[sc.name + "/fc8"] = net
            return net, end_points
