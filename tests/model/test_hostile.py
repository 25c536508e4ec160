"""Arguments made to be slow, to lie about themselves, or to change what should not change."""

from __future__ import annotations

import collections
import copy
import fractions
import pickle
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import annotated_types
import attrs
import numpy
import pytest

from declared import Everything, Tree
from sagellm_protocol import (
    ChatMessage,
    DecodeError,
    EncodeError,
    Metrics,
    Request,
    Response,
    StreamEvent,
    StreamEventStart,
    ValidationError,
)
from sagellm_protocol.model import EMPTY, FrozenDict, from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.nesting import too_deep
from sagellm_protocol.model.source import Function
from specimens import minimal

REQUEST: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 8}
METRICS: dict[str, Any] = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}


# What is told


def test_a_hundred_violations_are_told_and_the_others_counted() -> None:
    with pytest.raises(ValidationError) as raised:
        Request(**REQUEST, messages=[0] * 100_000)
    error = raised.value
    assert (len(error.violations), error.more) == (100, 99_900)
    assert str(error).startswith(
        "types.Request: 100000 violations\n  messages[0]: must be openai_types.ChatMessage, got 0"
    )
    assert str(error).endswith("\n  messages[99]: must be openai_types.ChatMessage, got 0\n  and 99900 more")
    assert len(error.to_error().message) < 20_000
    again = pickle.loads(pickle.dumps(error))
    assert (again.violations, again.more, str(again)) == (error.violations, error.more, str(error))


def test_an_error_holds_no_more_than_it_tells() -> None:
    error = ValidationError("m", (attrs.evolve(violation, path=str(n)) for n, violation in enumerate(violations(250))))
    assert (len(error.violations), error.more) == (100, 150)
    assert ValidationError("m", error.violations, 7).more == 7


def violations(count: int) -> list[Any]:
    with pytest.raises(ValidationError) as raised:
        Request(request_id=1, trace_id="t", max_tokens=1)  # type: ignore[arg-type]
    return list(raised.value.violations) * count


def test_long_paths_and_long_values_are_cut() -> None:
    key = "k" * 200_000
    with pytest.raises(ValidationError) as raised:
        Request(**REQUEST, metadata={key: [float("nan")] * 20_000})
    error = raised.value
    assert (len(error.violations), error.more) == (100, 19_900)
    assert error.violations[0].path == f"metadata.{'k' * 38}...{'k' * 38}[0]"
    assert len(str(error)) < 20_000


def test_deep_paths_are_cut() -> None:
    deep: Any = {1}
    for _ in range(60):
        deep = {"key": deep}
    with pytest.raises(ValidationError) as raised:
        Request(**REQUEST, metadata=deep)
    assert raised.value.violations[0].path == "metadata" + ".key" * 9 + "..." + ".key" * 10


@pytest.mark.parametrize(
    "value",
    [
        [[["x" * 1000] * 1000] * 1000] * 1000,
        {str(n): {str(m): ["y" * 100] * 100 for m in range(100)} for n in range(100)},
        10**20_000,
        b"z" * 1_000_000,
        collections.OrderedDict({"a" * 1000: 1}),
    ],
    ids=["wide", "table", "integer", "bytes", "ordered"],
)
def test_what_is_shown_of_a_value_is_bounded(value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        Metrics(**{**METRICS, "ttft_ms": value})
    assert len(str(raised.value)) < 1200


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("not you")


def test_a_value_that_cannot_be_shown() -> None:
    with pytest.raises(ValidationError, match="request_id: must be str, got <a Rude whose repr raises RuntimeError>"):
        Request(**{**REQUEST, "request_id": Rude()})


def test_messages_that_hold_themselves_are_shown_in_part() -> None:
    tree = Tree(name="x")
    for _ in range(2000):
        tree = Tree(name="x", only=tree)
    assert repr(tree).count("Tree(") == 7
    assert "only=Tree(...)" in repr(tree)
    wide = Tree(name="x", children=[Tree(name="y", children=[Tree(name="z")] * 100)] * 100)
    assert len(repr(wide)) < 100_000


def test_messages_too_deep_to_be_written() -> None:
    tree = Tree(name="x")
    for _ in range(3000):
        tree = Tree(name="x", only=tree)
    with pytest.raises(EncodeError, match="deeper than 128"):
        to_plain(tree)


def test_payloads_too_deep_to_be_read() -> None:
    payload: dict[str, Any] = {"name": "x"}
    for _ in range(3000):
        payload = {"name": "x", "only": payload}
    with pytest.raises(DecodeError, match="deeper than 128"):
        from_plain(Tree, payload)
    with pytest.raises(ValidationError, match=r"only: must be at most 128 levels deep, got \{'name': 'x', 'only'"):
        Tree(name="x", only=payload)


# What stands in many places


def test_what_stands_in_many_places_is_looked_at_once_and_shared() -> None:
    shared: Any = ["x"]
    for _ in range(22):
        shared = [shared, shared]
    held: Any = Request(**REQUEST, metadata={"deep": shared}).metadata["deep"]
    for _ in range(22):
        assert held[0] is held[1]
        held = held[0]
    assert held == ("x",)


def test_what_stands_in_too_many_places_is_refused() -> None:
    shared: Any = ["x"]
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(ValidationError, match="must be at most 33554432 values"):
        Request(**REQUEST, metadata={"deep": shared})


def test_what_is_shared_may_be_too_deep_in_one_of_its_places() -> None:
    def nested(value: Any, levels: int) -> Any:
        for _ in range(levels):
            value = [value]
        return value

    tail = nested("x", 50)
    assert Request(**REQUEST, metadata={"near": tail, "far": nested(tail, 49)})
    with pytest.raises(ValidationError) as raised:
        Request(**REQUEST, metadata={"near": tail, "far": nested(tail, 50)})
    (violation,) = raised.value.violations
    assert violation.path.startswith("metadata.far[0][0]")
    assert (violation.rule, violation.value) == ("at most 100 levels deep", "[[[[[[...]]]]]]")


def test_equal_small_values_in_many_places_are_no_matter() -> None:
    empty: Any = {}
    held = Request(**REQUEST, metadata={"a": empty, "b": [empty, empty], "c": [[], []]}).metadata
    assert held == {"a": {}, "b": ({}, {}), "c": ((), ())}


def test_what_holds_itself() -> None:
    table: dict[str, Any] = {}
    table["table"] = table
    items: list[Any] = []
    items.append(items)
    with pytest.raises(ValidationError) as raised:
        Request(**REQUEST, metadata={"a": table, "b": items})
    assert [(found.path, found.rule, found.value[:10]) for found in raised.value.violations] == [
        ("metadata.a.table", "JSON, which cannot hold itself", "{'table': "),
        ("metadata.b[0]", "JSON, which cannot hold itself", "[[[[[[...]"),
    ]


# Classes that lie


def lying(base: type) -> type:
    """A subclass of a builtin of which every method that could be asked raises."""

    def lie(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a lie")

    names = {"__len__", "__iter__", "__getitem__", "__contains__", "__str__", "__repr__", "__float__", "__int__"}
    names |= {
        "__index__",
        "__bool__",
        "__eq__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "items",
        "keys",
        "values",
        "get",
    }
    names |= {"is_integer", "encode", "__format__", "hex"}
    return type(
        f"Lying{base.__name__}", (base,), {name: lie for name in names if hasattr(base, name)} | {"__hash__": lie}
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", lying(str)("a")),
        ("number", lying(int)(3)),
        ("real", lying(float)(2.5)),
        ("reals", lying(list)([1.0, lying(float)(2.0)])),
        ("texts", lying(tuple)(("a", lying(str)("b")))),
        ("table", lying(dict)({"a": 1})),
        ("free", lying(dict)({"a": lying(list)([lying(str)("x"), lying(float)(0.5), lying(int)(7)])})),
    ],
    ids=["str", "int", "float", "list", "tuple", "dict", "free"],
)
def test_a_subclass_that_lies_is_taken_for_what_it_holds(field: str, value: Any) -> None:
    held = getattr(Liars(**{field: value}), field)
    expected = {
        "text": "a",
        "number": 3,
        "real": 2.5,
        "reals": (1.0, 2.0),
        "texts": ("a", "b"),
        "table": {"a": 1},
        "free": {"a": ("x", 0.5, 7)},
    }[field]
    assert held == expected
    assert plain_types(held)


def plain_types(value: Any) -> bool:
    if isinstance(value, dict):
        return (
            type(value) is FrozenDict
            and all(type(key) is str for key in value)
            and all(map(plain_types, value.values()))
        )
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(plain_types, value))
    return type(value) in (str, int, float)


@message
class Liars:
    text: str = ""
    number: int = 0
    real: float = 0.0
    reals: Sequence[float] = ()
    texts: Sequence[str] = ()
    table: Mapping[str, int] = EMPTY
    free: Any = None


@pytest.mark.parametrize("field", ["text", "number", "real", "reals", "table"])
@pytest.mark.parametrize("base", [str, float, list, dict])
def test_a_subclass_that_lies_is_refused_in_our_words(field: str, base: type) -> None:
    right = {"text": str, "real": float, "reals": list, "table": dict}
    if right.get(field) is not base:
        with pytest.raises(ValidationError):
            Liars(**{field: lying(base)()})


class Stranger(Sequence[Any]):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        raise OSError("gone")


class StrangeTable(Mapping[str, Any]):
    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        raise OSError("gone")

    def __getitem__(self, key: str) -> Any:
        raise OSError("gone")


@pytest.mark.parametrize("field", ["reals", "table", "free"])
def test_containers_that_cannot_be_read(field: str) -> None:
    value: Any = StrangeTable() if field == "table" else Stranger()
    with pytest.raises(
        ValidationError, match=f"{field}: must be a (sequence|mapping) that can be read .it raises OSError"
    ):
        Liars(**{field: value})


class TwoFaced(str):
    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@pytest.mark.parametrize("field", ["table", "free"])
def test_keys_that_become_the_same(field: str) -> None:
    with pytest.raises(ValidationError, match=f"{field}.a: must be given once, got 2"):
        Liars(**{field: {TwoFaced("a"): 1, TwoFaced("a"): 2}})


def test_a_key_that_is_no_text_is_told_where_it_stands() -> None:
    with pytest.raises(ValidationError) as raised:
        from_plain(Tree, {"name": "x", "children": [{"name": "y", 3: 4}]})
    assert [str(violation) for violation in raised.value.violations] == [
        "children[0]: must be a mapping from text, got 3"
    ]


class MyUUID(uuid.UUID):
    def __str__(self) -> str:
        return "not a uuid"

    @property
    def hex(self) -> str:
        return "neither"


def test_a_subclass_of_uuid_becomes_a_uuid() -> None:
    mine = MyUUID("12345678123456781234567812345678")
    held = Everything(**{**minimal(Everything), "uuid": mine}).uuid
    assert type(held) is uuid.UUID
    assert held == uuid.UUID("12345678123456781234567812345678")
    assert str(held) == "12345678-1234-5678-1234-567812345678"


# Numbers


def test_numbers_of_other_classes_are_the_numbers_that_they_are() -> None:
    for one in (numpy.int8(1), numpy.int64(1), numpy.uint64(1)):
        assert Liars(number=one).number == 1
        assert type(Liars(number=one).number) is int
        assert type(Liars(real=one).real) is float
    for half in (numpy.float16(0.5), numpy.float32(0.5), numpy.float64(0.5), fractions.Fraction(1, 2)):
        assert Liars(real=half, reals=[half]).reals == (0.5,)
        assert type(Liars(real=half).real) is float
        with pytest.raises(ValidationError, match="number: must be int"):
            Liars(number=half)
    for wrong in (numpy.bool_(True), numpy.float64("nan"), numpy.float64("inf"), numpy.array([1.0]), 1j):
        with pytest.raises(ValidationError, match=r"real: must be (float|finite)"):
            Liars(real=wrong)
    with pytest.raises(ValidationError, match=r"number: must be int"):
        Liars(number=1.0)  # type: ignore[arg-type]


def test_numbers_of_other_classes_are_none_in_a_payload() -> None:
    for half in (fractions.Fraction(1, 2), numpy.float32(0.5)):
        with pytest.raises(ValidationError, match="real: must be float, got"):
            from_plain(Liars, {"real": half})


def test_numbers_that_are_not_finite_are_named() -> None:
    with pytest.raises(ValidationError, match="real: must be finite, got inf"):
        Liars(real=float("inf"))


def test_a_number_that_raises_is_none() -> None:
    import numbers

    class Raising:
        def __float__(self) -> float:
            raise OSError("gone")

        def __index__(self) -> int:
            raise OSError("gone")

    numbers.Integral.register(Raising)
    with pytest.raises(ValidationError, match="real: must be float"):
        Liars(real=Raising())  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="number: must be int"):
        Liars(number=Raising())  # type: ignore[arg-type]


def test_an_integer_too_large_for_a_float() -> None:
    with pytest.raises(ValidationError, match="real: must be finite"):
        Liars(real=10**400)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, pytest.param(10**5000, id="5000 digits")])
def test_an_integer_that_no_format_carries(value: Any) -> None:
    for fields in ({"number": value}, {"table": {"k": value}}, {"free": {"k": [value]}}):
        with pytest.raises(ValidationError, match="must be an integer within 64 bits") as raised:
            Liars(**fields)
        assert raised.value.fault == "local"
    held = Liars(number=2**64 - 1, table={"k": -(2**63)}, free={"k": 2**64 - 1})
    assert (held.number, held.table, held.free) == (2**64 - 1, {"k": -(2**63)}, {"k": 2**64 - 1})


# Dicts for messages


def test_a_dict_is_taken_for_a_message_by_the_rules_of_decoding() -> None:
    metrics = Metrics(**METRICS)
    whole = {"request_id": "r", "trace_id": "t", "output_text": "", "output_tokens": [], "finish_reason": "stop"}
    response = Response(**whole, metrics=METRICS, error={"code": "invalid_argument", "message": "m"})
    assert response.metrics == metrics
    assert type(response.metrics) is Metrics
    assert response.error is not None
    assert response.error.code.name == "INVALID_ARGUMENT"
    assert Request(**REQUEST, messages=[{"role": "user", "content": "c"}]).messages == (
        ChatMessage(role="user", content="c"),
    )
    # Integral floats as on the wire, and so are unknown fields.
    assert Response(**whole, metrics={**METRICS, "peak_mem_mb": 8.0}).metrics.peak_mem_mb == 8
    with pytest.raises(ValidationError) as raised:
        Response(**{**whole, "request_id": 1}, metrics={"ttft_ms": -1, "other": 2, **METRICS, "error_rate": 2})
    assert [str(violation) for violation in raised.value.violations] == [
        "request_id: must be str, got 1",
        "metrics.error_rate: must be <= 1, got 2",
        "metrics.other: must be a known field, got 2",
    ]


# What should not change


def test_a_message_cannot_be_built_anew() -> None:
    request = Request(**REQUEST)
    before = hash(request), to_plain(request)
    request.__init__(request_id="other", trace_id="t", max_tokens=1)  # type: ignore[misc]
    for name in ("__setstate__", "__attrs_init__"):
        assert not hasattr(request, name)
    for change in (lambda: setattr(request, "request_id", "x"), lambda: setattr(request, "__class__", object)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            change()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del request.request_id  # type: ignore[misc]
    assert (hash(request), to_plain(request)) == before


def test_the_one_empty_mapping_cannot_be_thawed() -> None:
    with pytest.raises(TypeError, match="cannot be changed"):
        EMPTY.__class__ = FrozenDict.__mro__[1]
    assert type(EMPTY) is FrozenDict


def test_what_a_pickle_holds_is_checked() -> None:
    metrics = Metrics(**METRICS)
    restore, (cls, fields) = metrics.__reduce__()[:2]  # type: ignore[misc]
    assert restore(cls, fields) == metrics
    for tampered in ({**fields, "error_rate": 2.0}, {**fields, "gone_since": 1}, {"ttft_ms": 1.0}):
        with pytest.raises(ValidationError):
            pickle.loads(pickle.dumps(Tampered(restore, cls, tampered)))


class Tampered:
    """Pickles like a message that somebody changed the bytes of."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return self.parts[0], self.parts[1:]


def test_pickles_keep_what_was_derived_and_what_was_made() -> None:
    for whole in (Everything(**minimal(Everything)), Request(**REQUEST, metadata={"a": [1, {"b": 2}]})):
        again = pickle.loads(pickle.dumps(whole))
        assert again == whole
        assert copy.deepcopy(whole) is whole


# What is generated


def test_names_that_cannot_stand_in_source() -> None:
    for name in ("class", "a b", "x: int; import os", "ﬁ", "_x"):
        cls = type("Odd", (), {"__annotations__": {name: int}})
        with pytest.raises((DeclarationError, TypeError), match=r"not a name|identifiers"):
            message(cls)(**{name: 1})


def test_fields_of_older_revisions_may_be_called_anything() -> None:
    to = Function("read")
    assert [to.local(name) for name in ("a-b", "a b", "a_b", "a-b")] == ["v_a_b", "v_a_b_", "v_a_b__", "v_a_b"]


class Spelt(str):
    def __repr__(self) -> str:
        return "__import__('os').abort()"


def test_literals_are_written_as_what_they_are() -> None:
    cls = type("Odd", (), {"__annotations__": {"kind": Literal[Spelt("a"), Spelt("b")]}})  # type: ignore[valid-type]
    assert message(cls)(kind="a").kind == "a"
    with pytest.raises(ValidationError, match="kind: must be one of 'a', 'b', got 'c'"):
        message(cls)(kind="c")


def test_bounds_are_numbers() -> None:
    class Limit(int):
        def __repr__(self) -> str:
            return "__import__('os').abort()"

    cls = type("Odd", (), {"__annotations__": {"number": Annotated[int, annotated_types.Ge(Limit(-7919))]}})
    with pytest.raises(DeclarationError, match="bounds are finite numbers"):
        message(cls)(number=1)


def test_depth_is_told_of_values_in_many_places() -> None:
    def nested(value: Any, levels: int) -> Any:
        for _ in range(levels):
            value = [value]
        return value

    many = list(range(100))
    for tail, fits in ((nested(many, 63), True), (nested(many, 64), False)):
        assert not too_deep([tail])
        assert too_deep([tail, nested(tail, 63)]) != fits


def test_a_dict_for_one_of_several_messages() -> None:
    event: Any = {"event": "start", "request_id": "r", "trace_id": "t", "engine_id": "e"}
    assert type(Events(event=event).event) is StreamEventStart
    with pytest.raises(ValidationError, match=r"event\.event: must be one of 'start', 'delta', 'end', got 'stop'"):
        Events(event={**event, "event": "stop"})  # type: ignore[arg-type]


@message
class Events:
    event: StreamEvent


@message
class Counted:
    kind: Literal["counted"] = "counted"
    count: int


@message(unknown="ignore")
class Called:
    kind: Literal["called"] = "called"
    name: str


@message
class One:
    which: Counted | Called


def test_a_dict_for_one_of_several_messages_follows_the_rules_of_decoding() -> None:
    held = One(which={"kind": "counted", "count": 8.0}).which  # type: ignore[arg-type]
    assert (held, type(held.count)) == (Counted(count=8), int)  # type: ignore[union-attr]
    assert One(which={"kind": "called", "name": "n", "later": 1}).which == Called(name="n")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("which", "violation"),
    [
        (7, "which: must be test_hostile.Counted or test_hostile.Called, got 7"),
        ({"count": "x"}, "which.count: must be int, got 'x'"),
        ({"kind": "counted", "count": 1, 2: 3}, "which: must be a mapping from text, got 2"),
    ],
    ids=["no dict", "told by its fields", "a key that is no text"],
)
def test_what_is_wrong_with_a_dict_for_one_of_several_messages(which: Any, violation: str) -> None:
    with pytest.raises(ValidationError) as raised:
        One(which=which)
    assert [str(found).replace(f"{Counted.__module__}.", "test_hostile.") for found in raised.value.violations] == [
        violation
    ]


# Unions of other things


def test_a_message_in_a_union_is_read_as_the_caller_asked() -> None:
    payload = {**to_plain(Everything(**minimal(Everything))), "text": 1, "leaf_or_text": {"name": "x", "later": 1}}
    for unknown, wrong in (("ignore", ["text"]), ("forbid", ["text", "leaf_or_text.later"])):
        with pytest.raises(ValidationError) as raised:
            from_plain(Everything, payload, unknown=unknown)  # type: ignore[arg-type]
        assert [violation.path for violation in raised.value.violations] == wrong


def test_what_is_wrong_in_a_union_is_counted() -> None:
    wrong = {"text": 1, "text_or_texts": [1] * 150, "leaf_or_text": {}, "colour_or_leaves": [1] * 150}
    with pytest.raises(ValidationError) as raised:
        Everything(**{**minimal(Everything), **wrong})
    assert (len(raised.value.violations), raised.value.more) == (100, 201)
