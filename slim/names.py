"""Slim's names of variables and those of `tf.layers`, turned into each other."""

from collections.abc import Mapping
from typing import TypeVar

from slim.scaffold import RENAMED

T = TypeVar("T")
_BACK = {slims: layers for layers, slims in RENAMED.items()}


def to_layers_names(values: Mapping[str, T]) -> dict[str, T]:
    """Rename variables as `layers` names them: `conv1/weights` becomes `conv1/kernel`.

    A model written in one style with the scopes of the other loads its checkpoint this way.

    >>> slim.to_layers_names({'conv1/weights': 1, 'conv1/BatchNorm/beta': 2})
    {'conv1/kernel': 1, 'conv1/BatchNorm/beta': 2}
    """
    return {_renamed(name, _BACK): value for name, value in values.items()}


def to_slim_names(values: Mapping[str, T]) -> dict[str, T]:
    """Rename variables as `slim` names them: `conv1/kernel` becomes `conv1/weights`.

    >>> slim.to_slim_names({'conv1/kernel': 1, 'conv1/bias': 2})
    {'conv1/weights': 1, 'conv1/biases': 2}
    """
    return {_renamed(name, RENAMED): value for name, value in values.items()}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    path, slash, last = name.rpartition("/")
    return path + slash + names.get(last, last)
