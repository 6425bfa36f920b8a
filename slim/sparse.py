"""Arrays written down as the elements they have: to `nn.SparseTensor` and about it."""

from typing import Any

import jax.core
import jax.numpy as jnp
import numpy as np

import nn
from nn import SparseTensor
from nn.graph import Array
from slim.scoping import add_arg_scope
from slim.utils import collect_named_outputs

__all__ = [
    "dense_to_sparse",
    "dense_to_sparse_tensor",
    "indicators_to_sparse_ids",
    "sparse_row_envelope",
]


@add_arg_scope
def dense_to_sparse(
    tensor: Any, eos_token: Any = 0, outputs_collections: Any = None, scope: Any = None
) -> SparseTensor:
    """Return the elements of an array that are not `eos_token`.

    Args:
      tensor: of any shape.
      eos_token: what is left out, the end-of-sequence token of a decoder.
      outputs_collections: collections for the output.
      scope: the scope.

    The result holds NumPy arrays. Of an array that JAX traces the number of such elements is not
    known: then the result is as long as the array, and what is left out stands at its end with
    indices outside of the array, where `to_dense` and JAX's scatters ignore it.

    Source: `slim.dense_to_sparse`.

    >>> sparse, _ = nn.transform(slim.dense_to_sparse).apply({}, {}, jnp.array([[5, 0], [0, 7]]))
    >>> sparse.indices.tolist(), sparse.values.tolist(), sparse.dense_shape
    ([[0, 0], [1, 1]], [5, 7], (2, 2))
    """
    with nn.variable_scope(scope, "dense_to_sparse") as opened:
        outputs = dense_to_sparse_tensor(tensor, eos_token)
        return collect_named_outputs(outputs_collections, opened.name, outputs)  # type: ignore


def dense_to_sparse_tensor(dense_tensor: Any, ignore_value: Any = None) -> SparseTensor:
    """Return the elements of an array that are not `ignore_value`: not 0, if it is None.

    Under a JAX trace the result is as long as the array, as that of `slim.dense_to_sparse`.

    >>> slim.layers.sparse_ops.dense_to_sparse_tensor([3, -1, 4], -1).values
    array([3, 4])
    """
    is_traced = isinstance(dense_tensor, jax.core.Tracer)
    dense: Any = dense_tensor if is_traced else np.asarray(dense_tensor)
    if ignore_value is None:
        ignore_value = np.zeros((), dense.dtype)  # an empty string, for strings
    kept = dense != np.asarray(ignore_value, dense.dtype)
    if not is_traced:
        indices = np.argwhere(kept)
        return SparseTensor(indices, dense[tuple(indices.T)], dense.shape)
    indices = jnp.stack(jnp.nonzero(kept, size=kept.size, fill_value=kept.shape), -1)
    values = dense.at[tuple(indices.T)].get(mode="fill", fill_value=0)
    return SparseTensor(indices, values, dense.shape)


def indicators_to_sparse_ids(
    indicators: Any, ignore_value: Any = None, dtype: Any = jnp.int32
) -> SparseTensor:
    """Turn many-hot rows `[..., n]` into the ids that are on, as `[..., most ids of a row]`.

    Args:
      indicators: rows with another value than `ignore_value` at each id that is on.
      ignore_value: 0, or the empty value of their type, if None.
      dtype: an integer type for the ids.

    Raises:
      ValueError: `dtype` is no integer type.

    >>> ids = slim.layers.sparse_ops.indicators_to_sparse_ids([[0, 0, 1, 0], [1, 1, 0, 1]])
    >>> ids.indices.tolist(), ids.values.tolist(), ids.dense_shape
    ([[0, 0], [1, 0], [1, 1], [1, 2]], [2, 0, 1, 3], (2, 3))
    """
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ValueError(f"indicators_to_sparse_ids: dtype must be an integer type, got {dtype}.")
    found = dense_to_sparse_tensor(indicators, ignore_value)
    *rows, ids = np.asarray(found.indices).T
    order = np.concatenate([np.arange(n) for n in _run_lengths(rows, len(ids))] or [ids])
    shape = *found.dense_shape[:-1], int(order.max(initial=-1)) + 1
    return SparseTensor(np.stack([*rows, order], -1), ids.astype(dtype), shape)


def _run_lengths(rows: list[np.ndarray], total: int) -> np.ndarray:
    """How many neighbours of sorted indices are of the same row."""
    if not rows:
        return np.array([total])
    return np.unique(np.stack(rows), axis=1, return_counts=True)[1]


def sparse_row_envelope(
    sparse_input: SparseTensor, row_axis: int = 0, col_axis: int = 1, name: str | None = None
) -> Array:
    """Return the length of each row of a sparse matrix: behind its last element nothing comes.

    Args:
      sparse_input: the matrix.
      row_axis: the rows' axis.
      col_axis: the columns' axis, another one.
      name: accepted as in TensorFlow.

    Raises:
      ValueError: an axis is no int, or both are one.

    >>> sparse = nn.SparseTensor([[0, 0], [2, 0], [2, 2]], [1, 1, 1], (4, 3))
    >>> slim.layers.sparse_ops.sparse_row_envelope(sparse)
    Array([1, 0, 3, 0], dtype=int32)
    """
    del name
    if not (isinstance(row_axis, int) and isinstance(col_axis, int)) or row_axis == col_axis:
        raise ValueError(
            "sparse_row_envelope: row_axis and col_axis must be two different ints, got "
            f"{row_axis!r} and {col_axis!r}."
        )
    indices = jnp.asarray(sparse_input.indices)
    empty = jnp.zeros(sparse_input.dense_shape[row_axis], indices.dtype)
    return empty.at[indices[:, row_axis]].max(indices[:, col_axis] + 1)
