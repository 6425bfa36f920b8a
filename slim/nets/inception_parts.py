"""What the Inception networks share: tables of layers and branches, which are run here.

A table is a dict `{scope: layer}` in the order of the network; a layer is a function
`layer(net, scope, depth)`, made by one of the functions below, where `depth` turns the depth of
the paper into that of this network. A scope such as `Conv2d_0b_1x7` ends in the kernel's size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

import nn
import slim
from nn.graph import Array
from slim import arg_scope

Depth = Callable[[int], int]
Layer = Callable[[Array, str, Depth], Array]
Table = Mapping[str, Layer]


def conv(filters: int, **arguments: Any) -> Layer:
    """Return a convolution; `arguments` win over the kernel size that its scope says."""

    def layer(net: Array, scope: str, depth: Depth) -> Array:
        given = {"kernel_size": _kernel_size(scope), **arguments}
        return slim.conv2d(net, depth(filters), scope=scope, **given)

    return layer


def max_pool(**arguments: Any) -> Layer:
    """Return a max pool."""
    return lambda net, scope, _: slim.max_pool2d(net, _kernel_size(scope), scope=scope, **arguments)


def avg_pool(**arguments: Any) -> Layer:
    """Return an average pool."""
    return lambda net, scope, _: slim.avg_pool2d(net, _kernel_size(scope), scope=scope, **arguments)


def branches(*tables: Table) -> Layer:
    """Return an Inception module: each table is run on the module's input, below `Branch_0` ..."""

    def layer(net: Array, scope: str, depth: Depth) -> Array:
        outputs = []
        with nn.variable_scope(scope):
            for i, table in enumerate(tables):
                with nn.variable_scope(f"Branch_{i}"):
                    outputs.append(run(net, table, depth)[0])
        return jnp.concatenate(outputs, 3)

    return layer


def side_by_side(table: Table) -> Layer:
    """Return the layers of a table, all run on the same input; the scope is not used."""
    return lambda net, _, depth: jnp.concatenate(
        [layer(net, scope, depth) for scope, layer in table.items()], 3
    )


def run(
    net: Array, table: Table, depth: Depth, final_endpoint: str | None = None
) -> tuple[Array, dict[str, Array]]:
    """Run a table, up to `final_endpoint` if given; return the last output, and all by scope."""
    end_points = {}
    for scope, layer in table.items():
        net = end_points[scope] = layer(net, scope, depth)
        if scope == final_endpoint:
            break
    return net, end_points


def check_endpoint(final_endpoint: str, table: Table) -> None:
    """Refuse to run up to what is not in a table."""
    if final_endpoint not in table:
        raise ValueError(
            f"final_endpoint must be one of {', '.join(table)}; got {final_endpoint!r}."
        )


def scaled(depth_multiplier: float, min_depth: int) -> Depth:
    """Return the function from a depth of the paper to that of a narrower or wider network."""
    if depth_multiplier <= 0:
        raise ValueError(f"depth_multiplier must be greater than 0, got {depth_multiplier}.")
    return lambda depth: max(int(depth * depth_multiplier), min_depth)


def pool_places(net: Array, kernel_size: int) -> Array:
    """Average over windows of `kernel_size` pixels, smaller if the features have fewer places."""
    size = [min(places, kernel_size) for places in net.shape[1:3]]
    return slim.avg_pool2d(net, size, padding="VALID", scope="AvgPool_1a_{}x{}".format(*size))


def logits_of(
    net: Array, num_classes: int, spatial_squeeze: bool, scope: str, **arguments: Any
) -> Array:
    """Compute logits `[N, H, W, num_classes]`, or `[N, num_classes]` if `spatial_squeeze`."""
    net = slim.conv2d(
        net, num_classes, 1, activation_fn=None, normalizer_fn=None, scope=scope, **arguments
    )
    return jnp.squeeze(net, (1, 2)) if spatial_squeeze else net


def defaults(
    weight_decay: float,
    normalizer_fn: Callable | None,
    batch_norm_var_collection: str,
    **normalizer_params: Any,
) -> dict:
    """Return the defaults that Inception was trained with, for `slim.arg_scope`."""
    params = {
        "decay": 0.9997,
        "epsilon": 0.001,
        "updates_collections": nn.GraphKeys.UPDATE_OPS,
        "variables_collections": {
            "beta": None,
            "gamma": None,
            "moving_mean": [batch_norm_var_collection],
            "moving_variance": [batch_norm_var_collection],
        },
        **normalizer_params,
    }
    with (
        arg_scope(
            [slim.conv2d, slim.fully_connected],
            weights_regularizer=slim.l2_regularizer(weight_decay),
        ),
        arg_scope(
            [slim.conv2d],
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=nn.relu,
            normalizer_fn=normalizer_fn,
            normalizer_params=params if normalizer_fn else {},
        ) as scope,
    ):
        return scope


def _kernel_size(scope: str) -> Sequence[int]:
    return [int(size) for size in scope.rpartition("_")[2].split("x")]
