"""What a transformed function can tell about its model: tables of layers, and FLOPs."""

import jax
import jax.numpy as jnp
import pytest

import layers
import nn
import slim

X = jnp.linspace(-1.0, 1.0, 24).reshape(8, 3)


def test_a_model_tabulated():
    def model(x):
        x = layers.conv2d(x, 4, 3, padding="same", activation=nn.relu, name="conv1")
        x = slim.conv2d(x, 2, 3, stride=2, normalizer_fn=slim.batch_norm, scope="conv2")
        x = layers.Flatten()(layers.max_pooling2d(x, 2, 2))
        return layers.dense(x, 10, kernel_regularizer=slim.l2_regularizer(1e-4), name="logits")

    table = nn.transform(model).tabulate(jax.ShapeDtypeStruct((5, 8, 8, 1), jnp.float32))
    assert table == TABLE.strip()


TABLE = """
scope              op            arguments                                                         output        variables                                    parameters   FLOPs
conv1              Conv2D        filters=4, kernel_size=3, padding='same', activation=relu         [5, 8, 8, 4]  kernel[3,3,1,4], bias[4]                             40  23,040
conv2              conv2d        num_outputs=2, kernel_size=3, stride=2, normalizer_fn=batch_norm  [5, 4, 4, 2]  weights[3,3,4,2]                                     72  11,520
  conv2/BatchNorm  batch_norm                                                                      [5, 4, 4, 2]  beta[2], moving_mean[2], moving_variance[2]           2
max_pooling2d      MaxPooling2D  pool_size=2, strides=2                                            [5, 2, 2, 2]
flatten            Flatten                                                                         [5, 8]
logits             Dense         units=10, kernel_regularizer=l2_regularizer(0.0001)               [5, 10]       kernel[8,10], bias[10]                               90     800
total                                                                                                                                                                204  35,360
"""  # noqa: E501


def flops(fn, *shape):
    return [row.flops for row in nn.transform(fn).rows(jnp.ones(shape))]


class Conv2DTranspose(layers.Layer):
    """Stands for any transposed layer: FLOPs are told by the name."""

    data_format = "channels_last"

    def call(self, inputs):
        kernel = self.add_weight("kernel", [3, 3, 7, inputs.shape[-1]])
        size = (inputs.shape[0], 2 * inputs.shape[1], 2 * inputs.shape[2], 7)
        return nn.conv2d_transpose(inputs, kernel, size, 2)


@pytest.mark.parametrize(
    "fn, shape, expected",
    [
        (layers.Conv2D(4, 3), (2, 8, 6, 3), 2 * (2 * 6 * 4) * (3 * 3 * 3 * 4)),
        (layers.Conv2D(4, 3, 2, "same"), (2, 8, 6, 3), 2 * (2 * 4 * 3) * (3 * 3 * 3 * 4)),
        (
            layers.Conv2D(4, 3, data_format="channels_first"),
            (2, 3, 8, 6),
            2 * (2 * 6 * 4) * (3 * 3 * 3 * 4),
        ),
        (
            lambda x: slim.conv2d(x, 4, 3, data_format="NCHW"),
            (2, 3, 8, 6),
            2 * (2 * 8 * 6) * (3 * 3 * 3 * 4),
        ),
        (layers.Conv1D(4, 3), (2, 8, 3), 2 * (2 * 6) * (3 * 3 * 4)),
        (Conv2DTranspose(), (2, 8, 6, 3), 2 * (2 * 8 * 6) * (3 * 3 * 7 * 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 8, 6, 3), 2 * 48 * (3 * 3 * 3 * 2)),
        (layers.SeparableConv2D(4, 3), (2, 8, 6, 3), 2 * 48 * (3 * 3 * 3 + 3 * 4)),
        (layers.Dense(4), (2, 5, 3), 2 * (2 * 5) * (3 * 4)),
        (layers.BatchNormalization(), (2, 8, 6, 3), 0),
        (layers.BatchNormalization(axis=[1, 3]), (2, 8, 6, 3), 0),
        (layers.MaxPooling2D(2, 2), (2, 8, 6, 3), 0),
    ],
    ids=[
        *("valid", "same stride 2", "channels_first", "NCHW", "rank 1", "transposed"),
        *("depthwise", "separable", "dense", "batch norm", "batch norm of two axes", "pool"),
    ],
)
def test_two_flops_are_counted_for_each_use_of_a_kernel_element(fn, shape, expected):
    assert flops(fn, *shape) == [expected]
