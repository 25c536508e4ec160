"""What has come of a stream of events so far, and the same as a message that can be kept and answered with."""

from __future__ import annotations

from io import StringIO
from typing import Any

import attrs

from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.streams.assembling.room import Room
from sagellm_protocol.types import Metrics, Response, StreamEventDelta, StreamEventEnd, StreamEventStart, TokenLogprobs

_CALLED = {"output_text": "content"}
"""Fields of ``Response`` that ``StreamEventEnd`` has by another name."""


def nothing_measured(error_rate: float) -> Metrics:
    """Metrics of what nobody measured."""
    return Metrics(ttft_ms=0.0, throughput_tps=0.0, peak_mem_mb=0, error_rate=error_rate)


@attrs.define
class Gathered:
    """What has come so far."""

    room: Room
    start: Any = None
    """The ``StreamEventStart``; None before it came."""
    tokens: list[int] = attrs.field(factory=list)
    logprobs: list[TokenLogprobs] = attrs.field(factory=list)
    events: int = 0
    """How many events have been taken."""
    size: int = 0
    """What is held, as :class:`Room` counts it."""
    _text: StringIO = attrs.field(factory=StringIO)

    def text(self) -> str:
        """All text so far."""
        return self._text.getvalue()

    def begin(self, event: StreamEventStart, size: int) -> None:
        """Take the start."""
        self.start = event
        self._hold(size)

    def append(self, event: StreamEventDelta, size: int) -> None:
        """Take a delta."""
        if size:
            self._text.write(event.content)
            self.tokens += event.content_tokens
            self.logprobs += event.logprobs or ()
            self._hold(size)

    def forget(self) -> None:
        """Hold nothing any more, and give back the room."""
        self.room.used -= self.size
        self.size, self.tokens, self.logprobs, self._text = 0, [], [], StringIO()

    def _hold(self, size: int) -> None:
        self.size += size
        self.room.used += size

    def response(self, end: StreamEventEnd) -> Response:
        """The whole answer, of the end that fits."""
        told = {field.argument: getattr(end, _CALLED.get(field.name, field.name)) for field in spec_of(Response).fields}
        if end.prompt_tokens is None:
            told["prompt_tokens"] = self.start.prompt_tokens
        if end.logprobs is None:
            told["logprobs"] = tuple(self.logprobs) or None
        return Response(**told)

    def partial(self) -> Partial:
        """What there is so far."""
        start = self.start
        return Partial(
            request_id=start and start.request_id,
            trace_id=start and start.trace_id,
            engine_id=start and start.engine_id,
            prompt_tokens=start and start.prompt_tokens,
            output_text=self.text(),
            output_tokens=tuple(self.tokens),
            logprobs=tuple(self.logprobs),
            events=self.events,
        )


@attrs.frozen(kw_only=True)
class Partial:
    """What has come of an answer that is not whole."""

    request_id: str | None
    """The request that it answers; None where not even the start came."""
    trace_id: str | None
    """The trace that the request belongs to; None as above."""
    engine_id: str | None
    """The engine that sent it; None as above."""
    prompt_tokens: int | None
    """Number of tokens in the prompt; None where the start did not say."""
    output_text: str
    """The text that came."""
    output_tokens: tuple[int, ...]
    """The tokens that came."""
    logprobs: tuple[TokenLogprobs, ...]
    """The log-probabilities that came."""
    events: int
    """How many events came."""

    def response(
        self,
        *,
        error: Error | BaseException | None = None,
        metrics: Metrics | None = None,
        request_id: str | None = None,
        trace_id: str | None = None,
    ) -> Response:
        """An answer with ``finish_reason`` "error" that holds what came.

        Args:
            error: what went wrong; ``unavailable``, and worth another try, where it is not told.
            metrics: what it cost; where it is not told, nothing was measured, and all of it failed.
            request_id: the request, where the stream did not say.
            trace_id: its trace, where the stream did not say.

        Raises:
            ValidationError: neither the stream nor the caller says which request and trace it was.
        """
        if error is None:
            text = f"the stream broke off after {self.events} event{'s' * (self.events != 1)}"
            error = Error(code=ErrorCode.UNAVAILABLE, message=text, retryable=True)
        elif not isinstance(error, Error):
            error = Error.from_exception(error)
        if metrics is None:
            metrics = nothing_measured(error_rate=1.0)
        told: dict[str, Any] = {
            "request_id": request_id if self.request_id is None else self.request_id,
            "trace_id": trace_id if self.trace_id is None else self.trace_id,
        }
        return Response(
            **told,
            output_text=self.output_text,
            output_tokens=self.output_tokens,
            logprobs=self.logprobs or None,
            prompt_tokens=self.prompt_tokens,
            finish_reason="error",
            metrics=metrics,
            error=error,
        )
