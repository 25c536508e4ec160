"""What the fast ways leave to the long way, and what only the long way says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import pytest

import declared
from sagellm_protocol import (
    DecodeError,
    EncodeError,
    LossyDowngradeError,
    Metrics,
    Request,
    StreamEventDelta,
    ValidationError,
    codecs,
    evolve,
)
from sagellm_protocol.model import message

METRICS = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="Hi", content_tokens=[42])


def test_a_rule_of_then_holds_for_payloads_of_then() -> None:
    codec = codecs.get("json", revision="0.1.0")
    wire = codecs.get("json").encode  # any bytes will do
    assert wire(DELTA)
    with pytest.raises(ValidationError, match="not null in at least one of tbt_ms, tpot_ms"):
        codecs.get("dict", revision="0.1.0").decode({**METRICS, "tbt_ms": None}, Metrics)
    assert codec.decode(b'{"tbt_ms":2.0,' + b'"ttft_ms":1,"throughput_tps":1,"peak_mem_mb":1,"error_rate":0}', Metrics)


def test_what_an_older_revision_cannot_say_is_left_out_only_when_asked() -> None:
    with pytest.raises(LossyDowngradeError, match="engine_id = 'e': came with"):
        codecs.get("dict", revision="0.1.0").encode(DELTA)
    lossy = codecs.get("dict", revision="0.1.0", lossy=True)
    assert lossy.encode(DELTA).keys() == {"event", "request_id", "trace_id", "chunk", "chunk_tokens"}


def test_a_message_too_deep_for_python_is_refused_like_any_too_deep() -> None:
    tree = declared.Tree(name="x")
    for _ in range(3000):
        tree = declared.Tree(name="x", only=tree)
    with pytest.raises(EncodeError, match="deeper than 128 levels"):
        codecs.get("json").encode(tree)


@message
class Choosy:
    what: Literal["all", "none"] | Sequence[int]


def test_every_option_of_a_union_is_named() -> None:
    with pytest.raises(ValidationError, match=r"what: must be one of 'all', 'none' or a sequence of int, got 1\.5"):
        Choosy(what=1.5)  # type: ignore[arg-type]


def test_evolving_checks_like_building() -> None:
    request = Request(request_id="r", trace_id="t", max_tokens=1)
    assert evolve(request, max_tokens=2).max_tokens == 2
    with pytest.raises(ValidationError, match="max_tokens: must be > 0, got 0"):
        evolve(request, max_tokens=0)


def positive(_: Any, attribute: Any, value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name} is below 1")


@attrs.frozen
class Job:
    request: Request
    retries: int = attrs.field(default=1, validator=positive)
    more: list[Request] = attrs.field(factory=list)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"{}", ["request: required"]),
        (b'{"request":{"max_tokens":1}}', ["request.request_id: required", "request.trace_id: required"]),
        (
            b'{"request":{"request_id":"r","trace_id":"t","max_tokens":1},"retries":0}',
            ["(the message itself): must be convertible (retries is below 1), got None"],
        ),
        (
            b'{"request":{"request_id":"r","trace_id":"t","max_tokens":1},"more":[{"request_id":7}]}',
            ["more[0].request_id: must be str, got 7", "more[0].trace_id: required", "more[0].max_tokens: required"],
        ),
    ],
)
def test_errors_in_a_class_of_the_users_have_paths(payload: bytes, expected: list[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        codecs.get("json").decode(payload, Job)
    assert [str(violation) for violation in raised.value.violations] == expected


@pytest.mark.parametrize("name", ["json", "msgpack", "msgspec-json", "msgspec-msgpack"])
@pytest.mark.parametrize("cls", [Request, Job])
def test_what_is_no_wire_at_all_is_no_payload(name: str, cls: Any) -> None:
    for data in (5, None, {"a": 1}):
        with pytest.raises(DecodeError, match=r"no (JSON|MessagePack)"):
            codecs.get(name).decode(data, cls)
