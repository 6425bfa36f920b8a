"""What the goldens cannot say of Slim's ops: memory, traces, and what TensorFlow lacks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import nn
import slim

KEY = jax.random.key(0)
X, Y = jax.random.normal(jax.random.key(1), (2, 3, 4))


def tanh_layer(x):
    return slim.fully_connected(x, 4, activation_fn=nn.tanh)


def dropping(x):
    return slim.dropout(tanh_layer(x), keep_prob=0.5)


def averaging(x):
    return slim.batch_norm(tanh_layer(x), decay=0.5)


def gradients(net, params, state, *inputs):
    """The outputs, the state they leave, and the gradients of params and inputs."""

    def loss(params, *inputs):
        out, after = net.apply(params, state, *inputs, rng=KEY)
        return sum(jnp.sum(jnp.sin(o)) for o in jax.tree.leaves(out)), (out, after)

    wanted = tuple(range(1 + len(inputs)))
    slopes, (out, after) = jax.grad(loss, wanted, has_aux=True)(params, *inputs)
    return out, after, slopes


def assert_same(got, expected):
    # Sums of a few numbers near 1, in another order and from inputs computed backward.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), got, expected)


@pytest.mark.parametrize("f", [tanh_layer, dropping, averaging])
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_a_reversible_block_computes_what_a_plain_one_does(f, wrap):
    nets = [
        nn.transform(lambda x, y, saves=saves: slim.rev_block(x, y, f, f, 2, is_training=saves))
        for saves in (True, False)
    ]
    params, state = nets[0].init(KEY, X, Y)
    got, expected = (
        wrap(lambda p, s, x, y, net=net: gradients(net, p, s, x, y))(params, state, X, Y)
        for net in nets
    )
    assert_same(got, expected)


def stored(fn, *args):
    """How many numbers the gradient of a function keeps from its run."""
    _, pull = jax.vjp(fn, *args)
    return sum(np.size(leaf) for leaf in jax.tree.leaves(pull))


@pytest.mark.parametrize("saves", [True, False])
def test_only_reversible_blocks_keep_as_little_for_many_layers(saves):
    big = jnp.ones((256, 4))

    def kept(num_layers):
        net = nn.transform(
            lambda x: slim.rev_block(
                x, x, tanh_layer, tanh_layer, num_layers=num_layers, is_training=saves
            )
        )
        params, state = net.init(KEY, big)
        weights = sum(p.size for p in params.values())
        return stored(lambda p, x: net.apply(p, state, x)[0], params, big) - weights

    assert (kept(4) - kept(1) < big.size) == saves


def test_a_reversible_block_has_the_gradient_of_what_its_functions_close_over():
    def slopes(saves):
        def model(x, y):
            return slim.rev_block(x, x, lambda z: tanh_layer(z) * y, tanh_layer, is_training=saves)

        net = nn.transform(model)
        return gradients(net, *net.init(KEY, X, Y), X, Y)

    assert_same(slopes(True), slopes(False))


@pytest.mark.parametrize("f", [tanh_layer, dropping, averaging])
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_a_recomputed_block_computes_what_a_plain_one_does(f, wrap):
    def plain(x):
        return f(f(x))

    nets = [nn.transform(block) for block in (slim.recompute_grad(plain), plain)]
    params, state = nets[0].init(KEY, X)
    assert [v.name for v in nets[0].variables(X)] == [v.name for v in nets[1].variables(X)]
    got, expected = (
        wrap(lambda p, s, x, net=net: gradients(net, p, s, x))(params, state, X) for net in nets
    )
    assert_same(got, expected)


def test_the_gradient_of_a_jitted_recomputed_block():
    @slim.recompute_grad
    def block(x):
        return dropping(dropping(x))

    net = nn.transform(block)
    params, state = net.init(KEY, X)

    @jax.jit
    def loss(params, key):
        return jnp.sum(net.apply(params, state, X, rng=key)[0])

    def plain(params, key):
        def model(x):
            return dropping(dropping(x))

        return jnp.sum(nn.transform(model).apply(params, state, X, rng=key)[0])

    assert_same(jax.grad(loss)(params, KEY), jax.grad(plain)(params, KEY))


def test_a_recomputed_block_keeps_its_arguments_only():
    big = jnp.ones((256, 4))

    def block(x):
        for _ in range(4):
            x = tanh_layer(x)
        return x

    def kept(fn):
        net = nn.transform(fn)
        params, state = net.init(KEY, big)
        return stored(lambda p, x: net.apply(p, state, x)[0], params, big)

    assert kept(slim.recompute_grad(block)) < 2 * big.size < kept(block)


def test_a_recomputed_block_is_told_and_obeys_the_scope_around_it():
    told = []

    @slim.recompute_grad(use_data_dep=True)
    def block(x, is_recomputing=False):
        told.append(is_recomputing)
        return slim.fully_connected(x, 4)

    def model(x):
        with slim.arg_scope([slim.fully_connected], activation_fn=nn.tanh):
            return block(x)

    net = nn.transform(model)
    params, state = net.init(KEY, X)
    told.clear()
    out, _, _ = gradients(net, params, state, X)
    assert told == [False, True]
    assert float(out.min()) < 0  # tanh, not relu


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: slim.RevBlock([abs], abs, num_layers=2), "a list of num_layers=2"),
        (lambda: slim.recompute_grad(closing_over(X)), "closes over the array 'inner'"),
        (lambda: slim.recompute_grad(abs)(2.0), "arguments must be arrays"),
        (lambda: slim.rev_block(X, X, abs, abs), "needs a running model"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def closing_over(inner):
    return lambda x: x + inner


def test_gdn_has_the_gradient_that_its_paper_gives_it():
    net = nn.transform(slim.GDN(beta_min=1.0))
    params, state = net.init(KEY, X[None])
    params["gdn/reparam_beta"] -= 1.0  # below the bound
    loss = lambda params, sign: sign * jnp.sum(net.apply(params, state, X[None])[0] ** 2)  # noqa: E731
    raising, lowering = (jax.grad(loss)(params, sign)["gdn/reparam_beta"] for sign in (1.0, -1.0))
    assert np.all(raising < 0)
    assert np.all(lowering == 0)


def test_sparse_arrays_of_traced_ones_are_padded():
    dense = jnp.array([[1, 0, 2], [0, 0, 3]])
    known = slim.layers.sparse_ops.dense_to_sparse_tensor(dense)
    traced = jax.jit(slim.layers.sparse_ops.dense_to_sparse_tensor)(dense)
    assert known.values.tolist() == [1, 2, 3]
    assert traced.values.shape == (6,)
    np.testing.assert_array_equal(known.to_dense(), dense)
    np.testing.assert_array_equal(traced.to_dense(), dense)
    envelope = slim.layers.sparse_ops.sparse_row_envelope
    np.testing.assert_array_equal(envelope(known), [3, 3])
    np.testing.assert_array_equal(envelope(traced), [3, 3])


@pytest.mark.parametrize(
    ("indicators", "ignored", "indices", "values", "shape"),
    [
        ([[0, 0, 1], [1, 1, 0]], None, [[0, 0], [1, 0], [1, 1]], [2, 0, 1], (2, 2)),
        ([["", "a"], ["b", ""]], None, [[0, 0], [1, 0]], [1, 0], (2, 1)),
        ([[-1, 4], [-1, -1]], -1, [[0, 0]], [1], (2, 1)),
        ([0, 5, 6], None, [[0], [1]], [1, 2], (2,)),
        ([[[0, 1]], [[1, 1]]], None, [[0, 0, 0], [1, 0, 0], [1, 0, 1]], [1, 0, 1], (2, 1, 2)),
    ],
)
def test_ids_of_indicators(indicators, ignored, indices, values, shape):
    found = slim.layers.sparse_ops.indicators_to_sparse_ids(indicators, ignored)
    assert found.indices.tolist() == indices
    assert found.values.tolist() == values
    assert found.dense_shape == shape


def test_layers_are_there_under_their_own_path():
    for name in slim.layers.__all__:
        if hasattr(slim, name):
            assert getattr(slim, name) is getattr(slim.layers, name), name
    assert slim.layers.conv2d is slim.conv2d


def test_arguments_that_all_layers_share_are_documented_in_each():
    for layer in (slim.conv3d_transpose, slim.conv2d_in_plane, slim.separable_conv2d, slim.conv1d):
        lines = str(layer.__doc__).splitlines()
        for name in ("inputs", "normalizer_params", "weights_initializer", "outputs_collections"):
            assert sum(line.strip().startswith(f"{name}:") for line in lines) == 1, (layer, name)


def test_one_scope_serves_layers_in_both_styles():
    def model(x):
        with nn.variable_scope("block"):
            x = slim.rev_block(x, x, layers.Dense(4), tanh_layer)[0]
        return x

    names = [v.name for v in nn.transform(model).variables(X)]
    assert names[0] == "block/revblock/revlayer_0/f/dense/kernel"
    assert names[2] == "block/revblock/revlayer_0/g/fully_connected/weights"
