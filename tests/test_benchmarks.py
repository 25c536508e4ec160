"""The benchmarks measure the same thing for all, and their report says what was measured. Nothing is timed here."""

from __future__ import annotations

import copy
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import msgpack
import msgspec
import orjson
import pytest

from benchmarks import archive, collecting, gateway, kv, messages, streaming
from benchmarks.bars import BARS, Verdict, unmeasured, verdicts
from benchmarks.case import Case
from benchmarks.measured import Column, Measured
from benchmarks.plot import plot
from benchmarks.release import RELEASE
from benchmarks.report import console, document
from benchmarks.soak import SPARE_BYTES, Memory, growth, soak
from benchmarks.ways import NATIVE, PURE, ways
from benchmarks.work import COMPETITORS, WORKS, table
from published import DATA, Unavailable, published_release
from sagellm_protocol import catalog, codecs, history
from sagellm_protocol.archive import Options, Upgrader
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.native import in_use

RECORDED: dict[str, Any] = json.loads((DATA.parent / "benchmarks.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return table()[0]


@pytest.fixture
def recorded() -> Measured:
    return Measured.from_plain(copy.deepcopy(RECORDED))


# The table of statements


def test_every_competitor_is_there_or_says_why_not(cases: list[Case]) -> None:
    missing = table()[1]
    assert {case.competitor for case in cases} == COMPETITORS.keys() - missing.keys()
    assert ("msgspec" in missing) == ("msgspec-json" not in codecs.names())
    assert ("published" in missing) == (not _has_published())


def _has_published() -> bool:
    try:
        published_release(RELEASE)
    except Unavailable as reason:
        if os.environ.get("CI") and not reason.excused:
            raise
        return False
    return True


def test_competitors_of_a_message_and_work_stand_together(cases: list[Case]) -> None:
    order = [(case.work, case.message) for case in cases]
    runs = [key for index, key in enumerate(order) if index == 0 or order[index - 1] != key]
    assert len(runs) == len(set(runs))
    assert {work for work, _ in runs} == WORKS.keys()
    assert {message for work, message in runs if work not in kv.WORKS} == messages().keys()


@pytest.mark.parametrize("message", messages())
@pytest.mark.parametrize(
    ("work", "parse"),
    [("encode JSON", orjson.loads), ("encode MessagePack", msgpack.unpackb), ("encode dict", lambda it: it)],
    ids=["json", "msgpack", "dict"],
)
def test_all_write_the_same_payload(cases: list[Case], message: str, work: str, parse: Any) -> None:
    measured = [case for case in cases if (case.work, case.message) == (work, message)]
    assert len(measured) >= 3
    for case in measured:
        if (case.work, case.competitor) == ("encode dict", "published"):
            continue  # it keeps UUIDs and enum members
        # Through JSON, since some leave tuples.
        written = json.loads(json.dumps(parse(case.once())))
        if case.competitor in ("core", "msgspec"):
            assert written == codecs.get("dict").encode(
                codecs.get("dict").decode(messages()[message], catalog.get(message))
            )
            written = history.downgrade(written, message, to=RELEASE)
        assert written == messages()[message], case.competitor


@pytest.mark.parametrize("message", [streaming.DELTA, streaming.CHUNK])
def test_all_write_the_same_token(cases: list[Case], message: str) -> None:
    for work, kept in ((streaming.WRITE, bytes), (streaming.PACK, msgpack.unpackb)):
        written = {case.competitor: kept(case.once()) for case in cases if (case.work, case.message) == (work, message)}
        assert written.keys() >= {"core", "raw"}
        assert {competitor for competitor, it in written.items() if it != written["raw"]} == set()


@pytest.mark.parametrize("work", ["build", "decode JSON", "decode MessagePack", "decode dict"])
def test_each_makes_equal_messages_in_every_way(cases: list[Case], work: str) -> None:
    one = {(case.message, case.competitor): case for case in cases if case.work == "equality"}
    for case in cases:
        if case.work == work and case.competitor != "raw":
            expected = one[case.message, "core" if case.competitor == "msgspec" else case.competitor].names["one"]
            made = case.once()
            assert type(made) is type(expected)
            # A Struct takes a list where it is built, since it checks nothing there.
            if (work, case.competitor) != ("build", "struct"):
                assert made == expected, case


@pytest.mark.parametrize("competitor", ["cattrs", "struct", "published"])
def test_others_check_as_well(cases: list[Case], competitor: str) -> None:
    for case in cases:
        if (case.work, case.message, case.competitor) == ("decode JSON", "types.Metrics", competitor):
            bad = orjson.dumps({**messages()["types.Metrics"], "error_rate": 1.5})
            with pytest.raises((ValueError, msgspec.ValidationError)) as caught:
                attrs.evolve(case, names={**case.names, "wire": bad}).once()
            assert not isinstance(caught.value, orjson.JSONDecodeError)


def test_every_statement_runs(cases: list[Case]) -> None:
    for case in cases:
        case.loop()(case.turns(2))


def test_no_two_decoded_messages_are_the_same(cases: list[Case]) -> None:
    for case in cases:
        if case.traffic is not None and case.competitor in ("core", "struct") and case.message != "types.Metrics":
            one, other = (attrs.evolve(case, names={**case.names, "wire": wire}).once() for wire in case.turns(2))
            assert one != other, case
            assert type(one) is type(other)


def test_collections_are_timed_beside_the_same_number_of_messages(cases: list[Case]) -> None:
    measured = [case for case in cases if (case.work, case.message) == ("decode JSON", collecting.MESSAGE)]
    for case in measured:
        assert len(collecting.seconds(case, 10)) == collecting.ROUNDS


def test_ways() -> None:
    assert list(ways()) == ([NATIVE, PURE] if in_use() == NATIVE else [PURE])
    assert ways()[PURE]["SAGELLM_PROTOCOL_PURE"] == "1"


# The report

CORE = Column("core", NATIVE)


def test_every_bar_names_a_work_that_is_measured() -> None:
    works = {*WORKS, "bytes an object, built", "bytes an object, decoded", "import", collecting.WORK, archive.WORK}
    assert {bar.work for bar in BARS} <= works
    assert {bar.message for bar in BARS} <= {None, *messages()}


def test_every_bar_stands_once() -> None:
    named = [(bar.work, bar.competitor, bar.against, bar.way, bar.message) for bar in BARS]
    assert len(named) == len(set(named))


def _of_build(measured: Measured, way: str = NATIVE) -> Verdict:
    return next(one for one in verdicts(measured) if (one.bar.work, one.bar.way) == ("build", way))


def test_verdicts(recorded: Measured) -> None:
    recorded.figures[NATIVE]["build"] = {
        "a": {"published": [6.0, 12.0], "core": [1.0, 2.0]},
        "b": {"published": [4.0, 4.4], "core": [1.0, 1.0]},
        "c": {"published": [2.4, 2.4], "core": [1.0, 1.0]},
    }
    verdict = _of_build(recorded)
    assert (verdict.median, verdict.lowest, verdict.highest) == pytest.approx((4.2, 4.0, 4.4))
    assert (verdict.worst, verdict.worst_message) == (2.4, "c")
    assert verdict.missed == "median 4.20 of 4.5; c 2.40 of 2.7"
    recorded.figures[NATIVE]["build"]["b"]["core"] = recorded.figures[NATIVE]["build"]["c"]["core"] = [0.1, 0.1]
    assert not _of_build(recorded).missed


def test_each_way_has_bars_of_its_own(recorded: Measured) -> None:
    for way, took in ((NATIVE, 1.0), (PURE, 5.0)):
        recorded.figures[way]["build"] = {"a": {"published": [5.0], "core": [took]}}
    assert not _of_build(recorded).missed
    assert _of_build(recorded, PURE).missed == "median 1.00 of 1.38"
    assert "- Missed: build, core codecs, pure: median 1.00 of 1.38." in document(recorded)


def test_a_bar_may_speak_of_one_message(recorded: Measured) -> None:
    bar = next(bar for bar in BARS if bar.message is not None)
    row = {"raw": [1.0], "core": [2.0]}
    recorded.figures[NATIVE][bar.work] = {"types.Request": {"raw": [1.0], "core": [9.0]}, bar.message or "": row}
    verdict = next(verdict for verdict in verdicts(recorded) if verdict.bar == bar)
    assert (verdict.median, verdict.worst_message) == (0.5, bar.message)
    assert f"upgrade from 0.1.0 of {bar.message}, core codecs against raw parser: median 0.50 of 1" in console(recorded)


def test_missed_bars_are_loud(recorded: Measured) -> None:
    recorded.figures[NATIVE]["build"] = {"a": {"published": [1.0], "core": [1.0]}}
    assert "BARS ARE MISSED" in console(recorded)
    assert "build, core codecs: median 1.00 of 4.5; a 1.00 of 2.7" in console(recorded)
    page = document(recorded)
    assert "- Missed: build, core codecs: median 1.00 of 4.5; a 1.00 of 2.7." in page
    assert "| **missed** |" in page


def test_bars_that_hold(recorded: Measured) -> None:
    figures = {NATIVE: {"build": {"a": {"published": [9.0], "core": [1.0]}}}}
    page = document(attrs.evolve(recorded, figures=figures))
    assert "All 1 hold." in page
    assert "No bar is missed" in page
    assert "All 1 bars that were measured hold." in console(attrs.evolve(recorded, figures=figures))


def test_page_has_every_work_and_figure(recorded: Measured) -> None:
    page = document(recorded)
    for work in recorded.works():
        assert f"### {work[0].upper()}{work[1:]}" in page
    for table_lines in page.split("\n\n"):
        if table_lines.startswith("|"):
            assert len({line.count("|") for line in table_lines.splitlines()}) == 1
    for name, number in recorded.versions.items():
        assert f"{name} {number}" in page
    assert recorded.date in page


def test_both_ways_stand_side_by_side(recorded: Measured) -> None:
    headings = "| message | published | core codecs | ratio | core codecs, pure | ratio | cattrs | ratio |"
    assert headings in document(recorded)
    assert "core codecs, pure" in plot(recorded)


def test_without_the_compiled_core(recorded: Measured) -> None:
    figures = {PURE: recorded.figures[NATIVE]}
    left = attrs.evolve(recorded, figures=figures, missing={NATIVE: "it is not installed"})
    page = document(left)
    assert "Left out: the compiled core (it is not installed)." in page
    assert "| message | published | core codecs | ratio | cattrs | ratio |" in page
    assert set(unmeasured(left)) >= {bar for bar in BARS if bar.way == NATIVE}
    assert _of_build(left, PURE)


def test_without_the_published_release(recorded: Measured) -> None:
    for figures in recorded.figures.values():
        for rows in figures.values():
            for row in rows.values():
                row.pop("published", None)
    left = attrs.evolve(recorded, missing={"published": "of the interpreter"})
    assert "Left out: the published 0.5.4.16 (of the interpreter)." in document(left)
    assert "Left out: the published 0.5.4.16 (of the interpreter)." in console(left)
    assert set(unmeasured(left)) >= {bar for bar in BARS if bar.against == "published"}
    assert "was not measured" in plot(left)


def test_plot_shows_each_message(recorded: Measured) -> None:
    titles = [title.text for title in ElementTree.fromstring(plot(recorded)).iter("{http://www.w3.org/2000/svg}title")]
    for message, ratio in recorded.ratio("build", CORE, "published").items():
        assert f"{message}: {ratio:.2f}" in titles
    assert "bar 4.5" in titles
    assert "bar 1.38" in titles


# The soak


def test_soak_runs() -> None:
    # It collects fifty times; what the tests before it left need not be gone through each time.
    gc.freeze()
    said: list[str] = []
    soak(2000, said.append)
    assert len(said) >= 40
    assert said[-1].startswith("20")


def test_growth() -> None:
    before = Memory(blocks=100_000, resident=2**28)
    calls = 10**7
    assert not growth(before, before, calls)
    assert growth(before, attrs.evolve(before, blocks=105_000), calls) == "5000 blocks"
    assert growth(before, attrs.evolve(before, resident=2**28 + 2 * SPARE_BYTES), calls) == "32.0 MiB"


# Archives


def test_logs_of_archives(tmp_path: Path) -> None:
    found = list(archive.logs(tmp_path, 500_000))
    assert len(found) == 7
    for log in found:
        assert 400_000 < log.size < 600_000
        records = [json.loads(line) for line in log.path.read_bytes().splitlines()]
        assert len(records) == log.records
    assert found[-1].since == "0.4.0.8"
    assert {"chunk" in record for record in records} == {True, False}


def test_the_loop_and_the_parser_go_through_a_whole_log(tmp_path: Path) -> None:
    for log in list(archive.logs(tmp_path, 1))[::3]:
        for competitor, command in archive.commands().items():
            if competitor != "core":
                spent = archive.spent(command(log, tmp_path), log)
                assert spent.seconds > 0
                assert "records/s" in spent.told
                assert (tmp_path / competitor).read_bytes().count(b"\n") == log.records
        if _has_published():
            upgrader = Upgrader(Options(since=log.since))
            given, written = log.path.read_bytes().splitlines(), (tmp_path / "published").read_bytes().splitlines()
            for record, ours, theirs in zip(given, upgrader.upgrade_batch(given).records, written, strict=True):
                cls = catalog.get(upgrader.upgrade(record).message)
                assert from_plain(cls, orjson.loads(ours)) == from_plain(cls, orjson.loads(theirs))


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    log = next(archive.logs(tmp_path, 1))
    with pytest.raises(SystemExit, match="ended with 3"):
        archive.spent([sys.executable, "-c", "raise SystemExit(3)"], log)


# The gateway


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processor time of other processes is read there")
def test_both_gateways_are_measured() -> None:
    figures = gateway.measured(requests=2, passes=1)
    assert figures.keys() == gateway.DESCRIPTIONS.keys()
    there = gateway.gateways().keys()
    for rows in figures.values():
        for row in rows.values():
            assert row.keys() == there
            assert all(len(passes) == 1 and passes[0] >= 0 for passes in row.values())
