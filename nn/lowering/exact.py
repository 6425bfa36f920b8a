"""XLA's own convolution, its gradients as JAX transposes it, and XLA's own pools."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nn.lowering.geometry import Convolution
from nn.spelling import Window, spatial_letters


def convolve(x: jax.Array, filters: jax.Array, window: Window) -> jax.Array:
    """Convolve `x` with filters `[*window.size, C / groups, O]`, in the window's layout.

    Without spatial axes that is a matrix product.
    """
    if not window.size:
        return x @ filters
    letters = spatial_letters(window.layout) + "IO"
    return lax.conv_general_dilated(
        x,
        filters,
        window_strides=window.strides,
        padding=window.padding,
        rhs_dilation=window.dilations,
        dimension_numbers=(window.layout, letters, window.layout),
        feature_group_count=x.shape[window.layout.index("C")] // filters.shape[-2],
    )


def output(x: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The convolution: a depthwise one has a group for each channel."""
    if of.depthwise:
        *size, channels, multiplier = of.filters
        w = w.reshape(*size, 1, channels * multiplier)
    return convolve(x, w, of.window)


def input_gradient(dy: jax.Array, w: jax.Array, of: Convolution) -> jax.Array:
    """The gradient of the input, as JAX transposes the convolution."""
    x = jax.ShapeDtypeStruct(of.input_shape(dy.shape[0]), dy.dtype)
    return jax.linear_transpose(lambda x: output(x, w, of), x)(dy)[0]


def filter_gradient(x: jax.Array, dy: jax.Array, of: Convolution) -> jax.Array:
    """The gradient of the filters, as JAX transposes the convolution."""
    w = jax.ShapeDtypeStruct(of.filters, jnp.result_type(dy))
    return jax.linear_transpose(lambda w: output(x, w, of), w)(dy)[0]


def max_pool(x: jax.Array, window: Window) -> jax.Array:
    """The largest value at each place of the window, in its layout."""
    return _reduced(x, lowest(x), lax.max, window)


def sum_pool(x: jax.Array, window: Window) -> jax.Array:
    """The sum at each place of the window, in its layout."""
    return _reduced(x, 0, lax.add, window)


def lowest(x: jax.Array) -> float:
    """The number of x's type that is the largest of none."""
    return -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.iinfo(x.dtype).min


def _reduced(x: jax.Array, start: float, operation: Callable, window: Window) -> jax.Array:
    return lax.reduce_window(
        x,
        np.array(start, x.dtype),
        operation,
        window_dimensions=window.along_axes(window.size, 1),
        window_strides=window.along_axes(window.strides, 1),
        padding=window.along_axes(window.padding, (0, 0)),
        window_dilation=window.along_axes(window.dilations, 1),
    )
