"""Norms without moving averages: over layers, channels, groups of channels, vectors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

import nn
from nn.graph import Array
from nn.spelling import floating
from slim.scaffold import check, finish, parameter
from slim.scoping import add_arg_scope


@add_arg_scope
def layer_norm(
    inputs: Array,
    center: bool = True,
    scale: bool = True,
    activation_fn: Callable | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> Array:
    """Normalize each example by the mean and variance of its elements.

    Its variables are `beta` and `gamma`, below `LayerNorm`.

    Args:
      inputs: `[N, ..., C]`.
      center: whether to add `beta`.
      scale: whether to multiply by `gamma`.
      activation_fn: a function of the result, or None.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output.
      trainable: whether the variables are trainable.
      begin_norm_axis: the statistics are taken over this axis and those behind it.
      begin_params_axis: the variables have the shape of this axis and those behind it.
      scope: the variable scope.

    Raises:
      ValueError: the inputs lack an axis.

    Source: `slim.layer_norm`.

    >>> net, x = nn.transform(slim.layer_norm), jnp.array([[1.0, 3.0]])
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    Array([[-1.,  1.]], dtype=float32)
    """
    with nn.variable_scope(scope, "LayerNorm", reuse=reuse) as opened:
        inputs = jnp.asarray(inputs)
        if max(begin_norm_axis, begin_params_axis) >= inputs.ndim:
            raise ValueError(
                f"layer_norm: begin_norm_axis and begin_params_axis must be axes of the inputs, "
                f"whose shape is {inputs.shape}, got {begin_norm_axis} and {begin_params_axis}."
            )
        first = begin_norm_axis + inputs.ndim if begin_norm_axis < 0 else begin_norm_axis
        outputs = _normalized(
            inputs,
            range(first, inputs.ndim),
            inputs.shape[begin_params_axis:],
            center=center,
            scale=scale,
            epsilon=1e-3 if inputs.dtype == jnp.float16 else 1e-12,
            collections=variables_collections,
            trainable=trainable,
        )
        return finish(outputs, activation_fn, outputs_collections, opened.name)


@add_arg_scope
def instance_norm(
    inputs: Array,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Callable | None = None,
    param_initializers: Mapping[str, Callable] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Array:
    """Normalize each channel of each example by its own mean and variance.

    Its variables are `beta` and `gamma` `[C]`, below `InstanceNorm`.

    Args:
      inputs: `[N, ..., C]`, or `[N, C, ...]` with 'NCHW'.
      center: whether to add `beta`.
      scale: whether to multiply by `gamma`.
      epsilon: added to the variance.
      activation_fn: a function of the result, or None.
      param_initializers: initializers by variable name.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output.
      trainable: whether the variables are trainable.
      data_format: 'NHWC' or 'NCHW'.
      scope: the variable scope.

    Raises:
      ValueError: the data format is another.
      IndexError: the inputs have fewer than two dimensions.

    Source: `slim.instance_norm`.

    >>> net, x = nn.transform(slim.instance_norm), jnp.ones((2, 5, 5, 3))
    >>> {name: p.shape for name, p in net.init(jax.random.key(0), x)[0].items()}
    {'InstanceNorm/beta': (3,), 'InstanceNorm/gamma': (3,)}
    """
    check("instance_norm", "data_format", data_format, "NCHW", "NHWC")
    inputs = jnp.asarray(inputs)
    with nn.variable_scope(scope, "InstanceNorm", reuse=reuse) as opened:
        if inputs.ndim < 2:
            raise IndexError(
                f"instance_norm: the inputs must be [N, ..., C], got the shape {inputs.shape}."
            )
        channels = 1 if data_format == "NCHW" else inputs.ndim - 1
        shape = [n if axis == channels else 1 for axis, n in enumerate(inputs.shape)]
        outputs = _normalized(
            inputs,
            [axis for axis in range(1, inputs.ndim) if axis != channels],
            inputs.shape[channels : channels + 1],
            shape,
            center=center,
            scale=scale,
            epsilon=epsilon,
            initializers=param_initializers,
            collections=variables_collections,
            trainable=trainable,
        )
        return finish(outputs, activation_fn, outputs_collections, opened.name)


@add_arg_scope
def group_norm(
    inputs: Array,
    groups: int = 32,
    channels_axis: int = -1,
    reduction_axes: Sequence[int] = (-3, -2),
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Callable | None = None,
    param_initializers: Mapping[str, Callable] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    mean_close_to_zero: bool = False,
) -> Array:
    """Normalize groups of channels of each example by their common mean and variance.

    Its variables are `beta` and `gamma` `[C]`, below `GroupNorm`.

    Args:
      inputs: such as `[N, H, W, C]`.
      groups: into how many groups the channels are divided, neighbours together.
      channels_axis: where the channels are.
      reduction_axes: the other axes that the statistics are taken over.
      center: whether to add `beta`.
      scale: whether to multiply by `gamma`.
      epsilon: added to the variance.
      activation_fn: a function of the result, or None.
      param_initializers: initializers by variable name.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output.
      trainable: whether the variables are trainable.
      scope: the variable scope.
      mean_close_to_zero: accepted as in TensorFlow, where it allows a less exact variance.

    Raises:
      ValueError: the inputs lack an axis, or the channels cannot be divided so.

    Source: `slim.group_norm`.

    >>> net = nn.transform(lambda x: slim.group_norm(x, groups=2))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 5, 5, 8)))
    >>> {name: p.shape for name, p in params.items()}
    {'GroupNorm/beta': (8,), 'GroupNorm/gamma': (8,)}
    """
    del mean_close_to_zero
    inputs = jnp.asarray(inputs)
    rank, shape = inputs.ndim, inputs.shape
    given = [channels_axis, *reduction_axes]
    channels_axis, *reduced = (axis + rank if axis < 0 else axis for axis in given)
    if not all(0 <= axis < rank for axis in (channels_axis, *reduced)) or channels_axis in reduced:
        raise ValueError(
            f"group_norm: channels_axis and reduction_axes must be distinct axes of the inputs, "
            f"whose shape is {shape}, got {given[0]} and {given[1:]}."
        )
    channels = shape[channels_axis]
    if groups < 0 or groups > channels or channels % groups:
        raise ValueError(f"group_norm: {channels} channels cannot be divided into {groups} groups.")
    before, after = shape[:channels_axis], shape[channels_axis + 1 :]
    divided = groups, channels // groups
    with nn.variable_scope(scope, "GroupNorm", reuse=reuse) as opened:
        outputs = _normalized(
            inputs.reshape(*before, *divided, *after),
            [channels_axis + 1, *(axis + (axis > channels_axis) for axis in reduced)],
            [channels],
            [1] * len(before) + [*divided] + [1] * len(after),
            center=center,
            scale=scale,
            epsilon=epsilon,
            initializers=param_initializers,
            collections=variables_collections,
            trainable=trainable,
        )
        outputs = outputs.reshape(shape)
        return finish(outputs, activation_fn, outputs_collections, opened.name)


@add_arg_scope
def unit_norm(inputs: Array, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Array:
    """Divide by the length along one axis, `sqrt(epsilon + sum(x ** 2))`.

    Args:
      inputs: of any shape.
      dim: the axis, not negative.
      epsilon: keeps the length of nothing above 0.
      scope: the scope.

    Raises:
      ValueError: the inputs have no such axis.

    Source: `slim.unit_norm`.

    >>> nn.transform(slim.unit_norm).apply({}, {}, jnp.array([[3.0, 4.0]]), 1)[0]
    Array([[0.6, 0.8]], dtype=float32)
    """
    with nn.variable_scope(scope, "UnitNorm"):
        inputs = floating("unit_norm", "inputs", inputs)
        if not 0 <= dim < inputs.ndim:
            raise ValueError(
                f"unit_norm: dim must be at least 0 and less than {inputs.ndim}, the number of "
                f"dimensions, got {dim}."
            )
        return inputs / jnp.sqrt(epsilon + jnp.sum(jnp.square(inputs), dim, keepdims=True))


def _normalized(
    x: Array,
    axes: Sequence[int],
    size: Sequence[int],
    shape: Sequence[int] | None = None,
    *,
    center: bool,
    scale: bool,
    epsilon: float,
    initializers: Mapping[str, Callable] | None = None,
    collections: Any,
    trainable: bool,
) -> Array:
    """Normalize over `axes`; beta and gamma are variables of this size, reshaped to `shape`."""

    def made(name: str, default: Callable) -> Array:
        initializer = (initializers or {}).get(name, default)
        variable = parameter(name, size, x.dtype, initializer, collections, trainable)
        return variable if shape is None else variable.reshape(shape)

    beta = made("beta", nn.zeros_initializer()) if center else None
    gamma = made("gamma", nn.ones_initializer()) if scale else None
    return nn.batch_normalization(x, *nn.moments(x, axes, keepdims=True), beta, gamma, epsilon)
