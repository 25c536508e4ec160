"""Values cut short for error messages and ``repr``: a prompt of a megabyte must not fill a log line.

What a value costs to show is bounded, whatever it holds: so many characters of a text, so many items of a container, so
many values in all. Methods that a subclass of ``str``, ``list`` or ``dict`` may have overridden are not called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import attrs

from sagellm_protocol.model.paths import cut

_TEXT = 80
"""Characters of one value that are shown."""
_ITEMS = 8
"""Items of one container."""
_LEVELS = 5
"""Containers within containers."""
_VALUES = 400
"""Values in all, those within containers and messages included."""
_BITS = 10_000
"""Python refuses to write out larger integers."""


@attrs.define
class _Showing:
    """One value being shown: how many more values may be."""

    left: int = _VALUES

    def value(self, value: Any, level: int) -> str:
        self.left -= 1
        if isinstance(value, str) and type(value).__repr__ is str.__repr__:
            return _text(str.__str__(value))
        if isinstance(value, int) and type(value).__repr__ is int.__repr__:
            return (
                cut(int.__repr__(value)) if value.bit_length() < _BITS else f"<an integer of {value.bit_length()} bits>"
            )
        if isinstance(value, (bytes, bytearray)):
            return cut(repr(bytes(memoryview(value)[:_TEXT])) + ("..." if len(value) > _TEXT else ""))
        if isinstance(value, dict):
            items = (
                f"{self.value(key, level - 1)}: {self._under(key, it, level - 1)}" for key, it in dict.items(value)
            )
            return self._container("{}", items, dict.__len__(value), level)
        if isinstance(value, list):
            items = (self.value(item, level - 1) for item in list.__iter__(value))
            return self._container("[]", items, list.__len__(value), level)
        if isinstance(value, tuple) and type(value).__repr__ is tuple.__repr__:
            items = (self.value(item, level - 1) for item in tuple.__iter__(value))
            shown = self._container("()", items, tuple.__len__(value), level)
            return shown if tuple.__len__(value) != 1 else shown[:-1] + ",)"
        own: Any = type(value).__repr__
        if own is short_repr:
            return self.message(value, level)
        return _own_repr(value)

    def message(self, message: Any, level: int) -> str:
        """``Name(field=value, ...)``; every field of the outermost, as far as there is room."""
        cls = type(message)
        if level < 0 or self.left < 0:
            return f"{cls.__qualname__}(...)"
        fields = (
            f"{field.name}={self._field(field.repr, getattr(message, field.name), level - 1)}"
            for field in cls.__attrs_attrs__
            if field.repr is not False
        )
        return f"{cls.__qualname__}({', '.join(fields)})"

    def _field(self, own: Any, value: Any, level: int) -> str:
        """The value of a field, in the way that the field says, if it says any (``repr=function``)."""
        return self.value(value, level) if own is True else _told_by(own, value)

    def _under(self, key: Any, value: Any, level: int) -> str:
        """What stands under a key of a dict, unless that is the name of a field that is not shown."""
        return HIDDEN if isinstance(key, str) and str.__str__(key) in SECRETS else self.value(value, level)

    def _container(self, brackets: str, items: Iterable[str], size: int, level: int) -> str:
        if size and (level <= 0 or self.left < 0):
            return f"{brackets[0]}...{brackets[1]}"
        listed = [*islice(items, _ITEMS), *(["..."] if size > _ITEMS else [])]
        return f"{brackets[0]}{', '.join(listed)}{brackets[1]}"


def _text(value: str) -> str:
    shown = repr(value[:_TEXT])
    if len(value) <= _TEXT and len(shown) <= _TEXT:
        return shown
    half = (_TEXT - 3) // 2
    ends = repr(value[:half] + value[-half:])
    return f"{ends[:half]}...{ends[-half:]}"


def _own_repr(value: object) -> str:
    """The ``repr`` of a value of any other class; where that raises, its class."""
    return _told_by(repr, value)


def _told_by(show: Callable[[Any], str], value: object) -> str:
    try:
        return cut(str.__str__(show(value)))
    except Exception as error:  # Whatever a class of the caller's raises when it is shown.
        return f"<a {type(value).__qualname__} whose repr raises {type(error).__name__}>"


def short(value: object) -> str:
    """``repr(value)``, with long texts, sequences and mappings cut."""
    return _Showing().value(value, _LEVELS)


class Shown(str):
    """A value as error messages show it: its ``repr``, cut short."""

    __slots__ = ()


HIDDEN = Shown("<hidden>")
"""What is shown of a field that is not shown (``repr=False``)."""

SECRETS: set[str] = set()
"""The names of all such fields of all messages: a payload is a dict, which does not say what it is a payload of."""


def shown(value: object) -> Shown:
    """How error messages show a value; what is shown already stays as it is."""
    return value if isinstance(value, Shown) else Shown(cut(short(value), 1000))


def short_repr(self: Any) -> str:
    """The ``__repr__`` of every message: ``Name(field=value, ...)``, long values cut."""
    return _Showing().message(self, _LEVELS)
