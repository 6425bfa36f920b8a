"""Named outputs: the collections that Slim's calls fill become dicts that the code fills itself."""

from typing import Any

import libcst as cst

import nn
import slim
from migrate.unrolling.expressions import first
from migrate.unrolling.plans import Plan
from migrate.unrolling.resolution import Argument, Carrier, Resolved, constant
from migrate.unrolling.source import Function, bound
from migrate.unrolling.visits import Refusal, Visit

_DEFAULT = "end_points"


class EndPoints:
    """The dicts of named outputs.

    Attributes:
      statements: what becomes of the author's statements that name or read a collection; None:
        they go.
      expressions: what becomes of other readings of a collection.
    """

    def __init__(self, carrier: Carrier, reached: set[Function], visits: list[Visit]):
        self.carrier, self.source = carrier, carrier.source
        self.visits = visits
        self.statements: dict[cst.CSTNode, str | None] = {}
        self.expressions: dict[cst.Call, str] = {}
        self.first_lines: dict[Function, str] = {}
        calls = [c for c in self.source.calls.values() if self.source.function(c) in reached]
        resolved = [(c, self.source.resolve(c.func)) for c in calls]
        for call, function in resolved:
            if function is slim.utils.convert_collection_to_dict:
                self._read(call)
        self.is_read = bool(carrier.renamed)
        self.collecting = [
            c for c, function in resolved if function is slim.utils.collect_named_outputs
        ]

    def _read(self, call: cst.Call) -> None:
        """A collection is read: give its dict a name, and let the reading be the dict."""
        function = self.source.function(call)
        assert function is not None
        given = bound(call, ["collection", "clear_collection"])
        text = self.carrier.inliner.text(given["collection"])
        statement = next(self.source.around(call))
        target = _target_of(statement)
        name = self.carrier.renamed.get((function, text)) or target or _DEFAULT
        for assigned in self.source.inside(function, cst.Assign):
            if _target_of(assigned) == text:
                self.statements[assigned] = f"{name} = {{}}"
                break
        else:
            self.first_lines[function] = f"{name} = {{}}"
        self.carrier.renamed[function, text] = name
        if isinstance(statement, cst.Assign) and target == name:
            self.statements[statement] = None
        else:
            self.expressions[call] = f"dict({name})"

    def plan(self, call: cst.Call) -> Plan:
        """The plan of a call of `collect_named_outputs`."""
        given = bound(call, ["collections", "alias", "outputs"])
        text = self.carrier.inliner.text(given["collections"])
        function = self.source.function(call)
        name = self.carrier.renamed.get((function, text), text) if function else text
        alias = self.carrier.inliner.text(given["alias"])
        values = [
            frame.names.get(text)
            for visit in self.visits
            for frame in visit.frames
            if self.source.function_of(frame.code) is function
        ]
        if not self.is_read or not any(values):
            return Plan(given["outputs"])
        plan = Plan(given["outputs"], collects=[f"{name}[{alias}]"])
        plan.collects_when = None if all(values) else f"{name} is not None"
        return plan

    def collect(self, resolved: Resolved, plan: Plan, path: str | None) -> None:
        """Let a plan put its result where its `outputs_collections` says."""
        if not self.is_read or "outputs_collections" not in resolved.names():
            return
        arguments = [_single(a) for a in resolved.arguments("outputs_collections")]
        if not any(a.value for a in arguments):
            return
        carrier, line = self.carrier, resolved.line
        name = carrier.express("outputs_collections", arguments, line, as_variable=True)
        plan.collects = [f"{name}[{self._alias(resolved, path, plan.above)}]"]
        plan.collects_when = None if all(a.value for a in arguments) else f"{name} is not None"

    def _alias(self, resolved: Resolved, path: str | None, above: int) -> str:
        """The expression of the name of an output: its scope's.

        Args:
          resolved: the call.
          path: the expression of the layer's scope.
          above: how many of its parts a loop around the call opens.
        """
        quoted = self.carrier.speller.quoted
        visits = resolved.visits
        known = {v.call.scope for v in visits}
        if len(known) == 1:
            known_scopes = {s for v in visits for s in [_named_scope(v)] if s}
            if not known_scopes:
                return quoted(str(known.pop()))
        value = constant(path) if path else None
        below = value if isinstance(value, str) else None
        if below is None and path is not None:
            below = path[2:-1] if path.startswith(("f'", 'f"')) else f"{{{path}}}"
        if below is None:
            rests = {v.opened for v in visits}
            if len(rests) > 1:
                raise Refusal(
                    f"line {resolved.line}: the name of this end point differs between visits."
                )
            below = rests.pop()
        for name in sorted(visits[0].frames[-1].names):
            values = [v.frames[-1].names.get(name) for v in visits]
            values = [s for s in values if isinstance(s, nn.VariableScope)]
            if len(values) == len(visits):
                outer = ["/".join(v.scope.split("/")[: -above or None]) for v in visits]
                pairs = list(zip(values, outer, strict=True))
                inside = all(f"{o}/".startswith(f"{s.name}/") for s, o in pairs)
                rests = {o.removeprefix(s.name) for s, o in pairs}
                if inside and len(rests) == 1:
                    return "f" + quoted(f"{{{name}.name}}{rests.pop()}/{below}")
        return "f" + quoted(f"{{nn.get_variable_scope().name}}/{below}")


def _named_scope(visit: Visit) -> str | None:
    """A variable of the function that holds the scope a call is in."""
    for name, value in visit.frames[-1].names.items():
        if isinstance(value, nn.VariableScope) and visit.scope.startswith(value.name):
            return name
    return None


def _single(argument: Argument) -> Argument:
    """A list of one collection as the collection."""
    if not isinstance(argument.value, list | tuple):
        return argument
    if len(argument.value) != 1:
        raise Refusal(f"line {argument.line}: an output in several collections.")
    texts = [(t.strip()[1:-1].rstrip(", "), k) for t, k in first(argument.candidates)]
    return Argument(
        argument.value[0], argument.kind, argument.line, argument.file, texts, argument.frames
    )


def _target_of(statement: Any) -> str | None:
    """The name that a statement assigns to, if it assigns to one name."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        return target.value if isinstance(target, cst.Name) else None
    return None
