"""Every golden case, in the order in which they are recorded."""

from __future__ import annotations

from goldens import (
    arg_scope_cases,
    collection_cases,
    initializer_cases,
    layer_class_cases,
    layers_cases,
    learning_cases,
    loss_cases,
    metric_cases,
    metric_learning_cases,
    more_cases,
    net_cases,
    nn_cases,
    optimizer_cases,
    resnet_cases,
    reuse_cases,
    scope_cases,
    scoped_layers_cases,
    slim_block_cases,
    slim_cases,
    slim_norm_cases,
    slim_ops_cases,
    slim_weights_cases,
    utils_cases,
    variable_cases,
)
from goldens.kit import Case

TABLES = [
    nn_cases,
    layers_cases,
    layer_class_cases,
    slim_block_cases,
    slim_cases,
    slim_norm_cases,
    slim_ops_cases,
    slim_weights_cases,
    scope_cases,
    resnet_cases,
    reuse_cases,
    collection_cases,
    variable_cases,
    utils_cases,
    initializer_cases,
    arg_scope_cases,
    scoped_layers_cases,
    loss_cases,
    metric_cases,
    metric_learning_cases,
    more_cases,
    net_cases,
    optimizer_cases,
    learning_cases,
]
CASES: list[Case] = [case for table in TABLES for case in table.CASES]

_names = [case.name for case in CASES]
if len(set(_names)) < len(_names):
    raise ValueError(f"two cases of one name: {sorted({n for n in _names if _names.count(n) > 1})}")
