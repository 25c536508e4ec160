"""A misspelt field is told what it may be meant for, beside the rule that it breaks, on every path."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from every_path import told
from sagellm_protocol import Request, ValidationError, Violation, codecs, evolve
from sagellm_protocol.model import field, message, to_plain
from sagellm_protocol.model.exceptions import MOST_TOLD

REQUEST = Request(request_id="r", trace_id="t", max_tokens=8)
PROMPT = Violation("promt", "a known field", 1, "did you mean prompt?")


def refused(make: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        make()
    return raised.value


def test_every_path_says_the_same() -> None:
    told_by_all = told(Request, {"request_id": "r", "trace_id": "t", "max_tokens": 8, "promt": "Hi"})
    assert told_by_all == "promt: must be a known field, got 'Hi' (did you mean prompt?)"


def test_the_rule_is_that_of_any_unknown_field() -> None:
    near, far = (refused(lambda name=name: evolve(REQUEST, **{name: 1})).violations[0] for name in ("promt", "zzz"))
    assert (near.rule, near.hint) == ("a known field", "did you mean prompt?")
    assert (far.rule, far.hint) == ("a known field", "")
    assert str(near).endswith("got 1 (did you mean prompt?)")
    assert str(far).endswith("got 1")


def test_copies_are_told_too() -> None:
    if sys.version_info >= (3, 13):
        assert refused(lambda: copy.replace(REQUEST, promt=1)).violations[0].hint == PROMPT.hint
    assert refused(lambda: attrs.evolve(REQUEST, promt=1)).violations[0].hint == PROMPT.hint


def test_constructors_say_what_the_argument_is_called_and_the_wire_what_the_field_is() -> None:
    @message
    class Called:
        prompt: str = field(default="", alias="question")

    assert refused(lambda: Called(questoin="a")).violations[0].hint == "did you mean question?"
    decode = codecs.get("dict").decoder(Called)
    assert refused(lambda: decode({"promt": "a"})).violations[0].hint == "did you mean prompt?"


@pytest.mark.parametrize("name", ["json", "msgpack", "msgspec-json", "msgspec-msgpack"])
def test_older_revisions_name_the_fields_of_then(name: str) -> None:
    old = codecs.get(name, revision="0.4.0.8")
    delta = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "chunk_token": []}
    from sagellm_protocol import StreamEventDelta

    wire = codecs.get(name).format.dumps(delta)
    found = refused(lambda: old.decode(wire, StreamEventDelta)).violations
    assert [(it.path, it.hint) for it in found if it.rule == "a known field"] == [
        ("chunk_token", "did you mean chunk_tokens?")
    ]


def test_what_a_codec_was_taught_to_call_it_is_what_it_is_told() -> None:
    from cattrs import override

    def configure(converter: Any) -> None:
        converter.override(Request, prompt=override(rename="prompted"))

    for revision, wrong in ((None, "promtped"), ("0.5.4.13", "prompt")):
        options: dict[str, Any] = {} if revision is None else {"revision": revision}
        codec = codecs.get("dict", configure=configure, **options)
        payload = {**codec.encode(REQUEST), wrong: 1}
        found = refused(lambda codec=codec, payload=payload: codec.decode(payload, Request))
        assert found.violations == (Violation(wrong, "a known field", 1, "did you mean prompted?"),)


def test_what_is_hidden_stays_hidden() -> None:
    @message
    class Login:
        token: str = field(repr=False)

    found = refused(lambda: Login(token="a", tokn="secret")).violations[0]
    assert found == Violation("tokn", "a known field", found.value, "did you mean token?")
    assert "secret" not in str(found)


def test_a_hint_is_kept() -> None:
    error = refused(lambda: evolve(REQUEST, promt=1))
    assert pickle.loads(pickle.dumps(error)).violations == error.violations
    nested = refused(lambda: codecs.get("dict").decode([{**to_plain(REQUEST), "promt": 1}], list[Request]))
    assert nested.violations[0] == attrs.evolve(PROMPT, path="[0].promt")
    assert str(Violation("a", "required", None, "a is new")) == "a: required (a is new)"


class Shouting(str):
    """A name whose methods lie."""

    def lower(self) -> str:
        raise AssertionError("called")


def test_names_of_any_class_and_length() -> None:
    assert refused(lambda: evolve(REQUEST, **{Shouting("promt"): 1})).violations[0].hint == PROMPT.hint
    assert refused(lambda: evolve(REQUEST, **{"p" * 100_000: 1})).violations[0].hint == ""


@given(st.text(min_size=1, max_size=30))
def test_a_hint_names_a_field_of_the_message(name: str) -> None:
    fields = {found.name for found in attrs.fields(Request)}
    if name in fields:
        return
    hint = refused(lambda: evolve(REQUEST, **{name: 1})).violations[0].hint
    assert hint == "" or hint.removeprefix("did you mean ").removesuffix("?") in fields


def test_no_more_hints_than_violations_are_told() -> None:
    error = refused(lambda: evolve(REQUEST, **{f"promt{n}": 1 for n in range(1000)}))
    assert len(error.violations) == MOST_TOLD
    assert error.more == 1000 - MOST_TOLD
