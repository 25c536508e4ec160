"""Values of an enumeration that are written otherwise, wherever it is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.conversions.conversion import Conversion, Down, Up
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.kinds import Either, Items, Limited, Member, Nullable, Table, Type, parts
from sagellm_protocol.model.paths import Path, told
from sagellm_protocol.model.spec import Field, Spec

Value: TypeAlias = str | int
"""A value of an enumeration on the wire."""


@attrs.frozen
class ValuesRenamed(Conversion):
    """Members of an enumeration have other values; their names may be the same."""

    enum: str
    values: Mapping[Value, Value] = attrs.field(hash=False)
    """Value of then to value of now."""

    def undo(self, tables: Tables) -> None:
        if self.enum not in tables.enums:
            raise tables.not_there(self.enum)
        members = tables.enums[self.enum]
        before = {new: old for old, new in self.values.items()}
        if not self.values:
            raise tables.wrong(f'which values of {self.enum} were renamed? Say old="new"')
        if len(before) < len(self.values):
            raise tables.wrong(f"two values of {self.enum} became one: say values_mapped(...) of its fields")
        if strange := [value for value in before if value not in members.values()]:
            raise tables.wrong(f"{self.enum} has no value {strange[0]!r} at this revision")
        then = {name: before.get(value, value) for name, value in members.items()}
        if len(set(then.values())) < len(set(members.values())):
            raise tables.wrong(f"two members of {self.enum} had one value before this revision")
        tables.enums[self.enum] = then
        for name, spec in tables.messages.items():
            fields = tuple(self._as_of_then(field, before) for field in spec.fields)
            tables.messages[name] = attrs.evolve(spec, fields=fields)

    def _as_of_then(self, field: Field, before: Mapping[Value, Value]) -> Field:
        """A field with the default of then."""
        if not (self._holds(field) and has_plain_default(field)):
            return field
        then = self._replaced(field.type, plain_default(field.default), None, lambda held, _: before.get(held, held))
        return attrs.evolve(field, default=then)

    def _holds(self, field: Field) -> bool:
        return any(isinstance(part, Member) and part.name == self.enum for part in parts(field.type))

    def _replaced(self, kind: Type, value: Any, path: Path, at: Callable[[Any, Path], Any]) -> Any:
        """A value with each value of the enumeration in it replaced."""
        match kind:
            case Member(name=self.enum) if isinstance(value, (str, int)) and not isinstance(value, bool):
                return at(value, path)
            case Nullable(inner=inner) | Limited(inner=inner):
                return self._replaced(inner, value, path, at)
            case Items(item=inner) if isinstance(value, (list, tuple)):
                items = (self._replaced(inner, item, (path, index), at) for index, item in enumerate(value))
                return [item for item in items if item is not UNSAYABLE]
            case Table(value=inner) if isinstance(value, Mapping):
                table = {key: self._replaced(inner, item, (path, key), at) for key, item in value.items()}
                return {key: item for key, item in table.items() if item is not UNSAYABLE}
            case Either(options=options):
                for option in options:
                    value = self._replaced(option, value, path, at)
                return value
            case _:
                return value

    def _fields(self, specs: Mapping[str, Spec]) -> dict[str, tuple[Field, ...]]:
        """The fields that hold the enumeration, by message."""
        found = {name: tuple(filter(self._holds, spec.fields)) for name, spec in specs.items()}
        return {name: fields for name, fields in found.items() if fields}

    def upward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Up]:
        came = self.values.values() - self.values.keys()

        def upward_of(message: str, fields: tuple[Field, ...]) -> Up:
            def now(value: Any, path: Path) -> Any:
                if value in came:
                    # It was no value then, and must not become one by being left alone.
                    rule = f"one of the values of {self.enum} before it was renamed"
                    raise ValidationError(message, [Violation(told(path), rule, value)])
                return self.values.get(value, value)

            def up(payload: dict[str, Any], path: Path) -> dict[str, Any]:
                for field in fields:
                    if field.name in payload:
                        value = payload[field.name]
                        payload[field.name] = self._replaced(field.type, value, (path, field.step), now)
                return payload

            return up

        return {name: upward_of(name, fields) for name, fields in self._fields(before).items()}

    def downward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Down]:
        back = {new: old for old, new in self.values.items()}
        gone = self.values.keys() - self.values.values()

        def downward_of(fields: tuple[Field, ...]) -> Down:
            def down(payload: dict[str, Any], path: Path, losses: Losses) -> Any:
                def then(value: Any, where: Path) -> Any:
                    if value in gone:
                        losses.add(where, value, f"is no value of {self.enum}, and was one")
                        return UNSAYABLE
                    return back.get(value, value)

                for field in fields:
                    if field.name in payload:
                        value = self._replaced(field.type, payload.pop(field.name), (path, field.step), then)
                        if value is not UNSAYABLE:
                            payload[field.name] = value
                        elif field.required:
                            return UNSAYABLE
                return payload

            return down

        return {name: downward_of(fields) for name, fields in self._fields(before).items()}

    def __str__(self) -> str:
        return f"{self.enum}: values {', '.join(f'{old!r} into {new!r}' for old, new in self.values.items())}"


def values_renamed(enum: str, values: Mapping[Value, Value] | None = None, **renamed: Value) -> ValuesRenamed:
    """Values of an enumeration are written otherwise: ``values_renamed("errors.ErrorCode", timeout="timed_out")``.

    Values are what stands on the wire. Where the name of a member changed, say so with ``members_renamed`` as well.

    Args:
        enum: its full name.
        values: old value to new value, where one is no name in Python.
        renamed: ``old="new"``.
    """
    return ValuesRenamed(enum, dict([*(values or {}).items(), *renamed.items()]))
