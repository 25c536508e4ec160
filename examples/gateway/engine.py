"""The engine, a process of its own: ``python -m gateway.engine``. It says where it listens, and serves who comes."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs
import zmq
import zmq.asyncio

from gateway import model, wire
from gateway.pool import Pool, PoolFullError
from sagellm_protocol import (
    EmbeddingData,
    EmbeddingRequest,
    EmbeddingResponse,
    EmbeddingUsage,
    Error,
    ErrorCode,
    Metrics,
    ProtocolError,
    Request,
    Response,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    codecs,
    streams,
)
from sagellm_protocol.codecs import Codec
from sagellm_protocol.history import LATEST
from sagellm_protocol.types import TokenLogprobs

STATE_SECONDS = 0.1
CANNOT = ("response_format", "logit_bias", "phase")
"""Fields of requests that would have to be obeyed, and cannot be."""


@attrs.frozen
class Settings:
    """What an engine is started with."""

    engine_id: str
    bind: str = "tcp://127.0.0.1:*"
    revision: str = LATEST
    """The release whose forms it speaks."""
    models: Sequence[str] = ("hash-1",)
    pool_tokens: int = 16_384
    token_ms: float = 5.0
    """How long a token takes."""


@attrs.define
class Answer:
    """The answer to one request, as it grows."""

    request: Request
    prompt: Sequence[int]
    arrival: float = attrs.field(factory=time.monotonic)
    scheduled: float | None = None
    cached: int = 0
    texts: list[str] = attrs.field(factory=list)
    tokens: list[int] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)
    logprobs: list[TokenLogprobs] = attrs.field(factory=list)
    finish_reason: Literal["stop", "length", "error"] = "error"
    error: Error | None = None

    @property
    def names(self) -> dict[str, Any]:
        """What every word of it repeats."""
        return {"request_id": self.request.request_id, "trace_id": self.request.trace_id}

    def add(self, token: int, text: str, reason: Literal["stop", "length"]) -> list[TokenLogprobs] | None:
        """One more token; how probable it was, where that is asked for."""
        self.finish_reason = reason
        self.texts.append(text)
        self.tokens.append(token)
        self.times.append(time.monotonic())
        if self.request.logprobs is None:
            return None
        self.logprobs.append(model.likely(token, text, self.request.logprobs))
        return self.logprobs[-1:]

    def cost(self) -> dict[str, Any]:
        """What the end of a stream and a response have in common."""
        metrics = Metrics.from_token_times(
            self.arrival,
            self.times,
            prompt_tokens=len(self.prompt),
            cached_tokens=self.cached,
            scheduled=self.scheduled,
            failed=self.error is not None,
        )
        return {
            "prompt_tokens": len(self.prompt),
            "cached_prompt_tokens": self.cached,
            "output_tokens": self.tokens,
            "logprobs": None if self.request.logprobs is None else self.logprobs,
            "finish_reason": self.finish_reason,
            "metrics": metrics,
            "error": self.error,
        }


class Engine:
    """Serves gateways, each at the revision that was agreed on with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pool = Pool(settings.pool_tokens)
        self._socket = zmq.asyncio.Context.instance().socket(zmq.ROUTER)
        self._socket.router_mandatory = True  # so that what goes to a gateway that is gone is known
        self._codecs: dict[bytes, Codec[Any]] = {}
        self._running: dict[tuple[bytes, bytes], asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Listen, until the task is cancelled."""
        self._socket.bind(self.settings.bind)
        print(self._socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
        telling = asyncio.create_task(self._tell_state())
        try:
            while True:
                peer, kind, request_id, body = await self._socket.recv_multipart()
                if kind == wire.HELLO:
                    await self._meet(peer, body)
                elif kind == wire.CANCEL:
                    if (peer, request_id) in self._running:
                        self._running[peer, request_id].cancel()
                elif peer in self._codecs:
                    self._begin(peer, kind, request_id, body)
        finally:
            telling.cancel()

    async def _meet(self, peer: bytes, body: bytes) -> None:
        accept = wire.PLAIN.decode(body, wire.Hello).accept
        codec = self._codecs[peer] = codecs.negotiate(accept, revision=self.settings.revision)
        welcome = wire.Welcome(self.settings.engine_id, str(codec.content_type), list(self.settings.models))
        await self._send(peer, wire.WELCOME, b"", wire.PLAIN.encode(welcome))

    def _begin(self, peer: bytes, kind: bytes, request_id: bytes, body: bytes) -> None:
        task = asyncio.create_task(self._answer(peer, kind, request_id, body))
        self._running[peer, request_id] = task
        task.add_done_callback(lambda _: self._running.pop((peer, request_id)))

    async def _answer(self, peer: bytes, kind: bytes, request_id: bytes, body: bytes) -> None:
        codec = self._codecs[peer]
        try:
            if kind == wire.EMBED:
                asked = codec.decode(body, EmbeddingRequest)
                await self._send(peer, wire.VECTORS, request_id, codec.encode(embedded(asked)))
            else:
                await self._generate(peer, codec, codec.decode(body, Request))
        except (ProtocolError, NotImplementedError) as error:
            await self._send(peer, wire.FAILED, request_id, codec.encode(Error.from_exception(error)))

    async def _generate(self, peer: bytes, codec: Codec[Any], request: Request) -> None:
        for name in CANNOT:
            if getattr(request, name) is not None:
                raise NotImplementedError(f"{name}: this model cannot obey it")
        answer = Answer(request, model.prompt_of(request))
        about: dict[str, Any] = {**answer.names, "engine_id": self.settings.engine_id}

        write: Callable[[str, Sequence[int]], bytes] | None = None

        async def say(kind: bytes, word: Any) -> None:
            await self._send(peer, kind, request.request_id.encode(), codec.encode(word))

        try:
            held = self.pool.begin(request.request_id, answer.prompt, request.kv_budget_tokens)
            try:
                answer.cached, answer.scheduled = held.cached, time.monotonic()
                if request.stream:
                    await say(wire.EVENT, StreamEventStart(**about, prompt_tokens=len(answer.prompt)))
                for token, text, reason in model.tokens(request, answer.prompt):
                    await asyncio.sleep(self.settings.token_ms / 1000)
                    self.pool.grow(request.request_id)
                    likely = answer.add(token, text, reason)
                    if request.stream and write is not None:
                        await self._send(peer, wire.EVENT, request.request_id.encode(), write(text, [token]))
                    elif request.stream:
                        delta = StreamEventDelta(**about, content=text, content_tokens=[token], logprobs=likely)
                        await say(wire.EVENT, delta)
                        if likely is None:  # the others differ from it in text and token alone
                            write = streams.writer(delta, "msgpack", revision=codec.revision).delta
            finally:
                self.pool.end(request.request_id)
        except PoolFullError as full:
            answer.finish_reason = "error"
            answer.error = Error(code=ErrorCode.RESOURCE_EXHAUSTED, message=str(full), retryable=True)
        said = "".join(answer.texts)
        if request.stream:
            await say(wire.EVENT, StreamEventEnd(**about, **answer.cost(), content=said))
        else:
            await say(wire.RESPONSE, Response(**answer.names, **answer.cost(), output_text=said))

    async def _tell_state(self) -> None:
        while True:
            state = self.pool.state()
            for peer, codec in list(self._codecs.items()):
                await self._send(peer, wire.STATE, b"", codec.encode(state))
            await asyncio.sleep(STATE_SECONDS)

    async def _send(self, peer: bytes, *frames: bytes) -> None:
        try:
            await self._socket.send_multipart([peer, *frames])
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._codecs.pop(peer, None)
            for (asking, _), task in self._running.items():
                if asking == peer:
                    task.cancel()


def embedded(request: EmbeddingRequest) -> EmbeddingResponse:
    """The vectors of some texts."""
    given: Sequence[Any] = [request.input] if isinstance(request.input, str) else request.input
    if given and isinstance(given[0], int):
        given = [given]
    prompts = [model.tokens_of(one) if isinstance(one, str) else one for one in given]
    total = sum(map(len, prompts))
    return EmbeddingResponse(
        data=[
            EmbeddingData(embedding=model.vector(prompt, request.dimensions), index=index)
            for index, prompt in enumerate(prompts)
        ],
        model=request.model,
        usage=EmbeddingUsage(prompt_tokens=total, total_tokens=total),
    )


def main() -> None:
    """Serve, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m gateway.engine", description=__doc__)
    for field in attrs.fields(Settings):
        if field.default is attrs.NOTHING:
            parser.add_argument(field.name)
        elif field.name != "models":
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    asyncio.run(Engine(Settings(**vars(parser.parse_args()))).serve())


if __name__ == "__main__":
    main()
