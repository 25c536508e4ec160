"""Messages as ``model_dump`` gave them: plain, mutable containers, and values as they are or as in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Table,
    Type,
)
from sagellm_protocol.model.nesting import TOO_DEEP
from sagellm_protocol.model.spec import Derived, Field, Made, Spec, spec_of
from sagellm_protocol.model.standing import held_class
from sagellm_protocol.pydantic_names.filtering import ALL, Filter


@attrs.frozen
class Dump:
    """What is asked for, beside fields by name."""

    json: bool = False
    by_alias: bool = False
    exclude_none: bool = False
    exclude_defaults: bool = False
    serialize_as_any: bool = False

    def whole(self, message: Any, filter: Filter) -> dict[str, Any]:
        """A message as a new dict.

        Raises:
            EncodeError: it holds messages within messages, too deep for Python.
            OptionError: ``include`` or ``exclude`` is none.
        """
        try:
            return self._message(_spec_of(message), message, filter)
        except RecursionError:
            raise EncodeError(TOO_DEEP) from None

    def _message(self, spec: Spec, message: Any, filter: Filter) -> dict[str, Any]:
        filter.checked()
        written = {}
        for field in spec.fields:
            below = filter.at(field.name)
            value = getattr(message, field.name)
            if below is None or (self.exclude_none and value is None):
                continue
            if self.exclude_defaults and not field.required and value == _default_of(field):
                continue
            written[field.argument if self.by_alias else field.name] = self._value(field.type, value, below)
        if spec.kept is not None:
            written |= self._free(Free(), getattr(message, spec.kept.name), filter)
        return written

    def _value(self, kind: Type, value: Any, filter: Filter) -> Any:
        found = _WRITTEN.get(type(kind))
        return value if found is None or value is None else found(self, kind, value, filter)

    def _inner(self, kind: Nullable | Limited, value: Any, filter: Filter) -> Any:
        return self._value(kind.inner, value, filter)

    def _nested(self, kind: Nested, value: Any, filter: Filter) -> Any:
        return self._message(_spec_of(value) if self.serialize_as_any else spec_of(kind.cls), value, filter)

    def _choice(self, kind: Choice, value: Any, filter: Filter) -> Any:
        return self._message(_spec_of(value), value, filter)

    def _items(self, kind: Items, value: Any, filter: Filter) -> Any:
        items = [self._value(kind.item, item, below) for item, below in _chosen(value, filter)]
        return tuple(items) if kind.declared == "tuple" and not self.json else items

    def _table(self, kind: Table, value: Any, filter: Filter) -> Any:
        return {key: self._value(kind.value, value[key], below) for key, below in _kept(value, filter)}

    def _free(self, kind: Free, value: Any, filter: Filter) -> Any:
        if isinstance(value, dict):
            return {key: self._free(kind, value[key], below) for key, below in _kept(value, filter)}
        if isinstance(value, tuple):
            return [self._free(kind, item, below) for item, below in _chosen(value, filter)]
        return value

    def _converted(self, kind: Converted, value: Any, filter: Filter) -> Any:
        return kind.dump(value) if self.json else value

    def _member(self, kind: Member, value: Any, filter: Filter) -> Any:
        return value.value if self.json else value

    def _either(self, kind: Either, value: Any, filter: Filter) -> Any:
        held = next((option for option in kind.options if isinstance(value, held_class(option))), None)
        return value if held is None else self._value(held, value, filter)


_WRITTEN: dict[type, Callable[[Dump, Any, Any, Filter], Any]] = {
    Nullable: Dump._inner,
    Limited: Dump._inner,
    Nested: Dump._nested,
    Choice: Dump._choice,
    Items: Dump._items,
    Table: Dump._table,
    Free: Dump._free,
    Converted: Dump._converted,
    Member: Dump._member,
    Either: Dump._either,
}
"""How values are written that are not written as they are."""


def _spec_of(message: Any) -> Spec:
    """The spec of a message's class, or of the message that a plain subclass is."""
    return spec_of(message_of(type(message)))


def _default_of(field: Field) -> Any:
    default = field.default
    if isinstance(default, Derived):
        default = default.shown
    return default.factory() if isinstance(default, Made) else default


def _chosen(items: Any, filter: Filter) -> Iterator[tuple[Any, Filter]]:
    if filter.idle:
        return ((item, ALL) for item in items)
    placed = filter.checked().among(len(items))
    below = (placed.at(index) for index in range(len(items)))
    return ((item, asked) for item, asked in zip(items, below, strict=True) if asked is not None)


def _kept(table: Any, filter: Filter) -> Iterator[tuple[str, Filter]]:
    filter.checked()
    below = ((key, filter.at(key)) for key in table)
    return ((key, asked) for key, asked in below if asked is not None)
