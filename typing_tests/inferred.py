"""What type checkers, and so editors, make of what users write. Checked by mypy and pyright, and never run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any, Literal

import attrs
from typing_extensions import assert_type

from sagellm_protocol import (
    ChatMessage,
    ErrorCode,
    KVHandle,
    Metrics,
    Request,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    ValidationError,
    Violation,
    codecs,
    evolve,
    history,
)
from sagellm_protocol.codecs import Codec
from sagellm_protocol.errors import Error
from sagellm_protocol.model import (
    EMPTY,
    KEPT,
    FrozenDict,
    JsonObject,
    derived,
    field,
    field_type,
    from_plain,
    message,
    to_plain,
)
from sagellm_protocol.model.units import Milliseconds, Tokens

# Constructors and fields

request = Request(request_id="r", trace_id="t", max_tokens=8)
assert_type(request, Request)
assert_type(request.prompt, str)
assert_type(request.max_tokens, int)
assert_type(request.temperature, float | None)
assert_type(request.messages, Sequence[ChatMessage] | None)
assert_type(request.metadata, Mapping[str, Any] | None)


def fields(response: Response, delta: StreamEventDelta, error: Error) -> None:
    assert_type(response.output_tokens, Sequence[int])
    assert_type(response.metrics, Metrics)
    assert_type(response.metrics.ttft_ms, float)
    assert_type(response.finish_reason, Literal["stop", "length", "error"])
    assert_type(delta.event, Literal["delta"])
    assert_type(error.code, ErrorCode)


# evolve


def changed(event: StreamEvent, nothing: Any) -> None:
    assert_type(evolve(request, prompt="Hi", temperature=0.5), Request)
    assert_type(evolve(request), Request)
    assert_type(evolve(event, request_id="r"), StreamEvent)
    assert_type(evolve(nothing, anything=1), Any)


# A type that goes in: a class, a union, a container


def read(codec: Codec[bytes], cls: type[Request], anything: Any) -> None:
    assert_type(codec.decode(b"", Request), Request)
    assert_type(codec.decode(b"", cls), Request)
    assert_type(codec.decode(b"", StreamEvent), StreamEvent)
    assert_type(codec.decode(b"", Request | Response), Request | Response)
    assert_type(codec.decode(b"", Request | None), Request | None)
    assert_type(codec.decode(b"", list[Request]), list[Request])
    assert_type(codec.decode(b"", list[StreamEvent]), list[StreamEventStart | StreamEventDelta | StreamEventEnd])
    assert_type(codec.decode(b"", Sequence[StreamEvent]), Sequence[StreamEvent])
    assert_type(codec.decode(b"", dict[str, Request]), dict[str, Request])
    assert_type(codec.decode(b"", anything), Any)
    assert_type(codec.decoder(Request), Callable[[Any], Request])
    assert_type(codec.decoder(StreamEvent), Callable[[Any], StreamEvent])
    assert_type(codec.decoder(list[StreamEvent])(b""), list[StreamEvent])
    assert_type(codec.decode_envelope(b""), Any)
    converter = codec.converter
    assert_type(converter.structure({}, StreamEvent), StreamEvent)
    assert_type(converter.structure({}, Request), Request)
    assert_type(converter.structuring(StreamEvent)({}), StreamEvent)
    assert_type(converter.loads(b"", list[Request]), list[Request])
    assert_type(from_plain(Request, {}), Request)
    assert_type(from_plain(StreamEvent, {}, unknown="ignore"), StreamEvent)
    assert_type(to_plain(request), dict[str, Any])


def told_apart(event: StreamEvent) -> None:
    if event.event == "delta":
        assert_type(event, StreamEventDelta)
    elif isinstance(event, StreamEventEnd):
        assert_type(event.metrics, Metrics)
    else:
        assert_type(event, StreamEventStart)


# Codecs

assert_type(codecs.get("json"), Codec[bytes])
assert_type(codecs.get("msgspec-msgpack", revision="0.4.0.8", lossy=True), Codec[bytes])
assert_type(codecs.get("dict"), Codec[dict[str, Any]])
assert_type(codecs.get("cbor"), Codec[Any])
assert_type(codecs.get("json").encode(request), bytes)
assert_type(codecs.get("dict").encode(request), dict[str, Any])
assert_type(codecs.get("json").encoder(Request)(request), bytes)
assert_type(codecs.negotiate("application/json", lossy=True), Codec[Any])

# History

assert_type(history.upgrade({}, Request, since="0.1.0"), dict[str, Any])
assert_type(history.downgrade({}, "Request", to="0.1.0", lossy=True), dict[str, Any])
assert_type(history.detect({}), tuple[history.Candidate, ...])


# Messages of one's own


@message
class Reading:
    took: Milliseconds
    tokens: Tokens = 0
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = EMPTY
    total: Decimal = Decimal(0)
    double: int = derived(lambda self: self.tokens * 2, default=0)
    named: str = field(default="", alias="called")


reading = Reading(took=1.5, tags=["a"], labels={"a": "b"}, double=4, called="c")
assert_type(reading.took, float)
assert_type(reading.double, int)
assert_type(reading.total, Decimal)
assert_type(reading.named, str)
assert_type(evolve(reading, called="d"), Reading)


@message(unknown="keep")
class Keeping:
    name: str
    extra: JsonObject = KEPT


@message(unknown="keep")
class KeepingElsewhere:
    others: JsonObject = field(default=KEPT, alias="rest")


assert_type(Keeping(name="a").extra, Mapping[str, Any])
assert_type(Keeping(name="a", extra={"b": 1}), Keeping)
assert_type(KeepingElsewhere(rest={"b": 1}), KeepingElsewhere)


@message(order=True, unknown="ignore")
class Version:
    major: int
    minor: int = 0


assert_type(Version(major=1) < Version(major=2), bool)
assert_type(sorted([Version(major=1)]), list[Version])
assert_type(codecs.get("json").decode(b"", Version), Version)
assert_type(field_type(IPv4Address, load=IPv4Address, dump=str), type[IPv4Address])
assert_type(FrozenDict({"a": 1}), FrozenDict[str, int])


def told(error: ValidationError) -> None:
    assert_type(error.violations, tuple[Violation, ...])
    assert_type(error.violations[0].hint, str)
    assert_type(error.to_error(), Error)


# Type checkers see no attrs class in a message, but what attrs and copy do with one they see

if sys.version_info >= (3, 13):
    import copy

    assert_type(copy.replace(request, prompt="Hi"), Request)


def as_attrs(handle: KVHandle) -> None:
    assert_type(attrs.has(KVHandle), bool)
