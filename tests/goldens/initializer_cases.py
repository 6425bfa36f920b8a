"""Initializers (the spread of what they draw, and what they refuse) and regularizers."""

from __future__ import annotations

import itertools

import numpy as np

from goldens.kit import Table

CASES = Table(gradients=False)
X = (1, 3)
# Ranks 1 to 5; fan-in, fan-out and their mean all differ.
SHAPES = [(600,), (20, 70), (5, 20, 14), (3, 3, 8, 20), (2, 3, 2, 8, 15)]


def drawing(name, make, shape=(20, 70), dtype="float32"):
    """A program that makes one variable: the spread of its first value is recorded."""

    def program(t, x):
        t.get_variable("v", list(shape), dtype, initializer=make(t))
        return x

    program.__name__ = f"{name}_of_{'x'.join(map(str, shape)) or 'a_scalar'}"
    if dtype != "float32":
        program.__name__ += f"_{dtype}"
    CASES.program(X, statistics=True)(program)


def first_value(name, make, shape, dtype="float32"):
    """A program that draws nothing random: the very numbers are compared."""

    def program(t, x):
        return t.first_value(make(t), shape, dtype)

    program.__name__ = f"first_value_{name}"
    CASES.program(X)(program)


def from_slim(**kwargs):
    return lambda t: t.slim.variance_scaling_initializer(**kwargs)


def from_tf(name, *args, **kwargs):
    return lambda t: getattr(t, f"{name}_initializer")(*args, **kwargs)


for shape in SHAPES:
    for mode, uniform in itertools.product(["FAN_IN", "FAN_OUT", "FAN_AVG"], [True, False]):
        kind = "uniform" if uniform else "normal"
        drawing(f"slim_{mode}_{kind}", from_slim(mode=mode, uniform=uniform), shape)
    drawing("slim_factor", from_slim(factor=0.3), shape)
    drawing("slim_xavier", lambda t: t.slim.xavier_initializer(), shape)
    drawing("slim_xavier_normal", lambda t: t.slim.xavier_initializer(uniform=False), shape)
    for mode, kind in itertools.product(
        ["fan_in", "fan_out", "fan_avg"], ["uniform", "truncated_normal"]
    ):
        drawing(f"tf_{mode}_{kind}", from_tf("variance_scaling", 1.0, mode, kind), shape)
    for name in ["glorot", "he", "lecun"]:
        drawing(f"tf_{name}_uniform", from_tf(f"{name}_uniform"), shape)
        drawing(f"tf_{name}_normal", from_tf(f"{name}_normal"), shape)
    drawing("tf_unit_scaling", from_tf("uniform_unit_scaling", 1.43), shape)

for factor in [1, 2, 1e-4, 100.0, 0.0]:
    for uniform in [True, False]:
        kind = "uniform" if uniform else "normal"
        drawing(f"slim_{kind}_factor_{factor}", from_slim(factor=factor, uniform=uniform))
drawing("slim_xavier_conv2d", lambda t: t.slim.xavier_initializer_conv2d())
drawing("slim_xavier_seed", lambda t: t.slim.xavier_initializer(seed=3))
drawing("slim_of_the_namespace", lambda t: t.slim.initializers.xavier_initializer())
drawing("slim_half", lambda t: t.slim.xavier_initializer(), dtype="float16")
first_value("slim_int", lambda t: t.slim.xavier_initializer(), (2, 3), "int32")
first_value("slim_negative", from_slim(factor=-2.0), (2, 3))
first_value("slim_factor_text", from_slim(factor="a"), (2, 3))
drawing("slim_mode_lower", from_slim(mode="fan_in"))
drawing("slim_mode_none", from_slim(mode=None))

for scale in [2, 0.5, 1e-3]:
    for kind in ["normal", "UNIFORM"]:
        drawing(f"tf_scale_{scale}_{kind}", from_tf("variance_scaling", scale, distribution=kind))
for row in [{"scale": 0.0}, {"scale": -1.0}, {"scale": "a"}, {"mode": "FAN_IN"}]:
    drawing(f"tf_refuses_{next(iter(row.values()))}", from_tf("variance_scaling", **row))
drawing("tf_refuses_a_distribution", from_tf("variance_scaling", distribution="gaussian"))
drawing("tf_unit_scaling_default", from_tf("uniform_unit_scaling"))
first_value("tf_unit_scaling_int", from_tf("uniform_unit_scaling"), (3, 4), "int32")

drawing("tf_truncated", from_tf("truncated_normal"))
drawing("tf_truncated_stddev", from_tf("truncated_normal", 0.0, 0.01))
drawing("tf_truncated_mean", from_tf("truncated_normal", mean=1.0, stddev=2.0))
drawing("tf_truncated_half", from_tf("truncated_normal"), dtype="float16")
first_value("tf_truncated_int", from_tf("truncated_normal"), (2, 3), "int32")
first_value("tf_normal_int", from_tf("random_normal"), (2, 3), "int32")
drawing("tf_uniform", from_tf("random_uniform"))
drawing("tf_uniform_symmetric", from_tf("random_uniform", -0.1, 0.1))
drawing("tf_uniform_high", from_tf("random_uniform", minval=-3.0, maxval=None))
drawing("tf_uniform_of_ints", from_tf("random_uniform", 0, 1_000_000), dtype="int32")
first_value("tf_uniform_of_ints_without_a_limit", from_tf("random_uniform"), (2, 3), "int32")
for name, shape in itertools.product(["identity", "orthogonal"], [(), (3,)]):
    first_value(f"{name}_of_rank_{len(shape)}", from_tf(name), shape)
first_value("identity_of_rank_3", from_tf("identity"), (2, 2, 2))
for name in ["identity", "orthogonal"]:
    first_value(f"{name}_of_ints", from_tf(name), (2, 2), "int32")


for name, value, shape, kwargs in [
    ("list", [1, 2, 3], (3,), {}),
    ("list_reshaped", [1, 2, 3, 4], (2, 2), {}),
    ("list_filled_up", [1, 2, 3], (5,), {}),
    ("list_too_long", [1, 2, 3], (2,), {}),
    ("one_element", [7], (2, 2), {}),
    ("array_flattened", np.ones((2, 2)), (4,), {}),
    ("bool", True, (2,), {}),
    ("text", "a", (2,), {}),
    ("dict", {}, (2,), {}),
    ("none", None, (2,), {}),
    ("nothing", [], (2,), {}),
    ("shape_verified", [[1, 2], [3, 4]], (2, 2), {"verify_shape": True}),
    ("shape_refused", [1, 2, 3, 4], (2, 2), {"verify_shape": True}),
]:
    first_value(f"constant_{name}", from_tf("constant", value, **kwargs), shape)
first_value("constant_float_of_an_int", from_tf("constant", 1.5), (2,), "int32")
first_value("constant_int_of_an_int", from_tf("constant", 3), (2,), "int32")
for name in ["zeros", "ones"]:
    for dtype in ["int32", "float16", "bool"]:
        first_value(f"{name}_{dtype}", from_tf(name), (2, 2), dtype)
for shape in [(3, 3), (3, 5), (5, 3)]:
    first_value(f"identity_{shape}", from_tf("identity"), shape)
    first_value(f"identity_gain_{shape}", from_tf("identity", 2.0), shape)


# Regularizers -------------------------------------------------------------------------------------

SCALES = [0.5, 1e-10, 100.0, 0.0, -0.1, 0, 1, True, np.float32(0.5), np.int32(1)]
WEIGHTS = [(4,), (2, 3), (3, 2, 1, 2)]


def regularizing(name, make, *inputs, **fields):
    """A program that regularizes an input, or says that it returned None."""

    def program(t, *weights):
        losses = [make(t)(w) for w in weights]
        return ["no loss" if loss is None else loss for loss in losses]

    program.__name__ = name
    CASES.program(*(inputs or [(2, 3)]), **{"gradients": True} | fields)(program)


def of_slim(name, *args, **kwargs):
    return lambda t: getattr(t.slim, name)(*args, **kwargs)


for name, (i, scale) in itertools.product(["l1", "l2"], enumerate(SCALES)):
    regularizing(f"{name}_scale_{i}_{scale}", of_slim(f"{name}_regularizer", scale), *WEIGHTS)
for i, (one, two) in enumerate(
    [(0.5, 0.25), (0.0, 0.5), (0.5, 0.0), (0.0, 0.0), (1, 0.5), (0.5, 1), (-0.5, 0.5), (0.5, -0.5)]
):
    regularizing(f"l1_l2_scales_{i}", of_slim("l1_l2_regularizer", one, two), *WEIGHTS)
regularizing("l1_l2_default", of_slim("l1_l2_regularizer"))
regularizing("l1_l2_named", of_slim("l1_l2_regularizer", scale_l2=0.5, scope="both"))
regularizing("l1_l2_int", of_slim("l1_l2_regularizer", 1))
regularizing(
    "l2_of_the_namespace", lambda t: t.slim.regularizers.l2_regularizer(0.5, scope="named")
)


def several(t, *scales):
    made = {"1": t.slim.l1_regularizer, "2": t.slim.l2_regularizer}
    return [None if s is None else made[s[0]](float(s[1:])) for s in scales]


for i, scales in enumerate(
    [("10.5", "20.5"), ("10.5", None, "20.25"), (None,), (), ("10.0",), ("10.0", "20.5"), ("20.5",)]
):

    def summed(t, x, scales=scales):
        regularizer = t.slim.sum_regularizer(several(t, *scales))
        if regularizer is None:
            return "no regularizer"
        loss = regularizer(x)
        return "no loss" if loss is None else loss

    summed.__name__ = f"sum_of_regularizers_{i}"
    CASES.program((2, 3), gradients=True)(summed)


@CASES.program((2, 3))
def sum_of_no_list(t, x):
    return t.slim.sum_regularizer(t.slim.l2_regularizer(0.5))


@CASES.program((2, 3))
def sum_of_what_is_no_regularizer(t, x):
    return t.slim.sum_regularizer([3])(x)


APPLIED = {
    "l2": lambda t: t.slim.l2_regularizer(0.5),
    "l1": lambda t: t.slim.l1_regularizer(0.25),
    "nothing": lambda t: t.slim.l2_regularizer(0.0),
    "none": lambda t: lambda w: None,
    "some": lambda t: lambda w: t.slim.l2_regularizer(0.5)(w) if len(w.shape) == 2 else None,
    "no_scalar": lambda t: lambda w: w,
    "no_function": lambda t: 3,
}
for name, make in APPLIED.items():

    def applied(t, *weights, make=make):
        return t.slim.apply_regularization(make(t), list(weights))

    applied.__name__ = f"apply_{name}"
    CASES.program((2, 3), (4,))(applied)


@CASES.program((2, 3))
def apply_to_nothing(t, x):
    return t.slim.apply_regularization(t.slim.l2_regularizer(0.5), [])


@CASES.program((2, 3))
def apply_to_no_collection(t, x):
    return t.slim.apply_regularization(t.slim.l2_regularizer(0.5))


@CASES.program((2, 3))
def apply_to_the_collection_of_weights(t, x):
    v = t.slim.model_variable("v", [2, 3], collections=[t.GraphKeys.WEIGHTS])
    w = t.slim.variable("w", [3], collections=[t.GraphKeys.WEIGHTS])
    total = t.slim.apply_regularization(t.slim.l2_regularizer(0.5))
    return [total, v, w]


@CASES.program((2, 3))
def apply_to_variables(t, x):
    t.slim.fully_connected(x, 2, scope="fc")
    weights = t.slim.get_variables(suffix="weights")
    return t.slim.apply_regularization(t.slim.l1_regularizer(0.5), weights)


@CASES.program((2, 3))
def losses_of_regularized_variables(t, x):
    slim = t.slim
    with t.variable_scope("a"):
        slim.variable("v", [2, 3], regularizer=slim.l2_regularizer(0.5))
        slim.model_variable("m", [3], regularizer=slim.l1_l2_regularizer(0.5, 0.25))
        slim.variable("none", [3], regularizer=slim.l2_regularizer(0.0))
    with t.variable_scope("b", regularizer=slim.l1_regularizer(0.5)):
        slim.variable("v", [2, 3])
        slim.variable("own", [2, 3], regularizer=slim.l2_regularizer(1.0))
    slim.variable("plain", [3])
    return x
