"""What a layer expects of its inputs, and the check of it at every call."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

_CONFIG = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")


class InputSpec:
    """What a layer expects of an input: its `input_spec` is one of these, or a list of them.

    Args:
      dtype: the input's dtype.
      shape: its shape; None stands for any size.
      ndim: its number of dimensions.
      max_ndim: the most it may have.
      min_ndim: the least.
      axes: a dict from an axis to its size.
      allow_last_axis_squeeze: whether a last axis of size 1 may be there or not.
      name: the input's key where the inputs are a dict.
      optional: whether None may be given.

    Raises:
      ValueError: an axis is beyond the number of dimensions, or a size is negative.
      TypeError: an axis or a size is no int, or there is no such dtype.

    Source: `tf.layers.InputSpec`.

    >>> class Rows(layers.Layer):
    ...     input_spec = layers.InputSpec(ndim=2, axes={-1: 3})
    ...     def call(self, inputs):
    ...         return inputs
    >>> Rows.input_spec
    InputSpec(ndim=2, axes={-1: 3})
    >>> nn.transform(Rows()).apply({}, {}, jnp.ones((2, 3)))[0].shape
    (2, 3)
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | int | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else jnp.dtype(dtype).name
        self.shape = None if shape is None else _sizes(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional
        try:
            self.axes = {int(axis): size for axis, size in dict(axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(f"InputSpec: axes must be a dict of ints, got {axes!r}.") from None
        most = self.ndim or self.max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ValueError(
                f"InputSpec: axes has axis {max(self.axes)}, and the input {most} dimensions."
            )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that an input is checked by."""
        return {name: getattr(self, name) for name in _CONFIG}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputSpec":
        """Make one of what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.get_config().items() if value)
        return f"InputSpec({shown})"

    def mismatch(self, x: Any) -> str | None:
        """Say what is expected of the input `x` and not there, or None if it fits."""
        shape, rank = x.shape, x.ndim
        if self.ndim not in (None, rank) and not self.allow_last_axis_squeeze:
            return f"expected ndim={self.ndim}, found ndim={rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={rank}"
        if self.dtype is not None and x.dtype.name != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={x.dtype}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] != size:
                return f"expected axis {axis} to have the size {size}"
        pairs = zip(*map(self._squeezed, (self.shape or (), shape)), strict=False)
        if any(size not in (None, found) for size, found in pairs):
            return f"expected shape={self.shape}"
        return None

    def _squeezed(self, shape: tuple) -> tuple:
        return shape[:-1] if self.allow_last_axis_squeeze and shape[-1:] == (1,) else shape


def check_inputs(layer: str, specs: Any, inputs: Any) -> None:
    """Refuse inputs that do not fit a layer's `input_spec`."""
    specs = [specs] if isinstance(specs, InputSpec) else jax.tree.leaves(specs)
    if isinstance(inputs, dict) and all(spec.name for spec in specs):
        absent = [spec.name for spec in specs if spec.name not in inputs]
        if absent:
            raise ValueError(f"{layer}: expected the input {absent[0]!r}, got {list(inputs)}.")
        inputs = [inputs[spec.name] for spec in specs]
    given: list[Any] = jax.tree.leaves(inputs, is_leaf=lambda x: x is None)
    if len(given) != len(specs):
        raise ValueError(f"{layer}: expected {len(specs)} inputs, got {len(given)}.")
    for number, (spec, x) in enumerate(zip(specs, given, strict=True)):
        if x is None and spec.optional:
            continue
        array = jnp.asarray(x)
        if what := spec.mismatch(array):
            raise ValueError(f"{layer}: {what} of input {number}, got the shape {array.shape}.")


def _sizes(shape: Sequence[int | None] | int) -> tuple[int | None, ...]:
    """Return a shape as a tuple."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in sizes:
        if size is not None and not isinstance(size, int):
            raise TypeError(f"InputSpec: shape must have ints and None, got {shape!r}.")
        if size is not None and size < 0:
            raise ValueError(f"InputSpec: shape must have no size below 0, got {shape!r}.")
    return sizes
