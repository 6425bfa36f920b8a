"""What AlexNet, OverFeat and VGG share: fully connected layers that are convolutions."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp

import nn
import slim
from nn.graph import Array

F = TypeVar("F", bound=Callable)


def trunc_normal(stddev: float) -> Callable:
    """Return an initializer: normal, around 0, cut off at two standard deviations.

    >>> trunc_normal(0.01)
    truncated_normal_initializer(0.0, 0.01)
    """
    return nn.truncated_normal_initializer(0.0, stddev)


def made_for(image_size: int) -> Callable[[F], F]:
    """Decorate a network with the size of the images, in pixels, that it was designed for.

    >>> made_for(224)(lambda images: images).default_image_size
    224
    """

    def mark(network: Any) -> Any:
        network.default_image_size = image_size
        return network

    return mark


def classifier(
    net: Array,
    filters: int,
    kernel_size: int,
    num_classes: int,
    is_training: Any,
    keep_prob: float,
    **fc8: Any,
) -> Array:
    """Compute the logits `[N, H', W', num_classes]` of features `[N, H, W, C]`: fc6, fc7, fc8.

    Args:
      net: the features.
      filters: of fc6.
      kernel_size: of fc6, in pixels; of the image size that a network is made for, it leaves one.
      num_classes: the number of logits.
      is_training: whether to drop out.
      keep_prob: what dropout keeps.
      **fc8: more arguments of the last layer.
    """
    net = slim.conv2d(net, filters, kernel_size, padding="VALID", scope="fc6")
    net = slim.dropout(net, keep_prob, is_training=is_training, scope="dropout6")
    net = slim.conv2d(net, 4096, 1, scope="fc7")
    net = slim.dropout(net, keep_prob, is_training=is_training, scope="dropout7")
    return slim.conv2d(
        net, num_classes, 1, activation_fn=None, normalizer_fn=None, scope="fc8", **fc8
    )


def with_end_points(
    net: Array, collection: str, scope: nn.VariableScope, spatial_squeeze: bool
) -> tuple[Array, dict[str, Array]]:
    """Return logits, as `[N, num_classes]` if `spatial_squeeze`, and the end points collected."""
    end_points = slim.utils.convert_collection_to_dict(collection)
    if spatial_squeeze:
        net = end_points[f"{scope.name}/fc8"] = jnp.squeeze(net, (1, 2))
    return net, end_points
