"""Convolution layers of one to three dimensions: plain, separable and depthwise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp

import nn
from layers import arguments
from layers.base import Layer, functional
from nn.graph import Array, Initializer
from nn.spelling import spatial

Ints = int | Sequence[int]
Function = Callable[[Array], Array]
Regularizer = Callable[[Array], Array | None]


@dataclass(frozen=True, eq=False, repr=False)
class _Convolutional(Layer):
    """What layers whose kernel slides over `rank` axes have in common.

    The arguments are those of the public classes. A class overrides the defaults that differ; a
    dataclass keeps the place of an argument whose default is overridden.
    """

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ()  # besides 'valid' and 'same'
    bias: ClassVar[Any] = None  # if there is none

    def __post_init__(self):
        name = type(self).__name__
        strides, dilations = self._per_axis("strides"), self._per_axis("dilation_rate")
        if max(strides) > 1 and max(dilations) > 1:
            raise ValueError(
                f"{name}: strides > 1 and dilation_rate > 1 exclude each other, got "
                f"strides={strides} and dilation_rate={dilations}."
            )
        self._per_axis("kernel_size")
        arguments.layout(name, self.data_format, self.rank)
        arguments.padding(name, self.padding, *self.paddings)

    def _per_axis(self, argument: str) -> tuple[int, ...]:
        name, value = type(self).__name__, getattr(self, argument)
        return arguments.per_axis(name, argument, value, self.rank)

    def _number(self, argument: str) -> int:
        return arguments.channels(type(self).__name__, argument, getattr(self, argument))

    def _layout(self) -> str:
        return arguments.layout(type(self).__name__, self.data_format, self.rank)

    def _channels(self, inputs: Array) -> int:
        """The number of channels of `[N, H, W, C]`, or of the data format's shape."""
        arguments.rank_at_least(type(self).__name__, inputs, self.rank + 2)
        layout = self._layout()
        return inputs.shape[layout.index("C") - len(layout)]

    def _kernel(self, inputs: Array, name: str, shape: Sequence[int], argument: str) -> Array:
        """The variable `name`, of the inputs' type unless the layer has one."""
        dtype = self.dtype or inputs.dtype
        if dtype != jnp.int32 or getattr(self, f"{argument}_initializer") is not None:
            arguments.floats(type(self).__name__, dtype)
        return self._variable(name, shape, dtype, argument)

    def _slide(self, convolve: Callable[..., Array], inputs: Array, *kernels: Array) -> Array:
        """Call one of `nn`'s convolutions; 'causal' is to pad only the start."""
        layout, padding = self._layout(), self.padding.upper()
        dilations = self._per_axis("dilation_rate")
        if padding == "CAUSAL":
            before = [(0, 0)] * inputs.ndim
            taps = kernels[0].shape[0]
            before[layout.index("W") - len(layout)] = (dilations[0] * (taps - 1), 0)
            inputs, padding = jnp.pad(inputs, before), "VALID"
        return convolve(inputs, *kernels, self._per_axis("strides"), padding, layout, dilations)

    def _finish(self, outputs: Array, filters: int) -> Array:
        """Add the bias, if there is one, and apply the activation."""
        if self.use_bias:
            bias = self._variable("bias", (filters,), self.dtype or outputs.dtype)
            outputs = nn.bias_add(outputs, bias, self._layout())
        return self._activate(outputs)


@dataclass(frozen=True, eq=False, repr=False)
class _Conv(_Convolutional):
    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str = "channels_last"
    dilation_rate: Ints = 1
    activation: Function | None = None
    use_bias: bool = True
    kernel_initializer: Initializer | None = None
    bias_initializer: Initializer | None = nn.zeros_initializer()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Function | None = None
    bias_constraint: Function | None = None
    trainable: bool = True
    name: str | None = None

    def call(self, inputs: Array) -> Array:
        """Convolve `inputs`, add the bias, apply the activation."""
        filters = self._number("filters")
        shape = (*self._per_axis("kernel_size"), self._channels(inputs), filters)
        kernel = self._kernel(inputs, "kernel", shape, "kernel")
        return self._finish(self._slide(nn.convolution, inputs, kernel), filters)


@dataclass(frozen=True, eq=False, repr=False)
class Conv1D(_Conv):
    """A convolution of sequences `[N, W, C]`, giving `[N, W', filters]`.

    The arguments are those of `Conv2D`, with one number where that has two; `padding='causal'`
    pads only the start. Variables and errors are `Conv2D`'s. Source: `tf.layers.Conv1D`.

    >>> net = nn.transform(layers.Conv1D(8, 3, padding='causal'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 10, 4)))
    >>> net.apply(params, state, jnp.ones((1, 10, 4)))[0].shape
    (1, 10, 8)
    """

    rank = 1
    paddings = ("causal",)


@dataclass(frozen=True, eq=False, repr=False)
class Conv2D(_Conv):
    """A convolution of images `[N, H, W, C]`, giving `[N, H', W', filters]`.

    Its variables are `kernel` `[kh, kw, C, filters]` and `bias` `[filters]`, below `conv2d`.

    Args:
      filters: the number of output channels.
      kernel_size: an int or a pair, in pixels.
      strides: an int or a pair, in pixels.
      padding: 'valid' or 'same', in either case.
      data_format: 'channels_last' `[N, H, W, C]` or 'channels_first' `[N, C, H, W]`.
      dilation_rate: an int or a pair; excludes strides above 1.
      activation: a function of the result, or None.
      use_bias: whether to add a bias.
      kernel_initializer: `f(key, shape, dtype)`; None: that of the variable scope, else
        glorot_uniform.
      bias_initializer: likewise; zeros.
      kernel_regularizer: a function of the kernel, added to the regularization losses.
      bias_regularizer: a function of the bias, likewise.
      activity_regularizer: a function of the output; its loss is divided by the batch size.
      kernel_constraint: the projection of the kernel after an optimizer's update.
      bias_constraint: likewise of the bias.
      trainable: whether the variables are trainable.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `tf.layers.Conv2D`.

    >>> net = nn.transform(layers.Conv2D(32, 5, padding='same', activation=nn.relu))
    >>> images = jnp.ones((1, 28, 28, 1))
    >>> params, state = net.init(jax.random.key(0), images)
    >>> net.apply(params, state, images)[0].shape
    (1, 28, 28, 32)
    """

    rank = 2
    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class Conv3D(_Conv):
    """A convolution of volumes `[N, D, H, W, C]`, giving `[N, D', H', W', filters]`.

    The arguments are those of `Conv2D`, with three numbers where that has two. Variables and
    errors are `Conv2D`'s. Source: `tf.layers.Conv3D`.

    >>> net = nn.transform(layers.Conv3D(8, 3))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 4, 4, 4, 2)))
    >>> net.apply(params, state, jnp.ones((1, 4, 4, 4, 2)))[0].shape
    (1, 2, 2, 2, 8)
    """

    rank = 3
    strides: Ints = (1, 1, 1)
    dilation_rate: Ints = (1, 1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class _ConvTranspose(_Conv):
    dilation_rate: ClassVar[Ints] = 1  # which takes the argument away

    def call(self, inputs: Array) -> Array:
        """Spread `inputs`, add the bias, apply the activation."""
        arguments.rank(type(self).__name__, inputs, self.rank + 2)
        filters, sizes = self._number("filters"), self._per_axis("kernel_size")
        kernel = self._kernel(inputs, "kernel", (*sizes, filters, self._channels(inputs)), "kernel")
        layout, strides, padding = self._layout(), self._per_axis("strides"), self.padding.upper()
        beyond = 0 if padding == "SAME" else 1  # whether windows reach over the edges
        shape = [
            n * s + beyond * max(k - s, 0)
            for n, s, k in zip(spatial(layout, inputs.shape), strides, sizes, strict=True)
        ]
        spread = nn.conv2d_transpose if self.rank == 2 else nn.conv3d_transpose
        return self._finish(spread(inputs, kernel, shape, strides, padding, layout), filters)


@dataclass(frozen=True, eq=False, repr=False)
class Conv2DTranspose(_ConvTranspose):
    """The gradient of a convolution: from images `[N, H, W, C]` to larger `[N, H', W', filters]`.

    With padding 'same' H' is H * stride, with 'valid' it is H * stride + max(kernel - stride, 0).
    The variables are those of `Conv2D`, but the kernel is `[kh, kw, filters, C]`, below
    `conv2d_transpose`; so are the arguments, but for `dilation_rate`, and the errors.
    Source: `tf.layers.Conv2DTranspose`.

    >>> net = nn.transform(layers.Conv2DTranspose(8, 3, 2, 'same'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 5, 5, 4)))
    >>> net.apply(params, state, jnp.ones((1, 5, 5, 4)))[0].shape
    (1, 10, 10, 8)
    """

    rank = 2
    strides: Ints = (1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class Conv3DTranspose(_ConvTranspose):
    """The gradient of a convolution: from volumes `[N, D, H, W, C]` to larger ones.

    As `Conv2DTranspose`, with three numbers where that has two.
    Source: `tf.layers.Conv3DTranspose`.

    >>> net = nn.transform(layers.Conv3DTranspose(8, 3, 2))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 4, 4, 4, 2)))
    >>> net.apply(params, state, jnp.ones((1, 4, 4, 4, 2)))[0].shape
    (1, 9, 9, 9, 8)
    """

    rank = 3
    strides: Ints = (1, 1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class _SeparableConv(_Convolutional):
    filters: int
    kernel_size: Ints
    strides: Ints = 1
    padding: str = "valid"
    data_format: str = "channels_last"
    dilation_rate: Ints = 1
    depth_multiplier: int = 1
    activation: Function | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer | None = None
    pointwise_initializer: Initializer | None = None
    bias_initializer: Initializer | None = nn.zeros_initializer()
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Function | None = None
    pointwise_constraint: Function | None = None
    bias_constraint: Function | None = None
    trainable: bool = True
    name: str | None = None

    def call(self, inputs: Array) -> Array:
        """Convolve each channel by itself, mix the channels, add the bias, activate."""
        filters = self._number("filters")
        channels = self._channels(inputs)
        multiplier = self._number("depth_multiplier")
        shape = (*self._per_axis("kernel_size"), channels, multiplier)
        depthwise = self._kernel(inputs, "depthwise_kernel", shape, "depthwise")
        shape = (*[1] * self.rank, channels * multiplier, filters)
        pointwise = self._kernel(inputs, "pointwise_kernel", shape, "pointwise")
        convolve = nn.separable_conv1d if self.rank == 1 else nn.separable_conv2d
        return self._finish(self._slide(convolve, inputs, depthwise, pointwise), filters)


@dataclass(frozen=True, eq=False, repr=False)
class SeparableConv1D(_SeparableConv):
    """A depthwise convolution of sequences `[N, W, C]`, and a pointwise one after it.

    As `SeparableConv2D`, with one number where that has two. Source: `tf.layers.SeparableConv1D`.

    >>> net = nn.transform(layers.SeparableConv1D(8, 3))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 10, 4)))
    >>> params['separable_conv1d/depthwise_kernel'].shape
    (3, 4, 1)
    """

    rank = 1
    paddings = ("causal",)


@dataclass(frozen=True, eq=False, repr=False)
class SeparableConv2D(_SeparableConv):
    """A depthwise convolution of images `[N, H, W, C]`, and a pointwise one after it.

    Its variables are `depthwise_kernel` `[kh, kw, C, depth_multiplier]`, `pointwise_kernel`
    `[1, 1, C * depth_multiplier, filters]` and `bias` `[filters]`, below `separable_conv2d`.

    Args:
      filters: the number of output channels.
      kernel_size: an int or a pair, in pixels.
      strides: as in `Conv2D`, like all arguments not explained here.
      padding: 'valid' or 'same'.
      data_format: 'channels_last' or 'channels_first'.
      dilation_rate: an int or a pair.
      depth_multiplier: the number of filters of each input channel.
      activation: a function of the result, or None.
      use_bias: whether to add a bias.
      depthwise_initializer: of the depthwise kernel.
      pointwise_initializer: of the pointwise kernel.
      bias_initializer: of the bias.
      depthwise_regularizer: a function of the depthwise kernel.
      pointwise_regularizer: a function of the pointwise kernel.
      bias_regularizer: a function of the bias.
      activity_regularizer: a function of the output.
      depthwise_constraint: a projection of the depthwise kernel.
      pointwise_constraint: a projection of the pointwise kernel.
      bias_constraint: a projection of the bias.
      trainable: whether the variables are trainable.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `tf.layers.SeparableConv2D`.

    >>> net = nn.transform(layers.SeparableConv2D(8, 3))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 6, 6, 4)))
    >>> params['separable_conv2d/pointwise_kernel'].shape
    (1, 1, 4, 8)
    """

    rank = 2
    strides: Ints = (1, 1)
    dilation_rate: Ints = (1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class DepthwiseConv2D(_Convolutional):
    """A convolution of each channel of images `[N, H, W, C]` by itself.

    The output has `C * depth_multiplier` channels, those of the first input channel first. Its
    variables are `depthwise_kernel` `[kh, kw, C, depth_multiplier]` and `bias`, below
    `depthwise_conv2d`.

    `tf.layers` has no such layer; this one has the arguments of `tf.keras.layers.DepthwiseConv2D`.
    It computes what `slim.separable_conv2d` computes with `num_outputs=None`.

    Args:
      kernel_size: an int or a pair, in pixels.
      strides: as in `Conv2D`, like all arguments not explained here.
      padding: 'valid' or 'same'.
      depth_multiplier: the number of filters of each input channel.
      data_format: 'channels_last' or 'channels_first'.
      dilation_rate: an int or a pair.
      activation: a function of the result, or None.
      use_bias: whether to add a bias.
      depthwise_initializer: of the depthwise kernel.
      bias_initializer: of the bias.
      depthwise_regularizer: a function of the depthwise kernel.
      bias_regularizer: a function of the bias.
      activity_regularizer: a function of the output.
      depthwise_constraint: a projection of the depthwise kernel.
      bias_constraint: a projection of the bias.
      trainable: whether the variables are trainable.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    >>> net = nn.transform(layers.DepthwiseConv2D(3, 2, 'same'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 6, 6, 4)))
    >>> net.apply(params, state, jnp.ones((1, 6, 6, 4)))[0].shape
    (1, 3, 3, 4)
    """

    rank = 2
    kernel_size: Ints
    strides: Ints = (1, 1)
    padding: str = "valid"
    depth_multiplier: int = 1
    data_format: str = "channels_last"
    dilation_rate: Ints = (1, 1)
    activation: Function | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer | None = None
    bias_initializer: Initializer | None = nn.zeros_initializer()
    depthwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Function | None = None
    bias_constraint: Function | None = None
    trainable: bool = True
    name: str | None = None

    def call(self, inputs: Array) -> Array:
        """Convolve each channel by itself, add the bias, apply the activation."""
        channels = self._channels(inputs)
        multiplier = self._number("depth_multiplier")
        shape = (*self._per_axis("kernel_size"), channels, multiplier)
        depthwise = self._kernel(inputs, "depthwise_kernel", shape, "depthwise")
        outputs = self._slide(nn.depthwise_conv2d, inputs, depthwise)
        return self._finish(outputs, channels * multiplier)


conv1d = functional(Conv1D)
conv2d = functional(Conv2D)
conv3d = functional(Conv3D)
conv2d_transpose = functional(Conv2DTranspose)
conv3d_transpose = functional(Conv3DTranspose)
separable_conv1d = functional(SeparableConv1D)
separable_conv2d = functional(SeparableConv2D)
depthwise_conv2d = functional(DepthwiseConv2D)
