"""Archives in another form: every record says what it said, or is set aside."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, strategies as st

from sagellm_protocol.archive import Limits, RefusedError, StrictError, Writing, convert_archive, convert_stream
from sagellm_protocol.archive.converting import ANY, Converting
from sagellm_protocol.archive.formats import Form, Writer
from sagellm_protocol.archive.wires import Wire

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=6)
FORMS = [
    ("jsonl", "none"),
    ("json", "none"),
    ("msgpack", "none"),
    ("jsonl", "gzip"),
    ("json", "gzip"),
    ("msgpack", "gzip"),
]


def written(records: list[bytes], form: Form) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream, form)
    writer.write(records)
    writer.close()
    return stream.getvalue()


def converted(data: bytes, writing: Writing) -> tuple[bytes, list[Any]]:
    """What becomes of a stream, and what is set aside of it."""
    output, rejected = io.BytesIO(), io.BytesIO()
    convert_stream(io.BytesIO(data), output, rejected, writing)
    return output.getvalue(), [json.loads(line) for line in rejected.getvalue().splitlines()]


@given(RECORDS, st.lists(st.sampled_from(FORMS), min_size=1, max_size=3))
def test_through_any_forms_and_back(records: list[Any], forms: list[Any]) -> None:
    lines = written([json.dumps(record, ensure_ascii=False).encode() for record in records], Form("jsonl", "none"))
    data = lines
    for form in forms:
        data, set_aside = converted(data, Writing(*form))
        assert set_aside == []
    data, _ = converted(data, Writing("jsonl", "none"))
    assert exactly([json.loads(line) for line in data.splitlines()]) == exactly(records)
    if all(layout != "msgpack" for layout, _ in forms):
        assert data == lines


def exactly(value: Any) -> Any:
    """A value that equals those of the same types alone; -0.0 is not 0.0."""
    if isinstance(value, dict):
        return [(key, exactly(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [exactly(item) for item in value]
    return type(value), value, math.copysign(1, value) if isinstance(value, float) else 0


def convert(reads: Wire, writes: Wire, *records: bytes) -> tuple[list[bytes], list[str]]:
    batch = Converting().begin(reads, writes, ())(list(records))
    assert batch.counts.records == len(records)
    assert batch.counts.rejected == len(batch.rejected)
    return batch.records, [reason for _, reason in batch.rejected]


@pytest.mark.parametrize(
    ("reads", "writes", "record", "expected"),
    [
        ("json", "msgpack", b'{"a":1.10,"b":1e3}', msgpack.packb({"a": 1.1, "b": 1000.0})),
        ("json", "msgpack", b'{"a":0.1000000000000000055511151231257827}', "has more digits than a float can hold"),
        ("json", "msgpack", b'{"a":1e-400}', "has more digits than a float can hold"),
        ("json", "msgpack", b'{"a":18446744073709551615}', msgpack.packb({"a": 2**64 - 1})),
        ("json", "msgpack", b'{"a":18446744073709551616}', "a is an integer past 64 bits"),
        ("json", "msgpack", b'{"a":1,"a":2}', "stands there twice"),
        ("json", "msgpack", b'{"a":' * 900 + b"1" + b"}" * 900, "nest"),
        ("json", "msgpack", b'{"a":"\xff"}', "no JSON"),
        ("json", "json", b'{"a": 1.10, "a":12345678901234567890123}\r', b'{"a": 1.10, "a":12345678901234567890123}\r'),
        ("json", "json", b'{"a"', "no JSON"),
        ("json", "json", b"[1]", "the record is no object"),
        ("json", "msgpack", b"7", "the record is no object"),
        ("msgpack", "json", msgpack.packb({"a": 1.5}), b'{"a":1.5}'),
        ("msgpack", "json", msgpack.packb({"a": b"\x00"}), "a is binary data"),
        ("msgpack", "json", msgpack.packb({"a": math.inf}), "a is inf"),
        ("msgpack", "json", b"\x82\xa1a\x01\xa1a\x02", "stands there twice"),
        ("msgpack", "json", b"\x81\x01\x02", "a key is no text"),
        ("msgpack", "json", b"\x91\x01", "the record is no object"),
        ("msgpack", "msgpack", msgpack.packb({"a": b"\x00"}), msgpack.packb({"a": b"\x00"})),
        ("msgpack", "msgpack", b"\x81\xa1a\xd4\x05\x00", "extension type 5"),
    ],
)
def test_a_record(reads: Wire, writes: Wire, record: bytes, expected: bytes | str) -> None:
    records, reasons = convert(reads, writes, record)
    if isinstance(expected, bytes):
        assert (records, reasons) == ([expected], [])
    else:
        (reason,) = reasons
        assert (records, expected in reason) == ([], True), reason


@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(["{}", "{:f}", "{:e}"]))
def test_a_number_is_kept_or_set_aside(number: Decimal, form: str) -> None:
    text = form.format(number)
    records, reasons = convert("json", "msgpack", f'{{"a":{text}}}'.encode())
    for record in records:
        assert Decimal(repr(msgpack.unpackb(record)["a"])) == Decimal(text)
    assert len(records) + len(reasons) == 1


@pytest.fixture
def log(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "log.jsonl"
        path.write_bytes(data)
        return path

    return write


def test_an_archive(log: Callable[[bytes], Path], tmp_path: Path) -> None:
    source, out = log(b'{"a":1}\n\n{"b"\n' * 3), tmp_path / "out"
    report = convert_archive(source, out, Writing("msgpack"), workers=1)
    assert (report.total.upgraded, report.total.rejected, report.total.blank) == (3, 3, 3)
    assert list(report.total.types) == [ANY]
    assert (out / "log.msgpack").read_bytes() == msgpack.packb({"a": 1}) * 3
    before = (out / "log.msgpack").stat().st_mtime_ns
    assert convert_archive(source, out, Writing("msgpack")) == report
    assert (out / "log.msgpack").stat().st_mtime_ns == before
    # Another form is something else that is asked.
    report = convert_archive([source], out, Writing("json"))
    assert (report.total.upgraded, report.total.unchanged) == (0, 3)
    assert json.loads((out / "log.json").read_bytes()) == [{"a": 1}] * 3
    assert not (out / "log.msgpack").exists()


def test_the_outputs_of_a_run_elsewhere_as_sources(log: Callable[[bytes], Path], tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    source, place = log(b'{"a":1}\n{"b"\n'), f"memory://{tmp_path.name}/out"
    convert_archive(source, place, Writing("msgpack", "gzip"))
    report = convert_archive(place, tmp_path / "back", Writing("jsonl", "none"))
    assert (list(report.files), report.total.rejected) == (["log.msgpack.gz"], 0)
    assert (tmp_path / "back/log.jsonl").read_bytes() == b'{"a":1}\n'


def test_limits(log: Callable[[bytes], Path], tmp_path: Path) -> None:
    source = log(b'{"a":1}\n{"b"\n')
    with pytest.raises(StrictError):
        convert_archive(source, tmp_path / "out", limits=Limits(strict=True))
    assert convert_archive(source, tmp_path / "none", dry_run=True).total.rejected == 1
    assert not (tmp_path / "none").exists()
    with pytest.raises(RefusedError, match="would be overwritten"):
        convert_archive(source, tmp_path)
