"""What an error says below its message: the layers and ops that it passed through."""

import numpy as np
import pytest
from mistakes import IMAGES, NO_INITIALIZER, ROWS, cases, check, notes_of, run, says

import layers
import nn
import slim

TOO_LARGE = (
    "convolution: input has shape (2, 8, 8, 3): with padding 'VALID' its H, 8, must be at "
    "least the window's extent, 9"
)


@says(ValueError, TOO_LARGE, "in Conv2D(3, 9, strides=2, name='c') at <1>")
def layer_that_fails():
    def model(x):
        conv = layers.Conv2D(3, 9, 2, name="c")
        return conv(x)  # line 1

    run(model, IMAGES)


@says(ValueError, TOO_LARGE, "in Conv2D(3, 9) at <1>")
def layer_function_that_fails():
    run(lambda x: layers.conv2d(x, 3, 9), IMAGES)  # line 1


@says(
    ValueError,
    NO_INITIALIZER.format("Dense", "zero"),
    "in Dense(3, kernel_initializer='zero') at <1>",
    "in Block() at <2>",
)
def layer_inside_a_layer_that_fails():
    class Block(layers.Layer):
        def call(self, inputs):
            return layers.dense(inputs, 3, kernel_initializer="zero")  # line 1

    run(lambda x: Block()(x), ROWS)  # line 2


@says(
    ValueError,
    TOO_LARGE,
    "in conv2d at <3>; padding='VALID' from the arg_scope at <1>; stride=2 from the arg_scope "
    "at <2>",
)
def slim_op_that_fails():
    def model(x):
        with (
            slim.arg_scope([slim.conv2d], padding="VALID", stride=3),  # line 1
            slim.arg_scope([slim.conv2d], stride=2),  # line 2
        ):
            return slim.conv2d(x, 3, 9)  # line 3

    run(model, IMAGES)


@says(
    ValueError,
    "batch_norm: data_format must be one of 'NCHW', 'NHWC', got 'NWC'.",
    "in batch_norm at <3>; data_format='NWC' from the arg_scope at <2>",
    "in conv2d at <3>; normalizer_fn=batch_norm from the arg_scope at <1>",
)
def slim_op_inside_an_op_that_fails():
    def model(x):
        with (
            slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm),  # line 1
            slim.arg_scope([slim.batch_norm], data_format="NWC"),  # line 2
        ):
            return slim.conv2d(x, 3, 3)  # line 3

    run(model, IMAGES)


@says(ValueError, "the tea is cold", "in brew at <2>; water=float64[3] from the arg_scope at <1>")
def op_of_ones_own_that_fails():
    @slim.add_arg_scope
    def brew(leaf, water=200):
        raise ValueError("the tea is cold")

    with slim.arg_scope([brew], water=np.ones(3)):  # line 1
        brew("assam")  # line 2


def test_a_note_does_not_blame_a_scope_for_what_the_call_gave():
    def model(x):
        with slim.arg_scope([slim.conv2d], stride=2, padding="VALID"):
            return slim.conv2d(x, 3, 9, stride=1)

    with pytest.raises(ValueError, match="window's extent") as caught:
        run(model, IMAGES)
    (note,) = notes_of(caught.value)
    assert "padding='VALID' from the arg_scope" in note
    assert "stride" not in note


# The wording of these is still to be found; they name what matters. -------------------------------


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: nn.transform(lambda: None).apply({"a/w": 1.0}, {"a/w": 1.0}), "a/w"),
        (lambda: slim.utils.n_positive_integers(3, [1, 2]), r"n_positive_integers.* 3.*\[1, 2\]"),
    ],
)
def test_what_is_wrong_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("case", cases(globals()))
def test_a_mistake_is_explained(case):
    check(case)
