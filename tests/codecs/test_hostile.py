"""Payloads and messages made to be slow, to crash or to pass unseen; and the same verdict on them from every codec."""

from __future__ import annotations

import array
import enum
import math
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import annotated_types
import attrs
import msgpack
import orjson
import pytest
from hypothesis import given, strategies as st

import first_use
from declared import Lenient, Level, Tree
from sagellm_protocol import (
    ChatCompletionRequest,
    DecodeError,
    EncodeError,
    LossyDowngradeError,
    Metrics,
    Request,
    StreamEvent,
    StreamEventStart,
    ValidationError,
    codecs,
)
from sagellm_protocol.model import message
from sagellm_protocol.model.exceptions import DeclarationError, ProtocolError

NAMES = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
BINARY = ("msgpack", "msgspec-msgpack")
TEXT = ("json", "msgspec-json")
every_codec = pytest.mark.parametrize("name", NAMES)
REQUEST: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 8}
METRICS: dict[str, Any] = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}


def write(name: str, payload: Any) -> Any:
    if name == "dict":
        return payload
    return orjson.dumps(payload) if name in TEXT else msgpack.packb(payload)


def verdict(name: str, data: Any, cls: Any = Request, **options: Any) -> Any:
    """What a codec says: the message, or the kind of error and its words."""
    try:
        return codecs.get(name, **options).decode(data, cls)
    except ProtocolError as error:
        return type(error), str(error)


# Threads


def test_sixteen_threads_may_be_first() -> None:
    assert first_use.failures(2) == []


# Depth


@every_codec
@pytest.mark.parametrize("cls", [Request, ChatCompletionRequest, Lenient, StreamEvent, list[Request], Tree])
@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_levels_without_end_are_refused(name: str, cls: Any, levels: int) -> None:
    if name == "dict":
        inner: Any = []
        for _ in range(levels):
            inner = [inner]
        data = {**REQUEST, "metadata": {"deep": inner}, "unknown": inner}
    elif name in TEXT:
        inner = b"[" * levels + b"]" * levels
        data = b'{"request_id":"r","metadata":{"deep":%s},"unknown":%s}' % (inner, inner)
    else:
        inner = b"\x91" * levels + b"\xc0"
        data = b"\x83\xaarequest_id\xa1r\xa8metadata\x81\xa4deep" + inner + b"\xa7unknown" + inner
    for payload in (data, [data] if name == "dict" else data):
        for codec in (codecs.get(name), codecs.get(name, unknown="ignore"), codecs.get(name, revision="0.5.1.1")):
            if codec.options.history.latest == codec.revision or cls is Request:
                with pytest.raises(DecodeError):
                    codec.decode(payload, cls)
    with pytest.raises(DecodeError):
        codecs.get(name).decode_envelope(data)


@every_codec
def test_what_holds_itself_cannot_be_written(name: str) -> None:
    circle: list[Any] = []
    circle.append(circle)
    table: dict[str, Any] = {}
    table["table"] = [table]
    for value in (circle, table, [circle, table]):
        with pytest.raises(EncodeError, match="deeper than 128 levels"):
            codecs.get(name).encode(value)


@attrs.define
class Link:
    """A class of the user's, which may hold itself."""

    request: Request
    next: Any = None


@every_codec
def test_an_object_that_holds_itself_cannot_be_written(name: str) -> None:
    link = Link(Request(**REQUEST))
    link.next = link
    with pytest.raises(EncodeError, match="deeper than 128 levels"):
        codecs.get(name).encode(link)


@every_codec
def test_shared_lists_that_cannot_be_written_are_looked_at_once(name: str) -> None:
    shared: Any = [{1}]
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(ProtocolError):
        codecs.get(name).decode(write(name, [1]), Request)
    if name == "dict":
        with pytest.raises(ValidationError):
            codecs.get(name).decode({**REQUEST, "metadata": {"deep": shared}}, Request)


# Bytes, and what is like them


class MoreBytes(bytes):
    def __len__(self) -> int:
        return 0


class MoreText(str):
    def __len__(self) -> int:
        return 0

    def encode(self, *_: Any) -> bytes:  # type: ignore[override]
        return b"{}"


def strided(data: bytes) -> memoryview:
    return memoryview(bytes(byte for byte in data for _ in range(2)))[::2]


def padded(data: bytes) -> bytes:
    """The same payload in a multiple of four bytes."""
    return data + b" " * (-len(data) % 4)


LIKE_BYTES: dict[str, Callable[[bytes], Any]] = {
    "bytearray": bytearray,
    "memoryview": memoryview,
    "a subclass": MoreBytes,
    "strided": strided,
    "array": lambda data: array.array("b", data),
    "of integers": lambda data: memoryview(padded(data)).cast("I"),
}


@pytest.mark.parametrize("kind", LIKE_BYTES)
@pytest.mark.parametrize("name", ["json", "msgspec-json", "msgpack", "msgspec-msgpack"])
@pytest.mark.parametrize("cls", [Request, StreamEvent, Lenient, Link])
def test_what_is_like_bytes_is_read_and_measured_alike(kind: str, name: str, cls: Any) -> None:
    if kind == "of integers" and name in BINARY:
        pytest.skip("MessagePack has no white space to fill up with")
    payload = {
        Request: REQUEST,
        StreamEvent: {"event": "start", "request_id": "r", "trace_id": "t", "engine_id": "e"},
        Lenient: {"name": "a"},
        Link: {"request": REQUEST},
    }[cls]
    data = write(name, payload)
    size = len(padded(data)) if kind == "of integers" else len(data)
    assert codecs.get(name, max_bytes=size).decode(LIKE_BYTES[kind](data), cls) == codecs.get(name).decode(data, cls)
    with pytest.raises(DecodeError, match=f"^{size} bytes are more than the {size - 1} "):
        codecs.get(name, max_bytes=size - 1).decode(LIKE_BYTES[kind](data), cls)


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("cls", [Request, Link])
def test_text_is_measured_in_bytes(name: str, cls: Any) -> None:
    payload = {**REQUEST, "prompt": "é" * 10}
    text = write(name, payload if cls is Request else {"request": payload}).decode()
    for kind in (str, MoreText):
        assert codecs.get(name, max_bytes=len(text) + 10).decode(kind(text), cls)
        for short in (len(text) + 9, 10):
            with pytest.raises(DecodeError, match=f"bytes are more than the {short} that this codec takes"):
                codecs.get(name, max_bytes=short).decode(kind(text), cls)
    with pytest.raises(DecodeError, match=r"lone surrogate.*offset 1"):
        codecs.get(name).decode("{\ud800}", cls)


class Unreadable:
    """What is no buffer."""


@pytest.mark.parametrize("name", ["json", "msgspec-json", "msgpack", "msgspec-msgpack"])
@pytest.mark.parametrize("cls", [Request, StreamEvent, list[Request], Link])
def test_what_is_nothing_like_bytes(name: str, cls: Any) -> None:
    released = memoryview(b"{}")
    released.release()
    things = (released, Unreadable(), 5, None, [], {}, *(() if name in TEXT else ("{}",)))
    for thing in things:
        with pytest.raises(DecodeError, match=r"no (JSON|MessagePack): (bytes|the buffer)"):
            codecs.get(name).decode(thing, cls)
        with pytest.raises(DecodeError, match=r"no (JSON|MessagePack): (bytes|the buffer)"):
            codecs.get(name).decode_envelope(thing)


# Duplicates: the last one counts, whatever the others were


@pytest.mark.parametrize(
    "pairs",
    [
        [("max_tokens", b"\xa1x"), ("max_tokens", b"\x08")],
        [("max_tokens", b"\x08"), ("max_tokens", b"\xa1x")],
        [("metadata", b"\x81\x01\x02"), ("metadata", b"\x80"), ("max_tokens", b"\x08")],
        [("metadata", b"\x81\xa1k\xd4\x01\x00"), ("metadata", b"\x80"), ("max_tokens", b"\x08")],
        [("metadata", b"\x82\xa1k\xd4\x01\x00\xa1k\x01"), ("max_tokens", b"\x08")],
        [("metadata", b"\x82\xa1k\xa1\xff\xa1k\x01"), ("max_tokens", b"\x08")],
        [("metadata", b"\x82\xa1k\xcb\x7f\xf8" + bytes(6) + b"\xa1k\x01"), ("max_tokens", b"\x08")],
        [("metadata", b"\x81\xa1k" + b"\x91" * 200 + b"\xc0"), ("metadata", b"\x80"), ("max_tokens", b"\x08")],
        [("unknown", b"\x01"), ("max_tokens", b"\x08")],
    ],
)
def test_duplicates_in_messagepack(pairs: list[tuple[str, bytes]]) -> None:
    pairs = [("request_id", b"\xa1r"), ("trace_id", b"\xa1t"), *pairs]
    data = bytes([0x80 + len(pairs)]) + b"".join(msgpack.packb(key) + value for key, value in pairs)
    assert verdict("msgpack", data) == verdict("msgspec-msgpack", data)


@pytest.mark.parametrize(
    "members",
    [
        b'"max_tokens":"x","max_tokens":8',
        b'"max_tokens":8,"max_tokens":"x"',
        b'"max_tokens":8,"metadata":{"k":"\\ud800","k":1}',
        b'"max_tokens":8,"metadata":{"k":18446744073709551616,"k":1}',
        b'"max_tokens":8,"metadata":{"k":1,"k":18446744073709551616}',
        b'"max_tokens":8,"metadata":{"k":1e999},"metadata":{}',
        b'"max_tokens":8,"metadata":{"k":' + b"[" * 200 + b"]" * 200 + b'},"metadata":{}',
        b'"max_tokens":18446744073709551616,"max_tokens":8',
        b'"event":"delta","event":"start","engine_id":"e"',
        b'"event":"start","event":"delta","engine_id":"e"',
    ],
)
def test_duplicates_in_json(members: bytes) -> None:
    data = b'{"request_id":"r","trace_id":"t",' + members + b"}"
    for cls in (Request, StreamEvent):
        assert verdict("json", data, cls) == verdict("msgspec-json", data, cls)


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=3)
_free = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner))


@given(_free)
def test_one_verdict_on_free_json(value: Any) -> None:
    try:
        data = msgpack.packb({**REQUEST, "metadata": {"k": value}})
    except (OverflowError, ValueError):
        return
    assert verdict("msgpack", data) == verdict("msgspec-msgpack", data)


# Integers written as floats


@every_codec
@pytest.mark.parametrize(("written", "held"), [(8.0, 8), (1e15, 10**15), (2.0**53, 2**53), (1.0, 1)])
def test_an_integral_float_is_that_integer(name: str, written: float, held: int) -> None:
    request = codecs.get(name).decode(write(name, {**REQUEST, "max_tokens": written}), Request)
    assert request.max_tokens == held
    assert type(request.max_tokens) is int
    old = codecs.get(name, revision="0.1.0").decode(
        write(name, {**REQUEST, "model": "m", "prompt": "p", "stream": False, "max_tokens": written}), Request
    )
    assert type(old.max_tokens) is int
    assert codecs.get(name).decode(write(name, [{**REQUEST, "max_tokens": written}]), list[Request])[0] == request


@every_codec
@pytest.mark.parametrize("written", [8.5, -0.5, 2.0**53 + 2, 1e300, 2.0**63, math.inf, math.nan])
def test_a_float_that_is_no_integer(name: str, written: float) -> None:
    if name in TEXT and not math.isfinite(written):
        return
    with pytest.raises(ValidationError, match="max_tokens: must be int, got"):
        codecs.get(name).decode(write(name, {**REQUEST, "max_tokens": written}), Request)


@message
class Levelled:
    level: Level
    levels: dict[str, Level] = attrs.field(factory=dict)


@every_codec
def test_integral_floats_for_enumerations_of_integers(name: str) -> None:
    codec = codecs.get(name)
    assert codec.decode(write(name, {"level": 2.0, "levels": {"a": 1.0}}), Levelled).levels == {"a": Level.LOW}
    with pytest.raises(ValidationError, match=r"level: must be one of 1, 2, got 1\.5"):
        codec.decode(write(name, {"level": 1.5}), Levelled)


@every_codec
def test_a_bool_is_no_integer_and_a_float_no_bool(name: str) -> None:
    for field, wrong in (("max_tokens", True), ("stream", 1.0), ("stream", 1)):
        with pytest.raises(ValidationError):
            codecs.get(name).decode(write(name, {**REQUEST, field: wrong}), Request)


# Classes that are no messages


class Asked(Request):
    """A plain subclass."""


@attrs.define
class Job:
    asked: Asked


@every_codec
def test_nothing_is_decoded_into_a_plain_subclass(name: str) -> None:
    codec = codecs.get(name)
    for cls in (Asked, list[Asked], dict[str, Asked], Job):
        with pytest.raises(DeclarationError, match="Asked is a plain subclass of Request, and no message itself"):
            codec.decode(write(name, REQUEST), cls)
    assert codec.decode(codec.encode(Asked(**REQUEST)), Request) == Request(**REQUEST)


@every_codec
@pytest.mark.parametrize(
    ("cls", "payload"),
    [
        (dict, [[1, 2, 3]]),
        (dict, 5),
        (dict[str, int], [1]),
        (dict[str, int], {"a": "x"}),
        (list[int], 5),
        (int, "x"),
        (float, [1]),
        (set[int], {"a": 1}),
        (tuple[int, int], [1]),
    ],
)
def test_what_cattrs_cannot_convert_is_an_error_of_ours(name: str, cls: Any, payload: Any) -> None:
    with pytest.raises(ValidationError, match="must be"):
        codecs.get(name).decode(write(name, payload), cls)


# Dicts that are not plain


class LyingDict(dict[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("a lie")

    def get(self, *_: Any) -> Any:
        raise RuntimeError("a lie")

    keys = items = values = __iter__ = __len__ = __contains__ = get  # type: ignore[assignment]


class LyingKey(str):
    def __hash__(self) -> int:
        return hash(str.__str__(self))

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("a lie")


def test_dicts_that_lie_are_taken_for_what_they_hold() -> None:
    codec = codecs.get("dict")
    expected = Request(**REQUEST, metadata={"a": 1})
    for payload in (
        LyingDict(REQUEST, metadata=LyingDict(a=1)),
        OrderedDict(REQUEST, metadata=OrderedDict(a=1)),
        {LyingKey(key): value for key, value in {**REQUEST, "metadata": {LyingKey("a"): 1}}.items()},
    ):
        assert codec.decode(payload, Request) == expected
    event = LyingDict(event="start", request_id="r", trace_id="t", engine_id="e")
    assert codec.decode(event, StreamEvent) == StreamEventStart(request_id="r", trace_id="t", engine_id="e")


def test_an_option_never_becomes_source() -> None:
    class Limit(int):
        def __repr__(self) -> str:
            return "__import__('os').abort()"

    codec = codecs.get("msgspec-json", max_bytes=Limit(1000))
    assert codec.decode(write("json", REQUEST), Request) == Request(**REQUEST)


@every_codec
def test_floats_that_may_have_been_integers(name: str) -> None:
    metrics = {**METRICS, "ttft_ms": 1e19, "throughput_tps": 2.0**63}
    assert codecs.get(name).decode(write(name, metrics), Metrics).ttft_ms == 1e19
    free = {**REQUEST, "metadata": {"a": [1e300, -(2.0**64)], "b": {"c": 1e19}}}
    assert codecs.get(name).decode(write(name, free), Request).metadata == {"a": (1e300, -(2.0**64)), "b": {"c": 1e19}}


@every_codec
def test_what_cannot_be_written_is_found_among_what_is_shared(name: str) -> None:
    shared = ["x"] * 100
    request = Request(**REQUEST, metadata={"a": shared, "b": [shared, shared], "c": "\ud800"})
    with pytest.raises(EncodeError, match=r"^metadata\.c holds a lone surrogate"):
        codecs.get(name).encode(request)


class Wild(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("wild")


class Number(float):
    pass


@every_codec
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1: 2}, "the payload has a key that is no text: 1"),
        ([{"a": {None: 1}}], r"\[0\]\.a has a key that is no text: None"),
        ([math.nan], r"\[0\] is not finite"),
        ([{"a": Number("inf")}], r"\[0\]\.a is not finite"),
        ([{(1,): 1}], "cannot be turned into a payload: TypeError"),
        ([Wild(a=1)], "cannot be turned into a payload: RuntimeError"),
        ([1j], r"\[0\] is no message, nor anything that one holds"),
    ],
    ids=["key", "deep key", "nan", "infinity", "tuple", "wild", "complex"],
)
def test_what_is_no_message_is_refused_by_every_codec_alike(name: str, value: Any, words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        codecs.get(name).encode(value)


@every_codec
def test_what_is_no_message_may_be_written_all_the_same(name: str) -> None:
    codec = codecs.get(name)
    values = {"a": [Level.HIGH, uuid.UUID(int=1), Number(0.5), MoreText("x"), (1, None, True)], "b": Request(**REQUEST)}
    loads = {"dict": lambda it: it, "json": orjson.loads, "msgspec-json": orjson.loads}.get(name, msgpack.unpackb)
    written = loads(codec.encode(values))
    assert written["a"] == [2, str(uuid.UUID(int=1)), 0.5, "x", [1, None, True]]
    assert written["b"] == loads(codec.encode(Request(**REQUEST)))


@every_codec
def test_shared_lists_without_end_cannot_be_written(name: str) -> None:
    shared: Any = [1]
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(EncodeError, match="more than 33554432 values"):
        codecs.get(name).encode([shared])


WHOLE = {**REQUEST, "model": "m", "prompt": "p", "stream": False}
WRONG: dict[Any, list[Any]] = {
    list[Request]: [
        *({}, 7, {"request_id": 1}, WHOLE, {"no": 1}, [1], None),
        *({**WHOLE, "max_tokens": 0, "other": 1}, {**WHOLE, "metadata": {"a": 1}}),
    ],
    list[StreamEvent]: [{}, 7, {"event": 0}, {"event": "x"}, {"event": "delta"}, {"event": "error", "no": 1}, None],
    list[uuid.UUID]: [7, None, "x", "g" * 32, str(uuid.UUID(int=7)), "-" * 36, {}, [], 1.5, True],
    list[int]: [7, 7.0, -0.0, 7.5, 2.0**53, 2.0**60, None, "7", True, {}, []],
    list[float]: [7, 7.5, None, "7", True, {}, [1.0]],
    list[str]: ["x", 7, None, {}, [], True, 1.5],
    list[list[int]]: [[1], [1.0], ["x", None], 7, None, {}, "x", []],
}


@every_codec
@pytest.mark.parametrize("revision", ["latest", "0.1.0"])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_not_told_is_counted_all_the_same(name: str, revision: str, kind: Any) -> None:
    def found(payload: list[Any]) -> int:
        with pytest.raises(ValidationError) as raised:
            codecs.get(name, revision=revision).decode(write(name, payload), kind)
        assert len(raised.value.violations) <= 100
        return len(raised.value.violations) + raised.value.more

    one_by_one = sum(found([item]) for item in WRONG[kind] if not is_right(item, kind))
    assert found(WRONG[kind] * 200) == 200 * found(WRONG[kind]) == 200 * one_by_one


def is_right(item: Any, kind: Any) -> bool:
    try:
        codecs.get("dict").decode([item], kind)
    except ValidationError:
        return False
    return True


@every_codec
def test_a_number_that_is_wrong_is_told_as_it_was_given(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        codecs.get(name).decode(write(name, {**TOP, "ranks": [1.0, -1.0, 2.5, 3]}), Rank)
    assert [(it.path, it.value) for it in raised.value.violations] == [("ranks[1]", "-1.0"), ("ranks[2]", "2.5")]


TOP = {"name": "top"}


@message
class Rank:
    """A message with many whole numbers."""

    name: str
    ranks: Sequence[Annotated[int, annotated_types.Ge(0)]]


@every_codec
@pytest.mark.parametrize("unknown", ["forbid", "ignore"])
def test_rules_and_unknown_fields_are_counted_as_they_are_told(name: str, unknown: str) -> None:
    kept = {**METRICS, "tbt_ms": 1.0}
    wrong: list[Any] = [
        METRICS,
        {**METRICS, "tbt_ms": None, "other": 1},
        {**kept, "other": 2},
        {},
        {**kept, "ttft_ms": -1},
    ]

    def found(payload: list[Any]) -> int:
        with pytest.raises(ValidationError) as raised:
            codecs.get(name, revision="0.1.0", unknown=unknown).decode(write(name, payload), list[Metrics])
        assert raised.value.violations[0].path == "[0]"
        return len(raised.value.violations) + raised.value.more

    assert found(wrong) == {"forbid": 10, "ignore": 8}[unknown]
    assert found(wrong * 200) == 200 * found(wrong)


@attrs.define
class Lossy:
    event: StreamEventStart


@every_codec
def test_what_an_older_revision_cannot_say_is_a_loss_in_a_class_of_the_users_too(name: str) -> None:
    start = StreamEventStart(request_id="r", trace_id="t", engine_id="e")
    with pytest.raises(LossyDowngradeError, match="engine_id"):
        codecs.get(name, revision="0.1.0").encode(Lossy(start))


class Shade(enum.Enum):
    DARK = 1


@every_codec
def test_enumerations_and_uuids_among_what_is_no_message(name: str) -> None:
    loads = {"dict": lambda it: it, "json": orjson.loads, "msgspec-json": orjson.loads}.get(name, msgpack.unpackb)
    held = Holder({"a": Shade.DARK, "b": [uuid.UUID(int=2)]})
    written = codecs.get(name, configure=teach_holder).encode(held)
    assert loads(written) == {"value": {"a": 1, "b": [str(uuid.UUID(int=2))]}}


class Holder:
    """What cattrs knows no fields of, and a hook gives as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value


def teach_holder(converter: Any) -> None:
    converter.register_unstructure_hook(Holder, lambda held: {"value": held.value})


@attrs.define
class Batch:
    """A class of the user's that holds many messages."""

    requests: list[Request]
    named: dict[str, Request] = attrs.field(factory=dict)


@every_codec
def test_what_messages_in_a_class_of_the_users_do_not_tell_is_counted(name: str) -> None:
    payload = {"requests": [{**REQUEST, "messages": [0] * 250}] * 2, "named": {"k" * 5000: {}}}
    with pytest.raises(ValidationError) as raised:
        codecs.get(name).decode(write(name, payload), Batch)
    error = raised.value
    # 250 messages in each of two requests, and three required fields of the one that is named.
    assert (len(error.violations), error.more) == (100, 403)
    with pytest.raises(ValidationError) as raised:
        codecs.get(name).decode(write(name, {"requests": [], "named": {"k" * 5000: {}}}), Batch)
    assert len(raised.value.violations) == 3
    assert all(len(violation.path) < 200 for violation in raised.value.violations)
