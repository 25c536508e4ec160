"""Nulls that came to be allowed and say nothing, and fields that take less than they did."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol import codecs
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    Change,
    HistoryError,
    added,
    given_default,
    narrowed,
    null_allowed,
    null_forbidden,
    removed,
    renamed,
    revision,
)
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.model.exceptions import LossyDowngradeError, ValidationError
from sagellm_protocol.schema.lock import check, update
from toys import Declare, declare  # noqa: F401 - the fixture

SOURCE = """
@message
class Ask:
    n: Annotated[int, Ge(1)] | None = 1
    pace: float | None = 0.5
    most: Annotated[int, Ge(1)] | None = None
    must: int | None = 3
"""
STEPS = (
    null_allowed("toy.Ask", "n", "pace", "must"),
    narrowed("toy.Ask", "n", was=int),
    narrowed("toy.Ask", "most", was=int | None),
    given_default("toy.Ask", "must"),
)


def asked(declare: Declare, *older: Any) -> History:  # noqa: F811
    return History([revision("2", *STEPS), *older, revision("1")], declare(SOURCE))


def test_a_null_that_says_nothing_is_left_out(declare: Declare) -> None:  # noqa: F811
    history = asked(declare)
    payload = {"n": None, "pace": None, "most": None, "must": 4}
    assert history.losses(payload, "Ask", to="1") == ()
    assert history.downgrade(payload, "Ask", to="1") == {"most": None, "must": 4}
    ask: Any = history.catalog.get("Ask")
    for name in ("dict", "json", "msgpack"):
        codec = codecs.get(name, revision="1", history=history)
        assert codec.decode(codec.encode(ask(n=None, pace=None)), ask) == ask()


def test_where_it_had_to_be_said_what_leaving_out_means_is_written(declare: Declare) -> None:  # noqa: F811
    assert asked(declare).downgrade({"must": None}, "Ask", to="1") == {"must": 3}


def test_where_null_can_be_said_it_is(declare: Declare) -> None:  # noqa: F811
    history = asked(declare)
    assert history.downgrade({"n": None}, "Ask", to="2") == {"n": None}


def test_a_field_that_was_not_there_is_left_out_as_at_its_default(declare: Declare) -> None:  # noqa: F811
    history = asked(declare, revision("1.5", added("toy.Ask", "pace")))
    assert history.downgrade({"pace": None, "must": 1}, "Ask", to="1") == {"must": 1}
    assert [loss.path for loss in history.losses({"pace": 0.7, "must": 1}, "Ask", to="1")] == ["pace"]


def test_a_null_that_stood_for_something_and_then_for_nothing(declare: Declare) -> None:  # noqa: F811
    history = asked(declare, revision("1.5", null_forbidden("toy.Ask", "pace"), renamed("toy.Ask", rate="pace")))
    assert history.downgrade({"pace": None, "must": 1}, "Ask", to="1") == {"must": 1}
    assert history.upgrade({"rate": None, "must": 1}, "Ask", since="1") == {"pace": 0.5, "must": 1}


def test_a_field_that_is_gone_since(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Ask:\n    must: int = 3")
    gone = removed("toy.Ask", "n", was=int | None, default=1)
    history = History([revision("3", gone), revision("2", null_allowed("toy.Ask", "n")), revision("1")], catalog)
    assert history.fields("Ask", "1")["n"]["type"] == "int"
    assert history.upgrade({"n": 1}, "Ask", since="1") == {}


def test_what_is_no_longer_taken_is_refused_at_its_place(declare: Declare) -> None:  # noqa: F811
    history = asked(declare)
    ask: Any = history.catalog.get("Ask")
    codec = codecs.get("dict", revision="1", history=history)
    with pytest.raises(ValidationError) as refused:
        codec.decode({"n": 0, "most": -5, "must": 1}, ask)
    assert [str(found) for found in refused.value.violations] == [
        "n: must be >= 1, got 0",
        "most: must be >= 1, got -5",
    ]
    assert codec.decode({"n": 2, "must": 1}, ask).n == 2
    assert codec.encode(ask(n=2, must=1)) == {"n": 2, "pace": 0.5, "most": None, "must": 1}


def test_a_hook_may_mend_it(declare: Declare) -> None:  # noqa: F811
    history = asked(declare)

    @history.hook("Ask", since="1")
    def at_least_one(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "n": max(payload.get("n", 1), 1)}

    assert history.upgrade({"n": 0, "must": 1}, "Ask", since="1") == {"n": 1, "must": 1}


def test_a_value_out_of_what_was_taken_is_still_a_loss(declare: Declare) -> None:  # noqa: F811
    with pytest.raises(LossyDowngradeError, match="pace = 'fast': must be float in 1"):
        asked(declare).downgrade({"pace": "fast", "must": 1}, "Ask", to="1")


def test_whom_they_break(declare: Declare) -> None:  # noqa: F811
    found = {(it.path, it.kind): it.breaks for it in compare("1", "2", history=asked(declare))}
    assert found == {
        ("toy.Ask.n", "type"): "both",
        ("toy.Ask.pace", "type"): "readers",
        ("toy.Ask.most", "bounds"): "writers",
        ("toy.Ask.must", "type"): "readers",
        ("toy.Ask.must", "required"): "readers",
    }


def test_the_lock_knows_them_and_the_gate_proposes_them(declare: Declare) -> None:  # noqa: F811
    before = declare("@message\nclass Ask:\n    n: int = 1\n    pace: float = 0.5\n    most: int | None = None")
    lock = update("", History([revision("1")], before))
    catalog = declare(
        "@message\nclass Ask:\n    n: Annotated[int, Ge(1)] = 1\n    pace: float | None = 0.5\n"
        "    most: Annotated[int, Ge(1)] | None = None"
    )
    with pytest.raises(Exception, match="alter what 1 means") as told:
        check(lock, History([revision("1")], catalog))
    assert 'null_allowed("toy.Ask", "pace")' in str(told.value)
    assert 'say narrowed("toy.Ask", "n", was=int) if others are to be refused, or convert them' in str(told.value)
    steps = (
        null_allowed("toy.Ask", "pace"),
        narrowed("toy.Ask", "n", was=int),
        narrowed("toy.Ask", "most", was=int | None),
    )
    check(lock, History([revision("2", *steps), revision("1")], catalog))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (null_allowed("toy.Ask", "most"), "toy.Ask.most is null by default"),
        (narrowed("toy.Ask", "must", was=int | None), "toy.Ask.must does not take less than it did"),
        (narrowed("toy.Ask", "must", was=str), "toy.Ask.must does not take less than it did"),
        (null_allowed("toy.Ask", "nope"), "toy.Ask has no field 'nope'"),
    ],
)
def test_a_step_that_cannot_have_been(step: Change, said: str, declare: Declare) -> None:  # noqa: F811
    with pytest.raises(HistoryError, match=said):
        History([revision("2", step), revision("1")], declare(SOURCE)).table("1")


def test_null_cannot_have_been_allowed_where_it_is_not(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Ask:\n    n: int = 1\n    must: int | None")
    for name in ("n", "must"):
        with pytest.raises(HistoryError, match=f"toy.Ask.{name} cannot be null, or cannot be left out"):
            History([revision("2", null_allowed("toy.Ask", name)), revision("1")], catalog).table("1")
