"""The networks as lists of layers, with their FLOPs, first weights and data. Needs NumPy only.

Every peer builds its network from such a list, starts from the same weights and sees the same
images, so what is compared is only how a library computes. What the layers mean:

- convolutions and pooling are padded as TensorFlow's 'SAME', pooling's stride is its window;
- `batch_norm=True` is no bias, then batch norm, then relu6; otherwise it is a bias, then relu;
- batch norm has epsilon 1e-3, gamma and beta, and moving averages with decay 0.99;
- the loss is the mean sparse softmax cross entropy, minimised by Adam with rate 1e-3.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

EPSILON = 1e-3
DECAY = 0.99
LEARNING_RATE = 1e-3
CHECK_RATE = 1e-5

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Conv:
    """A convolution with a square kernel."""

    filters: int
    kernel: int
    stride: int = 1
    batch_norm: bool = False


@dataclasses.dataclass(frozen=True)
class Depthwise:
    """A convolution of each channel by itself, with batch norm."""

    kernel: int
    stride: int = 1


@dataclasses.dataclass(frozen=True)
class MaxPool:
    """The maximum of each window of `size` by `size`."""

    size: int


@dataclasses.dataclass(frozen=True)
class GlobalAverage:
    """The mean over height and width."""


@dataclasses.dataclass(frozen=True)
class Flatten:
    """All but the batch as one axis."""


@dataclasses.dataclass(frozen=True)
class Dense:
    """A dense layer with a bias, and relu unless it makes the logits."""

    units: int
    relu: bool = False


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Zeros with probability `rate` in training."""

    rate: float


Layer = Conv | Depthwise | MaxPool | GlobalAverage | Flatten | Dense | Dropout


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, with the batch it is measured on."""

    name: str
    image: Shape  # [H, W, C]
    classes: int
    batch: int
    layers: tuple[Layer, ...]
    learning_rate: float = LEARNING_RATE

    def walk(self) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Yield each layer with the shapes of its input and its output, without the batch."""
        shape = self.image
        for layer in self.layers:
            inputs, shape = shape, _output_shape(layer, shape)
            yield layer, inputs, shape

    def to_compare(self) -> "Network":
        """Return the network whose losses are compared: with no dropout, and a low learning rate.

        Adam's first steps have the size of the learning rate and the sign of the gradient, so where
        that is but a rounding error, so is the step. At a rate of 1e-3 the losses of two libraries
        on MobileNet v1 part by a hundredth within two steps for no other reason.
        """
        layers = tuple(layer for layer in self.layers if not isinstance(layer, Dropout))
        return dataclasses.replace(self, layers=layers, learning_rate=CHECK_RATE)


def _output_shape(layer: Layer, shape: Shape) -> Shape:
    match layer:
        case Conv(filters, _, stride):
            return math.ceil(shape[0] / stride), math.ceil(shape[1] / stride), filters
        case Depthwise(_, stride):
            return math.ceil(shape[0] / stride), math.ceil(shape[1] / stride), shape[2]
        case MaxPool(size):
            if shape[0] % size or shape[1] % size:
                raise ValueError(f"{layer} does not divide its input {list(shape)}.")
            return shape[0] // size, shape[1] // size, shape[2]
        case GlobalAverage():
            return shape[2:]
        case Flatten():
            return (math.prod(shape),)
        case Dense(units):
            return (units,)
        case Dropout():
            return shape


# The networks

_LITE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
_V1 = (*_LITE, *((512, 1),) * 5, (1024, 2), (1024, 1))


def _mnist(image: Shape, classes: int, width: float) -> tuple[Layer, ...]:
    """Return the network of TensorFlow's MNIST guide."""
    return (
        Conv(_scaled(32, width), 5),
        MaxPool(2),
        Conv(_scaled(64, width), 5),
        MaxPool(2),
        Flatten(),
        Dense(_scaled(1024, width), relu=True),
        Dropout(0.4),
        Dense(classes),
    )


def _mobilenet(image: Shape, classes: int, width: float) -> tuple[Layer, ...]:
    """Return MobileNet v1 for large images, its first blocks for small ones."""
    large = image[0] > 64
    layers: list[Layer] = [Conv(_scaled(32, width), 3, 2 if large else 1, batch_norm=True)]
    for filters, stride in _V1 if large else _LITE:
        layers.append(Depthwise(3, stride))
        layers.append(Conv(_scaled(filters, width), 1, batch_norm=True))
    return (*layers, GlobalAverage(), Dense(classes))


def _scaled(number: int, width: float) -> int:
    return max(int(number * width), 8)


NETWORKS = {  # name: (layers, image, classes, batch)
    "mnist": (_mnist, (28, 28, 1), 10, 128),
    "lite": (_mobilenet, (28, 28, 1), 10, 64),
    "lite32": (_mobilenet, (32, 32, 3), 10, 64),
    "v1": (_mobilenet, (224, 224, 3), 1000, 8),
}


def parse(text: str) -> Network:
    """Make a network from `NAME[:batch=N][:width=X][:size=N]`.

    `width` multiplies the filters and hidden units, of which at least 8 remain; `size` is the
    height and width of the images.

    Raises:
      ValueError: there is no such network or option.

    >>> parse("lite:batch=32:width=0.5").layers[0]
    Conv(filters=16, kernel=3, stride=1, batch_norm=True)
    """
    name, *options = text.split(":")
    if name not in NETWORKS:
        raise ValueError(f"network {name!r}: expected one of {', '.join(NETWORKS)}.")
    make, image, classes, batch = NETWORKS[name]
    width = 1.0
    for option in options:
        key, _, value = option.partition("=")
        try:
            if key == "batch":
                batch = _positive(int(value))
            elif key == "size":
                image = (_positive(int(value)),) * 2 + image[2:]
            elif key == "width":
                width = _positive(float(value))
            else:
                raise ValueError
        except ValueError:
            expected = "batch=N, width=X or size=N, positive"
            raise ValueError(f"network {text!r}: {option!r}, expected {expected}.") from None
    network = Network(text, image, classes, batch, make(image, classes, width))
    list(network.walk())  # raises where pooling does not fit
    return network


def _positive(number: Any) -> Any:
    if not number > 0:
        raise ValueError
    return number


# What they are measured by and start from


def flops(network: Network, training: bool) -> int:
    """Count the floating-point operations of one batch, of convolutions and dense layers alone.

    A multiplication with its addition counts as 2. Training takes the sums of a layer three times,
    for its outputs and for both gradients; the first layer needs no gradient of its inputs.
    """
    total, times = 0, 2 if training else 1
    for layer, inputs, outputs in network.walk():
        match layer:
            case Conv(_, kernel):
                terms = kernel**2 * inputs[2]
            case Depthwise(kernel):
                terms = kernel**2
            case Dense():
                terms = inputs[0]
            case _:
                continue
        total += 2 * terms * math.prod(outputs) * times
        times = 3 if training else 1
    return total * network.batch


def initial_weights(network: Network) -> list[dict[str, np.ndarray]]:
    """Return the first weights, a dict for each layer: empty where there are none.

    A convolution has `kernel` `[k, k, in, out]`, a depthwise one `[k, k, C, 1]`, a dense layer
    `[in, out]`; beside it are `bias`, or `gamma`, `beta`, `mean` and `variance`.
    """
    random = np.random.default_rng(0)
    weights = []
    for layer, inputs, outputs in network.walk():
        match layer:
            case Conv(filters, kernel):
                shape = (kernel, kernel, inputs[2], filters)
            case Depthwise(kernel):
                shape = (kernel, kernel, inputs[2], 1)
            case Dense(units):
                shape = (inputs[0], units)
            case _:
                weights.append({})
                continue
        terms = math.prod(shape[:2] if isinstance(layer, Depthwise) else shape[:-1])
        arrays = {"kernel": random.normal(0, math.sqrt(2 / terms), shape)}
        if has_batch_norm(layer):
            zeros, ones = np.zeros(outputs[-1]), np.ones(outputs[-1])
            arrays |= {"gamma": ones, "beta": zeros, "mean": zeros, "variance": ones}
        else:
            arrays["bias"] = np.full(outputs[-1], 0.1)
        weights.append({name: array.astype(np.float32) for name, array in arrays.items()})
    return weights


def has_batch_norm(layer: Layer) -> bool:
    """Say whether batch norm and relu6 follow the layer."""
    return isinstance(layer, Depthwise) or (isinstance(layer, Conv) and layer.batch_norm)


def batch(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch: float32 images in `[0, 1)` of `[N, H, W, C]`, and int32 labels `[N]`."""
    random = np.random.default_rng(1)
    images = random.random((network.batch, *network.image), np.float32)
    return images, random.integers(0, network.classes, network.batch, np.int32)


def stand_in(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return as many uint8 images `[N, 28, 28, 1]` and int32 labels as MNIST has, of noise."""
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (count, 28, 28, 1), np.uint8)
    return images, random.integers(0, 10, count, np.int32)
