"""TF-Slim's layers together: blocks that are computed again, repeat and stack, scopes."""

from __future__ import annotations

from goldens.kit import Table, ref

CASES = Table()


@CASES.program((3, 4), (3, 4))
def rev_block(t, x, y):
    def f(x):
        return t.slim.fully_connected(x, 4, activation_fn=t.nn.tanh)

    def g(x):
        return t.slim.fully_connected(t.slim.layer_norm(x), 4, activation_fn=None)

    return t.slim.rev_block(x, y, f, g, num_layers=3)


@CASES.program((3, 4), (3, 4))
def rev_block_without_training(t, x, y):
    def f(x):
        return t.layers.dense(x, 4, activation=t.nn.tanh)

    return t.slim.rev_block(x, y, f, f, num_layers=2, is_training=False)


@CASES.program((3, 4), (3, 4), (3, 4), (3, 4), (3, 4))
def rev_block_with_side_inputs(t, x, y, first, second, third):
    def f(x, side):
        return t.slim.fully_connected(x * side[0], 4, activation_fn=t.nn.tanh)

    def g(x, side):
        return t.layers.dense(x, 4) * side[0] + side[1]

    return t.slim.rev_block(x, y, f, g, 2, f_side_input=[first], g_side_input=[second, third])


@CASES.program((3, 4), (3, 4))
def rev_block_with_lists(t, x, y):
    def first(x):
        return t.layers.dense(x, 4)

    def second(x):
        return t.layers.dense(x, 4, activation=t.nn.relu, use_bias=False)

    with t.variable_scope("a"):
        return t.slim.rev_block(x, y, [first, second], first, num_layers=2)


@CASES.program((2, 6, 2), (2, 6, 2))
def rev_block_with_convolutions_and_batch_norm(t, x, y):
    def f(x):
        x = t.layers.conv1d(x, 2, 3, padding="same")
        x = t.slim.batch_norm(x, is_training=False)
        return t.layers.conv1d(t.nn.relu(x), 2, 3, padding="same")

    return t.slim.rev_block(x, y, f, f, num_layers=2)


@CASES.program((3, 4), (3, 4))
def rev_block_reused(t, x, y):
    def f(x):
        return t.layers.dense(x, 4, activation=t.nn.tanh)

    with t.variable_scope("a"):
        x, y = t.slim.rev_block(x, y, f, f)
    with t.variable_scope("a", reuse=True):
        return t.slim.rev_block(x, y, f, f)


@CASES.program((3, 4), (3, 4))
def two_rev_blocks(t, x, y):
    def f(x):
        return t.layers.dense(x, 4)

    x, y = t.slim.rev_block(x, y, f, f)
    return t.slim.rev_block(x, y, f, f)


@CASES.program((3, 4), (3, 4))
def rev_block_there_and_back(t, x, y):
    def f(x):
        return t.layers.dense(x, 4, activation=t.nn.tanh)

    block = t.slim.RevBlock(f, f, num_layers=2)
    y1, y2 = block.forward(x, y)
    return y1, y2, *block.backward(y1, y2)


@CASES.program((3, 4), (3, 4))
def rev_block_backward_first(t, x, y):
    def f(x):
        return t.layers.dense(x, 4, activation=t.nn.tanh)

    return t.slim.RevBlock(f, f, 2, name="z").backward(x, y)


@CASES.program((3, 4))
def recomputed_that_closes_over_an_array(t, x):
    y = x * 2.0

    @t.slim.recompute_grad
    def block(x):
        return x * y

    return block(x)


@CASES.program((3, 4))
def recomputed_of_a_number(t, x):
    @t.slim.recompute_grad
    def block(x, y):
        return x * y

    return block(x, 2.0)


# repeat and stack
CASES.calls("slim.repeat", (2, 3), {"repetitions": 0, "layer": ref("slim.relu"), "num_outputs": 2})
for layer in ("fully_connected", "relu", "linear", "layer_norm", "bias_add"):

    def repeated(t, x, layer=layer):
        arguments = [] if "_" in layer and layer != "fully_connected" else [3]
        x = t.slim.repeat(x, 2, getattr(t.slim, layer), *arguments)
        return t.slim.repeat(x, 2, getattr(t.slim, layer), *arguments, scope="z")

    repeated.__name__ = f"repeat_of_{layer}"
    CASES.program((2, 3))(repeated)
for op, arguments in [
    ("conv2d", [3]),
    ("separable_conv2d", [3]),
    ("conv2d_transpose", [3]),
    ("conv2d_in_plane", []),
    ("max_pool2d", []),
]:

    def repeated_images(t, x, op=op, arguments=arguments):
        return t.slim.repeat(x, 2, getattr(t.slim, op), *arguments, 2, outputs_collections="ends")

    repeated_images.__name__ = f"repeat_of_{op}"
    CASES.program((2, 5, 5, 2))(repeated_images)
for name, stacked in {
    "pairs": ("conv2d", [(3, 1), (2, [2, 1])]),
    "lists": ("conv2d", [[3, 1], [2, 2]]),
    "numbers": ("conv2d", [3, 2]),
    "nothing": ("conv2d", []),
    "a_tuple": ("max_pool2d", (2, 2)),
    "a_number": ("conv2d", 3),
    "none": ("conv2d", None),
    "a_string": ("conv2d", "ab"),
}.items():

    def stack(t, x, stacked=stacked):
        return t.slim.stack(x, getattr(t.slim, stacked[0]), stacked[1])

    stack.__name__ = f"stack_of_{name}"
    CASES.program((1, 4, 4, 2))(stack)


@CASES.program((2, 3))
def stack_with_a_scope_and_arguments(t, x):
    return t.slim.stack(x, t.slim.fully_connected, [4, 3], scope="s", activation_fn=None)


@CASES.program((2, 3))
def stack_twice(t, x):
    x = t.slim.stack(x, t.slim.relu, [4, 3])
    return t.slim.stack(x, t.slim.elu, [2, 2])


@CASES.program((2, 3))
def repeat_of_a_lambda(t, x):
    return t.slim.repeat(x, 2, lambda x, scope: t.slim.fully_connected(x, 3, scope=scope))


@CASES.program((2, 3))
def repeat_with_a_scope_that_is_reused(t, x):
    x = t.slim.repeat(x, 2, t.slim.fully_connected, 3, scope="r")
    return t.slim.repeat(x, 2, t.slim.fully_connected, 3, scope="r", reuse=True)


@CASES.program((2, 3))
def repeat_of_what_is_no_function(t, x):
    return t.slim.repeat(x, 2, 3)


@CASES.program((2, 3))
def repeat_of_half_a_time(t, x):
    return t.slim.repeat(x, 1.5, t.slim.fully_connected, 3)


@CASES.program((2, 4, 4, 2))
def arg_scope_of_the_new_layers(t, x):
    s = t.slim
    with (
        s.arg_scope([s.conv2d_transpose, s.conv2d_in_plane], activation_fn=t.nn.tanh),
        s.arg_scope([s.layer_norm, s.instance_norm, s.group_norm], scale=False, trainable=False),
    ):
        x = s.conv2d_transpose(x, 4, 3, 2, normalizer_fn=s.layer_norm)
        x = s.instance_norm(s.conv2d_in_plane(x, 3))
        return s.group_norm(x, groups=2)


@CASES.program((2, 4, 4, 2))
def end_points_of_the_new_layers(t, x):
    s = t.slim
    keep = {"outputs_collections": "ends"}
    with t.variable_scope("a"):
        x = s.conv2d_transpose(x, 2, 3, **keep)
        x = s.conv2d_in_plane(x, 3, **keep)
        x = s.layer_norm(x, **keep)
        x = s.instance_norm(x, **keep)
        x = s.group_norm(x, groups=2, **keep)
        x = s.pool(x, 2, "AVG", **keep)
        x = s.images_to_sequence(x, **keep)
        x = s.sequence_to_images(x, 3, **keep)
    return list(s.utils.convert_collection_to_dict("ends"))
