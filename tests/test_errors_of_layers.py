"""What a person reads who made a mistake with layers, initializers and signatures."""

import jax.numpy as jnp
import pytest
from mistakes import IMAGES, NO_INITIALIZER, ROWS, cases, check, run, says

import layers
import nn
import slim

NO_ACTIVATION = (
    "{}: activation must be a function, None or a name (linear, crelu, elu, leaky_relu, "
    "log_softmax, relu, relu6, selu, sigmoid, softmax, softplus, softsign, tanh), got {!r}."
)
NO_FLOATS = "{}: the inputs must be floats, got {}: write inputs.astype(jnp.float32)."


# Layers -------------------------------------------------------------------------------------------


@says(NotImplementedError, "Mine does not implement call(inputs).")
def layer_without_call():
    class Mine(layers.Layer):
        pass

    run(Mine(), ROWS)  # line 1


@says(ValueError, "Conv2D: kernel_size must be a positive int or 2 of them, got [3, 3, 3].")
def kernel_size_of_three():
    layers.Conv2D(3, [3, 3, 3])


@says(ValueError, "Conv1D: kernel_size must be a positive int, got 0.")
def kernel_size_of_a_sequence():
    layers.Conv1D(3, 0)


@says(ValueError, "MaxPooling2D: strides must be a positive int or 2 of them, got 0.")
def strides_of_zero():
    layers.MaxPooling2D(2, 0)


@says(
    ValueError,
    "SeparableConv2D: strides > 1 and dilation_rate > 1 exclude each other, got strides=(2, "
    "2) and dilation_rate=(1, 2).",
)
def strides_with_dilation():
    layers.SeparableConv2D(3, 3, strides=2, dilation_rate=[1, 2])


@says(ValueError, "Conv2D: padding must be one of 'valid', 'same', got 'causal'.")
def padding_of_a_sequence_on_images():
    layers.Conv2D(3, 3, padding="causal")


@says(
    ValueError,
    "AveragePooling2D: data_format must be 'channels_last' or 'channels_first', got 'NHWC'.",
)
def data_format_of_slim_in_layers():
    layers.AveragePooling2D(2, 2, data_format="NHWC")


@says(ValueError, "Conv2D: filters must be an int, got None.")
def filters_of_none():
    run(layers.Conv2D(None, 3), IMAGES)


@says(TypeError, "Conv2D: filters must be an int, got 'many'.")
def filters_that_are_text():
    run(layers.Conv2D("many", 3), IMAGES)


@says(ValueError, "Dense: units must be positive, got 0.")
def units_of_zero():
    layers.Dense(0)


@says(ValueError, "Dense: units must be an int, got 'many'.")
def units_that_are_text():
    layers.Dense("many")


@says(ValueError, "DepthwiseConv2D: depth_multiplier must be positive, got 0.")
def depth_multiplier_of_zero():
    run(layers.DepthwiseConv2D(3, depth_multiplier=0), IMAGES)


@says(ValueError, NO_ACTIVATION.format("Conv2D", "rely"))
def activation_that_is_not_there():
    run(layers.Conv2D(3, 3, activation="rely"), IMAGES)


@says(ValueError, NO_ACTIVATION.format("Dense", "transform"))
def activation_that_is_something_else_of_nn():
    run(layers.Dense(3, activation="transform"), ROWS)


@says(
    ValueError,
    "Dense: a regularizer must be a function, None or a name (l1, l2, l1_l2), got 'l3'.",
)
def regularizer_that_is_not_there():
    run(layers.Dense(3, kernel_regularizer="l3"), ROWS)


@says(ValueError, NO_INITIALIZER.format("Conv2D", "zero"))
def initializer_that_is_not_there():
    run(layers.Conv2D(3, 3, kernel_initializer="zero"), IMAGES)


@says(ValueError, "Conv2D: the inputs must have at least 4 dimensions, got the shape (4, 3).")
def images_of_rank_two():
    run(layers.Conv2D(3, 3), ROWS)


@says(ValueError, "MaxPooling2D: the inputs must have 4 dimensions, got the shape (4, 3).")
def pooled_images_of_rank_two():
    run(layers.MaxPooling2D(3, 3), ROWS)


@says(ValueError, "Dense: the inputs must have at least 2 dimensions, got the shape (3,).")
def dense_vector():
    run(layers.Dense(3), jnp.ones(3))


@says(TypeError, NO_FLOATS.format("Dense", "int32"))
def dense_integers():
    run(layers.Dense(3), ROWS.astype(jnp.int32))


@says(TypeError, NO_FLOATS.format("Conv2D", "uint8"))
def images_of_bytes():
    run(layers.Conv2D(3, 3), IMAGES.astype(jnp.uint8))


@says(ValueError, "Flatten: the inputs must have at least 1 dimension, got the shape ().")
def flat_scalar():
    run(layers.Flatten(), jnp.ones(()))


@says(
    ValueError,
    "convolution: input has shape (2, 8, 8, 3): with padding 'VALID' its H, 8, must be at "
    "least the window's extent, 9",
)
def window_larger_than_the_images():
    run(layers.Conv2D(3, 9), IMAGES)


@says(
    ValueError,
    "variable 'c/kernel' at <1> is asked for with shape (3, 3, 2, 3), but <1> made it with "
    "(3, 3, 3, 3).",
)
def other_channels_than_before():
    def model(x):
        conv = layers.Conv2D(3, 3, name="c")
        return conv(x), conv(x[..., :2])  # line 1

    run(model, IMAGES)


@says(ValueError, "Dropout: rate must be in [0, 1), got 1.5.")
def dropout_rate_above_one():
    layers.Dropout(1.5)


@says(TypeError, "BatchNormalization: axis must be an int or a list of ints, got 'channels'.")
def normalized_axis_of_text():
    layers.BatchNormalization(axis="channels")


@says(
    ValueError,
    "BatchNormalization: axis must name distinct axes of the inputs, whose shape is (2, 8, "
    "8, 3), got 4.",
)
def normalized_axis_out_of_range():
    run(layers.BatchNormalization(axis=4), IMAGES)


@says(ValueError, "BatchNormalization: renorm_clipping takes rmin, rmax and dmax, got 'rmx'.")
def renorm_clipping_of_other_things():
    layers.BatchNormalization(renorm=True, renorm_clipping={"rmx": 1.0})


@says(ValueError, "BatchNormalization: virtual_batch_size must be positive, got 0.")
def virtual_batch_of_zero():
    layers.BatchNormalization(virtual_batch_size=0)


@says(ValueError, "BatchNormalization: virtual_batch_size excludes adjustment.")
def virtual_batch_with_adjustment():
    layers.BatchNormalization(virtual_batch_size=2, adjustment=lambda shape: (1.0, 0.0))


# Initializers -------------------------------------------------------------------------------------


@says(ValueError, "variance_scaling_initializer: scale must be positive, got 0.0.")
def variance_scaled_by_nothing():
    nn.variance_scaling_initializer(0.0)


@says(
    ValueError,
    "variance_scaling_initializer: mode must be fan_in, fan_out or fan_avg, got 'FAN_IN'.",
)
def variance_of_another_mode():
    nn.variance_scaling_initializer(mode="FAN_IN")


@says(
    ValueError,
    "variance_scaling_initializer: distribution must be one of normal, uniform, "
    "truncated_normal, untruncated_normal, got 'gauss'.",
)
def variance_of_another_distribution():
    nn.variance_scaling_initializer(distribution="gauss")


# Calls that do not fit the signature --------------------------------------------------------------


@says(
    TypeError,
    "conv2d at <1>: got an unexpected keyword argument 'stride'. Did you mean 'strides'?",
)
def stride_of_slim_in_layers():
    run(lambda x: layers.conv2d(x, 3, 3, stride=2), IMAGES)  # line 1


@says(TypeError, "conv2d at <1>: got an unexpected keyword argument 'colour'.")
def argument_like_no_other():
    run(lambda x: layers.conv2d(x, 3, 3, colour=2), IMAGES)  # line 1


@says(TypeError, "conv2d at <1>: missing a required argument: 'kernel_size'.")
def convolution_without_a_kernel_size():
    run(lambda x: layers.conv2d(x, 3), IMAGES)  # line 1


@says(TypeError, "max_pooling2d at <1>: missing a required argument: 'strides'.")
def pooling_without_strides():
    run(lambda x: layers.max_pooling2d(x, 2), IMAGES)  # line 1


@says(
    TypeError,
    "conv2d at <1>: got an unexpected keyword argument 'strides'. Did you mean 'stride'?",
    "in conv2d at <1>",
)
def strides_of_layers_in_slim():
    run(lambda x: slim.conv2d(x, 3, 3, strides=2), IMAGES)  # line 1


@says(
    TypeError,
    "conv2d at <2>: missing a required argument: 'kernel_size'.",
    "in conv2d at <2>; stride=2 from the arg_scope at <1>",
)
def slim_convolution_without_a_kernel_size():
    def model(x):
        with slim.arg_scope([slim.conv2d], stride=2):  # line 1
            return slim.conv2d(x, 3)  # line 2

    run(model, IMAGES)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda x: layers.MaxPooling2D(2), "strides"),
        (lambda x: layers.Conv2D(3, 3, stride=2), "stride"),
        (lambda x: slim.max_pool2d(x), "kernel_size"),
        (lambda x: slim.fully_connected(x, 3, activation=None), "activation"),
    ],
)
def test_a_missing_or_unknown_argument_is_named(call, argument):
    with pytest.raises(TypeError, match=f"'{argument}'"):  # in Python's own words
        run(call, IMAGES)


@pytest.mark.parametrize("case", cases(globals()))
def test_a_mistake_is_explained(case):
    check(case)
