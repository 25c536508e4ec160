"""The logs that published releases wrote: all of them upgrade, and the newest release reads what comes of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from published import ROOT, PublishedProcess
from sagellm_protocol import catalog, codecs, history, violations
from sagellm_protocol.archive import Options, upgrade_archive
from sagellm_protocol.codecs import envelope

LOGS = sorted((ROOT / "examples" / "archive").glob("*.jsonl"))


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("upgraded")
    upgrade_archive(LOGS, output, Options(envelope=True))
    return output


def lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def test_no_record_is_set_aside(upgraded: Path) -> None:
    report = json.loads((upgraded / "report.json").read_text(encoding="utf-8"))
    assert len(report["files"]) == 6
    assert (report["total"]["records"], report["total"]["rejected"]) == (5036, 0)
    assert not (upgraded / "rejected").exists()


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_every_record_is_what_its_release_wrote_brought_forward(upgraded: Path, log: Path) -> None:
    json_codec, release = codecs.get("dict", unknown="forbid"), log.stem
    for before, record in zip(lines(log), lines(upgraded / log.name), strict=True):
        message, revision, after = envelope.unwrap(record)
        assert revision == history.latest
        assert after == history.upgrade(before, message, since=release)
        json_codec.decode(after, catalog.get(message))


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_the_newest_release_accepts_every_record(
    upgraded: Path, log: Path, published: Callable[[str], PublishedProcess]
) -> None:
    newest = published("0.5.4.16")
    for record in lines(upgraded / log.name):
        message, _, payload = envelope.unwrap(record)
        verdict, answer = newest.validate(message, history.downgrade(payload, message, to="0.5.4.16"))
        assert verdict == "ok", (record, answer)


def test_the_rules_between_fields_that_the_logs_break(upgraded: Path) -> None:
    """The releases tell a mean of their own beside the latencies; nothing else that they wrote contradicts itself."""
    found: Counter[tuple[str, str]] = Counter()
    for log in LOGS:
        for record in lines(upgraded / log.name):
            read = codecs.get("dict").decode_envelope(record)
            found.update((type(read).__name__, violation.name) for violation in violations(read))
    assert found == {
        ("Response", "tbt-is-the-mean-latency"): 42,
        ("StreamEventEnd", "tbt-is-the-mean-latency"): 81,
    }
