"""Named outputs (end points) and small helpers, as in `slim.utils`."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

import nn
from nn.graph import Array, current_graph
from nn.variables import add_to_collection

__all__ = [
    "NamedOutputs",
    "append_tensor_alias",
    "channel_dimension",
    "collect_named_outputs",
    "constant_value",
    "convert_collection_to_dict",
    "gather_tensors_aliases",
    "get_tensor_aliases",
    "get_variable_collections",
    "last_dimension",
    "n_positive_integers",
    "smart_cond",
    "static_cond",
    "two_element_tuple",
]

# Where the graph keeps aliases that were given without a collection.
_NO_COLLECTION = ""


class NamedOutputs(NamedTuple):
    """A name and what goes by it.

    >>> slim.utils.NamedOutputs('logits', 3.0)
    NamedOutputs(name='logits', outputs=3.0)
    """

    name: str
    outputs: Any


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
    for name in [collections] if isinstance(collections, str) else collections or ():
        if name:
            add_to_collection(name, outputs)
            _name(name, alias, outputs)
    return outputs


def append_tensor_alias(tensor: Array, alias: str) -> Array:
    """Give an array one more name, and return it; a `/` at the end is dropped.

    >>> def fn(x):
    ...     return slim.utils.get_tensor_aliases(slim.utils.append_tensor_alias(x, 'net/x/'))
    >>> nn.transform(fn).apply({}, {}, jnp.ones(3))[0]
    ['net/x']
    """
    current_graph("append_tensor_alias").check_trace(f"naming an array {alias!r}")
    _name(_NO_COLLECTION, alias, tensor)
    return tensor


def _name(collection: str, alias: str, outputs: Array) -> None:
    named = current_graph("slim.utils").named_outputs.setdefault(collection, [])
    named.append((alias.removesuffix("/"), outputs))


def get_tensor_aliases(tensor: Array | nn.Variable) -> list[str]:
    """Return the names that an array was given; of a variable, its own if there are none.

    An array that was given none has none: TensorFlow would say the name of its op.

    >>> def fn(x):
    ...     slim.utils.collect_named_outputs(['end_points'], 'net/x', x)
    ...     return slim.utils.get_tensor_aliases(x)
    >>> nn.transform(fn).apply({}, {}, jnp.ones(3))[0]
    ['net/x']
    """
    named = current_graph("get_tensor_aliases").named_outputs.values()
    aliases = [alias for pairs in named for alias, outputs in pairs if outputs is tensor]
    return aliases or ([tensor.name] if isinstance(tensor, nn.Variable) else [])


def gather_tensors_aliases(tensors: Sequence[Array | nn.Variable]) -> list[str]:
    """Return the names of several arrays, in one list.

    >>> def fn(x):
    ...     named = [slim.utils.append_tensor_alias(x + n, f'x{n}') for n in range(2)]
    ...     return slim.utils.gather_tensors_aliases(named)
    >>> nn.transform(fn).apply({}, {}, jnp.ones(3))[0]
    ['x0', 'x1']
    """
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


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
    members = graph.collections.get(collection, ())
    outputs = OrderedDict(graph.named_outputs.get(collection, ()))
    for alias, tensor in graph.named_outputs.get(_NO_COLLECTION, ()):
        if any(tensor is member for member in members):
            outputs[alias] = tensor
    if clear_collection:
        graph.named_outputs.pop(collection, None)
        graph.collections.pop(collection, None)
    return outputs


def constant_value(value_or_tensor_or_var: Any, dtype: Any = None) -> Any:
    """Return a value that is known while tracing; None for a traced array or a variable.

    Args:
      value_or_tensor_or_var: anything but None.
      dtype: what the dtype of an array or variable must be; None: any.

    Raises:
      ValueError: the value is None, or of another dtype.

    >>> slim.utils.constant_value(True)
    True
    >>> jax.jit(lambda x: 0 if slim.utils.constant_value(x) is None else 1)(True)
    Array(0, dtype=int32, weak_type=True)
    """
    value = value_or_tensor_or_var
    if value is None:
        raise ValueError("constant_value: value_or_tensor_or_var must be a value, got None.")
    if isinstance(value, jax.Array | nn.Variable):
        if dtype is not None and value.dtype != np.dtype(dtype):
            raise ValueError(f"constant_value: dtype must be {value.dtype}, got {dtype!r}.")
        return None if isinstance(value, Tracer | nn.Variable) else np.asarray(value)
    return value


def static_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any]) -> Any:
    """Call `fn1` if `pred` is true, else `fn2`: now, by Python's `if`.

    Raises:
      TypeError: a function is not callable, or `pred` is traced.

    >>> slim.utils.static_cond(False, lambda: 1, lambda: 2)
    2
    """
    _check_functions(fn1=fn1, fn2=fn2)
    return fn1() if pred else fn2()


def smart_cond(
    pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any], name: str | None = None
) -> Any:
    """Call `fn1` or `fn2` now, or make a `lax.cond` of both if `pred` is a traced array.

    Raises:
      ValueError: `pred` is None, or no scalar.
      TypeError: a function is not callable, or a traced `pred` is not boolean.

    >>> slim.utils.smart_cond(False, lambda: 1, lambda: 2)
    2
    """
    del name
    if not isinstance(pred, nn.Variable):
        known = constant_value(pred)
        if known is not None:
            return static_cond(known, fn1, fn2)
    pred = jnp.asarray(pred)
    if pred.dtype != bool:
        raise TypeError(f"smart_cond: pred must be a boolean, got {pred.dtype}{list(pred.shape)}.")
    if pred.shape:
        raise ValueError(f"smart_cond: pred must be a scalar, got the shape {pred.shape}.")
    _check_functions(fn1=fn1, fn2=fn2)
    return nn.smart_cond(pred, fn1, fn2)


def _check_functions(**functions: Any) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{name} must be a function without arguments, got {function!r}.")


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
    """Return a pair, from an int or a list or tuple of two.

    Raises:
      ValueError: it is neither.

    >>> slim.utils.two_element_tuple(3)
    (3, 3)
    """
    pair = (int_or_tuple,) * 2 if isinstance(int_or_tuple, int) else int_or_tuple
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(f"two_element_tuple: expected an int or two, got {int_or_tuple!r}.")
    return int(pair[0]), int(pair[1])


def n_positive_integers(n: int, value: Any) -> tuple[int, ...]:
    """Return `n` positive ints, from one or from `n` of them; what `int` takes will do.

    Raises:
      ValueError: `n` is not positive; there is another number of them; one is not positive.
      TypeError: `n` or the value is no number.

    >>> slim.utils.n_positive_integers(2, [1, 2]), slim.utils.n_positive_integers(2, 3)
    ((1, 2), (3, 3))
    """
    if int(n) != n or n < 1:
        raise ValueError(f"n_positive_integers: n must be a positive int, got {n!r}.")
    try:
        values = (int(value),) * int(n)
    except (TypeError, ValueError):  # not one number
        expected = ValueError(f"n_positive_integers: value must be {n} ints, got {value!r}.")
        if len(value) != n:
            raise expected from None
        try:
            values = tuple(int(v) for v in value)
        except (TypeError, ValueError):
            raise expected from None
    if min(values) < 1:
        raise ValueError(f"n_positive_integers: value must be positive, got {value!r}.")
    return values


def channel_dimension(shape: Sequence[int], data_format: str, min_rank: int = 1) -> int:
    """Return the number of channels in a shape.

    Args:
      shape: the shape of an array, batch axis included.
      data_format: 'channels_first': axis 1; anything else: the last.
      min_rank: how many axes there must be.

    Raises:
      ValueError: there are fewer, or the size is None.

    >>> slim.utils.channel_dimension((8, 3, 32, 32), 'channels_first')
    3
    """
    return _dimension(shape, 1 if data_format == "channels_first" else -1, min_rank)


def last_dimension(shape: Sequence[int], min_rank: int = 1) -> int:
    """Return the size of the last axis.

    Raises:
      ValueError: there are fewer than `min_rank` axes, or the size is None.

    >>> slim.utils.last_dimension((2, 3))
    3
    """
    return _dimension(shape, -1, min_rank)


def _dimension(shape: Sequence[int], axis: int, min_rank: int) -> int:
    if len(shape) < max(min_rank, 2 if axis == 1 else 1):
        raise ValueError(f"the shape {tuple(shape)} must have at least {min_rank} dimensions.")
    if shape[axis] is None:
        raise ValueError(f"the shape {tuple(shape)} must have a size, not None, at axis {axis}.")
    return shape[axis]
