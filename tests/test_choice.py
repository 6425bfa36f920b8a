"""Which form a convolution or a pool takes: by platform, by shape, and as the user asks."""

import os
import re
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
from nn import spelling
from nn.lowering import choice, depthwise, exact, fourier, patches, side_by_side, winograd
from nn.lowering.geometry import Convolution


def convolution(size, channels, kernel, outputs, strides=1, dilations=1, depthwise=False):
    x, filters = np.ones((1, *size, channels)), np.ones((*kernel, channels, outputs))
    layout = "NHWC" if len(size) == 2 else "NWC"
    window = spelling.window("test", x.shape, layout, kernel, strides, "SAME", dilations)
    return Convolution.of(x, filters, window, depthwise)


@pytest.mark.parametrize(
    ("form", "of"),
    [
        (fourier, convolution((14, 3), 8, (3, 3), 8)),
        (winograd, convolution((15, 8), 8, (3, 3), 8)),
        (patches, convolution((15, 3), 17, (3, 3), 8)),
        (fourier, convolution((9, 32), 8, (5, 5), 8, dilations=(1, 2))),
        (winograd, convolution((9, 33), 8, (5, 5), 8)),
        (patches, convolution((9, 33), 8, (5, 5), 8, dilations=(1, 2))),
        (fourier, convolution((56, 9), 8, (7, 7), 8)),
        (patches, convolution((57, 9), 8, (7, 7), 65)),
        (patches, convolution((8, 8), 8, (3, 3), 8, strides=2)),
        (patches, convolution((8, 8), 8, (1, 1), 8)),
        (patches, convolution((8,), 17, (5,), 8)),
        (side_by_side, convolution((8, 8), 7, (3, 3), 8)),
        (side_by_side, convolution((3, 8), 16, (3, 3), 7)),
        (side_by_side, convolution((8, 8), 3, (3, 3), 4, strides=(2, 1))),
        (patches, convolution((8, 8), 3, (3, 3), 4, strides=(1, 2))),
        (patches, convolution((8, 8), 3, (3, 3), 4, dilations=2)),
        (patches, convolution((3, 8), 17, (3, 3), 4)),
        (patches, convolution((8, 8), 3, (3, 2), 4)),
        (patches, convolution((8, 7), 3, (3, 3), 4)),
        (patches, convolution((40, 40), 1, (11, 11), 1)),  # 154 taps, side by side
        (exact, convolution((40, 40), 1, (12, 11), 1)),
        (depthwise, convolution((8, 8), 3, (3, 3), 1, depthwise=True)),
    ],
)
def test_the_form_of_a_shape(form, of):
    assert choice.chosen(of, images=8) is form


@pytest.mark.parametrize(
    ("form", "images", "channels", "filters"),
    [
        (fourier, 33, 64, 64),
        (winograd, 32, 64, 64),  # in 4 tiles each
        (winograd, 9, 64, 64),
        (patches, 8, 64, 64),
        (fourier, 11, 16, 32),
        (winograd, 10, 16, 32),
    ],
)
def test_filters_are_transformed_for_enough_images(form, images, channels, filters):
    assert choice.chosen(convolution((8, 8), channels, (3, 3), filters), images) is form


@pytest.mark.parametrize(
    ("width", "outputs", "count"),
    [(8, 32, 4), (8, 33, 2), (9, 42, 3), (6, 43, 2), (8, 64, 2), (8, 65, 1), (7, 1, 1)],
)
def test_how_many_stand_side_by_side(width, outputs, count):
    assert side_by_side.count(convolution((5, width), 3, (3, 3), outputs)) == count


@pytest.mark.parametrize(("rows", "left"), [(2, "160x200"), (3, "3x200")])
def test_large_weights_stand_on_the_left_of_few_rows(rows, left):
    inputs, kernel = jnp.ones((rows, 160)), jnp.ones((160, 200))
    gradient = jax.grad(lambda inputs: jnp.sum(nn.dense(inputs, kernel)))
    text = jax.jit(gradient).lower(inputs).as_text()
    assert re.search(rf"dot_general.*: \(tensor<{left}xf", text)


@pytest.mark.parametrize(
    ("rows", "columns", "is_turned"), [(2, 160, 1), (3, 160, 0), (64, 9000, 0)]
)
def test_few_rows_by_large_weights_are_turned_first(rows, columns, is_turned):
    inputs, kernel = jnp.ones((rows, columns)), jnp.ones((columns, 200))
    text = jax.jit(nn.dense).lower(inputs, kernel).as_text()
    assert ("call @transposed" in text) == is_turned


def test_dense_layers_are_matrix_products_everywhere():
    gradients = jax.jit(jax.grad(lambda *a: jnp.sum(nn.dense(*a)), (0, 1)))
    arrays = jnp.ones((4, 3)), jnp.ones((3, 2))
    for platform in ("cpu", "cuda", "tpu"):
        text = gradients.trace(*arrays).lower(lowering_platforms=(platform,)).as_text()
        assert "dot_general" in text and "convolution" not in text.replace("@convolution", "")
    with nn.lax_lowering():
        assert "convolution" not in gradients.lower(*arrays).as_text()


def test_whole_numbers_stay_with_lax():
    x, w = jnp.ones((1, 4, 4, 8), jnp.int32), jnp.ones((3, 3, 8, 8), jnp.int32)
    assert nn.conv2d(x, w, 1, "SAME")[0, 1, 1, 0] == 72


def test_large_windows_stay_with_lax():
    """A form that writes out each tap would be compiled for minutes."""
    x = jnp.ones((1, 40, 40, 1))
    for taps, convolution in ((11, "stablehlo.dot_general"), (31, "stablehlo.convolution")):
        filters = jnp.ones((taps, taps, 1, 1))
        lowered = jax.jit(lambda x, w: nn.conv2d(x, w, 4, "VALID")).lower(x, filters)
        assert convolution in lowered.as_text()
    for pool in (nn.max_pool, nn.avg_pool):
        for size, by_lax in ((11, False), (31, True)):
            lowered = jax.jit(lambda x, pool=pool, k=size: pool(x, k, 1, "VALID")).lower(x)
            assert by_lax == ("stablehlo.reduce_window" in lowered.as_text())


def test_several_groups_stay_with_lax():
    x, filters = jnp.ones((1, 4, 4, 4)), jnp.ones((2, 2, 2, 6))
    assert nn.conv2d(x, filters, 1, "VALID").shape == (1, 3, 3, 6)


def both(x, filters):
    return nn.max_pool(nn.conv2d(x, filters, 1, "SAME"), 2, 2, "VALID")


def gradients(x, filters):
    return jax.grad(lambda *a: jnp.sum(both(*a) ** 2), (0, 1))(x, filters)


@pytest.mark.parametrize("function", [both, gradients])
def test_one_program_for_a_cpu_and_a_gpu(function):
    x, filters = jnp.ones((1, 4, 4, 3), jnp.float32), jnp.ones((3, 3, 3, 2), jnp.float32)
    exported = jax.export.export(jax.jit(function), platforms=("cpu", "cuda", "tpu"))(x, filters)
    jax.tree.map(np.testing.assert_array_equal, exported.call(x, filters), function(x, filters))
    assert "stablehlo.convolution" in exported.mlir_module()
    on_cpu = jax.jit(function).lower(x, filters).as_text()
    assert "stablehlo.dot_general" in on_cpu and "stablehlo.convolution" not in on_cpu
    on_gpu = jax.export.export(jax.jit(function), platforms=("cuda",))(x, filters).mlir_module()
    assert "stablehlo.convolution" in on_gpu and "stablehlo.dot_general" not in on_gpu


def test_the_switch():
    x, filters = jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 3, 2))

    def uses_lax():
        return "stablehlo.convolution" in jax.jit(lambda *a: both(*a)).lower(x, filters).as_text()

    assert not uses_lax()
    with nn.lax_lowering():
        assert uses_lax()
        with nn.lax_lowering(False):
            assert not uses_lax()
    assert not uses_lax()


def test_a_jitted_function_is_compiled_for_each_side_of_the_switch():
    traced = []
    function = jax.jit(lambda x, w: traced.append(0) or both(x, w))
    x, filters = jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 3, 2))
    for _ in range(2):
        function(x, filters)
        with nn.lax_lowering():
            function(x, filters)
    assert len(traced) == 2


@pytest.mark.parametrize("value, expected", [("lax", "True"), ("LAX", "True"), ("", "False")])
def test_the_environment_variable(value, expected):
    code = "from nn.lowering import choice; print(choice.uses_lax())"
    environment = os.environ | {"SLIMLAYERS_LOWERING": value}
    run = partial(subprocess.run, [sys.executable, "-c", code], env=environment, text=True)
    assert run(capture_output=True, check=True).stdout.strip() == expected


def test_an_unknown_value_of_the_environment_variable():
    environment = os.environ | {"SLIMLAYERS_LOWERING": "fast"}
    command = [sys.executable, "-c", "import nn"]
    process = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert process.returncode
    assert "SLIMLAYERS_LOWERING is 'fast': expected 'lax', or nothing" in process.stderr
