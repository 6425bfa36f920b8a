"""Losses, regularizers and initializers."""

from __future__ import annotations

from goldens.kit import Input, Table, made, ref

CASES = Table()
SCORES = (4, 3)
ONE_HOT, LABELS = Input(SCORES, "one_hot"), Input((4,), "labels", "int64")
CHANCES = Input(SCORES, "probability")
WEIGHTS = [0.5, 0.0, 2.0, 1.0]
COLUMN = [[0.5], [0.0], [2.0], [1.0]]

WEIGHTED = [{}, {"weights": 0.5}, {"weights": 0.0}, {"weights": WEIGHTS}, {"weights": COLUMN}]

CASES.calls(
    "slim.losses.softmax_cross_entropy",
    [SCORES, ONE_HOT],
    {},
    {"weights": 0.5},
    {"weights": 0.0},
    {"weights": WEIGHTS},
    {"label_smoothing": 0.1},
    {"weights": WEIGHTS, "label_smoothing": 0.3, "scope": "loss"},
    {"_in": [SCORES, (4, 2)]},
    {"weights": None},
    {"weights": [1.0, 2.0]},
)
CASES.calls(
    "slim.losses.sparse_softmax_cross_entropy",
    [SCORES, LABELS],
    {},
    {"weights": 0.5},
    {"weights": WEIGHTS},
    {"_in": [SCORES, Input((4, 1), "labels", "int64")]},
    {"_in": [SCORES, Input((3,), "labels", "int64")]},
    {"weights": None},
)
CASES.calls(
    "slim.losses.sigmoid_cross_entropy",
    [SCORES, ONE_HOT],
    *WEIGHTED,
    {"label_smoothing": 0.1},
    {"_in": [SCORES, (4, 2)]},
)
CASES.calls("slim.losses.log_loss", [CHANCES, ONE_HOT], *WEIGHTED, {"epsilon": 0.01})
for op in ["absolute_difference", "mean_squared_error", "mean_pairwise_squared_error"]:
    CASES.calls(f"slim.losses.{op}", [SCORES, SCORES], *WEIGHTED[:4], {"_in": [SCORES, (4, 2)]})
CASES.calls("slim.losses.mean_squared_error", [SCORES, SCORES], {"weights": COLUMN}, {"scope": "s"})
CASES.calls("slim.losses.mean_squared_error", SCORES, {})
CASES.calls(
    "slim.losses.hinge_loss", [SCORES, ONE_HOT], {}, {"_in": [SCORES, (4, 2)]}, {"weights": 1.0}
)
CASES.calls(
    "slim.losses.cosine_distance",
    [SCORES, SCORES],
    {"axis": 1},
    {"dim": 1},
    {"axis": 1, "weights": 0.5},
    {"axis": 1, "weights": COLUMN},
    {},
    {"axis": 1, "_in": [SCORES, (4, 2)]},
)
CASES.calls(
    "slim.losses.compute_weighted_loss", SCORES, *WEIGHTED, {"weights": [1.0, 2.0]}, {"scope": "s"}
)

# Weights of every shape, beside those above; some do not fit.
FULL = [[1.0, 0.0, 2.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [1.0, 3.0, 1.0]]
SHAPES = [
    FULL,
    [2.0],
    [0.0],
    [[2.0]],
    [[0.5, 0.0, 2.0]],
    [[[w] for w in row] for row in FULL],
    [0.0] * 4,
    [1.0, 0.0, 2.0],
    [[1.0, 2.0]] * 4,
    [COLUMN],
    1,
    True,
    -1.0,
]
TWO = {
    "absolute_difference": [SCORES, SCORES],
    "mean_squared_error": [SCORES, SCORES],
    "log_loss": [CHANCES, ONE_HOT],
    "sigmoid_cross_entropy": [SCORES, ONE_HOT],
    "mean_pairwise_squared_error": [SCORES, SCORES],
}
for op, inputs in TWO.items():
    for weights in SHAPES:
        row = {"weights": weights}
        if op == "mean_pairwise_squared_error" and weights == [[2.0]]:
            row["_skip"] = "on purpose: of weights of rank 2 TensorFlow takes this one alone"
        CASES.calls(f"slim.losses.{op}", inputs, row)
CASES.calls("slim.losses.compute_weighted_loss", SCORES, *({"weights": w} for w in SHAPES))
for op in ["absolute_difference", "mean_squared_error"]:
    CASES.calls(
        f"slim.losses.{op}",
        [(2, 3, 2), (2, 3, 2)],
        {},
        {"weights": [0.5, 2.0]},
        {"weights": [[1.0], [0.0]]},
        {"weights": [[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]},
        {"weights": [[[1.0], [0.0], [2.0]], [[0.0], [0.0], [1.0]]]},
        {"weights": [[[1.0, 2.0], [0.0, 1.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 0.0], [1.0, 3.0]]]},
        {"weights": [1.0, 2.0, 3.0]},
        {"_in": [(5,), (5,)], "weights": [1.0, 0.0, 2.0, 0.0, 3.0]},
        {"_in": [(5,), (5,)], "weights": [[1.0], [0.0], [2.0], [0.0], [3.0]]},
        {"_in": [(5, 1), (5, 1)], "weights": [1.0, 0.0, 2.0, 0.0, 3.0]},
        {"_in": [(5, 1), (5,)]},
        {"weights": None},
        {"labels": None, "_in": [(4,)]},
    )
INTEGERS = Input(SCORES, "labels", "int32")
for op in ["absolute_difference", "mean_squared_error", "mean_pairwise_squared_error"]:
    CASES.calls(f"slim.losses.{op}", [INTEGERS, INTEGERS], {})
CASES.calls("slim.losses.compute_weighted_loss", (2, 3), {"weights": None}, {"weights": [0.5, 1.0]})
for smoothing in [0.0, 0.5, 1.0, -0.1]:
    for op in ["softmax_cross_entropy", "sigmoid_cross_entropy"]:
        CASES.calls(
            f"slim.losses.{op}",
            [SCORES, ONE_HOT],
            {"label_smoothing": smoothing, "weights": WEIGHTS},
        )
for weights in [[2.0], FULL, COLUMN, [[2.0]], 1, 0]:
    CASES.calls(
        "slim.losses.softmax_cross_entropy", [SCORES, ONE_HOT], {"weights": weights, "scope": "s"}
    )
    CASES.calls(
        "slim.losses.sparse_softmax_cross_entropy",
        [SCORES, LABELS],
        {"weights": weights, "scope": "s"},
    )
CASES.calls(
    "slim.losses.sparse_softmax_cross_entropy",
    [SCORES, LABELS],
    {"_in": [SCORES, Input((4,), "labels", "int32")]},
    {"_in": [SCORES, Input((4,), "labels", "float32")]},
    {"_in": [SCORES, Input((4, 3), "labels", "int64")]},
    {"_in": [SCORES, Input((4, 1), "labels", "int32")], "weights": COLUMN},
)
for weights in [0.5, 0.0, WEIGHTS, COLUMN, [2.0], FULL, None]:
    CASES.calls(
        "slim.losses.cosine_distance",
        [SCORES, SCORES],
        {"axis": 1, "weights": weights, "scope": "s"},
        {"axis": -1, "weights": weights},
    )
CASES.calls(
    "slim.losses.cosine_distance",
    [SCORES, SCORES],
    {"axis": 0},
    {"axis": 0, "dim": 0},
    {"dim": 0, "weights": [1.0, 0.0, 2.0]},
    {"axis": 2},
    {"axis": 1, "labels": None, "_in": [SCORES]},
)
CASES.calls(
    "slim.losses.hinge_loss",
    [SCORES, ONE_HOT],
    {"scope": "h"},
    {"_in": [(5,), Input((5,), "labels", "float32", 2)]},
    {"_in": [(5,), Input((5,), "labels", "int32", 2)]},
    {"labels": None, "_in": [SCORES]},
)
for epsilon in [1e-7, 0.1, 1.0]:
    CASES.calls("slim.losses.log_loss", [CHANCES, ONE_HOT], {"epsilon": epsilon, "weights": FULL})
CASES.calls("slim.losses.log_loss", [CHANCES, CHANCES], {"scope": "l"}, {"weights": None})


@CASES.program(SCORES, ONE_HOT)
def totals_by_name(t, x, labels):
    for scope in ["first", "second", None, None]:
        t.slim.losses.mean_squared_error(x, labels, scope=scope)
    losses = t.slim.losses
    return [
        losses.get_losses("first"),
        losses.get_losses("sec"),
        losses.get_losses("mean_squared_error"),
        losses.get_losses("mean_squared_error_1"),
        losses.get_losses("zzz"),
        losses.get_total_loss(name="mine"),
        losses.get_total_loss(False),
    ]


@CASES.program(SCORES)
def total_of_different_shapes(t, x):
    t.slim.losses.add_loss(x[0, 0])
    t.slim.losses.add_loss(x[0])
    return t.slim.losses.get_total_loss()


@CASES.program(SCORES)
def total_without_what_is_in_other_collections(t, x):
    t.slim.losses.add_loss(x[0, 0])
    t.slim.losses.add_loss(x[0, 1], "others")
    t.slim.losses.add_loss(x[0, 2], None)
    return [t.slim.losses.get_total_loss(), t.slim.losses.get_losses(loss_collection="others")]


@CASES.program(SCORES)
def total_of_regularization_left_out(t, x):
    t.slim.fully_connected(x, 3, weights_regularizer=t.slim.l2_regularizer(0.1))
    return t.slim.losses.get_total_loss(add_regularization_losses=False)


@CASES.program(SCORES, ONE_HOT)
def the_total_loss(t, x, labels):
    y = t.slim.fully_connected(x, 3, weights_regularizer=t.slim.l2_regularizer(0.1))
    t.slim.losses.softmax_cross_entropy(y, labels)
    t.slim.losses.mean_squared_error(y, labels, weights=0.5)
    return [
        t.slim.losses.get_total_loss(),
        t.slim.losses.get_total_loss(add_regularization_losses=False),
        t.slim.losses.get_losses(),
        t.slim.losses.get_regularization_losses(),
    ]


@CASES.program(SCORES)
def losses_of_a_scope(t, x):
    l2 = t.slim.l2_regularizer(0.1)
    with t.variable_scope("a"):
        x = t.slim.fully_connected(x, 3, weights_regularizer=l2, biases_regularizer=l2)
    with t.variable_scope("b"):
        x = t.slim.fully_connected(x, 3, weights_regularizer=l2)
    regularization = t.slim.losses.get_regularization_losses
    return [regularization("a"), regularization("b"), regularization("zzz"), regularization()]


@CASES.program(SCORES)
def losses_by_the_scope_they_were_made_in(t, x):
    with t.name_scope("a"):
        t.slim.losses.mean_squared_error(x, x + 1.0)
    with t.variable_scope("b"):
        t.slim.losses.absolute_difference(x, x + 0.5)
    return [t.slim.losses.get_losses("a"), t.slim.losses.get_losses("b")]


@CASES.program(SCORES)
def an_added_loss(t, x):
    t.slim.losses.add_loss(x[0, 0] * 2.0)
    t.slim.losses.add_loss(x[0, 1], loss_collection=None)
    t.slim.losses.add_loss(x[0, 2], loss_collection="mine")
    return [t.slim.losses.get_losses(), t.slim.losses.get_losses(loss_collection="mine")]


@CASES.program(SCORES)
def add_loss_obeys_arg_scope(t, x):
    with t.slim.arg_scope([t.slim.losses.add_loss], loss_collection="mine"):
        t.slim.losses.mean_squared_error(x, x + 1.0)
        t.slim.losses.add_loss(x[0, 0])
    return [t.slim.losses.get_losses(), t.slim.losses.get_losses(loss_collection="mine")]


@CASES.program(SCORES)
def the_total_of_no_losses(t, x):
    return t.slim.losses.get_total_loss()


@CASES.program(SCORES)
def the_total_of_regularization_alone(t, x):
    t.slim.fully_connected(x, 3, weights_regularizer=t.slim.l2_regularizer(0.1))
    return t.slim.losses.get_total_loss()


@CASES.program(SCORES)
def a_regularizer_that_returns_none_adds_no_loss(t, x):
    t.slim.fully_connected(x, 3, weights_regularizer=t.slim.l2_regularizer(0.0))
    return len(t.slim.losses.get_regularization_losses())


@CASES.program(SCORES)
def a_regularizer_of_the_users(t, x):
    return t.slim.fully_connected(x, 3, weights_regularizer=lambda w: (w * w)[0, 0])


# Regularizers -------------------------------------------------------------------------------------


@CASES.program(SCORES)
def values_of_regularizers(t, x):
    return [
        t.slim.l1_regularizer(0.5)(x),
        t.slim.l2_regularizer(0.5)(x),
        t.slim.l1_l2_regularizer(0.5, 0.25)(x),
        t.slim.l1_l2_regularizer()(x),
        t.slim.l1_l2_regularizer(scale_l1=0.0, scale_l2=0.25)(x),
        t.slim.l1_l2_regularizer(0.5, 0.0)(x),
        t.slim.sum_regularizer([t.slim.l1_regularizer(0.5), t.slim.l2_regularizer(0.5)])(x),
    ]


@CASES.program(SCORES)
def regularizers_of_zero(t, x):
    return [
        t.slim.l1_regularizer(0.0)(x),
        t.slim.l2_regularizer(0.0)(x),
        t.slim.sum_regularizer([]) is None,
        t.slim.sum_regularizer([None, None]) is None,
        t.slim.sum_regularizer([t.slim.l2_regularizer(0.0)]) is None,
    ]


@CASES.program(SCORES)
def regularization_applied(t, x):
    v = t.get_variable("v", [3])
    t.get_variable("w", [3])
    l2 = t.slim.l2_regularizer(0.5)
    return [t.slim.apply_regularization(l2, [v, v]), t.slim.losses.get_regularization_losses()]


@CASES.program(SCORES)
def regularization_applied_to_nothing(t, x):
    return t.slim.apply_regularization(t.slim.l2_regularizer(0.5), [])


@CASES.program(SCORES)
def regularization_applied_without_a_list(t, x):
    return t.slim.apply_regularization(t.slim.l2_regularizer(0.5))


def making(name, *args, **kwargs):
    """A program that only makes a regularizer or an initializer."""

    def program(t, x):
        getattr(t.slim, name)(*args, **kwargs)
        return x

    words = [repr(a) for a in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    program.__name__ = f"{name}({', '.join(words)})"
    program.__module__ = __name__
    CASES.program(SCORES)(program)


for name in ["l1_regularizer", "l2_regularizer"]:
    for scale in [1, 0, True, -0.5, 2.0]:
        making(name, scale)
making(name="l1_l2_regularizer", scale_l1=1)
making(name="l1_l2_regularizer", scale_l1=0.5, scale_l2=-1.0)
making(name="l1_l2_regularizer", scale_l1=1, scale_l2=1)
making("sum_regularizer", 3)

# Initializers -------------------------------------------------------------------------------------

for mode in ["fan_in", "FAN_OUTSIDE", None]:
    making("variance_scaling_initializer", mode=mode)
making("variance_scaling_initializer", factor=1)
making("variance_scaling_initializer", factor="1")
making("variance_scaling_initializer", factor=-1.0)
making("variance_scaling_initializer", dtype="int32")
making("xavier_initializer", dtype="int32")
making("xavier_initializer", uniform=False)


def drawing(name, shape, maker):
    """A program that makes one variable; its spread is recorded."""

    def program(t, x):
        t.get_variable("v", list(shape), initializer=None if maker is None else maker(t))
        return None

    program.__name__ = f"{name}[{'x'.join(map(str, shape))}]"
    program.__module__ = __name__
    CASES.program(SCORES, statistics=True)(program)


for shape in [(3, 3, 64, 128), (100, 50), (3, 3, 64, 2), (2000,)]:
    drawing("default", shape, None)
    drawing("xavier", shape, lambda t: t.slim.xavier_initializer())
    drawing("xavier normal", shape, lambda t: t.slim.xavier_initializer(uniform=False))
    drawing("variance scaling", shape, lambda t: t.slim.variance_scaling_initializer())
    drawing(
        "variance scaling fan out uniform",
        shape,
        lambda t: t.slim.variance_scaling_initializer(1.0, "FAN_OUT", uniform=True),
    )
drawing(
    "variance scaling fan avg",
    (3, 3, 64, 128),
    lambda t: t.slim.variance_scaling_initializer(factor=3.0, mode="FAN_AVG"),
)

LAYER_INITIALIZERS = [
    ("slim.conv2d", (1, 4, 4, 32), {"num_outputs": 64, "kernel_size": 3}),
    ("slim.fully_connected", (1, 100), {"num_outputs": 80}),
    ("slim.separable_conv2d", (1, 4, 4, 64), {"num_outputs": 64, "kernel_size": 3}),
    ("layers.conv2d", (1, 4, 4, 32), {"filters": 64, "kernel_size": 3}),
    ("layers.dense", (1, 100), {"units": 80}),
    ("layers.separable_conv2d", (1, 4, 4, 64), {"filters": 64, "kernel_size": 3}),
]
for op, shape, kwargs in LAYER_INITIALIZERS:
    CASES.calls(op, shape, {**kwargs, "_statistics": True, "_gradients": False})

CASES.calls(
    "slim.fully_connected",
    (2, 3),
    {"num_outputs": 2, "weights_regularizer": ref("slim.l1_l2_regularizer", 0.5, 0.25)},
    {"num_outputs": 2, "weights_regularizer": ref("slim.l2_regularizer", 0.0)},
    {"num_outputs": 2, "weights_initializer": made("slim.xavier_initializer")},
)
