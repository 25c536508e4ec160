"""Many records at once: each is parsed once, checked once and written once, and all else is done for many together.

The slow way (:meth:`Upgrader.upgrade`) says what becomes of a record. Records like one that it was asked about take a
route (:mod:`..history.routes`), where there is one; all that a route doubts goes the slow way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from operator import is_not
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exactness import are_plain, is_kept
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.archive.upgraded import Upgraded
from sagellm_protocol.archive.wires import BULK, Wire
from sagellm_protocol.history.routes import Route, Unsure
from sagellm_protocol.model.exceptions import ProtocolError

_GROUP = 64
"""Records whose payloads are held at a time: few enough to stay near the processor."""
_ROUTES = 1000
"""How many routes are looked for, in all."""
_WAYS = 16
"""And for one sequence of keys."""
_SEEN = 4096
"""How many sequences of keys are remembered that were seen."""

_Keys: TypeAlias = "tuple[str, ...]"


@attrs.frozen
class UpgradedBatch:
    """What became of many records."""

    records: list[bytes]
    """Those that went through, in order, each in today's form and without a line ending."""
    counts: Counts
    """What was found in all of them, those set aside included."""
    rejected: list[tuple[int, str]]
    """Which records cannot be upgraded, by index, and why, in one line."""


@attrs.define
class _Way:
    """A route that was found."""

    sample: Upgraded
    """What became of the record that it was found for: of all others the same is to be said."""
    route: Route


@attrs.define(eq=False)
class Batches:
    """Upgrades records many at a time.

    Args:
        upgrade: says what becomes of one record.
        find: gives the route of a payload that became something, or raises ``Unsure``.
        reads: how the records are written.
        writes: how they shall be written.
        enveloped: whether they shall say what they are.
    """

    upgrade_one: Callable[[bytes], Upgraded]
    find: Callable[[dict[str, Any], Upgraded], Route]
    reads: Wire
    writes: Wire
    enveloped: bool
    _todays: dict[_Keys, Callable[[Any], Any]] = attrs.field(factory=dict, init=False)
    """What becomes of a payload, by its keys: the payload of today, itself where it stays as it is, None in doubt."""
    _ways: dict[_Keys, list[_Way]] = attrs.field(factory=dict, init=False)
    _tries: Counter[_Keys] = attrs.field(factory=Counter, init=False)
    _seen: set[_Keys] = attrs.field(factory=set, init=False)

    def upgrade(self, records: Sequence[bytes]) -> UpgradedBatch:
        """See :meth:`Upgrader.upgrade_batch`."""
        batch = UpgradedBatch([], Counts(), [])
        try:
            for start in range(0, len(records), _GROUP):
                self._group(records[start : start + _GROUP], start, batch)
        finally:
            for ways in self._ways.values():
                for way in ways:
                    if way.route.taken[0]:
                        batch.counts.count(way.sample, way.route.taken[0])
                        way.route.taken[0] = 0
        batch.counts.rejected = len(batch.rejected)
        return batch

    def _group(self, records: Sequence[bytes], start: int, batch: UpgradedBatch) -> None:
        payloads = BULK[self.reads].parse(records)
        find: Callable[[Any, Any], Callable[[Any], Any]] = self._todays.get
        todays = [find(tuple(payload), _doubt)(payload) for payload in payloads]
        doubts = [place for place, today in enumerate(todays) if today is None] if None in todays else []
        anew = [True] * len(records) if self.reads != self.writes else list(map(is_not, todays, payloads))
        for place in doubts:
            anew[place] = False
        outcome: list[bytes | None] = list(records)
        if True in anew:
            plain = BULK[self.reads].plain(list(compress(records, anew)), list(compress(payloads, anew)))
            if not plain:
                doubts += self._spoilt(records, payloads, anew)
            places = compress(range(len(records)), anew)
            written = BULK[self.writes].write(list(compress(todays, anew)))
            for place, record in zip(places, written, strict=True):
                outcome[place] = record if plain else record + self._ending(records[place])
        if not doubts:
            batch.records.extend(outcome)  # type: ignore[arg-type]
            return
        for place in sorted(doubts):
            outcome[place] = self._one(records[place], payloads[place], start + place, batch)
        batch.records.extend([record for record in outcome if record is not None])

    def _spoilt(self, records: Sequence[bytes], payloads: list[Any], anew: list[bool]) -> list[int]:
        """The places of records that are not to be written plainly, which are then not among those written anew."""
        # An envelope takes in what does not change as it stands, white space included.
        loosely = self.reads == "json" and not self.enveloped
        if loosely and are_plain(list(compress(payloads, anew)), compress(records, anew)):
            return []
        spoilt = []
        for place in compress(range(len(records)), list(anew)):
            record, payload = records[place], payloads[place]
            if not (is_kept(payload, record) if loosely else BULK[self.reads].plain([record], [payload])):
                self._take_back(payload, 1)
                anew[place] = False
                spoilt.append(place)
        return spoilt

    def _ending(self, record: bytes) -> bytes:
        """The line ending, or the part of one, that a JSON record keeps."""
        return ending(record) if self.reads == self.writes == "json" else b""

    # What is in doubt

    def _one(self, record: bytes, payload: dict[str, Any], index: int, batch: UpgradedBatch) -> bytes | None:
        """What becomes of a record that is looked at by itself; None where it is set aside."""
        try:
            upgraded = self.upgrade_one(record)
        except ProtocolError as error:
            batch.rejected.append((index, one_line(error)))
            return None
        batch.counts.count(upgraded)
        if payload and not upgraded.unknown:
            self._learn(payload, upgraded)
        if upgraded.record is None:
            return record
        return upgraded.record + self._ending(record)

    def _take_back(self, payload: dict[str, Any], times: int = 0) -> bool:
        """Have a payload not have taken its way so many times; whether there is one."""
        for way in self._ways.get(tuple(payload), ()):
            if way.route.today(payload) is not None:
                way.route.taken[0] -= 1 + times
                return True
        return False

    def _learn(self, payload: dict[str, Any], upgraded: Upgraded) -> None:
        """Look for a way for records like one that went through, unless one was found since it was in doubt."""
        keys = tuple(payload)
        if keys not in self._seen:
            # Most of what is seen once is not seen again, if somebody wants it so.
            if len(self._seen) == _SEEN:
                self._seen.clear()
            self._seen.add(keys)
            return
        if self._tries[keys] == _WAYS or self._tries.total() == _ROUTES or self._take_back(payload):
            return
        self._tries[keys] += 1
        try:
            route = self.find(payload, upgraded)
        except Unsure:
            return
        if route.today(payload) is None:  # It holds what routes always doubt.
            return
        route.taken[0] = 0
        ways = self._ways.setdefault(keys, [])
        ways.append(_Way(attrs.evolve(upgraded, record=upgraded.record and b""), route))
        self._todays[keys] = _first([way.route.today for way in ways])


def ending(record: bytes) -> bytes:
    """The line ending, or part of one, that a JSON record ends with."""
    return record[len(record.rstrip(b"\r\n")) :]


def _doubt(_: Any) -> None:
    return None


def _first(todays: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """What the first of some functions gives that does not doubt."""
    if len(todays) == 1:
        return todays[0]

    def first(payload: Any) -> Any:
        for today in todays:
            found = today(payload)
            if found is not None:
                return found
        return None

    return first
