"""Slim's pooling: `layers`' with stride 2 unless told otherwise, and `nn.pool`."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

import layers
import nn
from nn.graph import Array
from nn.spelling import LAYOUTS
from slim.scaffold import check, keras_format
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs, n_positive_integers

Ints = int | Sequence[int]


def _pooling(name: str, default_scope: str, layer: type, takes: str) -> Callable[..., Array]:
    """Make the pooling function of a `layers` class."""
    rank = layer.rank
    last, first = LAYOUTS[rank]

    def function(
        inputs: Array,
        kernel_size: Ints,
        stride: Ints = 2,
        padding: str = "VALID",
        data_format: str = last,
        outputs_collections: Any = None,
        scope: Any = None,
    ) -> Array:
        check(default_scope, "data_format", data_format, first, last)
        pool = layer(kernel_size, stride, padding, keras_format(data_format))
        with nn.name_scope(scope, default_scope) as opened:
            outputs = pool.call(jnp.asarray(inputs))
            return collect_named_outputs(outputs_collections, opened, outputs)

    function.__name__ = function.__qualname__ = name
    axes = ", ".join(last)
    size = "an int or a pair" if rank == 2 else "an int or three"
    function.__doc__ = f"""Take the {takes} of each window of `[{axes}]`.

    Args:
      inputs: of rank {rank + 2}.
      kernel_size: the window: {size}, in pixels.
      stride: how far it moves: {size}, in pixels.
      padding: 'VALID', or 'SAME', whose padding does not count.
      data_format: '{last}' or '{first}'.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `{default_scope}` if not given.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.{name}`.

    >>> net = nn.transform(lambda x: slim.{name}(x, 2))
    >>> net.apply({{}}, {{}}, jnp.ones({(1, *[6] * rank, 5)}))[0].shape
    {(1, *[3] * rank, 5)}
    """
    return add_arg_scope(function)


max_pool2d = _pooling("max_pool2d", "MaxPool2D", layers.MaxPooling2D, "maximum")
max_pool3d = _pooling("max_pool3d", "MaxPool3D", layers.MaxPooling3D, "maximum")
avg_pool2d = _pooling("avg_pool2d", "AvgPool2D", layers.AveragePooling2D, "mean")
avg_pool3d = _pooling("avg_pool3d", "AvgPool3D", layers.AveragePooling3D, "mean")


@add_arg_scope
def pool(
    inputs: Array,
    kernel_size: Ints,
    pooling_type: str,
    padding: str = "VALID",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    stride: Ints = 1,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Take the maximum or the mean of each window, whose taps may lie apart.

    Args:
      inputs: `[N, W, C]`, `[N, H, W, C]` or `[N, D, H, W, C]`.
      kernel_size: the window's number of taps: an int, or one for each spatial axis.
      pooling_type: 'MAX' or 'AVG'.
      padding: 'VALID' or 'SAME', in upper case.
      data_format: channels come last unless it begins with 'NC'.
      dilation_rate: the distance between the taps; above 1 only with stride 1 and 'VALID'.
      stride: how far the window moves, at most its own size.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `max_pool` or `avg_pool` if not given.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.pool`.

    >>> net = nn.transform(lambda x: slim.pool(x, 2, 'AVG', dilation_rate=3))
    >>> net.apply({}, {}, jnp.arange(6.0).reshape(1, 6, 1))[0].ravel()
    Array([1.5, 2.5, 3.5], dtype=float32)
    """
    check("pool", "padding", padding, "SAME", "VALID")
    check("pool", "data_format", data_format, None, *itertools.chain(*LAYOUTS.values()))
    with nn.name_scope(scope, f"{pooling_type.lower()}_pool") as opened:
        inputs = jnp.asarray(inputs)
        if inputs.ndim < 3:
            raise ValueError(
                f"pool: the inputs must have at least 3 dimensions, got the shape {inputs.shape}."
            )
        window, dilations, strides = (
            n_positive_integers(inputs.ndim - 2, value)
            for value in (kernel_size, dilation_rate, stride)
        )
        outputs = nn.pool(inputs, window, pooling_type, strides, padding, data_format, dilations)
        return collect_named_outputs(outputs_collections, opened, outputs)
