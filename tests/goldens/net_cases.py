"""slim.nets: names and shapes of the networks themselves, numbers of narrow ones like them."""

from __future__ import annotations

import importlib
from typing import Any

from goldens.kit import Case, Table, as_inputs

CASES = Table(gradients=False)
NAMES = {"_numbers": False}


def net(t, module):
    """A module of nets: `import slim` does not bring it."""
    return importlib.import_module(f"{t.slim.__name__}.nets.{module}")


def shapes(tree):
    """The shapes of arrays nested at will, as plain values."""
    if isinstance(tree, dict):
        return {key: shapes(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [shapes(value) for value in tree]
    return [int(size) for size in tree.shape]


def cases(
    path: str, scope: str | None, inputs: Any, *rows: dict[str, Any], **base: Any
) -> list[Case]:
    """One case per row: `module.function(images, **base, **row)` in the module's arg_scope.

    `_in` replaces the inputs, `_scope` has arguments of the arg_scope. Arrays come back of the
    first result, shapes of the end points; of both with `_numbers=False`.
    """
    module, function = path.split(".")
    found = []
    for row in rows:
        given = {**base, **row}
        fields = CASES.fields | {k[1:]: given.pop(k) for k in list(given) if k[0] == "_"}
        specs = as_inputs(fields.pop("in", inputs))
        scoped = fields.pop("scope", {})

        def program(t, x, given=given, scoped=scoped, all_shapes=not fields.get("numbers", True)):
            nets = net(t, module)
            defaults = getattr(nets, scope)(**scoped) if scope else {}
            with t.slim.arg_scope(defaults):
                outputs, end_points = getattr(nets, function)(x, **given)
            return shapes(outputs) if all_shapes else outputs, shapes(end_points)

        words = ", ".join(f"{key}={value!r}" for key, value in given.items())
        size = "x".join(map(str, specs[0].shape))
        name = f"net.{path}[{size}]({words}){scoped or ''}{'' if scope else ' bare'}"
        found.append(Case(name, program, specs, **fields))
    return found


# AlexNet, OverFeat, VGG ---------------------------------------------------------------------------

for path, size in [("alexnet.alexnet_v2", 224), ("overfeat.overfeat", 231), ("vgg.vgg_a", 224)]:
    SCOPE = {"vgg.vgg_a": "vgg_arg_scope"}.get(path, path.split(".")[1] + "_arg_scope")
    CASES += cases(
        path,
        SCOPE,
        (1, size, size, 3),
        {},
        {"num_classes": 7, "is_training": False, "scope": "net"},
        {"num_classes": 5, "spatial_squeeze": False, "_in": (1, size + 64, size + 32, 3)},
        {"num_classes": 5, "spatial_squeeze": False, "dropout_keep_prob": 0.8},
        {"num_classes": 5, "_in": (1, size + 64, size + 64, 3)},  # refused: several places
        {"num_classes": 5, "_in": (1, 64, 64, 3)},  # refused: too small
        {"num_classes": None},
        {"num_classes": 0},
        {"dropout_keep_prob": 1.5},
        {"num_classes": 5, "scope": None},
        {"num_classes": 5, "_scope": {"weight_decay": 0.0}},
        **NAMES,
    )
    CASES += cases(
        path, None, (1, size, size, 3), {"num_classes": 3, "is_training": False}, **NAMES
    )
CASES += cases("vgg.vgg_16", "vgg_arg_scope", (1, 224, 224, 3), {"is_training": False}, **NAMES)
CASES += cases("vgg.vgg_19", "vgg_arg_scope", (1, 224, 224, 3), {"is_training": False}, **NAMES)


def used_twice(path, size):
    def program(t, x):
        module, function = path.split(".")
        function = getattr(net(t, module), function)
        with t.variable_scope("outer"):
            _, first = function(x, num_classes=2)
            with t.variable_scope(t.get_variable_scope(), reuse=True):
                _, second = function(x, num_classes=2, is_training=False)
        return shapes([first, second])

    CASES.append(Case(f"net.{path} twice", program, as_inputs((1, size, size, 3)), numbers=False))


used_twice("alexnet.alexnet_v2", 224)
used_twice("overfeat.overfeat", 231)
used_twice("vgg.vgg_a", 224)
used_twice("vgg.vgg_19", 224)


@CASES.program((1, 224, 224, 3), numbers=False)
def vgg_with_a_scope_around_its_own(t, x):
    with t.slim.arg_scope(
        [t.slim.conv2d], biases_initializer=t.constant_initializer(2.0), padding="VALID"
    ):
        return shapes(net(t, "vgg").vgg_a(x, 3, spatial_squeeze=False)[1])


@CASES.program((1, 224, 224, 3), numbers=False)
def alexnet_with_a_scope_around_its_own(t, x):
    with t.slim.arg_scope([t.slim.conv2d], biases_initializer=t.constant_initializer(2.0)):
        return shapes(net(t, "alexnet").alexnet_v2(x, 3, spatial_squeeze=False)[1])


@CASES.program((1, 224, 224, 3), numbers=False)
def nets_without_a_scope_of_their_own(t, x):
    alexnet = net(t, "alexnet").alexnet_v2
    return [shapes(alexnet(x, 2, scope=None)[1]) for _ in range(2)]


@CASES.program((1, 8, 8, 3), numbers=False)
def default_image_sizes(t, x):
    del x
    found = {
        f"{module}.{name}": getattr(getattr(net(t, module), name), "default_image_size", None)
        for module, names in {
            "alexnet": "alexnet_v2",
            "overfeat": "overfeat",
            "vgg": "vgg_a vgg_16 vgg_19 vgg_d vgg_e",
            "inception": "inception_v1 inception_v2 inception_v3 inception_v1_base",
            "resnet_v1": "resnet_v1 resnet_v1_50 resnet_v1_101 resnet_v1_152 resnet_v1_200",
            "resnet_v2": "resnet_v2 resnet_v2_50 resnet_v2_101 resnet_v2_152 resnet_v2_200",
        }.items()
        for name in names.split()
    }
    return found


# Inception ----------------------------------------------------------------------------------------

CASES += cases(
    "inception_v1.inception_v1",
    "inception_v1_arg_scope",
    (2, 224, 224, 3),
    {},
    {"num_classes": 5, "_in": (1, 288, 288, 3)},  # refused: several places
    {"num_classes": 5, "_in": (1, 112, 112, 3)},  # refused: too small
    {"num_classes": None},
    {"dropout_keep_prob": 2.0},
    **NAMES,
)
CASES += cases(
    "inception_v1.inception_v1",
    None,
    (1, 288, 256, 3),
    {"num_classes": 0},
    **NAMES,
)
CASES += cases(
    "inception_v2.inception_v2",
    None,
    (1, 224, 224, 3),
    {"num_classes": 0},
    {"num_classes": None},
    {"num_classes": 5, "_in": (1, 512, 512, 3)},  # refused: several places
    {"depth_multiplier": 0.3, "min_depth": 24, "spatial_squeeze": False, "_in": (1, 420, 100, 3)},
    {"depth_multiplier": 0.0},
    {"depth_multiplier": -1.0},
    {"dropout_keep_prob": 2.0},
    **NAMES,
)
CASES += cases(
    "inception_v3.inception_v3",
    None,
    (1, 299, 299, 3),
    {"num_classes": 0},
    {"num_classes": None},
    {"num_classes": None, "create_aux_logits": False},
    {"num_classes": 5, "_in": (1, 64, 64, 3)},  # refused: too small
    {"num_classes": 5, "_in": (1, 75, 75, 3)},  # refused: too small for auxiliary logits
    {"num_classes": 5, "_in": (1, 555, 555, 3)},  # refused: several places
    {"depth_multiplier": 1.5, "spatial_squeeze": False, "scope": None, "_in": (1, 427, 150, 3)},
    {"depth_multiplier": 0.0},
    **NAMES,
)
for version in (1, 2, 3):
    CASES += cases(
        f"inception_v{version}.inception_v{version}_base",
        None,
        (1, 112, 112, 3),
        {"final_endpoint": "Logits"},
        {"final_endpoint": None},
        {"final_endpoint": "Conv2d_1a_7x7", "scope": None},
        {"final_endpoint": "Conv2d_1a_3x3", "scope": "net"},
        **NAMES,
    )

V1 = """
    Conv2d_1a_7x7 MaxPool_2a_3x3 Conv2d_2b_1x1 Conv2d_2c_3x3 MaxPool_3a_3x3 Mixed_3b Mixed_3c
    MaxPool_4a_3x3 Mixed_4b Mixed_4c Mixed_4d Mixed_4e Mixed_4f MaxPool_5a_2x2 Mixed_5b Mixed_5c
"""
V2 = """
    Conv2d_1a_7x7 MaxPool_2a_3x3 Conv2d_2b_1x1 Conv2d_2c_3x3 MaxPool_3a_3x3 Mixed_3b Mixed_3c
    Mixed_4a Mixed_4b Mixed_4c Mixed_4d Mixed_4e Mixed_5a Mixed_5b Mixed_5c
"""
V3 = """
    Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 MaxPool_3a_3x3 Conv2d_3b_1x1 Conv2d_4a_3x3
    MaxPool_5a_3x3 Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e
    Mixed_7a Mixed_7b Mixed_7c
"""


def every_endpoint(version, names):
    def program(t, x):
        base = getattr(net(t, "inception"), f"inception_v{version}_base")
        with (
            t.variable_scope("net", reuse=t.AUTO_REUSE) as scope,
            t.slim.arg_scope([t.slim.conv2d, t.slim.separable_conv2d], biases_initializer=None),
        ):
            return [shapes(base(x, final, scope=scope)) for final in names.split()]

    name = f"net.inception_v{version}_base at every final_endpoint"
    CASES.append(Case(name, program, as_inputs((1, 112, 96, 3)), numbers=False))


for version, names in [(1, V1), (2, V2), (3, V3)]:
    every_endpoint(version, names)

CASES += cases(
    "inception_v2.inception_v2",
    "inception_v2_arg_scope",
    (2, 32, 32, 3),
    {"_scope": {"weight_decay": 0.5, "batch_norm_var_collection": "mine"}},
    depth_multiplier=0.05,
    min_depth=4,
    num_classes=3,
    is_training=False,
)
CASES += cases(
    "inception_v3.inception_v3",
    "inception_v3_arg_scope",
    (2, 107, 107, 3),
    {"depth_multiplier": 0.05, "min_depth": 4, "num_classes": 3, "is_training": False},
)
CASES += cases(
    "inception_v3.inception_v3_base",
    "inception_v3_arg_scope",
    (2, 75, 75, 3),
    {"final_endpoint": "Mixed_5b", "_scope": {"batch_norm_decay": 0.5, "batch_norm_epsilon": 0.1}},
    {"final_endpoint": "MaxPool_3a_3x3", "_scope": {"updates_collections": "mine"}},
    {"final_endpoint": "Conv2d_2b_3x3", "_scope": {"use_fused_batchnorm": False}},
    {"final_endpoint": "Conv2d_2b_3x3", "_gradients": True},
    depth_multiplier=0.05,
    min_depth=3,
)
CASES += cases(
    "inception_v2.inception_v2_base",
    "inception_v2_arg_scope",
    (2, 32, 32, 3),
    {"final_endpoint": "Mixed_3b"},
    {"final_endpoint": "Conv2d_2b_1x1", "depth_multiplier": 0.5, "_statistics": True},
    depth_multiplier=0.05,
    min_depth=3,
)
CASES += cases(
    "inception_v2.inception_v2_base",
    None,
    (2, 16, 16, 3),
    {"final_endpoint": "Mixed_3b", "_gradients": True},
    {"final_endpoint": "Mixed_5a"},
    depth_multiplier=0.05,
    min_depth=3,
)
CASES += cases(
    "inception_v1.inception_v1_base",
    "inception_v1_arg_scope",
    (1, 16, 16, 3),
    {"final_endpoint": "Mixed_3b", "_scope": {"use_batch_norm": False}},
    {"final_endpoint": "Conv2d_2b_1x1", "_scope": {"weight_decay": 0.1}},
    {"final_endpoint": "Conv2d_2b_1x1", "_statistics": True},
)


@CASES.program((2, 107, 107, 3), numbers=False)
def inception_in_training_then_again(t, x):
    inception = net(t, "inception")
    narrow = {"depth_multiplier": 0.1, "num_classes": 3}
    with t.slim.arg_scope([t.slim.conv2d], biases_initializer=None):
        first = inception.inception_v2(x, **narrow)
        second = inception.inception_v2(x, is_training=False, reuse=True, **narrow)
    return shapes([first, second])


@CASES.program((2, 107, 107, 3), numbers=False)
def inception_again_without_reuse(t, x):
    inception = net(t, "inception")
    return shapes([inception.inception_v3(x, 3, depth_multiplier=0.1) for _ in range(2)])


def predictions(version):
    def program(t, x):
        network = getattr(net(t, "inception"), f"inception_v{version}")

        def prediction_fn(logits, scope):
            return t.slim.fully_connected(logits, 2, scope=scope)

        return shapes(network(x, 3, prediction_fn=prediction_fn))

    name = f"net.inception_v{version} with a prediction_fn that makes variables"
    CASES.append(Case(name, program, as_inputs((1, 224, 224, 3)), numbers=False))


for version in (1, 2, 3):
    predictions(version)
