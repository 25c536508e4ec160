"""Lines of files: long ones, blank ones, compressed ones, damaged ones."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol.archive import UnreadableError
from sagellm_protocol.archive.records import LongLine, opened, read_lines


def whole(line: bytes | LongLine) -> bytes:
    return line if isinstance(line, bytes) else b"".join(line.pieces())


@given(st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\r\n", b"0123456789", b" "])).map(b"".join), st.integers(1, 12))
def test_nothing_is_lost_whatever_the_limit(text: bytes, limit: int) -> None:
    assert [whole(line) for line in read_lines(io.BytesIO(text), limit)] == text.splitlines(keepends=True)


@given(st.lists(st.integers(0, 12)), st.integers(1, 8))
def test_exactly_the_lines_past_the_limit_are_long(lengths: list[int], limit: int) -> None:
    text = b"".join(b"x" * length + b"\n" for length in lengths)
    assert [isinstance(line, LongLine) for line in read_lines(io.BytesIO(text), limit)] == [
        length > limit for length in lengths
    ]


def test_a_long_line_that_nobody_looks_at_is_passed_over() -> None:
    first, second = read_lines(io.BytesIO(b"0123456789\nab\n"), 4)
    assert isinstance(first, LongLine)
    assert second == b"ab\n"


def test_compressed_files_are_read_as_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    with opened(path) as source:
        assert list(read_lines(source.lines)) == [b"one\n", b"two\n"]
        assert source.file.tell() == path.stat().st_size


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"x\n" * 9999)[:-20], gzip.compress(b"x")[:12] + b"\xff"],
    ids=["cut off", "damaged"],
)
def test_damage_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="cannot be read to its end"), opened(path) as source:
        list(read_lines(source.lines))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"), opened(tmp_path / "absent"):
        pass
