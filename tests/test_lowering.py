"""The forms that convolutions take on a CPU compute what XLA's own convolution computes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
from nn import lowering, spelling

# Both sum the same float64 products, in another order.
TOLERANCE = 1e-12

CASES = [
    # layout, spatial sizes, channels, kernel, outputs, strides, padding, dilations
    ("NHWC", (7, 6), 3, (3, 3), 4, 1, "SAME", 1),
    ("NHWC", (7, 6), 3, (3, 2), 4, 2, "SAME", 1),
    ("NHWC", (8, 9), 2, (5, 5), 3, (1, 3), "VALID", 1),
    ("NHWC", (9, 8), 2, (3, 3), 3, 1, "SAME", (2, 3)),
    ("NHWC", (5, 5), 4, (1, 1), 6, 2, "VALID", 1),
    ("NHWC", (5, 5), 2, (3, 3), 2, 1, [[0, 0], [2, 0], [1, 3], [0, 0]], 1),
    ("NCHW", (7, 6), 3, (3, 3), 4, 2, "SAME", 1),
    ("NWC", (9,), 3, (4,), 2, 2, "SAME", 1),
    ("NCW", (9,), 3, (3,), 2, 1, "VALID", 2),
    ("NDHWC", (4, 5, 3), 2, (3, 2, 3), 3, (1, 2, 1), "SAME", 1),
    ("NCDHW", (4, 5, 3), 2, (2, 2, 2), 3, 1, "VALID", 1),
]


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def operands(layout, sizes, channels, kernel, outputs, strides, padding, dilations):
    """Random float64 input, filters, depthwise filters, and the window."""
    rng = np.random.RandomState(0)
    shape = (2, *sizes, channels) if layout.endswith("C") else (2, channels, *sizes)
    window = spelling.window("test", shape, layout, kernel, strides, padding, dilations)
    arrays = (
        rng.randn(*shape),
        rng.randn(*kernel, channels, outputs),
        rng.randn(*kernel, channels, 2),
    )
    return *map(jnp.asarray, arrays), window


def agree(cpu, xla, *arrays):
    """Compare outputs, gradients, second derivatives along a direction, and vmap."""
    out = jax.eval_shape(xla, *arrays)
    cotangent = jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)

    def energy(function, *arrays):
        return jnp.sum(function(*arrays) ** 3)

    @partial(jax.jit, static_argnums=0)
    def all_of(function, *arrays):
        gradient = jax.grad(partial(energy, function), argnums=(0, 1))
        return (
            function(*arrays),
            jax.vjp(function, *arrays)[1](cotangent),
            jax.jvp(gradient, arrays, arrays),
            jax.vmap(function)(*(jnp.stack([a, 2 * a]) for a in arrays)),
        )

    got, expected = (jax.tree.leaves(all_of(function, *arrays)) for function in (cpu, xla))
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        assert jnp.max(jnp.abs(ours - theirs)) <= TOLERANCE * jnp.max(jnp.abs(theirs))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_matrix_product_is_the_convolution(case):
    x, filters, _, window = operands(*case)
    forms = (lowering._by_matrix_product, lowering._by_xla)
    agree(*(partial(form, window=window) for form in forms), x, filters)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_multiply_adds_are_the_depthwise_convolution(case):
    x, _, filters, window = operands(*case)

    def xla(x, filters):
        *size, channels, multiplier = filters.shape
        return lowering._by_xla(x, filters.reshape(*size, 1, channels * multiplier), window)

    agree(partial(lowering._by_multiply_adds, window=window), xla, x, filters)


def test_several_groups_stay_with_xla():
    x, filters = jnp.ones((1, 4, 4, 4)), jnp.ones((2, 2, 2, 6))
    assert nn.conv2d(x, filters, 1, "VALID").shape == (1, 3, 3, 6)


def test_one_program_for_a_cpu_and_a_gpu():
    def both(x, filters):
        return nn.conv2d(x, filters, 1, "SAME")

    x, filters = jnp.ones((1, 4, 4, 3), jnp.float32), jnp.ones((3, 3, 3, 2), jnp.float32)
    exported = jax.export.export(jax.jit(both), platforms=("cpu", "cuda", "tpu"))(x, filters)
    np.testing.assert_array_equal(exported.call(x, filters), both(x, filters))
    assert "stablehlo.convolution" in exported.mlir_module()
    on_cpu = jax.jit(both).lower(x, filters).as_text()
    assert "stablehlo.dot_general" in on_cpu and "stablehlo.convolution" not in on_cpu
