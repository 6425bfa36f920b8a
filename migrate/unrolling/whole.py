"""From a function to the text of its explicit module."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import libcst as cst

import slim
from migrate.unrolling.endpoints import EndPoints
from migrate.unrolling.loops import LoopPlanner, loop_of
from migrate.unrolling.plans import Plan, Planner, inputs_of, is_slims
from migrate.unrolling.resolution import Carrier, Resolved, grouped, texts_of
from migrate.unrolling.rewriting import Rewriter
from migrate.unrolling.source import Function, Source, bound
from migrate.unrolling.tidying import tidy
from migrate.unrolling.visits import Refusal, Unrolled, Visit, runs


def rewritten(
    fn: Callable, args: Sequence[Any], kwargs: dict[str, Any], comments: bool, everything: bool
) -> Unrolled:
    """Rewrite the source of a model, as `migrate.unroll` explains."""
    path = Path(inspect.getsourcefile(inspect.unwrap(fn)) or "")
    names = inspect.unwrap(fn).__globals__
    source = Source(path, names)
    all_runs = runs(fn, str(path), args, kwargs)
    carrier = Carrier(source)
    plans, reached, ends = _plans(carrier, all_runs, everything)
    extras: dict[cst.Call, dict[str, str]] = {}
    for parameters in carrier.parameters.values():
        for parameter in parameters:
            for end, text in parameter.texts.items():
                extras.setdefault(source.calls[end], {})[parameter.name] = text
    rewritten = source.module.visit(Rewriter(carrier, plans, extras, reached, ends, comments)).code
    definitions = list(carrier.speller.definitions.values())
    return Unrolled(tidy(rewritten, fn.__name__, names, definitions, source.text), fn.__name__)


def _plans(
    carrier: Carrier, all_runs: list[list[Visit]], everything: bool
) -> tuple[dict[cst.Call, Plan], set[Function], EndPoints]:
    source = carrier.source
    visits = [v for run in all_runs for v in run]
    planner = Planner(all_runs, everything)
    ran = [source.function_of(f.code) for v in visits for f in v.frames]
    reached = {function for function in ran if function is not None}
    for function in reached:
        carrier.speller.taken |= carrier.inliner.locals(function)
    plans: dict[cst.Call, Plan] = {}
    ends = EndPoints(carrier, reached, visits)
    planner.collects = ends.is_read
    for group in grouped(visits):
        node = source.calls[group[0].frames[-1].end]
        ops = {v.call.op for v in group}
        if len(ops) > 1:
            raise Refusal(
                f"line {source.line(node)}: this call is {' or '.join(sorted(ops))}, depending on "
                "the visit."
            )
        if loop_of(source, node) is None:
            given = bound(node, ["inputs", *group[0].call.arguments])
            resolved = Resolved(carrier, group, node, texts_of(given, carrier.inliner))
            if is_slims(resolved):
                plan = plans[node] = planner.plan(resolved, inputs_of(node))
                ends.collect(resolved, plan, plan.path)
            else:
                plans[node] = planner.helper(resolved)

    def free(name: str, node: cst.CSTNode) -> str:
        function = source.function(node)
        taken = carrier.inliner.locals(function) if function else set()
        taken = taken | set(source.names)
        return next(n for n in (name, *(f"{name}_{k}" for k in range(2, 99))) if n not in taken)

    loops = LoopPlanner(carrier, planner, free)
    for end, node in source.calls.items():
        if source.function(node) not in reached:
            continue
        loop = loop_of(source, node)
        if loop is not None:
            at = [v for v in visits if v.frames[-1].end == end]
            below = [v for v in visits if any(f.end == end for f in v.frames[:-1])]
            if not at and not below:
                raise _unvisited(source, node)
            plans[node], resolved = loops.plan(loop, at, below)
            if resolved is not None and is_slims(resolved):
                ends.collect(resolved, plans[node], plans[node].path)
        elif node not in plans and _is_op(source, node):
            raise _unvisited(source, node)
    plans |= {call: ends.plan(call) for call in ends.collecting}
    return plans, reached, ends


def _is_op(source: Source, node: cst.Call) -> bool:
    function = source.resolve(node.func)
    return slim.has_arg_scope(function) and getattr(slim, function.__name__, None) is function


def _unvisited(source: Source, node: cst.Call) -> Refusal:
    return Refusal(
        f"line {source.line(node)}: {source.code(node.func)} does not run with these arguments, so "
        "what it resolves to is not known. Give arguments with which it runs (--arg NAME=VALUE)."
    )
