"""Messages stand as dataclasses: what that gives, and what it leaves as it was."""

from __future__ import annotations

import copy
import dataclasses
import pprint
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import attrs
import cattrs
import msgspec
import orjson
import pydantic_core
import pytest
import rich.pretty
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from hypothesis import given, strategies as st
from hypothesis.internal.compat import dataclass_asdict

from sagellm_protocol import SamplingParams, ValidationError, catalog, codecs
from sagellm_protocol.model import EMPTY, derived, field, message
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.testing.strategies import messages
from specimens import in_fields

NAMES = sorted(catalog.messages())


@message
class Inner:
    n: int


@message
class Outer:
    ident: UUID = field(factory=uuid4)
    inner: Inner
    many: Sequence[Inner] = ()
    free: Mapping[str, Any] = EMPTY
    secret: str = field(default="s", repr=False)
    unequal: int = field(default=0, eq=False)
    called: int = field(default=1, alias="named", metadata={"a": 1})
    double: int = derived(lambda self: self.inner.n * 2, default=0)


OUTER = Outer(inner=Inner(n=1), many=[{"n": 2}], free={"a": [1, {"b": 2}]}, ident=UUID(int=7))


@message
class Ordered(Inner):
    m: int = 0


class Plain(Inner):
    pass


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_those_of_attrs(name: str) -> None:
    cls: Any = catalog.get(name)
    assert dataclasses.is_dataclass(cls)
    found = dataclasses.fields(cls)
    assert [one.name for one in found] == [one.name for one in attrs.fields(cls)]
    for one, own in zip(found, attrs.fields(cls), strict=True):
        given = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        assert given == (own.default is not attrs.NOTHING)
        assert one.kw_only is (own.kw_only is not False)
    assert cls.__dataclass_fields__ is cls.__dataclass_fields__
    assert cls.__dataclass_params__.frozen


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_asdict_and_orjson_hold_what_codecs_write(name: str, data: st.DataObject) -> None:
    held: Any = data.draw(messages(catalog.get(name)))
    plain = in_fields(held)
    assert list(dataclasses.asdict(held)) == list(plain)
    assert orjson.loads(orjson.dumps(held)) == plain
    assert orjson.loads(pydantic_core.to_json(held)) == plain
    assert dataclasses.replace(held) == held
    assert orjson.loads(msgspec.json.encode(held)) == plain


def test_what_a_field_says() -> None:
    found = {one.name: one for one in dataclasses.fields(Outer)}
    assert found["inner"].type is Inner
    assert found["free"].default is EMPTY
    assert found["ident"].default_factory is uuid4
    assert (found["secret"].repr, found["unequal"].compare) == (False, False)
    assert dict(found["called"].metadata) == {"a": 1}
    assert repr(found["double"].default_factory()) == "<derived>"  # type: ignore[misc]


def test_asdict_astuple_replace() -> None:
    held = dataclasses.asdict(OUTER)
    assert held == {
        **{name: getattr(OUTER, name) for name in ("ident", "free", "secret", "unequal", "called", "double")},
        "inner": {"n": 1},
        "many": ({"n": 2},),
    }
    assert dataclasses.astuple(OUTER)[1:3] == ((1,), ((2,),))
    changed: Any = dataclasses.replace(OUTER, called=5, secret="t")
    assert (changed.called, changed.secret, changed.double) == (5, "t", 2)
    with pytest.raises(ValidationError, match="called: must be int, got 'x'"):
        dataclasses.replace(OUTER, called="x")
    with pytest.raises(ValidationError, match="unknwon: must be a known field"):
        dataclasses.replace(OUTER, unknwon=1)
    if sys.version_info >= (3, 13):
        assert copy.replace(OUTER, secret="t").secret == "t"


def test_subclasses() -> None:
    assert [one.name for one in dataclasses.fields(Inner)] == ["n"]

    @message
    class Late(Inner):
        later: int

    assert [one.name for one in dataclasses.fields(Late)] == ["n", "later"]
    assert [one.name for one in dataclasses.fields(Ordered)] == ["n", "m"]
    assert dataclasses.fields(Plain) == dataclasses.fields(Inner)
    assert dataclasses.asdict(Plain(n=1)) == {"n": 1}
    assert "__dataclass_fields__" not in vars(Plain)
    assert dataclasses.replace(Plain(n=1), n=2) == Plain(n=2)

    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass"):

        @dataclasses.dataclass
        class _Thawed(Inner):
            m: int = 0

    @dataclasses.dataclass(frozen=True)
    class Lost(Inner):
        m: int = 0

    with pytest.raises(DeclarationError, match="declare it with @message"):
        Lost(n=1, m=2)


def test_what_is_declared_as_a_dataclass_is_refused_as_ever() -> None:
    with pytest.raises(DeclarationError, match="put @message in its place"):

        @message
        @dataclasses.dataclass
        class _Twice:
            n: int

    with pytest.raises(DeclarationError, match="is declared by @message already"):
        message(Inner)


def test_order_is_told() -> None:
    @message(order=True)
    class Sorted:
        n: int

    assert Sorted.__dataclass_params__.order  # type: ignore[attr-defined]
    assert not Inner.__dataclass_params__.order  # type: ignore[attr-defined]
    assert Sorted.__dataclass_params__ is Sorted.__dataclass_params__  # type: ignore[attr-defined]


def test_a_message_of_swapped_names_is_no_dataclass() -> None:
    @message
    class Swapped:
        a: int = field(alias="b")
        b: int = field(alias="a")

    assert not dataclasses.is_dataclass(Swapped)
    with pytest.raises(AttributeError, match="Swapped is no dataclass: a= is how b is given"):
        Swapped.__dataclass_fields__  # type: ignore[attr-defined]  # noqa: B018


def test_annotations_that_are_not_there_yet_are_not_kept() -> None:
    names: dict[str, Any] = {"message": message, "__name__": __name__}
    exec("@message\nclass Early:\n    later: 'Later'\n", names)
    (before,) = dataclasses.fields(names["Early"])
    exec("@message\nclass Later:\n    n: int\n", names)
    (after,) = dataclasses.fields(names["Early"])
    assert isinstance(before.type, str)
    assert after.type is names["Later"]


def test_cattrs_reads_and_writes_as_before() -> None:
    converter = cattrs.Converter()
    converter.register_structure_hook(UUID, lambda text, _: UUID(text))
    read = make_dict_structure_fn(Outer, converter)
    assert read({"inner": {"n": 3}, "called": 4, "ident": str(UUID(int=1))}, Outer) == Outer(
        inner=Inner(n=3), named=4, ident=UUID(int=1)
    )
    write = make_dict_unstructure_fn(SamplingParams, converter, _cattrs_omit_if_default=True)
    sampled = SamplingParams(temperature=0.7, strategy="greedy")
    assert converter.structure(write(sampled), SamplingParams) == sampled
    assert write(SamplingParams(temperature=0.7))["strategy"] == "sampling"


@message
class Validated:
    n: int = field(validator=attrs.validators.ge(2))
    many: Sequence[int] = ()


def test_what_msgspec_fills_is_checked() -> None:
    """It filled the slots of attrs classes with lists, and refused what has derived fields."""
    read = msgspec.json.decode(b'{"n":3,"many":[1]}', type=Validated)
    assert (read, read.many) == (Validated(n=3, many=(1,)), (1,))
    assert msgspec.json.decode(b'{"temperature":0.7}', type=SamplingParams) == SamplingParams(temperature=0.7)
    with pytest.raises(msgspec.ValidationError, match="n: must be accepted by NumberValidator"):
        msgspec.json.decode(b'{"n":1}', type=Validated)


def test_a_method_of_that_name_stays() -> None:
    @message
    class Own:
        n: int

        def __post_init__(self) -> str:
            return "mine"

    @message
    class Heir(Own):
        m: int = 0

    assert (Own(n=1).__post_init__(), Heir(n=1).__post_init__()) == ("mine", "mine")


def test_what_shows_messages_shows_them_as_before() -> None:
    shown = repr(OUTER)
    assert "secret" not in shown
    assert "secret" not in rich.pretty.pretty_repr(OUTER)
    assert pprint.pformat(OUTER, width=1000) == shown
    assert dataclass_asdict(Inner(n=1)) == {"n": 1}


def test_codecs_refuse_messages_where_json_stands() -> None:
    """orjson would write them, wherever they are."""
    for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"):
        assert codecs.get(name).decode(codecs.get(name).encode(Inner(n=1)), Inner) == Inner(n=1)
    with pytest.raises(ValidationError, match=r"free.a: must be JSON, got Inner\(n=1\)"):
        Outer(inner={"n": 1}, free={"a": Inner(n=1)})
