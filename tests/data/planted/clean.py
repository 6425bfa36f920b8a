# ruff: noqa: SIM117
"""What people mean when they write it: nothing to find."""

import functools

import nn
import slim


def _defaults(weight_decay=4e-05):
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_regularizer=slim.l2_regularizer(weight_decay),
        normalizer_fn=slim.batch_norm,
        normalizer_params={"decay": 0.99},
    ):
        with slim.arg_scope([slim.conv2d], padding="SAME") as captured:
            return captured


def _block(net, depth, stride):
    with slim.arg_scope([slim.conv2d], activation_fn=nn.relu6):
        net = slim.conv2d(net, depth, 3, stride=stride)
        return slim.conv2d(net, depth, 1, activation_fn=None)


def model(images, is_training=False):
    with slim.arg_scope(_defaults()):
        with slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training):
            net = slim.conv2d(images, 8, 3, padding="VALID")
            for stride in (1, 2):
                net = _block(net, 8, stride)
            return slim.dropout(net)


def partial(images, is_training=False):
    norm = functools.partial(slim.batch_norm, is_training=is_training)
    net = slim.repeat(images, 2, slim.conv2d, 8, 3, normalizer_fn=norm)
    return slim.linear(slim.flatten(net), 10)
