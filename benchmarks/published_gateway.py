"""The gateway of ``examples/gateway``, chat alone, as it is written with the last published release.

Run as a script, ``published_gateway.py FOLDER PORT ADDRESS``, by an interpreter that the release runs on: the release,
installed in FOLDER, has the import name of this project, of which nothing is imported here. It knows no codecs, so
MessagePack is packed and unpacked beside it, and it speaks its own revision alone.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import msgpack
import uvicorn
import zmq
import zmq.asyncio
from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response as Answer, StreamingResponse
from starlette.routing import Route


def application(address: str) -> Starlette:
    """The gateway to the engine at an address."""
    from pydantic import TypeAdapter, ValidationError

    from sagellm_protocol import openai_types as openai, types

    event_of = {"start": types.StreamEventStart, "delta": types.StreamEventDelta, "end": types.StreamEventEnd}
    asked = TypeAdapter(openai.ChatCompletionRequest)
    socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
    waiting: dict[bytes, asyncio.Queue[bytes]] = {}
    there = asyncio.Event()

    async def receive() -> None:
        socket.connect(address)
        await socket.send_multipart([b"hello", b"", b'{"accept":"application/msgpack"}'])
        while True:
            kind, request_id, body = await socket.recv_multipart()
            if kind == b"welcome":
                there.set()
            elif request_id in waiting:
                waiting[request_id].put_nowait(body)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        receiving = asyncio.create_task(receive())
        yield
        receiving.cancel()

    def chunk(body: Any, request_id: str, finish_reason: Any = None, **delta: Any) -> bytes:
        choice = openai.ChatCompletionStreamChoice(
            index=0, delta=openai.ChatCompletionStreamDelta(**delta), finish_reason=finish_reason
        )
        made = openai.ChatCompletionStreamResponse(id=request_id, model=body.model, choices=[choice])
        return b"data: " + made.model_dump_json(exclude_none=True).encode() + b"\n\n"

    async def chat(http: HTTPRequest) -> Answer:
        try:
            body = asked.validate_json(await http.body())
        except ValidationError as error:
            return JSONResponse({"error": {"message": str(error), "type": "invalid_request_error"}}, 400)
        request = types.Request(
            request_id=f"req-{uuid4().hex}",
            trace_id="",
            model=body.model,
            messages=body.messages,
            max_tokens=body.max_tokens or 256,
            stream=body.stream,
            temperature=body.temperature,
            top_p=body.top_p,
        )
        await there.wait()
        name = request.request_id.encode()
        waiting[name] = asyncio.Queue()
        await socket.send_multipart([b"request", name, msgpack.packb(request.model_dump(mode="json"))])
        if body.stream:
            return StreamingResponse(events(body, name), media_type="text/event-stream")
        response = types.Response.model_validate(msgpack.unpackb(await waiting[name].get()))
        del waiting[name]
        given = len(response.output_tokens)
        answer = openai.ChatCompletionResponse(
            id=response.request_id,
            model=body.model,
            choices=[
                openai.ChatCompletionChoice(
                    index=0,
                    message=openai.ChatMessage(role="assistant", content=response.output_text),
                    finish_reason=response.finish_reason,
                )
            ],
            usage=openai.ChatCompletionUsage(
                prompt_tokens=response.prompt_tokens,
                completion_tokens=given,
                total_tokens=response.prompt_tokens + given,
            ),
        )
        return Answer(answer.model_dump_json(exclude_none=True), media_type="application/json")

    async def events(body: Any, name: bytes) -> AsyncIterator[bytes]:
        request_id = name.decode()
        try:
            while True:
                plain = msgpack.unpackb(await waiting[name].get())
                event = event_of[plain["event"]].model_validate(plain)
                if event.event == "start":
                    yield chunk(body, request_id, role="assistant", content="")
                elif event.event == "delta":
                    yield chunk(body, request_id, content=event.content)
                else:
                    yield chunk(body, request_id, event.finish_reason)
                    break
            yield b"data: [DONE]\n\n"
        finally:
            del waiting[name]

    async def engines(http: HTTPRequest) -> Answer:
        return JSONResponse([{"state": there.is_set() or None}])

    return Starlette(
        routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/engines", engines)], lifespan=lifespan
    )


def main(folder: str, port: str, address: str) -> None:
    """Serve at a port (0 for any), and say where."""
    sys.path.insert(0, folder)
    config = uvicorn.Config(application(address), port=int(port), log_level="warning", timeout_graceful_shutdown=1)
    listening = config.bind_socket()
    # Else each answer waits 40 ms: asyncio sets this only on sockets that were made for TCP by name.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.listen()  # so that whoever reads the address can connect at once
    print("http://{}:{}".format(*listening.getsockname()), flush=True)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
