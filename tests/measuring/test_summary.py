"""Many metrics in one: exact where that costs nothing, within one per cent where it would, and mergeable."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from published import ROOT
from sagellm_protocol import KVQoSPolicy, Metrics, MissingExtraError, OptionError, Response, codecs, evolve
from sagellm_protocol.cli.app import app
from sagellm_protocol.measuring import MetricsSummary, summarize
from sagellm_protocol.measuring.page import page
from sagellm_protocol.measuring.sketch import RELATIVE_ERROR, Sketch

METRICS = Metrics(ttft_ms=100.0, throughput_tps=10.0, peak_mem_mb=5, error_rate=0.0)
figures = st.floats(1e-4, 1e12) | st.floats(-1e12, -1e-4) | st.just(0.0)
"""Spans that the bins have room for; zeros stand for themselves."""


def measured(ttft_ms: float, **fields: Any) -> Metrics:
    return evolve(METRICS, ttft_ms=ttft_ms, **fields)


def filled(values: list[float]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(st.lists(figures, min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_keep_their_promise(values: list[float], share: float) -> None:
    sketch = filled(values)
    exact = sorted(values)[math.floor(share * (len(values) - 1))]
    found = sketch.quantile(share)
    assert found == pytest.approx(exact, rel=RELATIVE_ERROR * 1.0001)
    assert (sketch.count, sketch.least, sketch.most) == (len(values), min(values), max(values))
    assert sketch.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-9, abs=1e-3)


@given(st.lists(st.lists(figures, max_size=20), min_size=1, max_size=5))
def test_shards_are_merged_in_any_order(shards: list[list[float]]) -> None:
    whole = filled([value for shard in shards for value in shard])
    merged = Sketch()
    for shard in reversed(shards):
        merged.merge(Sketch.from_plain(json.loads(json.dumps(filled(shard).to_plain()))))
    told, expected = merged.to_plain(), whole.to_plain()
    assert told.pop("mean") == pytest.approx(expected.pop("mean"), rel=1e-9, abs=1e-3)
    assert told == expected


def test_memory_is_bounded() -> None:
    sketch = Sketch()
    for exponent in range(-300, 300):
        for digit in range(1, 10):
            sketch.add(digit * 10.0**exponent)
    assert sum(len(bins) for bins in (sketch.to_plain()["positive"],)) <= 2048
    assert sketch.quantile(1.0) == pytest.approx(9e299, rel=RELATIVE_ERROR)
    huge = filled([1.7e308] * 10)
    assert huge.mean == pytest.approx(1.7e308)


def test_beside_numpy() -> None:
    values = numpy.random.default_rng(1).lognormal(3, 1, 5000)
    summary = summarize(measured(float(value)) for value in values)
    field = summary.fields["ttft_ms"]
    for name, share in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        exact = numpy.percentile(values, share, method="lower")
        assert getattr(field, name) == pytest.approx(exact, rel=summary.relative_error)
    assert field.mean == pytest.approx(values.mean())


def test_times_that_were_not_measured_do_not_count() -> None:
    summary = summarize([METRICS, evolve(METRICS, tpot_ms=4.0, itl_list=[3.0, 5.0], evict_count=2)])
    fields = summary.fields
    assert (fields["tpot_ms"].count, fields["itl_list"].count, fields["evict_count"].count) == (1, 2, 2)
    assert (fields["tpot_ms"].mean, fields["itl_list"].mean, fields["evict_count"].mean) == (4.0, 4.0, 1.0)
    assert "decode_ms" not in fields
    assert next(iter(fields)) == "ttft_ms"
    assert "timestamps" not in fields


def test_goodput() -> None:
    policy = KVQoSPolicy(slo_latency_ms=300.0)
    requests = [
        measured(100.0, decode_ms=200.0, tpot_ms=5.0),
        measured(100.0, decode_ms=201.0, tpot_ms=5.0),
        measured(100.0, tpot_ms=50.0),
        measured(250.0),
        measured(10.0, error_rate=1.0),
    ]
    summary = summarize(requests, policy=policy, ttft_ms=200.0, tpot_ms=10.0)
    assert (summary.requests, summary.failed, summary.met, summary.goodput) == (5, 1, 1, 0.2)
    assert summarize(requests).goodput == 0.8
    assert summarize([]).goodput == 0.0


def test_summaries_of_shards() -> None:
    first, second = summarize([METRICS] * 3, ttft_ms=50.0), summarize([measured(10.0, tpot_ms=1.0)], ttft_ms=50.0)
    sent = MetricsSummary.from_plain(json.loads(json.dumps(second.to_plain())))
    assert sent == second
    first.merge(sent)
    assert (first.requests, first.met) == (4, 1)
    assert first.fields["ttft_ms"].least == 10.0
    assert first.fields["tpot_ms"].count == 1
    assert second.requests == 1
    with pytest.raises(OptionError, match="other promises"):
        first.merge(summarize([]))


def test_the_page_needs_nothing_else() -> None:
    document = page(summarize([measured(float(value), tpot_ms=1.0) for value in range(1, 50)]))
    assert "<script src" not in document
    assert '<th scope="row"' in document
    assert "Times by percentile" in document
    assert "Metrics of 49 requests" in document


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("sagellm_protocol.measuring.sketch", "ddsketch", "metrics"), ("plotly.graph_objects", "plotly", "html")],
)
def test_an_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package or name == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    ask = (lambda: import_module(module).Sketch()) if extra == "metrics" else (lambda: page(summarize([METRICS])))
    with pytest.raises(MissingExtraError, match=rf"isagellm-protocol\[{extra}\]"):
        ask()


def test_without_the_extras_all_other_commands_are_there() -> None:
    program = (
        "import sys; sys.modules['ddsketch'] = sys.modules['plotly'] = None\n"
        "from sagellm_protocol.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "metrics" in helped.stdout
    asked = subprocess.run(
        [*command, "metrics", "-"],
        input=codecs.get("json").encode(METRICS).decode(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.returncode == 2
    assert "isagellm-protocol[metrics]" in asked.stderr


def run(*arguments: str, input: str | None = None) -> Any:
    return CliRunner().invoke(app, ["metrics", *arguments], input=input)


def test_the_command_reads_logs_of_any_release(tmp_path: Path) -> None:
    logs = sorted((ROOT / "examples" / "archive").glob("*.jsonl"))
    done = run(*map(str, logs), "--html", str(tmp_path / "page.html"), "--slo-ttft-ms", "50")
    assert done.exit_code == 0, done.output
    assert "ttft_ms" in done.output
    assert "0 that cannot be read" in done.output
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_tells_what_it_cannot_read() -> None:
    response = Response(
        request_id="r", trace_id="t", output_text="", output_tokens=[], finish_reason="stop", metrics=METRICS
    )
    lines = [
        codecs.get("json").encode(response).decode(),
        "",
        '{"ttft_ms": -1}',
        "{",
        "[]",
        '{"metrics": null}',
    ]
    done = run("-", "--json", input="\n".join(lines))
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["requests"], told["broken"], told["passed_over"]) == (1, 2, 2)
    assert told["fields"]["ttft_ms"]["p99"] == pytest.approx(100.0, rel=0.01)


def test_the_command_names_a_missing_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    done = run("-", "--html", str(tmp_path / "page.html"), input=json.dumps({"ttft_ms": 1}))
    assert done.exit_code == 2
    assert "isagellm-protocol[html]" in done.output
    assert not (tmp_path / "page.html").exists()
