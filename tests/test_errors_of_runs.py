"""What a person reads who made a mistake with runs, variables and scopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mistakes import IMAGES, ROWS, cases, check, run, says

import layers
import nn
import slim

NEEDS_A_MODEL = (
    "{} at <1> needs a running model. Put the code in a function and transform it: "
    "`net = nn.transform(fn)`, then `params, state = net.init(key, ...)` and "
    "`out, state = net.apply(params, state, ...)`."
)
WOULD_LEAK = (
    "{} at <1> happens inside a jit, grad, vmap, scan, cond or checkpoint that was opened inside "
    "the model, and its value would leak out of it. Transform the inner block with nn.transform "
    "and pass its params in, or put the jit around init and apply."
)
NO_LEGAL_NAME = (
    "{!r} at <1> is not a legal name: use letters, digits and _ . \\ / > -{}. "
    "Give the layer or the variable another name."
)
AT_ROOT = ", and start with a letter, a digit or a dot"


# Outside of a running model -----------------------------------------------------------------------


@says(ValueError, NEEDS_A_MODEL.format("get_variable('w')"))
def get_variable_outside():
    nn.get_variable("w", [3])  # line 1


@says(ValueError, NEEDS_A_MODEL.format("Dense"))
def layer_outside():
    layers.Dense(3)(ROWS)  # line 1


@says(ValueError, NEEDS_A_MODEL.format("variable_scope"))
def slim_layer_outside():
    slim.fully_connected(ROWS, 3)  # line 1


@says(ValueError, NEEDS_A_MODEL.format("name_scope"))
def slim_pool_outside():
    slim.max_pool2d(IMAGES, 2)  # line 1


@says(ValueError, NEEDS_A_MODEL.format("get_collection"))
def collection_outside():
    nn.get_collection("mine")  # line 1


# Variables ----------------------------------------------------------------------------------------


@says(
    ValueError,
    "variable 'fc/kernel' at <2> already exists: <1> made it. To share it, open its scope "
    "with reuse=True or reuse=nn.AUTO_REUSE; to have another, give the layer another name.",
)
def variable_made_twice():
    def model(x):
        layers.dense(x, 3, name="fc")  # line 1
        return layers.dense(x, 3, name="fc")  # line 2

    run(model, ROWS)


@says(
    ValueError,
    "variable 'c/weights' at <2> already exists: <1> made it. To share it, open its scope "
    "with reuse=True or reuse=nn.AUTO_REUSE; to have another, give the layer another name.",
)
def slim_variable_made_twice():
    def model(x):
        slim.conv2d(x, 3, 3, scope="c")  # line 1
        return slim.conv2d(x, 3, 3, scope="c")  # line 2

    run(model, IMAGES)


@says(
    ValueError,
    "variable 'fd/weights' at <1> does not exist, and its scope has reuse=True. Use "
    "reuse=nn.AUTO_REUSE to make it. The nearest name is 'fc/weights'.",
)
def reused_variable_is_missing():
    def model(x):
        slim.fully_connected(x, 3, scope="fc")
        return slim.fully_connected(x, 3, scope="fd", reuse=True)  # line 1

    run(model, ROWS)


@says(
    ValueError,
    "variable 'a/v' at <1> does not exist, and its scope has reuse=True. Use "
    "reuse=nn.AUTO_REUSE to make it.",
)
def reused_variable_is_missing_among_none():
    def model():
        with nn.variable_scope("a", reuse=True):
            return nn.get_variable("v", [3])  # line 1

    run(model)


@says(
    ValueError,
    "variable 'fc/kernel' at <2> is asked for with shape (3, 4), but <1> made it with (3, 3).",
)
def reused_variable_has_another_shape():
    def model(x):
        layers.dense(x, 3, name="fc")  # line 1
        return layers.dense(x, 4, name="fc", reuse=True)  # line 2

    run(model, ROWS)


@says(
    ValueError, "variable 'a/v' at <2> is asked for with dtype int32, but <1> made it with float32."
)
def reused_variable_has_another_dtype():
    def model():
        with nn.variable_scope("a", reuse=nn.AUTO_REUSE):
            nn.get_variable("v", [3])  # line 1
            nn.get_variable("v", [3], jnp.int32)  # line 2

    run(model)


@says(ValueError, "variable 'v' at <1>: its shape is needed to make it.")
def variable_without_shape():
    run(lambda: nn.get_variable("v"))  # line 1


@says(
    ValueError, "variable 'v' at <1>: an array as initializer has its own shape; leave shape out."
)
def variable_with_two_shapes():
    run(lambda: nn.get_variable("v", [3], initializer=np.zeros(3, "float32")))  # line 1


@says(ValueError, NO_LEGAL_NAME.format("a b", AT_ROOT))
def variable_with_an_illegal_name():
    run(lambda: nn.get_variable("a b", [3]))  # line 1


@says(ValueError, NO_LEGAL_NAME.format("_fc", AT_ROOT))
def scope_with_an_illegal_name():
    run(lambda x: slim.fully_connected(x, 3, scope="_fc"), ROWS)  # line 1


@says(ValueError, NO_LEGAL_NAME.format("<lambda>_1", ""))
def inner_scope_with_an_illegal_name():
    def model(x):
        with nn.variable_scope("a"):
            return slim.repeat(x, 2, lambda x, scope: slim.linear(x, 3, scope=scope))  # line 1

    run(model, ROWS)


@says(ValueError, WOULD_LEAK.format("making the variable 'dense/kernel'"))
def variable_made_inside_a_jit():
    def model(x):
        return jax.jit(lambda x: layers.dense(x, 3))(x)  # line 1

    run(model, ROWS)


@says(ValueError, WOULD_LEAK.format("drawing a random key"))
def random_key_inside_a_scan():
    def model(x):
        def step(carry, row):
            return carry, slim.dropout(row)  # line 1

        return jax.lax.scan(step, None, x)

    run(model, ROWS)


@says(ValueError, WOULD_LEAK.format("assigning to 'n'"))
def assignment_inside_a_cond():
    def model():
        nn.get_variable("n", [], trainable=False)
        jax.lax.cond(True, lambda: nn.assign("n", 1.0), lambda: None)  # line 1

    run(model)


@says(ValueError, WOULD_LEAK.format("adding to the collection 'mine'"))
def collection_inside_a_jit():
    run(jax.jit(lambda x: nn.add_to_collection("mine", x)), ROWS)  # line 1


@says(
    ValueError,
    "assign at <1>: the run made no variable 'stop'. The nearest name is 'step'.",
)
def assignment_to_nothing():
    def model():
        nn.get_variable("step", [], trainable=False)
        nn.assign("stop", 1.0)  # line 1

    run(model)


@says(
    ValueError,
    "assign at <2>: 'scale' is in params, and apply returns only state. Make it with "
    "trainable=False at <1>.",
)
def assignment_to_a_parameter():
    def model():
        nn.get_variable("scale", [])  # line 1
        nn.assign("scale", 1.0)  # line 2

    nn.transform(model).apply({"scale": jnp.ones(())}, {})


@says(ValueError, "assign at <1>: 'mean' is float32[3], and the value float32[4].")
def assignment_of_another_shape():
    def model():
        nn.get_variable("mean", [3], trainable=False)
        nn.assign("mean", jnp.ones(4))  # line 1

    run(model)


@says(ValueError, "assign at <1>: 'step' is int32[], and the value float32[].")
def assignment_of_another_dtype():
    def model():
        nn.get_variable("step", [], jnp.int32, trainable=False)
        nn.assign("step", jnp.ones(()))  # line 1

    run(model)


# Running ------------------------------------------------------------------------------------------


@says(
    ValueError,
    "<1> draws random numbers (dropout in training mode?) and apply was given no key: "
    "net.apply(params, state, ..., rng=jax.random.key(0)).",
)
def apply_without_a_key():
    nn.transform(lambda x: slim.dropout(x)).apply({}, {}, ROWS)  # line 1


@says(
    ValueError,
    "apply was given no value for 'fc/weights', shape (3, 3), which <1> asks for. The "
    "nearest name is 'fc/weight'. Make params and state with init.",
)
def apply_without_a_variable():
    def model(x):
        return slim.fully_connected(x, 3, scope="fc")  # line 1

    nn.transform(model).apply({"fc/weight": jnp.ones((3, 3))}, {}, ROWS)


@says(
    ValueError,
    "apply was given no value for 'fc/weights', shape (3, 3), which <1> asks for. Make "
    "params and state with init.",
)
def apply_without_variables():
    def model(x):
        return slim.fully_connected(x, 3, scope="fc")  # line 1

    nn.transform(model).apply({}, {}, ROWS)


@says(ValueError, "'fc/weights' has shape (3, 4) in what apply was given, and <1> asks for (3, 3).")
def apply_with_another_shape():
    def model(x):
        return slim.fully_connected(x, 3, scope="fc")  # line 1

    nn.transform(model).apply({"fc/weights": jnp.ones((3, 4))}, {}, ROWS)


# Scopes -------------------------------------------------------------------------------------------


@says(TypeError, "variable_scope: name_or_scope is None, so default_name is required.")
def scope_of_no_name():
    def model():
        with nn.variable_scope(None):  # line 1
            pass

    run(model)


@says(TypeError, "variable_scope: name_or_scope must be a string or a VariableScope, got 7.")
def scope_that_is_no_name():
    run(lambda x: slim.fully_connected(x, 3, scope=7), ROWS)  # line 1


@says(ValueError, "variable_scope: reuse must be True, False, None or nn.AUTO_REUSE, got 'yes'.")
def reuse_that_is_no_choice():
    run(lambda x: slim.fully_connected(x, 3, reuse="yes"), ROWS)  # line 1


@says(
    ValueError,
    "reuse=True at <1> needs a name: a default name is always a new one. Give the scope= or "
    "name= of the layer whose variables are to be used again.",
)
def reuse_without_a_name():
    run(lambda x: slim.fully_connected(x, 3, reuse=True), ROWS)  # line 1


@pytest.mark.parametrize("case", cases(globals()))
def test_a_mistake_is_explained(case):
    check(case)
