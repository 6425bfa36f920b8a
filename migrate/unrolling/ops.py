"""The table of Slim's ops: which `layers` calls each of them is."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp

import layers
import nn
import slim
from layers.base import _snake_case as snake_case
from migrate.unrolling.resolution import VARIES, Resolved, constant
from migrate.unrolling.visits import Refusal
from nn.expressions import equal


@dataclass
class Step:
    """One call of the output.

    Attributes:
      function: `layers.Conv2D`, or `nn.relu`.
      arguments: what a layer is made with; None for a plain function.
      call: what follows the inputs where it is called.
      origins: where inherited arguments came from, by their names in the output.
      when: the condition that the step is under.
      scope: the variable scope to open around it.
      reshaped: the inputs, for `{}`, and what follows the result.
    """

    function: str
    arguments: list[str] | None = None
    call: list[str] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    when: str | None = None
    scope: str | None = None
    reshaped: tuple[str, str] = ("{}", "")


@dataclass(frozen=True)
class Row:
    """One argument: Slim's name, that of `layers`, its default there, how its text changes."""

    slim: str
    layers: str
    default: Any = None
    convert: Callable[[Resolved, str], str] = lambda resolved, text: text
    positional: bool = False


def _padding(resolved: Resolved, text: str) -> str:
    value = constant(text)
    return resolved.carrier.speller.quoted(value.lower()) if isinstance(value, str) else text


def _format(resolved: Resolved, text: str) -> str:
    quoted = resolved.carrier.speller.quoted
    first, last = quoted("channels_first"), quoted("channels_last")
    value = constant(text)
    if value is VARIES:
        return f"{first} if {text}.startswith({quoted('NC')}) else {last}"
    return first if value and value.startswith("NC") else last


def _rate(resolved: Resolved, text: str) -> str:
    value = constant(text)
    if value is VARIES:
        return f"1 - {text}"
    return repr(float(f"{1 - value:.12g}"))


_FILTERS = Row("num_outputs", "filters", positional=True)
_KERNEL = Row("kernel_size", "kernel_size", positional=True)
_POOL = Row("kernel_size", "pool_size", positional=True)
_PADDING = Row("padding", "padding", "valid", _padding)
_FORMAT = Row("data_format", "data_format", "channels_last", _format)
_STRIDES = Row("stride", "strides", 1)
_TRAINABLE = Row("trainable", "trainable", True)
_GEOMETRY = (_STRIDES, _PADDING, _FORMAT)
_ZEROS, _ONES = nn.zeros_initializer(), nn.ones_initializer()


def _variable(
    name: str, slims: str, initial: str = "", default: Any = None, regular: str = ""
) -> tuple[Row, Row]:
    return (
        Row(initial or f"{slims}_initializer", f"{name}_initializer", default),
        Row(regular or f"{slims}_regularizer", f"{name}_regularizer"),
    )


_KERNEL_ROWS = _variable("kernel", "weights")
_BIAS_ROWS = _variable("bias", "biases", default=_ZEROS)
_ENDS = (*_BIAS_ROWS, _TRAINABLE)
_DILATION = Row("rate", "dilation_rate", 1)
_CONV = (_FILTERS, _KERNEL, *_GEOMETRY, _DILATION, *_KERNEL_ROWS, *_ENDS)
_TRANSPOSE = (_FILTERS, _KERNEL, *_GEOMETRY, *_KERNEL_ROWS, *_ENDS)
_MULTIPLIER = Row("depth_multiplier", "depth_multiplier", 1)
_DEPTHWISE = (
    *(_KERNEL, *_GEOMETRY, _MULTIPLIER, _DILATION),
    *_variable("depthwise", "weights"),
    *_ENDS,
)
_SEPARABLE = (
    *(_FILTERS, _KERNEL, *_GEOMETRY, _DILATION, _MULTIPLIER),
    *_variable("depthwise", "weights"),
    *_variable("pointwise", "weights"),
    *_ENDS,
)
_DENSE = (Row("num_outputs", "units", positional=True), *_KERNEL_ROWS, *_ENDS)
_POOLING = (_POOL, Row("stride", "strides", object()), _PADDING, _FORMAT)
_DROPOUT = (Row("keep_prob", "rate", object(), _rate), Row("noise_shape", "noise_shape"))
_NORM = (
    *(Row("decay", "momentum", 0.99), Row("epsilon", "epsilon", 0.001)),
    *(Row("center", "center", True), Row("scale", "scale", True)),
    *(Row("renorm", "renorm", False), Row("renorm_clipping", "renorm_clipping")),
    *(Row("renorm_decay", "renorm_momentum", 0.99), Row("fused", "fused"), _TRAINABLE),
    Row("adjustment", "adjustment"),
)
_BY_RANK = {3: "1D", 4: "2D", 5: "3D"}


@dataclass(frozen=True)
class Op:
    """How an op of Slim is written.

    Attributes:
      layer: the class in `layers`, or a function of the call.
      rows: its arguments.
      base: the default name of its variable scope; None: it has no variables.
      training: whether it is called with `training`.
    """

    layer: str | Callable[[Resolved], str]
    rows: tuple[Row, ...] | Callable[[Resolved], tuple[Row, ...]]
    base: str | None = None
    training: bool = False


def _conv(resolved: Resolved) -> str:
    ranks = {jnp.ndim(v.call.inputs) for v in resolved.visits}
    if len(ranks) > 1:
        raise Refusal(f"line {resolved.line}: the inputs have another rank on another visit.")
    return "Conv" + _BY_RANK[ranks.pop()]


def _is_depthwise(resolved: Resolved) -> bool:
    without = {a.value is None for a in resolved.arguments("num_outputs")}
    if len(without) > 1:
        raise Refusal(f"line {resolved.line}: num_outputs is None on some visits only.")
    return without.pop()


OPS: dict[str, Op] = {
    **{name: Op(_conv, _CONV, "Conv") for name in ("convolution", "conv1d", "conv2d", "conv3d")},
    "conv2d_transpose": Op("Conv2DTranspose", _TRANSPOSE, "Conv2d_transpose"),
    "conv3d_transpose": Op("Conv3DTranspose", _TRANSPOSE, "Conv3d_transpose"),
    "separable_conv2d": Op(
        lambda r: "DepthwiseConv2D" if _is_depthwise(r) else "SeparableConv2D",
        lambda r: _DEPTHWISE if _is_depthwise(r) else _SEPARABLE,
        "SeparableConv2d",
    ),
    "fully_connected": Op("Dense", _DENSE, "fully_connected"),
    "batch_norm": Op("BatchNormalization", _NORM, "BatchNorm", training=True),
    "dropout": Op("Dropout", (*_DROPOUT, Row("seed", "seed")), training=True),
    "flatten": Op("Flatten", ()),
    **{
        f"{short}_pool{n}d": Op(f"{long}Pooling{n}D", _POOLING)
        for short, long in (("max", "Max"), ("avg", "Average"))
        for n in (1, 2, 3)
    },
}


def layer_step(
    resolved: Resolved,
    name: str | None,
    everything: bool,
    functional: bool,
    activation: Step | None = None,
) -> Step:
    """The step that computes an op, with its activation if one is given; without a normalizer."""
    op = OPS[resolved.op]
    layer = op.layer if isinstance(op.layer, str) else op.layer(resolved)
    rows = op.rows if isinstance(op.rows, tuple) else op.rows(resolved)
    step = Step(f"layers.{layer}", [])
    written: list[tuple[str, str]] = []  # the name, empty where it goes by position; the text
    for row in rows:
        _write(resolved, row, step, written, everything)
    if resolved.op == "batch_norm":
        _normalization(resolved, step, written)
    elif "biases_initializer" in resolved.names():
        _biases(resolved, step, written)
    reuse = resolved.text("reuse") if _is_set(resolved, "reuse") else None
    if name is not None:
        written.append(("name", name))
    if activation is not None:
        written.append(("activation", activation.function))
        step.origins |= activation.origins
    if op.training:
        step.call.append(f"training={resolved.text('is_training')}")
        _note(resolved, "is_training", "training", step)
    step.arguments = in_order(layer, written)
    if functional or reuse is not None:
        called = [*step.arguments, *step.call] + ([f"reuse={reuse}"] if reuse is not None else [])
        return Step(f"layers.{snake_case(layer)}", None, called, step.origins)
    if resolved.op == "batch_norm" and _rank(resolved) == 2:
        step.reshaped = ("{}[:, None, None, :]", "[:, 0, 0]")
    return step


def in_order(layer: str, written: list[tuple[str, str]]) -> list[str]:
    """Arguments in the order of the layer's signature."""
    order = list(inspect.signature(getattr(layers, layer)).parameters)
    named = sorted((w for w in written if w[0]), key=lambda w: order.index(w[0]))
    return [text for name, text in written if not name] + [f"{k}={v}" for k, v in named]


def _write(
    resolved: Resolved, row: Row, step: Step, written: list[tuple[str, str]], everything: bool
) -> None:
    """Write one argument, if it is to be seen."""
    if row.slim not in resolved.names():
        return
    value, given = resolved.value(row.slim), resolved.is_given(row.slim)
    if row.slim == "biases_initializer" and value is None:
        return
    if not given and not everything and _is_default(resolved, row, value):
        return
    if given and value is None and row.default is None and not row.positional and not everything:
        return
    text = row.convert(resolved, resolved.text(row.slim))
    if text == "None" and not row.positional and not everything:
        return
    written.append(("" if row.positional else row.layers, text))
    _note(resolved, row.slim, row.layers, step)


def _is_default(resolved: Resolved, row: Row, value: Any) -> bool:
    if row.slim == "weights_initializer" and equal(value, slim.xavier_initializer()):
        return not any(v.initializer for v in resolved.visits)
    if value is VARIES:
        return False
    literal = resolved.carrier.speller.literal(value)
    if literal is None:
        return equal(value, row.default)
    return equal(constant(row.convert(resolved, literal)), row.default) or equal(value, row.default)


def _note(resolved: Resolved, name: str, named: str, step: Step) -> None:
    origin = resolved.origin(name)
    if origin:
        step.origins[named] = origin


def _is_set(resolved: Resolved, name: str) -> bool:
    unset = (None, False)
    values = [a.value for a in resolved.arguments(name)] if name in resolved.names() else []
    return any(all(value is not u for u in unset) for value in values)


def _rank(resolved: Resolved) -> int:
    ranks = {jnp.ndim(v.call.inputs) for v in resolved.visits}
    if len(ranks) > 1:
        raise Refusal(f"line {resolved.line}: the inputs have another rank on another visit.")
    return ranks.pop()


def _biases(resolved: Resolved, step: Step, written: list[tuple[str, str]]) -> None:
    """A layer has no bias where Slim has a normalizer, or no initializer for it."""
    normalized = {bool(a.value) for a in resolved.arguments("normalizer_fn")}
    initialized = {a.value is not None for a in resolved.arguments("biases_initializer")}
    if normalized == {True} or initialized == {False}:
        written[:] = [w for w in written if not w[0].startswith("bias_")]
        written.append(("use_bias", "False"))
        if True in normalized:
            _note(resolved, "normalizer_fn", "use_bias", step)
        step.origins = {k: v for k, v in step.origins.items() if not k.startswith("bias_")}
    elif len(normalized) > 1 and initialized == {True}:
        condition = resolved.condition("normalizer_fn")
        text = f"not {condition}" if condition.isidentifier() else f"not ({condition})"
        written.append(("use_bias", text))
    elif len(initialized) > 1:
        raise Refusal(f"line {resolved.line}: the layer has biases on some visits only.")


def _normalization(resolved: Resolved, step: Step, written: list[tuple[str, str]]) -> None:
    """The arguments of batch norm that have no row of their own."""
    for name in ("batch_weights", "zero_debias_moving_mean"):
        if _is_set(resolved, name):
            raise Refusal(f"line {resolved.line}: layers.BatchNormalization has no {name}.")
    first = resolved.value("data_format")
    if first is VARIES or first == "NCHW":
        text = resolved.text("data_format")
        quoted = resolved.carrier.speller.quoted("NCHW")
        written.append(("axis", "1" if first == "NCHW" else f"1 if {text} == {quoted} else -1"))
    for name, what in (
        ("param_initializers", "initializer"),
        ("param_regularizers", "regularizer"),
    ):
        for key in _keys(resolved, name):
            written.append((f"{key}_{what}", resolved.item(name, key)))
    plain = resolved.value("updates_collections") == nn.GraphKeys.UPDATE_OPS
    if not plain and _rank(resolved) not in (2, 4) and "fused" not in dict(written):
        written.append(("fused", "False"))


def _keys(resolved: Resolved, name: str) -> list[str]:
    keys = [tuple(a.value or ()) for a in resolved.arguments(name)]
    if len(set(keys)) > 1:
        raise Refusal(f"line {resolved.line}: {name} has other keys on another visit.")
    return list(keys[0])
