"""What type checkers must refuse: each line that has an ``ignore`` on it, and no other. An ``ignore`` that ignores
nothing is an error to mypy and to pyright.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import sys

from sagellm_protocol import Request, Response, StreamEvent, StreamEventDelta, codecs, evolve
from sagellm_protocol.model import message

request = Request(request_id="r", trace_id="t", max_tokens=8)

# Constructors

Request(request_id="r", trace_id="t")  # type: ignore[call-arg]
Request("r", "t", max_tokens=8)  # type: ignore[call-arg]
Request(request_id="r", trace_id="t", max_tokens="8")  # type: ignore[arg-type]
Request(request_id="r", trace_id="t", max_tokens=8, promt="Hi")  # type: ignore[call-arg]
Request(request_id="r", trace_id="t", max_tokens=8, messages=[{"role": "user", "content": ""}])  # type: ignore[list-item]
Response.from_json("")  # type: ignore[attr-defined]

# Nothing can be changed

request.prompt = "Hi"  # type: ignore[misc]
request.colour = "red"  # type: ignore[attr-defined]


def held(delta: StreamEventDelta) -> None:
    delta.content_tokens.append(1)  # type: ignore[attr-defined]
    delta.content_tokens[0] = 1  # type: ignore[index]
    if request.metadata is not None:
        request.metadata["a"] = 1  # type: ignore[index]


# What comes out of a codec is no Any

codec = codecs.get("json")
codec.decode(b"", StreamEvent).prompt  # type: ignore[union-attr]
codec.decode(b"", Request | None).prompt  # type: ignore[union-attr]
codec.decode(b"", list[Request]).prompt  # type: ignore[attr-defined]
codec.decoder(StreamEvent)(b"").prompt  # type: ignore[union-attr]
codec.converter.structure({}, StreamEvent).prompt  # type: ignore[union-attr]
codecs.get("json", revison="0.1.0")  # type: ignore[call-overload]
codecs.get("json", lossy=1.5)  # type: ignore[call-overload]
codecs.get("dict").encode(request).decode()  # type: ignore[attr-defined]


# Messages without order have none


@message
class Plain:
    size: int = 0


Plain() < Plain()  # type: ignore[operator]

# Changes, where the checker knows what can be changed

if sys.version_info >= (3, 13):
    evolve(request, promt="Hi")  # type: ignore[call-overload]
    evolve(request, prompt=1)  # type: ignore[call-overload]
    evolve(5, prompt="Hi")  # type: ignore[call-overload]


def changed(event: StreamEvent) -> None:
    if sys.version_info >= (3, 13):
        evolve(event, request_d="r")  # type: ignore[call-overload]
