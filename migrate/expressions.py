"""Values as the text that a person would write for them, with the names of the public modules."""

import ast
import functools
import inspect
from collections.abc import Callable, Iterable
from types import CodeType, ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

import layers
import nn
import slim
from migrate.sources import read
from nn.expressions import Expression, show


def expression(value: Any) -> str:
    """Return an expression for a value, to be pasted where `slim`, `layers` and `nn` are imported.

    Functions are named, or print as the call that made them, or as the text of their lambda;
    arrays of more than a few numbers are told by dtype and shape.

    >>> expression(slim.l2_regularizer(4e-05)), expression(nn.relu6), expression('SAME')
    ('slim.l2_regularizer(4e-05)', 'nn.relu6', "'SAME'")
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {expression(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return f"[{', '.join(map(expression, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(expression, value))}{',' * (len(value) == 1)})"
    if id(value) in _public():
        return _public()[id(value)]
    if isinstance(value, Expression):
        factory, args, kwargs = value.made_by
        return _call(expression(factory), args, dict(kwargs))
    if isinstance(value, functools.partial):
        return _call("functools.partial", (value.func, *value.args), value.keywords)
    if isinstance(value, nn.VariableScope):
        return repr(value.name)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"jnp.{np.dtype(value).name}"
    if isinstance(value, np.ndarray | jax.Array) and not isinstance(value, Tracer):
        return _array(value)
    return _function(value) if callable(value) else show(value)


def shapes(tree: Any) -> str:
    """Return the shapes of a tree of arrays: `[1, 28, 28, 1]`.

    >>> shapes(jnp.ones((2, 3)))
    '[2, 3]'
    """
    found = [str(list(x.shape)) for x in jax.tree.leaves(tree) if hasattr(x, "shape")]
    return ", ".join(found[:4]) + ", ..." * (len(found) > 4)


def names_of(ops: Iterable[Callable]) -> str:
    """Return the names of ops as people write them, without the module.

    >>> names_of([slim.conv2d, slim.max_pool2d])
    'conv2d, max_pool2d'
    """
    return ", ".join(dict.fromkeys(expression(op).rpartition(".")[2] for op in ops))


def _call(name: str, args: tuple, kwargs: dict[str, Any]) -> str:
    arguments = [expression(a) for a in args] + [f"{k}={expression(v)}" for k, v in kwargs.items()]
    return f"{name}({', '.join(arguments)})"


def _array(value: Any) -> str:
    if value.size > 16:
        return show(value)
    if value.ndim == 0:
        return repr(value.item())
    return f"jnp.array({value.tolist()}, jnp.{value.dtype.name})"


def _function(value: Callable) -> str:
    """Name a function, or write its lambda."""
    name, code = getattr(value, "__name__", None), getattr(value, "__code__", None)
    if name == "<lambda>" and code is not None:
        return _lambda(code)
    if name is None:  # an object that can be called
        text = repr(value)
        return type(value).__name__ if " at 0x" in text else text
    for module, prefix in ((jnp, "jnp"), (jax.nn, "jax.nn"), (jax.lax, "jax.lax")):
        if getattr(module, name, None) is value:
            return f"{prefix}.{name}"
    owner = getattr(value, "__self__", None)
    if inspect.ismethod(value) and owner is not None:
        return f"{owner.__name__ if isinstance(owner, type) else 'self'}.{name}"
    return name


def _lambda(code: CodeType) -> str:
    """The text of a lambda, if there is but one that it can be."""
    source = read(code.co_filename)
    arguments = code.co_varnames[: code.co_argcount]
    found = {
        " ".join((ast.get_source_segment("\n".join(source.lines), node) or "").split())
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Lambda)
        and node.lineno == code.co_firstlineno
        and tuple(a.arg for a in [*node.args.posonlyargs, *node.args.args]) == arguments
    }
    return found.pop() if len(found) == 1 else f"lambda {', '.join(arguments)}: ..."


@functools.cache
def _public() -> dict[int, str]:
    """The public functions by identity, with the name that people write: `slim.conv2d`."""
    names: dict[int, str] = {}

    def add(module: ModuleType, prefix: str) -> None:
        found = {name: getattr(module, name) for name in sorted(module.__all__, key=len)}
        for name, value in found.items():
            if inspect.ismodule(value) and hasattr(value, "__all__"):
                add(value, f"{prefix}.{name}")
        own = {id(v): f"{prefix}.{n}" for n, v in reversed(found.items()) if callable(v)}
        names.update(own)  # the shortest name counts

    for module in (slim, layers, nn):  # what several export is the lowest one's
        add(module, module.__name__)
    return names
