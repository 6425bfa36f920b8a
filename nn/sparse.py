"""Arrays of which only some elements are written down, as `tf.SparseTensor`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

Array = jax.Array


class SparseTensor(NamedTuple):
    """An array given by where it has elements, and which: a pytree, whose shape is static.

    Attributes:
      indices: `[n, rank]` integers: where each element is.
      values: `[n]`.
      dense_shape: the shape of the whole array, a tuple of ints.

    Source: `tf.SparseTensor`.

    >>> sparse = nn.SparseTensor([[0, 1], [1, 0]], [5.0, 7.0], (2, 2))
    >>> sparse.to_dense()
    Array([[0., 5.],
           [7., 0.]], dtype=float32)
    """

    indices: ArrayLike
    values: ArrayLike
    dense_shape: tuple[int, ...]

    def to_dense(self, default_value: ArrayLike = 0) -> Array:
        """Return the whole array, with `default_value` wherever it has no element."""
        values = jnp.asarray(self.values)
        indices = jnp.asarray(self.indices).reshape(-1, len(self.dense_shape))
        empty = jnp.full(self.dense_shape, default_value, values.dtype)
        return empty.at[tuple(indices.T)].set(values)


# As a plain tuple it would have its shape traced by jit, and no array could be made of that shape.
jax.tree_util.register_pytree_with_keys(
    SparseTensor,
    lambda sparse: (
        [(jax.tree_util.GetAttrKey(name), getattr(sparse, name)) for name in ("indices", "values")],
        tuple(int(n) for n in sparse.dense_shape),
    ),
    lambda shape, arrays: SparseTensor(*arrays, dense_shape=shape),
)
