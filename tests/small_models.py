"""Small models and comparisons, for tests of what a transformed function does."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import layers
import nn

KEY = jax.random.key(0)
X = jnp.linspace(-1.0, 1.0, 24).reshape(8, 3)

# XLA may sum in another order once it has fused, batched or sharded a program: float32 rounding.
ROUNDING = 1e-6


def mlp(x, is_training=False):
    x = layers.dense(x, 4, activation=nn.tanh, name="hidden")
    x = layers.batch_normalization(x, momentum=0.5, training=is_training, name="norm")
    return layers.dense(x, 2, name="logits")


def counter():
    """Counts its own calls."""
    n = nn.get_variable("n", [], jnp.int32, trainable=False)
    nn.assign("n", n + 1)
    return n


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def assert_close(a, b):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=ROUNDING, atol=ROUNDING), a, b)


def scalar(name, value=0.0, **kwargs):
    return nn.get_variable(name, [], initializer=nn.constant_initializer(value), **kwargs)
