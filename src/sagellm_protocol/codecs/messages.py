"""Parsed payloads to messages and back, at one revision: the readers and writers of a codec."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sagellm_protocol.codecs.formats import Format, refusal
from sagellm_protocol.model.annotations import may_nest_without_end, read_type, spec_of
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.nesting import too_deep
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS, Doubt
from sagellm_protocol.model.spec import Type, Unknown, nested_in
from sagellm_protocol.model.statements import Origin
from sagellm_protocol.model.surplus import without_unknown
from sagellm_protocol.model.writing import Writers

if TYPE_CHECKING:
    from sagellm_protocol.codecs.options import Options


class MessageReaders:
    """Reads messages out of payloads of one revision."""

    doubts = DOUBTS
    """What a reader raises on a payload that its explainer must look at."""

    def __init__(self, format: Format, options: Options, revision: str) -> None:
        self._unknown: Unknown | None = options.unknown
        self._fill = options.fill
        self._history = options.history
        self._revision = revision
        self._origin: Origin = format.origin
        self._readers = Readers(format.origin, options.unknown)
        self.today = revision == options.history.latest
        """Whether the revision is today's."""

    def reader(self, kind: Type) -> Callable[[Any], Any]:
        """The fast path: a message, or one of ``doubts``.

        Raises:
            UnsupportedRevisionError: the revision has no such message.
        """
        read = self._readers.reader(kind)
        if may_nest_without_end(kind):
            read = _within_depth(read)
        if self.today:
            return read
        for nested in nested_in(kind):
            self._history.spec(nested.cls, self._revision)
        check = Readers(self._origin, "forbid", self._history.specs(self._revision)).reader(kind)
        upgrade = self._upgrader(kind)

        def read_old(payload: Any) -> Any:
            check(payload)
            return read(upgrade(payload))

        return read_old

    def explainer(self, kind: Type) -> Callable[[Any], Any]:
        """The thorough path: a message, or an error that says all that is wrong."""
        unknown = self._unknown
        if self.today:
            return lambda payload: check_payload(kind, payload, unknown=unknown)
        specs, upgrade = self._history.specs(self._revision), self._upgrader(kind)

        def explain_old(payload: Any) -> Any:
            check_payload(kind, payload, unknown=unknown, specs=specs)
            return check_payload(kind, upgrade(without_unknown(kind, payload, specs)), unknown=unknown)

        return explain_old

    def _upgrader(self, kind: Type) -> Callable[[Any], Any]:
        """Brings a payload forward, by the hooks that are registered when it is called."""
        history, revision, fill = self._history, self._revision, self._fill
        hooks_then = history.hooks_changed
        step = history.upgrades(revision).of(kind)

        def upgrade(payload: Any) -> Any:
            nonlocal hooks_then, step
            if hooks_then != history.hooks_changed:
                hooks_then, step = history.hooks_changed, history.upgrades(revision).of(kind)
            return payload if step is None else step(payload, fill)

        return upgrade


class MessageWriters:
    """Writes messages as payloads of one revision."""

    def __init__(self, format: Format, options: Options, revision: str) -> None:
        self._lossy = options.lossy
        self.today = Writers(format.form, options.omit_defaults, format.quote)
        self._plain = Writers("plain", options.omit_defaults, format.quote)
        self._downgrades = None if revision == options.history.latest else options.history.downgrades(revision)

    def writes_today(self, cls: type) -> bool:
        """Whether the revision writes a message just as today's does, and how deep it nests needs no look."""
        return self._same(cls) and not may_nest_without_end(read_type(cls))

    def _same(self, cls: type) -> bool:
        return self._downgrades is None or self._downgrades.same(spec_of(cls).name)

    def writer(self, cls: type) -> Callable[[Any], Any]:
        """The function that turns a message of this class into a payload.

        Raises (the function does):
            EncodeError: it nests deeper than could be read again.
        """
        write = self._writer(cls)
        return _writing_within_depth(write) if may_nest_without_end(read_type(cls)) else write

    def _writer(self, cls: type) -> Callable[[Any], Any]:
        name = spec_of(cls).name
        if self._downgrades is None or self._same(cls):
            return self.today.writer(cls)
        write, take_back, lossy = self._plain.writer(cls), self._downgrades.taken_back, self._lossy
        return lambda message: take_back(name, write(message), lossy=lossy)


def _within_depth(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader that doubts what nests too deep: elsewhere the declaration is the limit, here there is none."""

    def read_within(payload: Any) -> Any:
        if too_deep(payload):
            raise Doubt
        return read(payload)

    return read_within


def _writing_within_depth(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A writer that refuses messages that nest too deep to be read again."""

    def write_within(message: Any) -> Any:
        try:
            payload = write(message)
        except RecursionError:
            raise refusal(None) from None
        if too_deep(payload):
            raise refusal(None)
        return payload

    return write_within
