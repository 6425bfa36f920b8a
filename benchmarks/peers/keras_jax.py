"""Keras 3 on JAX: `fit` and `predict_on_batch`, which it compiles by itself."""

import keras
import numpy as np

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool


def net(network, scale):
    """Return the model of images multiplied by a scale."""
    modules = [keras.layers.Input(network.image), keras.layers.Rescaling(scale)]
    for layer in network.layers:
        norm = networks.has_batch_norm(layer)
        match layer:
            case Conv(filters, kernel, stride):
                activation = None if norm else "relu"
                module = keras.layers.Conv2D(
                    filters, kernel, stride, "same", use_bias=not norm, activation=activation
                )
            case Depthwise(kernel, stride):
                module = keras.layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)
            case MaxPool(size):
                module = keras.layers.MaxPooling2D(size, size, "same")
            case GlobalAverage():
                module = keras.layers.GlobalAveragePooling2D()
            case Flatten():
                module = keras.layers.Flatten()
            case Dense(units, relu):
                module = keras.layers.Dense(units, activation="relu" if relu else None)
            case Dropout(rate):
                module = keras.layers.Dropout(rate)
        modules.append(module)
        if norm:
            modules.append(
                keras.layers.BatchNormalization(momentum=networks.DECAY, epsilon=networks.EPSILON)
            )
            modules.append(keras.layers.ReLU(6.0))
    model = keras.Sequential(modules)
    arrays = [a for weights in networks.initial_weights(network) for a in weights.values()]
    for variable, array in zip(
        [w for module in model.layers for w in module.weights if w.dtype == "float32"],
        arrays,
        strict=True,
    ):
        variable.assign(array)
    model.compile(
        optimizer=keras.optimizers.Adam(network.learning_rate, epsilon=1e-8),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


class Program:
    """The compiled model."""

    def __init__(self, network):
        self.network = network
        self.model = None
        self.batches = {}  # by how many there are of them, one after the other

    def _fit(self, scale, images, labels, shuffle):
        self.model = self.model or net(self.network, scale)
        history = self.model.fit(images, labels, self.network.batch, verbose=0, shuffle=shuffle)
        return history.history["loss"][-1]

    def train(self, steps):
        """Take training steps by one `fit`; returns their mean loss."""
        if steps not in self.batches:
            images, labels = networks.batch(self.network)
            self.batches = {steps: (np.concatenate([images] * steps), np.tile(labels, steps))}
        return self._fit(1.0, *self.batches[steps], shuffle=False)

    def infer(self, calls):
        """Compute the logits."""
        self.model = self.model or net(self.network, 1.0)
        images, _ = networks.batch(self.network)
        for _ in range(calls):
            logits = self.model.predict_on_batch(images)
        return logits

    def epoch(self, images, labels):
        """Train on all images once, but for those which fill no batch."""
        count = len(labels) // self.network.batch * self.network.batch
        return self._fit(1 / 255, images[:count], labels[:count], shuffle=True)


def build(network, style):
    """Build the program."""
    return Program(network)
