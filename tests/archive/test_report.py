"""Counting, adding up, and reading again what was written."""

from __future__ import annotations

import copy
import os
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, strategies as st

from sagellm_protocol.archive import ArchiveError, Counts, FileReport, Report, TypeCounts, Upgraded
from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.naming import from_text, to_text
from sagellm_protocol.archive.report import Fingerprint, Rejection

UPGRADED = st.builds(
    Upgraded,
    st.sampled_from(["types.Request", "types.Metrics"]),
    st.sampled_from(["0.1.0", "0.1.0 to 0.5.4.16"]),
    st.none() | st.just(b"{}"),
    st.sets(st.sampled_from(["site", "shift"])).map(tuple),
    st.lists(st.sampled_from(["engine_id", "shard"]), max_size=3).map(tuple),
    st.lists(st.sampled_from(["engine_id", "shard"]), max_size=3).map(tuple),
)
BLANK = "a blank line"


def counted(outcomes: list[Any]) -> Counts:
    counts = Counts()
    for outcome in outcomes:
        if outcome is None:
            counts.rejected += 1
        elif outcome == BLANK:
            counts.blank += 1
        else:
            counts.count(outcome)
    return counts


OUTCOMES = st.lists(st.none() | UPGRADED)


@given(st.lists(st.none() | st.just(BLANK) | UPGRADED), st.lists(st.none() | st.just(BLANK) | UPGRADED))
def test_adding_is_counting_on(first: list[Any], second: list[Any]) -> None:
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
    assert plain["filled"] == sum(len(it.filled) for it in outcomes if it is not None)
    assert plain["made_up"] == sum(len(it.made_up) for it in outcomes if it is not None)
    for name, types in plain["types"].items():
        of_type = [it for it in outcomes if it is not None and it.message == name]
        assert types["made_up"] == Counter(field for it in of_type for field in it.made_up)
        assert types["filled"] == Counter(field for it in of_type for field in it.filled)


def test_blank_lines_add_up() -> None:
    counts = counted([BLANK, BLANK])
    counts.add(counted([BLANK]))
    assert counts.to_plain()["blank"] == 3
    assert counts.records == 0


def test_many_names_do_not_fill_the_memory() -> None:
    outcomes = [
        Upgraded("types.Request", f"{it}", None, (f"site_{it}",), (f"f{it}",), (f"m{it}",)) for it in range(1500)
    ]
    counts = counted([*outcomes, outcomes[0]])
    counts.add(counted(outcomes))
    found = counts.types["types.Request"]
    for names in (found.unknown_fields, found.revisions, found.filled, found.made_up):
        assert len(names) == 1001
        assert names[OTHERS] == 1000
        assert list(names.values())[:2] == [3, 2]
        assert sum(names.values()) == 3001


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


GOOD = {
    "complete": True,
    "total": {},
    "files": {
        "a.jsonl": FileReport(
            Fingerprint("/a.jsonl", 3, 5, {"fill": {"a": 1}}, "0.5.4.16"),
            finished=True,
            releases=["0.1.0"],
            counts=Counts(1, 1, {"types.Request": TypeCounts(1, 1, {"0.1.0": 1}, {"x": 1}, {"y": 1}, {"z": 1})}),
            rejections=[Rejection(1, "no JSON")],
        ).to_plain()
    },
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3) | st.just("files"), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value stands in JSON data, anywhere."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


def read(path: Path, data: Any) -> Report | None:
    path.write_bytes(orjson.dumps(data))
    try:
        return Report.read(path)
    except ArchiveError:
        return None


@given(st.sampled_from([place for place in places(GOOD) if place]), JUNK, st.booleans())
def test_a_damaged_report_is_refused_or_can_be_gone_on_with(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], junk: Any, gone: bool
) -> None:
    data = copy.deepcopy(GOOD)
    holder: Any = data
    for step in place[:-1]:
        holder = holder[step]
    if gone:
        del holder[place[-1]]
    else:
        holder[place[-1]] = junk
    report = read(tmp_path_factory.mktemp("report") / "report.json", data)
    if report is not None:
        assert report.total.to_plain()
        assert orjson.loads(report.to_json())["files"].keys() == data["files"].keys()


@given(JUNK)
def test_any_json_is_no_report(tmp_path_factory: pytest.TempPathFactory, junk: Any) -> None:
    report = read(tmp_path_factory.mktemp("report") / "report.json", junk)
    assert report is None or report == Report()


@pytest.mark.parametrize(
    "change",
    [
        {"finished": 1},
        {"size": True},
        {"size": 1.0},
        {"source": None},
        {"releases": "0.1.0"},
        {"releases": [1]},
        {"error": []},
        {"options": []},
        {"types": {"types.Request": {}}},
        {"types": {"types.Request": GOOD["files"]["a.jsonl"]["types"]["types.Request"] | {"made_up": {"a": "1"}}}},
        {"rejected": 2**64 - 1},
        {"rejections": [{"line": 1}]},
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_not_coerced(tmp_path: Path, change: dict[str, Any]) -> None:
    file = GOOD["files"]["a.jsonl"]  # type: ignore[index]
    assert read(tmp_path / "report.json", {"files": {"a": file, "b": file}}) is not None
    assert read(tmp_path / "report.json", {"files": {"a": file, "b": file | change}}) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"files": []}', b'{"files": {"a": 1}}', b"\xff", b"[" * 100_000])
def test_what_is_no_report_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(text)
    with pytest.raises(ArchiveError, match="is no report"):
        Report.read(path)


def test_options_that_nest_too_deep_to_be_written(tmp_path: Path) -> None:
    file = GOOD["files"]["a.jsonl"]  # type: ignore[index]
    text = orjson.dumps({"files": {"a": file}}).replace(b'{"fill":{"a":1}}', b'{"a":' * 600 + b"1" + b"}" * 600)
    (tmp_path / "report.json").write_bytes(text)
    with pytest.raises(ArchiveError):
        Report.read(tmp_path / "report.json")


# Names


@given(
    st.binary(min_size=1).map(os.fsdecode) | st.text(min_size=1) | st.sampled_from(["bytes:a%FF", "bytes:", "\udcff"])
)
def test_every_name_has_a_text_of_its_own(name: str) -> None:
    assume(os.fsdecode(os.fsencode(name)) == name if any("\ud800" <= c <= "\udfff" for c in name) else True)
    text = to_text(name)
    assert orjson.loads(orjson.dumps(text)) == text
    assert from_text(text) == name
    if name.isascii() and not name.startswith("bytes:"):
        assert text == name


def test_a_name_that_is_no_utf_8() -> None:
    assert to_text(os.fsdecode(b"/logs/caf\xe9 1.jsonl")) == "bytes:/logs/caf%E9%201.jsonl"


def test_a_report_of_files_that_are_named_in_another_encoding(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    report = Report({name: FileReport(Fingerprint(f"/logs/{name}", 1, 1, {}, "0.5.4.16"))})
    (tmp_path / "report.json").write_bytes(report.to_json())
    assert Report.read(tmp_path / "report.json") == report


def test_the_first_five_reasons_stand_in_the_report() -> None:
    file = FileReport(Fingerprint("/a", 1, 1, {}, "0.5.4.16"))
    for line in range(1, 8):
        file.reject(line, f"reason {line}")
    assert [(it.line, it.reason) for it in file.rejections] == [(line, f"reason {line}") for line in range(1, 6)]
    assert file.counts.rejected == 7
    assert Report({"a": file}).to_json().endswith(b"}\n")
