"""Checkpoints of a run of training: trees of arrays by step, in the folder of the run.

A checkpoint is complete or not there. They are kept by orbax, which comes with the extra `train`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

if TYPE_CHECKING:  # it takes seconds to import
    import orbax.checkpoint as ocp

Rename = Callable[[dict[str, str]], dict[str, str]]


def open_checkpoints(folder: str | os.PathLike, keep: int | None = 2) -> "ocp.CheckpointManager":
    """Open the checkpoints in the folder of a run, of which the newest `keep` stay.

    What an interrupted save has left there never counts, and is removed. With None for `keep`
    nothing is: that is for reading what another process may be writing.
    """
    ocp = _orbax()
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=keep is not None,
        read_only=keep is None,
    )
    path, handler = Path(folder, "checkpoints").resolve(), ocp.StandardCheckpointHandler()
    return ocp.CheckpointManager(path, item_handlers=handler, options=options)


def save(manager: "ocp.CheckpointManager", step: int, tree: Any) -> None:
    """Save a tree of arrays as the checkpoint of a step: it is complete when this returns."""
    manager.save(step, args=_orbax().args.StandardSave(named(tree)), force=True)
    manager.wait_until_finished()


def restore(manager: "ocp.CheckpointManager", step: int, like: Any, rename: Rename = dict) -> Any:
    """Return the checkpoint of a step as a tree like `like`.

    Args:
      manager: what `open_checkpoints` returned.
      step: one of its steps.
      like: a tree of `jax.ShapeDtypeStruct` with shardings.
      rename: `slim.to_layers_names` or `slim.to_slim_names`: that of the names in `like`.

    Raises:
      ValueError: the checkpoint has other arrays; the message names them.
    """
    stored, wanted = manager.item_metadata(step).tree, named(like)
    stored_name = rename({name: name for name in stored})
    found = _differences({new: stored[old] for new, old in stored_name.items()}, wanted)
    if found:
        path = Path(manager.directory) / str(step)
        raise ValueError(f"{path} is a checkpoint of another model: {'; '.join(found)}.")
    items = {stored_name[name]: leaf for name, leaf in wanted.items()}
    values = manager.restore(step, args=_orbax().args.StandardRestore(items))
    return jax.tree.unflatten(jax.tree.structure(like), [values[name] for name in items])


def newest(folder: str | os.PathLike) -> str | None:
    """Return the path of the newest checkpoint in the folder of a run, or None."""
    found = Path(folder, "checkpoints").glob("*")
    steps = [int(path.name) for path in found if path.name.isdecimal()]
    return str(Path(folder, "checkpoints", str(max(steps)))) if steps else None


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return all arrays of the checkpoint at a path that `newest` returned, by name.

    Raises:
      ValueError: there is none.
    """
    ocp, path = _orbax(), Path(path)
    if not path.is_dir() or not path.name.isdecimal():
        raise ValueError(f"there is no checkpoint at {path}.")
    with open_checkpoints(path.parent.parent, keep=None) as manager:
        like = {
            name: np.empty(leaf.shape, leaf.dtype)
            for name, leaf in manager.item_metadata(int(path.name)).tree.items()
        }
        return manager.restore(int(path.name), args=ocp.args.StandardRestore(like))


def named(tree: Any) -> dict[str, Any]:
    """Flatten a tree to a dict of its leaves by their paths.

    >>> named({"params": {"conv1/kernel": 1}, "moments": (2, 3)})
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


def _orbax() -> Any:
    try:
        import orbax.checkpoint as ocp
    except ImportError as error:
        raise ImportError("checkpoints need orbax: pip install 'slimlayers[train]'") from error
    return ocp
