"""This library, through its public interface and with the training step of `train.py`.

Its networks in `models` are these but for three numbers: dropout of the MNIST network is 0.5
there, and MobileNet has dropout 0.1 before the logits. So the networks are written here, in both
styles.
"""

import jax
import jax.numpy as jnp
import optax

import layers
import nn
import slim
from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool
from benchmarks.peers import pure

EPOCH_PIECE = 30  # train.py's --log-every


def explicit(network, x, is_training):
    """Compute the logits: every argument at its call."""
    for layer in network.layers:
        match layer:
            case Conv(filters, kernel, stride, True):
                x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False)(x)
            case Conv(filters, kernel, stride):
                x = layers.Conv2D(filters, kernel, stride, "same", activation=nn.relu)(x)
            case Depthwise(kernel, stride):
                x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)(x)
            case MaxPool(size):
                x = layers.MaxPooling2D(size, size, "same")(x)
            case GlobalAverage():
                x = jnp.mean(x, axis=(1, 2))
            case Flatten():
                x = layers.Flatten()(x)
            case Dense(units, relu):
                x = layers.Dense(units, activation=nn.relu if relu else None)(x)
            case Dropout(rate):
                x = layers.Dropout(rate)(x, training=is_training)
        if networks.has_batch_norm(layer):
            norm = layers.BatchNormalization(momentum=networks.DECAY, epsilon=networks.EPSILON)
            x = nn.relu6(norm(x, training=is_training))
    return x


def scoped(network, x, is_training):
    """Compute the logits: defaults come from scopes."""
    normalised = {"activation_fn": nn.relu6, "normalizer_fn": slim.batch_norm}
    with (
        slim.arg_scope(
            [slim.batch_norm],
            decay=networks.DECAY,
            epsilon=networks.EPSILON,
            scale=True,
            is_training=is_training,
        ),
        slim.arg_scope([slim.dropout], is_training=is_training),
        slim.arg_scope([slim.separable_conv2d], num_outputs=None, **normalised),
    ):
        for layer in network.layers:
            match layer:
                case Conv(filters, kernel, stride, True):
                    with slim.arg_scope([slim.conv2d], **normalised):
                        x = slim.conv2d(x, filters, kernel, stride)
                case Conv(filters, kernel, stride):
                    x = slim.conv2d(x, filters, kernel, stride)
                case Depthwise(kernel, stride):
                    x = slim.separable_conv2d(x, kernel_size=kernel, stride=stride)
                case MaxPool(size):
                    x = slim.max_pool2d(x, size, size, padding="SAME")
                case GlobalAverage():
                    x = jnp.mean(x, axis=(1, 2))
                case Flatten():
                    x = slim.flatten(x)
                case Dense(units, relu):
                    x = slim.fully_connected(x, units, activation_fn=nn.relu if relu else None)
                case Dropout(rate):
                    x = slim.dropout(x, keep_prob=1 - rate)
    return x


STYLES = {"layers": explicit, "slim": scoped, "malloc": explicit}
PARTS = {  # the last part of a variable's name, in both styles
    **dict.fromkeys(("kernel", "depthwise_kernel", "weights", "depthwise_weights"), "kernel"),
    **dict.fromkeys(("bias", "biases"), "bias"),
    **{"gamma": "gamma", "beta": "beta", "moving_mean": "mean", "moving_variance": "variance"},
}


def shared_weights(network, variables):
    """Return the shared weights by variable name: variables come in the order of the layers."""
    rest = [weights for weights in networks.initial_weights(network) if weights]
    values, pending = {}, {}
    for variable in variables:
        part = PARTS[variable.name.rpartition("/")[2]]
        pending = pending or dict(rest.pop(0))
        values[variable.name] = pending.pop(part)
    return values


def build(network, style):
    """Build the program; in the style "malloc" it leaves memory to malloc's defaults."""
    if style != "malloc":
        nn.keep_freed_memory()
    model = STYLES[style]

    def objective(images, labels, is_training):
        logits = model(network, images, is_training)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return sum(nn.get_regularization_losses(), start=losses.mean()), logits

    net = nn.transform(objective)
    images, labels = networks.batch(network)
    variables = net.variables(images, labels, is_training=True)
    values = shared_weights(network, variables)
    params = {v.name: values[v.name] for v in variables if v.trainable}
    moving = {v.name: values[v.name] for v in variables if not v.trainable}
    optimizer = pure.optimizer(network)

    def step(state, images, labels):
        number, params, moving, opt_state = state

        def loss_of(params):
            (loss, _), new = net.apply(
                params, moving, images, labels, is_training=True, rng=pure.key_of(number)
            )
            return loss, new

        (loss, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return (number + 1, optax.apply_updates(params, updates), new, opt_state), loss

    inference = nn.transform(model)

    def logits(state, images):
        return inference.apply(state[1], state[2], network, images, False)[0]

    state = (jnp.zeros([], jnp.int32), params, moving, optimizer.init(params))
    return pure.PureProgram(network, state, step, logits, epoch_piece=EPOCH_PIECE)
