"""What a person reads who made a mistake with arg_scope and Slim."""

import jax
import jax.numpy as jnp
import pytest
from mistakes import IMAGES, ROWS, cases, check, run, says

import nn
import slim

WOULD_BE_STALE = (
    "{} at <2> is in the reach of the arg_scope at <1>, which was opened outside of the "
    "transformed function, or of a jit, grad or scan inside it. JAX keeps what it traces once, so "
    "a later call could silently run with stale defaults. Open the arg_scope inside the function "
    "given to nn.transform or jax.jit (a captured scope can be entered there: "
    "`with slim.arg_scope(sc):`)."
)
UNDECORATED = (
    "arg_scope at <1>: {} is not decorated with @slim.add_arg_scope. Decorate it, or leave it out "
    "of the list."
)


@slim.add_arg_scope
def brew(leaf, water=200, sugar=0):
    return leaf, water, sugar


def peel(fruit, knife=None):
    return fruit, knife


# arg_scope ----------------------------------------------------------------------------------------


@says(ValueError, WOULD_BE_STALE.format("max_pool2d"))
def scope_opened_outside():
    def model(x):
        return slim.max_pool2d(x, 2)  # line 2

    with slim.arg_scope([slim.max_pool2d], stride=1):  # line 1
        jax.jit(nn.transform(model).apply)({}, {}, IMAGES)


@says(ValueError, WOULD_BE_STALE.format("max_pool2d"))
def scope_opened_around_a_jit_inside_the_model():
    def model(x):
        with slim.arg_scope([slim.max_pool2d], stride=1):  # line 1
            return jax.jit(lambda x: slim.max_pool2d(x, 2))(x)  # line 2

    run(model, IMAGES)


@says(ValueError, WOULD_BE_STALE.format("conv2d"))
def conv2d_scope_opened_outside():
    with slim.arg_scope([slim.conv2d], stride=1):  # line 1
        run(lambda x: slim.conv2d(x, 3, 3), IMAGES)  # line 2


@says(
    TypeError,
    "brew at <2> has no argument 'suger', which the arg_scope at <1> sets. Did you mean 'sugar'?",
)
def misspelt_default():
    with slim.arg_scope([brew], suger=1):  # line 1
        brew("assam")  # line 2


@says(
    TypeError,
    "brew at <2> has no argument 'padding', which the arg_scope at <1> sets. It takes leaf, "
    "water, sugar.",
)
def default_of_another_op():
    with slim.arg_scope([brew, slim.conv2d], padding="SAME"):  # line 1
        brew("assam")  # line 2


@says(
    TypeError,
    "brew at <2> got multiple values for argument 'water': one by position, and 100 from the "
    "arg_scope at <1>. Pass it by keyword to override the scope: water=...",
)
def default_that_comes_by_position_too():
    with slim.arg_scope([brew], water=100):  # line 1
        brew("assam", 300)  # line 2


@says(
    TypeError,
    "convolution at <2> got multiple values for argument 'stride': one by position, and 2 "
    "from the arg_scope at <1>. Pass it by keyword to override the scope: stride=...",
)
def default_of_convolution_for_conv2d():
    def model(x):
        with slim.arg_scope([slim.convolution], stride=2):  # line 1
            return slim.conv2d(x, 3, 3)  # line 2

    run(model, IMAGES)


@says(ValueError, UNDECORATED.format(f"{__name__}.peel"))
def undecorated_op():
    with slim.arg_scope([slim.conv2d, peel], knife=1):  # line 1
        pass


@says(ValueError, UNDECORATED.format("slim.composition.repeat"))
def undecorated_slim_op():
    with slim.arg_scope([slim.repeat], scope="a"):  # line 1
        pass


@says(
    AttributeError,
    "arg_scope at <1>: a functools.partial of fully_connected has no arg_scope of its own. "
    "Name fully_connected in the list; the partial obeys it except for what it fixes.",
)
def partial_as_op():
    with slim.arg_scope([slim.linear], num_outputs=3):  # line 1
        pass


@says(
    TypeError,
    "arg_scope at <1> takes a list or tuple of ops, or a scope (a dict), got <function brew "
    "at 0x...>. Write arg_scope([op], ...).",
)
def op_without_a_list():
    with slim.arg_scope(brew, water=100):  # line 1
        pass


@says(
    ValueError,
    "arg_scope at <1> got a scope to enter again and defaults as well (water, milk). Open a "
    "second arg_scope for them.",
)
def captured_scope_with_defaults():
    with slim.arg_scope([brew], sugar=1) as scope:
        pass
    with slim.arg_scope(scope, water=100, milk=None):  # line 1
        pass


@says(ValueError, "arg_scoped_arguments at <1>: peel is not decorated with @slim.add_arg_scope.")
def arguments_of_an_undecorated_op():
    slim.arg_scoped_arguments(peel)  # line 1


# Slim ---------------------------------------------------------------------------------------------


@says(
    ValueError,
    "convolution: data_format must be one of 'NWC', 'NCW', 'NHWC', 'NCHW', 'NDHWC', 'NCDHW', "
    "None, got 'channels_last'.",
)
def convolution_of_another_format():
    run(lambda x: slim.conv2d(x, 3, 3, data_format="channels_last"), IMAGES)


@says(ValueError, "separable_conv2d: data_format must be one of 'NCHW', 'NHWC', got 'NWC'.")
def separable_convolution_of_another_format():
    run(lambda x: slim.separable_conv2d(x, 3, 3, data_format="NWC"), IMAGES)


@says(ValueError, "convolution: the inputs must have 3 or 4 or 5 dimensions, got the shape (4, 3).")
def convolution_of_rows():
    run(lambda x: slim.convolution(x, 3, 3), ROWS)


@says(ValueError, "convolution: the inputs must have 4 dimensions, got the shape (4, 3).")
def conv2d_of_rows():
    run(lambda x: slim.conv2d(x, 3, 3), ROWS)


@says(
    ValueError,
    "Conv2D: strides > 1 and dilation_rate > 1 exclude each other, got strides=(2, 2) and "
    "dilation_rate=(2, 2).",
)
def conv2d_with_stride_and_rate():
    run(lambda x: slim.conv2d(x, 3, 3, stride=2, rate=2), IMAGES)


@says(ValueError, "Conv2D: padding must be one of 'valid', 'same', got 'FULL'.")
def conv2d_with_another_padding():
    run(lambda x: slim.conv2d(x, 3, 3, padding="FULL"), IMAGES)


@says(ValueError, "MaxPool2D: data_format must be one of 'NCHW', 'NHWC', got 'NWC'.")
def pool_of_another_format():
    run(lambda x: slim.max_pool2d(x, 2, data_format="NWC"), IMAGES)


@says(ValueError, "AveragePooling2D: pool_size must be a positive int or 2 of them, got None.")
def pool_without_a_window():
    run(lambda x: slim.avg_pool2d(x, None), IMAGES)


@says(ValueError, "fully_connected: num_outputs must be an int, got 3.0.")
def outputs_that_are_no_int():
    run(lambda x: slim.fully_connected(x, 3.0), ROWS)


@says(ValueError, "dropout: keep_prob must be in (0, 1], got 1.5.")
def dropout_that_keeps_more_than_all():
    run(lambda x: slim.dropout(x, 1.5), ROWS)


@says(ValueError, "softmax: the logits must have at least 2 dimensions, got the shape (3,).")
def softmax_of_a_vector():
    run(slim.softmax, jnp.ones(3))


@says(ValueError, "bias_add: data_format must be one of 'NCHW', 'NHWC', got 'NWC'.")
def bias_of_another_format():
    run(lambda x: slim.bias_add(x, data_format="NWC"), IMAGES)


@says(ValueError, "bias_add: NCHW needs inputs of 4 dimensions, got the shape (4, 3).")
def channels_first_bias_of_rows():
    run(lambda x: slim.bias_add(x, data_format="NCHW"), ROWS)


@says(ValueError, "batch_norm: data_format must be one of 'NCHW', 'NHWC', got 'NWC'.")
def batch_norm_of_another_format():
    run(lambda x: slim.batch_norm(x, data_format="NWC"), IMAGES)


@says(
    ValueError,
    "batch_norm: renorm excludes batch_weights, zero_debias_moving_mean and an "
    "updates_collections of one's own.",
)
def renorm_with_updates_of_ones_own():
    run(lambda x: slim.batch_norm(x, renorm=True, updates_collections=None), IMAGES)


@says(ValueError, "stack: stack_args must be a list or tuple, got 3.")
def stack_of_no_list():
    run(lambda x: slim.stack(x, slim.fully_connected, 3), ROWS)


@says(
    ValueError,
    "variable 'v': partitioners have no meaning here. Shard the params with "
    "jax.device_put(params, NamedSharding(...)).",
)
def partitioned_variable():
    run(lambda: slim.variable("v", [3], partitioner=min))


@says(ValueError, "no variable is called 'fc/weight'. The nearest name is 'fc/weights'.")
def variable_that_is_not_there():
    def model(x):
        slim.linear(x, 3, scope="fc")
        slim.get_unique_variable("fc/weight")

    run(model, ROWS)


@says(TypeError, "exclude must be a list or tuple of scopes, got 'logits'.")
def variables_to_restore_by_one_name():
    run(lambda: slim.get_variables_to_restore(exclude="logits"))


@says(ValueError, "two_element_tuple: expected an int or two, got [1, 2, 3].")
def two_of_three():
    slim.utils.two_element_tuple([1, 2, 3])


@says(ValueError, "n_positive_integers: n must be a positive int, got 0.")
def none_of_a_number():
    slim.utils.n_positive_integers(0, 1)


@says(ValueError, "n_positive_integers: value must be positive, got (1, 0).")
def numbers_below_one():
    slim.utils.n_positive_integers(2, (1, 0))


@says(ValueError, "the shape () must have at least 1 dimensions.")
def last_dimension_of_a_scalar():
    slim.utils.last_dimension(())


@pytest.mark.parametrize("case", cases(globals()))
def test_a_mistake_is_explained(case):
    check(case)
