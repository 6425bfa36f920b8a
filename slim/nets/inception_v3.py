"""Inception v3: "Rethinking the Inception Architecture for Computer Vision" (1512.00567)."""

from collections.abc import Callable
from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets import inception_parts as parts
from slim.nets.inception_parts import (
    Layer,
    avg_pool,
    branches,
    conv,
    max_pool,
    side_by_side,
)
from slim.nets.parts import made_for, trunc_normal

__all__ = ["inception_v3", "inception_v3_arg_scope", "inception_v3_base"]

# What halves height and width, and the layers before the modules, see no padding.
VALID = {"padding": "VALID"}
HALVE = {"stride": 2, "padding": "VALID"}


def _module_35(d: int, b: tuple[str, str] = ("Conv2d_0a_1x1", "Conv2d_0b_5x5")) -> Layer:
    """Return a module for 35x35 places, with 5x5 kernels in the scopes `b`."""
    return branches(
        {"Conv2d_0a_1x1": conv(64)},
        {b[0]: conv(48), b[1]: conv(64)},
        {"Conv2d_0a_1x1": conv(64), "Conv2d_0b_3x3": conv(96), "Conv2d_0c_3x3": conv(96)},
        {"AvgPool_0a_3x3": avg_pool(), "Conv2d_0b_1x1": conv(d)},
    )


def _module_17(d: int) -> Layer:
    """Return a module for 17x17 places: 7x7 kernels of depth `d`, as products of 1x7 and 7x1."""
    return branches(
        {"Conv2d_0a_1x1": conv(192)},
        {"Conv2d_0a_1x1": conv(d), "Conv2d_0b_1x7": conv(d), "Conv2d_0c_7x1": conv(192)},
        {
            "Conv2d_0a_1x1": conv(d),
            "Conv2d_0b_7x1": conv(d),
            "Conv2d_0c_1x7": conv(d),
            "Conv2d_0d_7x1": conv(d),
            "Conv2d_0e_1x7": conv(192),
        },
        {"AvgPool_0a_3x3": avg_pool(), "Conv2d_0b_1x1": conv(192)},
    )


def _module_8(b_3x1: str) -> Layer:
    """Return a module for 8x8 places, which spreads out into 1x3 and 3x1."""
    return branches(
        {"Conv2d_0a_1x1": conv(320)},
        {
            "Conv2d_0a_1x1": conv(384),
            "concat": side_by_side({"Conv2d_0b_1x3": conv(384), b_3x1: conv(384)}),
        },
        {
            "Conv2d_0a_1x1": conv(448),
            "Conv2d_0b_3x3": conv(384),
            "concat": side_by_side({"Conv2d_0c_1x3": conv(384), "Conv2d_0d_3x1": conv(384)}),
        },
        {"AvgPool_0a_3x3": avg_pool(), "Conv2d_0b_1x1": conv(192)},
    )


# Some scopes break the rules of the others, and say a kernel that is not theirs: they are the names
# in the checkpoints.
LAYERS = {
    "Conv2d_1a_3x3": conv(32, **HALVE),
    "Conv2d_2a_3x3": conv(32, **VALID),
    "Conv2d_2b_3x3": conv(64),
    "MaxPool_3a_3x3": max_pool(**HALVE),
    "Conv2d_3b_1x1": conv(80, **VALID),
    "Conv2d_4a_3x3": conv(192, **VALID),
    "MaxPool_5a_3x3": max_pool(**HALVE),
    "Mixed_5b": _module_35(32),
    "Mixed_5c": _module_35(64, b=("Conv2d_0b_1x1", "Conv_1_0c_5x5")),
    "Mixed_5d": _module_35(64),
    "Mixed_6a": branches(
        {"Conv2d_1a_1x1": conv(384, kernel_size=3, **HALVE)},
        {
            "Conv2d_0a_1x1": conv(64),
            "Conv2d_0b_3x3": conv(96),
            "Conv2d_1a_1x1": conv(96, kernel_size=3, **HALVE),
        },
        {"MaxPool_1a_3x3": max_pool(**HALVE)},
    ),
    "Mixed_6b": _module_17(128),
    "Mixed_6c": _module_17(160),
    "Mixed_6d": _module_17(160),
    "Mixed_6e": _module_17(192),
    "Mixed_7a": branches(
        {"Conv2d_0a_1x1": conv(192), "Conv2d_1a_3x3": conv(320, **HALVE)},
        {
            "Conv2d_0a_1x1": conv(192),
            "Conv2d_0b_1x7": conv(192),
            "Conv2d_0c_7x1": conv(192),
            "Conv2d_1a_3x3": conv(192, **HALVE),
        },
        {"MaxPool_1a_3x3": max_pool(**HALVE)},
    ),
    "Mixed_7b": _module_8("Conv2d_0b_3x1"),
    "Mixed_7c": _module_8("Conv2d_0c_3x1"),
}
PADDED = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d]


def inception_v3_base(
    inputs: Array,
    final_endpoint: str = "Mixed_7c",
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    scope: Any = None,
) -> tuple[Array, dict[str, Array]]:
    """Compute the features of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 75 pixels or more.
      final_endpoint: where to stop: a key of `LAYERS`.
      min_depth: the least depth of a layer.
      depth_multiplier: multiplies the depth of every layer.
      scope: the variable scope, `InceptionV3` if not given.

    Raises:
      ValueError: there is no such end point, or `depth_multiplier` is not positive.

    Source: `slim.nets.inception.inception_v3_base`.

    >>> net = nn.transform(lambda x: inception_v3_base(x, 'Mixed_6a')[0])
    >>> images = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0), images)
    >>> jax.eval_shape(net.apply, params, state, images)[0].shape
    (1, 17, 17, 768)
    """
    depth = parts.scaled(depth_multiplier, min_depth)
    parts.check_endpoint(final_endpoint, LAYERS)
    with (
        nn.variable_scope(scope, "InceptionV3", [inputs]),
        arg_scope(PADDED, stride=1, padding="SAME"),
    ):
        return parts.run(inputs, LAYERS, depth, final_endpoint)


@made_for(299)
def inception_v3(
    inputs: Array,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.8,
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    prediction_fn: Callable[..., Any] = slim.softmax,
    spatial_squeeze: bool = True,
    reuse: Any = None,
    create_aux_logits: bool = True,
    scope: Any = "InceptionV3",
) -> tuple[Array, dict[str, Any]]:
    """Compute the logits of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 299 pixels.
      num_classes: the number of logits.
      is_training: whether to drop out, and batch norm uses the batch's statistics.
      dropout_keep_prob: what dropout keeps.
      min_depth: the least depth of a layer.
      depth_multiplier: multiplies the depth of every layer.
      prediction_fn: a function of the logits and `scope`, for the end point `Predictions`.
      spatial_squeeze: whether the logits are `[N, num_classes]` and not `[N, H', W', num_classes]`.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      create_aux_logits: whether to compute the end point `AuxLogits`: logits of `Mixed_6e`.
      scope: the variable scope.

    Raises:
      ValueError: the images are too large for `spatial_squeeze` or too small for the auxiliary
        logits, or `depth_multiplier` is not positive.

    Source: `slim.nets.inception.inception_v3`.

    >>> images = jax.ShapeDtypeStruct((1, 107, 107, 3), jnp.float32)
    >>> variables = nn.transform(inception_v3).variables(images, 10, depth_multiplier=0.25)
    >>> sum(math.prod(v.shape) for v in variables)
    1393048
    """
    depth = parts.scaled(depth_multiplier, min_depth)
    with (
        nn.variable_scope(scope, "InceptionV3", [inputs, num_classes], reuse=reuse) as opened,
        arg_scope([slim.batch_norm, slim.dropout], is_training=is_training),
    ):
        net, end_points = inception_v3_base(
            inputs, min_depth=min_depth, depth_multiplier=depth_multiplier, scope=opened
        )
        if create_aux_logits and num_classes:
            with nn.variable_scope("AuxLogits"), arg_scope(PADDED, stride=1, padding="SAME"):
                end_points["AuxLogits"] = _auxiliary(
                    end_points["Mixed_6e"], depth, num_classes, spatial_squeeze
                )
        with nn.variable_scope("Logits"):
            net = parts.pool_places(net, 8)
            net = slim.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            end_points["PreLogits"] = net
            logits = parts.logits_of(net, num_classes, spatial_squeeze, "Conv2d_1c_1x1")
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


def _auxiliary(net: Array, depth: parts.Depth, num_classes: int, spatial_squeeze: bool) -> Array:
    """Compute logits of features from the middle of the network."""
    net = slim.avg_pool2d(net, [5, 5], stride=3, padding="VALID", scope="AvgPool_1a_5x5")
    net = slim.conv2d(net, depth(128), [1, 1], scope="Conv2d_1b_1x1")
    size = [min(places, 5) for places in net.shape[1:3]]
    net = slim.conv2d(
        net,
        depth(768),
        size,
        weights_initializer=trunc_normal(0.01),
        padding="VALID",
        scope="Conv2d_2a_{}x{}".format(*size),
    )
    return parts.logits_of(
        net,
        num_classes,
        spatial_squeeze,
        "Conv2d_2b_1x1",
        weights_initializer=trunc_normal(0.001),
    )


def inception_v3_arg_scope(
    weight_decay: float = 0.00004,
    batch_norm_var_collection: str = "moving_vars",
    batch_norm_decay: float = 0.9997,
    batch_norm_epsilon: float = 0.001,
    updates_collections: Any = nn.GraphKeys.UPDATE_OPS,
    use_fused_batchnorm: bool = True,
) -> dict:
    """Return the defaults that Inception v3 was trained with, for `slim.arg_scope`."""
    return parts.defaults(
        weight_decay,
        slim.batch_norm,
        batch_norm_var_collection,
        decay=batch_norm_decay,
        epsilon=batch_norm_epsilon,
        updates_collections=updates_collections,
        fused=use_fused_batchnorm,
    )
