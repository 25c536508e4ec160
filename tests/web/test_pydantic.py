"""Messages in pydantic: what is read, written and described is what the codecs read and write and our schemas say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Optional, Union

import jsonschema
import pydantic
import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import PydanticSerializationError, SchemaValidator

from sagellm_protocol import (
    Error,
    ErrorCode,
    Metrics,
    ProtocolError,
    Request,
    Response,
    StreamEvent,
    StreamEventDelta,
    catalog,
    codecs,
    kv_hooks,
    schema,
)
from sagellm_protocol.kv import types as kv_types
from sagellm_protocol.model import EMPTY, field, from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.testing.strategies import messages

NAMES = sorted(catalog.messages())
PLAIN: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
DELTA: dict[str, Any] = {
    "event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "content": "x", "content_tokens": [1],
}  # fmt: skip
ENTRIES = {"kv.types.KVHandle": kv_types.KVHandle, "kv_hooks.KVHandle": kv_hooks.KVHandle}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@cache
def adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


@message
class Tree:
    code: ErrorCode
    kids: Sequence[Tree] = ()
    table: Mapping[str, Tree] = EMPTY
    perhaps: Sequence[Tree | None] = ()


@message
class Told:
    secret: int = field(default=0, repr=False, alias="given")
    waited: timedelta = timedelta(seconds=1)
    free: Mapping[str, Any] = EMPTY


class Holding(BaseModel):
    many: list[Request] = []
    table: dict[str, Request] = {}
    maybe: Optional[Metrics] = None  # noqa: UP045
    plain: Optional[StreamEvent] = None  # noqa: UP045
    tagged: Annotated[Optional[StreamEvent], Field(discriminator="event")] = None  # noqa: UP045
    mixed: Union[int, Error, list[Error], None] = None  # noqa: UP007
    anything: Any = None


def lines(cls: Any, value: Any) -> list[Any]:
    with pytest.raises(pydantic.ValidationError) as raised:
        adapter(cls).validate_python(value)
    found = raised.value.errors()
    json.dumps(found, ensure_ascii=False).encode()  # whoever answers with them can send them
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    cls = catalog.get(name)
    held = data.draw(messages(cls))
    plain = to_plain(held)
    ours = adapter(cls)
    assert ours.validate_python(held) is held
    assert ours.validate_python(plain) == ours.validate_json(json.dumps(plain)) == held
    assert ours.dump_python(held) == ours.dump_python(held, mode="json") == plain
    assert json.loads(ours.dump_json(held)) == plain
    assert ours.dump_python(held, by_alias=True) == plain


@given(data=st.data())
def test_what_is_refused_is_refused_for_the_same(data: st.DataObject) -> None:
    cls = catalog.get(data.draw(st.sampled_from(NAMES)))
    payload = to_plain(data.draw(messages(cls)))
    payload[data.draw(st.sampled_from([*payload, "other"]))] = data.draw(JSON)
    read, error = tried(cls, payload)
    if error is None:
        assert adapter(cls).validate_python(payload) == read
    else:
        assert len(lines(cls, payload)) == len(getattr(error, "violations", [error]))


def tried(cls: Any, payload: Any) -> tuple[Any, ProtocolError | None]:
    try:
        read = from_plain(cls, payload)
        codecs.get("json").encode(read)
    except ProtocolError as error:
        return None, error
    return read, None


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_ours(name: str) -> None:
    cls = catalog.get(name)
    ours = schema.json_schema(cls)
    found = adapter(cls).json_schema()
    assert found == adapter(cls).json_schema(mode="serialization")
    jsonschema.Draft202012Validator.check_schema(found)
    defined = found.pop("$defs", {})
    named = {told["title"]: f"#/$defs/{key}" for key, told in defined.items()}
    assert sorted(named) == sorted(ours.get("$defs", {}))

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return named.get(value.removeprefix("#/$defs/"), value) if str(value).startswith("#/$defs/") else value

    for key in ("$schema", "x-revision"):
        del ours[key]
    assert found == renamed({key: item for key, item in ours.items() if key != "$defs"})
    for title, definition in ours.get("$defs", {}).items():
        assert defined[named[title].removeprefix("#/$defs/")] == renamed(definition)


def test_each_component_once_and_none_twice_named() -> None:
    class Both(BaseModel):
        one: kv_types.KVHandle
        other: kv_hooks.KVHandle
        again: list[kv_types.KVHandle]

    found = Both.model_json_schema()
    assert {told["title"]: key for key, told in found["$defs"].items() if "KVHandle" in key} == {
        "kv.types.KVHandle": "sagellm_protocol__kv__types__KVHandle",
        "kv_hooks.KVHandle": "sagellm_protocol__kv_hooks__KVHandle",
    }
    metrics = adapter(Metrics).json_schema()["properties"]["ttft_ms"]
    assert (metrics["minimum"], metrics["x-unit"], metrics["description"]) == (0, "ms", metrics["description"])


@pytest.mark.parametrize("held", [Tree, list[Tree], Optional[Tree]])  # noqa: UP045
def test_a_message_that_holds_itself(held: Any) -> None:
    found = TypeAdapter(held).json_schema()
    assert set(found["$defs"]) == {"Tree", "ErrorCode"}
    tree = adapter(Tree).validate_python({"code": "unavailable", "kids": [{"code": "unavailable"}]})
    assert tree.kids[0].code is ErrorCode.UNAVAILABLE
    assert adapter(Tree).dump_python(tree, exclude_none=True, exclude_defaults=True) == {
        "code": "unavailable",
        "kids": [{"code": "unavailable"}],
    }
    assert [found["loc"] for found in lines(Tree, {"code": "unavailable", "kids": [{"code": 1}, 2]})] == [
        ("kids", 0, "code"),
        ("kids", 1),
    ]


def test_a_message_that_holds_one_of_several() -> None:
    @message
    class Event:
        held: StreamEvent

    found = TypeAdapter(Event).json_schema()["properties"]["held"]
    assert found["discriminator"]["mapping"]["delta"] == "#/$defs/StreamEventDelta"
    assert {"$ref": "#/$defs/StreamEventDelta"} in found["oneOf"]
    assert TypeAdapter(Event).validate_python({"held": DELTA}).held == from_plain(StreamEventDelta, DELTA)


def test_unions_of_schemas_name_the_tag() -> None:
    found = Holding.model_json_schema()
    options = found["properties"]["tagged"].get("anyOf", [])
    told = next((option for option in options if "discriminator" in option), found["properties"]["tagged"])
    assert told["discriminator"]["mapping"]["delta"] == "#/$defs/StreamEventDelta"


def test_messages_in_models() -> None:
    request = Request(**PLAIN)
    held = Holding(
        many=[PLAIN, request],
        table={"a": PLAIN},  # type: ignore[dict-item]
        maybe=None,
        plain=DELTA,  # type: ignore[arg-type]
        tagged=DELTA,  # type: ignore[arg-type]
        mixed=[{"code": "unavailable", "message": "m"}],  # type: ignore[list-item]
        anything=request,
    )
    assert held.many[1] is request
    assert held.many[0] == held.table["a"] == request
    assert type(held.plain) is type(held.tagged) is StreamEventDelta
    assert held.mixed == [Error(code=ErrorCode.UNAVAILABLE, message="m")]
    assert Holding(tagged=held.tagged).tagged is held.tagged
    again = json.loads(held.model_dump_json())
    assert again["many"][0] == again["table"]["a"] == again["anything"] == to_plain(request)
    assert again["plain"] == again["tagged"] == {**DELTA, "logprobs": None}
    assert Holding.model_validate_json(held.model_dump_json()).tagged == held.tagged
    assert Holding(mixed=3).model_dump()["mixed"] == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"many": [{}]}, [("many", 0, "request_id"), ("many", 0, "trace_id"), ("many", 0, "max_tokens")]),
        ({"table": {"a": {**PLAIN, "max_tokens": 0}}}, [("table", "a", "max_tokens")]),
        ({"tagged": {}}, [("tagged",)]),
        ({"tagged": {**DELTA, "content": 1}}, [("tagged", "delta", "content")]),
        ({"tagged": {**DELTA, "event": "other"}}, [("tagged",)]),
    ],
)
def test_where_errors_stand_in_models(given: dict[str, Any], expected: list[Any]) -> None:
    assert [found["loc"] for found in lines(Holding, given)] == expected


def test_an_error_of_a_union_names_the_message() -> None:
    where = {found["loc"][1] for found in lines(Holding, {"plain": {**DELTA, "content": 1}})}
    assert [name for name in map(str, where) if "StreamEventDelta" in name]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({**PLAIN, "max_tokens": 0}, ("max_tokens", "greater_than", {"gt": 0}, "0")),
        ({**PLAIN, "max_tokens": float("nan")}, ("max_tokens", "int_type", None, "nan")),
        ({**PLAIN, "max_tokens": b"x"}, ("max_tokens", "int_type", None, "b'x'")),
        (
            {**PLAIN, "max_tokens": 2**70},
            (None, "value_error", {"error": "max_tokens is an integer past 64 bits"}, None),
        ),
        ({**PLAIN, "\ud800": 1}, (r"\ud800", "extra_forbidden", None, "1")),
        (PLAIN.keys() and {"trace_id": "t", "max_tokens": 1}, ("request_id", "missing", None, None)),
        ("x", (None, "dict_type", None, "'x'")),
        (None, (None, "dict_type", None, "None")),
    ],
)
def test_lines(value: Any, expected: tuple[Any, ...]) -> None:
    (found,) = lines(Request, value)
    where, slug, ctx, shown = expected
    assert (found["loc"], found["type"], found.get("ctx"), found["input"]) == (
        () if where is None else (where,), slug, ctx, shown,
    )  # fmt: skip


def test_half_a_surrogate_is_refused() -> None:
    """The parsers of web frameworks let it pass, and no format can carry it."""
    (found,) = lines(Request, {**PLAIN, "prompt": "\ud800"})
    assert found["ctx"]["error"].startswith("prompt holds a lone surrogate")


def test_many_violations_are_counted() -> None:
    found = lines(Response, dict.fromkeys(map(str, range(5000)), 1))
    assert len(found) == 101
    assert found[-1]["type"] == "too_many_violations"
    assert found[-1]["ctx"]["more"] > 4900


def test_secrets_are_in_no_error() -> None:
    (found,) = lines(Told, {"secret": "hunter2"})
    assert "hunter2" not in str(found)
    assert adapter(Told).validate_python({"secret": 3}) == Told(given=3)
    assert "secret" in adapter(Told).json_schema()["properties"]


def test_what_holds_messages_already() -> None:
    """Handlers build answers of dicts and messages alike."""
    error = Error(code=ErrorCode.UNAVAILABLE, message="m")
    metrics = Metrics(ttft_ms=1, throughput_tps=1, peak_mem_mb=1, error_rate=0)
    payload = {
        "request_id": "r", "trace_id": "t", "output_text": "", "output_tokens": (1,), "finish_reason": "stop",
        "metrics": metrics, "error": error,
    }  # fmt: skip
    read = adapter(Response).validate_python(payload)
    assert (read.metrics, read.error) == (metrics, error)
    tree = Tree(code=ErrorCode.UNAVAILABLE)
    assert adapter(Tree).validate_python({"code": ErrorCode.UNAVAILABLE.value, "kids": [tree]}).kids == (tree,)
    assert lines(Tree, {"code": 1, "kids": [tree]})[0]["loc"] == ("code",)
    deep: Any = [tree]
    for _ in range(200):
        deep = [deep]
    wide: Any = [tree]
    for _ in range(30):
        wide = [wide, wide]
    for kids in ([[]], deep, wide):
        assert lines(Tree, {"code": 1, "kids": kids})


def test_what_is_left_out() -> None:
    response = Response(
        request_id="r", trace_id="t", output_text="", output_tokens=[1], finish_reason="stop",
        metrics=Metrics(ttft_ms=1, throughput_tps=1, peak_mem_mb=1, error_rate=0),
    )  # fmt: skip
    ours = adapter(Response)
    everything = ours.dump_python(response)
    assert ours.dump_python(response, include={"metrics": {"ttft_ms"}, "request_id": True}) == {
        "request_id": "r",
        "metrics": {"ttft_ms": 1.0},
    }
    assert ours.dump_python(response, exclude={"metrics": {"ttft_ms"}, "error": True}).keys() == everything.keys() - {
        "error"
    }
    short = ours.dump_python(response, exclude_defaults=True)
    assert from_plain(Response, short) == response
    assert None not in ours.dump_python(response, exclude_none=True).values()
    told = Told(free={"a": None, "b": [None]})
    assert adapter(Told).dump_python(told, exclude_none=True)["free"] == {"a": None, "b": [None]}
    assert adapter(Told).dump_python(told)["waited"] == "PT1S"
    tree = Tree(code=ErrorCode.UNAVAILABLE, table={"a": {"code": "unavailable"}}, perhaps=[None])
    written = adapter(Tree).dump_python(tree, exclude_none=True)
    assert written["table"]["a"]["code"] == "unavailable"
    assert written["perhaps"] == [None]
    assert adapter(StreamEventDelta).dump_python(from_plain(StreamEventDelta, DELTA), exclude_defaults=True) == DELTA
    with pytest.raises(PydanticSerializationError, match=r"exclude_unset: messages do not remember.*exclude_defaults"):
        ours.dump_python(response, exclude_unset=True)


def test_what_is_no_message_is_not_written_as_one() -> None:
    made = Holding.model_construct(maybe={"a": 1})
    with pytest.warns(UserWarning, match="is no message"):
        assert made.model_dump()["maybe"] == {"a": 1}


def test_plain_subclasses() -> None:
    class Shouting(Error):
        pass

    one = Shouting(code=ErrorCode.UNAVAILABLE, message="m")
    assert adapter(Error).validate_python(one) is one
    assert adapter(Error).dump_python(one) == to_plain(one)
    with pytest.raises(DeclarationError, match=r"Shouting is a plain subclass of errors.Error, and no message itself"):
        TypeAdapter(Shouting)


def test_every_schema_is_one_that_pydantic_would_take() -> None:
    for name in ("types.Request", "types.StreamEventDelta"):
        assert isinstance(adapter(catalog.get(name)).validator, SchemaValidator)
