"""Equinox: modules of one image `[C, H, W]` under `vmap`.

The arrays of the modules are split from the rest, and the step is compiled by `jax.jit`: what
its documentation shows for loops with little overhead.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure


class Net(eqx.Module):
    """The network; `modules` and `norms` stand at the layer's number, or None."""

    network: networks.Network = eqx.field(static=True)
    modules: list
    norms: list

    def __init__(self, network):
        key = jax.random.key(0)
        self.network, self.modules, self.norms = network, [], []
        for layer, inputs, outputs in network.walk():
            module, norm = None, None
            match layer:
                case Conv(filters, k, s, batch_norm):
                    module = eqx.nn.Conv2d(
                        inputs[2], filters, k, s, "SAME", use_bias=not batch_norm, key=key
                    )
                case Depthwise(k, s):
                    c = inputs[2]
                    module = eqx.nn.Conv2d(c, c, k, s, "SAME", groups=c, use_bias=False, key=key)
                case MaxPool(size):
                    module = eqx.nn.MaxPool2d(size, size)
                case Dense(units):
                    module = eqx.nn.Linear(inputs[0], units, key=key)
                case Dropout(rate):
                    module = eqx.nn.Dropout(rate)
            if networks.has_batch_norm(layer):
                norm = eqx.nn.BatchNorm(
                    outputs[2],
                    "batch",
                    eps=networks.EPSILON,
                    momentum=networks.DECAY,
                    mode="batch",
                )
            self.modules.append(module)
            self.norms.append(norm)

    def __call__(self, x, averages, key):
        """Compute the logits of one image, and the new moving averages."""
        for layer, module, norm in zip(self.network.layers, self.modules, self.norms, strict=True):
            match layer:
                case GlobalAverage():
                    x = x.mean((1, 2))
                case Flatten():
                    x = x.ravel()
                case Dropout():
                    x = module(x, key=key)
                case _:
                    x = module(x)
            if norm:
                x, averages = norm(x, averages)
                x = jax.nn.relu6(x)
            elif isinstance(layer, Conv) or (isinstance(layer, Dense) and layer.relu):
                x = jax.nn.relu(x)
        return x, averages


def with_shared_weights(net):
    """Return the modules with the shared weights; the moving averages begin as ours."""
    modules, flat = list(net.modules), None
    weights = networks.initial_weights(net.network)
    for i, (layer, inputs, _) in enumerate(net.network.walk()):
        if isinstance(layer, Flatten):
            flat = inputs
        if not weights[i]:
            continue
        kernel = weights[i]["kernel"]
        if isinstance(layer, Dense):
            if flat:  # its inputs come in the order C, H, W
                kernel = kernel.reshape(*flat, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                flat = None
            kernel = kernel.T
        else:
            order = (2, 3, 0, 1) if isinstance(layer, Depthwise) else (3, 2, 0, 1)
            kernel = kernel.transpose(order)
        new = {"weight": kernel}
        if "bias" in weights[i]:
            new["bias"] = weights[i]["bias"].reshape(modules[i].bias.shape)
        for name, value in new.items():
            modules[i] = eqx.tree_at(lambda m, n=name: getattr(m, n), modules[i], np.array(value))
    return eqx.tree_at(lambda net: net.modules, net, modules)


def build(network, style):
    """Build the program."""
    net, averages = eqx.nn.make_with_state(Net)(network)
    arrays, rest = eqx.partition(with_shared_weights(net), eqx.is_inexact_array)
    optimizer = pure.optimizer(network)

    def forward(arrays, averages, images, keys, inference):
        net = eqx.combine(arrays, rest)
        net = eqx.nn.inference_mode(net, inference)
        over_batch = jax.vmap(net, (0, None, 0), (0, None), axis_name="batch")
        return over_batch(images, averages, keys)

    def step(state, images, labels):
        number, arrays, averages, opt_state = state
        keys = jax.random.split(pure.key_of(number), len(images))

        def loss_of(arrays):
            logits, new = forward(arrays, averages, images, keys, False)
            return pure.cross_entropy(logits, labels), new

        (loss, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(arrays)
        updates, opt_state = optimizer.update(gradients, opt_state, arrays)
        return (number + 1, optax.apply_updates(arrays, updates), new, opt_state), loss

    def logits(state, images):
        return forward(state[1], state[2], images, None, True)[0]

    state = (jnp.zeros([], jnp.int32), arrays, averages, optimizer.init(arrays))
    return pure.PureProgram(network, state, step, logits, channels_first=True)
