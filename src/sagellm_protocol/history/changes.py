"""The kinds of change between two revisions of a protocol.

Each kind is data, and knows one thing: how to undo itself on the tables of the newer revision. What follows from that
(bringing payloads forward, taking them back, telling revisions apart) is derived by comparing tables, so a new kind
needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs

from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.spec import REQUIRED, Field, Member, NotAllNull, Nullable, Spec


@attrs.define
class Tables:
    """Everything a revision defines. Messages are specs, enumerations map names to values."""

    messages: dict[str, Spec]
    enums: dict[str, dict[str, str | int]]
    typed_dicts: dict[str, dict[str, str]]

    def copy(self) -> Tables:
        """Tables that can be changed without changing these."""
        return Tables(
            dict(self.messages), {name: dict(members) for name, members in self.enums.items()}, dict(self.typed_dicts)
        )

    def message(self, name: str) -> Spec:
        """A message; the history is wrong if there is none."""
        if name not in self.messages:
            raise not_there(name)
        return self.messages[name]

    def change_field(self, message: str, field: str, change: Callable[[Field], Field]) -> None:
        """Put another field in the place of one."""
        spec = self.message(message)
        if all(known.name != field for known in spec.fields):
            raise LookupError(f"{message} has no field {field!r} at this revision: the history is wrong")
        fields = tuple(change(known) if known.name == field else known for known in spec.fields)
        self.messages[message] = attrs.evolve(spec, fields=fields)


def not_there(name: str) -> LookupError:
    """The error for a change of what the revision does not have."""
    return LookupError(f"{name} does not exist at this revision: the history is wrong")


class Change(Protocol):
    """What a revision changed."""

    def undo(self, tables: Tables) -> None:
        """Turn the tables after the change into those before it."""


@attrs.frozen
class Introduced:
    """Messages, enumerations or typed dicts came."""

    names: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        kinds: tuple[dict[str, Any], ...] = (tables.messages, tables.enums, tables.typed_dicts)
        for name in self.names:
            found = [kind for kind in kinds if name in kind]
            if not found:
                raise not_there(name)
            del found[0][name]


@attrs.frozen
class Added:
    """Fields came."""

    message: str
    fields: tuple[str, ...]
    unsaid: Any = None

    def undo(self, tables: Tables) -> None:
        spec = tables.message(self.message)
        if missing := set(self.fields) - {field.name for field in spec.fields}:
            raise LookupError(f"{self.message} has no fields {sorted(missing)} at this revision: the history is wrong")
        kept = tuple(field for field in spec.fields if field.name not in self.fields)
        tables.messages[self.message] = attrs.evolve(spec, fields=kept)


@attrs.frozen
class Removed:
    """A field went."""

    message: str
    field: Field
    after: str | None

    def undo(self, tables: Tables) -> None:
        spec = tables.message(self.message)
        names = [field.name for field in spec.fields]
        if self.after is not None and self.after not in names:
            raise LookupError(f"{self.message} has no field {self.after!r} at this revision: the history is wrong")
        place = 0 if self.after is None else names.index(self.after) + 1
        fields = (*spec.fields[:place], self.field, *spec.fields[place:])
        tables.messages[self.message] = attrs.evolve(spec, fields=fields)


@attrs.frozen
class Renamed:
    """Fields got another name."""

    message: str
    names: Mapping[str, str] = attrs.field(hash=False)

    def undo(self, tables: Tables) -> None:
        for old, new in self.names.items():
            tables.change_field(self.message, new, lambda field, old=old: attrs.evolve(field, name=old))  # type: ignore[misc]
            spec = tables.message(self.message)
            rules = tuple(
                NotAllNull(tuple(old if field == new else field for field in rule.fields)) for rule in spec.rules
            )
            tables.messages[self.message] = attrs.evolve(spec, rules=rules)


@attrs.frozen
class GivenDefault:
    """Required fields got a default."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            tables.change_field(self.message, name, lambda field: attrs.evolve(field, default=REQUIRED))


@attrs.frozen
class NullForbidden:
    """Fields can no longer be null."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            tables.change_field(
                self.message, name, lambda field: attrs.evolve(field, type=Nullable(field.type), default=None)
            )


@attrs.frozen
class Retyped:
    """A field takes more than it did."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        tables.change_field(self.message, self.field, lambda field: attrs.evolve(field, type=read_type(self.was)))


@attrs.frozen
class Redefined:
    """Leaving a field out means something else."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        def restore(field: Field) -> Field:
            members = field.type.cls if isinstance(field.type, Member) else None
            return attrs.evolve(field, default=self.was if members is None else members(self.was))

        tables.change_field(self.message, self.field, restore)


@attrs.frozen
class MembersAdded:
    """An enumeration got members."""

    enum: str
    members: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        if self.enum not in tables.enums:
            raise not_there(self.enum)
        for member in self.members:
            if member not in tables.enums[self.enum]:
                raise LookupError(f"{self.enum} has no member {member!r} at this revision: the history is wrong")
            del tables.enums[self.enum][member]


@attrs.frozen
class RuleDropped:
    """A rule between fields went."""

    message: str
    rule: NotAllNull

    def undo(self, tables: Tables) -> None:
        spec = tables.message(self.message)
        if missing := set(self.rule.fields) - {field.name for field in spec.fields}:
            raise LookupError(f"{self.message} has no fields {sorted(missing)} at this revision: the history is wrong")
        tables.messages[self.message] = attrs.evolve(spec, rules=(*spec.rules, self.rule))


def introduced(*names: str) -> Introduced:
    """Messages, enumerations or typed dicts came, by full name."""
    return Introduced(names)


def added(message: str, *fields: str, unsaid: Any = None) -> Added:
    """Fields came. ``unsaid`` stands in a required one where an older payload does not say and nobody fills it in."""
    return Added(message, fields, unsaid)


def removed(message: str, field: str, was: Any, *, default: Any = REQUIRED, after: str | None = None) -> Removed:
    """A field went. ``was`` is the annotation it had, ``after`` the field it stood behind (first, where None).

    A payload that holds it, not at its default, is upgraded only where a site hook says what becomes of the value.
    """
    return Removed(message, Field(field, read_type(was), default, origin=""), after)


def renamed(message: str, **names: str) -> Renamed:
    """Fields got another name: ``old="new"``."""
    return Renamed(message, names)


def given_default(message: str, *fields: str) -> GivenDefault:
    """Fields that were required got the default that they have now."""
    return GivenDefault(message, fields)


def null_forbidden(message: str, *fields: str) -> NullForbidden:
    """Fields that could be null, and were by default, no longer can; null now is their default."""
    return NullForbidden(message, fields)


def retyped(message: str, field: str, *, was: Any) -> Retyped:
    """A field takes more than it did: wider bounds, null, further options. ``was`` is the annotation it had."""
    return Retyped(message, field, was)


def redefined(message: str, field: str, *, was: Any) -> Redefined:
    """The shape stayed, the meaning of leaving the field out did not: it was ``was``, as written on the wire."""
    return Redefined(message, field, was)


def members_added(enum: str, *members: str) -> MembersAdded:
    """An enumeration got members, by name."""
    return MembersAdded(enum, members)


def rule_dropped(message: str, rule: NotAllNull) -> RuleDropped:
    """A rule between fields went."""
    return RuleDropped(message, rule)


@attrs.frozen
class Revision:
    """One revision of a protocol: the first release that spoke it, those that followed, and what it changed."""

    name: str
    changes: tuple[Change, ...]
    releases: tuple[str, ...]
    """Every release that speaks it, the first included, in order."""


def revision(name: str, *changes: Change, also: tuple[str, ...] = ()) -> Revision:
    """A revision named after the first release that spoke it; ``also`` are the later ones."""
    return Revision(name, changes, (name, *also))
