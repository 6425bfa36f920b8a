"""Reads TensorFlow's spellings of arguments (strides, padding, layouts, dtypes) and checks them."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

LAYOUTS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}

Ints = int | Sequence[int]
Padding = str | Sequence[Sequence[int]]
Pairs = tuple[tuple[int, int], ...]


class Window(NamedTuple):
    """How a window slides over an array: hashable, and one entry per spatial axis."""

    layout: str  # the array's axes, "NHWC" for example
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Pairs  # (before, after)

    def outputs(self, shape: Sequence[int]) -> tuple[int, ...]:
        """How many places the window takes along each spatial axis of an array of this shape."""
        rows = zip(spatial(self.layout, shape), *self[1:], strict=True)
        return tuple((n + sum(pad) - (k - 1) * d - 1) // s + 1 for n, k, s, d, pad in rows)

    def along_axes(self, entries: Sequence[Any], other: Any) -> tuple[Any, ...]:
        """One entry per axis of the array: `other` for batch and channels."""
        named = dict(zip(spatial_letters(self.layout), entries, strict=True))
        return tuple(named.get(letter, other) for letter in self.layout)


def spatial_letters(layout: str) -> str:
    """The axes a window slides over: "HW" of "NHWC"."""
    return layout.strip("NC")


def spatial(layout: str, entries: Sequence[Any]) -> tuple[Any, ...]:
    """The entries of the spatial axes, out of one for each axis of the layout."""
    return tuple(entries[layout.index(letter)] for letter in spatial_letters(layout))


def layout(function: str, data_format: str | None, dimensions: int) -> str:
    """The letters of an array's axes, from TF's letters, Keras's `channels_last`, or None."""
    return _layouts(function, data_format, [dimensions])


def channel_axis(function: str, data_format: str | None) -> int:
    """Where the channels are, -1 or 1, for any number of spatial axes."""
    return -1 if _layouts(function, data_format, LAYOUTS)[-1] == "C" else 1


def per_axis(function: str, argument: str, value: Any, layout: str) -> tuple[int, ...]:
    """One positive int per spatial axis, from an int, `[k]`, `[h, w]` or TF's `[1, h, w, 1]`."""
    lengths = sorted({1, len(layout) - 2, len(layout)})
    *front, last = map(str, lengths)
    expected = f"an int, or a list of {', '.join(front)} or {last} ints (the layout is {layout})"
    numbers = integers(function, argument, value, expected)
    if len(numbers) not in lengths:
        raise error(function, argument, value, expected)
    if len(numbers) == 1:
        numbers *= len(layout) - 2
    numbers = _without_neutral(function, argument, numbers, layout, 1)
    if min(numbers) < 1:
        raise error(function, argument, value, "no number below 1")
    return numbers


def window(
    function: str,
    shape: Sequence[int],
    layout: str,
    size: Sequence[int],
    strides: Ints | None,
    padding: Padding,
    dilations: Ints | None = None,
    *,
    array_argument: str = "input",
    stride_argument: str = "strides",
) -> Window:
    """The window of this size over an array of this shape; strides and dilations of None are 1."""
    strides = per_axis(function, stride_argument, 1 if strides is None else strides, layout)
    dilations = per_axis(function, "dilations", 1 if dilations is None else dilations, layout)
    asked = _padding(function, padding, layout)
    pairs = []
    for axis, n in enumerate(spatial(layout, shape)):
        s, extent = strides[axis], (size[axis] - 1) * dilations[axis] + 1
        if asked == "SAME":
            # There are ceil(n / s) outputs; of an odd number of pixels to add, the end gets more.
            total = max((-(-n // s) - 1) * s + extent - n, 0)
            pair = total // 2, total - total // 2
        else:
            pair = asked[axis]
        if n + sum(pair) < extent:
            raise ValueError(
                f"{function}: {array_argument} has shape {tuple(shape)}: with padding {padding!r}"
                f" its {spatial_letters(layout)[axis]}, {n}, must be at least the window's extent,"
                f" {extent - sum(pair)}"
            )
        pairs.append(pair)
    return Window(layout, tuple(size), strides, dilations, tuple(pairs))


def array(
    function: str, argument: str, value: ArrayLike, letters: str, more_batches: bool = False
) -> jax.Array:
    """An array with one axis per letter (`more_batches`: or with further axes in front)."""
    value = jnp.asarray(value)
    if value.ndim != len(letters) and not (more_batches and value.ndim > len(letters)):
        least = "at least " if more_batches else ""
        raise ValueError(
            f"{function}: {argument} has shape {value.shape}:"
            f" expected {least}{len(letters)} dimensions, [{', '.join(letters)}]"
        )
    return value


def floating(function: str, argument: str, value: ArrayLike, also: Sequence[Any] = ()) -> jax.Array:
    """An array of a floating type (or of one of the types in `also`)."""
    value = jnp.asarray(value)
    if not jnp.issubdtype(value.dtype, jnp.floating) and value.dtype not in also:
        raise TypeError(
            f"{function}: {argument} has dtype {value.dtype}: expected a floating type,"
            f" as {argument}.astype(jnp.float32) has"
        )
    return value


def same_dtype(
    function: str, argument: str, value: ArrayLike, other_argument: str, other: jax.Array
) -> jax.Array:
    """An array of the other one's type: types are never mixed silently."""
    value = jnp.asarray(value)
    if value.dtype != other.dtype:
        raise TypeError(
            f"{function}: {argument} has dtype {value.dtype}:"
            f" expected that of {other_argument}, {other.dtype}"
        )
    return value


def axes(function: str, argument: str, value: Ints | None, rank: int) -> tuple[int, ...]:
    """Distinct axes counted from 0, from an int, a list of ints, or None for all of them."""
    if value is None:
        return tuple(range(rank))
    expected = f"distinct axes of an array of rank {rank}"
    numbers = integers(function, argument, value, expected)
    found = {number % rank for number in numbers if -rank <= number < rank}
    if len(found) != len(numbers):
        raise error(function, argument, value, expected)
    return tuple(sorted(found))


def integers(function: str, argument: str, value: Any, expected: str) -> tuple[int, ...]:
    """Plain ints, from one or from a sequence of them; NumPy's are fine, bools are not."""
    entries = value if isinstance(value, Sequence | np.ndarray) else [value]
    try:
        return tuple(map(_integer, entries))
    except TypeError:
        raise error(function, argument, value, expected, TypeError) from None


def error(
    function: str, argument: str, value: Any, expected: str, kind: type[Exception] = ValueError
) -> Exception:
    """The exception that says which argument of which function had which value, and what fits."""
    return kind(f"{function}: {argument} is {value!r}: expected {expected}")


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _layouts(function: str, data_format: str | None, dimensions: Iterable[int]) -> str:
    """The layout of this name, among those of so many spatial axes."""
    last, first = LAYOUTS[max(dimensions)]
    spellings = {None: last, "channels_last": last, "channels_first": first}
    spellings |= {name: name for d in dimensions for name in LAYOUTS[d]}
    if not isinstance(data_format, str | None) or data_format not in spellings:
        expected = "one of " + ", ".join(map(repr, spellings))
        raise error(function, "data_format", data_format, expected)
    return spellings[data_format]


def _padding(function: str, value: Padding, layout: str) -> Literal["SAME"] | Pairs:
    """'SAME', which depends on the sizes, or the (before, after) of each spatial axis."""
    expected = f"'SAME', 'VALID', or {len(layout)} pairs of ints (the layout is {layout})"
    if isinstance(value, str):
        if value.upper() not in ("SAME", "VALID"):
            raise error(function, "padding", value, expected)
        return "SAME" if value.upper() == "SAME" else ((0, 0),) * (len(layout) - 2)
    try:
        pairs = tuple((_integer(before), _integer(after)) for before, after in value)
    except (TypeError, ValueError):
        raise error(function, "padding", value, expected, TypeError) from None
    if len(pairs) not in (len(layout) - 2, len(layout)):
        raise error(function, "padding", value, expected)
    pairs = _without_neutral(function, "padding", pairs, layout, (0, 0))
    if min(map(min, pairs)) < 0:
        raise error(function, "padding", value, "no number below 0")
    return pairs


def _without_neutral(
    function: str, argument: str, entries: tuple[Any, ...], layout: str, neutral: Any
) -> tuple[Any, ...]:
    """The entries of the spatial axes; a full list must say `neutral` for batch and channels."""
    if len(entries) != len(layout):
        return entries
    if any(entries[layout.index(letter)] != neutral for letter in "NC"):
        expected = f"{neutral} for batch and channels (the layout is {layout})"
        raise error(function, argument, list(entries), expected)
    return spatial(layout, entries)


def widen(x: jax.Array) -> jax.Array:
    """The array, in float32 if its type is a half one: what sums are made in."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x
