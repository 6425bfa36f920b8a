"""Slim's convolutions: `layers`' under other names, other defaults and other variable names."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import layers
import nn
from nn.blame import bind
from nn.graph import Array
from slim import scaffold
from slim.initializers import xavier_initializer
from slim.scoping import add_arg_scope
from slim.utils import two_element_tuple

Ints = int | Sequence[int]

_CLASSES = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}


@add_arg_scope
def convolution(
    inputs: Array,
    num_outputs: int,
    kernel_size: Ints,
    stride: Ints = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Ints = 1,
    activation_fn: Callable | None = nn.relu,
    normalizer_fn: Callable | None = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Callable = xavier_initializer(),
    weights_regularizer: Callable | None = None,
    biases_initializer: Callable | None = nn.zeros_initializer(),
    biases_regularizer: Callable | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    conv_dims: int | None = None,
) -> Array:
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
      activation_fn: a function of the result, or None; relu if not given.
      normalizer_fn: called with the outputs instead of adding biases, such as `slim.batch_norm`.
      normalizer_params: its keyword arguments; they win over an `arg_scope` of it.
      weights_initializer: `f(key, shape, dtype)`.
      weights_regularizer: a function of the weights, added to the regularization losses.
      biases_initializer: likewise; None: no biases.
      biases_regularizer: a function of the biases.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output, by its scope's name.
      trainable: whether the variables are trainable.
      scope: the variable scope: a name or a `VariableScope`.
      conv_dims: the number of spatial axes to insist on.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.convolution`.

    >>> net = nn.transform(lambda x: slim.convolution(x, 32, 5))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    >>> {name: p.shape for name, p in params.items()}
    {'Conv/weights': (5, 5, 1, 32), 'Conv/biases': (32,)}
    """
    formats = ("NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW", None)
    scaffold.check_format("convolution", data_format, *formats)
    with scaffold.model_scope(scope, "Conv", inputs, reuse) as (opened, inputs):
        expected = _CLASSES if conv_dims is None else [conv_dims + 2]
        if inputs.ndim not in expected:
            ranks = " or ".join(map(str, expected))
            raise ValueError(
                f"convolution: the inputs must have {ranks} dimensions, got the shape "
                f"{inputs.shape}."
            )
        layer = _CLASSES[inputs.ndim](
            num_outputs,
            kernel_size,
            stride,
            padding,
            scaffold.keras_format(data_format),
            rate,
            use_bias=not normalizer_fn and biases_initializer is not None,
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
        )
        outputs = scaffold.compute(layer, inputs, variables_collections)
        return scaffold.finish(
            outputs,
            normalizer_fn,
            normalizer_params,
            activation_fn,
            outputs_collections,
            opened.name,
        )


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


@add_arg_scope
def separable_convolution2d(
    inputs: Array,
    num_outputs: int | None,
    kernel_size: Ints,
    depth_multiplier: int = 1,
    stride: Ints = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Ints = 1,
    activation_fn: Callable | None = nn.relu,
    normalizer_fn: Callable | None = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Callable = xavier_initializer(),
    pointwise_initializer: Callable | None = None,
    weights_regularizer: Callable | None = None,
    biases_initializer: Callable | None = nn.zeros_initializer(),
    biases_regularizer: Callable | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Array:
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
      padding: 'SAME' or 'VALID'.
      data_format: 'NHWC' or 'NCHW'.
      rate: the dilation: an int or a pair.
      activation_fn: as in `slim.conv2d`, like all arguments not explained here.
      normalizer_fn: called with the outputs instead of adding biases.
      normalizer_params: its keyword arguments.
      weights_initializer: of both kernels.
      pointwise_initializer: of the pointwise kernel, if another.
      weights_regularizer: a function of each kernel.
      biases_initializer: of the biases; None: no biases.
      biases_regularizer: a function of the biases.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output.
      trainable: whether the variables are trainable.
      scope: the variable scope: a name or a `VariableScope`.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `slim.separable_conv2d`.

    >>> net = nn.transform(lambda x: slim.separable_conv2d(x, None, 3, scope='depthwise'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 8, 8, 4)))
    >>> {name: p.shape for name, p in params.items()}
    {'depthwise/depthwise_weights': (3, 3, 4, 1), 'depthwise/biases': (4,)}
    """
    scaffold.check_format("separable_conv2d", data_format, "NCHW", "NHWC")
    common: dict[str, Any] = dict(
        strides=stride,
        padding=padding,
        depth_multiplier=depth_multiplier,
        data_format=scaffold.keras_format(data_format),
        dilation_rate=two_element_tuple(rate),
        use_bias=not normalizer_fn and biases_initializer is not None,
        depthwise_initializer=weights_initializer,
        bias_initializer=biases_initializer,
        depthwise_regularizer=weights_regularizer,
        bias_regularizer=biases_regularizer,
        trainable=trainable,
    )
    with scaffold.model_scope(scope, "SeparableConv2d", inputs, reuse) as (opened, inputs):
        if num_outputs is None:
            layer = layers.DepthwiseConv2D(kernel_size, **common)
        else:
            layer = layers.SeparableConv2D(
                num_outputs,
                kernel_size,
                pointwise_initializer=pointwise_initializer or weights_initializer,
                pointwise_regularizer=weights_regularizer,
                **common,
            )
        outputs = scaffold.compute(layer, inputs, variables_collections)
        return scaffold.finish(
            outputs,
            normalizer_fn,
            normalizer_params,
            activation_fn,
            outputs_collections,
            opened.name,
        )
