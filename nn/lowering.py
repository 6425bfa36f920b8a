"""How the sums of a convolution are computed: XLA's own on GPU and TPU, two other forms on a CPU.

On a CPU XLA has fast code for the gradients of a convolution only outside of loops: in a `lax.scan`
they run as plain loops, and so do depthwise convolutions. The same sums written as matrix products
and as multiply-adds have no such edge, and JAX derives their gradients of every order. Measured on
two cores in one sitting, a step of Adam inside a scan at batch 64: the MNIST network 0.076 s
instead of 0.97 s, MobileNet-lite 0.22 s instead of 12.8 s.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from nn.spelling import Window, spatial_letters


def convolve(input: jax.Array, filters: jax.Array, window: Window) -> jax.Array:
    """Convolve `input` with filters `[*window.size, C / groups, O]`."""
    xla = partial(_by_xla, window=window)
    if input.shape[window.layout.index("C")] != filters.shape[-2]:
        return xla(input, filters)  # several groups
    return _on_cpu(partial(_by_matrix_product, window=window), xla)(input, filters)


def convolve_depthwise(input: jax.Array, filter: jax.Array, window: Window) -> jax.Array:
    """Convolve each channel of `input` with its own filters `[*window.size, C, M]`."""

    def xla(input: jax.Array, filter: jax.Array) -> jax.Array:
        *size, channels, multiplier = filter.shape
        return _by_xla(input, filter.reshape(*size, 1, channels * multiplier), window)

    return _on_cpu(partial(_by_multiply_adds, window=window), xla)(input, filter)


def _on_cpu(cpu: Callable, elsewhere: Callable) -> Callable[..., jax.Array]:
    return lambda *arrays: lax.platform_dependent(*arrays, cpu=cpu, default=elsewhere)


def _by_xla(input: jax.Array, filters: jax.Array, window: Window) -> jax.Array:
    letters = spatial_letters(window.layout) + "IO"
    return lax.conv_general_dilated(
        input,
        filters,
        window_strides=window.strides,
        padding=window.padding,
        rhs_dilation=window.dilations,
        dimension_numbers=(window.layout, letters, window.layout),
        feature_group_count=input.shape[window.layout.index("C")] // filters.shape[-2],
    )


def _by_matrix_product(input: jax.Array, filters: jax.Array, window: Window) -> jax.Array:
    """Multiply the patches `[N, H, W, taps * C]` that the window sees with all filters at once."""
    patches = jnp.concatenate(seen_by_taps(input, window), axis=-1)
    matrix = filters.reshape(-1, filters.shape[-1])
    return as_laid_out(jnp.tensordot(patches, matrix, axes=1), window)


def _by_multiply_adds(input: jax.Array, filter: jax.Array, window: Window) -> jax.Array:
    """Add up the input as each tap sees it, `[N, H, W, C, 1]`, times the tap `[C, M]`."""
    taps = filter.reshape(-1, *(1,) * (input.ndim - 1), *filter.shape[-2:])
    seen = seen_by_taps(input, window)
    total = sum((x[..., None] * tap for x, tap in zip(seen, taps, strict=True)), start=0)
    return as_laid_out(total.reshape(*seen[0].shape[:-1], -1), window)  # type: ignore


def seen_by_taps(input: jax.Array, window: Window) -> list[jax.Array]:
    """Return what each tap of the window sees of the input, `[N, H', W', C]`."""
    outputs = window.outputs(input.shape)
    x = jnp.moveaxis(input, window.layout.index("C"), -1)
    x = jnp.pad(x, ((0, 0), *window.padding, (0, 0)))
    seen = []
    for tap in range(math.prod(window.size)):
        index, cut = tap, []
        for axis in reversed(range(len(window.size))):
            index, at = divmod(index, window.size[axis])
            first, stride = at * window.dilations[axis], window.strides[axis]
            cut.append(slice(first, first + (outputs[axis] - 1) * stride + 1, stride))
        seen.append(x[(slice(None), *reversed(cut))])
    return seen


def as_laid_out(output: jax.Array, window: Window) -> jax.Array:
    """Move the channels from the end to where the layout has them."""
    return jnp.moveaxis(output, -1, window.layout.index("C"))
