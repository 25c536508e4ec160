"""The latencies of one request, from the times of its tokens; ``Metrics.from_token_times`` says by what formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sagellm_protocol.model.exceptions import ValidationError, Violation, blaming


def latencies(
    arrival: float,
    token_times: Sequence[float],
    *,
    prompt_tokens: int,
    cached_tokens: int,
    scheduled: float | None,
    failed: bool,
    measured: Mapping[str, Any],
) -> dict[str, Any]:
    """The fields of ``Metrics`` that follow from the times.

    Raises:
        ValidationError: as ``Metrics.from_token_times``.
    """
    found = list(_violations(arrival, scheduled, token_times, prompt_tokens, cached_tokens))
    times = [] if found else [float(time) for time in token_times]
    gaps = [(after - before) * 1000 for before, after in pairwise(times)]
    first, last = (times[0], times[-1]) if times else (arrival, arrival)
    decode_ms = (last - first) * 1000 if times else 0.0
    mean_gap = decode_ms / len(gaps) if gaps else 0.0
    computed = {
        "ttft_ms": (first - arrival) * 1000 if times else 0.0,
        "tbt_ms": mean_gap,
        "tpot_ms": mean_gap,
        "itl_list": gaps,
        "prefill_ms": (first - (arrival if scheduled is None else scheduled)) * 1000 if times else 0.0,
        "decode_ms": decode_ms,
        "throughput_tps": _rate(len(times), last - arrival) if times else 0.0,
        "prefix_hit_rate": cached_tokens / prompt_tokens if not found and prompt_tokens else 0.0,
        "error_rate": 1.0 if failed else 0.0,
    }
    found += [
        Violation(name, "computed from the times, and so not told", measured[name])
        for name in computed
        if name in measured
    ]
    if found:
        raise blaming("local", ValidationError("types.Metrics", found))
    return computed


def _rate(count: int, seconds: float) -> float:
    """So many a second; 0 where there was no time to speak of, of which no rate can be told."""
    rate = count / seconds if seconds else math.inf
    return rate if math.isfinite(rate) else 0.0


def _violations(
    arrival: float,
    scheduled: float | None,
    token_times: Sequence[float],
    prompt_tokens: int,
    cached_tokens: int,
) -> Iterator[Violation]:
    """What is wrong with the times, from the first on, and with the counts."""
    times: list[tuple[str, object]] = [("arrival", arrival), *([] if scheduled is None else [("scheduled", scheduled)])]
    times += [(f"token_times[{index}]", time) for index, time in enumerate(token_times)]
    before = -math.inf
    for path, time in times:
        if isinstance(time, bool) or not isinstance(time, (int, float)) or not math.isfinite(time):
            yield Violation(path, "a finite number of seconds", time)
        elif time < before:
            yield Violation(path, f">= {before!r}, the time before it", time)
        else:
            before = time
    for path, count, most in (("prompt_tokens", prompt_tokens, None), ("cached_tokens", cached_tokens, prompt_tokens)):
        if type(count) is not int or count < 0:
            yield Violation(path, "an integer >= 0", count)
        elif most is not None and count > most:
            yield Violation(path, f"<= {most}, the prompt_tokens", count)
