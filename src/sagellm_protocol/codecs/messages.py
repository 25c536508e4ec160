"""Parsed payloads to messages and back, at one revision: the readers and writers of a codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sagellm_protocol.codecs.formats import Format, refusal
from sagellm_protocol.history.forwards import called_then
from sagellm_protocol.history.lossy import asked_of
from sagellm_protocol.model.annotations import may_nest_without_end, read_type
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.kinds import Nested, Taught, Type, nested_in
from sagellm_protocol.model.nesting import too_deep
from sagellm_protocol.model.reading import Readers, within_depth
from sagellm_protocol.model.spec import Spec, Unknown, spec_of
from sagellm_protocol.model.statements import Origin
from sagellm_protocol.model.surplus import without_unknown
from sagellm_protocol.model.writing import Writers

if TYPE_CHECKING:
    from sagellm_protocol.codecs.options import Options
    from sagellm_protocol.codecs.taught import Teachings


class MessageReaders:
    """Reads messages out of payloads of one revision."""

    def __init__(self, origin: Origin, options: Options, revision: str, teachings: Teachings) -> None:
        self._unknown: Unknown | None = options.unknown
        self._fill = options.fill
        self._stash = options.stash
        self._history = options.history
        self._revision = revision
        self.today = revision == options.history.latest
        """Whether the revision is today's."""
        self._teachings = teachings
        self._teaching = teachings.on_the_wire if self.today else teachings.held
        # Of today's revision the history is not asked: to derive it takes longer than to read many messages.
        self._specs: Mapping[str, Spec] = {} if self.today else options.history.specs(revision)
        self._taken: dict[type, frozenset[str]] = {}
        self._readers = Readers(origin, options.unknown, teaching=self._teaching)
        self._checks = Readers(origin, "forbid", self._specs, self._teaching)
        self._translation = None if self.today else teachings.translation(self._specs, options.unknown)

    def reader(self, kind: Type) -> Callable[[Any], Any]:
        """The fast path: a message, or one of ``DOUBTS``.

        Raises:
            UnsupportedRevisionError: the revision has no such message.
        """
        read = self._readers.reader(self._teaching.kind(kind))
        if self.today:
            return within_depth(kind, read, hooks=self._teachings.touch(kind))
        for nested in nested_in(kind):
            self._history.spec(nested.cls, self._revision)
        then = called_then(kind, self._specs)
        check = self._checks.reader(self._teaching.kind(then))
        upgrade, translate = self._upgrader(kind), self._translating(then)

        def read_old(payload: Any) -> Any:
            if translate is not None:
                payload = translate(payload)
            check(payload)
            return read(upgrade(payload))

        return within_depth(kind, read_old, hooks=translate is not None)

    def explainer(self, kind: Type) -> Callable[[Any], Any]:
        """The thorough path: a message, or an error that says all that is wrong."""
        unknown, specs, teaching = self._unknown, self._specs, self._teaching
        held = teaching.kind(kind)
        if self.today:
            return lambda payload: check_payload(held, payload, unknown=unknown, teaching=teaching)
        then = called_then(kind, specs)
        held_then = teaching.kind(then)
        upgrade, translate = self._upgrader(kind), self._translating(then)

        def explain_old(payload: Any) -> Any:
            if translate is not None:
                payload = translate(payload)
            check_payload(held_then, payload, unknown=unknown, specs=specs, teaching=teaching)
            told = without_unknown(then, payload, specs, self._keeping)
            return check_payload(held, upgrade(told), unknown=unknown, teaching=teaching)

        return explain_old

    def _keeping(self, message: type) -> frozenset[str] | None:
        """The names by which nothing of an older payload is kept, as a later revision means something by them.

        What stands there then means nothing in a payload that is older, and is passed over as its revision says.
        """
        if spec_of(message).on_unknown(self._unknown) != "keep":
            return None
        found = self._taken.get(message)
        if found is None:
            later = self._history.revisions[self._history.revisions.index(self._revision) + 1 :]
            specs = (spec for release in later for spec in self._history.specs(release).values())
            names = frozenset(name for spec in specs if spec.cls is message for name in spec.names)
            found = self._taken[message] = names
        return found

    def _translating(self, kind: Type) -> Callable[[Any], Any] | None:
        return None if self._translation is None else self._translation.reading(kind)

    def _upgrader(self, kind: Type) -> Callable[[Any], Any]:
        """Brings a payload forward, by the hooks that are registered when it is called."""
        if isinstance(self._teaching.kind(kind), Taught):
            return _itself  # A hook has made the message.
        history, revision, fill, stash = self._history, self._revision, self._fill, self._stash
        hooks_then = history.hooks_changed
        step = history.upgrades(revision).of(kind)

        def upgrade(payload: Any) -> Any:
            nonlocal hooks_then, step
            if hooks_then != history.hooks_changed:
                changed = history.hooks_changed
                step = history.upgrades(revision).of(kind)
                hooks_then = changed
            now = step
            if stash:
                return history.unstashed(kind, revision, payload, fill, now)
            return payload if now is None else now(payload, fill)

        return upgrade


class MessageWriters:
    """Writes messages as payloads of one revision."""

    def __init__(self, format: Format, options: Options, revision: str, teachings: Teachings) -> None:
        self._lossy = asked_of(options.lossy)
        self._teachings = teachings
        today = revision == options.history.latest
        self._translation = None if today else teachings.translation(options.history.specs(revision), options.unknown)
        omitting = {"omit_defaults": options.omit_defaults, "omit_nulls": options.omit_nulls}
        self.today = Writers(format.form, quote=format.quote, teaching=teachings.on_the_wire, **omitting)
        self._plain = Writers("plain", quote=format.quote, teaching=teachings.held, **omitting)
        self._history, self._stash = options.history, options.stash
        self._then = None if today else revision

    def following_hooks(self, bind: Callable[[], Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """A function that is bound anew when it is called after hooks changed, if they can make a difference."""
        if self._then is None:
            return bind()
        history = self._history
        hooks_then, bound = history.hooks_changed, bind()

        def call(message: Any) -> Any:
            nonlocal hooks_then, bound
            if hooks_then != history.hooks_changed:
                changed = history.hooks_changed
                bound = bind()
                hooks_then = changed
            return bound(message)

        return call

    def writes_today(self, cls: type) -> bool:
        """Whether the revision writes a message just as today's does, and how deep it nests needs no look."""
        return self._same(cls) and not may_nest_without_end(read_type(cls))

    def is_straight(self, cls: type) -> bool:
        """Whether neither a hook nor a conversion nor what the codec was taught touches what stands in a message."""
        cls = spec_of(cls).cls
        return not self._teachings.touch(Nested(cls.__qualname__, cls)) and (
            self._then is None or self._history.downgrades(self._then).is_straight(cls)
        )

    def _same(self, cls: type) -> bool:
        return self._then is None or self._history.downgrades(self._then).same(spec_of(cls).cls)

    def writer(self, cls: type) -> Callable[[Any], Any]:
        """The function that turns a message of this class into a payload, with the hooks of now.

        Raises (the function does):
            EncodeError: it nests deeper than could be read again.
        """
        write = self._writer(cls)
        return _writing_within_depth(write) if may_nest_without_end(read_type(cls)) else write

    def _writer(self, cls: type) -> Callable[[Any], Any]:
        kind = Nested(spec_of(cls).name, cls)
        if self._then is None or self._same(cls):
            return self.today.write(kind)
        back = self._history.stashes(self._then) if self._stash else self._history.downgrades(self._then)
        write, take_back, lossy = self._plain.write(kind), back.taken_back, self._lossy
        if self._translation is None:

            def write_old(message: Any) -> Any:
                return take_back(kind.cls, write(message), lossy=lossy)

            # Where a stash may have a say, the long way alone is right.
            nulls = () if self._stash else self._history.downgrades(self._then).nulls(kind.cls)
            return _without_nulls(self.today.write(kind), nulls, write_old) if nulls else write_old
        translate = self._translation.writing(called_then(kind, self._translation.specs))
        if isinstance(self._plain.teaching.kind(kind), Taught):
            return translate
        return lambda message: translate(take_back(kind.cls, write(message), lossy=lossy))


def _itself(payload: Any) -> Any:
    return payload


def _without_nulls(
    write: Callable[[Any], Any], nulls: tuple[str, ...], long_way: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """A writer of today's payloads that leaves out some fields, all of them null; where one is not, ``long_way``."""

    def write_short(message: Any) -> Any:
        payload = write(message)
        for name in nulls:
            if payload.pop(name, None) is not None:
                return long_way(message)
        return payload

    return write_short


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
