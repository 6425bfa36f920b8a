"""Writes down the public names of tf.layers and TF-Slim, and what they take, as `inspect` says.

From the folder `tests`: `python -m goldens.surface --slim-commit COMMIT`, in an environment as
README.md describes.
"""

from __future__ import annotations

import argparse
import enum
import functools
import importlib
import inspect
import json
import os
import pathlib
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow.compat.v1 as tf
import tf_keras
import tf_slim

FILE = pathlib.Path(__file__).parent.parent / "data" / "surface.json"

SLIM = """
    data_decoder data_provider dataset dataset_data_provider evaluation learning losses metrics
    model_analyzer parallel_reader queues summaries tfexample_decoder train_eval training
"""
NETS = """
    alexnet inception inception_v1 inception_v2 inception_v3 overfeat resnet_utils resnet_v1
    resnet_v2 vgg
"""
TRAIN = """
    AdadeltaOptimizer AdagradOptimizer AdamOptimizer ExponentialMovingAverage FtrlOptimizer
    GradientDescentOptimizer MomentumOptimizer ProximalAdagradOptimizer
    ProximalGradientDescentOptimizer RMSPropOptimizer cosine_decay cosine_decay_restarts
    exponential_decay inverse_time_decay linear_cosine_decay natural_exp_decay piecewise_constant
    polynomial_decay
    """


# Partials and tables, which tf_slim's own lists name by other means.
EXTRA = """
    OPTIMIZER_CLS_NAMES OPTIMIZER_SUMMARIES elu legacy_linear legacy_relu linear relu relu6
    summarize_biases summarize_variables summarize_weights
    """

# Where ours stand, and theirs.
MODULES = {
    "layers": tf.layers,
    "layers.experimental": tf.layers.experimental,
    "slim": tf_slim,
    **{f"slim.{name}": getattr(tf_slim, name) for name in SLIM.split()},
    "slim.layers": tf_slim.layers,
    "slim.losses.metric_learning": importlib.import_module("tf_slim.losses.metric_learning"),
    "slim.prefetch_queue": importlib.import_module("tf_slim.data.prefetch_queue"),
    "slim.utils": importlib.import_module("tf_slim.layers.utils"),
    **{f"slim.nets.{n}": importlib.import_module(f"tf_slim.nets.{n}") for n in NETS.split()},
}
INITIALIZERS = {"Zeros": "zeros_initializer", "Ones": "ones_initializer"}
ABOUT = (
    "Public names, read with inspect from google-research/tf-slim {slim} on TensorFlow {tf} and "
    "tf_keras {keras}. params: [name], [name, default] or [name, default, 'keyword-only']; <...> "
    "is a function or an object. call: likewise, of the method. arg_scope: decorated with "
    "add_arg_scope. of, fixed: a functools.partial. name: __name__, if another. nn: of tf.train."
)


def public(module: Any) -> list[str]:
    """The names that a module offers: its `__all__`, and what published models use beside it."""
    found = set(getattr(module, "__all__", ()))
    if module.__name__.endswith((".utils", ".layers.layers")):  # incomplete there
        found |= {name for name in vars(module) if name[0] != "_"} - {"OrderedDict", "namedtuple"}
    elif not found or ".nets" in module.__name__:
        found |= {n for n, v in vars(module).items() if "tf_slim" in getattr(v, "__module__", "")}
    if module is tf_slim:
        found |= set(EXTRA.split())
    if "tf_slim" not in module.__name__:
        found = set(dir(module))
    return sorted(
        name
        for name in found
        if name[0] != "_"
        and not inspect.ismodule(value := getattr(module, name, None))
        and (callable(value) or (name.isupper() and isinstance(value, tuple | list | dict)))
    )


def spelled(default: Any) -> str:
    """A default in words that mean the same in any library."""
    if isinstance(default, tf.DType):
        return f"tf.{default.name}"
    if getattr(default, "__name__", "") == "_initializer":  # Slim's are functions without a name
        made = inspect.getclosurevars(default).nonlocals
        words = ", ".join(f"{key}={made[key]}" for key in ("factor", "mode", "uniform"))
        return f"<variance_scaling_initializer({words})>"
    if isinstance(default, tf.keras.initializers.Initializer) or "init_ops" in str(type(default)):
        return f"<{INITIALIZERS.get(type(default).__name__, type(default).__name__)}>"
    if isinstance(default, enum.Enum):
        return str(default)
    return f"<{default.__name__}>" if callable(default) else repr(default)


def parameters(function: Any) -> list[list[str]]:
    """One list for each parameter: its name, its default, 'keyword-only'."""
    listed = []
    try:
        signature = inspect.signature(function)
    except ValueError:  # a class with that of its base in C
        return [["*args"], ["**kwargs"]]
    for p in signature.parameters.values():
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        listed.append([stars + p.name])
        listed[-1] += [] if p.default is p.empty else [spelled(p.default)]
        listed[-1] += ["keyword-only"] if p.kind is p.KEYWORD_ONLY else []
    return listed


def entry(name: str, value: Any) -> dict[str, Any]:
    """What is recorded of one name."""
    if isinstance(value, functools.partial):
        fixed = {key: spelled(given) for key, given in value.keywords.items()}
        of = value.func.__name__
        return {"kind": "partial", "params": parameters(value), "of": of, "fixed": fixed}
    if inspect.isclass(value):
        found = {"kind": "class", "params": parameters(value)}
        if hasattr(value, "call") and value is not tf.layers.Layer:
            found["call"] = parameters(functools.partial(value.call, None))
        return found
    if not callable(value):
        return {"kind": "constant", "value": list(value)}
    found = {"kind": "function", "params": parameters(value)}
    if tf_slim.has_arg_scope(value):
        found["arg_scope"] = True
    if value.__name__ != name:
        found["name"] = value.__name__
    return found


def main() -> None:
    """Write data/surface.json, one line for each name."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slim-commit", required=True, help="of the tf_slim on the path")
    about = ABOUT.format(
        slim=options.parse_args().slim_commit, tf=tf.__version__, keras=tf_keras.__version__
    )
    tables = {key: {n: getattr(m, n) for n in public(m)} for key, m in MODULES.items()}
    tables["nn"] = {name: getattr(tf.train, name) for name in TRAIN.split()}
    lines = [f'"about": {json.dumps(about)}']
    for key, names in tables.items():
        rows = ",\n".join(f"  {json.dumps(n)}: {json.dumps(entry(n, v))}" for n, v in names.items())
        lines.append(f"{json.dumps(key)}: {{\n{rows}\n}}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
