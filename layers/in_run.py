"""What a layer has in the running model: attributes, variables, losses and updates of its own."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import nn
from nn.graph import Array, GraphKeys, find_graph


@dataclass
class Kept:
    """The variables of a layer, each with the value that was handed out, and what it added."""

    weights: list[tuple[nn.Variable, Array]] = field(default_factory=list)
    losses: list[Callable[[], Array | None]] = field(default_factory=list)
    penalties: list[Callable[[], Array | None]] = field(default_factory=list)  # of weights
    updates: list[Any] = field(default_factory=list)
    is_called: bool = False

    def __deepcopy__(self, memo: dict) -> "Kept":
        lists = [*self.weights], [*self.losses], [*self.penalties], [*self.updates]
        return Kept(*lists, is_called=self.is_called)


class InRun:
    """A layer is immutable; in a run it has a copy, whose attributes are those read and set.

    So what `build` and `call` keep as attributes never leaves the run.
    """

    _kept: Any = None  # only the copy has it

    def __getattribute__(self, name: str) -> Any:
        of = self if name.startswith("__") else copy_of(self)
        return object.__getattribute__(of, name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(copy_of(self), name, value)

    def __deepcopy__(self, memo: dict) -> Any:
        """Copy the layer, and in a running model its scope and variables with it."""
        made = memo[id(self)] = _deepcopied(self, memo)
        if (own := copy_of(self)) is not self and (graph := find_graph()):
            graph.layers[made] = _deepcopied(own, memo)
        return made

    @property
    def scope_name(self) -> str:
        """The name of the variable scope that it took."""
        if self._kept is None:
            raise ValueError(f"{self} has no scope before it is called in a running model.")
        return self._scope.name

    @property
    def weights(self) -> list[nn.Variable]:
        """Its variables, the trainable ones first."""
        return self.trainable_weights + self.non_trainable_weights

    @property
    def trainable_weights(self) -> list[nn.Variable]:
        """Its variables that an optimizer may change; none if the layer is not trainable."""
        return [v for v in self._variables() if v.trainable and self._is_trainable]

    @property
    def non_trainable_weights(self) -> list[nn.Variable]:
        """Its other variables."""
        return [v for v in self._variables() if not (v.trainable and self._is_trainable)]

    variables, trainable_variables = weights, trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def losses(self) -> list[Array]:
        """Its regularization losses, as scalars: those of its weights come last."""
        promises = [*self._kept.losses, *self._kept.penalties] if self._kept else []
        return [loss for promise in promises if (loss := promise()) is not None]

    @property
    def updates(self) -> list[Any]:
        """What `add_update` was given."""
        return [*self._kept.updates] if self._kept else []

    def count_params(self) -> int:
        """Return how many numbers its variables hold."""
        if not self.built:
            raise ValueError(f"{self} has no variables before it is called in a running model.")
        return sum(math.prod(variable.shape) for variable in self.weights)

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Add losses: a scalar, a function of nothing that returns one, or a list of them.

        They stand among the regularization losses, and in `losses`.
        """
        del inputs  # TensorFlow asked which losses depend on which inputs
        for loss in jax.tree.leaves(losses):
            promise: Any = loss if callable(loss) else partial(jnp.asarray, loss)
            self._promise(f"{nn.get_variable_scope().name}/add_loss", promise)

    def add_update(self, updates: Any, collection: str = GraphKeys.UPDATE_OPS) -> None:
        """List what was assigned in `updates`, and in the collection of update ops.

        An assignment happens where it is written, so there is nothing to run.
        """
        for update in jax.tree.leaves(updates):
            nn.add_to_collection(collection, update)
            if self._kept:
                self._kept.updates.append(update)

    @property
    def _is_trainable(self) -> bool:
        return getattr(self, "trainable", True)

    def _variables(self) -> list[nn.Variable]:
        """Its variables in the order in which they were made."""
        return [variable for variable, _ in self._kept.weights] if self._kept else []

    def _promise(self, name: str, loss: Callable[[], Array | None], among: str = "losses") -> None:
        """Add a regularization loss, computed when the losses are asked for."""
        nn.add_regularization(name, loss)
        if self._kept:
            getattr(self._kept, among).append(loss)

    def _keep(self, name: str, value: Array) -> Array:
        """Make a variable's value an attribute."""
        if self._kept:
            vars(self)[name] = value
        return value

    def _look_up(self) -> None:
        """Bring attributes that are values of variables up to date."""
        present = {id(value): variable.value for variable, value in self._kept.weights}
        own = vars(self)
        own |= {name: present[id(value)] for name, value in own.items() if id(value) in present}
        self._kept.weights = [(variable, variable.value) for variable in self._variables()]


def copy_of(layer: Any) -> Any:
    """Return the copy of a layer in the running model, or the layer if it has none."""
    graph = find_graph()
    return graph.layers.get(layer, layer) if graph else layer


def _deepcopied(layer: Any, memo: dict) -> Any:
    memo |= {id(value): value for value in vars(layer).values() if isinstance(value, Array)}
    made = object.__new__(type(layer))
    vars(made).update(copy.deepcopy(vars(layer), memo))
    return made
