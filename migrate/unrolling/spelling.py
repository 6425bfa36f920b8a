"""What Slim's values are called without Slim: regularizers, initializers, literals."""

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nn
import slim
from migrate.unrolling.expressions import names_in, parsed, requoted
from migrate.unrolling.source import MISSING, Source
from migrate.unrolling.visits import Refusal
from nn.expressions import Expression

_MODULES = {"nn": nn, "jnp": jnp, "jax.nn": jax.nn, "jax": jax, "np": np}
L2 = "{0} * nn.l2_loss(kernel)"
L1 = "{0} * jnp.sum(kernel * jnp.sign(kernel))"


_ANNOTATED = re.compile(r"^ *def .*\(.*\w: |^ +\w+: .*,$", re.MULTILINE)


class Definition:
    """A function that the output needs: its name, and its lines."""

    def __init__(self, name: str, text: str, reads: set[str]):
        self.name, self.text, self.reads = name, text, reads


class Speller:
    """Says Slim's functions in the words of `nn`."""

    def __init__(self, source: Source):
        self.source = source
        self.taken: set[str] = set()  # the names in the functions that are rewritten
        self.definitions: dict[str, Definition] = {}  # by the Slim expression

    def literal(self, value: Any) -> str | None:
        """The expression of a value that does not depend on anything; None if there is none."""
        if value is None or isinstance(value, bool | int | float) or value is nn.AUTO_REUSE:
            return repr(value)
        if isinstance(value, str):
            return self.quoted(value)
        if isinstance(value, list | tuple | dict):
            return self._container(value)
        if isinstance(value, Expression):
            factory, args, kwargs = value.made_by
            arguments = [(None, a) for a in args] + list(kwargs)
            parts = [
                None if (text := self.literal(a)) is None else f"{k}={text}" if k else text
                for k, a in arguments
            ]
            made = self.literal(factory)
            if made is None or None in parts:
                return None
            return f"{made}({', '.join(map(str, parts))})"
        name = getattr(value, "__name__", None)
        if not callable(value) or name is None:
            return None
        if self.source.names.get(name) is value:
            return name
        for prefix, module in {**_MODULES, "slim": slim}.items():
            if getattr(module, name, None) is value:
                return f"{prefix}.{name}"
        return None

    def _container(self, value: Any) -> str | None:
        if isinstance(value, dict):
            pairs = [(self.literal(k), self.literal(v)) for k, v in value.items()]
            if any(None in pair for pair in pairs):
                return None
            return "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
        texts = [self.literal(v) for v in value]
        if None in texts or type(value) not in (list, tuple):
            return None
        inner = ", ".join(map(str, texts))
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"

    def quoted(self, text: str) -> str:
        """A string literal with the author's quotation marks."""
        return requoted(repr(text), self.source.quote)

    def spelled(self, text: str, line: int, names: dict[str, Any]) -> str:
        """An expression without Slim in it.

        Args:
          text: the expression.
          line: its line, for a refusal.
          names: what names stand for where it lands.
        """
        tree = parsed(text)
        if not any(self._is_slim(n, names) for n in ast.walk(tree)):
            return text if "'" not in text or self.source.quote == "'" else self._tidy(text)
        speller = self

        class Spelling(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> Any:
                made = speller._resolve(node.func, names)
                if made in FACTORIES:
                    return parsed(speller._made(node, made, line))
                return self.generic_visit(node)

            def visit_Name(self, node: ast.Name) -> Any:
                return self._value(node)

            def visit_Attribute(self, node: ast.Attribute) -> Any:
                return self._value(node)

            def _value(self, node: Any) -> Any:
                if not speller._is_slim(node, names):
                    return self.generic_visit(node)
                if isinstance(node, ast.Name) and isinstance(names.get(node.id), Expression):
                    return node  # a variable of the author's, whose assignment is rewritten
                raise Refusal(
                    f"line {line}: {ast.unparse(node)} has no spelling without Slim that "
                    "unroll knows."
                )

        return self._tidy(ast.unparse(ast.fix_missing_locations(Spelling().visit(tree))))

    def _tidy(self, text: str) -> str:
        return requoted(ast.unparse(parsed(text)), self.source.quote)

    def _is_slim(self, node: ast.AST, names: dict[str, Any]) -> bool:
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        value = self._resolve(node, names)
        if value is slim or isinstance(value, type(slim)):
            return value is slim or value.__name__.startswith("slim.")
        if isinstance(value, Expression):
            factory = value.made_by[0]
            return getattr(factory, "__module__", "").startswith("slim")
        module = getattr(value, "__module__", None) or ""
        return callable(value) and module.split(".")[0] == "slim"

    def _resolve(self, node: ast.AST, names: dict[str, Any]) -> Any:
        if isinstance(node, ast.Name):
            return names.get(node.id, self.source.names.get(node.id, MISSING))
        if isinstance(node, ast.Attribute):
            return getattr(self._resolve(node.value, names), node.attr, MISSING)
        return MISSING

    def _made(self, node: ast.Call, factory: Any, line: int) -> str:
        arguments = inspect.signature(factory).bind(
            *node.args, **{k.arg: k.value for k in node.keywords if k.arg}
        )
        given = {k: ast.unparse(v) for k, v in arguments.arguments.items()}
        text = ast.unparse(node)
        if text in self.definitions:
            return self.definitions[text].name
        kind, make = FACTORIES[factory]
        try:
            made = make(given)
        except (ValueError, SyntaxError):
            raise Refusal(f"line {line}: unroll cannot write {text} without Slim.") from None
        if isinstance(made, str):
            return made
        body, reads = made
        is_open = reads - set(self.source.names)
        name = self._free(kind if is_open else f"_{kind}")
        body = body.replace("NAME", name)
        if not _ANNOTATED.search(self.source.text):
            body = re.sub(r"(\w+): [\w.\[\]]+(?=[,)])", r"\1", re.sub(r" ->.*:\n", ":\n", body))
        self.definitions[text] = Definition(name, body, reads)
        return name

    def _free(self, name: str) -> str:
        taken = set(self.source.names) | {d.name for d in self.definitions.values()}
        taken |= self.taken
        options = [name, *(f"{name}_{i}" for i in range(2, 100))]
        return next(n for n in options if n not in taken)


def _regularizer(*terms: tuple[str, str]) -> Callable[[dict[str, str]], Any]:
    """Make the regularizer whose terms are formulas of arguments."""

    def make(given: dict[str, str]) -> Any:
        parts = []
        for argument, formula in terms:
            scale = given.get(argument, "1.0")
            tree = parsed(scale)
            if not (isinstance(tree, ast.Constant) and tree.value == 0):
                parts.append((scale, tree, formula))
        if not parts:
            return "None"
        total = " + ".join(
            formula.format(scale if isinstance(tree, ast.Constant | ast.Name) else f"({scale})")
            for scale, tree, formula in parts
        )
        scale, tree, _ = parts[0]
        is_number = isinstance(tree, ast.Constant)
        if len(parts) == 1 and not is_number:
            total = f"{total} if {scale} else None"
        may_be_none = " | None" if total.endswith("else None") else ""
        body = f"def NAME(kernel: jax.Array) -> jax.Array{may_be_none}:\n    return {total}\n"
        return body, set().union(*(names_in(s) for s, _, _ in parts))

    return make


_COUNTS = {
    "FAN_IN": "math.prod(shape[:-1])",
    "FAN_OUT": "(math.prod(shape[:-2]) * shape[-1])",
    "FAN_AVG": "(math.prod(shape[:-2]) * (shape[-2] + shape[-1]) / 2)",
}


def _scaled(given: dict[str, str]) -> Any:
    """Slim's variance scaling: its truncated normal is not the one of `nn`."""
    factor = given.get("factor", "2.0")
    mode = ast.literal_eval(given.get("mode", "'FAN_IN'"))
    seed = given.get("seed", "None")
    ast.literal_eval(factor)
    if ast.literal_eval(given.get("uniform", "False")):
        extra = "" if seed == "None" else f", seed={seed}"
        scaling = f'nn.variance_scaling_initializer({factor}, "{mode.lower()}", "uniform"{extra})'
        return scaling
    extra = "" if seed == "None" else f", {seed}"
    body = (
        "def NAME(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:\n"
        "    # 1.3 makes up for what truncation takes from the variance.\n"
        f"    stddev = math.sqrt(1.3 * ({factor} / {_COUNTS[mode]}))\n"
        f"    return nn.truncated_normal_initializer(0.0, stddev{extra})(key, shape, dtype)\n"
    )
    return body, set()


def _xavier(given: dict[str, str]) -> Any:
    if not ast.literal_eval(given.get("uniform", "True")):
        average = {"factor": "1.0", "mode": "'FAN_AVG'"}
        return _scaled(average | {k: v for k, v in given.items() if k == "seed"})
    return f"nn.glorot_uniform_initializer({given.get('seed', '')})"


FACTORIES: dict[Any, tuple[str, Callable[[dict[str, str]], Any]]] = {
    slim.l2_regularizer: ("decay", _regularizer(("scale", L2))),
    slim.l1_regularizer: ("sparsity", _regularizer(("scale", L1))),
    slim.l1_l2_regularizer: ("penalty", _regularizer(("scale_l1", L1), ("scale_l2", L2))),
    slim.xavier_initializer: ("xavier_normal", _xavier),
    slim.variance_scaling_initializer: ("variance_scaling", _scaled),
}
