"""Bare payloads sorted: the true message is always a candidate, and it asks where candidates differ in meaning."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

import detection
import published
from published import ROOT
from sagellm_protocol import history
from sagellm_protocol.catalog import UnknownMessageError
from sagellm_protocol.history import HISTORY, Candidate, History
from sagellm_protocol.history.changes import added, introduced, redefined, removed, renamed, retyped, revision
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, UnknownPayloadError, UnsupportedRevisionError
from toys import Declare, declare  # noqa: F401 - the fixture

REVISIONS = published.revisions()
LOGS = sorted((ROOT / "examples" / "archive").glob("*.jsonl"))
METRICS = {"ttft_ms": 1.0, "tbt_ms": 2.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def names(candidates: tuple[Candidate, ...]) -> set[str]:
    return {candidate.message for candidate in candidates}


# The corpus


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_true_message_is_among_the_candidates(revision: str) -> None:
    for found in detection.sort(revision):
        assert found.among, found.record


@pytest.mark.parametrize("revision", REVISIONS)
def test_most_records_can_be_one_message_alone(revision: str) -> None:
    found = list(detection.sort(revision))
    assert sum(len(each.messages) == 1 for each in found) >= 0.9 * len(found)


UNTAGGED = {
    "types.StreamEventEnd": "without its tag, one of 0.1.0 holds just what a Response holds",
    "types.StreamEventStart": "without its tag, one of 0.1.0 holds just what a KVCacheEvictRequest holds",
}
"""What is taken for another message, and why."""


@pytest.mark.parametrize("revision", REVISIONS)
def test_no_record_is_taken_for_another_message(revision: str) -> None:
    """Unless its tag was left out, and another message needs none to hold the same fields."""
    for found in detection.sort(revision):
        if found.identified not in (None, found.record.type):
            assert found.record.type in UNTAGGED, found
            assert "event" not in found.record.payload
            assert revision == "0.1.0"


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_is_identified_is_upgraded_as_if_its_revision_were_known(revision: str) -> None:
    for found in detection.sort(revision):
        if found.identified == found.record.type:
            since = history.identify(found.record.payload).since
            told = history.upgrade(found.record.payload, found.record.type, since=revision)
            assert history.upgrade(found.record.payload, found.record.type, since=since) == told


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_message_told_narrows_the_candidates(revision: str) -> None:
    for record in published.corpus(revision):
        candidates = history.detect(record.payload, record.type)
        assert names(candidates) == {record.type}
        assert history.identify(record.payload, record.type, among=[revision]).message == record.type


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    detection.main()
    printed = capsys.readouterr().out
    assert printed.startswith("revision")
    assert sum(len(published.corpus(revision)) for revision in REVISIONS) == int(
        next(line for line in printed.splitlines() if line.startswith("all")).split()[1]
    )
    print(printed)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_every_record_of_a_log_is_identified(log: Any) -> None:
    """Once the file has told which revisions could have written it."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    among = history.detect_all(records)
    assert history.resolve(log.stem) in among
    for record in records:
        assert history.identify(record, among=among).candidates


# What a payload can be


def test_candidates_are_whole_runs_of_revisions() -> None:
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]}
    assert history.detect(delta) == (Candidate("types.StreamEventDelta", "0.1.0", "0.1.0"),)
    assert history.detect({**delta, "engine_id": "e"}) == (Candidate("types.StreamEventDelta", "0.1.0.1", "0.4.0.7"),)
    assert [str(found) for found in history.detect({**delta, "engine_id": "e"})] == [
        "types.StreamEventDelta (0.1.0.1 to 0.4.0.7)"
    ]
    assert str(history.detect(delta)[0]) == "types.StreamEventDelta (0.1.0)"


def test_the_rule_and_nulls_of_old_metrics_tell_them_apart() -> None:
    assert history.detect(METRICS) == (Candidate("types.Metrics", "0.1.0", history.latest),)
    assert history.detect({**METRICS, "tpot_ms": None}) == (Candidate("types.Metrics", "0.1.0", "0.1.0"),)
    neither = {field: value for field, value in METRICS.items() if field != "tbt_ms"}
    assert history.detect(neither) == (Candidate("types.Metrics", "0.1.0.1", history.latest),)


def test_short_names_and_classes_do() -> None:
    from sagellm_protocol.types import Metrics

    expected = history.detect(METRICS)
    assert history.detect(METRICS, "Metrics") == history.detect(METRICS, Metrics) == expected
    with pytest.raises(UnknownMessageError):
        history.detect(METRICS, "NoSuchMessage")


@pytest.mark.parametrize("payload", [None, [], "text", 1, {"no": "such"}, {"ttft_ms": "fast"}])
def test_what_fits_nothing_is_nothing(payload: Any) -> None:
    if isinstance(payload, dict):
        assert "types.Metrics" not in names(history.detect(payload))
    else:
        assert history.detect(payload) == ()
        with pytest.raises(UnknownPayloadError):
            history.identify(payload)
    with pytest.raises(UnknownPayloadError):
        history.identify(payload, "types.Metrics")


def test_unknown_fields_do_not_hinder() -> None:
    assert history.detect({**METRICS, "site": "north"}) == history.detect(METRICS)
    assert history.identify({**METRICS, "site": "north"}).message == "types.Metrics"
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [], "site": 1}
    assert history.detect(delta) == (Candidate("types.StreamEventDelta", "0.1.0", "0.1.0"),)


def test_the_fewest_unknown_fields_win() -> None:
    """engine_id is no field of 0.1.0, so a delta that has one is of a later revision, whatever else it holds."""
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "chunk": "", "chunk_tokens": []}
    assert history.detect({**delta, "site": 1}) == (Candidate("types.StreamEventDelta", "0.1.0.1", "0.4.0.7"),)


def test_an_enumeration_tells_by_what_it_did_not_have_yet() -> None:
    error = {"code": "kv_transfer_failed", "message": "m", "retryable": False}
    (candidate,) = [found for found in history.detect(error) if found.message == "errors.Error"]
    assert candidate.first == "0.1.2.4"


def test_tags_may_be_left_out() -> None:
    delta = {"request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": []}
    assert history.detect(delta) == (Candidate("types.StreamEventDelta", "0.1.0", "0.1.0"),)
    assert history.identify(delta).message == "types.StreamEventDelta"


def test_without_a_tag_it_asks_unless_every_field_is_written() -> None:
    """Whoever leaves out a tag leaves out other defaults as well; whoever writes every field writes the tag."""
    response = {
        "request_id": "r",
        "trace_id": "t",
        "output_text": "x",
        "output_tokens": [],
        "finish_reason": "stop",
        "metrics": METRICS,
    }
    assert names(history.detect(response)) == {"types.Response", "types.StreamEventEnd"}
    with pytest.raises(AmbiguousPayloadError, match=r"types\.StreamEventEnd \(0\.1\.0\)"):
        history.identify(response)
    assert history.identify({**response, "error": None}).message == "types.Response"
    assert history.identify({**response, "event": "end"}).message == "types.StreamEventEnd"


# What it means


def test_without_strategy_and_warm_it_asks() -> None:
    """Greedy until 0.5.4.13, drawn from then on."""
    warm = {"temperature": 0.7, "top_k": 4}
    with pytest.raises(AmbiguousPayloadError, match="it is:\n  sampling") as raised:
        history.identify(warm)
    assert len(raised.value.candidates) > 1
    assert raised.value.candidates[-1] == f"sampling.SamplingParams (0.5.4.16 to {history.latest})"


@pytest.mark.parametrize("payload", [{"temperature": 0.0, "top_k": 4}, {"temperature": 0.7, "strategy": "sampling"}])
def test_where_all_revisions_mean_the_same_it_does_not_ask(payload: dict[str, Any]) -> None:
    found = history.identify(payload, "SamplingParams")
    assert found.message == "sampling.SamplingParams"
    assert found.since == history.latest
    assert found.candidates == (Candidate("sampling.SamplingParams", "0.4.0.7", history.latest),)


def test_revisions_told_settle_what_it_means() -> None:
    warm = {"temperature": 0.7, "top_k": 4}
    assert history.identify(warm, among=["0.5.4.16"]).since == "0.5.4.16"
    older = history.identify(warm, among=["0.4.0.8", "0.4.1.0"])
    assert history.upgrade(warm, older.message, since=older.since)["strategy"] == "greedy"
    with pytest.raises(AmbiguousPayloadError):
        history.identify(warm, among=["0.4.0.8", "latest"])
    with pytest.raises(UnknownPayloadError):
        history.identify(warm, among=["0.1.0"])
    with pytest.raises(UnsupportedRevisionError):
        history.identify(warm, among=["0.9"])


def test_two_messages_are_two_meanings() -> None:
    with pytest.raises(AmbiguousPayloadError) as raised:
        history.identify(USAGE)
    assert names(history.detect(USAGE)) == {"openai_types.ChatCompletionUsage", "openai_types.CompletionUsage"}
    assert {told.partition(" ")[0] for told in raised.value.candidates} == names(history.detect(USAGE))
    assert history.identify(USAGE, "ChatCompletionUsage").message == "openai_types.ChatCompletionUsage"
    assert history.identify(USAGE, among=["0.5.4.13"]).message == "openai_types.ChatCompletionUsage"


def test_what_is_filled_in_counts() -> None:
    """Shapes that fit alike may still differ in what they leave for others to say."""
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]}
    found = history.identify(delta, fill={"engine_id": "e7"})
    assert history.upgrade(delta, found.message, since=found.since, fill={"engine_id": "e7"})["engine_id"] == "e7"


@pytest.mark.parametrize("site", [1, {"a": [1]}, [{"a": 1}], None])
def test_readings_are_compared_in_what_nobody_knows_too(site: Any) -> None:
    greedy = {"temperature": 0.0, "top_k": 4, "site": site}
    assert history.identify(greedy, "SamplingParams").since == history.latest
    warm = {"temperature": 0.5, "top_k": 4, "site": site}
    with pytest.raises(AmbiguousPayloadError):
        history.identify(warm, "SamplingParams")


@pytest.mark.parametrize("was", [3, 4])
def test_readings_are_compared_in_messages_of_lists_too(was: int, declare: Declare) -> None:  # noqa: F811
    """One reading writes out what the other leaves to be derived."""
    catalog = declare(
        """
        @message
        class Leaf:
            name: str
            size: int = derived(lambda leaf: len(leaf.name), default=0)


        @message
        class Tree:
            leaves: Sequence[Leaf]
            by_name: Mapping[str, Sequence[Leaf]] = {}
        """
    )
    own = History([revision("2", redefined("toy.Leaf", "size", was=was)), revision("1")], catalog)
    for payload in ({"leaves": [{"name": "oak"}]}, {"leaves": [], "by_name": {"x": [{"name": "elm", "site": 1}]}}):
        if was == 3:
            assert own.identify(payload).since == "2"
        else:
            with pytest.raises(AmbiguousPayloadError):
                own.identify(payload)


def test_what_is_filled_in_counts_among_readings(declare: Declare) -> None:  # noqa: F811
    """A site's hook says for one revision what fill says for the other."""
    catalog = declare("@message\nclass Job:\n    a: int = 0\n    must: int\n")
    own = History([revision("3", added("toy.Job", "must")), revision("2"), revision("1")], catalog)
    own.hook("Job", since="1")(lambda payload: payload | {"must": 7})
    assert own.identify({"a": 1}, fill={"must": 7}).since == "2"
    for fill in ({"must": 8}, {}, None):
        with pytest.raises(AmbiguousPayloadError, match="hook"):
            own.identify({"a": 1}, fill=fill)


def test_readings_that_are_all_invalid_are_told_apart(declare: Declare) -> None:  # noqa: F811
    """Nobody fills in what today requires: what is not equal cannot be compared as messages."""
    catalog = declare("@message\nclass Job:\n    a: int = 0\n    must: int\n")
    own = History(
        [
            revision("3", redefined("toy.Job", "a", was=1)),
            revision("2", added("toy.Job", "must")),
            revision("1", redefined("toy.Job", "a", was=2)),
            revision("0"),
        ],
        catalog,
    )
    with pytest.raises(AmbiguousPayloadError):
        own.identify({})
    assert own.identify({"a": 1}).since == "1"
    assert own.identify({}, among=["1"]).since == "1"
    with pytest.raises(AmbiguousPayloadError):
        own.identify({}, fill={"must": 1})


# A whole file


def test_a_file_is_narrowed_to_what_could_have_written_all_of_it() -> None:
    old = {"request_id": "r", "trace_id": "t", "model": "m", "prompt": "p", "max_tokens": 1, "stream": True}
    assert history.detect_all([]) == history.revisions
    assert history.detect_all([old]) == history.revisions
    assert history.detect_all([old, METRICS]) == history.revisions
    assert history.detect_all([old, {**METRICS, "itl_list": []}]) == history.revisions[2:]
    assert history.detect_all([{**METRICS, "itl_list": []}, {**METRICS, "tpot_ms": None}]) == ()


def test_what_fits_nothing_does_not_count() -> None:
    assert history.detect_all([{"no such": 1}, "text", {**METRICS, "tpot_ms": None}]) == ("0.1.0",)


def test_a_file_of_one_message() -> None:
    assert history.detect_all([USAGE]) == history.detect_all([USAGE], "ChatCompletionUsage")
    assert history.detect_all([USAGE], "CompletionUsage") == ("0.5.4.16", "0.6.0")


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_corpus_of_a_revision_could_be_of_that_revision(revision: str) -> None:
    payloads = [record.payload for record in published.corpus(revision)]
    assert revision in history.detect_all(payloads)


# Own histories


def test_a_message_that_went_through_three_shapes(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Ping:
            host: str
            round_trip_ms: float = 0.0
            note: str = ""
        """
    )
    own = History(
        [
            revision("3", added("toy.Ping", "note")),
            revision("2", renamed("toy.Ping", rtt="round_trip_ms"), also=("2.1",)),
            revision("1"),
        ],
        catalog,
    )
    assert own.detect({"host": "h"}) == (Candidate("toy.Ping", "1", "3"),)
    assert own.detect({"host": "h", "rtt": 1.0}) == (Candidate("toy.Ping", "1", "1"),)
    assert own.detect({"host": "h", "round_trip_ms": 1.0}) == (Candidate("toy.Ping", "2", "3"),)
    assert own.detect({"host": "h", "note": "n"}) == (Candidate("toy.Ping", "3", "3"),)
    assert own.identify({"host": "h"}, among=["2.1"]).since == "2"


def test_runs_of_revisions_with_a_gap_are_two_candidates(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Ping:
            host: str
            port: int | None = None
        """
    )
    own = History(
        [
            revision("3", added("toy.Ping", "port")),
            revision("2", removed("toy.Ping", "port", int | None, default=None, after="host")),
            revision("1"),
        ],
        catalog,
    )
    assert own.detect({"host": "h", "port": None}) == (Candidate("toy.Ping", "1", "1"), Candidate("toy.Ping", "3", "3"))


FOREST = """
    @message
    class Leaf:
        name: str
        size: int = 0

    @message
    class Tree:
        leaves: Sequence[Leaf] = ()
        below: "Sequence[Tree]" = ()

    @message
    class Forest:
        trees: Sequence[Tree]
"""


@pytest.fixture
def forest(declare: Declare) -> History:  # noqa: F811
    revisions = [
        revision("2", retyped("toy.Leaf", "name", was=Literal["a"])),
        revision("1", introduced("toy.Forest")),
    ]
    return History([*revisions, revision("0")], declare(FOREST))


def test_a_nested_message_that_changed_makes_another_shape(forest: History) -> None:
    """At any depth, and where a message holds itself."""
    assert forest.detect({"below": [{"leaves": [{"name": "n"}]}]}) == (Candidate("toy.Tree", "2", "2"),)
    assert forest.detect({"below": [{"leaves": [{"name": "a"}]}]}) == (Candidate("toy.Tree", "0", "2"),)
    assert forest.detect({"below": []}) == (Candidate("toy.Tree", "0", "2"),)
    assert forest.detect({"trees": [{}]}) == (Candidate("toy.Forest", "1", "2"),)


def test_a_field_of_a_nested_message_tells_too() -> None:
    response = {
        "request_id": "r",
        "trace_id": "t",
        "output_text": "x",
        "output_tokens": [],
        "finish_reason": "stop",
        "metrics": {**METRICS, "comm_overhead_ms": 1.0},
    }
    assert history.detect(response, "Response") == (Candidate("types.Response", "0.1.2.4", history.latest),)
    assert history.detect_all([response]) == history.revisions[4:]


def test_unknown_fields_of_nested_messages_do_not_hinder() -> None:
    response = {
        "request_id": "r",
        "trace_id": "t",
        "output_text": "x",
        "output_tokens": [],
        "finish_reason": "stop",
        "metrics": METRICS,
    }
    of_a_site = {**response, "metrics": {**METRICS, "site": "north"}}
    assert history.detect(of_a_site) == history.detect(response)


def test_detection_tells_of_the_same_history() -> None:
    assert history.detect == HISTORY.detect
