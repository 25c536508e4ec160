"""The laws: each draws what it needs, tries it, and counts what it tried."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest
from hypothesis import assume, note, strategies as st
from jsonschema import Draft202012Validator

import histories
from evolving import oracle
from fuzzing.verdicts import comes_back, verdicts
from histories import Drawn
from payloads import outcome
from sagellm_protocol import codecs, schema, testing
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.history import History, changes
from sagellm_protocol.history.changes import revision
from sagellm_protocol.history.conversions.sides import close
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import LossyDowngradeError, ProtocolError, ValidationError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.model.units import Unit
from sagellm_protocol.schema.facts import facts_of
from sagellm_protocol.schema.lock import check, update
from sagellm_protocol.schema.steps import steps
from sagellm_protocol.testing import sample
from sagellm_protocol.testing.laws import trials

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Law: TypeAlias = Callable[[Draw, "Tally"], None]

FILL = {"name": "filled", "title": "filled", "serial": 77, "size": 77, "a": 77, "note": "filled", "colour": "green"}


class Tally(Counter[str]):
    """How many histories, payloads and comparisons there were."""


def something(draw: Draw, tally: Tally) -> Drawn:
    found: Drawn = draw(histories.drawn())
    note("\n".join(histories.told(found.history)))
    note(f"{found.message} of {found.revision}")
    tally["histories"] += 1
    for name in found.history.revisions:
        tally.update(f"step {type(change).__name__}" for change in found.history.changed_in(name).changes)
    return found


def payload_of(draw: Draw, tally: Tally, of: Drawn) -> dict[str, Any]:
    payload: dict[str, Any] = draw(testing.payloads(of.message, of.revision, of.history))
    note(f"payload {payload}")
    tally["payloads"] += 1
    return payload


def said(draw: Draw, tally: Tally, of: Drawn) -> tuple[Any, dict[str, Any]]:
    """A message of today, and a payload of it, whole or short."""
    value = draw(testing.messages(of.cls))
    note(f"message {value!r}")
    tally["payloads"] += 1
    return value, draw(st.sampled_from([to_plain(value), codecs.get("dict", omit_defaults=True).encode(value)]))


def result(history: History, payload: Any, message: str, since: str, fill: dict[str, Any] | None = None) -> Any:
    """A payload of today, or the rules that it broke."""
    try:
        return history.upgrade(payload, message, since=since, fill=fill)
    except ValidationError as error:
        return [(found.path, found.rule) for found in error.violations]


def read(cls: type, payload: Any) -> Any:
    """A message; None where it is none."""
    try:
        return from_plain(cls, payload)
    except ProtocolError:
        return None


def an_upgrade_does_what_the_steps_say_one_by_one(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    payload = payload_of(draw, tally, of)
    original = copy.deepcopy(payload)
    upgraded = result(of.history, payload, of.message, of.revision)
    assert payload == original
    tally["comparisons"] += 1
    try:
        expected = oracle.forwards(of.history, of.message, of.revision, payload)
    except oracle.Unclear:
        assume(False)
    except oracle.Refused:
        assert not isinstance(upgraded, dict), upgraded
        return
    message, found = read(of.cls, expected), read(of.cls, upgraded)
    assert (found is None) == (message is None), (upgraded, expected)
    assert found is None or same(to_plain(found), to_plain(message)), (upgraded, expected)


def same(left: Any, right: Any) -> bool:
    return close(left, right) and close(right, left)


def the_short_way_is_the_long_way(draw: Draw, tally: Tally) -> None:
    """A field that nobody knows makes an upgrade go the long way; the order of fields is all the same."""
    of = something(draw, tally)
    payload = payload_of(draw, tally, of)
    fill = draw(st.sampled_from([None, FILL]))
    short = result(of.history, payload, of.message, of.revision, fill)
    shuffled = dict(draw(st.permutations(list(payload.items()))))
    again = result(of.history, shuffled, of.message, of.revision, fill)
    long = result(of.history, {**payload, "site": [1]}, of.message, of.revision, fill)
    if isinstance(long, dict):
        assert long.pop("site") == [1]
    tally["comparisons"] += 2
    assert isinstance(short, dict) == isinstance(again, dict) == isinstance(long, dict), (short, again, long)
    if isinstance(short, dict):
        assert alike(short, again), (short, again)
        assert alike(short, long), (short, long)


def batches_and_routes_give_what_one_by_one_does(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    payloads = [payload_of(draw, tally, of) for _ in range(2)]
    # One like another is read by the route of that.
    records = [json.dumps(payload).encode() for payload in payloads * 3]
    options = Options(of.message, of.revision)
    batch = Upgrader(options, history=of.history).upgrade_batch(records)
    alone = [upgraded_alone(of.history, options, record) for record in records]
    tally["comparisons"] += len(records)
    assert batch.records == [record for record in alone if record is not None]
    assert [number for number, _ in batch.rejected] == [number for number, each in enumerate(alone) if each is None]


def upgraded_alone(history: History, options: Options, record: bytes) -> bytes | None:
    """A record of today; None where there is none."""
    try:
        found = Upgrader(options, history=history).upgrade(record).record
    except ProtocolError:
        return None
    return record if found is None else found


def up_and_down_again_says_the_same(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    payload = payload_of(draw, tally, of)
    today = result(of.history, payload, of.message, of.revision)
    message = read(of.cls, today) if isinstance(today, dict) else None
    assume(message is not None)
    tally["comparisons"] += 1
    losses = of.history.losses(today, of.message, to=of.revision)
    if losses:
        assert all(loss.reason for loss in losses)
        return
    back = of.history.downgrade(today, of.message, to=of.revision)
    again = of.history.upgrade(back, of.message, since=of.revision)
    assert same(to_plain(read(of.cls, again)), to_plain(message)), (today, back, again)
    codec = codecs.get("dict", revision=of.revision, history=of.history)
    found = [to_plain(codec.decode(each, of.cls)) for each in (payload, back)]
    assert all(same(each, to_plain(message)) for each in found)


def unsaid_in(of: Drawn, value: Any) -> list[str]:
    """The fields of a message that are null and say nothing by that: in older revisions they are left out."""
    unsaid = of.history.eras.today.first.null_unsaid
    return [name for cls, name in unsaid if cls is of.cls and getattr(value, name) is None]


def down_and_up_again_is_the_same_message_or_a_named_loss(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    value, payload = said(draw, tally, of)
    codec = codecs.get("dict", revision=of.revision, history=of.history)
    lost = of.history.losses(payload, of.message, to=of.revision)
    tally["comparisons"] += 1
    if any(not loss.droppable for loss in lost):
        with pytest.raises(LossyDowngradeError):
            codec.encode(value)
    try:
        taken = of.history.downgrade(payload, of.message, to=of.revision, lossy=bool(lost))
    except LossyDowngradeError:
        assert lost
        return
    # Whatever was lost, what is left is valid.
    spec = of.history.spec(of.cls, of.revision)
    checker = Checker("wire", None, of.history.specs(of.revision))
    checker.check(Nested(spec.name, spec.cls), taken, ROOT)
    assert not checker.violations, (taken, checker.violations)
    if not lost:
        again = of.history.upgrade(taken, of.message, since=of.revision)
        left, meant = (to_plain(read(of.cls, again)), to_plain(value))
        for name in unsaid_in(of, value):
            del left[name], meant[name]
        assert same(left, meant), (taken, again)
        assert codec.decode(codec.encode(value), of.cls) == codec.decode(taken, of.cls)


def codecs_of_all_names_agree_with_the_history(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    options = {"revision": of.revision, "history": of.history}
    damaged = draw(st.booleans())
    if damaged:
        payload, _ = draw(testing.nearly_valid(of.message, of.revision, of.history))
        tally["payloads"] += 1
    else:
        payload = payload_of(draw, tally, of)
    found = verdicts(payload, of.cls, options)
    tally["comparisons"] += len(found)
    assert len(set(found.values())) == 1, found
    if not damaged:
        expected = outcome(lambda: from_plain(of.cls, of.history.upgrade(payload, of.message, since=of.revision)))
        assert (expected[0] == "taken") == (found["dict"][0] == "taken"), (expected, found)
        if expected[0] == "taken":
            assert expected == found["dict"]


def what_codecs_write_they_read(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    value, payload = said(draw, tally, of)
    # What is droppable is left out without a word, and comes back as its default.
    assume(not any(loss.droppable for loss in of.history.losses(payload, of.message, to=of.revision)))
    assume(not unsaid_in(of, value))
    tally["comparisons"] += 5
    options = {"revision": of.revision, "history": of.history, "omit_defaults": draw(st.booleans())}
    comes_back(value, of.cls, options)


def the_truth_is_among_what_is_detected(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    payload = payload_of(draw, tally, of)
    today = of.history.name(of.message, of.revision)
    order = of.history.revisions.index
    for found in (of.history.detect(payload), of.history.detect(payload, of.cls)):
        tally["comparisons"] += 1
        assert any(
            candidate.message in (today, of.message)
            and order(candidate.first) <= order(of.revision) <= order(candidate.last)
            for candidate in found
        ), found
    if isinstance(result(of.history, payload, of.message, of.revision), dict):
        assert of.history.identify(payload, of.cls, among=[of.revision]).since == of.revision


def json_schema_takes_what_the_codec_takes(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    written = schema.json_schema(of.cls, of.revision, of.history)
    Draft202012Validator.check_schema(written)
    validator = Draft202012Validator(written)
    codec = codecs.get("dict", revision=of.revision, history=of.history)
    payload = payload_of(draw, tally, of)
    broken, violation = draw(testing.nearly_valid(of.message, of.revision, of.history))
    note(f"broken {broken}: {violation}")
    tally["payloads"] += 1
    tally["comparisons"] += 2
    assert validator.is_valid(payload)
    spec = of.history.spec(of.cls, of.revision)
    checker = Checker("wire", spec.unknown, of.history.specs(of.revision))
    checker.check(Nested(spec.name, spec.cls), broken, ROOT)
    # The values that cannot be converted are none of the schema; how deep free JSON may be no schema can say.
    judged = [found for found in checker.violations if not found.rule.endswith("levels deep")]
    assert validator.is_valid(broken) == (not judged), (checker.violations, violation)
    if checker.violations:
        assert outcome(lambda: codec.decode(broken, of.cls))[0] != "taken"


def conversions_keep_their_laws(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    for trial in trials(of.history):
        note(f"{trial.conversion}")
        tally["payloads"] += 2
        tally["comparisons"] += 2
        trial.forwards_and_back(draw(trial.of_before))
        trial.back_and_forwards(draw(trial.of_after))


NAMES: Mapping[str, Any] = {**vars(sample), **vars(changes), "NotAllNull": NotAllNull, "Unit": Unit}


def the_lock_holds_and_the_gate_proposes_what_passes(draw: Draw, tally: Tally) -> None:
    of = something(draw, tally)
    own = of.history
    check(update("", own), own)
    tally["comparisons"] += 1
    if len(own.revisions) == 1:
        return
    *_, before, latest = own.revisions
    published = facts_of(own, before)
    today = History([revision(latest)], own.catalog)
    proposed = steps(published, facts_of(today, latest))
    if any(step.startswith("#") for step in proposed):
        return
    note("\n".join(proposed))
    try:
        made = [eval(step, dict(NAMES)) for step in proposed]
    except NameError:
        return  # What a class was called, that has another name now, is to be put there.
    tally["proposals"] += 1
    again = History([revision(latest, *made), revision(before)], own.catalog)
    found = facts_of(again, before)
    assert found == published, {
        key: (published.get(key), found.get(key))
        for key in published.keys() | found.keys()
        if published.get(key) != found.get(key)
    }


LAWS: Mapping[str, Law] = {
    law.__name__: law
    for law in (
        an_upgrade_does_what_the_steps_say_one_by_one,
        the_short_way_is_the_long_way,
        batches_and_routes_give_what_one_by_one_does,
        up_and_down_again_says_the_same,
        down_and_up_again_is_the_same_message_or_a_named_loss,
        codecs_of_all_names_agree_with_the_history,
        what_codecs_write_they_read,
        the_truth_is_among_what_is_detected,
        json_schema_takes_what_the_codec_takes,
        conversions_keep_their_laws,
        the_lock_holds_and_the_gate_proposes_what_passes,
    )
}
