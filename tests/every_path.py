"""What every path that makes a message says of the same arguments: they must agree."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import msgpack

from sagellm_protocol import ValidationError, codecs
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.spec import spec_of

_DUMPS: dict[str, Callable[[Any], Any]] = {
    "json": lambda payload: json.dumps(payload).encode(),
    "msgpack": msgpack.packb,
    "dict": lambda payload: payload,
    "msgspec-json": lambda payload: json.dumps(payload).encode(),
    "msgspec-msgpack": msgpack.packb,
}


def paths(cls: Any, payload: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each way to a message of a class, by name."""
    arguments = spec_of(cls).arguments
    yield "constructor", lambda: cls(**{arguments.get(name, name): value for name, value in payload.items()})
    yield "from_plain", lambda: from_plain(cls, payload)
    yield "unpickled", lambda: cls.__reduce__.__globals__["_unpickled"](cls, payload)
    for name, dumps in _DUMPS.items():
        codec = codecs.get(name)
        yield name, lambda codec=codec, dumps=dumps: codec.decode(dumps(payload), cls)
        yield f"{name} list", lambda codec=codec, dumps=dumps: codec.decode(dumps([payload]), list[cls])[0]
        yield f"{name} converter", lambda codec=codec: codec.converter.structure(payload, cls)


def told(cls: Any, payload: dict[str, Any]) -> str:
    """The violations that all paths tell, one after the other; empty where all make the same message."""
    answers = {name: _answer(make) for name, make in paths(cls, payload)}
    first = answers["constructor"]
    assert all(answer == first for answer in answers.values()), answers
    return first if isinstance(first, str) else ""


def _answer(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ValidationError as error:
        # A list holds it at [0].
        found = [attrs.evolve(it, path=re.sub(r"^\[0\]\.?", "", it.path)) for it in error.violations]
        return "; ".join(map(str, found))


def built(cls: Any, payload: dict[str, Any]) -> Any:
    """The message that all paths make, which must be one and the same."""
    assert told(cls, payload) == ""
    made = [make() for _, make in paths(cls, payload)]
    assert all(message == made[0] for message in made)
    assert "<locals>" in cls.__qualname__ or pickle.loads(pickle.dumps(made[0])) == made[0]
    return made[0]
