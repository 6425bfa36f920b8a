"""`optimize_loss`: a train op with the learning rate as a variable, noise and clipping."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

import nn
from nn.graph import Array
from slim import summaries as log
from slim.gradients import Pairs, global_norm, multiply_gradients, name_of
from slim.steps import get_or_create_global_step
from slim.training import TrainOp, loss_function, names_of

__all__ = ["OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "adaptive_clipping_fn", "optimize_loss"]

OPTIMIZER_CLS_NAMES = {
    "Adagrad": nn.AdagradOptimizer,
    "Adam": nn.AdamOptimizer,
    "Ftrl": nn.FtrlOptimizer,
    "Momentum": lambda learning_rate: nn.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": nn.RMSPropOptimizer,
    "SGD": nn.GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = [
    "learning_rate",
    "loss",
    "gradients",
    "gradient_norm",
    "global_gradient_norm",
]


def optimize_loss(
    loss: Callable[..., Any],
    global_step: Any,
    learning_rate: Any,
    optimizer: Any,
    gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[[Array, Array], Array] | None = None,
    update_ops: Iterable[Any] | None = None,
    variables: Sequence[Any] | None = None,
    name: str | None = None,
    summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> TrainOp:
    """Make the train op of a loss function; see `slim.training.TrainOp` for how to run it.

    Args:
      loss: the loss function, of a batch; see `slim.training`.
      global_step: which variable counts the steps: None: `global_step`, which is made if the model
        has none; or the name of an integer variable of the model's.
      learning_rate: a float, which becomes the variable `OptimizeLoss/learning_rate`, a scalar
        array, or None if the optimizer has its own.
      optimizer: a key of `OPTIMIZER_CLS_NAMES`; a function of the learning rate (of nothing if
        that is None), such as `nn.AdamOptimizer`; or what such a function returns.
      gradient_noise_scale: the factor of the normal noise, truncated at 2, to add to gradients.
      gradient_multipliers: factors of gradients by variable or its name.
      clip_gradients: the largest norm of all gradients together, a float; or a function from pairs
        of gradient and variable to such pairs: `adaptive_clipping_fn()`.
      learning_rate_decay_fn: `learning_rate, global_step -> learning_rate`.
      update_ops: see `slim.training.create_train_op`.
      variables: `nn.Variable`s or names of what to train; None: all trainable ones.
      name: the scope of the variables made here, `OptimizeLoss` by default.
      summaries: which of `OPTIMIZER_SUMMARIES` to put aside, by default the loss, the learning
        rate, and the norm of all gradients together.
      colocate_gradients_with_ops: accepted for ported code: XLA decides.
      increment_global_step: whether to count the steps.

    Raises:
      ValueError: an argument has no meaning, or two do not go together.
      TypeError: `global_step` is no name.

    Source: `slim.optimize_loss`, `slim.optimizers.optimize_loss`.

    >>> def loss(x):
    ...     return jnp.sum(nn.get_variable('w', initializer=jnp.ones(2)) * x)
    >>> train_op = slim.optimize_loss(loss, None, 0.1, 'SGD', clip_gradients=1.0)
    >>> train_state = train_op.init(jax.random.key(0), jnp.array([3.0, 4.0]))
    >>> train_state, _ = train_op(train_state, jnp.array([3.0, 4.0]))
    >>> train_state.params['w'], sorted(train_state.state)
    (Array([0.94, 0.92], dtype=float32), ['OptimizeLoss/learning_rate', 'global_step'])
    """
    del colocate_gradients_with_ops
    if global_step is not None and not isinstance(global_step, str | nn.Variable):
        raise TypeError(f"global_step must be None or the name of a variable, got {global_step!r}.")
    counter = "global_step" if global_step is None else name_of(global_step)
    chosen = ["loss", "learning_rate", "global_gradient_norm"] if summaries is None else summaries
    if wrong := [word for word in chosen if word not in OPTIMIZER_SUMMARIES]:
        raise ValueError(f"summaries must be of {OPTIMIZER_SUMMARIES}, got {wrong[0]!r}.")
    if not (
        clip_gradients is None or isinstance(clip_gradients, float) or callable(clip_gradients)
    ):
        raise ValueError(f"clip_gradients must be a float or a function, got {clip_gradients!r}.")
    _check_rate(learning_rate)
    scope, function = name or "OptimizeLoss", loss_function(loss)
    make = _factory(optimizer, learning_rate)

    def value(*batch: Any) -> Array:
        found = function(*batch)
        if "loss" in chosen:
            with nn.name_scope(f"{scope}/"):
                log.add_scalar_summary(found, "loss")
        return found

    def rate() -> Any:
        if learning_rate is None:
            return ()
        with nn.variable_scope(scope):
            rate = learning_rate
            if isinstance(rate, float):
                first = nn.constant_initializer(rate)
                rate = nn.get_variable("learning_rate", [], trainable=False, initializer=first)
            if learning_rate_decay_fn is not None:
                rate = learning_rate_decay_fn(rate, _count(counter))
                if "learning_rate" in chosen:
                    log.add_scalar_summary(rate, "learning_rate")
        return rate

    def change(pairs: Pairs) -> Pairs:
        with nn.variable_scope(scope):
            if gradient_noise_scale is not None:
                pairs = [(_noisy(g, gradient_noise_scale), v) for g, v in pairs]
            if gradient_multipliers is not None:
                pairs = multiply_gradients(pairs, gradient_multipliers)
            norm = global_norm(pairs)
            if {"global_gradient_norm", "gradient_norm"} & {*chosen}:
                log.add_scalar_summary(norm, "global_norm/gradient_norm")
            if isinstance(clip_gradients, float):
                factor = clip_gradients / jnp.maximum(norm, clip_gradients)
                pairs = [(g * factor.astype(g.dtype), v) for g, v in pairs]  # type: ignore
            elif clip_gradients is not None:
                pairs = clip_gradients(pairs)  # type: ignore
            _log_gradients(pairs, chosen, clip_gradients is not None)
        return pairs

    return TrainOp(
        value,
        rate,
        make,
        change,
        names_of(variables),
        names_of(update_ops),
        counter if increment_global_step else None,
        check_numerics=False,
    )


def adaptive_clipping_fn(
    std_factor: Any = 2.0,
    decay: Any = 0.95,
    static_max_norm: Any = None,
    global_step: Any = None,
    report_summary: bool = False,
    epsilon: float = 1e-08,
    name: str | None = None,
) -> Callable[[Pairs], Pairs]:
    """Return a function that clips gradients whose norm is unusual, for `slim.optimize_loss`.

    It keeps moving averages of the logarithm of the norm of all gradients together, and of its
    square, in two variables. A norm more than `std_factor` standard deviations above the mean is
    brought to the mean.

    Args:
      std_factor: how many standard deviations are usual.
      decay: of the moving averages.
      static_max_norm: a norm that is never exceeded.
      global_step: the name of the variable that counts the steps, or a number: the averages move
        faster at the start, with a decay of at most `n / (n + 1)`.
      report_summary: put the largest usual norm aside as a summary.
      epsilon: is added to the norm; the smallest variance.
      name: the scope of the variables, `AdaptiveMaxNorm` by default.

    Source: `slim.adaptive_clipping_fn`, `slim.optimizers.adaptive_clipping_fn`.

    >>> clip = slim.adaptive_clipping_fn(static_max_norm=1.0)
    >>> net = nn.transform(lambda: clip([(jnp.array([3.0, 4.0]), 'w')])[0][0])
    >>> clipped, state = net.apply(*net.init(jax.random.key(0)))
    >>> clipped, sorted(state)
    (Array([0.6, 0.8], dtype=float32), ['AdaptiveMaxNorm/mean', 'AdaptiveMaxNorm/sq_mean'])
    """

    def clip(grads_and_vars: Pairs) -> Pairs:
        norm = global_norm(grads_and_vars)
        kept = jnp.asarray(decay, float)
        if global_step is not None:
            count = _count(global_step) if isinstance(global_step, str) else global_step
            count = jnp.asarray(count).astype(float)
            kept = jnp.minimum(kept, count / (count + 1))
        with nn.variable_scope(name, "AdaptiveMaxNorm"):
            size = jnp.log(norm + epsilon)
            mean = _moved("mean", size, kept)
            square = _moved("sq_mean", size * size, kept)
        spread = jnp.sqrt(jnp.maximum(epsilon, square - mean * mean))
        largest = jnp.exp(mean + std_factor * spread)
        if report_summary:
            log.add_scalar_summary(largest, "global_norm/adaptive_max_gradient_norm")
        factor = jnp.where(norm < largest, 1.0, jnp.exp(mean) / norm)
        if static_max_norm is not None:
            factor = jnp.minimum(static_max_norm / norm, factor)
        return [(g if g is None else g * factor.astype(g.dtype), v) for g, v in grads_and_vars]

    return clip


def _moved(name: str, value: Array, decay: Array) -> Array:
    """Move the average `name` of the open scope towards a value, and return it."""
    zeros = nn.zeros_initializer()
    average = nn.get_variable(name, [], value.dtype, zeros, trainable=False)
    average = average - (average - value) * (1 - decay)
    nn.assign(name, average)
    return average


def _count(name: str) -> Array:
    """Return the value of a counter of steps, from within any scope."""
    with nn.variable_scope(nn.VariableScope(reuse=nn.AUTO_REUSE)):
        if name == "global_step":
            return get_or_create_global_step()
        return nn.get_variable(name, [], jnp.int32, trainable=False)


def _noisy(gradient: Array | None, scale: float) -> Array | None:
    if gradient is None:
        return None
    noise = jax.random.truncated_normal(
        nn.next_rng_key(), -2.0, 2.0, gradient.shape, gradient.dtype
    )
    return gradient + noise * scale


def _log_gradients(pairs: Pairs, chosen: Sequence[str], clipped: bool) -> None:
    """Put the gradients and their norms aside, as asked."""
    for gradient, variable in pairs:
        if gradient is not None and "gradients" in chosen:
            log.add_histogram_summary(gradient, f"gradients/{name_of(variable)}")
        if gradient is not None and "gradient_norm" in chosen:
            norm = global_norm([(gradient, variable)])
            log.add_scalar_summary(norm, f"gradient_norm/{name_of(variable)}")
    if clipped and {"global_gradient_norm", "gradient_norm"} & {*chosen}:
        log.add_scalar_summary(global_norm(pairs), "global_norm/clipped_gradient_norm")


def _check_rate(rate: Any) -> None:
    """Refuse what is no learning rate."""
    is_scalar = isinstance(rate, jax.Array) and not rate.shape
    if not (rate is None or isinstance(rate, float) or is_scalar):
        raise ValueError(f"learning_rate must be a float, a scalar array or None, got {rate!r}.")
    if isinstance(rate, float) and rate < 0:
        raise ValueError(f"learning_rate must not be negative, got {rate!r}.")


def _factory(optimizer: Any, learning_rate: Any) -> Callable[[Any], optax.GradientTransformation]:
    """Return the function that makes the optimizer of a learning rate."""
    if isinstance(optimizer, optax.GradientTransformation):
        return lambda _: optimizer
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZER_CLS_NAMES:
            raise ValueError(f"optimizer must be of {[*OPTIMIZER_CLS_NAMES]}, got {optimizer!r}.")
        if learning_rate is None:
            raise ValueError(f"learning_rate is None, and the optimizer {optimizer!r} needs one.")
        return OPTIMIZER_CLS_NAMES[optimizer]
    if not callable(optimizer):
        raise ValueError(
            "optimizer must be a name, an optimizer, or a function of the learning rate that makes "
            f"one, got {optimizer!r}."
        )
    made = optimizer() if learning_rate is None else optimizer(learning_rate)
    if not isinstance(made, optax.GradientTransformation):
        raise ValueError(f"optimizer must make one of nn's or optax's, it returned {made!r}.")
    return (lambda _: made) if learning_rate is None else optimizer  # type: ignore
