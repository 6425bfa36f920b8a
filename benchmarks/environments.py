"""Where each peer runs: a virtual environment for each group of them, made by one command."""

import os
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from benchmarks.peers import PEERS

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / ".environments"
TF_SLIM = "TF_SLIM"  # names a checkout of it
TF_SLIM_SOURCE = "git+https://github.com/google-research/tf-slim"  # its last release is too old


def requirements(environment: str) -> list[str]:
    """Return what pip installs into an environment. JAX is the version that runs here."""
    jax = [f"jax=={metadata.version('jax')}", "optax", "numpy"]
    return {
        "jax": [*jax, "flax", "dm-haiku", "equinox", "keras"],
        "torch": ["torch", "numpy"],
        "tensorflow": ["tensorflow", "tf-keras", os.environ.get(TF_SLIM) or TF_SLIM_SOURCE],
    }[environment]


def install(names: list[str], folder: Path, pip_arguments: list[str]) -> None:
    """Make the environments of these peers, or of all, and install into them."""
    for name in sorted({PEERS[name].environment for name in names or PEERS} - {""}):
        print(f"installing {folder / name}: {' '.join(requirements(name))}", flush=True)
        venv.create(folder / name, with_pip=True)
        pip = [str(python_in(folder / name)), "-m", "pip", "install"]
        subprocess.run([*pip, *pip_arguments, *requirements(name)], check=True)


def python_in(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def python_of(peer: str, folder: Path, given: dict[str, str]) -> str | None:
    """Return the interpreter a peer runs in, or None where its environment is not installed.

    Args:
      peer: its name.
      folder: of the environments.
      given: interpreters by name of a peer or of an environment; these come first.
    """
    environment = PEERS[peer].environment
    path = given.get(peer) or given.get(environment)
    if not path:
        path = sys.executable if environment == "" else str(python_in(folder / environment))
    return path if Path(path).exists() else None


def variables(peer: str, device: str, extra: dict[str, str]) -> dict[str, str]:
    """Return the environment variables of a peer's process."""
    values = dict(os.environ)
    paths = [str(ROOT)]
    if PEERS[peer].module == "tf_slim" and os.environ.get(TF_SLIM):
        paths.append(os.environ[TF_SLIM])
    paths.extend(filter(None, [values.get("PYTHONPATH")]))
    values["PYTHONPATH"] = os.pathsep.join(paths)
    values |= {
        "JAX_ENABLE_COMPILATION_CACHE": "false",  # the first step is to be compiled
        "KERAS_BACKEND": "jax",
        "TF_USE_LEGACY_KERAS": "1",  # TF-Slim uses Keras 2
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if device == "cpu":
        values |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return values | extra
