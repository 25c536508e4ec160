"""What form a file has: by what it holds, and by its name where that leaves it open."""

from __future__ import annotations

import bz2
import io
import lzma
import subprocess
import sys

import pytest

from archived import COMPRESS, FORMS, Sparing
from sagellm_protocol.archive import UnreadableError
from sagellm_protocol.archive.formats import Form, form_of, opened, recognise, stem_of
from sagellm_protocol.archive.formats.zstandard import zstd
from sagellm_protocol.model.exceptions import MissingExtraError

SKIPPED = b"\x53\x2a\x4d\x18\x03\x00\x00\x00abc"
LOG = "log"
gzipped = COMPRESS["gzip"]  # without the time, which would get into the names of tests


@pytest.mark.parametrize(
    ("layout", "compression", "wire", "suffix"),
    [
        ("jsonl", "none", "json", ".jsonl"),
        ("jsonl", "gzip", "json", ".jsonl.gz"),
        ("json", "zstd", "json", ".json.zst"),
        ("msgpack", "none", "msgpack", ".msgpack"),
    ],
)
def test_what_a_form_says(layout: str, compression: str, wire: str, suffix: str) -> None:
    form = Form(layout, compression)
    assert (form.wire, form.suffix, form.splittable) == (wire, suffix, suffix == ".jsonl")


@pytest.mark.parametrize("wrong", [("csv", "none"), ("json", "xz")])
def test_there_are_no_other_forms(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Form(*wrong)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.suffix)
def test_the_name_that_a_form_makes_tells_it(form: Form) -> None:
    for default in FORMS:
        assert form_of(f"2025/a.b{form.suffix}", default) == form
        assert form_of(f"LOG{form.suffix}".upper(), default) == form
    assert stem_of(f"2025/a.b{form.suffix}") == "2025/a.b"


@pytest.mark.parametrize(
    ("name", "expected", "stem"),
    [
        ("log", Form("msgpack", "zstd"), "log"),
        ("", Form("msgpack", "zstd"), ""),
        ("log.gz", Form("msgpack", "gzip"), "log"),
        ("log.ndjson", Form("jsonl"), "log"),
        ("log.mpk.zstd", Form("msgpack", "zstd"), "log"),
        ("2025.json/log.txt", Form("msgpack", "zstd"), "2025.json/log.txt"),
        (".json", Form("msgpack", "zstd"), ".json"),
        ("log.JSON.GZ", Form("json", "gzip"), "log"),
    ],
)
def test_what_a_name_leaves_open_is_as_told(name: str, expected: Form, stem: str) -> None:
    assert form_of(name, Form("msgpack", "zstd")) == expected
    assert stem_of(name) == stem


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("content", "name", "layout"),
    [
        (b'{"a":1}\n', "log.json", "jsonl"),
        (b'{"a":1}\n', "log.msgpack", "jsonl"),
        (b"\xef\xbb\xbf \n{", LOG, "jsonl"),
        (b'[{"a":1}]', "log.jsonl", "json"),
        (b'[{"a":1},\n{"a":2}]', "log.jsonl", "json"),
        (b"\xef\xbb\xbf\r\n\t [", LOG, "json"),
        (b"[]\n", "log.jsonl", "json"),
        (b"[1,", LOG, "json"),
        (b"[1,\n2", "log.jsonl", "jsonl"),
        (b"[1,\n2", "log.json", "json"),
        (b"[1]\n[2]\n", LOG, "jsonl"),
        (b"[2026-01-31] ready\n{}\n", "log.jsonl", "jsonl"),
        (b"\x81\xa1a\x01", "log.jsonl", "msgpack"),
        (b"\xde\x00\x01", LOG, "msgpack"),
        (b"\xdf", LOG, "msgpack"),
        (b"\x01\x02", "log.msgpack", "msgpack"),
        (b"\x01\x02", LOG, "jsonl"),
        (b"no record", "log.json", "jsonl"),
        (b"", LOG, "jsonl"),
        (b"", "log.json", "json"),
        (b" \n", "log.msgpack", "msgpack"),
    ],
)
def test_content_tells_more_than_a_name(content: bytes, name: str, layout: str, compression: str) -> None:
    data = COMPRESS[compression](content)
    expected = Form(layout, compression)
    stream = io.BytesIO(data)
    assert recognise(stream, name) == expected
    assert stream.tell() == 0
    once = opened(Sparing(data, 3))
    assert recognise(once, name) == expected
    assert once.read() == data


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "log.jsonl.gz", Form("jsonl", "gzip")),
        (b"\x1f", "log.json.gz", Form("json", "gzip")),
        (b"\x28\xb5", "log.msgpack.zst", Form("msgpack", "zstd")),
        (b"\x28\xb5\x2f\xfd", "log.jsonl", Form("jsonl", "zstd")),
        (b"\x1f\x8bxxxxxxxxxxxxxxx", LOG, Form("jsonl", "gzip")),
        (SKIPPED + zstd().compress(b"[1"), LOG, Form("json", "zstd")),
        (gzipped(b"") + gzipped(b"[{"), LOG, Form("json", "gzip")),
        (gzipped(b"[" * 2**20 + b"{"), LOG, Form("json", "gzip")),
    ],
)
def test_files_that_begin_unusually(content: bytes, name: str, expected: Form) -> None:
    assert recognise(io.BytesIO(content), name) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
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
        ("{}".encode("utf-16-le"), "UTF-16 or UTF-32 text"),
        ("{}".encode("utf-16-be"), "UTF-16 text"),
        ("\ufeff{}".encode("utf-32-be"), "UTF-32 text"),
    ],
)
def test_what_holds_something_else_is_told_by_its_name(content: bytes, expected: str) -> None:
    with pytest.raises(UnreadableError, match=f"^holds {expected}[^\n]*, neither JSON in UTF-8 nor MessagePack$"):
        recognise(io.BytesIO(content), "log.jsonl")
    for compression in ("gzip", "zstd"):
        with pytest.raises(UnreadableError, match=f"^holds {expected}[^\n]* within {compression}, neither"):
            recognise(io.BytesIO(COMPRESS[compression](content)), LOG)


@pytest.mark.parametrize("outer", ["gzip", "zstd"])
@pytest.mark.parametrize("inner", ["gzip", "zstd"])
def test_what_is_compressed_twice_is_told(outer: str, inner: str) -> None:
    with pytest.raises(UnreadableError, match=f"holds {inner} within {outer}"):
        recognise(io.BytesIO(COMPRESS[outer](COMPRESS[inner](b"{}"))), LOG)


@pytest.mark.parametrize(("suffix", "called"), [("gz", "gzip"), ("zst", "zstd")])
def test_a_compression_that_a_name_promises_is_there(suffix: str, called: str) -> None:
    with pytest.raises(UnreadableError, match=f"is no {called}, in spite of its name"):
        recognise(io.BytesIO(b"{}\n"), f"log.jsonl.{suffix}")


def test_a_stream_that_cannot_be_wound_back_has_to_be_opened() -> None:
    with pytest.raises(TypeError, match=r"opened\(\) first"):
        recognise(Sparing(b"{}", 1), LOG)
    stream = io.BytesIO()
    assert opened(stream) is stream


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("zstd is part of Python")
    data = zstd().compress(b"{}")
    zstd.cache_clear()
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "backports.zstd", None)
        missing.delattr("backports.zstd")
        with pytest.raises(MissingExtraError, match=r"isagellm-protocol\[zstd\]"):
            recognise(io.BytesIO(data), LOG)
    assert recognise(io.BytesIO(data), LOG) == Form("jsonl", "zstd")


def test_nothing_else_needs_the_extra() -> None:
    program = (
        "import sys, io; sys.modules['backports.zstd'] = sys.modules['compression.zstd'] = None\n"
        "from sagellm_protocol.archive.formats import Form, Reader, recognise\n"
        "print([batch.records for batch in Reader(io.BytesIO(b'{}'), recognise(io.BytesIO(b'{}'), 'log'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[[b'{}']]\n"
