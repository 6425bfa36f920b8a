"""`slim.repeat` and `slim.stack` as loops."""

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libcst as cst

import slim
from migrate.unrolling.ops import Step
from migrate.unrolling.plans import Plan, Planner, is_slims
from migrate.unrolling.resolution import VARIES, Carrier, Resolved, constant
from migrate.unrolling.source import MISSING, Source
from migrate.unrolling.visits import Refusal, Visit


@dataclass
class Loop:
    """A call of `repeat` or `stack`, taken apart.

    Attributes:
      node: the call.
      inputs: its inputs.
      layer: the function that it calls.
      times: the repetitions, or the arguments of each time.
      rest: further arguments by position.
      keywords: arguments by keyword.
      scope: the expression of its scope.
      is_stack: whether it is `stack`.
    """

    node: cst.Call
    inputs: cst.BaseExpression
    layer: cst.BaseExpression
    times: cst.BaseExpression
    rest: list[cst.BaseExpression]
    keywords: dict[str, cst.BaseExpression]
    scope: cst.BaseExpression | None
    is_stack: bool


def loop_of(source: Source, node: cst.Call) -> Loop | None:
    """Take a call of `repeat` or `stack` apart; None if it is another call."""
    function = source.resolve(node.func)
    if function not in (slim.repeat, slim.stack):
        return None
    if any(a.star for a in node.args):
        raise Refusal(f"line {source.line(node)}: a starred argument of repeat or stack.")
    names = [n for n, p in inspect.signature(function).parameters.items() if p.kind == 1]
    by_position = [a.value for a in node.args if a.keyword is None]
    keywords = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    own: dict[str, Any] = dict(zip(names, by_position, strict=False))
    own |= {k: keywords.pop(k) for k in names if k in keywords}
    is_stack = function is slim.stack
    return Loop(
        node,
        own["inputs"],
        own["layer"],
        own["stack_args" if is_stack else "repetitions"],
        by_position[len(names) :],
        keywords,
        keywords.pop("scope", None),
        is_stack,
    )


class LoopPlanner:
    """Makes the plans of loops."""

    def __init__(self, carrier: Carrier, planner: Planner, free: Callable[[str, cst.CSTNode], str]):
        self.carrier, self.planner, self.free = carrier, planner, free
        self.source = carrier.source

    def plan(
        self, loop: Loop, visits: list[Visit], below: list[Visit]
    ) -> tuple[Plan, Resolved | None]:
        """The plan of a loop, and the call that it repeats, if that is an op.

        Args:
          loop: the call of `repeat` or `stack`.
          visits: those of the layer, if it is an op.
          below: those that the layer made, if it is a helper.
        """
        resolved = None
        if visits:
            resolved = Resolved(self.carrier, visits, loop.node, {})
            names = resolved.names()
        else:
            function = self.source.resolve(loop.layer)
            if function is MISSING:
                raise Refusal(f"line {self.source.line(loop.node)}: cannot tell what is repeated.")
            names = list(inspect.signature(function).parameters)[1:]
        index = self.free("i", loop.node)
        header, given = self._header(loop, index, names)
        scope, block = self._scope(loop, index, visits or below, names)
        if resolved is not None and is_slims(resolved):
            resolved.given |= {
                k: v for k, v in given.items() if k in names and k not in resolved.said
            }
            if loop.is_stack:
                resolved.said = {k: v for k, v in given.items() if k not in loop.keywords}
            resolved.said["scope"] = scope
            plan = self.planner.plan(resolved, loop.inputs)
        else:
            call = [f"{k}={v}" if k in loop.keywords else v for k, v in given.items()]
            if resolved is not None:
                resolved.given = {**given, "scope": scope}
                call += [f"{k}={v}" for k, v in self.planner.helper(resolved).keywords.items()]
            text = self.source.code(loop.layer)
            plan = Plan(loop.inputs, [Step(text, None, [*call, f"scope={scope}"])])
        plan.loop, plan.block = header, block or plan.block
        plan.above = 1 if loop.scope is None else self.source.code(loop.scope).count("/") + 1
        return plan, resolved

    def _header(self, loop: Loop, index: str, names: list[str]) -> tuple[str, dict[str, str]]:
        """The line of the loop, and what it gives to each call by name."""
        text = self.carrier.inliner.text
        keywords = {k: text(v) for k, v in loop.keywords.items()}
        if not loop.is_stack:
            given = dict(zip(names, map(text, loop.rest), strict=False))
            times = text(loop.times)
            end = constant(times)
            end_text = f"{times} + 1" if end is VARIES else str(end + 1)
            return f"for {index} in range(1, {end_text}):", given | keywords
        texts = text(loop.times)
        numbers = {1}
        if isinstance(loop.times, cst.List | cst.Tuple):
            elements = [e.value for e in loop.times.elements]
            numbers = {
                len(e.elements) if isinstance(e, cst.List | cst.Tuple) else 1 for e in elements
            }
            if len(numbers) > 1:
                raise Refusal(f"line {self.source.line(loop.node)}: stack_args of two lengths.")
        (number,) = numbers
        layer = self.source.resolve(loop.layer)
        called = {"num_outputs": "units" if layer is slim.fully_connected else "filters"}
        taken = [self.free(called.get(n, n), loop.node) for n in names[:number]]
        inner = ", ".join(taken)
        inner = f"({inner})" if number > 1 else inner
        given = dict(zip(names, taken, strict=False))
        return f"for {index}, {inner} in enumerate({texts}, 1):", given | keywords

    def _scope(
        self, loop: Loop, index: str, visits: list[Visit], names: list[str]
    ) -> tuple[str, str | None]:
        """The expression of each call's scope, and the scope to open around the loop."""
        quoted = self.carrier.speller.quoted
        if loop.scope is not None:
            text = self.carrier.inliner.text(loop.scope)
            value = constant(text)
            if isinstance(value, str):
                return "f" + quoted(f"{value}/{value.rpartition('/')[2]}_{{{index}}}"), None
            if text.isidentifier():
                return "f" + quoted(f"{{{text}}}/{{{text}}}_{{{index}}}"), None
            raise Refusal(
                f"line {self.source.line(loop.node)}: give the scope {text} a name first."
            )
        default = "Stack" if loop.is_stack else "Repeat"
        layer = self.source.resolve(loop.layer)
        name = getattr(layer, "__name__", None) or getattr(layer.func, "__name__", "")
        opened = {o for v in visits if (o := _opened(v, default, name))}
        if len(opened) == 1:
            return "f" + quoted(f"{opened.pop()}/{name}_{{{index}}}"), None
        block = f"with nn.variable_scope(None, {quoted(default)}):"
        return "f" + quoted(f"{name}_{{{index}}}"), block


def _opened(visit: Visit, default: str, name: str) -> str | None:
    """The name that a `repeat` without one got, by the path of a call inside it."""
    parts = (visit.call.scope or "").split("/")
    for part, following in itertools.pairwise(parts):
        if part.partition("_")[0] == default and following.startswith(f"{name}_"):
            return part
    return None
