"""Generated functions: none is compiled twice, and what nobody holds any more is forgotten."""

from __future__ import annotations

import gc
import linecache
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from sagellm_protocol import ProtocolError, Request, StreamEvent, StreamEventDelta, codecs, history
from sagellm_protocol.archive import Options, Upgrader
from sagellm_protocol.model import from_plain, message, to_plain
from sagellm_protocol.model.source import Function, generated_source
from sagellm_protocol.schema import json_schema

pytestmark = pytest.mark.once

PLAIN: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
DELTA: dict[str, Any] = {"request_id": "r", "trace_id": "t", "engine_id": "e", "content": "x", "content_tokens": [1]}
OLD_DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": []}
REQUEST = Request(**PLAIN)
NUMBERS = count()

CODECS = {
    f"{name} {revision}": codecs.get(name, revision=revision, lossy=True)
    for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
    for revision in ("latest", "0.4.0.8")
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "encode": lambda codec: codec.encode(REQUEST),
    "encode a list": lambda codec: codec.encode([REQUEST]),
    "an encoder": lambda codec: codec.encoder(Request)(REQUEST),
    "an encoder of several": lambda codec: codec.encoder(StreamEvent)(StreamEventDelta(**DELTA)),
    "decode": lambda codec: codec.decode(codec.encode(REQUEST), Request),
    "decode a list": lambda codec: codec.decode(codec.encode([REQUEST]), list[Request]),
    "a decoder": lambda codec: codec.decoder(Request)(codec.encode(REQUEST)),
    "a decoder of lists": lambda codec: codec.decoder(list[Request])(codec.encode([REQUEST])),
    "a decoder of several": lambda codec: codec.decoder(StreamEvent)(codec.encode(StreamEventDelta(**DELTA))),
    "the converter": lambda codec: codec.converter.structure([codec.converter.unstructure(REQUEST)], list[Request]),
    "envelopes": lambda codec: codec.decode_envelope(codec.encode_envelope(REQUEST)),
    "an envelope of then": lambda codec: codec.decode_envelope(
        codecs.get(codec.name, revision="0.1.0", lossy=True).encode_envelope(REQUEST)
    ),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "from_plain": lambda: from_plain(Request, PLAIN),
    "from_plain of a list": lambda: from_plain(list[Request], [PLAIN]),
    "from_plain of a tuple": lambda: from_plain(Sequence[Request | None], [PLAIN, None]),  # type: ignore[type-abstract]
    "from_plain of several": lambda: from_plain(StreamEvent, {"event": "delta", **DELTA}),  # type: ignore[arg-type]
    "upgrade": lambda: history.upgrade(OLD_DELTA, "StreamEventDelta", since="0.1.0"),
    "fill": lambda: history.upgrade(
        OLD_DELTA, "StreamEventDelta", since="0.1.0", fill={"engine_id": str(next(NUMBERS))}
    ),
    "a fill for a codec": lambda: codecs.get("dict", revision="0.1.0", fill={"engine_id": str(next(NUMBERS))}).decode(
        OLD_DELTA, StreamEventDelta
    ),
    "a fill for an archive": lambda: Upgrader(Options(fill={"engine_id": str(next(NUMBERS))})),
    "downgrade": lambda: history.downgrade(to_plain(REQUEST), "Request", to="0.1.0", lossy=True),
    "identify": lambda: history.identify({"code": "unavailable", "message": "m"}),
    "schema": lambda: json_schema(Request),
    "negotiate": lambda: codecs.negotiate("application/json"),
    "what is wrong": lambda: refused(lambda: from_plain(list[Request], [{"request_id": 1}])),
}


def refused(act: Callable[[], Any]) -> None:
    with pytest.raises(ProtocolError):
        act()


def generated() -> int:
    gc.collect()
    return sum(name.startswith("<sagellm_protocol generated") for name in linecache.cache)


@pytest.mark.parametrize("act", OTHERS.values(), ids=OTHERS)
def test_nothing_is_compiled_twice(act: Callable[[], Any]) -> None:
    act()
    before = generated()
    for _ in range(1000):
        act()
    assert generated() <= before


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_no_codec_compiles_twice(codec: Any) -> None:
    for act in CALLS.values():
        act(codec)
    before = generated()
    for act in CALLS.values():
        for _ in range(50):
            act(codec)
    assert generated() <= before


def test_classes_of_one_name_have_readers_of_their_own() -> None:
    """Types are equal by the names of their classes, and those may be defined anew."""

    first, second = (
        message(type("Twin", (), {"__annotations__": {"value": int}, "__module__": __name__})) for _ in range(2)
    )
    for name in ("json", "dict"):
        codec = codecs.get(name)
        wire = codec.format.dumps([{"value": 1}])
        for cls in (first, second, first):
            assert type(from_plain(list[cls], [{"value": 1}])[0]) is cls  # type: ignore[valid-type]
            assert type(codec.decode(wire, list[cls])[0]) is cls  # type: ignore[valid-type]


def serial(function: Callable[..., Any]) -> int:
    """How many functions were compiled before."""
    return int(function.__code__.co_filename.strip("<>").split()[-1])


def written(number: int) -> Function:
    to = Function("numbered")
    to.add(f"return {number}, {to.bind('held', held := object())} is _held")
    assert held is to.names["_held"]
    return to


def test_one_text_is_one_code_and_each_function_has_its_own_names() -> None:
    first, second = (written(7).compile("_one=1") for _ in range(2))
    assert first() == second() == (7, True)
    assert first is not second
    assert serial(written(8).compile("_one=1")) == serial(first) + 1
    assert first.__code__ is second.__code__
    assert (
        generated_source(first) == generated_source(second) == "def numbered(_one=1):\n    return 7, _held is _held\n"
    )
    assert first.__globals__["_held"] is not second.__globals__["_held"]


def test_what_nobody_holds_is_forgotten() -> None:
    before = generated()
    functions = [written(number).compile("") for number in range(1000, 1100)]
    assert generated() == before + 100
    kept = functions.pop()
    del functions
    assert generated() == before + 1
    assert "return 1099" in generated_source(kept)


def test_threads_that_write_the_same_at_once() -> None:
    ready, made = threading.Barrier(8), []

    def write() -> None:
        ready.wait()
        made.extend(written(number).compile("") for number in range(2000, 2200))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(function()[0] for function in made) == sorted([*range(2000, 2200)] * 8)
    assert all(f"return {function()[0]}," in generated_source(function) for function in made)
