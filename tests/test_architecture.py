"""The house rules that a machine can check: arrows point down, names are what they seem."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = [
    "nn",
    "layers",
    "slim",
    "models",
    "train",
    "migrate",
    "benchmarks",
]  # each may use those before it
CORE = {
    "nn": "jax jaxlib numpy optax",
    "layers": "jax jaxlib numpy",
    "slim": "jax jaxlib numpy optax",
}
EXTRAS = {Path("slim/checkpoints.py"): {"orbax"}}  # imported when used
HEAVY = {"rich", "libcst", "orbax", "matplotlib", "sklearn", "tensorflow", "flax"}

MODULES = sorted(
    path.relative_to(ROOT)
    for floor in FLOORS
    for path in [*ROOT.glob(f"{floor}/**/*.py"), ROOT / f"{floor}.py"]
    if path.exists()
)
PACKAGES = [  # those that export names
    floor for floor in FLOORS if hasattr(importlib.import_module(floor), "__all__")
]


def floor_of(module):
    return module.parts[0].removesuffix(".py")


def imports(module):
    """The modules that a file imports, wherever in it; relative imports begin with a dot."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_arrows_point_down(module):
    floor = floor_of(module)
    above = FLOORS[FLOORS.index(floor) + 1 :]
    used = {name.partition(".")[0] for name in imports(module)}
    assert "" not in used, "a relative import"
    assert used.isdisjoint(above)
    if floor in CORE:
        allowed = {*FLOORS, *CORE[floor].split(), *sys.stdlib_module_names}
        assert used <= allowed | EXTRAS.get(module, set())


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_name_what_they_import(module):
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert "*" not in [alias.name for alias in node.names]
    assert not any("_src" in name.split(".") for name in imports(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_named_like_a_function(package):
    exported = importlib.import_module(package).__all__
    modules = {module.stem for module in MODULES if floor_of(module) == package}
    values = {name: getattr(sys.modules[package], name) for name in modules & {*exported}}
    assert [name for name, value in values.items() if not inspect.ismodule(value)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_once(package):
    module = importlib.import_module(package)
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert {*module.__all__} == {n for n in imported | assigned if not n.startswith("_")}
    assert len(module.__all__) == len({*module.__all__})


def test_imports_are_light():
    program = f"""
import sys
def loaded(names): return sorted(set(names) & {{name.partition(".")[0] for name in sys.modules}})
import nn
assert not loaded(["layers", "slim"])
import layers
assert not loaded(["slim"])
import slim
assert not loaded(["models", "migrate"])
import migrate
assert not loaded(["models", "train"])
assert not loaded({sorted(HEAVY)}), loaded({sorted(HEAVY)})
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
