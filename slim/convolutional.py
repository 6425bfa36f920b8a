"""Slim's convolutions: `layers`' under other names, other defaults and other variable names."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

import layers
from nn.blame import bind
from nn.graph import Array
from nn.spelling import LAYOUTS
from slim.scaffold import check, keras_format, weighted
from slim.scoping import add_arg_scope
from slim.utils import two_element_tuple

Ints = int | Sequence[int]

_CLASSES = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}


@weighted("Conv")
def convolution(
    inputs: Array,
    num_outputs: int,
    kernel_size: Ints,
    stride: Ints = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Ints = 1,
    *,
    conv_dims: int | None = None,
    **of_layer: Any,
) -> layers.Layer:
    """Convolve `[N, H, W, C]` (or one or three spatial axes), normalize or add a bias, activate.

    Its variables are `weights` `[kh, kw, C, num_outputs]` and, without a normalizer, `biases`
    `[num_outputs]`, below `Conv`, `Conv_1` ...

    Args:
      inputs: of rank 3, 4 or 5.
      num_outputs: the number of output channels.
      kernel_size: an int, or one for each spatial axis, in pixels.
      stride: likewise.
      padding: 'SAME' or 'VALID'.
      data_format: channels come last unless it begins with 'NC'.
      rate: the dilation; excludes strides above 1.
      conv_dims: the number of spatial axes to insist on.
      **of_layer: what all layers with weights have.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.convolution`.

    >>> net = nn.transform(lambda x: slim.convolution(x, 32, 5))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    >>> {name: p.shape for name, p in params.items()}
    {'Conv/weights': (5, 5, 1, 32), 'Conv/biases': (32,)}
    """
    formats = ("NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW", None)
    check("convolution", "data_format", data_format, *formats)
    expected = _CLASSES if conv_dims is None else [conv_dims + 2]
    if inputs.ndim not in expected:
        ranks = " or ".join(map(str, expected))
        raise ValueError(
            f"convolution: the inputs must have {ranks} dimensions, got the shape {inputs.shape}."
        )
    layer = _CLASSES[inputs.ndim]
    data_format = keras_format(data_format)
    return layer(num_outputs, kernel_size, stride, padding, data_format, rate, **of_layer)


def _with_spatial_axes(number: int) -> Callable[..., Array]:
    """Make the `convolution` that insists on a number of spatial axes."""
    signature = inspect.signature(convolution)
    own = [p for name, p in signature.parameters.items() if name != "conv_dims"]
    signature = signature.replace(parameters=own)

    def function(*args: Any, **kwargs: Any) -> Array:
        bound = bind(f"conv{number}d", signature, args, kwargs)
        bound.apply_defaults()
        return convolution.unheard(*bound.args, number)  # type: ignore[attr-defined]

    function.__name__ = function.__qualname__ = f"convolution{number}d"
    function.__signature__ = signature  # type: ignore[attr-defined]
    explained = str(convolution.__doc__).partition("Source:")[0]
    shape = (1, *[8] * number, 1)
    function.__doc__ = f"""{explained}Source: `slim.conv{number}d`.

    >>> net = nn.transform(lambda x: slim.conv{number}d(x, 32, 5))
    >>> params, state = net.init(jax.random.key(0), jnp.ones({shape}))
    >>> params['Conv/weights'].shape
    {(*[5] * number, 1, 32)}
    """
    return add_arg_scope(function)


convolution1d = _with_spatial_axes(1)
convolution2d = _with_spatial_axes(2)
convolution3d = _with_spatial_axes(3)


def _transposed(
    layer: Callable[..., layers.Layer], rank: int, letters: str
) -> Callable[..., Array]:
    """Make the transposed convolution of a `layers` class."""
    last, first = LAYOUTS[rank]
    name = f"conv{rank}d_transpose"

    def make(
        inputs: Array,
        num_outputs: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: str = "SAME",
        data_format: str = last,
        **of_layer: Any,
    ) -> layers.Layer:
        check(name, "data_format", data_format, first, last)
        arguments = num_outputs, kernel_size, stride, padding, keras_format(data_format)
        return layer(*arguments, **of_layer)

    make.__name__ = make.__qualname__ = f"convolution{rank}d_transpose"
    shape, larger = (1, *[4] * rank, 2), (1, *[8] * rank, 3)
    make.__doc__ = f"""Spread `[N, {letters}, C]`: the gradient of a convolution with strides.

    Its variables are `weights` `[..., num_outputs, C]` and, without a normalizer, `biases`
    `[num_outputs]`, below `Conv{rank}d_transpose` ...

    Args:
      inputs: of rank {rank + 2}.
      num_outputs: the number of output channels.
      kernel_size: an int, or one for each of {letters}, in pixels.
      stride: likewise: how far apart the inputs come to lie in the output.
      padding: 'SAME': the output has `H * stride` rows; 'VALID': `max(kernel - stride, 0)` more.
      data_format: '{last}' or '{first}'.
      **of_layer: what all layers with weights have.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.{name}`.

    >>> net = nn.transform(lambda x: slim.{name}(x, 3, 5, stride=2))
    >>> x = jnp.ones({shape})
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0].shape
    {larger}
    """
    return weighted(f"Conv{rank}d_transpose")(make)


convolution2d_transpose = _transposed(layers.Conv2DTranspose, 2, "H, W")
convolution3d_transpose = _transposed(layers.Conv3DTranspose, 3, "D, H, W")


@weighted("ConvInPlane")
def convolution2d_in_plane(
    inputs: Array,
    kernel_size: Ints,
    stride: Ints = 1,
    padding: str = "SAME",
    **of_layer: Any,
) -> layers.Layer:
    """Convolve every channel of `[N, H, W, C]` with one and the same kernel: a blur, a gradient.

    Its variables are `weights` `[kh, kw, 1, 1]` and, without a normalizer, `biases` `[C]`, below
    `ConvInPlane`, `ConvInPlane_1` ...

    Args:
      inputs: of rank 4.
      kernel_size: an int or a pair, in pixels.
      stride: an int or a pair, in pixels.
      padding: 'SAME' or 'VALID', in upper case.
      **of_layer: what all layers with weights have.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.conv2d_in_plane`.

    >>> net = nn.transform(lambda x: slim.conv2d_in_plane(x, 3))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 8, 8, 4)))
    >>> {name: p.shape for name, p in params.items()}
    {'ConvInPlane/weights': (3, 3, 1, 1), 'ConvInPlane/biases': (4,)}
    """
    check("conv2d_in_plane", "padding", padding, "SAME", "VALID")
    return _InPlane(
        two_element_tuple(kernel_size),
        two_element_tuple(stride),
        padding,
        **_of_depthwise(of_layer),
    )


@dataclass(frozen=True, eq=False, repr=False)
class _InPlane(layers.DepthwiseConv2D):
    """A depthwise convolution whose channels share one kernel."""

    def _kernel(self, inputs: Array, name: str, shape: Sequence[int], argument: str) -> Array:
        if name == "bias":
            return super()._kernel(inputs, name, shape, argument)
        height, width, channels, _ = shape
        kernel = super()._kernel(inputs, "kernel", (height, width, 1, 1), argument)
        return jnp.tile(kernel, (1, 1, channels, 1))


def _of_depthwise(of_layer: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer whose kernel is called depthwise."""
    return {name.replace("kernel", "depthwise"): value for name, value in of_layer.items()}


@weighted("SeparableConv2d", after="weights_initializer")
def separable_convolution2d(
    inputs: Array,
    num_outputs: int | None,
    kernel_size: Ints,
    depth_multiplier: int = 1,
    stride: Ints = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Ints = 1,
    *,
    pointwise_initializer: Callable | None = None,
    **of_layer: Any,
) -> layers.Layer:
    """Convolve each channel of `[N, H, W, C]` by itself, then mix the channels.

    With `num_outputs=None` the channels are not mixed: a depthwise convolution, as in MobileNet.
    Its variables are `depthwise_weights` `[kh, kw, C, depth_multiplier]`, `pointwise_weights`
    `[1, 1, C * depth_multiplier, num_outputs]` and, without a normalizer, `biases`, below
    `SeparableConv2d`, `SeparableConv2d_1` ... Normalizer and activation come at the end.

    Args:
      inputs: of rank 4.
      num_outputs: the number of output channels, or None.
      kernel_size: an int or a pair, in pixels.
      depth_multiplier: the number of filters of each input channel.
      stride: an int or a pair, in pixels.
      padding: 'SAME' or 'VALID'; with `num_outputs=None` in upper case.
      data_format: 'NHWC' or 'NCHW'.
      rate: the dilation: an int or a pair.
      pointwise_initializer: of the pointwise kernel, if not `weights_initializer`.
      **of_layer: what all layers with weights have.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.separable_conv2d`.

    >>> net = nn.transform(lambda x: slim.separable_conv2d(x, None, 3, scope='depthwise'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 8, 8, 4)))
    >>> {name: p.shape for name, p in params.items()}
    {'depthwise/depthwise_weights': (3, 3, 4, 1), 'depthwise/biases': (4,)}
    """
    check("separable_conv2d", "data_format", data_format, "NCHW", "NHWC")
    geometry: dict[str, Any] = dict(
        strides=stride,
        padding=padding,
        depth_multiplier=depth_multiplier,
        data_format=keras_format(data_format),
        dilation_rate=two_element_tuple(rate),
    )
    arguments = geometry | _of_depthwise(of_layer)
    if num_outputs is None:
        check("separable_conv2d", "padding", padding, "SAME", "VALID")
        return layers.DepthwiseConv2D(kernel_size, **arguments)
    return layers.SeparableConv2D(
        num_outputs,
        kernel_size,
        pointwise_initializer=pointwise_initializer or arguments["depthwise_initializer"],
        pointwise_regularizer=arguments["depthwise_regularizer"],
        **arguments,
    )
