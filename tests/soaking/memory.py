"""The memory that a worker takes, whatever the size and the form of a file."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack

from sagellm_protocol.archive.formats import Compression, Form, Layout, Writer
from sagellm_protocol.archive.running import SHARD_SIZE
from soaking.archives import LOG
from soaking.processes import alive, begin, finish

MOST = 150_000_000
"""Bytes that a worker may take."""
FORMS: tuple[tuple[Layout, Compression], ...] = (
    ("jsonl", "none"),
    ("jsonl", "gzip"),
    ("jsonl", "zstd"),
    ("json", "none"),
    ("msgpack", "none"),
)


def peak(asked: dict[str, object]) -> int:
    """The most bytes that a process of an upgrade has held at a time, as Linux tells. The first is a worker, too."""
    process = begin("soaking.upgrading", asked)
    most = 0
    while process.poll() is None:
        for worker in alive(process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                most = max(most, _held(Path(f"/proc/{worker}/status").read_text()))
        time.sleep(0.02)
    finish(process)
    return most


def _held(status: str) -> int:
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024


def large_file(place: Path, form: Form, size: int) -> Path:
    """A file of records that are so many bytes before they are compressed."""
    records = LOG.read_bytes().splitlines()
    if form.wire == "msgpack":
        records = [msgpack.packb(json.loads(record)) for record in records]
    path = place / f"large{form.suffix}"
    with path.open("wb") as file:
        writer = Writer(file, form)
        for _ in range(size // sum(map(len, records)) + 1):
            writer.write(records)
        writer.close()
    return path


def long_records(size: int) -> Iterator[tuple[str, bytes]]:
    """Files of one record about so long each: one text, a text that is no ASCII, and a great many numbers."""
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "chunk": "x", "chunk_tokens": [1]}
    texts = {"one text": "x" * size, "one text beyond ASCII": "\u5f15" * (size // 3)}
    for name, text in texts.items():
        yield f"{name}, JSON", json.dumps(delta | {"chunk": text}, ensure_ascii=False).encode()
        yield f"{name}, MessagePack", msgpack.packb(delta | {"chunk": text})
    yield "numbers, JSON", json.dumps(delta | {"chunk_tokens": [12345] * (size // 7)}).encode()
    yield "numbers, MessagePack", msgpack.packb(delta | {"chunk_tokens": [12345] * (size // 3)})
    yield "numbers, set aside, JSON", json.dumps({"chunk_tokens": [12345] * (size // 7)}).encode()


def measure(place: Path, size: int, record: int, *, told: Callable[[str], None] = print) -> list[str]:
    """Upgrade large files and long records; gives which files took more than they may."""
    too_much = []
    for layout, compression in FORMS:
        path = large_file(place, Form(layout, compression), size)
        most = peak(_asked(path, place / layout / compression))
        told(f"{path.name}, {size / 1e6:.0f} MB before compression: {most / 1e6:.0f} MB")
        if most > MOST:
            too_much.append(path.name)
        path.unlink()
    for name, data in long_records(record):
        path = place / ("long.msgpack" if name.endswith("MessagePack") else "long.jsonl")
        path.write_bytes(data)
        most = peak(_asked(path, place / name))
        told(f"a record of {len(data) / 1e6:.0f} MB, {name}: {most / 1e6:.0f} MB")
        path.unlink()
    return too_much


def _asked(path: Path, output: Path) -> dict[str, object]:
    since = {"since": "0.4.0.8"}
    return {"sources": str(path), "output": str(output), "options": since, "shard": SHARD_SIZE, "workers": 1}
