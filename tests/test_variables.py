"""Slim's variables outside of a graph: restoring, the global step, initializers, absent names."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim
from slim.absent import Absent

KEY = jax.random.key(0)
X = jnp.ones((1, 3))


def model(x):
    x = slim.fully_connected(x, 2, scope="a", normalizer_fn=slim.batch_norm)
    return layers.dense(x, 2, name="b")


NET = nn.transform(model)
PARAMS, STATE = NET.init(KEY, X)
SAVED = {"a/weights": np.ones((3, 2)), "b/bias": np.array([1, 2])}


# Restoring ----------------------------------------------------------------------------------------


def test_values_are_assigned_by_name_whichever_dict_they_are_in():
    init_fn = slim.assign_from_values_fn({"b/bias": [1, 2], "a/BatchNorm/moving_mean": [3.0, 4.0]})
    params, state = jax.jit(init_fn)(PARAMS, STATE)
    np.testing.assert_array_equal(params["b/bias"], [1.0, 2.0])
    np.testing.assert_array_equal(state["a/BatchNorm/moving_mean"], [3.0, 4.0])
    assert params.keys() == PARAMS.keys()
    assert state.keys() == STATE.keys()
    for name in params.keys() - {"b/bias"}:
        assert params[name] is PARAMS[name] or jnp.array_equal(params[name], PARAMS[name])
    assert {v.dtype for v in params.values()} == {np.dtype("float32")}
    NET.apply(params, state, X)


def test_values_are_reshaped_as_tensorflow_does():
    op, feed = slim.assign_from_values({"a/weights": np.arange(6)})
    params, _ = op(PARAMS, STATE, feed)
    np.testing.assert_array_equal(params["a/weights"], [[0, 1], [2, 3], [4, 5]])


def test_a_checkpoint_is_an_npz_file_or_a_dict(tmp_path):
    np.savez(tmp_path / "model.npz", **SAVED)
    for source in [SAVED, tmp_path / "model.npz", str(tmp_path / "model.npz")]:
        init_fn = slim.assign_from_checkpoint_fn(source, ["a/weights", "b/bias"])
        params, state = init_fn(PARAMS, STATE)
        np.testing.assert_array_equal(params["a/weights"], np.ones((3, 2)))
        np.testing.assert_array_equal(params["b/bias"], [1, 2])
        assert state == STATE


@pytest.mark.parametrize(
    "var_list",
    [
        ["a/weights"],
        ("a/weights",),
        [v for v in NET.variables(X) if v.name == "a/weights"],
        {"a/weights": "a/weights"},
        {"a/weights": [v for v in NET.variables(X) if v.name == "a/weights"]},
    ],
)
def test_variables_to_restore_are_records_or_names(var_list):
    op, feed = slim.assign_from_checkpoint(SAVED, var_list)
    params, _ = op(PARAMS, STATE, feed)
    np.testing.assert_array_equal(params["a/weights"], np.ones((3, 2)))
    np.testing.assert_array_equal(params["b/kernel"], PARAMS["b/kernel"])


def test_variables_to_restore_come_from_the_model():
    def listed(x):
        model(x)
        return slim.get_variables_to_restore(exclude=["a/BatchNorm", "b/kernel", "a/biases"])

    names = nn.transform(listed).apply(PARAMS, STATE, X)[0]
    params, _ = slim.assign_from_checkpoint_fn(SAVED, names)(PARAMS, STATE)
    np.testing.assert_array_equal(params["b/bias"], [1, 2])


def test_what_a_checkpoint_lacks_can_be_left_out():
    with pytest.warns(UserWarning, match="no variable 'b/kernel'"):
        init_fn = slim.assign_from_checkpoint_fn(SAVED, [*list(PARAMS)[:1], "b/kernel"], True)
    np.testing.assert_array_equal(init_fn(PARAMS, STATE)[0]["a/weights"], np.ones((3, 2)))
    with (
        pytest.warns(UserWarning, match="none of the variables"),
        pytest.warns(match="no variable"),
    ):
        assert slim.assign_from_checkpoint_fn(SAVED, ["b/kernel"], True) is None
    with pytest.warns(UserWarning, match="no variable 'b/kernel'"):
        assert slim.assign_from_checkpoint(SAVED, ["b/kernel"], True)[1] == {}
    assert slim.assign_from_checkpoint(SAVED, [])[1] == {}


def test_a_checkpoints_values_are_reshaped_only_if_asked():
    flat = {"a/weights": np.arange(6)}
    init_fn = slim.assign_from_checkpoint_fn(flat, ["a/weights"], reshape_variables=True)
    assert init_fn(PARAMS, STATE)[0]["a/weights"].shape == (3, 2)
    for refused in [
        slim.assign_from_checkpoint_fn(flat, ["a/weights"]),
        lambda params, state: (lambda op, feed: op(params, state, feed))(
            *slim.assign_from_checkpoint(flat, ["a/weights"])
        ),
    ]:
        with pytest.raises(ValueError, match=r"'a/weights' is \(6,\): expected \(3, 2\)"):
            refused(PARAMS, STATE)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: slim.assign_from_checkpoint_fn(SAVED, []), "var_list must name the variables"),
        (lambda: slim.assign_from_checkpoint(SAVED, ["b/biass"]), "nearest name is 'b/bias'"),
        (lambda: slim.assign_from_checkpoint_fn(SAVED, ["no"]), "ignore_missing_vars=True"),
        (lambda: slim.assign_from_checkpoint("model.ckpt-5", ["a"]), "np.savez"),
        (
            lambda: slim.assign_from_values_fn({"b/biass": 0})(PARAMS, STATE),
            "neither params nor state has a variable 'b/biass'. The nearest name is 'b/bias'",
        ),
        (
            lambda: slim.assign_from_values_fn({"b/bias": np.ones(3)})(PARAMS, STATE),
            r"'b/bias' is \(3,\): expected \(2,\)",
        ),
    ],
)
def test_restoring_refuses(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


# The global step ----------------------------------------------------------------------------------


def test_the_global_step_counts():
    def step():
        with nn.variable_scope("a"):
            before = slim.get_or_create_global_step()
            nn.assign("global_step", before + 1)
        return before, slim.get_global_step()

    net = nn.transform(step)
    _, state = net.init(KEY)
    assert state == {"a/global_step": 0}
    for i in range(3):
        (before, after), state = net.apply({}, state)
        assert (before, after, state["a/global_step"]) == (i, i + 1, i + 1)


@pytest.mark.parametrize("function", ["get_global_step", "create_global_step"])
def test_a_graph_is_refused_if_it_is_none(function):
    with pytest.raises(TypeError, match="graph must be None"):
        nn.transform(lambda: getattr(slim, function)(3)).init(KEY)


# Initializers -------------------------------------------------------------------------------------


def moments(values):
    values = np.asarray(values, "float64")
    z = (values - values.mean()) / values.std()
    return values.mean(), values.std(), (z**4).mean()


# The kurtosis of a normal, of a uniform, and (by numerical integration) of one truncated at 2.
NORMAL, UNIFORM, TRUNCATED = 3.0, 1.8, 2.3655
SPREADS = [
    (nn.random_normal_initializer(1.0, 2.0), (300, 200), 1.0, 2.0, NORMAL),
    (nn.variance_scaling_initializer(2.0, distribution="untruncated_normal"), (300, 200), 0.0,
     math.sqrt(2 / 300), NORMAL),
    (nn.variance_scaling_initializer(2.0), (300, 200), 0.0, math.sqrt(2 / 300), TRUNCATED),
    (nn.truncated_normal_initializer(1.0, 2.0), (300, 200), 1.0, 2 * 0.87962566, TRUNCATED),
    (nn.random_uniform_initializer(), (300, 200), 0.5, 1 / math.sqrt(12), UNIFORM),
    (nn.uniform_unit_scaling_initializer(1.43), (300, 200), 0.0, 1.43 / math.sqrt(300), UNIFORM),
    (slim.xavier_initializer(), (300, 200), 0.0, math.sqrt(2 / 500), UNIFORM),
    (slim.xavier_initializer(uniform=False), (300, 200), 0.0,
     math.sqrt(1.3 * 2 / 500) * 0.87962566, TRUNCATED),
]  # fmt: skip


@pytest.mark.parametrize(("initializer", "shape", "mean", "stddev", "kurtosis"), SPREADS)
def test_moments(initializer, shape, mean, stddev, kurtosis):
    got = moments(initializer(KEY, shape, jnp.float32))
    # Four standard errors of 60,000 draws: of a mean, of a standard deviation, of a kurtosis.
    assert abs(got[0] - mean) < 4 * stddev / math.sqrt(60_000)
    assert abs(got[1] / stddev - 1) < 4 / math.sqrt(2 * 60_000)
    assert abs(got[2] - kurtosis) < 4 * math.sqrt(24 / 60_000)


@pytest.mark.parametrize(
    ("initializer", "stddev"),
    [
        (slim.variance_scaling_initializer(uniform=True), math.sqrt(2)),
        (slim.xavier_initializer(), 1.0),
        (nn.variance_scaling_initializer(), 1.0),
        (nn.uniform_unit_scaling_initializer(), 1.0),
    ],
)
def test_scalars_have_a_fan_of_one(initializer, stddev):
    values = jax.vmap(lambda key: initializer(key, (), jnp.float32))(jax.random.split(KEY, 4000))
    assert values.shape == (4000,)
    assert abs(float(values.std()) / stddev - 1) < 4 / math.sqrt(2 * 4000)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4), (3, 2, 12)])
def test_orthogonal(shape):
    w = nn.orthogonal_initializer(2.0)(KEY, shape, jnp.float32).reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] > w.shape[1] else w @ w.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)  # float32's QR


@pytest.mark.parametrize(
    "make",
    [
        nn.random_normal_initializer,
        nn.truncated_normal_initializer,
        nn.random_uniform_initializer,
        nn.variance_scaling_initializer,
        nn.orthogonal_initializer,
        nn.glorot_uniform_initializer,
        nn.he_normal_initializer,
        slim.xavier_initializer,
    ],
)
def test_a_seed_fixes_the_numbers(make):
    other = jax.random.key(1)
    first = make(seed=3)(KEY, (4, 5), jnp.float32)
    np.testing.assert_array_equal(first, make(seed=3)(other, (4, 5), jnp.float32))
    assert not np.array_equal(first, make(seed=4)(KEY, (4, 5), jnp.float32))
    assert not np.array_equal(make()(KEY, (4, 5), jnp.float32), make()(other, (4, 5), jnp.float32))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nn.random_normal_initializer(dtype=jnp.int32), ValueError),
        (lambda: nn.truncated_normal_initializer(dtype="int32"), ValueError),
        (lambda: nn.variance_scaling_initializer(dtype=bool), ValueError),
        (lambda: nn.orthogonal_initializer(dtype=jnp.int32), ValueError),
        (lambda: slim.xavier_initializer(dtype=jnp.int32), TypeError),
        (lambda: nn.he_normal_initializer()(KEY, (2, 2), jnp.int32), TypeError),
    ],
)
def test_initializers_make_floats(make, error):
    with pytest.raises(error, match="float"):
        make()


# Names without meaning ----------------------------------------------------------------------------

MODULES = [
    slim.data_decoder,
    slim.data_provider,
    slim.dataset_data_provider,
    slim.parallel_reader,
    slim.prefetch_queue,
    slim.queues,
    slim.tfexample_decoder,
]
ABSENT = [
    (f"{module.__name__}.{name}", getattr(module, name))
    for module in MODULES
    for name in module.__all__
    if name != "NestedQueueRunnerError"
] + [("slim.VariableDeviceChooser", slim.VariableDeviceChooser)]


@pytest.mark.parametrize(("path", "value"), ABSENT)
def test_what_has_no_meaning_says_what_to_write(path, value):
    assert isinstance(value, Absent)
    for use in [lambda: value(1, key=2), lambda: derive(value)]:
        with pytest.raises(NotImplementedError) as caught:
            use()
        message = str(caught.value)
        assert message.startswith(f"{path} has no meaning here: ")
        assert " Write `" in message
    code = message.partition(" Write `")[2].removesuffix("`.")
    compile(code, path, "exec")


def derive(base):
    class Derived(base):
        pass

    return Derived


def test_absent_modules_can_be_imported_from():
    from slim.tfexample_decoder import TFExampleDecoder

    assert TFExampleDecoder is slim.tfexample_decoder.TFExampleDecoder


def test_a_dataset_is_a_record():
    dataset = slim.dataset.Dataset(["f"], None, None, 3, {"image": "."}, num_classes=5)
    assert (dataset.data_sources, dataset.num_samples, dataset.num_classes) == (["f"], 3, 5)
    with pytest.raises(AttributeError, match="it has data_sources, reader"):
        _ = dataset.labels
