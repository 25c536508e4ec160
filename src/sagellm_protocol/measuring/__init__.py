"""What serving cost: metrics of many requests in one summary."""

from __future__ import annotations

from sagellm_protocol.measuring.summary import FieldSummary, MetricsSummary, summarize

__all__ = ["FieldSummary", "MetricsSummary", "summarize"]
