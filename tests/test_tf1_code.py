"""Scopes and layers as TF1 code writes them, beyond the recordings of TensorFlow."""

import jax
import jax.numpy as jnp
import pytest
from small_models import KEY, X, assert_close, assert_equal, scalar

import layers
import nn
import slim

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


@pytest.mark.parametrize("layer", [layers.Dense(3), Affine(3)], ids=repr)
def test_a_layer_called_twice_computes_twice_with_one_set_of_parameters(layer):
    first, second = nn.transform(lambda x: layer(layer(x))).rows(X)
    assert first.flops == second.flops == 2 * 8 * (3 * 3)
    assert [v.name.rpartition("/")[2] for v in second.variables] == []
    assert second.parameters == 0
