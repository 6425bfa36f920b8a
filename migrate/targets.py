"""What a command works on: `FILE_OR_MODULE:FUNCTION`, and the arguments to call it with."""

import argparse
import ast
import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp

DEFAULT_INPUT = "1,28,28,1"


@dataclass(frozen=True)
class Target:
    """A function of a file.

    Attributes:
      text: how it was named, `models/mnist.py:scoped`.
      module: the module that its file makes.
      fn: the function.
    """

    text: str
    module: ModuleType
    fn: Callable

    def arguments(
        self, inputs: Sequence[str] | None = None, args: Sequence[str] = ()
    ) -> tuple[tuple, dict[str, Any]]:
        """Return what to call it with.

        Args:
          inputs: a shape for each input, `1,224,224,3` or `8,10:int32`; if None, one of
            `DEFAULT_INPUT` where the function must be given one.
          args: `name=value` with a Python literal or a name of the module as value.
        """
        named = dict(self._argument(text) for text in args)
        if inputs is None:
            parameters = inspect.signature(self.fn).parameters.values()
            needed = [p for p in parameters if p.default is p.empty and p.kind <= 1]
            inputs = [DEFAULT_INPUT] if needed and needed[0].name not in named else []
        return tuple(map(shape, inputs)), named

    def _argument(self, text: str) -> tuple[str, Any]:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"--arg must be name=value, such as is_training=True, got {text!r}.")
        try:
            return name, ast.literal_eval(value)
        except (SyntaxError, ValueError):
            names = vars(self.module)
        return name, names.get(value, value)


def shape(text: str) -> jax.ShapeDtypeStruct:
    """Read `1,224,224,3`, or `8,10:int32`.

    >>> shape('8,10:int32')
    ShapeDtypeStruct(shape=(8, 10), dtype=int32)
    """
    sizes, _, dtype = text.partition(":")
    try:
        numbers = tuple(int(n) for n in sizes.split(",") if n.strip())
    except ValueError:
        raise ValueError(f"--input must be a shape such as 1,224,224,3, got {text!r}.") from None
    return jax.ShapeDtypeStruct(numbers, jnp.dtype(dtype or "float32"))


def load(text: str) -> Target:
    """Import the file or module of `FILE_OR_MODULE:FUNCTION`, and find the function.

    Raises:
      ValueError: there is no such file or function.

    >>> load('models.mnist:scoped').fn is models.mnist.scoped
    True
    """
    where, colon, name = text.rpartition(":")
    if not colon or not name:
        raise ValueError(f"expected FILE_OR_MODULE:FUNCTION, models/mnist.py:scoped, got {text!r}.")
    module = import_file(Path(where)) if where.endswith(".py") else _import(where)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [k for k, v in vars(found).items() if callable(v) and not k.startswith("_")]
            near = difflib.get_close_matches(part, known, n=1) or known
            raise ValueError(f"{where} has no function {part!r}. It has {', '.join(near)}.")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{text}: {name} is no function, but {found!r}.")
    return Target(text, module, found)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say with which arguments a target is called."""
    parser.add_argument(
        "--input",
        action="append",
        metavar="N,H,W,C",
        help=f"the shape of an input, once for each; {DEFAULT_INPUT} if left out; "
        "8,10:int32 for another dtype",
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another argument, once for each: is_training=True",
    )


def _import(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith(error.name or name):
            raise
        raise ValueError(f"there is no module {name!r} here: {error}.") from None
    finally:
        sys.path.remove(str(Path.cwd()))


def import_file(path: Path) -> ModuleType:
    """Import a file: by its name, if it is part of a package; if not, whatever its name."""
    path = path.resolve()
    if not path.exists():
        raise ValueError(f"there is no file {path}.")
    root, name = path.parent, path.stem
    while (root / "__init__.py").exists():
        root, name = root.parent, f"{root.name}.{name}"
    if str(root) not in sys.path:
        sys.path.append(str(root))  # for what it imports from beside it
    if "." in name:
        module = importlib.import_module(name)
        if Path(module.__file__ or "").resolve() == path:
            return module
    name = f"{path.stem} of {path}"  # two files of one name are two modules
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
