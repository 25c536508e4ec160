"""Values cut short for error messages and ``repr``, and whoever else shows them: notebooks, rich.

What a value costs to show is bounded, whatever it holds: so many characters of a text, so many items of a container, so
many values in all. Methods that a subclass of ``str``, ``list`` or ``dict`` may have overridden are not called.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any, Generic, TypeVar

import attrs

from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.showing import CUT, LIMITS, Limits

R = TypeVar("R")

_BITS = 10_000
"""Python refuses to write out larger integers."""


@attrs.define
class Walk(ABC, Generic[R]):
    """One value being shown, by a way of showing: as text, or as something else made of its parts."""

    limits: Limits = CUT
    left: int = attrs.field(default=attrs.Factory(lambda self: self.limits.values, takes_self=True), init=False)
    """How many more values may be shown."""

    @abstractmethod
    def leaf(self, text: str) -> R:
        """What has no parts, or none that are shown."""

    @abstractmethod
    def sequence(self, brackets: str, items: Iterator[R], more: bool) -> R:
        """A list or tuple; ``more`` says whether items are left out at its end."""

    @abstractmethod
    def mapping(self, items: Iterator[tuple[R, R]], more: bool) -> R:
        """A dict."""

    @abstractmethod
    def record(self, cls: Any, fields: Iterator[tuple[attrs.Attribute[Any], R]]) -> R:
        """A message."""

    def value(self, value: Any, level: int) -> R:
        """Any value, with so many levels of containers in it."""
        self.left -= 1
        most = self.limits.text
        if isinstance(value, str) and type(value).__repr__ is str.__repr__:
            return self.leaf(_text(str.__str__(value), most))
        if isinstance(value, int) and type(value).__repr__ is int.__repr__:
            bits = value.bit_length()
            return self.leaf(cut(int.__repr__(value), most) if bits < _BITS else f"<an integer of {bits} bits>")
        if isinstance(value, (bytes, bytearray)):
            return self.leaf(cut(repr(bytes(memoryview(value)[:most])) + ("..." if len(value) > most else ""), most))
        if isinstance(value, dict):
            if self._is_full(dict.__len__(value), level):
                return self.leaf("{...}")
            pairs = ((self.value(key, level - 1), self._under(key, it, level - 1)) for key, it in dict.items(value))
            return self.mapping(islice(pairs, self.limits.items), dict.__len__(value) > self.limits.items)
        if isinstance(value, list):
            return self._items("[]", list.__iter__(value), list.__len__(value), level)
        if isinstance(value, tuple) and type(value).__repr__ is tuple.__repr__:
            return self._items("()", tuple.__iter__(value), tuple.__len__(value), level)
        return self.message(value, level) if is_shown_by_us(value) else self.leaf(_told_by(repr, value, most))

    def message(self, message: Any, level: int) -> R:
        """A message; every field of the outermost, as far as there is room."""
        cls = type(message)
        if level < 0 or self.left < 0:
            return self.leaf(f"{cls.__qualname__}(...)")
        fields = (
            (field, self._field(field.repr, getattr(message, field.name), level - 1))
            for field in cls.__attrs_attrs__
            if field.repr is not False and (field.repr is not unless_empty or getattr(message, field.name))
        )
        return self.record(cls, fields)

    def _field(self, own: Any, value: Any, level: int) -> R:
        """The value of a field, in the way that the field says, if it says any (``repr=function``)."""
        if own is True or own is unless_empty:
            return self.value(value, level)
        return self.leaf(_told_by(own, value, self.limits.text))

    def _under(self, key: Any, value: Any, level: int) -> R:
        """What stands under a key of a dict, unless that is the name of a field that is not shown."""
        hidden = isinstance(key, str) and str.__str__(key) in SECRETS
        return self.leaf(HIDDEN) if hidden else self.value(value, level)

    def _items(self, brackets: str, items: Iterable[Any], size: int, level: int) -> R:
        if self._is_full(size, level):
            return self.leaf(f"{brackets[0]}...{',' * (brackets == '()' and size == 1)}{brackets[1]}")
        shown = (self.value(item, level - 1) for item in items)
        return self.sequence(brackets, islice(shown, self.limits.items), size > self.limits.items)

    def _is_full(self, size: int, level: int) -> bool:
        return size > 0 and (level <= 0 or self.left < 0)


class _Text(Walk[str]):
    """A value as ``repr`` has it."""

    def leaf(self, text: str) -> str:
        return text

    def sequence(self, brackets: str, items: Iterator[str], more: bool) -> str:
        listed = [*items, *(["..."] if more else [])]
        alone = brackets == "()" and len(listed) == 1
        return f"{brackets[0]}{', '.join(listed)}{',' * alone}{brackets[1]}"

    def mapping(self, items: Iterator[tuple[str, str]], more: bool) -> str:
        listed = [*(f"{key}: {value}" for key, value in items), *(["..."] if more else [])]
        return f"{{{', '.join(listed)}}}"

    def record(self, cls: Any, fields: Iterator[tuple[attrs.Attribute[Any], str]]) -> str:
        return f"{cls.__qualname__}({', '.join(f'{field.name}={value}' for field, value in fields)})"


def _text(value: str, most: int) -> str:
    shown = repr(value[:most])
    if len(value) <= most and len(shown) <= most:
        return shown
    half = (most - 3) // 2
    ends = repr(value[:half] + value[-half:])
    return f"{ends[:half]}...{ends[-half:]}"


def _told_by(show: Callable[[Any], str], value: object, most: int) -> str:
    try:
        return cut(str.__str__(show(value)), most)
    except Exception as error:  # Whatever a class of the caller's raises when it is shown.
        return f"<a {type(value).__qualname__} whose repr raises {type(error).__name__}>"


def short(value: object) -> str:
    """``repr(value)``, with long texts, sequences and mappings cut."""
    return _Text().value(value, CUT.levels)


def unless_empty(value: object) -> str:
    """The way of a field (``repr=unless_empty``) that is shown as others are, and only where it holds anything."""
    return short(value)


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
    """The ``__repr__`` of every message: ``Name(field=value, ...)``, cut unless :func:`.showing` says otherwise."""
    printing = sys.modules.get("pprint")
    if printing is not None:
        # It asks for the repr of a value first, then its table for who breaks what has such a repr into lines.
        getattr(printing.PrettyPrinter, "_dispatch", {}).setdefault(short_repr, _for_pprint)
    limits = LIMITS.get()
    return _Text(limits).message(self, limits.levels)


def _for_pprint(*arguments: Any) -> None:
    lay_out: Any = import_module(f"{__name__.partition('.')[0]}.display.parts").for_pprint
    lay_out(*arguments)


def is_shown_by_us(value: object) -> bool:
    """Whether a value is a message whose class has no ``__repr__`` of its own."""
    own: Any = type(value).__repr__
    return own is short_repr


def shown_fields(message: Any, names: Iterable[str]) -> Shown:
    """How error messages show some fields of a message: ``token_end=3, token_start=5``."""
    own = {field.name: field.repr for field in type(message).__attrs_attrs__}
    told = (f"{name}={_shown_as(own[name], getattr(message, name))}" for name in names)
    return Shown(cut(", ".join(told), 1000))


def _shown_as(own: Any, value: Any) -> str:
    """The value of a field as the field says (``repr=``)."""
    if own is True:
        return short(value)
    return HIDDEN if own is False else _told_by(own, value, CUT.text)
