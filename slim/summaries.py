"""Summaries: values that a run puts aside by name, to be written down where it is trained.

In TF1 a summary is an op, and a session runs it now and then. Here it is a record in the collection
`nn.GraphKeys.SUMMARIES`; `slim.learning.train` and the others of its kind write the values, and
`merged` gives them to code of your own.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import nn
from nn.graph import Array, GraphKeys, current_graph

__all__ = [
    "add_histogram_summaries",
    "add_histogram_summary",
    "add_image_summaries",
    "add_image_summary",
    "add_scalar_summaries",
    "add_scalar_summary",
    "add_zero_fraction_summaries",
    "add_zero_fraction_summary",
    "merged_summaries",
]

RANKS = {"scalar": 0, "image": 4}


class Summary(NamedTuple):
    """A named value in the collection `SUMMARIES`; `kind`: scalar, histogram or image."""

    name: str
    kind: str
    value: Array


def add_scalar_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> Summary:
    """Put a scalar aside for the log.

    Args:
      tensor: an array, an `nn.Variable`, or what `slim.utils.collect_named_outputs` has named.
      name: its name in the log; needed for an array that has none.
      prefix: comes before the name: `prefix/name`.
      print_summary: print it as well, each time it is computed.

    Raises:
      ValueError: it has no name, or is no scalar.

    Source: `slim.summaries.add_scalar_summary`.

    >>> def model(x):
    ...     slim.summaries.add_scalar_summary(jnp.sum(x), 'sum', prefix='model')
    ...     return slim.summaries.merged_summaries()
    >>> nn.transform(model).apply({}, {}, jnp.ones(3))[0]
    {'model/sum': Array(3., dtype=float32)}
    """
    return _add("scalar", tensor, _name(tensor, name, prefix), print_summary)


def add_histogram_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None
) -> Summary:
    """Put an array aside for the log, which has its distribution.

    The arguments are those of `slim.summaries.add_scalar_summary`.
    Source: `slim.summaries.add_histogram_summary`.

    >>> def model(x):
    ...     return slim.summaries.add_histogram_summary(x, 'x').kind
    >>> nn.transform(model).apply({}, {}, jnp.ones(3))[0]
    'histogram'
    """
    return _add("histogram", tensor, _name(tensor, name, prefix))


def add_image_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> Summary:
    """Put images `[N, H, W, C]` aside for the log.

    The arguments are those of `slim.summaries.add_scalar_summary`.
    Source: `slim.summaries.add_image_summary`.

    >>> def model(x):
    ...     return slim.summaries.add_image_summary(x, 'digits').kind
    >>> nn.transform(model).apply({}, {}, jnp.ones((1, 4, 4, 1)))[0]
    'image'
    """
    return _add("image", tensor, _name(tensor, name, prefix), print_summary)


def add_zero_fraction_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> Summary:
    """Put aside which fraction of an array is 0.

    The arguments are those of `slim.summaries.add_scalar_summary`.
    Source: `slim.summaries.add_zero_fraction_summary`.

    >>> def model(x):
    ...     return slim.summaries.add_zero_fraction_summary(x, 'x')
    >>> summary, _ = nn.transform(model).apply({}, {}, jnp.array([0.0, 1.0]))
    >>> summary.name, float(summary.value)
    ('x/Fraction_of_Zero_Values', 0.5)
    """
    name = f"{_name(tensor, name, prefix)}/Fraction_of_Zero_Values"
    return add_scalar_summary(jnp.mean(_value(tensor) == 0), name, print_summary=print_summary)


def add_scalar_summaries(
    tensors: Sequence[Any], prefix: str | None = None, print_summary: bool = False
) -> list[Summary]:
    """Call `slim.summaries.add_scalar_summary` for each of a list.

    Source: `slim.summaries.add_scalar_summaries`.

    >>> def model(x):
    ...     return slim.summaries.add_scalar_summaries([], prefix='losses')
    >>> nn.transform(model).apply({}, {}, jnp.ones(3))[0]
    []
    """
    return [add_scalar_summary(t, prefix=prefix, print_summary=print_summary) for t in tensors]


def add_histogram_summaries(tensors: Sequence[Any], prefix: str | None = None) -> list[Summary]:
    """Call `slim.summaries.add_histogram_summary` for each of a list.

    Source: `slim.summaries.add_histogram_summaries`.

    >>> def model(x):
    ...     slim.fully_connected(x, 2, scope='fc')
    ...     return slim.summaries.add_histogram_summaries(slim.get_model_variables())
    >>> net, x = nn.transform(model), jnp.ones((1, 3))
    >>> summaries, _ = net.apply(*net.init(jax.random.key(0), x), x)
    >>> [summary.name for summary in summaries]
    ['fc/weights', 'fc/biases']
    """
    return [add_histogram_summary(tensor, prefix=prefix) for tensor in tensors]


def add_image_summaries(tensors: Sequence[Any], prefix: str | None = None) -> list[Summary]:
    """Call `slim.summaries.add_image_summary` for each of a list.

    Source: `slim.summaries.add_image_summaries`.

    >>> nn.transform(lambda: slim.summaries.add_image_summaries([])).apply({}, {})[0]
    []
    """
    return [add_image_summary(tensor, prefix=prefix) for tensor in tensors]


def add_zero_fraction_summaries(tensors: Sequence[Any], prefix: str | None = None) -> list[Summary]:
    """Call `slim.summaries.add_zero_fraction_summary` for each of a list.

    Source: `slim.summaries.add_zero_fraction_summaries`.

    >>> nn.transform(lambda: slim.summaries.add_zero_fraction_summaries([])).apply({}, {})[0]
    []
    """
    return [add_zero_fraction_summary(tensor, prefix=prefix) for tensor in tensors]


def summarize_tensor(tensor: Any, tag: str | None = None) -> Summary | None:
    """Put an array aside for the log, as a scalar or as a histogram; booleans are left out.

    Args:
      tensor: see `slim.summaries.add_scalar_summary`.
      tag: its name in the log; by default its name and `_summary`.

    Source: `slim.summarize_tensor`.

    >>> summary, _ = nn.transform(slim.summarize_tensor).apply({}, {}, jnp.ones(3), 'x')
    """
    value = _value(tensor)
    if value.dtype == bool:
        return None
    tag = tag or f"{_name(tensor)}_summary"
    return _add("histogram" if value.ndim else "scalar", tensor, tag)


def summarize_activation(op: Any) -> Summary:
    """Put a layer's output aside for the log, as `name/activation`.

    TensorFlow adds the fraction of zeros where a ReLU made the output. An array does not say what
    made it: write `slim.summaries.add_zero_fraction_summary`.

    Source: `slim.summarize_activation`.

    >>> def model(x):
    ...     x = slim.utils.collect_named_outputs('ends', 'net/x', x)
    ...     return slim.summarize_activation(x).name
    >>> nn.transform(model).apply({}, {}, jnp.ones(3))[0]
    'net/x/activation'
    """
    return _add("histogram", op, f"{_name(op)}/activation")


def summarize_tensors(
    tensors: Sequence[Any], summarizer: Callable[[Any], Any] = summarize_tensor
) -> list:
    """Call the summarizer for each of a list.

    Source: `slim.summarize_tensors`.

    >>> nn.transform(lambda: slim.summarize_tensors([])).apply({}, {})[0]
    []
    """
    return [summarizer(tensor) for tensor in tensors]


def summarize_collection(
    collection: str,
    name_filter: str | None = None,
    summarizer: Callable[[Any], Any] = summarize_tensor,
) -> list:
    """Call the summarizer for what a collection holds.

    Args:
      collection: its name.
      name_filter: a regular expression: only what has a name whose start it matches.
      summarizer: what to call.

    Source: `slim.summarize_collection`.

    >>> def model(x):
    ...     slim.fully_connected(x, 2, scope='fc')
    ...     return slim.summarize_collection('model_variables', 'fc/b')
    >>> net, x = nn.transform(model), jnp.ones((1, 3))
    >>> summaries, _ = net.apply(*net.init(jax.random.key(0), x), x)
    >>> [summary.name for summary in summaries]
    ['fc/biases_summary']
    """
    found = nn.get_collection(collection)
    return summarize_tensors(
        [t for t in found if name_filter is None or re.match(name_filter, _name(t))], summarizer
    )


summarize_variables = functools.partial(summarize_collection, GraphKeys.GLOBAL_VARIABLES)
summarize_weights = functools.partial(summarize_collection, GraphKeys.WEIGHTS)
summarize_biases = functools.partial(summarize_collection, GraphKeys.BIASES)
for _partial, _of in (
    (summarize_variables, "variables"),
    (summarize_weights, "weights"),
    (summarize_biases, "biases"),
):
    _partial.__doc__ = f"""`slim.summarize_collection` of the collection '{_partial.args[0]}'.

    >>> nn.transform(slim.summarize_{_of}).apply({{}}, {{}})[0]
    []
    """


def summarize_activations(
    name_filter: str | None = None, summarizer: Callable[[Any], Any] = summarize_activation
) -> list:
    """Call the summarizer for what is in the collection `ACTIVATIONS`.

    The arguments are those of `slim.summarize_collection`. Source: `slim.summarize_activations`.

    >>> nn.transform(slim.summarize_activations).apply({}, {})[0]
    []
    """
    return summarize_collection(GraphKeys.ACTIVATIONS, name_filter, summarizer)


def merged_summaries() -> dict[str, Array]:
    """Return the values that the run has put aside so far, by name.

    >>> def model(x):
    ...     slim.summaries.add_histogram_summary(x, 'x')
    ...     return slim.summaries.merged_summaries()
    >>> nn.transform(model).apply({}, {}, jnp.ones(2))[0]
    {'x': Array([1., 1.], dtype=float32)}
    """
    found = nn.get_collection(GraphKeys.SUMMARIES)
    return {summary.name: summary.value for summary in found if isinstance(summary, Summary)}


def write_summaries(folder: str, step: int, values: Mapping[str, Array]) -> None:
    """Append a line to `summaries.jsonl`: scalars as they are, of other arrays some statistics."""

    def short(value: np.ndarray) -> Any:
        if value.size == 1:
            return value.item()
        value = value.astype(float)
        return {name: getattr(value, name)().item() for name in ("min", "mean", "max", "std")}

    row = {"step": step} | {name: short(np.asarray(value)) for name, value in values.items()}
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Path(folder, "summaries.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def _add(kind: str, tensor: Any, name: str, print_summary: bool = False) -> Summary:
    value = _value(tensor)
    if value.ndim != RANKS.get(kind, value.ndim):
        raise ValueError(
            f"the {kind} summary {name!r} is of rank {RANKS[kind]}, got {list(value.shape)}."
        )
    with nn.name_scope(re.sub(r"[^\w./-]", "_", name).lstrip("/_-") or "summary") as scope:
        summary = Summary(scope.removesuffix("/"), kind, value)
    if print_summary:
        jax.debug.print("{name}{value}", name=summary.name, value=value)
    nn.add_to_collection(GraphKeys.SUMMARIES, summary)
    return summary


def _value(tensor: Any) -> Array:
    return tensor.value if isinstance(tensor, nn.Variable) else jnp.asarray(tensor)


def _name(tensor: Any, name: str | None = None, prefix: str | None = None) -> str:
    """Return the name of a summary: that given, or the tensor's own."""
    if not name and isinstance(tensor, nn.Variable):
        name = tensor.name
    if not name:
        outputs = current_graph("summary").named_outputs.values()
        name = next((alias for found in outputs for alias, x in found if x is tensor), None)
    if not name:
        raise ValueError("a summary of an array that has no name of its own needs one: name='...'.")
    return f"{prefix}/{name}" if prefix else name
