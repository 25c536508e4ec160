"""Records: what each is, what it becomes, and whether that is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import orjson

from sagellm_protocol.archive.batching import Batches, UpgradedBatch
from sagellm_protocol.archive.exactness import Exact, is_kept
from sagellm_protocol.archive.explaining import Nearness
from sagellm_protocol.archive.filling import Filling
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.upgraded import Upgraded
from sagellm_protocol.archive.wires import PARSE, WRITE, Wire, checked, refuse_repeated
from sagellm_protocol.codecs import envelope
from sagellm_protocol.codecs.json import dumps, loads
from sagellm_protocol.history import HISTORY, Candidate, History
from sagellm_protocol.history.holding import Upgrade
from sagellm_protocol.history.routes import Route, Unsure
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.exceptions import UnknownPayloadError
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.nesting import refuse_too_deep_parsed
from sagellm_protocol.model.plain import from_plain
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS
from sagellm_protocol.model.surplus import unknown_fields

_NONE: tuple[str, ...] = ()
_INDEX = re.compile(r"\[[0-9]+\]")


@attrs.frozen
class _Route:
    """What is done with the records of one message and revision."""

    cls: type
    kind: Type
    upgrade: Upgrade | None
    """None where nothing changed since."""
    check: Callable[[Any], Any]


class Upgrader:
    """Upgrades records. Hooks of the history take part if they were registered before it was made.

    A hook may be called more than once for a record. An upgrader is for one thread.

    Args:
        options: what the user decided; ``since="auto"`` needs ``among``.
        history: the revisions and messages.
        among: the revisions that come into question for records that say nothing of it; all, where it is None.
        reads: how the records are written.
        writes: how they shall be written. Where that is another way, every record is written anew.

    Raises:
        UnsupportedRevisionError: the options name a message or release that does not exist.
        ValidationError: they fill a field that no record in question can lack.
        OptionError: there is no such wire.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        history: History = HISTORY,
        among: Sequence[str] | None = None,
        reads: Wire = "json",
        writes: Wire = "json",
    ) -> None:
        options = (options or Options()).resolved(history)
        self.history = history
        self.options = options
        self.reads: Wire = checked("reads", reads)
        self.writes: Wire = checked("writes", writes)
        self._since = None if options.since == "auto" else options.since
        self._among = [self._since] if self._since is not None else among
        self._fill: Mapping[str, Any] = options.fill
        self._assumed = history.assumed
        self._readers = Readers("dict", "forbid")
        self._routes: dict[tuple[str, str], _Route] = {}
        self._ranges: dict[tuple[Candidate, ...], str] = {}
        self._hooks_changed = history.hooks_changed
        self._finder = history.routes(self._among, self._fill, self._frame)
        self._batches = self._batching(self._find_route)
        self._nearness = Nearness(history, options.message, tuple(self._among or history.revisions))

    def upgrade(self, record: bytes) -> Upgraded:
        """A record in today's form.

        Nothing in it is lost: fields that the protocol does not know stay, and every number stays as it is written, or
        where it is written as MessagePack, the number that it is.

        Raises:
            ProtocolError: it cannot be upgraded; the error says why.
        """
        payload = PARSE[self.reads](record)
        enveloped = envelope.is_envelope(payload)
        old = payload
        if enveloped:
            message, since, old = envelope.unwrap(payload, self.history)
            revisions = since
        else:
            message, since, revisions = self._identify(payload)
        route = self._routes.get((message, since)) or self._route(message, since)
        today, unknown, filled, made_up = old, _NONE, _NONE, _NONE
        if route.upgrade is not None:
            filling = Filling(self._fill)
            today = route.upgrade(old, filling)
            filled = tuple(filling.filled)
            made_up = tuple([name for name in filling.lacking if name in self._assumed])
        try:
            route.check(today)
        except DOUBTS:
            unknown = _look_closely(route, today)
            searched = not enveloped and self.options.message is None
            if searched and self._nearness.doubts(old, self.history.spec(route.cls, since)):
                raise self._nearness.explain(old) from None
        latest = self.history.latest
        if self.options.envelope:
            same = enveloped and since == latest and today is old
        else:
            # Equal is not enough: 1 and true are equal.
            same = not enveloped and (today is old or (today == old and dumps(today) == dumps(old)))
        if same and self.reads == self.writes:
            return Upgraded(message, revisions, None, unknown, filled, made_up)
        write = WRITE[self.writes]
        if self.reads == "msgpack":
            refuse_repeated(record)
            body = write(envelope.wrap(today, message, latest) if self.options.envelope else today)
        elif self.writes == "msgpack":
            if not is_kept(payload, record):
                Exact(record).refuse_inexact()
            body = write(envelope.wrap(today, message, latest) if self.options.envelope else today)
        else:
            if today is payload:
                body = record.strip()
            elif is_kept(payload, record):
                body = dumps(today)
            else:
                body = self._exactly(record, route, today, enveloped=enveloped)
            if self.options.envelope:
                body = dumps(envelope.wrap(orjson.Fragment(body), message, latest))
        return Upgraded(message, revisions, body, unknown, filled, made_up)

    def upgrade_batch(self, records: Sequence[bytes]) -> UpgradedBatch:
        """Many records in today's form: what :meth:`upgrade` gives for each, in order and added up.

        Args:
            records: as they stand in the source, without line endings; a CR at the end stays.
        """
        if self.history.hooks_changed != self._hooks_changed:
            self._hooks_changed = self.history.hooks_changed
            self._batches = self._batching(self._no_route)
        return self._batches.upgrade(records)

    def _batching(self, route: Callable[[dict[str, Any], Upgraded], Route]) -> Batches:
        return Batches(self.upgrade, route, self.reads, self.writes, enveloped=self.options.envelope)

    def _find_route(self, payload: dict[str, Any], upgraded: Upgraded) -> Route:
        """The route of a payload.

        Raises:
            Unsure: there is none.
        """
        if envelope.is_envelope(payload):
            raise Unsure
        message, since, _ = self._identify(payload)
        check = (self._routes.get((message, since)) or self._route(message, since)).check
        if self.options.message is not None and self._since is not None:
            return self._finder.known(payload, message, since, check)
        return self._finder.found(payload, self.options.message, since, check)

    def _no_route(self, _: dict[str, Any], __: Upgraded) -> Route:
        # With hooks that came later, what one record becomes depends on what was found out before they did.
        raise Unsure

    def _frame(self, today: Any, message: str) -> Any:
        return envelope.wrap(today, message, self.history.latest) if self.options.envelope else today

    def _exactly(self, record: bytes, route: _Route, today: Any, *, enveloped: bool) -> bytes:
        """Today's form of a record, with each number that the upgrade passes on as the record writes it.

        Raises:
            ProtocolError: a field stands there twice, or the upgrade goes wrong this time.
        """
        exact = Exact(record)
        if not exact.differs:
            return dumps(today)
        old = exact.payload[envelope.PAYLOAD] if enveloped else exact.payload
        body = exact.write(old if route.upgrade is None else route.upgrade(old, self._fill))
        # A hook may have answered otherwise than before.
        from_plain(route.cls, loads(body), unknown="ignore")
        return body

    def _identify(self, payload: Any) -> tuple[str, str, str]:
        """The message, the revision to upgrade it from, and those that may have written it."""
        message, since = self.options.message, self._since
        if message is not None and since is not None:
            return message, since, since
        try:
            found = self.history.identify(payload, message, among=self._among, fill=self._fill)
        except UnknownPayloadError:
            refuse_too_deep_parsed(payload)
            raise self._nearness.explain(payload) from None
        if since is not None:
            return found.message, since, since
        revisions = self._ranges.get(found.candidates)
        if revisions is None:
            revisions = self._ranges[found.candidates] = ", ".join(map(self._range, found.candidates))
        return found.message, found.since, revisions

    def _range(self, candidate: Candidate) -> str:
        """The revisions of a candidate that come into question."""
        every = self.history.revisions
        possible = every[every.index(candidate.first) : every.index(candidate.last) + 1]
        if self._among is not None:
            possible = tuple(revision for revision in possible if revision in self._among)
        return possible[0] if len(possible) == 1 else f"{possible[0]} to {possible[-1]}"

    def _route(self, message: str, since: str) -> _Route:
        cls = self.history.catalog.get(message)
        kind = read_type(cls)
        step = self.history.upgrades(since).of(kind)
        route = self._routes[message, since] = _Route(cls, kind, step, self._readers.reader(kind))
        return route


def _look_closely(route: _Route, payload: Any) -> tuple[str, ...]:
    """Raise what is wrong with a payload; where nothing is, it has unknown fields: give their paths."""
    from_plain(route.cls, payload, unknown="ignore")
    return tuple(dict.fromkeys(_INDEX.sub("[]", path) for path in unknown_fields(route.kind, payload)))
