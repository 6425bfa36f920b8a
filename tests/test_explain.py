"""`migrate.explain`: the record of each resolved call, its forms, and the findings."""

import functools
import inspect
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import migrate
import nn
import slim
from migrate import __main__ as command_line
from migrate import targets
from migrate.expressions import expression
from models import mnist, mobilenet
from nn.calls import listening

ROOT = Path(__file__).parent.parent
PLANTED = sorted((Path(__file__).parent / "data" / "planted").glob("*.py"))
IMAGES = jax.ShapeDtypeStruct((1, 8, 8, 3), "float32")
DIGITS = jax.ShapeDtypeStruct((1, 28, 28, 1), "float32")
BOTH = [mnist.explicit, mnist.scoped, mobilenet.explicit, mobilenet.scoped]


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return next(first + i for i, line in enumerate(lines) if text in line)


def origins(record):
    """`{argument: (value, kind, line)}` of all that is no default."""
    return {
        name: (a.value, a.kind, a.origin.site and a.origin.site.line)
        for name, a in record.arguments.items()
        if a.kind != "default"
    }


# The record ---------------------------------------------------------------------------------------


def nested(images):
    with (
        slim.arg_scope([slim.conv2d], stride=2, padding="VALID"),  # outer
        slim.arg_scope([slim.conv2d, slim.max_pool2d], stride=1),  # inner
    ):
        net = slim.conv2d(images, 4, [3, 3], activation_fn=None, scope="a")
        return slim.conv2d(net, 4, 1, padding="SAME", scope="b")


def test_every_argument_has_its_origin_and_what_it_hides():
    first, second = migrate.record(nested, IMAGES).records
    outer, inner = line_of(nested, "# outer"), line_of(nested, "# inner")
    here = line_of(nested, 'scope="a"')
    assert origins(first) == {
        "num_outputs": (4, "call", here),
        "kernel_size": ([3, 3], "call", here),
        "stride": (1, "arg_scope", inner),
        "padding": ("VALID", "arg_scope", outer),
        "activation_fn": (None, "call", here),
        "scope": ("a", "call", here),
    }
    (hidden,) = first.arguments["stride"].hidden
    assert (hidden.value, hidden.kind, hidden.site.line) == (2, "arg_scope", outer)
    padding = second.arguments["padding"]
    assert (padding.value, padding.kind) == ("SAME", "call")  # though that is the default
    assert [(o.value, o.site.line) for o in padding.hidden] == [("VALID", outer)]
    assert first.arguments["rate"].default == first.arguments["rate"].value == 1
    assert list(first.arguments) == list(inspect.signature(slim.conv2d).parameters)[1:]
    assert (first.inputs.shape, first.outputs.shape) == ((1, 8, 8, 3), (1, 6, 6, 4))
    assert [v.name for v in first.made] == ["a/weights", "a/biases"]


def normalized(images):
    params = {"decay": 0.9, "is_training": False}
    with (
        slim.arg_scope([slim.batch_norm], decay=0.5, scale=True),
        slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=params),
    ):
        return slim.conv2d(images, 4, 3)


def test_normalizer_params_are_traced_to_where_they_were_set():
    outer, inner = migrate.record(normalized, IMAGES).records
    assert (inner.op, inner.parent, inner.is_normalizer) == ("batch_norm", outer, True)
    assert (outer.children, outer.is_normalizer) == ([inner], False)
    scope, set_at = (
        line_of(normalized, "decay=0.5"),
        line_of(normalized, "normalizer_params=params"),
    )
    assert origins(inner) == {
        "decay": (0.9, "normalizer_params", set_at),
        "is_training": (False, "normalizer_params", set_at),
        "scale": (True, "arg_scope", scope),
    }
    assert [(o.value, o.site.line) for o in inner.arguments["decay"].hidden] == [(0.5, scope)]


def test_a_call_of_layers_counts_what_is_written_even_if_it_is_the_default():
    def model(images):
        net = layers.Conv2D(4, kernel_size=3, padding="valid")(images)
        net = layers.dropout(net, 0.5, training=False)
        return layers.batch_normalization(net, training=True)

    convolution, dropout, norm = migrate.record(model, IMAGES).records
    assert {*origins(convolution)} == {"filters", "kernel_size", "padding"}
    assert {*origins(dropout)} == {"rate", "training"}
    assert {*origins(norm)} == {"training"}


def block(net):
    return slim.conv2d(net, 3, 1)


def looped(images):
    for _ in range(2):
        images = block(images)
    return slim.repeat(block(images), 2, slim.conv2d, 3, 3)


def test_visits_of_a_place_are_counted_and_the_callers_told():
    records = migrate.record(looped, IMAGES).records
    assert [(r.visit, r.visits) for r in records] == [(0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]
    assert [[s.function for s in r.path] for r in records] == 3 * [["looped", "block"]] + 2 * [
        ["looped"]
    ]
    inside = [line_of(looped, "images = block"), line_of(looped, "return")]
    assert [r.path[0].line for r in records[1:3]] == inside
    line, column, last, end = records[0].site.span
    text = Path(__file__).read_text().splitlines()[line - 1]
    assert (line, text[column:end]) == (last, "slim.conv2d(net, 3, 1)")


@slim.add_arg_scope
def tower(net, depth=1, **others):
    return slim.conv2d(net, depth, 1, **others)


def test_a_users_own_op_is_a_call_too():
    def model(images):
        with slim.arg_scope([tower], depth=4, stride=2):
            return tower(images, padding="VALID")

    outer, inner = migrate.record(model, IMAGES).records
    kinds = {name: kind for name, (_, kind, _) in origins(outer).items()}
    assert kinds == {"depth": "arg_scope", "stride": "arg_scope", "padding": "call"}
    assert (inner.parent, inner.is_normalizer, inner.arguments["stride"].kind) == (
        outer,
        False,
        "call",
    )


def test_what_was_heard_before_an_error_is_kept():
    def model(images):
        net = slim.conv2d(images, 4, 3)
        return slim.conv2d(net, 4, 3, padding="ROUND")

    recording = migrate.record(model, IMAGES)
    assert len(recording.records) == 2
    assert "ROUND" in str(recording.error)
    assert recording.error_site.line == line_of(model, "ROUND")
    assert "the model stopped here" in str(migrate.explain(model, IMAGES))


def test_nothing_is_looked_up_when_nobody_listens(monkeypatch):
    def model(images, is_training=True):
        return mobilenet.scoped(images, blocks=((8, 1),), is_training=is_training)

    net, shapes = nn.transform(model), jax.ShapeDtypeStruct((1, 8, 8, 1), "float32")

    def program(images):
        params, state = net.init(jax.random.key(0), images)
        return net.apply(params, state, images, rng=jax.random.key(1))

    heard = []
    with listening(heard.append):
        expected = str(jax.make_jaxpr(program)(shapes))
    assert heard
    walked = []
    monkeypatch.setattr("nn.calls.call_path", lambda: walked.append("path"))
    monkeypatch.setattr("slim.scoping.Opened", lambda *_: walked.append("scope"))
    assert str(jax.make_jaxpr(program)(shapes)) == expected
    assert walked == []


@pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("model", BOTH, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_each_call_run_again_with_the_explained_values_gives_the_same_bits(model, is_training):
    """Every op alone, given its inputs, its variables and its key, and every value written out."""
    small = {"blocks": ((8, 1), (16, 2))} if "mobilenet" in model.__module__ else {}
    images = jax.random.normal(jax.random.key(0), (2, 28, 28, 1))
    options = {"is_training": is_training, "weight_decay": 1e-4, **small}
    net = nn.transform(functools.partial(model, **options))
    records = migrate.record(model, images, **options).records
    calls, keys = [], []

    def listener(call):
        calls.append(call)
        keys.append(nn.graph.find_graph().draws)

    params, state = net.init(jax.random.key(1), images)
    with listening(listener):
        net.apply(params, state, images, rng=jax.random.key(2))
    assert len(records) == len(calls)
    for record, call, draws in zip(records, calls, keys, strict=True):
        name = call.arguments.get("name") or call.arguments.get("scope")
        scope = call.scope.removesuffix(name or call.scope.rpartition("/")[2]).rstrip("/")

        def alone(inputs, record=record, scope=scope, draws=draws):
            nn.graph.find_graph().draws = draws  # the key that it drew in the model
            with nn.variable_scope(scope) if scope else nn.name_scope(None, "alone"):
                return record.again(inputs)

        rerun = nn.transform(alone)
        again, _ = rerun.apply(params, state, call.inputs, rng=jax.random.key(2))
        np.testing.assert_array_equal(again, call.outputs)


# Findings -----------------------------------------------------------------------------------------


def planted():
    for path in PLANTED:
        module = targets.import_file(path)
        for name, function in vars(module).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                yield pytest.param(path, function, id=f"{path.stem}.{name}")


@pytest.mark.parametrize(("path", "model"), list(planted()))
def test_planted_mistakes_are_found_and_nothing_else(path, model):
    lines, first = inspect.getsourcelines(model)
    marks = [(first + i, re.search("# finding: (.*)", line)) for i, line in enumerate(lines)]
    expected = {(n, kind) for n, mark in marks if mark for kind in mark[1].split(", ")}
    found = migrate.explain(model, IMAGES).findings
    assert {(f.site.line, f.kind) for f in found} == expected
    assert {f.site.file for f in found} <= {str(path)}


@pytest.mark.parametrize("model", BOTH, ids=lambda f: f"{f.__module__}.{f.__name__}")
@pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])
def test_the_projects_models_give_no_findings(model, is_training):
    assert migrate.explain(model, DIGITS, is_training=is_training).findings == []


def test_a_finding_names_its_line_and_what_was_meant():
    target = targets.load(f"{Path(__file__).parent}/data/planted/unknown_argument.py:model")
    (finding,) = migrate.explain(target.fn, IMAGES).findings
    assert str(finding).endswith(
        "planted/unknown_argument.py:8: conv2d has no argument 'paddding'. "
        "Did you mean 'padding'? [unknown-argument]"
    )


# Its forms ----------------------------------------------------------------------------------------


EXPRESSIONS = [
    (slim.l2_regularizer(4e-05), "slim.l2_regularizer(4e-05)"),
    (slim.xavier_initializer(), "slim.xavier_initializer()"),
    (nn.relu6, "nn.relu6"),
    (jax.nn.silu, "jax.nn.silu"),
    (jnp.tanh, "jnp.tanh"),
    (slim.batch_norm, "slim.batch_norm"),
    (slim.linear, "slim.linear"),
    (functools.partial(slim.conv2d, stride=2), "functools.partial(slim.conv2d, stride=2)"),
    (lambda x: x + 1, "lambda x: x + 1"),
    (block, "block"),
    ({"decay": 0.9, "fn": nn.relu}, "{'decay': 0.9, 'fn': nn.relu}"),
    ([1, (2,)], "[1, (2,)]"),
    (jnp.float32, "jnp.float32"),
    (np.arange(2, dtype=np.int32), "jnp.array([0, 1], jnp.int32)"),
]


@pytest.mark.parametrize(("value", "text"), EXPRESSIONS, ids=[text for _, text in EXPRESSIONS])
def test_values_print_as_a_person_writes_them(value, text):
    assert expression(value) == text


@pytest.mark.parametrize("model", BOTH, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_no_value_prints_as_an_address(model):
    explanation = migrate.explain(model, DIGITS, weight_decay=4e-5)
    for text in (str(explanation), explanation.to_json(), explanation.to_html()):
        assert " at 0x" not in text
        assert "<locals>" not in text


def test_the_forms_agree():
    explanation = migrate.explain(mobilenet.scoped, DIGITS)
    data = json.loads(explanation.to_json())
    cells = sum(len(r.arguments) for r in explanation.records)
    counted = explanation.stats()
    assert sum(len(call["arguments"]) for call in data["calls"]) == cells
    assert data["stats"] == counted
    assert explanation.to_html().count("<li class=") >= cells
    assert explanation.to_svg().count("<title>") == cells
    assert counted["all"]["calls"] == 15  # without the normalizers
    assert sum(c["calls"] for op, c in counted.items() if op != "all") == len(explanation.records)
    relu = data["calls"][0]["arguments"]["activation_fn"]
    line = line_of(mobilenet.scoped, "[slim.conv2d, slim.separable_conv2d]") - 1
    assert relu == {
        "value": "nn.relu6",
        "origin": "arg_scope",
        "file": "models/mobilenet.py",
        "line": line,
        "hides": [],
    }
    assert f"arg_scope models/mobilenet.py:{line}" in str(explanation)


def test_losers_are_struck_through():
    explanation = migrate.explain(nested, IMAGES)
    assert "<s>2</s>" in explanation.to_html()
    assert explanation.to_svg().count('class="hides"') == 3
    assert "2 (arg_scope tests/test_explain.py:" in str(explanation)


@pytest.mark.parametrize(
    ("patterns", "shown"),
    [
        (["conv2d.padding"], {("conv2d", "padding")}),
        (["*.is_training"], {("batch_norm", "is_training"), ("dropout", "is_training")}),
        (["Logits.*units", "Logits.num*"], {("fully_connected", "num_outputs")}),
        (["dropout.[ks]*", "nothing"], {("dropout", n) for n in ("keep_prob", "scope", "seed")}),
    ],
)
def test_only(patterns, shown):
    explanation = migrate.explain(mobilenet.scoped, DIGITS).only(*patterns)
    assert {(r.op, a.name) for r, arguments in explanation.calls for a in arguments} == shown
    assert {op for op, count in explanation.stats().items() if count["calls"]} <= {
        "all",
        *(op for op, _ in shown),
    }


@pytest.mark.parametrize(
    ("net", "size", "total", "shares"),
    [("inception_v3", 299, 1860, (19, 37, 44)), ("vgg_16", 224, 330, (20, 25, 55))],
)
def test_the_shares_of_published_nets(net, size, total, shares):
    """As counted on the real TF-Slim, by a tracer of its own."""
    nets = pytest.importorskip("slim.nets." + net.removesuffix("_16"))
    defaults = getattr(nets, net.removesuffix("_16") + "_arg_scope")

    def model(images):
        with slim.arg_scope(defaults()):
            return getattr(nets, net)(images, num_classes=1001, is_training=False)

    explanation = migrate.explain(model, jax.ShapeDtypeStruct((1, size, size, 3), "float32"))
    count = explanation.only("conv2d", "fully_connected", "dropout", "*_pool2d").stats()["all"]
    assert sum(count[kind] for kind in ("call", "arg_scope", "default")) == total
    found = [round(100 * count[k] / total) for k in ("call", "arg_scope", "default")]
    assert tuple(found) == shares


def test_the_page_needs_nothing_else():
    text = migrate.explain(mnist.scoped, DIGITS).to_html()
    assert not re.search(
        r"(src|href)=|@import|url\(|fetch\(|https?://(?!www\.w3\.org/2000/svg)", text
    )
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len({*ids})
    referred = re.findall(r' (?:aria-describedby|data-from|data-line)="([^"]+)"', text)
    assert {*referred} <= {*ids}


def test_the_page_runs_in_a_browser(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium here")
    (tmp_path / "page.html").write_text(migrate.explain(mnist.scoped, DIGITS).to_html())
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run(
        [browser, *options, "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ' d="M' in done.stdout, done.stderr  # the script drew the threads


def test_the_committed_picture_is_what_explain_draws(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = migrate.explain(mobilenet.scoped, DIGITS).to_svg()
    ElementTree.fromstring(text)
    assert text == (ROOT / "docs" / "explain.svg").read_text(), (
        "draw it again: python -m migrate explain models/mobilenet.py:scoped --svg "
        "-o docs/explain.svg"
    )


# The command line ---------------------------------------------------------------------------------


def run(capsys, *argv):
    status = command_line.main(list(argv))
    return status, capsys.readouterr()


def test_help_is_a_table_of_contents(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    text = capsys.readouterr().out
    for name, (_, summary) in command_line.COMMANDS.items():
        assert re.search(rf"{name} +{re.escape(summary)}", text)


def test_the_command_explains(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    status, said = run(capsys, "explain", "models/mobilenet.py:scoped", "--json", *(
        "--input", "1,224,224,3", "--arg", "is_training=True", "--arg", "blocks=V1_BLOCKS"
    ))  # fmt: skip
    data = json.loads(said.out)
    assert (status, data["title"]) == (0, "models/mobilenet.py:scoped")
    assert len(data["calls"]) == 1 + 1 + 4 * 13 + 2
    assert data["arguments"]["images"] == "float32[1,224,224,3]"
    assert data["calls"][1]["arguments"]["is_training"]["value"] == "True"


@pytest.mark.parametrize("form", [[], ["--stats"], ["--findings"], ["--html"], ["--svg"]], ids=str)
def test_the_command_prints_each_form_and_writes_it(form, capsys, tmp_path):
    status, said = run(capsys, "explain", "models.mnist:scoped", *form)
    assert (status, said.err) == (0, "")
    assert said.out
    status, _ = run(capsys, "explain", "models.mnist:scoped", *form, "-o", str(tmp_path / "out"))
    assert status == 0
    assert (tmp_path / "out").read_text()


def test_findings_and_errors_set_the_status(capsys):
    where = Path(__file__).parent / "data" / "planted"
    inputs = ["--input", "1,8,8,3"]
    assert run(capsys, "explain", f"{where}/discards.py:model", *inputs, "--findings")[0] == 1
    assert run(capsys, "explain", f"{where}/discards.py:model", *inputs)[0] == 0
    assert run(capsys, "explain", f"{where}/unknown_argument.py:model", *inputs)[0] == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["models/mnist.py"], "expected FILE_OR_MODULE:FUNCTION"),
        (["models/mnist.py:scopd"], "has no function 'scopd'. It has scoped."),
        (["models/nothing.py:scoped"], "there is no file"),
        (["nothing.here:scoped"], "there is no module 'nothing.here'"),
        (["models.mnist:scoped", "--input", "1,a"], "--input must be a shape"),
        (["models.mnist:scoped", "--arg", "is_training"], "--arg must be name=value"),
    ],
)
def test_what_is_mistyped_is_said(argv, said, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    status, output = run(capsys, "explain", *argv)
    assert status == 2
    assert said in output.err


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.py").write_text(f"def model():\n    return {name!r}\n")
    assert [targets.load(f"{tmp_path}/{name}/net.py:model").fn() for name in "ab"] == ["a", "b"]
