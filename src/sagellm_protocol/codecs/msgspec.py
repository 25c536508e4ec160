"""JSON and MessagePack by msgspec (the extra ``msgspec``): messages are read and checked in C.

What msgspec cannot read, or reads otherwise than the other codecs, goes the way of the core codec of the same format,
which also explains every failure. Fields are written in alphabetical order, which neither format minds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.codecs.json import make_json
from sagellm_protocol.codecs.msgpack import make_msgpack
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.exceptions import missing_extra
from sagellm_protocol.model.source import Doubt, Function
from sagellm_protocol.model.spec import (
    Choice,
    Either,
    Free,
    Items,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Type,
)

try:
    import msgspec

    from sagellm_protocol.codecs.structs import Inexpressible, Structs
except ImportError as error:
    raise missing_extra("msgspec") from error


class MsgspecShortcuts:
    """The ways around the core codec that msgspec offers."""

    def __init__(self, *, binary: bool) -> None:
        self._binary = binary
        self._structs = Structs(binary=binary)
        self._pack = msgspec.msgpack.Encoder().encode
        self._encode = self._pack if binary else msgspec.json.Encoder().encode
        self._guards: dict[type, Callable[[Any], Any] | None] = {}

    def reason_against(self, cls: type) -> str | None:
        """Why messages of a class are left to the core codec; None where they are not."""
        try:
            self._structs.of(cls)
        except Inexpressible as error:
            return str(error)
        return None

    def decoder(self, kind: Type) -> Callable[[Any], Any] | None:
        """Bytes to a message, raising on anything in doubt; None where msgspec cannot read the type."""
        try:
            if isinstance(kind, Choice):
                return self._choice(kind)
            to = Function("decode_value")
            moved = self._structs.moved(to, kind, "_value")
            read = self._typed_decode(self._structs.annotation(kind))
        except Inexpressible:
            return None
        if isinstance(kind, Nested):
            move = self._structs.of(kind.cls)[1]
            return lambda data: move(read(data))
        to.add(f"_value = {to.bind('read', read)}(_data)")
        to.add(f"return {moved}")
        return to.compile("_data")

    def _typed_decode(self, annotation: Any) -> Callable[[Any], Any]:
        decoder = msgspec.msgpack.Decoder(annotation) if self._binary else msgspec.json.Decoder(annotation)
        return decoder.decode

    def _choice(self, choice: Choice) -> Callable[[Any], Any] | None:
        tag = choice.tag
        decoders = {}
        for option in choice.options:
            for field in spec_of(option.cls).fields:
                if field.name == tag and isinstance(field.type, OneOf):
                    decoders[field.type.values[0]] = self.decoder(option)
        if tag is None or None in decoders.values():
            return None
        read_tag = self._typed_decode(msgspec.defstruct("Tag", [(tag, str)], gc=False))

        def decode_choice(data: Any) -> Any:
            decode = decoders.get(getattr(read_tag(data), tag))
            if decode is None:
                raise Doubt
            return decode(data)

        return decode_choice

    def encoder(self, cls: type) -> Callable[[Any], Any] | None:
        """A message to bytes, raising on anything in doubt; None for a message that msgspec could not read."""
        if self.reason_against(cls) is not None:
            return None
        encode = self._encode
        guard = None if self._binary else self._guard(cls)
        if guard is None:
            return encode

        def encode_guarded(message: Any) -> Any:
            guard(message)
            return encode(message)

        return encode_guarded

    def _guard(self, cls: type) -> Callable[[Any], Any] | None:
        """A function that raises where a message holds an integer past 64 bits; None where it can hold no integer.

        In JSON msgspec would write such an integer, and no codec read it. In MessagePack it refuses it: writing the
        integers in that, all in one go, is the cheapest check there is.
        """
        if cls not in self._guards:
            to = Function("guard_" + spec_of(cls).name.replace(".", "_"))
            found = self._integers(to, cls, "_message")
            to.add(f"{to.bind('pack', self._pack)}(({', '.join(found)},))")
            self._guards[cls] = to.compile("_message") if found else None
        return self._guards[cls]

    def _integers(self, to: Function, cls: type, message: str) -> list[str]:
        """Expressions for all values in a message that may hold an integer."""
        found = []
        for field in spec_of(cls).fields:
            value = f"{message}.{field.name}"
            if isinstance(field.type, Nested) and self._guard(field.type.cls) is not None:
                found += self._integers(to, field.type.cls, value)
            elif _may_hold_integer(field.type):
                found.append(value)
        return found


def _may_hold_integer(kind: Type) -> bool:
    match kind:
        case Number(kind=number):
            return number is int
        case Nullable(inner=inner) | Items(item=inner) | Table(value=inner):
            return _may_hold_integer(inner)
        case Nested(cls=cls):
            return any(_may_hold_integer(field.type) for field in spec_of(cls).fields)
        case Choice(options=options) | Either(options=options):
            return any(_may_hold_integer(option) for option in options)
        case _:
            return isinstance(kind, Free)


def make_msgspec_json() -> Format:
    """The format ``msgspec-json``."""
    return attrs.evolve(make_json(), shortcuts=MsgspecShortcuts(binary=False))


def make_msgspec_msgpack() -> Format:
    """The format ``msgspec-msgpack``."""
    return attrs.evolve(make_msgpack(), shortcuts=MsgspecShortcuts(binary=True))
