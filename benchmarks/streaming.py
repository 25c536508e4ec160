"""What one token of a stream costs: its bytes, from the text and the ids, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgpack
import orjson

from benchmarks.case import Case
from benchmarks.release import RELEASE
from sagellm_protocol import catalog, codecs, streams

DELTA, CHUNK = "types.StreamEventDelta", "openai_types.ChatCompletionStreamResponse"
NESTED = ("openai_types.ChatCompletionStreamChoice", "openai_types.ChatCompletionStreamDelta")
"""What the chunk is built of."""

WRITE, PACK, READ = "write a token, SSE", "write a token, MessagePack", "read a token, SSE"

WORKS = {
    WRITE: "text (and token ids) to a server-sent event: `writer.delta()`; the release: build a message, "
    "`model_dump_json()`, and the frame around it; the raw parser: `orjson.dumps` of a dict that is written there. All "
    f"write the bytes of {RELEASE}",
    PACK: "the same to MessagePack, one object after the other",
    READ: "a server-sent event to a checked message: `decoder.feed()`; the release: `model_validate_json()` of what "
    "stands between `data: ` and the end",
}

_TEXT, _TOKENS = " cache", [6500]

_EVENT = (
    "{'event': 'delta', 'request_id': request_id, 'trace_id': trace_id, 'engine_id': engine_id, 'content': text, "
    "'content_tokens': tokens}"
)
_CHUNK = (
    "{'id': id, 'object': 'chat.completion.chunk', 'created': created, 'model': model, 'choices': [{'index': 0, "
    "'delta': {'role': None, 'content': text}, 'finish_reason': None}]}"
)
_BUILT = {
    DELTA: "make(request_id=request_id, trace_id=trace_id, engine_id=engine_id, content=text, content_tokens=tokens)",
    CHUNK: "make(id=id, created=created, model=model, choices=[choice(index=0, delta=added(content=text))])",
}
_WRITTEN = {DELTA: _EVENT, CHUNK: _CHUNK}
_SENT = {DELTA: "delta(text, tokens)", CHUNK: "delta(text)"}


def cases(message: str, payload: dict[str, Any], published: Mapping[str, Any]) -> Iterator[Case]:
    """What each competitor does for a token, where the message is one that streams are made of."""
    if message not in _SENT:
        return
    given = {name: value for name, value in payload.items() if name in _WRITTEN[message]}
    names = {**given, "text": _TEXT, "tokens": _TOKENS, "dumps": orjson.dumps, "pack": msgpack.packb}
    first = codecs.get("json", revision=RELEASE).decode(orjson.dumps(payload), catalog.get(message))
    wire = b"data: " + orjson.dumps(payload) + b"\n\n"
    if published:
        choice, added = (published[name] for name in NESTED)
        building = {**names, "make": published[message], "choice": choice, "added": added}
        built = _BUILT[message]
        yield Case(WRITE, message, "published", f"b'data: ' + {built}.model_dump_json().encode() + b'\\n\\n'", building)
        yield Case(PACK, message, "published", f"pack({built}.model_dump(mode='json'))", building)
        reading = {"wire": wire, "read": published[message].model_validate_json}
        yield Case(READ, message, "published", "read(wire[6:-2])", reading)
    for work, framing in ((WRITE, "sse"), (PACK, "msgpack")):
        writer = streams.writer(first, framing, revision=RELEASE)
        yield Case(work, message, "core", _SENT[message], {**names, "delta": writer.delta})
    decoder = streams.decoder("sse", catalog.get(message))
    yield Case(READ, message, "core", "feed(wire)", {"feed": decoder.feed, "wire": wire})
    yield Case(WRITE, message, "raw", f"b'data: ' + dumps({_WRITTEN[message]}) + b'\\n\\n'", names)
    yield Case(PACK, message, "raw", f"pack({_WRITTEN[message]})", names)
    yield Case(READ, message, "raw", "loads(wire[6:-2])", {"loads": orjson.loads, "wire": wire})
