"""TF1's optimizers, decays and averages, beyond the goldens: closeness, dtypes, errors."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import loops
import numpy as np
import optax
import pytest
from goldens.answers import answer
from goldens.cases import CASES

import layers
import nn

OPTIMIZERS = {
    "GradientDescent": {},
    "Momentum": {"momentum": 0.9},
    "RMSProp": {},
    "Adam": {},
    "Adagrad": {},
    "Adadelta": {},
    "Ftrl": {},
    "ProximalGradientDescent": {},
    "ProximalAdagrad": {},
}
TRAJECTORIES = [
    case for case in CASES if case.name.startswith("loops.trajectory") and not answer(case).refused
]


def made(name, **given):
    return getattr(nn, f"{name}Optimizer")(**{"learning_rate": 0.1} | OPTIMIZERS[name] | given)


@pytest.mark.parametrize("case", TRAJECTORIES, ids=lambda case: case.name[17:])
def test_twenty_steps_end_within_a_millionth_of_the_real_ones(case):
    places, _ = case.program(SimpleNamespace(loops=loops))
    np.testing.assert_allclose(places, answer(case).outputs[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_schedules_arrays_and_floats_are_the_same_rate(name):
    params = {"w": jnp.array([1.0, -2.0])}

    def run(rate):
        optimizer = made(name, learning_rate=rate)
        step = jax.jit(lambda params, state: optimizer.update(params, state, params))
        values, state = params, optimizer.init(params)
        for _ in range(2):
            updates, state = step(values, state)
            values = optax.apply_updates(values, updates)
        return values["w"]

    for rate in (jnp.asarray(0.1), lambda step: nn.piecewise_constant(step, [9], [0.1, 0.0])):
        np.testing.assert_allclose(run(0.1), run(rate), rtol=1e-6)  # float32, in another order


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dtypes_and_structures_stay(name):
    params = {"w": jnp.ones([2], jnp.bfloat16), "more": [jnp.ones([]), jnp.ones([1, 2])]}
    optimizer = optax.chain(optax.clip(1.0), made(name))
    updates, state = optimizer.update(params, optimizer.init(params), params)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), updates) == jax.tree.map(
        lambda x: (x.shape, x.dtype), params
    )
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(params))


def test_slots_do_not_depend_on_the_order_of_their_names():
    # Dicts come sorted out of a jit.
    params = {"w": jnp.ones(2)}
    plain, renamed = (
        nn.FtrlOptimizer(0.1, accum_name=accum, linear_name=linear)
        for accum, linear in (("a", "b"), ("b", "a"))
    )
    ends = []
    for optimizer in (plain, renamed):
        step = jax.jit(lambda state, o=optimizer: o.update(params, state, params)[1])
        ends.append(nn.slot_variables(step(step(optimizer.init(params)))))
    np.testing.assert_array_equal(ends[0]["w/a"], ends[1]["w/b"])


def test_an_optimizer_of_some_variables():
    params = {"w": jnp.ones(2), "b": jnp.ones(2)}
    optimizer = optax.masked(nn.AdamOptimizer(0.1), {"w": True, "b": False})
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    assert updates["b"] is params["b"]
    assert (updates["w"] < 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.AdamOptimizer(None), "learning_rate must be"),
        (lambda: nn.AdamOptimizer(name=""), "got ''"),
        (lambda: nn.AdagradOptimizer(0.1, 0.0), "initial_accumulator_value must be positive"),
        (lambda: nn.FtrlOptimizer(0.1, 0.5), "learning_rate_power must be 0 or less, got 0.5"),
        (lambda: nn.FtrlOptimizer(0.1).update({}, nn.FtrlOptimizer(0.1).init({})), "opt_state, pa"),
        (lambda: nn.exponential_decay(0.1, None, 10, 0.9), "global_step is needed"),
        (lambda: nn.piecewise_constant(1, [2], [1.0]), "one value more than boundaries"),
        (lambda: nn.piecewise_constant(1, [2.0], [1.0, 2.0]), "x is int32"),
        (lambda: nn.ExponentialMovingAverage(0.9).apply({"w": 1.0}, {}), "no average of 'w'"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_only_floating_point_numbers_are_averaged():
    with pytest.raises(TypeError, match="'n' is int32"):
        nn.ExponentialMovingAverage(0.9).init({"n": jnp.asarray(1)})


def test_averages_keep_dtypes_and_what_they_are_not_given():
    ema = nn.ExponentialMovingAverage(0.5, num_updates=0)
    averages = ema.init({"w": jnp.ones(2, jnp.bfloat16), "b": jnp.ones(2)})
    moved = jax.jit(ema.apply)({"w": jnp.zeros(2, jnp.bfloat16)}, averages)
    assert ema.average("w", moved).dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(ema.average("w", moved)), 0.1, rtol=0.02)  # bfloat16
    np.testing.assert_array_equal(ema.average("b", moved), 1.0)
    assert ema.average("c", moved) is None


def test_a_model_is_restored_from_its_averages():
    variables = nn.transform(layers.BatchNormalization(name="bn")).variables(jnp.ones((2, 3)))
    restored = nn.ExponentialMovingAverage(0.9).variables_to_restore(variables)
    assert list(restored) == [
        "bn/gamma/ExponentialMovingAverage",
        "bn/beta/ExponentialMovingAverage",
        "bn/moving_mean",
        "bn/moving_variance",
    ]


@pytest.mark.parametrize(
    "decay",
    [
        lambda step: nn.exponential_decay(0.1, step, 10, 0.5, staircase=True),
        lambda step: nn.polynomial_decay(0.1, step, 10, cycle=True),
        lambda step: nn.cosine_decay_restarts(0.1, step, 10),
        lambda step: nn.piecewise_constant(step, [10, 20], [0.1, 0.01, 0.001]),
    ],
)
def test_decays_are_schedules(decay):
    steps = jnp.arange(25)
    at_once = jax.jit(jax.vmap(decay))(steps)
    np.testing.assert_allclose(at_once, [decay(int(n)) for n in steps], rtol=1e-5)  # float32 powers
    optimizer = optax.sgd(decay)
    updates, _ = optimizer.update({"w": jnp.ones(2)}, optimizer.init({"w": jnp.ones(2)}))
    np.testing.assert_allclose(updates["w"], -0.1)
