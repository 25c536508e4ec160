"""Rules between fields: how they are declared, and how what breaks them is told, wherever it stands."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pytest

from sagellm_protocol import ValidationError, Violation, check_consistent, evolve, violations
from sagellm_protocol.model import field, from_plain, message, rule
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.rules import Rule, rules_of

ORDER = rule("in-order", ("end", "start"), "at least start", lambda it: it.end >= it.start, why="Time goes on.")


@message(rules=(ORDER,))
class Span:
    start: int = 0
    end: int = 0

    @property
    def length(self) -> int:
        return self.end - self.start


@message(rules=[rule("short", ["end"], "at most 9", lambda it: it.end <= 9)])
class ShortSpan(Span):
    note: str = ""


class PlainSpan(Span):
    """A plain subclass."""


@message
class Left:
    side: Literal["left"] = "left"
    span: Span


@message
class Right:
    side: Literal["right"] = "right"
    other: ShortSpan


@message
class Holder:
    one: Span | None = None
    several: Sequence[Span] = ()
    named: Mapping[str, Sequence[Span]] = field(factory=dict)
    side: Left | Right | None = None
    text: str | Span = ""
    free: Any = None


BAD = Span(start=2, end=1)


def told(value: Any) -> list[str]:
    return [str(found) for found in violations(value)]


def paths(value: Any) -> list[str]:
    return [found.path for found in violations(value)]


def test_what_keeps_its_rules() -> None:
    for whole in (Span(start=1, end=2), Holder(one=Span(), several=[Span()], named={"a": [Span()]}, text=Span())):
        assert violations(whole) == ()
        check_consistent(whole)


def test_a_violation_is_told_at_the_first_field() -> None:
    (found,) = violations(BAD)
    assert (found.path, found.rule, found.value, found.name) == ("end", "at least start", "end=1, start=2", "in-order")
    assert str(found) == "end: must be at least start, got end=1, start=2"
    assert pickle.loads(pickle.dumps(found)) == found
    assert Violation("end", "at least start", found.value) != found


def test_it_is_no_part_of_building_and_decoding() -> None:
    assert evolve(BAD, end=0).length == -2
    assert from_plain(Span, {"start": 2, "end": 1}) == BAD
    assert pickle.loads(pickle.dumps(BAD)) == BAD


def test_from_plain_refuses_where_asked() -> None:
    assert from_plain(Span, {"start": 2, "end": 2}, consistent=True) == Span(start=2, end=2)
    with pytest.raises(
        ValidationError, match=r"several\[1\].end: must be at least start, got end=1, start=2"
    ) as raised:
        from_plain(Holder, {"several": [{}, {"start": 2, "end": 1}]}, consistent=True)
    assert raised.value.fault == "remote"


def test_they_are_found_wherever_they_stand_in_order() -> None:
    holder = Holder(
        one=BAD,
        several=[Span(), BAD],
        named={"a": [], "b": [BAD]},
        side=Left(span=BAD),
        text=BAD,
        free={"start": 2, "end": 1},
    )
    assert paths(holder) == ["one.end", "several[1].end", "named.b[0].end", "side.span.end", "text.end"]
    with pytest.raises(ValidationError) as raised:
        check_consistent(holder)
    error = raised.value
    assert (error.violations, error.more) == (violations(holder), 0)
    assert (error.message_name.rpartition(".")[2], error.fault, error.code) == ("Holder", "local", "unavailable")
    assert error.__cause__ is None


def test_a_message_that_extends_another_has_the_rules_of_both() -> None:
    assert [found.name for found in rules_of(ShortSpan)] == ["in-order", "short"]
    long = ShortSpan(start=20, end=10)
    assert told(long) == [
        "end: must be at least start, got end=10, start=20",
        "end: must be at most 9, got end=10",
    ]
    # What stands in a field decides, not what the field is declared as.
    assert paths(Holder(one=ShortSpan(start=1, end=10))) == ["one.end"]
    assert paths(Holder(side=Right(other=long))) == ["side.other.end"] * 2
    assert paths(PlainSpan(start=2, end=1)) == ["end"]
    assert rules_of(PlainSpan) == (ORDER,)
    assert rules_of(Holder) == rules_of(int) == ()


@pytest.mark.parametrize("value", [None, 1, {"start": 2}, [BAD], Span])
def test_what_is_no_message(value: Any) -> None:
    for ask in (violations, check_consistent):
        with pytest.raises(ValidationError, match=r"\(the message itself\): must be a message") as raised:
            ask(value)
        assert raised.value.fault == "local"


def test_a_hundred_are_told_and_the_others_counted() -> None:
    holder = Holder(several=[BAD] * 250, one=BAD)
    assert len(violations(holder)) == 100
    with pytest.raises(ValidationError, match=r"and 151 more") as raised:
        check_consistent(holder)
    assert (len(raised.value.violations), raised.value.more) == (100, 151)


@message(rules=(rule("not-thirteen", ("number",), "other than 13", lambda it: it.number != 13),))
class Node:
    number: int = 0
    before: Node | None = None
    after: Node | None = None


def test_what_stands_in_many_places_is_looked_at_once() -> None:
    asked = []

    @message(rules=(rule("asked", ("number",), "asked", lambda it: asked.append(it) or it.number != 13),))
    class Twin:
        number: int = 0
        before: Twin | None = None
        after: Twin | None = None

    def grown(node: Twin) -> Twin:
        for _ in range(200):
            node = Twin(before=node, after=node)
        return node

    assert violations(grown(Twin())) == ()
    assert len(asked) < 1000
    with pytest.raises(ValidationError) as raised:
        check_consistent(grown(Twin(number=13)))
    assert len(raised.value.violations) == 100
    assert raised.value.more == 2**200 - 100
    assert len(asked) < 3000


def test_a_long_chain() -> None:
    node = Node(number=13)
    for _ in range(20_000):
        node = Node(before=node)
    assert len(violations(node)) == 1
    assert "..." in paths(node)[0]


def failing(error: Exception) -> Callable[[Any], bool]:
    def predicate(_: Any) -> bool:
        raise error

    return predicate


class Undecided:
    def __bool__(self) -> bool:
        raise ZeroDivisionError("no truth")


@pytest.mark.parametrize(
    ("predicate", "said"),
    [
        (failing(ValueError("7 is odd")), "even (7 is odd)"),
        (failing(ValueError()), "even"),
        (failing(ZeroDivisionError("by zero")), "even (ZeroDivisionError: by zero)"),
        (failing(RecursionError("too deep")), "even (RecursionError: too deep)"),
        (lambda it: it.nothing, "even (AttributeError: 'Odd' object has no attribute 'nothing')"),
        (lambda it: Undecided(), "even (ZeroDivisionError: no truth)"),
        (lambda it: None, "even"),
        (lambda it: 0, "even"),
    ],
)
def test_a_predicate_that_raises_does_not_hold(predicate: Callable[[Any], object], said: str) -> None:
    @message(rules=(rule("even", ("x",), "even", predicate),))
    class Odd:
        x: int = 7

    (found,) = violations(Odd())
    assert (found.rule, found.value, found.name) == (said, "x=7", "even")
    with pytest.raises(ValidationError) as raised:
        check_consistent(Odd())
    cause = raised.value.__cause__
    assert (cause is not None) == ("Error:" in said)
    with pytest.raises(ValidationError, match=r"x: must be even"):
        from_plain(Odd, {}, consistent=True)


def test_what_a_predicate_raises_is_cut() -> None:
    @message(rules=(rule("even", ("x",), "even", failing(ValueError("a" * 10**6))),))
    class Odd:
        x: str = "b" * 10**6

    (found,) = violations(Odd())
    assert len(found.rule) < 300
    assert len(found.value) < 200


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted(_: Any) -> bool:
        raise KeyboardInterrupt

    @message(rules=(rule("even", ("x",), "even", interrupted),))
    class Odd:
        x: int = 7

    with pytest.raises(KeyboardInterrupt):
        violations(Odd())


@message(
    rules=(
        rule("right-key", ("key", "user"), "that of user", lambda it: it.key == it.user),
        rule("known-user", ("user", "key"), "known", lambda it: False),
        rule("raising", ("user",), "right", failing(ValueError("the key is hunter2"))),
    )
)
class Login:
    user: str = field(repr=str.upper)
    key: str = field(repr=False)
    inside: Span | None = None


@message
class Vault:
    login: Login | None = field(default=None, repr=False)


def test_secrets_are_not_told() -> None:
    login = Login(user="ann", key="hunter2")
    assert told(login) == [
        "key: must be that of user, got <hidden>",
        "user: must be known, got user=ANN, key=<hidden>",
        "user: must be right, got user=ANN",
    ]
    assert told(Vault(login=login)) == [
        "login: must be that of user, got <hidden>",
        "login: must be known, got <hidden>",
        "login: must be right, got <hidden>",
    ]
    with pytest.raises(ValidationError) as raised:
        check_consistent(Vault(login=login))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "a name is small letters, digits and hyphens"),
        ({"name": "In order"}, "the rule 'In order': a name is"),
        ({"name": "in--order"}, "a name is"),
        ({"name": 1}, "the rule 1: a name is"),
        ({"fields": "end"}, "fields= is a tuple of names, one or more, each once, not 'end'"),
        ({"fields": ()}, "fields= is"),
        ({"fields": ("end", "end")}, "fields= is"),
        ({"fields": ("end", 1)}, "fields= is"),
        ({"fields": None}, "fields= is"),
        ({"text": ""}, "text= is a line of 200 characters at most"),
        ({"text": "a\nb"}, "text= is"),
        ({"text": "a" * 201}, "text= is"),
        ({"text": 1}, "text= is"),
        ({"why": "a\nb"}, "why= is"),
        ({"predicate": None}, "the rule 'in-order': its predicate is a function of the message, not None"),
    ],
)
def test_a_rule_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    right: dict[str, Any] = {"name": "in-order", "fields": ("end",), "text": "late", "predicate": bool}
    assert str(rule(**right)) == "end must be late"
    with pytest.raises(DeclarationError) as raised:
        rule(**{**right, **wrong})
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            (rule("a", ("x",), "b", bool), rule("a", ("y",), "b", bool)),
            "has two rules called 'a'; give one another name",
        ),
        ((rule("a", ("x", "z"), "b", bool),), "its rule 'a' speaks of 'z', which is no field of it"),
        ((rule("a", ("limit",), "b", bool),), "its rule 'a' speaks of 'limit'"),
        ((bool,), "rules= is a tuple of what rule(...) gives"),
        (rule("a", ("x",), "b", bool), "rules= is a tuple of what rule(...) gives"),
        ("rules", "rules= is a tuple"),
        ({1: rule("a", ("x",), "b", bool)}, "rules= is a tuple"),
    ],
)
def test_rules_that_a_class_cannot_have(rules: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as raised:

        @message(rules=rules)
        class Wrong:
            x: int
            y: int
            limit = 3

    assert "Wrong: " in str(raised.value)
    assert said in str(raised.value)


def test_a_rule_cannot_be_replaced_by_a_message_that_extends() -> None:
    with pytest.raises(DeclarationError, match="has two rules called 'in-order'"):

        @message(rules=(rule("in-order", ("end",), "late", bool),))
        class Late(Span):
            pass


def test_the_same_rule_given_again_is_one() -> None:
    @message(rules=(ORDER,))
    class Again(Span):
        pass

    assert rules_of(Again) == (ORDER,)
    assert isinstance(ORDER, Rule)
    with pytest.raises(AttributeError):
        ORDER.name = "other"  # type: ignore[misc]


def test_sixteen_threads_first_at_it() -> None:
    @message(rules=(ORDER,))
    class Fresh:
        start: int = 2
        end: int = 1
        inside: Fresh | None = None

    fresh, found = Fresh(inside=Fresh()), []
    barrier = threading.Barrier(16)

    def ask() -> None:
        barrier.wait()
        found.append(violations(fresh))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [it.path for it in found[0]] == ["end", "inside.end"]
    assert found == [found[0]] * 16
