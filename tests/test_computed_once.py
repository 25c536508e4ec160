"""Properties that are computed on first use: since Python 3.12 several threads may compute one at the same time."""

from __future__ import annotations

import ast
import json
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import attrs
import pytest

import sagellm_protocol
from sagellm_protocol import Metrics, Request, StreamEventDelta, codecs
from sagellm_protocol.archive.explaining import Nearness
from sagellm_protocol.bridges import BRIDGES
from sagellm_protocol.bridges.carrying import Bridge
from sagellm_protocol.catalog import CATALOG, Catalog
from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.changes import rescaled, revision
from sagellm_protocol.history.chronicle import Chronicle
from sagellm_protocol.history.comparing import Comparison
from sagellm_protocol.history.conversions.passing import Passing
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.eras import Crossing, Eras
from sagellm_protocol.history.forwards import Forwards, Legs
from sagellm_protocol.history.hooks import Repair
from sagellm_protocol.history.identifying import Past
from sagellm_protocol.history.published import REVISIONS
from sagellm_protocol.history.stops import Halt, stops
from sagellm_protocol.history.timeline import History
from sagellm_protocol.history.walking import Walk
from sagellm_protocol.lifecycle import BLOCK, Lifecycle
from sagellm_protocol.lint.files import Source
from sagellm_protocol.lint.following.types import Function
from sagellm_protocol.model.kinds import Member
from sagellm_protocol.model.spec import Spec, spec_of
from sagellm_protocol.streams.assembling.rules import EVENTS
from sagellm_protocol.streams.assembling.table import StreamTable
from sagellm_protocol.testing.laws import Trial

THREADS = 8


def converted_history() -> History:
    """Two revisions, of which the older one had one value in another unit."""
    changes = rescaled("types.Metrics", decode_ms="decode_us", by=1000)
    return History((revision("2", changes), revision("1")), CATALOG)


def repaired(payload: dict[str, Any]) -> dict[str, Any]:
    """A site's hook, there and back."""
    return payload


def crossing() -> Crossing:
    return converted_history().eras.crossings[0]


def halt() -> Halt:
    hooks = {"1": {"types.Metrics": [Repair(repaired, repaired)]}}
    return next(stop for stop in stops(converted_history().eras, hooks, "1") if isinstance(stop, Halt))


def passing() -> Passing:
    stop = crossing()
    sides = (
        Side.of("types.Metrics", ("decode_us",), stop.before),
        Side.of("types.Metrics", ("decode_ms",), stop.after),
    )
    return Passing("types.Metrics", *sides, None, None, "lost")


NEW: dict[type, Callable[[], Any]] = {
    Spec: lambda: Spec(*(getattr(spec_of(Request), name) for name in ("name", "fields", "cls"))),
    Member: lambda: Member("E", {"A": 1, "B": 2, "C": 1}),
    Catalog: lambda: Catalog(CATALOG.modules, preferred=CATALOG.preferred),
    Chronicle: lambda: Chronicle(REVISIONS, CATALOG),
    History: lambda: History(REVISIONS, CATALOG),
    Crossing: crossing,
    Halt: halt,
    Passing: passing,
    Trial: lambda: Trial(crossing(), Metrics),
    Comparison: lambda: Comparison(converted_history(), "1", "2", None),
    Function: lambda: Function(
        "a", cast("ast.FunctionDef", ast.parse("@property\ndef f(self): ...").body[0]), None, None
    ),
    Source: lambda: Source(Path("a.py"), "a.py", "x = 1\ny = 2\n", "utf-8", ast.parse("x = 1\ny = 2\n")),
    Nearness: lambda: Nearness(HISTORY, None, HISTORY.revisions),
    StreamTable: lambda: attrs.evolve(EVENTS),
    Bridge: lambda: attrs.evolve(next(iter(BRIDGES.values()))),
    Lifecycle: lambda: Lifecycle(BLOCK.states, BLOCK.initial, BLOCK.transitions),
}
"""A new object of each class that has such properties."""


def properties() -> dict[type, list[str]]:
    """The classes in the source that have such properties, and their names."""
    root, found = Path(sagellm_protocol.__file__).parent, {}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            names = [
                method.name
                for method in node.body
                if isinstance(method, ast.FunctionDef) and "cached_property" in map(ast.unparse, method.decorator_list)
            ]
            if names:
                module = import_module(".".join((root.name, *path.relative_to(root).with_suffix("").parts)))
                found[getattr(module, node.name)] = names
    return found


PROPERTIES = properties()
CASES = [(cls, name) for cls in NEW for name in PROPERTIES.get(cls, ())]


SAYS: dict[type, Callable[[Any], Any]] = {
    Past: lambda it: attrs.asdict(it, recurse=False),
    Walk: lambda it: (it.specs, it.told_apart, list(it.visits)),
    FunctionType: lambda it: it.__qualname__,
    partial: lambda it: (it.func, it.args),
    Eras: lambda it: (it.places, it.tables),
    Legs: lambda it: (it.eras, it.repairs),
    Forwards: lambda it: (it.legs, it.revision, it.specs),
    Lifecycle: lambda it: (it.states, it.initial, it.transitions),
}
"""What those say that are equal to none but themselves."""


def alike(one: Any, other: Any) -> bool:
    """Equal, in the same order, but for whose method a method is."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if type(one) in SAYS:
        return alike(SAYS[type(one)](one), SAYS[type(one)](other))
    return bool(getattr(one, "__func__", one) == getattr(other, "__func__", other))


def test_all_of_them_are_known() -> None:
    assert PROPERTIES.keys() == NEW.keys()


@pytest.mark.parametrize(("cls", "name"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_computing_twice_does_no_harm(cls: type, name: str) -> None:
    """Whichever of two is kept, it says the same."""
    assert alike(getattr(NEW[cls](), name), getattr(NEW[cls](), name))


@pytest.mark.parametrize(("cls", "name"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_threads_at_once(cls: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(vars(cls)[name], cached_property):
        # Before 3.12 there was a lock.
        monkeypatch.setattr(vars(cls)[name], "lock", nullcontext(), raising=False)
    expected, new = getattr(NEW[cls](), name), NEW[cls]()
    barrier, found = threading.Barrier(THREADS), []

    def read() -> None:
        barrier.wait()
        found.append(getattr(new, name))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == THREADS
    assert all(alike(value, expected) for value in found)


def test_threads_that_are_the_first_to_upgrade_and_take_back() -> None:
    """All that a history derives, by way of what it is for."""
    history, barrier, found = History(REVISIONS, CATALOG), threading.Barrier(THREADS), []
    old = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]}

    def use() -> None:
        barrier.wait()
        new = history.upgrade(old, "StreamEventDelta", since="0.1.0", fill={"engine_id": "e"})
        back = history.downgrade(new, "StreamEventDelta", to="0.1.0", lossy=True)
        codec = codecs.get("json", revision="0.1.0", history=history, fill={"engine_id": "e"})
        found.append((new, back, history.detect(old), codec.decode(json.dumps(old).encode(), StreamEventDelta)))

    threads = [threading.Thread(target=use) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == THREADS
    assert all(one == found[0] for one in found)
    assert found[0][1] == old
