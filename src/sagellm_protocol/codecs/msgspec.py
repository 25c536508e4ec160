"""JSON and MessagePack by msgspec (the extra ``msgspec``): messages are read and checked in C.

What msgspec cannot read, or reads otherwise than the other codecs, goes the way of the core codec of the same format,
which also explains every failure. JSON is written by orjson.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from sagellm_protocol.codecs.formats import Format, taken
from sagellm_protocol.codecs.json import make_json
from sagellm_protocol.codecs.msgpack import make_msgpack
from sagellm_protocol.codecs.ways import FAILURES
from sagellm_protocol.model.choosing import tags
from sagellm_protocol.model.compiled import chained
from sagellm_protocol.model.exceptions import missing_extra
from sagellm_protocol.model.kinds import Choice, Converted, Nested, Nullable, Number, Type, nested_in, parts
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import Field, spec_of
from sagellm_protocol.model.untracked import holds_fields_alone

try:
    import msgspec

    from sagellm_protocol.codecs.structs import LOCK, Inexpressible, Structs
except ImportError as error:
    raise missing_extra("msgspec") from error


class MsgspecShortcuts:
    """The ways around the core codec that msgspec offers."""

    def __init__(self, format: Format, *, binary: bool) -> None:
        self._format = format
        self._binary = binary
        self._structs = Structs(binary=binary)

    def reason_against(self, cls: type) -> str | None:
        """Why messages of a class are left to the core codec; None where they are not."""
        try:
            self._typed_decode(self._structs.of(cls)[0])
        except Inexpressible as error:
            return str(error)
        return None

    def decoder(self, kind: Type, max_bytes: int, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """Bytes to a message, the long way on any doubt; None where msgspec cannot read the type."""
        try:
            if isinstance(kind, Choice):
                return self._choice(kind, max_bytes, long_way)
            to = Function("decode_value")
            moved = self._structs.moved(to, kind, "_value")
            read = self._typed_decode(self._structs.annotation(kind))
        except Inexpressible:
            return None
        most = to.bind("max_bytes", max_bytes)
        to.add(f"if _type(_data) is not _bytes or _len(_data) > {most}:")
        to.add(f"    _data = {to.bind('taken', taken)}({to.bind('format', self._format)}, _data, {most})")
        to.add("try:")
        to.add(f"    _value = {to.bind('read', read)}(_data)")
        to.add(f"    return {moved}")
        self._or_go(to, long_way, "_data")
        whole, move = to.compile("_data"), self._structs.compiled_mover(kind)
        return whole if move is None else chained(read, move, FAILURES, long_way, whole, max_bytes)

    def _or_go(self, to: Function, long_way: Callable[[Any], Any], argument: str) -> None:
        to.add(f"except {to.bind('failures', FAILURES)}: pass")
        to.add(f"return {to.bind('long_way', long_way)}({argument})")

    def _typed_decode(self, annotation: Any) -> Callable[[Any], Any]:
        make = msgspec.msgpack.Decoder if self._binary else msgspec.json.Decoder
        try:
            with LOCK:
                return make(annotation).decode
        except TypeError as error:  # a class of the user's that it does not read, such as an enumeration of 1 and "a"
            raise Inexpressible(str(error)) from None

    def _choice(self, choice: Choice, max_bytes: int, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        tag = choice.tag
        specs = tags([spec_of(option.cls) for option in choice.options], tag)
        decoders = {
            text: self.decoder(Nested(spec.name, spec.cls), max_bytes, long_way) for text, spec in specs.items()
        }
        if tag is None or None in decoders.values():
            return None
        read_tag = self._typed_decode(msgspec.defstruct("Tag", [(tag, str)], gc=False))
        format = self._format

        def decode_choice(data: Any) -> Any:
            if type(data) is not bytes or len(data) > max_bytes:
                data = taken(format, data, max_bytes)
            try:
                decode = decoders.get(getattr(read_tag(data), tag)) or long_way
            except FAILURES:
                decode = long_way
            return decode(data)

        return decode_choice

    def encoder(self, cls: type, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """A message to bytes, the long way on any doubt; None for a message that msgspec could not read.

        The compiled core gives msgspec a Struct. In Python msgspec is given the message itself, into MessagePack: in
        JSON orjson is as fast, and some classes of values, or slots beside the fields, msgspec would write otherwise.
        Floats orjson writes faster: messages of many are left to it.
        """
        if self.reason_against(cls) is not None or (not self._binary and _share_of_floats(cls) > _FEW_FLOATS):
            return None
        pack = msgspec.msgpack.Encoder().encode if self._binary else msgspec.json.Encoder().encode
        write = self._structs.compiled_writer(cls)
        if write is not None:
            return chained(write, pack, FAILURES, long_way, long_way)
        if not self._binary or not _hold_fields_alone(cls, set()) or not _writes_alike(cls):
            return None
        to = Function("encode_" + spec_of(cls).name)
        to.add("try:")
        to.add(f"    return {to.bind('encode', pack)}(_message)")
        self._or_go(to, long_way, "_message")
        return to.compile("_message")


_FEW_FLOATS = 0.25
"""The share of floats among the fields up to which msgspec writes JSON faster than orjson, as measured."""


def _share_of_floats(cls: type) -> float:
    kinds = [part for field in _all_fields(cls, set()) for part in parts(field.type) if not isinstance(part, Nullable)]
    return sum(isinstance(kind, Number) and kind.kind is float for kind in kinds) / max(1, len(kinds))


def _all_fields(cls: type, seen: set[type]) -> Iterator[Field]:
    """The fields of a message and of those that it holds."""
    if cls not in seen:
        seen.add(cls)
        for field in spec_of(cls).fields:
            yield field
            for nested in nested_in(field.type):
                yield from _all_fields(nested.cls, seen)


def _hold_fields_alone(cls: type, seen: set[type]) -> bool:
    """Whether a message, and each that it holds, has no slot but its fields: msgspec would write a cached property."""
    if cls in seen:
        return True
    seen.add(cls)
    nested = (found.cls for field in spec_of(cls).fields for found in nested_in(field.type))
    return (
        holds_fields_alone(cls)
        and spec_of(cls).kept is None
        and all(_hold_fields_alone(inner, seen) for inner in nested)
    )


def _writes_alike(cls: type) -> bool:
    """Whether msgspec writes all that a message holds as the core codecs do: some classes it writes in its own way."""
    kinds = [part for field in spec_of(cls).fields for part in parts(field.type)]
    return all("msgspec" in part.native for part in kinds if isinstance(part, Converted)) and all(
        _writes_alike(nested.cls) for field in spec_of(cls).fields for nested in nested_in(field.type)
    )


def make_msgspec_json() -> Format:
    """The format ``msgspec-json``."""
    format = make_json()
    return attrs.evolve(format, shortcuts=MsgspecShortcuts(format, binary=False))


def make_msgspec_msgpack() -> Format:
    """The format ``msgspec-msgpack``."""
    format = make_msgpack()
    return attrs.evolve(format, shortcuts=MsgspecShortcuts(format, binary=True))
