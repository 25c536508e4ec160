"""Tasks that die and fail. Workers import this alone, and soon have."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import attrs

from sagellm_protocol.archive.formats import Form
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.watching import Tick
from sagellm_protocol.archive.storage import Source


def shards(count: int, size: int | None = 10) -> list[Shard]:
    """Shards of sources that nobody reads."""
    return [Shard(Source(f"/none/{number}", str(number), size, ""), Form()) for number in range(count)]


@attrs.frozen
class Task:
    """Dies, fails or waits over some shards, and tells who did the others."""

    place: str
    kills: tuple[str, ...] = ()
    kills_once: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    waits: float = 0

    def __call__(self, shard: Shard, tick: Tick) -> str:
        name = shard.source.name
        mark = Path(self.place, f"began-{name}")
        if name in self.kills or (name in self.kills_once and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        mark.touch()
        if name in self.fails:
            raise ValueError(name)
        deadline = time.monotonic() + self.waits
        while time.monotonic() < deadline:
            time.sleep(0.01)
            tick(0, 0, 0)
        tick(10, 2, 1)
        return name
