"""Repairs of a site, registered on a history, in archives: with and without a release given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from published import ROOT
from sagellm_protocol.archive import AUTO, Options, Report, Upgrader, upgrade_archive
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.history import History
from sagellm_protocol.history.published import REVISIONS
from sagellm_protocol.model.exceptions import ProtocolError

DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [42]}
LOG = (ROOT / "examples/archive/0.1.0.jsonl").read_text(encoding="utf-8").splitlines()
RESPONSE = next(record for record in map(json.loads, LOG) if "metrics" in record and "event" not in record)
WAYS = [None, "0.1.0", AUTO]


@pytest.fixture
def made() -> History:
    """A history of its own, so that hooks need not be taken out again."""
    return History(REVISIONS, CATALOG)


def run(folder: Path, made: History, records: list[Any], since: str | None) -> Report:
    source = folder / "log.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    return upgrade_archive([source], folder / "out", Options(since=since), history=made)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("since", WAYS)
def test_a_repair_in_nested_data_is_written_and_counted(tmp_path: Path, made: History, since: str | None) -> None:
    @made.hook("types.Response", since="0.1.0")
    def seconds(payload: dict[str, Any]) -> dict[str, Any]:
        payload["metrics"]["ttft_ms"] *= 1000
        return payload

    report = run(tmp_path, made, [RESPONSE, DELTA], since)
    assert (report.total.upgraded, report.total.unchanged, report.total.rejected) == (2, 0, 0)
    assert lines(tmp_path / "out/log.jsonl")[0]["metrics"]["ttft_ms"] == RESPONSE["metrics"]["ttft_ms"] * 1000


@pytest.mark.parametrize("since", WAYS)
@pytest.mark.parametrize("answer", ["raises", "None", "list", "cyclic"])
def test_a_hook_that_fails_costs_one_record(tmp_path: Path, made: History, since: str | None, answer: str) -> None:
    @made.hook("types.StreamEventDelta", since="0.1.0")
    def fails(payload: dict[str, Any]) -> Any:
        if payload["chunk"] == "good":
            return payload
        if answer == "raises":
            raise KeyError("\x1b[31m\udcff" + "x" * 10_000)
        if answer == "cyclic":
            payload["self"] = payload
            return payload
        return None if answer == "None" else [payload]

    good = DELTA | {"chunk": "good"}
    report = run(tmp_path, made, [good, DELTA, good], since)
    assert (report.total.upgraded, report.total.rejected) == (2, 1)
    (rejected,) = lines(tmp_path / "out/rejected/log.jsonl")
    assert rejected["offset"] == len(json.dumps(good)) + 1
    for part in ("types.StreamEventDelta", "0.1.0", "fails"):
        assert part in rejected["reason"]
    assert rejected["reason"].isprintable()
    assert len(rejected["reason"]) <= 2000
    assert (tmp_path / "out/report.json").read_bytes() == report.to_json()


@pytest.mark.parametrize("since", [None, "0.1.0"])
def test_what_a_hook_supplies_is_not_made_up(made: History, since: str | None) -> None:
    @made.hook("types.StreamEventDelta", since="0.1.0")
    def named(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"engine_id": "engine-7"}

    upgraded = Upgrader(Options(since=since), history=made).upgrade(json.dumps(DELTA).encode())
    assert json.loads(upgraded.record or b"")["engine_id"] == "engine-7"
    assert (upgraded.filled, upgraded.made_up) == ((), ())


@pytest.mark.parametrize("since", [None, "0.1.0"])
def test_a_hook_for_the_message_within(made: History, since: str | None) -> None:
    @made.hook("types.Metrics", since="0.1.0")
    def refuses(payload: dict[str, Any]) -> None:
        return None

    with pytest.raises(ProtocolError, match=r"types\.Metrics of 0\.1\.0"):
        Upgrader(Options("Response", "0.1.0"), history=made).upgrade(json.dumps(RESPONSE).encode())
    with pytest.raises(ProtocolError, match="refuses"):
        Upgrader(Options(since=since), history=made).upgrade(json.dumps(RESPONSE).encode())
    assert Upgrader(Options(since=since), history=made).upgrade(json.dumps(DELTA).encode()).record is not None
