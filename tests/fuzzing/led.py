"""One target led by coverage, by atheris: ``python -m fuzzing.led TARGET SEED SECONDS``.

Atheris grows bytes that reach new code. Inputs are made as ever, by functions that draw from a random generator; here
the generator draws from those bytes.
"""

from __future__ import annotations

import json
import sys
from random import Random
from typing import Any

import atheris
import attrs

from fuzzing import FINDING

# Coverage is of what is imported here for the first time.
with atheris.instrument_imports(include=["sagellm_protocol"]):
    from fuzzing.running import TOO_LONG, attempt, small
    from fuzzing.targets import TARGETS


class Led(Random):
    """A generator that draws from bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        super().__init__(0)

    def seed(self, *_: Any) -> None:
        """It has none."""

    def getrandbits(self, bits: int, /) -> int:
        size = (bits + 7) // 8
        piece = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(piece, "little") & ((1 << bits) - 1)

    def random(self) -> float:
        return self.getrandbits(16) / 2**16


def main(name: str, seed: str, seconds: str) -> None:
    """Fuzz one target until the time is up; findings go to standard output, a line each."""
    target = TARGETS[name]
    seen: set[str] = set()

    def try_one(data: bytes) -> None:
        finding = attempt(target, target.make(Led(data)))
        if finding is not None and finding.signature not in seen:
            seen.add(finding.signature)
            print(FINDING + json.dumps(attrs.asdict(small(target, finding).told())), flush=True)

    limits = [f"-max_total_time={seconds}", f"-seed={int(seed) + 1}", f"-timeout={2 * TOO_LONG}", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *limits, "-max_len=4096", "-print_final_stats=1", "-verbosity=0"], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
