"""The real client, over a socket, with a server that decodes and encodes with our codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params

from openai_client.serving import Server
from openai_client.test_answers import unknown
from openai_client.walking import fields_of, values
from sagellm_protocol import openai_types as ours
from web.serving import served

MESSAGES: Any = [{"role": "user", "content": "2 and 2?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with (
        served(server.app) as address,
        httpx2.Client(trust_env=False) as http,
        openai.OpenAI(api_key="none", base_url=f"{address}/v1", http_client=http, max_retries=0) as found,
    ):
        yield found


def test_a_conversation(client: openai.OpenAI, server: Server) -> None:
    answer = client.chat.completions.create(model="m", messages=MESSAGES, n=2, logprobs=True, top_logprobs=1)
    assert list(unknown(answer)) == []
    assert [choice.message.content for choice in answer.choices] == ["4", "4"]
    assert answer.choices[0].logprobs is not None
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert server.asked == ours.ChatCompletionRequest(
        model="m", messages=[ours.ChatMessage(role="user", content="2 and 2?")], n=2, logprobs=True, top_logprobs=1
    )


def test_a_call_and_its_answer(client: openai.OpenAI, server: Server) -> None:
    answer = client.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS)
    said = answer.choices[0].message
    assert said.content is None
    assert said.tool_calls is not None
    after: Any = [*MESSAGES, said, {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "4"}]
    client.chat.completions.create(model="m", messages=after, tools=TOOLS, tool_choice="auto")
    call, result = server.asked.messages[1:]
    assert call.content is None
    assert call.tool_calls[0].function == ours.ChatFunctionCall(name="add", arguments="{}")
    assert (result.role, result.tool_call_id, result.content) == ("tool", "call-1", "4")


def test_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert [list(unknown(chunk)) for chunk in chunks] == [[]] * 6
    assert chunks[1].choices[0].delta.content == "4"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_a_stream_that_the_client_puts_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
        whole = stream.get_final_completion()
    said = whole.choices[0].message
    assert said.content == "4"
    assert said.tool_calls is not None
    assert (said.tool_calls[0].function.name, said.tool_calls[0].function.arguments) == ("add", "{}")


def test_a_text_and_what_its_tokens_are(client: openai.OpenAI, server: Server) -> None:
    for prompt in ("2 and 2?", ["2", "3"], [5, 6], [[5], [6]]):
        answer = client.completions.create(model="m", prompt=prompt, logprobs=1, best_of=2, echo=False, suffix="!")
        assert list(unknown(answer)) == []
        assert server.asked.best_of == 2
    with client.completions.create(model="m", prompt="2", stream=True) as stream:
        assert [chunk.choices[0].text for chunk in stream] == ["4"]


@pytest.mark.parametrize("asked", ["a text", ["a", "b"], [5, 6], [[5], [6]]], ids=str)
def test_vectors(client: openai.OpenAI, server: Server, asked: Any) -> None:
    answer = client.embeddings.create(model="m", input=asked, dimensions=2)
    assert server.asked.encoding_format == "base64"  # what the client asks for by itself
    assert list(answer.data[0].embedding) == [0.5, -0.25]
    plain = client.embeddings.create(model="m", input=asked, encoding_format="float")
    assert plain.data[0].embedding == [0.5, -0.25]
    assert list(unknown(plain)) == []


def test_the_models(client: openai.OpenAI) -> None:
    assert [(found.id, list(unknown(found))) for found in client.models.list()] == [("m", [])]


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("n", 0, "n"),
        ("max_tokens", -5, "max_tokens"),
        ("temperature", 3, "temperature"),
        ("top_logprobs", 21, "top_logprobs"),
    ],
)
def test_out_of_bounds(client: openai.OpenAI, field: str, value: Any, where: str) -> None:
    asked: Any = {field: value}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="m", messages=MESSAGES, **asked)
    assert refused.value.param == where


def test_what_nobody_knows_is_kept(client: openai.OpenAI, server: Server) -> None:
    told: Any = {"top_k": 5, "guided_json": {"type": "object"}}
    client.chat.completions.create(model="m", messages=MESSAGES, extra_body=told)
    assert server.asked.extra == told


CREATED = {
    "chat": chat_create_params.CompletionCreateParamsNonStreaming,
    "completions": completion_create_params.CompletionCreateParamsNonStreaming,
    "embeddings": embedding_create_params.EmbeddingCreateParams,
}


@pytest.mark.parametrize("kind", CREATED)
def test_each_argument_gets_there(client: openai.OpenAI, server: Server, kind: str) -> None:
    """One value of each, also null where the client takes it."""
    needed: Any = {
        "chat": {"model": "m", "messages": MESSAGES},
        "completions": {"model": "m", "prompt": "2"},
        "embeddings": {"model": "m", "input": "a"},
    }[kind]
    create: Any = client.chat.completions.create if kind == "chat" else getattr(client, kind).create
    for name, held in fields_of(CREATED[kind]).items():
        for value in list(values(held))[:1] + ([None] if None in list(values(held)) else []):
            if name in needed or name == "stream" or (name, value) == ("encoding_format", "base64"):
                continue
            create(**needed, **{name: value})
            found = server.asked.extra.get(name) if name in server.asked.extra else getattr(server.asked, name)
            assert (found is None) is (value is None), name
