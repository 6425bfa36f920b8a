"""Inception v1, GoogLeNet: "Going deeper with convolutions" (1409.4842)."""

from collections.abc import Callable
from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets import inception_parts as parts
from slim.nets.inception_parts import Layer, branches, conv, max_pool
from slim.nets.parts import made_for, trunc_normal

__all__ = ["inception_v1", "inception_v1_arg_scope", "inception_v1_base"]


def _module(a: int, b: tuple[int, int], c: tuple[int, int], d: int, c_3x3: str = "0b") -> Layer:
    """Return a module: 1x1; 1x1 and 3x3, twice; a pool and 1x1."""
    return branches(
        {"Conv2d_0a_1x1": conv(a)},
        {"Conv2d_0a_1x1": conv(b[0]), "Conv2d_0b_3x3": conv(b[1])},
        {"Conv2d_0a_1x1": conv(c[0]), f"Conv2d_{c_3x3}_3x3": conv(c[1])},
        {"MaxPool_0a_3x3": max_pool(), "Conv2d_0b_1x1": conv(d)},
    )


LAYERS = {
    "Conv2d_1a_7x7": conv(64, stride=2),
    "MaxPool_2a_3x3": max_pool(stride=2),
    "Conv2d_2b_1x1": conv(64),
    "Conv2d_2c_3x3": conv(192),
    "MaxPool_3a_3x3": max_pool(stride=2),
    "Mixed_3b": _module(64, (96, 128), (16, 32), 32),
    "Mixed_3c": _module(128, (128, 192), (32, 96), 64),
    "MaxPool_4a_3x3": max_pool(stride=2),
    "Mixed_4b": _module(192, (96, 208), (16, 48), 64),
    "Mixed_4c": _module(160, (112, 224), (24, 64), 64),
    "Mixed_4d": _module(128, (128, 256), (24, 64), 64),
    "Mixed_4e": _module(112, (144, 288), (32, 64), 64),
    "Mixed_4f": _module(256, (160, 320), (32, 128), 128),
    "MaxPool_5a_2x2": max_pool(stride=2),
    "Mixed_5b": _module(256, (160, 320), (32, 128), 128, c_3x3="0a"),  # named so where it began
    "Mixed_5c": _module(384, (192, 384), (48, 128), 128),
}


def inception_v1_base(
    inputs: Array, final_endpoint: str = "Mixed_5c", scope: Any = "InceptionV1"
) -> tuple[Array, dict[str, Array]]:
    """Compute the features of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: the images.
      final_endpoint: where to stop: a key of `LAYERS`.
      scope: the variable scope.

    Raises:
      ValueError: there is no such end point.

    Source: `slim.nets.inception.inception_v1_base`.

    >>> net = nn.transform(lambda x: inception_v1_base(x, 'Mixed_3b')[0])
    >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0), images)
    >>> jax.eval_shape(net.apply, params, state, images)[0].shape
    (1, 28, 28, 256)
    """
    parts.check_endpoint(final_endpoint, LAYERS)
    with (
        nn.variable_scope(scope, "InceptionV1", [inputs]),
        arg_scope([slim.conv2d, slim.fully_connected], weights_initializer=trunc_normal(0.01)),
        arg_scope([slim.conv2d, slim.max_pool2d], stride=1, padding="SAME"),
    ):
        return parts.run(inputs, LAYERS, lambda depth: depth, final_endpoint)


@made_for(224)
def inception_v1(
    inputs: Array,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.8,
    prediction_fn: Callable[..., Any] = slim.softmax,
    spatial_squeeze: bool = True,
    reuse: Any = None,
    scope: Any = "InceptionV1",
) -> tuple[Array, dict[str, Any]]:
    """Compute the logits of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 224 pixels.
      num_classes: the number of logits.
      is_training: whether to drop out, and batch norm uses the batch's statistics.
      dropout_keep_prob: what dropout keeps.
      prediction_fn: a function of the logits and `scope`, for the end point `Predictions`.
      spatial_squeeze: whether the logits are `[N, num_classes]` and not `[N, H', W', num_classes]`.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      scope: the variable scope.

    Raises:
      ValueError: the images are too small, or too large for `spatial_squeeze`.

    Source: `slim.nets.inception.inception_v1`.

    >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    >>> [v.name for v in nn.transform(inception_v1).variables(images)][-1]
    'InceptionV1/Logits/Conv2d_0c_1x1/biases'
    """
    with (
        nn.variable_scope(scope, "InceptionV1", [inputs, num_classes], reuse=reuse) as opened,
        arg_scope([slim.batch_norm, slim.dropout], is_training=is_training),
    ):
        net, end_points = inception_v1_base(inputs, scope=opened)
        with nn.variable_scope("Logits"):
            net = slim.avg_pool2d(net, [7, 7], stride=1, scope="MaxPool_0a_7x7")
            net = slim.dropout(net, dropout_keep_prob, scope="Dropout_0b")
            logits = parts.logits_of(net, num_classes, spatial_squeeze, "Conv2d_0c_1x1")
            end_points["Logits"] = logits
            end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


def inception_v1_arg_scope(
    weight_decay: float = 0.00004,
    use_batch_norm: bool = True,
    batch_norm_var_collection: str = "moving_vars",
) -> dict:
    """Return the defaults that Inception v1 was trained with, for `slim.arg_scope`."""
    normalizer_fn = slim.batch_norm if use_batch_norm else None
    return parts.defaults(weight_decay, normalizer_fn, batch_norm_var_collection)
