"""`migrate compare`: the rungs, the planted differences that it must find, the page."""

import ast
import inspect
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import pytest

import layers
import migrate
import nn
import slim
from migrate import __main__ as command_line
from migrate import targets
from migrate.comparing.rungs import RUNGS
from models import mnist, mobilenet

ROOT = Path(__file__).parent.parent
IMAGES = jax.ShapeDtypeStruct((2, 6, 6, 1), jnp.float32)
SMALL = {"num_classes": 5, "width": 0.25, "blocks": ((8, 2),), "weight_decay": 1e-3}

# Every argument that a call of MobileNet takes, with a value that it does not have there.
VALUES = {
    "num_outputs": "12",
    "kernel_size": "2",
    "stride": "3",
    "padding": "'VALID'",
    "data_format": "'NCHW'",
    "rate": "2",
    "depth_multiplier": "2",
    "activation_fn": "nn.relu",
    "normalizer_fn": "slim.unit_norm",
    "normalizer_params": "{'epsilon': 0.1}",
    "weights_initializer": "slim.variance_scaling_initializer()",
    "pointwise_initializer": "nn.ones_initializer()",
    "weights_regularizer": "slim.l1_regularizer(0.1)",
    "biases_initializer": "nn.ones_initializer()",
    "biases_regularizer": "slim.l1_regularizer(0.1)",
    "reuse": "nn.AUTO_REUSE",
    "variables_collections": "['mine']",
    "outputs_collections": "'others'",
    "trainable": "False",
    "scope": "'Other'",
    "keep_prob": "0.4",
    "noise_shape": "[2, 1]",
    "is_training": "not is_training",
    "seed": "5",
    "decay": "0.5",
    "center": "False",
    "scale": "False",
    "epsilon": "0.1",
    "param_initializers": "{'gamma': nn.zeros_initializer()}",
    "param_regularizers": "{'gamma': slim.l1_regularizer(0.1)}",
    "updates_collections": "None",
    "batch_weights": "jnp.array([1.0, 3.0])",
    "fused": "False",
    "zero_debias_moving_mean": "True",
    "renorm": "True",
    "renorm_clipping": "{'rmax': 2.0}",
    "renorm_decay": "0.5",
    "adjustment": "lambda shape: (jnp.full(shape, 2.0), jnp.zeros(shape))",
}
# Changes of these make no difference: what they name or set is not used there.
NAMES = {"reuse", "variables_collections", "outputs_collections", "scope"}
BIASES = {"biases_initializer", "biases_regularizer"}  # a normalized layer has none
UNUSED = {
    "conv2d 0": NAMES | BIASES,
    "separable_conv2d 0": NAMES | BIASES | {"pointwise_initializer"},
    "conv2d 1": NAMES | BIASES | {"padding"},  # of 1x1 pixels
    "dropout 0": {"outputs_collections", "scope"},
    "fully_connected 0": NAMES | {"normalizer_params"},
    "arg_scope 0": NAMES | BIASES,
    "arg_scope 1": NAMES,
    "arg_scope 2": NAMES - {"reuse"} | {"updates_collections", "renorm_clipping", "renorm_decay"},
    "arg_scope 3": {"outputs_collections"},
}
# The layer of each call, and the first one that takes its arguments from each scope.
FIRST = {
    "conv2d 0": "Conv2d_0",
    "separable_conv2d 0": "Conv2d_1_depthwise",
    "conv2d 1": "Conv2d_1_pointwise",
    "dropout 0": "Dropout",
    "fully_connected 0": "Logits",
    "arg_scope 0": "Conv2d_0",
    "arg_scope 1": "Conv2d_0",
    "arg_scope 2": "Conv2d_0/BatchNorm",
    "arg_scope 3": "Dropout",
}
# Arguments of scopes that the first layer has from elsewhere.
LATER = {
    ("arg_scope 0", "stride"): "Conv2d_1_pointwise",
    ("arg_scope 0", "weights_regularizer"): "Conv2d_1_depthwise",
    ("arg_scope 1", "biases_initializer"): "Logits",
    ("arg_scope 1", "biases_regularizer"): "Logits",
}
OPS = {
    "arg_scope 0": [slim.conv2d, slim.separable_conv2d],
    "arg_scope 1": [slim.conv2d, slim.fully_connected],
    "arg_scope 2": [slim.batch_norm],
    "arg_scope 3": [slim.dropout],
}
# What every call of these ops writes out itself.
WRITTEN = {"num_outputs", "kernel_size", "keep_prob", "scope"}


def arguments(where):
    """The arguments that can be changed at a call, or in a scope."""
    is_scope = where in OPS
    ops = OPS[where] if is_scope else [getattr(slim, where.split()[0])]
    taken = [list(inspect.signature(op).parameters)[1:] for op in ops]
    common = [name for name in taken[0] if all(name in names for names in taken)]
    return [name for name in common if name in VALUES and not (is_scope and name in WRITTEN)]


PLANTS = [(where, argument) for where in FIRST for argument in arguments(where)]
EFFECTIVE = [(where, argument) for where, argument in PLANTS if argument not in UNUSED[where]]


def planted(folder, where, *arguments):
    """The scoped model of a copy of the file with arguments changed at one call."""
    tree = ast.parse(Path(mobilenet.__file__).read_text())
    function = next(n for n in tree.body if getattr(n, "name", "") == "scoped")
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call)]
    calls.sort(key=lambda n: (n.lineno, n.col_offset))
    name, number = where.split()
    call = [n for n in calls if getattr(n.func, "attr", "") == name][int(number)]
    positional = [] if where in OPS else list(inspect.signature(getattr(slim, name)).parameters)
    for argument in arguments:
        value = ast.parse(VALUES[argument], mode="eval").body
        if argument in positional[: len(call.args)]:
            call.args[positional.index(argument)] = value
        else:
            call.keywords = [k for k in call.keywords if k.arg != argument]
            call.keywords.append(ast.keyword(argument, value))
    path = folder / f"{'_'.join([name, number, *arguments])[:80]}.py"
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    return targets.load(f"{path}:scoped").fn


def found_of(a, folder, where, argument):
    """What `compare` finds of a planted argument: the layer, the argument, whence B has it."""
    difference = migrate.compare(a, planted(folder, where, argument), IMAGES, **SMALL).difference
    if difference is None:
        return None
    return difference.layer, difference.argument, difference.b.kind if difference.b else None


def expected(where, argument):
    """What it must find."""
    layer = LATER.get((where, argument), FIRST[where])
    if argument == "normalizer_params":
        return f"{layer}/BatchNorm", "epsilon", "normalizer_params"
    return layer, argument, "arg_scope" if where in OPS else "call"


@pytest.mark.slow
def test_every_planted_argument_is_found(tmp_path):
    wrong = {}
    for plant in EFFECTIVE:
        found = found_of(mobilenet.scoped, tmp_path, *plant)
        if found != expected(*plant):
            wrong[plant] = found
    assert len(EFFECTIVE) == 85
    assert not wrong, f"{len(EFFECTIVE) - len(wrong)} of {len(EFFECTIVE)}"


@pytest.mark.slow
def test_planted_arguments_are_found_against_the_other_style(tmp_path):
    # `layers` has no argument for these: they are seen as layers or variables of one side alone.
    other = {"normalizer_fn", "reuse"}
    plants = [(where, argument) for where, argument in EFFECTIVE if argument not in other]
    wrong = {}
    for plant in plants:
        found = found_of(mobilenet.explicit, tmp_path, *plant)
        layer, *rest = expected(*plant)
        if found is None or found[0].lower() != layer.lower() or found[1:] != tuple(rest):
            wrong[plant] = found
    assert len(plants) == 78
    assert not wrong, f"{len(plants) - len(wrong)} of {len(plants)}"


@pytest.mark.parametrize(
    "blocks, layer, argument",
    [
        (((8, 1),), "Conv2d_1_depthwise", "stride"),
        (((16, 2),), "Conv2d_1_pointwise", "num_outputs"),
        (((8, 2), (8, 1)), "Conv2d_2_depthwise", None),
        ((), "Conv2d_1_depthwise", None),
    ],
)
def test_a_planted_table_of_blocks_is_found(blocks, layer, argument):
    def model(images, is_training=False, **kwargs):
        return mobilenet.scoped(images, is_training=is_training, **{**kwargs, "blocks": blocks})

    small = SMALL | {"width": 1.0}
    found = migrate.compare(mobilenet.scoped, model, IMAGES, **small).difference
    assert found is not None
    assert (found.layer, found.argument) == (layer, argument)


@pytest.mark.parametrize("where", FIRST)
def test_what_has_no_effect_is_no_difference(where, tmp_path):
    unused = [argument for argument in arguments(where) if argument in UNUSED[where]]
    model = planted(tmp_path, where, *unused)
    found = migrate.compare(mobilenet.scoped, model, IMAGES, is_training=True, **SMALL)
    assert found.one_program, found.failed
    assert found.difference is None
    layer = {"arg_scope 0": "Conv2d_0"}.get(where, FIRST[where])
    assert [u.name for (one, _), u in found.unlike if one and one.scope == layer] == unused


# The rungs ----------------------------------------------------------------------------------------


def dense(images, is_training=False):
    return layers.Dense(3, name="a")(images)


def biased(images, is_training=False):
    return layers.Dense(3, bias_initializer=nn.ones_initializer(), name="a")(images)


def unbiased(images, is_training=False):
    return layers.Dense(3, use_bias=False, name="a")(images)


def renamed(images):
    return slim.fully_connected(images, 3, activation_fn=None, scope="other")


def wider(images, training):
    return layers.Dense(4, name="a")(images)


def broken(images):
    return layers.Dense(-1, name="a")(images)


def doubled(images):
    return 2 * layers.Dense(3, name="a")(images)


def noisy(images, is_training=False):
    return layers.Dropout()(layers.Dense(3, name="a")(images), training=is_training)


def penalized(images):
    return layers.Dense(3, kernel_regularizer=nn.l2_loss, name="a")(images)


def frozen(images):
    return jax.lax.stop_gradient(layers.Dense(3, name="a")(images))


def roundabout(images):
    return jnp.negative(jnp.negative(layers.Dense(3, name="a")(images)))


def held(images):
    return layers.Dense(3, trainable=False, name="a")(images)


ROW = jax.ShapeDtypeStruct((2, 4), jnp.float32)


@pytest.mark.parametrize(
    "model, rung, layer, argument, cause",
    [
        (renamed, None, None, None, ""),
        (broken, "builds", "a", None, "B stopped at"),
        (unbiased, "variables", "a", "use_bias", "2 in A, 1 in B: a/bias [3] is in A"),
        (biased, "variables", "a", "biases_initializer", "a/bias: begins as nn.zeros"),
        (wider, "variables", "a", "num_outputs", "a/kernel: shape [4, 3] in A, [4, 4] in B"),
        (held, "variables", "a", "trainable", "a/kernel: trainable in A alone"),
        (doubled, "constant weights", "a", None, "outputs (eval): they differ by up to"),
        (penalized, "constant weights", "a", "weights_regularizer", "regularization loss (eval)"),
        (noisy, "random weights", "dropout", None, "outputs (train)"),
        (frozen, "gradients", "a", None, "gradient of a/kernel"),
        (roundabout, "same jaxpr", None, None, "(eval) line"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_each_rung_fails_for_its_reason(model, rung, layer, argument, cause):
    found = migrate.compare(dense, model, ROW)
    names = list(RUNGS)
    if rung is None:
        assert [r.name for r in found.rungs] == names and found.one_program
        assert found.matching.how == "in the order of creation"
        return
    assert [r.name for r in found.rungs] == names[: names.index(rung) + 1]
    assert [r.ok for r in found.rungs] == [True] * names.index(rung) + [False]
    assert found.same_numbers is (rung == "same jaxpr")
    told = found.difference
    assert found.failed is not None and cause in found.failed.cause
    assert (told and told.layer, told and told.argument) == (layer, argument)
    assert rung in str(found)


def test_the_mode_can_be_given():
    assert migrate.compare(dense, noisy, ROW, is_training=False).same_numbers
    assert not migrate.compare(dense, noisy, ROW, is_training=True).same_numbers
    with pytest.raises(ValueError, match="neither model takes the argument 'nonsense'"):
        migrate.compare(dense, noisy, ROW, nonsense=1)


@pytest.fixture(scope="module")
def of_mnist():
    return migrate.compare(mnist.explicit, mnist.scoped, jax.ShapeDtypeStruct((1, 28, 28, 1), "f4"))


def test_both_styles_of_mnist_are_one_program_side_by_side(of_mnist):
    assert of_mnist.one_program and of_mnist.difference is None
    assert all(a and b for a, b in of_mnist.layers) and len(of_mnist.layers) == 8
    assert of_mnist.matching.how == "by the name map"
    text = str(of_mnist)
    for part in ("One program", "models/mnist.py:explicit", "conv1/kernel", "lines of code", "ms"):
        assert part in text


def test_the_committed_picture_is_what_compare_draws(of_mnist):
    text = of_mnist.to_svg()
    ElementTree.fromstring(text)
    assert text == (ROOT / "docs" / "compare.svg").read_text(), (
        "draw it again: python -m migrate compare models/mnist.py:explicit models/mnist.py:scoped "
        "--svg -o docs/compare.svg"
    )


def test_the_page_needs_nothing_else(of_mnist, tmp_path):
    text = of_mnist.to_html()
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)
    assert text.count('<article class="one"') == 8
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium here")
    path = tmp_path / "page.html"
    path.write_text(text)
    options = [
        "--window-size=1500,3000",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
    ]
    done = subprocess.run(
        [browser, *options, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60
    )
    assert ' d="M' in done.stdout, done.stderr  # the script drew the threads


def test_the_command_prints_writes_and_exits(tmp_path, capsys):
    model = tmp_path / "two.py"
    model.write_text(
        "import layers\n\n\ndef a(x):\n    return layers.Dense(3)(x)\n\n\n"
        "def b(x):\n    return layers.Dense(4)(x)\n"
    )
    assert command_line.main(["compare", f"{model}:a", f"{model}:a", "--input", "2,4"]) == 0
    assert "One program" in capsys.readouterr().out
    html = tmp_path / "page.html"
    command = ["compare", f"{model}:a", f"{model}:b", "--input", "2,4"]
    assert command_line.main([*command, "--html", "-o", str(html)]) == 1
    assert "num_outputs" in html.read_text()
    assert command_line.main([*command, "--arg", "nonsense=1"]) == 2
