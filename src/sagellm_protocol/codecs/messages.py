"""Parsed payloads to messages and back, at one revision: the readers and writers of a codec."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.history.downgrading import UNSAYABLE
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import Loss, LossyDowngradeError
from sagellm_protocol.model.reading import DOUBTS, Readers
from sagellm_protocol.model.spec import Type, Unknown, nested_in
from sagellm_protocol.model.statements import Origin
from sagellm_protocol.model.surplus import without_unknown
from sagellm_protocol.model.writing import Writers

if TYPE_CHECKING:
    from sagellm_protocol.codecs.codec import Options


class MessageReaders:
    """Reads messages out of payloads of one revision."""

    doubts = DOUBTS
    """What a reader raises on a payload that its explainer must look at."""

    def __init__(self, format: Format, options: Options, revision: str) -> None:
        self._unknown: Unknown | None = options.unknown
        self._fill = options.fill
        self._history = options.history
        self._revision = revision
        self._today = Readers(format.origin, options.unknown)
        self._origin: Origin = format.origin
        self._old = revision != options.history.latest

    def reader(self, kind: Type) -> Callable[[Any], Any]:
        """The fast path: a message, or one of ``doubts``.

        Raises:
            UnsupportedRevisionError: the revision has no such message.
        """
        read = self._today.reader(kind)
        if not self._old:
            return read
        for nested in nested_in(kind):
            self._history.spec(nested.cls, self._revision)
        check = Readers(self._origin, "forbid", self._history.specs(self._revision)).reader(kind)
        upgrade, fill = self._history.upgrades(self._revision).of(kind), self._fill

        def read_old(payload: Any) -> Any:
            check(payload)
            return read(payload if upgrade is None else upgrade(payload, fill))

        return read_old

    def same(self, kind: Type) -> bool:
        """Whether the revision reads a type just as today's does."""
        if not self._old:
            return True
        downgrades = self._history.downgrades(self._revision)
        return all(downgrades.same(nested.name) for nested in nested_in(kind))

    def explainer(self, kind: Type) -> Callable[[Any], Any]:
        """The thorough path: a message, or an error that says all that is wrong."""
        unknown, fill = self._unknown, self._fill
        if not self._old:
            return lambda payload: check_payload(kind, payload, unknown=unknown)
        specs, upgrade = self._history.specs(self._revision), self._history.upgrades(self._revision).of(kind)

        def explain_old(payload: Any) -> Any:
            check_payload(kind, payload, unknown=unknown, specs=specs)
            known = without_unknown(kind, payload, specs)
            return check_payload(kind, known if upgrade is None else upgrade(known, fill), unknown=unknown)

        return explain_old


class MessageWriters:
    """Writes messages as payloads of one revision."""

    def __init__(self, format: Format, options: Options, revision: str) -> None:
        self._revision = revision
        self._lossy = options.lossy
        self._today = Writers(format.form, options.omit_defaults, format.quote)
        self._plain = Writers("plain", options.omit_defaults, format.quote)
        self._downgrades = None if revision == options.history.latest else options.history.downgrades(revision)

    def same(self, cls: type) -> bool:
        """Whether the revision writes a message just as today's does."""
        return self._downgrades is None or self._downgrades.same(spec_of(cls).name)

    def writer(self, cls: type) -> Callable[[Any], Any]:
        """The function that turns a message of this class into a payload."""
        name = spec_of(cls).name
        if self._downgrades is None or self.same(cls):
            return self._today.writer(cls)
        write, take_back, lossy, revision = (
            self._plain.writer(cls),
            self._downgrades.message,
            self._lossy,
            self._revision,
        )

        def write_old(message: Any) -> Any:
            losses: list[Loss] = []
            payload = take_back(name, write(message), "", losses)
            if losses and (payload is UNSAYABLE or not lossy):
                raise LossyDowngradeError(name, revision, losses)
            return payload

        return write_old
