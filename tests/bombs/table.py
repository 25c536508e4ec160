"""The table: every bomb, who is given it, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from typing import Any

import attrs

from bombs.forms import as_itself, as_json, as_msgpack
from bombs.headers import HEADERS, good_header, header
from bombs.payloads import (
    RESPONSE,
    TURN,
    Make,
    Payload,
    good_free,
    good_turns,
    long_key,
    nested,
    numbers,
    payloads,
    request,
)
from sagellm_protocol import codecs, history
from sagellm_protocol.archive import Options, Upgrader
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.types import Request, Response


@attrs.frozen
class Bomb:
    """A row of the table."""

    name: str
    to: str
    """Who is given it."""
    hostile: Make
    valid: Make
    act: Callable[[Any], object]
    """What is done with either; it may raise a ``ProtocolError``, whose text is part of the cost."""
    most: int = 8_000_000
    grows: bool = True
    """Whether the good input grows with the size; where more is refused, it does not."""

    @property
    def variant(self) -> bool:
        """Whether another reader goes nearly the same way: what is in a hurry leaves it out."""
        return "," in self.to or self.to.endswith((" of then", "converter", "envelope"))


def perform(act: Callable[[Any], object], given: Any) -> str:
    """Do it, and make all texts of the error that it ends in; gives the outcome in a word."""
    try:
        act(given)
    except ProtocolError as error:
        for told in (str(error), repr(error), one_line(error), str(error.to_error())):
            if len(told) > MOST_TEXT:
                return f"a text of {len(told)} characters"
        return type(error).__name__
    return "taken"


MOST_TEXT = 500_000
"""Characters of an error: a hundred things told, each with its path and its value, cut."""


# Who reads payloads


def _name(kind: Any) -> str:
    return history.HISTORY.catalog.name(kind)


@cache
def _then(payload: Payload) -> str:
    """The oldest revision that takes the good payload."""
    for revision in history.revisions:
        with suppress(ProtocolError):
            codecs.get("dict", revision=revision, fill={"engine_id": "e"}).decode(payload.valid(1_000), payload.kind)
            return revision
    raise AssertionError(f"no revision takes what is good beside {payload.name!r}")


def _decode(name: str, kind: Any, data: Any) -> object:
    return codecs.get(name).decode(data, kind)


def _decode_leniently(name: str, kind: Any, data: Any) -> object:
    return codecs.get(name, unknown="ignore").decode(data, kind)


def _decode_old(name: str, payload: Payload, data: Any) -> object:
    return codecs.get(name, revision=_then(payload), fill={"engine_id": "e"}).decode(data, payload.kind)


def _decode_envelope(name: str, data: bytes) -> object:
    head = b'{"protocol":"%s","message":"%s","payload":' % (history.latest.encode(), name.encode())
    return codecs.get("json").decode_envelope(head + data + b"}")


def _upgrade_record(options: Options, data: bytes) -> object:
    return Upgrader(options).upgrade(data)


def _upgrade_told(payload: Payload, data: bytes) -> object:
    return Upgrader(Options(message=_name(payload.kind), since=_then(payload))).upgrade(data)


def _identify(kind: Any, payload: Any) -> object:
    return history.identify(payload, kind)


def _upgrade(payload: Payload, given: Any) -> object:
    return history.upgrade(given, payload.kind, since=_then(payload))


def _downgrade(payload: Payload, given: Any, *, lossy: bool = False) -> object:
    return history.downgrade(given, payload.kind, to=_then(payload), lossy=lossy)


def _say_in_oldest(kind: type, payload: Any) -> object:
    """What is lost on the way, told or not."""
    return history.losses(payload, kind, to=history.revisions[0]), perform(_downgrade_to_oldest(kind), payload)


def _downgrade_to_oldest(kind: type) -> Callable[[Any], object]:
    return lambda payload: history.downgrade(payload, kind, to=history.revisions[0])


def _structure(kind: Any, payload: Any) -> object:
    return codecs.get("json").converter.structure(payload, kind)


def _encode(payload: Any) -> list[str]:
    """What is no message, given to every codec's ``encode`` by mistake."""
    return [perform(codecs.get(name).encode, payload) for name in codecs.names()]


def _construct(kind: Any, arguments: dict[str, Any]) -> object:
    return kind(**arguments)


_BYTES = {"json": as_json, "msgpack": as_msgpack}


def _readers(payload: Payload) -> Iterator[tuple[str, Callable[[Any], Any], Callable[[Any], object]]]:
    """Everyone whom a payload can be given: name, the form of it, and what is done."""
    kind = payload.kind
    message = hasattr(kind, "__message__")
    for form in payload.forms:
        if form in _BYTES:
            yield form, _BYTES[form], partial(_decode, form, kind)
            yield f"msgspec-{form}", _BYTES[form], partial(_decode, f"msgspec-{form}", kind)
            yield f"{form}, ignoring", _BYTES[form], partial(_decode_leniently, form, kind)
            if message:
                yield f"{form} of then", _BYTES[form], partial(_decode_old, form, payload)
        else:
            yield "dict", as_itself, partial(_decode, "dict", kind)
            yield "encode", as_itself, _encode
            yield "converter", as_itself, partial(_structure, kind)
    if not message:
        return
    if "json" in payload.forms:
        yield "archive", as_json, partial(_upgrade_record, Options())
        yield "archive, told", as_json, partial(_upgrade_told, payload)
        yield "archive, envelopes", as_json, partial(_upgrade_record, Options(message=_name(kind), envelope=True))
        yield "envelope", as_json, partial(_decode_envelope, _name(kind))
    if "python" in payload.forms:
        yield "detect", as_itself, history.detect
        yield "identify", as_itself, partial(_identify, None)
        yield "identify, told", as_itself, partial(_identify, kind)
        yield "upgrade", as_itself, partial(_upgrade, payload)
        yield "downgrade", as_itself, partial(_downgrade, payload)
        yield "downgrade, lossy", as_itself, partial(_downgrade, payload, lossy=True)
        yield "from_plain", as_itself, partial(from_plain, kind)
    if payload.arguments and "python" in payload.forms:
        yield "constructor", _keyed_by_text, partial(_construct, kind)


def _keyed_by_text(payload: Any) -> Any:
    """Arguments can be named by texts alone."""
    return {str(key): value for key, value in payload.items()} if isinstance(payload, dict) else {"k": payload}


# What is no payload


def _fill(values: list[str]) -> object:
    return [codecs.get("json", revision="0.1.0", fill={"engine_id": value}).revision for value in values]


def _show(message: Any) -> object:
    return repr(message), hash(message), message == message


def _holding(make: Make) -> Make:
    return lambda size: Request(**request(metadata={"k": make(size)}))


def _others() -> Iterator[Bomb]:
    for name, (start, again) in HEADERS.items():
        yield Bomb(name, "Accept", partial(header, start, again), good_header, codecs.negotiate, grows=False)
    good_record: Make = lambda size: as_json(good_free(size))  # noqa: E731
    for name, integer in (("an integer of 64 bits", 2**63), ("a big integer", 2**70)):
        for to, options in (("archive", Options()), ("archive, told", Options(message="Request", since="0.1.0"))):
            yield Bomb(
                f"{name} and a long key",
                to,
                lambda size, integer=integer: as_json(request(metadata={**long_key(size, 1, 2), "n": integer})),
                good_record,
                partial(_upgrade_record, options),
            )
    yield Bomb(
        "turns that no old revision can say",
        "downgrade",
        lambda size: request(messages=[TURN] * (size // 30), metadata={"k" * 50_000: 1}),
        good_turns,
        partial(_say_in_oldest, Request),
    )
    yield Bomb(
        "numbers that no old revision can say",
        "downgrade",
        lambda size: {**RESPONSE, "metrics": {**RESPONSE["metrics"], "itl_list": [1.0] * (size // 4)}},
        lambda size: {**RESPONSE, "output_tokens": numbers(size)},
        partial(_say_in_oldest, Response),
    )
    yield Bomb(
        "many deep values",
        "repr and hash",
        _holding(lambda size: [nested(90, objects=True) for _ in range(size // 600)]),
        _holding(lambda size: [nested(1, objects=True) for _ in range(size // 8)]),
        _show,
    )
    yield Bomb(
        "one codec for each value to fill in",
        "codecs.get",
        lambda size: [f"engine-{number}" for number in range(size // 1_000)],
        lambda size: ["engine-1"] * (size // 1_000),
        _fill,
        most=1_000_000,
    )


def table() -> Iterator[Bomb]:
    """Every bomb."""
    for payload in payloads():
        for to, form, act in _readers(payload):
            yield Bomb(
                payload.name,
                to,
                _formed(form, payload.hostile),
                _formed(form, payload.valid),
                act,
                payload.most,
            )
    yield from _others()


@cache
def _formed(form: Callable[[Any], Any], make: Make) -> Make:
    """One function for one way of making: bombs with the same good input are seen to share it."""
    return lambda size: form(make(size))


TABLE = tuple(table())
