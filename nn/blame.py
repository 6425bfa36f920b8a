"""Notes on errors: which layer call they come from, and where its arguments were set."""

import contextlib
import difflib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from nn.site import call_site


@contextlib.contextmanager
def noted(note: Callable[[], str]) -> Iterator[None]:
    """Add `note()` to an argument error raised in the block: the innermost call is named first."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(note())
        raise


def bind(name: str, signature: inspect.Signature, args: tuple, kwargs: dict) -> Any:
    """Bind arguments as Python does, with an error that names the function, and near matches."""
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        unknown = [k for k in kwargs if k not in signature.parameters]
        near = difflib.get_close_matches(unknown[0], signature.parameters, n=1) if unknown else []
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"{name} at {call_site()}: {error}.{hint}") from None
