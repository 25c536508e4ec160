"""The kinds of change between two revisions of a protocol.

Each kind is data, and knows one thing: how to undo itself on the tables of the newer revision. What follows from that
(bringing payloads forward, taking them back, telling revisions apart) is derived by comparing tables, so a new kind
needs nothing else.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import attrs

from sagellm_protocol.history.conversions.converted import Converted, converted, was
from sagellm_protocol.history.conversions.enumerations import ValuesRenamed, values_renamed
from sagellm_protocol.history.conversions.joining import Joined, merged, split
from sagellm_protocol.history.conversions.mapped import ValuesMapped, values_mapped
from sagellm_protocol.history.conversions.nesting import Nesting, flattened, nested
from sagellm_protocol.history.conversions.rescaled import Rescaled, rescaled
from sagellm_protocol.history.conversions.underived import Underived, underived
from sagellm_protocol.history.defining import HistoryError, Tables
from sagellm_protocol.history.fitting import alike_types, fits, units
from sagellm_protocol.history.omitting import (
    BecameDerived,
    GivenDefault,
    NullAllowed,
    NullForbidden,
    Redefined,
    Required,
    became_derived,
    given_default,
    null_allowed,
    null_forbidden,
    redefined,
    required,
)
from sagellm_protocol.history.remarks import day, paragraph, reasons
from sagellm_protocol.history.renaming import MembersRenamed, Moved, members_renamed, moved
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.frozen import EMPTY
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.shortening import SECRETS
from sagellm_protocol.model.spec import REQUIRED, Field, NotAllNull, Unknown

__all__ = [
    "Added",
    "BecameDerived",
    "Change",
    "Converted",
    "GivenDefault",
    "HistoryError",
    "Introduced",
    "Joined",
    "KeepsUnknown",
    "MembersAdded",
    "MembersRenamed",
    "Moved",
    "Narrowed",
    "Nesting",
    "NullAllowed",
    "NullForbidden",
    "Redefined",
    "Removed",
    "Renamed",
    "Required",
    "Rescaled",
    "Retyped",
    "Revision",
    "RuleDropped",
    "Tables",
    "Underived",
    "ValuesMapped",
    "ValuesRenamed",
    "added",
    "against_retyping",
    "became_derived",
    "converted",
    "flattened",
    "given_default",
    "introduced",
    "keeps_unknown",
    "members_added",
    "members_renamed",
    "merged",
    "moved",
    "narrowed",
    "nested",
    "null_allowed",
    "null_forbidden",
    "redefined",
    "removed",
    "renamed",
    "required",
    "rescaled",
    "retyped",
    "revision",
    "rule_dropped",
    "split",
    "underived",
    "values_mapped",
    "values_renamed",
    "was",
]


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
                raise tables.not_there(name)
            del found[0][name]


@attrs.frozen
class Added:
    """Fields came."""

    message: str
    fields: tuple[str, ...]
    unsaid: Any = None
    droppable: bool = False

    def undo(self, tables: Tables) -> None:
        cls = tables.message(self.message).cls
        came = [tables.field(self.message, name) for name in self.fields]
        if self.unsaid is not None and not any(field.required for field in came):
            raise tables.wrong(f"unsaid stands in required fields, and none of {list(self.fields)} is one")
        for field in came:
            if not field.today:
                continue
            if self.droppable:
                tables.droppable.add((cls, field.today))
            if field.required:
                tables.unsaid[cls, field.today] = REQUIRED if self.unsaid is None else self.unsaid
            else:
                tables.came_as[cls, field.today] = field.left_out
        tables.put(self.message, (field for field in tables.message(self.message).fields if field not in came))


@attrs.frozen
class Removed:
    """A field went."""

    message: str
    field: Field
    after: str | None

    def undo(self, tables: Tables) -> None:
        fields = list(tables.message(self.message).fields)
        place = 0 if self.after is None else fields.index(tables.field(self.message, self.after)) + 1
        tables.put(self.message, (*fields[:place], self.field, *fields[place:]))


@attrs.frozen
class Renamed:
    """Fields got another name."""

    message: str
    names: Mapping[str, str] = attrs.field(hash=False)

    def undo(self, tables: Tables) -> None:
        # All at once: two fields may have changed places.
        before = {new: old for old, new in self.names.items()}
        if len(before) < len(self.names):
            raise tables.wrong(f"two fields of {self.message} cannot have been renamed to one name")
        for new in before:
            tables.field(self.message, new)
        spec = tables.message(self.message)
        fields = [attrs.evolve(field, name=before.get(field.name, field.name)) for field in spec.fields]
        SECRETS.update(field.name for field in fields if field.secret)
        rules = (NotAllNull(tuple(before.get(name, name) for name in rule.fields)) for rule in spec.rules)
        tables.put(self.message, fields, rules)


@attrs.frozen
class Retyped:
    """A field takes more than it did."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        was, now = read_type(self.was), tables.field(self.message, self.field).type
        if reason := against_retyping(was, now):
            raise tables.wrong(f"{self.message}.{self.field} {reason}")
        tables.change_field(self.message, self.field, lambda field: attrs.evolve(field, type=was))


def against_retyping(was: Type, now: Type) -> str | None:
    """Why values of one type cannot be taken for values of another as they are; None where they can."""
    if units(was) and units(was) != units(now):
        return (
            f"was measured in {units(was)} and is now in {units(now) or 'no unit'}: values would change their meaning"
        )
    return None if fits(was, now) else "does not take every value that it took"


@attrs.frozen
class Narrowed:
    """A field takes less than it did."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        was, now = read_type(self.was), tables.field(self.message, self.field).type
        if alike_types(was, now) or against_retyping(now, was):
            place = f"{self.message}.{self.field}"
            raise tables.wrong(f"{place} does not take less than it did: say retyped(...), or convert its values")
        tables.change_field(self.message, self.field, lambda field: attrs.evolve(field, type=was))


@attrs.frozen
class MembersAdded:
    """An enumeration got members."""

    enum: str
    members: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        if self.enum not in tables.enums:
            raise tables.not_there(self.enum)
        for member in self.members:
            if member not in tables.enums[self.enum]:
                raise tables.wrong(f"{self.enum} has no member {member!r} at this revision")
            del tables.enums[self.enum][member]


@attrs.frozen
class RuleDropped:
    """A rule between fields went."""

    message: str
    rule: NotAllNull

    def undo(self, tables: Tables) -> None:
        for name in self.rule.fields:
            tables.field(self.message, name)
        spec = tables.message(self.message)
        tables.put(self.message, spec.fields, (*spec.rules, self.rule))


@attrs.frozen
class KeepsUnknown:
    """Messages keep fields that they do not have."""

    messages: tuple[str, ...]
    was: Unknown

    def undo(self, tables: Tables) -> None:
        if self.was not in ("forbid", "ignore"):
            raise tables.wrong(f"what messages did before they kept fields was 'forbid' or 'ignore', not {self.was!r}")
        for name in self.messages:
            if tables.message(name).kept is None:
                raise tables.wrong(f"{name} does not keep fields that it does not have")
            tables.messages[name] = attrs.evolve(tables.messages[name], unknown=self.was, kept=None)


def introduced(*names: str) -> Introduced:
    """Messages, enumerations or typed dicts came, by full name."""
    return Introduced(names)


def added(message: str, *fields: str, unsaid: Any = None, droppable: bool = False) -> Added:
    """Fields came. ``unsaid`` stands in a required one where an older payload does not say and nobody fills it in.

    ``droppable`` ones inform, and ask for nothing: they are left out for a peer of before, which is no error.
    """
    return Added(message, fields, unsaid, droppable)


def removed(message: str, field: str, was: Any, *, default: Any = REQUIRED, after: str | None = None) -> Removed:
    """A field went. ``was`` is the annotation it had, ``after`` the field it stood behind (first, where None).

    A payload that holds it, not at its default, is upgraded only where a site hook says what becomes of the value.
    """
    return Removed(message, Field(field, read_type(was), default, today=""), after)


def renamed(message: str, **names: str) -> Renamed:
    """Fields got another name: ``old="new"``."""
    return Renamed(message, names)


def retyped(message: str, field: str, *, was: Any) -> Retyped:
    """A field takes more than it did: wider bounds, null, further options. ``was`` is the annotation it had."""
    return Retyped(message, field, was)


def narrowed(message: str, field: str, *, was: Any) -> Narrowed:
    """A field takes less than it did: narrower bounds, fewer options. ``was`` is the annotation it had.

    A payload of before that holds what it no longer takes is none of today: decoding it is an error, at that place.
    """
    return Narrowed(message, field, was)


def members_added(enum: str, *members: str) -> MembersAdded:
    """An enumeration got members, by name."""
    return MembersAdded(enum, members)


def rule_dropped(message: str, rule: NotAllNull) -> RuleDropped:
    """A rule between fields went."""
    return RuleDropped(message, rule)


def keeps_unknown(*messages: str, was: Literal["forbid", "ignore"]) -> KeepsUnknown:
    """Messages keep fields that they do not have (``@message(unknown="keep")``). ``was`` is what they did before.

    Where they were ignored, kept ones stay in a payload that is taken back: who reads it passes over them. Where they
    were forbidden, they are a loss.
    """
    return KeepsUnknown(messages, was)


@attrs.frozen
class Revision:
    """One revision of a protocol: the first release that spoke it, those that followed, and what it changed."""

    name: str
    changes: tuple[Change, ...]
    releases: tuple[str, ...]
    """Every release that speaks it, the first included, in order."""
    date: datetime.date | None = None
    """The day of the first release, where it is known."""
    note: str = ""
    """What it is about, in a paragraph."""
    deprecates: Mapping[str, str] = EMPTY
    """What is not to be used any more, by the names of this revision, and why."""


def revision(
    name: str,
    *changes: Change,
    also: tuple[str, ...] = (),
    date: datetime.date | str | None = None,
    note: str = "",
    deprecates: Mapping[str, str] = EMPTY,
) -> Revision:
    """A revision named after the first release that spoke it.

    Args:
        name: that release.
        changes: what it changed.
        also: the later releases that speak it.
        date: the day of the first release, also as ISO text: ``"2025-11-30"``.
        note: what it is about, in a paragraph.
        deprecates: messages, fields and members of enumerations that it has and that are not to be used any more, by
            full name (``"types.Request.prompt"``), each with why, or what to use instead. A message whose class says so
            itself (``warnings.deprecated``) has an empty text here.

    Raises:
        HistoryError: the date, the note or a text is none.
    """
    try:
        return Revision(name, changes, (name, *also), day(date), paragraph(note, "note"), reasons(deprecates))
    except ValueError as error:
        raise HistoryError(name, str(error)) from None
