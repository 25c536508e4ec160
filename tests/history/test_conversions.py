"""Conversions: what they do to payloads, each way, and what they refuse in a list of revisions."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from annotated_types import Lt

from converting import toy, wrong
from sagellm_protocol.errors import ErrorCode
from sagellm_protocol.history.changes import Change, converted, was
from sagellm_protocol.history.conversions import Conversion, ConversionError, Down, Up
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.exceptions import LossyDowngradeError, ValidationError, Violation
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.spec import Spec
from sagellm_protocol.testing import conversion_laws
from toys import Declare, declare  # noqa: F401 - the fixture

# In general


def to_celsius(values: Mapping[str, Any]) -> dict[str, Any]:
    if values["kelvin"] < 0:
        raise ValueError("there is nothing below zero")
    return {"celsius": values["kelvin"] - 273}


def to_kelvin(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"kelvin": values["celsius"] + 273}


CELSIUS = converted(
    "toy.Thing", before={"kelvin": was(int, default=273)}, after="celsius", up=to_celsius, down=to_kelvin
)


def test_values_pass_through_a_function_each_way(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "celsius: int = 0", CELSIUS)
    assert both.up(kelvin=300, other="y") == {"celsius": 27, "other": "y"}
    assert both.down(celsius=27, other="y") == {"kelvin": 300, "other": "y"}
    assert conversion_laws(both.history, max_examples=20) == 1


def test_what_says_nothing_stays_so(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "celsius: int = 0", CELSIUS)
    assert both.up() == {}
    assert both.down() == {}
    other = toy(declare, "celsius: int = 20", CELSIUS)
    assert other.up() == {"celsius": 0}
    assert other.down() == {"kelvin": 293}
    assert other.lost() == []


def test_a_value_that_cannot_be_converted(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "celsius: Annotated[int, Le(100)] = 0", CELSIUS)
    assert both.refused(kelvin=-1) == ["kelvin: must be convertible into celsius (there is nothing below zero), got -1"]
    assert both.refused(kelvin="300") == ["kelvin: must be int, got '300'"]
    assert both.refused(kelvin=400) == ["celsius: must be <= 100, got 127"]
    assert both.refused(kelvin=2**70) == [
        f"kelvin: must be what formats carry (kelvin is an integer past 64 bits), got {2**70}"
    ]
    assert both.refused(kelvin=300, celsius=3) == ["celsius: must be absent where what it was (kelvin) is given, got 3"]
    assert both.up(celsius=3) == {"celsius": 3}


def test_a_value_that_cannot_be_taken_back(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "celsius: int = 0", CELSIUS)
    assert both.lost(celsius=-300) == ["celsius = -300: there is nothing below zero"]
    assert both.lost(celsius="warm") == ["celsius = 'warm': celsius: must be int, got 'warm'"]
    assert both.anyway(celsius=-300) == {}
    with pytest.raises(LossyDowngradeError, match="nothing below zero"):
        both.down(celsius=-300)
    bounded = toy(
        declare,
        "celsius: int",
        converted(
            "toy.Thing", before={"kelvin": Annotated[int, Lt(500)]}, after="celsius", up=to_celsius, down=to_kelvin
        ),
    )
    assert bounded.lost(celsius=500) == ["celsius = 500: before, kelvin: must be < 500, got 773"]
    assert bounded.refused() == ["kelvin: required"]
    with pytest.raises(LossyDowngradeError, match="500"):
        bounded.anyway(celsius=500)
    assert bounded.lost() == ["celsius = None: celsius: required"]


def test_what_does_not_come_back_is_a_loss(declare: Declare) -> None:  # noqa: F811
    def up(values: Mapping[str, Any]) -> dict[str, Any]:
        return {"half": values["whole"] / 2}

    def down(values: Mapping[str, Any]) -> dict[str, Any]:
        return {"whole": int(values["half"] * 2)}

    both = toy(
        declare,
        "half: float = 0.0",
        converted("toy.Thing", before={"whole": was(int, default=0)}, after=["half"], up=up, down=down),
    )
    assert both.up(whole=3) == {"half": 1.5}
    assert both.lost(half=1.5) == []
    assert both.lost(half=1.75) == ["half = 1.75: would come back as 1.5"]
    assert both.anyway(half=1.75) == {"whole": 3}
    named = toy(
        declare,
        "half: float = field(default=0.0, repr=False)",
        converted(
            "toy.Thing", before={"whole": was(int, default=0)}, after=["half"], up=up, down=down, lossy="quarters"
        ),
    )
    assert named.lost(half=1.75) == ["half = <hidden>: quarters"]
    assert named.history.spec("Thing", "1").fields[0].secret
    unnamed = toy(
        declare,
        "half: float = field(default=0.0, repr=False)",
        converted("toy.Thing", before={"whole": was(int, default=0)}, after=["half"], up=up, down=down),
    )
    assert unnamed.lost(half=1.75) == ["half = <hidden>: would come back"]


def test_a_value_that_is_not_shown_is_not_told(declare: Declare) -> None:  # noqa: F811
    def refuse(values: Mapping[str, Any]) -> dict[str, Any]:
        raise ValueError(f"wrong: {values}")

    both = toy(
        declare,
        "new: str = field(default='', repr=False)",
        converted("toy.Thing", before={"old": was(str, default="")}, after=("new",), up=refuse, down=refuse),
    )
    assert both.refused(old="password") == ["old: must be convertible into new, got <hidden>"]
    assert both.lost(new="password") == ["new = <hidden>: cannot be converted"]


def test_fields_that_stay_and_hold_something_else(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "a: str; b: int = 0",
        converted(
            "toy.Thing",
            before={"b": was(str, default="0"), "a": int},
            after=("a", "b"),
            up=lambda values: {"a": str(values["a"]), "b": int(values["b"])},
            down=lambda values: {"a": int(values["a"]), "b": str(values["b"])},
        ),
    )
    assert both.up(a=1, b="2") == {"a": "1", "b": 2}
    assert both.down(a="1", b=2) == {"a": 1, "b": "2"}
    assert both.refused(a=1, b="x")[0].startswith(
        "(the message itself): must be convertible into a, b (invalid literal"
    )
    assert list(both.history.fields("Thing", "1")) == ["a", "b", "other"]
    assert both.history.since("toy.Thing", "a") == "1"


def test_no_way_forward_or_back(declare: Declare) -> None:  # noqa: F811
    forward = toy(
        declare,
        "sum: int = 0",
        converted(
            "toy.Thing",
            before={"a": was(int, default=0), "b": was(int, default=0)},
            after=("sum",),
            up=lambda values: {"sum": values["a"] + values["b"]},
            down=None,
            lossy="a sum has no parts",
        ),
    )
    assert forward.up(a=1) == {"sum": 1}
    assert forward.down(sum=0) == {}
    assert forward.lost(sum=3) == ["sum = 3: a sum has no parts"]
    assert forward.anyway(sum=3) == {}
    back = toy(
        declare,
        "a: int = 0; b: int = 0",
        converted(
            "toy.Thing",
            before={"sum": was(int, default=0)},
            after=("a", "b"),
            up=None,
            down=lambda values: {"sum": values["a"] + values["b"]},
            lossy="a sum has no parts",
        ),
    )
    assert back.down(a=0) == {"sum": 0}
    assert back.anyway(a=1, b=2) == {"sum": 3}
    assert back.lost(a=1, b=2) == ["a = 1: a sum has no parts", "b = 2: a sum has no parts"]
    assert back.up(sum=0) == back.up() == {}
    assert back.refused(sum=3) == ["sum: must be left out, as nothing became of it (a sum has no parts), got 3"]
    assert conversion_laws(forward.history, max_examples=20) == conversion_laws(back.history, max_examples=20) == 1


def test_a_function_that_fails_or_gives_something_else(declare: Declare) -> None:  # noqa: F811
    answers: list[Any] = []

    def answer(values: Mapping[str, Any]) -> Any:
        made = answers[-1]
        if isinstance(made, Exception):
            raise made
        return made

    both = toy(
        declare,
        "new: Any = None",
        converted("toy.Thing", before={"old": was(Any, default=None)}, after=("new",), up=answer, down=answer),
    )
    for made, reason in (
        (KeyError("x"), "raised KeyError: 'x'"),
        ([1], "must return a dict, and returned [1]"),
        ({"newer": 1}, "gave ['newer'], and is asked for"),
        ({1: 1}, "gave [1], and is asked for"),
        ({"new": {1: 2}, "old": {1: 2}}, "and is asked for"),
    ):
        answers.append(made)
        with pytest.raises(ConversionError) as raised:
            both.up(old=1)
        assert str(raised.value).startswith("the function up of old into new for toy.Thing ")
        assert reason in str(raised.value)
        with pytest.raises(ConversionError) as raised:
            both.down(new=1)
        assert str(raised.value).startswith("the function down of new into old for toy.Thing ")
        assert raised.value.fault == "local"
        assert raised.value.to_error().code is ErrorCode.UNAVAILABLE
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    assert isinstance(ConversionError("m", "c", "r"), ValueError)
    answers.append({"new": {1: 2}})
    with pytest.raises(ConversionError, match="returned what is no payload"):
        both.up(old=1)


def test_what_a_function_does_to_its_values_is_no_ones_concern(declare: Declare) -> None:  # noqa: F811
    def spoil(values: dict[str, Any]) -> dict[str, Any]:
        (value,) = values.values()
        value.append(1)
        held = {"old": "new", "new": "old"}[next(iter(values))]
        return {held: kept}

    kept: list[int] = []
    both = toy(
        declare,
        "new: Sequence[int] = ()",
        converted("toy.Thing", before={"old": was(Sequence[int], default=())}, after=("new",), up=spoil, down=spoil),
    )
    payload: dict[str, Any] = {"old": [0]}
    made = both.up(**payload)
    assert payload == {"old": [0]}
    assert made["new"] == []
    made["new"].append(7)
    assert kept == []


def test_defaults_that_are_the_same_for_no_two_payloads_are_left_to_whoever_reads(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "name: str; id: UUID = field(factory=uuid4)",
        converted(
            "toy.Thing",
            before={"name": str, "id": str},
            after=("name", "id"),
            up=lambda values: dict(values),
            down=lambda values: {"id": "none", **values},
        ),
    )
    one = "00000000-0000-0000-0000-000000000000"
    assert both.up(name="x", id=one) == {"name": "x", "id": one}
    assert both.lost(name="x") == ["id = None: would come back as 'none'"]
    assert both.down(name="x", id=one) == {"name": "x", "id": one}


def test_messages_that_hold_their_own_kind(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "celsius: int = 0; inner: 'Thing | None' = None; drawn: Sequence['Thing'] = ()",
        converted(
            "toy.Thing",
            before={"kelvin": was(int, default=273), "within": was(Any, default=None)},
            after=("celsius", "inner"),
            up=lambda values: {**to_celsius(values), "inner": values["within"]},
            down=lambda values: {**to_kelvin(values), "within": values["inner"]},
        ),
    )
    # Free JSON is not walked: what stands in it is left alone on the way up.
    assert both.up(kelvin=300, drawn=[{"kelvin": 301}]) == {
        "celsius": 27,
        "inner": None,
        "drawn": [{"celsius": 28, "inner": None}],
    }
    nested = toy(
        declare,
        "celsius: int = 0; inner: 'Thing | None' = None",
        converted(
            "toy.Thing",
            before={"kelvin": was(int, default=273), "inner": was(Any, default=None)},
            after=("celsius", "inner"),
            up=lambda values: {**to_celsius(values), "inner": values["inner"]},
            down=lambda values: {**to_kelvin(values), "inner": values["inner"]},
        ),
    )
    assert nested.history.spec("Thing", "1").names == {"kelvin", "inner", "other"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (converted("toy.Thing", before={}, after="a", up=dict, down=dict), "new fields are added(...)"),
        (converted("toy.Thing", before={"b": int}, after=(), up=dict, down=dict), "removed(...) says so"),
        (
            converted("toy.Thing", before={"b": int}, after="a", up=None, down=None, lossy="x"),
            "say removed(...) and added",
        ),
        (
            converted("toy.Thing", before={"b": int}, after="a", up=dict, down=None),
            "say in lossy= what is lost, and why",
        ),
        (converted("toy.Thing", before={"b": int}, after="a", up=None, down=dict, lossy=""), "say in lossy="),
        (converted("toy.Thing", before={"b": int}, after="c", up=dict, down=dict), "has no field 'c' at this revision"),
        (converted("toy.None", before={"b": int}, after="c", up=dict, down=dict), "toy.None does not exist"),
        (converted("toy.Thing", before={"other": int}, after="a", up=dict, down=dict), "name it among those of after"),
        (converted("toy.Thing", before={"b c": int}, after="a", up=dict, down=dict), "a field called 'b c'"),
        (
            converted("toy.Thing", before={"b": was(int, default="x")}, after="a", up=dict, down=dict),
            "the default of toy.Thing.b: must be int, got 'x'",
        ),
        (
            converted("toy.Thing", before={"b": int}, after="a", up=dict, down=dict, order=("b",)),
            "order= names all fields of toy.Thing as they stood: b, other",
        ),
    ],
)
def test_what_cannot_have_been(change: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, "a: int = 0", change)


def test_where_fields_stood(declare: Declare) -> None:  # noqa: F811
    def names(after: tuple[str, ...], before: tuple[str, ...], **order: Any) -> list[str]:
        change = converted("toy.Thing", before=dict.fromkeys(before, int), after=after, up=dict, down=dict, **order)
        return list(toy(declare, "a: int; b: int; c: int", change).history.fields("Thing", "1"))

    assert names(("b",), ("x", "y")) == ["a", "x", "y", "c", "other"]
    assert names(("a", "c"), ("x",)) == ["x", "b", "other"]
    assert names(("a",), ("a", "x")) == ["a", "x", "b", "c", "other"]
    assert names(("b", "c"), ("c", "x")) == ["a", "x", "c", "other"]
    assert names(("b",), ("x",), order=["other", "x", "c", "a"]) == ["other", "x", "c", "a"]


# The laws


def test_laws_that_are_broken_are_named(declare: Declare) -> None:  # noqa: F811
    def law(message: str, **functions: Any) -> None:
        change = converted("toy.Thing", before={"old": was(int, default=0)}, after=("new",), **functions)
        with pytest.raises((AssertionError, ConversionError), match=message):
            conversion_laws(toy(declare, "new: int = 0", change).history, max_examples=20)

    law("comes back as", up=lambda v: {"new": abs(v["old"]) % 1000}, down=lambda v: {"old": v["new"]})
    law("no payload of toy.Thing came through", up=_refuse, down=_refuse)
    law("raised TypeError", up=lambda v: {"new": v["old"] + ""}, down=lambda v: {"old": v["new"]})


def _refuse(values: Mapping[str, Any]) -> dict[str, Any]:
    raise ValueError("no")


class Refusing(Conversion):
    """A conversion of somebody's own, which takes back what it does not bring forward."""

    lossy = None

    def undo(self, tables: Tables) -> None:
        tables.message("toy.Thing")

    def upward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Up]:
        def up(payload: dict[str, Any], path: Path) -> dict[str, Any]:
            raise ValidationError("toy.Thing", [Violation("a", "something else", payload)])

        return {"toy.Thing": up}

    def downward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Down]:
        return {"toy.Thing": lambda payload, path, losses: payload}


def test_the_laws_of_a_conversion_of_ones_own(declare: Declare) -> None:  # noqa: F811
    with pytest.raises(AssertionError, match=r"which is refused: toy\.Thing: 1 violation"):
        conversion_laws(toy(declare, "a: int", Refusing()).history, max_examples=5)
