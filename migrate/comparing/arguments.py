"""The arguments of two calls of one layer, in whichever style each is, held against each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

import nn
from migrate.expressions import expression
from migrate.recording import Argument, Record

# What `layers` calls otherwise than Slim.
SLIMS = {
    "filters": "num_outputs",
    "units": "num_outputs",
    "strides": "stride",
    "pool_size": "kernel_size",
    "dilation_rate": "rate",
    "activation": "activation_fn",
    "kernel_initializer": "weights_initializer",
    "depthwise_initializer": "weights_initializer",
    "bias_initializer": "biases_initializer",
    "kernel_regularizer": "weights_regularizer",
    "depthwise_regularizer": "weights_regularizer",
    "bias_regularizer": "biases_regularizer",
    "momentum": "decay",
    "training": "is_training",
}
# They name things, or list them for the model's own use; no number depends on them.
NAMES = ("scope", "name", "reuse", "variables_collections", "outputs_collections")
_CHANNELS = {None: "last", "channels_last": "last", "channels_first": "first"}


@dataclass(frozen=True)
class Pair:
    """An argument as each side has it.

    Attributes:
      name: Slim's name of it.
      a: what A has; None if its op has no such argument.
      b: what B has.
      is_idle: whether no number depends on it.
    """

    name: str
    a: Argument | None
    b: Argument | None
    is_idle: bool = False


def differing(a: Record, b: Record) -> list[Pair]:
    """Return the arguments in which two calls differ, in the order of the signature of `a`.

    What a normalizer was called with stands in its own record, and is compared there.
    """
    ours, theirs = slims(a), slims(b)
    both_normalize = all(any(c.is_normalizer for c in r.children) for r in (a, b))
    skipped = {"normalizer_params"} if both_normalize else set()
    if a.op == b.op:
        unbiased = all(found.get("normalizer_fn") is not None for found in (a.values, b.values))
        names = [n for n in ours if n in theirs]
        return [
            Pair(n, ours[n], theirs[n], n in NAMES or (n.startswith("biases") and unbiased))
            for n in names
            if n not in skipped and not same(plain(n, ours[n].value), plain(n, theirs[n].value))
        ]
    values = [_across(r, found) for r, found in ((a, ours), (b, theirs))]
    names = [n for n in values[0] if n in values[1]]
    unlike = [n for n in names if not same(*(plain(n, found[n]) for found in values))]
    alone = [n for x, y in (values, reversed(values)) for n in x if n not in y]
    alone = [n for n in alone if _is_chosen(ours.get(n) or theirs[n])]
    # An activation may stand after the layer as well as in it.
    return [
        Pair(n, ours.get(n), theirs.get(n), n == "activation_fn" and None in (x[n], y[n]))
        for x, y in [values]
        for n in unlike
    ] + [Pair(n, ours.get(n), theirs.get(n)) for n in alone]


def slims(one: Record) -> dict[str, Argument]:
    """Return the arguments of a call under Slim's names for them."""
    if one.is_slim:
        return one.arguments
    renamed = SLIMS | ({"rate": "keep_prob"} if one.op == "Dropout" else {})
    return {renamed.get(name, name): argument for name, argument in one.arguments.items()}


def _across(one: Record, arguments: dict[str, Argument]) -> dict[str, Any]:
    """The values of a call that can be compared with those of the other style."""
    skipped = (*NAMES, "normalizer_params", "normalizer_fn", "updates_collections", "axis")
    found = {name: a.value for name, a in arguments.items() if name not in skipped}
    if one.op == "Dropout":
        found["keep_prob"] = 1 - found["keep_prob"]
    if one.op in ("separable_conv2d", "separable_convolution2d") and not found["num_outputs"]:
        del found["num_outputs"]  # a depthwise convolution
    if "weights_initializer" in found and found["weights_initializer"] is None:
        found["weights_initializer"] = nn.glorot_uniform_initializer()
    if "biases_initializer" in found:
        normalized = one.is_slim and one.values.get("normalizer_fn") is not None
        if normalized or not found.pop("use_bias", True):
            found["biases_initializer"] = None
            found.pop("biases_regularizer", None)
    return found


def _is_chosen(argument: Argument) -> bool:
    return argument.kind != "default" and not same(argument.value, argument.default)


def plain(name: str, value: Any) -> Any:
    """A value as it is compared: spellings of one thing are one."""
    if name in ("stride", "rate", "kernel_size") and isinstance(value, list | tuple):
        return value[0] if len(set(value)) == 1 else tuple(value)
    if name == "padding" and isinstance(value, str):
        return value.upper()
    if name == "data_format" and (value is None or isinstance(value, str)):
        return _CHANNELS.get(value, "first" if value and value.startswith("NC") else "last")
    return value


def same(a: Any, b: Any) -> bool:
    """Tell whether two values do the same: functions are tried."""
    if a is b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if callable(a) and callable(b):
        return _same_function(a, b)
    if callable(a) or callable(b):  # a regularizer of nothing is none
        return _is_nothing(a if callable(a) else b) and (a is None or b is None)
    if isinstance(a, Tracer) or isinstance(b, Tracer):
        return type(a) is type(b)  # each side's own trace
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-12 * abs(a)  # 1 - 0.9 is not quite 0.1
    try:
        return bool(np.all(np.asarray(a == b)))
    except (TypeError, ValueError):
        return expression(a) == expression(b)


def _same_function(a: Callable, b: Callable) -> bool:
    """Tell whether two functions are one: by name, or as regularizer, activation, initializer."""
    if a == b:
        return True
    for function in (_of_numbers, _of_shape):
        tried = [function(f) for f in (a, b)]
        if tried[0] is not None and tried[1] is not None:
            return _as_numbers(tried[0]) == _as_numbers(tried[1])
    return expression(a) == expression(b)


def _as_numbers(found: list[Any]) -> list[Any]:
    """Numbers that can be compared; no loss at all is a loss of zero."""
    return [0.0 if x is None else x.tolist() for x in found]


def _is_nothing(function: Callable) -> bool:
    found = _of_numbers(function)
    return found is not None and all(x is None or not np.any(x) for x in found)


def _of_numbers(function: Callable) -> list[Any] | None:
    """What an activation or a regularizer makes of some numbers; None if it is neither."""
    return _tried(function, np.linspace(-9, 9, 12, dtype=np.float32).reshape(2, 6))


def _of_shape(function: Callable) -> list[Any] | None:
    """What an initializer makes; None if it is none."""
    return _tried(function, jax.random.key(0), (3, 3, 4, 5), jnp.float32)


def _tried(function: Callable, *args: Any) -> list[Any] | None:
    try:
        found = nn.transform(function).apply({}, {}, *args)[0]
        leaves = jax.tree.leaves(found, is_leaf=lambda x: x is None)
        return [None if x is None else np.asarray(x) for x in leaves]
    except Exception:  # whatever a function of another kind says
        return None
