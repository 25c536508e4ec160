"""Payloads of older revisions between what a codec was taught and what the revision says.

A hook gives or takes what a message holds today. So the payload of an older revision is put into the protocol's own
words first, and then checked and upgraded like any other; and what is written is put into the taught words last. In
between, a message that a hook reads or writes whole stands in the payload as itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.model.checking import Checker, check_payload
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.keeping import beside
from sagellm_protocol.model.kinds import (
    Choice,
    Either,
    Items,
    Limited,
    Nested,
    Nullable,
    Table,
    Taught,
    Type,
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.paths import ROOT, Path
from sagellm_protocol.model.spec import Field, Spec, Unknown
from sagellm_protocol.model.teaching import Teaching
from sagellm_protocol.model.wording import describe
from sagellm_protocol.model.writing import Writers


@attrs.define
class Translation:
    """Translates payloads of one revision."""

    specs: Mapping[str, Spec]
    """The messages of the revision, by name."""
    teaching: Teaching
    unknown: Unknown | None
    """What is done with a field that the codec was not taught, though the revision has it."""
    _writers: Writers = attrs.field(factory=lambda: Writers("plain"), init=False)
    _pairs: dict[str, dict[str, tuple[Field, Field | None]]] = attrs.field(factory=dict, init=False)

    def reading(self, kind: Type) -> Callable[[Any], Any]:
        """What is on the wire to what the revision says.

        Raises (the function does):
            ValidationError: a hook refuses a value, with every such violation.
        """
        taught = self.teaching.kind(kind)

        def read(payload: Any) -> Any:
            checker = Checker("wire", self.unknown, None, self.teaching)
            said = self._read(taught, payload, ROOT, checker)
            checker.raise_for(describe(kind))
            return said

        return read

    def writing(self, kind: Type) -> Callable[[Any], Any]:
        """What the revision says to what goes on the wire."""
        taught = self.teaching.kind(kind)
        return lambda payload: self._written(taught, payload)

    def _fields(self, name: str) -> dict[str, tuple[Field, Field | None]]:
        """The fields of a message as the revision has them, and as they are on the wire, if they are."""
        found = self._pairs.get(name)
        if found is None:
            spec = self.specs[name]
            there = {field.today or field.name: field for field in self.teaching.spec(spec).fields}
            pairs = {field.name: (field, there.get(field.today or field.name)) for field in spec.fields}
            found = self._pairs.setdefault(name, pairs)
        return found

    def _read(self, kind: Type, value: Any, path: Path, checker: Checker) -> Any:
        match kind:
            case Taught(structure=None, inner=inner):
                return self._read(inner, value, path, checker)
            case Taught(inner=inner):
                before = checker.found
                made = checker.check(kind, value, path)
                if checker.found != before or nested_in(inner):
                    return made
                return self._writers.write(inner)(made)
            case Nullable(inner=inner) | Limited(inner=inner):
                return None if value is None else self._read(inner, value, path, checker)
            case Nested() if isinstance(value, dict):
                return self._read_message(kind.name, value, path, checker)
            case Choice() if isinstance(value, dict):
                option = self._option(kind, value)
                return value if option is None else self._read(self.teaching.kind(option), value, path, checker)
            case Items(item=item) if isinstance(value, (list, tuple)):
                return [self._read(item, each, (path, index), checker) for index, each in enumerate(value)]
            case Table(value=inner) if isinstance(value, dict):
                return {key: self._read(inner, each, (path, key), checker) for key, each in value.items()}
            case Either():
                part = _fitting(kind, value)
                return value if part is None else self._read(part, value, path, checker)
            case _:
                return value

    def _read_message(self, name: str, payload: dict[str, Any], path: Path, checker: Checker) -> dict[str, Any]:
        pairs = self._fields(name)
        wires = {there.name: (field, there) for field, there in pairs.values() if there is not None}
        said = {}
        for wire, value in payload.items():
            if wire in wires:
                field, there = wires[wire]
                said[field.name] = self._read(there.type, value, (path, wire), checker)
            elif wire not in pairs:
                said[wire] = value  # Unknown to the revision as well, which is told with the rest of what is wrong.
            elif (self.unknown or self.specs[name].unknown) == "forbid":
                checker.stray((path, wire), wire, wires, value)
        return said

    def _option(self, choice: Choice, payload: dict[str, Any]) -> Nested | None:
        specs = [self.teaching.spec(self.specs[option.name]) for option in choice.options]
        spec = chosen(specs, choice.tag, payload)
        return None if spec is None else Nested(spec.name, spec.cls)

    def _written(self, kind: Type, value: Any) -> Any:
        match kind:
            case Taught(inner=inner, unstructure=unstructure) if unstructure is not None:
                return unstructure(value if nested_in(inner) else check_payload(inner, value))
            case Nullable(inner=inner) | Limited(inner=inner):
                return None if value is None else self._written(inner, value)
            case Nested() if isinstance(value, dict):
                return self._written_message(kind.name, value)
            case Choice() if isinstance(value, dict):
                spec = chosen([self.specs[option.name] for option in kind.options], kind.tag, value)
                return value if spec is None else self._written(Nested(spec.name, spec.cls), value)
            case Choice(options=options):
                held = next(option for option in options if isinstance(value, option.cls))
                return self._written(self.teaching.kind(held), value)
            case Items(item=item):
                return [self._written(item, each) for each in value]
            case Table(value=inner):
                return {key: self._written(inner, each) for key, each in value.items()}
            case Either():
                part = _fitting(kind, value)
                return value if part is None else self._written(part, value)
            case _:
                return value

    def _written_message(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        pairs = self._fields(name)
        written = {
            there.name: self._written(there.type, payload[field])
            for field, (_, there) in pairs.items()
            if there is not None and field in payload
        }
        kept = {field: value for field, value in payload.items() if field not in pairs}
        return {**written, **beside(name, frozenset(written))(kept)}


def _fitting(kind: Either, value: Any) -> Type | None:
    """The option of a union that holds messages, where the value is of it."""
    wanted = "object" if isinstance(value, dict) else "array" if isinstance(value, (list, tuple)) else "any"
    return next((option for option in kind.options if wire_kind(option) == wanted), None)
