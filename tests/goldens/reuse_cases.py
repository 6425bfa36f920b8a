"""Sharing variables, layer objects, repeat and stack: small programs, as users write them."""

from __future__ import annotations

from goldens.kit import Table

CASES = Table()
X = (2, 3)
IMAGES = (2, 4, 4, 2)


# Reuse of layers ----------------------------------------------------------------------------------


@CASES.program(X)
def reuse_by_scope(t, x):
    x = t.slim.fully_connected(x, 3, scope="fc")
    return t.slim.fully_connected(x, 3, scope="fc", reuse=True)


@CASES.program(X)
def reuse_without_scope(t, x):
    x = t.slim.fully_connected(x, 3)
    return t.slim.fully_connected(x, 3, reuse=True)


@CASES.program(X)
def same_scope_twice(t, x):
    x = t.slim.fully_connected(x, 3, scope="fc")
    return t.slim.fully_connected(x, 3, scope="fc")


@CASES.program(IMAGES)
def same_scope_twice_conv(t, x):
    x = t.slim.conv2d(x, 2, 3, scope="c")
    return t.slim.conv2d(x, 2, 3, scope="c")


@CASES.program(X)
def reuse_of_what_is_not_there(t, x):
    return t.slim.fully_connected(x, 3, scope="fc", reuse=True)


@CASES.program(X)
def reuse_with_another_shape(t, x):
    x = t.slim.fully_connected(x, 3, scope="fc")
    return t.slim.fully_connected(x, 4, scope="fc", reuse=True)


@CASES.program(IMAGES)
def reuse_conv_with_another_kernel(t, x):
    x = t.slim.conv2d(x, 2, 3, scope="c")
    return t.slim.conv2d(x, 2, 5, scope="c", reuse=True)


@CASES.program(X)
def layers_reuse_by_name(t, x):
    x = t.layers.dense(x, 3, name="fc")
    return t.layers.dense(x, 3, name="fc", reuse=True)


@CASES.program(X)
def layers_reuse_of_the_default_name(t, x):
    x = t.layers.dense(x, 3)
    return t.layers.dense(x, 3, reuse=True)


@CASES.program(X)
def layers_same_name_twice(t, x):
    x = t.layers.dense(x, 3, name="z")
    return t.layers.dense(x, 3, name="z")


@CASES.program(X)
def layers_reuse_with_another_shape(t, x):
    x = t.layers.dense(x, 3, name="fc")
    return t.layers.dense(x, 4, name="fc", reuse=True)


@CASES.program(X)
def reuse_adds_no_second_regularization(t, x):
    l2 = t.slim.l2_regularizer(0.1)
    x = t.slim.fully_connected(x, 3, scope="fc", weights_regularizer=l2)
    return t.slim.fully_connected(x, 3, scope="fc", reuse=True, weights_regularizer=l2)


@CASES.program((6, 3))
def batch_norm_reused_updates_twice(t, x):
    x = t.slim.batch_norm(x, decay=0.5, scope="bn")
    return t.slim.batch_norm(x * 2.0 + 1.0, decay=0.5, scope="bn", reuse=True)


@CASES.program((2, 2, 2, 3))
def layers_batch_norm_reused_updates_twice(t, x):
    x = t.layers.batch_normalization(x, momentum=0.5, training=True, name="bn")
    return t.layers.batch_normalization(
        x * 2.0 + 1.0, momentum=0.5, training=True, name="bn", reuse=True
    )


@CASES.program(X)
def slim_shares_with_get_variable(t, x):
    x = t.slim.fully_connected(x, 3, scope="fc")
    with t.variable_scope("fc", reuse=True):
        return t.nn.bias_add(x, t.get_variable("biases")) * t.get_variable("weights", [3, 3])[:1]


# Objects ------------------------------------------------------------------------------------------


@CASES.program(X)
def layer_object_called_twice_shares(t, x):
    layer = t.layers.Dense(3)
    return layer(layer(x))


@CASES.program(X)
def layer_objects_of_one_name(t, x):
    return t.layers.Dense(3, name="z")(t.layers.Dense(3, name="z")(x))


@CASES.program(X)
def layer_objects_without_name(t, x):
    return t.layers.Dense(3)(t.layers.Dense(3)(x))


@CASES.program(X)
def layer_object_takes_its_scope_at_the_first_call(t, x):
    layer = t.layers.Dense(3)
    with t.variable_scope("a"):
        x = layer(x)
    with t.variable_scope("b"):
        return layer(x)


@CASES.program(X)
def layer_object_then_function_of_one_name(t, x):
    x = t.layers.Dense(3, name="z")(x)
    return t.layers.dense(x, 3, name="z")


@CASES.program(X)
def layer_function_then_object_of_one_name(t, x):
    x = t.layers.dense(x, 3, name="z")
    return t.layers.Dense(3, name="z")(x)


@CASES.program(X)
def layer_objects_count_with_functions(t, x):
    x = t.layers.Dense(3)(x)
    x = t.layers.dense(x, 3)
    return t.layers.Dense(3)(x)


@CASES.program(X)
def layer_object_in_a_reused_scope(t, x):
    with t.variable_scope("a"):
        x = t.layers.Dense(3, name="z")(x)
    with t.variable_scope("a", reuse=True):
        return t.layers.Dense(3, name="z")(x)


@CASES.program(X)
def layer_apply_is_call(t, x):
    return t.layers.Dense(3).apply(x)


@CASES.program(X)
def layer_object_of_another_input_size(t, x):
    layer = t.layers.Dense(4)
    return layer(layer(x))


@CASES.program((2, 2, 2, 3))
def batch_norm_object_called_twice_updates_twice(t, x):
    layer = t.layers.BatchNormalization(momentum=0.5)
    return layer(layer(x, training=True) * 2.0 + 1.0, training=True)


# repeat and stack ---------------------------------------------------------------------------------


@CASES.program(IMAGES)
def repeat_conv(t, x):
    return t.slim.repeat(x, 2, t.slim.conv2d, 2, 3)


@CASES.program(IMAGES)
def repeat_conv_scope(t, x):
    return t.slim.repeat(x, 3, t.slim.conv2d, 2, [3, 1], scope="conv1")


@CASES.program(IMAGES)
def repeat_conv_twice(t, x):
    x = t.slim.repeat(x, 2, t.slim.conv2d, 2, 1)
    return t.slim.repeat(x, 1, t.slim.conv2d, 2, 1)


@CASES.program(IMAGES)
def repeat_separable(t, x):
    return t.slim.repeat(x, 2, t.slim.separable_conv2d, None, 3)


@CASES.program(X)
def repeat_partial(t, x):
    return t.slim.repeat(x, 2, t.slim.linear, 3)


@CASES.program(X)
def repeat_zero_times(t, x):
    return t.slim.repeat(x, 0, t.slim.fully_connected, 3)


@CASES.program(X)
def repeat_a_lambda(t, x):
    return t.slim.repeat(x, 2, lambda y, scope: y + 1.0)


@CASES.program(X)
def repeat_a_lambda_in_a_scope(t, x):
    return t.slim.repeat(
        x, 2, lambda y, scope: t.slim.fully_connected(y, 3, scope=scope), scope="r"
    )


@CASES.program(X)
def repeat_a_function(t, x):
    def block(y, width, scope):
        return t.slim.fully_connected(y, width, scope=scope)

    return t.slim.repeat(x, 2, block, 3)


@CASES.program(X)
def repeat_half_a_time(t, x):
    return t.slim.repeat(x, 1.5, t.slim.fully_connected, 3)


@CASES.program(X)
def repeat_reused(t, x):
    x = t.slim.repeat(x, 2, t.slim.fully_connected, 3, scope="r")
    with t.variable_scope(t.get_variable_scope(), reuse=True):
        return t.slim.repeat(x, 2, t.slim.fully_connected, 3, scope="r")


@CASES.program(X)
def stack_fully_connected(t, x):
    return t.slim.stack(x, t.slim.fully_connected, [4, 3, 2], scope="fc")


@CASES.program(X)
def stack_without_scope(t, x):
    return t.slim.stack(x, t.slim.fully_connected, (4, 2), activation_fn=None)


@CASES.program(IMAGES)
def stack_conv(t, x):
    return t.slim.stack(x, t.slim.conv2d, [(2, [1, 1]), (3, [3, 3])], scope="core")


@CASES.program(X)
def stack_of_no_list(t, x):
    return t.slim.stack(x, t.slim.fully_connected, 3)


@CASES.program(X)
def stack_of_nothing(t, x):
    return t.slim.stack(x, t.slim.fully_connected, [])


@CASES.program(X)
def stack_partial(t, x):
    return t.slim.stack(x, t.slim.relu, [3, 2])
