"""Whatever a protocol went through: all ways to bring a payload forward, take it back and tell what it is agree."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings, strategies as st

import histories
from sagellm_protocol import codecs, testing
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import Added, NullForbidden, Redefined, Removed, Renamed
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import LossyDowngradeError, ProtocolError, ValidationError
from sagellm_protocol.model.kinds import Choice, Items, Nested, Nullable, Table, Type
from sagellm_protocol.model.spec import REQUIRED, Spec
from toys import Declare, declare  # noqa: F401 - the fixture

EXAMPLES = 150
anything_goes = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def toys(declare: Declare) -> Catalog:  # noqa: F811
    return declare(histories.SOURCE)


FILL = {"name": "filled", "title": "filled", "serial": 77, "size": 77, "a": 77, "note": "filled", "colour": "green"}


def outcome(history: History, payload: Any, message: str, since: str, fill: dict[str, Any] | None = None) -> Any:
    """A payload of today, or the rule that it broke."""
    try:
        return history.upgrade(payload, message, since=since, fill=fill)
    except ValidationError as error:
        return [(found.path, found.rule) for found in error.violations]


# What an upgrade is: the steps one by one, as the list of revisions tells them


def forwards(history: History, message: str, release: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload brought forward one revision after the other, step after step, the messages in it first."""
    spec = history.specs(release)[message]
    for field in spec.fields:
        if not field.today and field.name in payload:
            value = payload[field.name]
            if not alike(plain(field.left_out), null_of(value, field)):
                raise ValueError(field.name)  # it says something, and today has no place for it
    taken = {
        field.name: inside(history, field.type, release, payload[field.name])
        for field in spec.fields
        if field.name in payload
    }
    taken = {name: taken.get(name, value) for name, value in payload.items()}
    later = history.revisions[history.revisions.index(release) + 1 :]
    for name in later:
        for number in reversed(range(len(history.changed_in(name).changes))):
            taken = step(history, name, number, message, taken)
    return taken


def inside(history: History, kind: Type, release: str, value: Any) -> Any:
    match kind, value:
        case Nullable(inner=inner), _:
            return inside(history, inner, release, value)
        case Nested(name=name), dict():
            return forwards(history, name, release, value)
        case Choice(options=options), dict():
            names = [option.name for option in options if may_be(history.specs(release)[option.name], value)]
            return forwards(history, names[0], release, value) if names else value
        case Items(item=item), list():
            return [inside(history, item, release, each) for each in value]
        case Table(value=item), dict():
            return {key: inside(history, item, release, each) for key, each in value.items()}
        case _:
            return value


def may_be(spec: Spec, value: dict[str, Any]) -> bool:
    """Whether a shape is of that message: by its tag, or else by its fields."""
    tag = value.get("shape")
    if tag in ("circle", "square"):
        return spec.name == f"toy.{tag.capitalize()}"
    return spec.required <= value.keys() <= spec.types.keys()


def step(history: History, release: str, number: int, message: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What one change makes of a payload from just before it."""
    changes = history.changed_in(release).changes
    change: Any = changes[number]
    if getattr(change, "message", None) != message:
        return payload
    # The defaults of just after it: those of the revision, with the changes listed before it undone.
    tables = history._tables[release].before(release)
    for other in changes[:number]:
        other.undo(tables)
    after = {field.name: field for field in tables.messages[message].fields}
    match change:
        case Added(fields=fields, unsaid=unsaid):
            new = {name: unsaid for name in fields if after[name].required and unsaid is not None}
            return {**payload, **{name: value for name, value in new.items() if name not in payload}}
        case Removed(field=field):
            return {name: value for name, value in payload.items() if name != field.name}
        case Renamed(names=names):
            return {names.get(name, name): value for name, value in payload.items()}
        case NullForbidden(fields=fields):
            # What null stood for is written out: leaving it out may come to mean something else later.
            defaults = {name: plain(after[name].left_out) for name in fields}
            return payload | {name: value for name, value in defaults.items() if payload.get(name) is None}
        case Redefined(field=name, was=was):
            return payload if name in payload else payload | {name: null_of(was, after[name])}
        case _:
            return payload


def plain(value: Any) -> Any:
    value = getattr(value, "value", value)
    return list(value) if isinstance(value, tuple) else value


def null_of(was: Any, field: Any) -> Any:
    return plain(field.null) if was is None and field.null is not REQUIRED else was


@anything_goes
@given(st.data())
def test_an_upgrade_does_what_the_steps_say_one_by_one(toys: Catalog, data: st.DataObject) -> None:
    own, message, release = data.draw(histories.drawn(toys))
    note("\n".join(histories.told(own)))
    payload = data.draw(testing.payloads(message, release, own))
    original = copy.deepcopy(payload)
    upgraded = outcome(own, payload, message, release)
    assert payload == original
    try:
        expected = forwards(own, message, release, payload)
    except ValueError:
        assert not isinstance(upgraded, dict)
        return
    cls = toys.get(message)
    assert isinstance(upgraded, dict), (upgraded, expected)
    assert from_plain(cls, upgraded) == from_plain(cls, expected), (upgraded, expected)


@anything_goes
@given(st.data())
def test_the_short_way_is_the_long_way(toys: Catalog, data: st.DataObject) -> None:
    """A field that nobody knows makes an upgrade go the long way; the order of fields is all the same."""
    own, message, release = data.draw(histories.drawn(toys))
    note("\n".join(histories.told(own)))
    payload = data.draw(testing.payloads(message, release, own))
    fill = data.draw(st.sampled_from([None, FILL]))
    short = outcome(own, payload, message, release, fill)
    if len(payload) == len(own.spec(message, release).fields):
        shuffled = dict(data.draw(st.permutations(list(payload.items()))))
        assert outcome(own, shuffled, message, release, fill) == short
    long = outcome(own, {**payload, "site": [1]}, message, release, fill)
    if isinstance(long, dict):
        assert long.pop("site") == [1]
    assert alike(short, long), (short, long)


@anything_goes
@given(st.data())
def test_up_and_down_again_says_the_same(toys: Catalog, data: st.DataObject) -> None:
    own, message, release = data.draw(histories.drawn(toys))
    note("\n".join(histories.told(own)))
    payload = data.draw(testing.payloads(message, release, own))
    today = outcome(own, payload, message, release)
    assume(isinstance(today, dict))
    assert own.losses(today, message, to=release) == ()
    back = own.downgrade(today, message, to=release)
    for name, value in payload.items():
        field = next(field for field in own.spec(message, release).fields if field.name == name)
        if field.today and value is not None and not holds_messages(field.type):
            assert alike(back.get(name, plain(field.left_out)), value)
    cls = toys.get(message)
    assert from_plain(cls, own.upgrade(back, message, since=release)) == from_plain(cls, today)
    codec = codecs.get("dict", revision=release, history=own)
    assert codec.decode(payload, cls) == codec.decode(back, cls) == from_plain(cls, today)


def holds_messages(kind: Type) -> bool:
    return "Nested" in repr(kind)


@anything_goes
@given(st.data())
def test_down_and_up_again_is_the_same_message_or_a_named_loss(toys: Catalog, data: st.DataObject) -> None:
    own, message, release = data.draw(histories.drawn(toys))
    note("\n".join(histories.told(own)))
    cls = toys.get(message)
    value = data.draw(testing.messages(cls))
    payload = data.draw(st.sampled_from([to_plain(value), short(value)]))
    codec = codecs.get("dict", revision=release, history=own)
    lost = own.losses(payload, message, to=release)
    if lost:
        with pytest.raises(LossyDowngradeError) as raised:
            codec.encode(value)
        assert {loss.path for loss in raised.value.losses} >= {loss.path for loss in lost} - {""}
        try:
            payload = own.downgrade(payload, message, to=release, lossy=True)
        except LossyDowngradeError:
            return
        assert codec.decode(payload, cls)
        return
    taken = own.downgrade(payload, message, to=release)
    assert from_plain(cls, own.upgrade(taken, message, since=release)) == value
    assert codec.decode(taken, cls) == value
    assert codec.decode(codec.encode(value), cls) == value


def short(value: Any) -> dict[str, Any]:
    payload: dict[str, Any] = codecs.get("dict", omit_defaults=True).encode(value)
    return payload


@anything_goes
@given(st.data())
def test_the_truth_is_among_what_is_detected(toys: Catalog, data: st.DataObject) -> None:
    own, message, release = data.draw(histories.drawn(toys))
    note("\n".join(histories.told(own)))
    payload = data.draw(testing.payloads(message, release, own))
    order = own.revisions.index
    for found in (own.detect(payload), own.detect(payload, message)):
        assert any(
            candidate.message == message and order(candidate.first) <= order(release) <= order(candidate.last)
            for candidate in found
        ), found
    try:
        since = own.identify(payload, message, among=[release]).since
    except ProtocolError as error:
        raise AssertionError(f"{error}") from error
    assert since == release
