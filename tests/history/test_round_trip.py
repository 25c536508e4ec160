"""Up to today and down again, and the other way round: nothing is lost but what ``losses.DOCUMENTED`` names."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

import losses
import published
from sagellm_protocol import ValidationError, catalog, codecs, history, testing
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import LossyDowngradeError

pytestmark = pytest.mark.no_cover

REVISIONS = published.revisions()
SPOKEN = [(message, revision) for revision in REVISIONS for message in HISTORY.specs(revision)]
CHANGED = [
    (message, revision)
    for message, revision in SPOKEN
    if revision != history.latest and not HISTORY.downgrades(revision).same(message)
]
"""The messages that differ from today's at a revision, at any depth."""


def name_of(pair: tuple[str, str]) -> str:
    return f"{pair[0]} at {pair[1]}"


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_corpus_comes_back(revision: str) -> None:
    for record in published.corpus(revision):
        original = copy.deepcopy(record.payload)
        today = history.upgrade(record.payload, record.type, since=revision)
        losses.outgrown(record.type, today)
        assert history.losses(today, record.type, to=revision) == (), record
        back = history.downgrade(today, record.type, to=revision)
        assert back == losses.comes_back(record.type, revision, record.payload), record
        assert record.payload == original


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_corpus_comes_back_through_codecs(revision: str) -> None:
    codec = codecs.get("json", revision=revision)
    for record in published.corpus(revision):
        if losses.outgrown(record.type, history.upgrade(record.payload, record.type, since=revision)):
            with pytest.raises(ValidationError):
                codec.decode(json.dumps(record.payload), catalog.get(record.type))
            continue
        message = codec.decode(json.dumps(record.payload), catalog.get(record.type))
        back = json.loads(codec.encode(message))
        assert back.keys() == history.fields(record.type, revision).keys()
        assert losses.contains(back, losses.comes_back(record.type, revision, record.payload)), record
        assert codec.decode(json.dumps(back), catalog.get(record.type)) == message


@pytest.mark.parametrize("loss", losses.DOCUMENTED, ids=lambda loss: loss.message)
def test_each_documented_loss_is_one(loss: losses.DocumentedLoss) -> None:
    """Before that revision it is so, and the loss is not reported; from then on it no longer is."""
    for revision in REVISIONS:
        if loss.message not in HISTORY.specs(revision):
            continue
        today = history.upgrade(loss.shown, loss.message, since=revision)
        assert history.losses(today, loss.message, to=revision) == ()
        back = history.downgrade(today, loss.message, to=revision)
        documented = REVISIONS.index(revision) < REVISIONS.index(loss.before)
        assert back == (loss.comes_back(loss.shown) if documented else loss.shown)
        assert back != loss.shown or not documented


@pytest.mark.parametrize("pair", CHANGED, ids=name_of)
def test_payloads_come_back(pair: tuple[str, str]) -> None:
    message, revision = pair

    @settings(max_examples=15)
    @given(testing.payloads(message, revision))
    def comes_back(payload: dict[str, Any]) -> None:
        original = copy.deepcopy(payload)
        today = history.upgrade(payload, message, since=revision)
        losses.outgrown(message, today)
        assert history.downgrade(today, message, to=revision) == losses.comes_back(message, revision, payload)
        assert payload == original

    comes_back()


@pytest.mark.parametrize("message", sorted({message for message, _ in CHANGED}))
def test_what_can_be_said_comes_forward_again(message: str) -> None:
    """A message of today, said at any older revision without loss, is the same when it is back, but for what is
    droppable."""
    cls = catalog.get(message)
    older = [revision for known, revision in CHANGED if known == message]

    @given(testing.messages(cls), st.sampled_from(older))
    def comes_forward(value: Any, revision: str) -> None:
        payload = to_plain(value)
        told = history.losses(payload, message, to=revision)
        lost = tuple(loss for loss in told if not loss.droppable)
        if lost:
            with pytest.raises(LossyDowngradeError) as raised:
                history.downgrade(payload, message, to=revision)
            assert raised.value.losses == lost
            return
        taken = history.downgrade(payload, message, to=revision)
        dropped = {loss.path for loss in told}
        names = {name.rpartition(".")[2] for name in HISTORY.droppable}
        assert {path.rpartition(".")[2] for path in dropped} <= names
        left = from_plain(cls, losses.said(message, payload, dropped))
        assert from_plain(cls, history.upgrade(taken, message, since=revision)) == left

    comes_forward()


@pytest.mark.parametrize("message", sorted({message for message, _ in CHANGED}))
def test_what_is_left_after_losses_is_valid(message: str) -> None:
    cls = catalog.get(message)
    older = [revision for known, revision in CHANGED if known == message]

    @given(testing.messages(cls), st.sampled_from(older))
    def stays_valid(value: Any, revision: str) -> None:
        try:
            taken = history.downgrade(to_plain(value), message, to=revision, lossy=True)
        except LossyDowngradeError:
            return
        decoded = codecs.get("dict", revision=revision).decode(taken, cls)
        assert history.losses(to_plain(decoded), message, to=revision) == ()
        required = {field.name for field in HISTORY.spec(message, revision).fields if field.required}
        assert required <= taken.keys()

    stays_valid()


def test_what_did_not_change_is_passed_on() -> None:
    """Nothing is copied below the payload itself."""
    for message, revision in SPOKEN:
        if (message, revision) not in CHANGED:
            payload = {"some": ["thing"]}
            for passed in (
                history.upgrade(payload, message, since=revision),
                history.downgrade(payload, message, to=revision),
            ):
                assert passed == payload
                assert passed is not payload
                assert passed["some"] is payload["some"]
