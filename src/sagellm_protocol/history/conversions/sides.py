"""The fields of a message on one side of a conversion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.completing import whole
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.payloads import owned
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.model.kinds import Choice, Free, Nested, Table, Type, nested_in, replace
from sagellm_protocol.model.paths import ROOT, Path
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.spec import Field, Spec

_LAST_PLACES = 2.0**-51
"""How far apart floats may be, as a share of them, and count as one: not every float of one unit is one of another."""


@attrs.frozen
class Side:
    """The fields that a conversion takes values from, or gives values for."""

    fields: tuple[Field, ...]
    specs: Mapping[str, Spec]
    """The messages on that side."""
    unsound: frozenset[str] = attrs.field(
        init=False, default=attrs.Factory(lambda self: self._unsound(), takes_self=True)
    )
    """The fields whose default is no value that they may have: it was never checked."""

    @classmethod
    def of(cls, message: str, names: Iterable[str], specs: Mapping[str, Spec]) -> Side:
        """The fields of a message by name. Messages of its own kind, however deep, are not looked into."""

        def not_its_own(kind: Type) -> Type:
            # Those within are as on the other side, whichever way it goes.
            if isinstance(kind, (Nested, Choice)) and any(held.name == message for held in nested_in(kind)):
                return _OBJECT
            return kind

        def without_its_own(spec: Spec) -> Spec:
            fields = (attrs.evolve(field, type=replace(field.type, not_its_own)) for field in spec.fields)
            return attrs.evolve(spec, fields=tuple(fields))

        inside = {name: without_its_own(specs[name]) for name in reachable(message, specs)}
        held = {field.name: field for field in inside[message].fields}
        return cls(tuple(held[name] for name in names), inside)

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields."""
        return frozenset(field.name for field in self.fields)

    def taken(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The values that a payload has in these fields, taken out of it."""
        return {field.name: payload.pop(field.name) for field in self.fields if field.name in payload}

    def checked(self, values: Mapping[str, Any], path: Path) -> Checker:
        """A check of values, that none is missing included."""
        checker = Checker("wire", "ignore", self.specs)
        for field in self.fields:
            if field.name in values:
                _check(checker, field, values[field.name], path)
            elif field.required:
                checker.broken((path, field.step), "required", None)
        return checker

    def whole(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of values with the defaults of those left out, as far as they are the same for every payload."""
        values = {}
        for field in self.fields:
            if field.name in given:
                values[field.name] = owned(given[field.name])
            elif has_plain_default(field):
                values[field.name] = plain_default(field.default)
        return values

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """As :meth:`whole`, for functions, which take values of the fields' types.

        Raises:
            ValueError: a default is none.
        """
        if found := sorted(self.unsound - given.keys()):
            raise ValueError(f"the default of {found[0]} is no value that it may have")
        return self.whole(given)

    def _unsound(self) -> frozenset[str]:
        found = set()
        for field in self.fields:
            checker = Checker("wire", "ignore", self.specs)
            if has_plain_default(field):
                _check(checker, field, plain_default(field.default), ROOT)
            if checker.violations:
                found.add(field.name)
        return frozenset(found)

    def differing(self, some: Mapping[str, Any], others: Mapping[str, Any]) -> list[Field]:
        """The fields in which values, with the defaults of those left out, differ from others."""
        one, other = (whole(self.fields, values, self.specs) for values in (some, others))
        return [field for field in self.fields if not close(one.get(field.name, ABSENT), other.get(field.name, ABSENT))]

    def said(self, values: Mapping[str, Any]) -> list[Field]:
        """The fields that say something else than leaving them out."""
        return self.differing(values, {})

    def place(self, path: Path, values: Mapping[str, Any]) -> tuple[Path, Any]:
        """Where values stand, and what stands there: the field, or the message where they stand in several."""
        if len(self.fields) == 1:
            return (path, self.fields[0].step), values.get(self.fields[0].name)
        return path, dict(values)

    def told(self, error: ValueError) -> str:
        """What an error says of these values; nothing of those that are not shown."""
        return "" if any(field.secret for field in self.fields) else str(error)

    def __str__(self) -> str:
        return ", ".join(field.name for field in self.fields)


def _check(checker: Checker, field: Field, value: Any, path: Path) -> None:
    try:
        checker.check(field.type, value, (path, field.step))
    except DecodeError as error:
        checker.broken((path, field.step), f"what formats carry ({error.reason})", value)


_OBJECT = Table(Free())


def close(left: Any, right: Any) -> bool:
    """Whether two plain values are the same JSON but for the last places of floats."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(close(item, right[key]) for key, item in left.items())
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or abs(left - right) <= _LAST_PLACES * abs(left)
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
