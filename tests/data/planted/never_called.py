"""A scope whose op is not called inside it."""

import slim


def model(images):
    with slim.arg_scope([slim.avg_pool2d], padding="SAME"):  # finding: never-called
        return slim.max_pool2d(images, 2)


def after(images):
    with slim.arg_scope([slim.conv2d], stride=2):  # finding: never-called
        net = slim.max_pool2d(images, 2)
    return slim.conv2d(net, 8, 3)


def one_of_two(images):
    ops = [slim.conv2d, slim.fully_connected]
    with slim.arg_scope(ops, trainable=False):  # finding: never-called
        return slim.conv2d(images, 8, 3)
