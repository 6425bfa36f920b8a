"""Pooling layers of one to three dimensions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import nn
from layers import arguments
from layers.base import Layer, functional
from nn.graph import Array

Ints = int | Sequence[int]


@dataclass(frozen=True, eq=False, repr=False)
class _Pooling(Layer):
    """Pools `[N, H, W, C]` to `[N, H', W', C]`, with as many spatial axes as `rank`.

    Args:
      pool_size: the window: an int, or an int per axis, in pixels.
      strides: how far it moves, likewise.
      padding: 'valid' or 'same', in either case.
      data_format: 'channels_last' or 'channels_first'.
      name: the layer's name.
    """

    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Array]]
    pool_size: Ints
    strides: Ints
    padding: str = "valid"
    data_format: str = "channels_last"
    name: str | None = None

    def __post_init__(self):
        self._arguments()

    def _arguments(self) -> tuple:
        name = type(self).__name__
        return (
            arguments.per_axis(name, "pool_size", self.pool_size, self.rank),
            arguments.per_axis(name, "strides", self.strides, self.rank),
            arguments.padding(name, self.padding),
            arguments.layout(name, self.data_format, self.rank),
        )

    def call(self, inputs: Array) -> Array:
        """Pool."""
        arguments.rank(type(self).__name__, inputs, self.rank + 2)
        return type(self).pool(inputs, *self._arguments())


class _MaxPooling(_Pooling):
    pool = staticmethod(nn.max_pool)


class _AveragePooling(_Pooling):
    pool = staticmethod(nn.avg_pool)


@dataclass(frozen=True, eq=False, repr=False)
class MaxPooling1D(_MaxPooling):
    """The maximum of each window of sequences `[N, W, C]`; arguments as `MaxPooling2D`.

    >>> pool = nn.transform(layers.MaxPooling1D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(4.0).reshape(1, 4, 1))[0].ravel()
    Array([1., 3.], dtype=float32)
    """

    rank = 1


@dataclass(frozen=True, eq=False, repr=False)
class MaxPooling2D(_MaxPooling):
    """The maximum of each window of images `[N, H, W, C]`, giving `[N, H', W', C]`.

    Args:
      pool_size: the window: an int or a pair, in pixels.
      strides: how far it moves: an int or a pair, in pixels; required, as in TensorFlow.
      padding: 'valid' or 'same', in either case.
      data_format: 'channels_last' or 'channels_first'.
      name: the layer's name.

    Raises:
      ValueError: an argument or the inputs' rank does not fit.

    Source: `tf.layers.MaxPooling2D`.

    >>> pool = nn.transform(layers.MaxPooling2D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(4.0).reshape(1, 2, 2, 1))[0].ravel()
    Array([3.], dtype=float32)
    """

    rank = 2


@dataclass(frozen=True, eq=False, repr=False)
class MaxPooling3D(_MaxPooling):
    """The maximum of each window of volumes `[N, D, H, W, C]`; arguments as `MaxPooling2D`.

    >>> pool = nn.transform(layers.MaxPooling3D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(8.0).reshape(1, 2, 2, 2, 1))[0].ravel()
    Array([7.], dtype=float32)
    """

    rank = 3


@dataclass(frozen=True, eq=False, repr=False)
class AveragePooling1D(_AveragePooling):
    """The mean of each window of sequences `[N, W, C]`; arguments as `AveragePooling2D`.

    >>> pool = nn.transform(layers.AveragePooling1D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(4.0).reshape(1, 4, 1))[0].ravel()
    Array([0.5, 2.5], dtype=float32)
    """

    rank = 1


@dataclass(frozen=True, eq=False, repr=False)
class AveragePooling2D(_AveragePooling):
    """The mean of each window of images `[N, H, W, C]`; what 'same' pads is left out of it.

    The arguments and errors are those of `MaxPooling2D`. Source: `tf.layers.AveragePooling2D`.

    >>> pool = nn.transform(layers.AveragePooling2D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(4.0).reshape(1, 2, 2, 1))[0].ravel()
    Array([1.5], dtype=float32)
    """

    rank = 2


@dataclass(frozen=True, eq=False, repr=False)
class AveragePooling3D(_AveragePooling):
    """The mean of each window of volumes `[N, D, H, W, C]`; arguments as `AveragePooling2D`.

    >>> pool = nn.transform(layers.AveragePooling3D(2, 2))
    >>> pool.apply({}, {}, jnp.arange(8.0).reshape(1, 2, 2, 2, 1))[0].ravel()
    Array([3.5], dtype=float32)
    """

    rank = 3


max_pooling1d = functional(MaxPooling1D)
max_pooling2d = functional(MaxPooling2D)
max_pooling3d = functional(MaxPooling3D)
average_pooling1d = functional(AveragePooling1D)
average_pooling2d = functional(AveragePooling2D)
average_pooling3d = functional(AveragePooling3D)
