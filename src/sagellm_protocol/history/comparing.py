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
from sagellm_protocol.history.defaults import has_plain_default, null_became, plain_default
from sagellm_protocol.history.fitting import alike_types, fits, units
from sagellm_protocol.history.tables import limits, reachable, type_text
from sagellm_protocol.history.timeline import History
from sagellm_protocol.model.kinds import Member, Type, parts
from sagellm_protocol.model.spec import Derived, Field, Made, Spec, Unknown

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
        pairs = {field.today or field.name: field for field in before.fields}
        strict_before = (self.unknown or before.unknown) == "forbid"
        strict_after = (self.unknown or after.unknown) == "forbid"
        for field in after.fields:
            path = f"{after.name}.{field.name}"
            known = pairs.pop(field.today or field.name, None)
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
        if not alike_types(before.type, after.type):
            kind: Kind = "type" if type_text(before.type) != type_text(after.type) else "bounds"
            breaks = _breaks(readers=not fits(after.type, before.type), writers=not fits(before.type, after.type))
            yield Difference(path, kind, _type(before.type), _type(after.type), breaks)
        if (was := units(before.type)) != (now := units(after.type)):
            yield Difference(path, "unit", was, now, "both")
        if before.required != after.required:
            breaks = _breaks(readers=before.required, writers=after.required)
            yield Difference(path, "required", _default(before), _default(after), breaks)
        elif _default(before) != _default(after):
            kind = "meaning" if self._redefined(message, after) else "default"
            harmless = null_became(before, after) or null_became(after, before)
            yield Difference(path, kind, _default(before), _default(after), "none" if harmless else "both")

    def _redefined(self, message: str, field: Field) -> bool:
        """Whether a revision between the two declares that leaving the field out came to mean something else."""
        revisions = self.history.revisions
        first, last = sorted((revisions.index(self.old), revisions.index(self.new)))
        for revision in revisions[first + 1 : last + 1]:
            specs = self.history.specs(revision)
            for change in self.history.changed_in(revision).changes:
                if isinstance(change, Redefined) and change.message == message:
                    then = {known.name: known.today for known in specs[message].fields}
                    if then[change.field] == field.today:
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
                yield from (part.name for part in parts(field.type) if isinstance(part, Member))


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


# Texts


def _fields(spec: Spec) -> str:
    return ", ".join(field.name for field in spec.fields)


def _field(field: Field) -> str:
    return f"{_type(field.type)}, {_default(field)}"


def _type(kind: Type) -> str:
    # Of several bounds of one name the last, as in field tables.
    told = {bound if bound.meaning.measure == "predicate" else bound.name: bound.words for bound in limits(kind)}
    return f"{type_text(kind)} ({' '.join(told.values())})" if told else type_text(kind)


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
