"""Many records at once become what each becomes by itself."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from functools import cache
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import payloads
from payloads import as_msgpack, corrupted
from published import ROOT, corpus, revisions
from sagellm_protocol import history, testing
from sagellm_protocol.archive import Counts, Options, Upgrader, Wire, batching
from sagellm_protocol.archive.batching import ending
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.codecs import envelope
from sagellm_protocol.model.exceptions import OptionError, ProtocolError

LOGS: list[Path] = sorted((ROOT / "examples" / "archive").glob("*.jsonl"))
WIRES: tuple[tuple[Wire, Wire], ...] = (
    ("json", "json"),
    ("json", "msgpack"),
    ("msgpack", "json"),
    ("msgpack", "msgpack"),
)
Outcome = tuple[list[bytes], dict[str, Any], list[tuple[int, str]]]
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "chunk": "Hi", "chunk_tokens": [42]}


def one_by_one(upgrader: Upgrader, records: Sequence[bytes]) -> Outcome:
    """What :meth:`Upgrader.upgrade` makes of each."""
    written, counts, rejected = [], Counts(), []
    for index, record in enumerate(records):
        try:
            upgraded = upgrader.upgrade(record)
        except ProtocolError as error:
            rejected.append((index, one_line(error)))
            continue
        counts.count(upgraded)
        if upgraded.record is None:
            written.append(record)
        else:
            plain = upgrader.reads == upgrader.writes == "json"
            written.append(upgraded.record + (ending(record) if plain else b""))
    counts.rejected = len(rejected)
    return written, counts.to_plain(), rejected


def at_once(upgrader: Upgrader, records: Sequence[bytes]) -> Outcome:
    """What :meth:`Upgrader.upgrade_batch` makes of them."""
    batch = upgrader.upgrade_batch(records)
    return batch.records, batch.counts.to_plain(), batch.rejected


def the_law(upgrader: Upgrader, records: Sequence[bytes]) -> None:
    """Assert that both are the same, also once the upgrader has found its ways."""
    expected = one_by_one(upgrader, records)
    for _ in range(3):
        assert at_once(upgrader, records) == expected


def packed(record: bytes) -> bytes:
    packed: bytes = msgpack.packb(orjson.loads(record))
    return packed


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


# The law


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_the_logs(log: Path) -> None:
    records = lines(log)
    the_law(Upgrader(), records)
    the_law(Upgrader(Options(since=log.stem)), records[:200])


@cache
def published_records() -> list[bytes]:
    """The recorded payloads of the published releases."""
    return [orjson.dumps(recorded.payload) for revision in revisions() for recorded in corpus(revision)]


def test_all_that_the_releases_wrote() -> None:
    the_law(Upgrader(), published_records()[::4])
    the_law(Upgrader(Options(since="0.1.0", fill={"engine_id": "e7"})), published_records()[1::8])


@pytest.mark.parametrize("enveloped", [False, True], ids=["bare", "enveloped"])
@pytest.mark.parametrize(("reads", "writes"), WIRES)
def test_in_every_wire(reads: Wire, writes: Wire, enveloped: bool) -> None:
    records = [line for log in (LOGS[0], LOGS[2]) for line in lines(log)[:120]]
    if reads == "msgpack":
        records = list(map(packed, records))
    the_law(Upgrader(Options(envelope=enveloped), reads=reads, writes=writes), records)


OPTIONS = (
    Options(),
    Options(since="0.4.0.8"),
    Options(since="0.1.0", fill={"engine_id": "e7"}),
    Options(envelope=True),
    Options(message="types.StreamEventDelta", since="0.4.0.8"),
    Options(message="types.Metrics"),
)
NAMES = ("types.StreamEventDelta", "types.StreamEventEnd", "types.Request", "types.Response", "types.Metrics")
DRAWN = st.tuples(st.sampled_from(NAMES), st.sampled_from(history.revisions)).flatmap(
    lambda it: testing.payloads(it[0], it[1])
)


def texts(payload: Any) -> st.SearchStrategy[bytes]:
    """Ways to write a payload, some of them wrong."""
    compact = orjson.dumps(payload)
    return st.sampled_from(
        (
            compact,
            compact,
            compact,
            json.dumps(payload).encode(),
            compact + b"\r",
            b" " + compact,
            compact.replace(b"0.5", b"5e-1").replace(b".0", b".00"),
            compact.replace(b"{", b'{"request_id":"again",'),
            compact.replace(b"1", b"12345678901234567890123"),
            compact.replace(b'"r', b'"\\u0072'),
            compact[:-1],
            compact + b"1",
        )
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_anything(data: st.DataObject) -> None:
    options = data.draw(st.sampled_from(OPTIONS))
    reads, writes = data.draw(st.sampled_from(WIRES))
    payload = data.draw(DRAWN)
    like = data.draw(st.lists(st.just(payload) | corrupted(st.just(payload)), min_size=4, max_size=8))
    records = []
    for it in [payload] * 3 + like:
        if reads == "json":
            with contextlib.suppress(TypeError):
                records.append(data.draw(texts(orjson.loads(orjson.dumps(it)))))
        elif (record := as_msgpack(it)) is not None:
            records.append(record)
    the_law(Upgrader(options, reads=reads, writes=writes), records)


def repeated(*records: bytes) -> list[bytes]:
    """Records among others that an upgrader has a way for."""
    return [*[orjson.dumps(DELTA)] * 5, *records, *[orjson.dumps(DELTA)] * 2]


TODAY = DELTA | {"content": "Hi", "content_tokens": [42]}
del TODAY["chunk"], TODAY["chunk_tokens"]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"[1]",
        b"7",
        b'"event"',
        b"null",
        b"{}",
        orjson.dumps(list(DELTA)),
        orjson.dumps(list(TODAY)),
        orjson.dumps(DELTA)[:-1] + b',"chunk":"Ho"}',
        orjson.dumps(DELTA).replace(b'"chunk"', b'"chunk" ') + b" ",
        orjson.dumps(DELTA).replace(b'"chunk":', b'"chunk" :"a","chunk":'),
        json.dumps(DELTA).encode() + b"\r",
        json.dumps(DELTA | {"chunk": "\u5f15"}).encode(),
        orjson.dumps(DELTA | {"site": 1}),
        orjson.dumps(DELTA | {"chunk_tokens": [1, 2.0]}),
        orjson.dumps(DELTA | {"chunk_tokens": [1.0]}),
        orjson.dumps(DELTA | {"chunk_tokens": [True]}),
        orjson.dumps(DELTA | {"chunk": None}),
        orjson.dumps(DELTA | {"event": "end"}),
        orjson.dumps(DELTA).replace(b"42", b"12345678901234567890"),
        orjson.dumps(DELTA).replace(b"42", b"123456789012345678901"),
        orjson.dumps(DELTA).replace(b"42", b"-0"),
        orjson.dumps(TODAY).replace(b'"Hi"', b'"Hi","content":"Ho"'),
        orjson.dumps(DELTA).replace(b"Hi", b"\xff"),
        orjson.dumps(envelope.wrap(DELTA, "types.StreamEventDelta", "0.4.0.8")),
    ],
)
def test_one_odd_record_among_others(record: bytes) -> None:
    for options in (Options(), Options(envelope=True), Options(message="StreamEventDelta", since="0.4.0.8")):
        the_law(upgrader := Upgrader(options), repeated(record, record))
        the_law(upgrader, [record])


def test_what_is_broken_in_two_is_not_mended() -> None:
    whole = orjson.dumps(DELTA)
    batch = Upgrader().upgrade_batch([whole, whole[:20], whole[20:], whole])
    assert [index for index, _ in batch.rejected] == [1, 2]
    assert len(batch.records) == 2


def test_numbers_stay_as_they_are_written() -> None:
    params = {"temperature": 0.5, "strategy": "greedy", "max_tokens": 5}
    written = [orjson.dumps(params).replace(b"0.5", number) for number in (b"0.50", b"5e-1", b"0.5", b"0.5")]
    the_law(Upgrader(Options(since="0.4.0.8")), written * 3)
    end = orjson.loads(next(line for line in lines(LOGS[0]) if b'"event":"end"' in line))
    text = orjson.dumps(end).replace(b'"error_rate":0.0', b'"error_rate":0.00')
    assert text != orjson.dumps(end)
    batch = Upgrader().upgrade_batch([orjson.dumps(end)] * 4 + [text] + [orjson.dumps(end)])
    assert b'"error_rate":0.00,' in batch.records[4]
    assert b'"error_rate":0.0,' in batch.records[5]


@pytest.mark.parametrize("log", [LOGS[0], LOGS[2]], ids=["written anew", "as it is"])
def test_an_integer_past_64_bits_is_no_float(log: Path) -> None:
    text = next(line for line in lines(log) if b'"metrics":{' in line and b'"event"' not in line)
    known = b'"ttft_ms":%a' % orjson.loads(text)["metrics"]["ttft_ms"]
    numbers = (b"12345678901234567890123", b"18446744073709551616", b"18446744073709551615", b"1e300", b"7")
    records = [text] * 4 + [text.replace(known, b'"ttft_ms":' + number) for number in numbers]
    the_law(upgrader := Upgrader(), records)
    rejected = upgrader.upgrade_batch(records).rejected
    assert rejected == [(index, "metrics.ttft_ms is an integer past 64 bits") for index in (4, 5)]


# What MessagePack can say, and what it cannot


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"1.10", True),
        (b"1e3", True),
        (b"-0", True),
        (b"-0.0", True),
        (b"0.1", True),
        (b"100000000000000000000.0", True),
        (b"0.1234567890123456789", False),
        (b"1e-400", False),
        (b"0e9999999999999999999999999", False),
    ],
)
def test_numbers_as_messagepack(number: bytes, kept: bool) -> None:
    record = orjson.dumps(DELTA)[:-1] + b',"site":' + number + b"}"
    upgrader = Upgrader(writes="msgpack")
    batch = upgrader.upgrade_batch([record])
    if kept:
        assert msgpack.unpackb(batch.records[0])["site"] == float(number)
    else:
        assert batch.rejected == [(0, f"the number '{number.decode()}' has more digits than a float can hold")]
    the_law(upgrader, repeated(record))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"\xc1", "no MessagePack: "),
        (msgpack.packb(1), "the record is no JSON object"),
        (msgpack.packb(b"x"), "the payload is binary data"),
        (msgpack.packb(DELTA | {"chunk": b"x"}), "chunk is binary data"),
        (msgpack.packb(DELTA | {"site": [b"x"]}), "site[0] is binary data"),
        (msgpack.packb(DELTA | {b"site": 1}), "a key is no text but b'site'"),
        (msgpack.packb(DELTA | {"site": {b"k": 1}}), "a key is no text but b'k'"),
        (msgpack.packb(DELTA | {"site": float("nan")}), "site is nan, which is no number"),
        (msgpack.packb(DELTA | {"site": [float("-inf")]}), "site[0] is -inf, which is no number"),
        (msgpack.packb(DELTA | {"site": msgpack.ExtType(3, b"")}), "MessagePack extension type 3"),
        (msgpack.packb(DELTA | {"site": msgpack.Timestamp(3)}), "MessagePack extension type -1"),
        (b"\x87" + msgpack.packb(DELTA)[1:] + msgpack.packb("chunk") * 2, "the field 'chunk' stands there twice"),
        (msgpack.packb(DELTA) + b"\x01", "no MessagePack: bytes after the value"),
        (msgpack.packb(DELTA | {"site": payloads.nested(200)}), "the payload nests deeper"),
    ],
)
@pytest.mark.parametrize("writes", ["json", "msgpack"])
def test_messagepack_that_json_cannot_say(record: bytes, expected: str, writes: Wire) -> None:
    upgrader = Upgrader(reads="msgpack", writes=writes)
    ((index, reason),) = upgrader.upgrade_batch([record]).rejected
    assert index == 0
    assert reason.startswith(expected)
    the_law(upgrader, [*[msgpack.packb(DELTA)] * 4, record, msgpack.packb(DELTA)])


def test_messagepack_stays_to_the_byte_where_nothing_changes() -> None:
    # A text and an integer in longer forms than needed.
    record = msgpack.packb(TODAY).replace(b"\xa2Hi", b"\xd9\x02Hi").replace(b"\x2a", b"\xcd\x00\x2a")
    upgrader = Upgrader(reads="msgpack", writes="msgpack")
    for _ in range(3):
        assert upgrader.upgrade_batch([record] * 2).records == [record] * 2
    old = msgpack.packb(DELTA).replace(b"\xa2Hi", b"\xd9\x02Hi")
    the_law(upgrader, [msgpack.packb(DELTA)] * 4 + [old])


def test_a_record_of_today_is_counted_as_written_where_it_is_written_otherwise() -> None:
    batch = Upgrader(writes="msgpack").upgrade_batch([orjson.dumps(TODAY)])
    assert batch.records == [msgpack.packb(TODAY)]
    assert (batch.counts.upgraded, batch.counts.unchanged) == (1, 0)


def test_wires_that_there_are_not() -> None:
    for wires in ({"reads": "yaml"}, {"writes": []}):
        with pytest.raises(OptionError, match="must be 'json' or 'msgpack'"):
            Upgrader(**wires)  # type: ignore[arg-type]


# What may come in between


def test_with_hooks_each_record_is_looked_at(request: pytest.FixtureRequest) -> None:
    early = Upgrader(Options(since="0.4.0.8"))
    the_law(early, [orjson.dumps(DELTA)] * 4)

    @history.hook("types.StreamEventDelta", since="0.4.0.7")
    def shout(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"chunk": payload["chunk"].upper()}

    request.addfinalizer(lambda: history.unhook(shout))  # doing so twice does no harm
    late = Upgrader(Options(since="0.4.0.8"))
    records = [orjson.dumps(DELTA | {"chunk": text}) for text in "abcdef"]
    for upgrader in (early, late):
        the_law(upgrader, records)
    assert [orjson.loads(record)["content"] for record in late.upgrade_batch(records).records] == list("ABCDEF")
    # What one has found out about a record holds on when the hook is gone.
    last = Upgrader(Options(since="0.4.0.8"))
    last.upgrade(records[0])
    history.unhook(shout)
    the_law(last, records)
    assert [orjson.loads(record)["content"] for record in last.upgrade_batch(records).records] == list("ABCDEF")


def test_memory_and_time_are_bounded_whatever_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_SEEN", 20)
    monkeypatch.setattr(batching, "_ROUTES", 10)
    monkeypatch.setattr(batching, "_WAYS", 2)
    orders = list(islice(permutations(DELTA.items()), 40))
    records = [orjson.dumps(dict(order)) for order in orders for _ in range(2)]
    upgrader = Upgrader(Options(message="StreamEventDelta", since="0.4.0.8"))
    the_law(upgrader, records)
    # Each of these wants a way of its own: what may be null in them differs.
    metrics = orjson.loads(next(line for line in lines(LOGS[0]) if b'"event":"end"' in line))
    names = [name for name, value in metrics["metrics"].items() if value is None]
    for number in range(6):
        metrics["metrics"] |= {name: None if number & 1 << index else 0 for index, name in enumerate(names[:3])}
        the_law(upgrader := Upgrader(), [orjson.dumps(metrics)] * 3)
    varied = []
    for number in range(6):
        metrics["metrics"] |= {name: None if number & 1 << index else 0 for index, name in enumerate(names[:3])}
        varied += [orjson.dumps(metrics)] * 2
    the_law(upgrader, varied)


def test_a_record_that_is_seen_often_is_upgraded_much_faster() -> None:
    records = [line for line in lines(LOGS[2]) if b'"delta"' in line]
    upgrader = Upgrader()
    upgrader.upgrade_batch(records)
    upgrader.upgrade_batch(records)
    began = time.process_time()
    one_by_one(upgrader, records)
    slow = time.process_time() - began
    began = time.process_time()
    upgrader.upgrade_batch(records)
    assert time.process_time() - began < slow / 4
