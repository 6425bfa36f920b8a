"""Functions that print as the expression that made them.

`slim.l2_regularizer(4e-05)` returns a function; a table of arguments, a `repr` of a layer and an
error message show it as `l2_regularizer(4e-05)`, never as `<function ... at 0x...>`.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Made = TypeVar("Made", bound=Callable | None)


class Expression:
    """A function together with the call that made it; equal calls make equal functions."""

    def __init__(self, function: Callable, factory: Callable, args: tuple, kwargs: dict[str, Any]):
        self.function = function
        self.made_by = (factory, args, tuple(kwargs.items()))
        self.__name__ = factory.__name__
        arguments = [show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()]
        self.expression = f"{self.__name__}({', '.join(arguments)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return self.expression

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and equal(self.made_by, other.made_by)

    def __hash__(self) -> int:
        return hash(self.expression)

    def __reduce__(self) -> tuple:
        factory, args, kwargs = self.made_by
        return functools.partial(factory, *args, **dict(kwargs)), ()


def prints_as_call(factory: Callable[P, Made]) -> Callable[P, Made]:
    """Decorate a function that returns functions: what it returns prints as the call.

    >>> @prints_as_call
    ... def scaled(by):
    ...     return lambda x: x * by
    >>> scaled(2.0)
    scaled(2.0)
    """

    @functools.wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> Any:
        made = factory(*args, **kwargs)
        return None if made is None else Expression(made, make, args, kwargs)

    return make


def show(value: Any) -> str:
    """Return the shortest text that a person would write for a value.

    >>> show(show), show('SAME'), show({'decay': 0.9})
    ('show', "'SAME'", "{'decay': 0.9}")
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {show(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return f"[{', '.join(map(show, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(show, value))}{',' * (len(value) == 1)})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    if callable(value) and not isinstance(value, Expression):
        return getattr(value, "__name__", repr(value))
    return repr(value)


def equal(a: Any, b: Any) -> bool:
    """Tell whether two arguments are the same value, arrays only if they are the same array."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a is b or (type(a) is type(b) and not hasattr(a, "shape") and bool(a == b))
