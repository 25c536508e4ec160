"""A gateway, an engine that only echoes, and its KV pool, in one process. ``before/service.py`` is what it was."""

import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response as Answer, StreamingResponse
from pydantic import BaseModel, Field

from sagellm_protocol import (
    ChatCompletionChoice,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatCompletionStreamChoice,
    ChatCompletionStreamDelta,
    ChatCompletionStreamResponse,
    ChatCompletionUsage,
    ChatMessage,
    Error,
    ErrorCode,
    Metrics,
    ModelInfo,
    ModelListResponse,
    Mutable,
    OpenAIError,
    OpenAIErrorResponse,
    Request,
    Response,
    ValidationError,
    codecs,
    evolve,
)
from sagellm_protocol.kv.types import KVHandle

MODEL = "echo-1"
POOL_TOKENS = 64
CREATED = 1_700_000_000

app = FastAPI(title="Echo")
json = codecs.get("json")
without_nulls = codecs.get("json", omit_nulls=True)


class LivingHandle(Mutable[KVHandle]):
    """A handle as its owner holds it: it can be changed in place. What is handed out is frozen."""


class Pool:
    """Who owns the KV cache: its handles change in place, and everybody sees a frozen copy."""

    def __init__(self) -> None:
        self.handles: dict[uuid.UUID, LivingHandle] = {}

    def allocate(self, request: Request, tokens: int) -> uuid.UUID:
        """A new handle for a request; MemoryError where there is no room."""
        if tokens + sum(handle.num_tokens for handle in self.handles.values()) > POOL_TOKENS:
            raise MemoryError(f"{tokens} tokens do not fit")
        handle_id = uuid.uuid4()
        self.handles[handle_id] = LivingHandle(
            handle_id=handle_id,
            request_id=request.request_id,
            num_tokens=tokens,
            metadata={"model": request.model},
        )
        return handle_id

    def touch(self, handle_id: uuid.UUID) -> KVHandle:
        """Note that a handle was read."""
        handle = self.handles[handle_id]
        handle.access_count += 1
        handle.last_access = time.time()
        return handle.freeze()

    def pin(self, handle_id: uuid.UUID) -> KVHandle:
        """Keep a handle from being freed."""
        self.handles[handle_id].pin_count += 1
        return self.handles[handle_id].freeze()

    def free(self, handle_id: uuid.UUID) -> None:
        """Give a handle back, unless it is pinned."""
        if self.handles[handle_id].pin_count == 0:
            del self.handles[handle_id]


class Batch(BaseModel):
    """The service's own model, with messages in it."""

    requests: list[Request]
    priority: int = Field(default=0, ge=0)


pool = Pool()


def infer(request: Request) -> Response:
    """Answer with the prompt's words, last first, as far as max_tokens goes."""
    words = (request.messages[-1].text if request.messages else request.prompt).split()
    said = words[::-1][: request.max_tokens]
    metrics = Metrics(ttft_ms=1.0, throughput_tps=100.0, peak_mem_mb=1, error_rate=0.0)
    response = Response(
        request_id=request.request_id,
        trace_id=request.trace_id,
        output_text=" ".join(said),
        output_tokens=[len(word) for word in said],
        finish_reason="stop" if len(said) == len(words) else "length",
        metrics=evolve(metrics, kv_used_tokens=len(words), itl_list=[1.0] * (len(said) - 1)),
    )
    try:
        handle_id = pool.allocate(request, len(words))
    except MemoryError as error:
        failure = Error(code=ErrorCode.RESOURCE_EXHAUSTED, message=str(error))
        return evolve(response, output_text="", output_tokens=[], finish_reason="error", metrics=metrics, error=failure)
    for _ in said:
        pool.touch(handle_id)
    pool.free(handle_id)
    return response


@app.post("/infer")
def infer_one(request: Request) -> Response:
    """One request, the protocol's own form."""
    return infer(request)


@app.post("/batch")
def infer_batch(batch: Batch) -> list[Response]:
    """Several."""
    return [infer(request) for request in batch.requests]


@app.get("/v1/models")
def models() -> ModelListResponse:
    """What may be asked for."""
    return ModelListResponse(data=[ModelInfo(id=MODEL, created=CREATED)])


@app.post("/v1/chat/completions", response_model=ChatCompletionResponse)
def chat(body: ChatCompletionRequest) -> Any:
    """OpenAI's form, whole or as a stream."""
    answer = infer(
        Request(
            request_id="chat-1",
            trace_id=body.trace_id or "none",
            model=body.model,
            messages=body.messages,
            max_tokens=body.max_tokens or 16,
            temperature=body.temperature,
        )
    )
    if answer.error is not None:
        failure = OpenAIError(message=answer.error.message, type="server_error", code=answer.error.code.value)
        return Answer(json.encode(OpenAIErrorResponse(error=failure)), 503, media_type="application/json")
    if body.stream:
        return StreamingResponse(chunks(answer, body.model), media_type="text/event-stream")
    asked, given = answer.metrics.kv_used_tokens, len(answer.output_tokens)
    turn = ChatMessage(role="assistant", content=answer.output_text)
    ended: Literal["stop", "length"] = "length" if answer.finish_reason == "length" else "stop"
    return ChatCompletionResponse(
        id=answer.request_id,
        created=CREATED,
        model=body.model,
        choices=[ChatCompletionChoice(index=0, message=turn, finish_reason=ended)],
        usage=ChatCompletionUsage(prompt_tokens=asked, completion_tokens=given, total_tokens=asked + given),
    )


def chunks(answer: Response, model: str) -> Iterator[bytes]:
    """Server-sent events, a word each."""
    for word in answer.output_text.split():
        choice = ChatCompletionStreamChoice(index=0, delta=ChatCompletionStreamDelta(content=word))
        chunk = ChatCompletionStreamResponse(id=answer.request_id, created=CREATED, model=model, choices=[choice])
        yield b"data: " + without_nulls.encode(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"


@app.get("/kv")
def handles() -> list[KVHandle]:
    """The pool."""
    return [handle.freeze() for handle in pool.handles.values()]


@app.post("/kv")
def allocate(request: Request) -> KVHandle:
    """Reserve what a request would need, pinned."""
    return pool.pin(pool.allocate(request, len(request.prompt.split())))


@app.post("/kv/{handle_id}/read")
def read(handle_id: uuid.UUID) -> KVHandle:
    """Read a handle."""
    if handle_id not in pool.handles:
        raise HTTPException(404)
    return pool.touch(handle_id)


@app.post("/replay")
def replay(line: dict[str, str]) -> JSONResponse:
    """Read a line of a log, and say what is in it."""
    try:
        response = json.decode(line["line"], Response)
    except ValidationError as error:
        raise HTTPException(400, [violation.path for violation in error.violations]) from None
    shown = {"request_id", "output_tokens", "finish_reason"}
    return JSONResponse({name: value for name, value in codecs.get("dict").encode(response).items() if name in shown})
