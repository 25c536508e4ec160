"""Counting, adding up, and reading again what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol.archive import ArchiveError, Counts, FileReport, Report, Upgraded
from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.report import Fingerprint, Rejection

UPGRADED = st.builds(
    Upgraded,
    st.sampled_from(["types.Request", "types.Metrics"]),
    st.sampled_from(["0.1.0", "0.1.0 to 0.5.4.16"]),
    st.none() | st.just(b"{}"),
    st.sets(st.sampled_from(["site", "shift"])).map(tuple),
)


def counted(outcomes: list[Upgraded | None]) -> Counts:
    counts = Counts()
    for outcome in outcomes:
        if outcome is None:
            counts.rejected += 1
        else:
            counts.count(outcome)
    return counts


OUTCOMES = st.lists(st.none() | UPGRADED)


@given(OUTCOMES, OUTCOMES)
def test_adding_is_counting_on(first: list[Upgraded | None], second: list[Upgraded | None]) -> None:
    counts = counted(first)
    counts.add(counted(second))
    assert counts == counted(first + second)


@given(OUTCOMES)
def test_every_record_is_upgraded_unchanged_or_rejected(outcomes: list[Upgraded | None]) -> None:
    plain = counted(outcomes).to_plain()
    assert plain["records"] == len(outcomes)
    assert plain["records"] == plain["upgraded"] + plain["unchanged"] + plain["rejected"]
    assert sum(plain["revisions"].values()) == plain["upgraded"] + plain["unchanged"]
    assert sum(types["records"] for types in plain["types"].values()) == plain["upgraded"] + plain["unchanged"]
    assert plain["unknown_fields"] == sum(len(it.unknown) for it in outcomes if it is not None)


def test_many_unknown_fields_do_not_fill_the_memory() -> None:
    counts = counted([Upgraded("types.Request", "0.1.0", None, (f"site_{number}",)) for number in range(1500)])
    fields = counts.types["types.Request"].unknown_fields
    assert len(fields) == 1001
    assert fields[OTHERS] == 500
    assert counts.to_plain()["unknown_fields"] == 1500


@given(OUTCOMES, st.booleans(), st.none() | st.text(), st.none() | st.lists(st.text()))
def test_a_report_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    outcomes: list[Upgraded | None],
    finished: bool,
    error: str | None,
    releases: list[str] | None,
) -> None:
    fingerprint = Fingerprint("/a.jsonl", 3, 5, {"type": None, "fill": {"a": [1]}}, "0.5.4.16")
    file = FileReport(fingerprint, finished, error, releases, counted(outcomes), [Rejection(3, "no JSON")])
    report = Report({"a.jsonl": file})
    path = tmp_path_factory.mktemp("report") / "report.json"
    path.write_bytes(report.to_json())
    assert Report.read(path) == report
    assert report.total == (counted(outcomes) if finished else Counts())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": {}}}', '{"files": {"a": 1}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ArchiveError, match="is no report"):
        Report.read(path)
