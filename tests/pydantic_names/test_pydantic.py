"""The old names answer as pydantic does for a model of the same fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from uuid import UUID

import pydantic
import pytest
from hypothesis import given, settings, strategies as st

from published_server import spelled
from pydantic_names.asking import answer, calls
from sagellm_protocol.model import field, message, to_plain
from sagellm_protocol.testing import messages


class Kind(str, Enum):
    A = "a"
    B = "b"


class LeafModel(pydantic.BaseModel):
    n: int = 0
    kind: Kind | None = None


class TreeModel(pydantic.BaseModel):
    id: UUID
    leaf: LeafModel = LeafModel()
    leaves: list[LeafModel] = pydantic.Field(default_factory=list)
    pairs: list[tuple[int, ...]] = []
    by_name: dict[str, LeafModel] = {}
    free: Any = None
    either: str | list[LeafModel] = ""
    given: float = pydantic.Field(default=0.5, alias="given_as")


@message
class Leaf:
    n: int = 0
    kind: Kind | None = None


@message
class Tree:
    id: UUID
    leaf: Leaf = Leaf()
    leaves: Sequence[Leaf] = field(factory=list)
    pairs: Sequence[tuple[int, ...]] = ()
    by_name: Mapping[str, Leaf] = {}
    free: Any = None
    either: str | list[Leaf] = ""
    given: float = field(default=0.5, alias="given_as")


FREE = {"a": {"b": {"c": 1, "d": 2, "e": 3}}}


def plus_less(text: str) -> str:
    """With exponents as older writers of JSON have them: ``1e16`` for ``1e+16``."""
    return re.sub(r"(?<=\de)\+(?=\d)", "", text)


@settings(max_examples=300)
@given(tree=messages(Tree), data=st.data())
def test_dumps(tree: Tree, data: st.DataObject) -> None:
    payload = to_plain(tree)
    method, asked = data.draw(calls(payload))
    model = TreeModel.model_validate({**payload, "given_as": payload["given"]})
    try:
        expected = "ok", spelled(getattr(model, method)(**asked))
    except (TypeError, ValueError):
        expected = "error", ""
    ours = answer(tree, method, asked)
    assert ours[0] == expected[0]
    if expected[0] == "ok":
        assert plus_less(ours[1]) == plus_less(expected[1])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"include": {"leaves": {-1: {"n"}}}}, {"leaves": [{"n": 2}]}),
        ({"include": {"leaves": {"__all__": {"n"}, 0: ...}}}, {"leaves": [{"n": 1, "kind": None}, {"n": 2}]}),
        ({"include": {"leaves"}, "exclude": {"leaves": {5: True}}}, {"leaves": [{"n": 1, "kind": None}]}),
        ({"include": {"leaves": {0: {"n": ..., "kind": ...}, "__all__": {"n": None}}}}, {}),
        ({"include": {"by_name": {"x": {"kind"}}}}, {"by_name": {"x": {"kind": Kind.A}}}),
        ({"include": {"leaves": {0: {"n"}, "__all__": {"kind"}}}}, {}),
        ({"include": {"free": {"a": {"b": {"c"}}, "__all__": {"b": {"d"}}}}}, {"free": {"a": {"b": {"c": 1, "d": 2}}}}),
        ({"include": set()}, {}),
    ],
    ids=str,
)
def test_what_is_asked_for(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    tree = Tree(id=UUID(int=1), leaves=[Leaf(n=1), Leaf(n=2)], by_name={"x": Leaf(kind="a")}, free=FREE)
    model = TreeModel.model_validate(to_plain(tree))
    said = spelled(model.model_dump(**asked))
    assert answer(tree, "model_dump", asked) == ("ok", said)
    assert expected == {} or said == spelled(expected)
