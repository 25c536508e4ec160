"""What OpenAI's own client gets from the gateway, over sockets, from engines in processes of their own."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import openai
import pytest

from gateway import model
from sagellm_protocol import Request

TALK: Any = [{"role": "user", "content": "Tell me of the river."}]


def said(prompt: str, most: int | None = None, **options: Any) -> str:
    """What an engine says to a prompt."""
    request = Request(request_id="r", trace_id="t", prompt=prompt, max_tokens=most or 256, **options)
    return "".join(text for _, text, _ in model.tokens(request, model.prompt_of(request)))


PROMPT = "<|user|> Tell me of the river.\n<|assistant|>"
CHAT = said(PROMPT)


def test_models(gateway: Any) -> None:
    assert [found.id for found in gateway.client.models.list()] == ["hash-1"]
    assert gateway.client.models.retrieve("hash-1").owned_by == "sagellm"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-9'"):
        gateway.client.models.retrieve("gpt-9")
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-9'"):
        gateway.client.chat.completions.create(model="gpt-9", messages=TALK)


def test_engines_agreed_on_a_revision_each(gateway: Any) -> None:
    assert {one["engine_id"]: one["revision"] for one in gateway.states()} == {"new": "0.6.0", "old": "0.4.0.7"}


def test_chat(gateway: Any) -> None:
    answer = gateway.client.chat.completions.create(model="hash-1", messages=TALK)
    assert answer.choices[0].message.content == CHAT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 7
    assert answer.usage.total_tokens == 7 + len(CHAT.split())
    short = gateway.client.chat.completions.create(model="hash-1", messages=TALK, max_tokens=2)
    assert short.choices[0].message.content == " ".join(CHAT.split()[:2])
    assert short.choices[0].finish_reason == "length"


def test_chat_as_a_stream(gateway: Any) -> None:
    chunks = list(gateway.client.chat.completions.create(model="hash-1", messages=TALK, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [text for text in texts if text] == [word if not at else f" {word}" for at, word in enumerate(CHAT.split())]
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_completions(gateway: Any, stream: bool) -> None:
    answer = gateway.client.completions.create(model="hash-1", prompt="Once upon", stream=stream)
    parts = list(answer) if stream else [answer]
    assert "".join(part.choices[0].text for part in parts if part.choices) == said("Once upon")


def test_embeddings(gateway: Any) -> None:
    made = gateway.client.embeddings.create(model="hash-1", input=["one", "two"], dimensions=8, encoding_format="float")
    assert [found.index for found in made.data] == [0, 1]
    assert made.data[1].embedding == model.vector(model.tokens_of("two"), 8)
    # The client asks for base64 by itself.
    assert gateway.client.embeddings.create(model="hash-1", input="two", dimensions=8).data[0].embedding == (
        made.data[1].embedding
    )
    body = {"model": "hash-1", "input": "two", "dimensions": 8, "encoding_format": "base64"}
    packed = gateway.http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    assert list(struct.unpack("<8f", base64.b64decode(packed))) == made.data[1].embedding


def test_what_is_out_of_bounds(gateway: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.client.chat.completions.create(model="hash-1", messages=TALK, temperature=3)
    assert refused.value.param == "temperature"
    assert "must be <= 2, got 3" in refused.value.message
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.client.chat.completions.create(model="hash-1", messages=[{"role": "king", "content": "Hi"}])
    assert refused.value.param == "messages.0.role"
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.client.completions.create(model="hash-1", prompt=[0, "x"])  # type: ignore[list-item]
    assert "prompt" in refused.value.message
    assert gateway.http.post("/v1/completions", content=b"{").status_code == 400


def test_fifty_at_once(gateway: Any) -> None:
    async def one(client: openai.AsyncOpenAI, number: int) -> tuple[str, str]:
        prompt = f"number {number}"
        if number % 2:
            return prompt, (await client.completions.create(model="hash-1", prompt=prompt)).choices[0].text
        parts = await client.completions.create(model="hash-1", prompt=prompt, stream=True)
        return prompt, "".join([part.choices[0].text async for part in parts if part.choices])

    async def all_of_them() -> list[tuple[str, str]]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.base}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, number) for number in range(50)))

    for prompt, text in asyncio.run(all_of_them()):
        assert text == said(prompt)
    states = gateway.until_idle()
    assert all(one["state"]["events"] > 0 for one in states), "both engines took part"


def test_what_nobody_serves(gateway: Any) -> None:
    assert gateway.http.get("/v1/nothing").status_code == 404


def test_the_same_prompt_is_cached(gateway: Any) -> None:
    prompt = " ".join(f"word{number}" for number in range(100))
    for _ in range(4):
        gateway.client.completions.create(model="hash-1", prompt=prompt, max_tokens=1)
    assert max(one["state"]["blocks"]["cached"] for one in gateway.until_idle()) >= 6


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def test_tools(gateway: Any) -> None:
    turns: Any = [{"role": "user", "content": "How is the weather?"}]
    asking = {"model": "hash-1", "messages": turns, "tools": [WEATHER]}
    choice = gateway.client.chat.completions.create(**asking).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (call,) = choice.message.tool_calls
    arguments = json.loads(call.function.arguments)
    assert (call.type, call.function.name, arguments.keys()) == ("function", "get_weather", {"city", "days"})

    turns += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    after = gateway.client.chat.completions.create(**asking).choices[0]
    assert (after.finish_reason, after.message.tool_calls) == ("stop", None)
    assert after.message.content

    turns[:] = [{"role": "user", "content": "Hello"}]
    assert gateway.client.chat.completions.create(**asking).choices[0].message.tool_calls is None
    forced = gateway.client.chat.completions.create(**asking, tool_choice="required").choices[0]
    assert forced.message.tool_calls[0].function.name == "get_weather"


def test_tools_in_a_stream(gateway: Any) -> None:
    turns: Any = [{"role": "user", "content": "How is the weather?"}]
    with gateway.client.chat.completions.stream(model="hash-1", messages=turns, tools=[WEATHER]) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content
    assert json.loads(choice.message.tool_calls[0].function.arguments).keys() == {"city", "days"}
    words = gateway.client.chat.completions.create(model="hash-1", messages=TALK, tools=[WEATHER], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in words if chunk.choices) == CHAT


def test_images(gateway: Any) -> None:
    def seen(url: str) -> str:
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        turns: Any = [{"role": "user", "content": parts}]
        return str(gateway.client.chat.completions.create(model="hash-1", messages=turns).choices[0].message.content)

    assert seen("data:image/png;base64,AA==") == seen("data:image/png;base64,AA==") != seen("https://example.org/b.png")


def test_what_ends_an_answer(gateway: Any) -> None:
    stop = CHAT[10:14]
    for stream in (False, True):
        answer = gateway.client.completions.create(model="hash-1", prompt=PROMPT, stop=stop, stream=stream)
        parts = list(answer) if stream else [answer]
        assert "".join(part.choices[0].text for part in parts if part.choices) == CHAT[: CHAT.index(stop)]


def test_several_answers(gateway: Any) -> None:
    asked = {"model": "hash-1", "messages": TALK, "n": 3, "max_tokens": 5, "seed": 1}  # which the old engine knows not
    answer = gateway.client.chat.completions.create(**asked)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in answer.choices]
    assert len(set(texts)) == 3
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 15)
    chunks = list(gateway.client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    streamed = ["", "", ""]
    for chunk in chunks:
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage.total_tokens == 7 + 15
    both = gateway.client.completions.create(model="hash-1", prompt=["one", "two words"], n=2, max_tokens=1, seed=5)
    assert [choice.text for choice in both.choices] == [
        said(prompt, 1, seed=seed) for prompt in ("one", "two words") for seed in (5, 6)
    ]
    assert (both.usage.prompt_tokens, both.usage.completion_tokens) == (3, 4)


def test_probabilities(gateway: Any) -> None:
    asked = {"model": "hash-1", "messages": TALK, "logprobs": True, "top_logprobs": 2, "max_tokens": 3}
    (choice,) = gateway.client.chat.completions.create(**asked).choices
    assert [found.token for found in choice.logprobs.content] == [
        CHAT.split(" ")[0],
        *(f" {w}" for w in CHAT.split()[1:3]),
    ]
    assert all(len(found.top_logprobs) == 2 for found in choice.logprobs.content)
    chunks = gateway.client.chat.completions.create(**asked, stream=True)
    told = [it for chunk in chunks for one in chunk.choices if one.logprobs for it in one.logprobs.content]
    assert told == choice.logprobs.content


def test_what_no_engine_obeys(gateway: Any) -> None:
    with pytest.raises(openai.InternalServerError, match="response_format: this model cannot obey it") as refused:
        gateway.client.chat.completions.create(model="hash-1", messages=TALK, response_format={"type": "json_object"})
    assert refused.value.status_code == 501


def test_an_engine_that_cannot_be_told(start: Callable[..., Any]) -> None:
    gateway = start("old --token-ms=1 --revision=0.4.0.8")
    assert gateway.client.chat.completions.create(model="hash-1", messages=TALK).choices[0].message.content == CHAT
    with pytest.raises(openai.InternalServerError, match=r"tools = .*: came with 0\.6\.0") as refused:
        gateway.client.chat.completions.create(model="hash-1", messages=TALK, tools=[WEATHER])
    assert refused.value.status_code == 501
