"""Values cut short for error messages and ``repr``: a prompt of a megabyte must not fill a log line."""

from __future__ import annotations

import reprlib
from typing import Any


class _Shortener(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80
        self.maxtuple = self.maxlist = self.maxdict = 8
        self.maxlevel = 5

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out an integer of thousands of digits.
        return super().repr_int(x, level) if x.bit_length() < 10_000 else f"<an integer of {x.bit_length()} bits>"

    # reprlib finds its methods by the name of the type.
    def repr_FrozenDict(self, value: dict[Any, Any], level: int) -> str:  # noqa: N802
        return self.repr_dict(value, level)

    def repr_UUID(self, value: object, level: int) -> str:  # noqa: N802
        return repr(value)

    def repr_instance(self, x: object, level: int) -> str:
        # A message shortens itself, field by field.
        return repr(x) if hasattr(type(x), "__message__") else super().repr_instance(x, level)


_shortener = _Shortener()


def short(value: object) -> str:
    """``repr(value)``, with long texts, sequences and mappings cut in the middle."""
    return _shortener.repr(value)


class Shown(str):
    """A value as error messages show it: its ``repr``, cut short."""

    __slots__ = ()


def shown(value: object) -> Shown:
    """How error messages show a value; what is shown already stays as it is."""
    return value if isinstance(value, Shown) else Shown(short(value))


def short_repr(self: Any) -> str:
    """The ``__repr__`` of every message: ``Name(field=value, ...)``, long values cut."""
    cls = type(self)
    fields = ", ".join(f"{field.name}={short(getattr(self, field.name))}" for field in cls.__attrs_attrs__)
    return f"{cls.__qualname__}({fields})"
