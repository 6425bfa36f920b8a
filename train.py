"""Train a model of `models` in either style, `layers` or `slim`: both print the same losses.

The images live on the device as uint8. An epoch is a compiled `lax.scan` over its steps, cut into
a few pieces so that there is something to see meanwhile. All that is random is a function of the
seed and the step: a run that was stopped, in whatever way, continues bit for bit.
"""

import argparse
import contextlib
import dataclasses
import functools
import importlib.util
import math
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import nn
import slim
from models import datasets, mnist, mobilenet, runs
from slim import checkpoints

# Configuration

MODELS = {
    "mnist": {"layers": mnist.explicit, "slim": mnist.scoped},
    "mobilenet": {"layers": mobilenet.explicit, "slim": mobilenet.scoped},
}
NAMES = {"layers": slim.to_layers_names, "slim": slim.to_slim_names}
OPTIMIZERS = {  # each with its default learning rate
    "adam": (optax.adam, 2e-3),
    "momentum": (partial(optax.sgd, momentum=0.9), 0.05),
    "rmsprop": (optax.rmsprop, 1e-3),
    "sgd": (optax.sgd, 0.1),
}
DATASETS = {  # each with defaults of its own: the digits are few
    "digits": {"epochs": 20, "batch_size": 32, "augment": True},
    "mnist": {"epochs": 5, "batch_size": 128, "augment": False},
}
EXAMPLES = """examples:
  python train.py                                  handwritten digits, offline, about a minute
  python train.py --style slim                     the same losses from the other front-end
  python train.py --dataset mnist --data-dir DIR   real MNIST, from a folder of its four files
  python train.py --model mobilenet                batch norm and depthwise convolutions

Stop a run by Ctrl-C, or in any other way: the same command continues it.

Compiled programs are kept in $XDG_CACHE_HOME/slimlayers/jax (~/.cache/slimlayers/jax), so that the
next run starts at once. JAX_COMPILATION_CACHE_DIR names another folder, and
JAX_ENABLE_COMPILATION_CACHE=false keeps none.
"""


def option(default: Any, text: str, choices: Any = (), free: bool = False) -> Any:
    """Make a field of `Config`; a run may be continued with another value of a `free` one."""
    metadata = {"help": text, "choices": tuple(choices) or None, "free": free}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """What a run depends on: each field is a flag."""

    model: str = option("mnist", "the network", MODELS)
    style: str = option("layers", "the front-end it is written in", NAMES, free=True)
    dataset: str = option("digits", "what to learn; digits needs no network", DATASETS)
    data_dir: str | None = option(None, "folder of MNIST's files (default: $MNIST_DIR)", free=True)
    epochs: int = option(None, "passes over the data (default: digits 20, mnist 5)", free=True)
    batch_size: int = option(None, "of all devices together (default: digits 32, mnist 128)")
    optimizer: str = option("adam", "the rule of the updates", OPTIMIZERS)
    learning_rate: float = option(None, "at the start (default: the optimizer's own)")
    schedule: str = option("cosine", "of the learning rate", ("constant", "cosine", "exponential"))
    weight_decay: float = option(0.0, "factor of the kernels' L2 losses")
    augment: bool | None = option(None, "shift images by up to 2 pixels (default: digits yes)")
    dtype: str = option("float32", "of the sums; variables stay float32", ("float32", "bfloat16"))
    seed: int = option(0, "of the first values, the order, dropout and the shifts")
    out: str = option(None, "folder of the run (default: runs/DATASET-MODEL-STYLE)", free=True)
    resume: bool = option(False, "fail where there is no checkpoint to continue", free=True)
    fresh: bool = option(False, "remove the run in --out and start again", free=True)
    log_every: int = option(30, "at most so many steps between two reports", free=True)
    dry_run: bool = option(False, "print the configuration and the model, no more", free=True)
    coordinator: str | None = option(None, "HOST:PORT of process 0, of several", free=True)
    num_processes: int | None = option(None, "how many there are", free=True)
    process_id: int | None = option(None, "which of them this is, from 0", free=True)


def parse(argv: list[str] | None = None) -> Config:
    """Read the flags, refuse bad values by name, and fill in the defaults that depend on others."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        usage="python train.py [flags]",
        description="Train a model in either style, from the data to the curves.",
        epilog=EXAMPLES,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=30),
        allow_abbrev=False,
    )
    for field in dataclasses.fields(Config):
        flag, text = "--" + field.name.replace("_", "-"), field.metadata["help"]
        if bool in (field.type, *get_args(field.type)):
            yes_or_no = argparse.BooleanOptionalAction if field.default is None else "store_true"
            parser.add_argument(flag, action=yes_or_no, help=text)
            continue
        kind = next((t for t in (int, float) if t in (field.type, *get_args(field.type))), str)
        choices = field.metadata["choices"]
        metavar = None if choices else {int: "N", float: "X", str: "TEXT"}[kind]
        text += "" if field.default is None else f" (default: {field.default})"
        parser.add_argument(
            flag, type=kind, default=field.default, choices=choices, metavar=metavar, help=text
        )
    config = Config(**vars(parser.parse_args(argv)))
    if problem := problem_of(config):
        parser.error(problem)
    defaults = DATASETS[config.dataset] | {
        "learning_rate": OPTIMIZERS[config.optimizer][1],
        "out": f"runs/{config.dataset}-{config.model}-{config.style}",
    }
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    return dataclasses.replace(config, **missing)


def problem_of(config: Config) -> str | None:
    """Say what is wrong with the flags, if anything."""
    least = {"epochs": 1, "batch_size": 1, "weight_decay": 0, "seed": 0, "log_every": 2}
    for name, low in least.items():
        value = getattr(config, name)
        if value is not None and not low <= value < 2**31:
            return f"--{name.replace('_', '-')} {value}: expected {low} or more"
    if config.learning_rate is not None and not 0 < config.learning_rate < math.inf:
        return f"--learning-rate {config.learning_rate}: expected a positive number"
    if config.resume and config.fresh:
        return "--resume continues a run and --fresh removes it: expected one of them"
    group = (config.coordinator, config.num_processes, config.process_id)
    if None in group and group != (None, None, None):
        return "--coordinator, --num-processes and --process-id: expected all or none"
    if config.process_id is not None and not 0 <= config.process_id < (config.num_processes or 0):
        return f"--process-id {config.process_id}: expected less than --num-processes"
    needed = ["orbax", "matplotlib", *["sklearn"] * (config.dataset == "digits")]
    needed += ["rich"] * sys.stdout.isatty()
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} cannot be imported: pip install 'slimlayers[train]'"
    return None


# Data


class Data(NamedTuple):
    """A data set on the devices, whole on each: uint8 `[N, H, W, C]` and int32 `[N]`."""

    images: jax.Array
    labels: jax.Array
    test_images: jax.Array
    test_labels: jax.Array


def load(config: Config) -> datasets.Dataset:
    """Load the data set, and check that it fills batches which the devices can share."""
    dataset = datasets.load(config.dataset, config.data_dir)
    size, count = config.batch_size, jax.device_count()
    if size % count:
        raise ValueError(f"--batch-size {size}: expected a multiple of the {count} devices")
    if size > len(dataset.train_labels):
        raise ValueError(f"--batch-size {size}: expected no more than in {dataset}")
    return dataset


def sharding(*axes: str | None) -> NamedSharding:
    """Spread the axis "batch" over all devices of all processes; `sharding()` replicates."""
    return NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec(*axes))


def on_devices(array: np.ndarray) -> jax.Array:
    """Put the whole array on every device."""
    return jax.make_array_from_callback(array.shape, sharding(), lambda index: array[index])


def shift(key: jax.Array, images: jax.Array) -> jax.Array:
    """Shift each image `[N, H, W, C]` by up to 2 pixels either way over a background of 0."""
    padded = jnp.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    corners = jax.random.randint(key, (len(images), 2), 0, 5)

    def cut(image: jax.Array, corner: jax.Array) -> jax.Array:
        return lax.dynamic_slice(image, (corner[0], corner[1], 0), images.shape[1:])

    return jax.vmap(cut)(padded, corners)


# Objective


def keys(seed: jax.Array) -> jax.Array:
    """Make the random keys of the first values, of the order of the images, and of the steps."""
    return jax.random.split(jax.random.key(seed), 3)


@functools.cache
def objective(config: Config) -> nn.Transformed:
    """Transform the loss, not the model: so the regularization losses are part of it."""
    model = MODELS[config.model][config.style]

    def loss(images: jax.Array, labels: jax.Array, is_training: bool) -> Any:
        """Return the loss to minimise, and for each image its own and if it is right, `[N]`."""
        logits = model(images, is_training=is_training, weight_decay=config.weight_decay)
        logits = logits.astype(jnp.float32)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        right = (jnp.argmax(logits, axis=1) == labels).astype(jnp.float32)
        decay = [term.astype(jnp.float32) for term in nn.get_regularization_losses()]
        return sum(decay, start=losses.mean()), (losses, right)

    return nn.transform(loss)


def run_objective(
    config: Config, params: Any, state: Any, images: jax.Array, labels: jax.Array, **kwargs: Any
) -> Any:
    """Apply the objective to uint8 images, computing in the dtype asked for."""
    params = jax.tree.map(lambda value: value.astype(config.dtype), params)
    images = images.astype(config.dtype) / 255
    return objective(config).apply(params, state, images, labels, **kwargs)


# Step


class Progress(NamedTuple):
    """All that changes as training goes on: what a checkpoint holds."""

    step: jax.Array  # how many are done
    params: Any  # two dicts by name
    state: Any
    opt_state: Any
    loss: jax.Array  # summed over the steps of the epoch
    right: jax.Array  # images, summed likewise


def optimizer(config: Config, steps: int) -> optax.GradientTransformation:
    """Make the optimizer for epochs of so many steps."""
    rate = config.learning_rate
    schedules = {
        "constant": optax.constant_schedule(rate),
        "cosine": optax.cosine_decay_schedule(rate, config.epochs * steps),
        "exponential": optax.exponential_decay(rate, steps, 0.9),
    }
    return OPTIMIZERS[config.optimizer][0](schedules[config.schedule])


@partial(jax.jit, static_argnames="config")
def begin(config: Config, data: Data, seed: jax.Array) -> Progress:
    """Make the first values of everything."""
    images, labels = data.images[:1].astype(jnp.float32), data.labels[:1]
    params, state = objective(config).init(keys(seed)[0], images, labels, is_training=True)
    opt_state = optimizer(config, len(data.images) // config.batch_size).init(params)
    zero = jnp.zeros([])
    progress = Progress(jnp.zeros([], jnp.int32), params, state, opt_state, zero, zero)
    return lax.with_sharding_constraint(progress, sharding())


def take_step(
    config: Config, steps: int, progress: Progress, images: jax.Array, labels: jax.Array, key: Any
) -> tuple[Progress, jax.Array]:
    """Take one step, on one batch; returns its loss too."""

    def loss_of(params: Any) -> Any:
        (loss, (_, right)), state = run_objective(
            config, params, progress.state, images, labels, is_training=True, rng=key
        )
        return loss, (state, right)

    (loss, (state, right)), gradients = jax.value_and_grad(loss_of, has_aux=True)(progress.params)
    update = optimizer(config, steps).update
    updates, opt_state = update(gradients, progress.opt_state, progress.params)
    is_first = progress.step % steps == 0
    return Progress(
        progress.step + 1,
        optax.apply_updates(progress.params, updates),
        state,
        opt_state,
        jnp.where(is_first, 0.0, progress.loss) + loss,
        jnp.where(is_first, 0.0, progress.right) + right.sum(),
    ), loss


# Epoch


@partial(jax.jit, static_argnames=("config", "length"), donate_argnames="progress")
def take_steps(
    config: Config, length: int, progress: Progress, data: Data, seed: jax.Array
) -> tuple[Progress, jax.Array]:
    """Take the next `length` steps of an epoch in one scan; returns their losses too.

    An epoch leaves out the images that fill no batch: others each time.
    """
    count, size = len(data.images), config.batch_size
    steps = count // size
    _, order_key, step_key = keys(seed)
    epoch = progress.step // steps
    order = jax.random.permutation(jax.random.fold_in(order_key, epoch), count)

    def step(progress: Progress, _: None) -> tuple[Progress, jax.Array]:
        batch = lax.dynamic_slice_in_dim(order, progress.step % steps * size, size)
        images, labels = data.images[batch], data.labels[batch]
        shift_key, key = jax.random.split(jax.random.fold_in(step_key, progress.step))
        if config.augment:
            images = shift(shift_key, images)
        images, labels = lax.with_sharding_constraint((images, labels), sharding("batch"))
        return take_step(config, steps, progress, images, labels, key)

    return lax.with_sharding_constraint(lax.scan(step, progress, length=length), sharding())


def piece(done: int, steps: int, most: int) -> int:
    """Return how many steps to scan next when `done` of the epoch's `steps` are done.

    Pieces are as long as each other where that can be, so that all are one program. None is a
    single step: XLA would inline such a loop and round differently.
    """
    length = next((n for n in range(most, most // 2, -1) if steps % n == 0), most)
    return steps - done if steps - done <= length + 1 else length


# Evaluation


@partial(jax.jit, static_argnames="config")
def evaluate(config: Config, params: Any, state: Any, data: Data) -> jax.Array:
    """Return the mean loss over the whole test split, and the accuracy, as `[2]`."""
    count, size = len(data.test_images), config.batch_size

    def add_batch(sums: jax.Array, first: jax.Array) -> tuple[jax.Array, None]:
        index = first + jnp.arange(size)
        batch = jnp.minimum(index, count - 1)  # fills up the last batch, which is not counted
        images, labels = data.test_images[batch], data.test_labels[batch]
        images, labels = lax.with_sharding_constraint((images, labels), sharding("batch"))
        (_, results), _ = run_objective(config, params, state, images, labels, is_training=False)
        return sums + jnp.stack([jnp.where(index < count, x, 0.0).sum() for x in results]), None

    sums, _ = lax.scan(add_batch, jnp.zeros(2), jnp.arange(0, count, size))
    return lax.with_sharding_constraint(sums / count, sharding())


# Checkpoints


def start(config: Config, manager: Any, data: Data, settings: dict) -> Progress:
    """Continue from the newest checkpoint if it is of such a run; else begin."""
    seed, newest = np.uint32(config.seed), manager.latest_step()
    if newest is None and config.resume:
        raise ValueError(f"--resume: {config.out} holds no checkpoint")
    if newest is None:
        return begin(config, data, seed)
    free = {field.name for field in dataclasses.fields(Config) if field.metadata["free"]}
    runs.check_settings(config.out, {k: v for k, v in settings.items() if k not in free})
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding()),
        jax.eval_shape(partial(begin, config), data, seed),
    )
    return checkpoints.restore(manager, newest, like, NAMES[config.style])


# Log


def summary(config: Config, dataset: datasets.Dataset) -> str:
    """Return what will be run: the settings, the data, the devices and the model."""
    shape = (config.batch_size, *dataset.train_images.shape[1:])
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    labels = jax.ShapeDtypeStruct(shape[:1], jnp.int32)
    devices = f"{jax.device_count()} {jax.devices()[0].device_kind}"
    rows = dataclasses.asdict(config) | {"data": dataset, "devices": devices}
    lines = [f"{name:14} {value}" for name, value in rows.items() if value not in (None, False)]
    return "\n".join([*lines, "", objective(config).tabulate(images, labels, is_training=True)])


# Main


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """End the program with the message of an error which is the user's to mend."""
    try:
        yield
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        sys.exit(f"train.py: {error}")


def set_up_jax(config: Config) -> None:
    """Keep freed memory and compiled programs, and join the other processes if there are any."""
    nn.keep_freed_memory()
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        jax.config.update("jax_compilation_cache_dir", str(cache / "slimlayers" / "jax"))
    if config.coordinator:
        jax.distributed.initialize(config.coordinator, config.num_processes, config.process_id)


def measure(config: Config, data: Data, progress: Progress, taken: int, seconds: float) -> runs.Row:
    """Say how the epoch goes, and when it is over also how the test split is classified."""
    size, done = config.batch_size, int(progress.step)
    steps = len(data.images) // size
    within = (done - 1) % steps + 1
    row = {
        "epoch": (done - 1) // steps + 1,
        "step": done,
        "train_loss": float(progress.loss) / within,
        "train_accuracy": float(progress.right) / (within * size),
        "images_per_second": round(taken * size / seconds),
        "seconds": round(seconds, 3),
    }
    if within == steps:
        loss, accuracy = evaluate(config, progress.params, progress.state, data).tolist()
        row |= {"test_loss": loss, "test_accuracy": accuracy}
        row["params_sha256"] = runs.fingerprint(progress.params)
    return row


def train(config: Config, data: Data, digest: str) -> int:
    """Train until the epochs are done, or a signal comes; returns the exit status."""
    steps, seed, out = len(data.images) // config.batch_size, np.uint32(config.seed), config.out
    settings = dataclasses.asdict(config) | {"data": digest}
    with refusals():
        manager = checkpoints.open_checkpoints(out)
        progress = start(config, manager, data, settings)
    done, total = int(progress.step), config.epochs * steps
    rows = runs.read_metrics(out, done // steps)
    runs.write_settings(out, settings)

    @functools.cache
    def program(length: int) -> Any:
        return take_steps.lower(config, length, progress, data, seed).compile()

    taken, seconds = 0, 0.0  # in this epoch, without compiling
    with runs.Report(config.epochs, steps, done) as report, runs.noted_signals() as signals:
        if done:
            what = f"continuing after step {done} of {total}" if done < total else "complete"
            report.line(f"{out}: {what}")
        while done < total:
            run = program(length := piece(done % steps, steps, config.log_every))
            began = time.perf_counter()
            progress, losses = run(progress, data, seed)
            losses = np.asarray(losses)
            taken, seconds = taken + length, seconds + time.perf_counter() - began
            with refusals():
                runs.check_finite(losses, done, config.learning_rate, config.dtype)
            done += length
            row = measure(config, data, progress, taken, seconds)
            report.show(row)
            if done % steps == 0:
                rows.append(row)
                runs.write_metrics(out, rows)
                taken, seconds = 0, 0.0
            status = runs.agreed(128 + signals[0] if signals else 0)
            if status or done % steps == 0:
                checkpoints.save(manager, done, progress)
            if status and done < total:
                report.line(f"{out}: saved at step {done}; the same command continues")
                return status
        runs.draw_curves(out, rows)
        report.line(f"{out}: params sha256 {runs.fingerprint(progress.params)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Train as the flags say; returns the exit status."""
    config = parse(argv)
    set_up_jax(config)
    with refusals():
        dataset = load(config)
    if jax.process_index() == 0:
        print(summary(config, dataset), flush=True)
    if config.dry_run:
        return 0
    if config.fresh:
        runs.remove(config.out)
    arrays = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    digest = runs.fingerprint(dict(zip(Data._fields, arrays, strict=True)))
    return train(config, Data(*map(on_devices, arrays)), digest)


if __name__ == "__main__":
    sys.exit(main())
