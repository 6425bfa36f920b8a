"""What is probably a mistake in how a model sets its defaults, each with its line."""

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import slim
from migrate.expressions import expression, names_of
from migrate.recording import Argument, Record, Recording
from migrate.sources import place
from nn.expressions import equal
from nn.site import Site
from slim.scoping import Opened, Setting

_MODE = {"is_training", "training"}
_BATCH_NORMS = {"batch_norm", "BatchNormalization"}
# Ops that people take for each other; a scope on one of them does not reach the others.
_ALIKE = {"conv2d", "separable_conv2d", "conv2d_transpose", "conv2d_in_plane"}
_UNHEARD = {slim.variable, slim.model_variable}  # what layers call without a word to the hook
_MODE_OF_MODEL = ("is_training", "training", "train", "is_train", "phase_train")


@dataclass(frozen=True)
class Finding:
    """Something to look at: what kind it is, where, and what to know."""

    kind: str
    site: Site
    text: str

    def __str__(self) -> str:
        """A line as compilers write them."""
        return f"{place(self.site)}: {self.text} [{self.kind}]"


def findings_of(recording: Recording) -> list[Finding]:
    """Return what the rules find in a model, in the order of the lines."""
    found = dict.fromkeys(finding for rule in RULES for finding in rule(recording))
    return sorted(found, key=lambda f: (f.site.file, f.site.line, f.kind, f.text))


def unknown_arguments(recording: Recording) -> Iterator[Finding]:
    """A keyword of a scope that an op of its list does not take."""
    for setting in _written(recording):
        for name in setting.defaults:
            refusing = [op for op in setting.functions if not _takes(op, name)]
            if refusing:
                known = [p for op in refusing for p in inspect.signature(op).parameters]
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                text = f"{names_of(refusing)} has no argument {name!r}.{hint}"
                yield Finding("unknown-argument", setting.site, text)


def never_called(recording: Recording) -> Iterator[Finding]:
    """A scope for an op that is not called inside it.

    A scope that was made to be entered elsewhere may name more ops than this model uses.
    """
    if recording.error is not None:
        return
    captured = {id(s.defaults) for o in recording.scopes if o.captured for s in o.settings}
    uncalled: dict[Site, list[set[Any]]] = {}
    for setting in _written(recording):
        called = {_key(r) for r in _inside(recording, setting) if r.is_slim}
        missing = {op for op in setting.functions if slim.arg_scope_func_key(op) not in called}
        if id(setting.defaults) in captured and len(missing) < len({*setting.functions}):
            missing = set()
        uncalled.setdefault(setting.site, []).append(missing.difference(_UNHEARD))
    for site, missing in uncalled.items():
        if never := set.intersection(*missing):
            text = f"{names_of(never)} is never called inside this scope."
            yield Finding("never-called", site, text)


def set_twice(recording: Recording) -> Iterator[Finding]:
    """A default that a scope around already gives, or that scopes inside always replace."""
    again: dict[tuple, list[tuple[Any, Site | None]]] = {}
    for opened in recording.scopes:
        if opened.captured or not opened.settings:
            continue
        *around, setting = opened.settings
        keys = [slim.arg_scope_func_key(op) for op in setting.functions]
        if twice := [op for i, op in enumerate(setting.functions) if keys[i] in keys[:i]]:
            text = f"{names_of(twice)} stands twice in the list: all names of an op are one op."
            yield Finding("set-twice", setting.site, text)
        for op, key in zip(setting.functions, keys, strict=True):
            for name, value in setting.defaults.items():
                outer = [s for s in around if key in s.ops and name in s.defaults][-1:]
                same = outer and equal(outer[0].defaults[name], value)
                seen = again.setdefault((setting.site, name), [])
                seen.append((op, outer[0].site if same else None))
    for (site, name), seen in again.items():
        redundant = {op: outer for op, outer in seen if all(o for p, o in seen if p is op)}
        if redundant and name not in _MODE:
            outer = next(iter(redundant.values()))
            text = (
                f"{name} of {names_of(redundant)} is set again: {_line(outer)} already gives it so."
            )
            yield Finding("set-twice", site, text)
    yield from _replaced(recording)


def _replaced(recording: Recording) -> Iterator[Finding]:
    """A default that counts in no call, since a scope inside sets another each time."""
    uses: dict[tuple[Site, str, str], list[tuple[bool, Site | None]]] = {}
    for record in recording.records:
        for name, argument in record.arguments.items():
            for origin in (argument.origin, *argument.hidden):
                if origin.setting is not None:
                    other = argument.kind == "arg_scope" and not equal(origin.value, argument.value)
                    use = other, argument.origin.site
                    uses.setdefault((origin.setting.site, record.op, name), []).append(use)
    captured = {s.site for o in recording.scopes if o.captured for s in o.settings}
    for (site, op, name), seen in uses.items():
        if all(lost for lost, _ in seen) and site not in captured and name not in _MODE:
            inner = seen[0][1]
            text = f"{name} of {op} never counts: {_line(inner)} sets it again for every call."
            yield Finding("set-twice", site, text)


def discarded(recording: Recording) -> Iterator[Finding]:
    """A captured scope that stands instead of those around it."""
    for opened in recording.scopes:
        if opened.captured and opened.discarded:
            lost = "; ".join(
                f"{', '.join(s.defaults)} of {names_of(s.functions)} from {_line(s.site)}"
                for s in opened.discarded
            )
            text = f"this captured scope discards the surrounding one: {lost}."
            yield Finding("discards", opened.site, text)


def beaten_by_params(recording: Recording) -> Iterator[Finding]:
    """`normalizer_params` that win over a scope of the normalizer."""
    beaten: dict[tuple[Site, str, Site | None], dict[str, str]] = {}
    for record, argument in _arguments(recording):
        if argument.kind == "normalizer_params" and argument.hidden and argument.name not in _MODE:
            winner, loser = argument.origin, argument.hidden[0]
            pair = beaten.setdefault((winner.site or record.site, record.op, loser.site), {})
            pair[argument.name] = f"{expression(winner.value)} beats {expression(loser.value)}"
    for (site, op, loser), pair in beaten.items():
        told = ", ".join(f"{name}={values}" for name, values in pair.items())
        text = f"normalizer_params hide the scope of {op} at {_line(loser)}: {told}."
        yield Finding("normalizer-params", site, text)


def out_of_reach(recording: Recording) -> Iterator[Finding]:
    """A scope on `conv2d` where the model calls `separable_conv2d`, which no scope names."""
    for setting in _written(recording):
        alike = [op for op in setting.functions if names_of([op]) in _ALIKE]
        if not alike:
            continue
        for record in _inside(recording, setting):
            scoped = {key for s in record.settings for key in s.ops}
            takes = [name for name in setting.defaults if _takes(record.function, name)]
            if record.op in _ALIKE and record.is_slim and _key(record) not in scoped and takes:
                text = (
                    f"the scope on {names_of(alike)} does not reach {record.op} at "
                    f"{_line(record.site)}, which takes {', '.join(takes)} too."
                )
                yield Finding("out-of-reach", setting.site, text)


def mode_set_twice(recording: Recording) -> Iterator[Finding]:
    """`is_training` of one call set in two places."""
    for record, argument in _arguments(recording):
        if argument.name in _MODE and argument.hidden:
            loser = argument.hidden[0]
            winner = argument.origin
            how = "normalizer_params" if winner.kind == "normalizer_params" else "this line"
            text = (
                f"is_training of {record.op} is set in two places: {how} gives "
                f"{expression(winner.value)} and beats {_line(loser.site)}, which gives "
                f"{expression(loser.value)}."
            )
            yield Finding("mode-set-twice", winner.site or record.site, text)


def left_in_training(recording: Recording) -> Iterator[Finding]:
    """Batch norm in training mode, where the rest of the model is not."""
    asked = next((name for name in _MODE_OF_MODEL if recording.bound.get(name) is False), None)
    modes = [(r, a) for r, a in _arguments(recording) if a.name in _MODE]
    still = next((r.op for r, a in modes if a.value is False), None)
    for record, argument in modes:
        evaluates = asked is not None or still is not None
        if record.op in _BATCH_NORMS and argument.value is True and evaluates:
            how = " by default" if argument.kind == "default" else ""
            why = f"the model is called with {asked}=False" if asked else f"{still} is not"
            text = f"{record.op} is in training mode{how}, while {why}."
            yield Finding("left-in-training", argument.origin.site or record.site, text)


RULES: tuple[Callable[[Recording], Iterator[Finding]], ...] = (
    unknown_arguments,
    never_called,
    set_twice,
    discarded,
    beaten_by_params,
    out_of_reach,
    mode_set_twice,
    left_in_training,
)


def _written(recording: Recording) -> list[Setting]:
    """The settings that `arg_scope([ops], ...)` made, as often as it was opened."""
    return [o.settings[-1] for o in recording.scopes if not o.captured and _is_new(o)]


def _is_new(opened: Opened) -> bool:
    return bool(opened.settings) and opened.settings[-1].site == opened.site


def _inside(recording: Recording, setting: Setting) -> list[Record]:
    """The calls in the reach of a setting, there or where it was entered again."""
    return [
        record
        for record in recording.records
        if any(s.defaults is setting.defaults for s in record.settings)
    ]


def _arguments(recording: Recording) -> Iterator[tuple[Record, Argument]]:
    return ((r, argument) for r in recording.records for argument in r.arguments.values())


def _key(record: Record) -> str:
    return slim.arg_scope_func_key(record.function)


def _takes(op: Any, name: str) -> bool:
    parameters = inspect.signature(op).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _line(site: Site | None) -> str:
    return place(site) if site else "an unknown line"
