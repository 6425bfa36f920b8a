"""Checks of the arguments that Keras spells its own way; `nn.spelling` reads TensorFlow's."""

import operator
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import jax.numpy as jnp

import nn
from nn import activations
from nn.spelling import LAYOUTS


def per_axis(layer: str, argument: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return one positive int for each of `rank` axes, from an int or a sequence of `rank` ints."""
    entries = tuple(value) if hasattr(value, "__iter__") else (value,) * rank
    kind = ValueError
    try:
        numbers = tuple(map(operator.index, entries))
    except TypeError:  # TensorFlow stumbles over [2.0, 2] and '22' later than over others
        numbers = ()
        if hasattr(value, "__iter__") and all(str(n).replace(".", "").isdigit() for n in entries):
            kind = TypeError if len(entries) == rank else ValueError
    if len(numbers) != rank or min(numbers) < 1:
        expected = "a positive int" + (f" or {rank} of them" if rank > 1 else "")
        raise kind(f"{layer}: {argument} must be {expected}, got {value!r}.")
    return numbers


def layout(layer: str, data_format: Any, rank: int) -> str:
    """Return TensorFlow's letters for Keras's name of a data format."""
    last, first = LAYOUTS[rank]
    known = {None: last, "channels_last": last, "channels_first": first}
    key = data_format.lower() if isinstance(data_format, str) else data_format
    if key not in known:
        raise ValueError(
            f"{layer}: data_format must be 'channels_last' or 'channels_first', "
            f"got {data_format!r}."
        )
    return known[key]


def padding(layer: str, value: Any, *more: str) -> str:
    """Return the padding in upper case; `more` names what is allowed beside valid and same."""
    allowed = ("valid", "same", *more)
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ValueError(
            f"{layer}: padding must be one of {', '.join(map(repr, allowed))}, got {value!r}."
        )
    return value.upper()


def units(layer: str, argument: str, value: Any) -> int:
    """Return a number of outputs as a positive int; TensorFlow takes 4.0 and '4' for 4."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = int(value)
    except (TypeError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{layer}: {argument} must be an int, got {value!r}.") from None
    return _positive(layer, argument, number)


def channels(layer: str, argument: str, value: Any) -> int:
    """Return a number of channels as a positive int; TensorFlow takes 4.0 for 4 filters."""
    if isinstance(value, bool) or not isinstance(value, Real if argument == "filters" else int):
        kind = ValueError if value is None and argument == "filters" else TypeError
        raise kind(f"{layer}: {argument} must be an int, got {value!r}.")
    return _positive(layer, argument, int(float(value)))


def activation(layer: str, value: Any) -> Callable | None:
    """Return an activation, given itself or by its name; None for 'linear'."""
    return _function(layer, "activation", value, _ACTIVATIONS)


def initializer(layer: str, value: Any) -> Callable | None:
    """Return an initializer, given itself or by its name ('zeros' of `zeros_initializer`)."""
    if hasattr(value, "shape"):  # an array is its own initializer
        return value
    made = _function(layer, "an initializer", value, _INITIALIZERS)
    return made() if isinstance(value, str) and made else made


def function(layer: str, argument: str, value: Any) -> Callable | None:
    """Return a regularizer or a constraint, or None; a regularizer may be Keras's 'l1' or 'l2'."""
    return _function(layer, argument, value, _REGULARIZERS if "regularizer" in argument else {})


# What each name stands for.
_ACTIVATIONS = {"linear": None} | {
    name: getattr(activations, name) for name in nn.__all__ if hasattr(activations, name)
}
_INITIALIZERS = {
    name.removesuffix("_initializer"): getattr(nn, name)
    for name in nn.__all__
    if name.endswith("_initializer")
}
_REGULARIZERS = {  # Keras's, not halved
    "l1": lambda x: 0.01 * jnp.sum(jnp.abs(x)),
    "l2": lambda x: 0.01 * jnp.sum(jnp.square(x)),
    "l1_l2": lambda x: 0.01 * jnp.sum(jnp.abs(x) + jnp.square(x)),
}


def _function(layer: str, argument: str, value: Any, known: Mapping[str, Any]) -> Callable | None:
    if isinstance(value, str) and value in known:
        return known[value]
    if value is not None and not callable(value):
        names = f", None or a name ({', '.join(known)})" if known else " or None"
        kind = TypeError if argument == "activation" and not isinstance(value, str) else ValueError
        raise kind(f"{layer}: {argument} must be a function{names}, got {value!r}.")
    return value


def _positive(layer: str, argument: str, number: int) -> int:
    if number <= 0:
        raise ValueError(f"{layer}: {argument} must be positive, got {number}.")
    return number


def rank_at_least(layer: str, inputs: Any, least: int) -> None:
    """Refuse inputs with too few dimensions."""
    if inputs.ndim < least:
        dimensions = "1 dimension" if least == 1 else f"{least} dimensions"
        raise ValueError(
            f"{layer}: the inputs must have at least {dimensions}, got the shape {inputs.shape}."
        )


def rank(layer: str, inputs: Any, expected: int) -> None:
    """Refuse inputs with another number of dimensions."""
    if inputs.ndim != expected:
        raise ValueError(
            f"{layer}: the inputs must have {expected} dimensions, got the shape {inputs.shape}."
        )


def floats(layer: str, dtype: Any) -> None:
    """Refuse the dtype of inputs that weights cannot be multiplied with."""
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"{layer}: the inputs must be floats, got {dtype}: write inputs.astype(jnp.float32)."
        )
