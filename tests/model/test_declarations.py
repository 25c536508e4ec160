"""Declarations mean what they say: validators on every path, secrets, inheritance, recursion, what tools show."""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import pickle
import pprint
import pydoc
import re
import sys
import threading
import traceback
import typing
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from typing import Annotated, Any, ClassVar, Literal, Protocol

import attrs
import pytest
from annotated_types import Ge
from hypothesis import given, strategies as st

import sagellm_protocol
from every_path import built, told
from sagellm_protocol import EncodeError, LossyDowngradeError, ValidationError, codecs, evolve, schema
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import added, renamed, revision
from sagellm_protocol.model import derived, field, from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError, Loss, ProtocolError, Violation
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.schema.facts import facts_of
from sagellm_protocol.testing import messages
from sagellm_protocol.types import Metrics, Request

CODECS = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")


def even(instance: Any, attribute: attrs.Attribute[int], value: int) -> None:
    if value % 2:
        raise ValueError(f"{value} is odd")


@message
class Part:
    size: int = field(validator=[attrs.validators.ge(0), even])
    most: int = 100
    name: str = field(default="part", alias="called")

    def __attrs_post_init__(self) -> None:
        if self.size > self.most:
            raise ValueError("larger than most")


@message
class Whole:
    label: str = field(validator=attrs.validators.max_len(3))
    first: Part
    rest: Sequence[Part] = ()
    named: Mapping[str, Part] = {}
    either: Part | str = "none"
    pin: Annotated[int, Ge(0)] | None = field(default=None, repr=False)
    pins: Mapping[str, int] = field(factory=dict, repr=False)


# Validators

_parts = st.fixed_dictionaries(
    {}, optional={"size": st.integers(-3, 6) | st.none(), "most": st.integers(0, 4), "name": st.text(max_size=2)}
)
_wholes = st.fixed_dictionaries(
    {"label": st.text("ab", max_size=5), "first": _parts},
    optional={
        "rest": st.lists(_parts, max_size=3),
        "named": st.dictionaries(st.text("xy", max_size=2), _parts, max_size=2),
        "either": st.just("a") | _parts | st.integers(-9, 9),
        "pin": st.integers(-1, 1),
        "lost": st.integers(-9, 9),
    },
)


@given(_wholes)
def test_every_path_runs_the_validators_and_tells_the_same(payload: dict[str, Any]) -> None:
    if not told(Whole, payload):
        assert built(Whole, to_plain(built(Whole, payload))) == from_plain(Whole, payload)


@given(_parts)
def test_what_is_refused_is_what_breaks_a_type_or_a_validator(payload: dict[str, Any]) -> None:
    size = payload.get("size")
    wrong = size is None or size < 0 or size % 2 or size > payload.get("most", 100)
    assert bool(told(Part, payload)) == bool(wrong)


@given(messages(Metrics))
def test_validators_see_what_attrs_gives_them(metrics: Metrics) -> None:
    seen: list[tuple[Any, ...]] = []

    @message
    class Holder:
        metrics: Metrics = field(validator=lambda *given: seen.append(given))
        other: int = 1

    holder = from_plain(Holder, {"metrics": to_plain(metrics)})
    ((instance, attribute, value),) = seen
    assert instance is holder
    assert attribute is attrs.fields(Holder).metrics
    assert value is holder.metrics


def test_validators_run_when_a_message_is_changed_or_unpickled() -> None:
    part = Part(size=2)
    with pytest.raises(ValidationError, match="3 is odd"):
        evolve(part, size=3)
    restore, (cls, fields) = part.__reduce__()[:2]  # type: ignore[misc]
    assert restore(cls, fields) == part
    with pytest.raises(ValidationError, match="3 is odd"):
        restore(cls, {**fields, "size": 3})
    assert evolve(part, called="x").name == "x"
    assert pickle.loads(pickle.dumps(part)) == part


def test_a_hundred_violations_are_told_and_the_rest_counted() -> None:
    payload = {"label": "a", "first": {"size": 0}, "rest": [{"size": 1}] * 150 + [{}] * 30 + [{"most": 1}] * 3}
    errors = []
    for name in ("json", "dict"):
        codec = codecs.get(name)
        with pytest.raises(ValidationError) as raised:
            codec.decode(codecs.get(name).format.dumps(payload), Whole)
        errors.append((raised.value.violations, raised.value.more))
    assert errors[0] == errors[1]
    assert len(errors[0][0]) == 100
    assert errors[0][1] == 83


def test_defaults_that_a_validator_refuses_are_counted_too() -> None:
    @message
    class Refusing:
        x: int
        y: int = field(default=1, validator=even)

    with pytest.raises(ValidationError) as raised:
        codecs.get("dict").decode([{}] * 200, list[Refusing])
    assert len(raised.value.violations) + raised.value.more == 400


def test_an_error_that_no_validator_raises_on_purpose_is_the_cause() -> None:
    @message
    class Odd:
        x: int = field(validator=lambda self, attribute, value: {}[value])

    with pytest.raises(ValidationError) as raised:
        Odd(x=1)
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.violations[0].rule == "accepted by <lambda> (KeyError: 1)"
    with pytest.raises(ValidationError) as raised:
        Part(size=1)
    assert raised.value.__cause__ is None


def test_the_text_of_an_error_is_cut_and_on_one_line() -> None:
    def long(instance: Any, attribute: Any, value: Any) -> None:
        raise ValueError("x\n" * 10**6, 2)

    @message
    class Long:
        x: int = field(validator=long)
        y: int = field(default=0, validator=lambda *_: (_ for _ in ()).throw(ValueError()))

    with pytest.raises(ValidationError) as raised:
        Long(x=1)
    first, second = raised.value.violations
    assert len(first.rule) < 300
    assert "\n" not in first.rule
    assert second.rule == "accepted by <lambda>"


def test_a_validator_may_be_an_object() -> None:
    class Below:
        def __init__(self, limit: int) -> None:
            self.limit = limit

        def __call__(self, instance: Any, attribute: Any, value: int) -> None:
            if value >= self.limit:
                raise ValueError(f"not below {self.limit}")

    @message
    class Holder:
        x: int = field(validator=attrs.validators.and_(Below(5), Below(3)))

    assert told(Holder, {"x": 4}) == "x: must be accepted by Below (not below 3), got 4"


def test_validators_may_be_switched_off_as_attrs_does() -> None:
    attrs.validators.set_disabled(True)
    try:
        assert Part(size=1).size == 1
        # Not a validator for attrs either.
        with pytest.raises(ValidationError, match="larger than most"):
            Part(size=101)
    finally:
        attrs.validators.set_disabled(False)


def test_an_attribute_error_of_a_validator_s_own_is_told() -> None:
    @message
    class Own:
        x: int
        y: int = field(default=0, validator=lambda self, attribute, value: self.z)

    assert "accepted by <lambda> (AttributeError: " in told(Own, {"x": "a"})

    class Empty:
        pass

    @message
    class Other:
        x: int
        y: int = field(default=0, validator=lambda self, attribute, value: Empty().x)  # type: ignore[attr-defined]

    assert "accepted by <lambda> (AttributeError: " in told(Other, {"x": "a"})


@pytest.mark.parametrize("change", [lambda self: setattr(self, "x", 2), lambda self: object.__setattr__(self, "x", 2)])
def test_looking_back_may_not_change_the_message(change: Callable[[Any], None]) -> None:
    @message
    class Changing:
        x: int

        def __attrs_post_init__(self) -> None:
            change(self)

    for make in (
        lambda: Changing(x=1),
        lambda: from_plain(Changing, {"x": 1}),
        *(lambda name=name: codecs.get(name).converter.structure({"x": 1}, Changing) for name in CODECS),
        *(lambda name=name: codecs.get(name).decode(codecs.get(name).encode(NoHook(x=1)), Changing) for name in CODECS),
    ):
        with pytest.raises(DeclarationError, match=r"__attrs_post_init__: may check, and not change the message"):
            make()


@message
class NoHook:
    x: int


def test_validators_of_bases_are_run() -> None:
    @message
    class Bigger(Part):
        weight: int = field(default=0, validator=even)

    assert told(Bigger, {"size": 1, "weight": 3}).count("is odd") == 2
    assert "larger than most" in told(Bigger, {"size": 102})


def test_an_order_older_revision_is_checked_by_todays_validators() -> None:
    assert OLD.decode(b'{"size":2}', Grown) == Grown(size=2)
    with pytest.raises(ValidationError, match="size: must be accepted by even"):
        OLD.decode(b'{"size":3}', Grown)


@message
class Grown:
    size: int = field(validator=even)
    token: str = field(default="", repr=False)


OURS = History(
    [revision("2.0", added(f"{__name__}.Grown", "token")), revision("1.0")],
    Catalog([__name__]),
)
OLD = codecs.get("json", revision="1.0", history=OURS)


# Defaults


def test_derived_defaults_are_checked_and_frozen() -> None:
    @message
    class Derives:
        count: int = 1
        listed: Sequence[int] = derived(lambda self: [self.count] * 2, default=())
        wrong: int = derived(lambda self: "x" if self.count == 7 else True if self.count == 8 else 1, default=1)

    assert built(Derives, {"count": 3}).listed == (3, 3)
    for count in (7, 8):
        with pytest.raises(DeclarationError, match="the default of wrong: must be int"):
            Derives(count=count)


def test_what_a_factory_makes_is_checked_on_every_path() -> None:
    @message
    class Making:
        right: float = field(factory=lambda: 1)
        wrong: int = field(factory=lambda: "x")  # type: ignore[arg-type, return-value]

    assert told(Making, {}) == "wrong: must be int, got 'x'"
    assert type(built(Making, {"wrong": 1}).right) is float


def test_a_default_that_fails_within_another_message_is_told_there() -> None:
    @message
    class Failing:
        x: int
        y: int = derived(lambda self: 1 // self.x, default=0)

    @message
    class Around:
        inner: Failing
        others: Sequence[Failing] = ()

    wrong = "must be given, since its default fails (ZeroDivisionError: integer division or modulo by zero), got None"
    assert (
        told(Around, {"inner": {"x": 0}, "others": [{"x": 1}, {"x": 0}]}) == f"inner.y: {wrong}; others[1].y: {wrong}"
    )


def test_a_default_by_method_is_shown_by_name_in_tables() -> None:
    assert OURS is not None
    assert spec_of(ByMethod).fields[1].default.function(ByMethod(x=4)) == 5
    assert "derived from the rest" in str(schema.json_schema("ByMethod", history=BY_METHOD))
    assert BY_METHOD.fields("ByMethod", "1.0")["y"]["default"] == {"factory": "_after"}
    facts = facts_of(BY_METHOD, "1.0")
    assert [fact["derived by"] for fact in facts.values() if "derived by" in fact] == ["_after"]


@message
class ByMethod:
    x: int
    y: int = field()

    @y.default  # type: ignore[attr-defined]
    def _after(self) -> int:
        return self.x + 1


BY_METHOD = History([revision("1.0")], Catalog([__name__]))


# Secrets


def texts_of(error: Exception) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


SECRET = "hunter2"


@pytest.mark.parametrize(
    "payload",
    [
        {"label": "a", "first": {"size": 0}, "pin": SECRET},
        {"label": "a", "first": {"size": 0}, "pins": {SECRET: SECRET}},
        {"label": "a", "first": {"size": 0}, "pins": {SECRET: 2**70}},
        {"label": "a", "first": {"size": 0}, "pni": SECRET},
        [{"label": "a", "pin": SECRET}],
        {"label": "a", "first": {"size": 0}, "rest": {"pin": SECRET}},
    ],
)
def test_a_secret_is_in_no_error(payload: Any) -> None:
    calls: list[Callable[[], Any]] = [lambda: from_plain(Whole, payload)]
    for name in ("json", "msgpack", "dict", "msgspec-json"):
        codec = codecs.get(name)
        if not (name.endswith("msgpack") and str(2**70) in str(payload)):
            calls.append(lambda codec=codec: codec.decode(_dumped(codec, payload), Whole))
    if isinstance(payload, dict):
        calls.append(lambda: Whole(**payload))
    for call in calls:
        try:
            shown = repr(call())  # An integer past 64 bits is taken in Python.
        except ProtocolError as error:
            shown = texts_of(error)
        assert SECRET not in shown


def _dumped(codec: Any, payload: Any) -> Any:
    import json

    import msgpack

    if "msgpack" in codec.name:
        return msgpack.packb(payload)
    return payload if codec.name == "dict" else json.dumps(payload).encode()


def test_a_secret_is_printed_nowhere() -> None:
    @message
    class Login:
        user: str
        token: str = field(repr=False, validator=attrs.validators.in_(["a", SECRET, "\ud800" + SECRET]))

    login = Login(user="u", token=SECRET)
    assert repr(login).endswith("Login(user='u')")
    assert SECRET not in pprint.pformat([login]) + str({"k": login})
    with pytest.raises(ValidationError) as raised:
        Login(user="u", token="b" + SECRET)
    assert raised.value.violations == (Violation("token", "accepted by InValidator", raised.value.violations[0].value),)
    assert SECRET not in texts_of(raised.value)
    assert SECRET not in str(inspect.signature(evolve_default(Login)))
    with pytest.raises(EncodeError) as unwritable:
        codecs.get("json").encode(Login(user="u", token="\ud800" + SECRET))
    assert SECRET not in str(unwritable.value)
    assert "token holds a lone surrogate" in str(unwritable.value)


def evolve_default(cls: Any) -> Any:
    @message
    class Defaulted(cls):  # type: ignore[misc]
        token: str = field(default=SECRET, repr=False)

    return Defaulted


def test_a_secret_is_in_no_loss() -> None:
    with pytest.raises(LossyDowngradeError) as raised:
        OLD.encode(Grown(size=2, token=SECRET))
    assert SECRET not in texts_of(raised.value)
    assert [(found.path, found.value) for found in raised.value.losses] == [("token", "<hidden>")]


@message
class Keyed:
    name: str
    keyed_by: str = field(repr=False)


KEYED = History(
    [revision("2.0", renamed(f"{__name__}.Keyed", once_keyed_by="keyed_by")), revision("1.0")], Catalog([__name__])
)


@pytest.mark.parametrize(
    "payload", [{"name": "a", "once_keyed_by": 5}, {"name": {"once_keyed_by": 5}, "once_keyed_by": "a"}]
)
def test_a_secret_is_one_by_its_older_name(payload: dict[str, Any]) -> None:
    old = codecs.get("dict", revision="1.0", history=KEYED)
    assert old.decode({"name": "a", "once_keyed_by": SECRET}, Keyed) == Keyed(name="a", keyed_by=SECRET)
    with pytest.raises(ValidationError) as raised:
        old.decode(payload, Keyed)
    assert "5" not in raised.value.violations[0].value
    assert "<hidden>" in raised.value.violations[0].value


def test_a_repr_of_a_field_s_own_may_fail() -> None:
    @message
    class Failing:
        x: int = field(repr=lambda value: {}[value])

    assert repr(Failing(x=1)).endswith("Failing(x=<a int whose repr raises KeyError>)")


def test_a_repr_of_its_own_is_kept_within_others() -> None:
    @message
    class Quiet:
        x: int

        def __repr__(self) -> str:
            return "quiet"

    @message
    class Around:
        quiet: Quiet

    assert repr(Around(quiet=Quiet(x=1))).endswith("Around(quiet=quiet)")


# Arguments


def test_aliases_may_change_places() -> None:
    @message
    class Swapped:
        a: int = field(alias="b")
        b: str = field(default="x", alias="a")

    one = Swapped(b=1, a="y")
    assert (one.a, one.b) == (1, "y")
    assert built(Swapped, {"a": 1, "b": "y"}) == one
    assert evolve(one, b=2).a == 2
    assert told(Swapped, {"a": "1", "b": 2}) == "a: must be int, got '1'; b: must be str, got 2"


def test_an_argument_given_by_the_name_of_its_field() -> None:
    @message
    class Called:
        x: int = field(alias="ex")
        y: int = 0

    assert Called(x=1) == Called(ex=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError) as raised:
        Called(ex=3, x=1, z=2)  # type: ignore[call-arg]
    assert [str(found) for found in raised.value.violations] == [
        "x: must be given as ex, got 1",
        "z: must be a known field, got 2",
    ]


@message
class Counted:
    count: int = field(alias="number", validator=attrs.validators.not_(attrs.validators.in_([0])))


@given(messages(Counted))
def test_strategies_know_aliases_and_validators(counted: Counted) -> None:
    assert counted.count != 0
    assert built(Counted, to_plain(counted)) == counted


# Classes


def test_a_method_may_name_a_class_defined_later() -> None:
    @message
    class Early:
        x: int = 0

        def late(self) -> Any:
            return Late()

        def kind(self) -> type:
            return __class__  # type: ignore[name-defined,no-any-return]

    @message
    class Late:
        x: int = 0

    assert Early().late() == Late()
    assert Early().kind() is Early


def test_super_in_methods_that_are_decorated() -> None:
    def decorated(function: Any) -> Any:
        @wraps(function)
        def wrapper(*arguments: Any) -> Any:
            return function(*arguments)

        return wrapper

    def hidden(function: Any) -> Any:
        return lambda *arguments: function(*arguments)

    @message
    class Decorated:
        x: int = 0

        @decorated
        def one(self) -> Any:
            return super().__repr__(), __class__  # type: ignore[name-defined]

        @property
        @hidden
        def two(self) -> Any:
            return __class__  # type: ignore[name-defined]

        @cached_property
        def three(self) -> Any:
            return super().__repr__(), __class__  # type: ignore[name-defined]

    @message
    class Hiding:
        x: int = 0

        @hidden
        def kind(self) -> Any:
            return __class__  # type: ignore[name-defined]

    assert Hiding().kind() is Hiding
    one = Decorated()
    assert one.one()[1] is one.two is one.three[1] is Decorated


def test_a_recursive_message_in_a_function() -> None:
    def declared() -> tuple[Any, Any]:
        @message
        class Node:
            children: Sequence[Node] = ()
            other: Other | None = None

        @message
        class Other:
            node: Node | None = None

        return Node, Other

    node, other = declared()
    whole = node(children=[node()], other=other(node=node()))
    assert from_plain(node, to_plain(whole)) == whole
    again, _ = declared()
    assert from_plain(again, {}) == again()
    assert type(from_plain(again, {"children": [{}]}).children[0]) is again


def test_names_of_functions_further_out() -> None:
    @message
    class Inner:
        x: int = 0

    def within() -> Any:
        class Around:
            @message
            class Held:
                inner: Inner
                own: Around.Held | None = None
                missing: Nowhere | None = None  # type: ignore[name-defined] # noqa: F821

        return Around.Held

    with pytest.raises(DeclarationError, match="'Nowhere' is not defined"):
        within()(inner=Inner())

    def again() -> Any:
        @message
        class Held:
            inner: Inner
            own: Held | None = None

        return Held

    held = again()
    assert held(inner=Inner(), own=held(inner=Inner())).own.inner == Inner()


def test_threads_that_read_annotations_at_once() -> None:
    def declared() -> Any:
        @message
        class Node:
            children: Sequence[Node] = ()

        return Node

    for _ in range(20):
        node, start, seen = declared(), threading.Barrier(4), []

        def use(node: Any = node, start: Any = start, seen: list[Any] = seen) -> None:
            start.wait()
            seen.append(from_plain(node, {"children": [{}]}))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [node(children=[node()])] * 4


def test_the_call_that_declared_a_message_is_let_go() -> None:
    class Big:
        pass

    def declared() -> tuple[Any, Any]:
        big = Big()

        @message
        class Held:
            own: Held | None = None

        return Held, weakref.ref(big)

    held, big = declared()
    held(own=held())
    gc.collect()
    assert big() is None


NOTEBOOK = """
from __future__ import annotations
from collections.abc import Sequence
from sagellm_protocol.model import message

@message
class Node:
    children: Sequence[Node] = ()
    leaf: Leaf | None = None

@message
class Leaf:
    x: int = 0
"""


def test_a_notebook_may_run_a_cell_again() -> None:
    names: dict[str, Any] = {"__name__": "a notebook"}
    exec(NOTEBOOK, names)
    old = names["Node"]
    exec(NOTEBOOK, names)
    new = names["Node"]
    for cls in (new, old):
        assert type(codecs.get("json").decode(b'{"children":[{}]}', cls).children[0]) is cls
    assert new(leaf=names["Leaf"]()).leaf == names["Leaf"]()
    bare: dict[str, Any] = {}
    exec(NOTEBOOK, bare)
    assert bare["Node"](leaf=bare["Leaf"](x=1)).leaf.x == 1


def test_a_message_made_by_calls() -> None:
    import types

    def body(names: dict[str, Any]) -> None:
        names["__annotations__"] = {"x": "Sequence[int]", "y": typing.Sequence["int"]}
        names["y"] = ()
        names["__module__"] = __name__

    made: Any = message(types.new_class("Made", exec_body=body))
    assert made(x=[1], y=[2]).y == (2,)

    def nowhere(names: dict[str, Any]) -> None:
        body(names)
        names["__module__"] = "no.such.module"

    lost: Any = message(types.new_class("Lost", exec_body=nowhere))
    with pytest.raises(DeclarationError, match="cannot be resolved"):
        lost(x=[1])
    assert inspect.signature(lost).parameters["x"].annotation == "Sequence[int]"


def test_a_class_within_a_class_does_not_hide_its_namesake() -> None:
    assert from_plain(Outer.Part, {"inner": {"size": 2}}).inner == Part(size=2)  # type: ignore[attr-defined]


class Outer:
    @message
    class Part:
        inner: Part


@message
class Twig:
    kind: Literal["twig"] = "twig"


@message
class Fork:
    kind: Literal["fork"] = "fork"
    left: Bush
    right: Bush | None = None


Bush = Twig | Fork


def test_a_tagged_union_of_a_class_with_itself() -> None:
    bush = Fork(left=Fork(left=Twig()), right=Twig())
    for name in CODECS:
        codec = codecs.get(name)
        assert codec.decode(codec.encode(bush), Bush) == codec.decode(codec.encode(bush), Fork) == bush
    assert told(Fork, {"left": {"kind": "fork", "left": {"kind": "tree"}}}) == (
        "left.left.kind: must be one of 'twig', 'fork', got 'tree'"
    )
    described = schema.json_schema("Fork", history=History([revision("1.0")], Catalog([__name__])))
    assert "discriminator" in str(described) or "$ref" in str(described)


@given(messages(Twig))
def test_the_leaves_of_such_a_union_are_drawn(twig: Twig) -> None:
    assert twig.kind == "twig"


def test_abstract_messages() -> None:
    @message
    class Shape(ABC):
        side: int

        @abstractmethod
        def area(self) -> int: ...

    @message
    class Square(Shape):
        def area(self) -> int:
            return self.side**2

    class Plain(Shape):
        def area(self) -> int:
            return 0

    class Still(Shape):
        pass

    assert built(Square, {"side": 2}).area() == 4
    assert Plain(side=1).area() == 0

    @message
    class Holder:
        shape: Shape

    assert Holder(shape=Square(side=1)).shape.area() == 1
    for refused in (lambda: Still(side=1), lambda: Shape(side=1), lambda: Holder(shape={"side": 1})):
        with pytest.raises(DeclarationError, match="is abstract, and lacks area"):
            refused()
    for name in CODECS:
        with pytest.raises(DeclarationError, match="is abstract, and lacks area"):
            codecs.get(name).decoder(Shape)


def test_own_hooks_on_subclasses() -> None:
    made: list[type] = []

    @message
    class Registered:
        x: int = 0

        def __init_subclass__(cls) -> None:
            made.append(cls)

    @message
    class Marked:
        x: int = 0

        @classmethod
        def __attrs_init_subclass__(cls) -> None:
            made.append(cls)

    assert built(Registered, {"x": 1}) == Registered(x=1)
    assert made == []

    @message
    class Child(Marked):
        y: int = 0

    assert made == [Child]


def test_a_protocol_may_be_a_base() -> None:
    class Sized(Protocol):
        size: int

        def doubled(self) -> int:
            return self.size * 2

    @message
    class Sizes(Sized):
        size: int

    assert built(Sizes, {"size": 2}).doubled() == 4


def test_mixins_may_annotate_fields_that_there_are() -> None:
    class Named:
        name: str

        def shout(self) -> str:
            return self.name.upper()

    @message
    class Full(Named):
        name: str

    class Loud:
        name: str

    class Asked(Loud, Full):
        pass

    assert built(Full, {"name": "a"}).shout() == Asked(name="a").shout() == "A"


@pytest.mark.parametrize("name", ["__attrs_post_init__", "__attrs_pre_init__"])
def test_a_plain_subclass_is_asked_nothing(name: str) -> None:
    plain: Any = type("Plain", (NoHook,), {name: lambda self: None})
    with pytest.raises(DeclarationError, match=f"{name}: NoHook does not call it; declare it with @message"):
        plain(x=1)


def test_a_plain_subclass_may_look_back_where_its_message_does() -> None:
    class Stricter(Part):
        def __attrs_post_init__(self) -> None:
            raise ValueError("never")

    with pytest.raises(ValidationError, match=r"must be accepted by __attrs_post_init__ \(never\)"):
        Stricter(size=2)


@pytest.mark.parametrize("given", [5, None, "x"])
def test_only_classes_are_messages(given: Any) -> None:
    with pytest.raises(DeclarationError, match="@message goes on a class"):
        message()(given)


def test_unknown_is_one_of_three() -> None:
    with pytest.raises(DeclarationError, match="unknown= is 'forbid', 'ignore' or 'keep', not 'allow'"):

        @message(unknown="allow")  # type: ignore[arg-type]
        class Allowing:
            x: int = 0


def test_what_is_refused_leaves_the_class_as_it_was() -> None:
    class Wrong:
        x: int = field(converter=int)

        @cached_property
        def boxed(self) -> list[int]:
            return [1]

    before = vars(Wrong)["boxed"]
    with pytest.raises(DeclarationError):
        message(Wrong)
    assert "__message__" not in vars(Wrong)
    assert vars(Wrong)["boxed"] is before


def test_threads_see_one_value_of_a_cached_property() -> None:
    start = threading.Barrier(8)
    computing = threading.Barrier(2)

    @message
    class Slow:
        x: int = 0

        @cached_property
        def boxed(self) -> list[int]:
            with contextlib.suppress(threading.BrokenBarrierError):
                computing.wait(0.2)  # Two compute at once.
            return [self.x]

    slow = Slow()
    seen: list[Any] = []

    def look() -> None:
        start.wait()
        seen.append(slow.boxed)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(value) for value in seen} == {id(slow.boxed)}
    assert slow == Slow()


def test_class_variables_of_a_mixin_are_no_fields() -> None:
    names: dict[str, Any] = {"ClassVar": ClassVar, "message": message, "__name__": __name__}
    exec("class Mixin:\n    LIMIT: ClassVar[int] = 3\n    BARE: ClassVar = 4\n    X: 'ClassVar[int]' = 5", names)

    @message
    class Limited(names["Mixin"]):  # type: ignore[misc]
        x: int

    class Plain(Limited):
        MORE: ClassVar[int] = 6

    assert (Plain(x=1).LIMIT, Plain.BARE, Plain.MORE, to_plain(Plain(x=1))) == (3, 4, 6, {"x": 1})


def test_a_cached_property_is_on_no_wire() -> None:
    @message
    class Caching:
        x: int = 1
        y: int = field(default=2, alias="why")

        @cached_property
        def twice(self) -> int:
            return self.x * 2

    @message
    class Holding:
        one: Caching
        several: Sequence[Caching] = ()

    one = Caching()
    assert one.twice == 2
    whole = Holding(one=one, several=[one])
    for name in CODECS:
        codec = codecs.get(name)
        for value in (one, whole):
            assert codec.decode(codec.encode(value), type(value)) == value
    assert built(Holding, to_plain(whole)) == whole


# What tools show


def test_signatures_before_and_after_first_use() -> None:
    def declared() -> Any:
        @message
        class Shown:
            name: str
            size: Annotated[int, Ge(0)] = 1
            made: Sequence[int] = field(factory=list)
            follows: int = derived(lambda self: 1, default=1)
            secret: str = field(default="x", repr=False)
            next: Shown | None = field(default=None, alias="after")

        return Shown

    shown = declared()
    before = inspect.signature(shown)
    shown(name="a")
    assert inspect.signature(shown) == before
    assert {name: parameter.annotation for name, parameter in before.parameters.items()} == {
        "name": str,
        "size": Annotated[int, Ge(0)],
        "made": Sequence[int],
        "follows": int,
        "secret": str,
        "after": shown | None,
    }
    defaults = {name: repr(parameter.default) for name, parameter in before.parameters.items()}
    assert defaults == {
        "name": "<class 'inspect._empty'>",
        "size": "1",
        "made": "<factory>",
        "follows": "<derived>",
        "secret": "<hidden>",
        "after": "None",
    }

    class Plain(shown):  # type: ignore[misc]
        pass

    assert inspect.signature(Plain) == before
    assert shown(name="a").__signature__ == before


def test_help_shows_fields_and_no_inner_works() -> None:
    out = io.StringIO()
    Request(request_id="r", trace_id="t", max_tokens=1)
    pydoc.Helper(output=out)(Request)
    text = out.getvalue()
    # From 3.13 on long signatures are broken into lines.
    assert "*, request_id: str, trace_id: str, model: str = ''" in re.sub(r"[\s|]+", " ", text)
    assert "Method resolution order" not in text
    assert "Identifies the request; every response" in text
    for inner in ("UNSET", "Draft", "__attrs_init__", " _message_"):
        assert inner not in text
    assert Request.__mro__ == (Request, object)
    assert Request.__slots__["model"].startswith("Name of the model")  # type: ignore[attr-defined]
    assert not hasattr(Request, "__attrs_init__")


def test_errors_go_by_the_name_that_users_import() -> None:
    errors = [found for name in sagellm_protocol.__all__ if isinstance(found := getattr(sagellm_protocol, name), type)]
    errors = [found for found in errors if issubclass(found, ProtocolError)]
    assert len(errors) > 8
    for error in errors:
        assert error.__module__ == "sagellm_protocol"
        assert getattr(sagellm_protocol, error.__name__) is error
        assert pickle.loads(pickle.dumps(error)) is error
    assert Violation.__module__ == "sagellm_protocol"
    with pytest.raises(ValidationError) as raised:
        Metrics()  # type: ignore[call-arg]
    shown = traceback.format_exception(raised.value)
    assert shown[-1].startswith("sagellm_protocol.ValidationError: types.Metrics: 4 violations")
    assert not any("Doubt" in line for line in shown)
    assert Loss("a", 1, "b").value == "1"


def test_importing_stays_lazy() -> None:
    import subprocess

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sagellm_protocol.types, sys; print('pydoc' in sys.modules, 'ast' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"] or done.stdout.split() == ["False", "False"]
