"""A codec: a wire format over a cattrs converter, at one revision."""

from __future__ import annotations

import threading
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs

from sagellm_protocol.codecs.envelope import PAYLOAD, unwrap, wrap
from sagellm_protocol.codecs.formats import Format, plain, refuse_endless, taken
from sagellm_protocol.codecs.messages import MessageReaders, MessageWriters
from sagellm_protocol.codecs.options import Options
from sagellm_protocol.codecs.taught import Teachings
from sagellm_protocol.codecs.ways import (
    checking,
    packing,
    parsing,
    refuse_bytes,
    writing,
)
from sagellm_protocol.history.lossy import told_choice
from sagellm_protocol.model import native
from sagellm_protocol.model.annotations import is_message, known, message_of, read_type
from sagellm_protocol.model.exceptions import DeclarationError, OptionError, ProtocolError
from sagellm_protocol.model.kinds import Choice, Nested, Type
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.reading import vouched
from sagellm_protocol.model.shortening import short

if TYPE_CHECKING:
    from sagellm_protocol.codecs.converting import MessageConverter
    from sagellm_protocol.codecs.watching import Watch
    from sagellm_protocol.model.forms import Form, TypeForm

_LOCK = threading.RLock()
"""Held while a converter is made: there is one for each codec."""
T = TypeVar("T")
Wire = TypeVar("Wire")


def _revision(codec: Any) -> str:
    revision: str = codec.options.history.resolve(codec.options.revision)
    return revision


def _teachings(codec: Any) -> Teachings:
    configure = codec.options.configure
    return Teachings() if configure is None else _taught_by(configure, codec)


def _readers(codec: Any) -> MessageReaders:
    return MessageReaders(codec.format.origin, codec.options, codec.revision, codec._teachings)


def _dict_readers(codec: Any) -> MessageReaders:
    return MessageReaders("dict", codec.options, codec.revision, codec._teachings)


def _watch(codec: Any) -> Watch | None:
    report = codec.options.on_deprecated
    if report is None:
        return None
    from sagellm_protocol.codecs.watching import Watch

    return Watch(report, codec.options, codec._teachings)


def _writers(codec: Any) -> MessageWriters:
    return MessageWriters(codec.format, codec.options, codec.revision, codec._teachings)


@attrs.frozen(eq=False, repr=False, slots=False)
class Codec(Generic[Wire]):
    """Messages to and from one wire format at one revision. Made by :func:`sagellm_protocol.codecs.get`.

    A codec may be shared between threads, and cannot be changed.
    """

    name: str
    format: Format
    options: Options
    media_type: str | None
    # What follows is derived in this order: hooks are asked for once the converter has been taught.
    revision: str = attrs.field(init=False, default=attrs.Factory(_revision, takes_self=True))
    """The revision that it speaks."""
    _converters: list[MessageConverter] = attrs.field(factory=list, init=False)
    """The converter, once it was asked for."""
    _teachings: Teachings = attrs.field(init=False, default=attrs.Factory(_teachings, takes_self=True))
    _readers: MessageReaders = attrs.field(init=False, default=attrs.Factory(_readers, takes_self=True))
    _dict_readers: MessageReaders = attrs.field(init=False, default=attrs.Factory(_dict_readers, takes_self=True))
    """Those of the converter: of what it is given, nothing is known that a parser would be sure of."""
    _watch: Watch | None = attrs.field(init=False, default=attrs.Factory(_watch, takes_self=True))
    """Counts the use of what is deprecated, where the codec is asked to."""
    _writers: MessageWriters = attrs.field(init=False, default=attrs.Factory(_writers, takes_self=True))
    _encoders: dict[type, Callable[[Any], Wire]] = attrs.field(factory=dict, init=False)
    _decoders: dict[Any, Callable[[Any], Any]] = attrs.field(factory=dict, init=False)
    _enveloped_readers: dict[str, MessageReaders] = attrs.field(factory=dict, init=False)

    def __repr__(self) -> str:
        return f"<codec {self.name} at revision {self.revision}>"

    @property
    def converter(self) -> MessageConverter:
        """The cattrs converter of this format and revision, whose hooks it runs.

        It is made when it is first asked for: of what nobody was taught, reading and writing need not ask it.
        """
        with _LOCK:
            if not self._converters:
                self._converters.append(_new_converter(self))
                self._converters[0].close()
            return self._converters[0]

    @property
    def content_type(self) -> str | None:
        """The media type with the revision, for a ``Content-Type`` header."""
        return self.media_type and f"{self.media_type};revision={self.revision}"

    def encode(self, message: Any) -> Wire:
        """A message, or a list of messages, on the wire.

        Raises:
            EncodeError: it holds a value that no format can carry.
            LossyDowngradeError: it says something that this revision cannot.
        """
        encode = self._encoders.get(type(message))
        if encode is None:
            encode = self._encoders[type(message)] = self.encoder(type(message))
        return encode(message)

    def writes_straight(self, cls: type) -> bool:
        """Whether values of a message may be left out or stand elsewhere when it is written, but none is changed.

        Not so where a hook of the history, a conversion, or what this codec was taught concerns the message.
        """
        return self._writers.is_straight(cls)

    def encoder(self, cls: Any) -> Callable[[Any], Wire]:
        """:meth:`encode`, bound to a class for the hot loop."""
        # A plain subclass of a message is written as that message.
        message_class = message_of(cls)
        taught = self.options.configure is not None and self.converter.unstructure_hook(cls) is not None
        if message_class is None or taught:
            return self._converting_encoder(cls)
        return self._writers.following_hooks(lambda: self._message_encoder(message_class))

    def _message_encoder(self, message_class: type) -> Callable[[Any], Wire]:
        touched = self._teachings.touch(Nested(message_class.__qualname__, message_class))
        if (
            self.options.omit_defaults
            or self.options.omit_nulls
            or touched
            or not self._writers.writes_today(message_class)
        ):
            return packing(self.format, self._writers.writer(message_class))
        encode = writing(self.format, self._writers.today, message_class)
        shortcuts = self.format.shortcuts
        shortcut = None if shortcuts is None else shortcuts.encoder(message_class, encode)
        return shortcut or encode

    def _converting_encoder(self, cls: Any) -> Callable[[Any], Any]:
        if isinstance(cls, type) and issubclass(cls, (bytes, bytearray)):
            return refuse_bytes
        if _holds_one_of_several(cls):
            return self.encode
        dumps, form, unstructure = self.format.dumps, self.format.form, self.converter.unstructuring(cls)

        def encode(value: Any) -> Any:
            refuse_endless(value)
            if _are_messages(value):
                return dumps([self.converter.get_unstructure_hook(type(message))(message) for message in value])
            return dumps(plain(unstructure(value), form))

        return encode

    def _write(self, cls: Any) -> Callable[[Any], Any]:
        return self._writers.following_hooks(lambda: self._writers.writer(cls))

    def _loads(self, data: Any) -> Any:
        return parsing(self.format)(taken(self.format, data, self.options.max_bytes) if self.format.sized else data)

    @overload
    def decode(self, data: Any, cls: type[T]) -> T: ...
    @overload
    def decode(self, data: Any, cls: TypeForm[Form]) -> Form: ...
    @overload
    def decode(self, data: Any, cls: Any) -> Any: ...
    def decode(self, data: Any, cls: Any) -> Any:
        """A message off the wire.

        Args:
            data: ``bytes`` (``str`` too for JSON); a dict for the codec ``dict``.
            cls: a message class, a union of them (``StreamEvent``), or ``list[...]`` of either; and any class that
                the converter knows.

        Raises:
            DecodeError: malformed, too large, too deep, or with an integer past 64 bits.
            ValidationError: with every violation.
        """
        decode = self._decoders.get(cls)
        if decode is None:
            decode = self._decoders[cls] = self.decoder(cls)
        return decode(data)

    @overload
    def decoder(self, cls: type[T]) -> Callable[[Any], T]: ...
    @overload
    def decoder(self, cls: TypeForm[Form]) -> Callable[[Any], Form]: ...
    @overload
    def decoder(self, cls: Any) -> Callable[[Any], Any]: ...
    def decoder(self, cls: Any) -> Callable[[Any], Any]:
        """:meth:`decode`, bound to a class for the hot loop."""
        kind = known(cls)
        if kind is None:
            structure = self.converter.structuring(cls)
            return checking(self.format, self.options.max_bytes, None, structure)
        return self._message_decoder(kind, typing.get_origin(cls))

    def _message_decoder(self, kind: Type, container: Any) -> Callable[[Any], Any]:
        read, explain = self._readers.reader(kind), self._readers.explainer(kind)
        watch = self._watching(kind)
        if watch is not None:
            read, explain = (watch.noting(attempt, kind, self.revision) for attempt in (read, explain))
        decode = checking(self.format, self.options.max_bytes, read, explain)
        shortcuts = None if watch is not None else self.format.shortcuts
        if shortcuts is not None and self._readers.today and not self._teachings.touch(kind):
            decode = shortcuts.decoder(kind, self.options.max_bytes, decode) or decode
        decode = self._reading(decode, kind)
        if watch is not None:
            decode = watch.reporting(decode)
        if container in (list, dict):
            return lambda data: container(decode(data))
        return decode

    def _reading(self, read: Callable[[Any], Any], kind: Type) -> Callable[[Any], Any]:
        """A reader that asks the rules between fields as well, if the codec does."""
        if not self.options.consistent:
            return read
        from sagellm_protocol.model.consistency import reading_consistent

        return reading_consistent(read, kind, taught=self._teachings.touch(kind))

    def _watching(self, kind: Type) -> Watch | None:
        """What counts the use of what is deprecated, where values of a type can use anything."""
        watch = self._watch
        return watch if watch is not None and watch.concerns(kind, self.revision) else None

    def _whole(self, structure: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What reads a class of the user's, with the messages in it."""
        return structure if self._watch is None else self._watch.reporting(structure)

    def _read_dict(self, cls: Any) -> Callable[[Any], Any]:
        """The converter's own reader of what messages know, from values of which nothing is known."""
        kind = read_type(cls)
        read, explain = self._dict_readers.reader(kind), self._dict_readers.explainer(kind)
        watch = self._watching(kind)
        if watch is not None:
            read, explain = (watch.noting(attempt, kind, self.revision) for attempt in (read, explain))
        read = self._reading(vouched(read, explain), kind)
        if watch is not None:
            read = watch.reporting(read)
        container = typing.get_origin(cls)
        return (lambda payload: container(read(payload))) if container in (list, dict) else read

    def encode_envelope(self, message: Any) -> Wire:
        """A message as a self-describing record: revision, message name, payload.

        Raises:
            EncodeError, LossyDowngradeError: as for :meth:`encode`.
        """
        cls = type(message)
        payload = self._write(cls)(message)
        history = self.options.history
        name = history.catalog.name(cls) if self._readers.today else history.spec(cls, self.revision).name
        wire: Wire = self.format.dumps(wrap(payload, name, self.revision))
        return wire

    def decode_envelope(self, data: Any) -> Any:
        """The message in a self-describing record, whatever revision it was written in.

        Raises:
            UnsupportedRevisionError: an unknown message, an unknown or newer revision.
            DecodeError, ValidationError: as for :meth:`decode`.
        """
        decode = self._decode_envelope
        return decode(data) if self._watch is None else self._watch.reporting(decode)(data)

    def _decode_envelope(self, data: Any) -> Any:
        decode = checking(self.format, self.options.max_bytes, self._read_envelope, self._explain_envelope)
        message = decode(data)
        if self.options.consistent:
            from sagellm_protocol.model.consistency import refuse_inconsistent

            refuse_inconsistent(message, full_name(type(message)))
        return message

    def _read_envelope(self, envelope: Any) -> Any:
        kind, readers, revision = self._enveloped(envelope)
        return self._noting(readers.reader(kind), kind, revision)(envelope[PAYLOAD])

    def _explain_envelope(self, envelope: Any) -> Any:
        kind, readers, revision = self._enveloped(envelope)
        return self._noting(readers.explainer(kind), kind, revision)(envelope[PAYLOAD])

    def _noting(self, read: Callable[[Any], Any], kind: Type, revision: str) -> Callable[[Any], Any]:
        return read if self._watch is None else self._watch.noting(read, kind, revision)

    def _enveloped(self, envelope: Any) -> tuple[Type, MessageReaders, str]:
        history = self.options.history
        name, revision, _ = unwrap(envelope, history)
        readers = self._enveloped_readers.get(revision)
        if readers is None:
            made = MessageReaders(self.format.origin, self.options, revision, self._teachings)
            readers = self._enveloped_readers.setdefault(revision, made)
        return Nested(name, history.catalog.get(name)), readers, revision

    def describe(self) -> dict[str, Any]:
        """What this codec is, as plain data.

        ``core`` is ``native`` where the compiled core reads and writes, else ``pure``; ``fallbacks`` are the messages
        that msgspec leaves to the core codec.
        """
        return {
            "name": self.name,
            "media_type": self.media_type,
            "revision": self.revision,
            "unknown": self.options.unknown or "as each message says",
            "omit_defaults": self.options.omit_defaults,
            "omit_nulls": self.options.omit_nulls,
            "lossy": told_choice(self.options.lossy),
            "stash": self.options.stash,
            "consistent": self.options.consistent,
            "counts_deprecated": self._watch is not None,
            "core": native.in_use(),
            "fallbacks": self._fallbacks(),
        }

    def _reason_of_teaching(self, name: str, cls: type) -> str | None:
        return "it was configured" if self._teachings.touch(Nested(name, cls)) else None

    def _fallbacks(self) -> dict[str, str]:
        """The messages that the format has no shortcut for, by name, and why."""
        shortcuts = self.format.shortcuts
        if shortcuts is None:
            return {}
        old = None if self._readers.today else f"{self.revision} is not today's revision"
        reasons = {
            name: old or self._reason_of_teaching(name, cls) or shortcuts.reason_against(cls)
            for name, cls in self.options.history.catalog.messages.items()
        }
        return {name: reason for name, reason in reasons.items() if reason is not None}


def _new_converter(codec: Any) -> MessageConverter:
    from sagellm_protocol.codecs.converting import MessageConverter

    return MessageConverter(codec._read_dict, codec._write, codec.format, codec._loads, codec._whole)


def _taught_by(configure: Callable[[MessageConverter], object], codec: Any) -> Teachings:
    from sagellm_protocol.codecs.teaching import teachings_of

    converter = _new_converter(codec)
    codec._converters.append(converter)
    try:
        configure(converter)
    except (DeclarationError, ProtocolError):
        raise
    except Exception as error:  # whatever a function of the caller's raises
        raise OptionError(f"configure: {short(configure)} raises {type(error).__name__}: {error}") from error
    converter.close()
    return teachings_of(converter)


def _are_messages(value: Any) -> bool:
    return type(value) in (list, tuple) and all(is_message(type(item)) for item in value)


def _holds_one_of_several(cls: Any) -> bool:
    try:
        return isinstance(read_type(cls), Choice)
    except DeclarationError:
        return False
