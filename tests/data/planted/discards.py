"""A captured scope that stands instead of the surrounding one."""

import slim


def _defaults():
    with slim.arg_scope([slim.conv2d], padding="VALID") as captured:
        return captured


def model(images, is_training=False):
    captured = _defaults()
    with slim.arg_scope([slim.dropout], is_training=is_training):
        net = slim.dropout(images)
        with slim.arg_scope(captured):  # finding: discards
            return slim.conv2d(net, 8, 3)
