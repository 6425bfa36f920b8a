"""The bookkeeping of a run of training: what it keeps in its folder, and what it shows meanwhile.

A file in the folder is complete or not there.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

import slim

Row = dict[str, Any]  # what is measured in an epoch


def fingerprint(arrays: Mapping[str, Any]) -> str:
    """Return the SHA-256 of named arrays; the variables of both styles have the same one.

    >>> from models import runs
    >>> runs.fingerprint({"weights": np.zeros(3)}) == runs.fingerprint(
    ...     {"kernel": np.zeros(3)})
    True
    """
    digest = hashlib.sha256()
    for name, array in sorted(slim.to_layers_names(arrays).items()):
        array = np.asarray(array)
        digest.update(f"{name} {array.dtype}{array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def remove(folder: str | os.PathLike) -> None:
    """Remove what a run has left in its folder, and nothing else."""
    if jax.process_index() == 0:
        shutil.rmtree(Path(folder, "checkpoints"), ignore_errors=True)
        for name in ("config.json", "metrics.jsonl", "curves.png"):
            Path(folder, name).unlink(missing_ok=True)
    wait_for_all("removed")


def check_settings(folder: str | os.PathLike, settings: Mapping[str, Any]) -> None:
    """Refuse a folder whose run has other values of these settings.

    Raises:
      ValueError: the message names them.
    """
    path = Path(folder, "config.json")
    there = json.loads(path.read_text()) if path.exists() else settings
    found = [
        f"{name} is {there.get(name)!r} there and {value!r} here"
        for name, value in settings.items()
        if there.get(name) != value
    ]
    if found:
        raise ValueError(
            f"{folder} holds a run with other settings: {'; '.join(found)}. Give another --out, "
            "or --fresh to remove that run and start again."
        )


def write_settings(folder: str | os.PathLike, settings: Mapping[str, Any]) -> None:
    """Write `config.json`."""
    _write(Path(folder, "config.json"), json.dumps(settings, indent=2) + "\n")


def read_metrics(folder: str | os.PathLike, epochs: int) -> list[Row]:
    """Read the rows of the first so many epochs from `metrics.jsonl`."""
    path = Path(folder, "metrics.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["epoch"] <= epochs]


def write_metrics(folder: str | os.PathLike, rows: list[Row]) -> None:
    """Write `metrics.jsonl`, one row a line."""
    _write(Path(folder, "metrics.jsonl"), "".join(json.dumps(row) + "\n" for row in rows))


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; of several processes, the first does."""
    if jax.process_index() == 0:
        part = path.with_name(path.name + ".part")
        part.write_text(text)
        os.replace(part, path)


def draw_curves(folder: str | os.PathLike, rows: list[Row]) -> None:
    """Draw the loss and the accuracy by epoch, in training and on the test split: `curves.png`."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split in ("train", "test"):
            values = [row[f"{split}_{name}"] for row in rows]
            axes.plot([row["epoch"] for row in rows], values, ".-", label=split)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", title=name)
        axes.grid(alpha=0.3)
        axes.legend()
    if jax.process_index() == 0:
        figure.savefig(Path(folder, "curves.png"), dpi=120)


class Report:
    """A live line where stdout is a terminal; elsewhere a plain line now and then.

    Args:
      epochs: how many there will be.
      steps: of each.
      done: how many steps are done before.
    """

    def __init__(self, epochs: int, steps: int, done: int):
        self.epochs, self.live, self.told = epochs, None, time.monotonic()
        if jax.process_index() != 0 or not sys.stdout.isatty():
            return
        from rich import progress

        columns = ("{task.description}", progress.BarColumn(None), progress.TimeRemainingColumn())
        self.live = progress.Progress(*columns, "left")
        self.task = self.live.add_task("compiling", total=epochs * steps, completed=done)

    def __enter__(self) -> "Report":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.live:
            self.live.stop()

    def show(self, row: Row) -> None:
        """Show how an epoch goes; when it is over, in a line that stays."""
        text = f"epoch {row['epoch']}/{self.epochs}  loss {row['train_loss']:.4f}  "
        text += f"accuracy {row['train_accuracy']:.2%}  {row['images_per_second']:,} images/s"
        if "test_loss" in row:
            test = f"test loss {row['test_loss']:.4f}  accuracy {row['test_accuracy']:.2%}"
            self.line(f"{text}  {test}")
        elif not self.live and time.monotonic() - self.told > 15:
            self.line(f"{text}  step {row['step']}")
        if self.live:
            self.live.update(self.task, completed=row["step"], description=text)

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.told = time.monotonic()
        if self.live:
            self.live.console.print(text, highlight=False, markup=False, soft_wrap=True)
        elif jax.process_index() == 0:
            print(text, flush=True)


def check_finite(losses: np.ndarray, done: int, learning_rate: float, dtype: str) -> None:
    """Stop at the first loss that is NaN or infinite.

    Args:
      losses: of the steps after the first `done`.
      done: how many steps there were before.
      learning_rate: for the message, like `dtype`.
      dtype: in which the losses were computed.

    Raises:
      FloatingPointError: there is one; the message says its step and the likely cause.
    """
    if np.isfinite(losses).all():
        return
    at = int(np.argmin(np.isfinite(losses)))
    if done + at == 0:
        cause = "the model or the images, as no step was taken before"
    else:
        cause = f"the learning rate, {learning_rate:g}: try --learning-rate {learning_rate / 10:g}"
        cause += ", or --dtype float32" if dtype == "bfloat16" else ""
    last = ", ".join(f"{loss:.4g}" for loss in losses[max(at - 3, 0) : at])
    raise FloatingPointError(
        f"the loss is {losses[at]} at step {done + at + 1}{last and f', after {last}'}. "
        f"The likely cause is {cause}."
    )


@contextlib.contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Note the first Ctrl-C or SIGTERM in a list; the next one acts as usual."""
    noted: list[int] = []

    def note(number: int, frame: Any) -> None:
        noted.append(number)
        signal.signal(number, before[number])
        print("\nfinishing these steps, to save a checkpoint", file=sys.stderr, flush=True)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.signal(number, note) for number in numbers}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def agreed(number: int) -> int:
    """Return the greatest of the processes' numbers, so that they all do the same."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.process_allgather(np.int32(number)).max())


def wait_for_all(what: str) -> None:
    """Wait until all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)
