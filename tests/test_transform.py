"""`nn.transform`: a model function made pure, with its random numbers, state and losses."""

import functools
import inspect
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import KEY, X, assert_close, assert_equal, counter, mlp, scalar

import layers
import nn
import slim

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
