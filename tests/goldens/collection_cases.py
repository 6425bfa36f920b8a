"""End points, collections and TF-Slim's variable finders: small programs, as users write them."""

from __future__ import annotations

import numpy as np

from goldens.kit import Input, Table

CASES = Table(gradients=False)
X = (2, 3)
IMAGES = (2, 4, 4, 2)


# Collections and end points -----------------------------------------------------------------------


def ends(t, name="ends"):
    return dict(t.slim.utils.convert_collection_to_dict(name))


@CASES.program(IMAGES)
def end_points_of_a_net(t, x):
    with (
        t.slim.arg_scope(
            [
                t.slim.conv2d,
                t.slim.max_pool2d,
                t.slim.avg_pool2d,
                t.slim.fully_connected,
                t.slim.flatten,
                t.slim.dropout,
                t.slim.batch_norm,
            ],
            outputs_collections="ends",
        ),
        t.variable_scope("net"),
    ):
        x = t.slim.conv2d(x, 2, 3)
        x = t.slim.max_pool2d(x, 2, scope="pool1")
        x = t.slim.avg_pool2d(x, 2)
        x = t.slim.batch_norm(x, is_training=False)
        x = t.slim.dropout(t.slim.flatten(x), is_training=False)
        t.slim.fully_connected(x, 2, scope="logits")
    return ends(t)


@CASES.program(IMAGES)
def end_points_of_normalized_convolutions(t, x):
    with t.slim.arg_scope([t.slim.conv2d, t.slim.batch_norm], outputs_collections="ends"):
        t.slim.conv2d(x, 2, 3, normalizer_fn=t.slim.batch_norm)
    return ends(t)


@CASES.program(IMAGES)
def end_points_of_pools_follow_the_name_scope(t, x):
    for _ in range(2):
        with t.variable_scope("a", reuse=t.AUTO_REUSE):
            x = t.slim.conv2d(x, 2, 3, scope="c", outputs_collections="ends")
            x = t.slim.max_pool2d(x, 2, stride=1, outputs_collections="ends")
    return ends(t)


@CASES.program(IMAGES)
def end_points_below_a_name_scope(t, x):
    with t.name_scope("n"):
        x = t.slim.conv2d(x, 2, 3, outputs_collections="ends")
        t.slim.max_pool2d(x, 2, outputs_collections="ends")
    return ends(t)


@CASES.program(IMAGES)
def end_points_of_repeat(t, x):
    with t.slim.arg_scope([t.slim.conv2d], outputs_collections="ends"):
        t.slim.repeat(x, 2, t.slim.conv2d, 2, 1, scope="r")
        t.slim.repeat(x, 2, t.slim.conv2d, 2, 1)
    return ends(t)


@CASES.program(IMAGES)
def end_points_of_separable(t, x):
    with t.slim.arg_scope([t.slim.separable_conv2d, t.slim.bias_add], outputs_collections="ends"):
        x = t.slim.separable_conv2d(x, None, 3)
        x = t.slim.separable_conv2d(x, 2, 3)
        t.slim.bias_add(x)
    return ends(t)


@CASES.program(IMAGES)
def end_points_in_two_collections(t, x):
    t.slim.conv2d(x, 2, 1, outputs_collections=["ends", "more"])
    return [ends(t), ends(t, "more"), ends(t, "none")]


@CASES.program(IMAGES)
def end_points_collected_by_hand(t, x):
    t.slim.utils.collect_named_outputs("ends", "input", x)
    y = t.slim.utils.collect_named_outputs("ends", "double", x + x)
    t.slim.utils.collect_named_outputs(None, "nothing", y)
    t.slim.utils.collect_named_outputs("", "nothing", y)
    return ends(t)


@CASES.program(IMAGES)
def end_points_under_two_aliases(t, x):
    y = x + x
    t.slim.utils.collect_named_outputs("ends", "one", y)
    t.slim.utils.collect_named_outputs("ends", "two", y)
    return ends(t)


@CASES.program(IMAGES)
def end_points_are_cleared_when_asked(t, x):
    t.slim.conv2d(x, 2, 1, outputs_collections="ends")
    first = dict(t.slim.utils.convert_collection_to_dict("ends", clear_collection=True))
    return [list(first), list(ends(t))]


@CASES.program(IMAGES)
def plain_collections(t, x):
    t.add_to_collection("mine", x)
    t.add_to_collection("mine", x + 1.0)
    return [*t.get_collection("mine"), len(t.get_collection("other"))]


@CASES.program(IMAGES)
def update_ops_are_counted(t, x):
    counts = []
    for training in [True, False]:
        x = t.slim.batch_norm(x, is_training=training)
        x = t.layers.batch_normalization(x, training=training)
        counts.append(len(t.get_collection(t.GraphKeys.UPDATE_OPS)))
    return counts


# TF-Slim's variables ------------------------------------------------------------------------------


def some_variables(t, x):
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3, scope="fc", normalizer_fn=t.slim.batch_norm)
        x = t.slim.fully_connected(x, 3, scope="out")
    with t.variable_scope("ab"):
        x = t.layers.dense(x, 3)
    t.slim.variable("plain", [1, 3], initializer=t.zeros_initializer(), trainable=False)
    t.slim.model_variable("model", [2, 3], initializer=t.ones_initializer())
    return x


@CASES.program(X)
def variable_finders(t, x):
    some_variables(t, x)
    slim, names = t.slim, t.names
    return {
        "all": names(slim.get_variables()),
        "scope": names(slim.get_variables("a")),
        "scope with a slash": names(slim.get_variables("a/")),
        "suffix": names(slim.get_variables(suffix="weights")),
        "scope and suffix": names(slim.get_variables("a/fc", suffix="beta")),
        "model": names(slim.get_model_variables()),
        "model in scope": names(slim.get_model_variables("a")),
        "trainable": names(slim.get_trainable_variables()),
        "trainable in scope": names(slim.get_trainable_variables("a/out")),
        "local": names(slim.get_local_variables()),
        "by suffix": names(slim.get_variables_by_suffix("biases")),
        "by suffix in scope": names(slim.get_variables_by_suffix("s", "a/out")),
        "by name": names(slim.get_variables_by_name("weights")),
        "by name in scope": names(slim.get_variables_by_name("weights", "a/fc")),
        "by part of a name": names(slim.get_variables_by_name("weight")),
        "nothing": names(slim.get_variables("zzz")),
        "unique": names([slim.get_unique_variable("a/fc/weights")]),
    }


@CASES.program(X)
def variables_to_restore(t, x):
    some_variables(t, x)
    slim, names = t.slim, t.names
    return {
        "all": names(slim.get_variables_to_restore()),
        "include": names(slim.get_variables_to_restore(include=["a"])),
        "exclude": names(slim.get_variables_to_restore(exclude=["a/fc", "plain"])),
        "both": names(slim.get_variables_to_restore(include=["a"], exclude=["a/out/biases"])),
        "empty include": names(slim.get_variables_to_restore(include=[])),
    }


@CASES.program(X)
def variables_to_restore_of_a_string(t, x):
    some_variables(t, x)
    return t.names(t.slim.get_variables_to_restore(include="a"))


@CASES.program(X)
def filtered_variables(t, x):
    some_variables(t, x)
    slim, names = t.slim, t.names
    everything = slim.get_variables()
    return {
        "include": names(slim.filter_variables(everything, include_patterns=["weights"])),
        "exclude": names(slim.filter_variables(everything, exclude_patterns=["^a/", "plain"])),
        "match": names(slim.filter_variables(everything, include_patterns=["a"], reg_search=False)),
        "both": names(slim.filter_variables(everything, ["a/"], ["moving", "beta"])),
        "neither": names(slim.filter_variables(everything)),
    }


@CASES.program(X)
def unique_variable_missing(t, x):
    return t.names([t.slim.get_unique_variable("nope")])


@CASES.program(X)
def unique_variable_of_a_prefix(t, x):
    some_variables(t, x)
    return t.names([t.slim.get_unique_variable("a/fc")])


@CASES.program(X)
def variable_in_collections(t, x):
    t.slim.variable("v", [1, 3], initializer=t.zeros_initializer(), collections=["mine"])
    t.slim.model_variable("m", [1, 3], initializer=t.zeros_initializer(), collections=["mine"])
    with t.slim.arg_scope([t.slim.variable], collections=["scoped"]):
        t.slim.variable("s", [1, 3], initializer=t.zeros_initializer())
    return [t.names(t.slim.get_variables()), t.names(t.get_collection("mine"))]


@CASES.program(X)
def variables_are_usable(t, x):
    v = t.slim.variable("v", [1, 3], initializer=t.zeros_initializer())
    m = t.slim.model_variable("m", [1, 3], regularizer=t.slim.l2_regularizer(0.5))
    return x * v + m


@CASES.program(X)
def variable_twice(t, x):
    t.slim.variable("v", [1, 3])
    return t.slim.variable("v", [1, 3])


@CASES.program(X)
def model_variable_reused(t, x):
    with t.variable_scope("a", reuse=t.AUTO_REUSE):
        return x * t.slim.model_variable("m", [1, 3]) + t.slim.model_variable("m", [1, 3])


@CASES.program(X)
def scoped_variables_inside_layers(t, x):
    with t.slim.arg_scope([t.slim.model_variable], trainable=False):
        x = t.slim.bias_add(x)
    with t.slim.arg_scope([t.slim.variable], collections=["mine"]):
        return t.slim.fully_connected(x, 3)


@CASES.program(X)
def global_step(t, x):
    before = t.slim.get_global_step() is None
    t.slim.get_or_create_global_step()
    t.slim.get_or_create_global_step()
    return [before, t.slim.get_global_step()]


@CASES.program(X)
def global_step_created_twice(t, x):
    t.slim.create_global_step()
    return [t.slim.create_global_step()]


@CASES.program(X)
def local_variable(t, x):
    t.slim.local_variable(np.zeros(3, "float32"), name="here")
    return [t.names(t.slim.get_local_variables()), t.names(t.slim.get_variables())]


# Helpers ------------------------------------------------------------------------------------------


@CASES.program(IMAGES)
def last_dimension(t, x):
    return [t.slim.utils.last_dimension(x.shape), t.slim.utils.last_dimension(x.shape, min_rank=4)]


@CASES.program(X)
def last_dimension_of_too_small_a_rank(t, x):
    return t.slim.utils.last_dimension(x.shape, min_rank=3)


@CASES.program(X)
def two_element_tuples(t, x):
    two = t.slim.utils.two_element_tuple
    return [list(two(3)), list(two([1, 2])), list(two((4, 5)))]


@CASES.program(X)
def two_element_tuple_of_three(t, x):
    return list(t.slim.utils.two_element_tuple([1, 2, 3]))


@CASES.program(X)
def two_element_tuple_of_a_string(t, x):
    return list(t.slim.utils.two_element_tuple("12"))


@CASES.program(X)
def positive_integers(t, x):
    several = t.slim.utils.n_positive_integers
    return [list(several(2, 3)), list(several(3, [1, 2, 3]))]


@CASES.program(X)
def positive_integers_of_zero(t, x):
    return list(t.slim.utils.n_positive_integers(2, 0))


# Training mode given as an array ------------------------------------------------------------------


@CASES.program((2, 2, 2, 3), Input((), "true", "bool"))
def training_as_an_array_true(t, x, training):
    return t.layers.batch_normalization(x, momentum=0.5, training=training)


@CASES.program((2, 2, 2, 3), Input((), "false", "bool"))
def training_as_an_array_false(t, x, training):
    return t.layers.batch_normalization(x, momentum=0.5, training=training)


@CASES.program((2, 2, 2, 3), Input((), "true", "bool"))
def is_training_as_an_array_true(t, x, training):
    return t.slim.batch_norm(x, decay=0.5, scale=True, is_training=training)


@CASES.program((2, 2, 2, 3), Input((), "false", "bool"))
def is_training_as_an_array_false(t, x, training):
    return t.slim.batch_norm(x, decay=0.5, scale=True, is_training=training)


@CASES.program((4, 3), Input((), "true", "bool"))
def is_training_as_an_array_rank_2(t, x, training):
    return t.slim.batch_norm(x, decay=0.5, is_training=training)


@CASES.program((4, 3), Input((), "false", "bool"))
def dropout_is_training_as_an_array(t, x, training):
    return [t.slim.dropout(x, is_training=training), t.layers.dropout(x, training=training)]
