"""The real TF-Slim in a TF1 graph, run by a session. Needs TF_USE_LEGACY_KERAS=1."""

import numpy as np
import tensorflow as tf
import tf_slim as slim

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool

tf1 = tf.compat.v1
tf1.disable_eager_execution()

NAMES = {  # the last part of a variable's name
    "weights": "kernel",
    "depthwise_weights": "kernel",
    "biases": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "mean",
    "moving_variance": "variance",
}


def net(network, x, training):
    """Compute the logits."""
    normalised = {"activation_fn": tf.nn.relu6, "normalizer_fn": slim.batch_norm}
    with (
        slim.arg_scope(
            [slim.batch_norm],
            decay=networks.DECAY,
            epsilon=networks.EPSILON,
            scale=True,
            is_training=training,
            fused=True,
        ),
        slim.arg_scope([slim.dropout], is_training=training),
        slim.arg_scope([slim.separable_conv2d], num_outputs=None, **normalised),
    ):
        for layer in network.layers:
            match layer:
                case Conv(filters, kernel, stride, True):
                    x = slim.conv2d(x, filters, kernel, stride, **normalised)
                case Conv(filters, kernel, stride):
                    x = slim.conv2d(x, filters, kernel, stride)
                case Depthwise(kernel, stride):
                    x = slim.separable_conv2d(
                        x, kernel_size=kernel, depth_multiplier=1, stride=stride
                    )
                case MaxPool(size):
                    x = slim.max_pool2d(x, size, size, padding="SAME")
                case GlobalAverage():
                    x = tf.reduce_mean(x, (1, 2))
                case Flatten():
                    x = slim.flatten(x)
                case Dense(units, relu):
                    x = slim.fully_connected(x, units, activation_fn=tf.nn.relu if relu else None)
                case Dropout(rate):
                    x = slim.dropout(x, 1 - rate)
    return x


class Program:
    """A graph for each task, made when it is first asked for."""

    def __init__(self, network):
        self.network = network
        self._calls = {}

    def _session(self, make):
        """Return a session on a graph with the shared weights, and what `make()` returns in it."""
        with tf.Graph().as_default():
            made = make()
            session = tf1.Session()
            session.run(tf1.global_variables_initializer())
            weights = iter(w for w in networks.initial_weights(self.network) if w)
            pending = {}
            for variable in slim.get_model_variables():
                pending = pending or dict(next(weights))
                value = pending.pop(NAMES[variable.op.name.rpartition("/")[2]])
                variable.load(value.reshape(variable.shape), session)
            return session, made

    def _held(self, array):
        """Put an array into the graph as a variable, so that it is not fed again in each step."""
        return tf1.Variable(array, trainable=False)

    def _train_op(self, images, labels):
        logits = net(self.network, images, True)
        loss = tf1.losses.sparse_softmax_cross_entropy(labels, logits)
        adam = tf1.train.AdamOptimizer(self.network.learning_rate)
        return slim.learning.create_train_op(loss, adam)

    def train(self, steps):
        """Take training steps; the train op's value is the loss before the step."""
        if "train" not in self._calls:
            session, op = self._session(
                lambda: self._train_op(*map(self._held, networks.batch(self.network)))
            )
            self._calls["train"] = session.make_callable(op)
        for _ in range(steps):
            loss = self._calls["train"]()
        return float(loss)

    def infer(self, calls):
        """Compute the logits."""
        if "infer" not in self._calls:
            images, _ = networks.batch(self.network)
            session, op = self._session(lambda: net(self.network, self._held(images), False))
            self._calls["infer"] = session.make_callable(op)
        for _ in range(calls):
            logits = self._calls["infer"]()
        return logits

    def epoch(self, images, labels):
        """Train on all images once; they are held as uint8, and a batch's indices are fed."""
        size = self.network.batch
        if "epoch" not in self._calls:

            def make():
                indices = tf1.placeholder(tf.int32, [size])
                batch = tf.gather(self._held(images), indices)
                batch = tf.cast(batch, tf.float32) / 255
                op = self._train_op(batch, tf.gather(self._held(labels), indices))
                return op, indices

            session, (op, indices) = self._session(make)
            self._random = np.random.default_rng(0)
            self._calls["epoch"] = session.make_callable(op, [indices])
        order = self._random.permutation(len(labels)).astype(np.int32)
        for first in range(0, len(labels) - size + 1, size):
            loss = self._calls["epoch"](order[first : first + size])
        return float(loss)


def build(network, style):
    """Build the program."""
    return Program(network)
