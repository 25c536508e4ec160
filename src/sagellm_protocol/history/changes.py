"""The kinds of change between two revisions of a protocol.

Each kind is data, and knows one thing: how to undo itself on the tables of the newer revision. What follows from that
(bringing payloads forward, taking them back, telling revisions apart) is derived by comparing tables, so a new kind
needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import attrs

from sagellm_protocol.history.defaults import is_plain, plain_default
from sagellm_protocol.history.fitting import fits, units
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.kinds import Member, Nullable, Type
from sagellm_protocol.model.shortening import SECRETS
from sagellm_protocol.model.spec import REQUIRED, Field, NotAllNull, Spec


class HistoryError(LookupError):
    """A list of revisions contradicts itself, or the classes that it leads to (a programming error, not bad data)."""

    def __init__(self, revision: str, reason: str) -> None:
        self.revision = revision
        """The revision whose changes are wrong."""
        self.reason = reason
        super().__init__(f"revision {revision}: {reason}: the history is wrong")

    def __reduce__(self) -> tuple[type[HistoryError], tuple[str, str]]:
        return type(self), (self.revision, self.reason)


@attrs.define
class Tables:
    """Everything a revision defines. Messages are specs, enumerations map names to values."""

    revision: str
    """The revision that defines it; while changes are undone, the one that made them."""
    messages: dict[str, Spec]
    enums: dict[str, dict[str, str | int]]
    typed_dicts: dict[str, dict[str, str]]
    unsaid: dict[tuple[str, str], Any] = attrs.field(factory=dict)
    """What payloads of before hold in each field that has come since and was required when it came, by message and
    today's field name; ``REQUIRED`` where the change does not say, so that only ``fill`` can."""
    came_as: dict[tuple[str, str], Any] = attrs.field(factory=dict)
    """The default with which each other field came: what payloads of before mean, whatever it became later."""

    def before(self, revision: str) -> Tables:
        """A copy to undo the changes of a revision in."""
        enums = {name: dict(members) for name, members in self.enums.items()}
        return Tables(
            revision, dict(self.messages), enums, dict(self.typed_dicts), dict(self.unsaid), dict(self.came_as)
        )

    def before_it_came(self, message: str, field: Field) -> tuple[Any, bool]:
        """What payloads mean by not having a field of today that came later, and whether ``fill`` goes before that.

        It is ``REQUIRED`` where leaving the field out today means the same, or where nobody but ``fill`` can say.
        """
        key = message, field.name
        if key in self.unsaid:
            return self.unsaid[key], True
        came_as = self.came_as.get(key, field.default)
        if not is_plain(came_as) or (is_plain(field.default) and alike(*map(plain_default, (came_as, field.default)))):
            return REQUIRED, False
        return plain_default(came_as), False

    def wrong(self, reason: str) -> HistoryError:
        """The error for a change of this revision that cannot have been."""
        return HistoryError(self.revision, reason)

    def not_there(self, name: str) -> HistoryError:
        """The error for a change of what the revision does not have."""
        return self.wrong(f"{name} does not exist at this revision")

    def message(self, name: str) -> Spec:
        """A message; the history is wrong if there is none."""
        if name not in self.messages:
            raise self.not_there(name)
        return self.messages[name]

    def field(self, message: str, name: str) -> Field:
        """A field of a message; the history is wrong if there is none."""
        for field in self.message(message).fields:
            if field.name == name:
                return field
        raise self.wrong(f"{message} has no field {name!r} at this revision")

    def put(self, message: str, fields: Iterable[Field], rules: Iterable[NotAllNull] | None = None) -> None:
        """Give a message other fields, and other rules; the history is wrong if two fields would have one name."""
        spec = self.message(message)
        evolved = attrs.evolve(spec, fields=tuple(fields), rules=spec.rules if rules is None else tuple(rules))
        names = [field.name for field in evolved.fields]
        for name in names:
            if not name.isidentifier() or name.startswith("_"):
                raise self.wrong(f"{message} cannot have had a field called {name!r}")
            if names.count(name) > 1:
                raise self.wrong(f"{message} had two fields called {name!r} before this revision")
        for rule in evolved.rules:
            if missing := sorted(set(rule.fields) - set(names)):
                raise self.wrong(f"a rule of {message} speaks of {missing}, and there are no such fields")
        self.messages[message] = evolved

    def change_field(self, message: str, name: str, change: Callable[[Field], Field]) -> None:
        """Put another field in the place of one."""
        found = self.field(message, name)
        fields = self.messages[message].fields
        self.put(message, (change(field) if field is found else field for field in fields))


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

    def undo(self, tables: Tables) -> None:
        came = [tables.field(self.message, name) for name in self.fields]
        if self.unsaid is not None and not any(field.required for field in came):
            raise tables.wrong(f"unsaid stands in required fields, and none of {list(self.fields)} is one")
        for field in came:
            if not field.today:
                continue
            if field.required:
                tables.unsaid[self.message, field.today] = REQUIRED if self.unsaid is None else self.unsaid
            else:
                tables.came_as[self.message, field.today] = field.left_out
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
class GivenDefault:
    """Required fields got a default."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            if tables.field(self.message, name).required:
                raise tables.wrong(f"{self.message}.{name} has no default")
            tables.change_field(self.message, name, lambda field: attrs.evolve(field, default=REQUIRED))


@attrs.frozen
class NullForbidden:
    """Fields can no longer be null."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            found = tables.field(self.message, name)
            if found.required or isinstance(found.type, Nullable):
                raise tables.wrong(f"{self.message}.{name} can be null, or has no default that takes the place of null")
            then = attrs.evolve(found, type=Nullable(found.type), default=None, null=found.left_out)
            tables.change_field(self.message, name, lambda _, then=then: then)  # type: ignore[misc]


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
class Redefined:
    """Leaving a field out means something else."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        found = tables.field(self.message, self.field)
        if found.required:
            raise tables.wrong(f"{self.message}.{self.field} cannot be left out")
        default = self._held(found.type, tables)
        tables.change_field(self.message, self.field, lambda field: attrs.evolve(field, default=default))

    def _held(self, kind: Type, tables: Tables) -> Any:
        """The default of then as messages hold it."""
        inner = kind.inner if isinstance(kind, Nullable) else kind
        if not isinstance(inner, Member) or inner.cls is None or self.was is None:
            return self.was
        try:
            return inner.cls(self.was)
        except ValueError:
            raise tables.wrong(f"{self.message}.{self.field} cannot have been {self.was!r}") from None


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
    return Removed(message, Field(field, read_type(was), default, today=""), after)


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
