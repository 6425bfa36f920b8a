"""The two styles of each model are one program, and a checkpoint of one is one of the other."""

import functools
import hashlib
import itertools
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nn
import slim
from models import mnist, mobilenet

KEY = jax.random.key(0)
STYLES = ("explicit", "scoped")
MODELS = {"mnist": mnist, "mobilenet": mobilenet}
optimizer = optax.adam(1e-3)

# A few numbers go through each program: compiling it is what takes the time.
QUICK = {"xla_backend_optimization_level": 0}


def objective_of(model, **kwargs):
    """The loss of a batch, regularization included; `Transformed` makes its gradient."""

    def objective(images, labels):
        logits = model(images, **kwargs)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return sum(nn.get_regularization_losses(), jnp.mean(losses))

    return nn.transform(objective)


def train_step(objective, params, state, slots, images, labels, rng):
    """The whole step, as `train.py` takes it."""
    slope = jax.value_and_grad(objective.apply, has_aux=True)
    (loss, state), slopes = slope(params, state, images, labels, rng=rng)
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer's power
        updates, slots = optimizer.update(slopes, slots, params)
    return optax.apply_updates(params, updates), state, slots, loss


def eval_step(objective, params, state, images, labels):
    return objective.apply(params, state, images, labels)[0]


# One program --------------------------------------------------------------------------------------


def programs(model):
    """Yield a name, the jaxpr and the StableHLO of each step that a style compiles."""
    images = jax.ShapeDtypeStruct((4, 28, 28, 1), jnp.float32)
    labels = jax.ShapeDtypeStruct((4,), jnp.int32)
    for training, weight_decay in itertools.product([True, False], [0.0, 1e-4]):
        objective = objective_of(model, is_training=training, weight_decay=weight_decay)
        params, state = jax.eval_shape(objective.init, KEY, images, labels)
        if training:
            slots = jax.eval_shape(optimizer.init, params)
            step, args = train_step, (params, state, slots, images, labels, KEY)
        else:
            step, args = eval_step, (params, state, images, labels)
        traced = jax.jit(step, static_argnums=0).trace(objective, *args)
        name = f"{step.__name__}, weight_decay={weight_decay}"
        yield name, str(traced.jaxpr), traced.lower().as_text()


def without_names(hlo):
    """StableHLO without the keys of `params` and `state`, which it keeps to label results."""
    return re.sub(r'jax\.result_info = "[^"]*"', "", hlo)


def print_fingerprints(*styles):
    """What a subprocess does: print a fingerprint of every program, one style after the other."""
    for style, (name, model) in itertools.product(styles, MODELS.items()):
        for step, jaxpr, hlo in programs(getattr(model, style)):
            for kind, text in {"jaxpr": jaxpr, "StableHLO": without_names(hlo)}.items():
                digest = hashlib.sha256(text.encode()).hexdigest()
                print(json.dumps([style, f"{name}, {step}, {kind}", digest]))


def start(*styles):
    """Start a fresh process that prints the fingerprints of the styles in this order."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, __file__, *styles]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def fingerprints(process):
    """Return `{style: {program: fingerprint}}`."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    found = {}
    for style, program, digest in map(json.loads, output.splitlines()):
        found.setdefault(style, {})[program] = digest
    return found


def test_both_styles_are_one_program():
    # How JAX lowers may depend on what the process lowered before (jax-ml/jax#40312), so that each
    # style is lowered in a fresh process; and also after the other one.
    first, second = map(fingerprints, [start("explicit", "scoped"), start("scoped", "explicit")])
    assert first["explicit"] == second["scoped"], "each in a fresh process"
    assert second["explicit"] == first["scoped"], "each after the other"
    # 2 models, 2 steps, 2 weight decays, 2 kinds; and no two of them are the same text.
    assert len(first["explicit"]) == len(set(first["explicit"].values())) == 16


# One checkpoint -----------------------------------------------------------------------------------


@functools.cache
def small(name):
    """The arguments that make a model small, and a batch for it."""
    images = jax.random.normal(KEY, (4, 8, 8, 1))
    labels = jnp.array([3, 1, 4, 1])
    tiny = {"width": 0.25, "blocks": ((32, 2),)}
    return {"num_classes": 5, **(tiny if name == "mobilenet" else {})}, images, labels


@functools.cache
def initial(name, style):
    kwargs, images, _ = small(name)
    net = nn.transform(functools.partial(getattr(MODELS[name], style), **kwargs))
    return net, *jax.jit(net.init, compiler_options=QUICK)(KEY, images)


def assert_bit_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("name", MODELS)
def test_one_seed_gives_both_styles_the_same_initial_values(name):
    _, *explicit = initial(name, "explicit")
    _, *scoped = initial(name, "scoped")
    assert_bit_equal(explicit, list(map(slim.to_layers_names, scoped)))
    assert_bit_equal(scoped, list(map(slim.to_slim_names, explicit)))


@pytest.mark.parametrize("name", MODELS)
def test_the_name_map_loses_nothing(name):
    for style in STYLES:
        _, params, state = initial(name, style)
        names = {key: key for key in (*params, *state)}
        there, back = slim.to_layers_names, slim.to_slim_names
        if style == "explicit":
            there, back = back, there
        assert len(there(names)) == len(names)
        assert back(there(names)) == names
        assert there(there(names)) == there(names)


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_of_one_style_loads_in_the_other(name):
    _, images, _ = small(name)
    explicit, params, state = initial(name, "explicit")
    scoped, *_ = initial(name, "scoped")
    # Not the initial values, which are equal anyway.
    params, state = jax.tree.map(lambda x: 1.5 * x + 0.1, (params, state))
    logits, _ = explicit.apply(params, state, images)
    theirs, _ = scoped.apply(slim.to_slim_names(params), slim.to_slim_names(state), images)
    assert_bit_equal(logits, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_three_steps_of_training_are_bit_equal(name):
    kwargs, images, labels = small(name)

    def losses(style):
        objective = objective_of(
            getattr(MODELS[name], style), is_training=True, weight_decay=1e-4, **kwargs
        )
        _, params, state = initial(name, style)
        step = jax.jit(train_step, static_argnums=0, compiler_options=QUICK)
        slots, losses = optimizer.init(params), []
        for n in range(3):
            rng = jax.random.fold_in(KEY, n)
            params, state, slots, loss = step(objective, params, state, slots, images, labels, rng)
            losses.append(float(loss))
        return losses, slim.to_layers_names(params), slim.to_layers_names(state)

    explicit = losses("explicit")
    assert_bit_equal(explicit, losses("scoped"))
    assert len(set(explicit[0])) == 3
    assert all(map(math.isfinite, explicit[0]))


# What the models are ------------------------------------------------------------------------------


def sizes(fn, *shape, **kwargs):
    """The numbers of trainable and of other elements."""
    variables = nn.transform(fn).variables(jax.ShapeDtypeStruct(shape, jnp.float32), **kwargs)
    return tuple(
        sum(math.prod(v.shape) for v in variables if v.trainable is trainable)
        for trainable in (True, False)
    )


V1 = {"num_classes": 1000, "blocks": mobilenet.V1_BLOCKS, "stem_stride": 2}


@pytest.mark.parametrize("style", STYLES)
def test_mnist_has_the_guides_number_of_parameters(style):
    # conv 5*5*1*32 + 32, conv 5*5*32*64 + 64, dense 7*7*64*1024 + 1024, dense 1024*10 + 10
    assert sizes(getattr(mnist, style), 1, 28, 28, 1) == (3_274_634, 0)


@pytest.mark.parametrize("style", STYLES)
def test_mobilenet_v1_has_its_published_number_of_parameters(style):
    # Trainable: the kernels, gamma and beta of each batch norm, the weights and biases of the last
    # layer. No convolution has a bias. The others are the moving means and variances.
    assert sizes(getattr(mobilenet, style), 1, 224, 224, 3, **V1) == (4_231_976, 21_888)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width, published", [(0.75, 2.6e6), (0.5, 1.3e6), (0.25, 0.5e6)])
def test_the_width_multiplier_gives_the_sizes_of_the_paper(style, width, published):
    # Table 7 of arXiv:1704.04861, in millions with one decimal.
    trainable, _ = sizes(getattr(mobilenet, style), 1, 224, 224, 3, width=width, **V1)
    assert round(trainable / 1e6, 1) == published / 1e6


@pytest.mark.parametrize("style", STYLES)
def test_a_narrow_mobilenet_keeps_eight_filters(style):
    net = nn.transform(getattr(mobilenet, style))
    shapes = {v.name: v.shape for v in net.variables(jnp.ones((1, 8, 8, 1)), width=0.01)}
    assert {shape[-1] for name, shape in shapes.items() if "/BatchNorm/" in name} == {8}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "model, shape, kwargs",
    [
        (mnist, (3, 28, 28, 1), {}),
        (mnist, (2, 9, 7, 3), {"num_classes": 7}),
        (mobilenet, (3, 28, 28, 1), {}),
        (mobilenet, (2, 33, 31, 3), {"num_classes": 7, "width": 0.5}),
        (mobilenet, (2, 224, 224, 3), V1),
    ],
    ids=["mnist", "mnist of other images", "mobilenet", "mobilenet of other images", "V1"],
)
def test_one_logit_for_each_image_and_class(style, model, shape, kwargs):
    net = nn.transform(functools.partial(getattr(model, style), **kwargs))
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    params, state = jax.eval_shape(net.init, KEY, images)
    logits, after = jax.eval_shape(net.apply, params, state, images)
    assert logits.shape == (shape[0], kwargs.get("num_classes", 10))
    assert (logits.dtype, after) == (jnp.float32, state)


@pytest.mark.parametrize("style", STYLES)
def test_mobilenet_moves_its_statistics_in_training_only(style):
    kwargs, images, _ = small("mobilenet")
    _, params, state = initial("mobilenet", style)
    net = nn.transform(functools.partial(getattr(mobilenet, style), **kwargs))
    _, after = net.apply(params, state, images)
    assert_bit_equal(after, state)
    _, after = jax.jit(net.apply, static_argnames="is_training", compiler_options=QUICK)(
        params, state, images, is_training=True, rng=KEY
    )
    assert set(after) == set(state)
    assert not any(np.array_equal(after[name], state[name]) for name in state)


@pytest.mark.parametrize("name", MODELS)
def test_weight_decay_is_half_the_square_of_the_kernels(name):
    kwargs, images, labels = small(name)
    _, params, state = initial(name, "explicit")
    plain, decayed = (
        objective_of(MODELS[name].explicit, weight_decay=weight_decay, **kwargs).apply(
            params, state, images, labels
        )[0]
        for weight_decay in (0.0, 0.01)
    )
    squares = sum(jnp.sum(w**2) for k, w in params.items() if k.endswith("/kernel"))
    # A difference of two float32 numbers near 10.
    np.testing.assert_allclose(decayed - plain, 0.01 * squares / 2, rtol=1e-5)


if __name__ == "__main__":
    print_fingerprints(*sys.argv[1:])
