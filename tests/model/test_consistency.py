"""The rules of the protocol's own messages: each is broken by something, and by that alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import breaking
import published
from losses import outgrown
from sagellm_protocol import ValidationError, catalog, check_consistent, codecs, history, violations
from sagellm_protocol.kv.types import KVHandle, KVPoolStats
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.rules import rules_of
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.testing import messages
from sagellm_protocol.types import Metrics

RULES = [(name, rule) for name, cls in catalog.messages().items() for rule in rules_of(cls)]
CASES = list(breaking.cases())
RULED = sorted({name for name, _ in RULES})


def test_every_rule_has_a_case() -> None:
    assert len(RULES) == 159
    assert sorted((case.name, case.rule) for case in CASES) == sorted((name, rule.name) for name, rule in RULES)


@pytest.mark.parametrize("name", sorted(breaking.BREAKING))
def test_what_the_cases_begin_with_keeps_all_rules(name: str) -> None:
    check_consistent(catalog.get(name)(**breaking.keeping(name)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_breaks_one_rule_and_no_other(case: breaking.Case) -> None:
    (rule,) = [rule for rule in rules_of(type(case.broken)) if rule.name == case.rule]
    (found,) = violations(case.broken)
    assert (found.name, found.rule, found.path) == (rule.name, rule.text, rule.fields[0])
    for codec in map(codecs.get, codecs.names()):
        assert codec.decode(codec.encode(case.broken), type(case.broken)) == case.broken


@pytest.mark.parametrize(("name", "rule"), RULES, ids=lambda it: getattr(it, "name", it))
def test_every_rule_says_why(name: str, rule: Any) -> None:
    assert rule.why.endswith(".")
    assert not rule.text.endswith(".")


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"itl_list": [50.0, 50.0], "decode_ms": 110.0}, []),
        ({"itl_list": [50.0, 50.0], "decode_ms": 111.2}, ["latencies-fit-decode-time"]),
        ({"itl_list": [1.0, 1.0], "decode_ms": 4.0}, []),
        ({"itl_list": [1.0, 1.0], "decode_ms": 4.1}, ["latencies-fit-decode-time"]),
        ({"itl_list": [], "decode_ms": 111.0}, []),
        ({"itl_list": [50.0], "decode_ms": 0.0}, []),
        ({"itl_list": [50.0, 50.0], "tbt_ms": 55.0}, []),
        ({"itl_list": [50.0, 50.0], "tbt_ms": 44.0}, ["tbt-is-the-mean-latency"]),
        ({"itl_list": [2.0], "tbt_ms": 3.0}, []),
        ({"itl_list": [], "tbt_ms": 3.0}, []),
        ({"itl_list": [1e308, 1e308], "decode_ms": 1.0}, ["latencies-fit-decode-time"]),
        ({"kv_transfer_count": 1, "kv_transfer_ms": 0.0}, []),
        ({"evict_count": 3}, []),
    ],
)
def test_what_is_not_measured_breaks_nothing_and_tolerances_are_kept(
    changes: dict[str, Any], broken: list[str]
) -> None:
    costs: dict[str, Any] = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
    assert [found.name for found in violations(Metrics(**costs, **changes))] == broken


def test_a_handle_whose_span_is_not_told() -> None:
    assert violations(KVHandle(**{**breaking.keeping("kv.types.KVHandle"), "num_tokens": 7})) == ()


@pytest.mark.parametrize(
    "params", [SamplingParams(**case) for case in breaking.BREAKING["sampling.SamplingParams"].values()]
)
def test_the_strategy_of_sampling_is_checked_by_the_same_rules(params: SamplingParams) -> None:
    (found,) = violations(params)
    with pytest.raises(ValidationError) as raised:
        params.validate_strategy_params()
    (same,) = raised.value.violations
    assert (same.path, same.rule) == (found.path, found.rule)
    assert found.value.startswith(f"{found.path}={same.value}, strategy=")


@pytest.mark.parametrize("name", RULED)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_messages_are_drawn_that_keep_all_rules(name: str, data: st.DataObject) -> None:
    assert violations(data.draw(messages(catalog.get(name), consistent=True))) == ()


@given(messages(KVPoolStats, consistent=True))
def test_drawn_messages_are_not_all_alike(stats: KVPoolStats) -> None:
    assert stats.total_tokens >= stats.allocated_tokens + stats.available_tokens


@pytest.mark.parametrize("release", ["0.1.2.4", "0.5.4.16"])
def test_what_releases_wrote_stays_readable_and_is_told_alike(release: str) -> None:
    """The recorded payloads hold random values: most that have rules break some."""
    lax, strict = codecs.get("dict", revision=release), codecs.get("dict", revision=release, consistent=True)
    broken = 0
    for line in published.corpus(release):
        cls = catalog.get(line.type)
        if outgrown(line.type, history.upgrade(line.payload, line.type, since=release)):
            continue
        read = lax.decode(line.payload, cls)
        found = violations(read)
        broken += bool(found)
        if not found:
            assert type(strict.decode(line.payload, cls)) is cls
            continue
        with pytest.raises(ValidationError) as raised:
            strict.decode(line.payload, cls)
        assert raised.value.violations == found
        assert raised.value.fault == "remote"
        assert to_plain(read)
    assert broken > 50
