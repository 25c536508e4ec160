"""Laws of reading and writing: what is written is read, whatever the form, the cuts and the stream."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, strategies as st

from archived import COMPRESS, FORMS, Sparing, damages, places, places_of_lines, read, records, written
from sagellm_protocol.archive import UnreadableError
from sagellm_protocol.archive.formats import Batch, Form, Reader, Writer, opened, recognise
from sagellm_protocol.archive.formats.decompressing import decompressed
from sagellm_protocol.archive.formats.elements import Elements
from sagellm_protocol.archive.formats.holding import Bounds, Splitter
from sagellm_protocol.archive.formats.lines import Lines
from sagellm_protocol.archive.formats.objects import Objects
from sagellm_protocol.archive.formats.pieces import Broken

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=5)
    | st.sampled_from(['"', "\\", "},{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=12)
LINES = st.lists(
    st.sampled_from(
        [b"{}", b'{"a":1}', b"", b" ", b"\r", b'{"a":1}\r', b" {}", b"\xff", b"\xef\xbb\xbf{}", b"x" * 30, b" " * 30]
    )
    | st.binary(max_size=5)
)
SPLITTERS: dict[str, Callable[[Bounds, int], Splitter]] = {"jsonl": Lines, "json": Elements, "msgpack": Objects}
# What JSON is made of, so that what is drawn comes near it.
NEAR_JSON = st.lists(st.sampled_from([*b'[]{},:"\\ \n1a', b'{"a":1}', b'"x\\""', b"[1,2]", b" " * 9])).map(
    lambda parts: b"".join(part if isinstance(part, bytes) else bytes([part]) for part in parts)
)
NEAR_MSGPACK = st.lists(
    st.sampled_from(
        [b"\x80", b"\x81\xa1a\x01", b"\xdc\x00\x02", b"\xd9\x03abc", b"\xc4\x01x", b"\xcb", b"\xc1", b"\xdf"]
    )
    | st.binary(max_size=3)
).map(b"".join)


def encoded(payloads: list[Any], form: Form, indent: int | None = None) -> list[bytes]:
    if form.wire == "msgpack":
        return [msgpack.packb(payload) for payload in payloads]
    return [json.dumps(payload, indent=indent).encode() for payload in payloads]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.suffix)
@given(payloads=PAYLOADS, portion=st.integers(1, 5), cut=st.integers(1, 50))
def test_what_is_written_is_read(form: Form, payloads: list[Any], portion: int, cut: int) -> None:
    given_ = encoded(payloads, form)
    data = written(given_, form, portion)
    stream = opened(Sparing(data, cut))  # type: ignore[arg-type]
    assert recognise(stream, f"log{form.suffix}") == form
    reader = Reader(stream, form)
    batches = list(reader)
    assert records(batches) == given_
    assert sum(batch.size for batch in batches) == len(data)
    assert sum(batch.blank for batch in batches) == len(damages(batches)) == 0
    assert reader.digest == hashlib.sha256(data).hexdigest()
    plain = written(given_, Form(form.layout))
    assert all(plain[at:].startswith(record) for at, record in places(batches) if isinstance(record, bytes))


@given(payloads=PAYLOADS, indent=st.sampled_from([0, 2]))
def test_records_over_many_lines_become_one_line_each(payloads: list[Any], indent: int) -> None:
    over_lines = encoded(payloads, Form("json"), indent)
    assert records(read(written(over_lines, Form("json")), Form("json"))) == over_lines
    read_back = records(read(written(over_lines, Form())))
    assert [json.loads(record) for record in read_back] == payloads
    in_array = json.dumps(payloads, indent=indent).encode()
    assert [json.loads(record) for record in records(read(in_array, Form("json")))] == payloads


@given(LINES.map(b"\n".join), st.integers(1, 40))
def test_every_byte_of_json_lines_is_in_a_record_a_blank_line_or_damage(data: bytes, max_record: int) -> None:
    batches = read(data, max_record=max_record)
    start = 3 * data.startswith(b"\xef\xbb\xbf")
    expected = list(places_of_lines(data[start:], max_record, start))
    assert list(places(batches)) == expected
    lines = data[start:].split(b"\n")
    assert sum(batch.blank for batch in batches) + len(expected) == len(lines) - (not lines[-1])
    assert all(damage.reason == f"the record is longer than {max_record} bytes" for damage in damages(batches))


@given(LINES.map(b"\n".join), st.lists(st.integers(0, 200)).map(sorted), st.integers(1, 40))
@example(b"{}\r\n{}", [3, 4], 40)
@example(b"{}\n{}\n{}\n", [3, 6], 40)
@example(b"x" * 50, [10, 20, 30], 5)
def test_ranges_joined_are_the_whole(data: bytes, cuts: list[int], max_record: int) -> None:
    ends = [0, *cuts, None]
    readers = [
        Reader(io.BytesIO(data), Form(), start=start or 0, stop=stop, max_record=max_record)
        for start, stop in itertools.pairwise(ends)
    ]
    parts = [list(reader) for reader in readers]
    whole = read(data, max_record=max_record)
    assert [place for part in parts for place in places(part)] == list(places(whole))
    for key in ("blank", "size"):
        assert sum(getattr(batch, key) for part in parts for batch in part) == sum(
            getattr(batch, key) for batch in whole
        )
    begin = 0
    for reader, part, (start, stop) in zip(readers, parts, itertools.pairwise(ends), strict=True):
        assert all((start or 0) <= place[0] and (stop is None or place[0] < max(stop, 4)) for place in places(part))
        end = begin + sum(batch.size for batch in part)
        assert reader.digest == hashlib.sha256(data[begin:end]).hexdigest()
        begin = end


@pytest.mark.parametrize(
    ("layout", "data"),
    [
        ("jsonl", LINES.map(b"\n".join)),
        ("json", NEAR_JSON),
        ("msgpack", NEAR_MSGPACK | PAYLOADS.map(lambda p: b"".join(map(msgpack.packb, p)))),
    ],
)
@given(st.data())
def test_it_does_not_matter_how_the_data_comes(
    layout: str, data: st.SearchStrategy[bytes], drawn: st.DataObject
) -> None:
    whole = drawn.draw(data)
    bounds = Bounds(drawn.draw(st.integers(1, 30)))
    cuts = sorted(drawn.draw(st.lists(st.integers(0, len(whole)))))
    told = []
    for pieces in ([whole], [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]):
        splitter = SPLITTERS[layout](bounds, 7)
        batches = [batch for piece in pieces for batch in splitter.feed(piece)] + list(splitter.end(None))
        told.append((list(places(batches)), damages(batches), sum(batch.blank for batch in batches)))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("layout", "whole", "count"),
    [
        ("jsonl", b'{"a":1}\r\n\n{}\n', 2),
        ("json", b'[{"a\\\\":"\\"],"},\n[1,"\\\\"],{}]', 3),
        ("msgpack", b"\x81\xa3abc\xcd\x01\x02\x01" + b"\xda\x00\x03abc", 3),
    ],
)
def test_nor_where_it_is_cut(layout: str, whole: bytes, count: int) -> None:
    for cut in range(len(whole)):
        splitter = SPLITTERS[layout](Bounds(100), 0)
        batches = [batch for piece in (whole[:cut], whole[cut:]) for batch in splitter.feed(piece)]
        assert (len(records(batches)), list(splitter.end(None))) == (count, [])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.suffix)
@given(
    data=st.binary(max_size=60) | NEAR_JSON | NEAR_MSGPACK | LINES.map(b"\n".join),
    wrapped=st.booleans(),
    max_record=st.integers(1, 40),
)
def test_whatever_a_file_holds_it_is_read_to_its_end(form: Form, data: bytes, wrapped: bool, max_record: int) -> None:
    if wrapped:
        data = COMPRESS[form.compression](data)
    reader = Reader(io.BytesIO(data), form, max_record=max_record)
    batches = list(reader)
    assert sum(batch.size for batch in batches) == len(data)
    assert reader.digest == hashlib.sha256(data).hexdigest()
    assert all(batch.records or batch.blank or batch.damage or batch.size for batch in batches)
    assert all(0 < len(record) <= max_record for record in records(batches))
    assert all("\n" not in damage.reason and len(damage.record or b"") <= max_record for damage in damages(batches))
    with contextlib.suppress(UnreadableError):
        recognise(io.BytesIO(data), f"log{form.suffix}")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@given(data=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(1, 40), min_size=1), end=st.integers(0, 99))
def test_decompressing_does_not_depend_on_how_the_data_comes(
    compression: Any, data: list[bytes], cuts: list[int], end: int
) -> None:
    whole = b"".join(map(COMPRESS[compression], data))
    whole = whole[: max(len(whole) - end, 0)]
    stream, sizes = io.BytesIO(whole), iter(cuts)
    told = list(decompressed(lambda: stream.read(next(sizes, 7)), compression))
    again = io.BytesIO(whole)
    at_once = list(decompressed(lambda: again.read(1000), compression))
    assert told == at_once
    assert b"".join(data).startswith(b"".join(piece for piece in told if isinstance(piece, bytes)))
    if not any(isinstance(piece, Broken) for piece in told):
        # Cut between members nothing is missing.
        assert b"".join(told) in [b"".join(data[:count]) for count in range(len(data) + 1)]  # type: ignore[arg-type]


def test_large_files_are_read_in_batches_and_little_memory() -> None:
    line = b'{"request_id":"%07d","content":"' + b"x" * 200 + b'"}'
    lines = [line % number for number in range(20_000)]
    for form in (Form(), Form("json"), Form("jsonl", "gzip"), Form("jsonl", "zstd")):
        data = written(lines, form, 4000)
        stream = io.BytesIO(data)
        count = most = 0
        tracemalloc.start()
        for batch in Reader(stream, form):
            assert batch.records[0] == lines[count]
            assert batch.offset(len(batch.records) - 1) >= batch.offset(0) + (len(batch.records) - 1) * len(lines[0])
            count += len(batch.records)
            most = max(most, sum(map(len, batch.records)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == len(lines)
        assert most < 2.5 * 2**20
        assert peak < 12 * 2**20


def test_how_far_it_is_is_told_also_where_nothing_is_found() -> None:
    batches = read(bytes(40 << 20), max_record=10)
    assert [batch.size for batch in batches] == [16 << 20, 16 << 20, 8 << 20]
    assert damages(batches) == [batches[-1].damage]


def test_a_batch_tells_each_offset() -> None:
    batch = Batch([b"{}", b"[]", b"1"], start=10)
    assert [batch.offset(index) for index in (2, 0, 1)] == [16, 10, 13]


def test_only_plain_lines_are_read_in_ranges() -> None:
    for form in FORMS[1:]:
        assert not form.splittable
        for part in ({"start": 1}, {"stop": 1}):
            with pytest.raises(ValueError, match="cannot be read in ranges"):
                Reader(io.BytesIO(), form, **part)


def test_the_digest_is_told_at_the_end() -> None:
    reader = Reader(io.BytesIO(b"{}\n"), Form())
    batches = iter(reader)
    next(batches)
    with pytest.raises(ValueError, match="when all batches have been read"):
        _ = reader.digest
    assert list(batches) == []
    assert reader.digest == hashlib.sha256(b"{}\n").hexdigest()


def test_what_the_disk_cannot_give_is_told_as_unreadable() -> None:
    class Failing(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1) -> bytes:
            self.asked += 1
            if self.asked > 1:
                raise OSError(5, "Input/output error")
            return b"{}\n"

    with pytest.raises(UnreadableError, match=r"cannot be read to its end: .*Input/output error"):
        list(Reader(Failing(), Form()))  # type: ignore[arg-type]


# Writing


def test_the_same_records_become_the_same_bytes() -> None:
    for form in FORMS:
        assert written([b"{}"] * 10, form) == written([b"{}"] * 10, form)
    assert written([b"{}"], Form("jsonl", "gzip"))[3:8] == bytes(5)


def test_zstd_that_changed_is_noticed() -> None:
    data = bytearray(written([b'{"a":"%032x"}' % 12345678], Form("jsonl", "zstd")))
    data[data.index(b"bc614e")] ^= 1
    assert [damage.record for damage in damages(read(bytes(data), Form("jsonl", "zstd")))] == [None]


@pytest.mark.parametrize(
    ("form", "given_", "expected"),
    [
        (Form(), [], b""),
        (Form(), [b"{}", b'{"a":\r\n1\n}\r'], b'{}\n{"a": 1 }\r\n'),
        (Form("json"), [], b"[]\n"),
        (Form("json"), [b"{}", b"1", b"{\n}", b"2"], b"[\n{},\n1,\n{\n},\n2\n]\n"),
        (Form("msgpack"), [b"\x80", b"\x0a"], b"\x80\x0a"),
    ],
)
def test_how_records_are_written(form: Form, given_: list[bytes], expected: bytes) -> None:
    assert written(given_, form) == expected


def test_nothing_is_lost_where_a_stream_takes_less_than_it_is_given() -> None:
    class Narrow(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(data[:5])

    stream = Narrow()
    writer = Writer(stream, Form())
    writer.write([])
    writer.write([b'{"a":1}'] * 5)
    assert stream.getvalue() == b'{"a":1}\n' * 5
    assert writer.size == 40
