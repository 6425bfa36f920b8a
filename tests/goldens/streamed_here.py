"""`t.streamed` of our library: a metric run over batches, its local variables carried along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

import nn
from goldens.kit import Sparse, parted

KINDS = ["local_variables", "metric_variables", "variables", "mine"]


def streamed(
    metric: Callable[..., Any],
    batches: Sequence[dict[str, Any]],
    state: bool = True,
    updates: bool = True,
) -> dict[str, Any]:
    """What `metric(**batch)` returned after each batch, and the local variables it left.

    Without `updates` only the value is kept of what is returned, for TensorFlow has no other.
    """
    held: dict[str, list[str]] = {}

    def run(batch: dict[str, Any]) -> Any:
        results = metric(**batch)
        for key in KINDS:
            found = nn.get_collection(key)
            held[key] = [v.name for v in found if isinstance(v, nn.Variable)]
        return jax.tree.map(jax.numpy.asarray, results)

    batches = [
        {k: nn.SparseTensor(*v) if isinstance(v, Sparse) else v for k, v in batch.items()}
        for batch in batches
    ]
    # The numbers are known: what is checked is checked, and no case is compiled as a whole.
    with jax.ensure_compile_time_eval():
        net = nn.transform(run)
        variables = net.variables(batches[0])
        _, values = net.init(jax.random.key(0), batches[0])
        after = []
        for batch in batches:
            results, values = net.apply({}, values, batch)
            results = results if updates else (results[0], None)
            after.append(jax.tree.map(parted, results))
    return {
        "after": after,
        "variables": [
            [v.name, np.dtype(v.dtype).name, [key for key in KINDS if v.name in held[key]]]
            for v in variables
        ],
        "state": [parted(values[v.name]) for v in variables] if state else None,
    }
