"""The text of the output's calls, laid out in lines of at most a width."""

import ast
from collections.abc import Sequence
from typing import Any

import libcst as cst

from migrate.unrolling.ops import Step

WIDTH = 100


class Layout:
    """Writes and parses code as the author's file has it.

    Attributes:
      tab: what the file indents by.
    """

    def __init__(self, module: cst.Module):
        self.module = module
        self.tab = module.default_indent

    def call(self, prefix: str, step: Step, inputs: str, indent: int) -> str:
        """A call on one line, or with its arguments on the next, or each on its own."""
        flat = flat_call(step, inputs)
        if "\n" not in flat and indent + len(prefix) + len(flat) <= WIDTH:
            return flat
        inputs, suffix = step.reshaped[0].format(inputs), step.reshaped[1]
        called = ", ".join([inputs, *step.call])
        if step.arguments is None:
            arguments, end = [inputs, *step.call], f"){suffix}"
        else:
            arguments, end = step.arguments, f")({called}){suffix}"
            opened = f"{step.function}({', '.join(arguments)})("
            if indent + len(prefix) + len(opened) <= WIDTH:
                return f"{opened}\n{self.tab}{called}\n){suffix}"
        if "\n" in inputs and step.arguments is not None:
            opened, arguments = opened.removesuffix("("), [inputs, *step.call]
            step, end = Step(opened), f"){suffix}"
        arguments = [a.replace("\n", f"\n{self.tab}") for a in arguments]
        together = ", ".join(arguments)
        if indent + len(self.tab) + len(together) > WIDTH:
            together = f",\n{self.tab}".join(arguments) + ","
        return f"{step.function}(\n{self.tab}{together}\n{end}"

    def parameters(self, texts: Sequence[str], name: str, returns: str, indent: int) -> Any:
        """An empty function with these parameters."""
        flat = ", ".join(texts)
        if indent + len(f"def {name}({flat}){returns}:") > WIDTH:
            flat = f"\n{self.tab}" + f",\n{self.tab}".join(texts) + ",\n"
        return self.statement(f"def f({flat}):\n{self.tab}pass\n")

    def indented(self, header: str, body: str) -> str:
        """A block of statements under a line."""
        lines = (self.tab + line if line else line for line in body.split("\n"))
        return "\n".join([header, *lines])

    def statement(self, text: str) -> Any:
        """Parse a statement."""
        return cst.parse_statement(text, config=self.module.config_for_parsing)

    def statements(self, texts: Sequence[str]) -> list[Any]:
        """Parse statements, and comments before them."""
        text = "\n".join(texts) + "\n"
        module = cst.parse_module(text, config=self.module.config_for_parsing)
        return [with_lines(module.body[0], module.header), *module.body[1:]]

    def expression(self, text: str) -> cst.BaseExpression:
        """Parse an expression."""
        return cst.parse_expression(text, config=self.module.config_for_parsing)

    def on_one_line(self, part: Any) -> str:
        """A parameter or an argument, without its comma."""
        code = self.module.code_for_node(part.with_changes(comma=cst.MaybeSentinel.DEFAULT))
        return " ".join(code.split()) if isinstance(part, cst.Param) else code.strip()


def flat_call(step: Step, inputs: str) -> str:
    """A call on one line."""
    called = ", ".join([step.reshaped[0].format(inputs), *step.call])
    made = "" if step.arguments is None else f"({', '.join(step.arguments)})"
    return f"{step.function}{made}({called}){step.reshaped[1]}"


def reads(step: Step, name: str) -> bool:
    """Tell whether a step reads a variable besides its inputs."""
    texts = [*(step.arguments or ()), *step.call]
    call = f"({step.function})({step.when}, {', '.join(texts)})"
    tree = ast.parse(call.replace(", )", ")"), mode="eval")
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(tree))


def notes_of(step: Step) -> list[str]:
    """Where the inherited arguments of a step came from: `padding: arg_scope at line 12`."""
    by_origin: dict[str, list[str]] = {}
    for name, origin in step.origins.items():
        by_origin.setdefault(origin, []).append(name)
    return [f"{', '.join(names)}: {origin}" for origin, names in by_origin.items()]


def comments(notes: Sequence[str], indent: int) -> list[str]:
    """Notes as comments of at most a line's width."""
    lines: list[str] = []
    for note in dict.fromkeys(notes):
        if lines and indent + len(lines[-1]) + len(note) + 2 <= WIDTH:
            lines[-1] += f"; {note}"
        else:
            lines.append(f"# {note}")
    return lines


def with_lines(statement: Any, lines: Sequence[cst.EmptyLine]) -> Any:
    """A statement with empty lines and comments before its own."""
    return statement.with_changes(leading_lines=[*lines, *statement.leading_lines])
