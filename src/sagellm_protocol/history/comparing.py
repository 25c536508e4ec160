"""What differs between any two releases, and whom it breaks.

Everything is derived from the specs of the two revisions. Only whether a default changed by itself, or was a change of
meaning that the list of changes declares, is looked up there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.changes import Redefined
from sagellm_protocol.history.tables import bounds, has_plain_default, plain_default, reachable, type_text
from sagellm_protocol.history.timeline import History
from sagellm_protocol.model.spec import (
    Choice,
    Derived,
    Either,
    Field,
    Free,
    Items,
    Made,
    Member,
    Nullable,
    Number,
    OneOf,
    Spec,
    Table,
    Text,
    Type,
    Unknown,
    Uuid,
)

Breaks: TypeAlias = Literal["readers", "writers", "both", "none"]
"""Whom a difference breaks, of those who stay at the old release while the others move to the new one.

==========  ==========================================================  =============================
value       means                                                       schema registries call it
==========  ==========================================================  =============================
readers     a reader of the old release can refuse or misread what a    not forward compatible
            writer of the new release writes
writers     a reader of the new release can refuse or misread what a    not backward compatible
            writer of the old release writes
both        both of these                                               neither
none        neither of these                                            fully compatible
==========  ==========================================================  =============================
"""

Kind: TypeAlias = Literal[
    "message added",
    "message removed",
    "enum added",
    "enum removed",
    "typed dict added",
    "typed dict removed",
    "field added",
    "field removed",
    "renamed",
    "type",
    "bounds",
    "unit",
    "required",
    "default",
    "meaning",
    "member added",
    "member removed",
    "rule added",
    "rule dropped",
]
"""What a difference is about."""


@attrs.frozen
class Difference:
    """One thing that differs between two releases."""

    path: str
    """Where, by the new release's names where it has one: ``types.Request.temperature``."""
    kind: Kind
    before: str
    """What the old release says, as text; empty where it says nothing."""
    after: str
    """The same of the new release."""
    breaks: Breaks


def compare(
    old: str,
    new: str,
    message: str | type | None = None,
    *,
    unknown: Unknown | None = None,
    history: History = HISTORY,
) -> tuple[Difference, ...]:
    """What differs from release ``old`` to release ``new``, in alphabetical order of messages.

    Each difference says whom it breaks (:data:`Breaks`) where the two sides talk without bringing payloads forward or
    taking them back, which is what a codec at the other side's revision does. Every field may be written, and every
    optional field may be left out.

    Args:
        old: any release name, a revision, or ``"latest"``; it may be the newer one.
        new: likewise.
        message: only this message, and those and the enumerations that it holds, at any depth.
        unknown: what readers do with a field that they do not know; where it is None, what each message says, as
            codecs do. The published releases up to 0.5.4.16 ignore such fields.
        history: the revisions and messages that it knows.

    Raises:
        UnsupportedRevisionError: no such release, or no such message in either.
    """
    comparison = _Comparison(history, history.resolve(old), history.resolve(new), unknown)
    return tuple(comparison.differences(None if message is None else history.catalog.name(message)))


@attrs.define
class _Comparison:
    history: History
    old: str
    new: str
    unknown: Unknown | None

    def differences(self, message: str | None) -> Iterator[Difference]:
        before, after = self.history.specs(self.old), self.history.specs(self.new)
        messages = before.keys() | after.keys()
        if message is not None:
            if message not in messages:
                self.history.spec(message, self.new)
            messages = reachable(message, before) | reachable(message, after)
        for name in sorted(messages):
            if name not in after:
                yield Difference(name, "message removed", _fields(before[name]), "", "writers")
            elif name not in before:
                yield Difference(name, "message added", "", _fields(after[name]), "none")
            else:
                yield from self._message(before[name], after[name])
        tables = self.history.table(self.old), self.history.table(self.new)
        enums = None
        if message is not None:
            enums = {name for specs in (before, after) for name in _enums_in(messages, specs)}
        yield from _enums(tables[0]["enums"], tables[1]["enums"], enums)
        if message is None:
            yield from _typed_dicts(tables[0]["typed_dicts"], tables[1]["typed_dicts"])

    def _message(self, before: Spec, after: Spec) -> Iterator[Difference]:
        pairs = {field.origin or field.name: field for field in before.fields}
        strict_before = (self.unknown or before.unknown) == "forbid"
        strict_after = (self.unknown or after.unknown) == "forbid"
        for field in after.fields:
            path = f"{after.name}.{field.name}"
            known = pairs.pop(field.origin or field.name, None)
            if known is None:
                breaks = _breaks(readers=strict_before, writers=field.required)
                yield Difference(path, "field added", "", _field(field), breaks)
            else:
                yield from self._field(path, after.name, known, field)
        for gone in pairs.values():
            breaks = _breaks(readers=gone.required, writers=strict_after)
            yield Difference(f"{after.name}.{gone.name}", "field removed", _field(gone), "", breaks)
        for rule in before.rules:
            if rule not in after.rules:
                yield Difference(after.name, "rule dropped", str(rule), "", "readers")
        for rule in after.rules:
            if rule not in before.rules:
                yield Difference(after.name, "rule added", "", str(rule), "writers")

    def _field(self, path: str, message: str, before: Field, after: Field) -> Iterator[Difference]:
        if before.name != after.name:
            yield Difference(path, "renamed", before.name, after.name, "both")
        if not _alike(before.type, after.type):
            kind: Kind = "type" if type_text(before.type) != type_text(after.type) else "bounds"
            breaks = _breaks(readers=not fits(after.type, before.type), writers=not fits(before.type, after.type))
            yield Difference(path, kind, _type(before.type), _type(after.type), breaks)
        if (was := _units(before.type)) != (now := _units(after.type)):
            yield Difference(path, "unit", was, now, "both")
        if before.required != after.required:
            breaks = _breaks(readers=before.required, writers=after.required)
            yield Difference(path, "required", _default(before), _default(after), breaks)
        elif _default(before) != _default(after):
            kind = "meaning" if self._redefined(message, after) else "default"
            harmless = _null_became(before, after) or _null_became(after, before)
            yield Difference(path, kind, _default(before), _default(after), "none" if harmless else "both")

    def _redefined(self, message: str, field: Field) -> bool:
        """Whether a revision between the two declares that leaving the field out came to mean something else."""
        revisions = self.history.revisions
        first, last = sorted((revisions.index(self.old), revisions.index(self.new)))
        for revision in revisions[first + 1 : last + 1]:
            specs = self.history.specs(revision)
            for change in self.history.changed_in(revision).changes:
                if isinstance(change, Redefined) and change.message == message:
                    then = {known.name: known.origin for known in specs[message].fields}
                    if then[change.field] == field.origin:
                        return True
        return False


def _breaks(*, readers: bool, writers: bool) -> Breaks:
    if readers:
        return "both" if writers else "readers"
    return "writers" if writers else "none"


def _enums_in(messages: Iterable[str], specs: Mapping[str, Spec]) -> Iterator[str]:
    for name in messages:
        if name in specs:
            for field in specs[name].fields:
                yield from (part.name for part in _parts(field.type) if isinstance(part, Member))


def _enums(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], only: set[str] | None
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys() if only is None else only):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            kind: Kind = "enum added" if was is None else "enum removed"
            breaks: Breaks = "none" if was is None else "writers"
            yield Difference(name, kind, ", ".join(was or ()), ", ".join(now or ()), breaks)
            continue
        # What counts on the wire are the values.
        for member, value in was.items():
            if value not in now.values():
                yield Difference(f"{name}.{member}", "member removed", _json(value), "", "writers")
        for member, value in now.items():
            if value not in was.values():
                yield Difference(f"{name}.{member}", "member added", "", _json(value), "readers")


def _typed_dicts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(before.keys() ^ after.keys()):
        if name in after:
            yield Difference(name, "typed dict added", "", ", ".join(after[name]["fields"]), "none")
        else:
            yield Difference(name, "typed dict removed", ", ".join(before[name]["fields"]), "", "none")


def fits(narrow: Type, wide: Type) -> bool:
    """Whether all that ``narrow`` lets through, ``wide`` reads.

    Messages and enumerations are taken for equal where their names are: what differs in them is a difference of theirs.
    """
    if isinstance(wide, Free) or _alike(narrow, wide):
        return True
    match narrow, wide:
        case Nullable(), Nullable():
            return fits(narrow.inner, wide.inner)
        case _, Nullable():
            return fits(narrow, wide.inner)
        case ((Either() | Choice()), _):
            return all(fits(option, wide) for option in narrow.options)
        case _, (Either() | Choice()):
            return any(fits(narrow, option) for option in wide.options)
        case Number(), Number():
            return (narrow.kind is int or wide.kind is float) and all(
                _implied(bound, limit, narrow) for bound, limit in wide.bounds
            )
        case Items(), Items():
            return fits(narrow.item, wide.item)
        case Table(), Table():
            return fits(narrow.value, wide.value)
        case Uuid(), Text():
            return True
        case ((Member() | OneOf()), Text()):
            return all(isinstance(value, str) for value in _values(narrow))
        case ((Member() | OneOf()), (Member() | OneOf())):
            return _values(narrow) <= _values(wide)
        case _:
            return False


def _values(kind: Member | OneOf) -> set[Any]:
    return set(kind.values if isinstance(kind, OneOf) else kind.members.values())


def _implied(bound: str, limit: float, narrow: Number) -> bool:
    """Whether the bounds of ``narrow`` keep within one bound."""
    lower, strict = bound[0] == "g", bound[1] == "t"
    return any(
        (has if lower else -has, other[1] == "t") >= (limit if lower else -limit, strict)
        for other, has in narrow.bounds
        if other[0] == bound[0]
    )


def _alike(one: Type, other: Type) -> bool:
    """Whether two types let through the same, enumerations of one name taken for equal, units left aside."""
    match one, other:
        case Member(), Member():
            return one.name == other.name
        case Number(), Number():
            return one.kind is other.kind and set(one.bounds) == set(other.bounds)
        case (Nullable(), Nullable()) | (Items(), Items()) | (Table(), Table()):
            return all(map(_alike, _inside(one), _inside(other)))
        case (Either(), Either()):
            inside = _inside(one), _inside(other)
            return len(inside[0]) == len(inside[1]) and all(map(_alike, *inside))
        case _:
            return one == other


def _inside(kind: Type) -> tuple[Type, ...]:
    """The types that a type is made of."""
    match kind:
        case Nullable(inner=inner) | Items(item=inner) | Table(value=inner):
            return (inner,)
        case Either(options=options):
            return options
        case _:
            return ()


def _parts(kind: Type) -> Iterator[Type]:
    """A type and all that it is made of."""
    yield kind
    for part in _inside(kind):
        yield from _parts(part)


def _null_became(before: Field, after: Field) -> bool:
    """Whether null was the default, and now counts as the default that there is."""
    return before.default is None and isinstance(before.type, Nullable) and not isinstance(after.type, Nullable)


# Texts


def _fields(spec: Spec) -> str:
    return ", ".join(field.name for field in spec.fields)


def _field(field: Field) -> str:
    return f"{_type(field.type)}, {_default(field)}"


_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _type(kind: Type) -> str:
    limits = " ".join(f"{_SIGNS[bound]} {limit}" for bound, limit in bounds(kind).items())
    return f"{type_text(kind)} ({limits})" if limits else type_text(kind)


def _units(kind: Type) -> str:
    return ", ".join(part.unit for part in _parts(kind) if isinstance(part, Number) and part.unit)


def _default(field: Field) -> str:
    match field.default:
        case Derived():
            return "derived from the rest"
        case Made():
            return "made anew"
        case _ if has_plain_default(field):
            return f"default {_json(plain_default(field.default))}"
        case _:
            return "required"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
