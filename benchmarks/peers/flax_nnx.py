"""Flax NNX: modules with their variables, split into a graph and a state around each step.

That is what its guide to performance recommends where `nnx.jit` costs too much for each call.
"""

import jax
from flax import nnx

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure


class Net(nnx.Module):
    """The network; `modules` and `norms` stand at the layer's number, or None."""

    def __init__(self, network):
        rngs = nnx.Rngs(0)
        modules, norms = [], []
        for layer, inputs, outputs in network.walk():
            module, norm = None, None
            match layer:
                case Conv(filters, k, s, batch_norm):
                    module = nnx.Conv(
                        inputs[2],
                        filters,
                        (k, k),
                        (s, s),
                        padding="SAME",
                        use_bias=not batch_norm,
                        rngs=rngs,
                    )
                case Depthwise(k, s):
                    module = nnx.Conv(
                        inputs[2],
                        inputs[2],
                        (k, k),
                        (s, s),
                        padding="SAME",
                        feature_group_count=inputs[2],
                        use_bias=False,
                        rngs=rngs,
                    )
                case Dense(units):
                    module = nnx.Linear(inputs[0], units, rngs=rngs)
                case Dropout(rate):
                    module = nnx.Dropout(rate, rngs=rngs)
            if networks.has_batch_norm(layer):
                norm = nnx.BatchNorm(
                    outputs[2], momentum=networks.DECAY, epsilon=networks.EPSILON, rngs=rngs
                )
            modules.append(module)
            norms.append(norm)
        self.layers = network.layers
        self.modules, self.norms = nnx.List(modules), nnx.List(norms)

    def __call__(self, x):
        """Compute the logits."""
        for layer, module, norm in zip(self.layers, self.modules, self.norms, strict=True):
            match layer:
                case MaxPool(size):
                    x = nnx.max_pool(x, (size, size), (size, size), "SAME")
                case GlobalAverage():
                    x = x.mean((1, 2))
                case Flatten():
                    x = x.reshape(len(x), -1)
                case _:
                    x = module(x)
            if norm is not None:
                x = jax.nn.relu6(norm(x))
            elif isinstance(layer, Conv) or (isinstance(layer, Dense) and layer.relu):
                x = nnx.relu(x)
        return x


def put_shared_weights(net, network):
    """Give the modules the shared weights."""
    names = {"gamma": "scale", "beta": "bias", "mean": "mean", "variance": "var"}
    for i, weights in enumerate(networks.initial_weights(network)):
        for name, value in weights.items():
            module, name = (net.norms[i], names[name]) if name in names else (net.modules[i], name)
            variable = getattr(module, name)
            variable[...] = value.reshape(variable.shape)


def build(network, style):
    """Build the program."""
    net = Net(network)
    put_shared_weights(net, network)
    net.train()
    graph, state = nnx.split((net, nnx.Optimizer(net, pure.optimizer(network), wrt=nnx.Param)))

    def step(state, images, labels):
        net, optimizer = nnx.merge(graph, state)

        def loss_of(net):
            return pure.cross_entropy(net(images), labels)

        loss, gradients = nnx.value_and_grad(loss_of)(net)
        optimizer.update(net, gradients)
        return nnx.state((net, optimizer)), loss

    def logits(state, images):
        net, _ = nnx.merge(graph, state)
        net.eval()
        return net(images)

    return pure.PureProgram(network, state, step, logits)
