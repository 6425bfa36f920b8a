# ruff: noqa: SIM117
"""A default that is set again to the same value, or replaced before it counts."""

import nn
import slim


def model(images):
    with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=nn.elu):
        with slim.arg_scope([slim.conv2d], activation_fn=nn.elu, stride=2):  # finding: set-twice
            net = slim.conv2d(images, 8, 3)
        return slim.fully_connected(slim.flatten(net), 10)


def equal_regularizers(images):
    with slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(0.1)):
        net = slim.conv2d(images, 8, 3)
        with slim.arg_scope(  # finding: set-twice
            [slim.conv2d], weights_regularizer=slim.l2_regularizer(0.1)
        ):
            return slim.conv2d(net, 8, 3)


def replaced(images):
    with slim.arg_scope([slim.conv2d], padding="SAME"):  # finding: set-twice
        with slim.arg_scope([slim.conv2d], padding="VALID"):
            return slim.conv2d(images, 8, 3)


def one_op_by_two_names(images):
    with slim.arg_scope([slim.conv2d, slim.convolution2d], stride=2):  # finding: set-twice
        return slim.conv2d(images, 8, 3)
