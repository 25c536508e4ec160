"""A first tour: build messages, see them checked, send them through three codecs, read one written years ago."""

from __future__ import annotations

import copy

import attrs

from sagellm_protocol import Metrics, Request, Response, StreamEventDelta, codecs, evolve, history
from sagellm_protocol.model.exceptions import ValidationError


def build() -> Response:
    """Make a request and the response to it."""
    request = Request(
        request_id="req-001",
        trace_id="trace-001",
        model="llama2-7b",
        prompt="Hello, world!",
        max_tokens=128,
        stream=False,
        temperature=0.7,
    )
    metrics = Metrics(ttft_ms=45.2, tbt_ms=12.5, throughput_tps=80.0, peak_mem_mb=24576, error_rate=0.0)
    response = Response(
        request_id=request.request_id,
        trace_id=request.trace_id,
        output_text="Hi there!",
        output_tokens=[42, 17],
        finish_reason="stop",
        metrics=metrics,
    )
    print(f"{request.model} answered {response.output_text!r} after {metrics.ttft_ms} ms")
    return response


def stay_as_built(response: Response) -> None:
    """Messages never change: they hash, they may be shared by threads, and a change is a new message."""
    try:
        response.output_text = "something else"  # type: ignore[misc]
    except attrs.exceptions.FrozenInstanceError:
        print("a message cannot be changed")
    assert response.output_tokens == (42, 17), "the list was taken as a tuple"
    shorter = evolve(response, finish_reason="length")
    print(f"evolved: {shorter.finish_reason}; the first one still says {response.finish_reason}")
    assert len({response, shorter, copy.copy(response)}) == 2


def break_the_rules() -> None:
    """Everything that is wrong is told at once."""
    try:
        Metrics(ttft_ms=-1.0, throughput_tps=float("nan"), peak_mem_mb=24576, error_rate=2)
    except ValidationError as error:
        print(error)
        for violation in error.violations:
            print(f"  path {violation.path}, rule {violation.rule}, value {violation.value}")
        print(f"as a message to the caller: {error.to_error().code.value}")


def send(response: Response) -> None:
    """Three codecs write the same message and read it back equal."""
    for name in ("json", "msgpack", "dict"):
        codec = codecs.get(name)
        wire = codec.encode(response)
        assert codec.decode(wire, Response) == response
        print(f"{name}: {len(wire)} {'fields' if isinstance(wire, dict) else 'bytes'}")


def read_an_old_one() -> None:
    """A payload of release 0.1.0, whose tokens were called chunks and whose engine had no name."""
    archived = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [42]}
    payload = history.upgrade(archived, "StreamEventDelta", since="0.1.0", fill={"engine_id": "engine-7"})
    event = codecs.get("dict").decode(payload, StreamEventDelta)
    print(f"{event.engine_id} said {event.content!r}, tokens {event.content_tokens}")


def main() -> None:
    """Run the tour."""
    response = build()
    stay_as_built(response)
    break_the_rules()
    send(response)
    read_an_old_one()


if __name__ == "__main__":
    main()
