"""A ledger knows every handle, and tells what an engine must not do."""

from __future__ import annotations

import io
import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.console import Console

from examples.kv_audit import BLOCK_SIZE, BUGS, POOL_TOKENS, audited
from sagellm_protocol import KVHandle, KVHookEvent, KVHookPayload, OptionError
from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.ledger import KVLedger, LedgerError, LedgerViolation
from sagellm_protocol.lifecycle import LifecycleError

Scene = Callable[[KVLedger], None]


def payload(event: str, handle: str | None = "h", *, tokens: int = 10, device: str = "cuda:0", **said: Any) -> Any:
    named = None if handle is None else KVHandle(handle_id=handle, request_id="r", num_tokens=tokens, device=device)
    return KVHookPayload(event=KVHookEvent(event), request_id="r", kv_handle=named, **said)


def both(ledger: KVLedger, operation: str, handle: str = "h", **said: Any) -> None:
    ledger(payload(f"{operation}_before", None if operation == "allocate" else handle, **said))
    ledger(payload(f"{operation}_after", handle, **said))


def codes(ledger: KVLedger) -> list[tuple[str, str]]:
    return [(violation.rule, violation.code.name) for violation in ledger.violations]


EXPECTED = {
    "freed while pinned": ("lifecycle", KVErrorCode.HANDLE_PINNED),
    "freed while shared": ("lifecycle", KVErrorCode.REF_COUNT_UNDERFLOW),
    "double free": ("freed", KVErrorCode.DOUBLE_FREE),
    "leak": ("leak", KVErrorCode.MEMORY_EXHAUSTED),
    "over budget": ("budget", KVErrorCode.BUDGET_EXCEEDED),
    "evicted while read": ("lifecycle", KVErrorCode.EVICTION_FAILED),
    "transfer without end": ("unended", KVErrorCode.TRANSFER_TIMEOUT),
    "wrong device": ("device", KVErrorCode.METADATA_MISMATCH),
}


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_of_a_pool_is_found(bug: str) -> None:
    assert EXPECTED[bug] in audited(bug).facts().broken


def test_a_pool_without_a_bug_is_clean() -> None:
    ledger = audited(None, 14_000)
    facts = ledger.facts()
    assert facts.events > 100_000
    assert ledger.is_clean
    assert facts.violations == ()
    assert facts.most_room <= POOL_TOKENS


@pytest.mark.parametrize(
    ("scene", "found"),
    [
        (lambda ledger: both(ledger, "free"), [("unknown", "HANDLE_NOT_FOUND")]),
        (lambda ledger: ledger(payload("free_after")), [("unbegun", "NOT_FOUND"), ("unknown", "HANDLE_NOT_FOUND")]),
        (lambda ledger: ledger(payload("free_before", None)), [("no handle", "INVALID_HANDLE")]),
        (
            lambda ledger: (ledger(payload("allocate_before", None)), ledger(payload("allocate_after", None))),
            [("no handle", "INVALID_HANDLE")],
        ),
        (lambda ledger: ledger.tell("pin", "h"), [("unknown", "HANDLE_NOT_FOUND")]),
    ],
)
def test_what_was_never_allocated(scene: Scene, found: list[tuple[str, str]]) -> None:
    ledger = KVLedger()
    scene(ledger)
    assert codes(ledger) == found


def unended(ledger: KVLedger) -> None:
    ledger(payload("prefetch_before"))
    ledger(payload("free_before"))
    ledger.close()


def begun_twice(ledger: KVLedger) -> None:
    ledger(payload("free_before"))
    both(ledger, "free")
    ledger.close()


def spared(ledger: KVLedger) -> None:
    ledger.tell("pin", "h")
    ledger(payload("evict_before"))
    ledger(payload("evict_after", success=False))
    ledger.tell("unpin", "h")
    both(ledger, "free")


def moved(ledger: KVLedger) -> None:
    both(ledger, "migrate", device="cuda:0")
    ledger(payload("migrate_before", device="cuda:0"))
    ledger(payload("migrate_after", device="cuda:1"))
    ledger(payload("prefetch_before", device="cuda:0"))


def evicted_twice(ledger: KVLedger) -> None:
    both(ledger, "evict")
    both(ledger, "evict")


def failed(ledger: KVLedger) -> None:
    for operation in ("free", "evict", "migrate", "prefetch"):
        ledger(payload(f"{operation}_before"))
        ledger(payload(f"{operation}_after", success=False))
    both(ledger, "free")


def released_by_another(ledger: KVLedger) -> None:
    ledger.tell("retain", "h", request_id="q")
    ledger.tell("release", "h", request_id="p")


def released_unsaid(ledger: KVLedger) -> None:
    ledger.tell("retain", "h")
    ledger.tell("retain", "h", request_id="r")
    for _ in range(3):
        ledger.tell("release", "h")
    ledger.end_request("r")
    ledger.tell("free", "h")


def evicted_by_itself(ledger: KVLedger) -> None:
    ledger.tell("release", "h", prefix_hash="p")
    ledger.tell("begin_eviction", "h")
    ledger.tell("abort_eviction", "h")
    ledger.tell("begin_eviction", "h")
    ledger.tell("end_eviction", "h")


def transferred_by_itself(ledger: KVLedger) -> None:
    ledger.tell("begin_transfer", "h")
    ledger.tell("touch", "h")
    ledger.tell("pin", "h")
    ledger.tell("end_transfer", "h")


@pytest.mark.parametrize(
    ("scene", "found"),
    [
        (lambda ledger: both(ledger, "free"), []),
        (lambda ledger: both(ledger, "evict"), []),
        (lambda ledger: (both(ledger, "free"), both(ledger, "allocate")), []),
        (failed, []),
        (lambda ledger: both(ledger, "allocate"), [("reissued", "INVALID_HANDLE")]),
        (lambda ledger: both(ledger, "free", tokens=9), [("changed", "METADATA_MISMATCH")]),
        (lambda ledger: (both(ledger, "free"), both(ledger, "free")), [("freed", "DOUBLE_FREE")]),
        (evicted_twice, [("unknown", "HANDLE_NOT_FOUND")]),
        (lambda ledger: ledger(payload("free_after")), [("unbegun", "NOT_FOUND")]),
        (
            lambda ledger: (ledger.tell("pin", "h"), ledger(payload("free_after"))),
            [("unbegun", "NOT_FOUND"), ("lifecycle", "HANDLE_PINNED")],
        ),
        (
            lambda ledger: (ledger.tell("pin", "h"), ledger(payload("evict_after"))),
            [("unbegun", "EVICTION_FAILED"), ("lifecycle", "HANDLE_PINNED")],
        ),
        (
            lambda ledger: (ledger.tell("pin", "h"), both(ledger, "migrate")),
            [("lifecycle", "HANDLE_PINNED")],
        ),
        (lambda ledger: (ledger.tell("retain", "h"), both(ledger, "evict")), [("lifecycle", "EVICTION_FAILED")]),
        (lambda ledger: (ledger.tell("pin", "h"), ledger.tell("free", "h", force=True)), []),
        (spared, [("lifecycle", "HANDLE_PINNED")]),
        (moved, [("device", "METADATA_MISMATCH")]),
        (unended, [
            ("lifecycle", "TRANSFER_FAILED"),
            ("unended", "TRANSFER_TIMEOUT"),
            ("unended", "NOT_FOUND"),
            ("leak", "MEMORY_EXHAUSTED"),
        ]),
        (lambda ledger: ledger.tell("unpin", "h"), [("lifecycle", "REF_COUNT_UNDERFLOW")]),
        (released_by_another, [("holder", "REF_COUNT_UNDERFLOW")]),
        (released_unsaid, []),
        (evicted_by_itself, []),
        (transferred_by_itself, [("lifecycle", "TRANSFER_FAILED")]),
        (lambda ledger: ledger.end_request("r"), [("leak", "MEMORY_EXHAUSTED")]),
        (lambda ledger: (ledger.tell("release", "h", prefix_hash="p"), ledger.end_request("r"), ledger.close()), []),
        (lambda ledger: (ledger.tell("release", "h"), ledger.end_request("r")), []),
        (lambda ledger: (ledger.tell("release", "h"), ledger.close()), [("leak", "MEMORY_EXHAUSTED")]),
        (begun_twice, [("unended", "NOT_FOUND")]),
    ],
)  # fmt: skip
def test_what_happens_to_an_allocated_handle(scene: Scene, found: list[tuple[str, str]]) -> None:
    ledger = KVLedger()
    both(ledger, "allocate")
    scene(ledger)
    assert codes(ledger) == found
    assert ledger.is_clean == (not found)


def test_room_is_in_whole_blocks() -> None:
    ledger = KVLedger(pool_tokens=32, block_size=16)
    both(ledger, "allocate", "a", tokens=17)
    assert ledger.facts().room == 32
    assert ledger.is_clean
    both(ledger, "allocate", "b", tokens=1)
    assert codes(ledger) == [("pool", "POOL_FULL")]
    assert "48 tokens are handed out of 32" in str(ledger.violations[0])


def test_budgets_are_of_requests_and_follow_what_is_told() -> None:
    budgets = {"r": 25}
    ledger = KVLedger(budgets=budgets)
    both(ledger, "allocate", "a")
    both(ledger, "allocate", "b")
    both(ledger, "allocate", "c")
    assert codes(ledger) == [("budget", "BUDGET_EXCEEDED")]
    budgets["r"] = 100
    both(ledger, "allocate", "d")
    ledger.begin_request("r", kv_budget_tokens=41)
    both(ledger, "allocate", "e")
    ledger.begin_request("q")
    assert [violation.at.number for violation in ledger.violations] == [6, 11]


def test_a_budget_of_nothing_is_a_budget() -> None:
    ledger = KVLedger(budgets={"r": 25})
    ledger.begin_request("r", kv_budget_tokens=0)
    both(ledger, "allocate", "a")
    assert codes(ledger) == [("budget", "BUDGET_EXCEEDED")]


def test_it_raises_where_it_is_told_to() -> None:
    ledger = KVLedger(on_violation="raise")
    with pytest.raises(
        LedgerError, match=r"event 1 \(pin\): KV_HANDLE_NOT_FOUND: pin of h, which is not held"
    ) as caught:
        ledger.tell("pin", "h")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.violation == caught.value.violation
    both(ledger, "allocate")
    with pytest.raises(LedgerError, match="KV_MEMORY_EXHAUSTED"):
        ledger.close()
    with pytest.raises(LedgerError, match="KV_MEMORY_EXHAUSTED"):
        ledger.end_request("r")
    with pytest.raises(LedgerError, match="KV_HANDLE_NOT_FOUND"):
        both(ledger, "free", "other")


def test_it_calls_who_asked_with_the_ledger_up_to_date() -> None:
    found: list[tuple[LedgerViolation, int]] = []
    ledger = KVLedger(on_violation=lambda violation: found.append((violation, ledger.facts().events)))
    both(ledger, "free")
    assert [(violation.rule, events) for violation, events in found] == [("unknown", 1)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pool_tokens": 0}, "pool_tokens is an integer from 1, not 0"),
        ({"block_size": True}, "block_size is an integer from 1, not True"),
        ({"bytes_per_token": -1}, "bytes_per_token is an integer from 0"),
        ({"on_violation": "ignore"}, "on_violation is 'collect', 'raise' or a function, not 'ignore'"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        KVLedger(**options)


@pytest.mark.parametrize("event", ["allocate", "fly"])
def test_events_that_it_is_not_told(event: Any) -> None:
    with pytest.raises(LifecycleError, match="a ledger is told of retain, release"):
        KVLedger().tell(event, "h")


def test_events_around_a_violation() -> None:
    ledger = KVLedger()
    for _ in range(10):
        ledger.begin_request("q")
    ledger.tell("pin", "h")
    for _ in range(10):
        ledger.begin_request("q")
    (violation,) = ledger.violations
    assert violation.at.number == 11
    assert [seen.number for seen in violation.before] == list(range(3, 11))
    assert [seen.number for seen in violation.after] == list(range(12, 16))


def test_a_hundred_are_told_and_all_are_counted() -> None:
    ledger = KVLedger()
    for _ in range(250):
        ledger.tell("pin", "h")
    assert len(ledger.violations) == 100
    assert ledger.report()["violations"] == [{"rule": "unknown", "code": "KV_HANDLE_NOT_FOUND", "count": 250}]
    assert all(len(violation.after) == 4 for violation in ledger.violations[:100])


def test_what_was_freed_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagellm_protocol.ledger.watching._REMEMBERED", 2)
    ledger = KVLedger()
    for name in ("a", "b", "c"):
        both(ledger, "allocate", name)
        both(ledger, "free", name)
    for name in ("a", "c"):
        ledger(payload("free_before", name))
    assert codes(ledger) == [("unknown", "HANDLE_NOT_FOUND"), ("freed", "DOUBLE_FREE")]


def test_figures() -> None:
    ledger = KVLedger(pool_tokens=160, block_size=16, bytes_per_token=2)
    for name in ("a", "b", "c", "d"):
        both(ledger, "allocate", name, elapsed_ms=1.0)
    ledger(payload("allocate_before", None))
    ledger(payload("allocate_after", None, success=False))
    both(ledger, "free", "a")
    both(ledger, "evict", "b", elapsed_ms=2.0)
    both(ledger, "migrate", "c", elapsed_ms=3.0)
    both(ledger, "prefetch", "c", success=False)
    ledger.tell("pin", "c")
    ledger.tell("pin", "c")
    ledger.tell("unpin", "c")
    seen = ledger.snapshot(7.0)
    stats = seen.stats
    assert (stats.total_tokens, stats.allocated_tokens, stats.available_tokens) == (160, 32, 128)
    assert (stats.total_bytes, stats.allocated_bytes, stats.available_bytes) == (320, 64, 256)
    assert (stats.total_blocks, stats.allocated_blocks, stats.free_blocks, stats.pinned_blocks) == (10, 2, 8, 1)
    assert (stats.alloc_count, stats.free_count, stats.alloc_fail_count) == (4, 1, 1)
    assert (stats.pin_count, stats.unpin_count, stats.timestamp) == (2, 1, 7.0)
    assert seen.pool["pinned_tokens"] == 10
    assert seen.eviction == {
        "evict_count": 1,
        "evict_bytes": 20,
        "evict_tokens": 10,
        "evict_latency_ms": 2.0,
        "evict_fail_count": 0,
        "evict_trigger_count": 1,
        "timestamp": 7.0,
    }
    assert (seen.transfer["transfer_count"], seen.transfer["transfer_fail_count"]) == (1, 1)
    assert (seen.transfer["transfer_bytes"], seen.transfer["transfer_latency_ms"]) == (20, 3.0)
    assert (seen.operations["allocate_count"], seen.operations["allocate_success_count"]) == (5, 4)
    assert (seen.operations["migrate_count"], seen.operations["migrate_latency_ms"]) == (1, 3.0)


def test_a_pool_of_unknown_size_is_as_large_as_it_was_full() -> None:
    ledger = KVLedger()
    both(ledger, "allocate", "a")
    both(ledger, "free", "a")
    assert ledger.snapshot().stats.total_tokens == 10


def test_the_report_is_data_and_text() -> None:
    ledger = audited("double free", 20)
    report = json.loads(json.dumps(ledger.report()))
    assert report["violations"][0]["rule"] == "freed"
    assert report["handles"].keys() <= {state.value for state in KVBlockState}
    text = str(ledger.report())
    assert f" of {POOL_TOKENS:,} tokens at most" in text
    assert "is freed again" in text
    assert POOL_TOKENS % BLOCK_SIZE == 0


@pytest.mark.parametrize("bug", ["leak", None])
def test_the_report_is_tables_for_rich(bug: str | None) -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(audited(bug, 20).report())
    shown = console.export_text()
    assert f" of {POOL_TOKENS:,} tokens at most" in shown
    assert ("KV_MEMORY_EXHAUSTED" in shown) == (bug is not None)
    assert ("nothing happened that must not" in shown) == (bug is None)


def test_threads_share_it() -> None:
    ledger = KVLedger(on_violation="raise")

    def engine(name: str) -> None:
        for number in range(300):
            handle = f"{name}{number}"
            both(ledger, "allocate", handle)
            ledger.tell("pin", handle)
            ledger.tell("unpin", handle)
            both(ledger, "free", handle)

    threads = [threading.Thread(target=engine, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = ledger.facts()
    assert (facts.events, facts.room, facts.held) == (8 * 300 * 6, 0, ())


@given(st.lists(st.sampled_from(BUGS), max_size=1), st.integers(1, 60))
def test_nothing_is_told_of_a_bug_that_is_not_there(bugs: list[str], requests: int) -> None:
    """Whatever is told of has a bug, and a ledger never fails by itself."""
    ledger = audited(bugs[0] if bugs else None, requests)
    assert ledger.is_clean or bugs
