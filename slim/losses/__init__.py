"""Losses, as in `slim.losses`: each is a formula, averaged by one function and remembered.

While a model runs, a loss is added to the collection `nn.GraphKeys.LOSSES`, whose sum is
`get_total_loss()`. Outside of one, it is a function of its arguments and nothing else.

Those of a batch of predictions take predictions or logits `[N, ...]` first, then labels of the same
shape; `weights` as `compute_weighted_loss` explains them; and `scope`, the name scope. They raise a
ValueError for shapes that do not fit and weights of None, and a TypeError for labels of None and
for logits of an integer type. Those of embeddings are explained in `slim.losses.metric_learning`.
"""

from slim.losses.collection import (
    add_loss,
    get_losses,
    get_regularization_losses,
    get_total_loss,
)
from slim.losses.formulas import (
    absolute_difference,
    compute_weighted_loss,
    cosine_distance,
    hinge_loss,
    log_loss,
    mean_pairwise_squared_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
)
from slim.losses.metric_learning import (
    cluster_loss,
    contrastive_loss,
    lifted_struct_loss,
    npairs_loss,
    npairs_loss_multilabel,
    triplet_semihard_loss,
)

__all__ = [
    "absolute_difference",
    "add_loss",
    "cluster_loss",
    "compute_weighted_loss",
    "contrastive_loss",
    "cosine_distance",
    "get_losses",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "lifted_struct_loss",
    "log_loss",
    "mean_pairwise_squared_error",
    "mean_squared_error",
    "npairs_loss",
    "npairs_loss_multilabel",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "triplet_semihard_loss",
]
