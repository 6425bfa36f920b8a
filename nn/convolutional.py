"""Convolutions along 1 to 3 axes: plain, transposed, depthwise and separable."""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nn import lowering, spelling
from nn.spelling import Ints, Padding, Window

_ORDINAL = {1: "second", 2: "third", 3: "fourth"}


def conv1d(
    input: ArrayLike,
    filters: ArrayLike,
    stride: Ints,
    padding: Padding,
    data_format: str | None = "NWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves sequences `[N, W, C]` with filters `[W, C, O]`.

    As `conv2d`, along one axis. Source: `tf.nn.conv1d`.

    >>> conv1d(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1)), 2, "SAME").ravel()
    Array([2., 3., 2.], dtype=float32)
    """
    geometry = stride, padding, data_format, dilations
    return _convolution("conv1d", 1, input, filters, *geometry, stride_argument="stride")


def conv2d(
    input: ArrayLike,
    filters: ArrayLike,
    strides: Ints,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves images `[N, H, W, C]` with filters `[H, W, C, O]` to `[N, H, W, O]`.

    Args:
        input: the images; further batch axes may stand in front.
        filters: of the images' dtype. Their C may also divide the images': the convolution is
            then a grouped one.
        strides: an int, `[h, w]`, or as long as the data format: `[1, h, w, 1]`.
        padding: 'SAME', 'VALID', or explicit: `[[0, 0], [top, bottom], [left, right], [0, 0]]`.
            'SAME' gives ceil(size / stride) and pads an odd pixel at the end.
        data_format: 'NHWC' or 'NCHW' ('channels_last', 'channels_first').
        dilations: the distance between the filter's taps, written like `strides`.

    Raises:
        ValueError: a shape or a number does not fit.
        TypeError: a dtype, or the type of an argument, does not fit.

    Source: `tf.nn.conv2d`.

    >>> conv2d(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1)), 2, "SAME")[0, :, :, 0]
    Array([[9., 6.],
           [6., 4.]], dtype=float32)
    """
    return _convolution("conv2d", 2, input, filters, strides, padding, data_format, dilations)


def conv3d(
    input: ArrayLike,
    filters: ArrayLike,
    strides: Ints,
    padding: Padding,
    data_format: str | None = "NDHWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves volumes `[N, D, H, W, C]` with filters `[D, H, W, C, O]`.

    As `conv2d`, along three axes. Source: `tf.nn.conv3d`.

    >>> conv3d(jnp.ones((1, 4, 4, 4, 2)), jnp.ones((3, 3, 3, 2, 5)), 1, "VALID").shape
    (1, 2, 2, 2, 5)
    """
    return _convolution("conv3d", 3, input, filters, strides, padding, data_format, dilations)


def convolution(
    input: ArrayLike,
    filters: ArrayLike,
    strides: Ints | None = None,
    padding: Padding = "VALID",
    data_format: str | None = None,
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves along one, two or three axes, as many as the filters have.

    As `conv2d`. Source: `tf.nn.convolution`.

    >>> convolution(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1))).ravel()
    Array([3., 3., 3.], dtype=float32)
    """
    filters = jnp.asarray(filters)
    spatial = filters.ndim - 2
    if spatial not in spelling.LAYOUTS:
        raise ValueError(
            f"convolution: filters has shape {filters.shape}: expected 3, 4 or 5 dimensions"
        )
    geometry = strides, padding, data_format, dilations
    return _convolution("convolution", spatial, input, filters, *geometry)


def conv1d_transpose(
    input: ArrayLike,
    filters: ArrayLike,
    output_shape: Sequence[int],
    strides: Ints,
    padding: Padding = "SAME",
    data_format: str | None = "NWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Turns `conv1d` around: the filters are `[W, O, C]`.

    As `conv2d_transpose`, along one axis. Source: `tf.nn.conv1d_transpose`.

    >>> conv1d_transpose(jnp.ones((1, 2, 1)), jnp.ones((3, 1, 1)), (1, 4, 1), 2).ravel()
    Array([1., 1., 2., 1.], dtype=float32)
    """
    geometry = output_shape, strides, padding, data_format, dilations
    return _transpose("conv1d_transpose", 1, input, filters, *geometry)


def conv2d_transpose(
    input: ArrayLike,
    filters: ArrayLike,
    output_shape: Sequence[int],
    strides: Ints,
    padding: Padding = "SAME",
    data_format: str | None = "NHWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Turns `conv2d` around: the gradient of the convolution that reads `output_shape`.

    Args:
        input: what that convolution gives, `[N, H, W, C]`.
        filters: its filters, `[H, W, O, C]`.
        output_shape: what it reads, `[N, H, W, O]`, or only `[H, W]`.
        strides: as in `conv2d`, like the arguments after it.
        padding: of that convolution.
        data_format: of `input` and of `output_shape`.
        dilations: of that convolution.

    Raises:
        ValueError: a shape or a number does not fit, or the convolution of `output_shape` does
            not have the size of `input`.
        TypeError: a dtype, or the type of an argument, does not fit.

    Source: `tf.nn.conv2d_transpose`.

    >>> ones = jnp.ones((1, 2, 2, 1)), jnp.ones((3, 3, 1, 1))
    >>> conv2d_transpose(*ones, (1, 4, 4, 1), 2)[0, :, :, 0]
    Array([[1., 1., 2., 1.],
           [1., 1., 2., 1.],
           [2., 2., 4., 2.],
           [1., 1., 2., 1.]], dtype=float32)
    """
    geometry = output_shape, strides, padding, data_format, dilations
    return _transpose("conv2d_transpose", 2, input, filters, *geometry)


def conv3d_transpose(
    input: ArrayLike,
    filters: ArrayLike,
    output_shape: Sequence[int],
    strides: Ints,
    padding: Padding = "SAME",
    data_format: str | None = "NDHWC",
    dilations: Ints | None = None,
) -> jax.Array:
    """Turns `conv3d` around: the filters are `[D, H, W, O, C]`.

    As `conv2d_transpose`, along three axes. Source: `tf.nn.conv3d_transpose`.

    >>> ones = jnp.ones((1, 2, 2, 2, 3)), jnp.ones((3, 3, 3, 5, 3))
    >>> conv3d_transpose(*ones, (1, 4, 4, 4, 5), 2).shape
    (1, 4, 4, 4, 5)
    """
    geometry = output_shape, strides, padding, data_format, dilations
    return _transpose("conv3d_transpose", 3, input, filters, *geometry)


def depthwise_conv2d(
    input: ArrayLike,
    filter: ArrayLike,
    strides: Ints,
    padding: Padding,
    data_format: str | None = None,
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves each channel of `[N, H, W, C]` with its own filters, `[H, W, C, M]`.

    The output is `[N, H, W, C * M]`: the M results of the first channel come first. The arguments
    are `conv2d`'s. Strides and dilations above 1 exclude each other, as TensorFlow documents.
    Source: `tf.nn.depthwise_conv2d`.

    >>> taps = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 2, 2)
    >>> depthwise_conv2d(jnp.ones((1, 1, 1, 2)), taps, 1, "SAME").ravel()
    Array([1., 2., 3., 4.], dtype=float32)
    """
    geometry = strides, padding, data_format, dilations
    return _depthwise("depthwise_conv2d", 2, input, filter, *geometry)


def separable_conv1d(
    input: ArrayLike,
    depthwise_filter: ArrayLike,
    pointwise_filter: ArrayLike,
    strides: Ints,
    padding: Padding,
    data_format: str | None = None,
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves each channel of `[N, W, C]` by itself, then mixes the channels.

    As `separable_conv2d`, along one axis, with filters `[W, C, M]` and `[1, C * M, O]`.

    >>> filters = jnp.ones((3, 2, 1)), jnp.ones((1, 2, 4))
    >>> separable_conv1d(jnp.ones((1, 5, 2)), *filters, 1, "VALID")[0, :, 0]
    Array([6., 6., 6.], dtype=float32)
    """
    geometry = strides, padding, data_format, dilations
    return _separable("separable_conv1d", 1, input, depthwise_filter, pointwise_filter, *geometry)


def separable_conv2d(
    input: ArrayLike,
    depthwise_filter: ArrayLike,
    pointwise_filter: ArrayLike,
    strides: Ints,
    padding: Padding,
    data_format: str | None = None,
    dilations: Ints | None = None,
) -> jax.Array:
    """Convolves each channel of `[N, H, W, C]` by itself, then mixes the channels.

    The first step is `depthwise_conv2d` with `[H, W, C, M]`, strides and dilations; the second is
    a convolution with `[1, 1, C * M, O]`. Source: `tf.nn.separable_conv2d`.

    >>> filters = jnp.ones((3, 3, 2, 1)), jnp.ones((1, 1, 2, 4))
    >>> separable_conv2d(jnp.ones((1, 3, 3, 2)), *filters, 1, "VALID").ravel()
    Array([18., 18., 18., 18.], dtype=float32)
    """
    geometry = strides, padding, data_format, dilations
    return _separable("separable_conv2d", 2, input, depthwise_filter, pointwise_filter, *geometry)


def _convolution(
    function: str,
    spatial: int,
    input: ArrayLike,
    filters: ArrayLike,
    strides: Ints | None,
    padding: Padding,
    data_format: str | None,
    dilations: Ints | None,
    stride_argument: str = "strides",
) -> jax.Array:
    layout = spelling.layout(function, data_format, spatial)
    input = spelling.array(function, "input", input, layout, more_batches=True)
    filters = spelling.array(function, "filters", filters, _letters(layout, "CO"))
    _check_dtypes(function, input, filters)
    batches, image = input.shape[: -spatial - 1], input.shape[-spatial - 1 :]
    images = input.reshape(math.prod(batches), *image)
    channels = images.shape[layout.index("C")]
    *size, group, outputs = filters.shape
    if group == 0 or channels % group:
        raise ValueError(
            f"{function}: filters has shape {filters.shape}: its {_ORDINAL[spatial]} dimension,"
            f" {group}, must equal the input's channels, {channels}, or divide them"
        )
    if outputs % (channels // group):
        raise ValueError(
            f"{function}: filters has shape {filters.shape}: its last dimension, {outputs}, must"
            f" be a multiple of the number of groups, {channels} / {group} = {channels // group}"
        )
    geometry = size, strides, padding, dilations
    window = spelling.window(
        function, images.shape, layout, *geometry, stride_argument=stride_argument
    )
    result = _convolve(images, filters, window)
    return result.reshape(*batches, *result.shape[1:])


def _transpose(
    function: str,
    spatial: int,
    input: ArrayLike,
    filters: ArrayLike,
    output_shape: Sequence[int],
    strides: Ints | None,
    padding: Padding,
    data_format: str | None,
    dilations: Ints | None,
) -> jax.Array:
    layout = spelling.layout(function, data_format, spatial)
    input = spelling.floating(function, "input", spelling.array(function, "input", input, layout))
    filters = spelling.array(function, "filters", filters, _letters(layout, "OC"))
    _check_dtypes(function, input, filters)
    *size, outputs, channels = filters.shape
    found = dict(zip(layout, input.shape, strict=True))
    if channels != found["C"]:
        raise ValueError(
            f"{function}: filters has shape {filters.shape}: its last dimension, {channels},"
            f" must equal the input's channels, {found['C']}"
        )
    shape = _output_shape(function, output_shape, layout, found["N"], outputs)
    geometry = size, strides, padding, dilations
    window = spelling.window(function, shape, layout, *geometry, array_argument="output_shape")
    if spelling.spatial(layout, input.shape) != window.outputs(shape):
        expected = dict(zip(spelling.spatial_letters(layout), window.outputs(shape), strict=True))
        raise ValueError(
            f"{function}: input has shape {input.shape}: expected {tuple(expected.values())} for"
            f" {', '.join(expected)}, as the convolution of output_shape {shape} gives"
        )
    return _convolve_transpose(input, filters, window, shape)


def _depthwise(
    function: str,
    spatial: int,
    input: ArrayLike,
    filter: ArrayLike,
    strides: Ints | None,
    padding: Padding,
    data_format: str | None,
    dilations: Ints | None,
    argument: str = "filter",
) -> jax.Array:
    layout = spelling.layout(function, data_format, spatial)
    input = spelling.array(function, "input", input, layout)
    filter = spelling.array(function, argument, filter, _letters(layout, "CM"))
    _check_dtypes(function, input, filter, argument)
    *size, inputs, _ = filter.shape
    channels = input.shape[layout.index("C")]
    if inputs != channels:
        raise ValueError(
            f"{function}: {argument} has shape {filter.shape}: its {_ORDINAL[spatial]} dimension,"
            f" {inputs}, must equal the input's channels, {channels}"
        )
    window = spelling.window(function, input.shape, layout, size, strides, padding, dilations)
    if max(window.strides) > 1 and max(window.dilations) > 1:
        raise ValueError(
            f"{function}: dilations is {dilations!r} with strides {strides!r}:"
            " expected one of the two to be 1"
        )
    return _convolve_depthwise(input, filter, window)


def _separable(
    function: str,
    spatial: int,
    input: ArrayLike,
    depthwise_filter: ArrayLike,
    pointwise_filter: ArrayLike,
    strides: Ints | None,
    padding: Padding,
    data_format: str | None,
    dilations: Ints | None,
) -> jax.Array:
    geometry = strides, padding, data_format, dilations
    hidden = _depthwise(function, spatial, input, depthwise_filter, *geometry, "depthwise_filter")
    layout = spelling.layout(function, data_format, spatial)
    pointwise_filter = jnp.asarray(pointwise_filter)
    expected = (1,) * spatial + (hidden.shape[layout.index("C")],)
    if pointwise_filter.ndim != len(layout) or pointwise_filter.shape[:-1] != expected:
        raise ValueError(
            f"{function}: pointwise_filter has shape {pointwise_filter.shape}:"
            f" expected ({', '.join(map(str, expected))}, number of outputs)"
        )
    _check_dtypes(function, hidden, pointwise_filter, "pointwise_filter")
    window = spelling.window(function, hidden.shape, layout, expected[:-1], 1, "VALID")
    return _convolve(hidden, pointwise_filter, window)


def _output_shape(
    function: str, value: Sequence[int], layout: str, batch: int, channels: int
) -> tuple[int, ...]:
    """All of an output shape, of which only the spatial part may be given."""
    whole = {"N": batch, "C": channels}
    expected = f"{len(layout)} ints, {batch} for N and {channels} for C (the layout is {layout})"
    numbers = spelling.integers(function, "output_shape", value, expected)
    given = layout if len(numbers) == len(layout) else spelling.spatial_letters(layout)
    asked = whole | dict(zip(given, numbers, strict=False))
    if len(numbers) != len(given) or not whole.items() <= asked.items():
        raise spelling.error(function, "output_shape", value, expected)
    return tuple(asked[letter] for letter in layout)


def _letters(layout: str, channels: str) -> str:
    """The axes of the filters of images of this layout: "HWCO" for "NHWC" and "CO"."""
    return spelling.spatial_letters(layout) + channels


def _check_dtypes(
    function: str, input: jax.Array, filters: jax.Array, argument: str = "filters"
) -> None:
    spelling.floating(function, "input", input, also=(jnp.int32,))
    spelling.same_dtype(function, argument, filters, "input", input)


# The sums themselves: every argument is checked and normalised, and nn.lowering chooses a form.


_convolve = jax.jit(lowering.convolve, static_argnames="window")
_convolve_depthwise = jax.jit(lowering.convolve_depthwise, static_argnames="window")


@partial(jax.jit, static_argnames=("window", "shape"))
def _convolve_transpose(
    input: jax.Array, filters: jax.Array, window: Window, shape: tuple[int, ...]
) -> jax.Array:
    # The convolution is linear: where its gradient is taken does not matter.
    images = jnp.zeros(shape, input.dtype)
    _, gradient = jax.vjp(lambda images: _convolve(images, filters, window), images)
    return gradient(input)[0]
