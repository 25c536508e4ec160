"""What was sent beside the fields of chunks, on its way into the answer that they make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import StringIO
from typing import Any, get_type_hints

import attrs

from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.spec import spec_of

HELD = 64
"""What an answer, a call in it or a value beside its fields counts for, besides its text."""


def size_of(extra: Mapping[str, Any]) -> int:
    """What such values add to what is held: all that stands in them, however deep."""
    return sum(HELD + len(name) + _size(value) for name, value in extra.items())


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return size_of(value)
    return sum(HELD + _size(item) for item in value) if isinstance(value, tuple) else 0


@attrs.define
class Kept:
    """What was sent beside the fields of one part of an answer; of each name the last value counts that is not null."""

    values: dict[str, Any] = attrs.field(factory=dict)

    def growth(self, extra: Mapping[str, Any]) -> int:
        """By how much more is held once this is taken."""
        return sum(
            HELD + len(name) + _size(value) if name not in self.values else self._grows(self.values[name], value)
            for name, value in self._counting(extra)
        )

    def _counting(self, extra: Mapping[str, Any]) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in extra.items() if value is not None or name not in self.values]

    def _grows(self, held: Any, value: Any) -> int:
        return _size(value) - _size(held)

    def take(self, extra: Mapping[str, Any]) -> None:
        """Take what a chunk has beside its fields."""
        for name, value in self._counting(extra):
            self.values[name] = self.joined(self.values.get(name), value)

    def joined(self, held: Any, value: Any) -> Any:
        """What a value makes with those before it."""
        return value

    def told(self, answer: type, chunk: type | None = None) -> dict[str, Any]:
        """The same as arguments of the answer's part: what that has a field for, and ``extra``.

        Raises:
            ValidationError: a value is none of its field; see :func:`fits`.
        """
        known = {} if chunk is None else fields_beside(answer, chunk)
        values = {
            name: value.getvalue() if isinstance(value, StringIO) else value for name, value in self.values.items()
        }
        fields = {
            name: from_plain(kind, values.pop(name)) for name, kind in known.items() if values.get(name) is not None
        }
        return {**fields, "extra": {name: value for name, value in values.items() if name not in known}}


@attrs.define
class Growing(Kept):
    """The same of what chunks add to: texts and lists go on."""

    def joined(self, held: Any, value: Any) -> Any:
        """What a value makes with those before it."""
        if isinstance(value, str):
            held = held if isinstance(held, StringIO) else StringIO()
            held.write(value)
            return held
        if isinstance(value, tuple):
            held = held if isinstance(held, list) else []
            held.extend(value)
            return held
        return value

    def _grows(self, held: Any, value: Any) -> int:
        return _size(value) if isinstance(held, (StringIO, list)) else super()._grows(held, value)


@cache
def fields_beside(answer: type, chunk: type) -> Mapping[str, Any]:
    """Fields, with their types, that a part of an answer has, and the chunk's part of it has not."""
    kinds, known = get_type_hints(answer, include_extras=True), spec_of(chunk).names
    return {field.name: kinds[field.argument] for field in spec_of(answer).fields if field.name not in known}


def fits(extra: Mapping[str, Any], answer: type, chunk: type) -> bool:
    """Whether what stands beside a chunk's fields is of the answer's type, where that has a field of the name."""
    try:
        for name, kind in fields_beside(answer, chunk).items():
            if extra.get(name) is not None:
                from_plain(kind, extra[name])
    except ValidationError:
        return False
    return True
