"""VGG: "Very Deep Convolutional Networks for Large-Scale Image Recognition" (1409.1556)."""

from collections.abc import Sequence
from typing import Any

import nn
import slim
from nn.graph import Array
from slim import arg_scope
from slim.nets.parts import classifier, made_for, with_end_points

__all__ = ["vgg_16", "vgg_19", "vgg_a", "vgg_arg_scope", "vgg_d", "vgg_e"]

FILTERS = (64, 128, 256, 512, 512)


def vgg_arg_scope(weight_decay: float = 0.0005) -> dict:
    """Return the defaults that VGG was trained with, for `slim.arg_scope`."""
    with (
        arg_scope(
            [slim.conv2d, slim.fully_connected],
            activation_fn=nn.relu,
            weights_regularizer=slim.l2_regularizer(weight_decay),
            biases_initializer=nn.zeros_initializer(),
        ),
        arg_scope([slim.conv2d], padding="SAME") as scope,
    ):
        return scope


def _vgg(name: str, repetitions: Sequence[int], collected_by: str = "original_name_scope"):
    """Make the network whose five blocks have so many convolutions.

    Its end points are collected under its name scope, which is new in every call, or under its
    variable scope's `name`, which is not: then a second call has those of the first as well.
    """

    @made_for(224)
    def network(
        inputs: Array,
        num_classes: int = 1000,
        is_training: Any = True,
        dropout_keep_prob: float = 0.5,
        spatial_squeeze: bool = True,
        scope: Any = name,
    ) -> tuple[Array, dict[str, Array]]:
        """Compute the logits of images `[N, H, W, C]`, and the end points by name.

        Args:
          inputs: of 224 pixels; larger ones give logits for several places.
          num_classes: the number of logits.
          is_training: whether to drop out.
          dropout_keep_prob: what dropout keeps.
          spatial_squeeze: whether the logits are `[N, num_classes]` and not
            `[N, H', W', num_classes]`.
          scope: the variable scope.

        Raises:
          ValueError: `spatial_squeeze`, and there are logits for several places.

        Source: `slim.nets.vgg.vgg_a`, `vgg_16`, `vgg_19`.

        >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
        >>> sum(math.prod(v.shape) for v in nn.transform(vgg_16).variables(images))
        138357544
        """
        with nn.variable_scope(scope, name, [inputs]) as opened:
            collection = getattr(opened, collected_by) + "_end_points"
            with arg_scope(
                [slim.conv2d, slim.fully_connected, slim.max_pool2d],
                outputs_collections=collection,
            ):
                net = inputs
                for i, (times, filters) in enumerate(zip(repetitions, FILTERS, strict=True), 1):
                    net = slim.repeat(net, times, slim.conv2d, filters, 3, scope=f"conv{i}")
                    net = slim.max_pool2d(net, 2, scope=f"pool{i}")
                net = classifier(net, 4096, 7, num_classes, is_training, dropout_keep_prob)
            return with_end_points(net, collection, opened, spatial_squeeze)

    network.__name__ = network.__qualname__ = name
    return network


vgg_a = _vgg("vgg_a", (1, 1, 2, 2, 2))
vgg_d = vgg_16 = _vgg("vgg_16", (2, 2, 3, 3, 3))
vgg_e = vgg_19 = _vgg("vgg_19", (2, 2, 4, 4, 4), collected_by="name")
