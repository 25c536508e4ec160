"""Which records break which rules: as one by one, whatever they are, and told where."""

from __future__ import annotations

import io
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from payloads import as_msgpack, corrupted
from published import ROOT
from sagellm_protocol import Violation
from sagellm_protocol.archive import Limits, RefusedError, UnreadableError
from sagellm_protocol.archive.surveys import Broken, Rules, Validation, validate_archive, validate_stream
from sagellm_protocol.archive.surveys.findings import without_indices
from sagellm_protocol.archive.surveys.rules import Checker
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import OptionError, UnsupportedRevisionError
from sagellm_protocol.testing import nearly_valid, payloads

LOGS = ROOT / "examples" / "archive"
REVISIONS = ("0.1.0", "0.4.0.7", "0.4.1.0", "0.5.4.13", "0.5.4.16")
MESSAGES = ("types.Request", "types.StreamEventDelta", "types.StreamEventEnd", "sampling.SamplingParams")
KINDS = [(name, revision) for revision in REVISIONS for name in MESSAGES if name in HISTORY.specs(revision)]
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "chunk": "Hi", "chunk_tokens": [42]}


def asked(records: list[Any], rules: Rules | None = None, **choices: Any) -> Validation:
    data = b"".join(
        (record if isinstance(record, bytes) else json.dumps(record).encode()) + b"\n" for record in records
    )
    return validate_stream(io.BytesIO(data), rules, **choices)


def told(found: Validation) -> dict[tuple[str, str, str], int]:
    return {(it.type, it.path, it.rule): finding.records for it, finding in found.violations.found.items()}


@cache
def drawn(name: str, revision: str) -> st.SearchStrategy[Any]:
    return payloads(name, revision)


@cache
def nearly(name: str, revision: str) -> st.SearchStrategy[tuple[dict[str, Any], Violation]]:
    return nearly_valid(name, revision)


kinds = st.sampled_from(KINDS)
bare = kinds.flatmap(lambda kind: drawn(*kind) | corrupted(drawn(*kind)))
enveloped = kinds.flatmap(
    lambda kind: (drawn(*kind) | corrupted(drawn(*kind))).map(
        lambda payload: {"protocol": kind[1], "message": kind[0], "payload": payload}
    )
)
junk = st.sampled_from([b"{", b"[1]", b"\xff", b"7", b'{"a": 1e999}', b'{"protocol": 1, "message": 2, "payload": 3}'])
release = st.none() | st.sampled_from(REVISIONS)
rules = st.builds(
    Rules,
    message=st.none() | st.just("types.StreamEventDelta"),
    since=release,
    revision=release,
    consistent=st.booleans(),
    allow_unknown=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(bare | enveloped | junk, min_size=1, max_size=8), rules, st.sampled_from(["json", "msgpack"]))
def test_many_are_as_one_by_one(records: list[Any], asking: Rules, wire: Any) -> None:
    if wire == "msgpack":
        written = [it for record in records if isinstance(record, dict) and (it := as_msgpack(record)) is not None]
        found = validate_stream(io.BytesIO(b"".join(written)), asking)
    else:
        written = [it if isinstance(it, bytes) else json.dumps(it).encode() for it in records]
        found = asked(list(written), asking)
    checker = Checker(asking.resolved(), HISTORY, wire)
    expected: Counter[Broken] = Counter()
    invalid = 0
    for record in written:
        broken = {it for it, _ in checker.check(record)}
        expected.update(broken)
        invalid += bool(broken)
    assert {broken: finding.records for broken, finding in found.violations.found.items()} == expected
    assert (found.records, found.invalid, found.is_valid) == (len(written), invalid, not invalid)


@settings(max_examples=60)
@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), nearly(*kind))))
def test_one_violation_is_told_as_decoders_tell_it(drawn: Any) -> None:
    (name, revision), (payload, violation) = drawn
    found = asked([payload], Rules(name, revision))
    assert told(found) == {(name, without_indices(violation.path), violation.rule): 1}
    enveloped = {"protocol": revision, "message": name, "payload": payload}
    assert told(asked([enveloped])) == told(found)


@settings(max_examples=60)
@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), drawn(*kind))))
def test_what_a_release_wrote_keeps_its_rules(drawn: Any) -> None:
    (name, revision), payload = drawn
    for asking in (Rules(name, revision), Rules(name, revision=revision), Rules(name)):
        found = asked([payload, payload], asking)
        assert all(rule == "clearly one message, of one meaning" for _, _, rule in told(found))


def test_the_logs_keep_the_rules_of_their_releases() -> None:
    found = validate_archive(LOGS, workers=1)
    assert found.is_valid
    assert found.records == sum(len(log.read_bytes().splitlines()) for log in LOGS.glob("*.jsonl"))
    assert validate_archive(LOGS / "0.4.0.8.jsonl", Rules(since="0.4.0.8"), workers=1).is_valid


def test_what_another_release_would_not_take() -> None:
    found = validate_archive([LOGS / "0.4.0.8.jsonl"], Rules(revision="latest"), workers=1)
    deltas = {key[1:]: records for key, records in told(found).items() if key[0] == "types.StreamEventDelta"}
    assert set(deltas) == {
        ("content", "required"),
        ("content_tokens", "required"),
        ("chunk", "a known field"),
        ("chunk_tokens", "a known field"),
    }
    assert len(set(deltas.values())) == 1
    assert told(asked([DELTA], Rules(revision="0.1.0"))) == {
        ("types.StreamEventDelta", "engine_id", "a known field"): 1
    }
    assert asked([DELTA], Rules(revision="0.1.0", allow_unknown=True)).is_valid
    assert told(asked([DELTA], Rules("StreamEventDelta", "0.4.0.8", "latest"))) == told(
        asked([DELTA], Rules(revision="latest"))
    )


@pytest.mark.parametrize(
    ("record", "asking", "expected"),
    [
        (b"[1]", Rules(), ("", "", "an object")),
        (b"{", Rules(), ("", "", "readable (no JSON: unexpected end of data)")),
        ({"foo": 1}, Rules(), ("", "", "a message of the protocol")),
        ({"temperature": 0.5}, Rules(), ("", "", "clearly one message, of one meaning")),
        (
            {"temperature": 0.5},
            Rules("SamplingParams"),
            ("sampling.SamplingParams", "", "clearly one message, of one meaning"),
        ),
        (
            {"protocol": "9", "message": "types.Request", "payload": {}},
            Rules(),
            ("", "", "of a revision and a message that are known"),
        ),
        ({"protocol": 1, "message": "types.Request", "payload": {}}, Rules(), ("", "protocol", "str")),
        (
            {"protocol": "0.1.0", "message": "types.Request", "payload": 5},
            Rules(),
            ("types.Request", "", "an object"),
        ),
        ({**DELTA, "chunk_tokens": [1, "2"]}, Rules(), ("types.StreamEventDelta", "chunk_tokens[]", "int")),
        ({**DELTA, "site": 5}, Rules(), ("types.StreamEventDelta", "site", "a known field")),
        (
            {"temperature": 1.0, "foo": 1, "bar": 2},
            Rules(since="0.5.4.16"),
            ("sampling.SamplingParams", "foo", "a known field"),
        ),
        (
            {"temperature": 1.0, "foo": 1, "bar": 2},
            Rules(since="0.5.4.16", allow_unknown=True),
            ("sampling.SamplingParams", "", "a message of the protocol"),
        ),
        ({**DELTA, "chunk": 5}, Rules(since="0.4.0.8"), ("types.StreamEventDelta", "chunk", "str")),
    ],
    ids=str,
)
def test_what_is_told(record: Any, asking: Rules, expected: tuple[str, str, str]) -> None:
    assert told(asked([DELTA, record, DELTA], asking)).get(expected) == 1


def test_a_message_that_came_later() -> None:
    name = next(name for name in HISTORY.specs("latest") if name not in HISTORY.specs("0.1.0"))
    came = HISTORY.since(name)
    record = {"protocol": came, "message": name, "payload": {}}
    assert told(asked([record], Rules(revision="0.1.0"))) == {(name, "", "a message of 0.1.0"): 1}
    with pytest.raises(UnsupportedRevisionError, match=f"came with {came}"):
        asked([], Rules(name, revision="0.1.0"))


def test_a_damaged_message_that_came_later() -> None:
    spec = HISTORY.spec("backend_types.CapabilityDescriptor", "latest")
    record: dict[str, Any] = {field.name: None for field in spec.fields}
    expected = (spec.name, "", "a message of 0.1.0")
    assert told(asked([record], Rules(since="latest", revision="0.1.0"))) == {expected: 1}


def test_what_cannot_be_brought_to_today_is_told_where_that_is_asked() -> None:
    history = HISTORY.without_hooks()

    @history.hook("types.StreamEventDelta", since="0.4.0.7")
    def broken(payload: dict[str, Any]) -> dict[str, Any]:
        raise LookupError("nothing")

    asking = Rules("StreamEventDelta", "0.4.0.8")
    assert asked([DELTA], asking, history=history).is_valid
    found = asked([DELTA], attrs.evolve(asking, consistent=True), history=history)
    assert told(found) == {("types.StreamEventDelta", "", "fit to be brought to today's revision"): 1}


def test_what_nests_too_deep() -> None:
    deep = b'{"protocol":"0.5.4.16","message":"types.Request","payload":' + b'{"a":' * 300 + b"1" + b"}" * 301
    assert [rule for _, _, rule in told(asked([deep]))] == ["the payload nests deeper than 128 levels"]


def test_a_field_too_many_further_down_is_found_after_many_that_are_right() -> None:
    log = (LOGS / "0.4.0.8.jsonl").read_text(encoding="utf-8").splitlines()
    end = next(json.loads(line) for line in log if '"end"' in line and "metrics" in line)
    odd = {**end, "metrics": {**end["metrics"], "site": 1}}
    found = asked([end, end, odd, end])
    assert told(found) == {("types.StreamEventEnd", "metrics.site", "a known field"): 1}


def test_unknown_fields_may_be_allowed() -> None:
    record = {**DELTA, "site": 5}
    for consistent in (False, True):
        asking = Rules(allow_unknown=True, consistent=consistent)
        assert asked([record, record], asking).is_valid
        assert not asked([{**record, "chunk": 5}], asking).is_valid


def test_rules_between_fields_are_asked_of_records_of_any_release() -> None:
    log = (LOGS / "0.4.0.8.jsonl").read_text(encoding="utf-8").splitlines()
    end = next(json.loads(line) for line in log if '"end"' in line and "itl_list" in line)
    end["metrics"].update(tbt_ms=500.0, itl_list=[1.0, 2.0])
    assert asked([end]).is_valid
    found = asked([end], Rules(consistent=True))
    assert [(type, path) for type, path, _ in told(found)] == [("types.StreamEventEnd", "metrics.tbt_ms")]
    lacking = {"protocol": "0.1.0", "message": "types.StreamEventDelta", "payload": {**DELTA, "engine_id": "e"}}
    assert told(asked([lacking], Rules(consistent=True))).keys() == told(asked([lacking])).keys()


def test_first_places_and_sums(tmp_path: Path) -> None:
    line = json.dumps(DELTA) + "\n"
    wrong = json.dumps({**DELTA, "chunk": 5}) + "\n"
    (tmp_path / "a.jsonl").write_text(line * 3)
    (tmp_path / "b.jsonl").write_text(line + wrong + "{\n" + wrong)
    (tmp_path / "c.jsonl").write_bytes(b"SQLite format 3\x00")
    found = validate_archive(tmp_path, shard_size=len(line), workers=1)
    plain = found.to_plain()
    json.dumps(plain)
    assert (plain["valid"], plain["records"], plain["invalid"]) == (False, 7, 3)
    assert plain["violations"][0] == {
        "type": "types.StreamEventDelta",
        "path": "chunk",
        "rule": "str",
        "records": 2,
        "first": {"source": "b.jsonl", "offset": len(line), "example": "chunk: 5"},
    }
    assert plain["violations"][1]["first"]["offset"] == len(line) + len(wrong)
    assert plain["sources"]["a.jsonl"] == {"layout": "jsonl", "compression": "none", "records": 3, "invalid": 0}
    assert plain["unreadable"] == {"c.jsonl": found.unreadable["c.jsonl"]}
    assert found == validate_archive([tmp_path], workers=1)


def test_a_record_counts_once_for_each_rule_and_is_told_by_its_first_place() -> None:
    found = asked([{**DELTA, "chunk_tokens": ["a", "b"], "chunk": 5}] * 2)
    [(tokens, first), (text, _)] = sorted(found.violations.found.items(), key=lambda item: item[0].path, reverse=True)
    assert (tokens.path, first.records, first.example) == ("chunk_tokens[]", 2, "chunk_tokens[0]: 'a'")
    assert text.path == "chunk"


def test_damage_is_a_violation() -> None:
    found = asked([DELTA, {**DELTA, "chunk": "x" * 500}, DELTA], Rules(), sample=None)
    assert found.is_valid
    data = b"".join(json.dumps(it).encode() + b"\n" for it in [DELTA, {**DELTA, "chunk": "x" * 500}, DELTA])
    found = validate_stream(io.BytesIO(data), limits=Limits(max_record=200))
    assert (found.records, found.invalid) == (3, 1)
    assert [rule for _, _, rule in told(found)] == ["readable (the record is longer than 200 bytes)"]


def test_a_sample_is_told() -> None:
    found = asked([DELTA] * 100, sample=0.1)
    assert (found.records, found.to_plain()["sample"]) == (10, 0.1)


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedRevisionError):
        asked([], Rules(since="9.9"))
    with pytest.raises(OptionError):
        asked([], sample=2.0)
    with pytest.raises(RefusedError):
        validate_archive(tmp_path / "missing")
    with pytest.raises(UnreadableError):
        validate_stream(io.BytesIO(b"PK\x03\x04"))


def test_hooks_take_part_in_telling_what_a_record_is() -> None:
    history = HISTORY.without_hooks()

    @history.hook("types.StreamEventDelta", since="0.1.2.0")
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "chunk": "other"}

    found = asked([DELTA], history=history)
    assert [rule for _, _, rule in told(found)] == ["clearly one message, of one meaning"]
    assert asked([DELTA], Rules(since="0.4.0.8"), history=history).is_valid
