"""Where a call stands: whether what it becomes can be written as lines before its statement."""

from typing import Any

import libcst as cst

from migrate.unrolling.plans import Plan
from migrate.unrolling.source import Source


class Places:
    """Knows where calls stand."""

    def __init__(self, source: Source, plans: dict[cst.Call, Plan], own: Any):
        self.source, self.plans, self.own = source, plans, own
        self._temporaries: dict[cst.Call, str] = {}

    def of(self, call: cst.Call) -> tuple[Any, bool, cst.Call]:
        """Where a call stands.

        Returns:
          The simple statement around it, if it is alone on its line; whether the call, or the one
          whose inputs it is, is the value of that statement; and that outermost call.
        """
        node: cst.CSTNode = call
        top = call
        is_value: bool | None = None
        if self.source.is_part(call):
            return None, False, top
        for outer in self.source.around(call):
            if isinstance(outer, cst.SimpleStatementLine):
                return (outer.body[0] if len(outer.body) == 1 else None), bool(is_value), top
            if isinstance(outer, cst.BaseSmallStatement):
                whole = is_value is None and getattr(outer, "value", None) is node
                is_value = whole and not isinstance(outer, cst.AugAssign)
            elif is_value is None and not isinstance(outer, cst.Arg):
                plan = self.plans.get(outer) if isinstance(outer, cst.Call) else None
                if plan is not None and plan.inputs is node and isinstance(outer, cst.Call):
                    node = top = outer
                else:
                    is_value = False
        return None, False, top

    def can_go_before(self, top: cst.Call) -> bool:
        """Tell whether a call inside an expression can be made before the statement.

        So it is if all that the statement calls is either made before it too, and in order, or
        makes no variables.
        """
        statement, _, _ = self.of(top)
        if statement is None:
            return False
        calls = [n for n in self.source.calls.values() if self._statement(n) is statement]
        planned = [c for c in calls if c in self.plans]
        needed = any(self.plans[c].inputs and not self.plans[c].is_simple for c in planned)
        moved = {c for c in calls for o in (c, *self.source.around(c)) if o in planned}
        stay = set(calls) - moved - set(self.source.around(top))
        return needed and all(map(self._is_pure, stay))

    def temporary(self, call: cst.Call) -> str:
        """A variable for a call in an expression: the same for all calls on its inputs."""
        _, _, top = self.of(call)
        if top not in self._temporaries:
            base = self.target(self._statement(call), "")
            taken = {*self.own(call), *self.source.names, *self._temporaries.values()}
            names = (f"{base}_{i}" for i in range(1, 1000))
            self._temporaries[top] = next(n for n in names if n not in taken)
        return self._temporaries[top]

    def target(self, statement: Any, inputs: str) -> str:
        """The variable that holds what comes before the last step of a statement's value."""
        targets = [statement.target] if isinstance(statement, cst.AnnAssign) else []
        if isinstance(statement, cst.Assign):
            targets = [t.target for t in statement.targets]
        names = [t.value for t in targets if isinstance(t, cst.Name)]
        if names:
            return names[-1]
        own = self.own(statement)
        if isinstance(statement, cst.Return):
            return inputs if inputs in own else "net"
        return next(n for n in ("net", *(f"net_{i}" for i in range(1, 1000))) if n not in own)

    def _statement(self, node: cst.CSTNode) -> Any:
        around = self.source.around(node)
        return next((o for o in around if isinstance(o, cst.BaseSmallStatement)), None)

    def _is_pure(self, call: cst.Call) -> bool:
        module = getattr(self.source.resolve(call.func), "__module__", None) or ""
        return module.split(".")[0] in ("jax", "numpy", "builtins", "nn")
