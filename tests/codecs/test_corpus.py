"""Every payload that the published releases wrote is read, and nothing that it says is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

import published
from losses import outgrown
from sagellm_protocol import ValidationError, catalog, codecs, history
from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.model.kinds import Choice, Items, Nested, Nullable, Table, Type

NEWEST = published.revisions()[-1]
"""The newest revision that was published; today's is one in the works."""
WRITE = {
    "json": lambda value: json.dumps(value).encode(),
    "msgpack": msgpack.packb,
    "dict": lambda value: value,
    "msgspec-json": lambda value: json.dumps(value).encode(),
    "msgspec-msgpack": msgpack.packb,
}
READ = {
    "json": json.loads,
    "msgpack": msgpack.unpackb,
    "dict": lambda value: value,
    "msgspec-json": json.loads,
    "msgspec-msgpack": msgpack.unpackb,
}


@pytest.mark.parametrize("name", list(WRITE))
def test_payloads_of_the_newest_release_come_back_equal(name: str) -> None:
    codec = codecs.get(name, revision=NEWEST)
    recorded = published.corpus(NEWEST)
    assert len(recorded) == 490
    for line in recorded:
        cls = catalog.get(line.type)
        if outgrown(line.type, line.payload):
            with pytest.raises(ValidationError):
                codec.decode(WRITE[name](line.payload), cls)
            continue
        message = codec.decode(WRITE[name](line.payload), cls)
        written = READ[name](codec.encode(message))
        if line.style == "all":
            assert written == line.payload, line
            assert list(written) == list(line.payload)
        if name.startswith("msgspec-"):
            plain = codecs.get(name.removeprefix("msgspec-"), revision=NEWEST)
            assert codec.encode(message) == plain.encode(message), line
        completed = complete(Nested(line.type, cls), line.payload, written)
        assert written == completed, line
        assert json.dumps(numbers_as_floats(written), sort_keys=True) == json.dumps(
            numbers_as_floats(completed), sort_keys=True
        )
        assert codec.decode(codec.encode(message), cls) == message
        short = codecs.get(name, revision=NEWEST, omit_defaults=True)
        assert codec.decode(short.encode(message), cls) == message
        today = codecs.get(name)
        assert today.decode(today.encode(message), cls) == message
        assert line.style != "all" or today.decode(WRITE[name](line.payload), cls) == message


def complete(kind: Type, payload: Any, written: Any) -> Any:
    """A payload with the defaults that it leaves out. The made and derived ones are taken from what was written."""
    match kind:
        case Nullable(inner=inner) if payload is not None:
            return complete(inner, payload, written)
        case Nested(name=name):
            filled = {}
            for field in HISTORY.spec(name, NEWEST).fields:
                if field.name in payload:
                    filled[field.name] = complete(field.type, payload[field.name], written[field.name])
                else:
                    assert not field.required
                    default = plain_default(field.default) if has_plain_default(field) else written[field.name]
                    filled[field.name] = default
            assert payload.keys() <= filled.keys()
            return filled
        case Items(item=inner):
            return [complete(inner, item, other) for item, other in zip(payload, written, strict=True)]
        case Table(value=inner):
            return {key: complete(inner, item, written[key]) for key, item in payload.items()}
        case _:
            return payload


def numbers_as_floats(value: Any) -> Any:
    """An integer and a float of the same value may stand for each other; a flag and a number may not."""
    if isinstance(value, dict):
        return {key: numbers_as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers_as_floats(item) for item in value]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@pytest.mark.parametrize("revision", published.revisions())
def test_payloads_of_older_revisions_keep_every_value(revision: str) -> None:
    recorded = published.corpus(revision)
    assert recorded
    for line in recorded:
        cls = catalog.get(line.type)
        before = json.dumps(line.payload)
        upgraded = history.upgrade(line.payload, line.type, since=revision)
        assert json.dumps(line.payload) == before
        lost = list(missing(Nested(line.type, cls), line.payload, upgraded, revision))
        assert lost == [], line
        if outgrown(line.type, upgraded):
            continue
        messages = [codecs.get(name).decode(WRITE[name](upgraded), cls) for name in WRITE]
        written = codecs.get("dict").encode(messages[0])
        assert list(missing(Nested(line.type, cls), line.payload, written, revision)) == [], line
        old = [codecs.get(name, revision=revision).decode(WRITE[name](line.payload), cls) for name in WRITE]
        for message in (*messages, *old):
            for field in HISTORY.spec(line.type, "latest").fields:
                if field.name in upgraded or has_plain_default(field):
                    assert getattr(message, field.name) == getattr(messages[0], field.name)


def missing(kind: Type, old: Any, new: Any, revision: str, path: str = "") -> Iterator[str]:
    """The places in an old payload whose values a new one does not have."""
    match kind:
        case Nullable(inner=inner) if old is not None:
            yield from missing(inner, old, new, revision, path)
        case Nested(name=name):
            for field in HISTORY.spec(name, revision).fields:
                if field.name not in old:
                    continue
                at, value = f"{path}.{field.name}", old[field.name]
                if field.today not in new:
                    yield at
                elif value is None and (name, revision) == ("types.Metrics", "0.1.0") and new[field.today] is not None:
                    # The one documented exception: what was null is 0 from the next revision on.
                    if new[field.today] != 0:
                        yield at
                else:
                    yield from missing(field.type, value, new[field.today], revision, at)
            known = {field.name for field in HISTORY.spec(name, revision).fields}
            for key in old.keys() - known:
                yield f"{path}.{key} is unknown"
        case Choice():
            raise AssertionError("no published message holds a choice of messages")
        case Items(item=inner):
            if len(old) != len(new):
                yield path
            for number, (one, other) in enumerate(zip(old, new, strict=False)):
                yield from missing(inner, one, other, revision, f"{path}[{number}]")
        case Table(value=inner):
            if old.keys() != new.keys():
                yield path
            for key in old.keys() & new.keys():
                yield from missing(inner, old[key], new[key], revision, f"{path}.{key}")
        case _:
            if old != new or isinstance(old, bool) is not isinstance(new, bool):
                yield path


def test_sampling_params_of_old_said_greedy() -> None:
    seen = 0
    for revision in published.revisions()[:-1]:
        for line in published.corpus(revision):
            if line.type == "sampling.SamplingParams" and "strategy" not in line.payload:
                seen += 1
                assert history.upgrade(line.payload, line.type, since=revision)["strategy"] == "greedy"
    assert seen
