"""FrozenDict: a dict in all but change."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from sagellm_protocol.model import EMPTY, FrozenDict
from sagellm_protocol.model.frozen import thaw


def ior(it: Any) -> None:
    it |= {"c": 3}


MUTATORS: dict[str, Callable[[Any], Any]] = {
    "[]=": lambda it: it.__setitem__("a", 2),
    "del": lambda it: it.__delitem__("a"),
    "|=": ior,
    "clear": lambda it: it.clear(),
    "pop": lambda it: it.pop("a"),
    "pop with default": lambda it: it.pop("c", None),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: it.setdefault("c", 3),
    "setdefault of what is there": lambda it: it.setdefault("a", 3),
    "update": lambda it: it.update({"a": 3}),
    "update by name": lambda it: it.update(a=3),
    "update with nothing": lambda it: it.update(),
}


@pytest.mark.parametrize("mutate", MUTATORS.values(), ids=list(MUTATORS))
def test_every_way_to_change_it_is_refused(mutate: Callable[[Any], Any]) -> None:
    frozen = FrozenDict({"a": 1, "b": (2,)})
    with pytest.raises(TypeError, match="cannot be changed"):
        mutate(frozen)
    assert frozen == {"a": 1, "b": (2,)}


def test_calling_init_again_changes_nothing() -> None:
    frozen = FrozenDict({"a": 1})
    frozen.__init__({"b": 2})  # type: ignore[misc]
    assert frozen == {"a": 1}
    with pytest.raises(TypeError):
        frozen.__init__(b=2)  # type: ignore[misc]
    with pytest.raises(TypeError, match="cannot be changed"):
        frozen.attribute = 1  # type: ignore[attr-defined]


def test_no_method_of_dict_that_changes_it_was_forgotten() -> None:
    reading = {
        *("__class_getitem__", "__contains__", "__eq__", "__ge__", "__getattribute__", "__getitem__", "__gt__"),
        *("__iter__", "__le__", "__len__", "__lt__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__"),
        *("__sizeof__", "copy", "fromkeys", "get", "items", "keys", "values", "__doc__"),
    }
    own = set(vars(FrozenDict))
    assert set(vars(dict)) - reading <= own


def test_it_equals_a_dict_and_hashes() -> None:
    frozen = FrozenDict({"a": 1, "b": FrozenDict()})
    assert frozen == {"b": {}, "a": 1}
    assert hash(frozen) == hash(FrozenDict({"b": FrozenDict(), "a": 1}))
    assert {frozen: 1}[FrozenDict(frozen)] == 1
    assert json.dumps(frozen) == '{"a": 1, "b": {}}'
    assert repr(frozen) == "{'a': 1, 'b': {}}"
    assert FrozenDict([("a", 1)]) == {"a": 1}
    assert EMPTY == {}
    with pytest.raises(TypeError):
        hash(FrozenDict({"a": []}))


def test_merging_gives_something_new() -> None:
    frozen = FrozenDict({"a": 1})
    assert frozen | {"b": 2} == {"a": 1, "b": 2}
    assert {"b": 2} | frozen == {"a": 1, "b": 2}
    mutable = frozen.copy()
    mutable["c"] = 3
    assert dict(frozen) == {"a": 1}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(protocol: int) -> None:
    frozen = FrozenDict({"a": (1, FrozenDict({"b": 2}))})
    again = pickle.loads(pickle.dumps(frozen, protocol))
    assert again == frozen
    assert type(again) is FrozenDict
    assert type(again["a"][1]) is FrozenDict


def test_copying() -> None:
    inner: list[int] = [1]
    frozen = FrozenDict({"a": inner})
    assert copy.copy(frozen) is frozen
    deep = copy.deepcopy(frozen)
    assert type(deep) is FrozenDict
    assert deep == frozen
    assert deep["a"] is not inner


def test_thawing() -> None:
    plain = thaw(FrozenDict({"a": (1, FrozenDict({"b": ()}))}))
    assert plain == {"a": [1, {"b": []}]}
    assert type(plain) is type(plain["a"][1]) is dict
    assert type(plain["a"]) is list
