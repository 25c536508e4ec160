"""Fields of a payload that the protocol does not know."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import pytest

from sagellm_protocol import AmbiguousPayloadError, LossyDowngradeError, catalog, history
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.constructor import UNSET
from sagellm_protocol.model.exceptions import DecodeError, ValidationError, Violation
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.source import generated_source
from sagellm_protocol.model.spec import REQUIRED
from sagellm_protocol.model.surplus import unknown_fields, without_unknown
from sagellm_protocol.types import Request, Response, StreamEvent
from toys import Declare, declare  # noqa: F401 - the fixture

RESPONSE: dict[str, Any] = {
    "request_id": "r",
    "error": None,
    "site": 1,
    "metrics": {"ttft_ms": 1.0, "node": {"deep": 1}},
}
DELTA = {"event": "delta", "content": "x", "shard": 3}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (Response, RESPONSE, ["site", "metrics.node"]),
        (list[Response], [RESPONSE, {}], ["[0].site", "[0].metrics.node"]),
        (dict[str, Response], {"a": RESPONSE}, ["a.site", "a.metrics.node"]),
        (Response | None, None, []),
        (Response | None, {"x": 1}, ["x"]),
        (StreamEvent, DELTA, ["shard"]),
        (StreamEvent, {"event": 7, "shard": 3}, []),
        (StreamEvent, "no object", []),
        (Response, "no object", []),
        (Request, {"metadata": {"anything": 1}}, []),
    ],
)
def test_unknown_fields_are_named_and_left_out(kind: Any, payload: Any, expected: list[str]) -> None:
    before = copy.deepcopy(payload)
    spec = read_type(kind)
    assert list(unknown_fields(spec, payload)) == expected
    kept = without_unknown(spec, payload, HISTORY.specs("latest"))
    assert list(unknown_fields(spec, kept)) == []
    assert payload == before
    if not expected:
        assert kept == payload


HOLDING = """
@message
class Leaf:
    title: str = ""


@message
class Box:
    either: Leaf | Sequence[Leaf] | str | None = None
    many: Sequence[Leaf] = ()
    table: Mapping[str, Leaf] = {}
    free: Any = None
"""


@pytest.mark.parametrize(
    ("payload", "kept", "paths"),
    [
        ({"either": {"title": "t", "x": 1}}, {"either": {"title": "t"}}, ["either.x"]),
        ({"either": [{"title": "t", "x": 1}]}, {"either": [{"title": "t"}]}, ["either[0].x"]),
        ({"either": "text"}, {"either": "text"}, []),
        ({"either": 7}, {"either": 7}, []),
        ({"many": ({"x": 1}, {"title": "t"})}, {"many": [{}, {"title": "t"}]}, ["many[0].x"]),
        ({"many": "text"}, {"many": "text"}, []),
        ({"table": OrderedDict(a=OrderedDict(x=1))}, {"table": {"a": {}}}, ["table.a.x"]),
        ({"table": ["text"]}, {"table": ["text"]}, []),
        (OrderedDict(many=[OrderedDict(title="t")], x=1), {"many": [{"title": "t"}]}, ["x"]),
        ({"free": {"x": (1,)}}, {"free": {"x": (1,)}}, []),
    ],
)
def test_wherever_a_message_stands(payload: Any, kept: Any, paths: list[str], declare: Declare) -> None:  # noqa: F811
    history = History([revision("1")], declare(HOLDING))
    box = read_type(history.catalog.get("Box"))
    assert list(unknown_fields(box, payload)) == list(unknown_fields(box, payload, history.specs("1"))) == paths
    found = without_unknown(box, payload, history.specs("1"))
    assert found == kept
    assert type(found) is dict
    assert all(type(value) in (dict, list, str, int) for value in found.values())


def test_paths_of_unknown_fields_are_cut() -> None:
    (path,) = unknown_fields(read_type(Response), {"k" * 1000: 1})
    assert len(path) < 100


def test_a_field_of_today_is_unknown_to_an_older_revision() -> None:
    kept = without_unknown(read_type(StreamEvent), {**DELTA, "chunk": "y"}, HISTORY.specs("0.4.0.8"))
    assert kept == {"event": "delta", "chunk": "y"}


def test_errors_travel_between_processes() -> None:
    with pytest.raises(LossyDowngradeError) as lossy:
        history.downgrade({"event": "start", "engine_id": "e"}, "StreamEventStart", to="0.1.0")
    with pytest.raises(AmbiguousPayloadError) as ambiguous:
        history.identify({"temperature": 0.5})
    for error in (
        lossy.value,
        ambiguous.value,
        ValidationError("m", [Violation("a", "str", 1)]),
        DecodeError("bad", 3),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
        assert again.to_error() == error.to_error()


def test_marks_say_what_they_stand_for() -> None:
    assert [repr(mark) for mark in (REQUIRED, ABSENT, UNSET)] == ["REQUIRED", "ABSENT", "..."]


def test_generated_functions_can_be_read() -> None:
    request = Request(request_id="r", trace_id="t", max_tokens=1)
    assert "max_tokens" in generated_source(type(request).__new__)
    assert to_plain(request)["max_tokens"] == 1
    assert catalog.get("Request") is Request
