"""Every kernel 1-7, stride 1-4, dilation 1-3 and size 5-16, SAME and VALID, against plain NumPy.

Two one-dimensional settings make one two-dimensional call: the images are outer products (or sums,
for pools), and so must the results be. All numbers are small integers: every sum is exact.
"""

import functools
import itertools

import jax
import numpy as np
import pytest

import nn
from nn import spelling
from nn.lowering import depthwise, patches
from nn.lowering.geometry import Convolution

KERNELS, STRIDES, DILATIONS, SIZES = range(1, 8), range(1, 5), range(1, 4), range(5, 17)
GRID = list(itertools.product(KERNELS, STRIDES, DILATIONS, SIZES))

# Thousands of windows over a few numbers: compiling is what takes the time.
QUICK = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def numbers(length, seed):
    return np.random.default_rng(seed).integers(-3, 4, length).astype(np.float32)


def padding_before(n, k, s, d, padding):
    """How many pixels SAME puts in front: half of what ceil(n / s) outputs lack, rounded down."""
    extent = (k - 1) * d + 1
    return max((-(-n // s) - 1) * s + extent - n, 0) // 2 if padding == "SAME" else 0


def outputs(n, k, s, d, padding):
    return -(-n // s) if padding == "SAME" else (n - (k - 1) * d - 1) // s + 1


def seen(n, k, s, d, padding):
    """For each output, the pixels and the taps that meet there."""
    for i in range(outputs(n, k, s, d, padding)):
        places = [(i * s + t * d - padding_before(n, k, s, d, padding), t) for t in range(k)]
        yield [(at, t) for at, t in places if 0 <= at < n]


def convolved(signal, taps, *setting):
    rows = seen(len(signal), len(taps), *setting)
    return np.array([sum(signal[at] * taps[t] for at, t in row) for row in rows])


def transposed(signal, taps, n, *setting):
    result = np.zeros(n, np.float32)
    for value, row in zip(signal, seen(n, len(taps), *setting), strict=True):
        for at, t in row:
            result[at] += value * taps[t]
    return result


def pooled(reduce, signal, *setting):
    return np.array([reduce([signal[at] for at, _ in row]) for row in seen(len(signal), *setting)])


def fitting(padding, allowed=lambda k, s, d: True):
    """The settings that give an output."""
    return [
        (k, s, d, n)
        for k, s, d, n in GRID
        if allowed(k, s, d) and (padding == "SAME" or n > (k - 1) * d)
    ]


def pairs(padding, allowed=lambda k, s, d: True):
    """The settings that give an output, two by two."""
    fits = fitting(padding, allowed)
    return list(zip(fits[::2], [*fits[1::2], *fits[: len(fits) % 2]], strict=True))


def check(call, expected, settings, tolerance=0.0):
    """Compare `call(setting)` with `expected(setting)`, a hundred settings in one program."""
    for start in range(0, len(settings), 100):
        some = settings[start : start + 100]
        program = jax.jit(lambda some=some: list(map(call, some)), compiler_options=QUICK)
        for setting, found in zip(some, program(), strict=True):
            pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected(setting)), strict=True)
            for ours, known in pairs:
                at = dict(rtol=0, atol=tolerance, err_msg=str(setting))
                np.testing.assert_allclose(np.squeeze(ours), np.squeeze(known), **at)


def image(pair, join=np.multiply):
    return join.outer(*[numbers(n, seed) for seed, (*_, n) in enumerate(pair)])[None, ..., None]


def kernel(pair):
    return np.multiply.outer(*[numbers(k, 7 + seed) for seed, (k, *_) in enumerate(pair)])


def geometry(pair):
    """The strides and the dilations of two settings."""
    (_, s, d, _), (_, s2, d2, _) = pair
    return [s, s2], [d, d2]


def expected_convolution(pair, padding):
    sides = [
        convolved(numbers(n, seed), numbers(k, 7 + seed), s, d, padding)
        for seed, (k, s, d, n) in enumerate(pair)
    ]
    return np.multiply.outer(*sides)


@pytest.fixture
def by_xla():
    """The form of the sums that GPUs and TPUs get, of one operation each, on this CPU."""
    with nn.lax_lowering():
        yield


# Means are quotients: float32 rounding of numbers up to 6.
POOLS = [("MAX", max, 0.0), ("AVG", np.mean, 2e-6)]
both_paddings = pytest.mark.parametrize("padding", ["SAME", "VALID"])


@both_paddings
def test_convolutions(by_xla, padding):
    def call(pair):
        strides, dilations = geometry(pair)
        filters = kernel(pair)[..., None, None]
        return nn.conv2d(image(pair), filters, strides, padding, dilations=dilations)

    check(call, functools.partial(expected_convolution, padding=padding), pairs(padding))


@both_paddings
def test_depthwise_convolutions(by_xla, padding):
    def call(pair):
        strides, dilations = geometry(pair)
        filters = kernel(pair)[..., None, None]
        return nn.depthwise_conv2d(image(pair), filters, strides, padding, dilations=dilations)

    expected = functools.partial(expected_convolution, padding=padding)
    for allowed in (lambda k, s, d: d == 1, lambda k, s, d: s == 1 < d):
        check(call, expected, pairs(padding, allowed))


@pytest.mark.slow
@both_paddings
@pytest.mark.parametrize("form", [depthwise, patches], ids=["depthwise", "patches"])
def test_the_forms_for_a_cpu(form, padding):
    """Along one axis, all three faces: the forms treat each axis by itself."""

    def operands(setting):
        k, s, d, n = setting
        return numbers(n, 0), numbers(k, 7), numbers(outputs(n, k, s, d, padding), 14)

    def call(setting):
        k, s, d, _ = setting
        x, taps, dy = (array.reshape(1, -1, 1) for array in operands(setting))
        filters = taps.reshape(k, 1, 1)
        window = spelling.window("f", x.shape, "NWC", [k], [s], padding, [d])
        of = Convolution.of(x, filters, window, form is depthwise)
        y = form.output(x, filters, of)
        return y, form.input_gradient(dy, filters, of), form.filter_gradient(x, dy, of)

    def expected(setting):
        k, s, d, n = setting
        x, taps, dy = operands(setting)
        gradient = np.zeros(k, np.float32)
        for value, row in zip(dy, seen(n, k, s, d, padding), strict=True):
            for at, tap in row:
                gradient[tap] += value * x[at]
        geometry = s, d, padding
        return convolved(x, taps, *geometry), transposed(dy, taps, n, *geometry), gradient

    # Sizes that the groups of rows in them divide, and some that they do not.
    check(call, expected, [s for s in fitting(padding) if s[-1] in (5, 8, 13, 14)])


@pytest.mark.slow
@both_paddings
def test_transposed_convolutions(by_xla, padding):
    def inputs(pair):
        return [
            numbers(outputs(n, k, s, d, padding), seed) for seed, (k, s, d, n) in enumerate(pair)
        ]

    def call(pair):
        x, filters = np.multiply.outer(*inputs(pair)), kernel(pair)[..., None, None]
        (*_, n), (*_, n2) = pair
        strides, dilations = geometry(pair)
        spread = (1, n, n2, 1), strides, padding, "NHWC", dilations
        return nn.conv2d_transpose(x[None, ..., None], filters, *spread)

    def expected(pair):
        sides = [
            transposed(x, numbers(k, 7 + seed), n, s, d, padding)
            for seed, (x, (k, s, d, n)) in enumerate(zip(inputs(pair), pair, strict=True))
        ]
        return np.multiply.outer(*sides)

    check(call, expected, pairs(padding))


@both_paddings
@pytest.mark.parametrize("pooling_type, reduce, tolerance", POOLS)
def test_pools(padding, pooling_type, reduce, tolerance):
    pool = {"MAX": nn.max_pool, "AVG": nn.avg_pool}[pooling_type]

    def call(pair):
        (k, s, _, _), (k2, s2, _, _) = pair
        return pool(image(pair, np.add), [k, k2], [s, s2], padding)

    def expected(pair):
        sides = [
            pooled(reduce, numbers(n, seed), k, s, 1, padding)
            for seed, (k, s, _, n) in enumerate(pair)
        ]
        return np.add.outer(*sides)

    check(call, expected, pairs(padding, lambda k, s, d: d == 1), tolerance)


@pytest.mark.parametrize("pooling_type, reduce, tolerance", POOLS)
def test_dilated_pools(pooling_type, reduce, tolerance):
    def call(pair):
        (k, _, d, _), (k2, _, d2, _) = pair
        x = image(pair, np.add)
        return nn.pool(x, [k, k2], pooling_type, dilations=[d, d2])

    def expected(pair):
        sides = [
            pooled(reduce, numbers(n, seed), k, 1, d, "VALID")
            for seed, (k, _, d, n) in enumerate(pair)
        ]
        return np.add.outer(*sides)

    check(call, expected, pairs("VALID", lambda k, s, d: s == 1 < d), tolerance)
