"""Constraints of variables, which hold again after an optimizer's update."""

from collections.abc import Iterable, Mapping

from nn.graph import Array, Variable


def constrain(params: Mapping[str, Array], variables: Iterable[Variable]) -> dict[str, Array]:
    """Project `params` as the constraints of the variables say.

    TensorFlow 1's optimizers do so after every update; `optax.apply_updates` knows no variables.

    Args:
      params: the trainable variables after an update.
      variables: what `net.variables(...)` lists.

    >>> net = nn.transform(layers.Dense(2, kernel_constraint=jnp.abs))
    >>> x = jnp.ones((1, 3))
    >>> params = {'dense/kernel': -jnp.ones((3, 2)), 'dense/bias': -jnp.ones(2)}
    >>> nn.constrain(params, net.variables(x))['dense/kernel'][0]
    Array([1., 1.], dtype=float32)
    """
    projections = {v.name: v.constraint for v in variables if v.constraint is not None}
    return {
        name: projections[name](value) if name in projections else value
        for name, value in params.items()
    }
