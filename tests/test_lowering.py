"""The forms that convolutions and pools take on a CPU compute what XLA's own operations compute."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
from nn import lowering, spelling
from nn.lowering import choice, fourier, winograd
from nn.lowering.geometry import Convolution

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
    # Winograd's: tiles that fit, tiles that do not, and padding of all kinds
    ("NHWC", (16, 8), 8, (3, 3), 8, 1, "SAME", 1),
    ("NHWC", (9, 19), 8, (3, 3), 9, 1, "VALID", 1),
    ("NHWC", (9, 35), 9, (5, 5), 8, 1, "SAME", 1),
    ("NCHW", (9, 37), 8, (5, 5), 8, 1, [[0, 0], [0, 0], [3, 1], [0, 4]], 1),
    # by the Fourier transform: even and odd sizes, dilations, padding wider than the filter
    ("NHWC", (8, 8), 8, (3, 3), 8, 1, "SAME", 1),
    ("NHWC", (9, 7), 8, (3, 4), 9, 1, "VALID", 1),
    ("NCHW", (9, 11), 9, (5, 5), 8, 1, "SAME", (1, 2)),
    ("NHWC", (5, 6), 8, (3, 5), 8, 1, [[0, 0], [4, 3], [0, 7], [0, 0]], 1),
    # several outputs side by side: 4, 3 and 2 of them, and none where there are many filters
    ("NHWC", (5, 8), 3, (3, 3), 5, 1, "SAME", 1),
    ("NCHW", (6, 11), 2, (2, 3), 4, (2, 1), "VALID", (1, 1)),
    ("NWC", (10,), 3, (5,), 2, 1, "SAME", 1),
    ("NDHWC", (3, 4, 4), 2, (2, 1, 3), 33, 1, [[0, 0], [1, 0], [0, 0], [2, 0], [0, 0]], 1),
    ("NHWC", (4, 8), 2, (3, 3), 65, 1, "SAME", 1),
]

# Sums of the same float64 products in another order; Winograd's multiply by up to 20 on the way,
# and those by frequency are of products of sums.
TOLERANCE = 1e-13


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def operands(
    layout, sizes, channels, kernel, outputs, strides, padding, dilations, dtype="f8", images=2
):
    """A random input, filters, depthwise filters, and the window."""
    rng = np.random.RandomState(0)
    shape = (images, *sizes, channels) if layout.endswith("C") else (images, channels, *sizes)
    window = spelling.window("test", shape, layout, kernel, strides, padding, dilations)
    shapes = shape, (*kernel, channels, outputs), (*kernel, channels, 2)
    return *(jnp.asarray(rng.randn(*shape), dtype) for shape in shapes), window


def distances(function, *arrays):
    """How far each result lies from that of `lax`, relative to the largest element."""
    with nn.lax_lowering():
        expected = jax.jit(lambda *arrays: function(*arrays))(*arrays)
    got = jax.jit(lambda *arrays: function(*arrays))(*arrays)
    for ours, theirs in zip(*map(jax.tree.leaves, (got, expected)), strict=True):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
        yield np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


def with_gradients(function):
    """A function's results and the gradients of a sum of their cubes."""

    def both(*arrays):
        every = tuple(range(len(arrays)))
        return function(*arrays), jax.grad(lambda *a: jnp.sum(function(*a) ** 3), every)(*arrays)

    return both


def calculus(function):
    """All that is asked of a function: gradients, second derivatives, and vmap of all of it."""

    def everything(*arrays):
        every = tuple(range(len(arrays)))
        gradient = jax.grad(lambda *arrays: jnp.sum(function(*arrays) ** 3), every)
        many = [jnp.stack([a, 2 * a]) for a in arrays]
        images_only = (0, *(None,) * (len(arrays) - 1))
        return (
            function(*arrays),
            gradient(*arrays),
            jax.jvp(gradient, arrays, arrays),
            jax.vmap(function)(*many),
            jax.vmap(gradient)(*many),
            jax.vmap(gradient, images_only)(many[0], *arrays[1:]),
        )

    return everything


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_kinds_of_convolutions(float64, case):
    x, filters, depthwise, window = operands(*case)
    for convolve, w in ((lowering.convolve, filters), (lowering.convolve_depthwise, depthwise)):
        function = with_gradients(partial(convolve, window=window))
        assert max(distances(function, x, w)) < TOLERANCE


@pytest.mark.parametrize("case", [CASES[1], CASES[7], CASES[11], CASES[15]], ids=str)
def test_their_calculus(float64, case):
    x, filters, depthwise, window = operands(*case)
    for convolve, w in ((lowering.convolve, filters), (lowering.convolve_depthwise, depthwise)):
        function = calculus(partial(convolve, window=window))
        assert max(distances(function, x, w)) < TOLERANCE


@pytest.mark.parametrize("inner", [(0, None), (None, 0), (0, 0)])
@pytest.mark.parametrize("outer", [(0, None), (None, 0)])
def test_vmap_of_vmap(float64, outer, inner):
    """Images and filters that some axes stack: gradients of each, and of all together."""
    *arrays, _, window = operands(*CASES[0])
    for which, axes in enumerate(zip(outer, inner, strict=True)):
        for _ in filter(lambda axis: axis is not None, axes):
            arrays[which] = jnp.stack([arrays[which], 2 * arrays[which]])
    convolve = partial(lowering.convolve, window=window)

    def both(x, w):
        return jax.vmap(jax.vmap(convolve, inner), outer)(x, w)

    def each(x, w):
        gradient = jax.grad(lambda x, w: jnp.sum(convolve(x, w) ** 3), (0, 1))
        return jax.vmap(jax.vmap(gradient, inner), outer)(x, w)

    assert max(distances(with_gradients(both), *arrays)) < TOLERANCE
    assert max(distances(each, *arrays)) < TOLERANCE


# Of far more weights than rows, and of so many rows that they are added up in halves.
@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 170), (10_000, 40)])
def test_dense_layers_and_their_calculus(float64, shape):
    rng = np.random.RandomState(0)
    inputs, kernel = jnp.asarray(rng.randn(*shape)), jnp.asarray(rng.randn(shape[-1], 200))
    assert max(distances(calculus(lowering.dense), inputs, kernel)) < TOLERANCE


@pytest.mark.parametrize("pool", [lowering.max_pool, lowering.sum_pool])
@pytest.mark.parametrize("case", [CASES[1], CASES[2], CASES[6], CASES[7]], ids=str)
def test_pools_and_their_calculus(float64, case, pool):
    *_, window = operands(*case)
    x = operands(*case)[0]
    assert max(distances(calculus(partial(pool, window=window)), x)) < TOLERANCE


@pytest.mark.parametrize("sizes", [(6, 4), (7, 5)])
def test_pools_side_by_side_and_of_equal_values(float64, sizes):
    x = jnp.asarray(np.random.RandomState(0).randint(0, 3, (2, *sizes, 3)), float)
    for padding in ("VALID", "SAME"):
        pool = partial(nn.max_pool, ksize=2, strides=2, padding=padding)
        assert max(distances(calculus(pool), x)) == 0


def random_case(seed):
    rng = np.random.RandomState(seed)
    kernel = tuple(rng.randint(1, 6, 2))
    strides = tuple(rng.randint(1, 4, 2))
    dilations = tuple(rng.randint(1, 3, 2)) if max(strides) == 1 else 1
    layout, padding = rng.choice(["NHWC", "NCHW"]), rng.choice(["SAME", "VALID"])
    sizes, (channels, outputs) = tuple(rng.randint(10, 18, 2)), rng.randint(1, 20, 2)
    return layout, sizes, int(channels), kernel, int(outputs), strides, padding, dilations


@pytest.mark.parametrize("seed", range(6))
def test_random_shapes(float64, seed):
    x, filters, depthwise, window = operands(*random_case(seed))
    for convolve, w in ((lowering.convolve, filters), (lowering.convolve_depthwise, depthwise)):
        function = with_gradients(partial(convolve, window=window))
        assert max(distances(function, x, w)) < TOLERANCE


def errors(case, convolve, operand, images=2):
    """In float32, of our form and of lax's: output and gradients against those in float64."""
    *arrays, window = operands(*case, images=images)
    x, w = arrays[0], arrays[operand]
    cotangent = jax.random.normal(jax.random.key(1), lowering_shape(convolve, x, w, window))

    def faces(x, w):
        y, pull = jax.vjp(partial(convolve, window=window), x, w)
        return y, *pull(cotangent.astype(x.dtype))

    with nn.lax_lowering():
        exact = jax.jit(faces)(x, w)
        lax = jax.jit(faces)(x.astype("f4"), w.astype("f4"))
    ours = jax.jit(lambda *a: faces(*a))(x.astype("f4"), w.astype("f4"))
    for results in zip(ours, lax, exact, strict=True):
        of_ours, of_lax, true = (np.asarray(r, float) for r in results)
        yield tuple(np.max(np.abs(r - true)) / np.max(np.abs(true)) for r in (of_ours, of_lax))


def lowering_shape(convolve, *arguments):
    *arrays, window = arguments
    return jax.eval_shape(partial(convolve, window=window), *arrays).shape


@pytest.mark.parametrize(
    "case", [CASES[0], CASES[2], CASES[9], CASES[12], CASES[17], CASES[18]], ids=str
)
def test_float32_sums_are_as_good_as_those_of_lax(float64, case):
    for convolve, operand in ((lowering.convolve, 1), (lowering.convolve_depthwise, 2)):
        x, w, _, window = operands(*case)
        of = Convolution.of(x, w, window, False)
        bound = 1e-5 if operand == 1 and choice.chosen(of, len(x)) is winograd else 0
        for ours, of_lax in errors(case, convolve, operand):
            # A sum in another order has another rounding: a few ulps, where lax was lucky.
            assert ours <= max(bound, 2 * of_lax, 5e-7)


@pytest.mark.parametrize(
    "form, bound, kernel, size, channels, outputs, images",
    [
        (winograd, 3e-5, 3, 16, 32, 64, 2),
        (winograd, 3e-5, 5, 36, 32, 64, 2),
        (winograd, 3e-5, 5, 36, 16, 24, 8),
        (winograd, 3e-5, 3, 16, 256, 256, 9),
        # 2e-7 to 4e-7 was measured, with other sizes too; other machines add up in other orders.
        (fourier, 1e-6, 5, 14, 32, 64, 64),
        (fourier, 1e-6, 3, 7, 64, 64, 40),
        (fourier, 1e-6, 7, 56, 8, 8, 5),
    ],
)
def test_forms_round_as_much_as_they_say(
    float64, form, bound, kernel, size, channels, outputs, images
):
    case = ("NHWC", (size, size), channels, (kernel, kernel), outputs, 1, "SAME", 1)
    x, w, _, window = operands(*case, images=images)
    assert choice.chosen(Convolution.of(x, w, window, False), images) is form
    for ours, _ in errors(case, lowering.convolve, 1, images):
        assert ours <= bound


def test_half_types_are_summed_in_float32():
    for case in (CASES[0], CASES[11], CASES[15]):
        x, filters, depthwise, window = operands(*case, dtype=jnp.bfloat16)
        for convolve, w in ((lowering.convolve, filters), (lowering.convolve_depthwise, depthwise)):
            function = partial(convolve, window=window)
            wide = [a.astype(jnp.float32) for a in (x, w)]
            got, expected = function(x, w), function(*wide)
            assert got.dtype == jnp.bfloat16
            np.testing.assert_array_equal(got, expected.astype(jnp.bfloat16))


@pytest.mark.parametrize("taps", [3, 5])
def test_toom_cooks_matrices_give_the_correlation(taps):
    """For one tile: `A' [(G w) * (B' x)]` is what a filter of 3 or 5 taps sees at four places."""
    a, g, b = winograd.toom_cook(taps)
    rng = np.random.RandomState(0)
    x, w = rng.randn(taps + 3), rng.randn(taps)
    expected = [x[i : i + taps] @ w for i in range(4)]
    np.testing.assert_allclose(a.T @ ((g @ w) * (b @ x)), expected, rtol=1e-12)


def normalized(moments, scale, x, factor, offset, *, axes):
    """A batch norm over some axes, relu6 behind it."""
    mean, variance = moments(x, axes, keepdims=True)
    return nn.relu6(scale(x, mean, variance, offset, factor, 1e-3))


def plain_moments(x, axes, keepdims):
    mean = jnp.mean(x, axes, keepdims=keepdims)
    return mean, jnp.mean((x - mean) ** 2, axes, keepdims=keepdims)


def plain_scale(x, mean, variance, offset, factor, epsilon):
    return (x - mean) / jnp.sqrt(variance + epsilon) * factor + offset


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((4, 6, 8, 5), (0, 1, 2)),  # groups along the width
        ((8, 6, 7, 3), (0, 2, 3)),  # NCHW: groups along the height
        ((3, 12, 5), (1,)),  # instance norm
        ((8, 6, 3, 5), (0, 1, 2)),  # the width too small: groups along the height
        ((2, 3, 5, 7), (1, 2, 3)),  # layer norm
        ((2, 3, 2, 7), (1, 2, 3)),  # too small for groups
        ((23, 4), (0,)),  # no group divides it
        ((1, 16, 1, 6), (0, 1, 2)),
    ],
)
def test_normalizations_and_their_calculus(float64, shape, axes):
    rng = np.random.RandomState(0)
    small = [1 if axis in axes else n for axis, n in enumerate(shape)]
    x, factor, offset = (jnp.asarray(rng.randn(*s) + 1) for s in (shape, small, small))
    ours = calculus(partial(normalized, nn.moments, nn.batch_normalization, axes=axes))
    plain = calculus(partial(normalized, plain_moments, plain_scale, axes=axes))
    results = (jax.tree.leaves(jax.jit(f)(x, factor, offset)) for f in (ours, plain))
    for got, expected in zip(*results, strict=True):
        # float64: what is lost where the two sums of a derivative cancel
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("outlier", [0, 100])
@pytest.mark.parametrize("mean", [0, 1e2, 1e4])
def test_moments_far_from_zero_lose_no_digits(mean, outlier):
    x = (np.random.RandomState(0).randn(8, 16, 16, 4) + mean).astype(np.float32)
    x[:, 0] += outlier  # what the first of a group lies off by itself costs up to four bits
    got, exact = nn.moments(x, (0, 1, 2)), x.astype(float)
    # Some float32 roundings of numbers as large as x and its square's mean; that mean less the
    # square of x's mean would lose up to all digits.
    largest, rounding = np.abs(exact).max(), 3e-7
    np.testing.assert_allclose(got[0], exact.mean((0, 1, 2)), rtol=0, atol=rounding * largest)
    rounding *= 16 if outlier else 1
    np.testing.assert_allclose(got[1], exact.var((0, 1, 2)), rtol=rounding)


def test_a_batch_norm_keeps_x_and_nothing_else_as_large():
    x = jnp.asarray(np.random.RandomState(0).randn(4, 8, 8, 16), jnp.float32)
    factor = offset = jnp.ones((1, 1, 1, 16))

    def norm(x):
        mean, variance = nn.moments(x, (0, 1, 2), keepdims=True)
        return nn.batch_normalization(x, mean, variance, offset, factor, 1e-3)

    kept = [a for a in jax.tree.leaves(jax.vjp(norm, x)[1]) if a.size == x.size]
    assert kept and all(np.array_equal(a, x) for a in kept)


@pytest.mark.parametrize("kernel", [(4, 4), (5, 5)])
def test_depthwise_gradients_of_more_taps_than_one_loop_adds(float64, kernel):
    x, _, filters, window = operands("NHWC", (13, 9), 3, kernel, 1, 1, "SAME", 1)
    function = with_gradients(partial(lowering.convolve_depthwise, window=window))
    assert max(distances(function, x, filters)) < TOLERANCE


def test_no_images_have_no_moments():
    gradient = jax.grad(lambda x: sum(jnp.sum(m) for m in nn.moments(x, (0, 1, 2))))
    x = jnp.zeros((0, 8, 8, 4))
    mean, variance = nn.moments(x, (0, 1, 2))
    assert np.all(np.isnan(mean)) and np.all(np.isnan(variance)) and gradient(x).shape == x.shape
    filters = jnp.ones((3, 3, 4, 1))
    loss = jax.grad(lambda w: jnp.sum(nn.depthwise_conv2d(x, w, 1, "SAME")))
    assert not np.any(loss(filters))
