"""`unroll`: the source of a Slim model rewritten as explicit `layers` code, with a proof."""

from collections.abc import Callable
from typing import Any

from migrate.unrolling.command import add_arguments, run
from migrate.unrolling.visits import Refusal, Unrolled

__all__ = ["Refusal", "Unrolled", "add_arguments", "run", "unroll"]


def unroll(
    fn: Callable, *args: Any, comments: bool = True, everything: bool = False, **kwargs: Any
) -> Unrolled:
    """Rewrite the source of a Slim model as explicit `layers` code.

    Args:
      fn: a function of a file, as `nn.transform` takes it.
      *args: its arguments; `jax.ShapeDtypeStruct` will do for arrays.
      comments: whether to say where inherited values came from.
      everything: whether to write also what equals the defaults of `layers`.
      **kwargs: arguments by keyword.

    Raises:
      Refusal: a ValueError that says which line cannot be rewritten.

    >>> made = migrate.unroll(models.mnist.scoped, jnp.ones((1, 28, 28, 1)))
    >>> 'arg_scope(' in made.text, 'layers.MaxPooling2D(2, strides=2)(net)' in made.text
    (False, True)
    """
    try:
        from migrate.unrolling.whole import rewritten
    except ModuleNotFoundError as error:
        raise ImportError(f"unroll needs {error.name}: pip install {error.name}.") from error
    return rewritten(fn, args, kwargs, comments, everything)
