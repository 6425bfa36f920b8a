"""OverFeat: "Integrated Recognition, Localization and Detection" (1312.6229), the fast one."""

from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets.parts import classifier, trunc_normal, with_end_points

__all__ = ["overfeat", "overfeat_arg_scope"]

# The filters of conv3 to conv5.
FILTERS = {3: 512, 4: 1024, 5: 1024}


def overfeat_arg_scope(weight_decay: float = 0.0005) -> dict:
    """Return the defaults that OverFeat was trained with, for `slim.arg_scope`."""
    with (
        arg_scope(
            [slim.conv2d, slim.fully_connected],
            activation_fn=nn.relu,
            weights_regularizer=slim.l2_regularizer(weight_decay),
            biases_initializer=nn.zeros_initializer(),
        ),
        arg_scope([slim.conv2d], padding="SAME"),
        arg_scope([slim.max_pool2d], padding="VALID") as scope,
    ):
        return scope


def overfeat(
    inputs: Array,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.5,
    spatial_squeeze: bool = True,
    scope: Any = "overfeat",
) -> tuple[Array, dict[str, Array]]:
    """Compute the logits of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 231 pixels; larger ones give logits for several places.
      num_classes: the number of logits.
      is_training: whether to drop out.
      dropout_keep_prob: what dropout keeps.
      spatial_squeeze: whether the logits are `[N, num_classes]` and not `[N, H', W', num_classes]`.
      scope: the variable scope.

    Raises:
      ValueError: `spatial_squeeze`, and there are logits for several places.

    Source: `slim.nets.overfeat.overfeat`.

    >>> images = jax.ShapeDtypeStruct((1, 281, 281, 3), jnp.float32)
    >>> net = nn.transform(lambda x: overfeat(x, is_training=False, spatial_squeeze=False)[0])
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0), images)
    >>> jax.eval_shape(net.apply, params, state, images)[0].shape
    (1, 2, 2, 1000)
    """
    with nn.variable_scope(scope, "overfeat", [inputs]) as opened:
        collection = opened.name + "_end_points"
        with arg_scope(
            [slim.conv2d, slim.fully_connected, slim.max_pool2d], outputs_collections=collection
        ):
            net = slim.conv2d(inputs, 64, 11, 4, padding="VALID", scope="conv1")
            net = slim.max_pool2d(net, 2, scope="pool1")
            net = slim.conv2d(net, 256, 5, padding="VALID", scope="conv2")
            net = slim.max_pool2d(net, 2, scope="pool2")
            for i, filters in FILTERS.items():
                net = slim.conv2d(net, filters, 3, scope=f"conv{i}")
            net = slim.max_pool2d(net, 2, scope="pool5")
            with arg_scope(
                [slim.conv2d],
                weights_initializer=trunc_normal(0.005),
                biases_initializer=nn.constant_initializer(0.1),
            ):
                net = classifier(
                    net,
                    3072,
                    6,
                    num_classes,
                    is_training,
                    dropout_keep_prob,
                    biases_initializer=nn.zeros_initializer(),
                )
        return with_end_points(net, collection, opened, spatial_squeeze)
