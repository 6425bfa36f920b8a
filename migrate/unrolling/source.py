"""The model's file: its syntax tree, and what stands where."""

import builtins
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import libcst as cst
from libcst import metadata

Function = cst.FunctionDef | cst.Lambda
MISSING = object()
_UNSURE = (
    *(cst.Lambda, cst.BaseComp, cst.IfExp, cst.BooleanOperation, cst.Comparison),
    *(cst.NamedExpr, cst.BaseCompoundStatement),
)


class Source:
    """A parsed file.

    Attributes:
      module: its syntax tree.
      names: what its module's names stand for.
      quote: the quotation mark that its author writes.
      nodes: all its nodes.
      calls: its calls, by the line and column where they end.
    """

    def __init__(self, path: Path, names: dict[str, Any]):
        self.path, self.text, self.names = path, path.read_text(), names
        wrapper = metadata.MetadataWrapper(cst.parse_module(self.text))
        self.module = wrapper.module
        self.quote = "'" if self.text.count("'") > self.text.count('"') else '"'
        self._positions = wrapper.resolve(metadata.PositionProvider)
        self._lines = self.text.splitlines()
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._functions: dict[cst.CSTNode, Function | None] = {}
        self._mark(self.module, None)
        self.nodes = list(self._parents)
        self._by_function: dict[Function | None, list[cst.CSTNode]] = {}
        for node in self.nodes:
            self._by_function.setdefault(self._functions[node], []).append(node)
        self._by_code: dict[CodeType, Function | None] = {}
        self.calls = {self.end(n): n for n in self.nodes if isinstance(n, cst.Call)}

    def _mark(self, node: cst.CSTNode, function: Function | None) -> None:
        for child in node.children:
            inner = function
            if isinstance(node, cst.FunctionDef | cst.Lambda) and child is node.body:
                inner = node
            self._parents[child], self._functions[child] = node, inner
            self._mark(child, inner)

    def line(self, node: cst.CSTNode) -> int:
        """The line where a node begins."""
        return self._positions[node].start.line

    def end(self, node: cst.CSTNode) -> tuple[int, int]:
        """The line, and the column in bytes, where a node ends, as Python counts them."""
        end = self._positions[node].end
        return end.line, len(self._lines[end.line - 1][: end.column].encode())

    def around(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, from inside outwards."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def is_part(self, node: cst.CSTNode) -> bool:
        """Tell whether a node is in an expression that may not run, or more than once."""
        for outer in self.around(node):
            if isinstance(outer, _UNSURE):
                return True
            if isinstance(outer, cst.SimpleStatementLine):
                return False
        return True

    def function(self, node: cst.CSTNode) -> Function | None:
        """The function that a node is in; decorators and defaults are not in theirs."""
        return self._functions.get(node)

    def function_of(self, code: CodeType) -> Function | None:
        """The function whose code this is."""
        if code not in self._by_code:
            found: Any = next((n for n in self.nodes if self._is_of(n, code)), None)
            self._by_code[code] = found
        return self._by_code[code]

    def _is_of(self, node: Any, code: CodeType) -> bool:
        if isinstance(node, cst.FunctionDef):
            first = node.decorators[0] if node.decorators else node
            return (node.name.value, self.line(first)) == (code.co_name, code.co_firstlineno)
        is_lambda = isinstance(node, cst.Lambda) and code.co_name == "<lambda>"
        return is_lambda and self.line(node) == code.co_firstlineno

    def inside(self, function: Function | None, kind: Any) -> list[Any]:
        """The nodes of a kind in a function (None: the module), but not in one inside it."""
        return [n for n in self._by_function.get(function, ()) if isinstance(n, kind)]

    def code(self, node: cst.CSTNode) -> str:
        """The source of a node."""
        return self.module.code_for_node(node)

    def resolve(self, node: cst.CSTNode) -> Any:
        """What a dotted name of the module stands for; MISSING if it is none."""
        if isinstance(node, cst.Name):
            return self.names.get(node.value, getattr(builtins, node.value, MISSING))
        if isinstance(node, cst.Attribute):
            return getattr(self.resolve(node.value), node.attr.value, MISSING)
        return MISSING

    def calls_of(self, function: Function) -> list[cst.Call]:
        """The calls that name a function of the file."""
        if isinstance(function, cst.Lambda):
            return []
        name = function.name.value
        return [
            c for c in self.calls.values() if isinstance(c.func, cst.Name) and c.func.value == name
        ]


def parameters(function: Function) -> list[cst.Param]:
    """The parameters of a function that have names of their own, in order."""
    p = function.params
    return [*p.posonly_params, *p.params, *p.kwonly_params]


def bound(call: cst.Call, names: list[str]) -> dict[str, cst.BaseExpression]:
    """The arguments of a call by the names of the parameters, as far as they stand there."""
    found = {}
    for position, argument in enumerate(call.args):
        if argument.star:
            break
        if argument.keyword is None and position < len(names):
            found[names[position]] = argument.value
    for argument in call.args:
        if argument.keyword is not None:
            found[argument.keyword.value] = argument.value
    return found
