"""What a benchmark writes."""

import dataclasses
import unittest

import pytest
from pydantic import ValidationError
from sagellm_protocol import Metrics, Request, Response

from engine import stepping
from engine.pool import Pool, default_params
from engine.requests import Slot, empty_metrics


@dataclasses.dataclass
class Row:
    name: str
    metrics: Metrics
    samples: list[float] = dataclasses.field(default_factory=list)


def rows(responses: "dict[str, Response]") -> list[Row]:
    return [Row(name, response.metrics) for name, response in responses.items()]


def total(found: list[Row]) -> float:
    found.sort(key=lambda row: row.name)  # innocent: a list of rows
    best = max(found, key=lambda row: row.metrics.throughput_tps)
    best.samples.append(best.metrics.ttft_ms)  # innocent: a list of the row's own
    best.metrics.error_rate = 0.0  # planted: SLP201
    return sum(row.metrics.throughput_tps for row in found)


def spread(found: list[Row]) -> dict:
    return {row.name: vars(row.metrics) for row in found}  # planted: SLP802


def spread_rows(found: list[Row]) -> list[dict]:
    return [vars(row) for row in found]  # innocent: a row is no message


def history(row: Row) -> list[float]:
    row.samples = row.samples + [row.metrics.ttft_ms]  # innocent: a list of the row's own
    return row.samples


def adjust(metrics):
    metrics.tbt_ms = metrics.tbt_ms / 2  # planted: SLP201


def adjusted() -> Metrics:
    metrics = empty_metrics()
    adjust(metrics)
    return metrics


class TestSteps(unittest.TestCase):
    def test_finish(self):
        slot = Slot(request=Request(request_id="r", trace_id="t", max_tokens=1), limits=None)
        response = stepping.finish(slot)
        self.assertEqual(response.output_tokens, [])  # planted: SLP701
        self.assertEqual(list(response.output_tokens), [])  # innocent: made a list first
        self.assertEqual(response.output_text, "")  # innocent: texts are compared


def test_bad_request():
    with pytest.raises(ValidationError):  # planted: SLP601
        Request(request_id="r", trace_id="t", max_tokens=0)


def test_pool():
    pool = Pool(4)
    handle = pool.allocate(default_params())
    assert handle.num_tokens == 16  # innocent: numbers are compared
    assert isinstance(pool.free_ids, list)  # innocent: a list of the pool's own
    tokens = sorted(stepping.finish.__code__.co_varnames)
    assert tokens == ["slot"]  # innocent: sorted gives a list


def dropped(params: dict) -> Request:
    with pytest.warns(None):
        return Request.construct(**params)  # planted: SLP101


def raw(path: str) -> Request:
    handlers = {"request": Request.parse_raw}  # planted: SLP101
    return handlers["request"](path)


def ratio(row: Row) -> str:
    return "%.2f" % row.metrics.error_rate  # innocent: a number
