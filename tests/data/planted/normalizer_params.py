# ruff: noqa: SIM117
"""`normalizer_params` that win over a scope of the normalizer."""

import slim


def model(images):
    with slim.arg_scope([slim.batch_norm], decay=0.9, scale=True):
        return slim.conv2d(  # finding: normalizer-params
            images,
            8,
            3,
            normalizer_fn=slim.batch_norm,
            normalizer_params={"decay": 0.99},
        )


def scoped(images):
    with slim.arg_scope([slim.batch_norm], decay=0.9):
        with slim.arg_scope(  # finding: normalizer-params
            [slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params={"decay": 0.99}
        ):
            return slim.conv2d(images, 8, 3)
