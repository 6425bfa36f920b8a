"""A user's own layer: what TensorFlow 1 promised of `tf.layers.Layer` and `InputSpec`."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim

KEY = jax.random.key(0)
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def run(fn, *args):
    """Run a model without leaving eager mode, and return what it returned."""
    net = nn.transform(fn)
    return net.apply(*net.init(KEY, *args), *args)[0]


class Affine(layers.Layer):
    """Keeps its variables as attributes, counts its builds, moves a variable that is no weight."""

    builds = 0

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.matrix = None

    def build(self, input_shape):
        self.builds += 1
        self.matrix = self.add_weight(
            "matrix", [input_shape[-1], self.units], regularizer=slim.l2_regularizer(0.5)
        )
        self.calls = self.add_variable("calls", [], "int32", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        nn.assign("calls", self.calls + 1)
        self.add_update(self.calls + 1)
        self.add_loss(jnp.sum(inputs))
        return inputs @ self.matrix


def test_what_a_layer_tells_of_itself():
    layer = Affine(2, name="affine")
    assert (layer.variables, layer.losses, layer.updates) == ([], [], [])
    assert (layer.built, layer.dtype, layer.matrix) == (False, None, None)

    def model(x):
        assert not layer.built
        y = layer(x)
        assert (layer.built, layer.dtype, layer.name) == (True, "float32", "affine")
        assert layer.scope_name == "affine"
        names = [v.name for v in layer.variables]
        assert names == [v.name for v in layer.weights] == ["affine/matrix", "affine/calls"]
        assert [v.name for v in layer.trainable_variables] == ["affine/matrix"]
        assert [v.name for v in layer.non_trainable_weights] == ["affine/calls"]
        assert layer.count_params() == 3 * 2 + 1
        collected = nn.get_regularization_losses()
        return y, x @ layer.matrix, layer.losses, collected, layer.updates

    y, expected, losses, collected, updates = run(model, X)
    np.testing.assert_array_equal(y, expected)
    assert losses == collected[::-1]  # those of weights come last
    assert losses[0] == 15 and len(losses) == 2
    assert updates == [1]
    assert (layer.built, layer.variables, layer.matrix) == (False, [], None)  # outside of the run


def test_a_second_call_builds_nothing_and_sees_what_was_assigned():
    layer = Affine(3)

    def model(x):
        layer(layer(x))
        return layer.builds, len(layer.losses), len(layer.updates), len(layer.variables)

    net = nn.transform(model)
    params, state = net.init(KEY, X)
    counted, state = net.apply(params, state, X)
    assert counted == (1, 3, 2, 2)
    assert state["affine/calls"] == 2
    assert net.apply(params, state, X)[1]["affine/calls"] == 4


def test_weights_outside_of_a_call():
    def model():
        layer = layers.Layer(name="mine")
        value = layer.add_weight("a", [2, 2], initializer="zeros")
        layer.add_weight("b", 3, trainable=False)
        layer.add_weight("c", [2], regularizer=jnp.sum, initializer=nn.ones_initializer())
        assert [v.name for v in layer.trainable_variables] == ["mine/a", "mine/c"]
        assert [v.name for v in layer.variables] == ["mine/a", "mine/c", "mine/b"]
        return value, layer.losses

    value, losses = run(model)
    np.testing.assert_array_equal(value, np.zeros((2, 2)))
    assert losses == [2]
    assert [v.name for v in nn.transform(model).variables()] == ["mine/a", "mine/b", "mine/c"]


@pytest.mark.parametrize("argument", ["synchronization", "aggregation", "partitioner"])
def test_what_placed_a_variable_is_refused(argument):
    with pytest.raises(ValueError, match=f"{argument}.*NamedSharding"):
        run(lambda: layers.Layer().add_weight("a", [2], **{argument: "x"}))


def test_names_and_scopes():
    class PrivateLayer(layers.Layer):
        def call(self, inputs):
            return inputs

    def made(name=None):
        layer = PrivateLayer(name=name)
        layer(1.0)
        return layer.scope_name

    def model():
        assert [made(), made()] == ["private_layer", "private_layer_1"]
        assert [made("my"), made("my"), made("my")] == ["my", "my_1", "my_2"]
        with nn.name_scope("some"):
            assert [made(), made("my"), made("other")] == ["private_layer_2", "my_3", "other"]
        with nn.variable_scope("scope"):
            assert [made(), made("my"), made("my")] == [
                "scope/private_layer",
                "scope/my",
                "scope/my_1",
            ]
        named = PrivateLayer()
        named(2.0, scope="elsewhere")
        assert named.scope_name == "elsewhere"
        dense = [layers.Dense(2), layers.Dense(2, name="q"), layers.Dense(2)]
        [layer(X) for layer in dense]
        assert [layer.name for layer in dense] == ["dense_1", "q", "dense_2"]
        assert [layer.scope_name for layer in dense] == ["dense", "q", "dense_1"]

    run(model)
    with pytest.raises(ValueError, match="no scope before"):
        _ = PrivateLayer().scope_name


def test_the_variables_of_our_own_layers():
    def model(images):
        convolution, norm = layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization()
        y = norm(convolution(images), training=True)
        assert convolution.kernel.shape == (3, 3, 2, 4)
        assert convolution.bias is None
        assert [v.name.rpartition("/")[2] for v in norm.weights] == [
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance",
        ]
        assert len(norm.updates) == 2
        separable = layers.SeparableConv2D(3, 1)
        separable(y)
        assert separable.pointwise_kernel.shape == (1, 1, 4, 3)
        return norm.moving_mean

    net = nn.transform(model)
    images = np.ones((1, 4, 4, 2), np.float32)
    mean, state = net.apply(*net.init(KEY, images), images)
    np.testing.assert_array_equal(mean, state["batch_normalization/moving_mean"])


@pytest.mark.parametrize("trainable", [True, False])
def test_trainable_layers(trainable):
    def model(x):
        dense = layers.Dense(2, trainable=trainable)
        dense(x)
        names = [v.name for v in dense.variables]
        return names, len(dense.trainable_variables), len(dense.non_trainable_variables)

    assert run(model, X) == (["dense/kernel", "dense/bias"], 2 * trainable, 2 - 2 * trainable)


def test_build_by_hand():
    def model():
        dense = layers.Dense(16)
        dense.build((None, 4))
        assert dense(jnp.ones((3, 4))).shape == (3, 16)
        return dense.count_params()

    assert run(model) == 16 * 4 + 16
    with pytest.raises(ValueError, match="no variables before"):
        layers.Dense(16).count_params()


def test_dtypes():
    class Weighted(layers.Layer):
        def call(self, inputs):
            return self.add_weight("w", [2])

    def model():
        for given, x, expected in [
            (None, jnp.ones(2, jnp.float16), "float16"),
            (None, [jnp.ones(2, jnp.bfloat16), jnp.ones(2)], "bfloat16"),
            (None, jnp.ones(2, jnp.int32), "int32"),
            ("float32", jnp.ones(2, jnp.float16), "float32"),
            (jnp.float16, jnp.ones(2), "float16"),
        ]:
            layer = Weighted(dtype=given)
            assert layer(x).dtype == expected
            assert jnp.dtype(layer.dtype) == expected

    run(model)


def test_inputs_and_outputs_of_any_structure():
    class Renamed(layers.Layer):
        def call(self, inputs):
            return {"l" + key: value for key, value in inputs.items()}

    assert run(Renamed(), {"abel": 3, "ogits": 4.0}) == {"label": 3, "logits": 4.0}
    with pytest.raises(ValueError, match="must return"):
        run(type("Nothing", (layers.Layer,), {"call": lambda self, x: None})(), X)


def test_activity_losses():
    def model(x):
        layer = layers.Layer(activity_regularizer=jnp.sum)
        return layer(x), layer.losses

    out, losses = run(model, X)
    np.testing.assert_array_equal(out, X)
    assert losses == [7.5]  # 15, over a batch of two


def test_constraints_hold_again_after_an_update():
    model = layers.Dense(
        2, kernel_constraint=lambda w: jnp.clip(w, -1, 1), bias_constraint=jnp.abs, name="d"
    )
    variables = nn.transform(lambda x: layers.dense(model(x), 2)).variables(X)
    params = {v.name: jnp.full(v.shape, -3.0) for v in variables}
    projected = nn.constrain(params, variables)
    smallest = {name: float(value.min()) for name, value in projected.items()}
    assert smallest == {"d/kernel": -1, "d/bias": 3, "dense/kernel": -3, "dense/bias": -3}


def test_a_deep_copy_shares_the_scope_and_the_variables():
    def model(x):
        layer = Affine(3, name="affine")
        y = layer(x)
        layer.extra = y
        copied = copy.deepcopy(layer)
        assert copied.extra is y
        assert (copied.name, copied.scope_name) == (layer.name, layer.scope_name)
        assert copied.variables == layer.variables
        again = copied(x)
        assert len(copied.losses) == len(layer.losses) + 1
        return y, again

    np.testing.assert_array_equal(*run(model, X))
    assert repr(copy.deepcopy(layers.Dense(3))) == "Dense(3)"


@pytest.mark.parametrize(
    "layer, given, expected",
    [
        (layers.Dense(2), (None, 3), (None, 2)),
        (layers.Dense(2), (None, 4, 3), (None, 4, 2)),
        (layers.Flatten(), (1, 2, 3, 2), (1, 12)),
        (layers.Flatten(), (None, 3, None), (None, None)),
        (layers.Conv2D(3, 2, 2), (None, None, 5, 4), (None, None, 2, 3)),
        (layers.Conv2DTranspose(3, 3, 2), (2, 4, None, 4), (2, 9, None, 3)),
        (layers.BatchNormalization(), (None, 3), (None, 3)),
        (Affine(5), (7, 3), (7, 5)),
    ],
    ids=str,
)
def test_shapes_of_outputs(layer, given, expected):
    assert layer.compute_output_shape(given) == expected


@pytest.mark.parametrize("shape", [None, (), (1,)])
def test_shapes_that_do_not_fit(shape):
    with pytest.raises(ValueError):
        layers.Dense(2).compute_output_shape(shape)


# What a layer expects -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec, fits, fails, message",
    [
        ({"ndim": 2}, [X], [X[0]], "expected ndim=2"),
        ({"min_ndim": 2}, [X, X[None]], [X[0]], "expected min_ndim=2"),
        ({"max_ndim": 2}, [X, X[0]], [X[None]], "expected max_ndim=2"),
        ({"dtype": "float32"}, [X], [X.astype(int)], "expected dtype=float32"),
        ({"axes": {-1: 3}}, [X, X[0]], [X.T], "expected axis -1"),
        ({"axes": {-1: None}}, [X, X.T], [], ""),
        ({"shape": (None, 3)}, [X, X[:1]], [X.T], "expected shape"),
        ({"shape": (2, 3)}, [X], [X[:1], X[0]], "expected"),
        (
            {"shape": (2, 3, 1), "allow_last_axis_squeeze": True},
            [X, X[..., None]],
            [X.T],
            "expected shape",
        ),
    ],
    ids=str,
)
def test_input_specs(spec, fits, fails, message):
    class Picky(layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = layers.InputSpec(**spec)

        def call(self, inputs):
            return inputs

    for x in fits:
        np.testing.assert_array_equal(run(Picky(), x), x)
    for x in fails:
        with pytest.raises(ValueError, match=message):
            run(Picky(), x)


def test_specs_of_several_inputs():
    class Picky(layers.Layer):
        input_spec = [  # noqa: RUF012
            layers.InputSpec(ndim=2, name="a"),
            layers.InputSpec(ndim=1, name="b"),
        ]

        def call(self, inputs):
            return 0

    assert run(Picky(), [X, X[0]]) == 0
    assert run(Picky(), {"b": X[0], "a": X}) == 0
    for wrong in ([X, X], [X], {"a": X}, {"a": X[0], "b": X}):
        with pytest.raises(ValueError, match="expected"):
            run(Picky(), wrong)


@pytest.mark.parametrize(
    "given, written",
    [
        ({}, ""),
        ({"shape": (None, 3)}, "shape=(None, 3), ndim=2"),
        ({"shape": 5}, "shape=(5,), ndim=1"),
        ({"shape": [2, 3], "ndim": 7}, "shape=(2, 3), ndim=2"),
        ({"ndim": 2, "axes": {"1": 3}}, "ndim=2, axes={1: 3}"),
        ({"dtype": jnp.float32, "min_ndim": 1}, "dtype=float32, min_ndim=1"),
        ({"ndim": 1, "max_ndim": 3, "name": "z", "optional": True}, "ndim=1, max_ndim=3"),
    ],
    ids=str,
)
def test_what_a_spec_prints(given, written):
    spec = layers.InputSpec(**given)
    assert repr(spec) == f"InputSpec({written})"
    assert repr(layers.InputSpec.from_config(spec.get_config())) == repr(spec)


@pytest.mark.parametrize(
    "given, error",
    [
        ({"ndim": 2, "axes": {5: 3}}, ValueError),
        ({"max_ndim": 2, "axes": {2: 3}}, ValueError),
        ({"axes": {"a": 3}}, TypeError),
        ({"dtype": "no_dtype"}, TypeError),
        ({"shape": (2, "x")}, TypeError),
        ({"shape": (-1, 2)}, ValueError),
    ],
    ids=str,
)
def test_specs_that_are_none(given, error):
    with pytest.raises(error):
        layers.InputSpec(**given)


@pytest.mark.parametrize("name", ["keras_style_scope", "set_keras_style"])
def test_keras_style_says_what_to_write(name):
    with pytest.raises(NotImplementedError, match="open `with nn"):
        getattr(layers.experimental, name)()
