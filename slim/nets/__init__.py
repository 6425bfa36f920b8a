"""Networks that others build on, written in Slim: `from slim.nets import resnet_v2`.

`import slim` does not bring them. Each is a function of images inside `nn.transform`, with an
`arg_scope` of the defaults it was trained with:

>>> from slim.nets import resnet_v2
>>> def model(images):
...     with slim.arg_scope(resnet_v2.resnet_arg_scope()):
...         return resnet_v2.resnet_v2_50(images, 10, is_training=False)
>>> images = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
>>> sum(math.prod(v.shape) for v in nn.transform(model).variables(images) if v.trainable)
23539850
"""

from slim.nets import alexnet, inception, overfeat, resnet_utils, resnet_v1, resnet_v2, vgg

__all__ = ["alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg"]
