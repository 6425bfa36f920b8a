"""What the machine can do at best, measured by JAX: `python -m benchmarks.machine`.

The peak of arithmetic is that of a product of two large float32 matrices; the peak of memory that
of the triad `a = b + s * c` on arrays far larger than a cache, counted as three arrays moved.
"""

import json
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

REPEATS = 9


def peaks(size: int = 3072, length: int = 2**25) -> dict[str, float]:
    """Measure FLOP/s and bytes/s.

    Args:
      size: of the square matrices.
      length: of the triad's arrays, in float32 numbers.
    """
    matrix, vector = jnp.ones((size, size)), jnp.ones(length)
    product = jax.jit(lambda out, a, b: a @ b, donate_argnums=0, keep_unused=True)
    triad = jax.jit(lambda out, a, b: a + 0.5 * b, donate_argnums=0, keep_unused=True)
    return {
        "flops": 2 * size**3 / _best_seconds(product, matrix),
        "bytes": 3 * 4 * length / _best_seconds(triad, vector),
    }


def _best_seconds(function: Callable[..., jax.Array], array: jax.Array) -> float:
    """Return the least time of several calls; each writes over the result of the one before."""
    out, seconds = function(jnp.copy(array), array, array), []
    for _ in range(REPEATS):
        began = time.perf_counter()
        out = function(out, array, array).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


if __name__ == "__main__":
    print(json.dumps(peaks() | {"device": jax.devices()[0].device_kind}))
