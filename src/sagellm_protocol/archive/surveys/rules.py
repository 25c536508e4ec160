"""What is held against records, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from sagellm_protocol.archive.explaining import Nearness, one_line
from sagellm_protocol.archive.surveys.findings import MOST, counted, without_indices
from sagellm_protocol.archive.wires import PARSE, Wire, refuse_repeated
from sagellm_protocol.codecs import envelope
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.consistency import violations
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    ProtocolError,
    UnknownPayloadError,
    UnsupportedRevisionError,
    ValidationError,
    Violation,
)
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.nesting import refuse_too_deep_parsed
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS
from sagellm_protocol.model.spec import Spec, Unknown


@attrs.frozen
class Rules:
    """What is held against records."""

    message: str | None = None
    """What every record is, by full or short name; where it is None, each record is looked at."""
    since: str | None = None
    """The release that wrote the records; where it is None, each record is looked at."""
    revision: str | None = None
    """The release whose rules are asked; where it is None, those of the release that a record is of."""
    consistent: bool = False
    """Whether the rules between fields are asked as well: today's, of the record brought to today's revision."""
    allow_unknown: bool = False
    """Whether fields that the release does not know are nothing amiss."""

    @property
    def release(self) -> str | None:
        """The one that comes into question as that of a record; None, where all do."""
        return self.since or self.revision

    def resolved(self, history: History = HISTORY) -> Rules:
        """The same with the full name of the message, and the revisions of the releases.

        Raises:
            UnsupportedRevisionError: no such message or release, or a release has no such message.
        """
        since, revision = (
            None if release is None else history.resolve(release) for release in (self.since, self.revision)
        )
        message = None if self.message is None else history.name(self.message, since or revision)
        for release in (since, revision):
            if message is not None and release is not None:
                history.spec(history.catalog.get(message), release)
        return attrs.evolve(self, message=message, since=since, revision=revision)


@attrs.frozen
class Broken:
    """A rule that records break: what is alike in them."""

    type: str
    """What the record is or comes nearest to, by full name; empty, where nobody can tell."""
    path: str
    """Where, without indices; empty for the record itself."""
    rule: str
    """What must hold."""


Faults = Sequence["tuple[Broken, str]"]
"""What is wrong with a record, and what was found instead."""

_KNOWN = "a message of the protocol"
_SPOKEN = "of a revision and a message that are known"
_ONE = "clearly one message, of one meaning"


@attrs.frozen
class _Told:
    """What a record is."""

    message: str
    own: str
    """The revision that it is of."""
    searched: bool
    """Whether it was looked at to find that out."""


class Checker:
    """Tells what is wrong with records. It is for one thread.

    Args:
        rules: what is held against them, resolved.
        history: revisions and messages.
        wire: how the records are written.
    """

    def __init__(self, rules: Rules, history: History, wire: Wire) -> None:
        self._rules, self._history = rules, history
        self._wire: Wire = wire
        self._unknown: Unknown = "ignore" if rules.allow_unknown else "forbid"
        self._readers: dict[str, Readers] = {}
        self._among = None if rules.release is None else [rules.release]
        self._like: dict[int, tuple[str, Spec]] = {}
        """What records with the same fields turned out to be, nothing amiss with them, by a hash of the fields."""
        self._nearness = Nearness(history, rules.message, tuple(self._among or history.revisions))

    def check(self, record: bytes) -> Faults:
        """What is wrong with a record: nothing, if it is empty."""
        try:
            payload = PARSE[self._wire](record)
            if self._wire == "msgpack":
                refuse_repeated(record)
        except ProtocolError as error:
            return [unreadable(one_line(error))]
        try:
            if envelope.is_envelope(payload):
                message, own, payload = envelope.unwrap(payload, self._history)
                told = _Told(message, own, searched=False)
            else:
                told = self._told(payload)
            return self._faults(payload, told)
        except UnknownPayloadError:
            return self._unlike(payload)
        except ValidationError as error:  # an envelope that is none
            return [_fault("", it) for it in error.violations]
        except AmbiguousPayloadError as error:
            return [(Broken(self._rules.message or "", "", _ONE), one_line(error))]
        except UnsupportedRevisionError as error:
            return [(Broken("", "", _SPOKEN), one_line(error))]

    def is_plainly_right(self, record: bytes) -> bool:
        """Whether nothing is wrong with a record that an upgrade takes: False, where it is to be checked.

        The upgrade must be from the release in question, and have found out what the record is. Then it is clearly one
        message, and no more is to be asked than whether it is right as what one with the same fields was.
        """
        rules = self._rules
        payload = PARSE[self._wire](record)
        if envelope.is_envelope(payload):
            return False
        if rules.allow_unknown:
            return True
        like = self._like.get(hash(tuple(payload)))
        if like is None:
            return False
        try:
            self._reader(*like)(payload)
        except DOUBTS:
            return False
        return True

    def _told(self, payload: Any) -> _Told:
        rules = self._rules
        if rules.message is not None and rules.release is not None:
            return _Told(rules.message, rules.release, searched=False)
        identify = self._history.identify
        try:
            found = identify(payload, rules.message, among=self._among)
        except UnknownPayloadError:
            if self._among is None:
                raise
            # It may be of another release, and break the rules of this one.
            found = identify(payload, rules.message)
        return _Told(found.message, rules.since or found.since, searched=True)

    def _faults(self, payload: Any, told: _Told) -> Faults:
        revision = self._rules.revision or told.own
        cls = self._history.catalog.get(told.message)
        try:
            spec = self._history.spec(cls, revision)
        except UnsupportedRevisionError:
            return [self._too_new(cls, revision)]
        try:
            self._reader(revision, spec)(payload)
            if told.searched and len(self._like) < MOST:
                self._like[hash(tuple(payload))] = revision, spec
        except DOUBTS:
            own = self._history.spec(cls, told.own)
            if told.searched and self._rules.message is None and self._nearness.doubts(payload, own):
                return self._unlike(payload)
            found = list(self._violations(payload, spec, revision))
            if found:
                return found
        return list(self._inconsistencies(payload, told)) if self._rules.consistent else ()

    def _reader(self, revision: str, spec: Spec) -> Callable[[Any], Any]:
        readers = self._readers.get(revision)
        if readers is None:
            readers = self._readers[revision] = Readers("dict", "forbid", self._history.specs(revision))
        return readers.reader(Nested(spec.name, spec.cls))

    def _violations(self, payload: Any, spec: Spec, revision: str) -> Iterator[tuple[Broken, str]]:
        kind, specs = Nested(spec.name, spec.cls), self._history.specs(revision)
        try:
            refuse_too_deep_parsed(payload)
            check_payload(kind, payload, unknown=self._unknown, specs=specs)
        except ValidationError as error:
            yield from (_fault(spec.name, it) for it in error.violations)
        except ProtocolError as error:
            yield Broken(spec.name, "", counted(one_line(error))), one_line(error)

    def _unlike(self, payload: Any) -> Faults:
        """What is wrong with a payload that fits nothing: what it breaks of the message that it comes nearest to."""
        if not isinstance(payload, dict):
            return [(Broken("", "", "an object"), one_line(self._nearness.explain(payload)))]
        nearest = self._nearness.nearest(payload)
        if nearest is not None:
            revision, spec = self._rules.revision or nearest[0], nearest[1]
            try:
                spec = self._history.spec(spec.cls, revision)
            except UnsupportedRevisionError:
                return [self._too_new(spec.cls, revision)]
            found = list(self._violations(payload, spec, revision))
            if found:
                return found
        name = "" if nearest is None else nearest[1].name
        return [(Broken(name, "", _KNOWN), one_line(self._nearness.explain(payload)))]

    def _too_new(self, cls: type, revision: str) -> tuple[Broken, str]:
        name = self._history.catalog.name(cls)
        return Broken(name, "", f"a message of {revision}"), f"came with {self._history.since(cls)}"

    def _inconsistencies(self, payload: Any, told: _Told) -> Iterator[tuple[Broken, str]]:
        try:
            cls = self._history.catalog.get(told.message)
            today = self._history.upgrade(payload, cls, since=told.own)
            message: Any = from_plain(cls, today, unknown="ignore")
        except ProtocolError as error:
            yield Broken(told.message, "", "fit to be brought to today's revision"), one_line(error)
            return
        yield from (_fault(told.message, it) for it in violations(message))


def unreadable(reason: str) -> tuple[Broken, str]:
    """The fault of what is no record."""
    return Broken("", "", f"readable ({counted(reason)})"), reason


def _fault(message: str, violation: Violation) -> tuple[Broken, str]:
    hint = f" ({violation.hint})" if violation.hint else ""
    told = [violation.path, "" if violation.rule == "required" else violation.value + hint]
    return Broken(message, without_indices(violation.path), violation.rule), ": ".join(filter(None, told))
