"""An archive to upgrade, and folders compared to the byte."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgpack

LOG = Path(__file__).parent.parent.parent / "examples" / "archive" / "0.4.0.8.jsonl"


class Different(Exception):
    """What should have been the same to the byte is not."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def compare(expected: Path, found: Path, *, apart: str = "") -> int:
    """See that two folders hold the same, one file apart; gives how many files they hold.

    Raises:
        Different: they do not.
    """
    ours, theirs = contents(expected), contents(found)
    for name in sorted((ours.keys() | theirs.keys()) - {apart}):
        if ours.get(name) != theirs.get(name):
            there = {True: "another", False: "missing"}[name in theirs] if name in ours else "too much"
            raise Different(f"{name} is {there}, in {found}")
    return len(ours)


def make_archive(folder: Path, times: int) -> Path:
    """Sources of several forms, damage included, as large as so many times a log of 180 kB and half as much again."""
    folder.mkdir(parents=True)
    log = LOG.read_bytes()
    records = [json.loads(line) for line in log.splitlines()]
    (folder / "plain.jsonl").write_bytes((log + b'{"event": "delta", "broken\n' + b"no record\n" + b"\xff\n") * times)
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(log * (times // 4 + 1), 1)[:-2000])
    (folder / "objects.msgpack").write_bytes(b"".join(map(msgpack.packb, records)) * (times // 4 + 1))
    (folder / "empty.jsonl").touch()
    return folder
