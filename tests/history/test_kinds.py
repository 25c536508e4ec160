"""The kinds of conversion that are said in a line: what each does to payloads, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any

import jsonschema
import pytest
from annotated_types import Ge
from hypothesis import HealthCheck, given, settings, strategies as st

from converting import toy, wrong
from sagellm_protocol import schema
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    Change,
    became_derived,
    converted,
    flattened,
    members_renamed,
    merged,
    moved,
    nested,
    required,
    rescaled,
    retyped,
    revision,
    split,
    underived,
    values_mapped,
    values_renamed,
    was,
)
from sagellm_protocol.history.conversions import ConversionError
from sagellm_protocol.model.exceptions import LossyDowngradeError, UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.spec import REQUIRED
from sagellm_protocol.model.units import Unit
from sagellm_protocol.testing import conversion_laws, payloads
from toy_history import SOURCE, history_of
from toys import Declare, declare  # noqa: F401 - the fixture

# All of them


def test_the_laws_of_a_history_of_every_kind(declare: Declare) -> None:  # noqa: F811
    history = history_of(declare(SOURCE))
    assert conversion_laws(history, max_examples=25) == len(history.eras.crossings) == 11


# Numbers in another unit


def test_rescaled(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "wait_s: Seconds = 1.5; rest_s: Seconds",
        rescaled("toy.Thing", wait_s="wait_ms", rest_s="rest", by=1000),
    )
    assert both.history.fields("Thing", "1") == {
        "wait_ms": {"type": "float", "bounds": {"ge": 0}, "default": {"value": 1500.0}},
        "rest": {"type": "float", "bounds": {"ge": 0}, "required": True},
        "other": {"type": "str", "default": {"value": "x"}},
    }
    assert both.up(wait_ms=20, rest=0.07) == {"wait_s": 0.02, "rest_s": 7e-05}
    assert both.up(rest=1) == {"rest_s": 0.001}
    # As decimals, and not 1.1 * 1000, which is 1100.0000000000002.
    assert both.down(wait_s=1.1, rest_s=0.07) == {"wait_ms": 1100.0, "rest": 70.0}
    assert both.lost(wait_s=-1.0, rest_s=1.0) == ["wait_s = -1.0: wait_s: must be >= 0, got -1.0"]
    assert both.refused(wait_ms=-1, rest=-2) == ["wait_ms: must be >= 0, got -1"]
    assert conversion_laws(both.history, max_examples=20) == 1


def test_out_of_a_message_that_can_hold_this_one(declare: Declare) -> None:  # noqa: F811
    before = "@message\nclass Box:\n    title: str\n    size: int = 1\n    thing: 'Thing | None' = None\n"
    catalog = declare(f"{before}\n@message\nclass Thing:\n    name: str\n")
    box: Any = catalog.get("Box")
    step = flattened("toy.Thing", "box", was=box, title="name", lossy="what else it held")
    own = History([revision("2", step), revision("1")], catalog)
    inner = {"box": {"title": "a", "size": 1, "thing": {"box": {"title": "b"}}}}
    assert own.upgrade({"box": {"title": "a"}}, "Thing", since="1") == {"name": "a"}
    assert own.upgrade({"title": "x", "thing": {"box": {"title": "b"}}}, "Box", since="1") == {
        "title": "x",
        "thing": {"name": "b"},
    }
    assert own.downgrade({"title": "x", "thing": {"name": "b"}}, "Box", to="1") == {
        "title": "x",
        "thing": {"box": {"title": "b"}},
    }
    with pytest.raises(ValidationError, match=r"box\.size"):
        own.upgrade({"box": {"title": "a", "size": "x"}}, "Thing", since="1")
    assert own.upgrade(inner, "Thing", since="1") == {"name": "a"}
    assert conversion_laws(own, max_examples=20) == 1


def test_numbers_within(declare: Declare) -> None:  # noqa: F811
    fields = "each: Mapping[str, Sequence[Seconds | None]] | None = None; some: Sequence[Seconds] = (2.0,)"
    both = toy(declare, fields, rescaled("toy.Thing", each="each", some="some", by=1000))
    assert both.up(each={"a": [1, None]}, some=(5,)) == {"each": {"a": [0.001, None]}, "some": [0.005]}
    assert both.down(each=None, some=[1]) == {"each": None, "some": [1000.0]}
    assert both.history.fields("Thing", "1")["some"]["default"] == {"value": [2000.0]}


def test_whole_numbers(declare: Declare) -> None:  # noqa: F811
    finer = toy(declare, "wait_ms: Annotated[int, Unit('ms')]", rescaled("toy.Thing", wait_ms="wait_s", by=0.001))
    assert finer.up(wait_s=2) == {"wait_ms": 2000}
    assert finer.down(wait_ms=2000) == {"wait_s": 2}
    assert finer.lost(wait_ms=2500) == ["wait_ms = 2500: would come back as 2000"]
    assert finer.refused(wait_s=2**60) == [
        f"wait_ms: must be what formats carry (wait_ms is an integer past 64 bits), got {2**60 * 1000}"
    ]
    floats = toy(
        declare,
        "wait_s: Seconds = 1.5",
        rescaled("toy.Thing", wait_s="wait_ms", by=1000, was=Annotated[int, Ge(0), Unit("ms")]),
    )
    assert floats.history.fields("Thing", "1")["wait_ms"] == {
        "type": "int",
        "bounds": {"ge": 0},
        "default": {"value": 1500},
    }
    assert floats.up(wait_ms=20) == {"wait_s": 0.02}
    assert floats.lost(wait_s=0.0005) == ["wait_s = 0.0005: would come back as 0.0"]
    assert floats.anyway(wait_s=0.0015) == {"wait_ms": 2}
    assert floats.refused(wait_ms=2**53 + 1) == [
        f"wait_ms: must be convertible into wait_s (it has more digits than a float carries), got {2**53 + 1}"
    ]
    coarser = toy(declare, "wait_s: int", rescaled("toy.Thing", wait_s="wait_ms", by=1000, lossy="whole seconds"))
    assert coarser.up(wait_ms=1499) == {"wait_s": 1}
    assert coarser.down(wait_s=1) == {"wait_ms": 1000}
    for each in (finer, floats, coarser):
        assert conversion_laws(each.history, max_examples=20) == 1


def test_too_large_for_a_float(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "wait_ms: float", rescaled("toy.Thing", wait_ms="wait_h", by=Fraction(1, 3600000)))
    assert both.refused(wait_h=1e308) == [
        "wait_h: must be convertible into wait_ms (it is too large for a float), got 1e+308"
    ]


def test_bounds_and_units_follow(declare: Declare) -> None:  # noqa: F811
    field = "Annotated[float, Ge(0.5), Lt(2), MultipleOf(0.25), Unit('Gbps')]"
    before = "from annotated_types import MultipleOf\n"
    both = toy(declare, f"rate: {field}", rescaled("toy.Thing", rate="rate", by=1000), before=before)
    spec = both.history.spec("Thing", "1").fields[0]
    assert both.history.fields("Thing", "1")["rate"]["bounds"] == {"ge": 500, "lt": 2000, "multiple_of": 250}
    assert "Mbps" in str(spec.type)
    lengths = toy(
        declare,
        "waits: Annotated[Sequence[Seconds], MinLen(1)]",
        rescaled("toy.Thing", waits="waits", by=1000),
        before="from annotated_types import MinLen\n",
    )
    assert lengths.up(waits=[1]) == {"waits": [0.001]}


@pytest.mark.parametrize(
    ("field", "step", "reason"),
    [
        ("a: int", rescaled("toy.Thing", by=1000), 'Say new="old"'),
        ("a: float", rescaled("toy.Thing", a="b", by=0), "by=0 is no factor"),
        ("a: float", rescaled("toy.Thing", a="b", by=-1), "by=-1 is no factor"),
        ("a: float", rescaled("toy.Thing", a="b", by=1), "by=1 is no factor"),
        ("a: float", rescaled("toy.Thing", a="b", by=True), "by=True is no factor"),
        ("a: float", rescaled("toy.Thing", a="b", by=float("inf")), "by=inf is no factor"),
        ("a: float", rescaled("toy.Thing", a="b", by="2"), "by='2' is no factor"),  # type: ignore[arg-type]
        ("a: float; b: float", rescaled("toy.Thing", a="c", b="c", by=2), "two fields of toy.Thing cannot have been one"),
        ("a: str", rescaled("toy.Thing", a="b", by=2), "a holds more than numbers: say converted(...)"),
        ("a: float | Sequence[float]", rescaled("toy.Thing", a="b", by=2), "a holds more than numbers"),
        ("a: float", rescaled("toy.Thing", a="b", by=2, was=str), "a holds more than numbers"),
        ("a: int", rescaled("toy.Thing", a="b", by=2), "cannot say every number that it was: say in lossy="),
        ("a: int", rescaled("toy.Thing", a="b", by=0.5, was=float), "cannot say every number that it was"),
        ("a: Seconds", rescaled("toy.Thing", a="b", by=7), "a is measured in s, and was 7 times the number: say in was="),
        ("a: Annotated[float, Unit('parsec')]", rescaled("toy.Thing", a="b", by=7), "a is measured in parsec, and was 7"),
        ("a: Annotated[float, Predicate(bool)]", rescaled("toy.Thing", a="b", by=7), "a is bound by a function: say in was="),
        ("a: float = derived(len, default=0)", rescaled("toy.Thing", a="b", by=7), "the default of toy.Thing.a is computed"),
        ("a: int = 1", rescaled("toy.Thing", a="b", by=Fraction(1, 2)), "a cannot have had its default: say it in was="),
    ],
)  # fmt: skip
def test_what_was_never_rescaled(field: str, step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, field, step, before="from annotated_types import Predicate\n")


# One text and its parts


def test_split(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "host: str; port: Annotated[int, Le(65535)]",
        split("toy.Thing", "address", into=("host", "port"), by=":"),
    )
    assert list(both.history.fields("Thing", "1")) == ["address", "other"]
    assert both.up(address="h:80") == {"host": "h", "port": 80}
    assert both.down(host="h", port=80) == {"address": "h:80"}
    assert both.refused(address="h") == [
        "address: must be convertible into host, port (it has 1 parts between ':', and is to have 2), got 'h'"
    ]
    assert both.refused(address="h:080")[0].startswith(
        "address: must be convertible into host, port ('080' is no number as"
    )
    assert both.refused(address="h:x")[0].startswith("address: must be convertible into host, port (invalid literal")
    assert both.refused(address="h:99999") == ["port: must be <= 65535, got 99999"]
    assert both.lost(host="a:b", port=1) == [
        "(the message itself) = {'host': 'a:b', 'port': 1}: invalid literal for int() with base 10: 'b:1'"
    ]
    assert conversion_laws(both.history, max_examples=20) == 1


def test_split_by_a_pattern_and_with_defaults(declare: Declare) -> None:  # noqa: F811
    pattern = re.compile(r"(?P<amount>[0-9.]+) ?(?P<unit>\w+)?")
    both = toy(
        declare,
        "amount: float | None = None; unit: str | None = None",
        split(
            "toy.Thing",
            "price",
            into=("amount", "unit"),
            by=pattern,
            joined="{amount} {unit}",
            was=was(str | None, default=None),
        ),
    )
    assert both.up() == both.up(price=None) == {}
    assert both.down() == both.down(amount=None) == {}
    assert both.up(price="1.5 EUR") == {"amount": 1.5, "unit": "EUR"}
    assert both.refused(price="1.5")[0].startswith(
        "price: must be convertible into amount, unit (it is none of the pattern"
    )
    assert both.lost(amount=2.0) == ["(the message itself) = {'amount': 2.0}: unit is not given"]
    assert conversion_laws(both.history, max_examples=20) == 1


def test_merged(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "name: str", merged("toy.Thing", "name", of=("given", "family"), by=" "))
    assert both.up(given="Ada", family="King Noel") == {"name": "Ada King Noel"}
    assert both.down(name="Ada King Noel") == {"given": "Ada", "family": "King Noel"}
    assert both.refused(given="Ada B", family="King") == [
        "(the message itself): must be convertible into name ('Ada B King' does not come apart again),"
        " got {'given': 'Ada B', 'family': 'King'}"
    ]
    assert both.lost(name="Ada") == ["name = 'Ada': it has 1 parts between ' ', and is to have 2"]
    assert both.refused(given="Ada") == ["family: required"]
    loose = toy(
        declare,
        "name: str = ''",
        merged(
            "toy.Thing",
            "name",
            of={"a": was(str, default=""), "b": was(int | None, default=None)},
            by="-",
            lossy="dashes",
        ),
    )
    assert loose.up(a="x-y", b=1) == {"name": "x-y-1"}
    assert loose.up() == {}
    assert loose.refused(a="x") == [
        "(the message itself): must be convertible into name (b is not given), got {'a': 'x'}"
    ]
    assert loose.lost(name="x") == ["name = 'x': it has 1 parts between '-', and is to have 2"]
    assert loose.down(name="") == {}
    assert conversion_laws(both.history, max_examples=20) == conversion_laws(loose.history, max_examples=20) == 1


@pytest.mark.parametrize(
    ("field", "step", "reason"),
    [
        ("a: str; b: str", split("toy.Thing", "c", into=("a",), by=" "), "has several parts"),
        ("a: str; b: str", split("toy.Thing", "c", into=("a", "a"), by=" "), "has several parts"),
        ("a: str; b: str", split("toy.Thing", "c", into=("a", "b"), by=""), "is what stands between"),
        ("a: str; b: str", split("toy.Thing", "c", into=("a", "b"), by=" ", joined="{a}{b}"), "needs no joined="),
        ("a: str; b: str", split("toy.Thing", "c", into=("a", "b"), by=re.compile("(?P<a>x)")), "no group called b"),
        (
            "a: str; b: str",
            split("toy.Thing", "c", into=("a", "b"), by=re.compile("(?P<a>x)(?P<b>y)"), joined="{a}"),
            "say it in joined=, with {b}",
        ),
        ("a: str = ''; b: str = ''", split("toy.Thing", "c", into=("a", "b"), by=" "), "as was(str, default=...)"),
        ("a: str; b: bool", split("toy.Thing", "c", into=("a", "b"), by=" "), "b is no text or number: say converted"),
        ("c: str", merged("toy.Thing", "c", of={"a": str, "b": Sequence[str]}, by=" "), "b is no text or number"),
        ("a: str; b: str", split("toy.Thing", "c", into=("a", "d"), by=" "), "has no field 'd'"),
    ],
)
def test_what_was_never_one_text(field: str, step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, field, step)


# A message within

SIZE = "@message\nclass Size:\n    width: int\n    height: int = 1\n    note: str | None = None\n\n\n"


def test_nested(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "size: Size", nested("toy.Thing", "size", "height", "note", wide="width"), before=SIZE)
    assert both.history.fields("Thing", "1") == {
        "height": {"type": "int", "default": {"value": 1}},
        "note": {"type": "str | None", "default": {"value": None}},
        "wide": {"type": "int", "required": True},
        "other": {"type": "str", "default": {"value": "x"}},
    }
    assert both.up(wide=3) == {"size": {"width": 3, "height": 1, "note": None}}
    assert both.down(size={"width": 3}) == {"height": 1, "note": None, "wide": 3}
    assert both.refused(height=3) == ["wide: required"]
    assert both.lost(size={"width": "x"}) == ["size = {'width': 'x'}: size.width: must be int, got 'x'"]
    assert conversion_laws(both.history, max_examples=20) == 1


def test_nested_in_what_may_be_null(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "size: Size | None = None", nested("toy.Thing", "size", "width", "height", "note"), before=SIZE)
    assert both.history.fields("Thing", "1")["width"] == {"type": "int | None", "default": {"value": None}}
    assert both.up() == both.up(width=None) == {}
    assert both.up(width=3) == {"size": {"width": 3, "height": 1, "note": None}}
    assert both.refused(height=2) == ["size.width: required"]
    assert both.down(size=None) == {}
    assert both.down(size={"width": 3, "height": 4}) == {"width": 3, "height": 4, "note": None}
    assert conversion_laws(both.history, max_examples=20) == 1


def test_nested_in_what_has_more_fields_or_other_defaults(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "size: Size = Size(width=5)",
        nested("toy.Thing", "size", "width", "height", was={"height": was(int, default=7)}),
        before=SIZE,
    )
    assert both.history.fields("Thing", "1")["width"]["default"] == {"value": 5}
    assert both.up() == {"size": {"width": 5, "height": 7}}
    assert both.up(width=1) == {"size": {"width": 1, "height": 7}}
    assert both.lost(size={"width": 1, "note": "x"}) == [
        "size = {'width': 1, 'note': 'x'}: would come back as {'width': 1, 'height': 1}"
    ]
    assert both.down(size={"width": 1}) == {"width": 1, "height": 1}


def test_flattened(declare: Declare) -> None:  # noqa: F811
    sized = declare(
        SIZE
        + "@message\nclass Thing:\n    width: int | None = None\n    height: int = 1\n    words: str | None = None\n    other: str = 'x'\n"
    )
    size = sized.messages["toy.Size"]
    step = flattened("toy.Thing", "size", "width", "height", note="words", was=was(size | None, default=None))
    history = History([revision("2", step), revision("1")], sized)
    up = history.upgrade({"size": {"width": 3}}, "Thing", since="1")
    assert up == {"width": 3, "height": 1, "words": None}
    assert history.downgrade(up, "Thing", to="1") == {"size": {"width": 3, "height": 1, "note": None}}
    assert history.upgrade({"size": None}, "Thing", since="1") == {}
    assert [str(loss) for loss in history.losses({"height": 3}, "Thing", to="1")] == [
        "(the message itself) = {'height': 3}: before, size.width: required"
    ]
    assert conversion_laws(history, max_examples=20) == 1


@pytest.mark.parametrize(
    ("field", "step", "reason"),
    [
        ("size: Size", nested("toy.Thing", "size"), "which fields moved to or from toy.Thing.size?"),
        (
            "size: Size",
            nested("toy.Thing", "size", "width", a="width"),
            "two fields of toy.Thing cannot be one in size",
        ),
        ("size: Size", nested("toy.Thing", "size", "depth"), "toy.Size has no field 'depth'"),
        (
            "size: Size",
            nested("toy.Thing", "size", "width", was={"height": int}),
            "was= tells of height, which did not move",
        ),
        (
            "size: Sequence[Size]",
            nested("toy.Thing", "size", "width"),
            "size holds no single message: say converted(...)",
        ),
        ("a: int", flattened("toy.Thing", "size", "a", was=int), "size holds no single message"),
        (
            "within: 'Thing | None' = None",
            nested("toy.Thing", "within", a="other"),
            "toy.Thing.within holds another toy.Thing: say converted(...)",
        ),
    ],
)
def test_what_was_never_within(field: str, step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, field, step, before=SIZE)


# Values that became others


def test_values_mapped(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "level: Literal['low', 'high'] = 'low'",
        values_mapped("toy.Thing", "level", {0: "low", 1: "high"}, was=int),
    )
    assert both.history.fields("Thing", "1")["level"] == {"type": "int", "default": {"value": 0}}
    assert both.up(level=1) == {"level": "high"}
    assert both.down(level="high") == {"level": 1}
    assert both.up() == both.down() == {}
    assert both.refused(level=2) == [
        "level: must be convertible into level (none of the values that became others), got 2"
    ]
    many = toy(
        declare,
        "levels: Mapping[str, Sequence[str | None]] = {}",
        values_mapped(
            "toy.Thing",
            "levels",
            {True: "on", 2: "two", "x": "two"},
            was=was(Mapping[str, Sequence[Any]], default={}),
            old="flags",
            lossy="x was 2",
        ),
    )
    assert many.up(flags={"a": [True, None, "x"]}) == {"levels": {"a": ["on", None, "two"]}}
    assert many.down(levels={"a": ["on", None, "two"]}) == {"flags": {"a": [True, None, 2]}}
    assert "none of the values" in many.refused(flags={"a": [1]})[0]
    nulls = toy(declare, "level: str | None = None", values_mapped("toy.Thing", "level", {0: "low"}, was=int | None))
    assert nulls.up(level=None) == {"level": None}
    exact = toy(declare, "level: str = 'low'", values_mapped("toy.Thing", "level", {0: "low"}, was=was(int)))
    assert exact.history.fields("Thing", "1")["level"] == {"type": "int", "required": True}
    assert conversion_laws(both.history, max_examples=20) == conversion_laws(nulls.history, max_examples=20) == 1


@pytest.mark.parametrize(
    ("field", "step", "reason"),
    [
        ("a: str", values_mapped("toy.Thing", "a", {}, was=int), "say {old: new}"),
        ("a: str", values_mapped("toy.Thing", "a", {0: "x", 1: "x"}, was=int), "two values of toy.Thing.a became one"),
        (
            "a: str = 'z'",
            values_mapped("toy.Thing", "a", {0: "x"}, was=int),
            "nothing became 'z', which toy.Thing.a is by",
        ),
        ("a: str = derived(str, default='')", values_mapped("toy.Thing", "a", {0: "x"}, was=int), "a is computed: say"),
    ],
)
def test_what_was_never_mapped(field: str, step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, field, step)


COLOUR = "class Colour(str, Enum):\n    RED = 'crimson'\n    BLUE = 'blue'\n\n\n"


def test_values_renamed(declare: Declare) -> None:  # noqa: F811
    fields = (
        "one: Colour = Colour.RED; many: Sequence[Colour] = (Colour.RED,); table: Mapping[str, Colour | None] = {};"
        " either: Colour | Sequence[Colour] | None = None; needed: Colour; text: str = ''"
    )
    both = toy(declare, fields, values_renamed("toy.Colour", red="crimson"), before=COLOUR)
    assert both.history.table("1")["enums"]["toy.Colour"] == {"RED": "red", "BLUE": "blue"}
    rows = both.history.fields("Thing", "1")
    assert rows["one"]["default"] == {"value": {"enum": "toy.Colour", "value": "red"}}
    assert rows["many"]["default"] == {"value": ["red"]}
    old = {
        "one": "red",
        "many": ["red", "blue"],
        "table": {"red": "red", "x": None},
        "either": ["red"],
        "needed": "red",
        "text": "red",
    }
    new = {
        "one": "crimson",
        "many": ["crimson", "blue"],
        "table": {"red": "crimson", "x": None},
        "either": ["crimson"],
        "needed": "crimson",
        "text": "red",
    }
    assert both.up(**old) == new
    assert both.down(**new) == old
    assert both.up(either="red", needed=7) == {"either": "crimson", "needed": 7}
    assert both.refused(needed="crimson") == [
        "needed: must be one of the values of toy.Colour before it was renamed, got 'crimson'"
    ]
    assert both.lost(needed="blue", many=["red"], table={"a": "red"}) == [
        "many[0] = 'red': is no value of toy.Colour, and was one",
        "table.a = 'red': is no value of toy.Colour, and was one",
    ]
    assert both.anyway(needed="blue", one="red", many=["red"]) == {"needed": "blue", "many": []}
    with pytest.raises(LossyDowngradeError, match="needed"):
        both.anyway(needed="red")
    assert conversion_laws(both.history, max_examples=20) == 1


def test_values_that_changed_places_and_integers(declare: Declare) -> None:  # noqa: F811
    level = "class Level(IntEnum):\n    LOW = 1\n    HIGH = 2\n\n\n"
    both = toy(declare, "level: Level", values_renamed("toy.Level", {1: 2, 2: 1}), before=level)
    assert both.up(level=1) == {"level": 2}
    assert both.down(level=1) == {"level": 2}
    assert both.up(level=True) == {"level": True}
    assert both.history.table("1")["enums"]["toy.Level"] == {"LOW": 2, "HIGH": 1}


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (values_renamed("toy.None", a="b"), "toy.None does not exist"),
        (values_renamed("toy.Colour"), 'Say old="new"'),
        (
            values_renamed("toy.Colour", a="blue", b="blue"),
            "two values of toy.Colour became one: say values_mapped(...)",
        ),
        (values_renamed("toy.Colour", a="green"), "toy.Colour has no value 'green'"),
        (values_renamed("toy.Colour", blue="crimson"), "two members of toy.Colour had one value before"),
        (members_renamed("toy.None", A="B"), "toy.None does not exist"),
        (members_renamed("toy.Colour", A="GREEN"), "toy.Colour has no member 'GREEN'"),
        (members_renamed("toy.Colour", A="RED", B="RED"), "cannot have been renamed to one name"),
        (members_renamed("toy.Colour", BLUE="RED"), "two members of toy.Colour had one name before"),
        (moved("toy.Old", "toy.New"), "toy.New does not exist"),
        (moved("toy.Thing", "toy.Colour"), "toy.Colour cannot have been toy.Thing, which is there as well"),
        (moved("1.a", "toy.Colour"), "nothing can have been called '1.a'"),
    ],
)
def test_what_an_enumeration_never_was(step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, "colour: Colour", step, before=COLOUR)


def test_names_alone(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "colour: Colour = Colour.RED; drawn: 'Thing | Circle | None' = None",
        members_renamed("toy.Colour", SCARLET="RED"),
        moved("old.Hue", "toy.Colour"),
        moved("old.Item", "toy.Thing"),
        before=COLOUR + "@message\nclass Circle:\n    radius: float\n\n\n",
    )
    assert both.history.table("1")["enums"] == {"old.Hue": {"SCARLET": "crimson", "BLUE": "blue"}}
    rows = both.history.fields("Thing", "1")
    assert rows["colour"] == {"type": "old.Hue", "default": {"value": {"enum": "old.Hue", "value": "crimson"}}}
    assert rows["drawn"]["type"] == "old.Item | toy.Circle | None"
    assert list(both.history.specs("1")) == ["old.Item", "toy.Circle"]
    assert both.up(colour="crimson", drawn={"radius": 1}) == {"colour": "crimson", "drawn": {"radius": 1}}
    assert both.history.upgrade({}, "old.Item", since="1") == {}
    assert both.history.eras.crossings == ()
    with pytest.raises(UnsupportedRevisionError):
        both.history.upgrade({}, "old.Item", since="2")


# Required, and computed by default


def test_required(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "count: int; name: str; tag: str",
        required("toy.Thing", "count", was=0),
        required("toy.Thing", "name", unsaid="nobody"),
        required("toy.Thing", "tag"),
    )
    assert both.history.fields("Thing", "1") == {
        "count": {"type": "int", "default": {"value": 0}},
        "name": {"type": "str | None", "default": {"value": None}},
        "tag": {"type": "str | None", "default": {"value": None}},
        "other": {"type": "str", "default": {"value": "x"}},
    }
    assert both.up(tag="t") == {"count": 0, "name": "nobody", "tag": "t"}
    assert both.up(name=None, tag="t", count=1)["name"] == "nobody"
    filled = both.history.upgrade({"name": None}, "Thing", since="1", fill={"name": "n", "tag": "t"})
    assert filled == {"count": 0, "name": "n", "tag": "t"}
    assert set(both.history.fillable("Thing", "1")) == {"name", "tag"}
    assert both.down(count=0, name="nobody", tag="t") == {"count": 0, "name": "nobody", "tag": "t"}


@pytest.mark.parametrize(
    ("field", "step", "reason"),
    [
        ("a: int = 0", required("toy.Thing", "a"), "a can be left out still"),
        ("a: int", required("toy.Thing", "a", was=REQUIRED), "a was required before: there is nothing to say"),
        ("a: int", required("toy.Thing", "a", was=0, unsaid=1), "left out was 0, and stays that"),
        ("a: int | None", required("toy.Thing", "a", unsaid=1), "left out was None, and stays that"),
        ("a: int = 0", became_derived("toy.Thing", "a", was=1), "is not computed: say redefined(...)"),
        ("a: int = derived(len, default=0)", underived("toy.Thing", "a", was=len), "a is computed still"),
        ("a: UUID = field(factory=uuid4)", underived("toy.Thing", "a", was=len), "a is made anew"),
        ("a: int = 0", underived("toy.Thing", "a", was=3), "was=3 computes nothing: redefined(...)"),  # type: ignore[arg-type]
    ],
)
def test_what_leaving_out_never_meant(field: str, step: Change, reason: str, declare: Declare) -> None:  # noqa: F811
    assert reason in wrong(declare, field, step)


def test_underived(declare: Declare) -> None:  # noqa: F811
    def double(values: Mapping[str, Any]) -> Any:
        if values["n"] < 0:
            raise ValueError("negative")
        return {1: "one", 2: None}.get(values["n"], 2 * values["n"])

    both = toy(declare, "n: int = 3; twice: int = 0", underived("toy.Thing", "twice", was=double))
    assert both.history.fields("Thing", "1")["twice"] == {"type": "int", "default": {"factory": "double"}}
    assert both.up() == {"twice": 6}
    assert both.up(n=5) == {"n": 5, "twice": 10}
    assert both.up(n=5, twice=1) == {"n": 5, "twice": 1}
    assert both.refused(n=-1) == ["twice: must be given, as its default then cannot be computed (negative), got None"]
    assert both.refused(n=1) == ["twice: must be int, got 'one'"]
    assert both.down() == {"twice": 0}
    assert both.down(twice=3) == {"twice": 3}
    needed = toy(declare, "n: int = 3; twice: int", underived("toy.Thing", "twice", was=double, shown=4))
    assert needed.history.fields("Thing", "1")["twice"] == {"type": "int", "default": {"value": 4}}
    assert needed.down(n=1, twice=2) == {"n": 1, "twice": 2}
    failing = toy(declare, "n: int = 3; twice: int", underived("toy.Thing", "twice", was=lambda values: values["m"]))
    with pytest.raises(ConversionError, match=r"the function was of twice for toy.Thing raised KeyError: 'm'"):
        failing.up()
    assert conversion_laws(needed.history, max_examples=20) == 1


def test_a_default_that_was_no_value_is_a_loss_where_leaving_it_out_was_computed(declare: Declare) -> None:  # noqa: F811
    steps = (retyped("toy.Thing", "a", was=int), underived("toy.Thing", "a", was=lambda _: 7))
    thing = toy(declare, "a: int | None = None", *steps)
    for payload in ({}, {"a": None}):
        told = [str(loss) for loss in thing.history.losses(payload, "Thing", to="1")]
        assert told == ["a = None: left out it was computed, and it was no value"]
        assert thing.history.downgrade(payload, "Thing", to="1", lossy=True) == {}
    assert thing.down(a=5) == {"a": 5}


def test_functions_are_not_given_a_default_that_was_no_value(declare: Declare) -> None:  # noqa: F811
    """As ``int`` was in releases that did not check it."""
    counted: Any = {"up": lambda it: {"a": it["a"] + 1}, "down": lambda it: {"a": it["a"] - 1}}
    steps = (retyped("toy.Thing", "a", was=int), converted("toy.Thing", before={"a": int}, after=("a",), **counted))
    thing = toy(declare, "a: int | None = None", *steps)
    assert thing.up(a=1) == {"a": 2}
    assert thing.down(a=2) == {"a": 1}
    told = [str(loss) for loss in thing.history.losses({}, "Thing", to="1")]
    assert told == ["a = None: the default of a is no value that it may have"]


def test_became_derived(declare: Declare) -> None:  # noqa: F811
    both = toy(
        declare,
        "n: int = 3; twice: int = derived(lambda thing: 2 * thing.n, default=0)",
        became_derived("toy.Thing", "twice", was=7),
    )
    assert both.up() == {"twice": 7}
    assert both.down(n=5) == {"n": 5, "twice": 10}


# What follows for schemas


def test_schemas_say_what_fields_became(declare: Declare) -> None:  # noqa: F811
    history = history_of(declare(SOURCE))
    fields = schema.json_schema("toy.Job", "1", history)["properties"]
    assert fields["endpoint"]["description"] == "Today converted into `host`, `port`."
    assert fields["done"]["description"] == fields["left"]["description"] == "Today converted into `total`."
    assert fields["level"]["description"] == "Today converted into `level`."
    assert fields["title"]["description"] == "Today called `name`."
    assert fields["old"]["description"] == "Today's message has no such field."
    assert fields["timeout_ms"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 2**64 - 1,
        "x-unit": "ms",
        "description": "Today converted into `timeout_s`.",
        "default": 1500,
    }
    assert fields["state"]["default"] == "pending"
    assert schema.json_schema("toy.Phase", "1", history)["title"] == "toy.Phase"
    assert "Today converted into `host`, `port`." in schema.typescript(revision="1", history=history)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_schemas_accept_what_each_revision_writes(declare: Declare, data: st.DataObject) -> None:  # noqa: F811
    history = history_of(declare(SOURCE))
    release = data.draw(st.sampled_from(history.revisions))
    payload = data.draw(payloads("toy.Job", release, history))
    jsonschema.Draft202012Validator(schema.json_schema("toy.Job", release, history)).validate(payload)


def test_typescript_of_what_moved(declare: Declare) -> None:  # noqa: F811
    source = (
        "class Hue(str, Enum):\n    RED = 'red'\n\n\n@message\nclass Cat:\n    hue: Hue\n\n\n"
        "@message\nclass Dog:\n    name: str\n\n\nPet = Cat | Dog\n"
    )
    steps = (moved("old.Hue", "toy.Hue"), moved("old.Cat", "toy.Cat"), moved("toy.Hound", "toy.Dog"))
    history = History([revision("2", *steps), revision("1")], declare(source))
    text = schema.typescript(revision="1", history=history)
    assert "export interface Cat {" in text
    assert "export interface Hound {" in text
    assert "export type Pet = Cat | Hound;" in text
    assert 'export type OldHue = "red";' in text
    assert "readonly hue: OldHue;" in text


def test_values_that_no_default_stands_for(declare: Declare) -> None:  # noqa: F811
    one = "00000000-0000-0000-0000-000000000000"
    fields = "wait_s: float = derived(lambda thing: 1.0, default=1.0); id: UUID = field(factory=uuid4)"
    both = toy(
        declare,
        fields,
        rescaled("toy.Thing", wait_s="wait_ms", by=1000, was=was(float, default=5.0)),
        values_mapped("toy.Thing", "id", {"none": one}, was=was(str)),
    )
    assert both.up(id="none") == {"id": one, "wait_s": 0.005}
    sized = "@message\nclass Size:\n    width: int\n    made: UUID = field(factory=uuid4)\n\n\n"
    within = toy(declare, "size: Size", nested("toy.Thing", "size", "width", "made"), before=sized)
    assert within.anyway(size={"width": 1}) == {"width": 1}


def test_texts_that_are_null(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "a: str; b: str", split("toy.Thing", "c", into=("a", "b"), by=" ", was=str | None))
    assert both.refused(c=None) == ["c: must be convertible into a, b (it is not given), got None"]


def test_the_order_of_fields_that_are_told(declare: Declare) -> None:  # noqa: F811
    both = toy(declare, "a: str; b: str", split("toy.Thing", "c", into=("a", "b"), by=" ", order=("other", "c")))
    assert list(both.history.fields("Thing", "1")) == ["other", "c"]


def test_a_default_of_then_that_is_a_member(declare: Declare) -> None:  # noqa: F811
    catalog = declare(COLOUR + "@message\nclass Thing:\n    new: Colour = Colour.BLUE\n")
    colour = catalog.enums["toy.Colour"]
    step = converted(
        "toy.Thing",
        before={"old": was(colour, default="crimson")},
        after=("new",),
        up=lambda values: {"new": values["old"]},
        down=lambda values: {"old": values["new"]},
    )
    history = History([revision("2", step, values_renamed("toy.Colour", red="crimson")), revision("1")], catalog)
    assert history.upgrade({}, "Thing", since="1") == {"new": "crimson"}
    assert history.upgrade({"old": "red"}, "Thing", since="1") == {"new": "crimson"}
    assert history.fields("Thing", "1")["old"]["default"] == {"value": {"enum": "toy.Colour", "value": "red"}}
