"""A choice by a flag that is known while tracing, or only while running."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def is_known(flag: Any) -> bool:
    """Tell whether a flag is a plain bool (or 0 or 1), not an array that JAX traces."""
    return isinstance(flag, bool | int | np.bool_) or flag is None


def smart_cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Call one of two functions now, or make a `lax.cond` of both if `pred` is an array.

    >>> nn.smart_cond(True, lambda: 1, lambda: 2)
    1
    >>> int(jax.jit(lambda flag: nn.smart_cond(flag, lambda: 1, lambda: 2))(False))
    2
    """
    if is_known(pred):
        return true_fn() if pred else false_fn()
    return jax.lax.cond(pred, true_fn, false_fn)
