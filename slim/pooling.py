"""Slim's pooling: `layers`' with stride 2 unless told otherwise."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

import layers
import nn
from nn.graph import Array
from slim.scaffold import check_format, keras_format
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs

Ints = int | Sequence[int]


@add_arg_scope
def max_pool2d(
    inputs: Array,
    kernel_size: Ints,
    stride: Ints = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Take the maximum of each window of `[N, H, W, C]`, giving `[N, H', W', C]`.

    Args:
      inputs: of rank 4.
      kernel_size: the window: an int or a pair, in pixels.
      stride: how far it moves: an int or a pair, in pixels.
      padding: 'VALID' or 'SAME'.
      data_format: 'NHWC' or 'NCHW'.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `MaxPool2D` if not given.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.max_pool2d`.

    >>> net = nn.transform(lambda x: slim.max_pool2d(x, 2))
    >>> net.apply({}, {}, jnp.arange(4.0).reshape(1, 2, 2, 1))[0].ravel()
    Array([3.], dtype=float32)
    """
    layer = layers.MaxPooling2D(kernel_size, stride, padding, keras_format(data_format))
    return _pool("MaxPool2D", layer, inputs, data_format, outputs_collections, scope)


@add_arg_scope
def avg_pool2d(
    inputs: Array,
    kernel_size: Ints,
    stride: Ints = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Take the mean of each window of `[N, H, W, C]`; what 'SAME' pads is left out of it.

    The arguments and errors are those of `max_pool2d`; the name scope is `AvgPool2D`.
    Source: `slim.avg_pool2d`.

    >>> net = nn.transform(lambda x: slim.avg_pool2d(x, 2))
    >>> net.apply({}, {}, jnp.arange(4.0).reshape(1, 2, 2, 1))[0].ravel()
    Array([1.5], dtype=float32)
    """
    layer = layers.AveragePooling2D(kernel_size, stride, padding, keras_format(data_format))
    return _pool("AvgPool2D", layer, inputs, data_format, outputs_collections, scope)


def _pool(
    name: str, layer: layers.Layer, inputs: Array, data_format: Any, collections: Any, scope: Any
) -> Array:
    check_format(name, data_format, "NCHW", "NHWC")
    with nn.name_scope(scope, name) as opened:
        return collect_named_outputs(collections, opened, layer.call(jnp.asarray(inputs)))
