"""TF1's optimizers over 20 steps, its learning rate decays, its moving averages."""

from __future__ import annotations

from typing import Any

from goldens.kit import Table

CASES = Table(gradients=False)
OPTIMIZERS: list[dict[str, Any]] = [
    {"optimizer": "GradientDescent", "learning_rate": 0.1},
    {"optimizer": "GradientDescent", "learning_rate": 1},
    {"optimizer": "GradientDescent", "learning_rate": 0.0},
    {"optimizer": "Momentum", "learning_rate": 0.1, "momentum": 0.9},
    {"optimizer": "Momentum", "learning_rate": 0.1, "momentum": 0.9, "use_nesterov": True},
    {"optimizer": "Momentum", "learning_rate": 0.1, "momentum": 0.0},
    {"optimizer": "Momentum", "learning_rate": 0.1, "momentum": 1.0, "name": "Mine"},
    {"optimizer": "RMSProp", "learning_rate": 0.1},
    {"optimizer": "RMSProp", "learning_rate": 0.1, "scale": 1e-3},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "epsilon": 1.0},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "epsilon": 1e-10, "decay": 0.5},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "momentum": 0.9},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "momentum": 0.9, "centered": True},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "centered": True, "epsilon": 1.0},
    {"optimizer": "RMSProp", "learning_rate": 0.01, "centered": True, "decay": 0.99},
    {"optimizer": "Adam"},
    {"optimizer": "Adam", "learning_rate": 0.1},
    {"optimizer": "Adam", "learning_rate": 0.1, "epsilon": 1.0},
    {"optimizer": "Adam", "learning_rate": 0.1, "epsilon": 1e-10},
    {"optimizer": "Adam", "learning_rate": 0.1, "epsilon": 1e-10, "scale": 1e-3},
    {"optimizer": "Adam", "learning_rate": 0.1, "epsilon": 0.01, "scale": 1e-3},
    {"optimizer": "Adam", "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.9},
    {"optimizer": "Adam", "learning_rate": 0.1, "beta1": 0.0},
    {"optimizer": "Adam", "name": "Mine", "use_own_namescope_for_non_slot_vars": True},
    {"optimizer": "Adagrad", "learning_rate": 0.1},
    {"optimizer": "Adagrad", "learning_rate": 1.0, "initial_accumulator_value": 1e-6},
    {"optimizer": "Adagrad", "learning_rate": 0.1, "initial_accumulator_value": 10.0},
    {"optimizer": "Adadelta"},
    {"optimizer": "Adadelta", "learning_rate": 1.0},
    {"optimizer": "Adadelta", "learning_rate": 1.0, "epsilon": 1.0},
    {"optimizer": "Adadelta", "learning_rate": 1.0, "epsilon": 1e-10, "rho": 0.5},
    {"optimizer": "Ftrl", "learning_rate": 0.1},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "learning_rate_power": 0.0},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "learning_rate_power": -0.7},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "initial_accumulator_value": 0.0},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "l1_regularization_strength": 0.5},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "l2_regularization_strength": 0.5},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.5},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "beta": 1.0, "accum_name": "A"},
    {"optimizer": "Ftrl", "learning_rate": 0.1, "beta": 0.5, "linear_name": "L", "name": "Mine"},
    {
        "optimizer": "Ftrl",
        "learning_rate": 0.5,
        "learning_rate_power": -0.3,
        "l1_regularization_strength": 0.2,
        "l2_regularization_strength": 0.1,
        "l2_shrinkage_regularization_strength": 0.05,
        "accum_name": "Z",
        "linear_name": "L",
    },
    {"optimizer": "ProximalGradientDescent", "learning_rate": 0.1},
    {
        "optimizer": "ProximalGradientDescent",
        "learning_rate": 0.1,
        "l1_regularization_strength": 0.3,
    },
    {
        "optimizer": "ProximalGradientDescent",
        "learning_rate": 0.1,
        "l1_regularization_strength": 0.3,
        "l2_regularization_strength": 2.0,
    },
    {"optimizer": "ProximalAdagrad", "learning_rate": 0.1},
    {
        "optimizer": "ProximalAdagrad",
        "learning_rate": 0.1,
        "initial_accumulator_value": 1.0,
        "l1_regularization_strength": 0.3,
    },
    {
        "optimizer": "ProximalAdagrad",
        "learning_rate": 0.1,
        "l1_regularization_strength": 0.1,
        "l2_regularization_strength": 2.0,
    },
]
DECAYED: list[dict[str, Any]] = [
    {"optimizer": "GradientDescent", "decay": ("exponential_decay", {"decay_rate": 0.5})},
    {"optimizer": "Momentum", "momentum": 0.9, "decay": ("polynomial_decay", {"cycle": True})},
    {"optimizer": "RMSProp", "momentum": 0.9, "decay": ("cosine_decay", {"alpha": 0.1})},
    {"optimizer": "Adam", "decay": ("inverse_time_decay", {"decay_rate": 0.5, "staircase": True})},
    {"optimizer": "Ftrl", "decay": ("natural_exp_decay", {"decay_rate": 0.5})},
    {"optimizer": "ProximalAdagrad", "decay": ("linear_cosine_decay", {})},
]
for row in DECAYED:
    row["decay"] = (row["decay"][0], {"learning_rate": 0.1, "decay_steps": 7} | row["decay"][1])
CASES.calls("loops.trajectory", [], *OPTIMIZERS, *DECAYED)
CASES.calls(
    "loops.trajectory",
    [],
    {"optimizer": "Adagrad", "initial_accumulator_value": 0.0},
    {"optimizer": "Adagrad", "initial_accumulator_value": -1.0},
    {"optimizer": "ProximalAdagrad", "initial_accumulator_value": 0.0},
    {"optimizer": "Ftrl", "initial_accumulator_value": -1.0},
    {"optimizer": "Ftrl", "learning_rate_power": 0.5},
    {"optimizer": "Ftrl", "l1_regularization_strength": -1.0},
    {"optimizer": "Ftrl", "l2_regularization_strength": -1.0},
    {"optimizer": "Ftrl", "l2_shrinkage_regularization_strength": -1.0},
    {"optimizer": "GradientDescent", "name": ""},
    {"optimizer": "Momentum"},
    learning_rate=0.1,
)
CASES.calls("loops.trajectory", [], {"optimizer": "Adam", "learning_rate": None})

# Decays

STEPS = [0, 1, 5, 9, 10, 11, 15, 20, 29, 30, 31, 70, 150]
RATES = [{}, {"learning_rate": 2.0}, {"decay_steps": 7}, {"decay_steps": 3.5}, {"global_step": 12}]
for name in ("exponential_decay", "natural_exp_decay", "inverse_time_decay"):
    CASES.calls(
        f"train.{name}",
        [],
        *[{"decay_rate": 0.9} | row for row in RATES],
        {"decay_rate": 0.9, "staircase": True},
        {"decay_rate": 0.5, "staircase": True, "decay_steps": 7},
        {"decay_rate": 0.1},
        {"decay_rate": 1.5},
        {"decay_rate": 1.0},
        {"decay_rate": 0.9, "global_step": None},
        learning_rate=0.1,
        global_step=STEPS,
        decay_steps=10,
    )
CASES.calls(
    "train.polynomial_decay",
    [],
    *RATES,
    {"cycle": True},
    {"cycle": True, "decay_steps": 7, "power": 2.0},
    {"end_learning_rate": 0.05},
    {"end_learning_rate": 0.2, "power": 0.5},
    {"power": 2},
    {"power": 0.5, "cycle": True, "end_learning_rate": 0.0},
    {"global_step": None},
    learning_rate=0.1,
    global_step=STEPS,
    decay_steps=10,
)
CASES.calls(
    "train.cosine_decay",
    [],
    *RATES,
    {"alpha": 0.5},
    {"alpha": 1.0},
    {"global_step": None},
    learning_rate=0.1,
    global_step=STEPS,
    decay_steps=10,
)
CASES.calls(
    "train.cosine_decay_restarts",
    [],
    {},
    {"learning_rate": 2.0},
    {"first_decay_steps": 7},
    {"t_mul": 1.0},
    {"t_mul": 1.5, "m_mul": 0.5},
    {"t_mul": 1.0, "m_mul": 0.9, "alpha": 0.1},
    {"m_mul": 2.0, "alpha": 0.5},
    {"global_step": None},
    learning_rate=0.1,
    # Not 10, 30, 70, 150: where a period ends exactly, rounding decides which one it is.
    global_step=[0, 1, 5, 9, 11, 15, 20, 29, 31, 69, 72, 149, 155],
    first_decay_steps=10,
)
CASES.calls(
    "train.linear_cosine_decay",
    [],
    *RATES,
    {"num_periods": 2.0},
    {"alpha": 0.5},
    {"beta": 0.0},
    {"num_periods": 1, "alpha": 0.1, "beta": 0.1},
    {"global_step": None},
    learning_rate=0.1,
    global_step=STEPS,
    decay_steps=10,
)
CASES.calls(
    "train.piecewise_constant",
    [],
    *[{"x": x} for x in (-1, 0, 1, 9, 10, 11, 20, 21, 99)],
    {"x": 3, "boundaries": [5], "values": [1.0, 2.0]},
    {"x": 0.5, "boundaries": [0.5], "values": [1.0, 2.0]},
    {"x": 0.6, "boundaries": [0.5], "values": [1, 2]},
    {"x": 3, "boundaries": [1.5, 2.5]},
    {"x": 3.0},
    {"x": 3, "values": [1.0, 2, 3.0]},
    {"x": 3, "values": [1.0, 2.0]},
    boundaries=[10, 20],
    values=[0.1, 0.01, 0.001],
)

# Averages

CASES.calls(
    "loops.averages",
    [],
    {},
    {"counted": True},
    {"zero_debias": True},
    {"zero_debias": True, "counted": True, "name": "Mine"},
    {"decay": 0.0},
    {"decay": 1.0},
    {"decay": 0.999, "counted": True},
    decay=0.9,
)
