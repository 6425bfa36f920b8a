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

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from nn.lowering.apart import apart
from nn.lowering.primitives import in_front, is_zero, primitive
from nn.lowering.sums import added, cut, groups, totals


def scaled(x: jax.Array, centre: jax.Array, factor: jax.Array, offset: jax.Array) -> jax.Array:
    """`(x - centre) * factor + offset`, where the last three have one shape."""
    return _scaled.bind(x, centre, factor, offset)  # type: ignore


def sums(dy: jax.Array, x: jax.Array, centre: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The sums of dy and of `dy * (x - centre)`, of the centre's shape."""
    return tuple(_sums.bind(dy, x, centre))  # type: ignore


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def mean_and_variance(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The mean and the biased variance, of size 1 along the axes."""
    return tuple(_moments.bind(x, axes=axes))  # type: ignore


# Forms --------------------------------------------------------------------------------------------


def _scale(x: jax.Array, centre: jax.Array, factor: jax.Array, offset: jax.Array) -> jax.Array:
    return (x - centre) * factor + offset


def _sum(dy: jax.Array, x: jax.Array, centre: jax.Array) -> list[jax.Array]:
    return [jnp.sum(a, _summed(x, centre), keepdims=True) for a in (dy, dy * (x - centre))]


def _sum_in_one_loop(dy: jax.Array, x: jax.Array, centre: jax.Array) -> list[jax.Array]:
    return totals([dy, dy * (x - centre)], _summed(x, centre))


def _mean_and_variance(x: jax.Array, *, axes: tuple[int, ...]) -> list[jax.Array]:
    mean = jnp.mean(x, axes, keepdims=True)
    return [mean, jnp.mean(jnp.square(x - mean), axes, keepdims=True)]


@apart
def _moments_by_groups(x: jax.Array, *, axes: tuple[int, ...]) -> list[jax.Array]:
    """The moments of groups, from them those of groups of groups, and from those of all.

    They are those of the differences from the first element, and a group's are found from the
    differences from its first mean: however far the mean lies from zero, no digits are lost to
    that, as they would be in the mean of the squares. A first one that is an outlier costs four
    bits: then the square of the group's mean is as many times its variance as it has elements.
    """
    if not x.size:
        return _mean_and_variance(x, axes=axes)
    start = x[tuple(slice(0, 1) if i in axes else slice(None) for i in range(x.ndim))]
    means, variances = x - start, []  # of single elements, which do not vary
    for axis, group in groups(x.shape, axes, 3):
        means, *variances = (cut(a, axis, group) for a in (means, *variances))
        first = lax.index_in_dim(means, 0, axis + 1)
        off = means - first
        sums = added([off, jnp.square(off), *variances], axis + 1)
        shift, square, *within = (total * (1 / group) for total in sums)
        means = jnp.squeeze(first, axis + 1) + shift
        variances = [sum(within, start=square - jnp.square(shift))]
    mean = jnp.mean(means, axes, keepdims=True)
    variance = sum(variances, start=jnp.square(means - mean))
    return [start + mean, jnp.mean(variance, axes, keepdims=True)]


def _summed(x: jax.Array, centre: jax.Array) -> tuple[int, ...]:
    """The axes along which x is added up."""
    return tuple(
        i for i, (n, kept) in enumerate(zip(x.shape, centre.shape, strict=True)) if kept == 1 < n
    )


# Rules --------------------------------------------------------------------------------------------


@mean_and_variance.defjvp
def _moved_moments(axes: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    mean, variance = mean_and_variance(x, axes)
    count = math.prod(x.shape[axis] for axis in axes)
    total, weighted = sums(dx, x, mean)
    return (mean, variance), (total / count, 2 * weighted / count)


def _moved_scaled(primals: Any, tangents: Any) -> Any:
    x, centre, factor, _ = primals
    dx, dcentre, dfactor, doffset = tangents
    terms = [] if is_zero(dx) else [factor * dx]
    if not is_zero(dcentre, dfactor, doffset):
        dcentre, dfactor, doffset = map(ad.instantiate_zeros, (dcentre, dfactor, doffset))
        terms.append(scaled(x, centre, dfactor, doffset - factor * dcentre))
    return scaled(*primals), terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _moved_sums(primals: Any, tangents: Any) -> Any:
    dy, x, centre = primals
    ddy, dx, dcentre = tangents
    total, weighted = sums(ad.instantiate_zeros(ddy), x, centre)
    if not is_zero(dx, dcentre):
        moved = dy * (ad.instantiate_zeros(dx) - ad.instantiate_zeros(dcentre))
        weighted = weighted + jnp.sum(moved, _summed(x, centre), keepdims=True)
    return sums(*primals), (total, weighted)


def _transposed_scaled(ct: Any, x: Any, centre: Any, factor: Any, offset: Any) -> Any:
    if is_zero(ct):
        return None, None, None, None
    total, weighted = sums(ct, x, centre)
    wanted = map(ad.is_undefined_primal, (factor, offset))
    return None, None, *(s if w else None for s, w in zip((weighted, total), wanted, strict=True))


def _transposed_sums(cts: Any, dy: Any, x: Any, centre: Any) -> Any:
    if is_zero(*cts):
        return None, None, None
    total, weighted = map(ad.instantiate_zeros, cts)
    return scaled(x, centre, weighted, total), None, None


def _batched_moments(operands: Any, batch_axes: Any, *, axes: tuple[int, ...]) -> Any:
    (x,) = in_front(operands, batch_axes)
    return _moments.bind(x, axes=tuple(axis + 1 for axis in axes)), [0, 0]  # type: ignore


def _shapes_of_moments(x: Any, *, axes: tuple[int, ...]) -> list:
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    return [x.update(shape=shape, weak_type=False)] * 2


_moments = primitive(
    "moments",
    _shapes_of_moments,
    cpu=_moments_by_groups,
    default=_mean_and_variance,
    several=True,
)
_scaled = primitive("scaled", lambda x, *_: x.update(weak_type=False), cpu=_scale, default=_scale)
_sums = primitive(
    "centred_sums",
    lambda dy, x, centre: [centre.update(weak_type=False)] * 2,
    cpu=_sum_in_one_loop,
    default=_sum,
    several=True,
)
ad.primitive_jvps[_scaled] = _moved_scaled
ad.primitive_jvps[_sums] = _moved_sums
ad.primitive_transposes[_scaled] = _transposed_scaled
ad.primitive_transposes[_sums] = _transposed_sums
batching.primitive_batchers[_moments] = _batched_moments
batching.primitive_batchers[_scaled] = lambda xs, axes: (scaled(*in_front(xs, axes)), 0)
batching.primitive_batchers[_sums] = lambda xs, axes: (sums(*in_front(xs, axes)), [0, 0])
