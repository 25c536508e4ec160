"""Three streams over one connection, put together; one of them breaks off, and one breaks a rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagellm_protocol import Metrics, StreamEvent, StreamEventDelta, StreamEventEnd, StreamEventStart, bridges, streams

METRICS = Metrics(ttft_ms=12.0, throughput_tps=80.0, peak_mem_mb=900, error_rate=0.0)


def answer(request_id: str, *words: str) -> list[StreamEvent]:
    """The events of one stream."""
    ids: dict[str, Any] = {"request_id": request_id, "trace_id": "t", "engine_id": "engine-1"}
    return [
        StreamEventStart(**ids, prompt_tokens=3),
        *(StreamEventDelta(**ids, content=word, content_tokens=[number]) for number, word in enumerate(words)),
        StreamEventEnd(
            **ids,
            content="".join(words),
            output_tokens=range(len(words)),
            finish_reason="stop",
            metrics=METRICS,
        ),
    ]


def connection() -> Iterator[StreamEvent]:
    """What an engine sends of all three, in turns."""
    whole, hasty, cut_off = (
        answer("whole", "All ", "is ", "well."),
        answer("hasty", "a"),
        answer("cut-off", "No en", "d"),
    )
    yield from (whole[0], hasty[0], cut_off[0], whole[1], hasty[2], cut_off[1], whole[2], whole[3], whole[4])


def main() -> None:
    """Put them together, and answer for each as a gateway would."""
    many = streams.Interleaved()
    for event in connection():
        try:
            response = many.add(event)
        except streams.StreamError as error:
            print(error)
            many.drop(event.request_id)
            continue
        if response is not None:
            print(bridges.to_chat(response, model="m").choices[0].message.content)
    for partial in many.drop_all():
        response = partial.response()
        if response.error is not None:
            print(f"{response.request_id}: {response.output_text!r}, then {bridges.error(response.error).status}")


if __name__ == "__main__":
    main()
