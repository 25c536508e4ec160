from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from sagellm_protocol.archive.formats import Batch, Form
from sagellm_protocol.archive.running import Means, Progress, Watch, look
from sagellm_protocol.archive.storage import Source


@attrs.define
class Lines:
    """Notes every record with its source, in order."""

    seen: list[tuple[str, bytes]] = attrs.field(factory=list)
    name: str = ""

    def begin(self, source: Source, form: Form) -> None:
        self.name = source.name

    def see(self, batch: Batch) -> int:
        self.seen += [(self.name, record) for record in batch.records]
        return 0

    def add(self, other: Any, /) -> None:
        self.seen += other.seen


def test_notes_are_added_up_in_order(log: Path) -> None:
    log.with_name("other.jsonl").write_bytes(log.read_bytes())
    expected = [(path.name, line) for path in sorted(log.parent.iterdir()) for line in path.read_bytes().splitlines()]
    with ThreadPoolExecutor(4) as executor:
        for means in (Means(executor, shard_size=1000), Means(workers=1)):
            assert look([log.parent], Lines, means).survey.seen == expected


def test_sources_that_cannot_be_read(log: Path) -> None:
    class Vanishing(Watch):
        def advance(self, progress: Progress) -> None:
            if progress.records:
                log.unlink(missing_ok=True)

    log.with_name("image.jsonl").write_bytes(b"PK\x03\x04")
    looks = look([log.parent], Lines, Means(workers=1, shard_size=3000, watch=Vanishing()))
    assert set(looks.unreadable) == {"image.jsonl", "log.jsonl"}
