"""Lines of files: long ones, blank ones, compressed ones, damaged ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
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


def test_the_last_line_may_be_as_long_as_the_limit_without_an_end() -> None:
    assert list(read_lines(io.BytesIO(b"abcd"), 4)) == [b"abcd"]
    assert isinstance(next(read_lines(io.BytesIO(b"abcde"), 4)), LongLine)


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
    [gzip.compress(b"x\n" * 9999)[:-20], gzip.compress(b"x")[:12] + b"\xff", gzip.compress(os.urandom(1 << 21))[:-9]],
    ids=["cut off", "damaged", "cut off late"],
)
def test_damage_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="cannot be read to its end"), opened(path) as source:
        list(read_lines(source.lines))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"), opened(tmp_path / "absent"):
        pass


# What a file is, by its beginning


def lines_of(path: Path) -> list[bytes | LongLine]:
    with opened(path) as source:
        return list(read_lines(source.lines))


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
@pytest.mark.parametrize("times", [1, 2])
def test_one_byte_order_mark_is_passed_over(tmp_path: Path, name: str, times: int) -> None:
    content = "\ufeff".encode() * times + b"one\n" + "\ufeff".encode() + b"two\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    mark = "\ufeff".encode()
    assert lines_of(tmp_path / name) == [mark * (times - 1) + b"one\n", mark + b"two\n"]
    (tmp_path / "only").write_bytes(mark)
    assert lines_of(tmp_path / "only") == []


def test_gzip_is_told_by_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(gzip.compress(b"one\n"))
    assert lines_of(path) == [b"one\n"]
    with opened(path) as source:
        assert source.compressed
    path.write_bytes(b"one\n")
    with opened(path) as source:
        assert not source.compressed


def test_an_empty_file_is_empty_whatever_its_name(tmp_path: Path) -> None:
    for name in ("log.jsonl", "log.gz"):
        (tmp_path / name).touch()
        assert lines_of(tmp_path / name) == []
        with opened(tmp_path / name) as source:
            assert source.compressed == name.endswith(".gz")


def test_a_name_that_promises_gzip(tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(b"{}\n")
    with pytest.raises(UnreadableError, match="is no gzip, in spite of its name"):
        lines_of(tmp_path / "log.gz")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x28\xb5\x2f\xfd\x04\x00", "zstd"),
        (bz2.compress(b"x"), "bzip2 data"),
        (lzma.compress(b"x"), "xz data"),
        (b"\x04\x22\x4d\x18", "lz4 data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"PAR1", "Parquet"),
        (b"ARROW1\0\0", "Arrow data"),
        (b"Obj\x01", "Avro"),
        (b"SQLite format 3\0", "an SQLite database"),
        ("{}".encode("utf-16"), "UTF-16 or UTF-32 text"),
        ("{}".encode("utf-32"), "UTF-16 or UTF-32 text"),
        ("{}".encode("utf-16-le"), "UTF-16 or UTF-32 text"),
        ("{}".encode("utf-16-be"), "UTF-16 text"),
        ("\ufeff{}".encode("utf-16-be"), "UTF-16 text"),
        ("\ufeff{}".encode("utf-32-be"), "UTF-32 text"),
    ],
)
def test_what_is_no_text_in_utf_8_is_told_once(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(UnreadableError, match=f"holds {expected}.*, not JSON Lines in UTF-8"):
        lines_of(tmp_path / "log")
    (tmp_path / "log").write_bytes(gzip.compress(content))
    with pytest.raises(UnreadableError, match=f"holds {expected}.* within gzip, not JSON Lines in UTF-8"):
        lines_of(tmp_path / "log")


def test_gzip_within_gzip(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(gzip.compress(b"x")))
    with pytest.raises(UnreadableError, match="holds gzip within gzip, not JSON Lines"):
        lines_of(tmp_path / "log")
