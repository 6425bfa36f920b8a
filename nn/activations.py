"""Activations, whose gradients are TensorFlow's at the kinks too."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from nn import spelling

# Of the fixed point that makes selu's outputs normal (Klambauer et al., 2017).
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@jax.jit
def relu(features: ArrayLike) -> jax.Array:
    """Computes max(features, 0), whose gradient at 0 is 0. Source: `tf.nn.relu`.

    >>> relu(jnp.array([-1.0, 0.0, 2.0]))
    Array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu(jnp.asarray(features))


@jax.jit
def relu6(features: ArrayLike) -> jax.Array:
    """Computes min(max(features, 0), 6), whose gradient at 0 and at 6 is 0. Source: `tf.nn.relu6`.

    >>> relu6(jnp.array([-1.0, 2.0, 8.0]))
    Array([0., 2., 6.], dtype=float32)
    """
    features = jnp.asarray(features)
    zero, six = (jnp.array(bound, features.dtype) for bound in (0, 6))
    return lax.clamp(zero, features, six)


@jax.jit
def elu(features: ArrayLike) -> jax.Array:
    """Computes features where they are positive, exp(features) - 1 elsewhere. Source: `tf.nn.elu`.

    >>> elu(jnp.array([-1.0, 0.0, 2.0]))
    Array([-0.63212055,  0.        ,  2.        ], dtype=float32)
    """
    return jax.nn.elu(spelling.floating("elu", "features", features))


@jax.jit
def selu(features: ArrayLike) -> jax.Array:
    """Computes `elu` with the slopes that keep a network's activations normal.

    The gradient at 0 is that from the right, the scale. Source: `tf.nn.selu`.

    >>> selu(jnp.array([-1.0, 0.0, 2.0]))
    Array([-1.1113307,  0.       ,  2.101402 ], dtype=float32)
    """
    features = spelling.floating("selu", "features", features)
    negative = features < 0
    # exp of a large number would overflow, and make the gradient of the other branch nan.
    curve = _SELU_ALPHA * jnp.expm1(jnp.where(negative, features, 0))
    return _SELU_SCALE * jnp.where(negative, curve, features)


@jax.jit
def leaky_relu(features: ArrayLike, alpha: ArrayLike = 0.2) -> jax.Array:
    """Computes features where they are positive, alpha * features elsewhere.

    The gradient at 0 is alpha; integers become float32. Source: `tf.nn.leaky_relu`.

    >>> leaky_relu(jnp.array([-1.0, 0.0, 2.0]))
    Array([-0.2,  0. ,  2. ], dtype=float32)
    """
    features = jnp.asarray(features)
    if jnp.issubdtype(features.dtype, jnp.integer):
        features = features.astype(jnp.float32)
    alpha = jnp.asarray(alpha).astype(features.dtype)
    return jnp.where(features > 0, features, alpha * features)


@partial(jax.jit, static_argnames="axis")
def crelu(features: ArrayLike, axis: int = -1) -> jax.Array:
    """Puts relu(features) and relu(-features) side by side along an axis. Source: `tf.nn.crelu`.

    >>> crelu(jnp.array([-1.0, 2.0]))
    Array([0., 2., 1., 0.], dtype=float32)
    """
    features = jnp.asarray(features)
    (axis,) = spelling.axes("crelu", "axis", [axis], features.ndim)
    return relu(jnp.concatenate([features, -features], axis))


@jax.jit
def sigmoid(x: ArrayLike) -> jax.Array:
    """Computes 1 / (1 + exp(-x)). Source: `tf.nn.sigmoid`.

    >>> sigmoid(jnp.array([-1.0, 0.0, 1.0]))
    Array([0.26894143, 0.5       , 0.7310586 ], dtype=float32)
    """
    return jax.nn.sigmoid(spelling.floating("sigmoid", "x", x))


@jax.jit
def tanh(x: ArrayLike) -> jax.Array:
    """Computes the hyperbolic tangent. Source: `tf.nn.tanh`.

    >>> tanh(jnp.array([0.0, 100.0]))
    Array([0., 1.], dtype=float32)
    """
    return jnp.tanh(spelling.floating("tanh", "x", x))


@jax.jit
def softplus(features: ArrayLike) -> jax.Array:
    """Computes log(1 + exp(features)), however large they are. Source: `tf.nn.softplus`.

    >>> softplus(jnp.array([0.0, 100.0]))
    Array([  0.6931472, 100.       ], dtype=float32)
    """
    return jax.nn.softplus(spelling.floating("softplus", "features", features))


@jax.jit
def softsign(features: ArrayLike) -> jax.Array:
    """Computes features / (1 + |features|). Source: `tf.nn.softsign`.

    >>> softsign(jnp.array([-1.0, 0.0, 3.0]))
    Array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return jax.nn.soft_sign(spelling.floating("softsign", "features", features))


@partial(jax.jit, static_argnames="axis")
def softmax(logits: ArrayLike, axis: int | None = -1) -> jax.Array:
    """Computes exp(logits) divided by its sum along an axis, the last one if None.

    Source: `tf.nn.softmax`.

    >>> softmax(jnp.array([0.0, 0.0]))
    Array([0.5, 0.5], dtype=float32)
    """
    logits = spelling.floating("softmax", "logits", logits)
    return jax.nn.softmax(logits, _one_axis("softmax", axis, logits))


@partial(jax.jit, static_argnames="axis")
def log_softmax(logits: ArrayLike, axis: int | None = -1) -> jax.Array:
    """Computes the logarithm of `softmax`, without computing it. Source: `tf.nn.log_softmax`.

    >>> log_softmax(jnp.array([0.0, 0.0]))
    Array([-0.6931472, -0.6931472], dtype=float32)
    """
    logits = spelling.floating("log_softmax", "logits", logits)
    return jax.nn.log_softmax(logits, _one_axis("log_softmax", axis, logits))


def _one_axis(function: str, axis: int | None, array: jax.Array) -> int:
    (axis,) = spelling.axes(function, "axis", [-1 if axis is None else axis], array.ndim)
    return axis
