"""Streams of OpenAI's chunks put together."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import ValidationError, evolve, streams
from sagellm_protocol.openai_types import (
    ChatCompletionResponse,
    ChatCompletionStreamResponse,
    ChatCompletionUsage,
    CompletionResponse,
)
from sagellm_protocol.streams.assembling.chunk_rules import ANSWERS, CHUNKS, CONTINUATIONS
from sagellm_protocol.streams.exceptions import BrokenOffError, StreamError

ABOUT: dict[str, Any] = {"id": "c", "created": 5, "model": "m"}
USAGE = ChatCompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)


def chunk(*choices: dict[str, Any], **fields: Any) -> ChatCompletionStreamResponse:
    return ChatCompletionStreamResponse(**{**ABOUT, "choices": choices, **fields})


def part(index: int = 0, finish: str | None = None, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": logprobs}


def call(index: int, id: str | None = None, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


def text(index: int = 0, finish: str | None = None, text: str = "", **fields: Any) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": finish, **fields}


def piece(*choices: dict[str, Any], **fields: Any) -> CompletionResponse:
    return CompletionResponse(**{**ABOUT, "choices": choices, **fields})


def probable(*tokens: str) -> list[dict[str, Any]]:
    return [{"token": token, "logprob": -1.0, "top_logprobs": [{"token": token, "logprob": -1.0}]} for token in tokens]


async def later(chunks: Sequence[Any]) -> AsyncIterator[Any]:
    for found in chunks:
        await asyncio.sleep(0)
        yield found


def chat(*chunks: ChatCompletionStreamResponse) -> ChatCompletionResponse:
    """What both ways make of a stream."""
    answer = streams.assemble_chat(chunks)
    assert asyncio.run(streams.assemble_chat_async(later(chunks))) == answer
    return answer


def completion(*chunks: CompletionResponse) -> CompletionResponse:
    answer = streams.assemble_completion(chunks)
    assert asyncio.run(streams.assemble_completion_async(later(chunks))) == answer
    return answer


def test_an_answer_as_openai_streams_it() -> None:
    answer = chat(
        chunk(part(role="assistant", content=""), system_fingerprint="f"),
        chunk(part(content="Hel")),
        chunk(part(content="lo")),
        chunk(part(finish="stop")),
        chunk(usage=USAGE, service_tier="default"),
    )
    assert answer == ChatCompletionResponse(
        **ABOUT,
        choices=[{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        usage=USAGE,
        system_fingerprint="f",
        service_tier="default",
    )


@given(
    answers=st.dictionaries(st.integers(0, 3), st.lists(st.text(), max_size=4), min_size=1, max_size=3),
    chance=st.randoms(),
)
def test_answers_that_come_in_turns(answers: dict[int, list[str]], chance: Any) -> None:
    waiting = {index: [*pieces, None] for index, pieces in answers.items()}
    chunks: list[ChatCompletionStreamResponse] = []
    while waiting:
        some = [index for index in waiting if chance.random() < 0.7]
        found = [(index, waiting[index].pop(0)) for index in some]
        waiting = {index: rest for index, rest in waiting.items() if rest}
        parts = [
            part(i, "length" if it is None else None, **({} if it is None else {"content": it})) for i, it in found
        ]
        chunks.append(chunk(*parts))
    answer = chat(*chunks)
    assert {choice.index: choice.message.content for choice in answer.choices} == {
        index: "".join(pieces) for index, pieces in answers.items()
    }
    assert [choice.index for choice in answer.choices] == sorted(answers)


def test_tool_calls_in_fragments() -> None:
    answer = chat(
        chunk(part(role="assistant", content=None)),
        chunk(part(tool_calls=[call(1, "b", "second", "{")])),
        chunk(part(tool_calls=[call(0, "a", "first", ""), call(1, None, None, "}")])),
        chunk(part(tool_calls=[call(0, "", "first", '{"x":'), call(0, arguments="1}"), {"index": 0}])),
        chunk(part(finish="tool_calls")),
    )
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert [(found.id, found.function.name, found.function.arguments) for found in choice.message.tool_calls or ()] == [  # type: ignore[union-attr]
        ("a", "first", '{"x":1}'),
        ("b", "second", "{}"),
    ]


def test_a_call_in_the_form_of_before() -> None:
    answer = chat(
        chunk(part(function_call={"name": "f", "arguments": ""})),
        chunk(part(function_call={"arguments": "{}"})),
        chunk(part(finish="function_call", function_call={})),
    )
    called = answer.choices[0].message.function_call
    assert called is not None
    assert (called.name, called.arguments) == ("f", "{}")


def test_refusals_and_log_probabilities() -> None:
    answer = chat(
        chunk(part(refusal="I ", logprobs={"refusal": probable("I ")})),
        chunk(part(refusal="won't", logprobs={"refusal": probable("won't")})),
        chunk(part(finish="stop", logprobs={"content": []})),
    )
    (choice,) = answer.choices
    assert (choice.message.refusal, choice.message.content) == ("I won't", None)
    assert choice.logprobs is not None
    assert [found.token for found in choice.logprobs.refusal or ()] == ["I ", "won't"]
    assert choice.logprobs.content == ()


@given(st.lists(st.binary(max_size=8), min_size=1))
def test_recordings_are_made_of_the_bytes_of_all_fragments(pieces: list[bytes]) -> None:
    fragments = [chunk(part(audio={"data": b64encode(data).decode(), "transcript": "x"})) for data in pieces]
    ends = chunk(part(finish="stop", audio={"expires_at": 9}))
    audio = chat(chunk(part(audio={"id": "a"})), *fragments, ends).choices[0].message.audio
    assert audio is not None
    assert (audio.id, audio.expires_at, audio.transcript) == ("a", 9, "x" * len(pieces))
    assert b64decode(audio.data or "") == b"".join(pieces)


def test_a_recording_that_was_never_sent() -> None:
    audio = chat(chunk(part(audio={"id": "a"}, finish="stop"))).choices[0].message.audio
    assert audio is not None
    assert (audio.data, audio.transcript) == (None, None)


def test_chunks_that_say_nothing_of_any_answer() -> None:
    answer = chat(
        chunk(id="", model=""),
        chunk(part(content="x", finish="stop")),
        chunk(),
        chunk(usage=USAGE),
        chunk(),
    )
    assert (answer.id, answer.model, answer.usage) == ("c", "m", USAGE)
    assert chat(chunk(part(finish="stop"))).choices[0].message.content == ""


def test_usage_that_is_told_all_along() -> None:
    early = evolve(USAGE, completion_tokens=1, total_tokens=2)
    answer = chat(chunk(part(content="x"), usage=early), chunk(part(finish="stop"), usage=USAGE))
    assert answer.usage == USAGE


def test_continuations() -> None:
    answer = completion(
        piece(text(text="a", logprobs={"tokens": ["a"], "text_offset": [0], "top_logprobs": [{"a": -1.0}]})),
        piece(text(1, text="x")),
        piece(
            text(text="b", logprobs={"tokens": ["b"], "text_offset": [1], "top_logprobs": [None]}), text(1, "length")
        ),
        piece(text(finish="stop")),
        piece(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    )
    first, second = answer.choices
    assert (first.text, first.finish_reason, second.text, second.finish_reason) == ("ab", "stop", "x", "length")
    assert first.logprobs is not None
    assert (first.logprobs.tokens, first.logprobs.text_offset) == (("a", "b"), (0, 1))
    assert first.logprobs.top_logprobs == ({"a": -1.0}, None)
    assert first.logprobs.token_logprobs is second.logprobs is None
    assert answer.usage is not None


def test_the_last_chunk_that_says_it_counts() -> None:
    answer = completion(
        piece(text(text="a"), trace_id="t", system_fingerprint="f"), piece(text(finish="stop"), system_fingerprint="g")
    )
    assert (answer.trace_id, answer.system_fingerprint, answer.usage) == ("t", "g", None)


def test_what_is_sent_beside_the_fields() -> None:
    answer = chat(
        chunk(part(reasoning=None, details=[1]), extra={"provider": "p"}),
        chunk({**part(reasoning="th", details=[2]), "stop_reason": None}),
        chunk({**part(reasoning="ink", seen={"a": 1}), "stop_reason": "x"}),
        chunk(
            {**part(finish="stop", reasoning=None, extra=2, seen={"b": 1}), "message": None}, extra={"provider": "q"}
        ),
    )
    (choice,) = answer.choices
    assert choice.message.extra == {"reasoning": "think", "details": (1, 2), "seen": {"b": 1}, "extra": 2}
    assert choice.extra == {"stop_reason": "x"}
    assert answer.extra == {"provider": "q"}


def test_what_is_sent_beside_the_fields_of_parts() -> None:
    began = {**call(0, "a", "f"), "signature": {"x": 1}}
    began["function"]["note"] = "a"
    going_on = call(0, arguments="{}")
    going_on["function"]["note"] = "b"
    answer = chat(
        chunk(
            part(
                tool_calls=[began],
                function_call={"name": "g", "note": [1]},
                audio={"id": "a", "data": "", "voice": "v"},
                logprobs={"content": probable("a"), "kind": "k"},
            )
        ),
        chunk(
            part(
                finish="stop",
                tool_calls=[going_on],
                function_call={"arguments": "", "note": [2]},
                audio={"transcript": "x", "voice": "w"},
                logprobs={"kind": "l"},
            )
        ),
    )
    (choice,) = answer.choices
    turn = choice.message
    assert turn.tool_calls is not None
    assert turn.function_call is not None
    assert turn.audio is not None
    assert choice.logprobs is not None
    assert (turn.tool_calls[0].extra, turn.tool_calls[0].function.extra) == ({"signature": {"x": 1}}, {"note": "ab"})
    assert (turn.function_call.extra, turn.audio.extra) == ({"note": (1, 2)}, {"voice": "vw"})
    assert choice.logprobs.extra == {"kind": "l"}
    continued = completion(
        piece(text(logprobs={"tokens": ["a"], "kind": "k"}, a=1)), piece(text(finish="stop", logprobs={"kind": "l"}))
    )
    assert continued.choices[0].extra == {"a": 1}
    assert continued.choices[0].logprobs is not None
    assert continued.choices[0].logprobs.extra == {"kind": "l"}


def test_what_has_a_field_in_the_answer_is_carried_over_into_that() -> None:
    seen = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 2}}
    answer = chat(
        chunk(part(annotations=[seen]), extra={"metadata": {"a": "b"}}),
        chunk(part(finish="stop", annotations=[seen]), extra={"metadata": None, "trace_id": "t"}),
    )
    turn = answer.choices[0].message
    assert turn.annotations is not None
    assert [found.url_citation.title for found in turn.annotations] == ["t", "t"]
    assert (answer.metadata, answer.trace_id) == ({"a": "b"}, "t")
    assert answer.extra == turn.extra == {}


BEGUN = chunk(part(content="x"))
FINISHED = chunk(part(finish="stop"))
CALLED = chunk(part(tool_calls=[call(0, "a", "f")]))
BROKEN: dict[str, tuple[list[ChatCompletionStreamResponse], str]] = {
    "usage first": ([chunk(usage=USAGE)], "choices-first"),
    "usage too early": ([BEGUN, chunk(usage=USAGE)], "all-finished"),
    "an answer after the usage": ([FINISHED, chunk(usage=USAGE), BEGUN], "nothing-after-the-usage"),
    "two usages": ([FINISHED, chunk(usage=USAGE), chunk(usage=USAGE)], "nothing-after-the-usage"),
    "another completion": ([BEGUN, chunk(part(), id="d")], "same-completion"),
    "another model": ([BEGUN, chunk(part(), model="n")], "same-model"),
    "usage of another": ([FINISHED, chunk(usage=USAGE, id="d")], "same-completion"),
    "one answer twice": ([chunk(part(), part())], "one-of-each-index"),
    "text after the finish": ([FINISHED, BEGUN], "nothing-after-the-finish"),
    "two finishes": ([FINISHED, FINISHED], "nothing-after-the-finish"),
    "the user answers": ([chunk(part(role="user"))], "assistant-answers"),
    "a call without id": ([chunk(part(tool_calls=[call(0, None, "f")]))], "calls-begin"),
    "a call without name": ([chunk(part(tool_calls=[call(0, "a")]))], "calls-begin"),
    "a call without function": ([chunk(part(tool_calls=[{"index": 0, "id": "a"}]))], "calls-begin"),
    "another call's id": ([CALLED, chunk(part(tool_calls=[call(0, "b")]))], "same-calls"),
    "another function": ([chunk(part(tool_calls=[call(0, "a", "f"), call(0, "a", "g")]))], "same-calls"),
    "a function without name": ([chunk(part(function_call={"arguments": "{"}))], "function-begins"),
    "audio without id": ([chunk(part(audio={"data": ""}))], "audio-begins"),
    "audio that is none": ([chunk(part(audio={"id": "a", "data": "x"}))], "audio-is-base64"),
    "metadata that is none": ([chunk(part(), extra={"metadata": 1})], "beside-the-fields"),
    "annotations that are none": ([chunk(part(annotations=[1]))], "beside-the-fields"),
    "a whole message": ([chunk({**part(), "message": {"role": "assistant"}})], "no-message"),
    "audio in other letters": ([chunk(part(audio={"id": "a", "data": "ääää"}))], "audio-is-base64"),
}


@pytest.mark.parametrize(("chunks", "rule"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_names_itself_and_leaves_all_as_it_was(
    chunks: list[ChatCompletionStreamResponse], rule: str
) -> None:
    assembler = streams.ChatAssembler()
    *before, last = chunks
    for found in before:
        assembler.add(found)
    state, partial = assembler.state, assembler.partial
    with pytest.raises(StreamError) as caught:
        assembler.add(last)
    error = caught.value
    assert (error.rule, error.index, error.event) == (rule, len(before), last)
    assert error.request_id == ("c" if before else None)
    assert (assembler.state, assembler.partial) == (state, partial)


def test_every_rule_of_the_tables_is_tried() -> None:
    told = {rule.name for table in (CHUNKS, ANSWERS, CONTINUATIONS) for rule in table.rules}
    assert told == {rule for _, rule in BROKEN.values()} | {"within-the-limit"}


def test_a_chunk_is_taken_whole_or_not_at_all() -> None:
    assembler = streams.ChatAssembler()
    assembler.add(BEGUN)
    with pytest.raises(StreamError, match=r"choices\[1\].delta: the role must be") as caught:
        assembler.add(chunk(part(content="y"), part(1, role="tool")))
    assert caught.value.rule == "assistant-answers"
    assert assembler.partial is not None
    assert [choice.message.content for choice in assembler.partial.choices] == ["x"]


def test_a_stream_that_breaks_off() -> None:
    with pytest.raises(BrokenOffError, match="of its answers these were not finished: 1") as caught:
        chat(chunk(part(content="x"), part(1, content="y")), FINISHED)
    assert (caught.value.index, caught.value.request_id) == (2, "c")
    assert [(it.message.content, it.finish_reason) for it in caught.value.partial.choices] == [
        ("x", "stop"),
        ("y", None),
    ]
    with pytest.raises(BrokenOffError, match="after 1 event: no answer was begun") as nothing:
        chat(chunk())
    assert nothing.value.partial is None


def test_a_source_that_fails() -> None:
    def failing() -> Any:
        yield piece(text(text="x"))
        raise ConnectionResetError("gone")

    with pytest.raises(BrokenOffError, match="ConnectionResetError: gone") as caught:
        streams.assemble_completion(failing())
    assert caught.value.partial.choices[0].text == "x"


SIZES: dict[str, tuple[Any, int]] = {
    "content": (part(content="xyz", refusal="x"), 4),
    "calls": (part(tool_calls=[call(0, "a", "f", "{}"), {"index": 0}]), 2 * 64 + 4),
    "a function": (part(function_call={"name": "f", "arguments": "{}"}), 3),
    "audio": (part(audio={"id": "a", "data": "AAAA", "transcript": "x"}), 5),
    "log-probabilities": (part(logprobs={"content": probable("a"), "refusal": probable("a")}), 4),
    "what is beside the fields": (part(a="xyz", b=[1, "xy"], c=None, d={"ef": "g"}), 7 * 64 + 4 + 3 + 2 + 2 + 1),
    "beside a call's": (
        part(tool_calls=[{**call(0, "a", "f"), "b": 1, "function": {"name": "f", "c": 1}}]),
        3 * 64 + 4,
    ),
    "beside a function's": (part(function_call={"name": "f", "b": "c"}), 64 + 3),
    "beside audio's": (part(audio={"id": "a", "b": "c"}), 64 + 2),
    "beside log-probabilities'": (part(logprobs={"b": "c"}), 64 + 2),
    "nothing": (part(), 0),
}


@pytest.mark.parametrize(("choice", "size"), SIZES.values(), ids=SIZES)
def test_the_limit_counts_what_is_held(choice: Any, size: int) -> None:
    whole = size + 64 + len("c") + len("m")
    with pytest.raises(StreamError) as caught:
        streams.assemble_chat([chunk(choice)], limit=whole - 1)
    assert caught.value.rule == "within-the-limit"
    assembler = streams.ChatAssembler(limit=whole)
    assembler.add(chunk(choice))
    with pytest.raises(StreamError):
        assembler.add(BEGUN)


def test_what_takes_the_place_of_another_is_held_once() -> None:
    big = {"a": "x" * 400}
    assembler = streams.ChatAssembler(limit=1500)
    for number in range(50):
        assembler.add(chunk({**part(seen=big), "reason": "y" * 50}, extra={"provider": "z" * 50, "number": number}))
    said = [chunk(part(said="x" * 100))] * 50
    with pytest.raises(StreamError, match="within-the-limit"):
        list(map(assembler.add, said))
    growing = streams.ChatAssembler(limit=1500)
    growing.add(chunk(part(said="x" * 100)))
    growing.add(chunk(part(said={"a": 1})))
    assert growing.partial is not None
    assert growing.partial.choices[0].message.extra == {"said": {"a": 1}}


def test_the_limit_counts_continuations() -> None:
    found = text(text="abc", logprobs={"tokens": ["abc"], "top_logprobs": [{"abc": -1.0, "d": -2.0}]})
    assembler = streams.CompletionAssembler(limit=2 + 64 + 3 + 1 + 2)
    assembler.add(piece(found))
    with pytest.raises(StreamError, match="within-the-limit"):
        assembler.add(piece(text(text="x")))


@pytest.mark.parametrize("assembler", [streams.ChatAssembler(), streams.CompletionAssembler()])
def test_what_is_no_chunk(assembler: Any) -> None:
    with pytest.raises(ValidationError, match="must be C") as caught:
        assembler.add({"id": "c"})
    assert caught.value.fault == "local"
