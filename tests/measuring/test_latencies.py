"""Metrics from the times of tokens, by the formulas that the docstring gives."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import Metrics, Timestamps, ValidationError


def test_three_tokens() -> None:
    metrics = Metrics.from_token_times(
        10.0, [10.5, 10.6, 10.9], prompt_tokens=100, cached_tokens=25, scheduled=10.25, peak_mem_mb=7
    )
    assert metrics.ttft_ms == pytest.approx(500)
    assert metrics.itl_list == pytest.approx((100, 300))
    assert metrics.tpot_ms == metrics.tbt_ms == pytest.approx(200)
    assert metrics.prefill_ms == pytest.approx(250)
    assert metrics.decode_ms == pytest.approx(400)
    assert metrics.throughput_tps == pytest.approx(3 / 0.9)
    assert metrics.prefix_hit_rate == 0.25
    assert (metrics.kv_used_tokens, metrics.peak_mem_mb, metrics.error_rate) == (102, 7, 0.0)


def test_one_token_none_and_a_failure() -> None:
    one = Metrics.from_token_times(1, [3], prompt_tokens=4)
    assert (one.ttft_ms, one.tpot_ms, one.tbt_ms, one.decode_ms, one.itl_list) == (2000.0, 0.0, 0.0, 0.0, ())
    assert (one.prefill_ms, one.throughput_tps, one.kv_used_tokens) == (2000.0, 0.5, 4)
    none = Metrics.from_token_times(1.0, [], prompt_tokens=0)
    assert (none.ttft_ms, none.prefill_ms, none.throughput_tps, none.kv_used_tokens) == (0.0, 0.0, 0.0, 0)
    failed = Metrics.from_token_times(1.0, [2.0, 4.0], prompt_tokens=4, failed=True, kv_used_tokens=1)
    assert (failed.error_rate, failed.tpot_ms, failed.kv_used_tokens) == (1.0, 2000.0, 1)
    at_once = Metrics.from_token_times(1.0, [1.0, 1.0], prompt_tokens=1)
    assert (at_once.throughput_tps, at_once.itl_list) == (0.0, (0.0,))


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ({"token_times": [2.0, 1.5]}, ["token_times[1]"]),
        ({"token_times": [0.5]}, ["token_times[0]"]),
        ({"token_times": [math.nan, 2.0]}, ["token_times[0]"]),
        ({"token_times": [True]}, ["token_times[0]"]),
        ({"token_times": ["2"]}, ["token_times[0]"]),
        ({"arrival": math.inf}, ["arrival"]),
        ({"scheduled": 0.5}, ["scheduled"]),
        ({"scheduled": 3.0}, ["token_times[0]"]),
        ({"prompt_tokens": -1}, ["prompt_tokens", "cached_tokens"]),
        ({"prompt_tokens": 1.0}, ["prompt_tokens"]),
        ({"cached_tokens": 5}, ["cached_tokens"]),
        ({"ttft_ms": 1.0, "error_rate": 0.0}, ["ttft_ms", "error_rate"]),
        ({"colour": 1}, ["colour"]),
        ({"peak_mem_mb": -1}, ["peak_mem_mb"]),
    ],
    ids=str,
)
def test_what_is_refused(arguments: dict[str, Any], paths: list[str]) -> None:
    given_: dict[str, Any] = {"arrival": 1.0, "token_times": [2.0], "prompt_tokens": 4, **arguments}
    arrival, times = given_.pop("arrival"), given_.pop("token_times")
    with pytest.raises(ValidationError) as caught:
        Metrics.from_token_times(arrival, times, **given_)
    assert [violation.path for violation in caught.value.violations] == paths
    assert caught.value.fault == "local"


@given(
    st.floats(0, 1e6),
    st.lists(st.floats(0, 100), min_size=1, max_size=20),
    st.integers(0, 1000),
)
def test_figures_fit_each_other(arrival: float, gaps: list[float], prompt_tokens: int) -> None:
    times = []
    now = arrival
    for gap in gaps:
        now += gap
        times.append(now)
    metrics = Metrics.from_token_times(arrival, times, prompt_tokens=prompt_tokens)
    assert len(metrics.itl_list) == len(times) - 1
    assert math.fsum(metrics.itl_list) == pytest.approx(metrics.decode_ms, abs=1e-3)
    assert metrics.tpot_ms * (len(times) - 1) == pytest.approx(metrics.decode_ms)
    assert metrics.ttft_ms + metrics.decode_ms == pytest.approx((times[-1] - arrival) * 1000, abs=1e-3)


def test_stages_of_a_request() -> None:
    stamps = Timestamps(queued_at=10.0, scheduled_at=10.5, executed_at=11.0, completed_at=13.0)
    assert (stamps.queue_s, stamps.service_s, stamps.total_s) == (0.5, 2.5, 3.0)
