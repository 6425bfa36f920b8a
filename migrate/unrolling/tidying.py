"""The module around the rewritten function: without what only Slim needed, with its imports."""

import ast
import builtins
from typing import Any

import libcst as cst

import slim
from migrate.unrolling.source import MISSING
from migrate.unrolling.spelling import Definition
from migrate.unrolling.visits import Refusal
from nn.expressions import Expression

IMPORTS = {
    "jax": "import jax",
    "jnp": "import jax.numpy as jnp",
    "layers": "import layers",
    "math": "import math",
    "nn": "import nn",
    "Any": "from typing import Any",
    "Sequence": "from collections.abc import Sequence",
}
_STANDARD = ("math", "Any", "Sequence")


def tidy(
    text: str, function: str, names: dict[str, Any], definitions: list[Definition], before: str
) -> str:
    """Return the module without Slim.

    Args:
      text: its source after the rewriting.
      function: the function that was rewritten.
      names: what the module's names stand for.
      definitions: functions that the rewritten calls need.
      before: its source as the author wrote it.
    """
    text = _without_idle_names(text, before, names)
    text = _without_slim(text, function, names, before)
    text = _with_definitions(text, definitions)
    text = _without_unused_imports(text, before)
    return _with_imports(text)


def _is_slims(node: ast.AST, names: dict[str, Any]) -> bool:
    value = _resolve(node, names)
    if value is MISSING:
        return False
    if isinstance(value, Expression):
        return getattr(value.made_by[0], "__module__", "").startswith("slim.")
    name = getattr(value, "__name__", "")
    if isinstance(value, type(slim)):
        return name == "slim" or name.startswith("slim.")
    return callable(value) and (getattr(value, "__module__", "") or "").startswith("slim.")


def _resolve(node: ast.AST, names: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id, getattr(builtins, node.id, MISSING))
    if isinstance(node, ast.Attribute):
        return getattr(_resolve(node.value, names), node.attr, MISSING)
    return MISSING


def _without_slim(text: str, function: str, names: dict[str, Any], before: str) -> str:
    """Leave out what still speaks Slim, if the function does not need it."""
    tree = ast.parse(text)
    dropped: dict[int, str] = {}  # by position: what it says of Slim
    gone: set[str] = set()
    reached = _reached(tree, function)
    while True:
        known = len(dropped)
        for i, statement in enumerate(tree.body):
            if i in dropped or isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            for node in ast.walk(statement):
                name = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id
                if name in gone or _is_slims(node, names):
                    found = [ast.unparse(n) for n in ast.walk(statement) if _is_slims(n, names)]
                    dropped[i] = max([ast.unparse(node), *found], key=len)
                    gone |= _bound_by(statement)
        if len(dropped) == known:
            break
    for i, what in dropped.items():
        needed = _bound_by(tree.body[i]) & reached
        if needed:
            lines = [
                n.lineno
                for n in ast.walk(ast.parse(before))
                if isinstance(n, ast.Name | ast.Attribute) and ast.unparse(n) == what
            ]
            raise Refusal(
                f"line {lines[0] if lines else '?'}: {what} has no spelling without Slim that "
                "unroll knows."
            )
    module = cst.parse_module(text)
    kept = [s for i, s in enumerate(module.body) if i not in dropped]
    return module.with_changes(body=kept).code


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return {
        n.id
        for n in ast.walk(statement)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _reached(tree: ast.Module, function: str) -> set[str]:
    """The module's names that a function needs, directly or not."""
    needs = {}
    for statement in tree.body:
        for name in _bound_by(statement):
            needs[name] = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    reached, todo = set(), [function]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += needs.get(name, set())
    return reached


def _without_idle_names(text: str, before: str, names: dict[str, Any]) -> str:
    """Leave out assignments to names of functions that only Slim's calls read."""

    class Tidying(cst.CSTTransformer):
        def leave_FunctionDef(self, original: Any, updated: Any) -> Any:  # noqa: N802
            read = _read_names(cst.Module([updated]).code)
            body = updated.body.visit(_Removing(read, once_read))
            return updated.with_changes(body=body)

    once_read = _read_names(before)
    while True:
        tidied = cst.parse_module(text).visit(Tidying()).code
        if tidied == text:
            return text
        text = tidied


class _Removing(cst.CSTTransformer):
    def __init__(self, read: set[str], once_read: set[str]):
        super().__init__()
        self.read, self.once_read = read, once_read

    def leave_SimpleStatementLine(self, original: Any, updated: Any) -> Any:  # noqa: N802
        (statement,) = updated.body[:1]
        if not isinstance(statement, cst.Assign) or len(updated.body) > 1:
            return updated
        names = {t.target.value for t in statement.targets if isinstance(t.target, cst.Name)}
        all_names = len(names) == len(statement.targets)
        if all_names and not names & self.read and names <= self.once_read:
            return cst.RemoveFromParent()
        return updated


def _read_names(text: str) -> set[str]:
    return {
        n.id
        for n in ast.walk(ast.parse(text))
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    }


def _with_definitions(text: str, definitions: list[Definition]) -> str:
    """Put each function that the output needs at the top of the one that has what it reads.

    Those that read nothing but the module's names stand before the first that needs them.
    """
    for definition in definitions:
        if definition.name not in _read_names(text):
            continue
        module = cst.parse_module(text)
        made = cst.parse_statement(definition.text, config=module.config_for_parsing)
        if definition.name.startswith("_"):
            at = next(
                i for i, s in enumerate(module.body) if definition.name in _read_names(_code(s))
            )
            space = [cst.EmptyLine(indent=False)] * 2
            made = made.with_changes(leading_lines=space)
            body = [*module.body[:at], made, *module.body[at:]]
            body[at + 1] = _spaced(body[at + 1], 2)
            text = module.with_changes(body=body).code
        else:
            text = module.visit(_Defining(definition, made)).code
    return text


class _Defining(cst.CSTTransformer):
    """Puts a function at the top of those that use it and have what it reads."""

    def __init__(self, definition: Definition, made: Any):
        super().__init__()
        self.definition, self.made = definition, made

    def leave_FunctionDef(self, original: Any, updated: Any) -> Any:  # noqa: N802
        code = _code(updated.with_changes(leading_lines=()))
        own = {n.arg for n in ast.walk(ast.parse(code)) if isinstance(n, ast.arg)}
        own |= _stored(code)
        there = f"def {self.definition.name}(" in code
        if (
            there
            or self.definition.name not in _read_names(code)
            or not self.definition.reads & own
        ):
            return updated
        body = list(updated.body.body)
        at = 1 if updated.get_docstring() is not None else 0
        body[at] = _spaced(body[at], 1)
        made = self.made.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * at)
        body.insert(at, made)
        return updated.with_changes(body=updated.body.with_changes(body=body))


def _stored(code: str) -> set[str]:
    tree = ast.parse(code)
    return {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _spaced(statement: Any, lines: int) -> Any:
    """A statement with empty lines before it."""
    own = [line for line in statement.leading_lines if line.comment is not None]
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * lines + own)


def _code(statement: Any) -> str:
    return cst.Module([statement]).code


def _without_unused_imports(text: str, before: str) -> str:
    """Leave out imports that the author's code used and this does not."""
    unused = _read_names(before) - _read_names(text)
    exported = {n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)}

    class Removing(cst.CSTTransformer):
        def _kept(self, aliases: Any) -> list[Any]:
            return [a for a in aliases if _bound_as(a) not in unused - exported]

        def leave_Import(self, original: Any, updated: Any) -> Any:  # noqa: N802
            kept = self._kept(updated.names)
            return _with_names(updated, kept)

        def leave_ImportFrom(self, original: Any, updated: Any) -> Any:  # noqa: N802
            if isinstance(updated.names, cst.ImportStar):
                return updated
            return _with_names(updated, self._kept(updated.names))

    return cst.parse_module(text).visit(Removing()).code


def _bound_as(alias: cst.ImportAlias) -> str:
    name: Any = alias.asname.name if alias.asname else alias.name
    while isinstance(name, cst.Attribute):
        name = name.value
    return name.value


def _with_names(statement: Any, kept: list[Any]) -> Any:
    if not kept:
        return cst.RemoveFromParent()
    if len(kept) == len(statement.names):
        return statement
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return statement.with_changes(names=kept)


def _with_imports(text: str) -> str:
    """Import what the output uses, each line where it belongs in the order of the imports."""
    tree = ast.parse(text)
    bound = {
        (a.asname or a.name).split(".")[0]
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for a in n.names
    }
    missing = [n for n in IMPORTS if n in _read_names(text) - bound]
    for name in missing:
        text = _imported(text, name)
    return text


def _imported(text: str, name: str) -> str:
    lines, tree = text.split("\n"), ast.parse(text)
    imports = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    new = IMPORTS[name]
    standard = name in _STANDARD

    def group(statement: Any) -> int:
        module = getattr(statement, "module", None) or statement.names[0].name
        root = module.split(".")[0]
        if root in ("layers", "nn", "slim", "models"):
            return 2
        return 1 if root in ("jax", "numpy", "optax") else 0

    mine = 0 if standard else 1 if name in ("jax", "jnp") else 2
    same = [s for s in imports if group(s) == mine]
    for statement in same:
        if _key(lines[statement.lineno - 1]) > _key(new):
            lines.insert(statement.lineno - 1, new)
            return "\n".join(lines)
    if same:
        lines.insert(same[-1].end_lineno or 0, new)
        return "\n".join(lines)
    earlier = [s for s in imports if group(s) < mine]
    later = [s for s in imports if group(s) > mine]
    if earlier:
        at = earlier[-1].end_lineno or 0
        lines[at:at] = ["", new]
    elif later:
        at = later[0].lineno - 1
        lines[at:at] = [new, ""]
    else:
        first = tree.body[0] if tree.body else None
        has_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        at = (first.end_lineno or 0) if has_doc and first else 0
        lines[at:at] = ["", new] if has_doc else [new, ""]
    return "\n".join(lines)


def _key(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.split()[1].lower()
