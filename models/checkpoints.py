"""What a run of training keeps in its folder: checkpoints, settings and metrics.

Each file is complete or not there, and a checkpoint of one style loads into the other.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

import slim

if TYPE_CHECKING:  # orbax comes with the extra 'train', and takes seconds to import
    import orbax.checkpoint as ocp


def open_folder(folder: str | os.PathLike, keep: int = 2) -> "ocp.CheckpointManager":
    """Open a folder of checkpoints, of which the newest `keep` stay.

    What an interrupted save has left there never counts, and is removed.
    """
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep, enable_async_checkpointing=False, cleanup_tmp_directories=True
    )
    handler = ocp.StandardCheckpointHandler()
    return ocp.CheckpointManager(Path(folder).resolve(), item_handlers=handler, options=options)


def save(manager: "ocp.CheckpointManager", step: int, tree: Any) -> None:
    """Save a tree of arrays as the checkpoint of a step: it is complete when this returns."""
    import orbax.checkpoint as ocp

    manager.save(step, args=ocp.args.StandardSave(named(tree)), force=True)
    manager.wait_until_finished()


def restore(
    manager: "ocp.CheckpointManager",
    step: int,
    like: Any,
    rename: Callable[[dict[str, str]], dict[str, str]],
) -> Any:
    """Return the checkpoint of a step as a tree like `like`.

    Args:
      manager: what `open_folder` returned.
      step: one of its steps.
      like: a tree of `jax.ShapeDtypeStruct` with shardings.
      rename: `slim.to_layers_names` or `slim.to_slim_names`: that of the names in `like`.

    Raises:
      ValueError: the checkpoint has other arrays; the message names them.
    """
    import orbax.checkpoint as ocp

    stored, wanted = manager.item_metadata(step).tree, named(like)
    stored_name = rename({name: name for name in stored})
    found = _differences({new: stored[old] for new, old in stored_name.items()}, wanted)
    if found:
        path = Path(manager.directory) / str(step)
        raise ValueError(f"{path} is a checkpoint of another model: {'; '.join(found)}.")
    items = {stored_name[name]: leaf for name, leaf in wanted.items()}
    values = manager.restore(step, args=ocp.args.StandardRestore(items))
    return jax.tree.unflatten(jax.tree.structure(like), [values[name] for name in items])


def named(tree: Any) -> dict[str, Any]:
    """Flatten a tree to a dict of its leaves by their paths.

    >>> from models import checkpoints
    >>> checkpoints.named({"params": {"conv1/kernel": 1}, "moments": (2, 3)})
    {'moments/0': 2, 'moments/1': 3, 'params/conv1/kernel': 1}
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Say what differs: the first few, and the variables before the optimizer's copies of them."""

    def form(leaf: Any) -> str:
        return f"{leaf.dtype}{list(leaf.shape)}"

    found = [f"it lacks {name} {form(leaf)}" for name, leaf in wanted.items() if name not in stored]
    found += [f"it has {name} {form(leaf)}" for name, leaf in stored.items() if name not in wanted]
    found += [
        f"{name} is {form(stored[name])} there and {form(leaf)} here"
        for name, leaf in wanted.items()
        if name in stored and form(stored[name]) != form(leaf)
    ]
    found.sort(key=lambda text: "opt_state/" in text)
    return found[:4] + ([f"and {len(found) - 4} more"] if len(found) > 4 else [])


def fingerprint(arrays: Mapping[str, Any]) -> str:
    """Return the SHA-256 of named arrays; the variables of both styles have the same one.

    >>> from models import checkpoints
    >>> checkpoints.fingerprint({"weights": np.zeros(3)}) == checkpoints.fingerprint(
    ...     {"kernel": np.zeros(3)})
    True
    """
    digest = hashlib.sha256()
    for name, array in sorted(slim.to_layers_names(arrays).items()):
        array = np.asarray(array)
        digest.update(f"{name} {array.dtype}{array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse a folder whose run has other values of these settings.

    Raises:
      ValueError: the message names them.
    """
    path = folder / "config.json"
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


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write `config.json`."""
    _write(folder / "config.json", json.dumps(settings, indent=2) + "\n")


def read_metrics(folder: Path, epochs: int) -> list[dict[str, Any]]:
    """Read the rows of the first so many epochs from `metrics.jsonl`."""
    path = folder / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["epoch"] <= epochs]


def write_metrics(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write `metrics.jsonl`, a JSON object a line."""
    _write(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; of several processes, the first does."""
    if jax.process_index() == 0:
        part = path.with_name(path.name + ".part")
        part.write_text(text)
        os.replace(part, path)
