"""Messages that hold themselves, deeper than anything can follow: an answer or an error, never the end of Python."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pprint import pformat
from typing import Any

import msgpack
import pytest

from declared import Tree
from sagellm_protocol import DecodeError, EncodeError, ValidationError, codecs, evolve
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Revision
from sagellm_protocol.history.timeline import History
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.naming import full_name

LEVELS = 10_000
CODECS = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
HISTORY = History([Revision("1", (), ("1",))], Catalog(["declared"]))
WAYS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "only": lambda below: {"only": below},
    "children": lambda below: {"children": [below]},
    "named": lambda below: {"named": {"k": below}},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
WRITE: dict[str, Callable[[Any], Any]] = {
    "json": lambda value: json.dumps(value).encode(),
    "msgpack": msgpack.packb,
    "dict": lambda value: value,
}
every_codec = pytest.mark.parametrize("name", CODECS)


def tree(way: Callable[[Any], dict[str, Any]], levels: int) -> Tree:
    found = Tree(name="x")
    for _ in range(levels):
        found = Tree(name="x", **way(found))
    return found


def payload(way: Callable[[Any], dict[str, Any]], levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"name": "x"}
    for _ in range(levels):
        found = {"name": "x", **way(found)}
    return found


@ways
def test_what_needs_not_go_down(way: Callable[[Any], dict[str, Any]]) -> None:
    deep = tree(way, LEVELS)
    for shown in (repr(deep), str(deep), pformat(deep)):
        assert shown.startswith("Tree(name='x'")
        assert len(shown) < 10_000
    assert copy.copy(deep) is copy.deepcopy(deep) is deep
    assert evolve(deep, name="y").name == "y"
    with pytest.raises(ValidationError, match="must be a known field") as raised:
        Tree(name="x", nope=deep)  # type: ignore[call-arg]
    assert len(str(raised.value)) < 10_000


@ways
def test_what_goes_down_ends_in_an_error_of_python(way: Callable[[Any], dict[str, Any]]) -> None:
    deep, other = tree(way, LEVELS), tree(way, LEVELS)
    for act in (lambda: hash(deep), lambda: deep == other, lambda: pickle.dumps(deep)):
        with pytest.raises(RecursionError):
            act()


@ways
def test_what_a_payload_may_hold_goes_all_ways(way: Callable[[Any], dict[str, Any]]) -> None:
    deep, other = tree(way, 60), tree(way, 60)
    assert deep == other
    assert hash(deep) == hash(other)
    assert pickle.loads(pickle.dumps(deep)) == deep
    assert from_plain(Tree, to_plain(deep)) == deep
    for name in CODECS:
        codec = codecs.get(name, history=HISTORY)
        assert codec.decode(codec.encode(deep), Tree) == deep
        assert codec.decode_envelope(codec.encode_envelope(deep)) == deep


@ways
@every_codec
def test_nothing_is_written_that_nobody_could_read(name: str, way: Callable[[Any], dict[str, Any]]) -> None:
    codec, deep = codecs.get(name, history=HISTORY), tree(way, LEVELS)
    for act in (
        lambda: codec.encode(deep),
        lambda: codec.encode([deep]),
        lambda: codec.encode_envelope(deep),
        lambda: codec.converter.unstructure(deep),
        lambda: to_plain(deep),
    ):
        with pytest.raises(EncodeError, match="deeper than 128 levels"):
            act()


@ways
@every_codec
def test_nothing_is_read_that_nobody_should_have_written(name: str, way: Callable[[Any], dict[str, Any]]) -> None:
    codec = codecs.get(name, history=HISTORY)
    write, deep = WRITE[name.removeprefix("msgspec-")], payload(way, LEVELS if name == "dict" else 130)
    for act in (
        lambda: codec.decode(write(deep), Tree),
        lambda: codec.decode(write([deep]), list[Tree]),
        lambda: codec.decode_envelope(write({"protocol": "1", "message": full_name(Tree), "payload": deep})),
        lambda: from_plain(Tree, deep),
    ):
        with pytest.raises(DecodeError, match="deeper than 128 levels"):
            act()
    with pytest.raises(ValidationError, match="at most 128 levels deep"):
        Tree(name="x", only=payload(way, LEVELS))  # type: ignore[arg-type]
