"""One peer in a process of its own: commands come in by stdin, answers go out, a line of JSON each.

- `{"command": "start", "peer": NAME, "network": TEXT, "task": NAME, "data": PATH or null}` builds
  the program and does the task once;
- `{"command": "losses", "count": N}` gives the first N losses, or the one of inference, of
  `Network.to_compare`;
- `{"command": "measure", "count": N}` does the task N times and gives the seconds of one.

An error is answered as `{"error": TEXT}`, and its traceback goes to stderr.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks.peers import PEERS, SCAN_STEPS


class Worker:
    """What a process keeps between commands."""

    def start(self, peer: str, network: str, task: str, data: str | None = None) -> dict[str, Any]:
        """Build the program, do the task once, and say how long it took."""
        began = time.perf_counter()
        row = PEERS[peer]
        module = importlib.import_module(f"benchmarks.peers.{row.module}")
        imported = time.perf_counter()
        self.network, self.task = networks.parse(network), task
        self.build = lambda network: module.build(network, row.style)
        self.data = dict(np.load(data)) if data else {}
        self.program = self.build(self.network)
        built = time.perf_counter()
        self.first = self._do(self.program, task, 1)
        return {
            "import_seconds": imported - began,
            "build_seconds": built - imported,
            "first_seconds": time.perf_counter() - built,
            "versions": {name: importlib.metadata.version(name) for name in row.packages},
        }

    def _do(self, program: Any, task: str, count: int) -> Any:
        if task == "epoch":
            return program.epoch(**self.data)
        if task == "trace":
            return program.trace()
        return getattr(program, task)(count)

    def losses(self, count: int) -> dict[str, Any]:
        """Give the first losses of the task, or of training where the task has none.

        They are none where a peer cannot take single steps from the shared weights.
        """
        if self.task == "infer":
            _, labels = networks.batch(self.network)
            return {"losses": [cross_entropy(self.first, labels)]}
        if not hasattr(self.program, "train"):
            return {"losses": []}
        program = self.build(self.network.to_compare())
        if self.task == "scan":
            return {"losses": program.scan(1)[:count]}
        return {"losses": [program.train(1) for _ in range(count)]}

    def measure(self, count: int) -> dict[str, Any]:
        """Do the task so many times; tracing is done once."""
        began = time.perf_counter()
        result = self._do(self.program, self.task, count)
        seconds = time.perf_counter() - began
        if self.task == "trace":
            return {"seconds": result}
        times = {"epoch": 1, "scan": count * SCAN_STEPS}.get(self.task, count)
        return {"seconds": {self.task: seconds / times}}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean loss of logits `[N, classes]`."""
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(1, keepdims=True)
    chosen = logits[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(logits).sum(1)) - chosen))


def main() -> None:
    """Answer until stdin ends. What a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("command"))(**command)
        except Exception as error:  # it may be any library's; the parent leaves the peer out
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
