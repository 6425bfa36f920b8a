"""Slim's batch norm: `layers.BatchNormalization`, and the three ways in which Slim's differs."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

import layers
import nn
from layers.normalization import move
from nn.control import is_known
from nn.graph import Array, GraphKeys
from slim import scaffold
from slim.scoping import add_arg_scope


@add_arg_scope
def batch_norm(
    inputs: Array,
    decay: float = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Callable | None = None,
    param_initializers: dict[str, Callable] | None = None,
    param_regularizers: dict[str, Callable] | None = None,
    updates_collections: Any = GraphKeys.UPDATE_OPS,
    is_training: Any = True,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Array | None = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: dict[str, Any] | None = None,
    renorm_decay: float = 0.99,
    adjustment: Callable | None = None,
) -> Array:
    """Normalize each channel by its mean and variance over the batch, or by their moving averages.

    Its variables are `beta`, `gamma` (if `scale`), `moving_mean` and `moving_variance`, each `[C]`,
    below `BatchNorm`. In training the averages move at once: `apply` returns them in `state`, and
    there are no update ops to forget.

    Args:
      inputs: `[N, ..., C]`, or `[N, C, ...]` with 'NCHW'.
      decay: of the moving averages. Many steps are needed to move them at .999: lower it if a
        short training evaluates badly.
      center: whether to add `beta`.
      scale: whether to multiply by `gamma`; not, unless asked for.
      epsilon: added to the variance.
      activation_fn: a function of the result, or None.
      param_initializers: initializers by variable name.
      param_regularizers: regularizers of `beta` and `gamma` by name.
      updates_collections: the collections that list the updates for code that looks there; None:
        no collection. The averages move in any case.
      is_training: a bool, or an array of one bool; True if not given.
      reuse: True or `nn.AUTO_REUSE` to use the variables of `scope` again.
      variables_collections: a list of collections, or a dict with one for each variable.
      outputs_collections: collections for the output.
      trainable: whether `beta` and `gamma` are trainable.
      batch_weights: `[N]`, how much each example counts in the statistics.
      fused: whether to count as TensorFlow's fused kernel does (with Bessel's correction of the
        moving variance); None: where TensorFlow does, which is inputs of rank 2 and 4.
      data_format: 'NHWC' or 'NCHW'.
      zero_debias_moving_mean: correct the moving mean for its start at zero.
      scope: the variable scope.
      renorm: batch renormalization.
      renorm_clipping: a dict with some of `rmin`, `rmax`, `dmax`.
      renorm_decay: of the renorm averages.
      adjustment: `adjustment(shape)` gives a scale and an offset for training.

    Raises:
      ValueError: the data format is another, or renorm comes with batch weights, another
        collection or zero debiasing.

    Source: `slim.batch_norm`.

    >>> net = nn.transform(lambda x: slim.batch_norm(x, decay=0.5))
    >>> x = jnp.array([[1.0], [3.0]])
    >>> out, state = net.apply(*net.init(jax.random.key(0), x), x)
    >>> state['BatchNorm/moving_mean']
    Array([1.], dtype=float32)
    """
    scaffold.check("batch_norm", "data_format", data_format, "NCHW", "NHWC")
    initializers = param_initializers or {}
    regularizers = param_regularizers or {}
    with scaffold.model_scope(scope, "BatchNorm", inputs, reuse) as (opened, inputs):
        plain = (
            batch_weights is None
            and updates_collections == GraphKeys.UPDATE_OPS
            and not zero_debias_moving_mean
        )
        can_fuse = (
            fused is not False
            and batch_weights is None
            and not renorm
            and adjustment is None
            and inputs.ndim in (2, 4)
        )
        if renorm and not plain:
            raise ValueError(
                "batch_norm: renorm excludes batch_weights, zero_debias_moving_mean and an "
                "updates_collections of one's own."
            )
        if batch_weights is not None and np.shape(batch_weights) != inputs.shape[:1]:
            raise ValueError(
                f"batch_norm: batch_weights must have the shape {inputs.shape[:1]}, a number for "
                f"each example, got {np.shape(batch_weights)}."
            )
        by_layers = plain and not (can_fuse and inputs.ndim == 2)
        if not by_layers and not can_fuse:
            regularizers = {}  # this path of Slim's has none
        layer = _BatchNorm(
            axis=1 if data_format == "NCHW" else -1,
            momentum=decay,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=initializers.get("beta", nn.zeros_initializer()),
            gamma_initializer=initializers.get("gamma", nn.ones_initializer()),
            moving_mean_initializer=initializers.get("moving_mean", nn.zeros_initializer()),
            moving_variance_initializer=initializers.get("moving_variance", nn.ones_initializer()),
            beta_regularizer=regularizers.get("beta"),
            gamma_regularizer=regularizers.get("gamma"),
            trainable=trainable,
            renorm=renorm,
            renorm_clipping=renorm_clipping,
            renorm_momentum=renorm_decay,
            adjustment=adjustment,
            fused=fused if by_layers else can_fuse,
            by_layers=by_layers,
            updates_collections=updates_collections,
            batch_weights=batch_weights,
            zero_debias=zero_debias_moving_mean,
        )
        outputs = scaffold.compute(layer, inputs, variables_collections, training=is_training)
        return scaffold.finish(outputs, activation_fn, outputs_collections, opened.name)


@dataclass(frozen=True, eq=False, repr=False)
class _BatchNorm(layers.BatchNormalization):
    """Batch normalization with what Slim adds: weighted examples, debiasing, collections.

    Where `by_layers` is False Slim has code of its own, which makes `beta` before `gamma`, has its
    own rule for Bessel's correction, and moves the averages of frozen layers too.
    """

    by_layers: bool = True
    updates_collections: Any = None
    batch_weights: Any = None
    zero_debias: bool = False

    @property
    def _moves(self) -> bool:
        return self.trainable or not self.by_layers

    def _is_fused(self, inputs: Array, axes: Sequence[int]) -> bool:
        return super()._is_fused(inputs, axes) if self.by_layers else bool(self.fused)

    def _scale_and_offset(self, shape: tuple, dtype: Any) -> tuple[Array | None, Array | None]:
        if self.by_layers:
            return super()._scale_and_offset(shape, dtype)
        beta = self._parameter("beta", shape, dtype) if self.center else None
        return self._parameter("gamma", shape, dtype) if self.scale else None, beta

    def _averages(self, shape: tuple, dtype: Any, training: Any) -> dict[str, Array]:
        averages = super()._averages(shape, dtype, training)
        if self.zero_debias and not (is_known(training) and not training):
            zeros, scope = nn.zeros_initializer(), nn.get_variable_scope()
            if self.fused:  # there Slim makes these without its getter: no model variables
                scope = dataclasses.replace(scope, custom_getter=None)
            with nn.variable_scope(scope, auxiliary_name_scope=False):
                for name, its_shape in {"biased": shape, "local_step": ()}.items():
                    path = f"{scope.name}/moving_mean/{name}"  # the scope's name twice, as in TF
                    averages[path] = self._weight(path, its_shape, dtype, zeros, trainable=False)
        return averages

    def _moments(self, x: Array, reduced: tuple[int, ...]) -> tuple[Array, Array]:
        if self.batch_weights is None:
            return super()._moments(x, reduced)
        weights = jnp.asarray(self.batch_weights, x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        weights = jnp.broadcast_to(weights, x.shape)
        total = jnp.sum(weights, reduced, keepdims=True)
        mean = jnp.sum(x * weights, reduced, keepdims=True) / total
        square = jnp.sum(jnp.square(x - mean) * weights, reduced, keepdims=True)
        return mean, square / total

    def _moved(
        self, averages: dict[str, Array], mean: Array, variance: Array, *rest: Any
    ) -> tuple[tuple, dict[str, Array]]:
        correction, moved = super()._moved(averages, mean, variance, *rest)
        if self.zero_debias:
            path = f"{nn.get_variable_scope().name}/moving_mean/"
            biased = move(averages[path + "biased"], mean, self.momentum)
            step = averages[path + "local_step"] + 1
            unbiased = biased / (1 - self.momentum**step)
            moved |= {path + "biased": biased, path + "local_step": step, "moving_mean": unbiased}
        return correction, moved

    def _assign(self, moved: dict[str, Array], collections: Sequence[str] = ()) -> None:
        names = self.updates_collections or ()
        super()._assign(moved, [names] if isinstance(names, str) else names)
