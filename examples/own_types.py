"""Teach a codec: a field by another name, a class of your own for a type, and times as numbers; at two revisions.

A function that ``configure=`` names gets the codec's converter, which is a cattrs converter. What it teaches holds for
every message, at any depth, in every format, at every revision.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone

import attrs
from cattrs import override

from sagellm_protocol import Request, ValidationError, codecs
from sagellm_protocol.codecs import MessageConverter
from sagellm_protocol.kv import KVHandle


@attrs.frozen
class Trace:
    """A class of ours, which is no message, and holds some."""

    began: datetime
    requests: Sequence[Request]
    blocks: Sequence[KVHandle] = ()


def as_our_gateway_speaks(converter: MessageConverter) -> None:
    """What our peers send: ``maxTokens``, UUIDs without hyphens, times as seconds since 1970."""
    converter.override(Request, max_tokens=override(rename="maxTokens"), metadata=override(omit_if_default=True))
    converter.register_unstructure_hook(uuid.UUID, lambda handle: handle.hex)
    converter.register_structure_hook(uuid.UUID, lambda text, _: uuid.UUID(hex=text))
    converter.register_unstructure_hook(datetime, datetime.timestamp)
    converter.register_structure_hook(datetime, lambda seconds, _: datetime.fromtimestamp(seconds, timezone.utc))


def main() -> None:
    """Carry a trace, and a request alone, in two formats at two revisions."""
    request = Request(request_id="req-1", trace_id="trace-1", model="Qwen2-7B", prompt="Hi", max_tokens=16)
    handle = KVHandle(num_tokens=16, handle_id=uuid.UUID(int=7))
    trace = Trace(datetime(2026, 11, 24, 12, tzinfo=timezone.utc), [request], [handle])

    for name in ("json", "msgpack"):
        for revision in ("latest", "0.1.0"):
            codec = codecs.get(name, revision=revision, configure=as_our_gateway_speaks)
            data = codec.encode(request)
            payload = codec.format.loads(data)
            print(f"{name:8} {codec.revision:9} {len(data):4} bytes: maxTokens={payload['maxTokens']}")
            assert codec.decode(data, Request) == request

    codec = codecs.get("json", configure=as_our_gateway_speaks)
    data = codec.encode(trace)
    print(data[:40].decode(), "...", handle.handle_id.hex in data.decode())
    assert codec.decode(data, Trace).requests[0] == request

    try:
        codec.decode(data.replace(b'"maxTokens":16', b'"maxTokens":0'), Trace)
    except ValidationError as error:
        print(error)


if __name__ == "__main__":
    main()
