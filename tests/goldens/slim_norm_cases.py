"""TF-Slim's norms: every kind of batch norm, of each rank, and the others."""

from __future__ import annotations

import itertools

import numpy as np

from goldens.kit import Input, Table, made, ref

CASES = Table()
IMAGES = (2, 4, 3, 2)
L1, L2 = ref("slim.l1_regularizer", 0.02), ref("slim.l2_regularizer", 0.1)
TANH = ref("nn.tanh")
ONES, THIRD = made("ones_initializer"), ref("constant_initializer", 0.3)
FORWARD = {"_gradients": False}  # NCHW has no CPU gradient; names and collections need none

# Batch norm: what kind of layer computes it depends on the rank and on five arguments.
KINDS = [
    {},
    {"fused": False},
    {"fused": True},
    {"zero_debias_moving_mean": True},
    {"zero_debias_moving_mean": True, "fused": False},
    {"updates_collections": None},
    {"updates_collections": None, "fused": False},
    {"updates_collections": "mine"},
    {"updates_collections": ["mine"]},
    {"updates_collections": None, "zero_debias_moving_mean": True},
    {"renorm": True},
    {"renorm": True, "renorm_clipping": {"rmin": 0.5, "rmax": 1.5, "dmax": 0.2}},
]
TRAINING = Input((), "true", "bool")
EVALUATION = Input((), "false", "bool")
for shape, kind in itertools.product([(6, 3), (4, 3, 2), (2, 3, 2, 3), (2, 2, 2, 2, 2)], KINDS):
    CASES.calls(
        "slim.batch_norm",
        shape,
        {"decay": 0.7, "scale": True, "epsilon": 0.01},
        {"decay": 0.7, "center": False, "param_initializers": {"moving_variance": THIRD}},
        {"is_training": False, "scale": True, "param_regularizers": {"beta": L1, "gamma": L2}},
        {"trainable": False, "decay": 0.7, "scale": True},
        **kind,
    )

    def traced(t, x, flag, kind=kind):
        return t.slim.batch_norm(x, decay=0.7, scale=True, is_training=flag, **kind)

    words = ", ".join(f"{k}={v}" for k, v in kind.items())
    for flag in (TRAINING, EVALUATION):
        traced.__name__ = f"batch_norm_with_a_traced_flag_{flag.kind}[{shape}]({words})"
        CASES.program(shape, flag)(traced)
CASES.calls(
    "slim.batch_norm",
    (2, 3, 2, 3),
    *[{"data_format": "NCHW", "scale": True, "decay": 0.6, **kind, **FORWARD} for kind in KINDS],
    *[
        {"data_format": "NCHW", "scale": True, "fused": False, "decay": 0.6, "_in": shape}
        for shape in [(4, 3), (3, 4, 2), (2, 3, 2, 2, 2)]
    ],
    *[
        {"batch_weights": [0.5, 2.0], "is_training": training, "data_format": order, **more}
        for training, order, more in itertools.product(
            [True, False], ["NHWC", "NCHW"], [{}, {"updates_collections": None}]
        )
    ],
    {"batch_weights": [1.0, 3.0], "_in": (2, 3), "scale": True, "decay": 0.4},
    {"batch_weights": [1.0, 3.0], "_in": (2, 3, 2), "zero_debias_moving_mean": True},
    {"batch_weights": [1.0, 3.0], "_in": (2, 2, 2, 2, 2), "trainable": False},
    {"batch_weights": 2.0},
    {"batch_weights": [[1.0, 2.0]]},
    {"batch_weights": [1.0, 2.0], "renorm": True},
    {"batch_weights": [1.0, 2.0], "param_regularizers": {"beta": L2}},
    {"renorm": True, "updates_collections": "mine"},
    {"renorm": True, "renorm_clipping": {"rmin": 0.5}},
    {"renorm": True, "renorm_clipping": {"dmax": 0.1}, "renorm_decay": 0.5},
    {"renorm": True, "renorm_clipping": {"colour": 1.0}},
    {"renorm_clipping": {"colour": 1.0}},
    {"renorm": True, "fused": True},
    {"epsilon": 1e-9},
    {"epsilon": 1e-9, "fused": False},
    {"epsilon": 1e-9, "updates_collections": None},
    {"decay": 1.5},
    {"decay": -0.5},
    {"decay": "0.9"},
    {"param_initializers": {"colour": ONES}},
    {"param_initializers": {"beta": None}},
    {"param_initializers": {"beta": THIRD, "gamma": THIRD}, "updates_collections": None},
    {"param_initializers": {"moving_mean": THIRD}, "fused": False, "updates_collections": None},
    {"param_regularizers": {"beta": L2}, "fused": False, "updates_collections": None},
    {"param_regularizers": {"beta": L2, "gamma": L1}, "scale": True, "updates_collections": "mine"},
    {"param_regularizers": {"beta": 0.1}},
    {"variables_collections": {"moving_mean": ["m"], "moving_variance": ["v"], "gamma": ["g"]}},
    {"variables_collections": ["v"], "updates_collections": None, "scale": True},
    {"variables_collections": ["v"], "fused": False, "updates_collections": None, "scale": True},
    {"variables_collections": ["v"], "zero_debias_moving_mean": True},
    {"outputs_collections": ["a"], "updates_collections": None, "scope": "p/q"},
    {"activation_fn": TANH, "updates_collections": None},
    {"activation_fn": TANH, "fused": False, "zero_debias_moving_mean": True},
    {"is_training": None},
    {"is_training": 1},
    {"is_training": 0},
    {"is_training": "yes"},
    {"_in": Input((2, 3, 2, 3), "labels", "int32")},
    {"_in": Input((2, 3, 2, 3), "labels", "int32"), "updates_collections": None},
    {"_in": (2, 2, 1, 2, 1, 2)},
    {"_in": (2, 2, 1, 2, 1, 2), "updates_collections": None},
    {"_in": (3,), "updates_collections": None},
    {"_in": (1, 1, 1, 3), "decay": 0.5},
    {"_in": (1, 3), "decay": 0.5},
    {"data_format": None},
    {"data_format": "NCHW", "_in": (3,)},
)


@CASES.program((2, 3, 2, 3))
def batch_norm_with_an_adjustment(t, x):
    def adjustment(shape):
        return np.full((2, 1, 1, 1), 1.5, "float32"), np.full((1, 1, 1, 3), 0.25, "float32")

    return t.slim.batch_norm(x, scale=True, decay=0.5, adjustment=adjustment)


@CASES.program((2, 3, 2, 3))
def batch_norm_with_an_adjustment_in_evaluation(t, x):
    def adjustment(shape):
        return np.full((2, 1, 1, 1), 1.5, "float32"), np.full((1, 1, 1, 3), 0.25, "float32")

    return t.slim.batch_norm(x, scale=True, adjustment=adjustment, is_training=False)


@CASES.program((4, 3), (4, 3))
def batch_norm_twice_with_its_variables(t, x, y):
    x = t.slim.batch_norm(x, decay=0.5, scope="bn")
    return t.slim.batch_norm(y, decay=0.5, scope="bn", reuse=True), x


@CASES.program((4, 3))
def batch_norm_twice_without_collections(t, x):
    for _ in range(2):
        x = t.nn.tanh(t.slim.batch_norm(x, decay=0.5, updates_collections=None, scale=True))
    return x


@CASES.program((4, 3), (4,))
def batch_norm_with_traced_weights(t, x, w):
    return t.slim.batch_norm(x, decay=0.5, batch_weights=w * w + 0.1)


# The other norms
CASES.calls(
    "slim.layer_norm",
    (2, 3, 2, 3),
    *[
        {"begin_norm_axis": n, "begin_params_axis": p}
        for n, p in itertools.product([1, 2, 3, -1, -2], [-1, 1, 2, -3])
    ],
    {"begin_norm_axis": 0},
    {"begin_norm_axis": -4},
    {"begin_norm_axis": 4},
    {"begin_params_axis": 0},
    {"begin_params_axis": 4},
    {"begin_params_axis": -5},
    {"begin_norm_axis": None},
    {"begin_norm_axis": 1.0},
    {"center": False, "scale": False, "activation_fn": TANH},
    {"trainable": False},
    {"variables_collections": {"beta": ["b"], "gamma": ["g"]}},
    {"variables_collections": ["v"], "outputs_collections": "o", "scope": "p/q"},
    {"reuse": True},
    {"reuse": True, "scope": "z"},
    {"_in": (3,)},
    {"_in": ()},
    {"_in": (2, 5)},
    {"_in": (2, 5), "begin_norm_axis": -1, "scale": False},
    {"_in": (2, 2, 2, 2, 2), "begin_norm_axis": 3},
    {"_in": Input((2, 3), "labels", "int32")},
    {"epsilon": 0.1},
    {"data_format": "NHWC"},
)
CASES.calls(
    "slim.instance_norm",
    IMAGES,
    {"epsilon": 0.01, "activation_fn": TANH},
    {"center": False, "scale": False},
    {"center": False, "data_format": "NCHW"},
    {"scale": False, "data_format": "NCHW", "epsilon": 0.5},
    {"param_initializers": {"beta": THIRD, "gamma": THIRD}},
    {"param_initializers": {"gamma": ONES, "colour": ONES}, "center": False},
    {"trainable": False},
    {"variables_collections": {"beta": ["b"], "gamma": ["g"]}, "outputs_collections": "o"},
    {"variables_collections": ["v"], "scope": "p/q"},
    {"reuse": True},
    {"_in": (2, 5, 3)},
    {"_in": (2, 5, 3), "data_format": "NCHW"},
    {"_in": (2, 3, 2, 2, 2)},
    {"_in": (2, 3, 2, 2, 2), "data_format": "NCHW"},
    {"_in": (3,)},
    {"_in": ()},
    {"_in": (3,), "data_format": "NCHW"},
    {"data_format": "channels_last"},
    {"data_format": None},
    {"_in": Input(IMAGES, "labels", "int32")},
    {"groups": 2},
)
CASES.calls(
    "slim.group_norm",
    (2, 3, 2, 4),
    *[
        {"groups": g, "center": c, "scale": s, "mean_close_to_zero": z}
        for g, (c, s), z in itertools.product(
            [1, 2], [(True, True), (True, False), (False, True)], [False, True]
        )
    ],
    {"groups": 4, "epsilon": 0.1, "activation_fn": TANH},
    {"groups": 2, "channels_axis": -1, "reduction_axes": [1, 2]},
    {"groups": 2, "channels_axis": 3, "reduction_axes": (1,)},
    {"groups": 2, "reduction_axes": [0, 1, 2]},
    {"groups": 2, "reduction_axes": [-2, 1]},
    {"groups": 3, "channels_axis": 1, "reduction_axes": [2, 3]},
    {"groups": 1, "channels_axis": -3, "reduction_axes": [-2, -1]},
    {"groups": 2, "channels_axis": 2, "reduction_axes": [1, 3]},
    {"groups": 2, "channels_axis": 0, "reduction_axes": [1, 2, 3]},
    {"groups": 2, "_in": (2, 5, 4), "reduction_axes": [1]},
    {"groups": 2, "_in": (2, 5, 4)},
    {"groups": 2, "_in": (2, 2, 2, 3, 4), "reduction_axes": [-4, -3, -2]},
    {"groups": 2, "_in": (2, 2, 2, 3, 4)},
    {"groups": 2, "reduction_axes": 1},
    {"groups": 2, "reduction_axes": [5]},
    {"groups": 2, "channels_axis": 3, "reduction_axes": [3]},
    {"groups": 2, "channels_axis": 7},
    {"groups": 2, "channels_axis": -5},
    {"groups": 5},
    {"groups": 0},
    {"groups": -2},
    {"groups": 2.0},
    {"groups": None},
    {"groups": 2, "param_initializers": {"beta": THIRD, "gamma": THIRD}},
    {"groups": 2, "trainable": False},
    {"groups": 2, "variables_collections": {"beta": ["b"], "gamma": ["g"]}, "scope": "z"},
    {"groups": 2, "outputs_collections": ["o"], "variables_collections": ["v"]},
    {"groups": 2, "reuse": True},
    {"groups": 2, "_in": Input((2, 3, 2, 4), "labels", "int32")},
    {"groups": 2, "data_format": "NHWC"},
    {"_in": (1, 2, 2, 32)},
)
CASES.calls(
    "slim.unit_norm",
    (2, 3, 4),
    {"dim": 0},
    {"dim": 1, "epsilon": 1.0},
    {"dim": 2, "scope": "z"},
    {"dim": 0, "_in": (5,)},
    {"dim": 3, "_in": (2, 2, 2, 2)},
    {"dim": 0, "_in": ()},
    {"dim": -2},
    {"dim": 4},
    {"dim": None},
    {"dim": [0, 1]},
    {"dim": 1.0},
    {"dim": 1, "_in": Input((2, 3), "labels", "int32")},
    {},
)
