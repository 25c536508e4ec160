"""Recordings: read line by line, by the command, and in a test's fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from examples.kv_audit import BLOCK_SIZE, POOL_TOKENS, Pool, serve
from sagellm_protocol import DecodeError, KVHookPayload, ValidationError, codecs
from sagellm_protocol.cli.app import app
from sagellm_protocol.ledger import KVLedger
from sagellm_protocol.ledger.recorded import feed
from sagellm_protocol.lifecycle import LifecycleError

pytest_plugins = ["pytester"]


class Recorder(KVLedger):
    """Writes down what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def __call__(self, payload: KVHookPayload) -> None:
        self.lines.append(codecs.get("json").encode(payload).decode())

    def tell(self, event: Any, handle_id: str, **said: Any) -> None:
        self.lines.append(json.dumps({"tell": event, "handle_id": handle_id, **said}))

    def begin_request(self, request_id: str, kv_budget_tokens: int | None = None) -> None:
        line = {"tell": "begin_request", "request_id": request_id, "kv_budget_tokens": kv_budget_tokens}
        self.lines.append(json.dumps(line))

    def end_request(self, request_id: str) -> None:
        self.lines.append(json.dumps({"tell": "end_request", "request_id": request_id}))


def recording(bug: str | None = None, requests: int = 60) -> list[str]:
    recorder = Recorder()
    serve(Pool(recorder, bug), requests)
    return recorder.lines


def audit(*arguments: str, input: str | None = None) -> Any:
    return CliRunner().invoke(app, ["kv-audit", *arguments], input=input)


SIZES = ("--pool-tokens", str(POOL_TOKENS), "--block-size", str(BLOCK_SIZE))


def test_a_clean_recording(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n\n".join(recording()) + "\n")
    done = audit(str(file), *SIZES)
    assert done.exit_code == 0, done.output
    assert "nothing happened that must not" in done.output
    assert f"of {POOL_TOKENS:,} tokens at most" in done.output


def test_a_recording_with_a_bug() -> None:
    lines = "\n".join(recording("freed while pinned"))
    done = audit("-", *SIZES, input=lines)
    assert done.exit_code == 1
    assert "KV_HANDLE_PINNED" in done.output
    told = json.loads(audit("-", "--json", input=lines).stdout)
    assert told["violations"][0]["code"] == "KV_HANDLE_PINNED"
    assert told["tokens"]["pool"] is None
    assert told["unreadable"] == {"count": 0, "first": []}


BROKEN: dict[str, str] = {
    "{": "unexpected",
    '{"event": "free_before"}': "request_id: required",
    '{"tell": "fly", "handle_id": "h"}': "tell: must be",
    '{"tell": "pin"}': "handle_id: required",
    '{"tell": "end_request"}': "request_id: required",
    '{"tell": "allocate", "handle_id": "h"}': "a ledger is told of",
    '{"tell": "pin", "handle_id": "h", "colour": 1}': "colour: must be a known field",
    '{"tell": "begin_request", "request_id": "r", "kv_budget_tokens": 0}': "kv_budget_tokens: must be > 0",
}


def test_lines_that_are_no_events() -> None:
    done = audit("-", input="\n".join(BROKEN))
    assert done.exit_code == 1
    told = json.loads(audit("-", "--json", input="\n".join(list(BROKEN) * 5)).stdout)
    assert told["unreadable"]["count"] == 5 * len(BROKEN)
    assert len(told["unreadable"]["first"]) == 20
    for line, found in zip(BROKEN.values(), told["unreadable"]["first"], strict=False):
        assert line in found["reason"]
    assert told["events"] == 1  # the end


@pytest.mark.parametrize("line", BROKEN)
def test_what_is_no_event_changes_nothing(line: str) -> None:
    ledger = KVLedger()
    with pytest.raises((DecodeError, ValidationError, LifecycleError)):
        feed(ledger, line.encode())
    assert ledger.facts().events == 0


def test_a_fixture_fails_the_test_with_the_report(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["sagellm_protocol.testing.ledger"]')
    pytester.makepyfile(
        """
        import pytest
        from sagellm_protocol import KVHandle, KVHookPayload

        def allocate(ledger):
            handle = KVHandle(handle_id="h", request_id="r", num_tokens=10, device="cuda:0")
            ledger(KVHookPayload(event="allocate_before", request_id="r"))
            ledger(KVHookPayload(event="allocate_after", request_id="r", kv_handle=handle))

        def test_clean(kv_ledger):
            allocate(kv_ledger)
            kv_ledger.tell("free", "h")

        def test_leaks(kv_ledger):
            allocate(kv_ledger)

        @pytest.mark.kv_ledger(pool_tokens=8)
        def test_too_much(kv_ledger):
            allocate(kv_ledger)
            kv_ledger.tell("free", "h")
        """
    )
    done = pytester.runpytest("--strict-markers", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=3, errors=2)
    done.stdout.fnmatch_lines(["*1 x leak (KV_MEMORY_EXHAUSTED)*", "*10 tokens are handed out of 8*"])
