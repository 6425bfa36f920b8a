"""Expressions of one function said in another: what an argument was set to, where it lands.

An expression is tried where it lands, in every visit of every run: it counts only if it always
gives the value that the call resolved to.
"""

import ast
import copy
import itertools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from migrate.unrolling.source import Function, Source, bound, parameters
from migrate.unrolling.visits import Frame
from nn.expressions import equal
from nn.site import Site

Candidate = tuple[str, int]  # an expression, and the frame that it is an expression of
_BINDING = (cst.AssignTarget, cst.For, cst.AsName, cst.NamedExpr, cst.AnnAssign, cst.AugAssign)
_MOST = 64  # of ways to inline one expression


def gives(text: str, frame: Frame, value: Any) -> bool:
    """Tell whether an expression has a value in a frame."""
    try:
        return same(eval(f"({text})", dict(frame.names)), value)
    except Exception:  # whatever the expression raises here, it is not the value
        return False


def same(a: Any, b: Any) -> bool:
    """Tell whether two arguments are the same, functions made twice by one expression too."""
    if isinstance(a, types.FunctionType) and isinstance(b, types.FunctionType):
        cells = [[c.cell_contents for c in f.__closure__ or ()] for f in (a, b)]
        alike = (a.__code__.co_code, a.__code__.co_names) == (
            b.__code__.co_code,
            b.__code__.co_names,
        )
        return a is b or (alike and a.__code__.co_consts == b.__code__.co_consts and same(*cells))
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    try:
        return equal(a, b)
    except Exception:  # a type whose == gives no bool
        return False


class Inliner:
    """Says an expression of a function that has returned in terms of one that runs."""

    def __init__(self, source: Source):
        self.source = source
        self._locals: dict[Function, set[str]] = {}

    def scoped(self, site: Site, name: str, frames: list[Frame]) -> Iterator[Candidate]:
        """The expressions that the `arg_scope` of a line gives an argument."""
        call = self.source.calls.get(site.span[2:]) if site.span else None
        for argument in call.args if call else ():
            if argument.keyword is not None and argument.keyword.value == name:
                yield from self.seen(self.text(argument.value), argument, frames)
            elif argument.star == "**":
                for text, k in list(self.seen(self.text(argument.value), argument, frames)):
                    yield from ((item, k) for item in self.items(text, name, frames))
                    yield f"{text}[{name!r}]", k

    def seen(self, text: str, node: cst.CSTNode, frames: list[Frame]) -> Iterator[Candidate]:
        """An expression that stands at a node, from the frames: as it is, or inlined."""
        found = self._seen(text, self.source.function(node), frames, 3)
        for inlined, k in itertools.islice(found, _MOST):
            yield inlined, k
            yield from ((t, k) for t in self._returned(inlined))

    def _seen(
        self, text: str, function: Function | None, frames: list[Frame], depth: int
    ) -> Iterator[Candidate]:
        codes = [self.source.function_of(f.code) for f in frames]
        if function is None or not names_in(text) & self.locals(function):
            yield text, len(frames) - 1
        elif function in codes:
            yield text, len(codes) - 1 - codes[::-1].index(function)
        elif depth:
            for call in self.source.calls_of(function):
                for inlined in self._substituted(text, function, call):
                    host = self.source.function(call)
                    yield from self._seen(inlined, host, frames, depth - 1)

    def _substituted(self, text: str, function: Function, call: cst.Call | None) -> Iterator[str]:
        """The expression with the function's own names replaced by what they stand for."""
        names = sorted(names_in(text) & self.locals(function))
        meanings = [list(self.meanings(name, function, call)) for name in names]
        for chosen in itertools.islice(itertools.product(*meanings), _MOST):
            replaced = replace(text, dict(zip(names, chosen, strict=True)))
            yield replaced

    def meanings(
        self, name: str, function: Function, call: cst.Call | None = None, depth: int = 4
    ) -> Iterator[str]:
        """What a function's name may stand for: its argument of a call, or what is assigned."""
        if call is not None:
            own = parameters(function)
            given = bound(call, [p.name.value for p in own])
            for parameter in own:
                if parameter.name.value == name:
                    expression = given.get(name, parameter.default)
                    if expression is not None:
                        yield self.text(expression)
        for assigned in self.source.inside(function, cst.Assign):
            targets = [t.target for t in assigned.targets]
            if depth and any(isinstance(t, cst.Name) and t.value == name for t in targets):
                text = self.text(assigned.value)
                inner = sorted((names_in(text) & self.locals(function)) - {name})
                if call is None or not inner:
                    yield text
                    continue
                options = [list(self.meanings(n, function, call, depth - 1)) for n in inner]
                for chosen in itertools.islice(itertools.product(*options), _MOST):
                    yield replace(text, dict(zip(inner, chosen, strict=True)))

    def items(self, text: str, key: str, frames: list[Frame]) -> Iterator[str]:
        """The expressions that a dict's expression may have for a key."""
        tree = parsed(text)
        if isinstance(tree, ast.Dict):
            for k, v in reversed(list(zip(tree.keys, tree.values, strict=True))):
                if isinstance(k, ast.Constant) and k.value == key:
                    yield ast.unparse(v)
                elif k is None:
                    yield from self.items(ast.unparse(v), key, frames)
        elif isinstance(tree, ast.Call) and ast.unparse(tree.func) == "dict":
            yield from (ast.unparse(k.value) for k in tree.keywords if k.arg == key)
            for inner in tree.args:
                yield from self.items(ast.unparse(inner), key, frames)
        elif isinstance(tree, ast.Name):
            for frame in frames:
                function = self.source.function_of(frame.code)
                for meaning in self.meanings(tree.id, function) if function else ():
                    if meaning != text:
                        yield from self.items(meaning, key, frames)
            for meaning in self._of_module(tree.id):
                yield from self.items(meaning, key, frames)
        for returned in self._returned(text):
            yield from self.items(returned, key, frames)

    def _of_module(self, name: str) -> Iterator[str]:
        for assigned in self.source.inside(None, cst.Assign):
            target = assigned.targets[0].target
            if isinstance(target, cst.Name) and target.value == name:
                yield self.text(assigned.value)

    def _returned(self, text: str) -> Iterator[str]:
        """What a call of one of the file's functions returns, if that is one expression."""
        tree = parsed(text)
        if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
            return
        call = cst.parse_expression(text)
        assert isinstance(call, cst.Call)
        for function in self.source.inside(None, cst.FunctionDef):
            if function.name.value == tree.func.id:
                returns = self.source.inside(function, cst.Return)
                if len(returns) == 1 and returns[0].value is not None:
                    yield from self._substituted(self.text(returns[0].value), function, call)

    def locals(self, function: Function) -> set[str]:
        """The names that a function has of its own."""
        if function not in self._locals:
            own = {p.name.value for p in parameters(function)}
            for node in self.source.inside(function, _BINDING):
                target = node.name if isinstance(node, cst.AsName) else node.target
                elements = [getattr(e, "value", e) for e in getattr(target, "elements", ())]
                own |= {t.value for t in (target, *elements) if isinstance(t, cst.Name)}
            self._locals[function] = own
        return self._locals[function]

    def text(self, node: cst.BaseExpression) -> str:
        """An expression on one line."""
        return self.one_line(self.source.code(node))

    def one_line(self, text: str) -> str:
        """An expression, or an argument of a call, on one line."""
        if "\n" not in text:
            return text
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier() and not value.startswith("="):
            return f"{name.strip()}={self.one_line(value.strip())}"
        return requoted(ast.unparse(parsed(text)), self.source.quote)


def requoted(text: str, quote: str) -> str:
    """Python's own spelling of an expression, with double quotation marks if these are wanted."""
    if quote == "'":
        return text
    out, i, encoded = "", 0, text.encode()
    strings = (n for n in ast.walk(parsed(text)) if isinstance(n, ast.Constant | ast.JoinedStr))
    for node in sorted(strings, key=lambda n: n.col_offset):
        start, end = node.col_offset - 1, (node.end_col_offset or 0) - 1
        piece = encoded[start:end].decode()
        if start >= i and piece.endswith("'") and '"' not in piece and "\\" not in piece:
            opening = piece.index("'")
            out += encoded[i:start].decode() + f'{piece[:opening]}"{piece[opening + 1 : -1]}"'
            i = end
    return out + encoded[i:].decode()


def parsed(text: str) -> ast.expr:
    """The syntax tree of an expression."""
    return ast.parse(f"({text})", mode="eval").body


def names_in(text: str) -> set[str]:
    """The names that an expression reads."""
    tree = parsed(text)
    own = {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in n.args}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - own


def replace(text: str, meanings: dict[str, str]) -> str:
    """An expression with other expressions in place of names."""

    class Replacing(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> Any:
            return copy.deepcopy(parsed(meanings[node.id])) if node.id in meanings else node

    if not set(meanings) & names_in(text):
        return text
    return ast.unparse(ast.fix_missing_locations(Replacing().visit(parsed(text))))


def first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates without repetitions, in order."""
    return list(dict.fromkeys(candidates))
