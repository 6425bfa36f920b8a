"""TF1's optimizers as optax transformations, with the numbers and the variables of `tf.train`.

Each is one formula for one variable. What it keeps of a variable are its slots: `OptimizerState`
holds them, and `slot_variables` names them as a TF1 checkpoint does, `conv1/weights/Adam`.
"""

# ruff: noqa: N802 (the names are TensorFlow's)

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from nn.graph import Array

Rate = Any  # a float, an array, or a function of the number of steps done
Optimizer = optax.GradientTransformationExtraArgs


class OptimizerState(NamedTuple):
    """What an optimizer of this module keeps between steps.

    Attributes:
      step: how many updates it made.
      slots: for each slot a tree like the params, by the name that TF1 gives it: `Adam_1`.
      powers: Adam's `beta1_power` and `beta2_power`, by name.

    >>> nn.MomentumOptimizer(0.1, 0.9).init({'w': jnp.ones(2)}).slots
    {'Momentum': {'w': Array([0., 0.], dtype=float32)}}
    """

    step: Array
    slots: dict[str, Any]
    powers: dict[str, Array]


def slot_variables(opt_state: OptimizerState) -> dict[str, Array]:
    """Return an optimizer's variables by the names that they have in a TF1 checkpoint.

    Args:
      opt_state: the state of an optimizer of `nn` whose params are a flat dict.

    >>> opt_state = nn.AdamOptimizer().init({'fc/weights': jnp.ones(2)})
    >>> sorted(nn.slot_variables(opt_state))
    ['beta1_power', 'beta2_power', 'fc/weights/Adam', 'fc/weights/Adam_1']
    """
    named = {
        f"{variable}/{slot}": value
        for slot, values in opt_state.slots.items()
        for variable, value in values.items()
    }
    return opt_state.powers | named


def GradientDescentOptimizer(
    learning_rate: Rate, use_locking: bool = False, name: str = "GradientDescent"
) -> Optimizer:
    """Make plain gradient descent.

    Args:
      learning_rate: a float, an array, or a function of the number of steps done.
      use_locking: accepted as in TensorFlow, and not needed.
      name: what the slots are named after.

    Source: `tf.train.GradientDescentOptimizer`.

    >>> optimizer, params = nn.GradientDescentOptimizer(0.5), {'w': jnp.ones(2)}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> updates['w']
    Array([-0.5, -0.5], dtype=float32)
    """
    return make_optimizer(name, learning_rate, {}, lambda g, rate: (-rate * g,))


def MomentumOptimizer(
    learning_rate: Rate,
    momentum: Any,
    use_locking: bool = False,
    name: str = "Momentum",
    use_nesterov: bool = False,
) -> Optimizer:
    """Make gradient descent along a running sum of gradients, decaying by `momentum`.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      momentum: how much of the sum stays at each step.
      use_locking: as there.
      name: as there.
      use_nesterov: take the gradient as it will be one step of the sum later.

    Source: `tf.train.MomentumOptimizer`.

    >>> optimizer, params = nn.MomentumOptimizer(0.5, 0.9, use_nesterov=True), {'w': jnp.ones(2)}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> updates['w']
    Array([-0.95, -0.95], dtype=float32)
    """

    def formula(g: Array, rate: Array, total: Array) -> tuple:
        total = momentum * total + g
        return (-rate * (g + momentum * total) if use_nesterov else -rate * total), total

    return make_optimizer(name, learning_rate, {name: 0.0}, formula)


def RMSPropOptimizer(
    learning_rate: Rate,
    decay: Any = 0.9,
    momentum: Any = 0.0,
    epsilon: Any = 1e-10,
    use_locking: bool = False,
    centered: bool = False,
    name: str = "RMSProp",
) -> Optimizer:
    """Make RMSProp: gradients are divided by the root of their running mean square.

    The mean square starts at 1, and `epsilon` stands inside the root.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      decay: of the running means.
      momentum: of the updates.
      epsilon: keeps the root away from 0.
      use_locking: as there.
      centered: subtract the square of the running mean: divide by a standard deviation.
      name: as there.

    Source: `tf.train.RMSPropOptimizer`.

    >>> optimizer, params = nn.RMSPropOptimizer(0.1), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> round(float(updates['w'][0]), 4)
    -0.1754
    """

    def formula(g: Array, rate: Array, square: Array, *others: Array) -> tuple:
        rest = _rest(decay, g)
        square = square + (g * g - square) * rest
        spread = square
        *mean, moved = others
        if centered:
            mean = [mean[0] + (g - mean[0]) * rest]
            spread = square - mean[0] * mean[0]
        moved = momentum * moved + rate * g / jnp.sqrt(spread + epsilon)
        return -moved, square, *mean, moved

    means = {name: 1.0, f"{name}_1": 0.0} if centered else {name: 1.0}
    return make_optimizer(name, learning_rate, means | {f"{name}_{len(means)}": 0.0}, formula)


def AdamOptimizer(
    learning_rate: Rate = 0.001,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-08,
    use_locking: bool = False,
    name: str = "Adam",
    use_own_namescope_for_non_slot_vars: bool = False,
) -> Optimizer:
    """Make Adam, whose `epsilon` is the paper's epsilon-hat: the bias correction comes after it.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      beta1: the decay of the running mean.
      beta2: the decay of the running mean square.
      epsilon: is added to the root of the uncorrected mean square.
      use_locking: as there.
      name: as there.
      use_own_namescope_for_non_slot_vars: call the powers `Adam/beta1_power`, `Adam/beta2_power`.

    Source: `tf.train.AdamOptimizer`.

    >>> optimizer, params = nn.AdamOptimizer(0.1, epsilon=1.0), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> round(float(updates['w'][0]), 5)
    -0.00595
    """

    def formula(g: Array, rate: Array, mean: Array, square: Array) -> tuple:
        mean = mean + (g - mean) * _rest(beta1, g)
        square = square + (g * g - square) * _rest(beta2, g)
        return -rate * mean / (jnp.sqrt(square) + epsilon), mean, square

    prefix = f"{name}/" if use_own_namescope_for_non_slot_vars else ""
    powers = {f"{prefix}beta1_power": beta1, f"{prefix}beta2_power": beta2}
    return make_optimizer(name, learning_rate, {name: 0.0, f"{name}_1": 0.0}, formula, powers)


def AdagradOptimizer(
    learning_rate: Rate,
    initial_accumulator_value: Any = 0.1,
    use_locking: bool = False,
    name: str = "Adagrad",
) -> Optimizer:
    """Make Adagrad: gradients are divided by the root of the sum of their squares.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      initial_accumulator_value: what the sums start at; positive.
      use_locking: as there.
      name: as there.

    Raises:
      ValueError: `initial_accumulator_value` is not positive.

    Source: `tf.train.AdagradOptimizer`.

    >>> optimizer, params = nn.AdagradOptimizer(0.1), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> round(float(updates['w'][0]), 4)
    -0.0988
    """
    check_positive("AdagradOptimizer", initial_accumulator_value)

    def formula(g: Array, rate: Array, total: Array) -> tuple:
        total = total + g * g
        return -rate * g / jnp.sqrt(total), total

    return make_optimizer(name, learning_rate, {name: initial_accumulator_value}, formula)


def AdadeltaOptimizer(
    learning_rate: Rate = 0.001,
    rho: Any = 0.95,
    epsilon: Any = 1e-08,
    use_locking: bool = False,
    name: str = "Adadelta",
) -> Optimizer:
    """Make Adadelta: gradients are brought to the size of the updates before.

    Args:
      learning_rate: see `nn.GradientDescentOptimizer`, like `use_locking` and `name`.
      rho: the decay of the running mean squares.
      epsilon: stands inside both roots.
      use_locking: as there.
      name: as there.

    Source: `tf.train.AdadeltaOptimizer`.

    >>> optimizer, params = nn.AdadeltaOptimizer(1.0, epsilon=1.0), {'w': jnp.array([2.0])}
    >>> updates, opt_state = optimizer.update(params, optimizer.init(params))
    >>> round(float(updates['w'][0]), 4)
    -1.8257
    """

    def formula(g: Array, rate: Array, square: Array, moved: Array) -> tuple:
        rest = _rest(rho, g)
        square = rho * square + rest * g * g
        move = g * jnp.sqrt(moved + epsilon) / jnp.sqrt(square + epsilon)
        return -rate * move, square, rho * moved + rest * move * move

    return make_optimizer(name, learning_rate, {name: 0.0, f"{name}_1": 0.0}, formula)


def _rest(decay: Any, like: Array) -> Array:
    """Return `1 - decay`, rounded as TensorFlow does: 0.001 is 0.00100005 in float32."""
    return 1 - jnp.asarray(decay, like.dtype)


def check_positive(optimizer: str, value: Any) -> None:
    """Refuse a sum of squares that would start at 0 or below."""
    if value <= 0:
        raise ValueError(f"{optimizer}: initial_accumulator_value must be positive, got {value!r}.")


def make_optimizer(
    name: str,
    learning_rate: Rate,
    slots: Mapping[str, Any],
    formula: Callable[..., tuple],
    powers: Mapping[str, Any] | None = None,
    reads_values: bool = False,
) -> Optimizer:
    """Make an optimizer of its formula for one variable.

    Args:
      name: what the user calls it.
      learning_rate: a float, an array, or a function of the step.
      slots: the first value of each slot by its name.
      formula: `formula(gradient, rate, *slots) -> (update, *slots)`, all of the variable's shape
        but the rate; `formula(gradient, rate, *slots, value)` if it reads values.
      powers: the beta1 and beta2 of Adam, by the names of their powers.
      reads_values: whether the formula needs the variable's value.
    """
    if not name:
        raise ValueError(
            f"an optimizer needs a name, after which its slots are named, got {name!r}."
        )
    if learning_rate is None:
        raise ValueError(f"{name}: learning_rate must be a number or a function, got None.")
    betas = {power: jnp.asarray(beta, float) for power, beta in (powers or {}).items()}

    def init(params: Any) -> OptimizerState:
        def full(value: Any) -> Any:
            return jax.tree.map(lambda p: jnp.full_like(p, value), params)

        trees = {slot: full(value) for slot, value in slots.items()}
        return OptimizerState(jnp.zeros([], jnp.int32), trees, dict(betas))

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple:
        if reads_values and params is None:
            raise ValueError(f"{name} reads the variables: update(gradients, opt_state, params).")
        rate = learning_rate(state.step) if callable(learning_rate) else learning_rate
        rate = jnp.asarray(rate, float)
        if betas:
            power1, power2 = (state.powers[power] for power in betas)
            rate = rate * jnp.sqrt(1 - power2) / (1 - power1)
        leaves, structure = jax.tree.flatten(updates)
        trees = [*(state.slots[slot] for slot in slots), *[params] * reads_values]
        columns = [structure.flatten_up_to(tree) for tree in trees]
        rows = [
            formula(gradient, rate.astype(gradient.dtype), *row)
            for gradient, *row in zip(leaves, *columns, strict=True)
        ]
        moves, *kept = (
            jax.tree.unflatten(structure, [row[n] for row in rows]) for n in range(1 + len(slots))
        )
        powers = {power: state.powers[power] * beta for power, beta in betas.items()}
        return moves, OptimizerState(state.step + 1, dict(zip(slots, kept, strict=True)), powers)

    return Optimizer(init, update)
