"""slim.nets' ResNets: the names of the real ones, numbers of small ones like them."""

from __future__ import annotations

from goldens.kit import Case, Table, as_inputs
from goldens.net_cases import cases, net, shapes

CASES = Table(gradients=False)

for version in (1, 2):
    CASES += cases(
        f"resnet_v{version}.resnet_v{version}_50",
        "resnet_arg_scope",
        (1, 224, 224, 3),
        {"num_classes": 10},
        _numbers=False,
    )


def small_resnet(version, inputs, *rows, **base):
    """`resnet_v1` or `resnet_v2` of blocks of one unit of depth 4: the second need not project."""
    for row in rows:
        given = {**base, **row}
        fields = CASES.fields | {k[1:]: given.pop(k) for k in list(given) if k[0] == "_"}
        specs = as_inputs(fields.pop("in", inputs))
        scoped = fields.pop("scope", {})
        strides = fields.pop("strides", (2, 2))

        def program(t, x, given=given, scoped=scoped, strides=strides):
            nets = net(t, f"resnet_v{version}")
            block = getattr(nets, f"resnet_v{version}_block")
            blocks = [
                block(f"block{i}", base_depth=1, num_units=1, stride=stride)
                for i, stride in enumerate(strides, 1)
            ]
            with t.slim.arg_scope(nets.resnet_arg_scope(**scoped)):
                outputs, end_points = getattr(nets, f"resnet_v{version}")(x, blocks, **given)
            return outputs, shapes(end_points)

        words = ", ".join(f"{key}={value!r}" for key, value in given.items())
        size = "x".join(map(str, specs[0].shape))
        words = f"[{size}]({words}){scoped or ''} strides {strides}"
        CASES.append(Case(f"resnet.small resnet_v{version}{words}", program, specs, **fields))


# A variance of few numbers is close to 0; then a small epsilon shows each library's rounding.
WELL_CONDITIONED = {"batch_norm_epsilon": 0.1}
for version in (1, 2):
    small_resnet(
        version,
        (2, 9, 9, 3),
        {"_scope": WELL_CONDITIONED},
        # In training, what goes before a batch norm has slopes that are nothing but rounding.
        {"is_training": False, "_scope": WELL_CONDITIONED, "_gradients": True},
        {"is_training": False, "global_pool": False, "output_stride": 1},
        {"num_classes": 0},
        {"num_classes": 3, "global_pool": False, "output_stride": 2, "_scope": WELL_CONDITIONED},
        {
            "output_stride": 4,
            "scope": "net",
            "_scope": {**WELL_CONDITIONED, "batch_norm_scale": False},
        },
        {"output_stride": 3},
        {"output_stride": 8},
        {"output_stride": 0},
        {"output_stride": 3, "_strides": (3, 2), "_scope": WELL_CONDITIONED},
        {"output_stride": 2, "_strides": (3, 2)},
        {"_strides": ()},
        {"_strides": (), "output_stride": 2},
        {"reuse": True, "scope": "net"},
        {"reuse": True},
        include_root_block=False,
    )
    small_resnet(
        version,
        (1, 16, 17, 3),
        {"num_classes": 3, "is_training": False},
        {"output_stride": 8, "global_pool": False, "_scope": WELL_CONDITIONED},
        {"output_stride": 4, "global_pool": False, "_strides": (2,)},
        {"output_stride": 6},
        {"output_stride": 32},
        {"output_stride": 12},
        {"_strides": (), "global_pool": False, "_scope": {"weight_decay": 0.5}},
    )
small_resnet(
    2,
    (2, 5, 5, 3),
    {"_scope": {"batch_norm_decay": 0.5, "batch_norm_epsilon": 0.1}},
    include_root_block=False,
    _strides=(1,),
)


def resnet_twice(version):
    def program(t, x):
        nets = net(t, f"resnet_v{version}")
        blocks = [getattr(nets, f"resnet_v{version}_block")("block1", 1, 2, 2)]
        network = getattr(nets, f"resnet_v{version}")
        with t.variable_scope("outer"):
            first = network(x, blocks, 3, scope="net")
            second = network(x, blocks, 3, is_training=False, reuse=True, scope="net")
            third = network(x, blocks, None)
            fourth = network(x, blocks, None)
        return shapes([first, second, third, fourth])

    CASES.append(
        Case(f"resnet.resnet_v{version} twice", program, as_inputs((1, 33, 33, 3)), numbers=False)
    )


resnet_twice(1)
resnet_twice(2)


@CASES.program((2, 5, 5, 3), gradients=True)
def same_padding_in_odd_images(t, x):
    utils = net(t, "resnet_utils")
    return utils.conv2d_same(x, 2, 3, stride=2), utils.conv2d_same(x, 2, 2, stride=2, scope="even")


@CASES.program((2, 4, 6, 3), gradients=True)
def same_padding_in_even_images(t, x):
    utils = net(t, "resnet_utils")
    return (
        utils.conv2d_same(x, 2, 3, 2),
        utils.conv2d_same(x, 2, 5, 3),
        utils.conv2d_same(x, 2, 3, 1),
    )


@CASES.program((2, 6, 6, 3))
def same_padding_dilated(t, x):
    return net(t, "resnet_utils").conv2d_same(x, 2, 3, stride=1, rate=2, scope="c")


@CASES.program((2, 6, 6, 3))
def same_padding_dilated_and_strided(t, x):
    return net(t, "resnet_utils").conv2d_same(x, 2, 3, stride=2, rate=2)


@CASES.program((1, 5, 4, 2))
def subsampled(t, x):
    subsample = net(t, "resnet_utils").subsample
    return [subsample(x, factor) for factor in (1, 2, 3)]


@CASES.program((2, 8, 8, 2))
def blocks_of_an_own_unit(t, x):
    utils = net(t, "resnet_utils")

    def unit(inputs, depth, rate, stride=1):
        return utils.conv2d_same(inputs, depth, 3, stride, rate)

    blocks = [
        utils.Block("block1", unit, [{"depth": 2, "stride": 2}, {"depth": 3}]),
        utils.Block(scope=None, unit_fn=unit, args=[{"depth": 2, "stride": 2}]),
        utils.Block(None, unit, [{"depth": 2}]),
    ]
    outputs = utils.stack_blocks_dense(x, blocks, 2, outputs_collections="ends")
    return outputs, list(t.slim.utils.convert_collection_to_dict("ends"))


@CASES.program((1, 4, 4, 4))
def a_bottleneck_alone(t, x):
    with t.slim.arg_scope(net(t, "resnet_utils").resnet_arg_scope()):
        first = net(t, "resnet_v1").bottleneck(x, 4, 2, 1)
        second = net(t, "resnet_v1").bottleneck(x, 6, 2, 2, scope="strided")
        third = net(t, "resnet_v2").bottleneck(x, 4, 2, stride=1, rate=2)
        fourth = net(t, "resnet_v2").bottleneck(x, 4, 2, 1, outputs_collections="ends")
    ends = t.slim.utils.convert_collection_to_dict("ends")
    return first, second, third, fourth, list(ends)


@CASES.program((4, 4, 4))
def a_bottleneck_of_rank_3(t, x):
    return net(t, "resnet_v1").bottleneck(x, 4, 2, 1)


@CASES.program((1, 4, 4, 4))
def a_block_is_a_tuple(t, x):
    del x
    v1, v2 = net(t, "resnet_v1"), net(t, "resnet_v2")
    scope, unit_fn, args = v1.resnet_v1_block("b", base_depth=3, num_units=3, stride=2)
    block = v2.resnet_v2_block("c", 1, 1, 4)
    return [scope, unit_fn is v1.bottleneck, args, block.scope, block.args, list(block._fields)]


@CASES.program((1, 4, 4, 4))
def units_are_scoped(t, x):
    v2 = net(t, "resnet_v2")
    with t.slim.arg_scope([v2.bottleneck], depth=4, depth_bottleneck=1, stride=2):
        return v2.bottleneck(x)
