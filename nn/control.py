"""A choice by a flag that is known while tracing, or only while running."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def is_known(flag: Any) -> bool:
    """Tell whether a flag is a plain bool (or 0 or 1), not an array that JAX traces."""
    return isinstance(flag, bool | int | np.bool_) or flag is None


def smart_cond(flag: Any, if_true: Callable[[], Any], if_false: Callable[[], Any]) -> Any:
    """Call one of two functions now, or make a `lax.cond` of both if `flag` is an array.

    >>> nn.smart_cond(True, lambda: 1, lambda: 2)
    1
    >>> int(jax.jit(lambda flag: nn.smart_cond(flag, lambda: 1, lambda: 2))(False))
    2
    """
    if is_known(flag):
        return if_true() if flag else if_false()
    return jax.lax.cond(flag, if_true, if_false)
