"""Rules between the fields of a message, as data beside the class: what must hold by the meaning of the fields.

They are no part of what the constructor and decoding refuse, since what was written with some of them broken stays
readable. :mod:`.consistency` tells which are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.refusing import refused
from sagellm_protocol.model.shortening import short

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 200
"""Characters of a text, as every violation of a rule tells it."""


@attrs.frozen
class Rule:
    """What must hold between fields of a message."""

    name: str
    """Names it among the rules of its message, for programs: ``token-span``."""
    fields: tuple[str, ...]
    """The fields that it speaks of. The first is the one that must be so, and where a violation stands."""
    text: str
    """What the first field must be, for people: ``at least token_start``."""
    predicate: Callable[[Any], object]
    """Is given the message, and tells by its truth whether the rule holds. What it raises on does not hold."""
    why: str = ""
    """Why it must hold, in a line; empty where that goes without saying."""

    def __str__(self) -> str:
        return f"{self.fields[0]} must be {self.text}"


def rule(name: str, fields: Sequence[str], text: str, predicate: Callable[[Any], object], *, why: str = "") -> Rule:
    """A rule for ``@message(rules=(...))``.

    Args:
        name: small letters, digits and hyphens; names it among the rules of its message.
        fields: the names of the fields that it speaks of, at least one; the first is the one that ``text`` is about.
        text: goes on after "must be": ``at least token_start``; one line of 200 characters at the most.
        predicate: is given the message, and gives something true where the rule holds. A ``ValueError`` may tell why
            it does not; whatever else it raises counts as not holding too, and is told.
        why: the reason in a line, for the documentation.

    Raises:
        DeclarationError: one of these is not as it should be.
    """
    said = f"the rule {short(name)}"
    if not _is_name(name):
        raise DeclarationError(f"{said}: a name is small letters, digits and hyphens, such as 'token-span'")
    if not _are_names(fields):
        raise DeclarationError(f"{said}: fields= is a tuple of names, one or more, each once, not {short(fields)}")
    for argument, line, least in (("text", text, 1), ("why", why, 0)):
        if not _is_line(line, least):
            raise DeclarationError(f"{said}: {argument}= is a line of {_LONGEST} characters at most, not {short(line)}")
    if not callable(predicate):
        raise DeclarationError(f"{said}: its predicate is a function of the message, not {short(predicate)}")
    return Rule(name, tuple(fields), text, predicate, why)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _are_names(fields: object) -> bool:
    return (
        isinstance(fields, (tuple, list))
        and all(isinstance(name, str) for name in fields)
        and 0 < len(fields) == len(set(fields))
    )


def _is_line(line: object, least: int) -> bool:
    return isinstance(line, str) and least <= len(line) <= _LONGEST and len(line.splitlines()) <= 1


def declared_rules(cls: type, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules of a message class: those of the messages that it extends, then its own.

    Raises:
        DeclarationError: one is no rule, speaks of a field that there is not, or has the name of another.
    """
    inherited = [found for base in reversed(cls.__bases__) for found in rules_of(base)]
    if not inherited and not rules:
        return ()
    if not isinstance(rules, (tuple, list)) or not all(isinstance(found, Rule) for found in rules):
        raise refused(cls, f"rules= is a tuple of what rule(...) gives, not {short(rules)}")
    fields = [field.name for field in attrs.fields(cls)]
    names = set()
    found = tuple(dict.fromkeys((*inherited, *rules)))
    for each in found:
        if each.name in names:
            raise refused(cls, f"has two rules called {each.name!r}; give one another name")
        names.add(each.name)
        for name in each.fields:
            if name not in fields:
                raise refused(cls, f"its rule {each.name!r} speaks of {short(name)}, which is no field of it")
    return found


def rules_of(cls: Any) -> tuple[Rule, ...]:
    """The rules of a message class, or of a plain subclass of one; none of any other class."""
    found: tuple[Rule, ...] = getattr(cls, "_message_rules", ())
    return found
