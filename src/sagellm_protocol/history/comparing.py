"""What differs between any two releases, and whom it breaks.

Everything is derived from the specs of the two revisions. Only whether a default changed by itself, or was a change of
meaning that the list of changes declares, is looked up there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias, TypeVar

import attrs

from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.changes import Redefined, Underived
from sagellm_protocol.history.defaults import has_plain_default, null_became, plain_default
from sagellm_protocol.history.fitting import alike_types, fits, units
from sagellm_protocol.history.lineage import Origin, moved_names, origins, rewritten_values
from sagellm_protocol.history.renaming import called
from sagellm_protocol.history.tables import bare, limits, reachable, type_text
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

T = TypeVar("T")

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
    "converted",
    "moved",
    "type",
    "bounds",
    "unit",
    "required",
    "default",
    "meaning",
    "value",
    "member added",
    "member removed",
    "rule added",
    "rule dropped",
    "unknown fields",
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
    comparison = Comparison(history, history.resolve(old), history.resolve(new), unknown)
    return tuple(comparison.differences(None if message is None else history.cls(message)))


@attrs.define(slots=False)
class Comparison:
    """What two releases say differently, told by the history that leads from one to the other."""

    history: History
    old: str
    new: str
    unknown: Unknown | None

    @cached_property
    def _places(self) -> tuple[int, int]:
        """Where the older of the two is in the history, and the newer."""
        places = self.history.eras.places
        newer, older = sorted((places[self.old], places[self.new]))
        return older, newer

    @cached_property
    def _forwards(self) -> bool:
        return self.history.eras.places[self.old] == self._places[0]

    @cached_property
    def _moved(self) -> Mapping[str, str]:
        """Old release's name to new release's name, where they differ."""
        names = moved_names(self.history.eras, *self._places)
        return names if self._forwards else {new: old for old, new in names.items()}

    @cached_property
    def _rewritten(self) -> Mapping[str, Mapping[Any, Any]]:
        """Old release's value to new release's value, by the new one's name of the enumeration."""
        found = rewritten_values(self.history.eras, *self._places)
        if self._forwards:
            return self._named(found)
        # The older of the two is the new one here.
        return {name: {new: old for old, new in values.items()} for name, values in found.items()}

    def differences(self, message: type | None) -> Iterator[Difference]:
        """Those of one message, or of all."""
        before, after = self.history.specs(self.old), self.history.specs(self.new)
        pairs = _by_class(before), _by_class(after)
        classes = pairs[0].keys() | pairs[1].keys()
        if message is not None:
            if message not in classes:
                self.history.spec(message, self.new)
            classes = {
                specs[name].cls
                for specs, by_class in zip((before, after), pairs, strict=True)
                if message in by_class
                for name in reachable(by_class[message].name, specs)
            }
        for cls in sorted(classes, key=lambda cls: (pairs[1].get(cls) or pairs[0][cls]).name):
            was, now = pairs[0].get(cls), pairs[1].get(cls)
            if was is None:
                assert now is not None  # it is in one of both
                yield Difference(now.name, "message added", "", _fields(now), "none")
            elif now is None:
                yield Difference(was.name, "message removed", _fields(was), "", "writers")
            else:
                yield from self._message(was, now)
        tables = self.history.table(self.old), self.history.table(self.new)
        enums = None
        if message is not None:
            enums = {self._moved.get(name, name) for name in _enums_in(classes, pairs[0])}
            enums |= set(_enums_in(classes, pairs[1]))
        yield from _enums(self._named(tables[0]["enums"]), tables[1]["enums"], enums, self._rewritten)
        if message is None:
            typed_dicts = self._named(tables[0]["typed_dicts"])
            yield from self._others_moved(tables[0])
            yield from _typed_dicts(typed_dicts, tables[1]["typed_dicts"])

    def _named(self, table: Mapping[str, T]) -> dict[str, T]:
        """What the old release has, by the new one's names."""
        return {self._moved.get(name, name): value for name, value in table.items()}

    def _others_moved(self, table: Mapping[str, Any]) -> Iterator[Difference]:
        for old, new in sorted(self._moved.items(), key=lambda names: names[1]):
            if old in table["enums"] or old in table["typed_dicts"]:
                yield Difference(new, "moved", old, new, "none")

    def _message(self, before: Spec, after: Spec) -> Iterator[Difference]:
        if before.name != after.name:
            yield Difference(after.name, "moved", before.name, after.name, "none")
        before = called(before, self._moved)
        was = {field.name: field for field in before.fields}
        strict_before = (self.unknown or before.unknown) == "forbid"
        strict_after = (self.unknown or after.unknown) == "forbid"
        if self.unknown is None and before.unknown != after.unknown:
            # Who forbids them now refuses what others may have written; nobody has to write any.
            breaks = _breaks(readers=strict_before and not strict_after, writers=strict_after)
            yield Difference(after.name, "unknown fields", before.unknown, after.unknown, breaks)
        sources = self._sources(after)
        for field in after.fields:
            path = f"{after.name}.{field.name}"
            source = sources.get(field.name)
            if source is None:
                breaks = _breaks(readers=strict_before, writers=field.required)
                yield Difference(path, "field added", "", _field(field), breaks)
            elif source.converted:
                told = "; ".join(f"{name}: {_field(was[name])}" for name in source.names)
                yield Difference(path, "converted", told, _field(field), "both")
            else:
                yield from self._field(path, after.cls, was[source.names[0]], field)
        known = {name for source in sources.values() for name in source.names}
        for gone in before.fields:
            if gone.name not in known:
                breaks = _breaks(readers=gone.required, writers=strict_after)
                yield Difference(f"{after.name}.{gone.name}", "field removed", _field(gone), "", breaks)
        for rule in before.rules:
            if rule not in after.rules:
                yield Difference(after.name, "rule dropped", str(rule), "", "readers")
        for rule in after.rules:
            if rule not in before.rules:
                yield Difference(after.name, "rule added", "", str(rule), "writers")

    def _sources(self, after: Spec) -> dict[str, Origin]:
        """What each field of the new release is in the old one, without those that it lacks."""
        found = origins(self.history.eras, after.cls, *self._places)
        if self._forwards:
            return found
        sources: dict[str, Origin] = {}
        for name, origin in found.items():
            for old in origin.names:
                before = sources.get(old, Origin(()))
                sources[old] = Origin((*before.names, name), origin.converted)
        return sources

    def _field(self, path: str, message: type, before: Field, after: Field) -> Iterator[Difference]:
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
            harmless = null_became(before, after) or null_became(after, before) or self._same_member(before, after)
            yield Difference(path, kind, _default(before), _default(after), "none" if harmless else "both")

    def _same_member(self, before: Field, after: Field) -> bool:
        """Whether the default is a member of an enumeration that is only written otherwise."""
        kind = bare(after.type)
        values = self._rewritten.get(kind.name) if isinstance(kind, Member) else None
        if values is None or not (has_plain_default(before) and has_plain_default(after)):
            return False
        return bool(values.get(plain_default(before.default)) == plain_default(after.default))

    def _redefined(self, message: type, field: Field) -> bool:
        """Whether a revision between the two declares that leaving the field out came to mean something else."""
        eras = self.history.eras
        older, newer = self._places
        declared: set[str] = set()
        for name, place in eras.places.items():
            spec = eras.frame(newer).by_class(place).get(message) if newer <= place < older else None
            if spec is None:
                continue
            then = {known.name: known.today for known in spec.fields}
            for change in self.history.changed_in(name).changes:
                if isinstance(change, (Redefined, Underived)) and change.message == spec.name:
                    declared.add(then[change.field])
        return (field.name if self._forwards else field.today) in declared


def _breaks(*, readers: bool, writers: bool) -> Breaks:
    if readers:
        return "both" if writers else "readers"
    return "writers" if writers else "none"


def _by_class(specs: Mapping[str, Spec]) -> dict[type, Spec]:
    return {spec.cls: spec for spec in specs.values()}


def _enums_in(messages: Iterable[type], specs: Mapping[type, Spec]) -> Iterator[str]:
    for cls in messages:
        if cls in specs:
            for field in specs[cls].fields:
                yield from (part.name for part in parts(field.type) if isinstance(part, Member))


def _enums(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    only: set[str] | None,
    rewritten: Mapping[str, Mapping[Any, Any]],
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys() if only is None else only):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            kind: Kind = "enum added" if was is None else "enum removed"
            breaks: Breaks = "none" if was is None else "writers"
            yield Difference(name, kind, ", ".join(was or ()), ", ".join(now or ()), breaks)
            continue
        # What counts on the wire are the values.
        values = rewritten.get(name, {})
        names = {value: member for member, value in now.items()}
        for member, value in was.items():
            written = values.get(value, value)
            if written not in names:
                yield Difference(f"{name}.{member}", "member removed", _json(value), "", "writers")
            elif written != value:
                yield Difference(f"{name}.{names[written]}", "value", _json(value), _json(written), "both")
        known = {values.get(value, value) for value in was.values()}
        for member, value in now.items():
            if value not in known:
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
