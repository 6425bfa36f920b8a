"""Peers measured in turns: in each round every one of them works while the others wait.

What is compared are the times of one round, which a slow moment of the machine makes longer for
all; the table gives the median of these ratios, and between which values half of them are.
"""

import contextlib
import dataclasses
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environments

STEPS = 3  # whose losses are compared
# Float32 sums in another order change the first loss by a relative 1e-7 to 1e-5, and the next two,
# after MobileNet v1's many layers of batch norm, by up to 5e-5. A learning rate that is wrong by a
# tenth changes them by 1e-3 or more.
TOLERANCE = 2e-4
PAUSE = 0.05  # seconds, in which the threads of the last peer fall asleep


class Process:
    """The worker of one peer.

    Args:
      peer: its name.
      command: what runs the worker.
      variables: the environment of the process.
      log: the file for what it prints.
    """

    def __init__(self, peer: str, command: list[str], variables: dict[str, str], log: Path):
        self.peer = peer
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=variables,
                cwd=environments.ROOT,
            )

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
          RuntimeError: the worker failed or ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        if self._process.poll() is None:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"its process ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@dataclasses.dataclass
class Measurement:
    """What was measured of one peer."""

    peer: str
    first: float  # seconds of the first step: tracing, compiling, running
    whole: float  # seconds from the start of the process to its end
    versions: dict[str, str]
    losses: list[float]
    seconds: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # of each round


def difference(losses: list[float], expected: list[float]) -> float:
    """Return the largest relative difference, NaN if there is a NaN.

    >>> difference([2.0, 1.5], [2.0, 1.25])
    0.2
    """
    return float(np.max(np.abs(np.subtract(losses, expected) / expected)))


@dataclasses.dataclass
class Contest:
    """A task on a network, done by several peers in turns.

    Args:
      task: its name.
      network: as `networks.parse` reads it.
      data: for the task `epoch`, the file of the images.
      tell: is given a line for each peer that is left out.
    """

    task: str
    network: str
    data: str | None = None
    tell: Callable[[str], None] = print

    def run(
        self, peers: dict[str, Callable[[], Process]], rounds: int, seconds: float
    ) -> list[Measurement]:
        """Measure the peers, each for so many seconds in each round.

        The first peer's losses are what the others must have. A peer which has others, or which
        fails, is left out.
        """
        self.processes: dict[str, Process] = {}
        measured: dict[str, Measurement] = {}
        counts: dict[str, int] = {}
        try:
            for name, start in peers.items():
                with self._leaving_out(name):
                    began = time.perf_counter()
                    self.processes[name] = start()
                    measurement = self._begin(self.processes[name], began)
                    self._check(measurement, list(measured.values()))
                    counts[name] = self._count(self.processes[name], seconds)
                    measured[name] = measurement
            for number in range(rounds):
                names = list(self.processes)
                turn = number % max(len(names), 1)
                for name in names[turn:] + names[:turn]:
                    with self._leaving_out(name):
                        time.sleep(PAUSE)
                        self._measure(self.processes[name], counts[name], measured[name])
            return [measured[name] for name in self.processes]
        finally:
            for process in self.processes.values():
                process.close()

    @contextlib.contextmanager
    def _leaving_out(self, name: str) -> Iterator[None]:
        """Leave a peer out, and tell why, if it fails."""
        try:
            yield
        except RuntimeError as error:
            self.tell(f"{name} is left out: {error}")
            if name in self.processes:
                self.processes.pop(name).close()

    def _begin(self, process: Process, began: float) -> Measurement:
        answer = process.ask(
            "start", peer=process.peer, network=self.network, task=self.task, data=self.data
        )
        whole = time.perf_counter() - began
        losses = process.ask("losses", count=STEPS)["losses"]
        return Measurement(process.peer, answer["first_seconds"], whole, answer["versions"], losses)

    def _check(self, new: Measurement, others: list[Measurement]) -> None:
        """Refuse other losses than those of the first peer that has some."""
        if not new.losses:
            self.tell(f"{new.peer} has a model of its own, whose losses are not compared.")
            return
        for other in [other for other in others if other.losses][:1]:
            if not difference(new.losses, other.losses) <= TOLERANCE:  # a NaN is refused too
                raise RuntimeError(
                    f"its losses are {new.losses}, and those of {other.peer} {other.losses}: "
                    f"expected the same within a relative {TOLERANCE:g}"
                )

    def _count(self, process: Process, seconds: float) -> int:
        """Return how often a peer does the task in so many seconds."""
        if self.task in ("epoch", "trace"):
            return 1
        process.ask("measure", count=2)
        began = time.perf_counter()
        process.ask("measure", count=2)
        return max(1, round(2 * seconds / (time.perf_counter() - began)))

    def _measure(self, process: Process, count: int, measurement: Measurement) -> None:
        for what, value in process.ask("measure", count=count)["seconds"].items():
            measurement.seconds.setdefault(what, []).append(value)
