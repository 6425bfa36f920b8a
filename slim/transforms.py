"""Slim's small functions of arrays: groups, keypoints, sequences, encodings, gradients."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nn
from nn.graph import Array
from slim.scaffold import check, count, parameter
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs


@add_arg_scope
def maxout(inputs: Array, num_units: int, axis: int = -1, scope: Any = None) -> Array:
    """Divide the channels into `num_units` groups of neighbours, and take each one's maximum.

    Args:
      inputs: of any shape.
      num_units: the number of channels that are left.
      axis: that of the channels. Behind another than the last the groups are formed as TensorFlow
        forms them: of the elements that are neighbours in memory.
      scope: the scope.

    Raises:
      ValueError: the channels cannot be divided so.
      IndexError: there is no such axis.

    Source: `slim.maxout`.

    >>> nn.transform(slim.maxout).apply({}, {}, jnp.array([[1.0, 5.0, 2.0, 3.0]]), 2)[0]
    Array([[5., 3.]], dtype=float32)
    """
    with nn.variable_scope(scope, "MaxOut"):
        inputs = jnp.asarray(inputs)
        shape = list(inputs.shape)
        if not -len(shape) <= axis < len(shape):
            raise IndexError(f"maxout: axis is {axis}, and the inputs' shape {inputs.shape}.")
        if num_units < 0 or shape[axis] % num_units:
            raise ValueError(
                f"maxout: {shape[axis]} channels cannot be divided into num_units={num_units}."
            )
        size = shape[axis] // num_units
        shape[axis] = num_units
        return jnp.max(inputs.reshape(*shape, size), -1)


@add_arg_scope
def spatial_softmax(
    features: Array,
    temperature: float | None = None,
    name: str | None = None,
    variables_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
) -> Array:
    """Find where each channel of `[N, H, W, C]` is bright: `[N, 2 * C]` coordinates in [-1, 1].

    The softmax of a channel over all its pixels weighs their coordinates. The result is
    `[h0, w0, h1, w1, ...]`: each channel's place along the height, then along the width. Its
    variable is the scalar `temperature` that divides the features, below `spatial_softmax`.

    Args:
      features: of rank 4.
      temperature: the first value of the variable, 1 if not given.
      name: the variable scope.
      variables_collections: a list of collections, or a dict with one for `temperature`.
      trainable: whether the temperature is trainable.
      data_format: 'NHWC' or 'NCHW'.

    Raises:
      ValueError: the data format is another, or does not fit the inputs.

    Source: `slim.spatial_softmax`.

    >>> net, x = nn.transform(slim.spatial_softmax), jnp.zeros((1, 5, 5, 1)).at[0, 0, 4].set(99.0)
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0]
    Array([[-1.,  1.]], dtype=float32)
    """
    with nn.variable_scope(name, "spatial_softmax"):
        check("spatial_softmax", "data_format", data_format, "NHWC", "NCHW")
        features = jnp.asarray(features)
        if features.ndim != 4:
            kind = IndexError if features.ndim == 3 else ValueError  # as TensorFlow's
            raise kind(
                f"spatial_softmax: features must have 4 dimensions, got the shape {features.shape}."
            )
        if data_format == "NHWC":
            features = jnp.moveaxis(features, 3, 1)
        with nn.name_scope("spatial_softmax_op"):
            initializer = nn.constant_initializer(1.0 if temperature is None else temperature)
            collections = variables_collections if trainable else None
            divisor = parameter("temperature", (), jnp.float32, initializer, collections, trainable)
            batch, channels, height, width = features.shape
            weights = nn.softmax(features.reshape(batch, channels, height * width) / divisor)
            weights = weights.reshape(features.shape)
            along_height = jnp.linspace(-1.0, 1.0, height, dtype=weights.dtype)
            along_width = jnp.linspace(-1.0, 1.0, width, dtype=weights.dtype)
            h = jnp.einsum("nchw,h->nc", weights, along_height)
            w = jnp.einsum("nchw,w->nc", weights, along_width)
            return jnp.stack([h, w], -1).reshape(batch, 2 * channels)


@add_arg_scope
def one_hot_encoding(
    labels: Array,
    num_classes: int,
    on_value: Any = 1.0,
    off_value: Any = 0.0,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Turn integer labels `[...]` into `[..., num_classes]`; one out of range is off everywhere.

    Args:
      labels: integers.
      num_classes: how many there are.
      on_value: what stands at a label's place.
      off_value: what stands elsewhere, of the same type.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `OneHotEncoding` if not given.

    Raises:
      TypeError: the labels are no integers, or the two values are of two types.
      ValueError: `num_classes` is negative.

    Source: `slim.one_hot_encoding`.

    >>> nn.transform(slim.one_hot_encoding).apply({}, {}, jnp.array([1, 3]), 3)[0]
    Array([[0., 1., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    with nn.name_scope(scope, "OneHotEncoding") as opened:
        on = jnp.asarray(1.0 if on_value is None else on_value)
        off = jnp.asarray(0.0 if off_value is None else off_value)
        labels = jnp.asarray(labels)
        if not jnp.issubdtype(labels.dtype, jnp.integer):
            raise TypeError(f"one_hot_encoding: the labels must be integers, got {labels.dtype}.")
        if on.dtype != off.dtype:
            raise TypeError(
                f"one_hot_encoding: on_value and off_value must be of one type, got {on_value!r} "
                f"and {off_value!r}."
            )
        classes = jnp.arange(count("one_hot_encoding", "num_classes", num_classes))
        classes = classes.astype(labels.dtype)
        is_on = jnp.expand_dims(labels, -1) == jnp.expand_dims(classes, range(labels.ndim))
        outputs = jnp.where(is_on, on, off).astype(on.dtype)  # not of a weak type
        return collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def images_to_sequence(
    inputs: Array, data_format: str = "NHWC", outputs_collections: Any = None, scope: Any = None
) -> Array:
    """Read images `[N, H, W, C]` column by column: a sequence `[W, N * H, C]`.

    Args:
      inputs: of rank 4.
      data_format: 'NHWC' or 'NCHW'.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `ImagesToSequence` if not given.

    Raises:
      ValueError: the data format is another, or the inputs' rank.

    Source: `slim.images_to_sequence`.

    >>> nn.transform(slim.images_to_sequence).apply({}, {}, jnp.ones((2, 4, 5, 3)))[0].shape
    (5, 8, 3)
    """
    check("images_to_sequence", "data_format", data_format, "NCHW", "NHWC")
    with nn.name_scope(scope, "ImagesToSequence") as opened:
        inputs = _of_rank("images_to_sequence", inputs, 4)
        if data_format == "NCHW":
            inputs = jnp.moveaxis(inputs, 1, -1)
        batch, height, width, depth = inputs.shape
        outputs = jnp.moveaxis(inputs, 2, 0).reshape(width, batch * height, depth)
        return collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def sequence_to_images(
    inputs: Array,
    height: int,
    output_data_format: str = "channels_last",
    outputs_collections: Any = None,
    scope: Any = None,
) -> Array:
    """Turn a sequence `[W, N * H, C]` back into images `[N, H, W, C]`.

    Args:
      inputs: of rank 3.
      height: H.
      output_data_format: 'channels_first' for `[N, C, H, W]`.
      outputs_collections: collections for the output, by its name scope.
      scope: the name scope, `SequenceToImages` if not given.

    Raises:
      ValueError: the inputs have another rank, or cannot be divided by `height`.

    Source: `slim.sequence_to_images`.

    >>> nn.transform(slim.sequence_to_images).apply({}, {}, jnp.ones((5, 8, 3)), 4)[0].shape
    (2, 4, 5, 3)
    """
    with nn.name_scope(scope, "SequenceToImages") as opened:
        inputs = _of_rank("sequence_to_images", inputs, 3)
        width, rows, depth = inputs.shape
        if height < 0 or rows % height:
            raise ValueError(
                f"sequence_to_images: {rows} rows cannot be divided into images of {height}."
            )
        images = jnp.moveaxis(inputs.reshape(width, rows // height, height, depth), 0, 2)
        if output_data_format == "channels_first":
            images = jnp.moveaxis(images, -1, 1)
        return collect_named_outputs(outputs_collections, opened, images)


def _of_rank(op: str, inputs: Any, rank: int) -> Array:
    inputs = jnp.asarray(inputs)
    if inputs.ndim != rank:
        raise ValueError(f"{op}: the inputs must have rank {rank}, got the shape {inputs.shape}.")
    return inputs


@jax.custom_vjp
def scale_gradient(inputs: Array, gradient_multiplier: Any) -> Array:
    """Return the inputs; on the way back, their gradient is multiplied.

    Args:
      inputs: any array.
      gradient_multiplier: by what; 0 stops the gradient, -1 reverses it.

    Source: `slim.scale_gradient`.

    >>> jax.grad(lambda x: slim.scale_gradient(x, 0.1) ** 2)(3.0)
    Array(0.6, dtype=float32, weak_type=True)
    """
    del gradient_multiplier
    return inputs


scale_gradient.defvjp(lambda x, by: (x, by), lambda by, slope: (slope * by, None))


def bucketize(input_tensor: Any, boundaries: Sequence[float], name: str | None = None) -> Array:
    """Return for each element how many boundaries it reaches: an int32 in [0, len(boundaries)].

    Args:
      input_tensor: numbers of any shape.
      boundaries: a list of numbers, in ascending order.
      name: accepted as in TensorFlow.

    Raises:
      TypeError: the boundaries are no list or tuple of numbers, or the elements are bools.
      ValueError: they do not ascend.

    Source: `slim.bucketize`.

    >>> slim.bucketize(jnp.array([-5.0, 0.0, 3.0, 10.0]), [0, 10])
    Array([0, 1, 1, 2], dtype=int32)
    """
    del name
    if not isinstance(boundaries, list | tuple) or not all(isinstance(b, Real) for b in boundaries):
        raise TypeError(f"bucketize: boundaries must be a list of numbers, got {boundaries!r}.")
    if sorted(boundaries) != list(boundaries):
        raise ValueError(f"bucketize: boundaries must ascend, got {boundaries!r}.")
    values = jnp.asarray(input_tensor)
    if values.dtype == bool:
        raise TypeError("bucketize: input_tensor must hold numbers, got bools.")
    if not jnp.issubdtype(values.dtype, jnp.floating):  # an integer reaches 0.5 if it reaches 1
        boundaries = [math.ceil(boundary) for boundary in boundaries]
    edges = jnp.asarray(np.asarray(boundaries), values.dtype)
    return jnp.searchsorted(edges, values, side="right").astype(jnp.int32)


def poincare_normalize(
    x: Array, axis: int | Sequence[int] = 1, epsilon: float = 1e-5, name: str | None = None
) -> Array:
    """Shrink vectors longer than `1 - epsilon` to that length, into the Poincare ball.

    Args:
      x: of any shape.
      axis: the vectors' axis, or several.
      epsilon: how far from the ball's edge they stay.
      name: accepted as in TensorFlow.

    Source: `slim.layers.poincare_normalize`.

    >>> bool(jnp.linalg.norm(slim.layers.poincare_normalize(jnp.array([[3.0, 4.0]]))) < 1)
    True
    """
    del name
    x = jnp.asarray(x)
    squares = jnp.sum(jnp.square(x), axis, keepdims=True)
    return x * jnp.minimum((1 - epsilon) * jax.lax.rsqrt(squares), 1)
