"""A codec is its converter: what one does, the other does, whatever it was taught."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Union

import attrs
import cattrs
import pytest
from cattrs.strategies import configure_tagged_union
from hypothesis import given, strategies as st

import declared
from payloads import corrupted, outcome
from sagellm_protocol import (
    DecodeError,
    EncodeError,
    Metrics,
    OptionError,
    Request,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventStart,
    ValidationError,
    catalog,
    codecs,
    history,
)
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import added, revision as revision_of
from sagellm_protocol.model import message
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.openai_types import ChatContentPart
from sagellm_protocol.testing import messages

NAMES = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
MESSAGES = {
    **catalog.messages(),
    **{f"declared.{name}": cls for name, cls in vars(declared).items() if is_message(cls)},
}
every_message = pytest.mark.parametrize("cls", MESSAGES.values(), ids=list(MESSAGES))
every_codec = pytest.mark.parametrize("name", NAMES)


def of_leaves(converter: Any) -> None:
    """Hooks for what stands in many messages: numbers as texts, UUIDs as their digits alone."""
    converter.register_structure_hook(float, lambda value, _: float(value.removeprefix("f")))
    converter.register_unstructure_hook(float, lambda value: f"f{value!r}")
    converter.register_structure_hook(uuid.UUID, lambda value, _: uuid.UUID(int=int(value, 16)))
    converter.register_unstructure_hook(uuid.UUID, lambda value: f"{value.int:x}")


def of_names(converter: Any) -> None:
    """Every field in capitals, but for those that tell messages apart."""
    for cls in MESSAGES.values():
        renamed = {
            field.name: cattrs.override(rename=field.name.upper())
            for field in spec_of(cls).fields
            if not field.tells_apart
        }
        converter.override(cls, **renamed)


TEACHINGS: dict[str, Callable[[Any], None] | None] = {"as it is": None, "leaves": of_leaves, "names": of_names}
taught = pytest.mark.parametrize("teaching", TEACHINGS.values(), ids=list(TEACHINGS))


def alike(codec: Any, value: Any, cls: Any) -> None:
    """The law, for a value and the class that it is decoded as."""
    converter, wire = codec.converter, codec.encode(value)
    assert codec.format.loads(wire) == codec.format.loads(codec.format.dumps(converter.unstructure(value)))
    assert codec.format.loads(wire) == codec.format.loads(converter.dumps(value))
    found = codec.decode(wire, cls)
    assert found == value
    assert repr(found) == repr(converter.structure(codec.format.loads(wire), cls)) == repr(converter.loads(wire, cls))


def drawn(cls: Any, teaching: Any) -> st.SearchStrategy[Any]:
    """Messages; what they keep is called nothing that the codec was taught to call a field."""
    plain = codecs.get("dict", configure=teaching)
    found = messages(cls)
    if teaching is not of_names:
        return found
    return found.filter(lambda value: outcome(lambda: plain.encode(value))[0] == "taken")


def told_apart(cls: Any, teaching: Any) -> bool:
    """Whether no field of a message is a number or else a text, which the hooks for numbers would make alike."""
    return teaching is not of_leaves or cls is not declared.Everything


@pytest.mark.no_cover
@taught
@every_message
def test_codec_and_converter_are_one(cls: Any, teaching: Any) -> None:
    if not told_apart(cls, teaching):
        return
    every = [codecs.get(name, configure=teaching) for name in NAMES]

    @given(drawn(cls, teaching), st.sampled_from(every))
    def check(value: Any, codec: Any) -> None:
        alike(codec, value, cls)
        alike(codec, [value, value], list[cls])
        alike(codec, {"a": value}, dict[str, cls])

    check()


@pytest.mark.no_cover
@taught
@every_message
def test_they_refuse_in_the_same_words(cls: Any, teaching: Any) -> None:
    if not told_apart(cls, teaching):
        return
    every = [codecs.get(name, configure=teaching) for name in NAMES]
    plain = codecs.get("dict", configure=teaching)

    @given(corrupted(drawn(cls, teaching).map(plain.encode)), st.sampled_from(every))
    def check(payload: Any, codec: Any) -> None:
        try:
            wire = codec.format.dumps(payload)
        except EncodeError:
            return
        expected = outcome(lambda: codec.decode(wire, cls))
        assert outcome(lambda: codec.converter.structure(codec.format.loads(wire), cls)) == expected
        assert outcome(lambda: codec.converter.loads(wire, cls)) == expected

    check()


@attrs.frozen
class Job:
    """A class of the user's that holds messages, and types that they know."""

    name: str
    metrics: Metrics
    events: list[StreamEvent]
    share: float = 0.0
    by_id: dict[str, Union[Request, None]] = attrs.field(factory=dict)  # noqa: UP007


@dataclasses.dataclass
class Batch:
    """And a dataclass, which holds one of those."""

    job: Job
    ids: tuple[uuid.UUID, ...]


METRICS = Metrics(ttft_ms=1.5, throughput_tps=2.5, peak_mem_mb=1, error_rate=0.0)
DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="Hi", content_tokens=[1])
REQUEST = Request(request_id="r", trace_id="t", max_tokens=8)
JOB = Job("nightly", METRICS, [DELTA, DELTA], 0.5, {"a": REQUEST, "b": None})


@taught
@every_codec
@pytest.mark.parametrize("revision", history.revisions[::4])
def test_classes_of_the_users_that_hold_messages(name: str, revision: str, teaching: Any) -> None:
    codec = codecs.get(name, revision=revision, configure=teaching, lossy=True, fill={"engine_id": "e"})
    batch = Batch(attrs.evolve(JOB, by_id={}), (uuid.UUID(int=7),))
    alike(codec, attrs.evolve(JOB, by_id={}), Job)
    alike(codec, batch, Batch)
    payload = codec.format.loads(codec.encode(batch))
    payload["job"]["share"] = "7"
    wire = codec.format.dumps(payload)
    with pytest.raises(ValidationError, match=r"job\.share"):
        codecs.get(name, revision=revision).decode(wire, Batch)


@pytest.mark.no_cover
@pytest.mark.parametrize("cls", catalog.messages().values(), ids=list(catalog.messages()))
def test_every_revision_that_has_a_message_carries_what_was_taught(cls: Any) -> None:
    since = history.revisions.index(history.HISTORY.since(spec_of(cls).name))
    revisions = history.revisions[since], history.revisions[(since + 13) // 2], history.latest
    choices = {"lossy": True, "fill": {"engine_id": "e"}}
    every = [
        (
            codecs.get("json", revision=revision, configure=teaching, **choices),
            codecs.get("dict", revision=revision, **choices),
        )
        for revision in revisions
        for teaching in (of_leaves, of_names)
    ]

    @given(drawn(cls, of_names), st.sampled_from(every))
    def check(value: Any, pair: Any) -> None:
        codec, plain = pair
        expected = outcome(lambda: plain.decode(plain.encode(value), cls))
        assert outcome(lambda: codec.decode(codec.encode(value), cls)) == expected
        assert outcome(lambda: codec.decode_envelope(codec.encode_envelope(value))) == expected
        assert outcome(lambda: codec.converter.loads(codec.converter.dumps(value), cls)) == expected

    check()


@every_codec
def test_a_hook_is_obeyed_wherever_its_type_stands(name: str) -> None:
    def in_capitals(converter: Any) -> None:
        converter.register_structure_hook(str, lambda value, _: value.lower())
        converter.register_unstructure_hook(str, str.upper)
        # Which of a text and a sequence stands there, nothing tells any more once texts may be anything.
        converter.register_structure_hook(content, lambda value, _: value)
        converter.register_unstructure_hook(content, lambda value: value)

    content: Any = Union[str, Sequence[ChatContentPart]]  # noqa: UP007
    codec = codecs.get(name, configure=in_capitals)
    for value, cls in (
        (DELTA, StreamEvent),
        ([DELTA], list[StreamEvent]),
        ({"x": DELTA}, dict[str, StreamEventDelta]),
        (JOB, Job),
    ):
        wire = codec.encode(value)
        assert "HI" in str(codec.format.loads(wire)) or "'R'" in str(codec.format.loads(wire))
        assert codec.decode(wire, cls) is not None
        assert "hi" in str(codec.decode(wire, cls)) or "'r'" in str(codec.decode(wire, cls))


def twice(value: Any, _: Any = None) -> Any:
    return value * 2


@every_codec
@pytest.mark.parametrize("revision", ["latest", "0.1.0"])
def test_a_hook_for_a_message(name: str, revision: str) -> None:
    def by_text(converter: Any) -> None:
        converter.register_unstructure_hook(Metrics, lambda held: f"{held.ttft_ms} {held.throughput_tps}")
        converter.register_structure_hook(
            Metrics,
            lambda text, _: Metrics(
                ttft_ms=float(text.split()[0]), throughput_tps=float(text.split()[1]), peak_mem_mb=1, error_rate=0.0
            ),
        )

    codec = codecs.get(name, configure=by_text)
    answer = Response(
        request_id="r", trace_id="t", output_text="x", output_tokens=[1], finish_reason="stop", metrics=METRICS
    )
    assert codec.format.loads(codec.encode(answer))["metrics"] == "1.5 2.5"
    assert codec.format.loads(codec.encode(METRICS)) == "1.5 2.5"
    assert codec.decode(codec.encode(answer), Response) == answer
    assert codec.decode(codec.encode(METRICS), Metrics) == METRICS
    assert codec.decode_envelope(codec.encode_envelope(METRICS)) == METRICS
    with pytest.raises(
        ValidationError, match=r"metrics: must be convertible \(could not convert string to float: 'x'\)"
    ):
        codec.decode(codec.format.dumps({**codec.format.loads(codec.encode(answer)), "metrics": "x 1"}), Response)


def test_what_a_hook_makes_is_checked() -> None:
    codec = codecs.get("json", configure=lambda converter: converter.register_structure_hook(int, twice))
    data = b'{"request_id":"r","trace_id":"t","max_tokens":%s}'
    assert codec.decode(data % b"4", Request).max_tokens == 8
    with pytest.raises(ValidationError, match="max_tokens: must be > 0, got -8"):
        codec.decode(data % b"-4", Request)
    with pytest.raises(ValidationError, match="max_tokens: must be int, got 'xx'"):
        codec.decode(data % b'"x"', Request)


def test_a_tagged_union_by_the_strategy_of_cattrs() -> None:
    def with_class_names(converter: Any) -> None:
        configure_tagged_union(StreamEvent, converter, tag_name="class")

    codec = codecs.get("json", configure=with_class_names, unknown="ignore")
    wire = codec.encode(attrs.evolve(JOB, by_id={}))
    assert b'"class":"StreamEventDelta"' in wire
    assert codec.decode(wire, Job).events == [DELTA, DELTA]
    with pytest.raises(ValidationError, match=r"events\[0\]"):
        codec.decode(wire.replace(b'"class":"StreamEventDelta"', b'"class":"StreamEventData"'), Job)


def test_the_functions_that_cattrs_makes_for_a_message() -> None:
    def with_cattrs(converter: Any) -> None:
        short = {"max_tokens": cattrs.override(rename="n"), "prompt": cattrs.override(omit_if_default=True)}
        converter.register_structure_hook(Request, cattrs.gen.make_dict_structure_fn(Request, converter, **short))
        converter.register_unstructure_hook(Request, cattrs.gen.make_dict_unstructure_fn(Request, converter, **short))

    codec = codecs.get("json", configure=with_cattrs)
    payload = codec.format.loads(codec.encode(REQUEST))
    assert payload["n"] == 8
    assert "prompt" not in payload
    assert codec.decode(codec.encode(REQUEST), Request) == REQUEST
    assert codec.decode(codec.encode([REQUEST]), list[Request]) == [REQUEST]
    payload["n"] = "8"
    with pytest.raises(ValidationError, match="must be int, got '8'"):
        codec.decode(codec.format.dumps(payload), Request)


# Overrides

OVERRIDES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"max_tokens": cattrs.override(rename="n")}, {"n": 8}, "max_tokens"),
    (
        {"max_tokens": cattrs.override(unstruct_hook=str, struct_hook=lambda text, _: int(text))},
        {"max_tokens": "8"},
        "",
    ),
    ({"prompt": cattrs.override(omit=True)}, {}, "prompt"),
    ({"prompt": cattrs.override(omit_if_default=True)}, {}, "prompt"),
    ({"trace_id": cattrs.override(rename="request_id"), "request_id": cattrs.override(rename="trace_id")}, {}, ""),
]


@every_codec
@pytest.mark.parametrize("revision", ["latest", "0.5.4.12", "0.1.0"])
@pytest.mark.parametrize(("overrides", "there", "gone"), OVERRIDES)
def test_overrides(name: str, revision: str, overrides: Any, there: Any, gone: str) -> None:
    codec = codecs.get(name, revision=revision, configure=lambda converter: converter.override(Request, **overrides))
    wire = codec.encode(REQUEST)
    payload = codec.format.loads(wire)
    assert there.items() <= payload.items()
    # At the oldest revision a prompt was required.
    assert gone not in payload or (revision == "0.1.0" and overrides["prompt"].omit_if_default)
    if revision == "latest" or gone != "prompt":
        assert codec.decode(wire, Request) == codec.converter.loads(wire, Request) == REQUEST
        assert codec.decode_envelope(codec.encode_envelope(REQUEST)) == REQUEST


def test_an_omitted_field_is_not_read_either() -> None:
    def without_prompt(converter: Any) -> None:
        converter.override(Request, prompt=cattrs.override(omit=True))

    data = b'{"request_id":"r","trace_id":"t","max_tokens":8,"prompt":"x"}'
    with pytest.raises(ValidationError, match="prompt: must be a known field"):
        codecs.get("json", configure=without_prompt).decode(data, Request)
    assert codecs.get("json", configure=without_prompt, unknown="ignore").decode(data, Request).prompt == ""


def test_omitting_defaults_field_by_field() -> None:
    def but_for_prompt(converter: Any) -> None:
        converter.override(Request, prompt=cattrs.override(omit_if_default=False))

    codec = codecs.get("dict", omit_defaults=True, configure=but_for_prompt)
    assert codec.encode(REQUEST) == {"request_id": "r", "trace_id": "t", "prompt": "", "max_tokens": 8}


@message
class Secret:
    """Holds what cannot be left out, and what can."""

    name: str
    made: Any = attrs.field(factory=dict)
    other: str = ""


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (Job, {}, "is no message; register hooks for other classes"),
    (
        Request,
        {"max_token": cattrs.override(rename="n")},
        "Request.max_token: there is no such field .did you mean max_tokens",
    ),
    (Request, {"max_tokens": "n"}, "write cattrs.override"),
    (Request, {"max_tokens": cattrs.override(rename="")}, "rename must be a text that is not empty, got ''"),
    (Request, {"max_tokens": cattrs.override(rename="prompt")}, "two fields would be called 'prompt'"),
    (Request, {"max_tokens": cattrs.override(omit=True)}, "it is required, and cannot be omitted"),
    (StreamEventStart, {"event": cattrs.override(rename="kind")}, "it tells messages apart, and keeps its name"),
    (StreamEventStart, {"event": cattrs.override(omit=True)}, "it tells messages apart, and cannot be omitted"),
    (StreamEventStart, {"event": cattrs.override(omit_if_default=True)}, "left out it would mean something else"),
    (Request, {"max_tokens": cattrs.override(struct_hook="x")}, "struct_hook must be a function, got 'x'"),
]


@pytest.mark.parametrize(("cls", "overrides", "words"), WRONG)
def test_overrides_that_cannot_be_obeyed_are_refused(cls: Any, overrides: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        codecs.get("json", configure=lambda converter: converter.override(cls, **overrides))


def test_hooks_for_one_of_several_types_are_refused_unless_they_decide() -> None:
    with pytest.raises(OptionError, match=r"Mixture.either: .* register a hook for typing.Union"):
        codecs.get("json", configure=of_leaves).encode(Mixture(either=1.5, number=2.5))


@pytest.mark.parametrize("name", ["json", "msgspec-msgpack"])
def test_a_hook_for_a_union_decides(name: str) -> None:
    def deciding(converter: Any) -> None:
        converter.register_structure_hook(float, lambda value, _: float(value))
        converter.register_unstructure_hook(float, str)
        converter.register_structure_hook(Union[str, float], lambda pair, _: pair[0])  # noqa: UP007
        converter.register_unstructure_hook(Union[str, float], lambda value: [value])  # noqa: UP007

    codec = codecs.get(name, configure=deciding)
    for value in (Mixture(either=1.5, number=2.5), Mixture(either="1.5", number=2.5)):
        assert codec.format.loads(codec.encode(value)) == {"either": [value.either], "number": "2.5"}
        alike(codec, value, Mixture)


@message
class Mixture:
    """Holds a text or a number."""

    either: Union[str, float]  # noqa: UP007
    number: float


# Who may teach

TEACHING: dict[str, Callable[[Any], Any]] = {
    "structure": lambda it: it.register_structure_hook(float, twice),
    "structure, by its annotation": lambda it: it.register_structure_hook(annotated_hook),
    "structure, by a function": lambda it: it.register_structure_hook_func(lambda cls: cls is float, twice),
    "structure, by a factory": lambda it: it.register_structure_hook_factory(lambda cls: cls is float, lambda _: twice),
    "structure, as a decorator": lambda it: it.register_structure_hook_factory(lambda cls: cls is float)(
        lambda _: twice
    ),
    "structure, by an extended factory": lambda it: it.register_structure_hook_factory(
        lambda cls: cls is float, extended
    ),
    "unstructure": lambda it: it.register_unstructure_hook(float, twice),
    "unstructure, by its annotation": lambda it: it.register_unstructure_hook(annotated_writer),
    "unstructure, by a function": lambda it: it.register_unstructure_hook_func(lambda cls: cls is float, twice),
    "unstructure, by a factory": lambda it: it.register_unstructure_hook_factory(
        lambda cls: cls is float, lambda _: twice
    ),
    "unstructure, as a decorator": lambda it: it.register_unstructure_hook_factory(lambda cls: cls is float)(
        lambda _: twice
    ),
}


def extended(_: Any, converter: Any) -> Any:
    return twice


def annotated_hook(value: Any, _: Any) -> float:
    return float(value * 2)


def annotated_writer(value: float) -> Any:
    return value * 2


annotated_hook.__annotations__["return"] = float
annotated_writer.__annotations__["value"] = float


@pytest.mark.parametrize("teach", TEACHING.values(), ids=list(TEACHING))
def test_every_way_of_teaching_is_obeyed_or_refused(teach: Any) -> None:
    codec = codecs.get("json", configure=teach)
    data = codecs.get("json").encode(METRICS)
    changed = codec.decode(data, Metrics) != METRICS or codec.encode(METRICS) != data
    assert changed
    assert codec.converter.loads(data, Metrics) == codec.decode(data, Metrics)
    assert codec.converter.dumps(METRICS) == codec.encode(METRICS)
    for shared in (codecs.get("json"), codec):
        with pytest.raises(OptionError, match=r"codecs.get\(name, configure=function\)"):
            teach(shared.converter)


def test_a_converter_is_not_copied_and_takes_no_more_overrides() -> None:
    with pytest.raises(OptionError, match="configure=function"):
        codecs.get("json").converter.copy()
    with pytest.raises(OptionError, match="configure=function"):
        codecs.get("json").converter.override(Request, prompt=cattrs.override(rename="p"))


def test_what_configure_may_be() -> None:
    for wrong in (7, "x", [], attrs.make_class("Unhashable", [], eq=True, unsafe_hash=None)):
        with pytest.raises(OptionError, match="configure"):
            codecs.get("json", configure=wrong)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="raises ZeroDivisionError: division by zero"):
        codecs.get("json", configure=lambda _: 1 / 0)
    with pytest.raises(DeclarationError):
        codecs.get("json", configure=lambda converter: converter.structuring(object()))
    assert codecs.get("json", configure=of_leaves) is codecs.get("json", configure=of_leaves)
    assert codecs.negotiate("application/json", configure=of_leaves) is codecs.get("json", configure=of_leaves)


def test_what_was_configured_goes_no_short_way() -> None:
    codec = codecs.get("msgspec-json", configure=of_leaves)
    assert codec.describe()["fallbacks"]["types.Metrics"] == "it was configured"
    assert "types.StreamEventStart" not in codec.describe()["fallbacks"]


# Messages held in every way, at two revisions

CHEST = declared.Chest(
    leaf=declared.Leaf(name="a"),
    shape=declared.Circle(radius=1.5),
    maybe=declared.Leaf(name="b"),
    shapes=[declared.Square(side=2.5), declared.Circle(radius=3.5)],
    by_name={"k": declared.Leaf(name="c")},
    text_or_leaves=[declared.Leaf(name="d")],
    text_or_leaf=declared.Leaf(name="e"),
    few=[declared.Leaf(name="f")],
    number=4.5,
)
OURS = History([revision_of("2", added("declared.Chest", "later")), revision_of("1")], Catalog(["declared"]))


def whole_leaves(converter: Any) -> None:
    converter.register_structure_hook(declared.Leaf, lambda text, _: declared.Leaf(name=text[1:]))
    converter.register_unstructure_hook(declared.Leaf, lambda leaf: "*" + leaf.name)
    converter.register_structure_hook(Union[str, declared.Leaf], lambda text, _: declared.Leaf(name=text[1:]))  # noqa: UP007
    converter.register_unstructure_hook(Union[str, declared.Leaf], lambda leaf: "*" + leaf.name)  # noqa: UP007
    converter.override(declared.Chest, text_or_leaves=cattrs.override(struct_hook=leaves_of, unstruct_hook=names_of))


def leaves_of(names: Any, _: Any) -> Any:
    return [declared.Leaf(name=name) for name in names]


def names_of(leaves: Any) -> Any:
    return [leaf.name for leaf in leaves]


def whole_unions(converter: Any) -> None:
    shapes = Union[declared.Circle, declared.Square]  # noqa: UP007
    converter.register_structure_hook(
        shapes, lambda pair, _: declared.Circle(radius=pair[1]) if pair[0] == "o" else declared.Square(side=pair[1])
    )
    converter.register_unstructure_hook(
        shapes, lambda held: ["o", held.radius] if isinstance(held, declared.Circle) else ["#", held.side]
    )


def one_of_a_union(converter: Any) -> None:
    circle = {"radius": cattrs.override(rename="r"), "shape": cattrs.override()}
    converter.override(declared.Circle, **circle)
    converter.register_structure_hook(
        declared.Square, lambda held, _: declared.Square(side=held["side"] / 2, label=held.get("label", ""))
    )
    converter.register_unstructure_hook(
        declared.Square, lambda held: {"shape": "square", "side": 2 * held.side, "label": held.label}
    )


def omitted(converter: Any) -> None:
    converter.override(declared.Chest, half=cattrs.override(rename="halved"))
    converter.override(declared.Leaf, name=cattrs.override(rename="called"))


def one_way(converter: Any) -> None:
    """What only one way is taught of is as ever the other way."""
    converter.register_structure_hook(float, lambda value, _: float(value))
    converter.override(declared.Circle, radius=cattrs.override(unstruct_hook=lambda value: value))


HELD = {it.__name__: it for it in (of_names, whole_leaves, whole_unions, one_of_a_union, omitted, one_way)}


@every_codec
@pytest.mark.parametrize("release", ["1", "2"])
@pytest.mark.parametrize("teaching", HELD.values(), ids=list(HELD))
def test_messages_held_in_every_way(name: str, release: str, teaching: Any) -> None:
    codec = codecs.get(name, revision=release, history=OURS, configure=teaching)
    plain = codecs.get(name, revision=release, history=OURS)
    assert (codec.encode(CHEST) == plain.encode(CHEST)) == (teaching is one_way)
    alike(codec, CHEST, declared.Chest)
    if teaching is not whole_unions:  # A list that is encoded does not say that it is of a union.
        alike(codec, [CHEST.shape, *CHEST.shapes], list[Union[declared.Circle, declared.Square]])  # noqa: UP007
    alike(codec, CHEST.leaf, declared.Leaf)
    alike(codec, {"k": CHEST.leaf}, dict[str, declared.Leaf])
    assert codec.decode_envelope(codec.encode_envelope(CHEST)) == CHEST
    assert codec.encode(codec.decode(codec.encode(CHEST), declared.Chest)) == codec.encode(CHEST)


@pytest.mark.parametrize("teaching", HELD.values(), ids=list(HELD))
def test_what_is_wrong_with_an_old_payload_is_told_alike(teaching: Any) -> None:
    every = [codecs.get(name, revision="1", history=OURS, configure=teaching) for name in NAMES]
    payload = codecs.get("dict", revision="1", history=OURS, configure=teaching).encode(CHEST)

    @given(corrupted(st.just(payload)))
    def check(wrong: Any) -> None:
        for codec in every:
            try:
                wire = codec.format.dumps(wrong)
            except EncodeError:
                return
            found = outcome(lambda: codec.decode(wire, declared.Chest))  # noqa: B023
            assert outcome(lambda: codec.converter.loads(wire, declared.Chest)) == found  # noqa: B023

    check()


def test_what_a_hook_refuses_past_64_bits_says_where() -> None:
    def nested(converter: Any) -> None:
        converter.register_structure_hook(declared.Leaf, lambda text, _: codecs.get("json").decode(text, declared.Leaf))

    codec = codecs.get("json", configure=nested)
    with pytest.raises(DecodeError, match="k: no JSON"):
        codec.decode(b'{"k":"{"}', dict[str, declared.Leaf])


def test_a_field_that_is_derived_may_be_omitted() -> None:
    def without(converter: Any) -> None:
        converter.override(declared.Chest, half=cattrs.override(omit=True))

    codec = codecs.get("json", configure=without, history=OURS)
    assert b"half" not in codec.encode(CHEST)
    assert codec.decode(codec.encode(CHEST), declared.Chest).half == 2.25


def test_predicates_that_raise_do_not_hold() -> None:
    def picky(converter: Any) -> None:
        converter.register_structure_hook_func(lambda _: 1 / 0, twice)

    assert codecs.get("json", configure=picky).decode(codecs.get("json").encode(METRICS), Metrics) == METRICS


def test_subclasses_of_what_messages_know_are_read_as_cattrs_reads_them() -> None:
    class Name(str):
        pass

    codec = codecs.get("json")
    found = codec.converter.structure({"name": "x"}, attrs.make_class("Named", {"name": attrs.field(type=Name)}))
    assert type(found.name) is Name


def test_a_predicate_is_obeyed_in_every_container_of_cattrs() -> None:
    codec = codecs.get("json", configure=TEACHING["structure, by a function"])
    assert codec.decode(b"[1.5]", frozenset[float]) == {3.0}
    assert codec.decode(b'{"a":[1.5]}', dict[str, list[float]]) == {"a": (3.0,)}


def test_an_old_payload_by_the_names_of_the_protocol_is_refused() -> None:
    codec = codecs.get("json", revision="0.1.0", configure=of_names)
    payload = codec.format.loads(codec.encode(METRICS))
    wrong = codec.format.dumps({**payload, "ttft_ms": 1.0})
    with pytest.raises(ValidationError, match=r"ttft_ms: must be a known field, got 1\.0"):
        codec.decode(wrong, Metrics)
    lenient = codecs.get("json", revision="0.1.0", configure=of_names, unknown="ignore")
    assert lenient.decode(wrong, Metrics) == codec.decode(codec.encode(METRICS), Metrics)


def test_what_is_no_json_is_told_once() -> None:
    day = datetime.date(2026, 1, 2)
    shared = {"k": 1}
    with pytest.raises(EncodeError, match="is no message, nor anything that one holds"):
        codecs.get("dict").format.dumps([shared, shared, day])


def test_what_is_only_written_otherwise_is_read_by_the_rules() -> None:
    codec = codecs.get("json", configure=one_way)
    with pytest.raises(ValidationError, match="radius: must be > 0, got -1"):
        codec.decode(b'{"shape":"circle","radius":-1}', declared.Circle)


@pytest.mark.parametrize("revision", ["latest", "0.1.0"])
def test_a_message_that_a_hook_writes_whole_is_in_envelopes_as_it_writes_it(revision: str) -> None:
    def by_name(converter: Any) -> None:
        converter.register_unstructure_hook(Request, lambda request: request.request_id)
        converter.register_structure_hook(Request, lambda name, _: attrs.evolve(REQUEST, request_id=name))

    codec = codecs.get("json", revision=revision, configure=by_name)
    record = codec.encode_envelope(REQUEST)
    assert b'"payload":"r"' in record
    assert codec.decode_envelope(record) == REQUEST


def test_a_codec_cannot_be_changed() -> None:
    codec = codecs.get("json", configure=of_leaves)
    for name in ("converter", "format", "options", "revision", "name", "other"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(codec, name, None)


def test_the_class_of_converters_is_there_and_nothing_else_is_made_up() -> None:
    assert type(codecs.get("json").converter) is codecs.MessageConverter
    with pytest.raises(AttributeError, match="has no attribute 'MessageConverters'"):
        codecs.MessageConverters  # type: ignore[attr-defined]  # noqa: B018
