"""Values put into `params` and `state` by variable name: from a dict, or from a checkpoint.

In TF1 these functions make an op, and a session runs it on the variables that it holds. Here the
op is a function from `params, state` to `params, state`, and a session is those two dicts.
"""

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from nn.graph import Array, Variable, nearest

Values = Mapping[str, Any]
Dicts = tuple[dict[str, Array], dict[str, Array]]
Assign = Callable[[Mapping[str, Array], Mapping[str, Array]], Dicts]
Variables = Sequence[Variable | str] | Mapping[str, Any]


def assign_from_values(
    var_names_to_values: Values,
) -> tuple[Callable[..., Dicts], dict[str, Any]]:
    """Return a function that assigns the values of variables, and the values to give it.

    `assign_op(params, state, feed_dict)` returns both dicts with the values in the place of the
    old ones: reshaped to the variable's shape, in its dtype. It is pure and may be jitted.

    Args:
      var_names_to_values: arrays by variable name.

    Raises:
      ValueError: by `assign_op`: a name is in neither dict, or a value has another size.

    Source: `slim.assign_from_values`.

    >>> net = nn.transform(lambda: nn.get_variable('w', [2, 2]))
    >>> params, state = net.init(jax.random.key(0))
    >>> assign_op, feed_dict = slim.assign_from_values({'w': np.arange(4)})
    >>> params, state = assign_op(params, state, feed_dict)
    >>> params['w']
    Array([[0., 1.],
           [2., 3.]], dtype=float32)
    """
    return functools.partial(_assign, reshape=True), dict(var_names_to_values)


def assign_from_values_fn(var_names_to_values: Values) -> Assign:
    """Return the function `params, state -> params, state` that puts these values in.

    Args:
      var_names_to_values: arrays by variable name.

    Raises:
      ValueError: by that function: a name is in neither dict, or a value has another size.

    Source: `slim.assign_from_values_fn`.

    >>> net = nn.transform(lambda x: layers.dense(x, 2, name='out'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 3)))
    >>> init_fn = slim.assign_from_values_fn({'out/bias': np.array([0.5, -0.5])})
    >>> params, state = init_fn(params, state)
    >>> params['out/bias']
    Array([ 0.5, -0.5], dtype=float32)
    """
    return functools.partial(_assign, values=dict(var_names_to_values), reshape=True)


def assign_from_checkpoint(
    model_path: Any, var_list: Variables, ignore_missing_vars: bool = False
) -> tuple[Callable[..., Dicts], dict[str, Any]]:
    """Return what `slim.assign_from_values` returns, with the values that a checkpoint holds.

    Args:
      model_path: an `.npz` file of arrays by variable name, or a mapping of such arrays, which is
        what checkpoint libraries restore.
      var_list: the variables, as `nn.Variable`s or names; or a dict of them by their names in the
        checkpoint, if those differ. One name may serve a list of variables.
      ignore_missing_vars: leave out, with a warning, what the checkpoint lacks.

    Raises:
      ValueError: the checkpoint lacks a variable, or is one of TensorFlow's; by the function: a
        name is in neither dict, or a value has another shape.

    Source: `slim.assign_from_checkpoint`.

    >>> net = nn.transform(lambda x: slim.fully_connected(x, 2, scope='out'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 3)))
    >>> checkpoint = {'old/biases': np.array([0.5, -0.5])}
    >>> assign_op, feed_dict = slim.assign_from_checkpoint(
    ...     checkpoint, {'old/biases': 'out/biases'})
    >>> feed_dict
    {'out/biases': array([ 0.5, -0.5])}
    >>> params, state = assign_op(params, state, feed_dict)
    """
    found = _values(model_path, var_list, ignore_missing_vars)
    return functools.partial(_assign, reshape=False), found


def assign_from_checkpoint_fn(
    model_path: Any,
    var_list: Variables,
    ignore_missing_vars: bool = False,
    reshape_variables: bool = False,
) -> Assign | None:
    """Return the function `params, state -> params, state` that puts a checkpoint's values in.

    Where variables were left out and none is left, it returns None.

    Args:
      model_path: see `slim.assign_from_checkpoint`.
      var_list: see `slim.assign_from_checkpoint`.
      ignore_missing_vars: leave out, with a warning, what the checkpoint lacks.
      reshape_variables: take a value of another shape that has as many elements.

    Raises:
      ValueError: `var_list` is empty; the checkpoint lacks a variable, or is one of TensorFlow's;
        by the function: a name is in neither dict, or a value does not fit.

    Source: `slim.assign_from_checkpoint_fn`.

    >>> net = nn.transform(lambda x: slim.fully_connected(x, 2, scope='out'))
    >>> params, state = net.init(jax.random.key(0), jnp.ones((1, 3)))
    >>> checkpoint = {'out/weights': np.ones((3, 2)), 'out/biases': np.array([0.5, -0.5])}
    >>> init_fn = slim.assign_from_checkpoint_fn(checkpoint, list(params))
    >>> params, state = init_fn(params, state)
    >>> params['out/biases']
    Array([ 0.5, -0.5], dtype=float32)
    """
    if not var_list:
        raise ValueError(f"var_list must name the variables to restore, got {var_list!r}.")
    values = _values(model_path, var_list, ignore_missing_vars)
    if not values:
        warnings.warn("none of the variables to restore is in the checkpoint", stacklevel=2)
        return None
    return functools.partial(_assign, values=values, reshape=reshape_variables)


def _assign(
    params: Mapping[str, Array], state: Mapping[str, Array], values: Values, reshape: bool
) -> Dicts:
    """Return copies of both dicts with the values in the place of the old ones."""
    both = {**params, **state}
    for name, value in values.items():
        if name not in both:
            raise ValueError(
                f"neither params nor state has a variable {name!r}.{nearest(name, both)}"
            )
        old, new = both[name], jnp.asarray(value)
        if new.shape != old.shape and not (reshape and new.size == old.size):
            raise ValueError(f"the value for {name!r} is {new.shape}: expected {old.shape}.")
        both[name] = new.reshape(old.shape).astype(old.dtype)
    return {name: both[name] for name in params}, {name: both[name] for name in state}


def _values(model_path: Any, var_list: Variables, ignore_missing_vars: bool) -> dict[str, Any]:
    """Return the checkpoint's values by the names of the variables that take them."""
    checkpoint = model_path if isinstance(model_path, Mapping) else _read(Path(model_path))
    sources = var_list if isinstance(var_list, Mapping) else {_name(v): v for v in var_list}
    values = {}
    for source, targets in sources.items():
        if source in checkpoint:
            targets = targets if isinstance(targets, list | tuple) else [targets]
            values |= {_name(target): checkpoint[source] for target in targets}
        elif ignore_missing_vars:
            warnings.warn(f"the checkpoint has no variable {source!r}", stacklevel=3)
        else:
            raise ValueError(
                f"the checkpoint has no variable {source!r}.{nearest(source, checkpoint)} "
                "To leave such variables as they are: ignore_missing_vars=True."
            )
    return values


def _name(variable: Variable | str) -> str:
    return variable if isinstance(variable, str) else variable.name


def _read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file by name."""
    if path.suffix != ".npz":
        raise ValueError(
            f"model_path must be an .npz file, or a dict of arrays by variable name, got "
            f"{str(path)!r}. For a checkpoint of TensorFlow, run where that is installed: "
            "r = tf.train.load_checkpoint(path); np.savez('model.npz', "
            "**{name: r.get_tensor(name) for name in r.get_variable_to_shape_map()})"
        )
    with np.load(path) as arrays:
        return dict(arrays)
