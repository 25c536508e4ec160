"""``python -m benchmarks.soak [CALLS]``: encode and decode for long, and fail if memory grows."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from time import monotonic
from typing import Any

import attrs
import msgpack
import orjson

from benchmarks import messages
from sagellm_protocol import catalog, codecs
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import LossyDowngradeError, ProtocolError

REPORTS = 50
WARM_UP = 0.1
"""The share of the calls after which memory is to stand still."""
BLOCKS = 1 / 5000
"""Allocated blocks more, per call, that are taken for growth; a leak leaves at least one at each call of its kind."""
SPARE_BLOCKS = 2000
SPARE_BYTES = 16 * 2**20
TRACED_CALLS = 50_000
SELDOM = 17
"""One in so many turns for what is slow."""


@attrs.frozen
class Memory:
    """How much this process holds."""

    blocks: int
    """Blocks of Python's allocator: exact, and blind to what C extensions allocate themselves."""
    resident: int
    """Bytes in memory; 0 where the system does not tell."""

    @classmethod
    def now(cls) -> Memory:
        """After a full collection, so that cycles waiting for one do not count."""
        gc.collect()
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            resident = pages * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            resident = 0
        return cls(sys.getallocatedblocks(), resident)

    def __str__(self) -> str:
        return f"{self.blocks} blocks, {self.resident / 2**20:.1f} MiB"


def calls() -> list[Callable[[int], int]]:
    """Functions that encode and decode, each telling how many calls it has made. No two turns see the same texts."""
    found: list[Callable[[int], int]] = []
    for message, payload in messages().items():
        cls = catalog.get(message)
        for name in codecs.names():
            codec = codecs.get(name)
            found.append(_both_ways(codec.decoder(cls), codec.encoder(cls), _template(name, payload)))
            found.append(_refused(codec.decoder(cls), _template(name, {**payload, "request_id": 7, "model": 7})))
            found += _bound_anew(codec, cls, _template(name, payload))
        try:
            old = HISTORY.downgrade(payload, message, to="0.4.0.8", lossy=True)
        except LossyDowngradeError:
            continue
        codec = codecs.get("json", revision="0.4.0.8", lossy=True)
        found.append(_both_ways(codec.decoder(cls), codec.encoder(cls), _template("json", old)))
    return found


def _template(codec: str, payload: dict[str, Any]) -> Callable[[int], Any]:
    """What a codec decodes, with ids of its own at each turn."""
    if codec == "dict":
        return lambda turn: {key: f"req-{turn:08x}" if key == "request_id" else it for key, it in payload.items()}
    wire: bytes = msgpack.packb(payload) if codec.endswith("msgpack") else orjson.dumps(payload)
    return lambda turn: wire.replace(b"req-7f3a91c2", b"req-%08x" % turn)


def _both_ways(decode: Callable[[Any], Any], encode: Callable[[Any], Any], wire: Callable[[int], Any]) -> Any:
    def run(turn: int) -> int:
        encode(decode(wire(turn)))
        return 2

    return run


def _bound_anew(codec: codecs.Codec[Any], cls: type, wire: Callable[[int], Any]) -> Iterator[Callable[[int], int]]:
    """What is asked of a codec each time, and not bound once: lists, envelopes, functions for a class."""
    old = codecs.get(codec.name, revision=HISTORY.revisions[-2], lossy=True)
    read = codec.decoder(cls)

    def listed(turn: int) -> Any:
        return codec.decode(codec.encode([read(wire(turn))]), list[cls])  # type: ignore[valid-type]

    def enveloped(turn: int) -> Any:
        return codec.decode_envelope(codec.encode_envelope(read(wire(turn))))

    def enveloped_then(turn: int) -> Any:
        return codec.decode_envelope(old.encode_envelope(read(wire(turn))))

    def bound(turn: int) -> Any:
        codec.decoder(list[cls])  # type: ignore[valid-type]
        return codec.encoder(cls)(read(wire(turn)))

    for act in (listed, enveloped, enveloped_then, bound):
        yield _now_and_then(act)


def _now_and_then(act: Callable[[int], Any]) -> Callable[[int], int]:
    def run(turn: int) -> int:
        if turn % SELDOM == 0:
            act(turn)
            return 3
        return 0

    return run


def _refused(decode: Callable[[Any], Any], wire: Callable[[int], Any]) -> Any:
    def run(turn: int) -> int:
        if turn % SELDOM == 0:
            try:
                decode(wire(turn))
            except ProtocolError:
                return 1
        return 0

    return run


def growth(before: Memory, after: Memory, calls_between: int) -> str:
    """In words what has grown; empty where nothing has."""
    found = []
    blocks, resident = after.blocks - before.blocks, after.resident - before.resident
    if blocks > SPARE_BLOCKS + calls_between * BLOCKS:
        found.append(f"{blocks} blocks")
    if resident > SPARE_BYTES:
        found.append(f"{resident / 2**20:.1f} MiB")
    return " and ".join(found)


def soak(count: int, say: Callable[[str], None]) -> str:
    """Make so many calls; what memory has grown by in words, empty where it has not."""
    turns = calls()
    began, warm, warm_at = monotonic(), Memory.now(), 0
    done = reported = 0
    for turn, run in enumerate(cycle(turns)):
        done += run(turn)
        if done * REPORTS >= (reported + 1) * count:
            reported = done * REPORTS // count
            memory = Memory.now()
            say(f"{done} of {count} calls, {monotonic() - began:.0f} s, {memory}")
            if not warm_at and done >= count * WARM_UP:
                warm, warm_at = memory, done
        if done >= count:
            break
    return growth(warm, Memory.now(), done - warm_at)


def where() -> list[str]:
    """The lines that most of what grows comes from."""
    turns = calls()
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for turn, run in enumerate(islice(cycle(turns), TRACED_CALLS)):
        run(turn)
    gc.collect()
    differences = tracemalloc.take_snapshot().compare_to(before, "lineno")
    tracemalloc.stop()
    return [str(difference) for difference in differences[:8]]


def main() -> None:
    """Ends with 1 if memory grows, with 130 if it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Fail if memory grows.")
    parser.add_argument("calls", type=int, nargs="?", default=10_000_000, help="encode and decode calls to make")
    options = parser.parse_args()
    try:
        grown = soak(options.calls, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print("interrupted; until then see above")
        raise SystemExit(130) from None
    if grown:
        print(f"MEMORY GROWS: {grown} since it was warm. Most of it here:")
        print("\n".join(where()))
        raise SystemExit(1)
    print("memory does not grow")


if __name__ == "__main__":
    main()
