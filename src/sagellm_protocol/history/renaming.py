"""Changes of what messages, enumerations and their members are called. No payload changes by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.kinds import Choice, Member, Nested, Type, replace
from sagellm_protocol.model.spec import Spec


@attrs.frozen
class Moved:
    """A message, enumeration or typed dict got another name, or moved to another module."""

    old: str
    new: str

    def undo(self, tables: Tables) -> None:
        kinds: tuple[dict[str, Any], ...] = (tables.messages, tables.enums, tables.typed_dicts)
        found: dict[str, Any] | None = next((kind for kind in kinds if self.new in kind), None)
        if found is None:
            raise tables.not_there(self.new)
        if any(self.old in kind for kind in kinds):
            raise tables.wrong(f"{self.new} cannot have been {self.old}, which is there as well")
        if not all(map(str.isidentifier, self.old.split("."))):
            raise tables.wrong(f"nothing can have been called {self.old!r}: say module and class")
        found[self.old] = found.pop(self.new)
        # In alphabetical order, as a catalog has them.
        in_order: list[tuple[str, Any]] = sorted(found.items(), key=lambda entry: entry[0])
        found.clear()
        found.update(in_order)
        before = {self.new: self.old}
        for name, spec in list(tables.messages.items()):
            tables.messages[name] = attrs.evolve(called(spec, before), name=before.get(spec.name, spec.name))


def called(spec: Spec, names: Mapping[str, str]) -> Spec:
    """A message with the messages and enumerations in its fields under other names."""

    def at(kind: Type) -> Type:
        match kind:
            case Nested(name=name) | Member(name=name):
                return attrs.evolve(kind, name=names.get(name, name))
            case Choice(options=options):
                renamed = (attrs.evolve(option, name=names.get(option.name, option.name)) for option in options)
                return attrs.evolve(kind, options=tuple(renamed))
            case _:
                return kind

    fields = tuple(attrs.evolve(field, type=replace(field.type, at)) for field in spec.fields)
    return attrs.evolve(spec, fields=fields)


@attrs.frozen
class MembersRenamed:
    """Members of an enumeration got other names in Python, and kept their values."""

    enum: str
    names: Mapping[str, str] = attrs.field(hash=False)

    def undo(self, tables: Tables) -> None:
        if self.enum not in tables.enums:
            raise tables.not_there(self.enum)
        members = tables.enums[self.enum]
        before = {new: old for old, new in self.names.items()}
        if len(before) < len(self.names):
            raise tables.wrong(f"two members of {self.enum} cannot have been renamed to one name")
        if strange := [name for name in before if name not in members]:
            raise tables.wrong(f"{self.enum} has no member {strange[0]!r} at this revision")
        then = {before.get(name, name): value for name, value in members.items()}
        if len(then) < len(members):
            raise tables.wrong(f"two members of {self.enum} had one name before this revision")
        tables.enums[self.enum] = then


def moved(old: str, new: str) -> Moved:
    """A message, enumeration or typed dict got another name, or moved to another module: full names of then and now."""
    return Moved(old, new)


def members_renamed(enum: str, **names: str) -> MembersRenamed:
    """Members of an enumeration got another name, ``OLD="NEW"``; where their values changed, ``values_renamed``."""
    return MembersRenamed(enum, names)
