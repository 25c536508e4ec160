"""Hypothesis' own ``from_type`` and ``builds`` know messages; fixed fields; and nearly valid payloads."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional

import attrs
import msgpack
import pytest
from annotated_types import Ge, Gt, Le, Len, MinLen
from hypothesis import HealthCheck, Phase, find, given, settings, strategies as st
from hypothesis.errors import InvalidArgument, NoSuchExample, ResolutionFailed, Unsatisfiable

import declared
from sagellm_protocol import (
    ChatMessage,
    Metrics,
    OptionError,
    Request,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    UnsupportedRevisionError,
    ValidationError,
    Violation,
    _hypothesis,
    catalog,
    codecs,
)
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import derived, field, message
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.testing import messages, nearly_valid

OURS = History([revision("1")], Catalog(["declared"]))
HERE = History([revision("1")], Catalog([__name__]))
ANY = settings(max_examples=500, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
EVERY = [*catalog.messages().values(), *(cls for cls in vars(declared).values() if is_message(cls))]
DUMPS = {
    "json": lambda payload: json.dumps(payload).encode(),
    "msgpack": msgpack.packb,
    "dict": lambda payload: payload,
    "msgspec-json": lambda payload: json.dumps(payload).encode(),
    "msgspec-msgpack": msgpack.packb,
}


def drawn(strategy: st.SearchStrategy[Any], wanted: Any = lambda value: True) -> Any:
    return find(strategy, wanted, settings=ANY)


# from_type


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_message(cls: type) -> None:
    @settings(max_examples=5)
    @given(st.from_type(cls))
    def check(value: Any) -> None:
        assert type(value) is cls

    check()


def test_unions_containers_and_options() -> None:
    for cls in (StreamEventStart, StreamEventDelta, StreamEventEnd):
        assert type(drawn(st.from_type(StreamEvent), lambda value, cls=cls: type(value) is cls)) is cls
    assert type(drawn(st.from_type(list[Request]), bool)[0]) is Request
    assert type(drawn(st.from_type(Sequence[StreamEvent]), bool)[0]) in (
        StreamEventStart,
        StreamEventDelta,
        StreamEventEnd,
    )
    assert type(next(iter(drawn(st.from_type(dict[str, Request]), bool).values()))) is Request
    optional: Any = Optional[Request]  # noqa: UP045
    assert drawn(st.from_type(optional), lambda value: value is not None) is not None
    assert drawn(st.from_type(Request | None)) is None


def test_where_other_classes_hold_them() -> None:
    @dataclasses.dataclass
    class Data:
        request: Request
        events: list[StreamEvent]

    @attrs.frozen
    class Attrs:
        metrics: Metrics

    # Their annotations are text here.
    Data.__annotations__ = {"request": Request, "events": list[StreamEvent]}
    assert type(drawn(st.builds(Data, request=..., events=...)).request) is Request
    assert type(drawn(st.builds(Attrs, metrics=st.from_type(Metrics))).metrics) is Metrics

    def takes(response: Response) -> Response:
        return response

    takes.__annotations__ = {"response": Response}
    assert type(drawn(st.builds(takes))) is Response


def test_messages_declared_later_and_plain_subclasses() -> None:
    @message
    class Late:
        size: declared.Level
        inner: Sequence[Request]
        only: Late | None = None

    class Plain(Late):
        pass

    assert type(drawn(st.from_type(Late), lambda late: late.only is not None).only) is Late
    assert type(drawn(st.from_type(Plain))) is Plain


def test_abstract_messages_are_those_below_them() -> None:
    @message
    class Shape(ABC):
        @abstractmethod
        def area(self) -> float: ...

    @message
    class Square(Shape):
        side: int = 1

        def area(self) -> float:
            return self.side**2

    class Plain(Shape):
        """No message of its own."""

        def area(self) -> float:
            return 0.0

    assert Plain().area() == 0
    assert type(drawn(st.from_type(Shape))) is Square


def test_what_a_user_registers_goes_first() -> None:
    @message
    class Registered:
        x: int

    st.register_type_strategy(Registered, st.just(Registered(x=7)))
    assert drawn(st.from_type(Registered)) == Registered(x=7)


def test_what_is_no_message_is_not_touched() -> None:
    assert _hypothesis.strategy_for(int) is None
    assert _hypothesis.strategy_for(list[Request]) is None
    assert _hypothesis.strategy_for(5) is None
    assert type(drawn(st.builds(complex, real=st.floats(1, 2)))) is complex
    with pytest.raises(InvalidArgument):
        st.builds(complex, ...).validate()  # type: ignore[call-overload]
    with pytest.raises(ResolutionFailed):
        st.from_type(type("Odd", (), {"__init__": lambda self, x: None})).validate()


# builds


@given(st.builds(Request, stream=st.just(True)), st.builds(Metrics, evict_ms=...), st.builds(declared.Leaf))
def test_builds(request_: Request, metrics: Metrics, leaf: declared.Leaf) -> None:
    assert request_.stream is True
    assert request_.model == ""
    assert metrics.evict_ms >= 0
    assert leaf.name == "leaf"


def test_builds_goes_by_the_names_of_arguments() -> None:
    @message
    class Called:
        x: int = field(alias="ex")
        y: int = derived(lambda self: 1, default=1)

    assert drawn(st.builds(Called, y=...)).y == 0
    assert drawn(st.builds(Called, ex=st.just(4))).x == 4


# At Hypothesis' start


def test_starting_loads_no_message() -> None:
    code = (
        "import sys, hypothesis\n"
        "loaded = sorted(name for name in sys.modules if name.startswith('sagellm_protocol'))\n"
        "print(loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['sagellm_protocol', 'sagellm_protocol._hypothesis', 'sagellm_protocol._lazy']\n"


def test_a_hypothesis_that_knows_no_such_way_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypothesis.strategies._internal import core, types

    before = core.required_args, dict(types._global_extra_lookup)
    monkeypatch.delattr(core, "required_args")
    monkeypatch.delattr(types, "_global_extra_lookup")
    _hypothesis.register()
    monkeypatch.undo()
    assert (core.required_args, types._global_extra_lookup) == before
    monkeypatch.setattr(core, "required_args", lambda target, args, kwargs: {"request_id"})
    monkeypatch.setattr(types, "_global_extra_lookup", {})
    _hypothesis.register()
    assert list(types._global_extra_lookup) == ["sagellm_protocol.model.declaring"]
    kwargs: dict[str, Any] = {}
    assert core.required_args(Request, (), kwargs) == set()
    assert list(kwargs) == ["request_id"]
    assert core.required_args(int, (), {}) == {"request_id"}


# Fixed fields


@given(messages(Request, stream=True, max_tokens=st.integers(1, 5), messages=[{"role": "user", "content": "Hi"}]))
def test_fields_are_fixed(request_: Request) -> None:
    assert request_.stream is True
    assert 1 <= request_.max_tokens <= 5
    assert request_.messages == (ChatMessage(role="user", content="Hi"),)


def test_fixed_by_the_name_of_the_argument() -> None:
    @message
    class Called:
        x: int = field(alias="ex")

    assert drawn(messages(Called, ex=4)).x == 4
    with pytest.raises(OptionError, match=r"takes no x= \(did you mean ex\?\)$"):
        messages(Called, x=4)


def test_all_fields_fixed_and_none() -> None:
    assert drawn(messages(declared.Leaf, name="a")) == declared.Leaf(name="a")
    assert drawn(messages(declared.Leaf)) == declared.Leaf()


def test_what_no_message_takes_is_refused_at_once() -> None:
    with pytest.raises(OptionError, match=r"types\.Request takes no promt= \(did you mean prompt\?\)"):
        messages(Request, promt="Hi")
    with pytest.raises(ValidationError, match=r"max_tokens: must be > 0, got 0") as raised:
        messages(Request, max_tokens=0)
    assert raised.value.fault == "local"
    with pytest.raises(ValidationError, match=r"messages\[0\]\.content: must be str or a sequence of .*, got 5"):
        messages(Request, messages=[{"role": "user", "content": 5}])
    with pytest.raises(ValidationError, match=r"stream: must be bool, got 'yes'"):
        drawn(messages(Request, stream=st.just("yes")))
    with pytest.raises(DeclarationError, match="is no message: from_type"):
        messages(int)
    with pytest.raises(DeclarationError, match="is no message: from_type"):
        messages(StreamEvent)  # type: ignore[arg-type]


def test_secrets_that_are_wrong_are_not_shown() -> None:
    @message
    class Login:
        token: str = field(repr=False)

    with pytest.raises(ValidationError) as raised:
        messages(Login, token=b"hunter2")
    assert "hunter2" not in str(raised.value)


def test_what_validators_refuse_is_not_drawn() -> None:
    @message
    class Even:
        x: int = field(validator=lambda self, attribute, value: 1 // (value % 2 == 0))
        y: int = 0

    @given(messages(Even, y=1))
    def check(even: Any) -> None:
        assert even.x % 2 == 0

    check()


# Nearly valid


@pytest.mark.parametrize("cls", catalog.messages().values(), ids=lambda cls: cls.__name__)
def test_codecs_refuse_with_that_and_nothing_else(cls: type) -> None:
    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(nearly_valid(cls))
    def check(made: tuple[dict[str, Any], Violation]) -> None:
        payload, violation = made
        for name, dumps in DUMPS.items():
            with pytest.raises(ValidationError) as raised:
                codecs.get(name).decode(dumps(payload), cls)
            assert raised.value.violations == (violation,)
            assert raised.value.more == 0

    check()


@pytest.mark.parametrize("release", ["0.1.0", "0.4.0.8"])
@settings(max_examples=10)
@given(st.data())
def test_of_older_revisions(release: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(HISTORY.specs(release))))
    payload, violation = data.draw(nearly_valid(name, release))
    with pytest.raises(ValidationError) as raised:
        codecs.get("json", revision=release).decode(json.dumps(payload).encode(), catalog.get(name))
    assert raised.value.violations == (violation,)


@pytest.mark.parametrize("name", sorted(OURS.catalog.messages))
def test_of_a_history_of_ones_own(name: str) -> None:
    cls = OURS.catalog.get(name)

    @settings(max_examples=5, suppress_health_check=list(HealthCheck))
    @given(nearly_valid(name, "1", OURS))
    def check(made: tuple[dict[str, Any], Violation]) -> None:
        with pytest.raises(ValidationError) as raised:
            codecs.get("dict", history=OURS).decode(made[0], cls)
        assert raised.value.violations == (made[1],)

    check()


@message
class Circle:
    shape: Literal["circle"] = "circle"
    radius: Annotated[float, Gt(0)]


@message
class Square:
    shape: Literal["square"] = "square"
    side: Annotated[float, Gt(0)]


@message
class Cat:
    purrs: bool


@message
class Dog:
    barks: bool


@message
class Inner:
    kind: declared.Colour


@message
class Few:
    few: Annotated[str, Len(2, 3)]


@message
class Share:
    share: Annotated[float, Ge(0), Le(1)]


@message
class Holder:
    inner: Inner | None


@message
class Many:
    items: Annotated[Sequence[Inner], MinLen(1)]


@message
class Keyed:
    table: Mapping[str, Inner]


@message
class Shaped:
    shape: Circle | Square


@message
class Animal:
    animal: Cat | Dog


@message
class Free:
    free: Any
    either: str | Sequence[int] = ""


@message(unknown="ignore")
class Nothing:
    pass


@message
class Validated:
    x: int = field(validator=lambda self, attribute, value: 1 // (value % 2 == 0))
    most: Annotated[int, Le(2**64 - 1)] = 0


@pytest.mark.parametrize(
    ("cls", "path", "rule"),
    [
        (Few, "few", "required"),
        (Few, "few", "str"),
        (Few, "few", "at least 2 long"),
        (Few, "few", "at most 3 long"),
        (Few, "field_", "a known field"),
        (Share, "share", ">= 0"),
        (Share, "share", "<= 1"),
        (Share, "share", "float"),
        (Holder, "inner", "an object"),
        (Holder, "inner.kind", "required"),
        (Holder, "inner.kind", "one of 'red', 'green'"),
        (Holder, "inner.field_", "a known field"),
        (Many, "items", "at least 1 long"),
        (Many, "items[0].kind", "required"),
        (Keyed, "table.key.kind", "required"),
        (Shaped, "shape.shape", "one of 'circle', 'square'"),
        (Shaped, "shape.radius", "> 0"),
        (Animal, "animal.purrs", "bool"),
        (Free, "either", "str or a sequence of int"),
        (Free, "free", "required"),
    ],
)
def test_all_that_can_go_wrong_does(cls: type, path: str, rule: str) -> None:
    def is_it(made: tuple[dict[str, Any], Violation]) -> bool:
        found = re.sub(r"(?s)table\..*?(?=\.kind|$)", "table.key", made[1].path)
        return (found, made[1].rule) == (path, rule)

    assert is_it(drawn(nearly_valid(cls, "1", HERE), is_it))


def test_payloads_that_a_validator_refuses_are_not_nearly_valid() -> None:
    @settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck))
    @given(nearly_valid(Validated, "1", HERE))
    def check(made: tuple[dict[str, Any], Violation]) -> None:
        payload, violation = made
        if "accepted by" in violation.rule:
            # It was even, and then was not.
            assert violation.path == "x"
            assert payload["x"] % 2

    check()


def test_where_nothing_can_be_wrong() -> None:
    with pytest.raises((NoSuchExample, Unsatisfiable)):
        drawn(nearly_valid(Nothing, "1", HERE))


def test_there_is_none_of_what_did_not_exist() -> None:
    with pytest.raises(UnsupportedRevisionError):
        nearly_valid("SamplingParams", "0.1.0")
