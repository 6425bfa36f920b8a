"""What a Slim layer does around the `layers` class that computes it: Slim's names for the
variables, their collections, the normalizer, the activation, the named output.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp

import nn
from layers import Layer
from nn.graph import Array, current_graph
from slim.utils import collect_named_outputs, get_variable_collections
from slim.variables import model_variable

# Slim's name of each variable of tf.layers that it calls otherwise.
RENAMED = {
    "kernel": "weights",
    "bias": "biases",
    "depthwise_kernel": "depthwise_weights",
    "pointwise_kernel": "pointwise_weights",
}
# Under which name `variables_collections` lists a variable, if not under its own.
_LISTED_AS = {"depthwise_weights": "weights", "pointwise_weights": "weights"}


@contextlib.contextmanager
def model_scope(
    scope: Any, default_name: str, inputs: Any, reuse: Any = None
) -> Iterator[tuple[nn.VariableScope, Array]]:
    """Open a layer's scope, in which variables are model variables with Slim's names."""
    with nn.variable_scope(scope, default_name, reuse=reuse, custom_getter=_getter) as opened:
        yield opened, jnp.asarray(inputs)


def _getter(getter: Callable, name: str, **kwargs: Any) -> Array:
    path, slash, last = name.rpartition("/")
    kwargs.pop("reuse", None)  # the scope knows
    kwargs.pop("constraint", None)
    name = path + slash + RENAMED.get(last, last)
    return model_variable.unheard(name, custom_getter=getter, **kwargs)  # type: ignore


def compute(layer: Layer, inputs: Array, collections: Any, **call: Any) -> Array:
    """Run a layer in the open scope, and list its variables in `variables_collections`."""
    outputs = layer.call(inputs, **call)
    if collections:
        scope = nn.get_variable_scope().name
        for name, variable in current_graph("slim").variables.items():
            path, _, last = name.rpartition("/")
            if path == scope:
                _list(variable, get_variable_collections(collections, _LISTED_AS.get(last, last)))
    return outputs


def _list(variable: nn.Variable, collections: Sequence[str] | None) -> None:
    for key in collections or ():
        if variable not in nn.get_collection(key):
            nn.add_to_collection(key, variable)


def finish(
    outputs: Array,
    normalizer_fn: Callable | None,
    normalizer_params: dict[str, Any] | None,
    activation_fn: Callable | None,
    outputs_collections: Any,
    alias: str,
) -> Array:
    """Normalize, activate, and name the output."""
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return collect_named_outputs(outputs_collections, alias, outputs)


def keras_format(data_format: str | None) -> str:
    """Return Keras's word for a data format; Slim looks only at its first letters."""
    return "channels_first" if data_format and data_format.startswith("NC") else "channels_last"


def check_format(op: str, data_format: Any, *allowed: str | None) -> None:
    """Refuse a data format that the op does not take."""
    if data_format not in allowed:
        raise ValueError(
            f"{op}: data_format must be one of {', '.join(map(repr, allowed))}, "
            f"got {data_format!r}."
        )
