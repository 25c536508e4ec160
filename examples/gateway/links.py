"""The gateway's side of its engines: who is there, who can be told what, and whose answer is whose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from gateway import model, wire
from sagellm_protocol import (
    EmbeddingResponse,
    Error,
    ErrorCode,
    Loss,
    LossyDowngradeError,
    Request,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventStart,
    codecs,
    evolve,
    history,
)
from sagellm_protocol.codecs import Codec

ACCEPT = "application/msgpack"
"""What the gateway reads from engines: this format, at any revision."""
READS: dict[bytes, Any] = {
    wire.EVENT: StreamEvent,
    wire.RESPONSE: Response,
    wire.VECTORS: EmbeddingResponse,
    wire.FAILED: Error,
    wire.STATE: wire.State,
}
UNTOLD = ("presence_penalty", "frequency_penalty")
"""What need not be told to engines that do not know it, where it is 0."""
SECONDS = 60.0
"""The longest wait for an engine's next word."""


class EngineError(Exception):
    """An engine cannot answer, or can no more."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


def is_nothing(loss: Loss) -> bool:
    """Whether engines that are not told of something do as it says."""
    return loss.path in UNTOLD and float(loss.value) == 0


def lost(_: bytes) -> Any:
    """What stands for the answer of an engine that went away.

    Raises:
        EngineError: always.
    """
    raise EngineError(Error(code=ErrorCode.UNAVAILABLE, message="the engine went away"))


class ModelNotFoundError(Exception):
    """No engine has the model that is asked for."""


def late(_: bytes) -> Any:
    """What stands for the answer of an engine that says nothing.

    Raises:
        EngineError: always.
    """
    raise EngineError(Error(code=ErrorCode.DEADLINE_EXCEEDED, message=f"no word for {SECONDS:.0f} s"))


@attrs.define(eq=False)
class Asking:
    """Requests that engines were sent, and the words that come back, in the order in which they come.

    There are no more of them than tokens were asked for, so a client that reads slowly costs no more than that.
    """

    words: asyncio.Queue[tuple[bytes, Callable[[bytes], Any], bytes]] = attrs.field(factory=asyncio.Queue)
    unanswered: dict[bytes, Link] = attrs.field(factory=dict)
    _heard: float = attrs.field(factory=time.monotonic)
    _timer: asyncio.TimerHandle = attrs.field(init=False)
    """One for all words, since one for each would cost more than the word."""

    def __attrs_post_init__(self) -> None:
        self._look()

    def _look(self) -> None:
        left = self._heard + SECONDS - time.monotonic()
        if left <= 0:
            self.words.put_nowait((b"", late, b""))
        self._timer = asyncio.get_running_loop().call_later(left if left > 0 else SECONDS, self._look)

    async def word(self) -> tuple[str, Any]:
        """The next word, and which request it answers.

        Raises:
            EngineError: the engine cannot go on, is gone or says nothing.
        """
        name, read, body = await self.words.get()
        self._heard = time.monotonic()
        word = read(body)
        error = word if isinstance(word, Error) else getattr(word, "error", None)
        if not isinstance(word, (StreamEventStart, StreamEventDelta)):
            self.unanswered.pop(name).waiting.pop(name, None)
        if error is not None:
            raise EngineError(error)
        return name.decode(), word

    async def leave(self) -> None:
        """Have engines give up what nobody waits for any more."""
        self._timer.cancel()
        for name, link in self.unanswered.items():
            link.waiting.pop(name, None)
            with suppress(EngineError):
                await link.send(wire.CANCEL, name, b"")


@attrs.define(eq=False)
class Link:
    """One engine: a socket, and who waits for what. It comes back when the engine does."""

    address: str
    welcome: wire.Welcome | None = None
    """What the engine is, once it has said so; None while it is away."""
    codec: Codec[Any] | None = None
    state: wire.State | None = None
    waiting: dict[bytes, Asking] = attrs.field(factory=dict)
    _socket: zmq.asyncio.Socket = attrs.field(init=False)
    _readers: dict[bytes, Callable[[bytes], Any]] = attrs.field(factory=dict)
    _knows_no_turns: bool = False
    """Whether its revision has no place for conversations."""

    def __attrs_post_init__(self) -> None:
        self._socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.immediate = True  # nothing waits for an engine that is away
        self._socket.heartbeat_ivl, self._socket.heartbeat_timeout = 1000, 5000

    async def run(self) -> None:
        """Keep in touch, until the task is cancelled."""
        monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._socket.connect(self.address)
        parts = [asyncio.create_task(part) for part in (self._watch(monitor), self._receive())]
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()
            self._lose()
            self._socket.disable_monitor()
            monitor.close()
            self._socket.close()

    def _lose(self) -> None:
        self.welcome = self.codec = self.state = None
        while self.waiting:
            name, asking = self.waiting.popitem()
            asking.words.put_nowait((name, lost, b""))

    async def _watch(self, monitor: Any) -> None:
        while True:
            told = await recv_monitor_message(monitor)
            if told["event"] == zmq.EVENT_DISCONNECTED:
                self._lose()
            else:
                # Unlike all others it may wait: ZeroMQ tells of the handshake before the socket takes anything.
                await self._socket.send_multipart([wire.HELLO, b"", wire.PLAIN.encode(wire.Hello(ACCEPT))])

    async def _receive(self) -> None:
        while True:
            kind, name, body = await self._socket.recv_multipart()
            if kind == wire.WELCOME:
                self.welcome = wire.PLAIN.decode(body, wire.Welcome)
                codec = self.codec = codecs.negotiate(self.welcome.content_type, lossy=is_nothing)
                self._knows_no_turns = "messages" not in history.fields("types.Request", codec.revision)
                self._readers = {kind: codec.decoder(cls) for kind, cls in READS.items()}
            elif kind == wire.STATE:
                self.state = self._readers[kind](body)
            elif name in self.waiting:
                self.waiting[name].words.put_nowait((name, self._readers[kind], body))

    async def send(self, *frames: bytes) -> None:
        """Say something to the engine.

        Raises:
            EngineError: it is away, or takes no more.
        """
        try:
            await self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            raise EngineError(Error(code=ErrorCode.UNAVAILABLE, message="the engine takes no more")) from None

    def told(self, message: Any, reasons: list[str]) -> bytes | None:
        """A request as the engine reads it; None, and why, where its revision cannot say all of it.

        An engine that knows no conversations is sent the text that one makes.
        """
        assert self.codec is not None
        turns = message.messages if isinstance(message, Request) else None
        if turns and self._knows_no_turns and all(isinstance(turn.content, str) for turn in turns):
            message = evolve(message, messages=None, prompt=model.chat_prompt(turns))
        try:
            body: bytes = self.codec.encode(message)
        except LossyDowngradeError as error:
            reasons.append(str(error))
            return None
        return body

    def told_of(self) -> dict[str, Any]:
        """What people are told of it."""
        return {
            "address": self.address,
            "engine_id": self.welcome and self.welcome.engine_id,
            "revision": self.codec and self.codec.revision,
            "state": self.state and attrs.asdict(self.state),
        }


@attrs.frozen
class Engines:
    """All of them."""

    links: Sequence[Link]

    def models(self) -> list[str]:
        """What may be asked for."""
        return list(dict.fromkeys(name for link in self.links if link.welcome for name in link.welcome.models))

    @asynccontextmanager
    async def ask(self, kind: bytes, messages: Mapping[str, Any]) -> AsyncIterator[Asking]:
        """Ask for one answer or several, by request id. Where the block is left early, engines give up.

        Raises:
            EngineError: none is there, or none that can be told all of it.
            ModelNotFoundError: none has the model.
        """
        asking = Asking()
        try:
            for request_id, message in messages.items():
                link, body = self._choose(message)
                name = request_id.encode()
                link.waiting[name], asking.unanswered[name] = asking, link
                await link.send(kind, name, body)
            yield asking
        finally:
            await asking.leave()

    def _choose(self, message: Any) -> tuple[Link, bytes]:
        """The least busy engine that can be told all of it, and what it is told."""
        there = [(link, link.welcome.models) for link in self.links if link.welcome is not None]
        if not there:
            raise EngineError(Error(code=ErrorCode.UNAVAILABLE, message="no engine is there"))
        able = [link for link, models in there if message.model in models]
        if not able:
            raise ModelNotFoundError(message.model)
        reasons: list[str] = []
        for link in sorted(able, key=lambda link: len(link.waiting)):
            body = link.told(message, reasons)
            if body is not None:
                return link, body
        said = "\n".join(["no engine that is there can be told all of it", *reasons])
        raise EngineError(Error(code=ErrorCode.NOT_IMPLEMENTED, message=said))
