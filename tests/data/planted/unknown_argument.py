# ruff: noqa: SIM117
"""A keyword that an op of the list does not take, misspelt."""

import slim


def model(images):
    with slim.arg_scope([slim.conv2d], paddding="VALID"):  # finding: unknown-argument
        return slim.conv2d(images, 8, 3)


def unused(images):
    with slim.arg_scope([slim.max_pool2d], activation_fn=None):  # finding: unknown-argument
        with slim.arg_scope([slim.max_pool2d], strid=1):  # finding: unknown-argument
            return slim.max_pool2d(images, 2)
