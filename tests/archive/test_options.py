"""What the user decides is checked when it is said."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol.archive import AUTO, Options, Upgrader
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError

CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"message": 7}, "message: must be str, got 7"),
        ({"since": b"0.1.0"}, "since: must be str, got b'0.1.0'"),
        ({"envelope": "yes"}, "envelope: must be bool, got 'yes'"),
        ({"envelope": 1}, "envelope: must be bool, got 1"),
        ({"fill": None}, "fill: must be a mapping, got None"),
        ({"fill": {7: "x"}}, "fill: must be a mapping from text, got 7"),
        ({"fill": {"engine_id": object}}, "fill.engine_id: must be JSON"),
        ({"fill": {"engine_id": float("nan")}}, "fill.engine_id: must be finite"),
        ({"fill": {"engine_id": 2**70}}, "fill.engine_id: must be an integer within 64 bits"),
        ({"fill": {"engine_id": "\udcff"}}, "fill.engine_id: must be text without lone surrogates"),
        ({"fill": {"\udcff": "x"}}, "must be text without lone surrogates"),
        ({"fill": {"engine_id": {"a": [{"b": float("inf")}]}}}, "fill.engine_id.a[0].b: must be finite"),
        ({"fill": {"engine_id": CYCLE}}, "fill.engine_id"),
    ],
)
def test_types_and_values(choices: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Options(**choices)
    assert expected in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Options(message=1, since=2, fill=3, envelope=4)  # type: ignore[arg-type]
    assert len(caught.value.violations) == 4


def test_a_dict_that_changes_later_changes_nothing() -> None:
    fill: dict[str, Any] = {"engine_id": "e", "x": {"deep": [1]}}
    options = Options(fill=fill)
    fill["x"]["deep"].append(2)
    fill["engine_id"] = "f"
    assert options.fill == {"engine_id": "e", "x": {"deep": [1]}}


def test_a_misspelt_field_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValidationError, match=r"did you mean engine_id\?") as caught:
        Upgrader(Options(fill={"engin_id": "x"}))
    (violation,) = caught.value.violations
    assert violation.path == "fill.engin_id"
    with pytest.raises(ValidationError) as caught:
        Options(fill={"zzz" * 100_000: "x"}).resolved()
    assert "did you mean" not in str(caught.value)
    assert "today's require: engine_id" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("message", "since", "accepted"),
    [
        (None, None, True),
        (None, AUTO, True),
        (None, "0.1.0", True),
        (None, "0.1.0.1", False),
        (None, "latest", False),
        ("StreamEventStart", None, True),
        ("StreamEventStart", AUTO, True),
        ("StreamEventStart", "0.1.0", True),
        ("Request", None, False),
    ],
)
def test_a_field_that_no_record_in_question_can_lack_is_refused(
    message: str | None, since: str | None, accepted: bool
) -> None:
    options = Options(message, since, {"engine_id": "e"})
    if accepted:
        assert options.resolved().fill == {"engine_id": "e"}
    else:
        with pytest.raises(ValidationError, match=r"fill\.engine_id: must be a field that old records lack") as caught:
            options.resolved()
        assert "no field of these messages and releases" in str(caught.value)


def test_a_value_that_the_field_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"fill\.engine_id: must be str, got 7"):
        Options(fill={"engine_id": 7}).resolved()


def test_they_are_reported_as_data() -> None:
    plain = {"type": "a", "since": "b", "fill": {"engine_id": "e"}, "envelope": True}
    assert Options("a", "b", {"engine_id": "e"}, True).to_plain() == plain


def test_names_are_told_in_full() -> None:
    options = Options("StreamEventEnd", "0.4.0.8").resolved()
    assert (options.message, options.since) == ("types.StreamEventEnd", HISTORY.resolve("0.4.0.8"))
    assert Options("StreamEventEnd", AUTO).resolved().since == AUTO
    with pytest.raises(UnsupportedRevisionError):
        Options("SamplingParams", "0.1.0").resolved()


def test_what_can_be_filled() -> None:
    assert list(HISTORY.fillable()) == ["engine_id"]
    assert list(HISTORY.fillable(since="0.1.0")) == ["engine_id"]
    assert HISTORY.fillable("Request") == HISTORY.fillable(since="0.4.1.0") == {}
    with pytest.raises(UnsupportedRevisionError):
        HISTORY.fillable("Nothing")
