"""One table of all layers, each run through every transformation and compared with Slim's."""

import functools
import inspect
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim

KEY = jax.random.key(0)

# What XLA fuses, batches or splits, it may sum in another order: float32 rounding.
ROUNDING = 1e-5

# A few numbers go through each program: compiling it is what takes the time.
QUICK = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True)
class Row:
    """A layer in both forms with arguments small enough to run, and what Slim calls the same.

    Where `slim` is given, the arguments are Slim's defaults, written out.
    """

    cls: type
    function: object
    shape: tuple
    kwargs: dict
    slim: object = None  # of the inputs, with scope='z'
    call: dict = field(default_factory=dict)


RELU_SAME = {"padding": "same", "activation": nn.relu}
TABLE = [
    Row(
        layers.Conv1D,
        layers.conv1d,
        (2, 6, 3),
        {"filters": 4, "kernel_size": 3, **RELU_SAME},
        lambda x: slim.conv1d(x, 4, 3, scope="z"),
    ),
    Row(
        layers.Conv2D,
        layers.conv2d,
        (2, 6, 5, 3),
        {"filters": 4, "kernel_size": 3, "strides": (2, 1), **RELU_SAME},
        lambda x: slim.conv2d(x, 4, 3, stride=(2, 1), scope="z"),
    ),
    Row(
        layers.Conv3D,
        layers.conv3d,
        (2, 3, 4, 3, 2),
        {"filters": 3, "kernel_size": 2, **RELU_SAME},
        lambda x: slim.conv3d(x, 3, 2, scope="z"),
    ),
    Row(
        layers.Conv2DTranspose,
        layers.conv2d_transpose,
        (2, 3, 4, 3),
        {"filters": 4, "kernel_size": 3, "strides": (2, 1), **RELU_SAME},
    ),
    Row(
        layers.Conv3DTranspose,
        layers.conv3d_transpose,
        (2, 2, 3, 2, 2),
        {"filters": 3, "kernel_size": 3, "strides": 2},
    ),
    Row(
        layers.SeparableConv1D, layers.separable_conv1d, (2, 6, 3), {"filters": 4, "kernel_size": 3}
    ),
    Row(
        layers.SeparableConv2D,
        layers.separable_conv2d,
        (2, 6, 5, 3),
        {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, **RELU_SAME},
        lambda x: slim.separable_conv2d(x, 4, 3, depth_multiplier=2, scope="z"),
    ),
    Row(
        layers.DepthwiseConv2D,
        layers.depthwise_conv2d,
        (2, 6, 5, 3),
        {"kernel_size": 3, "strides": 2, **RELU_SAME},
        lambda x: slim.separable_conv2d(x, None, 3, stride=2, scope="z"),
    ),
    Row(
        layers.Dense,
        layers.dense,
        (4, 3),
        {"units": 5, "activation": nn.relu},
        lambda x: slim.fully_connected(x, 5, scope="z"),
    ),
    Row(
        layers.BatchNormalization,
        layers.batch_normalization,
        (4, 3, 2, 3),
        {"momentum": 0.999, "scale": False},
        lambda x: slim.batch_norm(x, scope="z"),
        {"training": True},
    ),
    Row(
        layers.Dropout,
        layers.dropout,
        (4, 3),
        {"rate": 0.5},
        lambda x: slim.dropout(x),
        {"training": True},
    ),
    Row(layers.Flatten, layers.flatten, (2, 3, 2), {}, lambda x: slim.flatten(x)),
    Row(layers.MaxPooling1D, layers.max_pooling1d, (2, 6, 3), {"pool_size": 2, "strides": 2}),
    Row(
        layers.MaxPooling2D,
        layers.max_pooling2d,
        (2, 6, 5, 3),
        {"pool_size": (3, 2), "strides": 2},
        lambda x: slim.max_pool2d(x, (3, 2)),
    ),
    Row(layers.MaxPooling3D, layers.max_pooling3d, (2, 4, 4, 2, 3), {"pool_size": 2, "strides": 2}),
    Row(
        layers.AveragePooling1D,
        layers.average_pooling1d,
        (2, 6, 3),
        {"pool_size": 3, "strides": 1, "padding": "same"},
    ),
    Row(
        layers.AveragePooling2D,
        layers.average_pooling2d,
        (2, 6, 5, 3),
        {"pool_size": (3, 2), "strides": 2},
        lambda x: slim.avg_pool2d(x, (3, 2)),
    ),
    Row(
        layers.AveragePooling3D,
        layers.average_pooling3d,
        (2, 4, 4, 2, 3),
        {"pool_size": 2, "strides": 2},
    ),
]
every_layer = pytest.mark.parametrize("number", range(len(TABLE)), ids=lambda n: names(TABLE[n])[0])


def names(row):
    return row.cls.__name__, row.function.__name__


def draw(shape, dtype=jnp.float32, seed=0):
    numbers = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    signs = np.random.default_rng(seed + 1).choice([-1, 1], shape)
    return jnp.asarray(numbers * signs, dtype)


def values(net, x, **call):
    """Numbers for the variables: not the initial ones, where biases are zeros."""
    made = net.variables(x, **call)
    numbers = {
        v.name: abs(draw(v.shape, v.dtype, seed))
        if "variance" in v.name
        else draw(v.shape, v.dtype)
        for seed, v in enumerate(made)
    }
    params = {v.name: numbers[v.name] for v in made if v.trainable}
    return params, {name: value for name, value in numbers.items() if name not in params}


@dataclass(frozen=True)
class Ran:
    """A row's layer, and what one compiled program said of it."""

    apply: object  # of params, state, inputs
    params: dict
    state: dict
    batches: jax.Array  # three batches
    outputs: tuple
    slopes: tuple
    mapped: tuple


@functools.cache
def ran(number):
    row = TABLE[number]
    batches = draw((3, *row.shape))
    net = nn.transform(row.cls(**row.kwargs))
    params, state = values(net, batches[0], **row.call)
    apply = functools.partial(net.apply, rng=KEY, **row.call)

    def everything(params, state, batches):
        def total(params, x):
            out, _ = apply(params, state, x)
            return jnp.sum(out * draw(out.shape, seed=7))

        return (
            apply(params, state, batches[0]),
            jax.grad(total, argnums=(0, 1))(params, batches[0]),
            jax.vmap(apply, in_axes=(None, None, 0))(params, state, batches),
        )

    compiled = jax.jit(everything, compiler_options=QUICK)(params, state, batches)
    return Ran(apply, params, state, batches, *compiled)


def assert_close(a, b):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=ROUNDING, atol=ROUNDING), a, b)


def test_the_table_has_every_public_layer():
    in_table = {name for row in TABLE for name in names(row)}
    assert in_table | {"InputSpec", "Layer", "experimental"} == set(layers.__all__)
    assert all(issubclass(row.cls, layers.Layer) for row in TABLE)


@every_layer
def test_alone_and_with_jit(number):
    layer = ran(number)
    out, state = layer.apply(layer.params, layer.state, layer.batches[0])
    assert out.dtype == jnp.float32
    assert jax.tree.map(jnp.shape, state) == jax.tree.map(jnp.shape, layer.state)
    assert_close((out, state), layer.outputs)


@every_layer
def test_init_makes_what_apply_asks_for(number):
    row, layer = TABLE[number], ran(number)
    init = nn.transform(row.cls(**row.kwargs)).init
    shapes = jax.eval_shape(functools.partial(init, **row.call), KEY, layer.batches[0])
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, (layer.params, layer.state))


@every_layer
def test_gradients_are_finite_and_reach_every_parameter(number):
    for slope in jax.tree.leaves(ran(number).slopes):
        assert np.isfinite(slope).all()
        assert np.any(slope)


@every_layer
def test_vmap_over_batches_is_one_batch_after_the_other(number):
    layer = ran(number)
    for n in (0, 2):
        expected = layer.apply(layer.params, layer.state, layer.batches[n])
        assert_close(jax.tree.map(lambda a, n=n: a[n], layer.mapped), expected)


@every_layer
def test_eval_shape(number):
    layer = ran(number)
    shapes = jax.eval_shape(layer.apply, layer.params, layer.state, layer.batches[0])
    of = lambda tree: jax.tree.map(lambda a: (a.shape, a.dtype), tree)  # noqa: E731
    assert of(shapes) == of(layer.outputs)


@every_layer
def test_bfloat16_in_bfloat16_out(number):
    row = TABLE[number]
    x = draw(row.shape, jnp.bfloat16)
    net = nn.transform(row.cls(**row.kwargs))
    params, state = values(net, x, **row.call)
    apply = jax.jit(functools.partial(net.apply, rng=KEY, **row.call), compiler_options=QUICK)
    out, after = apply(params, state, x)
    assert out.dtype == jnp.bfloat16
    # Statistics are float32; kernels are of the type of the inputs.
    statistics = row.cls is layers.BatchNormalization
    expected = jnp.float32 if statistics else jnp.bfloat16
    assert {v.dtype for v in (params | after).values()} <= {jnp.dtype(expected)}
    # The inputs and the kernels have 8 bits, so that sums of up to 27 products near 1 have an
    # error of some hundredths.
    exact, _ = apply(*jax.tree.map(lambda v: v.astype(jnp.float32), (params, state, x)))
    np.testing.assert_allclose(out.astype(jnp.float32), exact, rtol=0.02, atol=0.1)


@every_layer
def test_the_function_makes_the_layer_and_calls_it_once(number):
    row = TABLE[number]
    x = draw(row.shape)
    by_class = nn.transform(lambda x: row.cls(**row.kwargs, name="z")(x, **row.call))
    by_function = nn.transform(lambda x: row.function(x, **row.kwargs, **row.call, name="z"))
    given = values(by_class, x)
    programs = [
        str(jax.make_jaxpr(functools.partial(net.apply, rng=KEY))(*given, x))
        for net in (by_class, by_function)
    ]
    assert programs[0] == programs[1]


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.slim], ids=lambda row: row.cls.__name__
)
def test_slims_is_the_same_layer(row):
    x = draw(row.shape)
    explicit = nn.transform(lambda x: row.cls(**row.kwargs, name="z")(x, **row.call))
    scoped = nn.transform(row.slim)
    params, state = values(explicit, x)
    theirs = slim.to_slim_names(params), slim.to_slim_names(state)
    assert [set(part) for part in jax.eval_shape(scoped.init, KEY, x)] == list(map(set, theirs))
    jitted = functools.partial(jax.jit, compiler_options=QUICK)
    out, after = jitted(explicit.apply)(params, state, x, rng=KEY)
    their_out, their_after = jitted(scoped.apply)(*theirs, x, rng=KEY)
    np.testing.assert_array_equal(out, their_out)
    jax.tree.map(np.testing.assert_array_equal, after, slim.to_layers_names(their_after))


# Written down -------------------------------------------------------------------------------------

NAMESPACE = {
    name: getattr(package, name) for package in (slim, nn, layers) for name in package.__all__
}


@every_layer
def test_a_layer_prints_as_the_call_that_makes_it(number):
    row = TABLE[number]
    written = repr(row.cls(**row.kwargs, name="z"))
    again = eval(written, NAMESPACE)
    assert type(again) is row.cls
    assert repr(again) == written
    assert "object at 0x" not in written
    assert "name='z'" in written


@pytest.mark.parametrize(
    "layer, expected",
    [
        (layers.Conv2D(32, 5), "Conv2D(32, 5)"),
        (
            layers.Conv2D(32, [3, 3], (2, 2), "same", use_bias=False, name="c"),
            "Conv2D(32, [3, 3], strides=(2, 2), padding='same', use_bias=False, name='c')",
        ),
        (
            layers.Dense(
                units=10,
                activation=nn.relu,
                kernel_initializer=nn.truncated_normal_initializer(stddev=0.1),
                bias_initializer=nn.zeros_initializer(),
                kernel_regularizer=slim.l2_regularizer(4e-5),
            ),
            "Dense(10, activation=relu, "
            "kernel_initializer=truncated_normal_initializer(stddev=0.1), "
            "kernel_regularizer=l2_regularizer(4e-05))",
        ),
        (layers.BatchNormalization(scale=False), "BatchNormalization(scale=False)"),
        (layers.MaxPooling2D(2, strides=2), "MaxPooling2D(2, 2)"),
        (layers.Dropout(0.5), "Dropout()"),
        (layers.Dense(3, dtype="bfloat16"), "Dense(3, dtype='bfloat16')"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_layer_prints(layer, expected):
    assert repr(layer) == expected
    assert repr(eval(expected, NAMESPACE)) == expected


def test_a_subclass_prints_its_name():
    class Twice(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    assert repr(Twice(name="mine")) == "Twice(name='mine')"
    assert repr(Twice()) == "Twice()"


def test_a_layer_is_a_record():
    layer = layers.Dense(3)
    with pytest.raises(AttributeError):
        layer.units = 4
    assert layer != layers.Dense(3)  # two layers have variables of their own
    assert len({layer, layers.Dense(3)}) == 2


@pytest.mark.parametrize("row", TABLE, ids=lambda row: names(row)[1])
def test_a_function_tells_its_signature(row):
    parameters = list(inspect.signature(row.function).parameters)
    assert parameters[0] == "inputs"
    assert "name" in parameters
    assert not [name for name in parameters if name.startswith("_")]
    assert row.function.__doc__
