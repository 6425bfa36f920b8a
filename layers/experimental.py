"""What `tf.layers.experimental` was for, and what to write instead."""

from typing import NoReturn

__all__ = ["keras_style_scope", "set_keras_style"]

_INSTEAD = (
    "{} gave each layer object variables of its own, whatever scope it was called in. Here a layer "
    "object has its variables anyway, and its scope is a new one unless it was given a name that "
    "is reused: make the objects once and call them, or open "
    "`with nn.variable_scope(None, default_name='model'):` around each model."
)


def keras_style_scope() -> NoReturn:
    """Raise: layers need no other style of variables here.

    Raises:
      NotImplementedError: always; the message says what to write.

    >>> try:
    ...     layers.experimental.keras_style_scope()
    ... except NotImplementedError as error:
    ...     print(str(error)[:61])
    keras_style_scope gave each layer object variables of its own
    """
    raise NotImplementedError(_INSTEAD.format("keras_style_scope"))


def set_keras_style() -> NoReturn:
    """Raise, as `keras_style_scope`.

    >>> try:
    ...     layers.experimental.set_keras_style()
    ... except NotImplementedError as error:
    ...     print(str(error)[:59])
    set_keras_style gave each layer object variables of its own
    """
    raise NotImplementedError(_INSTEAD.format("set_keras_style"))
