"""Compare this library with others: `python -m benchmarks`, from the root of the repository."""

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import environments, networks, rounds, tables
from benchmarks.peers import EXTRA, PEERS

TASKS = {
    "train": "a loop of training steps, one call each",
    "scan": "the same, ten steps in one compiled loop",
    "infer": "the logits of a batch",
    "epoch": "all of MNIST once, with its input pipeline",
    "trace": "tracing and lowering the training step",
    "dispatch": "calling a compiled step that has next to nothing to do",
}
REFERENCES = ("raw", "flax_linen", "tf_slim")
MNIST_SIZE = 60000
EXAMPLES = """examples:
  python -m benchmarks install                      an environment for each group of peers
  python -m benchmarks                              training steps of two small networks
  python -m benchmarks --networks v1 --tasks train,infer --rounds 5
  python -m benchmarks --networks lite:batch=256:width=0.5 --peers slimlayers.layers,flax_linen
  python -m benchmarks --tasks epoch --networks mnist --rounds 3
"""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the arguments, and refuse bad names."""
    lines = ["tasks:", *(f"  {name:9} {text}" for name, text in TASKS.items())]
    lines += ["", "networks, each NAME[:batch=N][:width=X][:size=N]:"]
    for network in map(networks.parse, networks.NETWORKS):
        sizes = f"images {list(network.image)}, batch {network.batch}"
        gflops = networks.flops(network, training=True) / 1e9
        lines.append(f"  {network.name:9} {sizes}, {gflops:.1f} GFLOP in a training step")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join([*lines, "", f"peers: {', '.join(PEERS)}", "", EXAMPLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )

    def names(known: Sequence[str], text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return text.split(",")

    def nets(text: str) -> list[str]:
        try:
            return [networks.parse(part).name for part in text.split(",")]
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    add = parser.add_argument
    usual = [name for name in PEERS if name not in EXTRA]
    peers = functools.partial(names, list(PEERS))
    add("--tasks", type=functools.partial(names, list(TASKS)), default=["train"], help="(train)")
    add("--networks", type=nets, default=["mnist", "lite"], help="(mnist,lite)")
    add("--peers", type=peers, default=usual, help=f"(all but {', '.join(EXTRA)})")
    add("--references", type=peers, default=list(REFERENCES), help=f"({','.join(REFERENCES)})")
    add("--rounds", type=int, default=9, help="how often each peer has its turn (9)")
    add("--seconds", type=float, default=1.0, help="how long a turn is (1)")
    add("--images", type=int, help="of MNIST in an epoch (all)")
    add("--device", choices=("cpu", "gpu"), default="cpu", help="(cpu)")
    add("--json", type=Path, help="append what was measured to this file, a line for each peer")
    add("--logs", type=Path, help="folder for what the peers print (a temporary one)")
    add("--env", action="append", default=[], metavar="PEER:NAME=VALUE", type=_setting)
    add("--python", action="append", default=[], metavar="NAME=PATH", type=_pair)
    _add_folder(parser)
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds: expected positive numbers")
    return arguments


def _add_folder(parser: argparse.ArgumentParser) -> None:
    text = "folder of the environments (benchmarks/.environments)"
    parser.add_argument("--environments", type=Path, default=environments.FOLDER, help=text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=VALUE")
    return name, value


def _setting(text: str) -> tuple[str, str, str]:
    peer, _, rest = text.partition(":")
    if peer not in PEERS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected PEER:NAME=VALUE")
    return (peer, *_pair(rest))


def install(argv: Sequence[str]) -> None:
    """Make the environments of the peers named, or of all; arguments after `--` are for pip."""
    own = list(argv[: argv.index("--")] if "--" in argv else argv)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks install",
        usage="%(prog)s [--environments DIR] [PEER ...] [-- ARGUMENTS OF PIP]",
        description=install.__doc__,
    )
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    _add_folder(parser)
    arguments = parser.parse_args(own)
    for name in arguments.peers:
        if name not in PEERS:
            parser.error(f"{name!r} is none of {', '.join(PEERS)}")
    environments.install(arguments.peers, arguments.environments, list(argv[len(own) + 1 :]))


def starters(arguments: argparse.Namespace, logs: Path) -> dict[str, functools.partial]:
    """Return what starts the process of each peer whose environment is there, the reference first.

    The others are left out by name.
    """
    ordered = sorted(arguments.peers, key=lambda name: name not in arguments.references[:1])
    found, absent = {}, []
    for name in ordered:
        python = environments.python_of(name, arguments.environments, dict(arguments.python))
        if python is None:
            absent.append(name)
            continue
        extra = {key: value for peer, key, value in arguments.env if peer == name}
        variables = environments.variables(name, arguments.device, extra)
        command = [python, "-m", "benchmarks.worker"]
        found[name] = functools.partial(
            rounds.Process, name, command, variables, logs / f"{name}.log"
        )
    if absent:
        print(f"not installed, so left out: {', '.join(absent)}\n")
    return found


def measure_peaks(device: str) -> dict:
    """Measure the machine in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.machine"],
        env=environments.variables("raw", device, {}),
        cwd=environments.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@contextlib.contextmanager
def epoch_file(count: int | None) -> Iterator[tuple[str, int]]:
    """Yield a file of training images and labels, and how many there are; says what they are."""
    if os.environ.get("MNIST_DIR"):
        from models import datasets

        dataset = datasets.mnist()
        images, labels, what = dataset.train_images, dataset.train_labels, "MNIST"
    else:
        images, labels = networks.stand_in(MNIST_SIZE)
        what = "noise in place of MNIST, as MNIST_DIR is not set"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "images.npz")
        np.savez(path, images=images[:count], labels=labels[:count])
        print(f"{len(labels[:count])} images: {what}\n")
        yield str(path), len(labels[:count])


NO_FILE = contextlib.nullcontext((None, 0))


def run(arguments: argparse.Namespace, logs: Path) -> None:
    """Measure what the arguments ask for, and print the tables."""
    peaks = measure_peaks(arguments.device)
    flops, moved = peaks["flops"], peaks["bytes"]
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {peaks['device']}: "
        f"a matrix product reaches {flops / 1e9:.0f} GFLOP/s, a triad {moved / 1e9:.1f} GB/s.\n"
    )
    peers = starters(arguments, logs)
    for network in map(networks.parse, arguments.networks):
        for task in arguments.tasks:
            chosen = {name: start for name, start in peers.items() if task in PEERS[name].tasks}
            print(f"## {task}, {network.name}, batch {network.batch}\n")
            with epoch_file(arguments.images) if task == "epoch" else NO_FILE as (path, images):
                contest = rounds.Contest(task, network.name, path)
                measured = contest.run(chosen, arguments.rounds, arguments.seconds)
            if not measured:
                print("No peer was measured.\n")
                continue
            print(agreement(measured) + "\n")
            images = images // network.batch * network.batch
            work = networks.flops(network, training=task != "infer")
            work *= {"trace": 0, "dispatch": 0, "epoch": images // network.batch}.get(task, 1)
            for what in dict.fromkeys(key for m in measured for key in m.seconds):
                if what != task:
                    print(f"{what}:\n")
                print(
                    tables.table(measured, what, arguments.references, work, flops, images),
                    end="\n\n",
                    flush=True,
                )
            record(arguments.json, network, task, measured, peaks)


def agreement(measured: Sequence[rounds.Measurement]) -> str:
    """Say how well the losses agree."""
    compared = [m for m in measured if m.losses]
    if len(compared) < 2:
        return "No losses were compared."
    first, *others = compared
    losses = ", ".join(f"{loss:.6g}" for loss in first.losses)
    most = max(rounds.difference(m.losses, first.losses) for m in others)
    return f"Losses of {first.peer}: {losses}; the others' differ by a relative {most:.0e} at most."


def record(path: Path | None, network: networks.Network, task: str, measured, peaks) -> None:
    """Append what was measured to a file."""
    if path:
        with path.open("a") as file:
            for m in measured:
                row = {"network": network.name, "task": task, **dataclasses.asdict(m), **peaks}
                file.write(json.dumps(row) + "\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Install, or measure."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["install"]:
        return install(argv[1:])
    arguments = parse(argv)
    logs = arguments.logs or Path(tempfile.mkdtemp(prefix="benchmarks-"))
    logs.mkdir(parents=True, exist_ok=True)
    run(arguments, logs)


if __name__ == "__main__":
    main()
