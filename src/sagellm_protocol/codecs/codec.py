"""A codec: a wire format over a cattrs converter, at one revision."""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs

from sagellm_protocol.codecs.envelope import PAYLOAD, unwrap, wrap
from sagellm_protocol.codecs.formats import Format, plain, refusal, refuse_endless, taken
from sagellm_protocol.codecs.messages import MessageReaders, MessageWriters
from sagellm_protocol.codecs.options import Options
from sagellm_protocol.codecs.ways import (
    checking,
    packing,
    parsing,
    refuse_bytes,
    writing,
)
from sagellm_protocol.model.annotations import is_message, message_of, read_type
from sagellm_protocol.model.exceptions import DeclarationError, EncodeError, ProtocolError, ValidationError, Violation
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import Choice, Nested, Type

if TYPE_CHECKING:
    import cattrs

T = TypeVar("T")
Wire = TypeVar("Wire")


class Codec(Generic[Wire]):
    """Messages to and from one wire format at one revision. Made by :func:`sagellm_protocol.codecs.get`.

    A codec may be shared between threads.
    """

    def __init__(self, name: str, format: Format, options: Options, media_type: str | None) -> None:
        self.name = name
        self.media_type = media_type
        self.options = options
        self.format = format
        self.revision = options.history.resolve(options.revision)
        """The revision that it speaks."""
        self._readers = MessageReaders(format, options, self.revision)
        self._writers = MessageWriters(format, options, self.revision)
        self._encoders: dict[type, Callable[[Any], Wire]] = {}
        self._decoders: dict[Any, Callable[[Any], Any]] = {}
        self._enveloped_readers: dict[str, MessageReaders] = {}

    def __repr__(self) -> str:
        return f"<codec {self.name} at revision {self.revision}>"

    @property
    def content_type(self) -> str | None:
        """The media type with the revision, for a ``Content-Type`` header."""
        return self.media_type and f"{self.media_type};revision={self.revision}"

    @cached_property
    def converter(self) -> cattrs.Converter:
        """The cattrs converter of this format and revision: it knows every message, and can be taught more."""
        from sagellm_protocol.codecs.converters import make_converter

        # cattrs is given dicts: what a parser is sure of is not known of them.
        readers = MessageReaders(attrs.evolve(self.format, origin="dict"), self.options, self.revision)
        return make_converter(readers, self._writers)

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

    def encoder(self, cls: Any) -> Callable[[Any], Wire]:
        """:meth:`encode`, bound to a class for the hot loop."""
        # A plain subclass of a message is written as that message.
        message_class = message_of(cls)
        if message_class is None:
            return self._converting_encoder(cls)
        if self.options.omit_defaults or not self._writers.writes_today(message_class):
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
        dumps, unstructure = self.format.dumps, self.converter.unstructure

        def encode(value: Any) -> Any:
            refuse_endless(value)
            if _are_messages(value):
                return dumps([self._writers.writer(type(message))(message) for message in value])
            try:
                payload = unstructure(value)
            except ProtocolError:
                raise
            except RecursionError:
                raise refusal(None) from None
            except Exception as error:  # whatever a hook, or a class of the caller's, raises
                raise EncodeError(f"{short(value)} cannot be turned into a payload: {error!r}") from error
            return dumps(plain(payload))

        return encode

    @overload
    def decode(self, data: Any, cls: type[T]) -> T: ...
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
    def decoder(self, cls: Any) -> Callable[[Any], Any]: ...
    def decoder(self, cls: Any) -> Callable[[Any], Any]:
        """:meth:`decode`, bound to a class for the hot loop."""
        try:
            kind = read_type(cls)
        except DeclarationError:
            return self._converting_decoder(cls)
        return self._message_decoder(kind, typing.get_origin(cls))

    def _message_decoder(self, kind: Type, container: Any) -> Callable[[Any], Any]:
        read = self._readers.reader(kind)
        decode = checking(self.format, self.options.max_bytes, read, self._readers.explainer(kind))
        shortcuts = self.format.shortcuts
        if shortcuts is not None and self._readers.today:
            decode = shortcuts.decoder(kind, self.options.max_bytes, decode) or decode
        if container in (list, dict):
            return lambda data: container(decode(data))
        return decode

    def _converting_decoder(self, cls: Any) -> Callable[[Any], Any]:
        from cattrs import BaseValidationError
        from cattrs.errors import StructureHandlerNotFoundError

        from sagellm_protocol.codecs.converters import violations_of

        format, max_bytes, parse, structure = (
            self.format,
            self.options.max_bytes,
            parsing(self.format),
            self.converter.structure,
        )
        name = getattr(cls, "__name__", str(cls))

        def decode(data: Any) -> Any:
            payload = parse(taken(format, data, max_bytes) if format.sized else data)
            try:
                return structure(payload, cls)
            except (DeclarationError, ProtocolError):
                raise
            except StructureHandlerNotFoundError as error:
                raise DeclarationError(str(error)) from None
            except BaseValidationError as error:
                raise ValidationError(name, *violations_of(error)) from error
            except Exception as error:  # whatever a hook, or a class of the caller's, raises
                raise ValidationError(name, [Violation("", f"convertible ({error})", payload)]) from error

        return decode

    def encode_envelope(self, message: Any) -> Wire:
        """A message as a self-describing record: revision, message name, payload.

        Raises:
            EncodeError, LossyDowngradeError: as for :meth:`encode`.
        """
        cls = type(message)
        payload = self._writers.writer(cls)(message)
        wire: Wire = self.format.dumps(wrap(payload, self.options.history.catalog.name(cls), self.revision))
        return wire

    def decode_envelope(self, data: Any) -> Any:
        """The message in a self-describing record, whatever revision it was written in.

        Raises:
            UnsupportedRevisionError: an unknown message, an unknown or newer revision.
            DecodeError, ValidationError: as for :meth:`decode`.
        """
        return checking(self.format, self.options.max_bytes, self._read_envelope, self._explain_envelope)(data)

    def _read_envelope(self, envelope: Any) -> Any:
        kind, readers = self._enveloped(envelope)
        return readers.reader(kind)(envelope[PAYLOAD])

    def _explain_envelope(self, envelope: Any) -> Any:
        kind, readers = self._enveloped(envelope)
        return readers.explainer(kind)(envelope[PAYLOAD])

    def _enveloped(self, envelope: Any) -> tuple[Type, MessageReaders]:
        history = self.options.history
        name, revision, _ = unwrap(envelope, history)
        readers = self._enveloped_readers.get(revision)
        if readers is None:
            readers = self._enveloped_readers[revision] = MessageReaders(self.format, self.options, revision)
        return Nested(name, history.catalog.get(name)), readers

    def describe(self) -> dict[str, Any]:
        """What this codec is, as plain data; ``fallbacks`` are the messages that msgspec leaves to the core codec."""
        return {
            "name": self.name,
            "media_type": self.media_type,
            "revision": self.revision,
            "unknown": self.options.unknown or "as each message says",
            "omit_defaults": self.options.omit_defaults,
            "lossy": self.options.lossy,
            "fallbacks": self._fallbacks(),
        }

    def _fallbacks(self) -> dict[str, str]:
        """The messages that the format has no shortcut for, by name, and why."""
        shortcuts = self.format.shortcuts
        if shortcuts is None:
            return {}
        old = None if self._readers.today else f"{self.revision} is not today's revision"
        reasons = {
            name: old or shortcuts.reason_against(cls) for name, cls in self.options.history.catalog.messages.items()
        }
        return {name: reason for name, reason in reasons.items() if reason is not None}


def _are_messages(value: Any) -> bool:
    return type(value) in (list, tuple) and all(is_message(type(item)) for item in value)


def _holds_one_of_several(cls: Any) -> bool:
    try:
        return isinstance(read_type(cls), Choice)
    except DeclarationError:
        return False
