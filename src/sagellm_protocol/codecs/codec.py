"""A codec: a wire format over a cattrs converter, at one revision."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs

from sagellm_protocol.codecs.envelope import PAYLOAD, unwrap, wrap
from sagellm_protocol.codecs.formats import MAX_BYTES, MAX_DEPTH, Format, refusal, too_deep
from sagellm_protocol.codecs.messages import MessageReaders, MessageWriters
from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.model.annotations import is_message, may_nest_without_end, read_type
from sagellm_protocol.model.exceptions import DeclarationError, DecodeError, ValidationError
from sagellm_protocol.model.reading import DOUBTS
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.spec import Choice, Nested, Type, Unknown

if TYPE_CHECKING:
    import cattrs

_FAILURES = (*DOUBTS, ValueError)
"""What the fast ways raise on anything in doubt. The long way then answers, outside the handler: its errors show no
doubt as their context."""

T = TypeVar("T")
Wire = TypeVar("Wire")


@attrs.frozen
class Options:
    """The choices on a codec."""

    revision: str = LATEST
    """Any release name; the codec speaks its revision."""
    unknown: Unknown | None = None
    """What to do with fields that a message does not have; where it is None, what each message says."""
    omit_defaults: bool = False
    """Leave out fields that hold their default, except where leaving them out would mean something else."""
    lossy: bool = False
    """Leave out what an older revision cannot say, instead of raising ``LossyDowngradeError``."""
    max_bytes: int = MAX_BYTES
    """Refuse to decode more than this many bytes."""
    fill: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    """Values for required fields that an older revision does not have, by field name."""
    history: History = HISTORY
    """The revisions and messages that it knows."""


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
        message_class = next((base for base in getattr(cls, "__mro__", ()) if is_message(base)), None)
        if message_class is None:
            return self._converting_encoder(cls)
        write = self._writers.writer(message_class)
        if may_nest_without_end(read_type(message_class)):
            write = _writing_within_depth(write)
        encode = self._packing(write)
        shortcuts = self.format.shortcuts
        if shortcuts is None or self.options.omit_defaults or not self._writers.same(message_class):
            return encode
        shortcut = shortcuts.encoder(message_class)
        return encode if shortcut is None else _trying(shortcut, encode)

    def _packing(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Write and pack; where packing fails, once more in the way that says why."""
        dumps, pack = self.format.dumps, self.format.pack
        if pack is None:
            return lambda message: dumps(write(message))

        def encode(message: Any) -> Any:
            payload = write(message)
            try:
                return pack(payload)
            except _FAILURES:
                pass
            return dumps(payload)

        return encode

    def _converting_encoder(self, cls: Any) -> Callable[[Any], Any]:
        if isinstance(cls, type) and issubclass(cls, (bytes, bytearray)):
            return _refuse_bytes
        if _holds_one_of_several(cls):
            return self.encode
        dumps, unstructure = self.format.dumps, self.converter.unstructure
        return lambda value: dumps(unstructure(value))

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
        if may_nest_without_end(kind):
            read = _within_depth(read)
        decode = self._checking(read, self._readers.explainer(kind))
        shortcut = self._shortcut(kind)
        if shortcut is not None:
            decode = _trying(shortcut, decode, self.options.max_bytes)
        if container in (list, dict):
            return lambda data: container(decode(data))
        return decode

    def _shortcut(self, kind: Type) -> Callable[[Any], Any] | None:
        shortcuts = self.format.shortcuts
        return shortcuts.decoder(kind) if shortcuts is not None and self._readers.today else None

    def _checking(self, read: Callable[[Any], Any], explain: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Parse and read; where that raises anything, look again thoroughly: ``explain`` decides, and says why."""
        loads, exact, max_bytes = self.format.loads, self.format.exact, self.options.max_bytes
        parse = self.format.parse or loads

        def decode(data: Any) -> Any:
            if len(data) > max_bytes:
                raise too_large(len(data), max_bytes)
            try:
                return read(parse(data))
            except _FAILURES:
                pass
            return look_again(data)

        def decode_unsized(data: Any) -> Any:
            try:
                return read(data)
            except _FAILURES:
                pass
            return look_again(data)

        def look_again(data: Any) -> Any:
            payload = loads(data)
            if too_deep(payload):
                raise DecodeError(f"the payload nests deeper than {MAX_DEPTH} levels")
            return explain(payload if exact is None else exact(data))

        return decode if self.format.sized else decode_unsized

    def _converting_decoder(self, cls: Any) -> Callable[[Any], Any]:
        from cattrs import BaseValidationError
        from cattrs.errors import StructureHandlerNotFoundError

        from sagellm_protocol.codecs.converters import violations_of

        loads, exact, structure = self.format.loads, self.format.exact, self.converter.structure
        max_bytes = self.options.max_bytes

        def decode(data: Any) -> Any:
            if self.format.sized and len(data) > max_bytes:
                raise too_large(len(data), max_bytes)
            payload = loads(data)
            if too_deep(payload):
                raise DecodeError(f"the payload nests deeper than {MAX_DEPTH} levels")
            if exact is not None:
                payload = exact(data)
            try:
                return structure(payload, cls)
            except BaseValidationError as error:
                raise ValidationError(getattr(cls, "__name__", str(cls)), violations_of(error)) from error
            except StructureHandlerNotFoundError as error:
                raise DeclarationError(str(error)) from None

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
        return self._checking(self._read_envelope, self._explain_envelope)(data)

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


def _trying(shortcut: Callable[[Any], Any], long_way: Callable[[Any], Any], max_bytes: int | None = None) -> Any:
    """The shortcut, and on any doubt the long way."""

    def encode(message: Any) -> Any:
        try:
            return shortcut(message)
        except _FAILURES:
            pass
        return long_way(message)

    def decode(data: Any) -> Any:
        try:
            if len(data) <= max_bytes:  # type: ignore[operator]
                return shortcut(data)
        except _FAILURES:
            pass
        return long_way(data)

    return encode if max_bytes is None else decode


def _holds_one_of_several(cls: Any) -> bool:
    try:
        return isinstance(read_type(cls), Choice)
    except DeclarationError:
        return False


def _refuse_bytes(data: bytes) -> Any:
    """Bytes are no message, even where the format could carry them."""
    raise refusal(data)


def too_large(size: int, max_bytes: int) -> DecodeError:
    """The error for more bytes than a codec takes."""
    return DecodeError(f"{size} bytes are more than the {max_bytes} that this codec takes")
