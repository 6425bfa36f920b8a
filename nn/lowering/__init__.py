"""How layers' sums of products are computed: XLA's own on GPU and TPU, better forms on a CPU.

| module | its idea |
| --- | --- |
| `bilinear` | a convolution (or a dense layer) and its gradients: one primitive with three faces |
| `choice` | which form computes each face, by platform and shape, and why |
| `geometry` | what each tap of a window sees of the input |
| `depthwise` | one multiply-add per tap |
| `patches` | one matrix product |
| `side_by_side` | one of several outputs in a row, for few channels |
| `fourier` | a product for each frequency, for small images |
| `winograd` | fewer products: F(4 x 4, 3 x 3) and F(4 x 4, 5 x 5) |
| `exact` | XLA's own convolutions and pools |
| `pooling` | the largest value under a window or the sum, and the ways back |
| `centred` | scaling by channel and sums by channel, each the other's transpose |
| `sums` | several sums in one loop |
| `apart` | keeping XLA from computing one thing several times |
| `primitives` | an operation that JAX takes as one piece, with a form for each platform |
"""

import math

import jax
from jax import lax

from nn.lowering import bilinear, exact, pooling
from nn.lowering.choice import MOST_TAPS, lax_lowering, uses_lax
from nn.lowering.geometry import Convolution
from nn.spelling import Window

__all__ = ["convolve", "convolve_depthwise", "dense", "lax_lowering", "max_pool", "sum_pool"]


def convolve(input: jax.Array, filters: jax.Array, window: Window) -> jax.Array:
    """Convolve `input` with filters `[*window.size, C / groups, O]`."""
    if input.shape[window.layout.index("C")] != filters.shape[-2]:
        return exact.convolve(input, filters, window)  # several groups
    return _convolve(input, filters, window, depthwise=False)


def convolve_depthwise(input: jax.Array, filter: jax.Array, window: Window) -> jax.Array:
    """Convolve each channel of `input` with its own filters `[*window.size, C, M]`."""
    return _convolve(input, filter, window, depthwise=True)


def dense(inputs: jax.Array, kernel: jax.Array) -> jax.Array:
    """Multiply `[..., C]` by a matrix `[C, O]`: a convolution with no axes to slide along."""
    rows = lax.collapse(inputs, 0, inputs.ndim - 1)
    product = _convolve(rows, kernel, Window("NC", (), (), (), ()), depthwise=False)
    return product.reshape(*inputs.shape[:-1], kernel.shape[-1])


def max_pool(input: jax.Array, window: Window) -> jax.Array:
    """Take the largest value at each place; of equal ones the first receives the gradient."""
    form = exact.max_pool if _stays_with_lax(window) else pooling.max_pool
    return form(input, window)


def sum_pool(input: jax.Array, window: Window) -> jax.Array:
    """Add up the values at each place of the window."""
    form = exact.sum_pool if _stays_with_lax(window) else pooling.sum_pool
    return form(input, window)


def _stays_with_lax(window: Window) -> bool:
    return max(window.dilations) == 1 and (uses_lax() or math.prod(window.size) > MOST_TAPS)


def _convolve(input: jax.Array, filters: jax.Array, window: Window, depthwise: bool) -> jax.Array:
    of = Convolution.of(input, filters, window, depthwise)
    sums = exact.output if uses_lax() else bilinear.output
    return sums(input, filters, of)
