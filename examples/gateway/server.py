"""The gateway: OpenAI's API over HTTP on one side, engines on the other."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request as HTTPRequest
from starlette.responses import Response as Answer, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from gateway import tools, wire
from gateway.links import Asking, EngineError, Engines, Link, ModelNotFoundError
from gateway.streaming import ENCODE, Writer
from gateway.tools import CallReader
from sagellm_protocol import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingRequest,
    EmbeddingResponse,
    ModelInfo,
    ModelListResponse,
    OpenAIError,
    OpenAIErrorResponse,
    ProtocolError,
    Response,
    bridges,
    codecs,
    evolve,
)

T = TypeVar("T")

JSON = codecs.get("json", omit_nulls=True)
READ = codecs.get("json", consistent=True)
LOG = logging.getLogger("uvicorn.error")
PAGE = Path(__file__).with_name("page")
BEGAN = int(time.time())
MAX_TOKENS = 256
"""What an answer may have where the client does not say."""


def answer(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A message, or plain data, as a whole answer."""
    return Answer(JSON.encode(payload), status, headers, media_type="application/json")


def failure(error: EngineError | ProtocolError) -> bridges.Failure:
    """What was raised, as OpenAI's clients know it: to them what breaks a declaration is 400, too."""
    found = bridges.error(error.error if isinstance(error, EngineError) else error)
    return attrs.evolve(found, status=400) if found.status == 422 else found


def refusal(_: HTTPRequest, error: Any) -> Answer:
    """What was raised, as an answer."""
    found = failure(error)
    return answer(found.body, found.status, found.headers)


def no_model(_: HTTPRequest, error: Exception) -> Answer:
    """What OpenAI says where there is no such model."""
    kind, message = "invalid_request_error", f"there is no model {str(error)!r}"
    said = OpenAIError(message=message, type=kind, param="model", code="model_not_found")
    return answer(OpenAIErrorResponse(error=said), 404)


def nobody(_: HTTPRequest, error: Any) -> Answer:
    """What is answered to a client that went away, for the log."""
    return Answer(status_code=499)


def tell_end(task: asyncio.Task[None]) -> None:
    """Log why a link to an engine has ended, unless the gateway has."""
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.error("an engine is given up", exc_info=error)


@attrs.frozen
class Gateway:
    """What is served."""

    engines: Engines

    def app(self) -> Starlette:
        """The application; the engines are kept in touch with as long as it runs."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            running = [asyncio.create_task(link.run()) for link in self.engines.links]
            for task in running:
                task.add_done_callback(tell_end)
            yield
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/completions", self.complete, methods=["POST"]),
                Route("/v1/embeddings", self.embed, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/v1/models/{model:path}", self.model),
                Route("/engines", self.state),
                Mount("/", StaticFiles(directory=PAGE, html=True)),
            ],
            exception_handlers={
                ProtocolError: refusal,
                EngineError: refusal,
                ModelNotFoundError: no_model,
                ClientDisconnect: nobody,
            },
            lifespan=lifespan,
        )

    async def chat(self, http: HTTPRequest) -> Answer:
        """``POST /v1/chat/completions``."""
        return await self._generate(http, ChatCompletionRequest)

    async def complete(self, http: HTTPRequest) -> Answer:
        """``POST /v1/completions``."""
        return await self._generate(http, CompletionRequest)

    async def _generate(self, http: HTTPRequest, cls: type[Any]) -> Answer:
        body = await decoded(http, cls)
        name = uuid4().hex
        requests = {
            f"{name}-{number}": bridges.to_request(one, request_id=f"{name}-{number}", max_tokens=MAX_TOKENS)
            for number, one in enumerate(each(body))
        }
        async with AsyncExitStack() as held:
            asking = await held.enter_async_context(self.engines.ask(wire.REQUEST, requests))
            with unless_gone(http, asking):
                found = dict([await asking.word() for _ in ([name] if body.stream else requests)])
            if body.stream:
                return Streamed(events(found, asking, body, list(requests)), held.pop_all())
            return answer(whole([found[request_id] for request_id in requests], body))

    async def embed(self, http: HTTPRequest) -> Answer:
        """``POST /v1/embeddings``."""
        body = await decoded(http, EmbeddingRequest)
        numbers = evolve(body, encoding_format="float")  # of which text is made here, for engines of any age
        async with self.engines.ask(wire.EMBED, {uuid4().hex: numbers}) as asking:
            with unless_gone(http, asking):
                _, vectors = await asking.word()
        return answer(packed(vectors) if body.encoding_format == "base64" else vectors)

    async def models(self, http: HTTPRequest) -> Answer:
        """``GET /v1/models``."""
        return answer(ModelListResponse(data=[ModelInfo(id=name, created=BEGAN) for name in self.engines.models()]))

    async def model(self, http: HTTPRequest) -> Answer:
        """``GET /v1/models/{model}``."""
        name = http.path_params["model"]
        if name not in self.engines.models():
            raise ModelNotFoundError(name)
        return answer(ModelInfo(id=name, created=BEGAN))

    async def state(self, http: HTTPRequest) -> Answer:
        """``GET /engines``: who is there, at which revision, and how its KV pool does."""
        return answer([link.told_of() for link in self.engines.links])


def each(body: Any) -> Iterator[Any]:
    """What a client asks for, answer by answer: engines give one each. A seed makes them differ."""
    prompts: Any = [None]
    if isinstance(body, CompletionRequest):
        prompts = [body.prompt]
        if body.prompt and not isinstance(body.prompt, str) and not isinstance(body.prompt[0], int):
            prompts = body.prompt
    for prompt in prompts:
        one = body if prompt is None else evolve(body, prompt=prompt)
        for number in range(body.n or 1):
            yield evolve(one, n=1, seed=one.seed if number == 0 else (one.seed or 0) + number)


def whole(responses: list[Response], body: Any) -> Any:
    """An answer of an engine, or several, as one of OpenAI's."""
    if isinstance(body, ChatCompletionRequest):
        read = tools.read if body.tools else None
        found: list[Any] = [bridges.to_chat(response, body, read=read) for response in responses]
    else:
        found = [bridges.to_completion(response, body) for response in responses]
    if len(found) == 1:
        return found[0]
    choices = [evolve(one.choices[0], index=index) for index, one in enumerate(found)]
    return evolve(found[0], choices=choices, usage=total([one.usage for one in found], body.n or 1))


def total(usages: list[Any], answers: int) -> Any:
    """What several answers took; so many share a prompt, which counts once. None where an engine did not say."""
    if len(usages) == 1 or None in usages:
        return usages[0] if len(usages) == 1 else None
    asked, given = sum(it.prompt_tokens for it in usages[::answers]), sum(it.completion_tokens for it in usages)
    return evolve(usages[0], prompt_tokens=asked, completion_tokens=given, total_tokens=asked + given)


async def decoded(http: HTTPRequest, cls: type[T]) -> T:
    """The body of a request."""
    return READ.decode(await http.body(), cls)


def packed(vectors: EmbeddingResponse) -> EmbeddingResponse:
    """The same, each vector as base64 of little-endian 32-bit numbers."""
    data = [
        evolve(it, embedding=base64.b64encode(struct.pack(f"<{len(it.embedding)}f", *it.embedding)).decode())
        for it in vectors.data
    ]
    return evolve(vectors, data=data)


@contextmanager
def unless_gone(http: HTTPRequest, asking: Asking) -> Iterator[None]:
    """Within it words are waited for as long as the client waits for the answer."""

    async def gone() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass
        asking.words.put_nowait((b"", left, b""))

    leaving = asyncio.create_task(gone())
    try:
        yield
    finally:
        leaving.cancel()


def left(_: bytes) -> Any:
    """What stands for an answer that nobody waits for any more.

    Raises:
        ClientDisconnect: always.
    """
    raise ClientDisconnect


async def events(first: Mapping[str, Any], asking: Asking, body: Any, names: list[str]) -> AsyncIterator[bytes]:
    """Server-sent events of all answers. What goes wrong once they have begun is told as one of them."""
    chat = isinstance(body, ChatCompletionRequest)
    about: dict[str, Any] = {"id": f"{'chatcmpl' if chat else 'cmpl'}-{names[0]}", "created": int(time.time())}
    chunks: Any = bridges.ChatChunks if chat else bridges.CompletionChunks
    writers = {
        name: Writer(chunks(body, index=index, **about), CallReader() if chat and body.tools else None)
        for index, name in enumerate(names)
    }
    try:
        for name, word in first.items():
            yield writers[name].write(word)
        while asking.unanswered:
            name, word = await asking.word()
            yield writers[name].write(word)
    except (EngineError, ProtocolError) as error:
        yield ENCODE(failure(error).body)
        return
    except ClientDisconnect:  # as its first word came
        return
    told = [writer.usage for writer in writers.values() if writer.usage is not None]
    if told:
        yield ENCODE(evolve(told[0], usage=total([chunk.usage for chunk in told], body.n or 1)))
    yield ENCODE.end


class Streamed(StreamingResponse):
    """Events, and what is to be let go of when the last is sent or the client has gone."""

    def __init__(self, events: AsyncIterator[bytes], held: AsyncExitStack) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self.held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        async with self.held:
            await super().__call__(scope, receive, send)


def listen(config: uvicorn.Config) -> socket.socket:
    """A socket that clients can connect to, whose answers leave at once."""
    listening = config.bind_socket()
    # Else each answer waits 40 ms: asyncio sets this only on sockets that were made for TCP by name.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.listen()
    return listening


def main() -> None:
    """Serve at a port (0 for any, which is then told), for engines at some addresses."""
    port, *addresses = sys.argv[1:]
    app = Gateway(Engines([Link(address) for address in addresses])).app()
    config = uvicorn.Config(app, port=int(port), log_level="warning", timeout_graceful_shutdown=1)
    listening = listen(config)
    print("http://{}:{}".format(*listening.getsockname()), flush=True)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
