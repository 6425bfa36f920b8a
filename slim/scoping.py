"""`arg_scope`: defaults for a whole block, and where each of them was set.

The current scope is a plain dict `{op: {argument: value}}`, as published code expects. The
settings that it was made of, with the line of each, ride along and are searched only when asked.
It stands in a `ContextVar`: a scope opened in one thread or asyncio task is not seen in another.
"""

import contextlib
import dataclasses
import difflib
import functools
import inspect
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import jax
import jax.extend

from nn.blame import noted
from nn.calls import is_heard, recorded, scope_opened
from nn.expressions import equal, show
from nn.graph import find_graph
from nn.site import Site, call_site

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Setting:
    """One `arg_scope`: the keys of its ops, the defaults it set for them, and its line."""

    ops: frozenset[str]
    defaults: Mapping[str, Any]
    site: Site
    run: tuple[Any, Any]  # what was running when it was opened: see _running
    functions: tuple[Any, ...] = ()  # its ops, as they were listed


@dataclass(frozen=True)
class Opened:
    """What a listener is told of a scope that was opened: its line, and the settings then in force.

    `discarded` are those that a captured scope does not have, so that they are hidden inside it.
    """

    site: Site
    settings: tuple[Setting, ...]
    discarded: tuple[Setting, ...]
    captured: bool


class Scope(dict):
    """A scope's `{op: {argument: value}}`, and the settings that made it, outermost first."""

    settings: tuple[Setting, ...] = ()


_current: ContextVar[Scope | None] = ContextVar("arg_scope", default=None)


def current_arg_scope() -> dict[str, dict[str, Any]]:
    """Return the defaults in force: `{op: {argument: value}}`, with `arg_scope_func_key` as keys.

    >>> slim.current_arg_scope()
    {}
    """
    scope = _current.get()
    return Scope() if scope is None else scope


def arg_scope_func_key(op: Any) -> str:
    """Return the key of an op in a scope: `conv2d` and `convolution2d` are one.

    >>> slim.arg_scope_func_key(slim.conv2d) == slim.arg_scope_func_key(slim.convolution2d)
    True
    """
    return getattr(op, "_key_op", str(op))


def has_arg_scope(func: Any) -> bool:
    """Tell whether a function was decorated with `add_arg_scope`.

    >>> slim.has_arg_scope(slim.conv2d), slim.has_arg_scope(slim.repeat)
    (True, False)
    """
    return hasattr(func, "_key_op")


def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """Return the names of the arguments of a decorated function that have defaults.

    Raises:
      ValueError: the function is not decorated with `add_arg_scope`.

    >>> slim.arg_scoped_arguments(slim.flatten)
    ('outputs_collections', 'scope')
    """
    if not has_arg_scope(func):
        raise ValueError(
            f"arg_scoped_arguments at {call_site()}: {getattr(func, '__name__', func)} is not "
            "decorated with @slim.add_arg_scope."
        )
    parameters = inspect.signature(func).parameters.values()
    return tuple(p.name for p in parameters if p.default is not p.empty)


def arg_scope(
    list_ops_or_scope: Sequence[Any] | Mapping[str, Mapping[str, Any]], **kwargs: Any
) -> contextlib.AbstractContextManager[dict[str, dict[str, Any]]]:
    """Set defaults for the calls of some ops in a block; as `slim.arg_scope`.

    A call's own keyword wins over the innermost scope, that over outer ones, and those over the
    op's defaults. Values replace each other whole, dicts too.

    Args:
      list_ops_or_scope: a list or tuple of ops decorated with `add_arg_scope`; or a scope that an
        earlier `arg_scope` gave, which then stands instead of the surrounding ones.
      **kwargs: the defaults.

    Returns:
      A context manager, or decorator, that gives the scope as a dict. Open it inside the function
      that is transformed: one that is open around `init` or `apply` is refused.

    Raises:
      TypeError: `list_ops_or_scope` is neither a list, a tuple nor a dict. At the call of an op:
        it has no such argument, or got it by position as well.
      ValueError: an op is not decorated, or a dict comes with defaults.
      AttributeError: an op is a `functools.partial`.

    >>> def model(x):
    ...     with slim.arg_scope([slim.conv2d], padding='VALID', activation_fn=None):
    ...         x = slim.conv2d(x, 8, 3)
    ...         return slim.conv2d(x, 8, 3, padding='SAME')
    >>> net, x = nn.transform(model), jnp.ones((1, 9, 9, 1))
    >>> net.apply(*net.init(jax.random.key(0), x), x)[0].shape
    (1, 7, 7, 8)
    """
    return _opened(list_ops_or_scope, kwargs, call_site())


@contextlib.contextmanager
def _opened(ops: Any, defaults: dict[str, Any], site: Site) -> Iterator[dict]:
    captured = isinstance(ops, dict)
    scope = (_entered_again if captured else _extended)(ops, defaults, site)
    if is_heard():
        before = getattr(current_arg_scope(), "settings", ())
        kept = {id(s.defaults) for s in scope.settings}
        lost = tuple(s for s in before if id(s.defaults) not in kept)
        scope_opened(Opened(site, scope.settings, lost, captured))
    token = _current.set(scope)
    try:
        yield current_arg_scope()
    finally:
        _current.reset(token)


def _extended(ops: Any, defaults: dict[str, Any], site: Site) -> Scope:
    """The current scope with these defaults for these ops."""
    if not isinstance(ops, list | tuple):
        raise TypeError(
            f"arg_scope at {site} takes a list or tuple of ops, or a scope (a dict), got {ops!r}. "
            "Write arg_scope([op], ...)."
        )
    current = current_arg_scope()
    scope = Scope(current)
    for op in ops:
        if not has_arg_scope(op):
            raise _undecorated(op, site)
        key = arg_scope_func_key(op)
        scope[key] = {**scope.get(key, {}), **defaults}
    scope.settings = getattr(current, "settings", ())
    if ops:
        keys = frozenset(map(arg_scope_func_key, ops))
        scope.settings += (Setting(keys, dict(defaults), site, _running(), tuple(ops)),)
    return scope


def _entered_again(scope: dict, defaults: dict[str, Any], site: Site) -> Scope:
    """A scope captured before, now standing instead of all that surround it."""
    if defaults:
        raise ValueError(
            f"arg_scope at {site} got a scope to enter again and defaults as well "
            f"({', '.join(defaults)}). Open a second arg_scope for them."
        )
    again = Scope(scope)
    settings = getattr(scope, "settings", None)
    if settings is None:  # a dict that a person made, or copied
        settings = [Setting(frozenset({op}), dict(scope[op]), site, _running()) for op in scope]
    again.settings = tuple(dataclasses.replace(s, run=_running()) for s in settings)
    return again


def add_arg_scope(func: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that `arg_scope` can set defaults of its arguments.

    >>> @slim.add_arg_scope
    ... def scaled(x, by=1.0):
    ...     return x * by
    >>> with slim.arg_scope([scaled], by=3.0):
    ...     scaled(2.0)
    6.0
    """
    key = arg_scope_func_key(func)
    parameters = inspect.signature(func).parameters
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def resolve(args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The keywords of a call together with those that the scope adds."""
        scope = current_arg_scope()
        scoped = scope.get(key)
        if not scoped:
            return kwargs
        here = _running()
        for setting in _settings_of(scope, key):
            if setting.run != here:
                raise _opened_outside(func, setting)
        for name in scoped:
            if name not in parameters and not takes_any:
                raise _unknown(func, name, parameters, _site_of(scope, key, name))
        for name in positional[: len(args)]:
            if name in scoped:
                raise _by_position(func, name, scoped[name], _site_of(scope, key, name))
        return {**scoped, **kwargs}

    def note(own: dict[str, Any]) -> str:
        """Say where the call is, and where what is not its own comes from."""
        scope = current_arg_scope()
        origins = [
            f"{name}={show(value)} from the arg_scope at {_site_of(scope, key, name)}"
            for name, value in scope.get(key, {}).items()
            if name not in own
        ]
        return "; ".join([f"in {_name(func)} at {call_site()}", *origins])

    @functools.wraps(func)
    def func_with_args(*args: P.args, **kwargs: P.kwargs) -> R:
        resolved = resolve(args, kwargs)
        with noted(lambda: note(kwargs)):
            if not is_heard():
                return func(*args, **resolved)  # type: ignore[arg-type]
            return _heard(func, func_with_args, args, kwargs, resolved)

    def unheard(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **resolve(args, kwargs))  # type: ignore[arg-type]

    func_with_args._key_op = key  # type: ignore[attr-defined]
    func_with_args.unheard = unheard  # type: ignore[attr-defined]
    return func_with_args


def _heard(func: Callable, scoped: Callable, args: tuple, own: dict, kwargs: dict) -> Any:
    """Call `func`, of which `scoped` is the decorated form, and tell the listener."""
    signature = inspect.signature(func)
    given = {*signature.bind_partial(*args).arguments, *own}
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    inputs = args[0] if args else next(iter(bound.arguments.values()), None)
    arguments, chosen = {}, set()
    for name, value in list(bound.arguments.items())[1:]:
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments |= value
            chosen |= set(value)
        elif parameter.kind is not parameter.VAR_POSITIONAL or value:
            arguments[name] = value
            if not equal(value, parameter.default):
                chosen.add(name)
    settings = getattr(current_arg_scope(), "settings", ())
    given &= arguments.keys()
    with recorded(_name(func), scoped, inputs, arguments, chosen, given, settings) as call:
        call.outputs = func(*args, **kwargs)
    return call.outputs


def _settings_of(scope: Mapping, key: str) -> tuple[Setting, ...]:
    return tuple(s for s in getattr(scope, "settings", ()) if key in s.ops)


def _site_of(scope: Mapping, key: str, name: str) -> str:
    """The line of the innermost setting of an argument: the one that counts."""
    value = scope[key][name]
    settings = [s for s in _settings_of(scope, key) if name in s.defaults]
    if not settings or settings[-1].defaults[name] is not value:
        return "an unknown line (its dict was changed by hand)"
    return str(settings[-1].site)


def _name(func: Callable) -> str:
    """The name people write: conv2d, though the function is called convolution2d."""
    return re.sub(r"convolution(?=\dd)", "conv", getattr(func, "__name__", repr(func)))


def _running() -> tuple[Any, Any]:
    """What runs here: the model (a weak reference to it) and the innermost JAX trace."""
    graph = find_graph()
    trace = jax.extend.core.get_opaque_trace_state(convention="slimlayers")
    return graph and weakref.ref(graph), trace


def _opened_outside(func: Callable, setting: Setting) -> ValueError:
    return ValueError(
        f"{_name(func)} at {call_site()} is in the reach of the arg_scope at {setting.site}, "
        "which was opened outside of the transformed function, or of a jit, grad or scan inside "
        "it. JAX keeps what it traces once, so a later call could silently run with stale "
        "defaults. Open the arg_scope inside the function given to nn.transform or jax.jit (a "
        "captured scope can be entered there: `with slim.arg_scope(sc):`)."
    )


def _unknown(func: Callable, name: str, known: Mapping, site: str) -> TypeError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"It takes {', '.join(known)}."
    return TypeError(
        f"{_name(func)} at {call_site()} has no argument {name!r}, which the arg_scope at "
        f"{site} sets. {hint}"
    )


def _by_position(func: Callable, name: str, value: Any, site: str) -> TypeError:
    return TypeError(
        f"{_name(func)} at {call_site()} got multiple values for argument {name!r}: one by "
        f"position, and {show(value)} from the arg_scope at {site}. Pass it by keyword to override "
        f"the scope: {name}=..."
    )


def _undecorated(op: Any, site: Site) -> Exception:
    if isinstance(op, functools.partial):
        inner = getattr(op.func, "__name__", repr(op.func))
        return AttributeError(
            f"arg_scope at {site}: a functools.partial of {inner} has no arg_scope of its own. "
            f"Name {inner} in the list; the partial obeys it except for what it fixes."
        )
    name = getattr(op, "__name__", repr(op))
    module = getattr(op, "__module__", "?")
    return ValueError(
        f"arg_scope at {site}: {module}.{name} is not decorated with @slim.add_arg_scope. "
        "Decorate it, or leave it out of the list."
    )
