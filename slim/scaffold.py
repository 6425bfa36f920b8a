"""What a Slim layer does around the `layers` class that computes it: Slim's names for the
variables, their collections, the normalizer, the activation, the named output.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

import nn
from layers import Layer
from nn.blame import bind
from nn.graph import Array, current_graph
from slim.initializers import xavier_initializer
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs, get_variable_collections
from slim.variables import model_variable

# Slim's name of each variable of tf.layers that it calls otherwise.
RENAMED = {
    "kernel": "weights",
    "bias": "biases",
    "depthwise_kernel": "depthwise_weights",
    "pointwise_kernel": "pointwise_weights",
}
# What the arguments of `Weighted` stand for in the docstrings of the layers that have them.
_OF_LAYER = "**of_layer: what all layers with weights have."
# Under which name `variables_collections` lists a variable, if not under its own.
_LISTED_AS = {"depthwise_weights": "weights", "pointwise_weights": "weights"}


@dataclass(frozen=True)
class Weighted:
    """The arguments that all layers with weights have, with their defaults.

    activation_fn: a function of the result, or None; relu if not given.
    normalizer_fn: called with the outputs instead of adding biases, such as `slim.batch_norm`.
    normalizer_params: its keyword arguments; they win over an `arg_scope` of it.
    weights_initializer: `f(key, shape, dtype)`.
    weights_regularizer: a function of the weights, added to the regularization losses.
    biases_initializer: likewise; None: no biases.
    biases_regularizer: a function of the biases.
    reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
    variables_collections: a list of collections, or a dict with one for each variable.
    outputs_collections: collections for the output, by its scope's name.
    trainable: whether the variables are trainable.
    scope: the variable scope: a name or a `VariableScope`.
    """

    activation_fn: Callable | None = nn.relu
    normalizer_fn: Callable | None = None
    normalizer_params: dict[str, Any] | None = None
    weights_initializer: Callable = xavier_initializer()
    weights_regularizer: Callable | None = None
    biases_initializer: Callable | None = nn.zeros_initializer()
    biases_regularizer: Callable | None = None
    reuse: Any = None
    variables_collections: Any = None
    outputs_collections: Any = None
    trainable: bool = True
    scope: Any = None

    def of_layer(self) -> dict[str, Any]:
        """Those that the `layers` class takes, as it calls them."""
        return dict(
            use_bias=not self.normalizer_fn and self.biases_initializer is not None,
            kernel_initializer=self.weights_initializer,
            bias_initializer=self.biases_initializer,
            kernel_regularizer=self.weights_regularizer,
            bias_regularizer=self.biases_regularizer,
            trainable=self.trainable,
        )


def weighted(default_scope: str, after: str = "scope") -> Callable[..., Callable[..., Array]]:
    """Decorate a function that makes a `layers` object: it becomes Slim's layer.

    The function takes the inputs, the arguments that the layer has of its own, and `**of_layer`
    for the object. The layer takes the arguments of `Weighted` too, and is documented with them.

    Args:
      default_scope: its scope, if none is given.
      after: behind which of the common arguments the function's keyword-only ones stand.
    """

    def decorate(make: Callable[..., Layer]) -> Callable[..., Array]:
        own = inspect.signature(make).parameters.values()
        first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        inner = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in own if p.kind is p.KEYWORD_ONLY]
        common = list(inspect.signature(Weighted).parameters.values())
        names = [p.name for p in common]
        at = names.index(after) + 1
        parameters = [*first, *common[:at], *inner, *common[at:]]

        signature = inspect.Signature(parameters, return_annotation=Array)

        @functools.wraps(make)
        def layer(*args: Any, **kwargs: Any) -> Array:
            given = bind(make.__name__, signature, args, kwargs).arguments
            common = Weighted(**{name: given.pop(name) for name in names if name in given})
            inputs = given.pop("inputs")
            scope = model_scope(common.scope, default_scope, inputs, common.reuse)
            with scope as (opened, inputs):
                made = make(inputs, **given, **common.of_layer())
                outputs = compute(made, inputs, common.variables_collections)
                if common.normalizer_fn is not None:
                    outputs = common.normalizer_fn(outputs, **(common.normalizer_params or {}))
                collections = common.outputs_collections
                return finish(outputs, common.activation_fn, collections, opened.name)

        layer.__signature__ = signature  # type: ignore[attr-defined]
        shared = str(inspect.getdoc(Weighted)).partition("\n\n")[2].replace("\n", "\n  ")
        layer.__doc__ = str(inspect.getdoc(make)).replace(_OF_LAYER, shared)
        return add_arg_scope(layer)

    return decorate


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
        if not any(item is variable for item in nn.get_collection(key)):  # arrays may be there
            nn.add_to_collection(key, variable)


def parameter(
    name: str,
    shape: Sequence[int],
    dtype: Any,
    initializer: Callable | None,
    collections: Any,
    trainable: bool,
    regularizer: Callable | None = None,
) -> Array:
    """Return a model variable of a layer that is none of `layers`."""
    return model_variable.unheard(  # type: ignore[attr-defined]
        name,
        shape=shape,
        dtype=dtype,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=get_variable_collections(collections, name),
    )


def finish(
    outputs: Array, activation_fn: Callable | None, outputs_collections: Any, alias: str
) -> Array:
    """Activate and name the output."""
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return collect_named_outputs(outputs_collections, alias, outputs)


def keras_format(data_format: str | None) -> str:
    """Return Keras's word for a data format; Slim looks only at its first letters."""
    return "channels_first" if data_format and data_format.startswith("NC") else "channels_last"


def count(op: str, argument: str, value: Any) -> int:
    """Return a number of things, which is an int and not negative."""
    if not isinstance(value, int) or value < 0:
        kind = TypeError if isinstance(value, float | str) else ValueError
        raise kind(f"{op}: {argument} must be an int, and not negative, got {value!r}.")
    return value


def check(op: str, argument: str, value: Any, *allowed: str | None) -> None:
    """Refuse a value that the op does not take."""
    if value not in allowed:
        raise ValueError(
            f"{op}: {argument} must be one of {', '.join(map(repr, allowed))}, got {value!r}."
        )
