"""One step of decoding, and what comes of it."""

import asyncio
import contextlib
import logging
from typing import AsyncIterator, Union

import numpy as np
from sagellm_protocol import (
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
)

from .pool import Pool
from .requests import Slot, empty_metrics, with_defaults

logger = logging.getLogger(__name__)
Finished = Union[StreamEventEnd, Response]


def finish(slot: Slot) -> Response:
    return Response(
        request_id=slot.request.request_id,
        trace_id=slot.request.trace_id,
        output_text="",
        output_tokens=slot.generated,  # innocent: a list is taken for a tuple
        finish_reason="stop",
        metrics=empty_metrics(),
    )


def append(response: Response, token: int) -> None:
    response.output_tokens.append(token)  # planted: SLP202


def merge(first: Response, second: Response) -> list:
    return first.output_tokens + [0] + second.output_tokens  # planted: SLP702


def chained(first: Response, second: Response):
    return first.output_tokens + second.output_tokens  # innocent: two tuples


def unique(response: Response) -> set:
    return set(response.output_tokens)  # innocent: any iterable will do


def embedded(table, response: Response):
    return table[response.output_tokens]  # planted: SLP703


def array_of(response: Response):
    return np.array(response.output_tokens)  # innocent: numpy takes tuples


def describe(response: Response) -> str:
    return "tokens: %s" % response.output_tokens  # planted: SLP704


def log(response: Response) -> None:
    logger.info("tokens: %s", response.output_tokens)  # innocent: an argument of its own


def same(response: Response, expected) -> bool:
    return response.output_tokens == [1, 2, 3]  # planted: SLP701


def count(response: Response) -> bool:
    return len(response.output_tokens) == 3  # innocent: numbers are compared


def flat(value):
    if isinstance(value, Response):
        tokens = value.output_tokens
        return tokens if isinstance(tokens, list) else [tokens]  # planted: SLP301
    if isinstance(value, list):  # innocent: nothing out of a message comes here
        return value
    return [value]


async def events(pool: Pool, slot: Slot) -> AsyncIterator[StreamEvent]:
    request = with_defaults(slot.request)
    yield StreamEventStart(request_id=request.request_id, trace_id=request.trace_id, engine_id="e")
    for token in slot.generated:
        yield StreamEventDelta(  # innocent: right as it is
            request_id=request.request_id, trace_id=request.trace_id, engine_id="e", content="", content_tokens=[token]
        )


async def old_delta(slot: Slot) -> StreamEventDelta:
    return StreamEventDelta(
        request_id=slot.request.request_id,
        trace_id=slot.request.trace_id,
        engine_id="e",
        content="x",
        content_tokens=[1],
        chunk="x",  # planted: SLP501
    )


async def collect(pool: Pool, slot: Slot) -> list:
    text = []
    async for event in events(pool, slot):
        if isinstance(event, StreamEventDelta):
            text.append(event.content)  # innocent: a list of the function's own
            event.content_tokens.clear()  # planted: SLP202
    return text


def closing(done: Finished) -> dict:
    payload = done.model_dump(mode="json", exclude_none=True)  # planted: SLP101
    payload["closed"] = True  # innocent: a dict that was just made
    payload.pop("metrics", None)  # innocent: the same
    return payload


def stamp(done: Finished) -> None:
    with contextlib.suppress(AttributeError):
        done.finish_reason = "length"  # planted: SLP201 silent


async def run(pool: Pool, slots: "list[Slot]") -> list:
    responses = await asyncio.gather(*(collect(pool, slot) for slot in slots))
    for slot in slots:
        response = slot.response or finish(slot)
        response.metrics.ttft_ms = 1.0  # planted: SLP201
        slot.generated = [*response.output_tokens]  # innocent: unpacked into a list
        slot.generated += response.output_tokens  # innocent: a list takes any iterable
    return responses
