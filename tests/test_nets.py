"""The networks of slim.nets at full size, run abstractly; their numbers are in the goldens."""

import collections
import importlib
import math

import jax
import jax.numpy as jnp
import pytest

import nn
import slim
from slim.nets import alexnet, inception, inception_v3, overfeat, resnet_utils, vgg


def of(name):
    """A network by its name."""
    module = "resnet_v" + name[8] if name.startswith("resnet") else name
    return getattr(importlib.import_module(f"slim.nets.{module}"), name)


def images(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def shapes_of(network, *shape, **arguments):
    """The shape of the output of a network, and of its end points in order."""
    found = {}

    def run(x):
        output, end_points = network(x, **arguments)
        found.update({name: x.shape for name, x in end_points.items()})
        return output

    net = nn.transform(run)
    params, state = jax.eval_shape(net.init, jax.random.key(0), images(*shape))
    output, _ = jax.eval_shape(net.apply, params, state, images(*shape))
    return output.shape, found


# Parameters of the real ones for 1000 classes.
PARAMETERS = {
    vgg.vgg_a: 132_863_336,
    vgg.vgg_16: 138_357_544,
    vgg.vgg_19: 143_667_240,
    alexnet.alexnet_v2: 50_303_912,
    overfeat.overfeat: 145_704_424,
}


@pytest.mark.parametrize("network", PARAMETERS, ids=lambda network: network.__name__)
def test_the_number_of_parameters(network):
    size = getattr(network, "default_image_size", 231)
    variables = nn.transform(network).variables(images(1, size, size, 3))
    assert sum(math.prod(v.shape) for v in variables) == PARAMETERS[network]


@pytest.mark.parametrize(
    ("version", "parameters"), [(1, 5_607_184), (2, 10_173_112), (3, 21_802_784)]
)
def test_the_number_of_parameters_of_a_base(version, parameters):
    def base(x):
        with slim.arg_scope(getattr(inception, f"inception_v{version}_arg_scope")()):
            return getattr(inception, f"inception_v{version}_base")(x)

    variables = nn.transform(base).variables(images(1, 224, 224, 3))
    assert sum(math.prod(v.shape) for v in variables) == parameters


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("layers", "units"),
    [(101, (3, 4, 23, 3)), (152, (3, 8, 36, 3)), (200, (3, 24, 36, 3))],
)
def test_the_units_of_deep_resnets(version, layers, units):
    network = of(f"resnet_v{version}_{layers}")
    variables = nn.transform(network).variables(images(1, 32, 32, 3))
    found = collections.Counter(
        v.name.split("/")[1] for v in variables if v.name.endswith("/conv3/weights")
    )
    assert found == {f"block{i}": n for i, n in enumerate(units, 1)}
    assert variables[-1].name.startswith(f"resnet_v{version}_{layers}/")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("stride", "places"), [(4, [21] * 4), (8, [11] * 4), (16, [11, 6, 6, 6]), (None, [11, 6, 3, 3])]
)
def test_an_output_stride_makes_features_denser(version, stride, places):
    def network(*args, **kwargs):
        with slim.arg_scope(resnet_utils.resnet_arg_scope()):
            return of(f"resnet_v{version}_50")(*args, **kwargs)

    output, end_points = shapes_of(network, 1, 81, 81, 3, global_pool=False, output_stride=stride)
    scope = f"resnet_v{version}_50"
    assert [end_points[f"{scope}/block{i}"][1] for i in range(1, 5)] == places
    assert output == (1, places[-1], places[-1], 2048)


@pytest.mark.slow
def test_denser_features_pass_through_the_sparser_ones():
    def unit(x, depth, stride, rate):
        return resnet_utils.conv2d_same(x, depth, 3, stride, rate)

    blocks = [resnet_utils.Block(f"block{i}", unit, [{"depth": 2, "stride": 2}]) for i in (1, 2)]
    net = nn.transform(lambda x, stride: resnet_utils.stack_blocks_dense(x, blocks, stride))
    x = jax.random.normal(jax.random.key(0), (1, 13, 12, 3))
    params, state = net.init(jax.random.key(1), x, None)
    sparse, dense = (net.apply(params, state, x, stride)[0] for stride in (None, 1))
    assert dense.shape == (1, 13, 12, 2)
    # The same sums, in the order of another convolution.
    assert jnp.allclose(dense[:, ::4, ::4], sparse, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("final", "places"), [("Conv2d_2b_3x3", 147), ("Mixed_5b", 35), ("Mixed_6a", 17)]
)
def test_inception_stops_at_an_endpoint(final, places):
    output, end_points = shapes_of(
        inception.inception_v3_base, 1, 299, 299, 3, final_endpoint=final
    )
    assert output[1:3] == (places, places)
    names = list(inception_v3.LAYERS)
    assert list(end_points) == names[: names.index(final) + 1]
    assert end_points[final] == output


def test_an_unknown_endpoint_is_refused_by_name():
    with pytest.raises(ValueError, match=r"one of Conv2d_1a_7x7, .*Mixed_5c; got 'Mixed_9z'"):
        nn.transform(inception.inception_v1_base).variables(images(1, 64, 64, 3), "Mixed_9z")


def test_how_weights_begin():
    found = {}
    for network in (alexnet.alexnet_v2, inception.inception_v2, inception.inception_v3):
        size = network.default_image_size
        for v in nn.transform(network).variables(images(1, size, size, 3)):
            found[v.name] = repr(v.initializer)

    def normal(stddev):
        return f"truncated_normal_initializer(0.0, {stddev})"

    assert found["alexnet_v2/fc6/weights"] == found["alexnet_v2/fc8/weights"] == normal(0.005)
    assert found["InceptionV2/Conv2d_1a_7x7/depthwise_weights"] == normal(1.0)
    assert found["InceptionV2/Mixed_5c/Branch_1/Conv2d_0a_1x1/weights"] == normal(0.09)
    assert found["InceptionV2/Mixed_5c/Branch_3/Conv2d_0b_1x1/weights"] == normal(0.1)
    assert found["InceptionV3/AuxLogits/Conv2d_2a_5x5/weights"] == normal(0.01)
    assert found["InceptionV3/AuxLogits/Conv2d_2b_1x1/weights"] == normal(0.001)


def test_a_network_in_training_then_again_for_evaluation():
    def both(x):
        logits, _ = inception.inception_v1(x, 5)
        again, _ = inception.inception_v1(x, 5, is_training=False, reuse=True)
        return logits, again

    net = nn.transform(both)
    params, state = jax.eval_shape(net.init, jax.random.key(0), images(2, 224, 224, 3))
    run = jax.eval_shape(net.apply, params, state, images(2, 224, 224, 3), rng=jax.random.key(0))
    assert [x.shape for x in run[0]] == [(2, 5), (2, 5)]
    once = nn.transform(inception.inception_v1).variables(images(2, 224, 224, 3), 5)
    assert set(params) == {v.name for v in once}
