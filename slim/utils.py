"""Named outputs (end points) and small helpers, as in `slim.utils`."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nn
from nn.graph import Array, current_graph
from nn.variables import add_to_collection

__all__ = [
    "collect_named_outputs",
    "convert_collection_to_dict",
    "get_variable_collections",
    "last_dimension",
    "n_positive_integers",
    "smart_cond",
    "two_element_tuple",
]


def collect_named_outputs(
    collections: str | Sequence[str] | None, alias: str, outputs: Array
) -> Array:
    """Add `outputs` to collections under the name `alias`, and return them.

    >>> def fn(x):
    ...     x = slim.utils.collect_named_outputs('end_points', 'net/x', x)
    ...     return slim.utils.convert_collection_to_dict('end_points')
    >>> list(nn.transform(fn).apply({}, {}, 1.0)[0])
    ['net/x']
    """
    if collections:
        graph = current_graph("collect_named_outputs")
        for name in [collections] if isinstance(collections, str) else collections:
            add_to_collection(name, outputs)
            named = graph.named_outputs.setdefault(name, [])
            named.append((alias.removesuffix("/"), outputs))
    return outputs


def convert_collection_to_dict(
    collection: str, clear_collection: bool = False
) -> OrderedDict[str, Array]:
    """Return the named outputs of a collection by name, in order; the last of a name counts.

    >>> def fn(x):
    ...     x = slim.max_pool2d(x, 2, outputs_collections='end_points')
    ...     return slim.utils.convert_collection_to_dict('end_points')
    >>> ends, _ = nn.transform(fn).apply({}, {}, jnp.ones((1, 4, 4, 1)))
    >>> {name: x.shape for name, x in ends.items()}
    {'MaxPool2D': (1, 2, 2, 1)}
    """
    graph = current_graph("convert_collection_to_dict")
    outputs = OrderedDict(graph.named_outputs.get(collection, ()))
    if clear_collection:
        graph.named_outputs.pop(collection, None)
        graph.collections.pop(collection, None)
    return outputs


def smart_cond(
    pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any], name: str | None = None
) -> Any:
    """Call `fn1` or `fn2` now, or make a `lax.cond` of both if `pred` is an array.

    >>> slim.utils.smart_cond(False, lambda: 1, lambda: 2)
    2
    """
    del name
    return nn.smart_cond(pred, fn1, fn2)


def get_variable_collections(
    variables_collections: Sequence[str] | Mapping[str, Sequence[str]] | None, name: str
) -> Sequence[str] | None:
    """Return the collections for the variable `name`, from one list for all or a dict of lists.

    >>> slim.utils.get_variable_collections({'weights': ['w']}, 'weights')
    ['w']
    """
    if isinstance(variables_collections, Mapping):
        return variables_collections.get(name)
    return variables_collections


def two_element_tuple(int_or_tuple: Any) -> tuple[int, int]:
    """Return a pair, from an int or a pair.

    Raises:
      ValueError: it is neither.

    >>> slim.utils.two_element_tuple(3)
    (3, 3)
    """
    if isinstance(int_or_tuple, list | tuple):
        if len(int_or_tuple) != 2:
            raise ValueError(f"two_element_tuple takes an int or two, got {int_or_tuple!r}.")
        return int(int_or_tuple[0]), int(int_or_tuple[1])
    return n_positive_integers(2, int_or_tuple)  # type: ignore[return-value]


def n_positive_integers(n: int, value: Any) -> tuple[int, ...]:
    """Return `n` positive ints, from one or from `n` of them.

    Raises:
      ValueError: there is another number of them, or one is not positive.
      TypeError: one is no int.

    >>> slim.utils.n_positive_integers(2, [1, 2])
    (1, 2)
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n_positive_integers: n must be a positive int, got {n!r}.")
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * n
    if len(values) != n:
        raise ValueError(
            f"n_positive_integers: value must be an int or {n} of them, got {value!r}."
        )
    if isinstance(value, str):
        raise ValueError(f"n_positive_integers: value must be ints, got {value!r}.")
    if not all(isinstance(v, int) for v in values):
        raise TypeError(f"n_positive_integers: value must be ints, got {value!r}.")
    if min(values) < 1:
        raise ValueError(f"n_positive_integers: value must be positive, got {value!r}.")
    return values


def last_dimension(shape: Sequence[int], min_rank: int = 1) -> int:
    """Return the size of the last axis.

    Raises:
      ValueError: there are fewer than `min_rank` axes.

    >>> slim.utils.last_dimension((2, 3))
    3
    """
    if len(shape) < min_rank:
        raise ValueError(f"last_dimension: {tuple(shape)} has fewer than {min_rank} dimensions.")
    return shape[-1]
