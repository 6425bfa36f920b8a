"""Checks of the arguments that Keras spells its own way; `nn.spelling` reads TensorFlow's."""

import operator
from collections.abc import Callable
from numbers import Real
from typing import Any

from nn import activations, initializers
from nn.spelling import LAYOUTS


def per_axis(layer: str, argument: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return one positive int for each of `rank` axes, from an int or a sequence of `rank` ints."""
    try:
        entries = tuple(value) if hasattr(value, "__iter__") else (value,) * rank
        numbers = tuple(operator.index(entry) for entry in entries)
    except TypeError:
        numbers = ()
    if len(numbers) != rank or min(numbers) < 1:
        expected = "a positive int" + (f" or {rank} of them" if rank > 1 else "")
        raise ValueError(f"{layer}: {argument} must be {expected}, got {value!r}.")
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
        number = int(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{layer}: {argument} must be an int, got {value!r}.") from None
    return _positive(layer, argument, number)


def channels(layer: str, argument: str, value: Any) -> int:
    """Return a number of channels as a positive int; TensorFlow takes 4.0 for 4, but not '4'."""
    if not isinstance(value, Real):
        kind = ValueError if value is None and argument == "filters" else TypeError
        raise kind(f"{layer}: {argument} must be an int, got {value!r}.")
    return _positive(layer, argument, int(float(value)))


def activation(layer: str, value: Any) -> Callable | None:
    """Return an activation, given itself or by its name; None for 'linear'."""
    named = None if value == "linear" else _named(activations, value)
    return _function(layer, "activation", named)


def initializer(layer: str, value: Any) -> Callable | None:
    """Return an initializer, given itself or by its name ('zeros' of `zeros_initializer`)."""
    named = _named(initializers, f"{value}_initializer") if isinstance(value, str) else value
    is_value = hasattr(named, "shape")  # an array is its own initializer
    return named if is_value else _function(layer, "initializer", named)


def regularizer(layer: str, value: Any) -> Callable | None:
    """Return a regularizer, or None."""
    return _function(layer, "regularizer", value)


def _named(module: Any, value: Any) -> Any:
    if isinstance(value, str) and not value.startswith("_"):
        found = getattr(module, value, value)
        return found() if module is initializers and callable(found) else found
    return value


def _function(layer: str, argument: str, value: Any) -> Callable | None:
    if value is not None and not callable(value):
        raise ValueError(f"{layer}: {argument} must be a function or None, got {value!r}.")
    return value


def _positive(layer: str, argument: str, number: int) -> int:
    if number <= 0:
        raise ValueError(f"{layer}: {argument} must be positive, got {number}.")
    return number


def rank_at_least(layer: str, inputs: Any, least: int) -> None:
    """Refuse inputs with too few dimensions."""
    if inputs.ndim < least:
        raise ValueError(
            f"{layer}: the inputs must have at least {least} dimensions, got the shape "
            f"{inputs.shape}."
        )
