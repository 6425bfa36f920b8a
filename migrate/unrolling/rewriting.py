"""The source with its Slim calls written out, its scopes dissolved and its loops unrolled."""

from collections.abc import Sequence
from typing import Any

import libcst as cst

import slim
from migrate.unrolling.endpoints import EndPoints
from migrate.unrolling.layout import Layout, comments, notes_of, reads, with_lines
from migrate.unrolling.ops import Step
from migrate.unrolling.places import Places
from migrate.unrolling.plans import Plan
from migrate.unrolling.resolution import Carrier
from migrate.unrolling.source import MISSING, Function
from migrate.unrolling.spelling import FACTORIES
from migrate.unrolling.visits import Refusal

_UTILITIES = {
    slim.utils.last_dimension: "{0}[-1]",
    slim.utils.smart_cond: "nn.smart_cond({0}, {1}, {2})",
    slim.losses.get_regularization_losses: "nn.get_regularization_losses({all})",
}


class Rewriter(cst.CSTTransformer):
    """Writes the plans into the source.

    Args:
      carrier: knows the parameters that helpers get.
      plans: what each call becomes.
      extras: what to add to calls of helpers: keywords and their expressions.
      reached: the functions that ran.
      ends: the dicts of named outputs.
      comments: whether to say where inherited values came from.
    """

    def __init__(
        self,
        carrier: Carrier,
        plans: dict[cst.Call, Plan],
        extras: dict[cst.Call, dict[str, str]],
        reached: set[Function],
        ends: EndPoints,
        comments: bool,
    ):
        super().__init__()
        self.carrier, self.source = carrier, carrier.source
        self.plans, self.extras, self.comments = plans, extras, comments
        self.reached, self.ends = reached, ends
        self.layout = Layout(self.source.module)
        self.places = Places(self.source, plans, self._own)
        # Of each statement that is being rewritten: statements before it, notes, those after.
        self.open: list[tuple[list[Any], list[str], list[Any]]] = []
        self.footers: dict[int, Sequence[cst.EmptyLine]] = {}  # comments behind a statement

    # Statements -----------------------------------------------------------------------------------

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:  # noqa: N802
        """Begin to collect what goes before a statement."""
        self.open.append(([], [], []))

    def leave_SimpleStatementLine(self, original: Any, updated: Any) -> Any:  # noqa: N802
        """Write what goes before a statement, and after it."""
        before, notes, after = self.open.pop()
        lines = updated.leading_lines
        if original.body[0] in self.ends.statements:
            text = self.ends.statements[original.body[0]]
            return (
                with_lines(self.layout.statement(text), lines) if text else cst.RemoveFromParent()
            )
        if not (before or notes or after):
            return updated
        statements = [*before, *after]
        if not (statements and _is_idle(updated)):
            own = [
                cst.EmptyLine(comment=cst.Comment(c))
                for c in comments(notes, self._indent(original))
            ]
            statements = [*before, updated.with_changes(leading_lines=own), *after]
        return cst.FlattenSentinel([with_lines(statements[0], lines), *statements[1:]])

    def leave_With(self, original: cst.With, updated: cst.With) -> Any:  # noqa: N802
        """Dissolve scopes of defaults."""
        kept = [
            item
            for before, item in zip(original.items, updated.items, strict=True)
            if not self._is_scope(before.item)
        ]
        if len(kept) == len(updated.items) or not self._is_reached(original):
            return updated
        if kept:
            last = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            several = len(kept) > 1
            return updated.with_changes(
                items=[*kept[:-1], last],
                lpar=updated.lpar if several else cst.MaybeSentinel.DEFAULT,
                rpar=updated.rpar if several else cst.MaybeSentinel.DEFAULT,
            )
        body: Any = updated.body
        if not isinstance(body, cst.IndentedBlock):
            return cst.SimpleStatementLine(body.body, leading_lines=updated.leading_lines)
        lines = [*updated.leading_lines]
        comment = body.header.comment
        if comment is not None and not comment.value.startswith("# noqa"):
            lines.append(cst.EmptyLine(comment=comment))
        statements = [with_lines(body.body[0], lines), *body.body[1:]]
        self.footers[id(statements[-1])] = body.footer
        return cst.FlattenSentinel(statements)

    def leave_IndentedBlock(self, original: Any, updated: Any) -> Any:  # noqa: N802
        """Keep the comments that ended a scope that is gone."""
        statements: list[Any] = []
        waiting: list[cst.EmptyLine] = []
        for statement in updated.body:
            statements.append(with_lines(statement, waiting) if waiting else statement)
            waiting = [line for line in self.footers.get(id(statement), ()) if line.comment]
        return updated.with_changes(body=statements, footer=[*waiting, *updated.footer])

    def leave_FunctionDef(self, original: Any, updated: Any) -> Any:  # noqa: N802
        """Write a function's new parameters, and leave its scopes out."""
        if not (original in self.reached or self._is_reached(original)):
            return updated
        decorators = [
            d
            for before, d in zip(original.decorators, updated.decorators, strict=True)
            if not (
                self.source.resolve(before.decorator) is slim.add_arg_scope
                or self._is_scope(before.decorator)
            )
        ]
        updated = updated.with_changes(decorators=decorators)
        if original in self.ends.first_lines:
            body = list(updated.body.body)
            at = 1 if updated.get_docstring() is not None else 0
            body.insert(at, self.layout.statement(self.ends.first_lines[original]))
            updated = updated.with_changes(body=updated.body.with_changes(body=body))
        new = self.carrier.parameters.get(original, ())
        return self._with_parameters(original, updated, new) if new else updated

    def _with_parameters(self, original: Any, updated: Any, new: Sequence[Any]) -> Any:
        """A function with more parameters, keywords all, laid out anew."""
        calls = self.source.calls_of(original)
        complete = [all(self.source.end(c) in p.texts for c in calls) for p in new]
        added = [p.name + ("" if c else "=None") for p, c in zip(new, complete, strict=True)]
        params, text = updated.params, self.layout.on_one_line
        texts = [text(p) for p in params.posonly_params]
        texts += ["/"] * bool(texts) + [text(p) for p in params.params]
        star = params.star_arg
        texts.append("*" if isinstance(star, cst.MaybeSentinel | cst.ParamStar) else text(star))
        texts += [*(text(p) for p in params.kwonly_params), *added]
        texts += [text(params.star_kwarg)] if params.star_kwarg else []
        returns = self.source.module.code_for_node(updated.returns) if updated.returns else ""
        name, indent = updated.name.value, self._indent(original)
        made = self.layout.parameters(texts, name, returns, indent)
        return updated.with_changes(
            params=made.params, whitespace_before_params=made.whitespace_before_params
        )

    # Calls ----------------------------------------------------------------------------------------

    def leave_Call(self, original: cst.Call, updated: cst.Call) -> Any:  # noqa: N802
        """Write a call out."""
        if original in self.ends.expressions:
            return self.layout.expression(self.ends.expressions[original])
        plan, extra = self.plans.get(original), dict(self.extras.get(original, {}))
        if plan is not None and plan.inputs is not None:
            for name, text in extra.items():  # a loop around a helper
                plan.steps[0].call.append(f"{name}={text}")
            at = next(i for i, a in enumerate(original.args) if a.value is plan.inputs)
            return self._written(original, plan, self._code(updated.args[at].value))
        function = self.source.resolve(original.func)
        in_module = self.source.function(original) is None
        if plan is None and function is not MISSING and (in_module or self._is_reached(original)):
            if callable(function) and function in FACTORIES:
                text, line = self.carrier.inliner.text(original), self.source.line(original)
                return self.layout.expression(self.carrier.speller.spelled(text, line, {}))
            if callable(function) and function in _UTILITIES:
                texts = [self._code(a.value) for a in updated.args]
                text = _UTILITIES[function].format(*texts, all=", ".join(texts))
                return self.layout.expression(text)
        return self._with_keywords(original, updated, (plan.keywords if plan else {}) | extra)

    def _with_keywords(
        self, original: cst.Call, updated: cst.Call, extra: dict[str, str]
    ) -> cst.BaseExpression:
        """A call with keywords added, before a `**` if there is one, laid out anew."""
        written = {a.keyword.value for a in updated.args if a.keyword}
        added = [f"{k}={v}" for k, v in extra.items() if k not in written]
        if not added:
            return updated
        one_line = self.carrier.inliner.one_line
        texts = [one_line(self.layout.on_one_line(a)) for a in updated.args if a.star != "**"]
        texts += added
        texts += [one_line(self.layout.on_one_line(a)) for a in updated.args if a.star == "**"]
        step = Step(self._code(updated.func), None, texts[1:])
        statement, is_value, _ = self.places.of(original)
        prefix = self._prefix(statement) if is_value else ""
        text = self.layout.call(prefix, step, texts[0], self._indent(original))
        return self.layout.expression(text).with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _written(self, original: cst.Call, plan: Plan, inputs: str) -> cst.BaseExpression:
        """The expression that stands for a call; what must be done before it goes before."""
        statement, is_value, top = self.places.of(original)
        goes_before = not is_value and self.places.can_go_before(top)
        is_inner = plan.is_simple and top is not original
        if statement is None or is_inner or not (is_value or goes_before):
            return self._nested(original, plan, inputs)
        indent, held = self._indent(original), is_value and top is original
        target = self.places.target(statement, inputs)
        if not is_value or any(reads(step, target) for step in plan.steps[1:]):
            target = self.places.temporary(original)
        lines, last = self._lines(plan, target, inputs, indent, held)
        before, notes, after = self.open[-1]
        before.extend(lines)
        inputs = target if lines and plan.steps else inputs
        if plan.collects and not plan.loop:
            where = after if held and isinstance(statement, cst.Assign) else before
            if last is not None and where is before:
                before.extend(self.layout.statements(self._step(last, target, inputs, indent)))
                last, inputs = None, target
            value = self.places.target(statement, inputs) if last is not None else inputs
            where.append(self.layout.statement(self._collected(plan, value)))
        if last is None:
            return self.layout.expression(target if plan.steps else inputs)
        notes.extend(notes_of(last) if self.comments else [])
        return self.layout.expression(
            self.layout.call(self._prefix(statement), last, inputs, indent)
        )

    def _nested(self, original: cst.Call, plan: Plan, inputs: str) -> cst.BaseExpression:
        """A call within an expression, as an expression."""
        lines = plan.before or plan.block or plan.loop or plan.collects
        if lines or any(step.when or step.scope for step in plan.steps):
            raise Refusal(
                f"line {self.source.line(original)}: this call becomes several lines; write it "
                "as a statement of its own first."
            )
        for step in plan.steps:
            inputs = self.layout.call("", step, inputs, self._indent(original))
            if self.open and self.comments:
                self.open[-1][1].extend(notes_of(step))
        return self.layout.expression(inputs)

    def _lines(
        self, plan: Plan, target: str, inputs: str, indent: int, held: bool
    ) -> tuple[list[Any], Step | None]:
        """The statements of a plan, and its last step if the author's statement can hold it."""
        inner = indent + (bool(plan.block) + bool(plan.loop)) * len(self.layout.tab)
        body, steps = list(plan.before), list(plan.steps)
        plain = steps and inner == indent and not steps[-1].when and not steps[-1].scope
        last = steps.pop() if held and plain else None
        start = [f"{target} = {inputs}"] if plan.loop and inputs != target else []
        inputs = target if start else inputs
        for step in steps:
            body += self._step(step, target, inputs, inner)
            inputs = target
        if plan.loop and plan.collects:
            body.append(self._collected(plan, target))
        for header in (plan.loop, plan.block):
            if header:
                body = [self.layout.indented(header, "\n".join(body))]
        return self.layout.statements([*start, *body]) if body else [], last

    def _step(self, step: Step, target: str, inputs: str, indent: int) -> list[str]:
        """The lines of one step."""
        around = f"if {step.when}:" if step.when else None
        around = f"with nn.variable_scope({step.scope}):" if step.scope else around
        deeper = indent + (len(self.layout.tab) if around else 0)
        text = f"{target} = " + self.layout.call(f"{target} = ", step, inputs, deeper)
        text = self.layout.indented(around, text) if around else text
        return [*comments(notes_of(step) if self.comments else [], indent), text]

    def _collected(self, plan: Plan, value: str) -> str:
        text = "\n".join(f"{collected} = {value}" for collected in plan.collects)
        when = plan.collects_when
        return self.layout.indented(f"if {when}:", text) if when else text

    # Where things stand ---------------------------------------------------------------------------

    def _prefix(self, statement: Any) -> str:
        code, value = self._code(statement), self._code(statement.value)
        return code[: code.index(value)]

    def _indent(self, node: cst.CSTNode) -> int:
        """The columns before a node's statement when the scopes are gone."""
        blocks = [o for o in self.source.around(node) if isinstance(o, cst.IndentedBlock)]
        parents = [next(self.source.around(block)) for block in blocks]
        kept = [
            p
            for p in parents
            if not isinstance(p, cst.With) or not all(self._is_scope(i.item) for i in p.items)
        ]
        return len(kept) * len(self.layout.tab)

    def _is_reached(self, node: cst.CSTNode) -> bool:
        return any(outer in self.reached for outer in self.source.around(node))

    def _is_scope(self, node: cst.BaseExpression) -> bool:
        return isinstance(node, cst.Call) and self.source.resolve(node.func) is slim.arg_scope

    def _own(self, node: cst.CSTNode) -> set[str]:
        """The names of the function around a node."""
        function = self.source.function(node)
        return self.carrier.inliner.locals(function) if function else set()

    def _code(self, node: cst.CSTNode) -> str:
        return self.source.module.code_for_node(node)


def _is_idle(line: cst.SimpleStatementLine) -> bool:
    """Tell whether a statement only says `net = net`, or names a value."""
    (statement,) = line.body[:1]
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, cst.Name)
    if isinstance(statement, cst.Assign) and isinstance(statement.value, cst.Name):
        targets = [t.target for t in statement.targets]
        return all(isinstance(t, cst.Name) and t.value == statement.value.value for t in targets)
    return False
