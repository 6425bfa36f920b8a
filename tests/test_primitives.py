"""The jitted primitives: TensorFlow's numbers, its spellings, every transform, every message."""

import itertools
import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
from nn import spelling

KERNELS, STRIDES, DILATIONS, SIZES = range(1, 8), range(1, 5), range(1, 4), range(5, 17)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def inputs(shapes, seed):
    return [normal(*shape, seed=seed + n) for n, shape in enumerate(shapes)]


def assert_close(trees, expected, tolerance=1e-5):
    pairs = zip(jax.tree.leaves(trees), jax.tree.leaves(expected), strict=True)
    for a, b in pairs:
        b = np.asarray(b)
        np.testing.assert_allclose(np.asarray(a, b.dtype), b, rtol=tolerance, atol=tolerance)


def inner(trees, others):
    pairs = zip(jax.tree.leaves(trees), jax.tree.leaves(others), strict=True)
    return sum(np.vdot(a, b) for a, b in pairs)


def reference(signal, taps, stride, padding, dilation):
    """A one-dimensional convolution, tap by tap, as TensorFlow documents it."""
    extent = (len(taps) - 1) * dilation + 1
    if padding == "SAME":
        total = max((-(-len(signal) // stride) - 1) * stride + extent - len(signal), 0)
        signal = np.concatenate([np.zeros(total // 2), signal, np.zeros(total - total // 2)])
    starts = range(0, len(signal) - extent + 1, stride)
    return np.array([signal[i : i + extent : dilation] @ taps for i in starts])


def test_same_padding_is_the_least_that_gives_every_stride_its_output():
    for k, s, d, n in itertools.product(KERNELS, STRIDES, DILATIONS, SIZES):
        window = spelling.window("f", (1, n, 1), "NWC", [k], s, "SAME", d)
        ((before, after),) = window.padding
        outputs, extent = -(-n // s), (k - 1) * d + 1
        assert window.outputs((1, n, 1)) == (outputs,)
        assert before + after == max(0, (outputs - 1) * s + extent - n)
        assert after - before in (0, 1)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("k", KERNELS)
def test_convolutions_agree_with_the_plain_sums(k, padding):
    # Images and filters are outer products, so one convolution checks two signals.
    settings = list(itertools.product(STRIDES, DILATIONS))
    for pair in zip(settings[::2], settings[1::2], strict=True):
        strides, dilations = zip(*pair, strict=True)
        sizes = (
            [5 + k % 2, 8] if padding == "SAME" else [(k - 1) * d + 1 + k % 3 for d in dilations]
        )
        signals, taps = [normal(n) for n in sizes], normal(2, k)
        image, filters = np.outer(*signals)[None, :, :, None], np.outer(*taps)[:, :, None, None]
        out = np.asarray(nn.conv2d(image, filters, strides, padding, dilations=dilations))
        rows = zip(signals, taps, strides, [padding] * 2, dilations, strict=True)
        # float32 sums of at most 49 products of normal numbers
        np.testing.assert_allclose(
            out[0, :, :, 0], np.outer(*[reference(*r) for r in rows]), atol=1e-4
        )


@pytest.mark.parametrize(
    "size, kernel, stride, expected",
    [
        (4, 3, 2, [[9, 6], [6, 4]]),
        (5, 3, 2, [[4, 6, 4], [6, 9, 6], [4, 6, 4]]),
        (3, 2, 1, [[4, 4, 2], [4, 4, 2], [2, 2, 1]]),
    ],
)
def test_same_padding_puts_the_odd_pixel_at_the_end(size, kernel, stride, expected):
    image, filters = np.ones((1, size, size, 1)), np.ones((kernel, kernel, 1, 1))
    np.testing.assert_array_equal(nn.conv2d(image, filters, stride, "SAME")[0, :, :, 0], expected)


@pytest.mark.parametrize("padding", ["SAME", "VALID", [[1, 0], [2, 1]]])
@pytest.mark.parametrize("dilations", [1, 2])
@pytest.mark.parametrize("strides", [1, 2, [3, 1]])
def test_transposed_convolution_is_the_gradient(padding, strides, dilations):
    images, filters = normal(2, 8, 7, 3), normal(3, 2, 3, 4)
    forward = lambda x: nn.conv2d(x, filters, strides, padding, dilations=dilations)  # noqa: E731
    out = np.asarray(forward(images))
    args = images.shape, strides, padding, "NHWC", dilations
    (expected,) = jax.jit(lambda x, g: jax.vjp(forward, x)[1](g))(images, out)
    np.testing.assert_allclose(nn.conv2d_transpose(out, filters, *args), expected, atol=1e-5)
    spatial = nn.conv2d_transpose(out, filters, images.shape[1:3], *args[1:])
    np.testing.assert_allclose(spatial, expected, atol=1e-5)


def test_transposed_convolution_of_ones():
    ones = np.ones((1, 2, 2, 1)), np.ones((3, 3, 1, 1))
    expected = [[1, 1, 2, 1], [1, 1, 2, 1], [2, 2, 4, 2], [1, 1, 2, 1]]
    out = nn.conv2d_transpose(*ones, (1, 4, 4, 1), 2)
    np.testing.assert_array_equal(out[0, :, :, 0], expected)


def test_depthwise_channels_are_input_major():
    images, filters = normal(2, 6, 5, 3), normal(3, 3, 3, 2)
    out = np.asarray(nn.depthwise_conv2d(images, filters, 1, "SAME"))
    for channel, multiple in itertools.product(range(3), range(2)):
        one = filters[:, :, channel, multiple][:, :, None, None]
        expected = nn.conv2d(images[..., channel, None], one, 1, "SAME")
        found = out[..., channel * 2 + multiple, None]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_separable_is_depthwise_then_pointwise():
    images, first, second = normal(2, 6, 6, 3), normal(3, 3, 3, 2), normal(1, 1, 6, 4)
    hidden = nn.depthwise_conv2d(images, first, 2, "SAME")
    expected = nn.conv2d(hidden, second, 1, "VALID")
    out = nn.separable_conv2d(images, first, second, 2, "SAME")
    np.testing.assert_array_equal(out, expected)


def test_grouped_convolution_joins_its_groups():
    images, filters = normal(2, 6, 6, 4), normal(3, 3, 2, 6)
    halves = (
        nn.conv2d(images[..., :2], filters[..., :3], 1, "SAME"),
        nn.conv2d(images[..., 2:], filters[..., 3:], 1, "SAME"),
    )
    out = nn.conv2d(images, filters, 1, "SAME")
    np.testing.assert_allclose(out, np.concatenate(halves, -1), atol=1e-5)


def test_further_batch_axes_are_batch_axes():
    images, filters = normal(2, 3, 5, 5, 1), normal(3, 3, 1, 2)
    expected = np.stack([nn.conv2d(each, filters, 2, "SAME") for each in images])
    np.testing.assert_allclose(nn.conv2d(images, filters, 2, "SAME"), expected, atol=1e-6)


@pytest.mark.parametrize(
    "size, ksize, strides, padding, first",
    [
        ((6,), 3, 2, "SAME", [[1, 0, 1, 0, 1, 0]]),
        ((6,), 2, 1, "VALID", [[1, 1, 1, 1, 1, 0]]),
        ((4, 4), 3, 2, "SAME", [[1, 0, 1, 0], [0] * 4] * 2),
        ((4, 4), 2, 1, "VALID", [[1, 1, 1, 0]] * 3 + [[0] * 4]),
    ],
)
@pytest.mark.parametrize("value", [0.0, -np.inf])
def test_the_first_of_equal_maxima_receives_the_gradient(
    size, ksize, strides, padding, first, value
):
    images = np.full((1, *size, 1), value, np.float32)
    gradient = jax.jit(jax.grad(lambda x: nn.max_pool(x, ksize, strides, padding).sum()))(images)
    np.testing.assert_array_equal(np.reshape(gradient, (-1, size[-1])), first)


def test_padding_never_wins_and_never_counts():
    images = np.full((1, 3, 3, 1), -5.0)
    np.testing.assert_array_equal(nn.max_pool(images, 2, 2, "SAME"), np.full((1, 2, 2, 1), -5.0))
    np.testing.assert_array_equal(nn.avg_pool(images, 2, 2, "SAME"), np.full((1, 2, 2, 1), -5.0))
    integers = np.full((1, 3, 3, 1), -5, np.int32)
    assert nn.max_pool(integers, 2, 2, "SAME").dtype == jnp.int32
    np.testing.assert_array_equal(nn.max_pool(integers, 2, 2, "SAME"), np.full((1, 2, 2, 1), -5))


def test_average_pool_is_the_mean_of_what_it_sees():
    images = normal(2, 5, 7, 3)
    out = np.asarray(nn.avg_pool(images, 3, 2, "SAME"))
    np.testing.assert_allclose(out[:, 0, 0], images[:, :2, :2].mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(out[:, 1, 1], images[:, 1:4, 1:4].mean((1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    "function, slopes",
    [
        (nn.relu, {-1.0: 0, 0.0: 0, 1.0: 1}),
        (nn.relu6, {-1.0: 0, 0.0: 0, 1.0: 1, 6.0: 0, 7.0: 0}),
        (nn.elu, {0.0: 1, 1.0: 1, 1000.0: 1}),
        (nn.selu, {0.0: 1.0507010, 1.0: 1.0507010, 1000.0: 1.0507010}),
        (nn.leaky_relu, {-1.0: 0.2, 0.0: 0.2, 1.0: 1}),
        (lambda x: nn.leaky_relu(x, 0.01), {-1.0: 0.01, 0.0: 0.01, 1.0: 1}),
        (nn.softsign, {0.0: 1, 1.0: 0.25}),
        (nn.sigmoid, {0.0: 0.25, 1000.0: 0}),
        (nn.tanh, {0.0: 1, 1000.0: 0}),
        (nn.softplus, {0.0: 0.5, 1000.0: 1, -1000.0: 0}),
        (lambda x: nn.crelu(x), {-1.0: -1, 0.0: 0, 1.0: 1}),
    ],
)
def test_gradients_at_the_kinks_are_tensorflows(function, slopes):
    gradient = jax.jit(jax.grad(lambda x: function(x).sum()))(np.float32(list(slopes)))
    np.testing.assert_allclose(gradient, list(slopes.values()), rtol=1e-6)


def test_activations_pass_nan_on():
    for function in (nn.relu, nn.relu6, nn.elu, nn.selu, nn.leaky_relu, nn.softplus):
        assert np.isnan(function(np.float32("nan")))


def test_moments_are_biased_and_exact_in_every_derivative():
    x = normal(3, 4, 5)
    for axes, keepdims in itertools.product([0, [0, 1], [-1], None], [False, True]):
        given = axes if axes is None or isinstance(axes, int) else tuple(axes)
        mean, variance = nn.moments(x, axes, keepdims)
        np.testing.assert_allclose(mean, x.mean(given, keepdims=keepdims), atol=1e-6)
        np.testing.assert_allclose(variance, x.var(given, keepdims=keepdims), atol=1e-6)
    hessian = jax.jit(jax.hessian(lambda x: nn.moments(x, 0)[1]))(np.float32([1, 2, 4]))
    np.testing.assert_allclose(hessian, 2 / 3 * (np.eye(3) - 1 / 3), atol=1e-6)


def test_half_types_are_summed_in_float32():
    # 4096 + 1 is 4096 in float16; and 70000 overflows it.
    ones = np.ones((1, 100, 100, 1), np.float16)
    assert nn.moments(ones * 8, None)[0] == 8
    assert nn.avg_pool(ones * 8, 100, 1, "VALID").item() == 8
    assert not np.any(nn.l2_normalize(ones * 0, [1, 2]))
    out = nn.batch_normalization(ones * 300, ones[0, 0, 0] * 0, np.full(1, 9e4), None, None, 0.0)
    assert out.dtype == jnp.float16
    np.testing.assert_allclose(out, 1, rtol=1e-3)  # half a unit of float16


def test_dropout_keeps_the_mean_and_shares_its_noise():
    x, key = jnp.ones((50, 40)), jax.random.key(3)
    out = np.asarray(nn.dropout(x, 0.25, rng=key))
    np.testing.assert_allclose(np.unique(out), [0, 4 / 3], rtol=1e-6)
    assert abs(out.mean() - 1) < 5 * np.sqrt(1 / 3 / 2000)  # five standard deviations
    for noise_shape in ([50, 1], [None, 1], (None, np.int64(1))):
        shared = np.asarray(nn.dropout(x, 0.25, noise_shape, rng=key))
        np.testing.assert_array_equal(shared, np.broadcast_to(shared[:, :1], x.shape))
    assert nn.dropout(x, 0.5, [1], rng=key).shape == x.shape
    assert nn.dropout(x, 0.0, rng=None) is x
    traced = jax.jit(lambda rate: nn.dropout(x, rate, rng=key))(0.25)
    np.testing.assert_allclose(traced, out, rtol=1e-6)


SPELLINGS = [
    *[dict(strides=s) for s in (2, [2], (2, 2), [1, 2, 2, 1], np.array([2, 2]), np.int64(2))],
    *[dict(padding=p) for p in ("SAME", "same", [[0, 0], [0, 1], [0, 1], [0, 0]])],
    *[dict(padding=[[0, 1], (0, 1)], dilations=d) for d in (None, 1, [1], [1, 1], [1] * 4)],
    *[dict(data_format=f) for f in (None, "NHWC", "channels_last")],
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
def test_spellings_mean_the_same(spelling):
    images, filters = normal(1, 6, 6, 2), normal(3, 3, 2, 2)
    expected = nn.conv2d(images, filters, 2, "SAME")
    out = nn.conv2d(images, filters, **dict(strides=2, padding="SAME") | spelling)
    np.testing.assert_array_equal(out, expected)
    if "dilations" not in spelling:
        expected = nn.max_pool(images, 3, 2, "SAME")
        out = nn.max_pool(images, **dict(ksize=[1, 3, 3, 1], strides=2, padding="SAME") | spelling)
        np.testing.assert_array_equal(out, expected)


FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
BOTH_LAYOUTS = {
    "convolution": lambda x, n, **kw: nn.convolution(
        x, normal(*[3] * n, 4, 5), 2, "SAME", dilations=2, **kw
    ),
    "max_pool": lambda x, n, **kw: nn.max_pool(x, 3, 2, "SAME", **kw),
    "avg_pool": lambda x, n, **kw: nn.avg_pool(x, 3, 2, "SAME", **kw),
    "bias_add": lambda x, n, **kw: nn.bias_add(x, normal(4), **kw),
    "transpose": lambda x, n, **kw: getattr(nn, f"conv{n}d_transpose")(
        x, normal(*[3] * n, 5, 4), [12] * n, 2, **kw
    ),
    "separable": lambda x, n, **kw: nn.separable_conv2d(
        x, normal(3, 3, 4, 2), normal(1, 1, 8, 3), 1, "SAME", **kw
    ),
}


@pytest.mark.parametrize(
    "name, dimensions",
    [(name, n) for name in BOTH_LAYOUTS for n in ([2] if name == "separable" else [1, 2, 3])],
)
def test_channels_first_is_channels_last_transposed(name, dimensions):
    x = normal(2, *[6] * dimensions, 4)
    function = BOTH_LAYOUTS[name]
    expected = np.moveaxis(function(x, dimensions, data_format=None), -1, 1)
    for data_format in (FIRST[dimensions], "channels_first"):
        out = function(np.moveaxis(x, -1, 1), dimensions, data_format=data_format)
        np.testing.assert_allclose(out, expected, atol=1e-5)


KEY = jax.random.key(0)
PRIMITIVES = {
    "conv1d": (lambda x, f: nn.conv1d(x, f, 2, "SAME"), (2, 6, 3), (3, 3, 2)),
    "conv2d": (lambda x, f: nn.conv2d(x, f, [1, 2], "SAME"), (2, 5, 5, 2), (3, 2, 2, 3)),
    "conv2d grouped": (lambda x, f: nn.conv2d(x, f, 1, "VALID"), (1, 4, 4, 4), (2, 2, 2, 2)),
    "conv3d": (lambda x, f: nn.conv3d(x, f, 2, "SAME"), (1, 3, 3, 4, 2), (2, 2, 2, 2, 2)),
    "convolution": (lambda x, f: nn.convolution(x, f, dilations=2), (2, 6, 1), (3, 1, 2)),
    "conv1d_transpose": (
        lambda x, f: nn.conv1d_transpose(x, f, (2, 6, 3), 2),
        (2, 3, 2),
        (3, 3, 2),
    ),
    "conv2d_transpose": (
        lambda x, f: nn.conv2d_transpose(x, f, [4, 4], 2),
        (2, 2, 2, 2),
        (3, 3, 3, 2),
    ),
    "conv3d_transpose": (
        lambda x, f: nn.conv3d_transpose(x, f, [4, 3, 4], [2, 1, 2]),
        (1, 2, 3, 2, 2),
        (2, 2, 2, 2, 2),
    ),
    "depthwise_conv2d": (
        lambda x, f: nn.depthwise_conv2d(x, f, 2, "SAME"),
        (2, 4, 5, 2),
        (3, 3, 2, 2),
    ),
    "separable_conv1d": (
        lambda x, f, g: nn.separable_conv1d(x, f, g, 1, "SAME", dilations=2),
        (2, 6, 2),
        (3, 2, 2),
        (1, 4, 3),
    ),
    "separable_conv2d": (
        lambda x, f, g: nn.separable_conv2d(x, f, g, 1, "VALID"),
        (2, 4, 4, 2),
        (2, 2, 2, 2),
        (1, 1, 4, 3),
    ),
    "max_pool": (lambda x: nn.max_pool(x, 3, 2, "SAME"), (2, 5, 5, 2)),
    "avg_pool": (lambda x: nn.avg_pool(x, 3, 2, "SAME"), (2, 5, 5, 2)),
    "moments": (lambda x: nn.moments(x, [0, 1]), (3, 4, 2)),
    "batch_normalization": (
        lambda x, m, b, g: nn.batch_normalization(x, m, jnp.square(m), b, g, 0.1),
        (2, 3, 4),
        (4,),
        (4,),
        (4,),
    ),
    "l2_normalize": (lambda x: nn.l2_normalize(x, -1), (3, 4)),
    **{
        name: (getattr(nn, name), (3, 4))
        for name in (
            *("crelu", "elu", "leaky_relu", "log_softmax", "relu", "relu6", "selu", "sigmoid"),
            *("softmax", "softplus", "softsign", "tanh", "l2_loss"),
        )
    },
    "bias_add": (nn.bias_add, (2, 3, 4), (4,)),
    "dense": (nn.dense, (2, 3, 4), (4, 5), (5,)),
    "dropout": (lambda x: nn.dropout(x, 0.4, rng=KEY), (3, 4)),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_transforms(name):
    function, *shapes = PRIMITIVES[name]
    arrays, others = inputs(shapes, 0), inputs(shapes, 9)
    eager = function(*arrays), function(*others)

    @jax.jit
    def compiled(arrays, pairs, halves):
        return function(*arrays), jax.vmap(function)(*pairs), function(*halves)

    pairs = [np.stack(pair) for pair in zip(arrays, others, strict=True)]
    out, out_pairs, out_halves = compiled(
        arrays, pairs, [array.astype(jnp.bfloat16) for array in arrays]
    )
    # The same sums, perhaps fused differently: float32 rounding.
    assert_close(out, eager[0], 1e-5)
    expected = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), eager[0])
    assert jax.eval_shape(function, *arrays) == expected
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(out_halves))
    if name != "dropout":  # which draws other bits for another type, and for each example
        # bfloat16 has 8 bits; the sums are of at most 27 products of numbers up to 3.
        assert_close(out_halves, out, 0.1)
        for n in (0, 1):
            assert_close(jax.tree.map(lambda leaf, n=n: np.asarray(leaf)[n], out_pairs), eager[n])


@pytest.mark.parametrize("name", PRIMITIVES)
def test_gradients_in_double_precision(name):
    function, *shapes = PRIMITIVES[name]
    with jax.enable_x64(True):
        points, steps = (list(map(np.float64, inputs(shapes, seed))) for seed in (0, 9))
        call = jax.jit(function)
        out, above, below = (
            call(*[point + h * step for point, step in zip(points, steps, strict=True)])
            for h in (0, 1e-6, -1e-6)
        )
        gradients = jax.jit(lambda points, out: jax.vjp(function, *points)[1](out))(points, out)
    assert all(leaf.dtype == np.float64 for leaf in jax.tree.leaves((out, gradients)))
    # Of out ** 2 / 2. The difference's own errors are of order 1e-16 / 1e-6 and (1e-6) ** 2.
    difference = (inner(above, above) - inner(below, below)) / 4e-6
    np.testing.assert_allclose(inner(gradients, steps), difference, rtol=1e-6, atol=1e-7)


X, F = normal(1, 5, 5, 3), normal(3, 3, 3, 8)
ERRORS = [
    # shapes
    (
        lambda: nn.conv2d(X[0], F, 1, "SAME"),
        "conv2d: input has shape (5, 5, 3): expected at least 4 dimensions, [N, H, W, C]",
    ),
    (
        lambda: nn.conv2d(X, F[0], 1, "SAME"),
        "conv2d: filters has shape (3, 3, 8): expected 4 dimensions, [H, W, C, O]",
    ),
    (
        lambda: nn.conv2d(X, normal(3, 3, 4, 8), 1, "SAME"),
        "conv2d: filters has shape (3, 3, 4, 8): its third dimension, 4, must equal the input's"
        " channels, 3",
    ),
    (
        lambda: nn.conv1d(X[0], normal(3, 2, 8), 1, "SAME"),
        "conv1d: filters has shape (3, 2, 8): its second dimension, 2, must",
    ),
    (
        lambda: nn.conv2d(normal(1, 5, 5, 4), normal(3, 3, 2, 5), 1, "SAME"),
        "conv2d: filters has shape (3, 3, 2, 5): its last dimension, 5, must be a multiple of the"
        " number of groups, 4 / 2 = 2",
    ),
    (
        lambda: nn.conv2d(X, normal(6, 3, 3, 8), 1, "VALID"),
        "conv2d: input has shape (1, 5, 5, 3): with padding 'VALID' its H, 5, must be at least the"
        " window's extent, 6",
    ),
    (
        lambda: nn.convolution(X, F[0, 0], 1, "SAME"),
        "convolution: filters has shape (3, 8): expected 3, 4 or 5 dimensions",
    ),
    (
        lambda: nn.depthwise_conv2d(X, normal(3, 3, 4, 1), 1, "SAME"),
        "depthwise_conv2d: filter has shape (3, 3, 4, 1): its third dimension, 4, must equal the"
        " input's channels, 3",
    ),
    (
        lambda: nn.separable_conv2d(X, normal(3, 3, 2, 1), normal(1, 1, 3, 4), 1, "SAME"),
        "separable_conv2d: depthwise_filter has shape (3, 3, 2, 1): its third dimension, 2, must",
    ),
    (
        lambda: nn.separable_conv2d(X, normal(3, 3, 3, 2), normal(1, 1, 3, 4), 1, "SAME"),
        "separable_conv2d: pointwise_filter has shape (1, 1, 3, 4): expected (1, 1, 6, number of"
        " outputs)",
    ),
    (
        lambda: nn.conv2d_transpose(X, F, (1, 10, 10, 3), 2),
        "conv2d_transpose: filters has shape (3, 3, 3, 8): its last dimension, 8, must equal the"
        " input's channels, 3",
    ),
    (
        lambda: nn.conv2d_transpose(X, normal(3, 3, 8, 3), (1, 11, 10, 8), 2),
        "conv2d_transpose: input has shape (1, 5, 5, 3): expected (6, 5) for H, W, as the"
        " convolution of output_shape (1, 11, 10, 8) gives",
    ),
    (
        lambda: nn.conv2d_transpose(X, normal(3, 3, 8, 3), (2, 10, 10, 8), 2),
        "conv2d_transpose: output_shape is (2, 10, 10, 8): expected 4 ints, 1 for N and 8 for C",
    ),
    (
        lambda: nn.conv2d_transpose(X, normal(3, 3, 8, 3), 10, 2),
        "conv2d_transpose: output_shape is 10: expected 4 ints, 1 for N and 8 for C",
    ),
    (
        lambda: nn.max_pool(X[0, 0], 2, 2, "SAME"),
        "max_pool: input has shape (5, 3): expected 3, 4 or 5 dimensions",
    ),
    (
        lambda: nn.avg_pool(X, 6, 2, "VALID"),
        "avg_pool: input has shape (1, 5, 5, 3): with padding 'VALID' its H, 5, must be at least",
    ),
    (
        lambda: nn.batch_normalization(X, X[0, 0, 0, :2], 1.0, None, None, 0.1),
        "batch_normalization: mean has shape (2,): expected one that broadcasts to that of x",
    ),
    (
        lambda: nn.bias_add(X, X[0, 0, 0, :2]),
        "bias_add: bias has shape (2,): expected (3,), the channels of value",
    ),
    (
        lambda: nn.bias_add(X[0, 0, 0], X[0, 0, 0]),
        "bias_add: value has shape (3,): expected at least 2 dimensions, [N, C]",
    ),
    (
        lambda: nn.dense(X, normal(4, 2)),
        "dense: kernel has shape (4, 2): its first dimension, 4, must equal the inputs' last, 3",
    ),
    (
        lambda: nn.dense(X[0, 0, 0], normal(3, 2)),
        "dense: inputs has shape (3,): expected at least 2 dimensions, [N, C]",
    ),
    # numbers
    (
        lambda: nn.conv2d(X, F, 0, "SAME"),
        "conv2d: strides is 0: expected no number below 1",
    ),
    (
        lambda: nn.conv1d(X[0], F[0], -1, "SAME"),
        "conv1d: stride is -1: expected no number below 1",
    ),
    (
        lambda: nn.conv2d(X, F, [1, 2, 2], "SAME"),
        "conv2d: strides is [1, 2, 2]: expected an int, or a list of 1, 2 or 4 ints (the layout is"
        " NHWC)",
    ),
    (
        lambda: nn.conv2d(X, F, [1, 1, 2, 2], "SAME"),
        "conv2d: strides is [1, 1, 2, 2]: expected 1 for batch and channels (the layout is NHWC)",
    ),
    (
        lambda: nn.conv2d(X, F, 1, "SAME", dilations=[1, 0]),
        "conv2d: dilations is [1, 0]: expected no number below 1",
    ),
    (
        lambda: nn.depthwise_conv2d(X, normal(3, 3, 3, 1), 2, "SAME", dilations=2),
        "depthwise_conv2d: dilations is 2 with strides 2: expected one of the two to be 1",
    ),
    (
        lambda: nn.max_pool(X, [1, 2, 2, 2], 1, "SAME"),
        "max_pool: ksize is [1, 2, 2, 2]: expected 1 for batch and channels",
    ),
    (
        lambda: nn.conv2d(X, F, 1, "FULL"),
        "conv2d: padding is 'FULL': expected 'SAME', 'VALID', or 4 pairs of ints (the layout is"
        " NHWC)",
    ),
    (
        lambda: nn.conv2d(X, F, 1, [[0, 0], [1, 1], [1, 1]]),
        "conv2d: padding is [[0, 0], [1, 1], [1, 1]]: expected 'SAME', 'VALID', or 4 pairs",
    ),
    (
        lambda: nn.conv2d(X, F, 1, [[0, 0], [1, 1], [1, 1], [0, 1]]),
        "conv2d: padding is [(0, 0), (1, 1), (1, 1), (0, 1)]: expected (0, 0) for batch and",
    ),
    (
        lambda: nn.conv2d(X, F, 1, [[1, 1], [1, -1]]),
        "conv2d: padding is [[1, 1], [1, -1]]: expected no number below 0",
    ),
    (
        lambda: nn.conv2d(X, F, 1, "SAME", "NWC"),
        "conv2d: data_format is 'NWC': expected one of None, 'channels_last', 'channels_first',"
        " 'NHWC', 'NCHW'",
    ),
    (
        lambda: nn.bias_add(X, X[0, 0, 0], "CN"),
        "bias_add: data_format is 'CN': expected one of None, 'channels_last'",
    ),
    (lambda: nn.moments(X, 4), "moments: axes is 4: expected distinct axes of an array of rank 4"),
    (lambda: nn.moments(X, [0, -4]), "moments: axes is [0, -4]: expected distinct axes"),
    (lambda: nn.softmax(X, 4), "softmax: axis is [4]: expected distinct axes"),
    *[
        (
            lambda rate=rate: nn.dropout(X, rate, rng=KEY),
            f"dropout: rate is {rate!r}: expected a number in [0, 1)",
        )
        for rate in (1, 1.0, -0.1, float("nan"), "half")
    ],
    *[
        (
            lambda shape=shape: nn.dropout(X, 0.5, shape, rng=KEY),
            f"dropout: noise_shape is {shape!r}: expected entries of 1, None or the size, for an"
            " array of shape (1, 5, 5, 3)",
        )
        for shape in ([2, 5, 5, 3], [1] * 5)
    ],
    (
        lambda: nn.dropout(jnp.arange(3), 0.5, rng=KEY),
        "dropout: x has dtype int32: expected a floating type",
    ),
]
TYPE_ERRORS = [
    (
        lambda: nn.dropout(X, 0.5, 1, rng=KEY),
        "dropout: noise_shape is 1: expected entries of 1, None or the size, for an array of shape"
        " (1, 5, 5, 3)",
    ),
    (
        lambda: nn.conv2d(X, F.astype(jnp.bfloat16), 1, "SAME"),
        "conv2d: filters has dtype bfloat16: expected that of input, float32",
    ),
    (
        lambda: nn.conv2d(X.astype(np.uint8), F, 1, "SAME"),
        "conv2d: input has dtype uint8: expected a floating type, as input.astype(jnp.float32) has",
    ),
    (lambda: nn.conv2d(X, F, 2.0, "SAME"), "conv2d: strides is 2.0: expected an int, or a list"),
    (lambda: nn.conv2d(X, F, True, "SAME"), "conv2d: strides is True: expected an int"),
    (lambda: nn.conv2d(X, F, [1, "2"], "SAME"), "conv2d: strides is [1, '2']: expected an int"),
    (lambda: nn.conv2d(X, F, 1, None), "conv2d: padding is None: expected 'SAME', 'VALID', or 4"),
    (lambda: nn.conv2d(X, F, 1, 2), "conv2d: padding is 2: expected 'SAME', 'VALID', or 4 pairs"),
    (lambda: nn.max_pool(X, None, 2, "SAME"), "max_pool: ksize is None: expected an int, or"),
    (lambda: nn.max_pool(X > 0, 2, 2, "SAME"), "max_pool: input has dtype bool: expected a real"),
    (lambda: nn.avg_pool(X, 2, 2, [[1, 1]] * 2), "avg_pool: padding is [[1, 1], [1, 1]]: expected"),
    (
        lambda: nn.avg_pool(X.astype(np.int32), 2, 2, "SAME"),
        "avg_pool: input has dtype int32: expected a floating type",
    ),
    (lambda: nn.moments(X, "ab"), "moments: axes is 'ab': expected distinct axes"),
    (lambda: nn.bias_add(X, np.arange(3)), "bias_add: bias has dtype int32: expected that of"),
    (
        lambda: nn.dense(X, normal(3, 2).astype(np.float16)),
        "dense: kernel has dtype float16: expected that of inputs, float32",
    ),
    (lambda: nn.dropout(X, 0.5, rng=None), "dropout: rng is None: expected a jax.random key"),
    *[
        (
            lambda name=name: getattr(nn, name)(jnp.arange(3)),
            f"{name}: {argument} has dtype int32: expected a floating type",
        )
        for argument, names in {
            "features": "elu selu softplus softsign",
            "logits": "softmax log_softmax",
            "x": "sigmoid tanh l2_normalize",
            "t": "l2_loss",
        }.items()
        for name in names.split()
    ],
]


@pytest.mark.parametrize(
    "kind, call, message",
    [(ValueError, *row) for row in ERRORS] + [(TypeError, *row) for row in TYPE_ERRORS],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_name_the_argument_the_value_and_what_fits(kind, call, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind, match="^" + re.escape(message)):
            call()
