"""Counting the use of what is deprecated, in the payloads that a codec decodes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.codecs.options import Options
from sagellm_protocol.codecs.taught import Teachings
from sagellm_protocol.history import Deprecation
from sagellm_protocol.history.forwards import called_then
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.kinds import (
    Choice,
    Either,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Table,
    Taught,
    Type,
    parts,
    wire_kind,
)
from sagellm_protocol.model.spec import Spec
from sagellm_protocol.model.teaching import Teaching

Count: TypeAlias = Callable[[Any, "Counter[str]"], None]
"""Adds what a value uses to a count by path."""


class Watch:
    """What a codec asks that is to tell of the use of what is deprecated.

    A payload may be looked at twice, and within it a hook may read a message by the codec's converter. So each attempt
    counts from nothing, and what is within counts with what it is within; only what was decoded in the end is reported.
    """

    def __init__(self, report: Callable[[Mapping[str, int]], object], options: Options, teachings: Teachings) -> None:
        self._report = report
        self._history = options.history
        self._teachings = teachings
        self._counters: dict[str, _Counters] = {}
        self._now = threading.local()

    def concerns(self, kind: Type, revision: str) -> bool:
        """Whether a value of a type, read at a revision, can use anything that is deprecated."""
        return self._count(kind, revision) is not None or self._teachings.touch(kind)

    def noting(self, read: Callable[[Any], Any], kind: Type, revision: str) -> Callable[[Any], Any]:
        """An attempt to read a payload, which counts what that uses once it is read."""
        count = self._count(kind, revision) or _nothing
        now = self._now

        def read_noting(payload: Any) -> Any:
            used: Counter[str] = Counter()
            now.used = used
            value = read(payload)
            count(payload, used)
            return value

        return read_noting

    def reporting(self, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """All attempts, after which is reported what the last one counted.

        Raises (the function does):
            whatever the one raises that is reported to.
        """
        now, report = self._now, self._report

        def decode_reporting(data: Any) -> Any:
            within: Counter[str] | None = getattr(now, "used", None)
            now.used = Counter()
            try:
                value = decode(data)
                used: Counter[str] = now.used
            finally:
                now.used = within
            if within is not None:
                within.update(used)
            elif used:
                report(dict(used))
            return value

        return decode_reporting

    def _count(self, kind: Type, revision: str) -> Count | None:
        history, teaching = self._history, self._teachings.on_the_wire
        counters = self._counters.get(revision)
        if counters is None:
            made = _Counters(history.deprecated(revision, ahead=True), history.specs(revision), teaching)
            counters = self._counters.setdefault(revision, made)
        return counters.of(teaching.kind(called_then(kind, counters.specs)))


def _nothing(_: Any, __: Counter[str]) -> None:
    """The count of what can use nothing."""


@attrs.define
class _Counters:
    """The counts of the types of one revision, as payloads have them on the wire."""

    deprecated: Mapping[str, Deprecation]
    specs: Mapping[str, Spec]
    teaching: Teaching
    _plans: dict[str, Count] = attrs.field(factory=dict, init=False)
    _concerned: dict[str, bool] = attrs.field(factory=dict, init=False)

    def of(self, kind: Type) -> Count | None:
        """The count of a type; None where its values can use nothing. What a hook reads, it alone knows."""
        match kind:
            case Taught() if kind.structure is not None:
                return None
            case Nullable(inner=inner) | Limited(inner=inner):
                return self.of(inner)
            case Nested(name=name):
                return (lambda payload, used: self._message(name)(payload, used)) if self._concerns(name) else None
            case Choice():
                return self._choice(kind)
            case Either(options=options):
                counts = {wire_kind(option): count for option in options if (count := self.of(option)) is not None}
                return _either(counts) if counts else None
            case Items(item=item):
                return _each(self.of(item), (list, tuple), iter)
            case Table(value=value):
                return _each(self.of(value), dict, dict.values)
            case Member():
                return self._member(kind)
            case _:
                return None

    def _concerns(self, name: str) -> bool:
        found = self._concerned.get(name)
        if found is None:
            owners = {path.rpartition(".")[0] for path in self.deprecated}
            held = reachable(name, self.specs)
            enums = {
                part.name
                for held_name in held
                for field in self.specs[held_name].fields
                for part in parts(field.type)
                if isinstance(part, Member)
            }
            found = not owners.isdisjoint(held | enums) or not self.deprecated.keys().isdisjoint(held)
            self._concerned[name] = found
        return found

    def _message(self, name: str) -> Count:
        count = self._plans.get(name)
        return self._plans.setdefault(name, self._planned(name)) if count is None else count

    def _planned(self, name: str) -> Count:
        spec = self.specs[name]
        wire = {field.identity: field for field in self.teaching.spec(spec).fields}
        fields: list[tuple[str, str | None, Count | None]] = []
        for field in spec.fields:
            there = wire.get(field.identity)
            if there is not None:  # An override may leave it out.
                path, count = self._path(f"{name}.{field.name}"), self.of(there.type)
                if path is not None or count is not None:
                    fields.append((there.name, path, count))
        return _message(self._path(name), fields)

    def _path(self, name: str) -> str | None:
        """What a thing that is deprecated is counted under; None for all others."""
        found = self.deprecated.get(name)
        return None if found is None else found.path

    def _choice(self, choice: Choice) -> Count | None:
        known = [option for option in choice.options if option.name in self.specs]
        counts = {option.name: count for option in known if (count := self.of(self.teaching.kind(option))) is not None}
        if not counts:
            return None
        specs = [self.teaching.spec(self.specs[option.name]) for option in known]

        def count_chosen(payload: Any, used: Counter[str]) -> None:
            spec = chosen(specs, choice.tag, payload)
            if spec is not None and spec.name in counts:
                counts[spec.name](payload, used)

        return count_chosen

    def _member(self, kind: Member) -> Count | None:
        paths = {
            value: found.path
            for value, name in kind.names.items()
            if (found := self.deprecated.get(f"{kind.name}.{name}")) is not None
        }
        if not paths:
            return None

        def count_member(value: Any, used: Counter[str]) -> None:
            if value in paths:
                used[paths[value]] += 1

        return count_member


def _message(path: str | None, fields: Sequence[tuple[str, str | None, Count | None]]) -> Count:
    """The count of a message, of which some fields are of interest."""

    def count_message(payload: Any, used: Counter[str]) -> None:
        if not isinstance(payload, dict):
            return  # A message that a hook made, or null.
        if path is not None:
            used[path] += 1
        for name, deprecated, count in fields:
            if name in payload:
                if deprecated is not None:
                    used[deprecated] += 1
                if count is not None:
                    count(payload[name], used)

    return count_message


def _each(count: Count | None, container: Any, values: Callable[[Any], Any]) -> Count | None:
    if count is None:
        return None

    def count_each(payload: Any, used: Counter[str]) -> None:
        if isinstance(payload, container):
            for value in values(payload):
                count(value, used)

    return count_each


def _either(counts: Mapping[str, Count]) -> Count:
    """The count of a union whose options no value can be confused between, by what they are in JSON."""

    def count_either(payload: Any, used: Counter[str]) -> None:
        for kind, cls in (("object", dict), ("array", (list, tuple)), ("text", str), ("number", (int, float))):
            if kind in counts and isinstance(payload, cls):
                counts[kind](payload, used)

    return count_either
