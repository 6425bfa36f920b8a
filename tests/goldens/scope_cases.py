"""Names, variable scopes and get_variable: small programs, as users write them."""

from __future__ import annotations

import numpy as np

from goldens.kit import Table

CASES = Table(gradients=False)
X = (2, 3)
IMAGES = (2, 4, 4, 2)


# Default names ------------------------------------------------------------------------------------


@CASES.program(IMAGES)
def every_default_name_of_slim(t, x):
    y = t.slim.conv2d(x, 2, 3)
    y = t.slim.separable_conv2d(y, 2, 3)
    y = t.slim.separable_conv2d(y, None, 3)
    y = t.slim.batch_norm(y)
    y = t.slim.bias_add(y)
    y = t.slim.max_pool2d(y, 2)
    y = t.slim.dropout(y, is_training=False)
    y = t.slim.fully_connected(t.slim.flatten(y), 2)
    return t.slim.softmax(y)


@CASES.program(IMAGES)
def every_default_name_of_layers(t, x):
    y = t.layers.conv2d(x, 2, 3, padding="same")
    y = t.layers.separable_conv2d(y, 2, 3, padding="same")
    y = t.layers.batch_normalization(y)
    y = t.layers.max_pooling2d(y, 2, 2)
    y = t.layers.dropout(y)
    return t.layers.dense(t.layers.flatten(y), 2)


@CASES.program(IMAGES)
def default_names_count_up(t, x):
    for _ in range(3):
        x = t.slim.conv2d(x, 2, 1)
        x = t.slim.batch_norm(x)
        x = t.layers.conv2d(x, 2, 1)
    return x


@CASES.program(IMAGES)
def explicit_default_name_then_default(t, x):
    x = t.slim.conv2d(x, 2, 1, scope="Conv")
    return t.slim.conv2d(x, 2, 1)


@CASES.program(IMAGES)
def explicit_numbered_name_between_defaults(t, x):
    x = t.slim.conv2d(x, 2, 1)
    x = t.slim.conv2d(x, 2, 1, scope="Conv_1")
    return t.slim.conv2d(x, 2, 1)


@CASES.program(IMAGES)
def explicit_numbered_name_taken_by_default(t, x):
    x = t.slim.conv2d(x, 2, 1, scope="Conv")
    x = t.slim.conv2d(x, 2, 1)
    return t.slim.conv2d(x, 2, 1, scope="Conv_1")


@CASES.program(IMAGES)
def numbered_name_first(t, x):
    x = t.slim.conv2d(x, 2, 1, scope="Conv_1")
    x = t.slim.conv2d(x, 2, 1)
    return t.slim.conv2d(x, 2, 1)


@CASES.program(X)
def numbered_layers_name_first(t, x):
    x = t.layers.dense(x, 3, name="dense_1")
    x = t.layers.dense(x, 3)
    return t.layers.dense(x, 3)


@CASES.program(X)
def an_empty_scope_counts_too(t, x):
    with t.variable_scope("fully_connected"):
        pass
    return t.slim.fully_connected(x, 2)


@CASES.program(X)
def default_names_are_counted_below_their_parents(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3)
    x = t.slim.fully_connected(x, 3)
    with t.variable_scope("b"):
        return t.slim.fully_connected(x, 3)


@CASES.program(X, skip="TensorFlow renames the second of two that differ only in case")
def other_case_of_the_default_name(t, x):
    x = t.slim.fully_connected(x, 3, scope="FULLY_CONNECTED")
    return t.slim.fully_connected(x, 3)


# Scopes -------------------------------------------------------------------------------------------


@CASES.program(X)
def nested_scopes(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3, scope="one")
        with t.variable_scope("b"):
            x = t.slim.fully_connected(x, 3, scope="two")
    with t.variable_scope("a/b"):
        return t.slim.fully_connected(x, 3, scope="three")


@CASES.program(X)
def reentered_scope_starts_counters_again(t, x):
    for _ in range(2):
        with t.variable_scope("a"):
            x = t.slim.fully_connected(x, 3)
    return x


@CASES.program(X)
def reentered_scope_shares_with_reuse(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(t.slim.fully_connected(x, 3), 3)
    with t.variable_scope("a", reuse=True):
        return t.slim.fully_connected(t.slim.fully_connected(x, 3), 3)


@CASES.program(X)
def reentered_scope_object_shares_with_reuse(t, x):
    with t.variable_scope("a") as scope:
        x = t.slim.fully_connected(x, 3)
    with t.variable_scope(scope, reuse=True):
        return t.slim.fully_connected(x, 3)


@CASES.program(X)
def reentered_scope_shares_with_auto_reuse(t, x):
    for _ in range(2):
        with t.variable_scope("a", reuse=t.AUTO_REUSE):
            x = t.slim.fully_connected(x, 3)
    return x


@CASES.program(X)
def reentered_scope_shares_layers(t, x):
    for _ in range(2):
        with t.variable_scope("a", reuse=t.AUTO_REUSE):
            x = t.layers.dense(x, 3)
    return x


@CASES.program(X)
def reentered_scope_layers_without_reuse(t, x):
    for _ in range(2):
        with t.variable_scope("a"):
            x = t.layers.dense(x, 3)
    return x


@CASES.program(X)
def default_scope_name_is_made_unique(t, x):
    for _ in range(3):
        with t.variable_scope(None, "Mod"):
            x = t.slim.fully_connected(x, 3, scope="fc")
    return x


@CASES.program(X)
def default_scope_name_below_a_scope(t, x):
    for _ in range(2):
        with t.variable_scope("a", reuse=t.AUTO_REUSE), t.variable_scope(None, "Mod", [x]):
            x = t.slim.fully_connected(x, 3, scope="fc")
    return x


@CASES.program(X)
def scope_name_beats_its_default(t, x):
    with t.variable_scope("Mod", "Zed", [x]):
        return t.slim.fully_connected(x, 3, scope="fc")


@CASES.program(X)
def default_name_with_reuse(t, x):
    with t.variable_scope(None, "Mod", reuse=True):
        return t.slim.fully_connected(x, 3)


@CASES.program(X)
def default_name_with_auto_reuse(t, x):
    with t.variable_scope(None, "Mod", reuse=t.AUTO_REUSE):
        return t.slim.fully_connected(x, 3)


@CASES.program(X)
def scope_object_is_absolute(t, x):
    with t.variable_scope("a") as a:
        x = t.slim.fully_connected(x, 3, scope="one")
    with t.variable_scope("b"):
        with t.variable_scope(a):
            x = t.slim.fully_connected(x, 3, scope="two")
        return t.slim.fully_connected(x, 3, scope="three")


@CASES.program(X)
def scope_object_as_argument(t, x):
    with t.variable_scope("a") as a:
        pass
    with t.variable_scope("b"):
        return t.slim.fully_connected(x, 3, scope=a)


@CASES.program(X)
def scope_object_names(t, x):
    with t.variable_scope("a"), t.variable_scope("b") as b:
        return [b.name, t.get_variable_scope().name, b.reuse, b.original_name_scope]


@CASES.program(X)
def root_scope(t, x):
    scope = t.get_variable_scope()
    x = t.slim.fully_connected(x, 3)
    return [scope.name, scope.reuse, x]


@CASES.program(X)
def reuse_variables_method(t, x):
    with t.variable_scope("a") as a:
        x = t.slim.fully_connected(x, 3, scope="fc")
        a.reuse_variables()
        return t.slim.fully_connected(x, 3, scope="fc")


@CASES.program(X)
def reuse_is_inherited(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3, scope="b/fc")
    with t.variable_scope("a", reuse=True), t.variable_scope("b"):
        return t.slim.fully_connected(x, 3, scope="fc")


@CASES.program(X)
def reuse_cannot_be_switched_off_inside(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3, scope="fc")
    with t.variable_scope("a", reuse=True) as a, t.variable_scope(a, reuse=False):
        return t.slim.fully_connected(x, 3, scope="fc")


@CASES.program(X)
def auto_reuse_with_another_shape(t, x):
    with t.variable_scope("a", reuse=t.AUTO_REUSE):
        x = t.slim.fully_connected(x, 3, scope="fc")
        return t.slim.fully_connected(x, 4, scope="fc")


@CASES.program(X)
def name_scope_leaves_variables_alone(t, x):
    with t.name_scope("n"):
        x = t.slim.fully_connected(x, 3)
        with t.variable_scope("v"):
            return t.layers.dense(x, 3)


@CASES.program(X)
def slash_in_scope(t, x):
    return t.slim.fully_connected(x, 2, scope="p/q")


@CASES.program(X)
def scope_without_a_name(t, x):
    with t.variable_scope(None):
        return x


@CASES.program(X)
def scope_with_an_illegal_name(t, x):
    with t.variable_scope("has space"):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def scope_beginning_with_a_dash(t, x):
    with t.variable_scope("-a"):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def scope_of_unusual_letters(t, x):
    with t.variable_scope(".a-b_c.1"):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def scope_of_a_wrong_type(t, x):
    with t.variable_scope(3):
        return x


@CASES.program(X)
def empty_scope_name(t, x):
    with t.variable_scope(""):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def scope_initializer_reaches_layers_but_not_slim(t, x):
    with t.variable_scope("a", initializer=t.constant_initializer(0.3)):
        x = t.layers.dense(x, 3)
        x = t.slim.fully_connected(x, 3)
        return x + t.get_variable("v", [1, 3])


@CASES.program(X)
def inner_scope_initializer_wins(t, x):
    with t.variable_scope("a", initializer=t.constant_initializer(0.3)):
        with t.variable_scope("b", initializer=t.ones_initializer()):
            x = t.layers.dense(x, 3)
        return t.layers.dense(x, 3)


@CASES.program(X)
def scope_regularizer_reaches_biases_too(t, x):
    with t.variable_scope("a", regularizer=t.slim.l2_regularizer(0.1)):
        x = t.layers.dense(x, 3)
        return t.slim.fully_connected(x, 3)


@CASES.program(X)
def scope_regularizer_reaches_get_variable(t, x):
    with t.variable_scope("a", regularizer=t.slim.l2_regularizer(0.1)):
        v = t.get_variable("v", [1, 3], initializer=t.zeros_initializer())
        w = t.get_variable("w", [1, 3], regularizer=t.slim.l1_regularizer(0.1))
        return x * v * w


@CASES.program(X)
def scope_regularizer_and_batch_norm(t, x):
    with t.variable_scope("a", regularizer=t.slim.l2_regularizer(0.1)):
        x = t.slim.batch_norm(x, scale=True, is_training=False)
        return t.layers.batch_normalization(x)


@CASES.program(X)
def custom_getter_renames(t, x):
    def renamed(getter, name, *args, **kwargs):
        return getter(name.replace("weights", "w"), *args, **kwargs)

    with t.variable_scope("a", custom_getter=renamed):
        x = t.slim.fully_connected(x, 3)
        return x * t.get_variable("weights_too", [1, 3])


@CASES.program(X)
def custom_getters_nest(t, x):
    def scaled(factor):
        def getter(getter, name, *args, **kwargs):
            return factor * getter(name, *args, **kwargs)

        return getter

    with t.variable_scope("a", custom_getter=scaled(2.0)):
        with t.variable_scope("b", custom_getter=scaled(5.0)):
            x = x * t.get_variable("v", [1, 3])
        return x * t.get_variable("w", [1, 3])


# get_variable -------------------------------------------------------------------------------------


@CASES.program(X)
def get_variable_twice(t, x):
    return x * t.get_variable("v", [1, 3]) * t.get_variable("v", [1, 3])


@CASES.program(X)
def get_variable_with_reuse(t, x):
    x = x * t.get_variable("v", [1, 3])
    with t.variable_scope(t.get_variable_scope(), reuse=True):
        return x + t.get_variable("v", [1, 3]) + t.get_variable("v")


@CASES.program(X)
def get_variable_that_is_not_there(t, x):
    with t.variable_scope("a", reuse=True):
        return t.get_variable("v", [1, 3])


@CASES.program(X)
def get_variable_of_another_shape(t, x):
    x = x * t.get_variable("v", [1, 3])
    with t.variable_scope(t.get_variable_scope(), reuse=True):
        return x + t.get_variable("v", [2, 3])


@CASES.program(X)
def get_variable_without_shape(t, x):
    return t.get_variable("v") * x


@CASES.program(X)
def get_variable_with_illegal_name(t, x):
    return t.get_variable("a b", [1, 3]) * x


@CASES.program(X)
def get_variable_of_a_constant(t, x):
    return t.get_variable("v", initializer=np.array([[1.0, 2.0, 3.0]], "float32")) * x


@CASES.program(X)
def get_variable_of_a_constant_with_shape(t, x):
    return t.get_variable("v", [1, 3], initializer=np.array([[1.0, 2.0, 3.0]], "float32")) * x


@CASES.program(X)
def get_variable_in_collections(t, x):
    v = t.get_variable("v", [1, 3], collections=["mine"])
    w = t.get_variable("w", [1, 3], trainable=False)
    return x * v * w


@CASES.program(X)
def get_variable_of_integers(t, x):
    v = t.get_variable(
        "v", [1, 3], dtype="int32", initializer=t.zeros_initializer(), trainable=False
    )
    return [x, v]


@CASES.program(X)
def get_variable_of_another_dtype_on_reuse(t, x):
    with t.variable_scope("a", reuse=t.AUTO_REUSE):
        x = x * t.get_variable("v", [1, 3])
        return x, t.get_variable("v", [1, 3], dtype="int32")
