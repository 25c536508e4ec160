"""``@message(kw_only=False)``: arguments by their order, on every path and nowhere else."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest

import sagellm_protocol
from sagellm_protocol import CapabilityDescriptor, DeviceClass, HeteroSchedulingHint, KVOffloadSpec, ValidationError
from sagellm_protocol.model import derived, evolve, field, message

ORDERED = [
    "backend_types.CapabilityDescriptor",
    "heterogeneous_types.HeteroSchedulingHint",
    "heterogeneous_types.KVOffloadSpec",
    "heterogeneous_types.KVOffloadStats",
    "operator_mapping.OperatorRegistryEntry",
    "protocol_version.ProtocolVersion",
]
"""What was a dataclass in 0.5.4.16."""


@pytest.mark.parametrize("name", ORDERED)
def test_the_dataclasses_of_before_take_the_arguments_of_before(published: Any, name: str) -> None:
    ours = inspect.signature(getattr(sagellm_protocol, name.rpartition(".")[2])).parameters.values()
    assert [[argument.name, argument.kind.name] for argument in ours] == published("0.5.4.16").arguments(name)


def test_by_order_and_by_name_are_one() -> None:
    spec = KVOffloadSpec("h", "cuda:0", "cpu", num_tokens=3)
    assert spec == KVOffloadSpec(handle_id="h", src_device="cuda:0", dst_device="cpu", num_tokens=3)
    assert HeteroSchedulingHint("cpu").preferred_device is DeviceClass.CPU
    assert CapabilityDescriptor("A100", "cuda").device_type == "cuda"
    match spec:
        case KVOffloadSpec(handle, source, target):
            assert (handle, source, target) == ("h", "cuda:0", "cpu")
    for again in (copy.copy(spec), pickle.loads(pickle.dumps(spec)), evolve(spec, handle_id="h")):
        assert again == spec


def test_what_is_wrong_with_arguments() -> None:
    with pytest.raises(TypeError, match="takes from 1 to 8 positional arguments but 9 were given"):
        KVOffloadSpec(*"abcdefgh")  # type: ignore[arg-type, call-arg]
    with pytest.raises(TypeError, match="multiple values for argument 'handle_id'"):
        KVOffloadSpec("h", handle_id="h")  # type: ignore[misc, call-arg]
    with pytest.raises(ValidationError, match="3 violations"):
        KVOffloadSpec(1, "cpu", other=2)  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize("first", [True, False])
def test_the_first_message_of_a_class_is_like_any_other(first: bool) -> None:
    @message
    class Named:
        x: int

    @message(kw_only=False)
    class Ordered:
        x: int

    if not first:
        assert Named(x=1).x == Ordered(1).x == 1
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        Named(1)  # type: ignore[misc]


@message(kw_only=False)
class Base:
    a: int
    b: int = field(default=2, alias="bee")
    key: str = field(default="k", kw_only=True)


@message
class Below(Base):
    c: int


@message(kw_only=False)
class Under(Below):
    d: int = 4
    e: int = derived(lambda self: self.d + 1, default=0)


def test_each_class_says_it_of_its_own_fields() -> None:
    assert str(inspect.signature(Base)) == "(a: int, bee: int = 2, *, key: str = 'k')"
    assert Base(1, 3, key="x") == Base(a=1, bee=3, key="x")
    assert Below(1, 3, c=5) == Below(a=1, bee=3, c=5)
    with pytest.raises(TypeError):
        Below(1, 3, 5)  # type: ignore[misc]
    assert attrs.asdict(Under(1, 2, 7, c=5)) == {"a": 1, "b": 2, "key": "k", "c": 5, "d": 7, "e": 8}
    assert Under(1, 2, 7, 9, c=5).e == 9
    assert list(inspect.signature(Under).parameters) == ["a", "bee", "d", "e", "key", "c"]
    assert (Base.__match_args__, Below.__match_args__, Under.__match_args__) == (
        ("a", "b"),
        ("a", "b"),
        ("a", "b", "d", "e"),
    )


def test_a_plain_subclass_takes_them_too() -> None:
    class Plain(Base):
        pass

    assert Plain(1, 3).b == 3
