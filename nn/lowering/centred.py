"""Scaling by channel and sums by channel: two operations, each the other's transpose.

A batch norm scales what lies off a centre, and on its way back it needs two sums:

    scaled(x, centre, factor, offset) = (x - centre) * factor + offset
    sums(dy, x, centre)               = sum of dy, sum of dy * (x - centre)

The first is linear in (factor, offset) together, the second in dy, and each is the other's
transpose. As primitives of JAX the two sums stay one operation, which a CPU computes in one loop,
and all that is kept for the way back is x, not what lies off the centre, as large as x again.

The centre, the factor, the offset and the sums have an axis for each of x's, of size 1 where x is
added up.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from nn.lowering.sums import added, cut, group_size

_scaled = Primitive("scaled")
_sums = Primitive("centred_sums")
_sums.multiple_results = True

_SMALLEST_GROUP = 4  # below it, sums of their own cost no more


def scaled(x: jax.Array, centre: jax.Array, factor: jax.Array, offset: jax.Array) -> jax.Array:
    """`(x - centre) * factor + offset`, where the last three have one shape."""
    return _scaled.bind(x, centre, factor, offset)  # type: ignore


def sums(dy: jax.Array, x: jax.Array, centre: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The sums of dy and of `dy * (x - centre)`, of the centre's shape."""
    return tuple(_sums.bind(dy, x, centre))  # type: ignore


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def mean_and_variance(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The mean and the biased variance, of size 1 along the axes."""
    forms = {"cpu": _moments_in_one_loop, "default": _moments}
    return lax.platform_dependent(x, **{on: partial(f, axes=axes) for on, f in forms.items()})


# Forms --------------------------------------------------------------------------------------------


def _scale(x: jax.Array, centre: jax.Array, factor: jax.Array, offset: jax.Array) -> jax.Array:
    return (x - centre) * factor + offset


def _sum(dy: jax.Array, x: jax.Array, centre: jax.Array) -> list[jax.Array]:
    return [jnp.sum(a, _summed(x, centre), keepdims=True) for a in (dy, dy * (x - centre))]


def _sum_in_one_loop(dy: jax.Array, x: jax.Array, centre: jax.Array) -> list[jax.Array]:
    axes = _summed(x, centre)
    axis, group = _grouped(x.shape, axes)
    if group == 1:
        return _sum(dy, x, centre)
    totals = added([cut(a, axis, group) for a in (dy, dy * (x - centre))], axis + 1)
    return [jnp.sum(total, axes, keepdims=True) for total in totals]


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    mean = jnp.mean(x, axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), axes, keepdims=True)


def _moments_in_one_loop(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The moments of groups, and from them those of all.

    Within a group they are those of the differences from its first element: however far the mean
    lies from zero, no digits are lost to it, as they would be in the mean of the squares.
    """
    axis, group = _grouped(x.shape, axes)
    if group == 1:
        return _moments(x, axes)
    x = cut(x, axis, group)
    first = lax.index_in_dim(x, 0, axis + 1)
    off = x - first
    total, squares = added([off, jnp.square(off)], axis + 1)
    means = jnp.squeeze(first, axis + 1) + total / group
    mean = jnp.mean(means, axes, keepdims=True)
    within = (squares - total * total * (1 / group)) * (1 / group)
    return mean, jnp.mean(within + jnp.square(means - mean), axes, keepdims=True)


def _summed(x: jax.Array, centre: jax.Array) -> tuple[int, ...]:
    """The axes along which x is added up."""
    return tuple(
        i for i, (n, kept) in enumerate(zip(x.shape, centre.shape, strict=True)) if kept == 1 < n
    )


def _grouped(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int]:
    """The axis along which groups are added up first, and their size: the innermost that has any.

    It is not the last axis of all, along which the loop itself runs.
    """
    sizes = [(axis, group_size(shape[axis], 2)) for axis in axes if axis < len(shape) - 1]
    enough = [(axis, group) for axis, group in sizes if group >= _SMALLEST_GROUP]
    return max(enough, default=(0, 1))


# Rules --------------------------------------------------------------------------------------------


@mean_and_variance.defjvp
def _moved_moments(axes: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    mean, variance = mean_and_variance(x, axes)
    count = x.size // mean.size
    total, weighted = sums(dx, x, mean)
    return (mean, variance), (total / count, weighted * (2 / count))


@_scaled.def_abstract_eval
def _shape_of_scaled(x: Any, *_: Any) -> Any:
    return x.update(weak_type=False)


@_sums.def_abstract_eval
def _shapes_of_sums(dy: Any, x: Any, centre: Any) -> Any:
    return [centre.update(weak_type=False)] * 2


def _moved_scaled(primals: Any, tangents: Any) -> Any:
    x, centre, factor, _ = primals
    dx, dcentre, dfactor, doffset = tangents
    terms = [] if _is_zero(dx) else [factor * dx]
    if not _is_zero(dcentre, dfactor, doffset):
        dcentre, dfactor, doffset = map(ad.instantiate_zeros, (dcentre, dfactor, doffset))
        terms.append(scaled(x, centre, dfactor, doffset - factor * dcentre))
    return scaled(*primals), (terms[0] if len(terms) == 1 else terms[0] + terms[1])


def _moved_sums(primals: Any, tangents: Any) -> Any:
    dy, x, centre = primals
    ddy, dx, dcentre = tangents
    total, weighted = sums(ad.instantiate_zeros(ddy), x, centre)
    if not _is_zero(dx, dcentre):
        moved = dy * (ad.instantiate_zeros(dx) - ad.instantiate_zeros(dcentre))
        weighted = weighted + jnp.sum(moved, _summed(x, centre), keepdims=True)
    return sums(*primals), (total, weighted)


def _is_zero(*tangents: Any) -> bool:
    return all(isinstance(tangent, ad.Zero) for tangent in tangents)


def _transposed_scaled(ct: Any, x: Any, centre: Any, factor: Any, offset: Any) -> Any:
    if _is_zero(ct):
        return None, None, None, None
    total, weighted = sums(ct, x, centre)
    wanted = map(ad.is_undefined_primal, (factor, offset))
    return None, None, *(s if w else None for s, w in zip((weighted, total), wanted, strict=True))


def _transposed_sums(cts: Any, dy: Any, x: Any, centre: Any) -> Any:
    if _is_zero(*cts):
        return None, None, None
    total, weighted = map(ad.instantiate_zeros, cts)
    return scaled(x, centre, weighted, total), None, None


def _batched(primitive: Primitive, operands: Any, axes: Any) -> Any:
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    operands = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    results = primitive.bind(*operands)  # type: ignore
    return results, [0, 0] if primitive.multiple_results else 0


for primitive in (_scaled, _sums):
    primitive.def_impl(jax.jit(primitive.bind))
    batching.primitive_batchers[primitive] = partial(_batched, primitive)
ad.primitive_jvps[_scaled] = _moved_scaled
ad.primitive_jvps[_sums] = _moved_sums
ad.primitive_transposes[_scaled] = _transposed_scaled
ad.primitive_transposes[_sums] = _transposed_sums
mlir.register_lowering(_scaled, mlir.lower_fun(_scale, multiple_results=False))
mlir.register_lowering(_sums, mlir.lower_fun(_sum, multiple_results=True))
mlir.register_lowering(
    _sums, mlir.lower_fun(_sum_in_one_loop, multiple_results=True), platform="cpu"
)
