"""The layers under TF-Slim's own path `slim.layers`, and the few names that stand only there."""

from slim import sparse as sparse_ops
from slim.composition import repeat, stack
from slim.convolutional import (
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_in_plane,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
    separable_convolution2d,
)
from slim.core import (
    bias_add,
    dropout,
    elu,
    flatten,
    fully_connected,
    linear,
    relu,
    relu6,
    softmax,
)
from slim.divisive import GDN, gdn
from slim.legacy import legacy_fully_connected, legacy_linear, legacy_relu
from slim.normalization import batch_norm
from slim.norms import group_norm, instance_norm, layer_norm, unit_norm
from slim.pooling import avg_pool2d, avg_pool3d, max_pool2d, max_pool3d, pool
from slim.reversible import RevBlock, recompute_grad, rev_block
from slim.scoping import add_arg_scope
from slim.sparse import dense_to_sparse
from slim.transforms import (
    bucketize,
    images_to_sequence,
    maxout,
    one_hot_encoding,
    poincare_normalize,
    scale_gradient,
    sequence_to_images,
    spatial_softmax,
)

conv1d = convolution1d
conv2d = convolution2d
conv3d = convolution3d
conv2d_in_plane = convolution2d_in_plane
conv2d_transpose = convolution2d_transpose
conv3d_transpose = convolution3d_transpose
separable_conv2d = separable_convolution2d

DATA_FORMAT_NCHW = "NCHW"
DATA_FORMAT_NHWC = "NHWC"
DATA_FORMAT_NCDHW = "NCDHW"
DATA_FORMAT_NDHWC = "NDHWC"

__all__ = [
    "DATA_FORMAT_NCDHW",
    "DATA_FORMAT_NCHW",
    "DATA_FORMAT_NDHWC",
    "DATA_FORMAT_NHWC",
    "GDN",
    "RevBlock",
    "add_arg_scope",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bias_add",
    "bucketize",
    "conv1d",
    "conv2d",
    "conv2d_in_plane",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "convolution",
    "convolution1d",
    "convolution2d",
    "convolution2d_in_plane",
    "convolution2d_transpose",
    "convolution3d",
    "convolution3d_transpose",
    "dense_to_sparse",
    "dropout",
    "elu",
    "flatten",
    "fully_connected",
    "gdn",
    "group_norm",
    "images_to_sequence",
    "instance_norm",
    "layer_norm",
    "legacy_fully_connected",
    "legacy_linear",
    "legacy_relu",
    "linear",
    "max_pool2d",
    "max_pool3d",
    "maxout",
    "one_hot_encoding",
    "poincare_normalize",
    "pool",
    "recompute_grad",
    "relu",
    "relu6",
    "repeat",
    "rev_block",
    "scale_gradient",
    "separable_conv2d",
    "separable_convolution2d",
    "sequence_to_images",
    "softmax",
    "sparse_ops",
    "spatial_softmax",
    "stack",
    "unit_norm",
]
