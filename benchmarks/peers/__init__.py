"""The table of peers. Each is a module here with one function, `build(network, style)`.

It returns a program: an object that has a method for each task it offers, and waits for what it
started before it returns.

- `train(steps)` takes training steps on the network's batch; returns the loss of the last.
- `scan(calls)` takes `SCAN_STEPS` steps in each call; returns the losses of the last call.
- `infer(calls)` returns the logits `[N, classes]`, from the moving averages.
- `epoch(images, labels)` trains on each of them once, uint8 `[N, H, W, C]`, in random order;
  returns the last loss.
- `trace()` traces and lowers the training step afresh; returns the seconds of each.
- `dispatch(calls)` calls a compiled function of all that a training step takes and gives, whose
  arrays have one number each.
"""

import dataclasses

SCAN_STEPS = 10
STEPS = ("train", "infer", "epoch")  # what every library can do
PURE = (*STEPS, "scan", "trace", "dispatch")  # those with a pure step to compile by jax.jit


@dataclasses.dataclass(frozen=True)
class Peer:
    """A row of the tables: the module that builds it, in which style and environment."""

    name: str
    module: str
    environment: str  # "" is that of the running Python
    tasks: tuple[str, ...]
    packages: tuple[str, ...]  # whose versions are told
    style: str = ""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("raw", "raw", "", PURE, ("jax",)),
        Peer("slimlayers.layers", "slimlayers", "", PURE, ("slimlayers", "jax"), "layers"),
        Peer("slimlayers.slim", "slimlayers", "", PURE, ("slimlayers", "jax"), "slim"),
        Peer("slimlayers.malloc", "slimlayers", "", PURE, ("slimlayers", "jax"), "malloc"),
        Peer("train.py", "train_script", "", ("epoch",), ("slimlayers", "jax")),
        Peer("flax_linen", "flax_linen", "jax", PURE, ("flax", "jax")),
        Peer("flax_nnx", "flax_nnx", "jax", PURE, ("flax", "jax")),
        Peer("haiku", "haiku", "jax", PURE, ("dm-haiku", "jax")),
        Peer("equinox", "equinox", "jax", PURE, ("equinox", "jax")),
        Peer("keras_jax", "keras_jax", "jax", STEPS, ("keras", "jax")),
        Peer("pytorch", "pytorch", "torch", STEPS, ("torch",)),
        Peer("pytorch.channels_last", "pytorch", "torch", STEPS, ("torch",), "channels_last"),
        Peer("pytorch.compile", "pytorch", "torch", STEPS, ("torch",), "compile"),
        Peer("tf_slim", "tf_slim", "tensorflow", STEPS, ("tf-slim", "tensorflow")),
    )
}
EXTRA = (  # other ways, left out unless asked for
    "slimlayers.malloc",
    "pytorch.channels_last",
    "pytorch.compile",
)
