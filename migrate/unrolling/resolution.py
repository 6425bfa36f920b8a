"""What an argument of a call is written as: an expression that holds in every visit."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

import slim
from migrate.unrolling.expressions import (
    Candidate,
    Inliner,
    first,
    gives,
    names_in,
    parsed,
    same,
)
from migrate.unrolling.source import Function, Source
from migrate.unrolling.spelling import Speller
from migrate.unrolling.visits import Frame, Refusal, Visit

VARIES = object()
# What a new parameter is called, if not as Slim's argument.
_NAMES = {
    "activation_fn": "activation",
    "outputs_collections": "end_points",
    "weights_initializer": "kernel_initializer",
    "weights_regularizer": "kernel_regularizer",
}


@dataclass
class Parameter:
    """A parameter that a helper gets: what each of its calls passes for it."""

    name: str
    texts: dict[tuple[int, int], str] = field(default_factory=dict)  # by where the call ends


class Carrier:
    """Carries expressions to where they land, through new parameters where they must be."""

    def __init__(self, source: Source):
        self.source = source
        self.inliner = Inliner(source)
        self.speller = Speller(source)
        self.renamed: dict[tuple[Function, str], str] = {}  # what an expression is called now
        self.parameters: dict[Function, list[Parameter]] = {}

    def express(
        self,
        name: str,
        visits: list["Argument"],
        line: int,
        up: int = 1,
        as_variable: bool = False,
    ) -> str:
        """Return the expression of an argument, the same in all visits.

        Args:
          name: the argument's.
          visits: what it was in each of them.
          line: where the expression lands.
          up: which frame it lands in: 1 is the one that makes the call, 2 the one that called it.
          as_variable: whether only a variable will do.
        """
        names = visits[0].frames[-up].names
        carried = [(v, first(v.candidates)) for v in visits]
        function = self.source.function_of(visits[0].frames[-up].code)
        for text in dict.fromkeys(t for _, found in carried for t, _ in found):
            if all(gives(text, v.frames[-up], v.value) for v in visits):
                if function is not None and (function, text) in self.renamed:
                    return self.renamed[function, text]
                if not as_variable or text.isidentifier():
                    return self.speller.spelled(text, line, names)
        value = visits[0].value
        literal = self.speller.literal(value)
        if (
            literal is not None
            and not as_variable
            and all(same(v.value, value) for v in visits)
            and not any(self._is_open(v, found) for v, found in carried)
        ):
            return self.speller.spelled(literal, line, names)
        own = self.inliner.locals(function) if function is not None else set()
        if name in own and all(gives(name, v.frames[-up], v.value) for v in visits):
            return name
        outermost = any(len(v.frames) == up for v in visits)
        if outermost or not isinstance(function, cst.FunctionDef):
            values = list(dict.fromkeys(_shown(v.value) for v in visits))
            raise Refusal(
                f"line {line}: {name} is {' or '.join(values[:3])} here, and no expression that "
                "can be seen at this line says so."
            )
        callers: dict[tuple[int, int], list[Argument]] = {}
        for visit in visits:
            callers.setdefault(visit.frames[-up - 1].end, []).append(visit)
        texts = {
            end: self.express(name, group, end[0], up + 1, as_variable)
            for end, group in callers.items()
        }
        return self._parameter(function, name, texts)

    def _is_open(self, visit: "Argument", found: list[Candidate]) -> bool:
        """Tell whether a value comes from an expression of its function's own names."""
        for text, k in found:
            frame = visit.frames[k]
            function = self.source.function_of(frame.code)
            if function is not None and gives(text, frame, visit.value):
                return bool(names_in(text) & self.inliner.locals(function))
        return False

    def _parameter(
        self, function: cst.FunctionDef, name: str, texts: dict[tuple[int, int], str]
    ) -> str:
        """Return the name of a parameter of a helper for which its calls pass these."""
        own, name = self.inliner.locals(function), _NAMES.get(name, name)
        known = self.parameters.setdefault(function, [])
        said = set(texts.values())
        wanted = said.pop() if len(said) == 1 and next(iter(said)).isidentifier() else name
        for i in range(1, 100):
            chosen = wanted if i == 1 else f"{wanted}_{i}"
            there = next((p for p in known if p.name == chosen), None)
            if there is not None and all(there.texts.get(k, t) == t for k, t in texts.items()):
                there.texts |= texts
                return chosen
            if there is None and chosen not in own:
                known.append(Parameter(chosen, texts))
                return chosen
        raise Refusal(f"line {self.source.line(function)}: too many parameters for {name}.")


@dataclass
class Argument:
    """One argument in one visit: its value, where it came from, and expressions for it."""

    value: Any
    kind: str
    line: int | None
    file: str | None
    candidates: list[Candidate]
    frames: list[Frame]


class Resolved:
    """A call of the source with all its visits.

    Attributes:
      op: the op's name.
      visits: the visits of all runs.
      line: where it stands.
      given: the expressions that stand at the call, by argument.
    """

    def __init__(
        self,
        carrier: Carrier,
        visits: list[Visit],
        node: cst.Call,
        given: dict[str, str],
        outer: "Resolved | None" = None,
    ):
        self.carrier, self.visits, self.node, self.given = carrier, visits, node, given
        self.outer = outer
        self.said: dict[str, str] = {}  # arguments that a loop around the call sets
        self.op = visits[0].call.op
        self.line = carrier.source.line(node)
        self._arguments: dict[str, list[Argument]] = {}

    def names(self) -> list[str]:
        """The names of all arguments."""
        return list(self.visits[0].call.arguments)

    def arguments(self, name: str) -> list[Argument]:
        """An argument in each visit."""
        if name not in self._arguments:
            self._arguments[name] = [self._argument(v, name, i) for i, v in enumerate(self.visits)]
        return self._arguments[name]

    def value(self, name: str, default: Any = None) -> Any:
        """The value that an argument has in all visits, or VARIES."""
        if name not in self.names():
            return default
        values = [a.value for a in self.arguments(name)]
        return values[0] if all(same(v, values[0]) for v in values) else VARIES

    def is_given(self, name: str) -> bool:
        """Tell whether anything but the default set an argument."""
        return any(a.kind != "default" for a in self.arguments(name))

    def text(self, name: str) -> str:
        """The expression of an argument."""
        if name in self.said:
            return self.said[name]
        arguments = self.arguments(name)
        return self.carrier.express(name, arguments, self.line)

    def item(self, name: str, key: str) -> str:
        """The expression of an item of an argument that is a dict."""
        found = [self._item(a, a.value[key], key) for a in self.arguments(name)]
        return self.carrier.express(f"{key}_{name}", found, self.line)

    def _item(self, argument: Argument, value: Any, key: str) -> Argument:
        """An item of an argument, with expressions for it."""
        inliner, texts = self.carrier.inliner, []
        for text, k in first(argument.candidates):
            texts += [(item, k) for item in inliner.items(text, key, argument.frames)]
            texts.append((f"{text}[{self.carrier.speller.quoted(key)}]", k))
        return replace(argument, value=value, candidates=texts)

    def condition(self, name: str) -> str:
        """The expression of whether an argument is set, where that differs between visits."""
        found = []
        for argument in self.arguments(name):
            texts = [(t, k) for text, k in argument.candidates for t in self._tests(text, k)]
            texts.append((repr(bool(argument.value)), len(argument.frames) - 1))
            found.append(replace(argument, value=bool(argument.value), candidates=texts))
        return self.carrier.express("normalized", found, self.line)

    def _tests(self, text: str, k: int) -> list[str]:
        """The conditions of `value if condition else None`, as it is or under a name."""
        tree = parsed(text)
        if isinstance(tree, ast.IfExp):
            test, otherwise = ast.unparse(tree.test), ast.unparse(tree.orelse)
            return [test if otherwise == "None" else f"not ({test})"]
        function = self.carrier.source.function_of(self.visits[0].frames[k].code)
        if not isinstance(tree, ast.Name) or function is None:
            return []
        meanings = self.carrier.inliner.meanings(text, function)
        return [t for m in meanings if m != text for t in self._tests(m, k)]

    def among(self, visits: list[Visit]) -> "Resolved":
        """The same call with some of its visits."""
        return Resolved(self.carrier, visits, self.node, self.given, self.outer)

    def origin(self, name: str) -> str | None:
        """Where an inherited argument was set, in words."""
        inherited = {(a.kind, a.file, a.line) for a in self.arguments(name) if a.kind not in _OWN}
        if not inherited or len(inherited) > 1:
            return "several arg_scopes" if inherited else None
        kind, file, line = inherited.pop()
        if line is None:
            return None
        here = file == str(self.carrier.source.path)
        return f"{kind} at {'line ' if here else (file or '').rpartition('/')[2] + ':'}{line}"

    def _argument(self, visit: Visit, name: str, i: int) -> Argument:
        call, frames = visit.call, visit.frames
        value = call.arguments[name]
        if self.outer is not None and name in call.given:
            params = self._item(self.outer.arguments("normalizer_params")[i], value, name)
            return replace(params, kind="call" if params.kind == "call" else "normalizer_params")
        if name in call.given:
            texts = [(self.given[name], len(frames) - 1)] if name in self.given else []
            return Argument(value, "call", self.line, None, texts, frames)
        key = slim.arg_scope_func_key(call.function)
        for setting in reversed(call.details):
            if key in setting.ops and name in setting.defaults:
                site = setting.site
                texts = []
                if site.file == str(self.carrier.source.path):
                    texts = list(self.carrier.inliner.scoped(site, name, frames))
                return Argument(value, "arg_scope", site.line, site.file, texts, frames)
        return Argument(value, "default", None, None, [], frames)


_OWN = ("call", "default")


def _shown(value: Any) -> str:
    text = getattr(value, "__name__", None) or repr(value)
    return text if len(text) < 60 else text[:57] + "..."


def constant(text: str) -> Any:
    """The value of a literal expression; VARIES if it is none."""
    try:
        return ast.literal_eval(parsed(text))
    except (ValueError, SyntaxError):
        return VARIES


def texts_of(given: dict[str, cst.BaseExpression], source: Inliner) -> dict[str, str]:
    """Expressions on one line each."""
    return {name: source.text(node) for name, node in given.items()}


def grouped(visits: list[Visit]) -> Iterator[list[Visit]]:
    """The visits of one place of the source, for each place."""
    places: dict[tuple[int, int], list[Visit]] = {}
    for visit in visits:
        places.setdefault(visit.frames[-1].end, []).append(visit)
    yield from places.values()
