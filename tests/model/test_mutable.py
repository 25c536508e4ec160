"""State that lives: ``mutable(Message)``."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar, get_origin

import attrs
import msgspec
import orjson
import pydantic
import pytest
from annotated_types import Ge
from hypothesis import given, strategies as st

from sagellm_protocol import (
    EncodeError,
    KVHandle,
    Mutable,
    Request,
    SamplingParams,
    ValidationError,
    codecs,
    evolve,
    mutable,
)
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model import derived, field, from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError, DecodeError
from sagellm_protocol.testing import messages

every_message = pytest.mark.parametrize("name", sorted(CATALOG.messages))


@message
class Inner:
    x: int = 0


@message
class Pool:
    """Blocks of a pool."""

    name: str
    used: Annotated[int, Ge(0)] = 0
    share: float = field(default=0.0, alias="part")
    tags: Sequence[str] = ()
    notes: Mapping[str, Any] = {}
    inner: Inner = Inner()
    key: str = field(default="", repr=False)
    LIMIT: ClassVar[int] = 10

    def left(self) -> int:
        return self.LIMIT - self.used

    @property
    def full(self) -> bool:
        return self.left() == 0

    @cached_property
    def doubled(self) -> int:
        return 2 * self.used

    @classmethod
    def empty(cls) -> Any:
        return cls(name="empty")

    @staticmethod
    def unit() -> str:
        return "blocks"

    def __len__(self) -> int:
        return self.used


@message
class Shared(Pool):
    users: int = 0

    def left(self) -> int:
        return super().left() - self.users

    @property
    def full(self) -> bool:
        return super().full or __class__.unit() == ""  # type: ignore[name-defined]

    @classmethod
    def empty(cls) -> Any:
        return super().empty()


def ordered(self: Any) -> None:
    if self.low > self.high:
        raise ValueError("low is above high")


@message
class Span:
    low: int = 0
    high: int = 10
    even: int = field(default=0, validator=attrs.validators.in_([0, 2, 4]), alias="ev")
    width: int = derived(lambda self: self.high - self.low, default=10)
    __attrs_post_init__ = ordered


class Counter(mutable(Pool)):  # type: ignore[misc]
    retries = 0
    lock: Any

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._seen = []
        self.lock = None

    def take(self, count: int) -> None:
        self.used += count

    @property
    def half(self) -> float:
        return self.used / 2

    @half.setter
    def half(self, value: float) -> None:
        self.used = int(2 * value)


class Slotted(Mutable[Pool]):
    __slots__ = "one"


class Both(Slotted):
    __slots__ = ("__dict__", "other")


@pytest.mark.no_cover
@every_message
@given(data=st.data())
def test_freeze_gives_back_what_of_was_given(name: str, data: st.DataObject) -> None:
    cls = CATALOG.messages[name]
    first, other = data.draw(messages(cls)), data.draw(messages(cls))
    holder = mutable(cls).of(first)
    assert holder.freeze() == first
    for attribute in attrs.fields(cls):
        setattr(holder, attribute.name, getattr(other, attribute.name))
    assert holder.freeze() == other
    assert holder == mutable(cls).of(other)
    assert repr(holder) == "Mutable" + repr(other) if "." not in cls.__qualname__ else True
    for again in (copy.copy(holder), copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        assert again == holder
        assert type(again) is type(holder)
        assert again is not holder


@pytest.mark.no_cover
@every_message
@given(data=st.data())
def test_an_assignment_is_taken_where_the_constructor_takes_it(name: str, data: st.DataObject) -> None:
    cls = CATALOG.messages[name]
    before = data.draw(messages(cls))
    attribute = data.draw(st.sampled_from(attrs.fields(cls)))
    value = data.draw(st.sampled_from(ODD))
    holder = mutable(cls).of(before)
    changed = outcome(lambda: evolve(before, **{attribute.alias: value}))
    assigned = outcome(lambda: setattr(holder, attribute.name, value))
    assert changed[1:] == assigned[1:]
    assert holder.freeze() == (before if changed[0] is None else changed[0])


def outcome(act: Callable[[], Any]) -> tuple[Any, ...]:
    """What is made, and what is said of it and to whom."""
    try:
        made = act()
    except ValidationError as error:
        return None, str(error), error.fault
    return made, "", ""


ODD = (None, True, -1, 0, 1, 2**70, 0.5, -2.5, "", "x", [], {}, ["x"], [1], {"a": 1}, float("nan"))


def test_values_are_held_as_messages_hold_them() -> None:
    pool = mutable(Pool)(name="a", part=1)
    pool.tags = ["x"]
    pool.notes = {"k": [1]}
    pool.inner = {"x": 3}
    assert (pool.tags, pool.notes, pool.inner, pool.share) == (("x",), {"k": (1,)}, Inner(x=3), 1.0)
    with pytest.raises(TypeError, match="build a new one"):
        pool.notes["l"] = 1
    pool.notes = {**pool.notes, "l": 1}
    assert pool.freeze().notes["l"] == 1
    pool.used += 5
    assert pool.used == 5


def test_what_is_wrong_is_told_and_the_old_value_stays() -> None:
    pool = mutable(Pool)(name="a", used=3)
    with pytest.raises(ValidationError, match="used: must be >= 0, got -1") as raised:
        pool.used -= 4
    assert raised.value.violations[0].path == "used"
    assert pool.used == 3
    with pytest.raises(ValidationError, match="tags\\[0\\]: must be str"):
        pool.tags = [1]
    with pytest.raises(ValidationError, match="key: must be str, got <hidden>"):
        pool.key = 5
    with pytest.raises(DecodeError, match="past 64 bits") as deep:
        pool.inner = {"x": 2**70}
    assert deep.value.fault == "local"
    with pytest.raises(AttributeError, match=r"no field usd \(did you mean used\?\); a subclass"):
        pool.usd = 1
    with pytest.raises(AttributeError, match=r"no attribute 'usd' \(did you mean used\?\)"):
        _ = pool.usd
    with pytest.raises(AttributeError, match="no attribute '_x'"):
        pool._x = 1
    with pytest.raises(AttributeError, match="used is a field, and cannot be deleted"):
        del pool.used
    with pytest.raises(AttributeError):
        del pool.LIMIT
    with pytest.raises(AttributeError, match=r"write freeze\(\)\.model_dump"):
        pool.model_dump()
    with pytest.raises(ValidationError, match="usd: must be a known field"):
        mutable(Pool)(name="a", usd=1)


def test_what_the_body_says_is_there_too() -> None:
    pool = mutable(Pool)(name="a", used=4)
    assert (pool.left(), pool.full, pool.doubled, len(pool), pool.unit(), pool.LIMIT) == (6, False, 8, 4, "blocks", 10)
    pool.used = 10
    assert (pool.left(), pool.full, pool.doubled) == (0, True, 20)
    assert type(pool.empty()) is mutable(Pool)
    assert str(mutable(Pool).__doc__).startswith("Blocks of a pool.")
    assert Pool(name="a", used=4).doubled == 8


def test_a_message_below_another() -> None:
    shared = mutable(Shared)(name="a", used=4, users=1)
    assert isinstance(shared, mutable(Pool))
    assert (shared.left(), shared.full) == (5, False)
    shared.users += 1
    shared.name = "b"
    assert shared.freeze() == Shared(name="b", used=4, users=2)
    assert type(shared.empty()) is mutable(Shared)
    assert Shared(name="b", used=4, users=2).left() == 4


def test_validators_are_asked_at_each_assignment() -> None:
    span = mutable(Span)()
    with pytest.raises(ValidationError, match="low is above high"):
        span.low = 11
    with pytest.raises(ValidationError, match="even: must be accepted by InValidator"):
        span.even = 3
    span.even = 4
    span.high = 20
    assert span.width == 10  # it was computed when it was built, as evolve has it
    with pytest.raises(ValidationError):
        span.change(low=30)
    span.change(low=30, high=40, ev=2)
    assert (span.low, span.high, span.even) == (30, 40, 2)
    with pytest.raises(ValidationError, match="highh: must be a known field"):
        span.change(low=0, highh=5)
    assert span.low == 30


def test_evolve_makes_another() -> None:
    counter = Counter(name="a", used=1)
    counter._seen.append(1)
    other = evolve(counter, used=2, part=0.5)
    assert (type(other), other.used, other.share, counter.used, other._seen) == (Counter, 2, 0.5, 1, [1])
    with pytest.raises(ValidationError):
        evolve(counter, used=-1)
    if sys.version_info >= (3, 13):
        assert copy.replace(counter, used=5).used == 5
    with pytest.raises(attrs.exceptions.NotAnAttrsClassError):
        evolve(5)  # type: ignore[type-var]


def test_a_subclass_has_attributes_of_its_own() -> None:
    counter = Counter(name="a")
    counter.take(3)
    counter.retries += 1
    counter.lock = threading.Lock()
    counter.half = 4.0
    assert (counter.used, counter.retries, counter.half) == (8, 1, 4.0)
    with pytest.raises(AttributeError, match="no field retris"):
        counter.retris = 1
    del counter.retries
    assert counter.retries == 0
    counter.lock = None
    counter._seen.append(counter.used)
    deep = copy.deepcopy(counter)
    deep._seen.append(9)
    deep.used = 1
    assert (counter._seen, counter.used) == ([8], 8)
    assert pickle.loads(pickle.dumps(counter)).__dict__ == {"lock": None, "_seen": [8]}
    assert repr(counter).startswith("Counter(name='a', used=8")
    assert counter != mutable(Pool).of(counter.freeze())
    assert Counter.of(Pool(name="z", part=0.5)).share == 0.5


def test_slots_of_subclasses_go_along() -> None:
    both = Both(name="a")
    both.one, both.other, both._more = 1, [2], 3
    again = copy.deepcopy(both)
    assert (again.one, again.other, again._more) == (1, [2], 3)
    assert copy.copy(Slotted(name="a")) == Slotted(name="a")


@pytest.mark.parametrize("name", ["used", "freeze", "left_over"])
def test_a_subclass_hides_no_field(name: str) -> None:
    if name == "left_over":
        type("Fine", (Counter,), {name: 1})
        return
    with pytest.raises(DeclarationError, match=f"{name}: is a field or method of MutablePool"):
        type("Hiding", (mutable(Pool),), {name: 1})


def test_what_cannot_be_mutable() -> None:
    with pytest.raises(DeclarationError, match="a class under @message, not 5"):
        mutable(5)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="a class under @message"):
        mutable(mutable(Pool))

    @message
    class Clash:
        freeze: int = 0

    with pytest.raises(DeclarationError, match=r"Clash.freeze: mutable\(\) has a method of that name"):
        mutable(Clash)
    with pytest.raises(DeclarationError, match=r"write Mutable\[KVHandle\]"):
        Mutable()
    assert inspect.signature(Mutable) is not None
    with pytest.raises(ValidationError, match=r"must be .*Pool, got Inner"):
        mutable(Pool).of(Inner())


def test_one_class_by_either_name() -> None:
    assert Mutable[KVHandle] is mutable(KVHandle) is mutable(KVHandle)
    assert get_origin(Mutable[TypeVar("T")]) is Mutable  # type: ignore[misc]
    assert inspect.signature(mutable(KVHandle)) == inspect.signature(KVHandle)
    assert list(inspect.signature(Counter).parameters) == ["fields"]
    match mutable(CATALOG.messages["heterogeneous_types.KVOffloadSpec"])("h", "a", "b"):
        case object(handle_id="h", src_device="a"):
            pass
        case _:
            pytest.fail("no match")


def test_it_is_made_once_by_several_threads() -> None:
    @message
    class Fresh:
        x: int = 0

    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(mutable(Fresh))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


ENCODERS: dict[str, Callable[[Any], Any]] = {
    **{name: codecs.get(name).encode for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")},
    "a list": lambda holder: codecs.get("json").encode([holder]),
    "to_plain": to_plain,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_nothing_of_ours_encodes_it_by_accident(name: str) -> None:
    with pytest.raises(EncodeError, match=r"freeze\(\) gives the message"):
        ENCODERS[name](mutable(Pool)(name="a"))


FOREIGN: dict[str, Callable[[Any], Any]] = {
    "orjson": orjson.dumps,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "attrs": attrs.asdict,
    "TypeAdapter": lambda holder: pydantic.TypeAdapter(type(holder)),
    "hash": hash,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_nor_does_anybody_else(name: str) -> None:
    with pytest.raises((TypeError, attrs.exceptions.NotAnAttrsClassError), match="MutablePool"):
        FOREIGN[name](mutable(Pool)(name="a"))


def test_a_message_does_not_hold_it() -> None:
    @message
    class Holding:
        inner: Inner

    with pytest.raises(ValidationError, match="got MutableInner"):
        Holding(inner=mutable(Inner)())  # type: ignore[arg-type]
    with pytest.raises(DeclarationError):
        from_plain(mutable(Inner), {})


def test_equality_is_of_its_own_kind_and_by_fields() -> None:
    assert mutable(Pool)(name="a") == mutable(Pool)(name="a") != mutable(Pool)(name="b")
    assert mutable(Pool)(name="a") != Pool(name="a")
    assert mutable(SamplingParams)() == mutable(SamplingParams).of(SamplingParams())
    assert mutable(Request)(request_id="r", trace_id="t", max_tokens=1).freeze().max_tokens == 1
