"""The scoped front-end: TF-Slim, whose calls take from `arg_scope` what they leave out."""

from slim import losses, utils
from slim.composition import repeat, stack
from slim.convolutional import (
    convolution,
    convolution1d,
    convolution2d,
    convolution3d,
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
from slim.initializers import (
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)
from slim.names import to_layers_names, to_slim_names
from slim.normalization import batch_norm
from slim.pooling import avg_pool2d, max_pool2d
from slim.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)
from slim.scoping import (
    add_arg_scope,
    arg_scope,
    arg_scope_func_key,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from slim.variables import (
    add_model_variable,
    filter_variables,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variable_full_name,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    model_variable,
    variable,
)

conv1d = convolution1d
conv2d = convolution2d
conv3d = convolution3d
separable_conv2d = separable_convolution2d

__all__ = [
    "add_arg_scope",
    "add_model_variable",
    "apply_regularization",
    "arg_scope",
    "arg_scope_func_key",
    "arg_scoped_arguments",
    "avg_pool2d",
    "batch_norm",
    "bias_add",
    "conv1d",
    "conv2d",
    "conv3d",
    "convolution",
    "convolution1d",
    "convolution2d",
    "convolution3d",
    "current_arg_scope",
    "dropout",
    "elu",
    "filter_variables",
    "flatten",
    "fully_connected",
    "get_local_variables",
    "get_model_variables",
    "get_trainable_variables",
    "get_unique_variable",
    "get_variable_full_name",
    "get_variables",
    "get_variables_by_name",
    "get_variables_by_suffix",
    "get_variables_to_restore",
    "has_arg_scope",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "linear",
    "losses",
    "max_pool2d",
    "model_variable",
    "relu",
    "relu6",
    "repeat",
    "separable_conv2d",
    "separable_convolution2d",
    "softmax",
    "stack",
    "sum_regularizer",
    "to_layers_names",
    "to_slim_names",
    "utils",
    "variable",
    "variance_scaling_initializer",
    "xavier_initializer",
    "xavier_initializer_conv2d",
]
