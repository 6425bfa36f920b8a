"""What a running model remembers of its losses: each under the name scope it was computed in."""

import contextlib
from collections.abc import Iterator

import jax.numpy as jnp
from jax.typing import ArrayLike

import nn
from nn.graph import Array, GraphKeys, NamedLoss, find_graph
from slim.scoping import add_arg_scope


@add_arg_scope
def add_loss(loss: ArrayLike, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Add a loss of one's own to the losses of the running model.

    Every loss of this module adds itself by this function: an `arg_scope` of it reaches them all.

    Args:
      loss: an array, as a rule a scalar.
      loss_collection: the collection; None adds nothing.

    Raises:
      ValueError: the model runs this inside a jit, grad, scan ... of its own.

    Source: `slim.losses.add_loss`.

    >>> def objective(x):
    ...     slim.losses.add_loss(jnp.sum(x))
    ...     return slim.losses.get_total_loss()
    >>> float(nn.transform(objective).apply({}, {}, jnp.ones(3))[0])
    3.0
    """
    graph = find_graph()
    if graph is None or not loss_collection:
        return
    graph.check_trace("adding a loss")
    value = jnp.asarray(loss)
    # An array has no name: a loss is found by the name scope in which it is added.
    name = f"{graph.name_scope}/value" if graph.name_scope else "value"
    nn.add_to_collection(loss_collection, NamedLoss(name, lambda: value))


def get_losses(scope: str | None = None, loss_collection: str = GraphKeys.LOSSES) -> list[Array]:
    """Return the losses added so far, without those of regularizers.

    Args:
      scope: a regular expression that the start of a loss's name scope must match.
      loss_collection: the collection.

    Raises:
      ValueError: no model is running.

    Source: `slim.losses.get_losses`.

    >>> def losses(x):
    ...     slim.losses.mean_squared_error(x, 2 * x)
    ...     return slim.losses.get_losses()
    >>> [float(loss) for loss in nn.transform(losses).apply({}, {}, jnp.ones(3))[0]]
    [1.0]
    """
    return nn.get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Array]:
    """Return the losses of the regularizers, computed from the present values of variables.

    Args:
      scope: a regular expression that the start of a loss's name must match.

    Raises:
      ValueError: no model is running.

    Source: `slim.losses.get_regularization_losses`.

    >>> def losses(x):
    ...     slim.fully_connected(x, 2, weights_regularizer=slim.l2_regularizer(0.1))
    ...     return slim.losses.get_regularization_losses()
    >>> net = nn.transform(losses)
    >>> len(net.apply(*net.init(jax.random.key(0), jnp.ones((1, 3))), jnp.ones((1, 3)))[0])
    1
    """
    return nn.get_regularization_losses(scope)


def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss") -> Array:
    """Return the sum of the losses added so far, those of regularizers included.

    Args:
      add_regularization_losses: whether to include the latter.
      name: the name scope of the sum.

    Raises:
      ValueError: there are none, their shapes differ, or no model is running.
      TypeError: their dtypes differ.

    Source: `slim.losses.get_total_loss`.

    >>> def objective(x, labels):
    ...     logits = slim.fully_connected(x, 2, weights_regularizer=slim.l2_regularizer(0.1))
    ...     slim.losses.softmax_cross_entropy(logits, labels)
    ...     return slim.losses.get_total_loss()
    >>> net = nn.transform(objective)
    >>> x, labels = jnp.ones((1, 3)), jnp.array([[0.0, 1.0]])
    >>> params, state = net.init(jax.random.key(0), x, labels)
    >>> (loss, state), grads = jax.value_and_grad(net.apply, has_aux=True)(params, state, x, labels)
    >>> sorted(grads)
    ['fully_connected/biases', 'fully_connected/weights']
    """
    losses = get_losses() + (get_regularization_losses() if add_regularization_losses else [])
    losses = [jnp.asarray(loss) for loss in losses]
    if not losses:
        raise ValueError(
            "get_total_loss: no loss was added. Call a loss of slim.losses, or "
            "slim.losses.add_loss, before it, in the same run of the model."
        )
    shapes, dtypes = {loss.shape for loss in losses}, {loss.dtype for loss in losses}
    if len(shapes) > 1:
        raise ValueError(f"get_total_loss: the losses have the shapes {shapes}: expected only one.")
    if len(dtypes) > 1:
        raise TypeError(
            f"get_total_loss: the losses have the dtypes {', '.join(sorted(map(str, dtypes)))}: "
            "expected only one. Compute the losses of half-precision logits in float32."
        )
    with nn.name_scope(name, "total_loss"):
        return sum(losses[1:], losses[0])


def remembered(loss: Array) -> Array:
    """Add a loss as every loss function does, and return it."""
    add_loss.unheard(loss)  # type: ignore[attr-defined]
    return loss


@contextlib.contextmanager
def loss_scope(scope: str | None, default_name: str) -> Iterator[str | None]:
    """Open the name scope of a loss if a model is running; gives its name, to enter it again."""
    with nn.name_scope(scope, default_name) if find_graph() else contextlib.nullcontext() as opened:
        yield opened
