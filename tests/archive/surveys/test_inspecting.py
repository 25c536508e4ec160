"""What an archive holds is what an upgrade of it finds, however it is cut, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from payloads import as_msgpack
from published import ROOT
from sagellm_protocol.archive import AUTO, Counts, Limits, Options, TypeCounts, UnreadableError, upgrade_archive
from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.surveys import Inspection, inspect_archive, inspect_stream
from sagellm_protocol.archive.surveys.findings import Findings, counted, reasons
from sagellm_protocol.archive.surveys.inspection import possible, sizes_of
from sagellm_protocol.archive.surveys.page import page
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import OptionError

LOGS = ROOT / "examples" / "archive"
METRICS = {"ttft_ms": 5.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
DELTA = b'{"event":"delta","request_id":"r","trace_id":"t","engine_id":"e","chunk":"Hi","chunk_tokens":[42]}'


def stream(*records: bytes, **choices: Any) -> Inspection:
    return inspect_stream(io.BytesIO(b"".join(record + b"\n" for record in records)), **choices)


@pytest.fixture(scope="module")
def logs() -> Inspection:
    return inspect_archive(LOGS, workers=1)


def test_it_is_what_an_upgrade_finds(logs: Inspection, tmp_path: Path) -> None:
    report = upgrade_archive(LOGS, tmp_path / "out", dry_run=True, workers=1)
    assert logs.total.counts == report.total
    for name, source in logs.sources.items():
        assert source.seen.counts == report.files[name].counts
        data = (LOGS / name).read_bytes()
        sizes = [len(line) for line in data.splitlines()]
        seen = source.seen
        assert (seen.bytes, seen.records, seen.data, seen.largest) == (len(data), len(sizes), sum(sizes), max(sizes))
        assert seen.mean == sum(sizes) / len(sizes)
        assert name.removesuffix(".jsonl") in source.releases
    assert not (tmp_path / "out").exists()


def test_what_is_set_aside_is_what_an_upgrade_sets_aside(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_bytes(b"{\n\n[1]\n[2]\n" + DELTA + b"\n" + b"[" * 300 + b"\n")
    limits = Limits(max_record=200)
    found = inspect_archive(tmp_path, limits=limits, workers=1)
    counts = upgrade_archive(tmp_path, tmp_path / "out", limits=limits, dry_run=True, workers=1).total
    assert found.total.counts == counts
    assert counts.rejected == 4
    assert {reason: it.records for reason, it in found.reasons.found.items()} == counts.reasons
    assert found.to_plain()["total"]["reasons"] == counts.reasons


def test_writers(logs: Inspection) -> None:
    assert logs.sources["0.1.0.jsonl"].releases == ("0.1.0",)
    assert logs.sources["0.4.0.8.jsonl"].revisions == ("0.1.2.4", "0.4.0.7")
    both = stream(
        *(LOGS / "0.1.0.jsonl").read_bytes().splitlines(), *(LOGS / "0.5.4.16.jsonl").read_bytes().splitlines()
    )
    assert both.sources["-"].releases == ()
    assert possible(Counts()) == HISTORY.revisions
    told = Counts(types={"a": TypeCounts(revisions={OTHERS: 5, "0.1.0, 0.4.0.7 to 0.5.0.0": 1})})
    assert possible(told) == ("0.1.0", "0.4.0.7", "0.4.1.0", "0.5.0.0")


@settings(max_examples=8)
@given(st.integers(20_000, 200_000))
def test_it_can_be_cut_anywhere(size: int) -> None:
    log = LOGS / "0.4.0.8.jsonl"
    whole = inspect_archive(log, workers=1)
    cut = inspect_archive(log, workers=1, shard_size=size)
    told, expected = cut.to_plain(), whole.to_plain()
    assert told["sizes"].pop("mean") == pytest.approx(expected["sizes"].pop("mean"))
    for fields in (told["metrics"]["fields"], expected["metrics"]["fields"]):
        for field in fields.values():
            field["mean"] = pytest.approx(field["mean"])
    assert told == expected


def test_it_travels_between_workers() -> None:
    log = LOGS / "0.5.4.16.jsonl"
    with ThreadPoolExecutor(2) as threads:
        threaded = inspect_archive(log, executor=threads, shard_size=100_000)
    spread = inspect_archive(log, workers=2, shard_size=100_000)
    assert spread == threaded == pickle.loads(pickle.dumps(spread))


def test_metrics_are_found_wherever_they_stand() -> None:
    end = next(line for line in (LOGS / "0.4.0.8.jsonl").read_bytes().splitlines() if b'"ttft_ms"' in line)
    own = json.dumps(METRICS).encode()
    odd = json.dumps({**json.loads(DELTA), "metrics": {"ttft_ms": "none"}}).encode()
    named = json.dumps({**json.loads(DELTA), "chunk": "ttft_ms"}).encode()
    found = stream(end, own, DELTA, odd, named, options=Options())
    assert found.metrics.requests == 2
    assert found.metrics.fields["ttft_ms"].least == 5.0
    packed = b"".join(as_msgpack(json.loads(record)) or b"" for record in (end, own, DELTA))
    assert inspect_stream(io.BytesIO(packed)).metrics == stream(end, own, DELTA).metrics


def test_forms_and_damage(tmp_path: Path) -> None:
    lines = (LOGS / "0.4.0.8.jsonl").read_bytes()
    packed = gzip.compress(lines, mtime=0)
    (tmp_path / "whole.jsonl.gz").write_bytes(packed)
    (tmp_path / "broken.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "no.jsonl").write_bytes(b"PAR1....")
    (tmp_path / "some.jsonl").write_bytes(DELTA + b"\n\n" + DELTA * 40 + b"\n{\n")
    found = inspect_archive(tmp_path, workers=1, limits=Limits(max_record=3000))
    assert list(found.unreadable) == ["no.jsonl"]
    assert found.sources["whole.jsonl.gz"].form.compression == "gzip"
    broken = found.sources["broken.jsonl.gz"].seen
    assert (broken.damaged, broken.counts.rejected, broken.bytes) == (1, 1, len(packed) // 2)
    assert 100 < broken.records < found.sources["whole.jsonl.gz"].seen.records
    some = found.sources["some.jsonl"].seen
    assert (some.records, some.damaged, some.counts.rejected, some.counts.blank) == (3, 1, 2, 1)
    offsets = {reason: (it.source, it.offset) for reason, it in found.reasons.found.items()}
    assert offsets["no JSON: unexpected end of data"] == ("some.jsonl", len(DELTA) * 41 + 3)
    told = json.loads(json.dumps(found.to_plain()))
    assert told["unreadable"] == found.unreadable
    assert told["total"]["damaged"] == 2
    assert told["sources"]["some.jsonl"]["written_by"]["revisions"]


def test_nothing_and_little() -> None:
    nothing = stream()
    assert sizes_of(nothing) is None
    assert (nothing.total.records, nothing.total.mean) == (0, 0.0)
    assert nothing.to_plain()["sizes"] is None
    assert "0 records in 1 files" in page(nothing)
    sample = stream(*[DELTA] * 50, sample=0.1)
    assert (sample.total.records, sample.sample) == (5, 0.1)


def test_reasons_are_counted_without_what_is_particular() -> None:
    found = stream(*(b'{"request_id": "r", "trace_id": %d, "max_tokens": 1}' % number for number in range(20)))
    [(reason, finding)] = found.reasons.found.items()
    assert "trace_id: must be str" in reason
    assert ", got" not in reason
    assert (finding.records, finding.offset) == (20, 0)
    assert finding.example.endswith(", got 0")
    assert len(counted("x" * 5000)) == 299


def test_findings_are_bounded() -> None:
    first, second = reasons(), reasons()
    for number in range(1500):
        first.note(str(number), "a", lambda number=number: number, "x")  # type: ignore[misc]
        second.note(str(-number), "b", lambda number=number: number, "y")  # type: ignore[misc]
    assert len(first.found) == 1001
    assert first.found[OTHERS].records == 500
    first.add(second)
    assert len(first.found) == 1001
    assert sum(it.records for it in first.found.values()) == 3000
    assert first.found["0"] == attrs.evolve(first.found["1"], records=2, offset=0)
    assert first.most_first()[0][0] == OTHERS
    assert isinstance(first, Findings)


def test_what_is_refused() -> None:
    with pytest.raises(OptionError, match="auto"):
        inspect_archive(LOGS, Options(since=AUTO))
    with pytest.raises(OptionError, match="auto"):
        stream(options=Options(since=AUTO))
    with pytest.raises(UnreadableError):
        inspect_stream(io.BytesIO(b"PK\x03\x04"))


# The page


def test_the_page(logs: Inspection) -> None:
    document = page(logs)
    assert "<script src" not in document
    assert document.count("plotly.js v") <= 1
    for said in ("5,036 records in 6 files", "types.StreamEventDelta", "Times by percentile", "0.1.2.4 to 0.4.0.8"):
        assert said in document
    for absent in ("Left out", "Why records", "does not know", "A sample"):
        assert absent not in document


def test_the_page_of_what_is_odd(tmp_path: Path) -> None:
    for number in range(205):
        (tmp_path / f"<b>{number}.jsonl").write_bytes(b"{\n")
    (tmp_path / "z.jsonl").write_bytes(b"PAR1")
    (tmp_path / "mixed.jsonl").write_bytes(
        b"".join((LOGS / name).read_bytes() for name in ("0.1.0.jsonl", "0.5.4.16.jsonl"))
        + DELTA[:-1]
        + b',"<i>site":1}\n'
    )
    document = page(inspect_archive(tmp_path, workers=1, sample=1.0))
    for said in ("Left out", "&lt;b&gt;", "&lt;i&gt;site", "and 6 more", "several releases", "A sample: 100.0000%"):
        assert said in document
    assert "<b>" not in document.partition("<script")[0]
    assert "Why records would be set aside" in document
