"""What compares the two ways works, and finds nothing in the little that it is given here."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from both_ways import __main__ as both_ways, failing, leaking
from both_ways.answering import WAYS_IN, answers
from both_ways.calling import Call, calls, core_calls
from sagellm_protocol import Metrics
from sagellm_protocol.model.native import in_use

compiled = pytest.mark.skipif(in_use() == "pure", reason="there is no compiled core")


@pytest.mark.parametrize("target", WAYS_IN)
def test_the_same_input_gets_the_same_answers(target: str) -> None:
    found = [answers(target, 1, number) for number in range(4)]
    assert found == [answers(target, 1, number) for number in range(4)]
    assert len({text for one in found for text in one.values()}) > 3


@compiled
def test_both_ways_agree() -> None:
    with closing(both_ways.compared(1, list(WAYS_IN), 60)) as found:
        for target, number, count, agree in islice(found, 3 * len(WAYS_IN)):
            assert agree, both_ways.shown(1, target, number)
            assert count > 0


def test_one_way_is_not_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATIVE_SAGELLM_PROTOCOL_PURE", "1")
    with pytest.raises(SystemExit, match="was to be native is pure"):
        next(both_ways.compared(1, ["construct"], 60))


def test_a_process_that_ends_is_told(tmp_path: Path) -> None:
    environment = {**both_ways.environments()["pure"], "PYTHONPATH": str(tmp_path)}
    way = both_ways.Way.started("pure", environment, 1, 0, ["construct"])
    with pytest.raises(both_ways.EndedError, match="the pure process ended after the first input, with 1"):
        way.said()
    way.end()


def test_differences_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    both = both_ways.environments()
    monkeypatch.setattr(
        both_ways, "environments", lambda: {**both, "native": {**both["native"], "PYTHONHASHSEED": "x"}}
    )
    assert "construct 3 of seed 1" in both_ways.shown(1, "construct", 3)


def test_calls_leave_nothing_behind() -> None:
    for call in islice(calls(1), 10):
        assert not leaking.leaked(call)


@pytest.mark.once
def test_a_leak_is_found() -> None:
    kept = []
    call = Call("planted", 0, "kept", lambda: kept.append([{}]), {})
    assert "blocks" in leaking.leaked(call)
    call = Call("planted", 0, "referred to", lambda: kept.append(Metrics), {})
    assert leaking.leaked(call).endswith(f"{leaking.REPEATS} references")


@pytest.mark.once
def test_what_is_kept_up_to_some_number_is_no_leak() -> None:
    kept: deque[object] = deque(maxlen=4096)
    assert not leaking.leaked(Call("planted", 0, "kept", lambda: kept.append([{}]), {}))


@compiled
def test_failures_do_no_harm() -> None:
    for call in islice(core_calls(1), 5):
        assert failing.tried(call)[1] == []


@pytest.mark.skipif(in_use() == "pure", reason="other interpreters have no _testcapi")
def test_a_failure_that_does_harm_is_found() -> None:
    def forgets() -> list[object]:
        try:
            return [object() for _ in range(3)]
        except MemoryError:
            return []

    assert failing.tried(Call("planted", 0, "forgets", lambda: len(forgets()), {}))[1]
