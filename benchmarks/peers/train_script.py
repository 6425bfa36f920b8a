"""`train.py` itself: an epoch of its MNIST model, to see that nothing is lost on the way there.

The network is that of `models.mnist`, whose dropout is 0.5, and the first values are its own.
"""

import numpy as np

import train
from benchmarks import networks


class Program:
    """The epoch as `train.train` runs it, without the checkpoint and the evaluation."""

    def __init__(self, network):
        self.config = train.parse(
            ["--model", "mnist", "--dataset", "mnist", "--batch-size", str(network.batch)]
        )
        self.progress = None

    def epoch(self, images, labels):
        """Train on all images once."""
        config, seed = self.config, np.uint32(self.config.seed)
        steps = len(labels) // config.batch_size
        if self.progress is None:
            few = slice(config.batch_size)
            arrays = (images, labels, images[few], labels[few])
            self.data = train.Data(*map(train.on_devices, arrays))
            self.progress = train.begin(config, self.data, seed)
        done, losses = 0, np.zeros(1)
        while done < steps:
            length = train.piece(done, steps, config.log_every)
            self.progress, losses = train.take_steps(config, length, self.progress, self.data, seed)
            done, losses = done + length, np.asarray(losses)
        return float(losses[-1])


def build(network, style):
    """Build the program.

    Raises:
      ValueError: the network is another than its own.
    """
    if network.layers != networks.parse("mnist").layers:
        raise ValueError("train.py's epoch is measured on the network mnist alone")
    return Program(network)
