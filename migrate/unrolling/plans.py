"""What each Slim call of the source becomes: its steps, its names, the loop or scope around it."""

import ast
from collections import Counter
from dataclasses import dataclass, field

import libcst as cst

import slim
from migrate.unrolling.expressions import parsed
from migrate.unrolling.ops import OPS, Step, layer_step
from migrate.unrolling.resolution import VARIES, Resolved, constant
from migrate.unrolling.source import bound
from migrate.unrolling.visits import Refusal, Visit
from nn.scopes import VariableScope


@dataclass
class Plan:
    """What a call becomes.

    Attributes:
      inputs: its inputs; None: it stays a call, which gets `keywords`.
      steps: what is done to the inputs, in order.
      before: lines before.
      block: the line that opens a scope around.
      loop: the line that opens a loop around.
      collects: `dict[key]` for each dict that gets the result.
      collects_when: the condition of that.
      keywords: arguments to write at a call of a helper.
      path: the expression of the layer's scope, below the one it is called in.
      above: how many parts of that a loop has opened already.
    """

    inputs: cst.BaseExpression | None
    steps: list[Step] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    block: str | None = None
    loop: str | None = None
    collects: list[str] = field(default_factory=list)
    collects_when: str | None = None
    keywords: dict[str, str] = field(default_factory=dict)
    path: str | None = None
    above: int = 0

    @property
    def is_simple(self) -> bool:
        """Whether it is one expression."""
        lines = self.before or self.block or self.loop or self.collects
        return not lines and len(self.steps) <= 1 and not any(s.when or s.scope for s in self.steps)


@dataclass
class Naming:
    """The name of a layer's scope: as its `name=`, and as the beginning of names below it."""

    name: str | None
    path: str | None = None
    before: list[str] = field(default_factory=list)
    block: str | None = None


class Planner:
    """Makes the plans of one function's calls."""

    def __init__(self, visits: list[list[Visit]], everything: bool):
        self.everything = everything
        self.collects = True  # whether collections are read anywhere
        self.shared: set[str] = set()  # scopes that one run opens more than once
        for run in visits:
            opened = Counter(v.call.scope for v in run if OPS.get(v.call.op, OPS["flatten"]).base)
            self.shared |= {scope for scope, n in opened.items() if scope and n > 1}

    def plan(self, resolved: Resolved, inputs: cst.BaseExpression) -> Plan:
        """The plan of one call of a Slim layer."""
        if resolved.op == "softmax":
            return Plan(inputs, [Step("nn.softmax")])
        if resolved.op not in OPS:
            raise Refusal(
                f"line {resolved.line}: slim.{resolved.op} has no counterpart in layers that "
                "unroll knows."
            )
        inner = self._normalizer(resolved)
        naming = self._naming(resolved, inner is not None)
        shared = any(v.call.scope in self.shared for v in resolved.visits)
        functional = shared or naming.block is not None
        activation = self._activation(resolved)
        own = activation if inner is None and resolved.op != "batch_norm" else None
        steps = [layer_step(resolved, naming.name, self.everything, functional, own)]
        if isinstance(inner, Resolved):
            steps.append(self._normalized(resolved, inner, naming, shared))
            if not all(a.value for a in resolved.arguments("normalizer_fn")):
                steps[-1].when = resolved.condition("normalizer_fn")
            steps += [a for a in [self._activation(inner)] if a]
        elif inner is not None:
            inner.scope = None if naming.block else naming.path
            steps.append(inner)
        if activation is not None and own is None:
            if isinstance(parsed(activation.function), ast.Lambda):
                activation.function = f"({activation.function})"
            steps.append(activation)
        return Plan(inputs, steps, naming.before, naming.block, path=naming.path)

    def helper(self, resolved: Resolved) -> Plan:
        """The plan of a call of the author's own op: what it inherits is written out."""
        inherited = {}
        for name in resolved.names():
            if any(a.kind == "arg_scope" for a in resolved.arguments(name)):
                inherited[name] = resolved.text(name)
        if not self.collects:
            inherited.pop("outputs_collections", None)
        return Plan(None, keywords=inherited)

    def _normalizer(self, resolved: Resolved) -> Resolved | Step | None:
        """The normalizer's call, a step that calls it, or None."""
        if "normalizer_fn" not in resolved.names():
            return None
        functions = [a.value or None for a in resolved.arguments("normalizer_fn")]
        if not any(functions):
            return None
        if not all(functions):
            pairs = zip(resolved.visits, functions, strict=True)
            resolved = resolved.among([visit for visit, function in pairs if function])
        visits = [v.inner[0] for v in resolved.visits if len(v.inner) == 1]
        if len(visits) == len(resolved.visits) and {v.call.op for v in visits} == {"batch_norm"}:
            return Resolved(resolved.carrier, visits, resolved.node, {}, resolved)
        if not all(functions):
            raise Refusal(f"line {resolved.line}: there is a normalizer on some visits only.")
        if any(v.inner for v in resolved.visits):
            names = {v.call.op for visit in resolved.visits for v in visit.inner}
            raise Refusal(
                f"line {resolved.line}: the normalizer {' or '.join(sorted(names))} has no "
                "counterpart in layers that unroll knows."
            )
        params = []
        if any(a.value for a in resolved.arguments("normalizer_params")):
            params = [f"**{resolved.text('normalizer_params')}"]
        return Step(resolved.text("normalizer_fn"), None, params)

    def _normalized(
        self, resolved: Resolved, inner: Resolved, naming: Naming, shared: bool
    ) -> Step:
        """The step of a batch norm below a layer."""
        below = {v.opened for v in inner.visits}
        if len(below) > 1:
            raise Refusal(f"line {resolved.line}: the normalizer's scope differs between visits.")
        (name,) = below
        path = _joined(naming.path, name, resolved)
        if shared and resolved.value("reuse") and "reuse" in resolved.names():
            inner.said["reuse"] = resolved.text("reuse")
        return layer_step(inner, path, self.everything, shared or naming.block is not None)

    def _activation(self, resolved: Resolved) -> Step | None:
        if "activation_fn" not in resolved.names():
            return None
        functions = [a.value for a in resolved.arguments("activation_fn")]
        if all(f is None for f in functions):
            return None
        text = resolved.text("activation_fn")
        step = Step(text)
        origin = resolved.origin("activation_fn")
        step.origins = {"activation": origin} if origin else {}
        step.when = f"{text} is not None" if any(f is None for f in functions) else None
        return step

    def _naming(self, resolved: Resolved, has_below: bool) -> Naming:
        """How the layer is named."""
        quoted = resolved.carrier.speller.quoted
        base = OPS[resolved.op].base
        if "scope" in resolved.said:
            return self._named(resolved, resolved.said["scope"], has_below)
        scopes = [a.value for a in resolved.arguments("scope")]
        if base is None:
            named = all(isinstance(s, str) for s in scopes)
            text = resolved.text("scope") if named else None
            return Naming(text, text)
        if all(isinstance(s, str) for s in scopes):
            return self._named(resolved, resolved.text("scope"), has_below)
        if all(s is None for s in scopes):
            if not has_below:
                return Naming(quoted(base))
            opened = {v.opened for v in resolved.visits}
            if len(opened) == 1:
                return self._named(resolved, quoted(opened.pop()), has_below)
        text = resolved.text("scope") if any(s is not None for s in scopes) else "None"
        default = f", {quoted(base)}"
        if all(isinstance(s, VariableScope) for s in scopes):
            default = ""
        name = self._free("scope", "layer_scope", resolved)
        header = f"with nn.variable_scope({text}{default}) as {name}:"
        return Naming(name, None, [], header)

    def _free(self, name: str, other: str, resolved: Resolved) -> str:
        """A name for a variable that the author's function has not got."""
        function = resolved.carrier.source.function(resolved.node)
        own = resolved.carrier.inliner.locals(function) if function else set()
        return next(n for n in (name, other, f"{other}_2", f"{other}_3") if n not in own)

    def _named(self, resolved: Resolved, text: str, has_below: bool) -> Naming:
        """A name that an expression gives; it gets a line of its own if it is needed twice."""
        twice = has_below and constant(text) is VARIES and not text.isidentifier()
        if twice and not resolved.carrier.source.is_part(resolved.node):
            name = self._free("name", "layer_name", resolved)
            return Naming(name, name, [f"{name} = {text}"])
        return Naming(text, text)


def _joined(path: str | None, name: str, resolved: Resolved) -> str:
    """The expression of a name below a path."""
    quoted = resolved.carrier.speller.quoted
    if path is None:
        return quoted(name)
    value = constant(path)
    if isinstance(value, str):
        return quoted(f"{value}/{name}")
    if isinstance(parsed(path), ast.JoinedStr):
        return f"{path[:-1]}/{name}{path[-1]}"
    return "f" + quoted(f"{{{path}}}/{name}")


def is_slims(resolved: Resolved) -> bool:
    """Tell whether an op is Slim's, not one that the author decorated."""
    function = resolved.visits[0].call.function
    return getattr(slim, getattr(function, "__name__", ""), None) is function


def inputs_of(call: cst.Call) -> cst.BaseExpression:
    """The first argument of a call of a layer."""
    return bound(call, ["inputs"]).get("inputs") or call.args[0].value
