# ruff: noqa: SIM117
"""`is_training` of one call, set in two places."""

import slim


def model(images, is_training=True):
    with slim.arg_scope([slim.batch_norm], is_training=is_training):
        with slim.arg_scope(  # finding: mode-set-twice
            [slim.conv2d],
            normalizer_fn=slim.batch_norm,
            normalizer_params={"is_training": is_training},
        ):
            return slim.conv2d(images, 8, 3)


def at_the_call(images, is_training=True):
    with slim.arg_scope([slim.dropout], is_training=is_training):
        return slim.dropout(images, is_training=True)  # finding: mode-set-twice
