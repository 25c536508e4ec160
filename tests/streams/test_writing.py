"""What a writer writes is byte for byte what the codec writes of the same message, and it refuses the same."""

from __future__ import annotations

import contextlib
import enum
import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from sagellm_protocol import evolve, history, streams
from sagellm_protocol.model import native
from sagellm_protocol.model.exceptions import (
    EncodeError,
    LossyDowngradeError,
    OptionError,
    ProtocolError,
    ValidationError,
)
from sagellm_protocol.openai_types import ChatCompletionStreamResponse, CompletionResponse
from sagellm_protocol.types import StreamEventDelta, StreamEventStart

FRAMINGS = ("sse", "json-lines", "msgpack")
DELTA = StreamEventDelta(request_id="r~\u00e9", trace_id="t", engine_id="e", content="first", content_tokens=[7])
CHUNK = ChatCompletionStreamResponse(
    id="c", created=1, model="m", choices=[{"index": 0, "delta": {"content": "first"}}]
)
COMPLETION = CompletionResponse(
    id="c",
    created=1,
    model="m",
    choices=[{"index": 0, "text": "", "finish_reason": None}],
    usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
)


class Word(str):
    __slots__ = ()


class Id(enum.IntEnum):
    ONE = 1


TEXTS = st.text() | st.sampled_from(
    ["\ud800", "\ud83d\ude00", "~" * 500, "\x00", "</script>", Word("x"), 5, None, b"x", ["x"]]
)
TOKEN = (
    st.integers(0, 2**16)
    | st.integers()
    | st.sampled_from([True, 1.0, 1.5, "1", None, Id.ONE, Fraction(2), 2**64 - 1, 2**64])
)
TOKENS = (
    st.lists(st.integers(0, 2**20), max_size=3)
    | st.lists(TOKEN, max_size=20)
    | st.lists(TOKEN, max_size=20).map(tuple)
    | st.sampled_from([range(3), "12", b"12", None, 1, {1: 2}, {1}, bytearray(b"x")])
)


def outcome(act: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return act(*arguments)
    except ProtocolError as error:
        return type(error), str(error)


def made(first: Any, framing: str, options: dict[str, Any]) -> Any:
    return streams.writer(first, framing, **options)


def with_text(first: Any, text: Any, tokens: Any) -> Any:
    """The message by the words of the law."""
    if isinstance(first, StreamEventDelta):
        return evolve(first, content=text, content_tokens=tokens)
    (choice,) = first.choices
    if isinstance(first, CompletionResponse):
        return evolve(first, choices=[evolve(choice, text=text)])
    return evolve(first, choices=[evolve(choice, delta=evolve(choice.delta, content=text))])


def ways() -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """Every message, framing and way of writing in which the message can be said."""
    for first, framing in itertools.product((DELTA, CHUNK, COMPLETION), FRAMINGS):
        codec = "msgspec-msgpack" if framing == "msgpack" else "msgspec-json"
        old = ({"revision": revision, "lossy": True} for revision in history.revisions)
        for options in ({}, {"omit_nulls": True}, {"omit_defaults": True}, {"codec": codec}, *old):
            with contextlib.suppress(LossyDowngradeError):
                streams.encoder(framing, **options)(first)
                yield first, framing, options


WAYS = list(ways())
WRITERS = [(way, made(*way), streams.encoder(way[1], **way[2])) for way in WAYS]


def test_messages_have_their_ways_at_every_revision() -> None:
    found = {options["revision"] for first, _, options in WAYS if "revision" in options and first is DELTA}
    assert found == set(history.revisions)
    assert {first for first, *_ in WAYS} == {DELTA, CHUNK, COMPLETION}


@settings(max_examples=300)
@given(text=TEXTS, tokens=TOKENS)
@example("a", [True])
@example("a", [1, False])
@example("a", (Id.ONE,))
@example("a", [1.0])
@example("a", range(2))
@example(Word("a"), [1])
@example("\ud800", [1])
@example("a", [2**64])
def test_a_writer_writes_what_the_codec_writes_and_refuses_what_it_refuses(text: Any, tokens: Any) -> None:
    for (first, _, _), writer, encode in WRITERS:
        values = (text, tokens) if first is DELTA else (text,)
        message = outcome(with_text, first, text, tokens)
        expected = message if isinstance(message, tuple) else outcome(encode, message)
        assert outcome(writer.delta, *values) == expected


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{type(way[0]).__name__}-{way[1]}-{way[2]}")
def test_what_does_not_change_is_encoded_once_in_every_way(way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, framing, options = way
    values = ('a"\u00e9', [1, 2]) if isinstance(first, StreamEventDelta) else ('a"\u00e9',)
    writer, expected = made(*way), streams.encoder(framing, **options)(with_text(first, 'a"\u00e9', [1, 2]))
    monkeypatch.setattr(streams.StreamEncoder, "__call__", lambda *_: pytest.fail("it is encoded whole"))
    assert writer.delta(*values) == expected


@pytest.mark.parametrize("framing", FRAMINGS)
def test_values_may_be_named(framing: str) -> None:
    writer, encode = streams.writer(DELTA, framing), streams.encoder(framing)
    assert writer.delta(content="a", tokens=[1]) == encode(with_text(DELTA, "a", [1]))
    assert streams.writer(CHUNK, framing).delta(content="a") == encode(with_text(CHUNK, "a", None))
    with pytest.raises(TypeError, match="delta"):
        writer.delta("a")  # type: ignore[call-arg]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_python_alone_writes_the_same(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "core", None)
    encode = streams.encoder(framing)
    assert streams.writer(DELTA, framing).delta("a", [1]) == encode(with_text(DELTA, "a", [1]))
    assert streams.writer(CHUNK, framing).delta("a") == encode(with_text(CHUNK, "a", None))


@pytest.mark.skipif(native.core is None, reason="there is no compiled core")
def test_the_core_vouches_for_nothing_but_what_is_plainly_right() -> None:
    def joint(around: Any, pack: Any) -> Any:
        assert native.core is not None
        return native.core.Joint(around, pack, (ValueError,), lambda *_: b"whole")

    for around in ((b"",), (b"",) * 4, (b"", "")):
        with pytest.raises(TypeError, match="around must be two or three bytes"):
            joint(around, bytes)
    with pytest.raises(TypeError):
        joint([b"", b""], bytes)
    assert joint((b"<", b">"), str.encode)("a") == b"<a>"
    assert joint((b"<", b">"), str.encode).__wrapped__() == b"whole"
    assert joint((b"<", b">"), str)("a") == b"whole"
    assert joint((b"<", b">"), int)("a") == b"whole"
    with pytest.raises(ZeroDivisionError):
        joint((b"<", b">"), lambda _: 1 // 0)("a")
    both = joint((b"<", b"|", b">"), lambda value: repr(value).encode())
    assert both("a", [1, 2]) == b"<'a'|[1, 2]>"
    assert both("a", ()) == b"<'a'|()>"
    for values in (("a",), (), ("a", [1], 2), ("a", [True]), ("a", {1}), (5, [1]), (Word("a"), [1])):
        assert both(*values) == b"whole"


def test_hooks_are_asked_for_each_message() -> None:
    def there(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    def back(payload: dict[str, Any]) -> dict[str, Any]:
        # Of other texts nothing tells that there is a hook.
        return {**payload, "chunk": "LOUD"} if payload["chunk"] == "loud" else payload

    history.hook(StreamEventDelta, since="0.4.0.8", down=back)(there)
    try:
        for framing in FRAMINGS:
            # A codec of its own: others were made before there was the hook.
            writer = streams.writer(DELTA, framing, revision="0.4.0.8", lossy=True, max_bytes=4321)
            assert b"LOUD" in writer.delta("loud", [1])
            assert b"loud" in streams.writer(DELTA, framing).delta("loud", [1])
    finally:
        history.unhook(there)


def test_what_a_codec_was_taught_is_asked_for_each_message() -> None:
    def shout(converter: Any) -> None:
        converter.register_unstructure_hook(StreamEventDelta, lambda event: {"said": event.content.upper()})

    writer = streams.writer(DELTA, "json-lines", configure=shout)
    assert writer.delta("loud", [1]) == b'{"said":"LOUD"}\n'
    chunks = streams.writer(CHUNK, "json-lines", configure=shout)
    assert b'"loud"' in chunks.delta("loud")


def test_what_is_wrong_is_told_in_the_words_of_the_class() -> None:
    writer = streams.writer(DELTA, "sse")
    with pytest.raises(ValidationError) as raised:
        writer.delta(5, [True])  # type: ignore[arg-type]
    assert [violation.path for violation in raised.value.violations] == ["content", "content_tokens[0]"]
    with pytest.raises(EncodeError, match="lone surrogate"):
        writer.delta("\ud800", [1])
    with pytest.raises(ValidationError, match="an integer within 64 bits"):
        writer.delta("", [2**64])
    with pytest.raises(ValidationError):
        streams.writer(CHUNK, "sse").delta(b"x")  # type: ignore[arg-type]


def test_of_what_no_writer_is_made() -> None:
    start = StreamEventStart(request_id="r", trace_id="t", engine_id="e")
    with pytest.raises(OptionError, match="first must be one of StreamEventDelta, ChatCompletionStreamResponse, Compl"):
        streams.writer(start, "sse")  # type: ignore[call-overload]
    for choices in ([], [CHUNK.choices[0], evolve(CHUNK.choices[0], index=1)]):
        with pytest.raises(OptionError, match=f"first must have one of choices.*got {len(choices)}"):
            streams.writer(evolve(CHUNK, choices=choices), "sse")
    with pytest.raises(OptionError, match="no framing"):
        streams.writer(DELTA, "lines")
    with pytest.raises(LossyDowngradeError):
        streams.writer(DELTA, "sse", revision="0.1.0")
    with pytest.raises(EncodeError):
        streams.writer(evolve(DELTA, request_id="\ud800"), "sse")


@given(st.text(), st.text(), st.lists(st.integers(0, 9)))
def test_what_stays_the_same_may_look_like_what_changes(request_id: str, content: str, tokens: list[int]) -> None:
    first = evolve(DELTA, request_id=request_id, engine_id=request_id, content=content, content_tokens=tokens)
    for framing in FRAMINGS:
        writer, encode = streams.writer(first, framing), streams.encoder(framing)
        assert writer.delta(content, tokens) == encode(first)
