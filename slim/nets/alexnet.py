"""AlexNet as in "One weird trick for parallelizing convolutional neural networks" (1404.5997)."""

from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets.parts import classifier, made_for, trunc_normal, with_end_points

__all__ = ["alexnet_v2", "alexnet_v2_arg_scope"]

# The filters and the kernel of conv2 to conv5.
CONVOLUTIONS = {2: (192, 5), 3: (384, 3), 4: (384, 3), 5: (256, 3)}
POOLED = {2, 5}


def alexnet_v2_arg_scope(weight_decay: float = 0.0005) -> dict:
    """Return the defaults that AlexNet was trained with, for `slim.arg_scope`."""
    with (
        arg_scope(
            [slim.conv2d, slim.fully_connected],
            activation_fn=nn.relu,
            biases_initializer=nn.constant_initializer(0.1),
            weights_regularizer=slim.l2_regularizer(weight_decay),
        ),
        arg_scope([slim.conv2d], padding="SAME"),
        arg_scope([slim.max_pool2d], padding="VALID") as scope,
    ):
        return scope


@made_for(224)
def alexnet_v2(
    inputs: Array,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.5,
    spatial_squeeze: bool = True,
    scope: Any = "alexnet_v2",
) -> tuple[Array, dict[str, Array]]:
    """Compute the logits of images `[N, H, W, C]`, and the end points by name.

    Args:
      inputs: of 224 pixels; larger ones give logits for several places.
      num_classes: the number of logits.
      is_training: whether to drop out.
      dropout_keep_prob: what dropout keeps.
      spatial_squeeze: whether the logits are `[N, num_classes]` and not `[N, H', W', num_classes]`.
      scope: the variable scope.

    Raises:
      ValueError: `spatial_squeeze`, and there are logits for several places.

    Source: `slim.nets.alexnet.alexnet_v2`.

    >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    >>> [v.shape for v in nn.transform(alexnet_v2).variables(images)][-2:]
    [(1, 1, 4096, 1000), (1000,)]
    """
    with nn.variable_scope(scope, "alexnet_v2", [inputs]) as opened:
        collection = opened.original_name_scope + "_end_points"
        with arg_scope(
            [slim.conv2d, slim.fully_connected, slim.max_pool2d], outputs_collections=[collection]
        ):
            net = slim.conv2d(inputs, 64, 11, 4, padding="VALID", scope="conv1")
            net = slim.max_pool2d(net, 3, 2, scope="pool1")
            for i, (filters, kernel_size) in CONVOLUTIONS.items():
                net = slim.conv2d(net, filters, kernel_size, scope=f"conv{i}")
                if i in POOLED:
                    net = slim.max_pool2d(net, 3, 2, scope=f"pool{i}")
            with arg_scope(
                [slim.conv2d],
                weights_initializer=trunc_normal(0.005),
                biases_initializer=nn.constant_initializer(0.1),
            ):
                net = classifier(
                    net,
                    4096,
                    5,
                    num_classes,
                    is_training,
                    dropout_keep_prob,
                    biases_initializer=nn.zeros_initializer(),
                )
        return with_end_points(net, collection, opened, spatial_squeeze)
