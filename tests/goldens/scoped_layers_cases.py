"""What reaches a layer through arg_scope: small programs, as users write them."""

from __future__ import annotations

from goldens.kit import Table

CASES = Table()
X = (2, 3)
IMAGES = (2, 4, 4, 2)


@CASES.program(IMAGES)
def a_positional_argument_of_a_layer_clashes(t, x):
    with t.slim.arg_scope([t.slim.conv2d], num_outputs=3):
        return t.slim.conv2d(x, 2, 3)


@CASES.program(IMAGES)
def a_layer_with_everything_from_the_scope(t, x):
    with t.slim.arg_scope([t.slim.conv2d], num_outputs=3, kernel_size=3, inputs=x, stride=2):
        return t.slim.conv2d()


@CASES.program(IMAGES)
def normalizer_params_of_the_inner_scope_replace(t, x):
    with (
        t.slim.arg_scope(
            [t.slim.conv2d],
            normalizer_fn=t.slim.batch_norm,
            normalizer_params={"decay": 0.5, "scale": True},
        ),
        t.slim.arg_scope([t.slim.conv2d], normalizer_params={"decay": 0.7}),
    ):
        return t.slim.conv2d(x, 2, 3)


@CASES.program(IMAGES)
def batch_norm_scope_reaches_the_normalizer(t, x):
    with (
        t.slim.arg_scope([t.slim.conv2d], normalizer_fn=t.slim.batch_norm),
        t.slim.arg_scope([t.slim.batch_norm], scale=True, decay=0.5),
    ):
        return t.slim.conv2d(x, 2, 3)


@CASES.program(IMAGES)
def normalizer_params_beat_the_batch_norm_scope(t, x):
    with (
        t.slim.arg_scope(
            [t.slim.conv2d],
            normalizer_fn=t.slim.batch_norm,
            normalizer_params={"decay": 0.9, "is_training": True},
        ),
        t.slim.arg_scope([t.slim.batch_norm], scale=True, decay=0.5, is_training=False),
    ):
        return t.slim.conv2d(x, 2, 3)


@CASES.program(X)
def partials_obey_the_scope_of_what_they_wrap(t, x):
    with t.slim.arg_scope(
        [t.slim.fully_connected],
        activation_fn=t.nn.tanh,
        weights_regularizer=t.slim.l2_regularizer(0.1),
        biases_initializer=None,
    ):
        return t.slim.relu(t.slim.linear(x, 3), 2)


@CASES.program(IMAGES)
def repeat_inside_a_scope(t, x):
    with t.slim.arg_scope([t.slim.conv2d], activation_fn=None, padding="VALID"):
        return t.slim.repeat(x, 2, t.slim.conv2d, 2, 2)


@CASES.program(IMAGES)
def scopes_of_several_layers(t, x):
    with (
        t.slim.arg_scope(
            [t.slim.conv2d, t.slim.separable_conv2d, t.slim.fully_connected],
            weights_regularizer=t.slim.l2_regularizer(0.1),
            activation_fn=t.nn.relu6,
        ),
        t.slim.arg_scope([t.slim.conv2d, t.slim.max_pool2d], padding="SAME", stride=1),
        t.slim.arg_scope([t.slim.dropout, t.slim.batch_norm], is_training=False),
        t.slim.arg_scope([t.slim.separable_conv2d], depth_multiplier=2),
    ):
        x = t.slim.conv2d(x, 2, 3)
        x = t.slim.max_pool2d(x, 2)
        x = t.slim.separable_conv2d(x, 3, 3)
        x = t.slim.batch_norm(x)
        x = t.slim.dropout(t.slim.flatten(x))
        return t.slim.fully_connected(x, 2, activation_fn=None)


@CASES.program(X)
def reuse_from_a_scope(t, x):
    with t.slim.arg_scope([t.slim.fully_connected], scope="fc", reuse=t.AUTO_REUSE):
        return t.slim.fully_connected(t.slim.fully_connected(x, 3), 3)


@CASES.program(X)
def scope_survives_a_variable_scope(t, x):
    with (
        t.slim.arg_scope([t.slim.fully_connected], activation_fn=None),
        t.variable_scope("a"),
        t.slim.arg_scope([t.slim.fully_connected], biases_initializer=None),
    ):
        return t.slim.fully_connected(x, 2)


@CASES.program(X)
def variable_scope_from_an_arg_scope(t, x):
    with t.slim.arg_scope([t.slim.model_variable, t.slim.variable], collections=["mine"]):
        return t.slim.fully_connected(x, 2)
