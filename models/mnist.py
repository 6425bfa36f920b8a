"""The network of TensorFlow's MNIST guide, in both styles.

Two convolutions of 5x5 pixels, each with a max-pool, then a dense layer, dropout and the logits:
3,274,634 parameters for 28x28 images and ten classes.
"""

import jax

import layers
import nn
import slim


def explicit(
    images: jax.Array,
    num_classes: int = 10,
    is_training: bool | jax.Array = False,
    weight_decay: float = 0.0,
) -> jax.Array:
    """Compute the logits `[N, num_classes]` of images `[N, H, W, C]`: every argument at its call.

    >>> net = nn.transform(models.mnist.explicit)
    >>> sum(v.trainable * math.prod(v.shape) for v in net.variables(jnp.ones((1, 28, 28, 1))))
    3274634
    """

    def decay(kernel: jax.Array) -> jax.Array | None:
        return weight_decay * nn.l2_loss(kernel) if weight_decay else None

    net = layers.Conv2D(
        32, 5, padding="same", activation=nn.relu, kernel_regularizer=decay, name="conv1"
    )(images)
    net = layers.MaxPooling2D(2, strides=2)(net)
    net = layers.Conv2D(
        64, 5, padding="same", activation=nn.relu, kernel_regularizer=decay, name="conv2"
    )(net)
    net = layers.MaxPooling2D(2, strides=2)(net)
    net = layers.Flatten()(net)
    net = layers.Dense(1024, activation=nn.relu, kernel_regularizer=decay, name="fc3")(net)
    net = layers.Dropout(rate=0.5)(net, training=is_training)
    return layers.Dense(num_classes, kernel_regularizer=decay, name="logits")(net)


def scoped(
    images: jax.Array,
    num_classes: int = 10,
    is_training: bool | jax.Array = False,
    weight_decay: float = 0.0,
) -> jax.Array:
    """Compute the logits `[N, num_classes]` of images `[N, H, W, C]`: defaults come from scopes.

    >>> net = nn.transform(models.mnist.scoped)
    >>> [v.name for v in net.variables(jnp.ones((1, 28, 28, 1)))][:2]
    ['conv1/weights', 'conv1/biases']
    """
    with (
        slim.arg_scope(
            [slim.conv2d, slim.fully_connected],
            weights_regularizer=slim.l2_regularizer(weight_decay),
        ),
        slim.arg_scope([slim.dropout], keep_prob=0.5, is_training=is_training),
    ):
        net = slim.conv2d(images, 32, 5, scope="conv1")
        net = slim.max_pool2d(net, 2)
        net = slim.conv2d(net, 64, 5, scope="conv2")
        net = slim.max_pool2d(net, 2)
        net = slim.flatten(net)
        net = slim.fully_connected(net, 1024, scope="fc3")
        net = slim.dropout(net)
        return slim.fully_connected(net, num_classes, activation_fn=None, scope="logits")
