"""A stream on its way: an engine writes MessagePack, a gateway makes OpenAI's chunks of it, a client reads these.

Run it with ``python examples/streams.py``. There are no sockets: each hands the next its bytes, cut anywhere.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from sagellm_protocol import (
    ChatCompletionStreamChoice,
    ChatCompletionStreamDelta,
    ChatCompletionStreamResponse,
    Metrics,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    streams,
)

WORDS = {17: "Frozen", 4: " messages", 99: " travel", 5: " well", 2: "."}
START = StreamEventStart(request_id="r-1", trace_id="t-1", engine_id="e-1")
COST = Metrics(ttft_ms=12.5, throughput_tps=80.0, peak_mem_mb=0, error_rate=0.0)


def engine() -> Iterator[bytes]:
    """Events of one answer as MessagePack; what stays the same is encoded once."""
    encode = streams.encoder("msgpack")
    request, trace, engine = START.request_id, START.trace_id, START.engine_id
    yield encode(START)
    delta = StreamEventDelta(request_id=request, trace_id=trace, engine_id=engine, content="", content_tokens=[])
    writer = streams.writer(delta, "msgpack")
    for token, word in WORDS.items():
        yield writer.delta(word, [token])
    end = StreamEventEnd(
        request_id=request,
        trace_id=trace,
        engine_id=engine,
        content="".join(WORDS.values()),
        output_tokens=list(WORDS),
        finish_reason="stop",
        metrics=COST,
    )
    yield encode(end)


def chunk_of(
    delta: ChatCompletionStreamDelta, finish_reason: Literal["stop"] | None = None
) -> ChatCompletionStreamResponse:
    """A chunk of the one answer that there is."""
    choice = ChatCompletionStreamChoice(index=0, delta=delta, finish_reason=finish_reason)
    return ChatCompletionStreamResponse(id="chatcmpl-1", created=1760000000, model="m", choices=[choice])


def gateway(received: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of an OpenAI server as Server-Sent Events."""
    decoder = streams.decoder("msgpack", StreamEvent)
    encode = streams.encoder("sse", omit_nulls=True, done=True)
    chunk = chunk_of(ChatCompletionStreamDelta(content=""))
    writer = streams.writer(chunk, "sse", omit_nulls=True)
    for data in received:
        for event in decoder.feed(data):
            match event:
                case StreamEventStart():
                    yield encode(chunk_of(ChatCompletionStreamDelta(role="assistant", content="")))
                case StreamEventDelta():
                    yield writer.delta(event.content)
                case StreamEventEnd():
                    yield encode(chunk_of(ChatCompletionStreamDelta(), "stop"))
    decoder.finish()
    yield encode.end


def client(received: Iterable[bytes]) -> str:
    """The text of all chunks."""
    decoder = streams.decoder("sse", ChatCompletionStreamResponse)
    text = ""
    for data in received:
        for chunk in decoder.feed(data):
            text += chunk.choices[0].delta.content or ""
    decoder.finish()
    assert decoder.done
    return text


def network(sent: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, in other pieces."""
    data = b"".join(sent)
    return (data[at : at + size] for at in range(0, len(data), size))


if __name__ == "__main__":
    print(client(network(gateway(network(engine(), 7)), 100)))
