"""The strategies of ``sagellm_protocol.testing`` draw what specs allow, all of it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pytest
from annotated_types import MinLen
from hypothesis import HealthCheck, Phase, find, given, settings, strategies as st
from hypothesis.errors import Unsatisfiable

import declared
from sagellm_protocol import catalog, codecs, violations
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import message, rule
from sagellm_protocol.model.annotations import is_message, read_type
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN, Nested, Number
from sagellm_protocol.model.spec import NotAllNull, spec_of
from sagellm_protocol.testing import messages, payloads, values
from sagellm_protocol.types import Request

OURS = History([revision("1")], Catalog(["declared"]))
ANY = settings(max_examples=2000, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("revision", HISTORY.revisions)
@given(st.data())
def test_payloads_are_those_of_the_revision(revision: str, data: st.DataObject) -> None:
    specs = HISTORY.specs(revision)
    name = data.draw(st.sampled_from(sorted(specs)))
    payload = data.draw(payloads(name, revision))
    check_payload(Nested(name, specs[name].cls), payload, unknown="forbid", specs=specs)


@given(payloads("types.Metrics", "0.1.0"))
def test_rules_between_fields_are_kept(payload: dict[str, Any]) -> None:
    (rule,) = HISTORY.spec("types.Metrics", "0.1.0").rules
    assert isinstance(rule, NotAllNull)
    assert any(payload.get(name) is not None for name in rule.fields)


@pytest.mark.once
def test_defaults_are_sometimes_left_out() -> None:
    assert "model" not in find(payloads("Request"), lambda payload: "model" not in payload, settings=ANY)
    assert "model" in find(payloads(Request), lambda payload: "model" in payload, settings=ANY)
    assert find(payloads("Request", "0.4.0.8"), lambda payload: True, settings=ANY)["prompt"] == ""


def test_there_is_no_payload_of_what_did_not_exist() -> None:
    with pytest.raises(UnsupportedRevisionError):
        payloads("SamplingParams", "0.1.0")
    with pytest.raises(UnsupportedRevisionError):
        payloads("Request", "9.9")


def numbers() -> list[Number]:
    classes = [*catalog.messages().values(), *(cls for cls in vars(declared).values() if is_message(cls))]
    kinds = {field.type for cls in classes for field in spec_of(cls).fields if isinstance(field.type, Number)}
    return sorted(kinds, key=repr)


@pytest.mark.parametrize("kind", numbers(), ids=lambda kind: f"{kind.kind.__name__}{kind.bounds}")
def test_numbers_reach_their_bounds(kind: Number) -> None:
    for name, limit in kind.bounds:
        reached = {"ge": limit, "le": limit}.get(name)
        if reached is not None and reached == kind.kind(reached):
            assert find(values(kind), lambda number: number == reached, settings=ANY) == reached  # noqa: B023
    if kind.kind is int and not kind.bounds:
        for edge in (INT_MIN, INT_MAX):
            assert find(values(kind), lambda number: number == edge, settings=ANY) == edge  # noqa: B023

    @given(values(kind))
    def check(number: Any) -> None:
        assert type(number) is int or kind.kind is float
        assert INT_MIN <= number <= INT_MAX or kind.kind is float
        assert check_payload(kind, number) == number

    check()


@pytest.mark.once
def test_values_reach_every_option() -> None:
    union = read_type(str | list[str] | None)
    for kind in (str, list, type(None)):
        assert isinstance(find(values(union), lambda value: isinstance(value, kind), settings=ANY), kind)  # noqa: B023
    tree = find(messages(declared.Tree), lambda tree: bool(tree.only and tree.only.children), settings=ANY)
    assert tree.only is not None


@given(values(read_type(Any)))
def test_free_json_is_json(value: Any) -> None:
    check_payload(read_type(Any), value)


def test_texts_hold_no_lone_surrogates() -> None:
    @given(values(read_type(str)))
    def check(text: str) -> None:
        text.encode()

    check()


def test_without_hypothesis_the_extra_is_named() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import sagellm_protocol.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "MissingExtraError" in done.stderr
    assert "isagellm-protocol[testing]" in done.stderr.splitlines()[-1]


def test_without_hypothesis_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "sagellm_protocol.testing")
    with pytest.raises(ImportError, match=r"isagellm-protocol\[testing\]"):
        __import__("sagellm_protocol.testing")


@pytest.mark.parametrize("name", sorted(OURS.catalog.messages))
def test_payloads_of_a_history_of_ones_own(name: str) -> None:
    cls = OURS.catalog.get(name)

    @settings(max_examples=5)
    @given(payloads(name, "1", history=OURS))
    def check(payload: Any) -> None:
        assert isinstance(codecs.get("dict", revision="1", history=OURS).decode(payload, cls), cls)

    check()


def fails(_: object) -> bool:
    raise ZeroDivisionError


@message(
    rules=(
        rule("one-a-letter", ("count", "text"), "the length of text", lambda it: it.count == len(it.text)),
        rule("share-above", ("share", "count"), "count and 1", lambda it: it.share == it.count + 1),
        rule("flag-of-kind", ("flag", "kind"), "true where kind is a", lambda it: it.flag == (it.kind == "a")),
        rule("no-item-twice", ("items",), "different", lambda it: len(set(it.items)) == len(it.items)),
        rule("names-of-items", ("named", "items"), "as many as items", lambda it: len(it.named) <= len(it.items)),
        rule("one-name", ("text", "other"), "other", lambda it: it.text == it.other),
        rule("two-at-once", ("low", "high"), "5 with 5", lambda it: it.low == it.high == 5),
    )
)
class Fitting:
    count: int
    share: float
    flag: bool
    kind: Literal["a", "b"]
    items: Annotated[Sequence[int], MinLen(1)]
    named: Mapping[str, int]
    text: str
    other: str | None = None
    low: int = 5
    high: int = 5


@given(messages(Fitting, consistent=True))
def test_messages_keep_rules_of_all_kinds(drawn: Fitting) -> None:
    assert violations(drawn) == ()


def test_consistent_messages_are_of_many_kinds() -> None:
    ours, first = messages(Fitting, consistent=True), settings(ANY, phases=[Phase.generate])
    assert find(ours, lambda it: it.count > 3, settings=first)
    assert find(ours, lambda it: it.kind == "b", settings=first).flag is False
    assert find(ours, lambda it: len(it.items) > 1 and bool(it.named), settings=first)


@message(rules=(rule("never", ("x", "y"), "otherwise", fails),))
class Never:
    x: int
    y: int


@message(rules=tuple(rule(f"is-{n}", ("x",), str(n), lambda it, n=n: it.x == n) for n in (0, 1)))
class Torn:
    x: int


@message(rules=(rule("small", ("number",), "below 10", lambda it: it.number < 10),))
class Small:
    number: int = 3


@message
class Smalls:
    several: Sequence[Small]
    one: Small | None = None


@given(messages(Smalls, consistent=True))
def test_the_messages_in_a_message_keep_theirs(drawn: Smalls) -> None:
    assert violations(drawn) == ()


@pytest.mark.parametrize("cls", [Never, Torn])
def test_what_no_message_keeps_is_not_drawn(cls: type) -> None:
    with pytest.raises(Unsatisfiable):
        find(messages(cls, consistent=True), lambda _: True, settings=settings(ANY, max_examples=50))


def test_messages_that_break_rules_are_drawn_where_nobody_asks() -> None:
    assert violations(find(messages(Never), lambda _: True, settings=ANY))
