"""Which losses are taken: none, all, those at some paths, or those that a function picks."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import attrs

from sagellm_protocol.history.hooks import hook_name
from sagellm_protocol.history.losing import Taking
from sagellm_protocol.model.exceptions import Loss, OptionError
from sagellm_protocol.model.kinds import Choice, Either, Items, Limited, Nested, Nullable, Table, Type, nested_in
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import Spec
from sagellm_protocol.model.wording import did_you_mean

LossChoice: TypeAlias = "bool | str | Collection[str] | Callable[[Loss], bool]"
"""What ``lossy`` takes: whether all losses are taken; paths of those that are; a function that is asked of each."""

Chosen: TypeAlias = "bool | tuple[str, ...] | Callable[[Loss], bool]"
"""The same, checked: equal where it means the same, and nothing that can be changed."""


class Wild(enum.Enum):
    """Steps of a pattern that stand for many."""

    NAME = "*"
    INDEX = "[*]"


Step: TypeAlias = "str | int | Wild"

_NAME = r"(?:\*|[^.\[\]*]+)(?:\[(?:\*|0|[1-9][0-9]{0,17})\])*"
_PATTERN = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_STEP = re.compile(r"\[(?P<index>[0-9]+)\]|(?P<any>\[\*\]|\*)|(?P<name>[^.\[\]*]+)")
_RULE = "a bool, a path, several paths or a function that is given a Loss"


def chosen(lossy: Any) -> Chosen:
    """A choice, checked as far as it can be without a message.

    Raises:
        OptionError: it is none of those, or a path is none.
    """
    if isinstance(lossy, bool):
        return lossy
    if isinstance(lossy, str):
        return (_pattern(lossy),)
    if callable(lossy):
        return cast("Callable[[Loss], bool]", lossy)
    if isinstance(lossy, Collection) and not isinstance(lossy, Mapping) and all(isinstance(it, str) for it in lossy):
        return tuple(sorted(set(map(_pattern, lossy)))) or False
    raise OptionError(f"lossy must be {_RULE}, got {short(lossy)}")


def _pattern(text: str) -> str:
    plain = str.__str__(text)
    if _PATTERN.fullmatch(plain) is None:
        raise OptionError(
            f"lossy must name paths like 'metrics.prompt_tokens' or 'choices[*].logprobs', got {short(plain)}"
        )
    return plain


def steps_of(pattern: str) -> tuple[Step, ...]:
    """The steps of a path, or of a pattern of paths: names, indexes, and what stands for any of either."""
    return tuple(
        found["name"] or (Wild(found["any"]) if found["any"] else int(found["index"]))
        for found in _STEP.finditer(pattern)
    )


@attrs.define
class Paths:
    """Places in payloads; what is below one of them is in it."""

    _tree: dict[Any, Any] = attrs.field(factory=dict, init=False)
    """Each step to the steps that follow; None where a place is."""

    def add(self, steps: Iterable[Step]) -> None:
        """One more place."""
        here = self._tree
        for step in steps:
            here = here.setdefault(step, {})
        here[None] = {}

    def cover(self, path: Path, _: object = None) -> bool:
        """Whether a path is one of these places, or below one."""
        steps: list[Any] = []
        while path is not None:
            path, step = path
            steps.append(step)
        here = [self._tree]
        for step in reversed(steps):
            many = Wild.INDEX if type(step) is int else Wild.NAME
            here = [tree[key] for tree in here for key in (step, many) if key in tree]
            if any(None in tree for tree in here):
                return True
        return False


def asked_of(choice: Chosen) -> Taking:
    """Who says which losses are taken."""
    if isinstance(choice, bool):
        return choice
    if isinstance(choice, tuple):
        paths = Paths()
        for pattern in choice:
            paths.add(steps_of(pattern))
        return paths.cover
    return _asking(choice)


def _asking(predicate: Callable[[Loss], Any]) -> Taking:
    name = hook_name(predicate)

    def takes(_: Path, loss: Loss) -> bool:
        try:
            answer = predicate(loss)
        except Exception as error:  # whatever a function of the caller's raises
            raise OptionError(
                f"lossy: {name}, asked of {loss.path or 'the message itself'}, raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(answer, bool):
            raise OptionError(f"lossy: {name} must return a bool, and returned {short(answer)}")
        return answer

    return takes


def told_choice(choice: Chosen) -> bool | list[str] | str:
    """A choice as plain data: a function by its name."""
    if isinstance(choice, bool):
        return choice
    return list(choice) if isinstance(choice, tuple) else hook_name(choice)


# Paths that nothing can be lost at


Losable: TypeAlias = Mapping[type, Mapping[str, tuple[Type, ...]]]
"""By message, the names that its fields have or had, and their types."""


def losable(revisions: Iterable[Mapping[str, Spec]]) -> Losable:
    """The fields that the messages of some revisions have."""
    found: dict[type, dict[str, dict[Type, None]]] = {}
    for specs in revisions:
        for spec in specs.values():
            for field in spec.fields:
                found.setdefault(spec.cls, {}).setdefault(field.name, {})[field.type] = None
    return {cls: {name: tuple(types) for name, types in names.items()} for cls, names in found.items()}


def refuse_unlosable(patterns: Sequence[str], fields: Losable, messages: Iterable[Type]) -> None:
    """Refuse a path that leads to no value that can be lost by itself, in any of some messages.

    Raises:
        OptionError: naming it, and how far it leads.
    """
    start = tuple(messages)
    for pattern in patterns:
        here, so_far = start, ""
        for step in steps_of(pattern):
            below = tuple(dict.fromkeys(found for kind in here for found in _below(kind, step, fields)))
            if not below:
                raise OptionError(_unlosable(pattern, step, so_far, here, fields))
            here = below
            so_far += _text(step) if not so_far or _is_index(step) else f".{_text(step)}"


def _is_index(step: Step) -> bool:
    return isinstance(step, int) or step is Wild.INDEX


def _text(step: Step) -> str:
    if isinstance(step, Wild):
        return str(step.value)
    return step if isinstance(step, str) else f"[{step}]"


def _unlosable(pattern: str, step: Step, so_far: str, here: tuple[Type, ...], fields: Losable) -> str:
    names_it = f"lossy names {short(pattern)}, and {so_far or 'the message'}"
    if _is_index(step):
        return f"{names_it} has no items that can be lost one by one: name {so_far} itself"
    if any(_below(kind, Wild.INDEX, fields) for kind in here):
        return f"{names_it} is a list: write {so_far}[*]"
    names = {name for kind in here for message in nested_in(kind) for name in fields.get(message.cls, ())}
    return f"{names_it} has no field {_text(step)}{did_you_mean(_text(step), sorted(names))}"


def _below(kind: Type, step: Step, fields: Losable) -> tuple[Type, ...]:
    """The types of what a step leads to, where a loss can be told of it: what holds no messages is lost whole."""
    match kind:
        case Nullable(inner=inner) | Limited(inner=inner):
            return _below(inner, step, fields)
        case Choice(options=options) | Either(options=options):
            return tuple(found for option in options for found in _below(option, step, fields))
        case Nested(cls=cls) if not _is_index(step):
            names = fields.get(cls, {})
            several = names.values() if step is Wild.NAME else [names.get(str(step), ())]
            return tuple(found for types in several for found in types)
        case Table(value=inner) if nested_in(inner) and not _is_index(step):
            return (inner,)
        case Items(item=inner) if nested_in(inner) and _is_index(step):
            return (inner,)
        case _:
            return ()
