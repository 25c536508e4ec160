"""Classes that stand on the wire as values of another type: what is written, what is read, and what is refused."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Any, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import msgpack
import pytest
from annotated_types import Ge
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator

import declared
from declared import Celsius, ConvertedDefaults, Converts, ConvertsOddly, Point
from sagellm_protocol import codecs, schema
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.codecs.formats import plain
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import added, renamed, retyped, revision
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.history.fitting import fits
from sagellm_protocol.model import from_plain, message, to_plain
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.exceptions import DeclarationError, EncodeError, ValidationError
from sagellm_protocol.model.own_types import field_type
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.schema.facts import annotation
from sagellm_protocol.schema.reading import read_annotation
from sagellm_protocol.testing import messages
from specimens import SPECIMENS, complete
from stopwatch import takes_at_most
from toys import Declare, declare  # noqa: F401 - the fixture

ALL = [codecs.get(name) for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")]
WRITE: dict[str, Callable[[Any], Any]] = {
    "json": lambda payload: json.dumps(payload).encode(),
    "msgspec-json": lambda payload: json.dumps(payload).encode(),
    "msgpack": msgpack.packb,
    "msgspec-msgpack": msgpack.packb,
    "dict": lambda payload: payload,
}
every_codec = pytest.mark.parametrize("codec", ALL, ids=lambda codec: codec.name)


def at(*values: int, hours: int = 0, minutes: int = 0) -> datetime:
    return datetime(*values, tzinfo=timezone(timedelta(hours=hours, minutes=minutes)))  # type: ignore[arg-type,misc]


WRITTEN: list[tuple[str, Any, Any]] = [
    ("uuid", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("at", at(2024, 2, 29, 1, 2, 3), "2024-02-29T01:02:03+00:00"),
    ("at", at(2024, 2, 29, 1, 2, 3, 40), "2024-02-29T01:02:03.000040+00:00"),
    ("at", at(1, 1, 1, hours=23, minutes=59), "0001-01-01T00:00:00+23:59"),
    ("at", at(9999, 12, 31, 23, 59, 59, 999_999, hours=-3, minutes=-30), "9999-12-31T23:59:59.999999-03:30"),
    ("day", date(1, 1, 1), "0001-01-01"),
    ("lasts", timedelta(0), "PT0S"),
    ("lasts", timedelta(days=-1), "-P1D"),
    ("lasts", timedelta(hours=25, microseconds=500_000), "P1DT1H0.5S"),
    ("lasts", timedelta(minutes=1, seconds=1), "PT1M1S"),
    ("lasts", -timedelta(microseconds=1), "-PT0.000001S"),
    ("lasts", timedelta.max, "P999999999DT23H59M59.999999S"),
    ("lasts", timedelta.min, "-P999999999D"),
    ("price", Decimal("1.50"), "1.50"),
    ("price", Decimal("-0"), "-0"),
    ("price", Decimal("1E+999"), "1E+999"),
    ("price", Decimal("0." + "0" * 998 + "1"), "1E-999"),
    ("data", b"\x00\xff", "AP8="),
    ("data", b"", ""),
    ("path", Path("a") / "b", "a/b"),
    ("path", Path(), "."),
    ("peer_path", PurePosixPath("/a\\b"), "/a\\b"),
    ("heat", Celsius(1.5), 1.5),
]


@pytest.mark.parametrize(("name", "value", "wire"), WRITTEN, ids=[f"{name} {wire}"[:40] for name, _, wire in WRITTEN])
@every_codec
def test_what_is_written_comes_back(codec: Any, name: str, value: Any, wire: Any) -> None:
    whole = {field.name: getattr(complete(Converts), field.name) for field in spec_of(Converts).fields}
    sent = Converts(**{**whole, name: value})
    assert to_plain(sent)[name] == wire
    again = getattr(codec.decode(codec.encode(sent), Converts), name)
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    old_form = codec.decode(WRITE[codec.name](to_plain(sent)), Converts)  # in MessagePack with base64 as text
    assert old_form == sent


READ: list[tuple[str, str, Any]] = [
    ("uuid", "0" * 31 + "A", UUID(int=10)),
    ("at", "2024-02-29t01:02:03z", at(2024, 2, 29, 1, 2, 3)),
    ("at", "2024-02-29T01:02:03.5Z", at(2024, 2, 29, 1, 2, 3, 500_000)),
    ("at", "2024-02-29T01:02:03.123456000-00:00", at(2024, 2, 29, 1, 2, 3, 123_456)),
    ("lasts", "P0D", timedelta(0)),
    ("lasts", "PT36H", timedelta(days=1, hours=12)),
    ("lasts", "-PT90M0.5S", -timedelta(minutes=90, milliseconds=500)),
    ("price", "+1e3", Decimal("1E+3")),
    ("price", "007", Decimal(7)),
    ("path", "", Path()),
    ("path", "a//b/", Path("a/b")),
]


@pytest.mark.parametrize(("name", "text", "value"), READ)
@every_codec
def test_other_forms_that_are_read(codec: Any, name: str, text: str, value: Any) -> None:
    payload = {**to_plain(complete(Converts)), name: text}
    found = getattr(codec.decode(WRITE[codec.name](payload), Converts), name)
    assert (found, repr(found)) == (value, repr(value))
    assert Draft202012Validator(schema_of(Converts)).is_valid(payload)


RULES = {
    "uuid": "UUID",
    "at": "datetime with a UTC offset",
    "day": "date",
    "lasts": "timedelta",
    "price": "finite Decimal of at most 1000 digits, with an exponent of at most three",
    "data": "bytes",
    "path": "Path",
    "peer_path": "PurePosixPath",
}
ONLY_A_CODEC_KNOWS = (
    *("2024-02-30", "2024-02-30T00:00:00Z", "0000-01-01", "P999999999DT24H"),
    *("9" * 1001, "1." + "9" * 1000, "1e1000", "1e1999", "1e9999", "-1e-1000"),
)
"""What a pattern lets through."""
WRONG: list[tuple[str, Any]] = [
    *((name, wrong) for name in RULES for wrong in (None, 1, True, 1.5, [], {})),
    *(
        ("at", text)
        for text in (
            *("", "2024-02-29", "2024-02-29T01:02:03", "2024-02-29 01:02:03Z", "2024-02-29T01:02Z", "20240229T010203Z"),
            *("2024-02-29T01:02:60Z", "2024-02-29T24:00:00Z", "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z"),
            *(
                "2024-02-29T01:02:03.1234567Z",
                "2024-02-29T01:02:03,5Z",
                "2024-02-29T01:02:03.Z",
                "2024-W09-4T00:00:00Z",
            ),
            *("2024-02-29T01:02:03+0100", "2024-02-29T01:02:03+24:00", "2024-02-29T01:02:03Z\n", "1709168523"),
            *("\uff12024-02-29T01:02:03Z", "2024-02-29T01:02:03" + "0" * 100_000),
        )
    ),
    *(("day", text) for text in ("2024-02-30", "20240229", "2024-2-9", "2024-02-29T00:00:00Z", "0000-01-01", " ")),
    *(("day", text) for text in ("2024-02-29\n", "+2024-02-29", "2024-W09-4", "\uff12024-02-29")),
    *(
        ("lasts", text)
        for text in (
            *("", "P", "PT", "-P", "P1", "P1Y", "P1M", "P1W", "PT1", "1", "P1D1H", "PT1S1M", "P-1D", "+P1D", "PT1.S"),
            *("PT.5S", "PT1.1234567S", "PT1,5S", "p1d", "P1DT", "P1D\n", "P1000000000D", "P999999999DT24H"),
            *("PT" + "9" * 100_000 + "S", "PT" + "9" * 4000 + "S", "\uff11", "P\uff11D", "1 day, 0:00:00"),
        )
    ),
    *(
        ("price", text)
        for text in (
            *("", ".", "1.", ".5", "1_000", "1,5", " 1", "1\n", "0x1", "NaN", "sNaN", "Infinity", "-inf", "\uff11"),
            *(
                "1e999999999",
                "1e-999999999",
                "1e1000",
                "1e9999",
                "-1e-1000",
                "1e" + "9" * 1000,
                "9" * 1001,
                "1." + "9" * 1000,
                "1e1999",
            ),
            *("0." + "0" * 100_000 + "1", "9" * 1_000_000),
        )
    ),
    *(
        ("data", text)
        for text in (
            "A",
            "AA",
            "AAA",
            "AA=",
            "A===",
            "AB==",
            "AAB=",
            "AA==\n",
            "A A=",
            "AA-_",
            "AAAA=",
            "====",
            "\xe9" * 4,
        )
    ),
    *(("uuid", text) for text in ("", "0" * 33, "{" + "0" * 32 + "}")),
    ("heat", -273.16),
    ("heat", "1"),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG, ids=[f"{name} {wrong!r}"[:40] for name, wrong in WRONG])
def test_what_is_wrong_is_told_alike_by_every_codec(name: str, wrong: Any) -> None:
    payload = {**to_plain(complete(Converts)), name: wrong}
    told = set()
    for codec in ALL:
        data = WRITE[codec.name](payload)
        with takes_at_most(1), pytest.raises(ValidationError) as raised:
            codec.decode(data, Converts)
        told |= set(raised.value.violations)
    (violation,) = told
    assert violation.path == name
    assert violation.rule == RULES.get(name, "float" if isinstance(wrong, str) else ">= -273.15")
    assert Draft202012Validator(schema_of(Converts)).is_valid(payload) is (wrong in ONLY_A_CODEC_KNOWS)


class MyDatetime(datetime):
    pass


class MyDelta(timedelta):
    pass


class MyDecimal(Decimal):
    pass


class MyBytes(bytes):
    pass


class MyCelsius(Celsius):
    pass


class Wild(tzinfo):
    """A time zone of the caller's."""

    def utcoffset(self, when: datetime | None) -> NoReturn:
        raise RuntimeError("no offset today")


NOT_HELD: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in ("uuid", "at", "day", "lasts", "price", "data", "path", "heat")
        for value in (None, 1, "x")
    ),
    ("at", date(2024, 1, 1)),
    ("at", datetime(2024, 1, 1)),
    ("at", datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1)))),
    ("at", MyDatetime(2024, 1, 1, tzinfo=timezone.utc)),
    ("day", at(2024, 1, 1)),
    ("lasts", MyDelta(1)),
    ("price", MyDecimal(1)),
    ("price", 1.5),
    ("price", Decimal("NaN")),
    ("price", Decimal("-Infinity")),
    ("price", Decimal("1E+1000")),
    ("price", Decimal("9" * 1001)),
    ("price", Decimal("1." + "9" * 1000)),
    ("data", MyBytes(b"x")),
    ("data", bytearray(b"x")),
    ("data", memoryview(b"x")),
    ("path", PurePath("a")),
    ("heat", MyCelsius(1.0)),
    ("peer_path", Path("a")),
]


@pytest.mark.parametrize(
    ("name", "value"),
    NOT_HELD,
    ids=[f"{name} {type(value).__name__} {number}" for number, (name, value) in enumerate(NOT_HELD)],
)
def test_what_a_constructor_refuses(name: str, value: Any) -> None:
    whole = {field.name: getattr(complete(Converts), field.name) for field in spec_of(Converts).fields}
    with pytest.raises(ValidationError) as raised:
        Converts(**{**whole, name: value})
    (violation,) = raised.value.violations
    assert (violation.path, violation.rule) == (name, RULES.get(name, "declared.Celsius"))


def test_a_time_zone_that_raises() -> None:
    with pytest.raises(ValidationError, match=r"at: must be datetime with a UTC offset \(its time zone raises Runtime"):
        ConvertedDefaults(at=datetime(2024, 1, 1, tzinfo=Wild()))


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_is_held_at_its_offset(fold: int) -> None:
    """In the hour that a zone tells twice, a time of that zone equals no other, not even what it was written as."""
    given_time = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    sent = ConvertedDefaults(at=given_time)
    assert sent.at == at(2024, 10, 27, 2, 30, hours=2 - fold)
    assert type(sent.at.tzinfo) is timezone
    assert sent.at.fold == 0
    for codec in ALL:
        again = codec.decode(codec.encode(sent), ConvertedDefaults)
        assert (again, hash(again)) == (sent, hash(sent))


def test_messages_are_values() -> None:
    sent = complete(Converts)
    assert pickle.loads(pickle.dumps(sent)) == sent
    assert copy.deepcopy(sent) is sent
    assert attrs.evolve(sent, price=Decimal(2)).price == 2
    assert {sent: 1}[complete(Converts)] == 1


def test_what_is_equal_and_written_otherwise_is_no_default() -> None:
    for codec in (codecs.get(codec.name, omit_defaults=True) for codec in ALL):
        assert codec.decode(codec.encode(ConvertedDefaults()), ConvertedDefaults).price == Decimal("1.50")
        sent = ConvertedDefaults(price=Decimal("1.5"), at=at(2024, 1, 1, 1, hours=1), heat=Celsius(-1.0))
        again = codec.decode(codec.encode(sent), ConvertedDefaults)
        assert (str(again.price), str(again.at), again.heat) == ("1.5", "2024-01-01 01:00:00+01:00", Celsius(-1.0))
    plain = codecs.get("dict", omit_defaults=True).encode(ConvertedDefaults())
    assert plain.keys() == {"made"}


def test_msgpack_carries_bytes_as_they_are() -> None:
    for name in ("msgpack", "msgspec-msgpack"):
        assert msgpack.unpackb(codecs.get(name).encode(ConvertedDefaults()))["data"] == b"default"
    assert base64.b64decode(to_plain(ConvertedDefaults())["data"]) == b"default"
    assert ALL[2].decode({"data": b"raw"}, ConvertedDefaults).data == b"raw"


def test_what_msgspec_leaves_to_the_core_codecs() -> None:
    for name in ("msgspec-json", "msgspec-msgpack"):
        shortcuts = codecs.get(name).format.shortcuts
        assert shortcuts is not None
        assert shortcuts.reason_against(Converts) is None
        assert "declared.Point, which is neither text, number nor flag" in str(shortcuts.reason_against(ConvertsOddly))


# A user's own classes


@attrs.frozen
class Version:
    parts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Version:
        if text == "wrong class":
            return Celsius(0.0)  # type: ignore[return-value]
        if text == "bug":
            raise ZeroDivisionError
        return cls(tuple(map(int, text.split("."))))

    def text(self) -> Any:
        if not self.parts:
            raise ValueError("no parts")
        return ".".join(map(str, self.parts)) if self.parts[0] >= 0 else None


field_type(Version, load=Version.of, dump=Version.text, schema={"pattern": "^[0-9]+([.][0-9]+)*$"})


@message
class Release:
    version: Version
    also: Sequence[Version] = ()
    named: Mapping[str, Version] = {}


@every_codec
def test_a_class_of_the_users(codec: Any) -> None:
    sent = Release(version=Version((1, 2)), also=[Version((3,))], named={"a": Version((4,))})
    wire = codec.encode(sent)
    assert codec.decode(wire, Release) == sent
    assert to_plain(sent) == {"version": "1.2", "also": ["3"], "named": {"a": "4"}}
    payload = {"version": "x", "also": ["wrong class", 1, "2"], "named": {"a": "bug"}}
    with pytest.raises(ValidationError) as raised:
        codec.decode(WRITE[codec.name](payload), Release)
    name = f"{__name__}.Version"
    assert [(found.path, found.rule) for found in raised.value.violations] == [
        ("version", f"{name} (load raises ValueError(\"invalid literal for int() with base 10: 'x'\"))"),
        ("also[0]", f"{name} (load gives Celsius(degrees=0.0))"),
        ("also[1]", name),
        ("named.a", f"{name} (load raises ZeroDivisionError())"),
    ]
    with pytest.raises(EncodeError, match=r"Version\(parts=\(\)\) cannot be written: dump raises ValueError"):
        codec.encode(Release(version=Version(())))
    with pytest.raises(EncodeError, match=r"Version\(parts=\(-1,\)\) cannot be written: dump gives None"):
        codec.encode(Release(version=Version((-1,))))


def test_a_class_of_the_users_in_schemas_and_facts() -> None:
    assert schema_of(Release)["properties"]["version"] == {"type": "string", "pattern": "^[0-9]+([.][0-9]+)*$"}
    point = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    assert schema_of(ConvertsOddly)["properties"]["point"] == point


@pytest.mark.parametrize(
    ("cls", "options", "reason"),
    [
        (UUID, {}, "uuid.UUID can be in a field already"),
        (Decimal, {}, "can be in a field already"),
        (Celsius, {}, "can be in a field already"),
        (declared.Leaf, {}, "can be in a field already"),
        (declared.Colour, {}, "can be in a field already"),
        (str, {}, "can be in a field already"),
        (Sequence[int], {}, "is no class"),
        (MyCelsius, {"wire": UUID}, "cannot be the wire type"),
        (MyCelsius, {"wire": Sequence[declared.Leaf]}, "cannot be the wire type"),
        (MyCelsius, {"wire": set[int]}, "is no type that a message can carry"),
    ],
)
def test_classes_that_cannot_be_taught(cls: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason):
        field_type(cls, load=cls, dump=str, **options)


@attrs.frozen
class Small:
    number: int


field_type(Small, load=Small, dump=lambda small: small.number, wire=Annotated[int, Ge(0)])
st.register_type_strategy(Small, st.integers(0, 9).map(Small))


@message
class Holder:
    small: Small


def test_a_strategy_is_found_where_none_is_given() -> None:
    @given(messages(Holder))
    def check(sent: Any) -> None:
        for codec in ALL:
            assert codec.decode(codec.encode(sent), Holder) == sent

    check()


# cattrs


@attrs.frozen
class Mine:
    """A class of the user's that is no message."""

    leaf: declared.Leaf
    at: datetime
    price: Decimal
    data: bytes
    path: Path
    version: Version


@every_codec
def test_classes_that_hold_messages(codec: Any) -> None:
    sent = Mine(declared.Leaf(), at(2024, 1, 1), Decimal("1.50"), b"\xff", Path("a"), Version((1,)))
    wire = codec.encode(sent)
    assert codec.decode(wire, Mine) == sent
    with pytest.raises(EncodeError, match="is no datetime with a UTC offset"):
        codec.encode(attrs.evolve(sent, at=datetime(2024, 1, 1)))
    with pytest.raises(ValidationError) as raised:
        codec.decode(WRITE[codec.name]({**ALL[2].encode(sent), "at": "x", "price": 1}), Mine)
    assert [(found.path, found.rule) for found in raised.value.violations] == [
        ("at", RULES["at"]),
        ("price", RULES["price"]),
    ]


@attrs.frozen
class Loose:
    held: Any


@every_codec
def test_values_that_nobody_checked(codec: Any) -> None:
    written = codec.encode(Loose({"a": [at(2024, 1, 1), Decimal(1), Version((1, 2))]}))
    parsed = {"json": json.loads, "msgspec-json": json.loads, "dict": dict}.get(codec.name, msgpack.unpackb)(written)
    assert parsed == {"held": {"a": ["2024-01-01T00:00:00+00:00", "1", "1.2"]}}
    with pytest.raises(EncodeError, match="is no finite Decimal"):
        codec.encode(Loose([Decimal("NaN")]))


@message
class Several:
    held: str | float


def test_what_is_written_as_text_meant_to_be_the_text_of_a_union() -> None:
    for value, rule in ((UUID(int=1), "str"), (at(2024, 1, 1), "str"), (b"x", "str or float"), (Celsius(1), "float")):
        with pytest.raises(ValidationError) as raised:
            Several(held=value)
        assert [found.rule for found in raised.value.violations] == [rule]


def test_plain_values_of_hooks() -> None:
    assert plain({"a": (UUID(int=1), b"x")}) == {"a": [str(UUID(int=1)), "eA=="]}
    with pytest.raises(EncodeError, match=r"a\[0\] cannot be written: Decimal\('NaN'\) is no finite Decimal"):
        plain({"a": [Decimal("NaN")]})


# History and schemas


def schema_of(cls: type) -> dict[str, Any]:
    return schema.json_schema(cls, history=History([revision("1")], Catalog([cls.__module__])))


@pytest.mark.parametrize("cls", [Converts, ConvertsOddly, ConvertedDefaults])
def test_the_schema_takes_what_the_codecs_take(cls: type) -> None:
    validator = Draft202012Validator(schema_of(cls))

    @given(messages(cls))
    def check(sent: Any) -> None:
        validator.validate(to_plain(sent))

    check()


SOURCE = """
    from datetime import date, datetime, timedelta
    from decimal import Decimal
    from pathlib import Path

    @message
    class Thing:
        name: str
        start: datetime
        data: bytes
        price: Decimal = Decimal("1.50")
        day: date | None = None
        lasts: Sequence[timedelta] = ()
        path: Path = Path("a")
"""


def test_histories_carry_them(declare: Declare) -> None:  # noqa: F811
    catalog = declare(SOURCE)
    ours = History(
        [revision("2", renamed("toy.Thing", begin="start"), added("toy.Thing", "price", "lasts")), revision("1")],
        catalog,
    )
    assert ours.fields("Thing", "1")["begin"] == {"type": "datetime", "required": True}
    assert ours.fields("Thing", "2")["price"] == {"type": "Decimal", "default": {"value": "1.50"}}
    cls: Any = catalog.get("Thing")
    sent = cls(name="x", start=at(2024, 1, 1), data=b"\xff", day=date(2024, 1, 2))
    for name in WRITE:
        codec = codecs.get(name, revision="1", history=ours)
        wire = codec.encode(sent)
        assert codec.decode(wire, cls) == sent
        old = {"name": "x", "begin": "2024-01-01T00:00:00Z", "data": "/w==", "day": "2024-01-02"}
        assert codec.decode(WRITE[name](old), cls) == sent
        assert codec.decode_envelope(codec.encode_envelope(sent)) == sent
        with pytest.raises(ValidationError, match=r"begin: must be datetime with a UTC offset"):
            codec.decode(WRITE[name]({**old, "begin": "2024-01-01"}), cls)
    raw = {"name": "x", "begin": "2024-01-01T00:00:00Z", "data": b"\xff", "day": "2024-01-02"}
    assert codecs.get("msgpack", revision="1", history=ours).decode(msgpack.packb(raw), cls) == sent
    assert [str(found) for found in ours.detect(raw | {"data": "/w=="})] == ["toy.Thing (1)"]
    assert schema.json_schema("Thing", history=ours)["properties"]["price"]["default"] == "1.50"


def test_a_change_of_type_is_told(declare: Declare) -> None:  # noqa: F811
    ours = History([revision("2", retyped("toy.Thing", "name", was=datetime)), revision("1")], declare(SOURCE))
    (found,) = compare("1", "2", history=ours)
    assert (found.kind, found.before, found.after, found.breaks) == ("type", "datetime", "str", "readers")


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        *((cls, str, True) for cls in SPECIMENS if cls not in (Celsius, Point)),
        *((str, cls, False) for cls in SPECIMENS),
        *((cls, cls, True) for cls in SPECIMENS),
        (Celsius, float, True),
        (Celsius, str, False),
        (Point, Sequence[float], True),
        (date, datetime, False),
        (datetime, date, False),
    ],
)
def test_what_fits_into_what(narrow: Any, wide: Any, expected: bool) -> None:
    assert fits(read_type(narrow), read_type(wide)) is expected


@pytest.mark.parametrize("cls", [*SPECIMENS, Version])
def test_facts_are_read_back(cls: type) -> None:
    kind = read_type(cls)
    assert read_annotation(annotation(kind), {}) == kind


def test_from_plain_says_the_same() -> None:
    for name, wrong in WRONG[:20]:
        with pytest.raises(ValidationError) as raised:
            from_plain(Converts, {**to_plain(complete(Converts)), name: wrong})
        assert [found.path for found in raised.value.violations] == [name]


@message
class Blobs:
    blobs: Sequence[bytes]


def test_right_items_are_not_counted() -> None:
    with pytest.raises(ValidationError) as raised:
        from_plain(Blobs, {"blobs": ["x"] * 150 + [b"x", "eA=="] * 50})
    assert len(raised.value.violations) + raised.value.more == 150


def test_wrong_items_are_counted() -> None:
    texts = ["x"] * 1000 + ["0" * 30 + "T00"] * 1000 + [None] * 5
    with pytest.raises(ValidationError) as raised:
        from_plain(Converts, {**to_plain(complete(Converts)), "ats": texts})
    assert len(raised.value.violations) + raised.value.more == len(texts)
