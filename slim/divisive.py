"""Generalized divisive normalization (Balle et al., 2016), the nonlinearity of image codecs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

import nn
from layers import Layer
from layers.base import functional
from nn.graph import Array


@dataclass(frozen=True, eq=False, repr=False)
class GDN(Layer):
    """Divides each channel by a norm of all: `y_i = x_i / sqrt(beta_i + sum_j gamma_ji x_j^2)`.

    Its variables are `reparam_beta` `[C]` and `reparam_gamma` `[C, C]`, below `gdn`: roots, whose
    squares are beta and gamma. Where a root is below its bound only a gradient that raises it
    passes.

    Args:
      inverse: multiply by the norm instead.
      beta_min: the least value of beta.
      gamma_init: gamma is at first this number on the diagonal, and 0 elsewhere.
      reparam_offset: added to the squares under the roots, so that their gradient is never 0.
      data_format: 'channels_last' or 'channels_first'.
      activity_regularizer: a function of the output; its loss is divided by the batch size.
      trainable: whether the variables are trainable.
      name: the layer's name, and its variable scope.

    Raises:
      ValueError: the data format is another, or the inputs are not of rank 3, 4 or 5.

    Source: `slim.GDN`; TensorFlow gives it no gradient.

    >>> net = nn.transform(slim.GDN())
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 4, 4, 3)))
    >>> {name: p.shape for name, p in params.items()}
    {'gdn/reparam_beta': (3,), 'gdn/reparam_gamma': (3, 3)}
    """

    inverse: bool = False
    beta_min: float = 1e-6
    gamma_init: float = 0.1
    reparam_offset: float = 2**-18
    data_format: str = "channels_last"
    activity_regularizer: Callable | None = None
    trainable: bool = True
    name: str | None = None

    def __post_init__(self):
        if self.data_format not in ("channels_first", "channels_last"):
            raise ValueError(
                "GDN: data_format must be 'channels_first' or 'channels_last', got "
                f"{self.data_format!r}."
            )

    def call(self, inputs: Array) -> Array:
        """Normalize."""
        if inputs.ndim not in (3, 4, 5):
            raise ValueError(
                f"GDN: the inputs must have 3 to 5 dimensions, got the shape {inputs.shape}."
            )
        axis = 1 if self.data_format == "channels_first" else -1
        channels, offset = inputs.shape[axis], self.reparam_offset**2

        def squared_root(name: str, first: Callable[..., Array], shape: tuple, least: float) -> Any:
            def initializer(key: Any, shape: Any, dtype: Any) -> Array:
                return jnp.sqrt(first(shape[0], dtype=dtype) + offset)

            root = self.add_weight(name, shape, inputs.dtype, initializer)
            return jnp.square(_at_least(root, least)) - offset

        beta_bound = (self.beta_min + offset) ** 0.5
        beta = squared_root("reparam_beta", jnp.ones, (channels,), beta_bound)
        diagonal = lambda n, dtype: self.gamma_init * jnp.eye(n, dtype=dtype)  # noqa: E731
        shape = channels, channels
        gamma = squared_root("reparam_gamma", diagonal, shape, self.reparam_offset)
        squares = jnp.moveaxis(jnp.square(inputs), axis, -1)
        norm = jnp.moveaxis(jnp.sqrt(nn.dense(squares, gamma, beta)), -1, axis)
        return inputs * norm if self.inverse else inputs / norm


@jax.custom_vjp
def _at_least(x: Array, bound: float) -> Array:
    """The maximum of both; below the bound only a gradient that raises x passes."""
    return jnp.maximum(x, bound)


def _back(residuals: tuple, slope: Array) -> tuple:
    x, bound = residuals
    return jnp.where((x >= bound) | (slope < 0), slope, 0), None


_at_least.defvjp(lambda x, bound: (_at_least(x, bound), (x, bound)), _back)

gdn = functional(GDN)
