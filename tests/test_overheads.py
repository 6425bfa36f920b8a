"""What names and scopes of defaults cost: nothing at run time, for they are gone after tracing."""

import re

import jax
import jax.numpy as jnp
import optax
import pytest

import layers
import nn
import slim
import train
from models import mnist, mobilenet

MODELS = [
    pytest.param(module, style, id=f"{module.__name__.rpartition('.')[2]}-{style}")
    for module in (mnist, mobilenet)
    for style in ("explicit", "scoped")
]
IMAGES, LABELS = jnp.zeros((2, 8, 8, 1)), jnp.zeros(2, jnp.int32)


def compiled(function, *args):
    """Return XLA's program of a function, without the names and lines that it remembers."""
    text = jax.jit(function).lower(*args).compile().as_text()
    text = re.sub(r", metadata=\{[^}]*\}", "", text)
    text = re.sub(r"(?s)\n\nFileNames\n.*?\n\n\n", "\n", text)  # tables of the lines of the source
    return re.sub(r"HloModule \w+", "HloModule", text)


def training_step(net, optimizer):
    """Make the step of Adam that is taken in training."""

    def step(params, state, opt_state, images, labels, rng):
        def loss_of(params):
            logits, left = net.apply(params, state, images, is_training=True, rng=rng)
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return losses.mean(), left

        (loss, left), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return optax.apply_updates(params, updates), left, opt_state, loss

    return step


def small(images):
    """Two layers in no scope but their own."""
    net = slim.conv2d(images, 4, 3, padding="VALID", scope="conv")
    return slim.fully_connected(slim.flatten(net), 3, activation_fn=None, scope="logits")


def test_arg_scope_leaves_the_program_as_it_is():
    def scoped(images):
        with (
            slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=nn.tanh),
            slim.arg_scope([slim.conv2d], padding="VALID", activation_fn=nn.relu),
            slim.arg_scope([slim.fully_connected], activation_fn=None),
        ):
            net = slim.conv2d(images, 4, 3, scope="conv")
            return slim.fully_connected(slim.flatten(net), 3, scope="logits")

    params, state = nn.transform(small).init(jax.random.key(0), IMAGES)
    args = (params, state, IMAGES)
    assert compiled(nn.transform(small).apply, *args) == compiled(nn.transform(scoped).apply, *args)


def test_name_scopes_and_variable_scopes_leave_the_program_as_it_is():
    def named(images):
        with nn.name_scope("a"), nn.variable_scope("b"), nn.name_scope("c"):
            return small(images)

    programs = []
    for fn in (small, named):
        net = nn.transform(fn)
        params, state = net.init(jax.random.key(0), IMAGES)
        programs.append(compiled(net.apply, params, state, IMAGES))
    assert programs[0] == programs[1]
    assert "dot(" in programs[0]  # there is something to compare
    assert "a/b/c/conv" in jax.jit(net.apply).lower(params, state, IMAGES).as_text(debug_info=True)


def test_a_planted_multiplication_is_seen_in_the_program():
    """The comparisons above can fail."""
    plain, other = nn.transform(small), nn.transform(lambda images: small(images) * 3)
    args = (*plain.init(jax.random.key(0), IMAGES), IMAGES)
    assert compiled(plain.apply, *args) != compiled(other.apply, *args)


@pytest.mark.parametrize(("module", "style"), MODELS)
def test_a_step_takes_and_gives_arrays_in_flat_dicts(module, style):
    """The call of a jitted step sees what a plain function of arrays would get, and no more."""
    net, optimizer = nn.transform(getattr(module, style)), optax.adam(1e-3)
    params, state = net.init(jax.random.key(0), IMAGES, is_training=True)
    for values in (params, state):
        assert type(values) is dict
        assert all(type(key) is str and isinstance(v, jax.Array) for key, v in values.items())

    opt_state = optimizer.init(params)
    args = (params, state, opt_state, IMAGES, LABELS, jax.random.key(1))
    with jax.numpy_dtype_promotion("standard"):  # optax's power of a count
        lowered = jax.jit(training_step(net, optimizer), keep_unused=True).lower(*args)
    variables = net.variables(IMAGES, is_training=True)
    trained = sum(v.trainable for v in variables)
    arrays = 3 * trained + 1 + (len(variables) - trained) + 3  # Adam: two of each, and a count
    assert len(jax.tree.leaves(lowered.args_info)) == arrays
    main = lowered.as_text().partition("@main(")[2].partition(") ->")[0]
    assert main.count("%arg") == arrays
    new_params, new_state, _, _ = lowered.out_info
    assert jax.tree.structure((new_params, new_state)) == jax.tree.structure((params, state))


def test_naming_a_layer_does_not_look_at_all_layers():
    """A layer that has a name is not compared with those before it: deep models stay cheap."""
    seen = 0

    class Watched(layers.Layer):
        def call(self, inputs):
            return inputs

        def __getattribute__(self, name):
            nonlocal seen
            seen += 1
            return super().__getattribute__(name)

    def reads(depth):
        nonlocal seen
        seen = 0

        def model(x):
            for i in range(depth):
                x = Watched(name=f"layer{i}")(x)
            return x

        nn.transform(model).variables(IMAGES)
        return seen

    assert reads(40) == 4 * reads(10)


def test_train_keeps_programs_in_the_users_cache(monkeypatch, tmp_path):
    def folder():
        train.set_up_jax(train.parse([]))
        return jax.config.jax_compilation_cache_dir

    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", "the user's")
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "the user's")
        assert folder() == "the user's"
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert folder() == str(tmp_path / "slimlayers" / "jax")
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert folder() == str(tmp_path / ".cache" / "slimlayers" / "jax")
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
