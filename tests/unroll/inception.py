"""An Inception network: scopes in scopes, branches that are concatenated, an auxiliary head."""

import jax.numpy as jnp

import nn
import slim

trunc_normal = lambda stddev: nn.truncated_normal_initializer(0.0, stddev)  # noqa: E731


def inception_arg_scope(
    weight_decay=0.00004,
    use_batch_norm=True,
    batch_norm_decay=0.9997,
    batch_norm_epsilon=0.001,
    activation_fn=nn.relu,
):
    """The defaults of all convolutions."""
    batch_norm_params = {
        # Decay for the moving averages.
        "decay": batch_norm_decay,
        # epsilon to prevent 0s in variance.
        "epsilon": batch_norm_epsilon,
        "updates_collections": nn.GraphKeys.UPDATE_OPS,
        "fused": None,
    }
    if use_batch_norm:
        normalizer_fn = slim.batch_norm
        normalizer_params = batch_norm_params
    else:
        normalizer_fn = None
        normalizer_params = {}
    # Set weight_decay for weights in Conv and FC layers.
    with (
        slim.arg_scope(
            [slim.conv2d, slim.fully_connected],
            weights_regularizer=slim.l2_regularizer(weight_decay),
        ),
        slim.arg_scope(
            [slim.conv2d],
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=activation_fn,
            normalizer_fn=normalizer_fn,
            normalizer_params=normalizer_params,
        ) as sc,
    ):
        return sc


def inception_base(inputs, min_depth=4, depth_multiplier=1.0, scope=None):
    """The convolutional part, with its end points."""
    end_points = {}

    def depth(d):
        return max(int(d * depth_multiplier), min_depth)

    with nn.variable_scope(scope, "Inception", [inputs]):
        with slim.arg_scope(
            [slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding="VALID"
        ):
            end_point = "Conv2d_1a_3x3"
            net = slim.conv2d(inputs, depth(8), [3, 3], stride=2, scope=end_point)
            end_points[end_point] = net
            net = slim.conv2d(net, depth(8), [3, 3], padding="SAME", scope="Conv2d_2b_3x3")
            net = slim.max_pool2d(net, [3, 3], stride=2, scope="MaxPool_3a_3x3")

        # Inception blocks
        with slim.arg_scope(
            [slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding="SAME"
        ):
            end_point = "Mixed_5b"
            with nn.variable_scope(end_point):
                with nn.variable_scope("Branch_0"):
                    branch_0 = slim.conv2d(net, depth(4), [1, 1], scope="Conv2d_0a_1x1")
                with nn.variable_scope("Branch_1"):
                    branch_1 = slim.conv2d(net, depth(4), [1, 1], scope="Conv2d_0a_1x1")
                    branch_1 = slim.conv2d(branch_1, depth(6), [1, 3], scope="Conv2d_0b_1x3")
                    branch_1 = slim.conv2d(branch_1, depth(6), [3, 1], scope="Conv2d_0c_3x1")
                with nn.variable_scope("Branch_2"):
                    branch_2 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
                    branch_2 = slim.conv2d(branch_2, depth(4), [1, 1], scope="Conv2d_0b_1x1")
                net = jnp.concatenate([branch_0, branch_1, branch_2], axis=3)
            end_points[end_point] = net

            end_point = "Mixed_6a"
            with nn.variable_scope(end_point):
                with nn.variable_scope("Branch_0"):
                    branch_0 = slim.conv2d(
                        net,
                        depth(8),
                        [3, 3],
                        stride=2,
                        padding="VALID",
                        scope="Conv2d_1a_1x1",
                    )
                with nn.variable_scope("Branch_1"):
                    branch_1 = slim.max_pool2d(
                        net, [3, 3], stride=2, padding="VALID", scope="MaxPool_1a_3x3"
                    )
                net = jnp.concatenate(
                    [
                        branch_0,
                        branch_1,
                        slim.conv2d(
                            slim.max_pool2d(net, 3, stride=2, padding="VALID"),
                            depth(4),
                            [1, 1],
                            scope="Conv2d_2_1x1",
                        ),
                    ],
                    axis=3,
                )
            end_points[end_point] = net
    return net, end_points


def inception(
    inputs, num_classes=10, is_training=True, dropout_keep_prob=0.8, create_aux_logits=True
):
    """The whole network: logits and end points."""
    with slim.arg_scope(inception_arg_scope()):  # noqa: SIM117
        with nn.variable_scope(None, "Inception", [inputs]) as scope:
            with slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training):
                net, end_points = inception_base(inputs, scope=scope)

                # Auxiliary head logits
                if create_aux_logits and num_classes:
                    with slim.arg_scope(
                        [slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding="SAME"
                    ):
                        aux_logits = end_points["Mixed_5b"]
                        with nn.variable_scope("AuxLogits"):
                            aux_logits = slim.avg_pool2d(
                                aux_logits,
                                [3, 3],
                                stride=2,
                                padding="VALID",
                                scope="AvgPool_1a_5x5",
                            )
                            aux_logits = slim.conv2d(
                                aux_logits,
                                num_classes,
                                [1, 1],
                                activation_fn=None,
                                normalizer_fn=None,
                                weights_initializer=trunc_normal(0.001),
                                scope="Conv2d_2b_1x1",
                            )
                            end_points["AuxLogits"] = jnp.mean(aux_logits, axis=(1, 2))

                # Final pooling and prediction
                with nn.variable_scope("Logits"):
                    net = jnp.mean(net, axis=(1, 2), keepdims=True)
                    net = slim.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
                    logits = slim.conv2d(
                        net,
                        num_classes,
                        [1, 1],
                        activation_fn=None,
                        normalizer_fn=None,
                        scope="Conv2d_1c_1x1",
                    )
                    logits = jnp.squeeze(logits, axis=(1, 2))
                end_points["Predictions"] = slim.softmax(logits, scope="Predictions")
    return logits, end_points
