"""Many metrics in one: how each figure is distributed, and how many requests met what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import attrs

from sagellm_protocol.kv_hooks import KVQoSPolicy
from sagellm_protocol.measuring.sketch import RELATIVE_ERROR, Sketch
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.kinds import Items, Limited, Nullable, Number, Type
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.types import Metrics

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Those that a summary tells."""


@attrs.frozen
class FieldSummary:
    """How one figure is distributed over many requests."""

    count: int
    """Values that there are: of times, those that were measured."""
    mean: float
    least: float
    most: float
    p50: float
    """Half of all are at most this; off by at most 1 % of itself, as are the others."""
    p90: float
    p95: float
    p99: float


@attrs.define
class MetricsSummary:
    """Metrics of many requests, in bounded memory. Those of shards can be merged, in any order."""

    slo_latency_ms: float | None = None
    """Most that a whole answer may take, from arrival to last token; None where nothing was promised."""
    slo_ttft_ms: float | None = None
    slo_tpot_ms: float | None = None
    requests: int = 0
    failed: int = 0
    """Those with an ``error_rate`` above 0."""
    met: int = 0
    """Those that did not fail, and met all that was promised."""
    sketches: dict[str, Sketch] = attrs.field(factory=dict, repr=False)

    @property
    def goodput(self) -> float:
        """Share of the requests that met what was promised, 0 to 1; divide ``met`` by the seconds for a rate."""
        return self.met / self.requests if self.requests else 0.0

    @property
    def relative_error(self) -> float:
        """By how much of itself a quantile may be off."""
        return RELATIVE_ERROR

    @property
    def fields(self) -> dict[str, FieldSummary]:
        """Each field of ``Metrics`` of which there is a value, in the order of the message."""
        return {
            name: FieldSummary(
                count=sketch.count,
                mean=sketch.mean,
                least=sketch.least,
                most=sketch.most,
                **{quantile: sketch.quantile(share) for quantile, share in QUANTILES.items()},
            )
            for name in _summed()
            if (sketch := self.sketches.get(name)) is not None
        }

    def add(self, metrics: Metrics) -> None:
        """One request more."""
        self.requests += 1
        self.failed += metrics.error_rate > 0
        self.met += self._meets(metrics)
        for name, measured in _summed().items():
            value = getattr(metrics, name)
            for figure in value if isinstance(value, tuple) else (value,):
                if figure is None or (measured and not figure):
                    continue
                sketch = self.sketches.get(name)
                if sketch is None:
                    sketch = self.sketches[name] = Sketch()
                sketch.add(figure)

    def merge(self, other: MetricsSummary) -> None:
        """The requests of another as well; the other stays as it is.

        Raises:
            OptionError: they were promised other things.
        """
        if self._promised() != other._promised():
            raise OptionError(f"summaries of other promises cannot be merged: {self._promised()}, {other._promised()}")
        self.requests += other.requests
        self.failed += other.failed
        self.met += other.met
        for name, sketch in other.sketches.items():
            self.sketches.setdefault(name, Sketch()).merge(sketch)

    def to_plain(self) -> dict[str, Any]:
        """All that there is to it, as plain data: for a shard to send, and :meth:`from_plain` to read."""
        return {
            **self._promised(),
            "requests": self.requests,
            "failed": self.failed,
            "met": self.met,
            "sketches": {name: sketch.to_plain() for name, sketch in self.sketches.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> MetricsSummary:
        """What :meth:`to_plain` gave."""
        sketches = {name: Sketch.from_plain(sketch) for name, sketch in plain["sketches"].items()}
        return cls(**{**plain, "sketches": sketches})

    def _promised(self) -> dict[str, float | None]:
        return {
            "slo_latency_ms": self.slo_latency_ms,
            "slo_ttft_ms": self.slo_ttft_ms,
            "slo_tpot_ms": self.slo_tpot_ms,
        }

    def _meets(self, metrics: Metrics) -> bool:
        took = (
            (metrics.ttft_ms + metrics.decode_ms, self.slo_latency_ms),
            (metrics.ttft_ms, self.slo_ttft_ms),
            (metrics.tpot_ms, self.slo_tpot_ms),
        )
        return metrics.error_rate == 0 and all(most is None or value <= most for value, most in took)


def summarize(
    metrics: Iterable[Metrics],
    *,
    policy: KVQoSPolicy | None = None,
    ttft_ms: float | None = None,
    tpot_ms: float | None = None,
) -> MetricsSummary:
    """The metrics of many requests in one.

    Args:
        metrics: those of one request each.
        policy: whose ``slo_latency_ms`` a whole answer (TTFT and decode) must keep to, to count as good.
        ttft_ms: most that the first token may take.
        tpot_ms: most that each further token may take, on average.

    Raises:
        MissingExtraError: the extra ``metrics`` is not installed.
    """
    summary = MetricsSummary(None if policy is None else policy.slo_latency_ms, ttft_ms, tpot_ms)
    for one in metrics:
        summary.add(one)
    return summary


@cache
def _summed() -> Mapping[str, bool]:
    """The fields of ``Metrics`` that are numbers, and whether 0 stands for what was not measured: of optional times."""
    found = {}
    for field in spec_of(Metrics).fields:
        number = _number(field.type)
        if number is not None:
            found[field.name] = number.unit == "ms" and not field.required
    return found


def _number(kind: Type) -> Number | None:
    match kind:
        case Number():
            return kind
        case Nullable(inner=inner) | Limited(inner=inner) | Items(item=inner):
            return _number(inner)
        case _:
            return None
