"""Slim models of many kinds become explicit code that is the same program, or are refused."""

import ast
import functools
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("libcst")

import nn
import slim
from migrate.__main__ import main
from migrate.targets import load
from migrate.unrolling import Refusal, unroll

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent / "unroll"
MODELS = {
    "lenet": (HERE / "lenet.py", "lenet", (2, 12, 12, 1)),
    "cifarnet": (HERE / "cifarnet.py", "cifarnet", (3, 16, 16, 3)),
    "vgg": (HERE / "vgg.py", "vgg_small", (2, 8, 8, 3)),
    "inception": (HERE / "inception.py", "inception", (2, 32, 32, 3)),
    "inception_resnet": (HERE / "inception_resnet.py", "inception_resnet", (2, 28, 28, 3)),
    "resnet": (HERE / "resnet.py", "resnet", (2, 32, 32, 3)),
    "mobilenet_v1": (HERE / "mobilenet_v1.py", "mobilenet_v1", (2, 16, 16, 3)),
    "mobilenet_v2": (HERE / "mobilenet_v2.py", "mobilenet_v2", (2, 16, 16, 3)),
    "two_scopes": (HERE / "two_scopes.py", "siamese", (2, 12, 12, 3)),
    "mnist": (ROOT / "models/mnist.py", "scoped", (2, 8, 8, 1)),
    "mobilenet": (ROOT / "models/mobilenet.py", "scoped", (2, 8, 8, 1)),
}
# Slim normalizes vectors by its own code, which explicit code can only say by a reshape: the
# numbers are the same, the program is not.
ANOTHER_PROGRAM = ("cifarnet",)
KEY = jax.random.key(0)


@functools.cache
def model(name):
    """A Slim model, and what to call it with."""
    path, function, shape = MODELS[name]
    return load(f"{path}:{function}").fn, jax.ShapeDtypeStruct(shape, jnp.float32)


@functools.cache
def text_of(name, **options):
    fn, images = model(name)
    return unroll(fn, images, **options).text


@pytest.fixture(scope="module")
def explicit(tmp_path_factory):
    """The explicit form of a model, imported."""
    folder = tmp_path_factory.mktemp("explicit")

    @functools.cache
    def make(name):
        path = folder / f"{name}.py"
        path.write_text(text_of(name))
        return load(f"{path}:{MODELS[name][1]}").fn

    return make


def step(fn, training):
    """Everything a model gives: outputs, regularization losses, statistics, and the gradients."""

    def objective(images):
        outputs = fn(images, is_training=training)
        named = dict(outputs[1]) if isinstance(outputs, tuple) else {}
        outputs = outputs[0] if isinstance(outputs, tuple) else outputs
        decay = sum(nn.get_regularization_losses(), jnp.zeros(()))
        return jnp.sum(outputs**2) + decay, (outputs, named)

    net = nn.transform(objective)

    def loss(params, state, images):
        (loss, outputs), state = net.apply(params, state, images, rng=KEY)
        return loss, (outputs, state)

    return net, jax.value_and_grad(loss, has_aux=True)


def shapes(net, images):
    variables = net.variables(images)
    every = {v.name: jax.ShapeDtypeStruct(v.shape, v.dtype) for v in variables}
    trainable = {v.name for v in variables if v.trainable}
    return {k: v for k, v in every.items() if k in trainable}, {
        k: v for k, v in every.items() if k not in trainable
    }


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", MODELS)
def test_both_are_one_program(name, training, explicit):
    fn, images = model(name)
    programs = []
    for one in (fn, explicit(name)):
        net, value_and_grad = step(one, training)
        params, state = map(slim.to_layers_names, shapes(net, images))
        back = slim.to_slim_names if one is fn else dict
        outputs = jax.eval_shape(value_and_grad, back(params), back(state), images)
        named = sorted(outputs[0][1][0][1])
        jaxpr = jax.make_jaxpr(value_and_grad)(back(params), back(state), images)
        programs.append((params, state, named, None if name in ANOTHER_PROGRAM else str(jaxpr)))
    slims, explicits = programs
    assert slims[:3] == explicits[:3]
    assert slims[3] == explicits[3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ANOTHER_PROGRAM)
def test_another_program_gives_the_same_numbers(name, explicit):
    fn, images = model(name)
    results = []
    for one in (fn, explicit(name)):
        net, value_and_grad = step(one, True)
        params, state = map(slim.to_layers_names, shapes(net, images))
        values = {
            k: 1 + jax.random.normal(jax.random.fold_in(KEY, i), v.shape) / 8
            for i, (k, v) in enumerate((params | state).items())
        }
        params, state = {k: values[k] for k in params}, {k: values[k] for k in state}
        back = slim.to_slim_names if one is fn else dict
        run = jax.jit(value_and_grad, compiler_options={"xla_backend_optimization_level": 0})
        (loss, (_, state)), slopes = run(
            back(params), back(state), jax.random.normal(KEY, images.shape)
        )
        results.append((loss, slim.to_layers_names(state), slim.to_layers_names(slopes)))
    # A reshape changes no number.
    jax.tree.map(np.testing.assert_array_equal, *results)


@pytest.mark.parametrize("name", MODELS)
def test_no_slim_is_left(name):
    tokens = tokenize.generate_tokens(io.StringIO(text_of(name)).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    assert not {"slim", "arg_scope", "add_arg_scope"} & names


@pytest.mark.parametrize("name", MODELS)
def test_ruff_has_nothing_to_say(name):
    pytest.importorskip("ruff")
    where = ["--stdin-filename", str(HERE / "explicit.py"), "-"]
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *where],
            input=text_of(name),
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def body(text, function):
    """A function's statements without the docstring and without what only repeats a default."""
    (found,) = (
        n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == function
    )
    for call in (n for n in ast.walk(found) if isinstance(n, ast.Call)):
        call.keywords = [k for k in call.keywords if ast.unparse(k) != "epsilon=0.001"]
    return [ast.unparse(statement) for statement in found.body[1:]]


@pytest.mark.parametrize("name", ["mnist", "mobilenet"])
def test_it_is_what_a_person_wrote(name):
    written = body(MODELS[name][0].read_text(), "explicit")
    assert body(text_of(name), "scoped") == written


def test_comments_say_where_inherited_values_came_from():
    lines = MODELS["mobilenet_v2"][0].read_text().splitlines()
    text = text_of("mobilenet_v2")
    notes = [part for line in text.splitlines() if "# " in line and " at line " in line
             for part in line.strip("# ").split("; ")]  # fmt: skip
    assert len(notes) > 15
    for note in notes:
        names, _, origin = note.partition(": ")
        kind, _, line = origin.partition(" at line ")
        assert kind == "arg_scope" and kind in lines[int(line) - 1]
        assert names
    assert "at line" not in text_of("mobilenet_v2", comments=False)


def test_all_writes_what_equals_the_defaults_too():
    few, every = text_of("lenet"), text_of("lenet", everything=True)
    assert "dilation_rate" not in few
    for argument in ("dilation_rate=1", 'data_format="channels_last"', "trainable=True"):
        assert argument in every


def test_what_differs_between_visits_is_a_parameter():
    text = text_of("two_scopes")
    assert "def tower(net, filters, *, activation, padding, normalized, is_training=None)" in text
    assert 'activation=None, padding="VALID", normalized=False' in text


def test_what_only_parameters_know_stays_an_expression():
    text = text_of("lenet")
    assert "rate=1 - keep_prob" in text
    assert "training=is_training" in text
    assert "weight_decay * nn.l2_loss(kernel)" in text


def test_the_authors_comments_and_loops_stay():
    assert "# From here on there are no pixels any more." in text_of("lenet")
    assert "# Use conv2d instead of fully_connected layers." in text_of("vgg")
    assert "for i, conv_def in enumerate(conv_defs):" in text_of("mobilenet_v1")


NESTED = """def f(x, is_training=False, filters=(4, 4)):
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
        with slim.arg_scope([slim.batch_norm], is_training=is_training):
            towers = [slim.conv2d(x, n, 3, scope=f"a_tower_with_a_long_name_{n}_{i}")
                      for i, n in enumerate(filters)]
            x = x if filters is None else slim.conv2d(x, 3, 1, activation_fn=None, scope="b")
            x += slim.conv2d(slim.conv2d(x, 2, 1), 3, 1)
    return x, {str(i): tower for i, tower in enumerate(towers)}
"""


def test_calls_inside_expressions(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(HEAD + NESTED)
    fn, images = load(f"{path}:f").fn, jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    made = unroll(fn, images)
    (tmp_path / "explicit.py").write_text(made.text)
    other = load(f"{tmp_path / 'explicit.py'}:f").fn
    programs = []
    for one in (fn, other):
        net, value_and_grad = step(one, True)
        params, state = shapes(net, images)
        programs.append(str(jax.make_jaxpr(value_and_grad)(params, state, images)))
    assert programs[0] == programs[1]


HEAD = "import jax.numpy as jnp\nimport nn\nimport slim\n\n\n"
REFUSED = {
    "a call that does not run": (
        "def f(x, deep=None):\n"
        "    if deep == 3:\n"
        "        x = slim.conv2d(x, 4, 3)\n"
        "    return slim.conv2d(x, 2, 1)\n",
        "line 8: slim.conv2d does not run",
    ),
    "a scope that a table chooses": (
        "def f(x):\n"
        "    for padding in ('SAME', 'VALID'):\n"
        "        with slim.arg_scope([slim.conv2d], padding=padding):\n"
        "            padding = None\n"
        "            x = slim.conv2d(x, 4, 3)\n"
        "    return x\n",
        "line 10: padding is 'SAME' or 'VALID' here",
    ),
    "what layers has not": (
        "def f(x):\n    x = slim.conv2d(x, 4, 3)\n    return x, len(slim.get_model_variables())\n",
        "line 8: slim.get_model_variables has no spelling",
    ),
    "batch norm of weighted examples": (
        "def f(x):\n    return slim.batch_norm(x, batch_weights=jnp.ones(1))\n",
        "line 7: layers.BatchNormalization has no batch_weights",
    ),
    "one call that is two ops": (
        "def f(x):\n"
        "    for op in (slim.conv2d, slim.separable_conv2d):\n"
        "        x = op(x, 4, 3)\n"
        "    return x\n",
        "line 8: this call is conv2d or separable_conv2d",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_said_is_refused_with_its_line(case, tmp_path, capsys):
    source, message = REFUSED[case]
    path, output = tmp_path / "model.py", tmp_path / "explicit.py"
    path.write_text(HEAD + source)
    with pytest.raises(Refusal, match=message.replace("(", r"\(")):
        unroll(load(f"{path}:f").fn, jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32))
    assert main(["unroll", f"{path}:f", "--input", "1,8,8,3", "-o", str(output)]) == 1
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_the_command_writes_a_proof(tmp_path, capsys):
    pytest.importorskip("migrate.comparing", exc_type=ImportError)
    path, output = tmp_path / "model.py", tmp_path / "explicit.py"
    path.write_text(HEAD + "def f(x):\n    return slim.conv2d(x, 2, 3)\n")
    command = ["unroll", f"{path}:f", "--input", "1,4,4,1", "-o", str(output), "--prove"]
    assert main(command) == 0
    assert "is proven" in capsys.readouterr().out
    namespace = {"__file__": str(tmp_path / "test_explicit.py")}
    exec((tmp_path / "test_explicit.py").read_text(), namespace)
    namespace["test_explicit_computes_what_the_slim_model_does"]()
