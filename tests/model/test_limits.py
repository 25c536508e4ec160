"""What stands beside a type in ``Annotated``: honoured by the constructor, every codec, schemas and histories alike."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal

import annotated_types
import msgpack
import pytest
from annotated_types import Ge, Gt, Len, Lt, MaxLen, MinLen, MultipleOf, Not, Predicate, Timezone, doc
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from declared import Leaf, Limits, LimitsOddly
from sagellm_protocol import codecs, schema
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.history.fitting import fits
from sagellm_protocol.model import from_plain, message, to_plain
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.bounds import MEANINGS
from sagellm_protocol.model.exceptions import DeclarationError, ValidationError
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.units import Unit
from sagellm_protocol.model.wording import describe
from sagellm_protocol.schema.facts import annotation
from sagellm_protocol.schema.reading import read_annotation
from sagellm_protocol.testing import messages
from specimens import complete
from toys import Declare, declare  # noqa: F401 - the fixture

NAMES = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")

BROKEN: list[tuple[str, Any, str]] = [
    ("short", "abcdef", "at most 5 long"),
    ("some", "", "at least 1 long"),
    ("upper", "aB", "accepted by isupper"),
    ("upper", "A", "at least 2 long"),
    ("upper", "ABCDEFG", "at most 6 long"),
    ("ascii", "\xe9", "accepted by isascii"),
    ("not_digits", "12", "not accepted by isdigit"),
    ("third", 4, "a multiple of 3"),
    ("third", -(2**63) + 1, "a multiple of 3"),
    ("half", 0.3, "a multiple of 0.5"),
    ("half", -0.5, ">= 0"),
    ("half", 1001, "<= 1000"),
    ("names", [], "at least 1 long"),
    ("names", ["a"] * 4, "at most 3 long"),
    ("names[1]", ["a", ""], "at least 1 long"),
    ("halves[0]", [0.25], "a multiple of 0.5"),
    ("even", [1], "accepted by _even_sum"),
    ("table", {"a": 1, "b": 2, "c": 3}, "at most 2 long"),
    ("leaves", [], "at least 1 long"),
    ("data", "", "at least 1 long"),
    ("data", "AAAAAAA=", "at most 4 long"),
    ("since", "2019-12-31T23:59:59.999999Z", ">= 2020-01-01T00:00:00+00:00"),
    ("since", "2020-01-01T00:00:00+00:01", ">= 2020-01-01T00:00:00+00:00"),
    ("utc", "2020-01-01T00:00:00+01:00", "at the UTC offset +00:00"),
    ("day", "2000-01-01", "> 2000-01-01"),
    ("day", "2100-01-01", "< 2100-01-01"),
    ("lasts", "-PT1S", ">= PT0S"),
    ("lasts", "P2D", "< P2D"),
    ("lasts", "PT0.0001S", "a multiple of PT0.001S"),
    ("price", "-0.01", ">= 0"),
    ("price", "100", "<= 99.99"),
    ("price", "0.001", "a multiple of 0.01"),
    ("worth", "0.5", "> 0.5"),
    ("worth", "1000.01", "<= 1000"),
    ("free", None, "accepted by _is_given"),
    ("level", 4, "one of 1, 2, 3"),
    ("level", True, "one of 1, 2, 3"),
    ("level", "1", "one of 1, 2, 3"),
    ("level", 1.5, "one of 1, 2, 3"),
    ("one", 2, "1"),
    ("mixed", "0", "one of 'auto', 0, -1"),
    ("mixed", False, "one of 'auto', 0, -1"),
    ("mixed", None, "one of 'auto', 0, -1"),
    ("levels[1]", [1, True], "one of 1, 2"),
]


def schema_of(cls: type) -> dict[str, Any]:
    return schema.json_schema(cls, history=History([revision("1")], Catalog([cls.__module__])))


def write(name: str, payload: Any) -> Any:
    if name == "dict":
        return payload
    return msgpack.packb(payload) if "msgpack" in name else json.dumps(payload).encode()


@pytest.mark.parametrize(("path", "wrong", "rule"), BROKEN, ids=[f"{path} {wrong!r}"[:40] for path, wrong, _ in BROKEN])
def test_what_is_broken_is_told_alike_by_every_codec(path: str, wrong: Any, rule: str) -> None:
    payload = {**to_plain(complete(Limits)), path.partition("[")[0]: wrong}
    told = set()
    for name in NAMES:
        with pytest.raises(ValidationError) as raised:
            codecs.get(name).decode(write(name, payload), Limits)
        told |= {(found.path, found.rule) for found in raised.value.violations}
    assert told == {(path, rule)}
    field = schema_of(Limits)["properties"][path.partition("[")[0]]
    kept_in_mind = rule in field.get("x-rules", ())
    assert Draft202012Validator(schema_of(Limits)).is_valid(payload) is kept_in_mind


@pytest.mark.parametrize(
    ("name", "value", "path", "rule", "shown"),
    [
        ("half", 1001, "half", "<= 1000", "1001"),
        ("halves", [1, 0.25], "halves[1]", "a multiple of 0.5", "0.25"),
        ("names", ["a", "b", "c", "d"], "names", "at most 3 long", "['a', 'b', 'c', 'd']"),
        ("even", [1, 2], "even", "accepted by _even_sum", "[1, 2]"),
        ("table", dict.fromkeys("abc", 1), "table", "at most 2 long", "{'a': 1, 'b': 1, 'c': 1}"),
        ("data", b"12345", "data", "at most 4 long", "b'12345'"),
        ("day", date(2000, 1, 1), "day", "> 2000-01-01", "datetime.date(2000, 1, 1)"),
        ("price", Decimal("0.001"), "price", "a multiple of 0.01", "Decimal('0.001')"),
        ("level", 4, "level", "one of 1, 2, 3", "4"),
    ],
)
def test_a_constructor_tells_what_was_given(name: str, value: Any, path: str, rule: str, shown: str) -> None:
    whole = {field.name: getattr(complete(Limits), field.name) for field in spec_of(Limits).fields}
    with pytest.raises(ValidationError) as raised:
        Limits(**{**whole, name: value})
    (found,) = raised.value.violations
    assert (found.path, found.rule, found.value) == (path, rule, shown)


def test_integers_are_taken_for_floats_everywhere() -> None:
    whole = {field.name: getattr(complete(Limits), field.name) for field in spec_of(Limits).fields}
    held = Limits(**{**whole, "half": 2, "halves": [1, 2.5], "maybe_reals": [1, None, 2.5], "third": 6})
    payload = {**to_plain(held), "half": 2, "halves": [1, 2.5], "maybe_reals": [1, None, 2.5], "third": 6.0}
    for found in (held, *(codecs.get(name).decode(write(name, payload), Limits) for name in NAMES)):
        assert (
            repr((found.half, found.halves, found.maybe_reals, found.third)) == "(2.0, (1.0, 2.5), (1.0, None, 2.5), 6)"
        )


def test_a_literal_integer_may_be_a_float_on_the_wire() -> None:
    payload = {**to_plain(complete(Limits)), "level": 2.0, "mixed": -1.0, "levels": [1.0]}
    for name in NAMES:
        found = codecs.get(name).decode(write(name, payload), Limits)
        assert repr((found.level, found.mixed, found.levels)) == "(2, -1, (1,))"


@pytest.mark.parametrize("cls", [Limits, LimitsOddly])
def test_the_schema_takes_what_the_codecs_take(cls: type) -> None:
    validator = Draft202012Validator(schema_of(cls))
    Draft202012Validator.check_schema(schema_of(cls))

    @given(messages(cls))
    def check(sent: Any) -> None:
        validator.validate(to_plain(sent))

    check()


def test_the_schema_says_what_it_can() -> None:
    found = schema_of(Limits)["properties"]
    assert found["names"] == {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": 3,
    }
    assert found["table"]["maxProperties"] == 2
    assert found["third"]["multipleOf"] == 3
    assert found["upper"] == {"type": "string", "minLength": 2, "maxLength": 6, "x-rules": ["accepted by isupper"]}
    assert found["level"] == {"type": "integer", "enum": [1, 2, 3]}
    assert found["one"] == {"type": "integer", "const": 1}
    assert found["mixed"] == {"enum": ["auto", 0, -1]}
    assert found["utc"]["x-rules"] == ["at the UTC offset +00:00"]


@message
class Twice:
    number: Annotated[Annotated[int, MultipleOf(2)], MultipleOf(3)]
    text: Annotated[Annotated[str, MinLen(1)] | None, MinLen(2), MaxLen(9), MaxLen(5)]


@message
class Noted:
    number: Annotated[int, Ge(0), doc("How many."), doc("At least.")]
    text: Annotated[str, doc("A text.")] = ""


def test_what_two_steps_say_together() -> None:
    assert schema_of(Twice)["properties"] == {
        "number": {
            "type": "integer",
            "minimum": -(2**63),
            "maximum": 2**64 - 1,
            "multipleOf": 2,
            "x-rules": ["a multiple of 3"],
        },
        "text": {"type": ["string", "null"], "minLength": 2, "maxLength": 5},
    }
    assert Twice(number=6, text="ab")
    for number in (2, 3):
        with pytest.raises(ValidationError, match="a multiple of"):
            Twice(number=number, text=None)

    @given(messages(Twice))
    def check(sent: Any) -> None:
        assert sent.number % 6 == 0

    check()


# Predicates


def picky(value: int) -> bool:
    return 1 / value > 0.1


class Stripping:
    """A predicate that is no function, and cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, value: str) -> str:
        return value.strip()


@message
class Picky:
    number: Annotated[int, Predicate(picky)] = 1
    text: Annotated[str, Predicate(Stripping())] = "x"
    short: Annotated[str, Predicate(lambda text: len(text) < 3)] = "x"


def test_what_a_predicate_raises_is_a_violation() -> None:
    for name in NAMES:
        with pytest.raises(ValidationError) as raised:
            codecs.get(name).decode(write(name, {"number": 0, "text": " ", "short": "long"}), Picky)
        assert [(found.path, found.rule) for found in raised.value.violations] == [
            ("number", "accepted by picky (it raises ZeroDivisionError)"),
            ("text", "accepted by Stripping"),
            ("short", "accepted by <lambda>"),
        ]
    assert Picky(number=2, text="a", short="ab") == from_plain(Picky, {"number": 2, "text": "a", "short": "ab"})


# What predicates refuse is drawn again, and these refuse most of what is drawn.
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(messages(Picky))
def test_a_predicate_that_raises_is_drawn_around(sent: Any) -> None:
    assert picky(sent.number)


def test_a_predicate_on_a_default_is_checked() -> None:
    @message
    class Wrong:
        number: Annotated[int, Predicate(picky)] = 0

    with pytest.raises(DeclarationError, match="the default of number: must be accepted by picky"):
        Wrong()


# Declarations


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (Annotated[str, Ge(1)], "bounds and units belong on int and float"),
        (Annotated[str, Unit("ms")], "bounds and units belong on int and float"),
        (
            Annotated[datetime, Ge(datetime(2020, 1, 1))],
            "a bound of datetime is a datetime with a UTC offset that can be",
        ),
        (Annotated[int, MinLen(1)], "lengths belong on texts, sequences, mappings and bytes"),
        (Annotated[str, MinLen(-1)], "a length is an integer from 0, not -1"),
        (Annotated[float, MultipleOf(0.1)], "declare the field as Decimal"),
        (Annotated[int, MultipleOf(2.5)], "integers are multiples of integers"),
        (Annotated[float, MultipleOf(-1)], "MultipleOf takes a number above 0"),
        (Annotated[float, MultipleOf(2**70 + 1)], "declare the field as Decimal"),
        (Annotated[bool, MultipleOf(1)], "MultipleOf belongs on int, float, Decimal and timedelta"),
        (Annotated[bytes, MultipleOf(b"a")], "MultipleOf belongs on int, float, Decimal and timedelta"),
        (Annotated[timedelta, MultipleOf(timedelta(0))], "nothing is a multiple of datetime.timedelta(0)"),
        (Annotated[datetime, Timezone(None)], r"write Timezone\(...\) for any offset"),
        (Annotated[datetime, Timezone("Europe/Berlin")], "has an offset from UTC, and no zone"),
        (Annotated[datetime, Timezone(timezone(timedelta(seconds=1)))], "in whole minutes"),
        (Annotated[date, Timezone(...)], "Timezone belongs on datetime"),
        (Annotated[Sequence[Leaf], Predicate(len)], r"write field\(validator=...\)"),
        (Annotated[float, Predicate(math.isinf)], "no value is isinf"),
        (Annotated[float, Predicate(Not(math.isfinite))], "no value is not isfinite"),
        (Sequence[Annotated[int, doc("a note")]], "write it outermost"),
    ],
)
def test_what_would_be_ignored_is_refused(declared: Any, reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason.replace("(0)", r"\(0\)")):
        read_type(declared)


@pytest.mark.parametrize(
    ("declared", "plain"),
    [
        (Annotated[str, Len(0)], str),
        (Annotated[datetime, Timezone(...)], datetime),
        (Annotated[float, annotated_types.Unit("ms")], Annotated[float, Unit("ms")]),
        (Annotated[float, MultipleOf(2)], Annotated[float, MultipleOf(2.0)]),
        (Annotated[Decimal, Ge(1)], Annotated[Decimal, Ge(Decimal(1))]),
        (Annotated[datetime, Timezone("UTC")], Annotated[datetime, Timezone(timezone.utc)]),
        (Annotated[str | None, MinLen(1)], Annotated[str, MinLen(1)] | None),
    ],
)
def test_two_ways_to_say_the_same(declared: Any, plain: Any) -> None:
    assert read_type(declared) == read_type(plain)


def test_doc_is_the_text_of_a_field() -> None:
    found = schema_of(Noted)["properties"]
    assert found["number"]["description"] == "How many.\n\nAt least."
    assert found["text"] == {"type": "string", "description": "A text.", "default": ""}
    assert Noted(number=1).text == ""


def test_words() -> None:
    kind = read_type(Annotated[Sequence[Annotated[str, MinLen(1)]], MaxLen(2)] | None)
    assert describe(kind) == "a sequence of str, at least 1 long, at most 2 long or None"


# Histories


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        (Annotated[str, MinLen(2)], str, True),
        (str, Annotated[str, MinLen(2)], False),
        (Annotated[str, MinLen(2)], Annotated[str, MinLen(1)], True),
        (Annotated[str, MinLen(1)], Annotated[str, MinLen(2)], False),
        (Annotated[str, MaxLen(1)], Annotated[str, MaxLen(2)], True),
        (Annotated[str, MinLen(5)], Annotated[str, MaxLen(9)], False),
        (Annotated[str, Predicate(str.isupper)], Annotated[str, Predicate(str.isupper)], True),
        (Annotated[str, Predicate(str.isupper)], Annotated[str, Predicate(str.islower)], False),
        (Annotated[str, Predicate(str.isupper)], Annotated[str, Predicate(Not(str.isupper))], False),
        (Annotated[int, MultipleOf(6)], Annotated[int, MultipleOf(3)], True),
        (Annotated[int, MultipleOf(3)], Annotated[int, MultipleOf(6)], False),
        (Annotated[int, MultipleOf(3), Ge(1)], Annotated[int, Ge(0)], True),
        (Annotated[int, Ge(1)], Annotated[int, MultipleOf(3), Ge(0)], False),
        (Annotated[Decimal, MultipleOf(Decimal("0.1"))], Annotated[Decimal, MultipleOf(Decimal("0.05"))], True),
        (Annotated[Decimal, Ge(Decimal("10"))], Annotated[Decimal, Ge(Decimal("9"))], True),
        (Annotated[date, Gt(date(2020, 1, 1))], Annotated[date, Ge(date(2020, 1, 1))], True),
        (Annotated[date, Ge(date(2020, 1, 1))], Annotated[date, Gt(date(2020, 1, 1))], False),
        (Annotated[datetime, Timezone("UTC")], Annotated[datetime, Timezone("UTC")], True),
        (
            Annotated[datetime, Timezone("UTC")],
            Annotated[datetime, Timezone(timezone(timedelta(hours=1)))],
            False,
        ),
        (Annotated[Sequence[int], MinLen(1)], Sequence[float], True),
        (Sequence[Annotated[str, MinLen(1)]], Sequence[str], True),
        (Annotated[str, MinLen(1)] | None, str | None, True),
        (Annotated[str, MinLen(1)] | Sequence[int], str | Sequence[int], True),
        (Annotated[str, MinLen(2)] | None, Annotated[str, MinLen(1)] | Sequence[int] | None, True),
        (Annotated[str | Sequence[int], Predicate(len)], Sequence[int] | str | bool, True),
        (Literal[1, 2], int, True),
        (Literal[1, 2], Annotated[int, Ge(1)], True),
        (Literal[1, 2], Annotated[float, Lt(2)], False),
        (Literal[1, "a"], int, False),
        (Literal[1], Literal[1, 2], True),
        (Literal[1], str, False),
    ],
)
def test_what_fits_into_what(narrow: Any, wide: Any, expected: bool) -> None:
    kinds = read_type(narrow), read_type(wide)
    assert fits(*kinds) is expected
    if not any("accepted" in annotation(kind) for kind in kinds):
        assert fits(*(read_annotation(annotation(kind), {}) for kind in kinds)) is expected


@pytest.mark.parametrize("field", spec_of(Limits).fields, ids=lambda field: field.name)
def test_facts_are_read_back(field: Any) -> None:
    text = annotation(field.type)
    assert annotation(read_annotation(text, {})) == text


def test_what_changed_is_told(declare: Declare) -> None:  # noqa: F811
    declared = """
        from annotated_types import Len, MultipleOf, Predicate

        @message
        class Thing:
            name: Annotated[str, Len(1, 5), Predicate(str.islower), Predicate(str.isascii)]
            rows: Annotated[Sequence[Annotated[float, Ge(0), MultipleOf(0.5)]], Len(1)] = (1,)
            level: Literal[1, 2] = 1
    """
    from sagellm_protocol.history.changes import retyped

    ours = History(
        [
            revision(
                "2",
                retyped(
                    "toy.Thing", "name", was=Annotated[str, Len(2, 4), Predicate(str.islower), Predicate(str.isascii)]
                ),
                retyped("toy.Thing", "level", was=Literal[1]),
            ),
            revision("1"),
        ],
        declare(declared),
    )
    assert [(found.path, found.kind, found.before, found.after) for found in compare("1", "2", history=ours)] == [
        (
            "toy.Thing.name",
            "bounds",
            "str (at least 2 long at most 4 long accepted by islower accepted by isascii)",
            "str (at least 1 long at most 5 long accepted by islower accepted by isascii)",
        ),
        ("toy.Thing.level", "type", "Literal[1]", "Literal[1, 2]"),
    ]
    assert ours.fields("Thing", "2")["name"]["bounds"] == {
        "min_length": 1,
        "max_length": 5,
        "predicate": "accepted by islower, accepted by isascii",
    }
    assert ours.fields("Thing", "2")["rows"]["bounds"] == {"ge": 0, "multiple_of": 0.5, "min_length": 1}
    cls: Any = ours.catalog.get("Thing")
    for name in NAMES:
        codec = codecs.get(name, revision="1", history=ours)
        assert codec.decode(write(name, {"name": "abc"}), cls) == cls(name="abc")
        with pytest.raises(ValidationError, match="name: must be at least 2 long"):
            codec.decode(write(name, {"name": "a"}), cls)


def test_messages_within_what_is_limited(declare: Declare) -> None:  # noqa: F811
    declared = """
        from annotated_types import MinLen

        @message
        class Part:
            size: int
            note: str = ""

        @message
        class Whole:
            parts: Annotated[Sequence[Part], MinLen(1)]
            one: Part | None = None
    """
    from sagellm_protocol.history.changes import added, renamed

    ours = History(
        [revision("2", renamed("toy.Part", length="size"), added("toy.Part", "note")), revision("1")], declare(declared)
    )
    whole, part = ours.catalog.get("Whole"), ours.catalog.get("Part")
    for name in NAMES:
        codec = codecs.get(name, revision="1", history=ours, unknown="ignore")
        sent: Any = whole(parts=[part(size=1)])  # type: ignore[call-arg]
        assert codec.decode(codec.encode(sent), whole) == sent
        strange = {"parts": [{"length": 1, "strange": 2}], "one": None}
        assert codec.decode(write(name, strange), whole) == sent
        with pytest.raises(ValidationError, match="parts: must be at least 1 long"):
            codec.decode(write(name, {"parts": []}), whole)
        strict = codecs.get(name, revision="1", history=ours)
        with pytest.raises(ValidationError, match=r"parts\[0\].strange: must be a known field"):
            strict.decode(write(name, strange), whole)


def test_messages_told_apart_by_integers() -> None:
    """Integers are no tags: 1 and true would be the same one. Such messages are told by their fields."""

    @message
    class One:
        kind: Literal[1] = 1
        a: int

    @message
    class Two:
        kind: Literal[2] = 2
        b: int

    @message
    class Three:
        kind: Literal["three"] = "three"
        c: int

    for name in NAMES:
        codec = codecs.get(name)
        assert codec.decode(codec.encode(Two(b=1)), One | Two) == Two(b=1)
        assert codec.decode(codec.encode(Two(b=1)), Two | Three) == Two(b=1)
        assert codec.decode(codec.encode(Three(c=1)), Two | Three) == Three(c=1)
        with pytest.raises(ValidationError):
            codec.decode(write(name, {"kind": True, "a": 1}), One | Two)


def test_every_constraint_of_annotated_types_is_known() -> None:
    known = {
        found
        for found in vars(annotated_types).values()
        if isinstance(found, type) and issubclass(found, annotated_types.BaseMetadata)
    }
    assert known - {meaning.annotation for meaning in MEANINGS.values()} == {
        annotated_types.BaseMetadata,
        annotated_types.Unit,
    }


def test_wrong_items_are_counted() -> None:
    @message
    class Many:
        names: Sequence[Annotated[str, MaxLen(1)]]
        tables: Mapping[str, Annotated[Sequence[int], MaxLen(1)]] = {}

    with pytest.raises(ValidationError) as raised:
        from_plain(Many, {"names": ["a", "ab", 1, None] * 100, "tables": {"a": [1, 2]}})
    assert len(raised.value.violations) + raised.value.more == 301
