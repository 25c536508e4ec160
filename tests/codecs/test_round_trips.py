"""Whatever a message says, every codec carries; what one codec takes or refuses, all do, in the same words."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import msgpack
import pytest
from hypothesis import given, strategies as st

import declared
from payloads import as_json, as_msgpack, corrupted, exactly, outcome
from sagellm_protocol import catalog, codecs
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.annotations import is_message, read_type
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.testing import messages, payloads
from sagellm_protocol.types import StreamEvent
from specimens import complete

JSON, MSGPACK, DICT = codecs.get("json"), codecs.get("msgpack"), codecs.get("dict")
FAST_JSON, FAST_MSGPACK = codecs.get("msgspec-json"), codecs.get("msgspec-msgpack")
ALL = (JSON, MSGPACK, DICT, FAST_JSON, FAST_MSGPACK)
WRITE = {"json": as_json, "msgpack": as_msgpack, "msgspec-json": as_json, "msgspec-msgpack": as_msgpack}

MESSAGES = {
    **catalog.messages(),
    **{f"declared.{name}": cls for name, cls in vars(declared).items() if is_message(cls)},
}
every_message = pytest.mark.parametrize("cls", MESSAGES.values(), ids=list(MESSAGES))


def unpacked(data: bytes) -> Any:
    """MessagePack as plain data: what it holds as binary values, all others hold as base64."""
    return as_text(msgpack.unpackb(data))


def as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@every_message
def test_every_codec_carries_every_message(cls: Any) -> None:
    @given(messages(cls))
    def check(message: Any) -> None:
        plain = DICT.encode(message)
        assert plain == to_plain(message)
        assert json.loads(JSON.encode(message)) == plain
        assert unpacked(MSGPACK.encode(message)) == plain
        assert json.loads(FAST_JSON.encode(message)) == plain
        assert unpacked(FAST_MSGPACK.encode(message)) == plain
        for codec in ALL:
            wire = codec.encode(message)
            again = codec.decode(wire, cls)
            assert again == message
            assert hash(again) == hash(message)
            assert exactly(again) == exactly(message)
            assert codec.encode(again) == wire
            assert codec.encoder(cls)(message) == wire
            assert codec.decoder(cls)(wire) == message

    check()


@pytest.mark.parametrize("omits", ["omit_defaults", "omit_nulls"])
@every_message
def test_the_short_form_says_the_same(cls: Any, omits: str) -> None:
    options: dict[str, Any] = {omits: True}
    short = [codecs.get(codec.name, **options) for codec in ALL]

    @given(messages(cls))
    def check(message: Any) -> None:
        plain = short[2].encode(message)
        assert plain.items() <= DICT.encode(message).items() or json.dumps(plain) in json.dumps(plain)
        assert json.loads(short[0].encode(message)) == plain
        assert unpacked(short[1].encode(message)) == plain
        for codec, whole in zip(short, ALL, strict=True):
            again = whole.decode(codec.encode(message), cls)
            assert again == message
            assert exactly(again) == exactly(message)

    check()


@every_message
def test_every_codec_judges_alike(cls: Any) -> None:
    @given(corrupted(messages(cls).map(to_plain)), st.sampled_from((None, "forbid", "ignore", "keep")))
    def check(payload: Any, unknown: Any) -> None:
        expected = outcome(lambda: codecs.get("dict", unknown=unknown).decode(payload, cls))
        for name, write in WRITE.items():
            data = write(payload)
            if data is not None:
                assert outcome(lambda: codecs.get(name, unknown=unknown).decode(data, cls)) == expected  # noqa: B023

    check()


@every_message
def test_the_fast_path_and_the_thorough_path_judge_alike(cls: Any) -> None:
    kind = read_type(cls)

    @given(corrupted(messages(cls).map(to_plain)), st.sampled_from((None, "forbid", "ignore", "keep")))
    def check(payload: Any, unknown: Any) -> None:
        thorough = outcome(lambda: check_payload(kind, payload, unknown=unknown))
        try:
            fast = Readers("dict", unknown).reader(kind)(payload)
        except DOUBTS:
            return
        assert ("taken", exactly(fast)) == thorough
        hash(fast)

    check()


@pytest.mark.parametrize("revision", ["0.1.0", "0.4.0.8", "0.5.4.13"])
@given(st.data())
def test_every_codec_judges_old_payloads_alike(revision: str, data: st.DataObject) -> None:
    from sagellm_protocol.history import HISTORY

    name = data.draw(st.sampled_from(sorted(HISTORY.specs(revision))))
    payload = data.draw(corrupted(payloads(name, revision)) | payloads(name, revision))
    cls = catalog.get(name)
    expected = outcome(lambda: codecs.get("dict", revision=revision).decode(payload, cls))
    for form, write in WRITE.items():
        wire = write(payload)
        if wire is not None:
            codec = codecs.get(form, revision=revision)
            assert outcome(lambda: codec.decode(wire, cls)) == expected  # noqa: B023


@pytest.mark.parametrize("kind", [StreamEvent, list[StreamEvent], dict[str, StreamEvent]], ids=str)
def test_unions_lists_and_tables_of_messages(kind: Any) -> None:
    events = st.one_of([messages(option) for option in StreamEvent.__args__])
    drawn: st.SearchStrategy[Any] = events
    if kind is not StreamEvent:
        drawn = st.lists(events, max_size=3) if kind.__origin__ is list else st.dictionaries(st.text("ab"), events)

    @given(drawn)
    def check(value: Any) -> None:
        for codec in ALL:
            wire = codec.encode(value)
            assert codec.encoder(kind)(value) == wire
            again = codec.decode(wire, kind)
            assert again == value
            assert type(again) is type(value)

    check()


@pytest.mark.parametrize("codec", ALL, ids=lambda codec: codec.name)
def test_plain_data_is_only_plain(codec: Any) -> None:
    """What is decoded shares nothing mutable with what it was decoded from, and what is encoded nothing at all."""
    for cls in catalog.messages().values():
        message = complete(cls)
        wire = codec.encode(message)
        again = codec.decode(wire, cls)
        if isinstance(wire, dict):
            before = hash(again)
            spoil(wire)
            assert hash(again) == before
            assert again == message


def spoil(value: Any) -> None:
    if type(value) in (dict, list):
        for item in list(value.values()) if type(value) is dict else list(value):
            spoil(item)
        value.clear()
    else:
        assert not isinstance(value, (dict, list, tuple))


@given(st.data())
def test_a_reader_raises_nothing_but_doubts(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from(list(MESSAGES.values())))
    keys = st.sampled_from([field.name for field in spec_of(cls).fields]) | st.none() | st.integers()
    values = st.binary() | st.none() | st.complex_numbers() | st.builds(object) | st.sets(st.integers())
    payload = data.draw(st.dictionaries(keys, values))
    read = Readers("dict").reader(read_type(cls))
    for value in (payload, [payload], None, 1, "x", b"x", object()):
        with contextlib.suppress(*DOUBTS):
            assert type(read(value)) is cls
