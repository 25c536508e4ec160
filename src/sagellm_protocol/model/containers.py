"""Values of classes of the caller's, read as what they are: no method that a subclass may have overridden is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sagellm_protocol.model.paths import Path


class Unreadable(Exception):
    """A container of a class of the caller's raised when it was read; the text says what should have been."""


def is_sequence(value: object) -> bool:
    """Whether a value counts as a sequence: any, but for texts and bytes."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def items_of(value: Any) -> Any:
    """The items of a sequence; a subclass of list or tuple is read as list or tuple.

    Raises:
        Unreadable: its class raises an error.
    """
    # A class may say that it is another; only its type is to be believed.
    if issubclass(type(value), list):
        return list.__iter__(value)
    if issubclass(type(value), tuple):
        return tuple.__iter__(value)
    try:
        return list(value)
    except Exception as error:  # whatever a class of the caller's raises
        raise Unreadable(f"a sequence that can be read (it raises {type(error).__name__})") from error


def pairs_of(value: Any) -> Any:
    """The items of a mapping; a subclass of dict is read as a dict.

    Raises:
        Unreadable: its class raises an error.
    """
    if issubclass(type(value), dict):
        return dict.items(value)
    try:
        return [(key, value[key]) for key in value]
    except Exception as error:  # whatever a class of the caller's raises
        raise Unreadable(f"a mapping that can be read (it raises {type(error).__name__})") from error


def read(reader: Callable[[Any], Any], value: Any, path: Path, broken: Callable[[Path, str, object], Any]) -> Any:
    """What a container holds; of one that cannot be read, nothing, and ``broken`` is told."""
    try:
        return reader(value)
    except Unreadable as error:
        broken(path, str(error), value)
        return ()


def exact(value: Any) -> Any:
    """A text or number of a subclass as what it is a subclass of; any other value as it is."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    return int.__int__(value) if issubclass(kind, int) and kind is not bool else value
