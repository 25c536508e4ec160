"""Names in annotations that are written as text, wherever they stand in them: what they name may come later."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol import codecs
from sagellm_protocol.model.spec import spec_of
from toys import Declare, declare  # noqa: F401 - the fixture

TREE = """
import typing

@message
class Tree:
    below: {annotation} = None


@message
class Leaf:
    word: str = ""
"""


@pytest.mark.parametrize(
    ("annotation", "below"),
    [
        ('"Leaf | None"', {"word": "a"}),
        ('typing.Optional["Leaf"]', {"word": "a"}),
        ('Sequence["Leaf"] | None', [{"word": "a"}]),
        ('typing.Sequence["Leaf"] | None', [{"word": "a"}]),
        ('typing.Optional[Sequence["Leaf"]]', [{"word": "a"}]),
        ('Sequence["Tree"] | None', [{"below": None}, {"below": [{"below": []}]}]),
        ('Mapping[str, Sequence["Leaf"]] | None', {"k": [{"word": "a"}]}),
        ('Annotated[Sequence["Leaf"] | None, "said of it"]', [{"word": "a"}]),
        ('Annotated[Sequence[typing.Union["Leaf", "Tree"]], 1] | None', [{"word": "a"}, {"below": None}]),
        ('Mapping[str, Sequence["Leaf"]] | Literal["Leaf"] | None', "Leaf"),
    ],
)
def test_they_are_looked_up(declare: Declare, annotation: str, below: Any) -> None:  # noqa: F811
    catalog = declare(TREE.replace("{annotation}", annotation))
    payload = {"below": below}
    tree = catalog.get("Tree")
    assert codecs.get("dict").encode(codecs.get("dict").decode(payload, tree)) == payload
    assert spec_of(tree).names == {"below"}
