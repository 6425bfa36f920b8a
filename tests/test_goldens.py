"""Every program of tests/goldens, run on our layers and compared with the recorded TensorFlow."""

from __future__ import annotations

import builtins
import functools
import os
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import loops
import numpy as np
import pytest
from goldens.answers import Answer, answer, recorded_names
from goldens.cases import CASES, TABLES
from goldens.kit import Case, flatten
from goldens.streamed_here import streamed

import layers
import nn
import slim

# Sums of up to a few hundred float32 products, in another order than TensorFlow's, and gradients
# that divide by a standard deviation: up to 2e-6 of an array's largest element was seen. Numbers
# far below FLOOR are what is left when numbers near 1 cancel, so they are held to no more.
TOLERANCE, FLOOR = 1e-5, 0.01

# Dropout in training asks for a key even where it drops nothing.
KEY = jax.random.key(0)


@functools.cache
def quick_compilation() -> dict[str, Any] | None:
    """Compiler options for what is run once on a few numbers: compiling takes all the time."""
    options = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(jnp.negative, compiler_options=options)(1.0)
    except jax.errors.JaxRuntimeError:  # another version of XLA knows other options
        return None
    return options


def library() -> SimpleNamespace:
    """`t`, as programs see it, made of our packages."""
    return SimpleNamespace(
        layers=layers,
        slim=slim,
        nn=nn,
        train=nn,
        loops=loops,
        **{name: getattr(nn, name) for name in SHARED},
        names=lambda variables: [variable.op.name for variable in variables],
        streamed=streamed,
        SparseTensor=nn.SparseTensor,
        first_value=lambda initializer, shape, dtype: initializer(KEY, shape, np.dtype(dtype)),
    )


SHARED = [
    "variable_scope",
    "get_variable_scope",
    "get_variable",
    "name_scope",
    "AUTO_REUSE",
    "GraphKeys",
    "get_collection",
    "add_to_collection",
    "constant_initializer",
    "zeros_initializer",
    "ones_initializer",
    "random_normal_initializer",
    "random_uniform_initializer",
    "truncated_normal_initializer",
    "variance_scaling_initializer",
    "uniform_unit_scaling_initializer",
    "orthogonal_initializer",
    "identity_initializer",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "he_normal_initializer",
    "he_uniform_initializer",
    "lecun_normal_initializer",
    "lecun_uniform_initializer",
]


def is_array(value: Any) -> bool:
    return isinstance(value, (jax.Array, np.ndarray, nn.Variable))


class Replay:
    """One case as a transformed function; keeps what its last run returned beside arrays."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.net = nn.transform(self.run)
        self.inputs = [jnp.asarray(array) for array in case.arrays()]
        self.returns: Any = None
        self.collections: dict[str, list[str]] = {}

    def run(self, *inputs: Any) -> tuple[list[Any], list[Any]]:
        """The program, then the regularization losses."""
        self.returns, outputs = flatten(self.case.program(library(), *inputs), is_array)
        keys = {k for variable in answer(self.case).variables for k in variable.collections}
        self.collections = {
            key: [v.name for v in nn.get_collection(key) if isinstance(v, nn.Variable)]
            for key in keys
        }
        return [jnp.asarray(output) for output in outputs], nn.get_regularization_losses()

    def values(self, variables: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Params and state from the generator that the recorder used."""
        made = {
            v.name: jnp.asarray(self.case.value(v.name, v.shape, np.dtype(v.dtype).name))
            for v in variables
        }
        trainable = {v.name: v.trainable for v in variables}
        params = {name: value for name, value in made.items() if trainable[name]}
        return params, {name: value for name, value in made.items() if not trainable[name]}

    def compute(self, params: Any, state: Any) -> tuple[list[Any], Any, list[Any], Any, list[Any]]:
        """Outputs, state and regularization losses, and the gradients as the recorder took them."""
        floats = [spec.differentiable for spec in self.case.inputs]

        def step(params: Any, state: Any, inputs: list[Any]) -> Any:
            def forward(params: Any, sources: list[Any]) -> Any:
                given = iter(sources)
                mixed = [next(given) if f else x for x, f in zip(inputs, floats, strict=True)]
                (outputs, losses), after = self.net.apply(params, state, *mixed, rng=KEY)
                objective = sum(
                    jnp.sum(output.astype("float32") * self.case.cotangent(i, output.shape))
                    for i, output in enumerate(outputs)
                    if jnp.issubdtype(output.dtype, jnp.floating)
                )
                return jnp.asarray(objective, "float32"), (outputs, after, losses)

            sources = [x for x, f in zip(inputs, floats, strict=True) if f]
            if answer(self.case).input_slopes is None:
                return *forward(params, sources)[1], None, None
            slopes, rest = jax.grad(forward, argnums=(0, 1), has_aux=True)(params, sources)
            return *rest, *slopes

        return jax.jit(step, compiler_options=quick_compilation())(params, state, self.inputs)


def expected_error(name: str) -> tuple[type[Exception], ...]:
    """The exceptions that count as the recorded one."""
    if name == "AttributeError":  # TensorFlow stumbled over a wrong type; we may say so properly
        return (AttributeError, TypeError, ValueError)
    return (getattr(builtins, name, ValueError),)  # tf.errors.* are no built-ins


def assert_close(got: Any, expected: Any, what: str) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, recorded {expected.shape}"
    assert got.dtype.kind == expected.dtype.kind, f"{what}: {got.dtype}, recorded {expected.dtype}"
    largest = max(np.abs(expected).max(initial=0), FLOOR)
    error = np.abs(got.astype("float64") - expected).max(initial=0)
    assert error <= TOLERANCE * largest, f"{what}: off by {error:.2g}, largest is {largest:.2g}"


def check_initial(variable: Any, value: Any) -> None:
    """First values: the same constant, or random numbers of the same spread."""
    value, n = np.asarray(value, "float64"), value.size
    if isinstance(variable.initial, float):
        np.testing.assert_allclose(value, variable.initial, rtol=1e-6, err_msg=variable.name)
    else:
        # The largest of n uniform numbers misses the limit by 1/n; truncated normal ones by 4/n.
        largest, spread = variable.initial["max"], variable.initial["std"]
        assert abs(np.abs(value).max() / largest - 1) < 20 / n, f"largest of {variable.name}"
        assert abs(value.std() / spread - 1) < 4 / n**0.5, f"spread of {variable.name}"


def check_variables(replay: Replay, variables: Any, recorded: Answer) -> None:
    """Names, shapes, kinds, collections and first values, in the order of creation."""
    got = [(v.name, v.shape, np.dtype(v.dtype).name, v.trainable) for v in variables]
    narrow = {"int64": "int32"}  # JAX's integers, unless asked for wider ones
    assert got == [
        (v.name, v.shape, narrow.get(v.dtype, v.dtype), v.trainable) for v in recorded.variables
    ]
    for key, names in replay.collections.items():
        assert names == [v.name for v in recorded.variables if key in v.collections], key
    for variable, ours in zip(recorded.variables, variables, strict=True):
        if variable.initial != "random":  # random numbers are looked at where there are many
            check_initial(variable, ours.initializer(KEY, ours.shape, ours.dtype))


# A recording of some cases only, for a look at them, stands in a folder of its own.
HERE = [case for case in CASES if "GOLDENS" not in os.environ or case.name in recorded_names()]


# The usual run replays a twelfth of each large table, and all of the others.
THOROUGH = {
    case.name
    for table in TABLES
    for i, case in enumerate(table.CASES)
    if "GOLDENS" not in os.environ and len(table.CASES) > 50 and i % 12
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] * (case.name in THOROUGH))
        for case in HERE
    ],
)
def test_as_the_real_thing(case: Case) -> None:
    if case.skip:
        pytest.skip(f"not yet: {case.skip}")
    recorded, replay = answer(case), Replay(case)
    if recorded.refused:
        with pytest.raises(expected_error(recorded.refused)) as caught:
            replay.net.variables(*replay.inputs)
        assert not str(caught.value).startswith("module "), "a name is missing"
        return
    variables = replay.net.variables(*replay.inputs)
    check_variables(replay, variables, recorded)
    assert replay.returns == recorded.returns
    if case.statistics or not case.numbers:
        return
    outputs, state, losses, variable_slopes, input_slopes = replay.compute(
        *replay.values(variables)
    )
    assert replay.returns == recorded.returns
    for i, (got, expected) in enumerate(zip(outputs, recorded.outputs, strict=True)):
        assert_close(got, expected, f"output {i}")
    assert set(state) == set(recorded.state)
    for name, expected in recorded.state.items():
        assert_close(state[name], expected, name)
    assert_close(np.array(losses), np.array(recorded.regularization), "regularization")
    if recorded.input_slopes is not None:
        slopes = list(zip(input_slopes, recorded.input_slopes, strict=True))
        trainable = [v.name for v in recorded.variables if v.trainable]
        slopes += [
            (variable_slopes[name], expected)
            for name, expected in zip(trainable, recorded.variable_slopes, strict=True)
        ]
        for i, (got, expected) in enumerate(slopes):
            assert_close(got, np.zeros_like(got) if expected is None else expected, f"slope {i}")


def test_every_case_is_recorded() -> None:
    assert {case.name for case in HERE} == recorded_names()
