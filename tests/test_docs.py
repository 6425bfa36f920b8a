"""What the documentation says is run: every example, every block of code, every command's flags."""

import ast
import contextlib
import doctest
import functools
import importlib
import inspect
import io
import math
import re
import shlex
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import layers
import migrate
import models
import nn
import slim

ROOT = Path(__file__).parent.parent
PACKAGES = dict(nn=nn, layers=layers, slim=slim, models=models, migrate=migrate)
NAMES = dict(jax=jax, jnp=jnp, np=np, math=math, **PACKAGES)
MODULES = sorted(path for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py"))
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md"]


@pytest.fixture(autouse=True)
def as_users_have_it():
    """JAX's own settings, not the strict ones of the other tests."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def docstrings(path):
    """`(name, text, line)` of everything documented in a file, be it decorated or private."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text and ">>>" in text:
                yield getattr(node, "name", path.stem), text, node.body[0].lineno


def run_examples(name, text, file, line, names):
    test = doctest.DocTestParser().get_doctest(text, dict(names), name, str(file), line - 1)
    output = io.StringIO()
    doctest.DocTestRunner(verbose=False).run(test, out=output.write)
    assert not output.getvalue(), output.getvalue()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name, text, line in docstrings(path):
        run_examples(name, text, path, line, {**vars(module), **NAMES})


def public_modules(module):
    """A package and, through what `__all__` lists, all its public modules."""
    yield module
    for name in getattr(module, "__all__", ()):
        if inspect.ismodule(value := getattr(module, name)):
            yield from public_modules(value)


PUBLIC = [found for package in (nn, layers, slim, migrate) for found in public_modules(package)]


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_public_names_are_explained_with_an_example(module):
    assert inspect.getdoc(module)
    assert hasattr(module, "__all__"), "a public module lists its public names"
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value):
            assert ">>>" in (inspect.getdoc(value) or ""), f"{name} has no example"


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_examples_that_were_made_from_others(module):
    written = "".join(path.read_text() for path in MODULES)
    for name in getattr(module, "__all__", ()):
        text = inspect.getdoc(getattr(module, name)) or ""
        if ">>>" in text and text[text.index(">>>") :].splitlines()[0] not in written:
            run_examples(name, text, f"<{module.__name__}.{name}>", 1, NAMES)


# README.md, ARCHITECTURE.md -----------------------------------------------------------------------


@functools.cache
def blocks(document, language):
    """`(line, code)` of every block of code in this language."""
    text = document.read_text() if document.exists() else ""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start()) + 2, match[1]) for match in found]


def promised(code):
    """The output that a block says it prints: the comments at its end, or None."""
    lines = code.rstrip().splitlines()
    comments = []
    while lines and lines[-1].startswith("# "):
        comments.insert(0, lines.pop()[2:])
    return "\n".join(comments) if comments and "print(" in code else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_code_blocks_run_in_order(document):
    names = {"__name__": "__main__"}
    for line, code in blocks(document, "python"):
        program = compile("\n" * (line - 1) + code, str(document), "exec")  # a traceback shows it
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(program, names)
        if (promise := promised(code)) is not None:
            assert output.getvalue().rstrip() == promise


def commands():
    """Every `python train.py ...` of the documents, without a shell's `&&` and comments."""
    for document in DOCUMENTS:
        for line, code in blocks(document, "bash"):
            code = code.replace("\\\n", " ")
            for command in re.findall(r"python train\.py[^\n&|;#]*", code):
                yield pytest.param(command, id=f"{document.name}:{line}:{command}")


@pytest.mark.parametrize("command", list(commands()))
def test_training_commands_are_understood(command):
    train = pytest.importorskip("train", reason="there is no train.py")
    train.parse(shlex.split(command)[2:])


def test_extras_that_are_installed_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = "".join(code for document in DOCUMENTS for _, code in blocks(document, "bash"))
    named = {extra for names in re.findall(r"\.\[([\w,]+)\]", text) for extra in names.split(",")}
    assert named <= set(project["optional-dependencies"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_linked_exist(document):
    text = document.read_text() if document.exists() else ""
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    for name in linked:
        assert (ROOT / name).exists(), name
