"""The JSON Schemas are schemas, and take what the codecs take."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator

import published
from losses import outgrown
from sagellm_protocol import StreamEvent, codecs, schema
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import added, introduced, removed, renamed, revision, rule_dropped
from sagellm_protocol.model.exceptions import ProtocolError, UnsupportedRevisionError
from sagellm_protocol.model.rules import rules_of
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.schema.descriptions import field_texts
from sagellm_protocol.testing import payloads
from toys import Declare, declare  # noqa: F401 - the fixture

pytestmark = pytest.mark.once

REVISIONS = published.revisions()


@cache
def validator(message: str, release: str) -> Draft202012Validator:
    return Draft202012Validator(schema.json_schema(message, release))


@cache
def codec(release: str) -> codecs.Codec[dict[str, Any]]:
    return codecs.get("dict", revision=release)


def decodes(message: str, release: str, payload: Any) -> bool:
    try:
        codec(release).decode(payload, HISTORY.catalog.get(message))
    except ProtocolError:
        return False
    return True


@pytest.mark.no_cover
@pytest.mark.parametrize("release", REVISIONS)
def test_every_schema_is_one(release: str) -> None:
    for message in HISTORY.specs(release):
        Draft202012Validator.check_schema(schema.json_schema(message, release))
    whole = schema.bundle(release)
    Draft202012Validator.check_schema(whole)
    assert whole["$defs"].keys() == {*HISTORY.specs(release), *HISTORY.table(release)["enums"]}


def test_rules_between_fields_are_told_of_today() -> None:
    told = schema.json_schema("Timestamps")["$comment"]
    assert told.startswith("Not enforced: scheduled_at must be no earlier than queued_at (scheduled-after-queued); ")
    assert told.endswith("(completed-after-executed)")
    whole = schema.bundle()["$defs"]
    assert {name for name in whole if "$comment" in whole[name]} == {
        name for name, cls in HISTORY.catalog.messages.items() if rules_of(cls)
    }
    assert "$comment" not in str(schema.bundle("0.5.4.13"))


@pytest.mark.parametrize("release", REVISIONS)
def test_what_a_release_wrote_fits_its_schema(release: str) -> None:
    whole = schema.bundle(release)
    for recorded in published.corpus(release):
        validator(recorded.type, release).validate(recorded.payload)
        in_bundle = {**whole, "$ref": f"#/$defs/{recorded.type}"}
        assert Draft202012Validator(in_bundle).is_valid(recorded.payload), recorded


@pytest.mark.parametrize("release", REVISIONS)
def test_units_bounds_and_defaults_are_those_of_the_field_table(release: str) -> None:
    for message, spec in HISTORY.specs(release).items():
        written = schema.json_schema(message, release)
        assert list(written["properties"]) == [field.name for field in spec.fields]
        assert written.get("required", []) == [field.name for field in spec.fields if field.required]
        for name, row in HISTORY.fields(message, release).items():
            found = written["properties"][name]
            if "value" in (default := row.get("default", {})) and "derived" not in found["description"]:
                value = default["value"]
                assert found["default"] == (value["value"] if isinstance(value, dict) and "enum" in value else value)
            assert found["description"], f"{message}.{name} is not described"


@st.composite
def recorded_or_broken(draw: st.DrawFn, release: str) -> tuple[str, Any]:
    """A message and a payload of it, most of them with one thing in them replaced, added or gone."""
    message = draw(st.sampled_from(sorted(HISTORY.specs(release))))
    payload = copy.deepcopy(draw(payloads(message, release)))
    places = list(_places(payload))
    how = draw(st.sampled_from(("as it is", "replaced", "gone", "added")))
    if how == "added":
        payload["no_such_field"] = 1
    elif how != "as it is" and places:
        inside, key = draw(st.sampled_from(places))
        if how == "gone":
            del inside[key]
        else:
            inside[key] = draw(st.sampled_from(OTHERS))
    return message, payload


# No float that is a whole number: to JSON Schema 1.0 is the integer 1, to a codec it is not.
OTHERS: list[Any] = [
    *(None, True, False, -3, -1, 0, 1, 5, 10**6, 2.5, -0.5, 1e-9, 1.5e300),
    *("", "text", "error", "greedy", "00000000-0000-0000-0000-00000000000", "0" * 32, "f" * 33),
    *([], {}, [1], ["a"], [None], [[]], {"a": 1}, {"a": None}, {"": "b"}),
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from _places(item)


@pytest.mark.parametrize("release", REVISIONS)
def test_schema_and_codec_take_and_refuse_the_same(release: str) -> None:
    @settings(max_examples=60)
    @given(recorded_or_broken(release))
    def agree(drawn: tuple[str, Any]) -> None:
        message, payload = drawn
        fits = validator(message, release).is_valid(payload)
        if fits and outgrown(message, HISTORY.upgrade(payload, message, since=release)):
            fits = False
        assert fits == decodes(message, release, payload), payload

    agree()


@pytest.mark.parametrize("number", [-(2**63) - 1, -(2**63), 2**64 - 1, 2**64])
def test_integers_end_at_64_bits(number: int) -> None:
    payload = {
        "request_id": "r",
        "trace_id": "t",
        "output_text": "",
        "finish_reason": "stop",
        "output_tokens": [number],
    }
    payload["metrics"] = {"ttft_ms": 1, "throughput_tps": 1, "peak_mem_mb": 1, "error_rate": 0}
    fits = -(2**63) <= number < 2**64
    assert validator("types.Response", "latest").is_valid(payload) == fits
    assert decodes("types.Response", "latest", payload) == fits


@pytest.mark.parametrize(("number", "whole"), [(1.0, True), (2.0**53, True), (1.5, False), (0.0, False)])
def test_a_whole_float_is_an_integer(number: float, whole: bool) -> None:
    payload = {"request_id": "r", "trace_id": "t", "max_tokens": number}
    assert validator("types.Request", "latest").is_valid(payload) == whole
    assert decodes("types.Request", "latest", payload) == whole


def test_a_field_says_all_about_itself() -> None:
    fields = schema.json_schema("Metrics")["properties"]
    assert fields["evict_ms"] == {
        "type": "number",
        "minimum": 0,
        "x-unit": "ms",
        "description": "Time spent on those evictions, in ms, at least 0.",
        "default": 0.0,
    }
    request = schema.json_schema("Request", "0.4.0.8")
    assert request["x-revision"] == "0.4.0.7"
    assert request["properties"]["temperature"]["exclusiveMinimum"] == 0
    assert request["properties"]["max_tokens"]["exclusiveMinimum"] == 0
    assert "minimum" not in request["properties"]["max_tokens"]
    assert "messages" not in request["properties"]
    assert request["additionalProperties"] is False
    assert "additionalProperties" not in schema.json_schema("ChatMessage", "0.5.4.16")
    assert schema.json_schema("ChatMessage")["additionalProperties"] is True


def test_a_field_of_then_keeps_the_description_of_today() -> None:
    then, now = schema.json_schema("StreamEventDelta", "0.1.0"), schema.json_schema("StreamEventDelta")
    described = now["properties"]["content"]["description"]
    assert then["properties"]["chunk"]["description"] == described + " Today called `content`."


def test_a_derived_default_is_told_in_words() -> None:
    strategy = schema.json_schema("SamplingParams")["properties"]["strategy"]
    assert "default" not in strategy
    assert "derived from the rest" in strategy["description"]
    assert schema.json_schema("SamplingParams", "0.5.4.13")["properties"]["strategy"]["default"] == "greedy"
    made = schema.json_schema("ModelInfo")["properties"]["created"]
    assert "default" not in made
    assert "made anew" in made["description"]


def test_enumerations_are_named_and_described() -> None:
    strategy = schema.json_schema("SamplingParams", "0.5.4.12")["$defs"]["sampling.DecodingStrategy"]
    assert strategy["enum"] == ["greedy", "sampling", "beam_search", "contrastive"]
    assert strategy["x-enum-varnames"][0] == "GREEDY"
    assert len(strategy["x-enum-descriptions"]) == 4
    assert all(strategy["x-enum-descriptions"])


def test_a_union_of_messages() -> None:
    events = schema.json_schema(StreamEvent, "0.1.0")
    Draft202012Validator.check_schema(events)
    assert events["discriminator"]["propertyName"] == "event"
    assert events["discriminator"]["mapping"]["delta"] == "#/$defs/types.StreamEventDelta"
    known = Draft202012Validator(events)
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "", "chunk_tokens": []}
    assert known.is_valid(delta)
    assert not known.is_valid({**delta, "event": "start"})


def test_what_a_revision_does_not_have() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"0\.4\.0\.7"):
        schema.json_schema("SamplingParams", "0.1.0")
    with pytest.raises(UnsupportedRevisionError, match="no release"):
        schema.bundle("9.9")
    from sagellm_protocol.sampling import SamplingParams

    with pytest.raises(UnsupportedRevisionError, match=r"0\.4\.0\.7"):
        schema.json_schema(list[SamplingParams], "0.1.0")


TOY = '''
class Level(IntEnum):
    LOW = 1
    LEAST = 1
    HIGH = 2


class Mixed(Enum):
    """Of both kinds."""

    ONE = 1
    TWO = "two"


@message
class Cat:
    kind: Literal["cat"] = "cat"
    lives: Annotated[int, Gt(0), Lt(10), Ge(-5)] = 9


@message(unknown="ignore")
class Dog:
    """A :class:`~animals.Dog` with ``name``.

    It has
    two paragraphs.
    """

    kind: Literal["dog"] = "dog"
    name: str


@message
class Stone:
    weight: float


@message
class Water:
    volume: float


@message
class Box:
    """Holds things."""

    pet: Cat | Dog | None = None
    thing: Stone | Water | None = None
    boxes: "Sequence[Box]" = ()
    level: Level = Level.LOW
    mixed: Mixed | None = None
    first: Cat = Cat(lives=3)
    either: str | Sequence[str] | None = None
    anything: Any = None
    nothing: Any | None = None
    tag: Literal["a", "b"] | None = None
    table: Mapping[str, Any] = {}
    lasts: Milliseconds = 1.0
    """How long it lasts."""
    id: UUID = field(factory=uuid4)


def plain():
    class Local:
        x: int
        """Within."""

    return Local
'''


@pytest.fixture
def toy(declare: Declare) -> History:  # noqa: F811 - the fixture
    catalog = declare(TOY)
    return History(
        [
            revision(
                "3",
                introduced("toy.Water"),
                rule_dropped("toy.Box", NotAllNull(("pet", "thing"))),
                removed("toy.Box", "colour", str, default="red", after="pet"),
            ),
            revision("2", added("toy.Cat", "lives"), renamed("toy.Box", seconds="lasts")),
            revision("1"),
        ],
        catalog,
    )


def test_the_rarer_types(toy: History) -> None:
    box = schema.json_schema("Box", history=toy)
    Draft202012Validator.check_schema(box)
    fields = box["properties"]
    assert fields["pet"]["anyOf"][0]["discriminator"]["mapping"] == {"cat": "#/$defs/toy.Cat", "dog": "#/$defs/toy.Dog"}
    assert "discriminator" not in fields["thing"]["anyOf"][0]
    assert fields["boxes"] == {"type": "array", "items": {"$ref": "#"}, "default": []}
    assert fields["level"] == {"$ref": "#/$defs/toy.Level", "default": 1}
    assert fields["first"]["default"] == {"kind": "cat", "lives": 3}
    assert fields["either"]["anyOf"][-1] == {"type": "null"}
    assert len(fields["either"]["anyOf"]) == 3
    assert fields["anything"] == fields["nothing"] == {"default": None}
    assert fields["tag"]["anyOf"] == [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]
    assert fields["table"] == {"type": "object", "additionalProperties": True, "default": {}}
    definitions = box["$defs"]
    assert definitions["toy.Level"] == {
        "title": "toy.Level",
        "type": "integer",
        "enum": [1, 2],
        "x-enum-varnames": ["LOW", "HIGH"],
    }
    assert "type" not in definitions["toy.Mixed"]
    assert definitions["toy.Mixed"]["description"] == "Of both kinds."
    assert definitions["toy.Cat"]["properties"]["lives"] == {
        "type": "integer",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 10,
        "minimum": -5,
        "default": 9,
    }
    assert definitions["toy.Dog"]["description"] == "A `Dog` with `name`.\n\nIt has two paragraphs."
    assert "$defs" not in schema.json_schema("Cat", history=toy)
    assert schema.json_schema("Stone", history=toy)["properties"]["weight"] == {"type": "number"}


def test_messages_that_hold_themselves_in_a_bundle(toy: History) -> None:
    whole = schema.bundle(history=toy)
    Draft202012Validator.check_schema(whole)
    assert whole["$defs"]["toy.Box"]["properties"]["boxes"]["items"] == {"$ref": "#/$defs/toy.Box"}
    assert Draft202012Validator({**whole, "$ref": "#/$defs/toy.Box"}).is_valid({"boxes": [{"boxes": [{}]}]})


def test_own_messages_at_an_older_revision(toy: History) -> None:
    box = schema.json_schema("Box", "2", toy)
    known = Draft202012Validator(box)
    assert box["properties"]["colour"] == {
        "type": "string",
        "description": "Today's message has no such field.",
        "default": "red",
    }
    assert known.is_valid({"thing": {"weight": 1}})
    assert not known.is_valid({"colour": "red", "pet": None}), "the rule that pet or thing is given"
    assert not known.is_valid({"thing": {"volume": 1}}), "water came later"
    oldest = schema.json_schema("Box", "1", toy)
    assert oldest["properties"]["first"]["default"] == {"kind": "cat"}
    assert oldest["properties"]["seconds"]["description"] == "How long it lasts. Today called `lasts`."


def test_descriptions_are_read_from_the_source(toy: History, monkeypatch: pytest.MonkeyPatch) -> None:
    import toy as module  # type: ignore[import-not-found]

    assert field_texts(module.plain()) == {"x": "Within."}

    class Stray:
        __module__ = "no.such.module"

    assert field_texts(Stray) == {}
    from sagellm_protocol.model import texts

    def gone(_: object) -> str:
        raise OSError("no source")

    texts._texts.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(inspect, "getsource", gone)
        assert "description" not in schema.json_schema("Box", history=toy)
    texts._texts.cache_clear()
