"""Haiku: `transform_with_state` and a pure update, as in its examples."""

import haiku as hk
import jax
import jax.numpy as jnp
import optax

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure


def net(network, x, training):
    """Compute the logits; each module is named after the layer's number."""
    for i, layer in enumerate(network.layers):
        name = f"layer{i}"
        norm = networks.has_batch_norm(layer)
        match layer:
            case Conv(filters, kernel, stride):
                x = hk.Conv2D(filters, kernel, stride, with_bias=not norm, name=name)(x)
                x = x if norm else jax.nn.relu(x)
            case Depthwise(kernel, stride):
                x = hk.DepthwiseConv2D(1, kernel, stride, with_bias=False, name=name)(x)
            case MaxPool(size):
                x = hk.max_pool(x, size, size, "SAME")
            case GlobalAverage():
                x = x.mean((1, 2))
            case Flatten():
                x = hk.Flatten()(x)
            case Dense(units, relu):
                x = hk.Linear(units, name=name)(x)
                x = jax.nn.relu(x) if relu else x
            case Dropout(rate) if training:
                x = hk.dropout(hk.next_rng_key(), rate, x)
        if norm:
            batch_norm = hk.BatchNorm(
                True, True, networks.DECAY, eps=networks.EPSILON, name=f"norm{i}"
            )
            x = jax.nn.relu6(batch_norm(x, is_training=training))
    return x


def shared_weights(network, params):
    """Return Haiku's `params` with the shared values; its moving averages begin as ours."""
    params = {module: dict(values) for module, values in params.items()}
    names = {"w": "kernel", "b": "bias", "scale": "gamma", "offset": "beta"}
    for i, weights in enumerate(networks.initial_weights(network)):
        for module in params.keys() & {f"layer{i}", f"norm{i}"}:
            for name, old in params[module].items():
                params[module][name] = weights[names[name]].reshape(old.shape)
    return params


def build(network, style):
    """Build the program."""
    transformed = hk.transform_with_state(lambda x, training: net(network, x, training))
    images, _ = networks.batch(network)
    params, averages = jax.jit(transformed.init, static_argnums=2)(
        jax.random.key(0), images[:1], True
    )
    params = shared_weights(network, params)
    optimizer = pure.optimizer(network)

    def step(state, images, labels):
        number, params, averages, opt_state = state

        def loss_of(params):
            logits, new = transformed.apply(params, averages, pure.key_of(number), images, True)
            return pure.cross_entropy(logits, labels), new

        (loss, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return (number + 1, optax.apply_updates(params, updates), new, opt_state), loss

    def logits(state, images):
        return transformed.apply(state[1], state[2], None, images, False)[0]

    state = (jnp.zeros([], jnp.int32), params, averages, optimizer.init(params))
    return pure.PureProgram(network, state, step, logits)
