"""The names that pydantic had: warnings, options, and what they do of ours."""

from __future__ import annotations

import inspect
import io
import json
import pickle
import pydoc
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from unittest import mock
from uuid import UUID, uuid4

import attrs
import pytest
from annotated_types import Ge, Len

from sagellm_protocol import (
    ChatCompletionRequest,
    DecodeError,
    DecodingStrategy,
    EncodeError,
    Error,
    Metrics,
    OptionError,
    Request,
    Response,
    SamplingParams,
    UnsupportedRevisionError,
    ValidationError,
    schema,
)
from sagellm_protocol.model import field, from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.lending import LENT
from sagellm_protocol.pydantic_names.warning import GONE_IN

OLD = {name: home for name, (_, home) in LENT.items() if home.startswith("pydantic_names.")}
METRICS = {"ttft_ms": 1.0, "throughput_tps": 2.0, "peak_mem_mb": 3, "error_rate": 0.0}


@contextmanager
def old(instead: str = "") -> Any:
    """Holds that one warning is given, in this file, that names the release and what to write."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield
    assert [(each.category, each.filename) for each in found] == [(DeprecationWarning, __file__)]
    text = str(found[0].message)
    assert GONE_IN in text
    assert "write " in text
    assert instead in text


class Kind(Enum):
    A = "a"
    B = "b"


@message
class Leaf:
    n: int = 0


@message
class Wide:
    id: UUID
    when: datetime | None = None
    raw: bytes = b""
    kind: Kind = Kind.A
    leaf: Leaf | None = None
    leaves: Sequence[Leaf] = ()
    pairs: tuple[int, ...] = ()
    by_name: Mapping[str, Leaf] = {}
    free: Any = None
    either: str | list[Leaf] = ""
    short: Annotated[str, Len(0, 9)] = ""
    renamed: int = field(default=0, alias="given")
    made: UUID = field(factory=uuid4)


@message
class Start:
    event: str = "start"


@message
class Deep:
    below: Deep | None = None


@message
class Lists:
    inner: Leaf | Start


ID = UUID(int=5)


def test_every_name_is_lent_and_nothing_else_is_there() -> None:
    assert OLD
    for name in OLD:
        assert hasattr(Request, name)
        assert hasattr(Metrics(**METRICS), name)


def test_each_call_warns_where_it_stands_and_says_what_to_write() -> None:
    metrics = Metrics(**METRICS)
    with old("to_plain(message)"):
        metrics.model_dump()
    with old('codecs.get("json").encode(message)'):
        metrics.model_dump_json()
    with old("to_plain(message)"):
        metrics.dict()
    with old('codecs.get("json")'):
        metrics.json()
    with old("evolve(message, field=value)"):
        metrics.model_copy()
    with old("evolve"):
        metrics.copy()
    with old("Message(**fields)"):
        Metrics.model_construct(**METRICS)
    with old("Message(**fields)"):
        Metrics.construct(**METRICS)
    with old("Message(**fields)"):
        Metrics.model_validate(METRICS)
    with old("decode(data, Message)"):
        Metrics.model_validate_json(json.dumps(METRICS))
    with old("Message(**fields)"):
        Metrics.parse_obj(METRICS)
    with old("decode"):
        Metrics.parse_raw(json.dumps(METRICS))
    with old("schema.json_schema(Message)"):
        Metrics.model_json_schema()
    with old("schema.json_schema(Message)"):
        Metrics.schema()
    with old("nothing: annotations are read on first use"):
        Metrics.model_rebuild()
    with old("attrs.fields(Message)"):
        Metrics.model_fields["ttft_ms"]
    with old("attrs.fields(Message)"):
        next(iter(Metrics.model_fields))
    with old("attrs.fields(Message)"):
        len(Metrics.model_fields)
    with old("attrs.fields(Message)"):
        assert "ttft_ms" in Metrics.model_fields
    with old(), pytest.raises(OptionError):
        Metrics.model_validate_strings({})
    with old(), pytest.raises(OptionError):
        len(metrics.model_fields_set)


def test_the_warning_is_an_error_where_that_is_asked_for() -> None:
    code = "from sagellm_protocol import SamplingParams\nSamplingParams().model_dump()"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "line 2, in <module>\n" in done.stderr
    assert "DeprecationWarning: model_dump()" in done.stderr


@pytest.mark.parametrize("subject", [Request, Metrics(**METRICS), Wide])
def test_looking_does_not_warn(subject: Any) -> None:
    members = dict(inspect.getmembers(subject))
    assert OLD.keys() <= members.keys()
    assert OLD.keys() <= set(dir(subject))
    repr(members)
    for name in OLD:
        inspect.getattr_static(subject, name)
    if isinstance(subject, type):
        assert "model_dump" in pydoc.plain(pydoc.render_doc(subject))
        mock.create_autospec(subject)
    else:
        assert pickle.loads(pickle.dumps(subject)) == subject
    pydoc.Helper(output=io.StringIO())(subject)


def test_signatures_are_those_of_the_functions() -> None:
    assert list(inspect.signature(Metrics(**METRICS).model_dump).parameters)[:3] == ["mode", "include", "exclude"]
    assert str(inspect.signature(Metrics.model_validate)).startswith("(obj: 'Any'")
    assert GONE_IN in (Metrics.model_dump.__doc__ or "")


def test_a_message_with_such_a_field_keeps_it() -> None:
    @message
    class Named:
        json: str
        copy: int = 1
        model_fields: Sequence[str] = ()

        def dict(self) -> int:
            return 7

    @message
    class Below(Named):
        more: int = 0

    for named in (Named(json="x"), Below(json="x")):
        assert (named.json, named.copy, named.model_fields, named.dict()) == ("x", 1, (), 7)
        with pytest.warns(DeprecationWarning, match="model_dump"):
            assert named.model_dump()["json"] == "x"


def quietly(act: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return act()


def wide() -> Wide:
    return Wide(
        id=ID,
        when=datetime(2024, 1, 2, tzinfo=timezone.utc),
        raw=b"\x00",
        kind=Kind.B,
        leaf=Leaf(n=1),
        leaves=[Leaf(n=2)],
        pairs=(1, 2),
        by_name={"x": Leaf(n=3)},
        free={"a": [1, {"b": None}], "k": Kind.B},
        either=[Leaf(n=4)],
        short="s",
        given=9,
        made=ID,
    )


def test_what_a_dump_holds() -> None:
    dumped = quietly(wide().model_dump)
    assert dumped == {
        "id": ID,
        "when": datetime(2024, 1, 2, tzinfo=timezone.utc),
        "raw": b"\x00",
        "kind": Kind.B,
        "leaf": {"n": 1},
        "leaves": [{"n": 2}],
        "pairs": (1, 2),
        "by_name": {"x": {"n": 3}},
        "free": {"a": [1, {"b": None}], "k": "b"},
        "either": [{"n": 4}],
        "short": "s",
        "renamed": 9,
        "made": ID,
    }
    dumped["leaves"].append(1)
    dumped["free"]["a"][1]["c"] = 2
    assert quietly(lambda: wide().model_dump(mode="json")) == to_plain(wide())
    assert quietly(lambda: json.loads(wide().model_dump_json())) == to_plain(wide())
    assert quietly(lambda: wide().model_dump(by_alias=True))["given"] == 9
    assert quietly(lambda: Wide(id=ID, either="x").model_dump(exclude_defaults=True, exclude={"made"})) == {
        "id": ID,
        "either": "x",
    }
    # The default of what is derived is the one that tables show.
    assert quietly(lambda: SamplingParams().model_dump(exclude_defaults=True)) == {
        "strategy": DecodingStrategy.SAMPLING
    }
    assert quietly(wide().dict) == quietly(wide().model_dump)
    assert quietly(wide().json) == quietly(wide().model_dump_json)
    assert quietly(Lists(inner=Start()).model_dump) == {"inner": {"event": "start"}}


def test_subclasses_are_written_as_declared_or_as_they_are() -> None:
    @message
    class More(Leaf):
        extra: int = 1

    class Plain(Leaf):
        pass

    held = Wide(id=ID, leaf=More(n=1), made=ID)
    assert quietly(held.model_dump)["leaf"] == {"n": 1}
    for option in ("serialize_as_any", "polymorphic_serialization"):
        assert quietly(lambda option=option: held.model_dump(**{option: True}))["leaf"] == {"n": 1, "extra": 1}
    assert quietly(Plain(n=2).model_dump) == {"n": 2}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"exclude_unset": True}, "exclude_unset cannot be answered: .*exclude_defaults=True"),
    ({"context": {}}, r"context=\{\} would be ignored"),
    ({"fallback": str}, "fallback=.* would be ignored"),
    ({"mode": "xml"}, "mode is 'python' or 'json', not 'xml'"),
    ({"warnings": 5}, "warnings is one of"),
    ({"exclude": "id"}, "exclude is a set of names"),
    ({"include": {"leaf": False}}, "include is a set of names"),
    ({"exclude": {"leaf": {"n": True}, "__all__": None}}, "is a set of names"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_what_would_be_ignored_is_refused(options: dict[str, Any], words: str) -> None:
    for method in ("model_dump", "dict") if "mode" not in options else ("model_dump",):
        with pytest.raises(OptionError, match=words):
            quietly(lambda method=method: getattr(wide(), method)(**options))


def test_json_has_options_of_its_own() -> None:
    for indent in (-1, "  ", 1.5):
        with pytest.raises(OptionError, match="indent is a number of spaces"):
            quietly(lambda indent=indent: Leaf().model_dump_json(indent=indent))
    with pytest.raises(TypeError, match="unexpected keyword argument 'mode'"):
        quietly(lambda: Leaf().model_dump_json(mode="json"))
    with pytest.raises(EncodeError):
        quietly(lambda: Wide(id=ID, free="\ud800").model_dump_json())
    deep = Deep()
    for _ in range(2000):
        deep = Deep(below=deep)
    with pytest.raises(EncodeError, match="nests deeper"):
        quietly(deep.model_dump)


def test_validate_takes_what_is_built_already() -> None:
    given = {
        "id": ID,
        "when": datetime(2024, 1, 2, tzinfo=timezone.utc),
        "kind": Kind.B,
        "leaf": Leaf(n=1),
        "leaves": (Leaf(n=2), {"n": 3}),
        "by_name": {"x": Leaf(n=3)},
        "made": str(ID),
    }
    message = quietly(lambda: Wide.model_validate({**given, "renamed": 4}))
    assert message == Wide(**{**given, "made": ID, "given": 4})
    assert quietly(lambda: Wide.model_validate(message)) is message
    assert quietly(lambda: Wide.parse_obj({"id": str(ID), "made": ID})).id == ID
    assert quietly(lambda: Wide.model_validate_json(f'{{"id": "{ID}"}}')).id == ID
    assert quietly(lambda: Wide.parse_raw(f'{{"id": "{ID}"}}'.encode())).id == ID


def test_validate_converts_what_the_constructor_does_and_no_more() -> None:
    for wrong in ({"n": "3"}, {"n": True}, {"n": 1.5}, {"m": 1}, [], MappingProxyType({"n": 1})):
        with pytest.raises(ValidationError):
            quietly(lambda wrong=wrong: Leaf.model_validate(wrong))
    with pytest.raises(ValidationError):
        quietly(lambda: Leaf.model_validate_json('{"n": "3"}'))
    with pytest.raises(DecodeError):
        quietly(lambda: Leaf.model_validate_json("{"))
    with pytest.raises(ValidationError):
        quietly(lambda: Wide.model_validate({"id": ID, "when": datetime(2024, 1, 2), "free": Decimal(1)}))
    assert quietly(lambda: Leaf.model_validate({"n": 1, "m": 2}, extra="ignore")) == Leaf(n=1)
    assert quietly(lambda: Leaf.model_validate_json('{"n": 1, "m": 2}', extra="ignore")) == Leaf(n=1)
    chat = {"model": "m", "messages": [], "unknown": 1}
    assert quietly(lambda: ChatCompletionRequest.model_validate(chat)) == from_plain(ChatCompletionRequest, chat)
    with pytest.raises(ValidationError):
        quietly(lambda: ChatCompletionRequest.model_validate(chat, extra="forbid"))


def test_validate_is_not_led_astray() -> None:
    ring: list[Any] = []
    ring.append(ring)
    twice: list[Any] = []
    for _ in range(200):
        twice = [twice, twice]
    for free in (ring, twice):
        with pytest.raises((ValidationError, DecodeError)):
            quietly(lambda free=free: Wide.model_validate({"id": ID, "free": free}))


VALIDATING: list[tuple[dict[str, Any], str]] = [
    ({"strict": True}, "strict=True would be ignored"),
    ({"context": {}}, "context"),
    ({"from_attributes": True}, r"from_attributes=True would be ignored: write Message\(field=obj.field"),
    ({"by_alias": True}, "by_alias=True would be ignored"),
    ({"by_name": False}, "by_name=False would leave no names"),
    ({"extra": "allow"}, "extra is 'forbid' or 'ignore'"),
]


@pytest.mark.parametrize(("options", "words"), VALIDATING, ids=[str(options) for options, _ in VALIDATING])
def test_validating_refuses_what_it_would_ignore(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        quietly(lambda: Wide.model_validate({}, **options))


def test_a_plain_subclass_is_built_by_its_constructor() -> None:
    class Plain(Leaf):
        pass

    with pytest.raises(OptionError, match="Plain is no message: declare it"):
        quietly(lambda: Plain.model_validate({}))
    assert type(quietly(lambda: Plain.model_construct(n=1))) is Plain
    assert type(quietly(Plain(n=1).model_copy)) is Plain


def test_copies_are_checked() -> None:
    response = Wide(id=ID, made=ID)
    assert quietly(response.model_copy) is response
    assert quietly(lambda: response.model_copy(deep=True)) is response
    assert quietly(lambda: response.model_copy(update={"renamed": 3})).renamed == 3
    assert quietly(lambda: response.copy(update={"renamed": 3}, deep=True)).renamed == 3
    for wrong in ({"renamed": "x"}, {"nowhere": 1}):
        with pytest.raises(ValidationError):
            quietly(lambda wrong=wrong: response.model_copy(update=wrong))


def test_nothing_is_constructed_unchecked() -> None:
    assert quietly(lambda: Wide.model_construct(id=ID, renamed=3)).renamed == 3
    assert quietly(lambda: Metrics.construct(**METRICS)) == Metrics(**METRICS)
    with pytest.raises(ValidationError, match="ttft_ms: required"):
        quietly(Metrics.model_construct)
    with pytest.raises(OptionError, match="_fields_set"):
        quietly(lambda: Metrics.model_construct({"ttft_ms"}, **METRICS))


def test_schemas_are_ours() -> None:
    for mode in ("validation", "serialization"):
        assert quietly(lambda mode=mode: Response.model_json_schema(mode=mode)) == schema.json_schema(Response)
    assert quietly(Response.schema) == schema.json_schema(Response)
    with pytest.raises(OptionError, match="mode is"):
        quietly(lambda: Response.model_json_schema(mode="x"))
    with pytest.raises(UnsupportedRevisionError):
        quietly(Leaf.model_json_schema)


def test_rebuilding_reads_the_annotations() -> None:
    assert quietly(Leaf.model_rebuild) is None
    assert quietly(lambda: Leaf.model_rebuild(force=True)) is True
    with pytest.raises(OptionError, match="raise_errors=False"):
        quietly(lambda: Leaf.model_rebuild(raise_errors=False))

    @message
    class Lost:
        x: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DeclarationError, match="cannot be resolved"):
        quietly(Lost.model_rebuild)


def test_fields_say_what_pydantics_did() -> None:
    fields = quietly(lambda: dict(Metrics.model_fields))
    assert list(fields) == [attribute.name for attribute in attrs.fields(Metrics)]
    ttft = fields["ttft_ms"]
    assert (ttft.annotation, ttft.metadata[0], ttft.is_required(), ttft.default) == (float, Ge(0), True, attrs.NOTHING)
    assert ttft.description.startswith("Time to first token")
    assert (fields["tbt_ms"].is_required(), fields["tbt_ms"].default) == (False, 0.0)
    wide = quietly(lambda: dict(Wide(id=ID).model_fields))
    assert (wide["made"].default_factory, wide["made"].is_required(), wide["renamed"].alias) == (uuid4, False, "given")
    assert (wide["leaf"].annotation, wide["leaf"].metadata) == (Leaf | None, [])
    assert repr(Error.model_fields) == "<the fields of errors.Error>"


def test_what_was_set_is_not_known_and_not_guessed() -> None:
    asked = Leaf(n=0).model_fields_set
    assert "does not know" in repr(asked)
    uses: list[Any] = [lambda: "n" in asked, lambda: list(asked), lambda: len(asked), lambda: asked == {"n"}]
    uses.append(lambda: asked | {"n"})
    for use in uses:
        with pytest.raises(OptionError, match="model_fields_set cannot be answered: a message does not know"):
            quietly(use)
    assert type(Leaf.model_fields_set).__name__ == "Lent"


def test_declaring_and_importing_load_none_of_it() -> None:
    code = """
import sys
from sagellm_protocol import Request
from sagellm_protocol.model import message
@message
class M: x: int
M(x=1)
assert not [name for name in sys.modules if "pydantic" in name]
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
