"""What a payload of an older revision loses on its way to today and back, by name and with the reason. Nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sagellm_protocol import ValidationError, catalog
from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.changes import Narrowed, NullAllowed
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.kinds import Items, Nested, Nullable, Table, Type

Payload = dict[str, Any]


class DocumentedLoss(NamedTuple):
    """A difference between a payload and what comes back of it."""

    message: str
    before: str
    """The first revision that is free of it."""
    what: str
    reason: str
    comes_back: Callable[[Payload], Payload]
    """The payload as it comes back."""
    shown: Payload
    """A payload that shows it."""


ONCE_NULL = (
    "tbt_ms",
    "tpot_ms",
    "kv_used_tokens",
    "kv_used_bytes",
    "prefix_hit_rate",
    "evict_count",
    "evict_ms",
    "spec_accept_rate",
)
"""The numbers of Metrics that could be null."""

DOCUMENTED = (
    DocumentedLoss(
        "types.Metrics",
        before="0.1.0.1",
        what="null in one of eight numbers comes back as 0",
        reason="since 0.1.0.1 they are never null, and 0 is what stands for a value that was not measured",
        comes_back=lambda payload: {
            field: 0 if field in ONCE_NULL and value is None else value for field, value in payload.items()
        },
        shown={
            "ttft_ms": 1.0,
            "throughput_tps": 2.0,
            "peak_mem_mb": 3,
            "error_rate": 0.0,
            "tbt_ms": None,
            "tpot_ms": 4.0,
            "evict_count": None,
        },
    ),
    DocumentedLoss(
        "sampling.SamplingParams",
        before="0.5.4.16",
        what="without strategy, it comes back with the strategy greedy",
        reason="leaving it out meant greedy, and since 0.5.4.16 means derived from the rest, so it is written out",
        comes_back=lambda payload: {"strategy": "greedy", **payload},
        shown={"temperature": 0.7},
    ),
)


CHANGES = [change for name in HISTORY.revisions for change in HISTORY.changed_in(name).changes]
NARROWED = {(change.message, change.field) for change in CHANGES if isinstance(change, Narrowed)}
"""The fields that take less than they did."""
NULL_UNSAID = {
    (change.message, field) for change in CHANGES if isinstance(change, NullAllowed) for field in change.fields
}
"""The fields that may be null, which says nothing."""


def outgrown(message: str, today: Payload) -> bool:
    """Whether a payload that was brought forward is none of today, as it holds what a field no longer takes."""
    try:
        from_plain(catalog.get(message), today)
    except ValidationError as error:
        if {(message, violation.path) for violation in error.violations} <= NARROWED:
            return True
        raise
    return False


def said(message: str, payload: Payload, dropped: Iterable[str]) -> Payload:
    """A payload of today without nulls that say nothing, and without what was dropped at some paths."""
    left: Any = {
        name: value for name, value in payload.items() if (message, name) not in NULL_UNSAID or value is not None
    }
    for path in dropped:
        *steps, last = re.findall(r"\w+", path)
        here = left
        for step in steps:
            here = here[int(step) if step.isdigit() else step]
        del here[last]
    return dict(left)


def comes_back(message: str, revision: str, payload: Payload) -> Payload:
    """What comes back of a payload of that revision: the payload, less the documented losses in it."""
    known = HISTORY.revisions
    expected = dict(payload)
    for field in HISTORY.spec(message, revision).fields:
        if field.name in payload:
            expected[field.name] = _inside(field.type, revision, payload[field.name])
    for loss in DOCUMENTED:
        if loss.message == message and known.index(revision) < known.index(loss.before):
            expected = loss.comes_back(expected)
    return expected


def _inside(kind: Type, revision: str, value: Any) -> Any:
    match kind, value:
        case Nullable(inner=inner), _:
            return _inside(inner, revision, value)
        case Nested(name=name), dict():
            return comes_back(name, revision, value)
        case Items(item=item), list():
            return [_inside(item, revision, each) for each in value]
        case Table(value=item), dict():
            return {key: _inside(item, revision, each) for key, each in value.items()}
        case _:
            return value


def contains(answer: Any, payload: Any) -> bool:
    """Whether an answer says all that a payload says; fields that were left out of it may have come, at a default."""
    if isinstance(payload, dict) and isinstance(answer, dict):
        return all(key in answer and contains(answer[key], value) for key, value in payload.items())
    if isinstance(payload, list) and isinstance(answer, list):
        return len(answer) == len(payload) and all(map(contains, answer, payload))
    return bool(answer == payload)
