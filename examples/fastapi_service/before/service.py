"""A gateway, an engine that only echoes, and its KV pool, in one process: as written for isagellm-protocol 0.5.4.16.

It is kept as it was, to show what a move takes. ``../service.py`` is the same service after it.
"""

import time
import uuid
from collections.abc import Iterator

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field, ValidationError

from sagellm_protocol import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatCompletionStreamResponse,
    Error,
    ErrorCode,
    Metrics,
    ModelInfo,
    ModelListResponse,
    Request,
    Response,
)
from sagellm_protocol.kv.types import KVHandle

MODEL = "echo-1"
POOL_TOKENS = 64

app = FastAPI(title="Echo")


class Pool:
    """Who owns the KV cache: its handles change in place, and everybody sees it."""

    def __init__(self) -> None:
        self.handles: dict[uuid.UUID, KVHandle] = {}

    def allocate(self, request: Request, tokens: int) -> KVHandle:
        """A new handle for a request; MemoryError where there is no room."""
        if tokens + sum(handle.num_tokens for handle in self.handles.values()) > POOL_TOKENS:
            raise MemoryError(f"{tokens} tokens do not fit")
        handle = KVHandle(handle_id=uuid.uuid4(), request_id=request.request_id, num_tokens=tokens)
        handle.metadata["model"] = request.model
        self.handles[handle.handle_id] = handle
        return handle

    def touch(self, handle: KVHandle) -> None:
        """Note that the handle was read."""
        handle.access_count += 1
        handle.last_access = time.time()

    def pin(self, handle_id: uuid.UUID) -> KVHandle:
        """Keep a handle from being freed."""
        handle = self.handles[handle_id]
        handle.pin_count += 1
        return handle

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
    prompt = request.messages[-1].content if request.messages else request.prompt
    words = prompt.split()
    metrics = Metrics(ttft_ms=1.0, throughput_tps=100.0, peak_mem_mb=1, error_rate=0.0)
    response = Response(
        request_id=request.request_id,
        trace_id=request.trace_id,
        output_text="",
        output_tokens=[],
        finish_reason="stop",
        metrics=metrics,
    )
    try:
        handle = pool.allocate(request, len(words))
    except MemoryError as error:
        failure = Error(code=ErrorCode.RESOURCE_EXHAUSTED, message=str(error))
        return response.model_copy(update={"finish_reason": "error", "error": failure})
    for word in reversed(words):
        if len(response.output_tokens) == request.max_tokens:
            response.finish_reason = "length"
            break
        response.output_tokens.append(len(word))
        pool.touch(handle)
    response.output_text = " ".join(list(reversed(words))[: len(response.output_tokens)])
    metrics.kv_used_tokens = handle.num_tokens
    metrics.itl_list = [1.0] * (len(response.output_tokens) - 1)
    pool.free(handle.handle_id)
    return response


@app.post("/infer")
def infer_one(request: Request) -> Response:
    """One request, the protocol's own form."""
    return infer(request)


@app.post("/batch", response_model=list[Response])
def infer_batch(batch: Batch) -> list[Response]:
    """Several."""
    return [infer(request) for request in batch.requests]


@app.get("/v1/models")
def models() -> ModelListResponse:
    """What may be asked for."""
    return ModelListResponse(data=[ModelInfo(id=MODEL, created=1_700_000_000)])


@app.post("/v1/chat/completions", response_model=ChatCompletionResponse)
def chat(body: ChatCompletionRequest):
    """OpenAI's form, whole or as a stream."""
    asked = {"request_id": "chat-1", "trace_id": body.trace_id or "none", "model": body.model}
    request = Request(**asked, messages=body.messages, max_tokens=body.max_tokens or 16, temperature=body.temperature)
    answer = infer(request)
    if answer.error is not None:
        error = {"message": answer.error.message, "type": "server_error", "code": answer.error.code.value}
        return JSONResponse({"error": error}, status_code=503)
    if body.stream:
        return StreamingResponse(chunks(answer, body.model), media_type="text/event-stream")
    used = {"prompt_tokens": answer.metrics.kv_used_tokens, "completion_tokens": len(answer.output_tokens)}
    return ChatCompletionResponse(
        id=answer.request_id,
        created=1_700_000_000,
        model=body.model,
        choices=[
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.output_text},
                "finish_reason": answer.finish_reason,
            }
        ],
        usage={**used, "total_tokens": sum(used.values())},
    )


def chunks(answer: Response, model: str) -> Iterator[str]:
    """Server-sent events, a word each."""
    chunk = ChatCompletionStreamResponse(id=answer.request_id, created=1_700_000_000, model=model, choices=[])
    for word in answer.output_text.split():
        chunk.choices = [{"index": 0, "delta": {"content": word}, "finish_reason": None}]
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"


@app.get("/kv")
def handles() -> list[KVHandle]:
    """The pool."""
    return list(pool.handles.values())


@app.post("/kv")
def allocate(request: Request) -> KVHandle:
    """Reserve what a request would need, pinned."""
    handle = pool.allocate(request, len(request.prompt.split()))
    return pool.pin(handle.handle_id)


@app.post("/kv/{handle_id}/read")
def read(handle_id: uuid.UUID) -> KVHandle:
    """Read a handle."""
    if handle_id not in pool.handles:
        raise HTTPException(404)
    pool.touch(pool.handles[handle_id])
    return pool.handles[handle_id]


@app.post("/replay")
def replay(line: dict[str, str]) -> dict:
    """Read a line of a log, and say what is in it."""
    try:
        response = Response.model_validate_json(line["line"])
    except ValidationError as error:
        raise HTTPException(400, [".".join(map(str, found["loc"])) for found in error.errors()]) from None
    assert isinstance(response.output_tokens, list)
    return response.model_dump(mode="json", exclude_none=True, include={"request_id", "output_tokens", "finish_reason"})
