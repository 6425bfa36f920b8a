"""A scope on `conv2d`, while the model calls `separable_conv2d`."""

import nn
import slim


def model(images):
    with slim.arg_scope([slim.conv2d], activation_fn=nn.relu6):  # finding: out-of-reach
        net = slim.conv2d(images, 8, 3)
        return slim.separable_conv2d(net, 8, 3, 1)


def alone(images):
    with slim.arg_scope([slim.conv2d], stride=2):  # finding: out-of-reach, never-called
        return slim.separable_conv2d(images, 8, 3, 1)
