"""Batch normalization, with every argument TensorFlow gave it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

import nn
from layers.arguments import floats
from layers.base import Layer, functional
from nn.control import is_known
from nn.graph import Array, GraphKeys, Initializer
from nn.spelling import widen


@dataclass(frozen=True, eq=False, repr=False)
class BatchNormalization(Layer):
    """Normalizes each channel by its mean and variance over the batch, or by their moving averages.

    Its variables are `gamma` and `beta` (trainable), `moving_mean` and `moving_variance` (in
    `state`), each `[C]`, below `batch_normalization`. A call in training mode moves the averages
    `m` by `m -= (1 - momentum) * (m - batch's)`; `apply` returns them.

    Args:
      axis: the channels' axis, or a list of axes that keep statistics of their own.
      momentum: of the moving averages.
      epsilon: added to the variance.
      center: whether to add `beta`.
      scale: whether to multiply by `gamma`.
      beta_initializer: of `beta`.
      gamma_initializer: of `gamma`.
      moving_mean_initializer: of `moving_mean`.
      moving_variance_initializer: of `moving_variance`.
      beta_regularizer: a function of `beta`, added to the regularization losses.
      gamma_regularizer: a function of `gamma`, likewise.
      beta_constraint: the projection of `beta` after an optimizer's update.
      gamma_constraint: the projection of `gamma`, likewise.
      renorm: batch renormalization; adds `moving_stddev`, `renorm_mean` and `renorm_stddev`.
      renorm_clipping: a dict with some of `rmin`, `rmax`, `dmax`.
      renorm_momentum: of the renorm averages.
      fused: whether to count as TensorFlow's fused kernel does, which gives the moving variance
        Bessel's correction n / (n - 1); None: for inputs of rank 4 and 5.
      trainable: whether `gamma` and `beta` are trainable; False also stops the moving averages.
      virtual_batch_size: normalize groups of this many examples.
      adjustment: `adjustment(shape)` gives a scale and an offset for training.
      name: the layer's name, and its variable scope.

    `call(inputs, training=False)`: `training` is a bool, or an array of one bool.

    Raises:
      ValueError: an axis that the inputs lack, or arguments that exclude each other.

    Source: `tf.layers.BatchNormalization`.

    >>> def model(x):
    ...     return layers.BatchNormalization(momentum=0.5)(x, training=True)
    >>> net = nn.transform(model)
    >>> x = jnp.array([[1.0], [3.0]])
    >>> out, state = net.apply(*net.init(jax.random.key(0), x), x)
    >>> state['batch_normalization/moving_mean']
    Array([1.], dtype=float32)
    """

    axis: int | Sequence[int] = -1
    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer | None = nn.zeros_initializer()
    gamma_initializer: Initializer | None = nn.ones_initializer()
    moving_mean_initializer: Initializer = nn.zeros_initializer()
    moving_variance_initializer: Initializer = nn.ones_initializer()
    beta_regularizer: Callable | None = None
    gamma_regularizer: Callable | None = None
    beta_constraint: Callable | None = None
    gamma_constraint: Callable | None = None
    renorm: bool = False
    renorm_clipping: dict[str, Any] | None = None
    renorm_momentum: float = 0.99
    fused: bool | None = None
    trainable: bool = True
    virtual_batch_size: int | None = None
    adjustment: Callable[[Any], tuple[Array, Array]] | None = None
    name: str | None = None

    def __post_init__(self):
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        if not all(isinstance(a, int) for a in axes):
            raise TypeError(
                f"BatchNormalization: axis must be an int or a list of ints, got {self.axis!r}."
            )
        unknown = set(self.renorm_clipping or {}) - {"rmin", "rmax", "dmax"}
        if self.renorm and unknown:
            raise ValueError(
                "BatchNormalization: renorm_clipping takes rmin, rmax and dmax, got "
                f"{', '.join(map(repr, sorted(unknown)))}."
            )
        if self.virtual_batch_size is not None:
            if self.virtual_batch_size <= 0:
                raise ValueError(
                    "BatchNormalization: virtual_batch_size must be positive, got "
                    f"{self.virtual_batch_size}."
                )
            if self.adjustment is not None:
                raise ValueError("BatchNormalization: virtual_batch_size excludes adjustment.")

    def call(self, inputs: Array, training: Any = False) -> Array:
        """Normalize: by the batch if `training`, else by the moving averages."""
        floats("BatchNormalization", inputs.dtype)
        axes = self._axes(inputs)
        x = widen(inputs)  # the statistics of half types are float32
        groups = self.virtual_batch_size is not None
        if groups:
            x = x.reshape(self.virtual_batch_size, -1, *inputs.shape[1:])
            axes = tuple(axis + 1 for axis in axes)
        broadcast = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
        shape = (x.shape[axes[0]],) if len(axes) == 1 and not groups else broadcast
        gamma, beta = self._scale_and_offset(shape, x.dtype)
        averages = self._averages(shape, x.dtype, training)
        reduced = tuple(i for i in range(x.ndim) if i not in axes and not (groups and i == 1))

        def by_batch() -> tuple:
            mean, variance = self._moments(x, reduced)
            if groups:  # one step of the averages, by the mean of the groups' statistics
                batch = [jnp.mean(m, axis=1, keepdims=True) for m in (mean, variance)]
            else:
                batch = [m.reshape(shape) for m in (mean, variance)]
            correction, moved = self._moved(averages, batch[0], batch[1], inputs, axes)
            return mean, variance, correction, moved

        def by_averages() -> tuple:
            correction = (jnp.ones(shape, x.dtype), jnp.zeros(shape, x.dtype))
            mean, variance = averages["moving_mean"], averages["moving_variance"]
            if groups:
                size = (1, x.shape[1], *broadcast[2:])
                mean, variance = jnp.broadcast_to(mean, size), jnp.broadcast_to(variance, size)
            else:
                mean, variance = mean.reshape(broadcast), variance.reshape(broadcast)
            return mean, variance, correction if self.renorm else (), averages

        mean, variance, correction, moved = nn.smart_cond(training, by_batch, by_averages)
        gamma, beta = (p if p is None else p.reshape(broadcast) for p in (gamma, beta))
        if not (is_known(training) and not training):
            if self.adjustment is not None:
                gamma, beta = self._adjusted(training, x, gamma, beta)
            if correction:
                gamma, beta = _then([c.reshape(broadcast) for c in correction], gamma, beta)
            if self._moves:
                self._assign(moved)
        outputs = nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)
        return outputs.reshape(inputs.shape).astype(inputs.dtype)

    @property
    def _moves(self) -> bool:
        return self.trainable

    def _axes(self, inputs: Array) -> tuple[int, ...]:
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        rank = inputs.ndim
        found = tuple(axis % rank for axis in axes if -rank <= axis < rank)
        if len(set(found)) != len(axes):
            raise ValueError(
                f"BatchNormalization: axis must name distinct axes of the inputs, whose shape is "
                f"{inputs.shape}, got {self.axis!r}."
            )
        return found

    def _is_fused(self, inputs: Array, axes: Sequence[int]) -> bool:
        """Tell whether TensorFlow would run its fused kernel here."""
        if self.renorm or self.virtual_batch_size is not None or self.adjustment is not None:
            return False
        fits = inputs.ndim in (4, 5) and tuple(axes) in ((1,), (inputs.ndim - 1,))
        return fits and self.fused is not False

    def _scale_and_offset(self, shape: tuple, dtype: Any) -> tuple[Array | None, Array | None]:
        """Return gamma and beta, made in this order."""
        gamma = self._parameter("gamma", shape, dtype) if self.scale else None
        return gamma, self._parameter("beta", shape, dtype) if self.center else None

    def _parameter(self, name: str, shape: tuple, dtype: Any) -> Array:
        return self._variable(name, shape, dtype)

    def _averages(self, shape: tuple, dtype: Any, training: Any) -> dict[str, Array]:
        """Return the non-trainable variables by name."""
        variance = self.moving_variance_initializer
        initializers = {
            "moving_mean": self.moving_mean_initializer,
            "moving_variance": variance,
        }
        if self.renorm:
            deviation = lambda key, shape, dtype: jnp.sqrt(variance(key, shape, dtype))  # noqa: E731
            initializers["moving_stddev"] = deviation
            initializers["renorm_mean"] = self.moving_mean_initializer
            initializers["renorm_stddev"] = deviation
        return {
            name: self._keep(name, self._weight(name, shape, dtype, initializer, trainable=False))
            for name, initializer in initializers.items()
        }

    def _moments(self, x: Array, reduced: tuple[int, ...]) -> tuple[Array, Array]:
        """The mean and the biased variance of the batch, with all axes kept."""
        return nn.moments(x, reduced, keepdims=True)

    def _moved(
        self,
        averages: dict[str, Array],
        mean: Array,
        variance: Array,
        inputs: Array,
        axes: Sequence[int],
    ) -> tuple[tuple, dict[str, Array]]:
        """Return renorm's correction (empty without renorm), and the averages moved one step."""
        if not self.renorm:
            if self._is_fused(inputs, axes):
                n = inputs.size // mean.size
                variance = variance * (n / max(n - 1, 1))
            return (), {
                "moving_mean": move(averages["moving_mean"], mean, self.momentum),
                "moving_variance": move(averages["moving_variance"], variance, self.momentum),
            }
        deviation = jnp.sqrt(variance + self.epsilon)
        stddev = jnp.maximum(averages["renorm_stddev"], self.epsilon**0.5)
        clipping = self.renorm_clipping or {}
        dmax = clipping.get("dmax")
        r = jnp.clip(deviation / stddev, clipping.get("rmin"), clipping.get("rmax"))
        d = (mean - averages["renorm_mean"]) / stddev
        d = jnp.clip(d, None if dmax is None else -dmax, dmax)
        moving_stddev = move(averages["moving_stddev"], deviation, self.momentum)
        return (jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)), {
            "moving_mean": move(averages["moving_mean"], mean, self.momentum),
            "moving_variance": jnp.maximum(jnp.square(moving_stddev) - self.epsilon, 0),
            "moving_stddev": moving_stddev,
            "renorm_mean": move(averages["renorm_mean"], mean, self.renorm_momentum),
            "renorm_stddev": move(averages["renorm_stddev"], deviation, self.renorm_momentum),
        }

    def _adjusted(self, training: Any, x: Array, gamma: Any, beta: Any) -> tuple[Array, Array]:
        """Return gamma and beta with the adjustment done before them, if `training`."""
        scale, offset = self.adjustment(x.shape)  # type: ignore[misc]
        adjustment = nn.smart_cond(
            training,
            lambda: (scale, offset),
            lambda: (jnp.ones_like(scale), jnp.zeros_like(offset)),
        )
        return _then(adjustment, gamma, beta)

    def _assign(
        self, moved: dict[str, Array], collections: Sequence[str] = (GraphKeys.UPDATE_OPS,)
    ) -> None:
        """Keep the moved averages, and list them for code that looks for update ops."""
        for name, value in moved.items():
            nn.assign(name, value)
            self._keep(name, value)
        for collection in collections:
            self.add_update([moved["moving_mean"], moved["moving_variance"]], collection)


def move(average: Array, value: Array, momentum: Any) -> Array:
    """One step of a moving average."""
    return average - (1 - momentum) * (average - jax.lax.stop_gradient(value))


def _then(first: Sequence[Array], gamma: Any, beta: Any) -> tuple[Array, Array]:
    """Compose two maps `x * scale + offset`, the second of which is gamma and beta."""
    scale, offset = first
    if gamma is not None:
        scale, offset = scale * gamma, offset * gamma
    return scale, offset if beta is None else offset + beta


batch_normalization = functional(
    BatchNormalization,
    training=False,
    after_reuse=(
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "fused",
        "virtual_batch_size",
        "adjustment",
    ),
)
