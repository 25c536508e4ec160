"""The checks of types that are made of no others: each gives what a message holds, or notes what is wrong."""

from __future__ import annotations

import math
from typing import Any

from sagellm_protocol.model.kinds import Flag, Member, Number, OneOf, Text
from sagellm_protocol.model.noting import BROKEN, Notes
from sagellm_protocol.model.numbers import float_of, int_of
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.wording import one_of


def text(notes: Notes, _: Text, value: Any, path: Path) -> Any:
    """A ``str``."""
    return str.__str__(value) if isinstance(value, str) else notes.broken(path, "str", value)


def flag(notes: Notes, _: Flag, value: Any, path: Path) -> Any:
    """A ``bool``."""
    return value if isinstance(value, bool) else notes.broken(path, "bool", value)


def number(notes: Notes, kind: Number, value: Any, path: Path) -> Any:
    """A number, within its bounds; one of a payload fits 64 bits, or is finite."""
    number = float_of(value, notes.source) if kind.kind is float else int_of(value, notes.source)
    if number is None:
        return notes.broken(path, kind.kind.__name__, value)
    if isinstance(number, int):
        if notes.integer(number, path) is BROKEN:
            return BROKEN
    elif not math.isfinite(number):
        return notes.broken(path, "finite", value)
    for bound in kind.bounds:
        if not bound.holds(number):
            return notes.broken(path, bound.words, value)
    return number


def member(notes: Notes, kind: Member, value: Any, path: Path) -> Any:
    """A member of an enumeration, or its value."""
    if kind.cls is not None and isinstance(value, kind.cls):
        return value
    plain = str.__str__(value) if isinstance(value, str) else int_of(value, notes.source)
    name = None if plain is None else kind.names.get(plain)
    if name is None:
        return notes.broken(path, lambda: one_of(tuple(dict.fromkeys(kind.members.values()))), value)
    return plain if kind.cls is None else kind.cls[name]  # type: ignore[index]


def literal(notes: Notes, kind: OneOf, value: Any, path: Path) -> Any:
    """One of a few literals."""
    plain = str.__str__(value) if isinstance(value, str) else int_of(value, notes.source)
    return plain if plain in kind.values else notes.broken(path, lambda: one_of(kind.values), value)
