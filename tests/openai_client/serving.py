"""A server of the messages for OpenAI clients, as small as it can be: it answers with what it was asked."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sagellm_protocol import ProtocolError, ValidationError, codecs, openai_types as ours

_JSON = codecs.get("json", omit_nulls=True)
_ASKED: Mapping[str, type] = {
    "/v1/chat/completions": ours.ChatCompletionRequest,
    "/v1/completions": ours.CompletionRequest,
    "/v1/embeddings": ours.EmbeddingRequest,
}


class Server:
    """An application, and the last request that it was asked."""

    asked: Any = None

    def __init__(self) -> None:
        routes = [Route(path, self._answer, methods=["POST"]) for path in _ASKED]
        self.app = Starlette(routes=[*routes, Route("/v1/models", self._models)])

    async def _answer(self, request: Request) -> Response:
        try:
            self.asked = _JSON.decode(await request.body(), _ASKED[request.url.path])
        except ProtocolError as error:
            where = error.violations[0].path if isinstance(error, ValidationError) else None
            told = ours.OpenAIError(message=str(error), type="invalid_request_error", param=where)
            return _json(ours.OpenAIErrorResponse(error=told), 400)
        if not isinstance(self.asked, ours.EmbeddingRequest) and self.asked.stream:
            return StreamingResponse(_events(self.asked), media_type="text/event-stream")
        return _json(_WHOLE[type(self.asked)](self.asked))

    async def _models(self, _: Request) -> Response:
        return _json(ours.ModelListResponse(data=[ours.ModelInfo(id="m", created=1)]))


def _json(message: Any, status: int = 200) -> Response:
    return Response(_JSON.encode(message), status, media_type="application/json")


_USAGE = ours.ChatCompletionUsage(
    prompt_tokens=3,
    completion_tokens=1,
    total_tokens=4,
    prompt_tokens_details=ours.PromptTokensDetails(cached_tokens=2),
)
_LOGPROBS = ours.ChatLogprobs(
    content=[
        ours.ChatTokenLogprob(
            token="4", logprob=-0.5, bytes=[52], top_logprobs=[ours.ChatTopLogprob(token="4", logprob=-0.5, bytes=[52])]
        )
    ]
)


def _chat(asked: ours.ChatCompletionRequest) -> ours.ChatCompletionResponse:
    calls = None
    if asked.tools:
        call = ours.ChatFunctionCall(name=asked.tools[0].function.name, arguments="{}")
        calls = [ours.ChatFunctionToolCall(id="call-1", function=call)]
    said = ours.ChatMessage(role="assistant", content=None if calls else "4", tool_calls=calls)
    choices = [
        ours.ChatCompletionChoice(
            index=index,
            message=said,
            finish_reason="tool_calls" if calls else "stop",
            logprobs=_LOGPROBS if asked.logprobs else None,
        )
        for index in range(asked.n or 1)
    ]
    return ours.ChatCompletionResponse(id="a", created=1, model=asked.model, choices=choices, usage=_USAGE)


def _completion(asked: ours.CompletionRequest) -> ours.CompletionResponse:
    logprobs = ours.CompletionLogprobs(tokens=["4"], token_logprobs=[-0.5], top_logprobs=[{"4": -0.5}], text_offset=[0])
    choice = ours.CompletionChoice(
        index=0, text="4", finish_reason="stop", logprobs=None if asked.logprobs is None else logprobs
    )
    usage = ours.CompletionUsage(prompt_tokens=3, completion_tokens=1, total_tokens=4)
    return ours.CompletionResponse(id="a", created=1, model=asked.model, choices=[choice], usage=usage)


def _embedding(asked: ours.EmbeddingRequest) -> ours.EmbeddingResponse:
    vector = [0.5, -0.25]
    written = vector if asked.encoding_format == "float" else base64.b64encode(struct.pack("<2f", *vector)).decode()
    data = [ours.EmbeddingData(embedding=written, index=0)]
    return ours.EmbeddingResponse(
        data=data, model=asked.model, usage=ours.EmbeddingUsage(prompt_tokens=1, total_tokens=1)
    )


_WHOLE: Mapping[type, Any] = {
    ours.ChatCompletionRequest: _chat,
    ours.CompletionRequest: _completion,
    ours.EmbeddingRequest: _embedding,
}


def _delta(asked: ours.ChatCompletionRequest, end: Any = None, **delta: Any) -> ours.ChatCompletionStreamResponse:
    choice = ours.ChatCompletionStreamChoice(
        index=0, delta=ours.ChatCompletionStreamDelta(**delta), finish_reason=end, logprobs=_LOGPROBS
    )
    return ours.ChatCompletionStreamResponse(id="a", created=1, model=asked.model, choices=[choice])


async def _events(asked: Any) -> AsyncIterator[bytes]:
    chunks: list[Any] = [_completion(asked)]
    if isinstance(asked, ours.ChatCompletionRequest):
        call = ours.ChatFunctionCallDelta(name="add", arguments="{")
        more = ours.ChatFunctionCallDelta(arguments="}")
        chunks = [
            _delta(asked, role="assistant", content=""),
            _delta(asked, content="4"),
            _delta(asked, tool_calls=[ours.ChatToolCallDelta(index=0, id="call-1", type="function", function=call)]),
            _delta(asked, tool_calls=[ours.ChatToolCallDelta(index=0, function=more)]),
            _delta(asked, end="tool_calls"),
            ours.ChatCompletionStreamResponse(id="a", created=1, model=asked.model, choices=[], usage=_USAGE),
        ]
    for chunk in chunks:
        yield b"data: " + _JSON.encode(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"
