"""What each codec says to input that is no message, row by row; and to messages that cannot travel."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import msgpack
import pytest

from declared import Everything, Leaf, Lenient, Tree
from payloads import nested
from sagellm_protocol import codecs
from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import DecodeError, EncodeError, ProtocolError, ValidationError
from sagellm_protocol.openai_types import ChatMessage, ModelInfo
from sagellm_protocol.types import Metrics, Request, StreamEvent, StreamEventStart
from specimens import minimal

NAMES = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
every_codec = pytest.mark.parametrize("name", NAMES)
REQUEST: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1}

WRITE: dict[str, Callable[[Any], Any]] = {
    "json": lambda payload: json.dumps(payload).encode(),
    "msgpack": msgpack.packb,
    "dict": lambda payload: payload,
    "msgspec-json": lambda payload: json.dumps(payload).encode(),
    "msgspec-msgpack": msgpack.packb,
}


def decode(name: str, payload: Any, cls: Any = Request, **options: Any) -> Any:
    return codecs.get(name, **options).decode(WRITE[name](payload), cls)


# Bytes that are none


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", None),
        (b"{", None),
        (b'{"request_id": "r"', 18),
        (b'{"request_id": }', 15),
        (b"{} {}", 3),
        (b"{}x", 2),
        (b"nil", None),
        (b"NaN", None),
        (b'{"request_id": NaN}', 15),
        (b'{"request_id": Infinity}', 15),
        (b"'single'", 0),
        (b'{"a": 1,}', None),
        (b"\xef\xbb\xbf{}", None),
        (b'"\xff"', None),
        (b'{"request_id": "\xc3("}', None),
        (b'"\\ud800"', None),
        ('{"request_id": "é"', 18),
        (b"[" * 2000, None),
        (b"[" * 2000 + b"]" * 2000, None),
    ],
)
def test_bytes_that_are_no_json(data: Any, offset: int | None) -> None:
    for decode in (codecs.get("json").decode, lambda data, cls: codecs.get("json").decoder(cls)(data)):
        with pytest.raises(DecodeError) as raised:
            decode(data, Request)
        assert raised.value.offset is not None or b"[" * 1000 in data
        if offset is not None:
            assert raised.value.offset == offset
            assert str(raised.value).endswith(f"(at offset {offset})")


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", None),
        (b"\x81", None),
        (b"\x81\xa1a", None),
        (b"\xc1", None),
        (b"\x80\x80", 1),
        (msgpack.packb(REQUEST) + b"\x00", len(msgpack.packb(REQUEST))),
        (b"\xa1\xff", None),
        (b"\x81\xaarequest_id\xa1\xff", None),
        (b"\x81\xa1\xff\x01", None),
        (b"\x91" * 2000, None),
        (b"\x91" * 2000 + b"\x01", None),
        (b"\x81\x90\x01", None),
        (b"\x81\x80\x01", None),
        (msgpack.packb({"request_id": msgpack.ExtType(4, b"x")}), None),
        (msgpack.packb({"request_id": msgpack.Timestamp(1, 2)}), None),
        (b"\xdd\xff\xff\xff\xff", None),
        (b"\xdb\xff\xff\xff\xffx", None),
        ("text", None),
    ],
)
def test_bytes_that_are_no_msgpack(data: Any, offset: int | None) -> None:
    with pytest.raises(DecodeError) as raised:
        codecs.get("msgpack").decode(data, Request)
    assert raised.value.offset == offset
    assert str(raised.value).startswith(("no MessagePack: ", "MessagePack extension type ", "a key is no text but "))


@pytest.mark.parametrize(("name", "kind"), [("json", bytes), ("json", bytearray), ("json", memoryview)])
def test_any_bytes_will_do(name: str, kind: Any) -> None:
    for name in ("json", "msgpack"):
        data = kind(WRITE[name](REQUEST))
        assert codecs.get(name).decode(data, Request) == Request(**REQUEST)
        with pytest.raises(ValidationError):
            codecs.get(name).decode(kind(WRITE[name]({})), Request)


def test_json_may_be_text() -> None:
    assert codecs.get("json").decode(json.dumps(REQUEST), Request) == Request(**REQUEST)
    text = json.dumps({**REQUEST, "prompt": "é\U0001f600", "max_tokens": 2**64}, ensure_ascii=False)
    with pytest.raises(DecodeError, match="max_tokens is an integer past 64 bits"):
        codecs.get("json").decode(text, Request)


@pytest.mark.parametrize("name", ["json", "msgpack"])
@pytest.mark.parametrize("cls", [Request, StreamEvent, list[Request]], ids=str)
def test_max_bytes(name: str, cls: Any) -> None:
    event = {"event": "start", "request_id": "r", "trace_id": "t", "engine_id": "e"}
    payload: Any = REQUEST if cls is Request else [REQUEST] if cls is not StreamEvent else event
    data = WRITE[name](payload)
    assert codecs.get(name, max_bytes=len(data)).decode(data, cls)
    for most in (len(data) - 1, 0):
        with pytest.raises(DecodeError, match=f"{len(data)} bytes are more than the {most} that this codec takes"):
            codecs.get(name, max_bytes=most).decode(data, cls)
    assert codecs.get(name).options.max_bytes == 64 * 1024 * 1024


def test_a_dict_has_no_length() -> None:
    assert codecs.get("dict", max_bytes=0).decode(REQUEST, Request) == Request(**REQUEST)


# Depth


def chain(levels: int) -> dict[str, Any]:
    """A message in a message in a message."""
    payload: dict[str, Any] = {"name": "x"}
    for _ in range(levels - 1):
        payload = {"name": "x", "only": payload}
    return payload


@every_codec
@pytest.mark.parametrize("levels", [101, 127, 128, 129, 130, 500])
def test_128_levels_and_no_more(name: str, levels: int) -> None:
    """Where a message does not look at a value at all, and where it holds itself."""
    lenient = {"name": "a", "extra": nested(levels - 1)}
    cases: list[tuple[Any, Any]] = [(Lenient, lenient), (Tree, chain(levels)), (list[Tree], [chain(levels - 1)])]
    for cls, payload in cases:
        if levels <= 128:
            assert decode(name, payload, cls)
        else:
            with pytest.raises(DecodeError, match="deeper than 128 levels"):
                decode(name, payload, cls)


@every_codec
def test_what_nests_too_deep_is_not_written_either(name: str) -> None:
    """What one side writes, the other can read."""
    tree = Tree(name="x")
    for _ in range(126):  # 127 trees, and in the innermost a level for its empty sequence of children
        tree = Tree(name="x", only=tree)
    codec = codecs.get(name)
    assert codec.decode(codec.encode(tree), Tree) == tree
    with pytest.raises(EncodeError, match="deeper than 128 levels"):
        codec.encode(Tree(name="x", only=tree))


@every_codec
def test_free_json_nests_100_levels(name: str) -> None:
    assert decode(name, {**REQUEST, "metadata": {"k": nested(99)}}).metadata
    for levels in (100, 110):
        with pytest.raises(ValidationError, match="at most 100 levels deep"):
            decode(name, {**REQUEST, "metadata": {"k": nested(levels)}})
    with pytest.raises(DecodeError, match="deeper than 128 levels"):
        decode(name, {**REQUEST, "metadata": {"k": nested(127)}})


CIRCLE = """
from sagellm_protocol import codecs
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.types import Request

circle = {}
circle["k"] = [circle]
for field in ("metadata", "extra"):
    payload = {"request_id": "r", "trace_id": "t", "max_tokens": 1, field: circle}
    try:
        codecs.get("dict", unknown="ignore").decode(payload, Request)
    except DecodeError as error:
        print(error)
"""


def test_a_dict_that_holds_itself_is_refused() -> None:
    # In a process of its own, as one that goes round and round cannot be stopped otherwise.
    done = subprocess.run([sys.executable, "-c", CIRCLE], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.splitlines() == ["the payload nests deeper than 128 levels"] * 2


# Integers


@every_codec
@pytest.mark.parametrize(
    "value",
    [
        2**64,
        -(2**63) - 1,
        2**70,
        10**25,
        pytest.param(10**400, id="400 digits"),
        pytest.param(10**5000, id="5000 digits"),
    ],
)
def test_integers_past_64_bits(name: str, value: int) -> None:
    if name.endswith("msgpack"):
        return  # it cannot say them
    # JSON of so many digits cannot be made in Python: a marker stands for them.
    written: Any = "MANY DIGITS" if name.endswith("json") and value == 10**5000 else value
    payloads: list[tuple[str, Any]] = [
        ("max_tokens", {**REQUEST, "max_tokens": written}),
        ("metadata.k", {**REQUEST, "metadata": {"k": written}}),
        ("metadata.k[1].k", {**REQUEST, "metadata": {"k": [1, {"k": written}]}}),
    ]
    for path, payload in payloads:
        data: Any = payload
        if name.endswith("json"):
            data = json.dumps(payload).replace('"MANY DIGITS"', "1" + "0" * 5000).encode()
        with pytest.raises(DecodeError) as raised:
            codecs.get(name, unknown="ignore").decode(data, Request)
        if name == "dict" or value < 10**300:  # of longer ones the JSON parser says that they are infinite
            assert str(raised.value) == f"{path} is an integer past 64 bits"


@pytest.mark.parametrize("name", ["json", "dict", "msgspec-json"])
@pytest.mark.parametrize("kind", [int, Any])
def test_a_bare_integer_past_64_bits(name: str, kind: Any) -> None:
    with pytest.raises(DecodeError) as raised:
        codecs.get(name).decode(2**70 if name == "dict" else b"%d" % 2**70, kind)
    assert str(raised.value) == "the payload is an integer past 64 bits"


@every_codec
@pytest.mark.parametrize("value", [2**64 - 1, 2**63, 2**63 - 1, -(2**63), 0])
def test_integers_of_64_bits(name: str, value: int) -> None:
    assert decode(name, {**REQUEST, "metadata": {"k": [value]}}).metadata["k"] == (value,)
    message = Request(**REQUEST, metadata={"k": value})
    codec = codecs.get(name)
    assert codec.decode(codec.encode(message), Request) == message
    if value > 0:
        assert decode(name, {**REQUEST, "max_tokens": value}).max_tokens == value
    assert decode(name, {"id": "m", "created": value}, ModelInfo).created == value


@every_codec
def test_large_floats_are_no_integers(name: str) -> None:
    value = decode(name, {**REQUEST, "metadata": {"k": 2.0**64, "l": [-1e300]}}).metadata
    assert value == {"k": 2.0**64, "l": (-1e300,)}
    assert type(value["k"]) is float
    with pytest.raises(ValidationError, match=r"max_tokens: must be int, got 1\.8446744073709552e\+19"):
        decode(name, {**REQUEST, "max_tokens": 2.0**64})


@pytest.mark.parametrize("name", ["json", "dict"])
def test_a_float_may_be_written_as_a_large_integer(name: str) -> None:
    metrics = {"ttft_ms": 2**70, "throughput_tps": 1, "peak_mem_mb": 1, "error_rate": 0}
    assert decode(name, metrics, Metrics).ttft_ms == 2.0**70
    with pytest.raises(ProtocolError):
        decode(name, {**metrics, "ttft_ms": 10**400}, Metrics)


# Values


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"max_tokens": "1"}, ["max_tokens: must be int, got '1'"]),
    ({"max_tokens": True}, ["max_tokens: must be int, got True"]),
    ({"max_tokens": 1.5}, ["max_tokens: must be int, got 1.5"]),
    ({"max_tokens": 0}, ["max_tokens: must be > 0, got 0"]),
    ({"temperature": 2.5}, ["temperature: must be <= 2, got 2.5"]),
    ({"temperature": 3}, ["temperature: must be <= 2, got 3"]),
    ({"phase": "both"}, ["phase: must be one of 'prefill', 'decode', got 'both'"]),
    ({"extra": [1]}, ["extra: must be a known field, got [1]"]),
    ({"messages": {}}, ["messages: must be a sequence, got {}"]),
    ({"messages": [{"role": "user", "content": ""}, 1]}, ["messages[1]: must be an object, got 1"]),
    ({"messages": [{"role": "nobody", "content": ""}]}, ["messages[0].role: must be one of"]),
    ({"metadata": [1]}, ["metadata: must be a mapping, got [1]"]),
    ({"stream": None}, ["stream: must be bool, got None"]),
    (
        {"request_id": 1, "max_tokens": -1, "top_p": 0, "sampling_params": {"top_k": "x", "alpha": 2}},
        [
            "request_id: must be str, got 1",
            "max_tokens: must be > 0, got -1",
            "sampling_params.top_k: must be int, got 'x'",
            "sampling_params.alpha: must be <= 1, got 2",
            "top_p: must be > 0, got 0",
        ],
    ),
]


@every_codec
@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_every_violation_at_once(name: str, wrong: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        decode(name, {**REQUEST, **wrong})
    assert raised.value.message_name == "types.Request"
    said = [str(violation) for violation in raised.value.violations]
    assert len(said) == len(words)
    for found, expected in zip(said, words, strict=True):
        assert found.startswith(expected)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@every_codec
def test_what_is_missing(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        decode(name, {})
    assert [str(found) for found in raised.value.violations] == [
        "request_id: required",
        "trace_id: required",
        "max_tokens: required",
    ]


@every_codec
@pytest.mark.parametrize("payload", [None, 1, "x", [], [REQUEST], True])
def test_payloads_that_are_no_object(name: str, payload: Any) -> None:
    with pytest.raises(ValidationError, match="must be an object"):
        decode(name, payload)
    with pytest.raises(ValidationError, match="must be an object"):
        decode(name, payload, StreamEvent)
    if not isinstance(payload, list):
        with pytest.raises(ValidationError, match="must be a sequence"):
            decode(name, payload, list[Request])


@pytest.mark.parametrize("name", ["msgpack", "dict"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(name: str, value: float) -> None:
    for wrong in ({"temperature": value}, {"metadata": {"k": [value]}}):
        with pytest.raises(ValidationError, match="must be finite"):
            decode(name, {**REQUEST, **wrong})
    with pytest.raises(ValidationError, match=r"extra: must be a known field, got"):
        decode(name, {**REQUEST, "extra": value})


@pytest.mark.parametrize("unknown", ["forbid", "ignore"])
def test_keys_are_texts(unknown: str) -> None:
    for key in (1, None, b"k", 1.5, True):
        for name in ("dict", *(("msgpack", "msgspec-msgpack") if isinstance(key, bytes) else ())):
            with pytest.raises(ValidationError, match="metadata: must be JSON with texts as keys, got "):
                decode(name, {**REQUEST, "metadata": {key: 2}}, unknown=unknown)
            with pytest.raises(ValidationError, match=r"itself\): must be a mapping from text, got "):
                decode(name, {**REQUEST, key: 2}, unknown=unknown)
    for name in ("msgpack", "msgspec-msgpack"):
        for payload in ({1: 2}, {"metadata": {1: 2}}, {"unknown": {"deep": {None: 2}}}):
            with pytest.raises(DecodeError, match=r"a key is no text but (int|NoneType)"):
                decode(name, {**REQUEST, **payload}, unknown=unknown)


@pytest.mark.parametrize("name", ["msgpack", "dict"])
def test_values_are_json(name: str) -> None:
    with pytest.raises(ValidationError, match=r"metadata\.k: must be JSON, got b'x'"):
        decode(name, {**REQUEST, "metadata": {"k": b"x"}})


def test_a_dict_may_hold_what_other_formats_cannot() -> None:
    for value in ({1}, object(), 1j):
        with pytest.raises(ValidationError, match=r"metadata\.k: must be JSON"):
            decode("dict", {**REQUEST, "metadata": {"k": value}})
    assert decode("dict", {**REQUEST, "metadata": {"k": (1, (2,))}}).metadata == {"k": (1, (2,))}


# Writing


UNWRITABLE: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "a\ud800"}, "prompt holds a lone surrogate"),
    ({"metadata": {"k": "\udfff"}}, "metadata.k holds a lone surrogate"),
    ({"metadata": {"\ud800": 1}}, "metadata holds a lone surrogate"),
    ({"metadata": {"k": [{"\ud800": 1}]}}, "metadata.k[0] holds a lone surrogate"),
    ({"messages": [ChatMessage(role="user", content="\ud83d")]}, "messages[0].content holds a lone surrogate"),
]


@every_codec
@pytest.mark.parametrize("omit_defaults", [False, True])
@pytest.mark.parametrize(("fields", "words"), UNWRITABLE, ids=[words for _, words in UNWRITABLE])
def test_values_that_no_format_can_carry(name: str, omit_defaults: bool, fields: Any, words: str) -> None:
    message = Request(**{**REQUEST, **fields})
    codec = codecs.get(name, omit_defaults=omit_defaults)
    for write in (codec.encode, codec.encoder(Request)):
        with pytest.raises(EncodeError) as raised:
            write(message)
        assert str(raised.value).startswith(words)
        assert "no format can carry" in str(raised.value)
        str(raised.value).encode()  # the words themselves can be logged
    with pytest.raises(EncodeError):
        codec.encode([Request(**REQUEST), message])
    # The codec is as good as before.
    assert codec.decode(codec.encode(Request(**REQUEST)), Request) == Request(**REQUEST)


@every_codec
@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, b"x"])
def test_what_is_no_message_is_not_written(name: str, value: Any) -> None:
    with pytest.raises(EncodeError) as raised:
        codecs.get(name).encode(value)
    assert "levels" not in str(raised.value)


# Unknown fields


@every_codec
def test_unknown_fields(name: str) -> None:
    strange = {**REQUEST, "extra": {"deep": [1]}}
    with pytest.raises(ValidationError, match="a known field"):
        decode(name, strange)
    with pytest.raises(ValidationError, match="a known field"):
        decode(name, strange, unknown="forbid")
    assert decode(name, strange, unknown="ignore") == Request(**REQUEST)
    friendly = {"role": "user", "content": "x", "site": {"id": 1}}
    kept = ChatMessage(role="user", content="x", extra={"site": {"id": 1}})
    assert decode(name, friendly, ChatMessage) == kept
    assert decode(name, friendly, ChatMessage, unknown="ignore") == ChatMessage(role="user", content="x")
    with pytest.raises(ValidationError, match="site: must be a known field"):
        decode(name, friendly, ChatMessage, unknown="forbid")
    # A message inside another follows its own rule.
    within = {**REQUEST, "messages": [friendly]}
    assert decode(name, within).messages == (kept,)
    with pytest.raises(ValidationError, match=r"messages\[0\]\.site: must be a known field"):
        decode(name, within, unknown="forbid")
    with pytest.raises(ValidationError, match="max_tokens: required"):
        decode(name, {"request_id": "r", "trace_id": "t", "extra": 1}, unknown="ignore")


@every_codec
def test_as_many_fields_as_there_are_but_one_unknown(name: str) -> None:
    whole = {"id": "m", "object": "model", "created": 1, "extra": 2}
    assert decode(name, whole, ModelInfo) == ModelInfo(id="m", created=1, extra={"extra": 2})
    assert decode(name, whole, ModelInfo, unknown="ignore") == ModelInfo(id="m", created=1)
    with pytest.raises(ValidationError, match="extra: must be a known field"):
        decode(name, {"extra": 1}, Leaf)


# The events of a stream


@every_codec
def test_events_are_told_by_tag_or_by_fields(name: str) -> None:
    start = {"request_id": "r", "trace_id": "t", "engine_id": "e"}
    delta = {**start, "content": "x", "content_tokens": [1]}
    for payload, tag in ((start, "start"), (delta, "delta")):
        assert decode(name, {"event": tag, **payload}, StreamEvent).event == tag
        assert decode(name, payload, StreamEvent).event == tag
        assert decode(name, [payload, {"event": tag, **payload}], list[StreamEvent])[0].event == tag
    for wrong in ("begin", None, 1, ["start"], {}, True, ""):
        with pytest.raises(ValidationError) as raised:
            decode(name, {**start, "event": wrong}, StreamEvent)
        assert [(found.path, found.rule) for found in raised.value.violations] == [
            ("event", "one of 'start', 'delta', 'end'")
        ]
    with pytest.raises(ValidationError, match="content: required"):
        decode(name, {**start, "event": "delta"}, StreamEvent)
    with pytest.raises(ValidationError, match="content: must be a known field"):
        decode(name, {**delta, "event": "start"}, StreamEvent)
    with pytest.raises(ValidationError, match="must be one of"):
        decode(name, {"request_id": "r"}, StreamEvent)
    with pytest.raises(ValidationError, match="event: must be 'start'"):
        decode(name, {**start, "event": "delta"}, StreamEventStart)
    # Without its tag, what is only for a start is refused where the fields are a delta's.
    assert decode(name, {**start, "prompt_tokens": 3}, StreamEvent).prompt_tokens == 3


@every_codec
def test_paths_in_lists(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        decode(name, [REQUEST, {}, {**REQUEST, "max_tokens": 0}], list[Request])
    assert [found.path for found in raised.value.violations] == [
        "[1].request_id",
        "[1].trace_id",
        "[1].max_tokens",
        "[2].max_tokens",
    ]


# Classes of the user


@attrs.define
class Envelope:
    """A plain class that holds messages."""

    request: Request
    number: int
    events: list[StreamEvent] = attrs.field(factory=list)


ENVELOPE: dict[str, Any] = {
    "request": REQUEST,
    "number": 2,
    "events": [{"event": "start", "request_id": "r", "trace_id": "t", "engine_id": "e"}],
}


@every_codec
def test_a_class_of_the_user_may_hold_messages(name: str) -> None:
    codec = codecs.get(name)
    start = StreamEventStart(request_id="r", trace_id="t", engine_id="e")
    envelope = Envelope(Request(**REQUEST), 2, [start])
    assert codec.decode(codec.encode(envelope), Envelope) == envelope
    assert decode(name, ENVELOPE, Envelope) == envelope
    assert codec.encoder(Envelope)(envelope) == codec.encode(envelope)


@every_codec
def test_a_class_of_the_user_is_checked_as_well(name: str) -> None:
    wrong = {**ENVELOPE, "request": {**REQUEST, "max_tokens": 0, "trace_id": 1}}
    with pytest.raises(ValidationError) as raised:
        decode(name, wrong, Envelope)
    said = str(raised.value)
    assert "request.max_tokens: must be > 0, got 0" in said
    assert "request.trace_id: must be str, got 1" in said
    with pytest.raises(ValidationError) as raised:
        decode(name, {"request": REQUEST}, Envelope)
    assert "number" in str(raised.value)


@pytest.mark.parametrize("name", ["json", "dict"])
def test_large_integers_in_a_class_of_the_user(name: str) -> None:
    for wrong in ({"metadata": {"k": 2**64}}, {"max_tokens": 2**64}):
        with pytest.raises(DecodeError, match="past 64 bits"):
            decode(name, {**ENVELOPE, "request": {**REQUEST, **wrong}}, Envelope)


@every_codec
def test_limits_hold_for_a_class_of_the_user(name: str) -> None:
    if name != "dict":
        with pytest.raises(DecodeError, match="more than the 3"):
            decode(name, ENVELOPE, Envelope, max_bytes=3)
    deep = {**ENVELOPE, "request": {**REQUEST, "extra": nested(127)}}
    with pytest.raises(DecodeError, match="deeper than 128 levels"):
        decode(name, deep, Envelope, unknown="ignore")


# The errors themselves


def test_errors_can_be_sent() -> None:
    for act in (
        lambda: codecs.get("json").decode(b"{", Request),
        lambda: codecs.get("json").decode(b"{}", Request),
        lambda: codecs.get("json").encode(Request(**REQUEST, prompt="\ud800")),
        lambda: codecs.get("yaml"),
        lambda: codecs.get("json", revision="9.9"),
    ):
        with pytest.raises(ProtocolError) as raised:
            act()
        error = raised.value.to_error()
        assert isinstance(error, Error)
        assert isinstance(error.code, ErrorCode)
        assert error.message == str(raised.value)
        assert error.retryable is False
        codecs.get("json").encode(error)
        again = pickle.loads(pickle.dumps(raised.value))
        assert type(again) is type(raised.value)
        assert str(again) == str(raised.value)
        assert vars(again) == vars(raised.value)


@pytest.mark.parametrize(
    "value",
    [10**5000, "x" * 10**6, list(range(10**6)), {str(n): n for n in range(10**5)}],
    ids=["integer", "text", "list", "dict"],
)
def test_values_are_cut_short_in_words(value: Any) -> None:
    with pytest.raises(ProtocolError) as raised:
        from_plain(Request, {**REQUEST, "request_id": value if not isinstance(value, str) else [value]})
    assert len(str(raised.value)) < 500


@every_codec
def test_every_annotation_travels(name: str) -> None:
    message = Everything(**minimal(Everything))
    codec = codecs.get(name)
    assert codec.decode(codec.encode(message), Everything) == message
