"""tf.layers: interactions of arguments, transposed and dilated windows, and a user's own layers."""

from __future__ import annotations

from goldens.kit import Input, Table, made, ref

CASES = Table()
SERIES, IMAGES, VOLUMES = (2, 6, 2), (2, 5, 4, 2), (1, 3, 4, 3, 2)
L1, L2 = ref("slim.l1_regularizer", 0.02), ref("slim.l2_regularizer", 0.1)
RELU, TANH = ref("nn.relu"), ref("nn.tanh")
ONES, THIRD = made("ones_initializer"), ref("constant_initializer", 0.3)
FIRST = {"data_format": "channels_first", "_gradients": False}  # no CPU gradient in TF
HALF = Input((2, 5, 4, 2), dtype="float16")

# Arguments that every convolution has, on each.
SHARED = [
    {"padding": "same", "strides": 2},
    {"padding": "SAME", "activation": TANH, "use_bias": False},
    {"padding": "VALID", "activation": "relu"},
    {"bias_initializer": THIRD, "bias_regularizer": L1, "activity_regularizer": L2},
    {"trainable": False, "activity_regularizer": L1, "name": "z"},
    {"activation": "no_such_activation"},
    {"bias_initializer": "no_such_initializer"},
    {"bias_regularizer": 0.1},
    {"strides": 0},
    {"strides": -1},
    {"strides": None},
    {"strides": [1, 1, 1, 1]},
    {"kernel_size": 0},
    {"kernel_size": None},
    {"kernel_size": [2, 2, 2, 2]},
    {"kernel_size": "3"},
    {"filters": 0},
    {"filters": None},
    {"filters": 2.0},
    {"padding": "full"},
    {"padding": None},
    {"padding": 1},
    {"data_format": "NHWC"},
    {"data_format": None},
    {"data_format": "Channels_Last"},
    {"colour": "red"},
    {"reuse": True},
    {"name": "z", "reuse": True},
    {"name": "has space"},
]
for op, inputs in {
    "layers.conv1d": SERIES,
    "layers.conv3d": VOLUMES,
    "layers.separable_conv1d": SERIES,
    "layers.conv2d_transpose": (2, 3, 2, 2),
    "layers.conv3d_transpose": (1, 2, 2, 2, 2),
}.items():
    CASES.calls(op, inputs, *SHARED, **{"filters": 2, "kernel_size": 2})

CASES.calls(
    "layers.conv1d",
    SERIES,
    {"kernel_size": [3], "strides": [2]},
    {"kernel_size": (3,), "strides": (2,), "padding": "same"},
    {"kernel_size": 6},
    {"kernel_size": 7},
    {"kernel_size": 7, "padding": "same"},
    {"kernel_size": 3, "padding": "causal", "strides": 2},
    {"kernel_size": 4, "padding": "CAUSAL"},
    {"kernel_size": 2, "padding": "causal", "dilation_rate": [3], "activation": TANH},
    {"kernel_size": 3, "padding": "causal", "_in": (2, 2, 6), **FIRST},
    {"kernel_size": 3, "padding": "same", "_in": (2, 2, 6), **FIRST},
    {"kernel_size": 3, "strides": 2, "_in": (2, 2, 6), "use_bias": False, **FIRST},
    {"kernel_size": 2, "dilation_rate": 3},
    {"kernel_size": 2, "dilation_rate": 2, "padding": "same"},
    {"kernel_size": 2, "dilation_rate": 6},
    {"kernel_size": 2, "dilation_rate": 0},
    {"kernel_size": 2, "dilation_rate": (1, 1)},
    {"kernel_size": 3, "padding": "causal", "_in": (2, 3, 6, 2)},
    {"kernel_size": 3, "kernel_initializer": ONES, "kernel_regularizer": L1},
    {"kernel_size": 3, "_in": Input(SERIES, "labels", "int32")},
    filters=3,
)
for row in [
    {"kernel_size": 2, "dilation_rate": (1, 2, 1)},
    {"kernel_size": 2, "dilation_rate": 2, "padding": "same"},
    {"kernel_size": 2, "dilation_rate": (2, 1, 1), "strides": (1, 2, 1)},
    {"kernel_size": [1, 3, 2], "strides": [1, 2, 3]},
    {"kernel_size": 3, "padding": "same", "activation": RELU},
    {"kernel_size": 2, "padding": "same", "_in": (1, 2, 3, 4, 3), **FIRST},
    {"kernel_size": 2, "_in": (1, 2, 3, 4, 3, 2)},
    {"kernel_size": 4},
    {"kernel_size": 2, "kernel_initializer": THIRD, "kernel_regularizer": L2},
]:
    CASES.calls("layers.conv3d", VOLUMES, row, filters=2)
CASES.calls(
    "layers.conv2d",
    IMAGES,
    {"dilation_rate": 2, "kernel_size": 2, "_in": (2, 2, 5, 4), **FIRST},
    {"padding": "same", "dilation_rate": (2, 1), "kernel_size": 3, "activity_regularizer": L1},
    {"padding": "same", "strides": (3, 2), "kernel_size": (2, 3), "_in": (2, 2, 5, 4), **FIRST},
    {"kernel_size": 2, "_in": (1, 2, 5, 4, 2), "strides": 2, "activation": TANH},
    {"kernel_size": 2, "_in": HALF, "_gradients": False, "padding": "same"},
    {"kernel_size": 2, "_in": Input(IMAGES, "labels", "int32")},
    {"kernel_size": 2, "dilation_rate": 4},
    {"kernel_size": 2, "strides": (1, 0)},
    {"kernel_size": 2, "strides": "22"},
    {"kernel_size": "22"},
    {"kernel_size": (2, -1)},
    {"kernel_size": (2.0, 2)},
    {"kernel_size": 2, "data_format": 1},
    {"kernel_size": 2, "activation": 3},
    {"kernel_size": 2, "bias_initializer": 3},
    {"kernel_size": 2, "activity_regularizer": 3},
    {"kernel_size": 2, "kernel_constraint": 3},
    {"kernel_size": 2, "use_bias": 0},
    {"kernel_size": 2, "use_bias": "no"},
    {"kernel_size": 2, "name": ""},
    {"kernel_size": 2, "name": "a/b"},
    {"kernel_size": 2, "name": "z", "reuse": "always"},
    {"kernel_size": 2, "trainable": None},
    filters=3,
)
CASES.calls(
    "layers.separable_conv2d",
    IMAGES,
    {"kernel_size": 2, "strides": (2, 1)},
    {"kernel_size": 2, "padding": "same", "_in": (2, 2, 5, 4), **FIRST},
    {"kernel_size": 2, "dilation_rate": (2, 1), "depth_multiplier": 2},
    {"kernel_size": 2, "depth_multiplier": 2, "pointwise_regularizer": L2, "trainable": False},
    {"kernel_size": 2, "depth_multiplier": 2.0},
    {"kernel_size": 2, "depth_multiplier": -1},
    {"kernel_size": 2, "depth_multiplier": "2"},
    {"kernel_size": 2, "padding": "causal"},
    {"kernel_size": 2, "pointwise_initializer": "none"},
    {"kernel_size": 6},
    filters=2,
)
CASES.calls(
    "layers.separable_conv1d",
    SERIES,
    {"kernel_size": 3, "padding": "causal"},
    {"kernel_size": 2, "padding": "causal", "dilation_rate": 2},
    {"kernel_size": [2], "depth_multiplier": 3, "padding": "same"},
    {"kernel_size": 2, "depthwise_initializer": ONES, "pointwise_initializer": THIRD},
    {"kernel_size": 2, "depthwise_regularizer": L2, "pointwise_regularizer": L1},
    {"kernel_size": 2, "padding": "same", "_in": (2, 2, 6), **FIRST},
    {"kernel_size": 2, "_in": (2, 3, 6, 2)},
    {"kernel_size": 2, "depth_multiplier": 0},
    filters=2,
)
CASES.calls(
    "layers.conv2d_transpose",
    (2, 3, 2, 2),
    {"kernel_size": (3, 2), "strides": (2, 1)},
    {"kernel_size": (1, 4), "strides": [2, 3], "padding": "same"},
    {"kernel_size": 1, "strides": 3},
    {"kernel_size": 1, "strides": 3, "padding": "same"},
    {"kernel_size": 4, "strides": 3, "activation": TANH},
    {"kernel_size": 5, "padding": "same"},
    {"kernel_size": 3, "kernel_initializer": ONES, "kernel_regularizer": L1},
    {"kernel_size": 3, "_in": (2, 2, 3, 2), **FIRST},
    {"kernel_size": 3, "_in": (2, 2, 3, 2), "strides": 2, "padding": "same", **FIRST},
    {"kernel_size": 3, "padding": "causal"},
    {"kernel_size": 3, "_in": (1, 2, 3, 2, 2)},
    {"kernel_size": 3, "dilation_rate": 2},
    filters=3,
)
CASES.calls(
    "layers.conv3d_transpose",
    (1, 2, 2, 2, 2),
    {"kernel_size": (1, 2, 3), "strides": (2, 1, 2)},
    {"kernel_size": 1, "strides": 2, "padding": "same"},
    {"kernel_size": 3, "padding": "same", "kernel_regularizer": L2},
    {"kernel_size": 2, "strides": [1, 3, 1], "activation": RELU, "use_bias": False},
    {"kernel_size": 2, "_in": (2, 2, 2, 2)},
    {"kernel_size": 2, "_in": (1, 1, 2, 2, 2, 2)},
    filters=2,
)
for op, shape in [("max", SERIES), ("average", SERIES), ("max", VOLUMES), ("average", VOLUMES)]:
    CASES.calls(
        f"layers.{op}_pooling{len(shape) - 2}d",
        shape,
        {"pool_size": 3, "strides": 1, "padding": "SAME"},
        {"pool_size": 2, "strides": 3, "padding": "VALID"},
        {"pool_size": 1, "strides": 2, "padding": "same", "name": "z"},
        {"pool_size": 8, "strides": 1},
        # The gradient of the mean is not that of TensorFlow's own forward pass.
        {"pool_size": 8, "strides": 1, "padding": "same", "_gradients": False},
        {"pool_size": (2, 2, 2, 2), "strides": 1},
        {"pool_size": 2, "strides": (1, 1, 1, 1)},
        {"pool_size": 0, "strides": 1},
        {"pool_size": 2, "strides": 0},
        {"pool_size": None, "strides": 1},
        {"pool_size": 2, "strides": None},
        {"pool_size": 2, "strides": 1, "padding": "full"},
        {"pool_size": 2, "strides": 1, "padding": "causal"},
        {"pool_size": 2, "strides": 1, "padding": None},
        {"pool_size": 2, "strides": 1, "data_format": "NWC"},
        {"pool_size": 2, "strides": 1, "data_format": None},
        {"pool_size": 2, "strides": 1, "name": "has space"},
        {"pool_size": 2, "strides": 1, "colour": "red"},
    )
CASES.calls(
    "layers.max_pooling2d",
    IMAGES,
    {"pool_size": 2, "strides": 1, "_in": HALF, "_gradients": False},
    {"pool_size": 2, "strides": 1, "_in": Input(IMAGES, "labels", "int32")},
    {"pool_size": "22", "strides": 1},
    {"pool_size": 2, "strides": 1, "padding": "causal"},
)
CASES.calls(
    "layers.dense",
    (3, 4),
    {"units": 3, "activation": "softmax"},
    {"units": 3, "activation": "tanh", "bias_initializer": THIRD, "activity_regularizer": L1},
    {"units": 3, "kernel_initializer": "glorot_uniform"},
    {"units": 3, "kernel_initializer": "he_normal"},
    {"units": 3, "bias_initializer": None},
    {"units": 3, "trainable": False, "kernel_regularizer": L2, "activity_regularizer": L2},
    {"units": 3, "_in": Input((3, 4), "labels", "int32")},
    {"units": 3, "_in": Input((3, 4), dtype="float16"), "_gradients": False},
    {"units": 2.5},
    {"units": 3, "kernel_constraint": 3},
    {"units": 3, "activation": 3},
    {"units": 3, "name": ""},
    {"units": 3, "reuse": False, "name": "z"},
)
CASES.calls(
    "layers.flatten",
    (2, 3, 2),
    {"_in": (2, 3, 2, 2, 1), "data_format": "channels_first"},
    {"_in": (3,), "data_format": "channels_first"},
    {"_in": ()},
    {"_in": Input((2, 3, 2), "labels", "int32")},
    {"data_format": None},
    {"data_format": "Channels_First"},
    {"colour": "red"},
    {"reuse": True},
)
CASES.calls(
    "layers.dropout",
    (3, 4),
    {"rate": 0.0, "noise_shape": (3, 1), "training": True, "seed": 7},
    {"rate": 0.5, "training": False, "name": "z"},
    {"rate": 0, "training": True},
    {"rate": 1, "training": True},
    {"rate": "half"},
    {"_in": Input((3, 4), "labels", "int32")},
    {"reuse": True},
)

# The classes: what they take in **kwargs, and whether a mistake is one when made or when called.
for name, given in {
    "Conv1D": {"filters": 2, "kernel_size": 2, "_in": SERIES},
    "Conv3D": {"filters": 2, "kernel_size": 2, "_in": VOLUMES},
    "SeparableConv1D": {"filters": 2, "kernel_size": 2, "_in": SERIES},
    "Conv2DTranspose": {"filters": 2, "kernel_size": 2, "_in": (2, 3, 2, 2)},
    "Conv3DTranspose": {"filters": 2, "kernel_size": 2, "_in": (1, 2, 2, 2, 2)},
    "Conv2D": {"filters": 2, "kernel_size": 2, "_in": IMAGES},
    "SeparableConv2D": {"filters": 2, "kernel_size": 2, "_in": IMAGES},
    "Dense": {"units": 3, "_in": (3, 4)},
}.items():
    CASES.calls(
        f"layers.{name}",
        (),
        {},
        {"name": "z", "activity_regularizer": L2, "activation": TANH},
        {"trainable": False, "bias_regularizer": L1},
        {"dtype": "float32"},
        {"dtype": "float16"},
        {"use_bias": False, "bias_regularizer": L1},
        {"reuse": True},
        {"colour": "red"},
        **given,
    )
for name, shape in {"1D": SERIES, "3D": VOLUMES}.items():
    for op in ["MaxPooling", "AveragePooling"]:
        CASES.calls(
            f"layers.{op}{name}",
            shape,
            {"pool_size": 2, "strides": 1},
            {"pool_size": 3, "strides": 2, "padding": "same", "name": "z"},
            {"pool_size": 2},
            {"pool_size": 2, "strides": 1, "_in": (2, 3)},
        )

CASES.calls(
    "nn.pool",
    IMAGES,
    {"window_shape": [2, 3], "pooling_type": "MAX"},
    {"window_shape": [2, 2], "pooling_type": "MAX", "strides": [2, 1], "padding": "SAME"},
    {"window_shape": [3, 2], "pooling_type": "AVG", "strides": [2, 2], "padding": "SAME"},
    {"window_shape": [2, 2], "pooling_type": "MAX", "dilations": [2, 1]},
    {"window_shape": [2, 2], "pooling_type": "AVG", "dilations": [3, 2]},
    {"window_shape": [2], "pooling_type": "MAX", "dilations": [2], "_in": SERIES},
    {"window_shape": [2, 1, 2], "pooling_type": "AVG", "dilations": [2, 1, 1], "_in": VOLUMES},
    {"window_shape": [2, 2, 2], "pooling_type": "MAX", "dilations": [1, 3, 2], "_in": VOLUMES},
    {"window_shape": [2, 2], "pooling_type": "MAX", "data_format": "NHWC"},
    # Refused
    {"window_shape": [2, 2], "pooling_type": "max"},
    {"window_shape": [2, 2], "pooling_type": "MEDIAN"},
    {"window_shape": [2, 2], "pooling_type": "MAX", "strides": [3, 1]},
    {"window_shape": [2, 2], "pooling_type": "MAX", "strides": [2, 1], "dilations": [1, 2]},
    {"window_shape": [2, 2], "pooling_type": "AVG", "padding": "SAME", "dilations": [1, 2]},
    {"window_shape": [2, 2], "pooling_type": "AVG", "dilations": [0, 1]},
    {"window_shape": [2, 2], "pooling_type": "AVG", "strides": [0, 1]},
    {"window_shape": [2, 2, 2], "pooling_type": "AVG"},
    {"window_shape": [2, 2], "pooling_type": "AVG", "data_format": "NWC"},
    {"window_shape": [2, 2], "pooling_type": "AVG", "padding": "FULL"},
)


# A user's own layers


def scale_class(t, **of_weight):
    """A layer that multiplies its inputs by a weight made in `build`."""

    class Scale(t.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight("scale", [1, int(input_shape[-1])], **of_weight)
            super().build(input_shape)

        def call(self, inputs):
            return inputs * t.nn.tanh(self.scale)

    return Scale


@CASES.program((1, 3))
def own_layer(t, x):
    return scale_class(t)()(x)


@CASES.program((1, 3))
def own_layer_called_twice(t, x):
    layer = scale_class(t)(name="mine")
    return [layer(layer(x)), layer.scope_name]


@CASES.program((1, 3))
def own_layers_of_one_name(t, x):
    made = scale_class(t)
    return [made(name="a")(x), made(name="a")(x), made()(x), made()(x)]


@CASES.program((1, 3))
def own_layer_in_a_scope(t, x):
    layer = scale_class(t)()
    with t.variable_scope("outer"):
        y = layer(x)
    with t.variable_scope("other"):
        return [layer(y), layer.scope_name]


@CASES.program((1, 3))
def own_layer_that_is_not_trainable(t, x):
    layer = scale_class(t)(trainable=False)
    y = layer(x)
    return [y, t.names(layer.trainable_weights), t.names(layer.non_trainable_variables)]


@CASES.program((1, 3))
def own_weight_with_all_arguments(t, x):
    regularizer = t.slim.l2_regularizer(0.3)
    layer = scale_class(
        t, dtype="float32", initializer=t.constant_initializer(0.7), regularizer=regularizer
    )()
    y = layer(x)
    return [y, layer.losses, t.names(layer.variables), layer.count_params()]


@CASES.program((1, 3))
def own_weight_that_is_no_parameter(t, x):
    layer = scale_class(t, trainable=False)()
    y = layer(x)
    return [y, t.names(layer.variables), t.names(layer.trainable_variables)]


@CASES.program((1, 3))
def own_weight_by_its_initializers_name(t, x):
    return scale_class(t, initializer="ones")()(x)


@CASES.program((2, 3))
def own_activity_loss(t, x):
    layer = t.layers.Layer(activity_regularizer=t.slim.l2_regularizer(0.5))
    return [layer(x), layer.losses]


@CASES.program((2, 3))
def losses_of_a_layer(t, x):
    regularizer = t.slim.l1_regularizer(0.5)
    layer = t.layers.Dense(2, kernel_regularizer=regularizer, activity_regularizer=regularizer)
    return [layer(x), layer.losses, layer.apply(x), len(layer.losses)]


@CASES.program((2, 4, 4, 2))
def attributes_of_a_layer(t, x):
    layer = t.layers.Conv2D(3, 2, name="c")
    before = [layer.built, layer.trainable, layer.use_bias, len(layer.variables), layer.filters]
    y = layer(x)
    shapes = [list(layer.kernel.shape), list(layer.bias.shape)]
    shapes = [[int(n) for n in shape] for shape in shapes]
    return [y, before, layer.built, layer.name, layer.scope_name, shapes, layer.count_params()]


@CASES.program((2, 4))
def variables_of_a_norm(t, x):
    layer = t.layers.BatchNormalization()
    y = layer(x, training=False)
    names = [t.names(layer.variables), t.names(layer.trainable_weights)]
    return [y, names, t.names(layer.non_trainable_weights), len(layer.updates)]


@CASES.program((2, 4))
def updates_of_a_norm(t, x):
    layer = t.layers.BatchNormalization()
    y = layer(x, training=True)
    return [y, len(layer.updates)]


@CASES.program((2, 4))
def one_dense_in_two_scopes(t, x):
    layer = t.layers.Dense(4)
    with t.variable_scope("a"):
        y = layer(x)
    with t.variable_scope("b", reuse=True):
        return layer(y)


@CASES.program()
def weights_outside_of_a_call(t):
    layer = t.layers.Layer(name="mine")
    values = [layer.add_weight("a", [2]), layer.add_variable("b", [3], trainable=False)]
    return [values, t.names(layer.variables), layer.built]


@CASES.program()
def one_weight_twice(t):
    layer = t.layers.Layer(name="mine")
    return [layer.add_weight("a", [2]), layer.add_weight("a", [2])]


@CASES.program()
def a_weight_of_an_unknown_argument(t):
    return t.layers.Layer().add_weight("a", [2], colour="red")


@CASES.program()
def scope_name_before_the_call(t):
    return t.layers.Dense(2).scope_name


@CASES.program()
def count_before_the_call(t):
    return t.layers.Dense(2).count_params()


@CASES.program((2, 3))
def kernel_before_the_call(t, x):
    return t.layers.Dense(2).kernel


@CASES.program((2, 3))
def layer_of_an_unknown_argument(t, x):
    return t.layers.Layer(colour="red")(x)


@CASES.program((2, 3))
def layer_that_returns_nothing(t, x):
    class Nothing(t.layers.Layer):
        def call(self, inputs):
            return None

    return Nothing()(x)


@CASES.program((2, 3))
def the_base_layer(t, x):
    return t.layers.Layer()(x)


def expecting(t, x, **spec):
    """Call a layer with this input_spec."""

    class Picky(t.layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = t.layers.InputSpec(**spec)

        def call(self, inputs):
            return inputs + 1

    return [Picky()(x), repr(t.layers.InputSpec(**spec)), t.layers.InputSpec(**spec).get_config()]


def _add_specs() -> None:
    specs = [
        ({"ndim": 2}, (2, 3), (3,)),
        ({"min_ndim": 2}, (2, 3, 1), (3,)),
        ({"max_ndim": 2}, (3,), (1, 2, 3)),
        ({"shape": (None, 3)}, (2, 3), (3, 2)),
        ({"shape": (2, 3), "allow_last_axis_squeeze": True}, (2, 3, 1), (3, 2)),
        ({"shape": (2, 1), "allow_last_axis_squeeze": True}, (2,), (3,)),
        ({"axes": {-1: 3}}, (2, 3), (3, 2)),
        ({"axes": {0: 2, 1: None}, "min_ndim": 1}, (2, 5), (1, 5)),
        ({"dtype": "float32"}, (2,), Input((2,), "labels", "int32")),
        ({"ndim": 2, "axes": {3: 1}}, (2, 3)),
        ({"axes": {"one": 1}}, (2, 3)),
        ({"shape": (-1, 3)}, (2, 3)),
        ({"dtype": "no_dtype"}, (2, 3)),
        ({"colour": "red"}, (2, 3)),
    ]
    for spec, *inputs in specs:
        for given in inputs:
            add = CASES.program(given)
            function = lambda t, x, spec=spec: expecting(t, x, **spec)  # noqa: E731
            dtype = getattr(given, "dtype", "float32")
            function.__name__ = f"input_spec {spec} of {getattr(given, 'shape', given)} {dtype}"
            add(function)


_add_specs()
