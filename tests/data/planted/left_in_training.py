"""Batch norm in training mode, in a model that is asked to evaluate."""

import layers
import slim


def model(images, is_training=False):
    net = slim.conv2d(images, 8, 3, normalizer_fn=slim.batch_norm)  # finding: left-in-training
    return slim.dropout(net, is_training=is_training)


def mixed(images):
    with slim.arg_scope([slim.dropout], is_training=False):
        net = slim.batch_norm(images)  # finding: left-in-training
        return slim.dropout(net)


def explicit(images, training=False):
    net = layers.BatchNormalization()(images, training=True)  # finding: left-in-training
    return layers.Dropout()(net, training=training)
