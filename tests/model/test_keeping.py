"""Messages that keep the fields that they do not have: declared, built, read, written and shown."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import attrs
import pydantic
import pytest
from annotated_types import MaxLen
from hypothesis import given, strategies as st

from declared import Keeping, KeepingOddly, Leaf
from sagellm_protocol import codecs, violations
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import (
    EMPTY,
    KEPT,
    FrozenDict,
    JsonObject,
    evolve,
    field,
    from_plain,
    message,
    rule,
    to_plain,
)
from sagellm_protocol.model.exceptions import (
    DeclarationError,
    DecodeError,
    EncodeError,
    OptionError,
    ValidationError,
)
from sagellm_protocol.model.mutable import mutable
from sagellm_protocol.schema import json_schema
from sagellm_protocol.schema.declarations import typescript
from sagellm_protocol.testing import messages, nearly_valid
from toys import Declare, declare  # noqa: F401 - the fixture

ALL = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
EXTRA = {"top_k": 5, "guided_json": {"type": ["object", {"a": None}]}, "größe": -0.5}


def wired(name: str, payload: Any) -> Any:
    """A payload as a format has it."""
    if name == "dict":
        return payload
    return json.dumps(payload).encode() if "json" in name else codecs.get("msgpack").format.dumps(payload)


def refused(make: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        make()
    return [str(found) for found in caught.value.violations]


# What is declared


def test_a_place_to_keep_things_and_the_word_for_it_go_together() -> None:
    with pytest.raises(DeclarationError, match=r"Lost: unknown='keep' needs a field .* extra: JsonObject = KEPT"):

        @message(unknown="keep")
        class Lost:
            x: int = 0

    with pytest.raises(DeclarationError, match=r"Idle.extra: .* write unknown='keep', not 'forbid'"):

        @message
        class Idle:
            extra: JsonObject = KEPT

    with pytest.raises(DeclarationError, match=r"Passing.extra: .*not 'ignore'"):

        @message(unknown="ignore")
        class Passing:
            extra: JsonObject = field(default=KEPT)

    with pytest.raises(DeclarationError, match=r"Twice.more: what is kept is in extra already"):

        @message(unknown="keep")
        class Twice:
            extra: JsonObject = KEPT
            more: JsonObject = KEPT


def test_a_message_that_extends_one_says_so_as_well() -> None:
    with pytest.raises(DeclarationError, match=r"Silent.extra"):

        @message
        class Silent(Keeping):
            x: int = 0

    @message(unknown="keep")
    class More(Keeping):
        x: int = 0

    assert More(name="a", extra={"b": 1}).extra == {"b": 1}
    assert refused(lambda: More(name="a", extra={"x": 1})) == [
        "extra.x: must be given as the field of that name, got 1"
    ]


@pytest.mark.parametrize("annotation", [int, Mapping[str, int], Annotated[JsonObject, MaxLen(3)], Any])
def test_what_is_kept_is_free_json_by_name(annotation: Any) -> None:
    @message(unknown="keep")
    class Wrong:
        extra: annotation = KEPT

    with pytest.raises(
        DeclarationError, match=r"Wrong\.extra: what is kept is free JSON by name; declare it JsonObject"
    ):
        Wrong()


# What is built


def test_nothing_is_kept_unless_something_is_given() -> None:
    empty = Keeping(name="a")
    assert empty.extra is EMPTY is Keeping(name="b", extra={}).extra
    for name in ALL:
        assert codecs.get(name).decode(wired(name, {"name": "a"}), Keeping).extra is EMPTY
        assert codecs.get(name).decode(codecs.get(name).encode(empty), Keeping).extra is EMPTY


def test_it_is_frozen_and_part_of_the_message() -> None:
    kept = Keeping(name="a", extra=EXTRA)
    assert type(kept.extra) is FrozenDict
    assert kept.extra["guided_json"]["type"] == ("object", {"a": None})
    assert kept != Keeping(name="a")
    assert kept == Keeping(name="a", extra=dict(EXTRA))
    assert hash(kept) == hash(Keeping(name="a", extra=EXTRA))
    assert repr(Keeping(name="a", extra={"b": [1]})) == "Keeping(name='a', size=0, inner=None, extra={'b': (1,)})"
    assert repr(Keeping(name="a")) == "Keeping(name='a', size=0, inner=None)"
    assert pickle.loads(pickle.dumps(kept)) == copy.deepcopy(kept) == kept
    assert evolve(kept, size=1).extra == kept.extra
    assert evolve(kept, extra={}) == Keeping(name="a")


def test_names_of_fields_are_not_kept() -> None:
    assert refused(lambda: Keeping(name="a", extra={"size": 1, "b": {1: 2}, "name": "b"})) == [
        "extra.b: must be JSON with texts as keys, got 1",
        "extra.size: must be given as the field of that name, got 1",
        "extra.name: must be given as the field of that name, got 'b'",
    ]
    assert refused(lambda: evolve(Keeping(name="a"), extra={"inner": None})) == [
        "extra.inner: must be given as the field of that name, got None"
    ]
    # They are free to be what the place itself is called.
    assert Keeping(name="a", extra={"extra": 1}).extra == {"extra": 1}


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (5, "extra: must be a mapping, got 5"),
        ({"a": float("nan")}, "extra.a: must be finite, got nan"),
        ({"a": 2**64}, "extra.a: must be an integer within 64 bits, got 18446744073709551616"),
        ({1: 2}, "extra: must be JSON with texts as keys, got 1"),
    ],
)
def test_it_is_checked_as_free_json(extra: Any, told: str) -> None:
    assert refused(lambda: Keeping(name="a", extra=extra)) == [told]


def test_alias_hidden_values_rules_and_validators_are_obeyed() -> None:
    def few(instance: Any, attribute: Any, value: Any) -> None:
        if len(value) > 1:
            raise ValueError("too many")

    @message(unknown="keep", rules=(rule("quiet", ("rest",), "empty", lambda it: not it.rest),))
    class Odd:
        rest: JsonObject = field(default=KEPT, alias="others", repr=False, validator=few)
        a: int = 0

    assert to_plain(Odd(others={"b": 1})) == {"a": 0, "b": 1}
    assert repr(Odd(others={"b": 1})).endswith(".Odd(a=0)")
    assert refused(lambda: Odd(others={"b": 1, "c": 2})) == ["rest: must be accepted by few, got <hidden>"]
    assert refused(lambda: from_plain(Odd, {"a": "x", "b": 1, "c": 2})) == [
        "a: must be int, got 'x'",
        "rest: must be accepted by few, got <hidden>",
    ]
    assert refused(lambda: from_plain(Odd, {"token": float("nan")})) == ["rest: must be finite, got <hidden>"]
    assert [found.name for found in violations(Odd(others={"b": 1}))] == ["quiet"]


def test_a_rule_shows_what_is_kept() -> None:
    @message(unknown="keep", rules=(rule("quiet", ("extra",), "empty", lambda it: not it.extra),))
    class Quiet:
        extra: JsonObject = KEPT

    assert [found.value for found in violations(Quiet(extra={"b": 1}))] == ["extra={'b': 1}"]


def test_state_that_lives_keeps_too() -> None:
    living = mutable(Keeping)(name="a", extra={"b": 1})
    living.extra = {"c": [2]}
    assert living.freeze() == Keeping(name="a", extra={"c": [2]})
    with pytest.raises(ValidationError, match=r"extra.name: must be given as the field of that name"):
        living.extra = {"name": 2}


# What is read and written


@pytest.mark.parametrize("name", ALL)
def test_it_stands_flat_on_the_wire_after_the_fields(name: str) -> None:
    codec, plain = codecs.get(name), codecs.get("dict")
    kept = Keeping(name="a", inner=Leaf(name="b"), extra=EXTRA)
    payload = {"name": "a", "size": 0, "inner": {"name": "b"}, **EXTRA}
    assert plain.encode(kept) == to_plain(kept) == payload
    assert list(plain.encode(kept)) == list(payload)
    assert codec.encode(kept) == wired(name, payload) or json.loads(codec.encode(kept)) == payload
    assert codec.decode(wired(name, payload), Keeping) == kept
    assert list(codec.decode(wired(name, payload), Keeping).extra) == list(EXTRA)
    for options in ({"omit_defaults": True}, {"omit_nulls": True}):
        short = codecs.get(name, **options)
        kept = Keeping(name="a", extra={"b": None, "c": 0})
        assert codecs.get("dict", **options).encode(kept).items() >= {"b": None, "c": 0}.items()
        assert short.decode(short.encode(kept), Keeping) == kept


@pytest.mark.parametrize("name", ALL)
def test_a_codec_may_do_otherwise(name: str) -> None:
    wire = wired(name, {"name": "a", "top_k": 5})
    assert codecs.get(name, unknown="keep").decode(wire, Keeping) == Keeping(name="a", extra={"top_k": 5})
    assert codecs.get(name, unknown="ignore").decode(wire, Keeping) == Keeping(name="a")
    assert refused(lambda: codecs.get(name, unknown="forbid").decode(wire, Keeping)) == [
        "top_k: must be a known field, got 5"
    ]
    # Where there is no place, each message does as it says.
    assert refused(lambda: codecs.get(name, unknown="keep").decode(wire, Leaf)) == [
        "top_k: must be a known field, got 5"
    ]


@pytest.mark.parametrize("name", ALL)
def test_messages_within_messages_keep(name: str) -> None:
    codec = codecs.get(name)
    one = Keeping(name="b", extra={"x": 1})
    whole = KeepingOddly(others={"y": {}}, one=one, many=[one, Keeping(name="c")])
    assert whole.length == 1
    assert codec.decode(codec.encode(whole), KeepingOddly) == whole
    assert codec.decode(wired(name, to_plain(whole)), KeepingOddly) == whole
    wire = wired(name, {"one": {"name": "a", "z": 1}, "many": [{"name": "a"}, {"name": "b", "z": [2]}]})
    read = codec.decode(wire, KeepingOddly)
    assert [read.one, *read.many] == [
        Keeping(name="a", extra={"z": 1}),
        Keeping(name="a"),
        Keeping(name="b", extra={"z": [2]}),
    ]


@pytest.mark.parametrize("name", ALL)
def test_what_is_kept_off_the_wire_is_checked_as_free_json(name: str) -> None:
    deep: Any = 0
    for _ in range(99):
        deep = [deep]
    codec = codecs.get(name)
    assert codec.decode(wired(name, {"name": "a", "deep": deep}), Keeping).extra.keys() == {"deep"}
    told = refused(lambda: codec.decode(wired(name, {"name": "a", "deep": [deep]}), Keeping))
    assert len(told) == 1
    assert told[0].startswith("deep[0]")
    assert "must be at most 100 levels deep" in told[0]
    if name != "msgpack" and name != "msgspec-msgpack":
        with pytest.raises(DecodeError, match="top_k is an integer past 64 bits"):
            codec.decode(wired(name, {"name": "a", "top_k": 2**64}), Keeping)


def test_a_payload_of_a_caller_is_told_of_in_full() -> None:
    given = {"name": 1, "a": float("inf"), "b": {2: 3}, "c": object}
    told = refused(lambda: codecs.get("dict").decode(given, Keeping))
    assert [line.partition(":")[0] for line in told] == ["name", "a", "b", "c"]

    class Name(str):
        __slots__ = ()

    assert from_plain(Keeping, {Name("name"): "a", Name("top_k"): 5}) == Keeping(name="a", extra={"top_k": 5})


def test_a_hundred_violations_and_those_besides_are_counted() -> None:
    many = [{"name": 1}] * 100 + [{"name": "a", "x": float("nan")}, {"name": "a", "x": 1}]
    with pytest.raises(ValidationError) as caught:
        from_plain(KeepingOddly, {"many": many})
    assert (len(caught.value.violations), caught.value.more) == (100, 1)


@given(messages(KeepingOddly), st.sampled_from(ALL))
def test_any_message_comes_back(kept: KeepingOddly, name: str) -> None:
    codec = codecs.get(name)
    assert codec.decode(codec.encode(kept), KeepingOddly) == kept
    assert from_plain(KeepingOddly, to_plain(kept)) == kept


def test_a_codec_that_was_taught_other_names_lets_none_meet() -> None:
    def teach(converter: Any) -> None:
        converter.override(Keeping, size=attrs_override(rename="many"), inner=attrs_override(omit=True))

    from cattrs import override as attrs_override

    codec = codecs.get("dict", configure=teach)
    kept = Keeping(name="a", size=2, extra={"b": [1]})
    assert codec.encode(kept) == {"name": "a", "many": 2, "b": [1]}
    assert codec.decode({"name": "a", "many": 2, "b": [1]}, Keeping) == kept
    with pytest.raises(EncodeError, match="'many' is kept, and is what this codec calls a field"):
        codec.encode(Keeping(name="a", extra={"many": 1}))
    for strange in ("size", "inner"):
        assert refused(lambda: codec.decode({"name": "a", strange: 1, "b": 2}, Keeping)) == [  # noqa: B023
            f"{strange}: must be a known field, got 1"
        ]
    with pytest.raises(OptionError, match="extra"):
        codecs.get("dict", configure=lambda it: it.override(Keeping, extra=attrs_override(rename="x")))


# What is told of it


def test_nearly_valid_payloads_have_one_thing_wrong_in_what_is_kept(declare: Declare) -> None:  # noqa: F811 - the fixture
    found = declare('@message(unknown="keep")\nclass Toy:\n    extra: JsonObject = KEPT\n    a: int = 0')
    history = History([revision("1")], found)
    places = set()

    @given(nearly_valid("Toy", history=history))
    def look(wrong: Any) -> None:
        places.add(wrong[1].path[:6])

    look()
    assert "field_" in places
    schema = json_schema("Toy", history=history)
    assert schema["additionalProperties"] is True
    assert schema["properties"].keys() == {"a"}


def test_attrs_and_docs_know_the_place() -> None:
    assert [it.name for it in attrs.fields(Keeping)] == ["name", "size", "inner", "extra"]
    assert Keeping.__doc__ is not None
    assert "extra: JsonObject = {}  (under names that no field has)" in Keeping.__doc__


def test_pydantic_writes_what_is_kept_whatever_it_leaves_out() -> None:
    adapter: Any = pydantic.TypeAdapter(Keeping)
    kept = adapter.validate_python({"name": "a", "b": None, "c": [{"d": None}]})
    assert kept == Keeping(name="a", extra={"b": None, "c": [{"d": None}]})
    for options in ({"exclude_none": True}, {"exclude_defaults": True}, {}):
        written = adapter.dump_python(kept, **options)
        assert written.items() >= {"name": "a", "b": None, "c": [{"d": None}]}.items()
        assert "extra" not in written
    assert adapter.dump_python(kept, exclude={"b"}, exclude_defaults=True) == {"name": "a", "c": [{"d": None}]}
    assert adapter.json_schema()["additionalProperties"] is True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_names_of_pydantic_do_as_extra_allow_does() -> None:
    old: Any = Keeping
    kept = old.model_validate({"name": "a", "b": [1], "c": None})
    assert kept == old.model_validate({"name": "a", "b": [1], "c": None}, extra="allow")
    assert old.model_validate({"name": "a", "b": 1}, extra="ignore") == Keeping(name="a")
    assert kept.model_dump(exclude_none=True) == {"name": "a", "size": 0, "b": [1], "c": None}
    assert kept.model_dump(exclude={"b"}, exclude_defaults=True) == {"name": "a", "c": None}
    old_leaf: Any = Leaf
    with pytest.raises(OptionError, match="this message keeps no unknown fields"):
        old_leaf.model_validate({"name": "a"}, extra="allow")


def test_typescript_says_that_others_are_kept(declare: Declare) -> None:  # noqa: F811 - the fixture
    found = declare('@message(unknown="keep")\nclass Toy:\n    extra: JsonObject = KEPT\n    a: int = 0')
    told = typescript(history=History([revision("1")], found))
    assert "  /** Other fields are kept. */\n  readonly [name: string]: unknown;\n}" in told
    assert "extra" not in told


def test_rules_that_speak_of_what_is_kept_are_mended() -> None:
    @message(unknown="keep", rules=(rule("quiet", ("extra",), "empty", lambda it: not it.extra),))
    class Quiet:
        extra: JsonObject = KEPT

    @given(messages(Quiet, consistent=True))
    def look(drawn: Quiet) -> None:
        assert drawn == Quiet()

    look()

    @given(messages(Keeping, extra={"b": 1}))
    def keeps(drawn: Keeping) -> None:
        assert drawn.extra == {"b": 1}

    keeps()


def test_a_sequence_of_them() -> None:
    codec = codecs.get("json")
    kept = [Keeping(name="a", extra={"b": 1})]
    read: Sequence[Keeping] = codec.decode(codec.encode(kept), list[Keeping])
    assert read == kept
