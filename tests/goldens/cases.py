"""Every golden case, in the order in which they are recorded."""

from __future__ import annotations

from goldens import (
    arg_scope_cases,
    collection_cases,
    layers_cases,
    loss_cases,
    more_cases,
    nn_cases,
    reuse_cases,
    scope_cases,
    scoped_layers_cases,
    slim_cases,
)
from goldens.kit import Case

TABLES = [
    nn_cases,
    layers_cases,
    slim_cases,
    scope_cases,
    reuse_cases,
    collection_cases,
    arg_scope_cases,
    scoped_layers_cases,
    loss_cases,
    more_cases,
]
CASES: list[Case] = [case for table in TABLES for case in table.CASES]

_names = [case.name for case in CASES]
if len(set(_names)) < len(_names):
    raise ValueError(f"two cases of one name: {sorted({n for n in _names if _names.count(n) > 1})}")
