"""JAX by hand, with `jax.lax`'s convolutions and pooling: what other rows are compared with."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure


def conv(x, kernel, stride, groups=1):
    """Convolve `[N, H, W, C]` with `[k, k, C / groups, filters]`."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def batch_norm(x, weights, averages, training):
    """Normalise; returns the new moving averages too."""
    mean, variance = averages
    if training:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        averages = [
            networks.DECAY * old + (1 - networks.DECAY) * new
            for old, new in zip(averages, (mean, variance), strict=True)
        ]
    scale = lax.rsqrt(variance + networks.EPSILON) * weights["gamma"]
    return (x - mean) * scale + weights["beta"], averages


def build(network, style):
    """Build the program."""
    weights = networks.initial_weights(network)
    params = [{k: w[k] for k in w if k not in ("mean", "variance")} for w in weights]
    averages = [[w["mean"], w["variance"]] if "mean" in w else [] for w in weights]

    def forward(params, averages, x, training, key: Any = None):
        averages = list(averages)
        for i, layer in enumerate(network.layers):
            match layer:
                case Conv(_, _, stride):
                    x = conv(x, params[i]["kernel"], stride)
                case Depthwise(kernel, stride):
                    x = conv(
                        x, params[i]["kernel"].reshape(kernel, kernel, 1, -1), stride, x.shape[3]
                    )
                case MaxPool(size):
                    window = (1, size, size, 1)
                    x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "SAME")
                case GlobalAverage():
                    x = x.mean((1, 2))
                case Flatten():
                    x = x.reshape(len(x), -1)
                case Dense(_, relu):
                    x = x @ params[i]["kernel"] + params[i]["bias"]
                    x = jax.nn.relu(x) if relu else x
                case Dropout(rate) if training:
                    keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - rate, x.shape)
                    x = jnp.where(keep, x / (1 - rate), 0)
            if networks.has_batch_norm(layer):
                x, averages[i] = batch_norm(x, params[i], averages[i], training)
                x = jnp.clip(x, 0, 6)
            elif isinstance(layer, Conv):
                x = jax.nn.relu(x + params[i]["bias"])
        return x, averages

    optimizer = pure.optimizer(network)

    def step(state, images, labels):
        number, params, averages, opt_state = state

        def loss_of(params):
            logits, new = forward(params, averages, images, True, pure.key_of(number))
            return pure.cross_entropy(logits, labels), new

        (loss, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return (number + 1, optax.apply_updates(params, updates), new, opt_state), loss

    def logits(state, images):
        return forward(state[1], state[2], images, False)[0]

    state = (jnp.zeros([], jnp.int32), params, averages, optimizer.init(params))
    return pure.PureProgram(network, state, step, logits)
