"""A run under JAX's transformations, and what it keeps to itself."""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import KEY, X, assert_close, assert_equal, counter, mlp, scalar

import layers
import nn
import slim
from nn.graph import Graph, given_values

# Under JAX's transformations ----------------------------------------------------------------------


def trained(x):
    return mlp(x, is_training=True)


def test_init_under_jit():
    net = nn.transform(mlp)
    # A fused uniform(-limit, limit) rounds once less.
    assert_close(jax.jit(net.init)(KEY, X), net.init(KEY, X))


def test_init_under_vmap_makes_an_ensemble():
    net = nn.transform(mlp)
    keys = jax.random.split(KEY, 3)
    params, state = jax.jit(jax.vmap(net.init, in_axes=(0, None)))(keys, X)
    assert_close((params["logits/kernel"][1]), net.init(keys[1], X)[0]["logits/kernel"])
    outs, states = jax.vmap(net.apply, in_axes=(0, 0, None))(params, state, X)
    assert outs.shape == (3, 8, 2)
    assert states["norm/moving_mean"].shape == (3, 4)


def test_apply_under_jit():
    net = nn.transform(trained)
    values = net.init(KEY, X)
    assert_close(jax.jit(net.apply)(*values, X), net.apply(*values, X))


def test_apply_under_grad_as_it_is():
    def objective(x):
        return jnp.sum(layers.dense(x, 2, name="d")) + counter().astype(jnp.float32)

    net = nn.transform(objective)
    params, state = net.init(KEY, X)
    slope = jax.value_and_grad(net.apply, has_aux=True)
    (_, state), slopes = slope(params, state, X)
    columns = X.sum(0)[:, None]
    assert_close(slopes, {"d/kernel": jnp.tile(columns, 2), "d/bias": jnp.full(2, 8.0)})
    assert state == {"n": 1}


def test_apply_under_vmap_sees_one_example_at_a_time():
    net = nn.transform(mlp)
    params, state = net.init(KEY, X)
    single = jax.vmap(lambda x: net.apply(params, state, x[None])[0][0])
    assert_close(single(X), net.apply(params, state, X)[0])


def test_apply_under_scan_over_time_carries_the_state():
    net = nn.transform(trained)
    params, state = net.init(KEY, X)
    xs = jnp.stack([X, X + 1, X * 2])

    def step(state, x):
        out, state = net.apply(params, state, x)
        return state, out

    scanned, outs = jax.lax.scan(step, state, xs)
    for n, x in enumerate(xs):
        state, out = step(state, x)
        assert_close(outs[n], out)
    assert_close(scanned, state)


def test_apply_under_scan_over_depth_stacks_the_params_of_a_block():
    block = nn.transform(layers.Dense(3, activation=nn.tanh, name="block"))

    def model(x):
        def initializer(key, shape, dtype):
            return jax.vmap(lambda key: block.init(key, x)[0]["block/kernel"])(
                jax.random.split(key, shape[0])
            )

        kernels = nn.get_variable("kernels", [5, 3, 3], initializer=initializer)
        biases = nn.get_variable("biases", [5, 3], initializer=nn.zeros_initializer())

        def layer(x, values):
            kernel, bias = values
            return block.apply({"block/kernel": kernel, "block/bias": bias}, {}, x)[0], None

        return jax.lax.scan(layer, x, (kernels, biases))[0]

    net = nn.transform(model)
    shapes = jax.eval_shape(net.init, KEY, X)[0]
    assert {k: v.shape for k, v in shapes.items()} == {"kernels": (5, 3, 3), "biases": (5, 3)}
    kernels, biases = jax.random.normal(KEY, (5, 3, 3)), jnp.zeros((5, 3))
    y = X
    for n in range(5):
        y, _ = block.apply({"block/kernel": kernels[n], "block/bias": biases[n]}, {}, y)
    assert_close(net.apply({"kernels": kernels, "biases": biases}, {}, X)[0], y)


def test_eval_shape_of_init_and_apply():
    net = nn.transform(trained)
    params, state = jax.eval_shape(net.init, KEY, X)
    assert jax.tree.map(jnp.shape, (params, state)) == jax.tree.map(jnp.shape, net.init(KEY, X))
    out, after = jax.eval_shape(net.apply, params, state, X)
    assert out.shape == (8, 2)
    assert after == state


def test_apply_under_checkpoint_has_the_same_gradients():
    net = nn.transform(trained)
    params, state = net.init(KEY, X)

    def slopes(apply):
        return jax.jit(jax.grad(lambda params: jnp.sum(apply(params, state, X)[0] ** 2)))(params)

    assert_close(slopes(jax.checkpoint(net.apply)), slopes(net.apply))


def test_apply_with_sharded_images_takes_statistics_over_all_devices():
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
    everywhere, split = jax.NamedSharding(mesh, jax.P()), jax.NamedSharding(mesh, jax.P("data"))
    assert mesh.size == 2
    net, objective = nn.transform(trained), nn.transform(lambda x: jnp.sum(trained(x) ** 2))
    values = net.init(KEY, X)
    given = (*jax.device_put(values, everywhere), jax.device_put(X, split))
    out, _ = jax.jit(net.apply)(*given)
    assert out.sharding.is_equivalent_to(split, out.ndim)
    step = jax.jit(jax.value_and_grad(objective.apply, has_aux=True))
    with jax.enable_x64(True):  # gradients that cancel show float32's rounding, and only that
        *values, images = jax.tree.map(lambda x: np.asarray(x, np.float64), (*values, X))
        given = (*jax.device_put(values, everywhere), jax.device_put(images, split))
        close = functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)
        jax.tree.map(close, step(*given), step(*values, images))


# What belongs to the run --------------------------------------------------------------------------

INNER = {
    "jit": jax.jit,
    "grad": lambda f: jax.grad(lambda x: f(x).sum()),
    "vmap": jax.vmap,
    "scan": lambda f: lambda x: jax.lax.scan(lambda carry, row: (carry, f(row)), 0, x)[1],
    "cond": lambda f: lambda x: jax.lax.cond(True, f, f, x),
    "checkpoint": jax.checkpoint,
}


# What a run does beside computing, each as a function of an array.
EFFECTS = {
    "making the variable 'w'": lambda x: x * nn.get_variable("w", []),
    "making the variable 'dense/kernel'": lambda x: layers.dense(jnp.atleast_2d(x), 2),
    "drawing a random key": lambda x: x + jax.random.uniform(nn.next_rng_key()),
    "assigning to 'n'": lambda x: nn.assign("n", jnp.int32(0)) or x,
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("transformation", INNER.values(), ids=INNER)
def test_what_would_leak_from_an_inner_transformation_is_refused(transformation, effect):
    def model(x):
        counter()
        return transformation(EFFECTS[effect])(x)

    net = nn.transform(model)
    given = {"w": 1.0, "dense/kernel": jnp.ones((3, 2)), "dense/bias": jnp.ones(2)}
    message = (
        rf"{effect} at .*test_transformations.py:\d+ happens inside a jit, grad, .*nn.transform"
    )
    for run in (
        lambda: net.variables(X),
        lambda: net.apply(given, {"n": 0}, X, rng=KEY),
        lambda: jax.jit(net.apply)(given, {"n": 0}, X, rng=KEY),
    ):
        with pytest.raises(ValueError, match=message):
            run()


@pytest.mark.parametrize("transformation", INNER.values(), ids=INNER)
def test_a_variable_that_is_there_can_be_read_in_an_inner_transformation(transformation):
    def model(x):
        w = scalar("w", 2.0)

        def again(x):
            with nn.variable_scope(nn.get_variable_scope(), reuse=True):
                return x * nn.get_variable("w")

        return transformation(again)(x), transformation(lambda x: x * w)(x)

    net = nn.transform(model)
    (a, b), _ = net.apply(*net.init(KEY, X), X)
    assert_equal(a, b)
    assert_equal(a, transformation(lambda x: x * 2)(X))


def test_a_layer_that_has_its_variables_can_be_called_in_an_inner_transformation():
    def model(x):
        layer = layers.Dense(3, name="shared")
        return jax.checkpoint(layer)(layer(x))

    net, twice = nn.transform(model), nn.transform(lambda x: (lambda f: f(f(x)))(layers.Dense(3)))
    params, state = net.init(KEY, X)
    renamed = {name.replace("shared", "dense"): value for name, value in params.items()}
    assert_close(net.apply(params, state, X)[0], twice.apply(renamed, state, X)[0])


def test_a_transformed_function_inside_another_is_a_run_of_its_own():
    inner = nn.transform(lambda x: layers.dense(x, 2, name="same"))

    def model(x):
        with nn.variable_scope("outer"):
            params, state = inner.init(KEY, x)
            theirs, _ = inner.apply(params, state, x)
            ours = layers.dense(x, 2, name="same")
        return list(params), theirs, ours, len(nn.get_collection(nn.GraphKeys.GLOBAL_VARIABLES))

    net = nn.transform(model)
    params, state = net.init(KEY, X)
    assert set(params) == {"outer/same/kernel", "outer/same/bias"}
    (names, theirs, ours, made), _ = net.apply(params, state, X)
    assert names == ["same/kernel", "same/bias"]
    assert made == 2
    assert_equal(theirs, ours)  # both were made from KEY


def test_a_run_outside_of_transform_is_refused():
    for use in (lambda: layers.dense(X, 2), lambda: nn.get_variable("w", [])):
        with pytest.raises(ValueError, match=r"test_transformations.py:\d+ needs a running model"):
            use()


def test_nothing_of_a_run_outlives_it():
    def model(x, fail=False):
        with nn.variable_scope("open"):
            nn.add_to_collection("mine", x)
            kept.append(nn.get_collection("mine"))
            if fail:
                raise RuntimeError("in the model")
        return x

    kept = []
    net = nn.transform(model)
    for _ in range(2):
        net.apply({}, {}, X)
        with pytest.raises(RuntimeError, match="in the model"):
            net.apply({}, {}, X, fail=True)
    assert [len(values) for values in kept] == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="needs a running model"):
        nn.get_collection("mine")
    assert nn.transform(lambda: nn.get_variable_scope().name).apply({}, {})[0] == ""


def test_no_tracer_outlives_a_run():
    net = nn.transform(counter)  # a small one: the search for leaks goes through all of memory
    with jax.checking_leaks():
        params, state = net.init(KEY)
        jax.jit(net.apply)(params, state)


def test_interleaved_threads_have_runs_of_their_own():
    turn = threading.Barrier(2, timeout=60)

    def model(value):
        turn.wait()
        with nn.variable_scope("scope"):
            turn.wait()
            w = nn.get_variable("w", [])  # a second one of this name in one run is refused
            nn.add_to_collection("mine", value)
            turn.wait()
            with slim.arg_scope([slim.fully_connected], num_outputs=value):
                turn.wait()
                units = slim.current_arg_scope()[slim.arg_scope_func_key(slim.fully_connected)]
                turn.wait()
            return w, nn.get_collection("mine"), units["num_outputs"], nn.get_variable_scope().name

    net = nn.transform(model)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(net.apply, {"scope/w": n}, {}, n) for n in (1.0, 2.0)]
        assert [run.result()[0] for run in runs] == [(n, [n], n, "scope") for n in (1.0, 2.0)]


def test_interleaved_tasks_have_runs_of_their_own():
    async def run(value):
        with Graph(given_values({"scope/w": value}), {}, None):
            await asyncio.sleep(0)
            with nn.variable_scope("scope"):
                await asyncio.sleep(0)
                w = nn.get_variable("w", [])
                nn.add_to_collection("mine", value)
                await asyncio.sleep(0)
                return w, nn.get_collection("mine")

    async def both():
        return await asyncio.gather(run(1.0), run(2.0))

    assert asyncio.run(both()) == [(1.0, [1.0]), (2.0, [2.0])]
