"""Inception v2: "Batch Normalization: Accelerating Deep Network Training" (1502.03167)."""

from collections.abc import Callable
from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets import inception_parts as parts
from slim.nets.inception_parts import Depth, Layer, avg_pool, branches, conv, max_pool
from slim.nets.parts import made_for, trunc_normal

__all__ = ["inception_v2", "inception_v2_arg_scope", "inception_v2_base"]

# How the weights of 1x1 convolutions begin: first in a branch, and after a pool.
FIRST = {"weights_initializer": trunc_normal(0.09)}
POOLED = {"weights_initializer": trunc_normal(0.1)}


def _stem(net: Array, scope: str, depth: Depth) -> Array:
    """Convolve each channel with several 7x7 kernels, then mix them."""
    return slim.separable_conv2d(
        net,
        depth(64),
        [7, 7],
        depth_multiplier=min(int(depth(64) / 3), 8),
        stride=2,
        weights_initializer=trunc_normal(1.0),
        scope=scope,
    )


def _module(a: int, b: tuple[int, int], c: tuple[int, int], d: int, pool: str = "Avg") -> Layer:
    """Return a module: 1x1; 1x1 and 3x3; 1x1, 3x3 and 3x3; a pool and 1x1."""
    return branches(
        {"Conv2d_0a_1x1": conv(a)},
        {"Conv2d_0a_1x1": conv(b[0], **FIRST), "Conv2d_0b_3x3": conv(b[1])},
        {
            "Conv2d_0a_1x1": conv(c[0], **FIRST),
            "Conv2d_0b_3x3": conv(c[1]),
            "Conv2d_0c_3x3": conv(c[1]),
        },
        {
            f"{pool}Pool_0a_3x3": avg_pool() if pool == "Avg" else max_pool(),
            "Conv2d_0b_1x1": conv(d, **POOLED),
        },
    )


def _reduction(a: tuple[int, int], b: tuple[int, int]) -> Layer:
    """Return a module that halves height and width."""
    return branches(
        {"Conv2d_0a_1x1": conv(a[0], **FIRST), "Conv2d_1a_3x3": conv(a[1], stride=2)},
        {
            "Conv2d_0a_1x1": conv(b[0], **FIRST),
            "Conv2d_0b_3x3": conv(b[1]),
            "Conv2d_1a_3x3": conv(b[1], stride=2),
        },
        {"MaxPool_1a_3x3": max_pool(stride=2)},
    )


LAYERS = {
    "Conv2d_1a_7x7": _stem,
    "MaxPool_2a_3x3": max_pool(stride=2),
    "Conv2d_2b_1x1": conv(64, weights_initializer=trunc_normal(0.1)),
    "Conv2d_2c_3x3": conv(192),
    "MaxPool_3a_3x3": max_pool(stride=2),
    "Mixed_3b": _module(64, (64, 64), (64, 96), 32),
    "Mixed_3c": _module(64, (64, 96), (64, 96), 64),
    "Mixed_4a": _reduction((128, 160), (64, 96)),
    "Mixed_4b": _module(224, (64, 96), (96, 128), 128),
    "Mixed_4c": _module(192, (96, 128), (96, 128), 128),
    "Mixed_4d": _module(160, (128, 160), (128, 160), 96),
    "Mixed_4e": _module(96, (128, 192), (160, 192), 96),
    "Mixed_5a": _reduction((128, 192), (192, 256)),
    "Mixed_5b": _module(352, (192, 320), (160, 224), 128),
    "Mixed_5c": _module(352, (192, 320), (192, 224), 128, pool="Max"),
}


def inception_v2_base(
    inputs: Array,
    final_endpoint: str = "Mixed_5c",
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    scope: Any = None,
) -> tuple[Array, dict[str, Array]]:
    """Compute the features of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: the images.
      final_endpoint: where to stop: a key of `LAYERS`.
      min_depth: the least depth of a layer.
      depth_multiplier: multiplies the depth of every layer.
      scope: the variable scope, `InceptionV2` if not given.

    Raises:
      ValueError: there is no such end point, or `depth_multiplier` is not positive.

    Source: `slim.nets.inception.inception_v2_base`.

    >>> net = nn.transform(lambda x: inception_v2_base(x, 'Mixed_4a')[0])
    >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0), images)
    >>> jax.eval_shape(net.apply, params, state, images)[0].shape
    (1, 14, 14, 576)
    """
    depth = parts.scaled(depth_multiplier, min_depth)
    parts.check_endpoint(final_endpoint, LAYERS)
    padded = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d, slim.separable_conv2d]
    with (
        nn.variable_scope(scope, "InceptionV2", [inputs]),
        arg_scope(padded, stride=1, padding="SAME"),
    ):
        return parts.run(inputs, LAYERS, depth, final_endpoint)


@made_for(224)
def inception_v2(
    inputs: Array,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.8,
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    prediction_fn: Callable[..., Any] = slim.softmax,
    spatial_squeeze: bool = True,
    reuse: Any = None,
    scope: Any = "InceptionV2",
) -> tuple[Array, dict[str, Any]]:
    """Compute the logits of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 224 pixels.
      num_classes: the number of logits.
      is_training: whether to drop out, and batch norm uses the batch's statistics.
      dropout_keep_prob: what dropout keeps.
      min_depth: the least depth of a layer.
      depth_multiplier: multiplies the depth of every layer.
      prediction_fn: a function of the logits and `scope`, for the end point `Predictions`.
      spatial_squeeze: whether the logits are `[N, num_classes]` and not `[N, H', W', num_classes]`.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      scope: the variable scope.

    Raises:
      ValueError: the images are too large for `spatial_squeeze`, or `depth_multiplier` is not
        positive.

    Source: `slim.nets.inception.inception_v2`.

    >>> images = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    >>> variables = nn.transform(inception_v2).variables(images, 10, depth_multiplier=0.5)
    >>> sum(math.prod(v.shape) for v in variables)
    2547218
    """
    parts.scaled(depth_multiplier, min_depth)
    with (
        nn.variable_scope(scope, "InceptionV2", [inputs, num_classes], reuse=reuse) as opened,
        arg_scope([slim.batch_norm, slim.dropout], is_training=is_training),
    ):
        net, end_points = inception_v2_base(
            inputs, min_depth=min_depth, depth_multiplier=depth_multiplier, scope=opened
        )
        with nn.variable_scope("Logits"):
            net = parts.pool_places(net, 7)
            net = slim.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            logits = parts.logits_of(net, num_classes, spatial_squeeze, "Conv2d_1c_1x1")
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


def inception_v2_arg_scope(
    weight_decay: float = 0.00004, batch_norm_var_collection: str = "moving_vars"
) -> dict:
    """Return the defaults that Inception v2 was trained with, for `slim.arg_scope`."""
    return parts.defaults(weight_decay, slim.batch_norm, batch_norm_var_collection)
