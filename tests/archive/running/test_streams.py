from __future__ import annotations

import gzip
import io
import json

import pytest

from sagellm_protocol.archive import Options, StrictError, TooManyRejectedError, UnreadableError
from sagellm_protocol.archive.running import Limits, Writing, upgrade_stream
from sagellm_protocol.model.exceptions import OptionError
from soaking.archives import LOG

OLD = Options(since="0.4.0.8")
DATA = b"".join(LOG.read_bytes().splitlines(keepends=True)[:20])


class Pipe(io.RawIOBase):
    """A stream that cannot be wound back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        return self._data.readinto(memoryview(buffer)[:1000])


@pytest.mark.parametrize("compressed", [False, True])
def test_a_stream(*, compressed: bool) -> None:
    data = DATA + b"no record\n"
    output, rejected = io.BytesIO(), io.BytesIO()
    pipe = Pipe(gzip.compress(data) if compressed else data)
    report = upgrade_stream(pipe, output, rejected, OLD, writing=Writing(compression="none"))
    assert (report.counts.records, report.counts.rejected, report.finished) == (21, 1, True)
    assert output.getvalue().count(b"\n") == 20
    assert json.loads(rejected.getvalue())["source"] == "-"


def test_what_means_nothing_for_a_stream() -> None:
    for options, writing in ((Options(since="auto"), Writing()), (OLD, Writing(rotate=1))):
        with pytest.raises(OptionError):
            upgrade_stream(Pipe(DATA), io.BytesIO(), io.BytesIO(), options, writing=writing)


def test_limits() -> None:
    data = DATA + b"no record\n"
    with pytest.raises(StrictError):
        upgrade_stream(Pipe(data), io.BytesIO(), io.BytesIO(), OLD, limits=Limits(strict=True))
    with pytest.raises(TooManyRejectedError):
        upgrade_stream(Pipe(data), io.BytesIO(), io.BytesIO(), OLD, limits=Limits(max_rejected=0.01))


def test_a_stream_of_something_else() -> None:
    with pytest.raises(UnreadableError, match="zip"):
        upgrade_stream(Pipe(b"PK\x03\x04"), io.BytesIO(), io.BytesIO(), OLD)
