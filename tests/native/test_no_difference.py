"""The compiled core and Python give the same: values, types, errors and words, over every message, right and wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, get_args

import attrs
import cattrs
import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import HealthCheck, given, settings, strategies as st

import declared
from pairs import FORMATS, came_of, constructors, decoders, encoders, exactly, in_python
from payloads import STRANGE, as_json, as_msgpack, corrupted
from sagellm_protocol import StreamEvent, catalog, codecs, evolve
from sagellm_protocol.codecs import Options
from sagellm_protocol.model import derived, field, message, native
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.spec import Unknown, spec_of
from sagellm_protocol.testing import messages, payloads

pytestmark = pytest.mark.skipif(native.core is None, reason="there is no compiled core")
EXAMPLES = int(os.environ.get("NATIVE_EXAMPLES", min(8, settings().max_examples)))
"""For each message: more of them run where there is more time."""

few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
OURS = list(catalog.messages().values())
USERS = [cls for cls in vars(declared).values() if is_message(cls)]
every_message = pytest.mark.parametrize("cls", [*OURS, *USERS], ids=lambda cls: cls.__qualname__)
OPTIONS = [Options(), *(Options(unknown=it) for it in get_args(Unknown)), Options(consistent=True)]
WRITTEN = {
    **dict.fromkeys(("json", "msgspec-json"), as_json),
    **dict.fromkeys(("msgpack", "msgspec-msgpack"), as_msgpack),
    "dict": lambda payload: payload,
}


def payloads_of(cls: type) -> st.SearchStrategy[Any]:
    """What goes over the wire for a message of a class."""
    return messages(cls).map(codecs.get("dict").encode)


@every_message
@few
@given(data=st.data())
def test_decoding(cls: Any, data: st.DataObject) -> None:
    right = payloads_of(cls)
    payload = data.draw(st.one_of(right, corrupted(right), corrupted(right)))
    options = data.draw(st.sampled_from(OPTIONS))
    for name in FORMATS:
        wire = WRITTEN[name](payload)
        if wire is not None:
            compiled, python = decoders(name, cls, options)
            assert came_of(compiled, wire) == came_of(python, wire)


@every_message
@few
@given(data=st.data())
def test_encoding(cls: Any, data: st.DataObject) -> None:
    message = data.draw(messages(cls))
    for options in (Options(), Options(omit_defaults=True), Options(omit_nulls=True)):
        for name in FORMATS:
            compiled, python = encoders(name, cls, options)
            assert came_of(compiled, message) == came_of(python, message)


@every_message
@few
@given(data=st.data())
def test_building(cls: Any, data: st.DataObject) -> None:
    compiled, python = constructors(cls)
    held = data.draw(messages(cls))
    spec = spec_of(cls)
    fields = {
        spec.arguments[field.name]: getattr(held, field.name)
        for field in spec.fields
        if field.required or data.draw(st.booleans())
    }
    assert came_of(compiled, **fields) == came_of(python, **fields)
    plain = data.draw(corrupted(payloads_of(cls)))
    if isinstance(plain, dict):
        named = {spec.arguments.get(name, name): value for name, value in plain.items()}
        mixed = {**fields, **{name: named[name] for name in named if data.draw(st.booleans())}}
        for given_fields in (named, mixed):
            assert came_of(compiled, **given_fields) == came_of(python, **given_fields)


@every_message
@few
@given(data=st.data())
def test_evolving(cls: Any, data: st.DataObject) -> None:
    held, other = data.draw(messages(cls)), data.draw(messages(cls))
    arguments = spec_of(cls).arguments
    right = {argument: getattr(other, name) for name, argument in arguments.items() if data.draw(st.booleans())}
    names = st.sampled_from([*arguments.values(), *arguments, "unheard_of"])
    before = exactly(held)
    for changes in (right, {**right, data.draw(names): data.draw(st.sampled_from(STRANGE))}):
        compiled = came_of(evolve, held, **changes)
        with in_python():
            assert came_of(evolve, held, **changes) == compiled
    assert exactly(held) == before


@few
@given(data=st.data())
def test_containers_and_unions(data: st.DataObject) -> None:
    right = st.one_of(*(payloads(name) for name in ("StreamEventStart", "StreamEventDelta", "StreamEventEnd")))
    kind, wrong = data.draw(
        st.sampled_from(
            (
                (StreamEvent, corrupted(right)),
                (list[StreamEvent], st.lists(corrupted(right), max_size=3)),
                (dict[str, StreamEvent], st.dictionaries(st.text(max_size=3), corrupted(right), max_size=3)),
            )
        )
    )
    payload = data.draw(wrong)
    for name in FORMATS:
        wire = WRITTEN[name](payload)
        if wire is not None:
            compiled, python = decoders(name, kind, Options())
            assert came_of(compiled, wire) == came_of(python, wire)


@message
class Part:
    number: int = 0


@message
class Report:
    """Something of all that can be taught, or bounds a number twice, or is asked at the end."""

    name: str
    parts: Sequence[Part] = ()
    share: Annotated[float, Ge(0), Gt(-1), Le(1), Lt(2)] = 0.5
    count: int = field(default=1, validator=attrs.validators.not_(attrs.validators.in_((7,))))
    twice: int = derived(lambda self: 2 * self.count, default=0)
    label: str = "none"


def _in_texts(converter: Any) -> None:
    converter.register_structure_hook(int, lambda value, _: int(value, 16))
    converter.register_unstructure_hook(int, lambda value: f"{value:x}")


def _in_capitals(converter: Any) -> None:
    """One way alone."""
    converter.register_unstructure_hook(str, str.upper)


def _without_some(converter: Any) -> None:
    converter.override(Report, twice=cattrs.override(omit=True), label=cattrs.override(omit=True))


def _shorter(converter: Any) -> None:
    converter.override(Report, label=cattrs.override(omit_if_default=True), share=cattrs.override(rename="s"))


PAYLOADS: list[Any] = [
    {},
    {"name": "a"},
    {"name": "a", "parts": [{"number": 1}, {}], "share": 1, "count": 2, "twice": 3, "label": "b"},
    {"name": "a", "parts": [{"number": "1f"}], "count": "a", "twice": "b"},
    {"name": "a", "count": 7},
    {"name": "a", "count": "7"},
    *({"name": "a", "share": share} for share in (0, -0.5, -1.0, 1.0, 1.5, 2.0)),
    {"name": "a", "s": 0.25, "label": "none"},
    {"name": "a", "unknown": {"deep": [1]}},
    {"name": "a", 1: "b"},
]
REPORTS = [Report(name="a"), Report(name="a", parts=[Part(number=9)], share=1.0, count=2, label="b")]
TEACHINGS = [None, _in_texts, _in_capitals, _without_some, _shorter]


@pytest.mark.parametrize("teaching", TEACHINGS, ids=lambda it: getattr(it, "__name__", "nothing"))
@pytest.mark.parametrize("chosen", [{}, {"unknown": "ignore"}, {"omit_defaults": True}, {"omit_nulls": True}], ids=str)
@pytest.mark.parametrize("name", FORMATS)
def test_what_was_taught(name: str, chosen: dict[str, Any], teaching: Any) -> None:
    options = Options(configure=teaching, **chosen)
    for kind in (Report, list[Report]):
        compiled, python = decoders(name, kind, options)
        for payload in PAYLOADS:
            wire = WRITTEN[name](payload if kind is Report else [payload])
            if wire is not None:
                assert came_of(compiled, wire) == came_of(python, wire)
    compiled, python = encoders(name, Report, options)
    for report in REPORTS:
        assert came_of(compiled, report) == came_of(python, report)
