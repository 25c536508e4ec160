"""Damaged files: what can be read is given, to the last byte, and what cannot is told with its place."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, strategies as st

from archived import COMPRESS, damages, places, read, records, written
from sagellm_protocol.archive.formats import Damage, Form, Reader
from sagellm_protocol.archive.formats.decompressing import decompressed
from sagellm_protocol.archive.formats.pieces import Broken
from sagellm_protocol.archive.formats.zstandard import zstd

ONE, TWO, THREE = b'{"a":1}', b'{"b":"x, \\"]}"}', b'{"c":[{"d":1},{"e":[[]]}]}'
LINES = [b'{"request_id":"%06d"}' % number for number in range(500)]
TEXT = b"\n".join(LINES) + b"\n"
gzipped = COMPRESS["gzip"]  # without the time, which would get into the names of tests
GZIP, ZSTD = Form("jsonl", "gzip"), Form("jsonl", "zstd")
NO_END = "the array breaks off before its end"
CUT = "the {} stream breaks off before its end"
PACKED = msgpack.packb({"a": 1})
DEEP = b"\x91" * 2000 + b"\x01"


def long(limit: int) -> str:
    return f"the record is longer than {limit} bytes"


@pytest.mark.parametrize(
    ("data", "given_", "damaged", "blank"),
    [
        (b"", [], [], 0),
        (b" \n", [], [], 0),
        (b"[]", [], [], 0),
        (b"[ ] \n", [], [], 0),
        (b"[1,2]", [b"1", b"2"], [], 0),
        (b"[\r\n" + ONE + b"\r\n,\t" + TWO + b" ,\n" + THREE + b"]\n", [ONE, TWO, THREE], [], 0),
        (b"[" + ONE + b",]", [ONE], [], 0),
        (b"[,," + ONE + b", ,1]", [ONE, b"1"], [], 3),
        (b"[" + ONE + b"]\n[" + TWO + b"]", [ONE, TWO], [], 0),
        (b"[][]\n[1][ ]", [b"1"], [], 0),
        (b"\xef\xbb\xbf[1]", [b"1"], [], 0),
        # Elements that are no JSON are handed on as they are.
        (b"[{1],2}," + ONE + b",}x,tru]", [b"{1]", b"2}", ONE, b"}x", b"tru"], [], 0),
        (b'["a\\",\n' + ONE + b"]", [b'"a\\",\n' + ONE], [], 0),
        (b'["\\\\",1]', [b'"\\\\"', b"1"], [], 0),
        # Breaks.
        (b"[", [], [Damage(1, 0, NO_END)], 0),
        (b"[" + ONE, [], [Damage(1, 7, NO_END, ONE)], 0),
        (b"[" + ONE + b",", [ONE], [Damage(9, 0, NO_END)], 0),
        (b"[" + ONE + b', {"a', [ONE], [Damage(10, 3, NO_END, b'{"a')], 0),
        (b"[1]\nx]", [b"1"], [Damage(4, 2, "more than white space follows the end of the array", b"x]")], 0),
        (ONE, [], [Damage(0, 7, "what stands here is no JSON array", ONE)], 0),
    ],
)
def test_arrays(data: bytes, given_: list[bytes], damaged: list[Damage], blank: int) -> None:
    batches = read(data, Form("json"))
    assert records(batches) == given_
    assert damages(batches) == damaged
    assert sum(batch.blank for batch in batches) == blank
    assert all(data[at:].startswith(record) for at, record in places(batches) if isinstance(record, bytes))


@pytest.mark.parametrize(
    ("data", "given_", "damaged"),
    [
        (b"", [], []),
        (PACKED * 2 + b"\x0a" + PACKED, [PACKED, PACKED, b"\x0a", PACKED], []),
        (PACKED + b"\x81\xa1", [PACKED], [Damage(4, 2, "the object breaks off before its end", b"\x81\xa1")]),
        (
            PACKED + b"\x81\xa1a\xc1" + PACKED,
            [PACKED],
            [Damage(4, 8, "no MessagePack: a byte 0xc1 begins no value", b"\x81\xa1a\xc1" + PACKED)],
        ),
        # Lengths that nothing has.
        *[
            (PACKED + start, [PACKED], [Damage(4, 5, "the object breaks off before its end", start)])
            for start in (
                b"\xc6\xff\xff\xff\xff",
                b"\xdb\xff\xff\xff\xff",
                b"\xdd\xff\xff\xff\xff",
                b"\xdf\xff\xff\xff\xff",
            )
        ],
        (DEEP + PACKED + DEEP, [DEEP, PACKED, DEEP], []),
    ],
)
def test_messagepack(data: bytes, given_: list[bytes], damaged: list[Damage]) -> None:
    batches = read(data, Form("msgpack"))
    assert records(batches) == given_
    assert damages(batches) == damaged


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        -1,
        200,
        70000,
        2**40,
        -100,
        -1000,
        -(2**20),
        -(2**40),
        1.5,
        "a",
        "a" * 40,
        "a" * 300,
        "a" * 70000,
        b"a",
        b"a" * 300,
        b"a" * 70000,
        [1],
        [1] * 20,
        [None] * 70000,
        {"a": 1},
        {str(key): [key] for key in range(20)},
        {str(key): 1.0 for key in range(66000)},
        *[msgpack.ExtType(5, b"x" * size) for size in (1, 2, 4, 8, 16, 3, 300, 70000)],
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value) if hasattr(value, '__len__') else value}",
)
def test_every_kind_of_messagepack_is_passed_over_where_it_is_too_long(value: object) -> None:
    record = msgpack.packb([value])
    assert records(read(record + PACKED, Form("msgpack"))) == [record, PACKED]
    damage = Damage(4, len(record) + len(DEEP) - 2, long(1500))
    # Within what the library does not go over, our own way has to.
    deep = DEEP[:-2] + record
    batches = read(PACKED + deep + PACKED, Form("msgpack"), max_record=1500)
    assert (records(batches), damages(batches)) == ([PACKED, PACKED], [damage])


@pytest.mark.parametrize(
    ("form", "data", "damaged"),
    [
        (Form(), b"1\n" + b"x" * 30 + b"\n2\n", [Damage(2, 30, long(20))]),
        (Form(), b"1\n2\n" + b"x" * 30, [Damage(4, 30, long(20))]),
        (Form("json"), b"[1,\n" + b"x" * 30 + b",2]", [Damage(4, 30, long(20))]),
        (Form("msgpack"), b"\x01\xd9\x1e" + b"x" * 30 + b"\x02", [Damage(1, 32, long(20))]),
    ],
)
def test_records_that_are_too_long_are_passed_over(form: Form, data: bytes, damaged: list[Damage]) -> None:
    batches = read(data, form, max_record=20)
    assert [msgpack.unpackb(record) if form.wire == "msgpack" else int(record) for record in records(batches)] == [1, 2]
    assert damages(batches) == damaged


@pytest.mark.parametrize("form", [Form(), Form("json"), Form("msgpack")], ids=lambda form: form.layout)
def test_what_is_passed_over_is_not_held(form: Form) -> None:
    size = 8 << 20
    start = {"jsonl": b"1\n", "json": b"[1,", "msgpack": b"\x01\xc6" + size.to_bytes(4, "big")}[form.layout]
    data = start + b"x" * size + {"jsonl": b"\n2", "json": b",2]", "msgpack": b"\x02"}[form.layout]
    stream = io.BytesIO(data)
    tracemalloc.start()
    batches = list(Reader(stream, form, max_record=1 << 17))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(records(batches)) == 2
    assert [damage.reason for damage in damages(batches)] == [long(1 << 17)]
    assert peak < 5 << 20


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("layout", ["jsonl", "json", "msgpack"])
def test_bombs_are_not_read_to_their_end(layout: str, compression: str) -> None:
    limit = 1 << 16
    start = {"jsonl": b"1\n", "json": b"[1,", "msgpack": b"\x01\xdd\xff\xff\xff\xff"}[layout]
    data = COMPRESS[compression](start + bytes(40 * limit) + b"\n2") + random.Random(1).randbytes(300_000)
    batches = read(data, Form(layout, compression), max_record=limit)
    assert len(records(batches)) == 1
    reason = f"a decompression bomb: the record goes on after {16 * limit} bytes"
    assert damages(batches) == [Damage(len(start) - 5 * (layout == "msgpack"), None, reason)]
    assert sum(batch.size for batch in batches) == len(data)


def test_a_long_record_is_no_bomb_where_nothing_is_compressed() -> None:
    data = b"1\n" + b"x" * (40 << 16) + b"\n2\n"
    batches = read(data, max_record=1 << 16)
    assert records(batches) == [b"1", b"2"]
    assert damages(batches) == [Damage(2, 40 << 16, long(1 << 16))]


# Compressed streams


def decompressed_start(compression: str, data: bytes) -> bytes:
    """What another decompressor gets out of a file that breaks off."""
    if compression == "gzip":
        return zlib.decompressobj(31).decompress(data)
    return bytes(zstd().ZstdDecompressor().decompress(data))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@given(cut=st.integers(0, 10_000))
def test_what_stands_before_a_break_is_given_to_the_byte(compression: str, cut: int) -> None:
    whole = COMPRESS[compression](TEXT)  # type: ignore[index]
    data = whole[: 1 + cut % (len(whole) - 1)]
    batches = read(data, Form("jsonl", compression))  # type: ignore[arg-type]
    (damage,) = damages(batches)
    assert batches[-1].damage is damage or batches[-2].damage is damage
    assert (damage.size, damage.reason) == (None, CUT.format(compression))
    given_ = b"".join(record + b"\n" for record in records(batches))
    assert damage.offset == len(given_)
    assert given_ + (damage.record or b"") == decompressed_start(compression, data)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@given(at=st.integers(0, 10_000), bits=st.integers(1, 255))
def test_bytes_that_changed_are_noticed(compression: str, at: int, bits: int) -> None:
    data = bytearray(COMPRESS[compression](TEXT))  # type: ignore[index]
    at %= len(data)
    data[at] ^= bits
    batches = read(bytes(data), Form("jsonl", compression))  # type: ignore[arg-type]
    # Some bits say nothing of the data: of gzip's header, or spare ones of zstd's tables.
    assert damages(batches) or records(batches) == LINES


def test_what_stands_before_damage_within_gzip_is_given_to_the_byte() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    text = TEXT * 200
    sound = compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)
    batches = read(sound + b"\xff" * 100, GZIP)
    assert len(records(batches)) == len(LINES) * 200
    assert damages(batches) == [Damage(len(text), None, damages(batches)[0].reason)]
    assert "gzip stream is damaged: " in damages(batches)[0].reason


@pytest.mark.parametrize("size", [1, 1000])
def test_no_byte_before_damage_within_gzip_is_lost(size: int) -> None:
    # Runs of two letters. There are several codes in a byte, and in the one that cannot be read as well.
    whole = gzipped(b"")[:10] + bytes.fromhex("edc1010d003008c030ad9b7f11275c066b5d64a824a092f3144c14cf23c32449be07")
    for bit in range(80, 8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        assert_nothing_is_lost(bytes(data), size)


def assert_nothing_is_lost(data: bytes, size: int) -> None:
    stream = io.BytesIO(data)
    got = b"".join(piece for piece in decompressed(lambda: stream.read(size), "gzip") if not isinstance(piece, Broken))
    least = b""
    state, rest = zlib.decompressobj(-15), data[10:]
    with contextlib.suppress(zlib.error):
        while piece := state.decompress(rest, 1):  # this loses no more than a byte
            least += piece
            rest = state.unconsumed_tail
    assert got.startswith(least)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_wrong_checksum_is_told_after_all_records(compression: str) -> None:
    if compression == "gzip":
        data = bytearray(gzipped(TEXT + b"{"))
        data[-5] ^= 1
        reason = "the gzip stream is damaged: its checksum does not fit what was read from it"
    else:
        data = bytearray(COMPRESS["zstd"](TEXT + b"{"))
        data[-1] ^= 1
        reason = "the zstd stream is damaged: "
    batches = read(bytes(data), Form("jsonl", compression))  # type: ignore[arg-type]
    assert records(batches) == LINES
    (damage,) = damages(batches)
    assert damage.reason.startswith(reason)
    assert (damage.offset, damage.size, damage.record) == (len(TEXT), None, b"{")


def gzip_with_all_fields(data: bytes) -> bytes:
    """A member whose header has all that there can be."""
    plain = gzipped(data)
    return plain[:3] + b"\x1e" + plain[4:10] + b"\x03\0abc" + b"name\0" + b"comment\0" + b"\1\2" + plain[10:]


@pytest.mark.parametrize(
    ("form", "data", "count", "reason"),
    [
        (GZIP, gzipped(TEXT) * 3, 1500, None),
        (GZIP, gzipped(TEXT) + bytes(100_000), 500, None),
        (GZIP, gzipped(TEXT) + bytes(10) + gzipped(TEXT), 1000, None),
        (GZIP, gzipped(b"") + gzipped(TEXT), 500, None),
        (GZIP, gzip_with_all_fields(TEXT) * 2, 1000, None),
        (GZIP, gzipped(TEXT) + b"junk", 500, "what follows the end of the gzip stream is no gzip"),
        (
            GZIP,
            gzipped(TEXT) + b"\x1f\x8b\x07aaaaaaaaaa",
            500,
            "what follows the end of the gzip stream is no gzip",
        ),
        (GZIP, b"", 0, None),
        (GZIP, b"".join(gzipped(line + b"\n") for line in LINES), 500, None),
        (ZSTD, zstd().compress(TEXT) * 3, 1500, None),
        (ZSTD, b"\x5f\x2a\x4d\x18\x02\0\0\0ab" + zstd().compress(TEXT) + b"\x50\x2a\x4d\x18\0\0\0\0", 500, None),
        (ZSTD, zstd().compress(b"") + zstd().compress(TEXT), 500, None),
        (ZSTD, zstd().compress(TEXT) + b"junk", 500, "what follows the end of the zstd stream is no zstd"),
        (ZSTD, zstd().compress(TEXT) + b"\x50\x2a\x4d\x18\x08\0\0\0abc", 500, CUT.format("zstd")),
        (ZSTD, zstd().compress(TEXT) + b"\x50\x2a\x4d\x18\x08", 500, CUT.format("zstd")),
        (ZSTD, b"", 0, None),
        (ZSTD, b"".join(zstd().compress(line + b"\n") for line in LINES), 500, None),
        (ZSTD, zstd().compress(b"[" * 500_000 + b"\n" + TEXT), 501, None),
        # A dictionary that is not there, a window that is too large.
        (ZSTD, b"\x28\xb5\x2f\xfd\x21\x05\x05\x01\0\0", 0, "the zstd stream is damaged: *"),
        (ZSTD, b"\x28\xb5\x2f\xfd\x00\xf8\x01\0\0", 0, "the zstd stream is damaged: *"),
    ],
)
def test_compressed_files(form: Form, data: bytes, count: int, reason: str | None) -> None:
    batches = read(data, form)
    assert len(records(batches)) == count
    told = [damage.reason for damage in damages(batches)]
    if reason is not None and reason.endswith("*"):
        assert [text.startswith(reason[:-1]) for text in told] == [True]
    else:
        assert told == ([] if reason is None else [reason])
    assert len(batches) < 6


@pytest.mark.parametrize("end", range(40))
def test_headers_that_break_off(end: int) -> None:
    data = gzipped(TEXT) + gzip_with_all_fields(b"{}")[: end + 1]
    batches = read(data, GZIP)
    assert len(records(batches)) == 500
    assert [damage.reason for damage in damages(batches)] == [CUT.format("gzip")]


def test_within_an_array_or_messagepack_a_break_is_one_damage() -> None:
    for layout in ("json", "msgpack"):
        form = Form(layout, "gzip")  # type: ignore[arg-type]
        given_ = LINES if layout == "json" else [msgpack.packb({"a": number}) for number in range(500)]
        data = written(given_, form)
        batches = read(data[:-20], form)
        got = records(batches)
        assert 400 < len(got) < 500
        assert got == given_[: len(got)]
        assert [(damage.size, damage.reason) for damage in damages(batches)] == [(None, CUT.format("gzip"))]


@pytest.mark.parametrize(("program", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_files_of_the_programs_are_read_and_ours_by_them(tmp_path: Path, program: str, suffix: str) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no program {program}")
    form = GZIP if program == "gzip" else ZSTD
    plain = tmp_path / "log.jsonl"
    for level in ("-1", "-9"):
        plain.write_bytes(TEXT * 50)
        subprocess.run([found, "-q", "-k", "-f", level, plain], check=True)
        with (tmp_path / f"log.jsonl{suffix}").open("rb") as stream:
            reader = list(Reader(stream, form))
        assert (records(reader), damages(reader)) == (LINES * 50, [])
    packed = tmp_path / f"ours{suffix}"
    packed.write_bytes(written(LINES, form))
    assert subprocess.run([found, "-d", "-c", packed], check=True, capture_output=True).stdout == TEXT
