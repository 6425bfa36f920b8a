"""Flax linen, with the `TrainState` of its examples."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training import train_state

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure


class Net(nn.Module):
    """The network; each module is named after the layer's number."""

    network: networks.Network

    @nn.compact
    def __call__(self, x, training):
        """Compute the logits."""
        for i, layer in enumerate(self.network.layers):
            name = f"layer{i}"
            norm = networks.has_batch_norm(layer)
            match layer:
                case Conv(filters, k, s):
                    x = nn.Conv(filters, (k, k), (s, s), "SAME", use_bias=not norm, name=name)(x)
                    x = x if norm else nn.relu(x)
                case Depthwise(k, s):
                    channels = x.shape[-1]
                    x = nn.Conv(
                        channels,
                        (k, k),
                        (s, s),
                        "SAME",
                        feature_group_count=channels,
                        use_bias=False,
                        name=name,
                    )(x)
                case MaxPool(k):
                    x = nn.max_pool(x, (k, k), (k, k), "SAME")
                case GlobalAverage():
                    x = x.mean((1, 2))
                case Flatten():
                    x = x.reshape(len(x), -1)
                case Dense(units, relu):
                    x = nn.Dense(units, name=name)(x)
                    x = nn.relu(x) if relu else x
                case Dropout(rate):
                    x = nn.Dropout(rate, deterministic=not training)(x)
            if norm:
                x = nn.BatchNorm(
                    not training,
                    momentum=networks.DECAY,
                    epsilon=networks.EPSILON,
                    name=f"norm{i}",
                )(x)
                x = nn.relu6(x)
        return x


class TrainState(train_state.TrainState):
    """Flax's own, with the moving averages."""

    batch_stats: Any


def shared_weights(network):
    """Return the shared weights as Flax's `params` and `batch_stats`."""
    params, stats = {}, {}
    for i, (layer, weights) in enumerate(
        zip(network.layers, networks.initial_weights(network), strict=True)
    ):
        if not weights:
            continue
        kernel = weights["kernel"]
        if isinstance(layer, Depthwise):
            kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
        params[f"layer{i}"] = {"kernel": kernel}
        if networks.has_batch_norm(layer):
            params[f"norm{i}"] = {"scale": weights["gamma"], "bias": weights["beta"]}
            stats[f"norm{i}"] = {"mean": weights["mean"], "var": weights["variance"]}
        else:
            params[f"layer{i}"]["bias"] = weights["bias"]
    return jax.tree.map(jnp.array, (params, stats))


def build(network, style):
    """Build the program."""
    net = Net(network)
    params, stats = shared_weights(network)
    state = TrainState.create(
        apply_fn=net.apply, params=params, tx=pure.optimizer(network), batch_stats=stats
    )

    def step(state, images, labels):
        def loss_of(params):
            logits, updated = state.apply_fn(
                {"params": params, "batch_stats": state.batch_stats},
                images,
                True,
                mutable=["batch_stats"],
                rngs={"dropout": pure.key_of(state.step)},
            )
            return pure.cross_entropy(logits, labels), updated.get("batch_stats", {})

        (loss, stats), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        return state.apply_gradients(grads=gradients, batch_stats=stats), loss

    def logits(state, images):
        variables = {"params": state.params, "batch_stats": state.batch_stats}
        return state.apply_fn(variables, images, False)

    return pure.PureProgram(network, state, step, logits)
