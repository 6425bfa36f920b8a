"""Slim's training ops: gradients changed on the way, losses and variables over a few steps."""

from __future__ import annotations

from typing import Any

from goldens.kit import Table

CASES = Table(gradients=False)


def model(slim: Any, x: Any, y: Any) -> Any:
    """The loss of two layers with batch norm between them, in either library."""
    x = slim.fully_connected(
        x,
        4,
        activation_fn=None,
        normalizer_fn=slim.batch_norm,
        normalizer_params={"decay": 0.5, "scale": True},
        weights_regularizer=slim.l2_regularizer(0.1),
        scope="hidden",
    )
    x = slim.fully_connected(x, 2, activation_fn=None, scope="out")
    slim.losses.mean_squared_error(x, y)
    return slim.losses.get_total_loss()


HIDDEN = ["hidden/weights", "out/biases"]
TRAIN_OPS: list[dict[str, Any]] = [
    {},
    {"optimizer": "GradientDescent"},
    {"optimizer": "Adam", "rate": 0.01},
    {"optimizer": "RMSProp", "rate": 0.01},
    {"update_ops": []},
    {"global_step": None},
    {"variables_to_train": HIDDEN},
    {"variables_to_train": ["out/biases"], "update_ops": []},
    {"check_numerics": False, "gate_gradients": 2, "colocate_gradients_with_ops": True},
    {"summarize_gradients": True},
]
for module in ("learning", "training"):
    CASES.calls("loops.training", [], *TRAIN_OPS, kind=f"{module}.create_train_op")
CASES.calls(
    "loops.training",
    [],
    {"clip_gradient_norm": 0.01},
    {"clip_gradient_norm": 0.5},
    {"clip_gradient_norm": 100},
    {"gradient_multipliers": {"out/weights": 3.0}},
    {"gradient_multipliers": {"out/weights": 0.0, "hidden/weights": 2}},
    {"gradient_multipliers": {"out/weights": 9.0}, "clip_gradient_norm": 0.5},
    {"gradient_multipliers": {"nobody": 9.0}},
    {"gradient_multipliers": {"out/biases": 3.0}, "variables_to_train": HIDDEN},
    kind="learning.create_train_op",
)
CASES.calls("loops.training", [], {"norm": 0.01}, {"norm": 0.5}, kind="training.create_train_op")
CASES.calls(
    "loops.training",
    [],
    {},
    {"optimizer": "SGD"},
    {"optimizer": "Adam", "rate": 0.01},
    {"optimizer": "RMSProp", "rate": 0.01},
    {"rate": 0.0},
    {"clip_gradients": 0.05},
    {"clip_gradients": 50.0},
    {"clip_gradients": {}},
    {"clip_gradients": {"static_max_norm": 0.1}},
    {"clip_gradients": {"std_factor": 0.0, "decay": 0.5, "epsilon": 1e-3}},
    {"clip_gradients": {"std_factor": 0.1, "counted": True}},
    {"clip_gradients": {"name": "Mine", "report_summary": True}, "name": "Ours"},
    {"gradient_multipliers": {"out/weights:0": 3.0}},
    {"gradient_multipliers": {"out/weights:0": 3.0}, "clip_gradients": 0.05},
    {"update_ops": []},
    {"variables": HIDDEN},
    {"increment_global_step": False},
    {"name": "Mine"},
    {"summaries": []},
    {"summaries": ["loss", "learning_rate"]},
    {"decay": ("exponential_decay", {"decay_steps": 2, "decay_rate": 0.5})},
    {
        "decay": ("inverse_time_decay", {"decay_steps": 1, "decay_rate": 0.5}),
        "increment_global_step": False,
        "summaries": ["learning_rate"],
    },
    {"optimizer": "Nobody"},
    {"optimizer": 3},
    {"rate": None},
    {"rate": -0.1},
    {"rate": 1},
    {"rate": "0.1"},
    {"summaries": ["nothing"]},
    {"clip_gradients": 1},
    {"clip_gradients": "1"},
    kind="optimize_loss",
)


def gradients(t: Any, x: Any, y: Any) -> list[Any]:
    """Pairs of a gradient and a variable; the last has no gradient."""
    for name in ("a", "b", "c"):
        t.get_variable(name, [1], initializer=t.zeros_initializer())
    return list(zip([x, y, None], t.slim.get_variables(), strict=True))


def clipping(module: str, **given: Any) -> Any:
    """A program that clips gradients."""

    def program(t: Any, x: Any, y: Any) -> Any:
        clip = getattr(t.slim, module).clip_gradient_norms
        pairs = clip(gradients(t, x, y), **given)
        return [[g for g, _ in pairs], t.names([v for _, v in pairs])]

    program.__name__ = f"clip_{module}_{given}"
    return program


def multiplying(module: str, label: str, factors: Any, **given: Any) -> Any:
    """A program that multiplies gradients."""

    def program(t: Any, x: Any, y: Any) -> Any:
        pairs = gradients(t, x, y)
        if given.get("by_variable"):
            return getattr(t.slim, module).multiply_gradients(pairs, {pairs[1][1]: 3.0})[1][0]
        pairs = tuple(pairs) if given.get("as_tuple") else pairs
        pairs = getattr(t.slim, module).multiply_gradients(pairs, factors)
        return [[g for g, _ in pairs], t.names([v for _, v in pairs])]

    program.__name__ = f"multiply_{module}_{label}"
    return program


for module in ("learning", "training"):
    for norm in (0.1, 1.0, 100, 2):
        CASES.program((2, 3), (4,))(clipping(module, max_norm=norm))
    CASES.program((2, 3), (4,))(multiplying(module, "one", {"a": 2.0}))
    CASES.program((2, 3), (4,))(multiplying(module, "two", {"a": 0.5, "b": -1.0, "d": 7.0}))
    CASES.program((2, 3), (4,))(multiplying(module, "by_variable", None, by_variable=True))
    CASES.program((2, 3), (4,))(multiplying(module, "int", {"a": 2}))
    CASES.program((2, 3), (4,))(multiplying(module, "no_gradient", {"c": 2.0}))
    CASES.program((2, 3), (4,))(multiplying(module, "none", None))
    CASES.program((2, 3), (4,))(multiplying(module, "empty", {}))
    CASES.program((2, 3), (4,))(multiplying(module, "list", ["a"]))
    CASES.program((2, 3), (4,))(multiplying(module, "tuple", {"a": 2.0}, as_tuple=True))
