"""PyTorch: eager, or with images `[N, C, H, W]` stored channels last, or compiled.

Where TensorFlow's 'SAME' pads an even image for stride 2 it adds a row below and a column on the
right, PyTorch's `padding=1` in effect one above and one on the left. So images and kernels are
mirrored here, and the network computes the same with the padding that is natural to each.
"""

import numpy as np
import torch
from torch import nn

from benchmarks import networks
from benchmarks.networks import Conv, Dense, Depthwise, Dropout, Flatten, GlobalAverage, MaxPool

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def modules_of(layer, inputs, outputs):
    """Return the modules of a layer."""
    norm = networks.has_batch_norm(layer)
    match layer:
        case Conv(filters, k, s):
            modules = [nn.Conv2d(inputs[2], filters, k, s, k // 2, bias=not norm)]
            modules += [] if norm else [nn.ReLU(inplace=True)]
        case Depthwise(k, s):
            c = inputs[2]
            modules = [nn.Conv2d(c, c, k, s, k // 2, groups=c, bias=False)]
        case MaxPool(size):
            modules = [nn.MaxPool2d(size)]
        case GlobalAverage():
            modules = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case Flatten():
            modules = [nn.Flatten()]
        case Dense(units, relu):
            modules = [nn.Linear(inputs[0], units)] + [nn.ReLU(inplace=True)] * relu
        case Dropout(rate):
            modules = [nn.Dropout(rate)]
    if norm:
        modules.append(
            nn.BatchNorm2d(outputs[2], eps=networks.EPSILON, momentum=1 - networks.DECAY)
        )
        modules.append(nn.ReLU6(inplace=True))
    return modules


def net(network):
    """Return the network with the shared weights."""
    modules, flat = [], None
    for (layer, inputs, outputs), weights in zip(
        network.walk(), networks.initial_weights(network), strict=True
    ):
        new = modules_of(layer, inputs, outputs)
        modules += new
        if isinstance(layer, Flatten):
            flat = inputs
        if not weights:
            continue
        kernel = weights["kernel"]
        if isinstance(layer, Dense):
            if flat:  # its inputs come mirrored, in the order C, H, W
                kernel = kernel.reshape(*flat, -1)[::-1, ::-1].transpose(2, 0, 1, 3)
                kernel = kernel.reshape(weights["kernel"].shape)
                flat = None
            kernel = kernel.T
        else:
            order = (2, 3, 0, 1) if isinstance(layer, Depthwise) else (3, 2, 0, 1)
            kernel = kernel[::-1, ::-1].transpose(order)
        new[0].weight.data = torch.tensor(kernel.copy())
        if "bias" in weights:
            new[0].bias.data = torch.tensor(weights["bias"])
    return nn.Sequential(*modules).to(DEVICE)


class Program:
    """The network in a style: '', 'channels_last' or 'compile', which is channels last too."""

    def __init__(self, network, style):
        self.network = network
        self.format = torch.channels_last if style else torch.contiguous_format
        model = net(network).to(memory_format=self.format)
        self.model = torch.compile(model) if style == "compile" else model
        self.adam = torch.optim.Adam(model.parameters(), network.learning_rate)
        images, labels = networks.batch(network)
        self.images = self._place(images).to(memory_format=self.format)
        self.labels = torch.tensor(labels, dtype=torch.int64, device=DEVICE)
        self.data = None

    def _place(self, images):
        mirrored = images[:, ::-1, ::-1].transpose(0, 3, 1, 2)
        return torch.tensor(np.ascontiguousarray(mirrored), device=DEVICE)

    def _step(self, images, labels):
        self.adam.zero_grad()
        loss = nn.functional.cross_entropy(self.model(images), labels)
        loss.backward()
        self.adam.step()
        return loss

    def train(self, steps):
        """Take training steps."""
        for _ in range(steps):
            loss = self._step(self.images, self.labels)
        return loss.item()

    def infer(self, calls):
        """Compute the logits."""
        self.model.eval()
        with torch.inference_mode():
            for _ in range(calls):
                logits = self.model(self.images)
        return logits.cpu().numpy()

    def epoch(self, images, labels):
        """Train on all images once; they stay on the device as uint8."""
        if self.data is None:
            labels = torch.tensor(labels, dtype=torch.int64, device=DEVICE)
            self.data = self._place(images), labels
        images, labels = self.data
        size = self.network.batch
        for indices in torch.randperm(len(labels), device=DEVICE).split(size):
            if len(indices) == size:
                batch = images[indices].float() / 255
                loss = self._step(batch.to(memory_format=self.format), labels[indices])
        return loss.item()


def build(network, style):
    """Build the program."""
    return Program(network, style)
