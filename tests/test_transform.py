"""`nn.transform`: a model function made pure. Reads from the outside in: init and apply, random
numbers, JAX's transformations, what a run keeps to itself, and what it can tell about a model.
"""

import asyncio
import functools
import inspect
import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim
from nn.graph import Graph, given_values

KEY = jax.random.key(0)
X = jnp.linspace(-1.0, 1.0, 24).reshape(8, 3)

# XLA may sum in another order once it has fused, batched or sharded a program: float32 rounding.
ROUNDING = 1e-6


def mlp(x, is_training=False):
    x = layers.dense(x, 4, activation=nn.tanh, name="hidden")
    x = layers.batch_normalization(x, momentum=0.5, training=is_training, name="norm")
    return layers.dense(x, 2, name="logits")


def counter():
    """Counts its own calls."""
    n = nn.get_variable("n", [], jnp.int32, trainable=False)
    nn.assign("n", n + 1)
    return n


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def assert_close(a, b):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=ROUNDING, atol=ROUNDING), a, b)


def scalar(name, value=0.0, **kwargs):
    return nn.get_variable(name, [], initializer=nn.constant_initializer(value), **kwargs)


# Init ---------------------------------------------------------------------------------------------


def test_init_gives_two_flat_dicts_by_tf1_name():
    params, state = nn.transform(mlp).init(KEY, X)
    assert {name: value.shape for name, value in params.items()} == {
        "hidden/kernel": (3, 4),
        "hidden/bias": (4,),
        "norm/gamma": (4,),
        "norm/beta": (4,),
        "logits/kernel": (4, 2),
        "logits/bias": (2,),
    }
    assert {name: value.shape for name, value in state.items()} == {
        "norm/moving_mean": (4,),
        "norm/moving_variance": (4,),
    }


def test_init_traces_the_model_and_computes_nothing_of_it():
    calls = []

    def model(x):
        x = jax.pure_callback(lambda x: calls.append(1) or x, x, x)
        return layers.dense(x, 2)

    net = nn.transform(model)
    params, state = net.init(KEY, X)
    net.variables(X)
    net.tabulate(X)
    assert calls == []
    jax.block_until_ready(net.apply(params, state, X))
    assert calls == [1]


def test_init_takes_shapes_and_needs_no_memory_for_the_model():
    petabytes = jax.ShapeDtypeStruct((10**6, 10**6, 1000), jnp.float32)
    net = nn.transform(lambda x: layers.dense(mlp(x @ nn.get_variable("in", [1000, 3])), 10**5))
    params, _ = net.init(KEY, petabytes)
    assert params["in"].shape == (1000, 3)
    assert params["dense/kernel"].shape == (2, 10**5)


def test_variables_are_listed_without_making_them():
    def model(x):
        return layers.dense(x, 10**9, name="wide")

    line = inspect.getsourcelines(model)[1] + 1
    kernel, bias = nn.transform(model).variables(jax.ShapeDtypeStruct((1, 10**9), jnp.bfloat16))
    assert (kernel.name, kernel.shape, kernel.dtype) == ("wide/kernel", (10**9, 10**9), "bfloat16")
    assert (bias.name, bias.shape, bias.trainable) == ("wide/bias", (10**9,), True)
    assert str(kernel.site) == f"{__file__}:{line}"
    assert kernel.site.function == "model"


def test_initial_values_depend_on_the_order_of_asking_and_not_on_names():
    def model(first, second):
        return nn.get_variable(first, [3]), nn.get_variable(second, [3])

    net = nn.transform(model)
    (a, b), (c, d) = (
        net.init(KEY, *names)[0].values() for names in [("a", "b"), ("elsewhere/x", "y")]
    )
    assert_equal((a, b), (c, d))
    assert not np.array_equal(a, b)
    (variable, _) = net.variables("a", "b")
    assert_equal(a, variable.initializer(jax.random.fold_in(KEY, 0), (3,), jnp.float32))


def test_one_seed_gives_both_styles_the_same_numbers():
    def scoped(x):
        x = slim.fully_connected(x, 4, activation_fn=nn.tanh, scope="hidden")
        with slim.arg_scope([slim.batch_norm], scale=True, decay=0.5, is_training=False):
            # With other collections for its updates, Slim makes beta before gamma.
            x = slim.batch_norm(x[:, None, None], scope="norm")[:, 0, 0]
        return slim.fully_connected(x, 2, activation_fn=None, scope="logits")

    explicit = nn.transform(mlp).init(KEY, X)
    assert_equal(explicit, tuple(map(slim.to_layers_names, nn.transform(scoped).init(KEY, X))))


def test_what_is_not_trainable_is_state():
    def model():
        return scalar("weight"), scalar("step", trainable=False), scalar("frozen/w")

    net = nn.transform(model)
    params, state = net.init(KEY)
    assert (set(params), set(state)) == ({"weight", "frozen/w"}, {"step"})
    frozen = layers.Dense(2, trainable=False)
    assert nn.transform(frozen).init(KEY, X)[0] == {}


@pytest.mark.parametrize(
    "value", [np.ones(3, np.float32), jnp.ones(3), [1.0, 1.0, 1.0]], ids=["numpy", "jax", "list"]
)
def test_a_variable_may_start_as_a_given_array(value):
    net = nn.transform(lambda x: x * nn.get_variable("w", initializer=value)[None])
    params, _ = net.init(KEY, X)
    assert_equal(params, {"w": np.ones(3, np.float32)})
    assert_equal(jax.jit(net.init)(KEY, X)[0], params)
    # It is known without computing the model.
    assert_equal(net.init(KEY, jax.ShapeDtypeStruct((10**9, 3), jnp.float32))[0], params)


def test_a_variable_may_start_as_an_array_that_the_model_computes():
    net = nn.transform(lambda x: nn.get_variable("w", initializer=2 * x))
    assert_equal(net.init(KEY, X)[0], {"w": 2 * X})
    assert_equal(jax.jit(net.init)(KEY, X)[0], {"w": 2 * X})
    assert net.variables(X)[0].shape == X.shape


# Apply --------------------------------------------------------------------------------------------


def test_apply_returns_the_new_state_and_leaves_the_given_one():
    net = nn.transform(functools.partial(mlp, is_training=True))
    params, state = net.init(KEY, X)
    before = dict(state)
    out, after = net.apply(params, state, X)
    assert out.shape == (8, 2)
    assert state == before  # the very same arrays
    assert set(after) == set(state)
    assert not np.allclose(after["norm/moving_mean"], state["norm/moving_mean"])
    again, _ = net.apply(params, state, X)
    assert_equal(out, again)


def test_apply_keeps_state_that_the_model_does_not_touch():
    state = {"norm/moving_mean": jnp.ones(3), "from/elsewhere": jnp.ones(7)}
    assert_equal(nn.transform(lambda x: x).apply({}, state, X), (X, state))


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, r"no value for 'dense/kernel', shape \(3, 2\)"),
        ({"dense/kernal": jnp.ones((3, 2))}, r"The nearest name .*is 'dense/kernal'"),
        (
            {"dense/kernel": jnp.ones((2, 3))},
            r"'dense/kernel' has shape \(2, 3\) .* asks for \(3, 2\)",
        ),
        ({"dense/kernel": jnp.ones((3, 2))}, "no value for 'dense/bias'"),
    ],
    ids=["nothing", "misspelt", "misshapen", "half of it"],
)
def test_a_missing_or_misshapen_value_is_refused_with_the_line_that_asks(given, message):
    net = nn.transform(lambda x: layers.dense(x, 2))
    with pytest.raises(ValueError, match=message) as caught:
        net.apply(given, {}, X)
    assert re.search(rf"{re.escape(__file__)}:\d+", str(caught.value))


def test_values_that_the_model_does_not_ask_for_are_ignored():
    net = nn.transform(lambda x: layers.dense(x, 2))
    params, state = net.init(KEY, X)
    more = {**params, "optimizer/slot": jnp.ones(5)}
    assert_equal(net.apply(params, state, X), net.apply(more, state, X))


def test_a_part_of_params_may_be_frozen_by_passing_it_as_state():
    net = nn.transform(mlp)
    params, state = net.init(KEY, X)
    head = {name: v for name, v in params.items() if name.startswith("logits")}
    body = {name: v for name, v in params.items() if name not in head}
    loss = lambda head: net.apply(head, {**state, **body}, X)[0].sum()  # noqa: E731
    assert set(jax.grad(loss)(head)) == {"logits/kernel", "logits/bias"}
    assert_equal(loss(head), net.apply(params, state, X)[0].sum())


def test_anything_callable_is_a_model():
    def model(x, units, *, name):
        return layers.dense(x, units, name=name)

    for fn, args in [
        (layers.Dense(2, name="d"), (X,)),
        (functools.partial(model, units=2, name="d"), (X,)),
        (lambda inputs: model(inputs["x"], 2, name="d"), ({"x": X},)),
    ]:
        params, _ = nn.transform(fn).init(KEY, *args)
        assert set(params) == {"d/kernel", "d/bias"}
    net = nn.transform(model)
    params, state = net.init(KEY, X, 2, name="d")
    assert net.apply(params, state, X, 2, name="d")[0].shape == (8, 2)


# Random numbers -----------------------------------------------------------------------------------


def test_random_keys_depend_on_the_order_of_asking():
    net = nn.transform(lambda: [jax.random.key_data(nn.next_rng_key()) for _ in range(3)])
    keys, _ = net.apply({}, {}, rng=KEY)
    assert_equal(keys, [jax.random.key_data(jax.random.fold_in(KEY, n)) for n in range(3)])


def test_both_styles_drop_the_same_units():
    explicit = nn.transform(lambda x: layers.dropout(x, 0.25, training=True))
    scoped = nn.transform(lambda x: slim.dropout(x, keep_prob=0.75))
    ones = jnp.ones((50, 50))
    dropped, _ = explicit.apply({}, {}, ones, rng=KEY)
    assert_equal(dropped, scoped.apply({}, {}, ones, rng=KEY)[0])
    assert_equal(dropped, explicit.apply({}, {}, ones, rng=KEY)[0])
    assert not np.array_equal(dropped, explicit.apply({}, {}, ones, rng=jax.random.key(1))[0])
    # Five standard deviations of the mean of 2500 coins.
    assert abs((dropped == 0).mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 2500)


def test_a_run_without_a_key_draws_nothing():
    net = nn.transform(lambda x, training: layers.dropout(x, training=training))
    net.init(KEY, X, True)  # init only traces
    assert_equal(net.apply({}, {}, X, False)[0], X)
    with pytest.raises(ValueError, match=r"test_transform.py:\d+ draws random numbers .*rng="):
        net.apply({}, {}, X, True)


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
    "making the variable 'w'": lambda x: x * scalar("w"),
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
    message = rf"{effect} at .*test_transform.py:\d+ happens inside a jit, grad, .*nn.transform"
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
        with pytest.raises(ValueError, match=r"test_transform.py:\d+ needs a running model"):
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


# Assign -------------------------------------------------------------------------------------------


def test_an_assigned_value_is_read_from_then_on_and_returned():
    def model():
        with nn.variable_scope("a"):
            before = counter()
            nn.assign("n", before + 10)
            nn.get_variable_scope().reuse_variables()
            return before, nn.get_variable("n", dtype=jnp.int32)

    net = nn.transform(model)
    params, state = net.init(KEY)
    assert (params, state) == ({}, {"a/n": 0})  # init assigns nothing
    assert net.apply(params, state) == ((0, 10), {"a/n": 10})
    assert net.apply({}, {"a/n": 5}) == ((5, 15), {"a/n": 15})
    assert jax.jit(net.apply)(params, state) == ((0, 10), {"a/n": 10})


def test_state_counts_over_a_scan():
    net = nn.transform(counter)
    step = lambda state, _: net.apply({}, state)[::-1]  # noqa: E731
    state, counts = jax.lax.scan(step, net.init(KEY)[1], length=4)
    assert (state, counts.tolist()) == ({"n": 4}, [0, 1, 2, 3])


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("w", jnp.ones(()), "'w' is in params, and apply returns only state"),
        ("m", jnp.ones(()), r"assign at .*test_transform.py:\d+: the run made no variable 'm'"),
        ("n", jnp.ones(3, jnp.int32), r"'n' is int32\[\], and the value int32\[3\]"),
        ("n", jnp.ones(()), r"'n' is int32\[\], and the value float32\[\]"),
    ],
    ids=["trainable", "unknown", "another shape", "another dtype"],
)
def test_what_cannot_be_assigned_is_refused(name, value, message):
    def model():
        scalar("w"), counter()
        nn.assign(name, value)

    with pytest.raises(ValueError, match=message):
        nn.transform(model).apply({"w": jnp.ones(())}, {"n": jnp.zeros((), jnp.int32)})


@pytest.mark.parametrize("style", ["layers", "slim"])
def test_a_traced_training_flag_does_what_a_bool_does(style):
    def model(x, flag):
        if style == "layers":
            x = layers.batch_normalization(x, momentum=0.5, training=flag)
            return layers.dropout(x, 0.5, training=flag)
        with slim.arg_scope([slim.batch_norm, slim.dropout], is_training=flag):
            return slim.dropout(slim.batch_norm(x, decay=0.5))

    objective = nn.transform(lambda x, flag: jnp.sum(model(x, flag) ** 2))
    params, state = objective.init(KEY, X, jnp.array(True))
    assert jax.tree.map(jnp.shape, state) == jax.tree.map(jnp.shape, objective.init(KEY, X, 0)[1])
    step = jax.value_and_grad(objective.apply, has_aux=True)
    traced, static = jax.jit(step), jax.jit(step, static_argnums=3)
    for flag in (True, False):
        known = static(params, state, X, flag, rng=KEY)
        assert_close(traced(params, state, X, jnp.array(flag), rng=KEY), known)
        moved = not np.array_equal(*[s[next(iter(state))] for s in (state, known[0][1])])
        assert moved is flag


# Regularization -----------------------------------------------------------------------------------


def regularized(x):
    x = layers.dense(x, 2, kernel_regularizer=lambda w: jnp.sum(jnp.cosh(w)), name="a")
    return layers.dense(x, 2, kernel_regularizer=lambda w: None, name="b")


def test_losses_that_nobody_asks_for_are_not_computed():
    net = nn.transform(regularized)
    asking = nn.transform(lambda x: (regularized(x), nn.get_regularization_losses()))
    values = net.init(KEY, X)
    assert "cosh" not in str(jax.make_jaxpr(net.apply)(*values, X))
    assert str(jax.make_jaxpr(asking.apply)(*values, X)).count("cosh") == 1


def test_regularization_losses_are_part_of_the_objective_and_of_its_gradient():
    def objective(x):
        return 0.0 * jnp.sum(regularized(x)) + sum(nn.get_regularization_losses())

    net = nn.transform(objective)
    params, state = net.init(KEY, X)
    (loss, _), slopes = jax.value_and_grad(net.apply, has_aux=True)(params, state, X)
    assert_close(loss, jnp.sum(jnp.cosh(params["a/kernel"])))
    assert_close(slopes["a/kernel"], jnp.sinh(params["a/kernel"]))
    assert_equal(slopes["b/kernel"], jnp.zeros((2, 2)))


def test_losses_are_of_the_present_values_and_selected_by_scope():
    def model():
        for scope in ("a", "b/a"):
            with nn.variable_scope(scope, regularizer=lambda w: 3 * w):
                scalar("w", 1.0, trainable=False)
                nn.assign("w", jnp.array(2.0 if scope == "a" else 5.0))
        return [nn.get_regularization_losses(scope) for scope in (None, "a", "b", "c")]

    net = nn.transform(model)
    assert net.apply(*net.init(KEY))[0] == [[6.0, 15.0], [6.0], [15.0], []]


# Scopes: what the recordings of TensorFlow do not show --------------------------------------------


def test_custom_getters_nest_from_the_inside_out():
    def times(factor):
        def getter(getter, name, **kwargs):
            seen.append((name, factor))
            return factor * getter(name, **kwargs)

        return getter

    def model():
        with nn.variable_scope("a", custom_getter=times(3.0)):
            outer = scalar("w", 1.0)
            with nn.variable_scope("b", custom_getter=times(5.0)):
                return outer, scalar("w", 1.0), scalar("own", 1.0, custom_getter=times(7.0))

    seen = []
    net = nn.transform(model)
    params, state = net.init(KEY)
    assert params == {"a/w": 1.0, "a/b/w": 1.0, "a/b/own": 1.0}
    del seen[:]
    assert net.apply(params, state)[0] == (3.0, 15.0, 7.0)
    assert seen == [("a/w", 3.0), ("a/b/w", 5.0), ("a/b/w", 3.0), ("a/b/own", 7.0)]


def test_a_custom_getter_reaches_the_layers_of_both_styles():
    def tied(getter, name, **kwargs):
        return getter(name, **kwargs) if "kernel" not in name else jnp.ones(kwargs["shape"])

    def model(x):
        with nn.variable_scope("a", custom_getter=tied):
            return layers.dense(x, 2), slim.fully_connected(x, 2, activation_fn=None)

    net = nn.transform(model)
    params, state = net.init(KEY, X)
    assert list(params) == ["a/dense/bias", "a/fully_connected/weights", "a/fully_connected/biases"]
    (explicit, _), _ = net.apply(params, state, X)
    assert_close(explicit, jnp.tile(X.sum(1)[:, None], 2))


def test_a_scope_gives_its_defaults_to_the_scopes_below():
    def model():
        halves = {"dtype": jnp.float16, "initializer": nn.ones_initializer()}
        with nn.variable_scope("a", **halves, constraint=nn.relu), nn.variable_scope("b"):
            nn.get_variable("w", [])
            nn.get_variable("own", [], jnp.float32, nn.zeros_initializer(), constraint=nn.tanh)

    net = nn.transform(model)
    default, own = net.variables()
    assert (default.name, default.dtype, own.dtype) == ("a/b/w", "float16", "float32")
    assert own.constraint is nn.tanh
    assert net.init(KEY)[0] == {"a/b/w": 1.0, "a/b/own": 0.0}


def test_a_scope_without_its_name_scope_names_only_variables():
    def model():
        with (
            nn.name_scope("outputs") as before,
            nn.variable_scope("a", auxiliary_name_scope=False) as scope,
            nn.name_scope("inner") as inner,
        ):
            return before, scope.original_name_scope, inner

    assert nn.transform(model).apply({}, {})[0] == ("outputs/", "outputs/", "outputs/inner/")


def test_reuse_takes_no_other_value():
    def model():
        with nn.variable_scope("a", reuse="yes"):
            pass

    with pytest.raises(ValueError, match=r"reuse must be True, False, None or nn\.AUTO_REUSE"):
        nn.transform(model).variables()


# Layers as TF1 code writes them -------------------------------------------------------------------


class Affine(layers.Layer):
    """A TF1-style layer: makes its variables in `build` and keeps them as attributes."""

    def __init__(self, units, bias=True, **kwargs):
        super().__init__(**kwargs)
        self.units, self.bias = units, bias

    def build(self, input_shape):
        self.matrix = self.add_weight("matrix", [input_shape[-1], self.units])
        if self.bias:
            self.offset = self.add_variable("offset", [self.units], trainable=False)
        super().build(input_shape)

    def call(self, inputs, negate=False):
        outputs = inputs @ self.matrix + (self.offset[None] if self.bias else 0.0)
        return -outputs if negate else outputs


def test_a_subclass_makes_its_variables_in_build():
    net = nn.transform(Affine(2))
    params, state = net.init(KEY, X)
    assert {**jax.tree.map(jnp.shape, params)} == {"affine/matrix": (3, 2)}
    assert {**jax.tree.map(jnp.shape, state)} == {"affine/offset": (2,)}
    out, _ = net.apply(params, state, X)
    assert_close(out, X @ params["affine/matrix"] + state["affine/offset"][None])
    assert_close(net.apply(params, state, X, negate=True)[0], -out)


def test_a_subclass_called_twice_shares_its_variables():
    def model(x):
        layer, other = Affine(3, name="mine"), Affine(3, bias=False, name="mine", trainable=False)
        return other(layer(layer(x)))

    assert [(v.name, v.trainable) for v in nn.transform(model).variables(X)] == [
        ("mine/matrix", True),
        ("mine/offset", False),
        ("mine_1/matrix", False),
    ]


def test_a_subclass_serves_several_models():
    layer = Affine(3, bias=False)
    one = nn.transform(layer)
    params, state = one.init(KEY, X)
    doubled = jax.tree.map(lambda w: 2 * w, params)

    def model(x):
        before = layer(x)
        inner, _ = one.apply(params, state, x)
        return before, inner, layer(x)

    before, inner, after = nn.transform(model).apply(doubled, {}, X)[0]
    assert_close(before, 2 * inner)
    assert_equal(before, after)
    assert_close(jax.jit(one.apply)(params, state, X)[0], inner)
    assert_close(one.apply(doubled, state, X)[0], before)


# Tables -------------------------------------------------------------------------------------------


def test_a_model_tabulated():
    def model(x):
        x = layers.conv2d(x, 4, 3, padding="same", activation=nn.relu, name="conv1")
        x = slim.conv2d(x, 2, 3, stride=2, normalizer_fn=slim.batch_norm, scope="conv2")
        x = layers.Flatten()(layers.max_pooling2d(x, 2, 2))
        return layers.dense(x, 10, kernel_regularizer=slim.l2_regularizer(1e-4), name="logits")

    table = nn.transform(model).tabulate(jax.ShapeDtypeStruct((5, 8, 8, 1), jnp.float32))
    assert table == TABLE.strip()


TABLE = """
scope              op            arguments                                                         output        variables                                    parameters   FLOPs
conv1              Conv2D        filters=4, kernel_size=3, padding='same', activation=relu         [5, 8, 8, 4]  kernel[3,3,1,4], bias[4]                             40  23,040
conv2              conv2d        num_outputs=2, kernel_size=3, stride=2, normalizer_fn=batch_norm  [5, 4, 4, 2]  weights[3,3,4,2]                                     72  11,520
  conv2/BatchNorm  batch_norm                                                                      [5, 4, 4, 2]  beta[2], moving_mean[2], moving_variance[2]           2
max_pooling2d      MaxPooling2D  pool_size=2, strides=2                                            [5, 2, 2, 2]
flatten            Flatten                                                                         [5, 8]
logits             Dense         units=10, kernel_regularizer=l2_regularizer(0.0001)               [5, 10]       kernel[8,10], bias[10]                               90     800
total                                                                                                                                                                204  35,360
"""  # noqa: E501


def flops(fn, *shape):
    return [row.flops for row in nn.transform(fn).rows(jnp.ones(shape))]


class Conv2DTranspose(layers.Layer):
    """Stands for any transposed layer: FLOPs are told by the name."""

    data_format = "channels_last"

    def call(self, inputs):
        kernel = self.add_weight("kernel", [3, 3, 7, inputs.shape[-1]])
        size = (inputs.shape[0], 2 * inputs.shape[1], 2 * inputs.shape[2], 7)
        return nn.conv2d_transpose(inputs, kernel, size, 2)


@pytest.mark.parametrize(
    "fn, shape, expected",
    [
        (layers.Conv2D(4, 3), (2, 8, 6, 3), 2 * (2 * 6 * 4) * (3 * 3 * 3 * 4)),
        (layers.Conv2D(4, 3, 2, "same"), (2, 8, 6, 3), 2 * (2 * 4 * 3) * (3 * 3 * 3 * 4)),
        (
            layers.Conv2D(4, 3, data_format="channels_first"),
            (2, 3, 8, 6),
            2 * (2 * 6 * 4) * (3 * 3 * 3 * 4),
        ),
        (
            lambda x: slim.conv2d(x, 4, 3, data_format="NCHW"),
            (2, 3, 8, 6),
            2 * (2 * 8 * 6) * (3 * 3 * 3 * 4),
        ),
        (layers.Conv1D(4, 3), (2, 8, 3), 2 * (2 * 6) * (3 * 3 * 4)),
        (Conv2DTranspose(), (2, 8, 6, 3), 2 * (2 * 8 * 6) * (3 * 3 * 7 * 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 8, 6, 3), 2 * 48 * (3 * 3 * 3 * 2)),
        (layers.SeparableConv2D(4, 3), (2, 8, 6, 3), 2 * 48 * (3 * 3 * 3 + 3 * 4)),
        (layers.Dense(4), (2, 5, 3), 2 * (2 * 5) * (3 * 4)),
        (layers.BatchNormalization(), (2, 8, 6, 3), 0),
        (layers.BatchNormalization(axis=[1, 3]), (2, 8, 6, 3), 0),
        (layers.MaxPooling2D(2, 2), (2, 8, 6, 3), 0),
    ],
    ids=[
        *("valid", "same stride 2", "channels_first", "NCHW", "rank 1", "transposed"),
        *("depthwise", "separable", "dense", "batch norm", "batch norm of two axes", "pool"),
    ],
)
def test_two_flops_are_counted_for_each_use_of_a_kernel_element(fn, shape, expected):
    assert flops(fn, *shape) == [expected]


@pytest.mark.parametrize("layer", [layers.Dense(3), Affine(3)], ids=repr)
def test_a_layer_called_twice_computes_twice_with_one_set_of_parameters(layer):
    first, second = nn.transform(lambda x: layer(layer(x))).rows(X)
    assert first.flops == second.flops == 2 * 8 * (3 * 3)
    assert [v.name.rpartition("/")[2] for v in second.variables] == []
    assert second.parameters == 0
