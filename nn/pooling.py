"""Pooling: the largest or the mean value under a window, in 1 to 3 dimensions."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nn import lowering, spelling
from nn.spelling import Ints, Padding, Window


def max_pool(
    input: ArrayLike,
    ksize: Ints,
    strides: Ints,
    padding: Padding,
    data_format: str | None = None,
) -> jax.Array:
    """Takes the largest value under each place of a window.

    Args:
        input: `[N, W, C]`, `[N, H, W, C]` or `[N, D, H, W, C]`, of any real type.
        ksize: the window: an int, `[h, w]`, or as long as the data format: `[1, h, w, 1]`.
        strides: the distance between its places, written like `ksize`.
        padding: 'SAME', 'VALID', or explicit: `[[0, 0], [top, bottom], [left, right], [0, 0]]`.
            The padding never wins.
        data_format: the order of the axes: 'NHWC', 'NCHW', 'channels_first', ...

    Raises:
        ValueError: a shape or a number does not fit.
        TypeError: a dtype, or the type of an argument, does not fit.

    Of equal values the first (by rows) receives the gradient. Source: `tf.nn.max_pool`.

    >>> max_pool(jnp.arange(9.0).reshape(1, 3, 3, 1), 2, 2, "SAME")[0, :, :, 0]
    Array([[4., 5.],
           [7., 8.]], dtype=float32)
    """
    input = _real("max_pool", input)
    return _max_pool(input, _window("max_pool", input, ksize, strides, padding, data_format))


def avg_pool(
    input: ArrayLike,
    ksize: Ints,
    strides: Ints,
    padding: str,
    data_format: str | None = None,
) -> jax.Array:
    """Takes the mean of the values under each place of a window, the padding left out.

    The arguments are `max_pool`'s, of a floating type and without explicit padding; half types
    are summed in float32. Source: `tf.nn.avg_pool`.

    >>> avg_pool(jnp.ones((1, 3, 3, 1)), 2, 2, "SAME")[0, :, :, 0]
    Array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    input = spelling.floating("avg_pool", "input", input)
    if not isinstance(padding, str):
        raise spelling.error("avg_pool", "padding", padding, "'SAME' or 'VALID'", TypeError)
    return _avg_pool(input, _window("avg_pool", input, ksize, strides, padding, data_format))


def pool(
    input: ArrayLike,
    window_shape: Ints,
    pooling_type: str,
    strides: Ints | None = None,
    padding: str = "VALID",
    data_format: str | None = None,
    dilations: Ints | None = None,
) -> jax.Array:
    """Takes the largest or the mean value under a window whose taps may lie apart.

    Args:
        input: as in `max_pool`.
        window_shape: the window's number of taps: an int, or one for each spatial axis.
        pooling_type: 'MAX' or 'AVG'.
        strides: the distance between the window's places; at most the window's own size.
        padding: 'VALID' or, if the taps lie side by side, 'SAME'.
        data_format: as in `max_pool`.
        dilations: the distance between the taps; above 1 only where all strides are 1.

    Raises:
        ValueError: a shape or a number does not fit, or the arguments exclude each other.
        TypeError: a dtype, or the type of an argument, does not fit.

    Source: `tf.nn.pool`.

    >>> pool(jnp.arange(6.0).reshape(1, 6, 1), 2, "AVG", dilations=3).ravel()
    Array([1.5, 2.5, 3.5], dtype=float32)
    """
    if pooling_type not in ("MAX", "AVG"):
        raise spelling.error("pool", "pooling_type", pooling_type, "'MAX' or 'AVG'")
    if not isinstance(padding, str):
        raise spelling.error("pool", "padding", padding, "'SAME' or 'VALID'", TypeError)
    is_max = pooling_type == "MAX"
    input = _real("pool", input) if is_max else spelling.floating("pool", "input", input)
    given = window_shape, strides, padding, data_format, dilations
    window = _window("pool", input, *given, argument="window_shape")
    if any(s > k for s, k in zip(window.strides, window.size, strict=True)):
        raise spelling.error("pool", "strides", strides, f"no more than the window, {window.size}")
    if max(window.dilations) > 1 and (max(window.strides) > 1 or padding.upper() == "SAME"):
        expected = f"1 with strides {window.strides} and padding {padding!r}"
        raise spelling.error("pool", "dilations", dilations, expected)
    return _max_pool(input, window) if is_max else _avg_pool(input, window)


def _real(function: str, input: ArrayLike) -> jax.Array:
    input = jnp.asarray(input)
    if not (jnp.issubdtype(input.dtype, jnp.floating) or jnp.issubdtype(input.dtype, jnp.integer)):
        raise TypeError(f"{function}: input has dtype {input.dtype}: expected a real number type")
    return input


def _window(
    function: str,
    input: jax.Array,
    size: Ints,
    strides: Ints | None,
    padding: Padding,
    data_format: str | None,
    dilations: Ints | None = None,
    argument: str = "ksize",
) -> Window:
    if input.ndim - 2 not in spelling.LAYOUTS:
        raise ValueError(
            f"{function}: input has shape {input.shape}: expected 3, 4 or 5 dimensions,"
            " [N, W, C], [N, H, W, C] or [N, D, H, W, C]"
        )
    layout = spelling.layout(function, data_format, input.ndim - 2)
    size = spelling.per_axis(function, argument, size, layout)
    return spelling.window(function, input.shape, layout, size, strides, padding, dilations)


# The sums themselves: every argument is checked and normalised, and nn.lowering chooses a form.


_max_pool = jax.jit(lowering.max_pool, static_argnames="window")


@partial(jax.jit, static_argnames="window")
def _avg_pool(input: jax.Array, window: Window) -> jax.Array:
    total = lowering.sum_pool(spelling.widen(input), window)
    pixels = jnp.asarray(_pixels(input.shape, window), total.dtype)
    return (total / pixels).astype(input.dtype)


def _pixels(shape: tuple[int, ...], window: Window) -> int | np.ndarray:
    """How many pixels of the input, not of its padding, each place of the window covers."""
    if not any(map(any, window.padding)):
        return math.prod(window.size)
    covered = []
    sizes = spelling.spatial(window.layout, shape)
    places = window.outputs(shape)
    for n, k, s, (before, _), count in zip(
        sizes, window.size, window.strides, window.padding, places, strict=True
    ):
        first = np.arange(count) * s - before
        covered.append(np.minimum(first + k, n) - np.maximum(first, 0))
    pixels = math.prod(np.ix_(*covered))
    return np.expand_dims(pixels, [window.layout.index(letter) for letter in "NC"])
