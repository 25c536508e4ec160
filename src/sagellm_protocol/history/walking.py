"""The messages in a payload that a function is for, wherever they stand: visited one by one, free JSON left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.kinds import (
    Choice,
    Either,
    Items,
    Limited,
    Nested,
    Nullable,
    Table,
    Type,
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.spec import Field, Spec

Visit: TypeAlias = Callable[[dict[str, Any], Path, Losses], Any]
"""Takes a payload, which it may not change, and where it stands; gives another, or ``UNSAYABLE``."""


@attrs.define
class Walk:
    """Visits messages of some classes.

    Nothing is changed: what holds a message that became another is copied. A message that cannot be said is left out of
    what holds it, and if that cannot be without it, neither can that be said.
    """

    specs: Mapping[str, Spec]
    """The fields that lead to messages, and the types in them."""
    told_apart: Mapping[type, Spec]
    """The messages as they stand in payloads when one of several is to be told: before the walk, for both ways."""
    visits: Mapping[type, Visit]
    outside_in: bool
    """Whether a message is visited before those in it."""
    _leading: dict[str, tuple[Field, ...]] = attrs.field(factory=dict, init=False)

    def name(self, message: type) -> str:
        """What a message is called there."""
        return next(name for name, spec in self.specs.items() if spec.cls is message)

    def reaches(self, message: str) -> bool:
        """Whether any message that is visited can stand in a message, itself included."""
        return any(self.specs[name].cls in self.visits for name in reachable(message, self.specs))

    def message(self, name: str, payload: dict[str, Any], path: Path, losses: Losses) -> Any:
        """What becomes of a message, and of those in it."""
        visit = self.visits.get(self.specs[name].cls)
        if visit is None:
            return self._inside(name, payload, path, losses)
        if self.outside_in:
            taken = visit(payload, path, losses)
            return taken if taken is UNSAYABLE else self._inside(name, taken, path, losses)
        taken = self._inside(name, payload, path, losses)
        return taken if taken is UNSAYABLE else visit(taken, path, losses)

    def _inside(self, name: str, payload: dict[str, Any], path: Path, losses: Losses) -> Any:
        taken = payload
        for field in self._fields(name):
            if field.name not in payload:
                continue
            value = payload[field.name]
            made = self._value(field.type, value, (path, field.step), losses)
            if made is value:
                continue
            if taken is payload:
                taken = {**payload}
            if made is not UNSAYABLE:
                taken[field.name] = made
            elif field.required:
                return UNSAYABLE
            else:
                del taken[field.name]
        return taken

    def _fields(self, name: str) -> tuple[Field, ...]:
        """The fields of a message through which a visited one may be reached."""
        found = self._leading.get(name)
        if found is None:
            found = self._leading[name] = tuple(
                field
                for field in self.specs[name].fields
                if any(self.reaches(nested.name) for nested in nested_in(field.type))
            )
        return found

    def _value(self, kind: Type, value: Any, path: Path, losses: Losses) -> Any:
        match kind:
            case Nullable(inner=inner) | Limited(inner=inner):
                return self._value(inner, value, path, losses)
            case Nested(name=name) if type(value) is dict:
                return self.message(name, value, path, losses)
            case Choice(options=options) if type(value) is dict:
                spec = chosen([self.told_apart[option.cls] for option in options], kind.tag, value)
                names = {option.cls: option.name for option in options}
                return value if spec is None else self.message(names[spec.cls], value, path, losses)
            case Items(item=item) if isinstance(value, (list, tuple)):
                items = [self._value(item, each, (path, index), losses) for index, each in enumerate(value)]
                return [each for each in items if each is not UNSAYABLE]
            case Table(value=inner) if type(value) is dict:
                table = {key: self._value(inner, each, (path, key), losses) for key, each in value.items()}
                return {key: each for key, each in table.items() if each is not UNSAYABLE}
            case Either(options=options):
                found = self._option(options, value)
                return value if found is None else self._value(found, value, path, losses)
            case _:
                return value

    def _option(self, options: tuple[Type, ...], value: Any) -> Type | None:
        """The option of a union that a value is of, if messages may be in it."""
        wanted = "object" if type(value) is dict else "array" if isinstance(value, (list, tuple)) else ""
        return next((option for option in options if wire_kind(option) == wanted and nested_in(option)), None)
