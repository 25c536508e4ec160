"""Objects of other libraries' that one format or another writes by itself: every codec says the same of them."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import re
import uuid
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs
import msgpack
import msgspec
import numpy as np
import orjson
import pytest

from sagellm_protocol import EncodeError, ProtocolError, Request, codecs

CODECS = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
READ = {"json": orjson.loads, "msgpack": msgpack.unpackb, "dict": lambda wire: wire}


@dataclasses.dataclass
class Data:
    x: int = 1


@attrs.define
class Attrs:
    x: int = 1


class Struct(msgspec.Struct):
    x: int = 1


class Color(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    S = 1


class Day(enum.Enum):
    FIRST = datetime.date(2020, 1, 1)


class Text(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")

NATIVES: dict[str, Any] = {
    "date": datetime.date(2020, 1, 2),
    "datetime": datetime.datetime(2020, 1, 2, 3, 4, 5),
    "aware datetime": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
    "time": datetime.time(1, 2),
    "timedelta": datetime.timedelta(1),
    "dataclass": Data(),
    "attrs": Attrs(),
    "struct": Struct(),
    "numpy float": np.float64(1.5),
    "numpy float32": np.float32(1.5),
    "numpy int": np.int64(1),
    "numpy bool": np.bool_(True),
    "numpy array": np.zeros(2),
    "numpy date": np.datetime64("2020-01-01"),
    "UUID": uuid.UUID(int=7),
    "enum": Color.RED,
    "int enum": Size.S,
    "enum of a date": Day.FIRST,
    "Decimal": decimal.Decimal("1.5"),
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "set": {1},
    "text of a class": Text("x"),
    "named tuple": Pair(1, 2),
    "ordered dict": OrderedDict(a=1),
    "mapping": MappingProxyType({"a": 1}),
    "keys that are dates": {datetime.date(2020, 1, 2): 1},
    "keys that are integers": {1: 1},
    "keys of a class": {Text("x"): 1},
    "fragment": orjson.Fragment(b"1"),
    "raw": msgspec.Raw(b"1"),
    "extension type": msgpack.ExtType(1, b"x"),
    "timestamp": msgpack.Timestamp(1),
    "complex": 1j,
}
natives = pytest.mark.parametrize("value", NATIVES.values(), ids=NATIVES)


def written(name: str, value: Any) -> Any:
    """What stands on the wire; the class of the error, where it is refused."""
    wire, refusal = tried(lambda: codecs.get(name).encode(value))
    return refusal or READ[name.removeprefix("msgspec-")](wire)


@natives
@pytest.mark.parametrize("within", [lambda value: value, lambda value: [value], lambda value: {"k": [value]}])
def test_bare_values(value: Any, within: Any) -> None:
    found = [in_text(written(name, within(value))) for name in CODECS]
    assert all(one == found[0] for one in found), dict(zip(CODECS, found, strict=True))
    if not isinstance(found[0], tuple):
        assert orjson.loads(orjson.dumps(found[0])) == found[2]


def in_text(value: Any) -> Any:
    """What stands on the wire, with bytes as JSON has them: MessagePack has a form of its own for them."""
    if isinstance(value, list):
        return [in_text(item) for item in value]
    if isinstance(value, dict):
        return {key: in_text(item) for key, item in value.items()}
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def tried(act: Callable[[], Any]) -> tuple[Any, Any]:
    """What it gives, and why it does not."""
    try:
        return act(), None
    except ProtocolError as error:
        return None, (type(error), str(error))


@natives
def test_free_json(value: Any) -> None:
    """What a message takes is JSON from then on, whoever writes it."""
    fields: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "metadata": {"k": value}}
    request, refusal = tried(lambda: Request(**fields))
    again, refusal_again = tried(lambda: codecs.get("dict").decode(fields, Request))
    assert (request, refusal) == (again, refusal_again)
    if request is None:
        return
    found = [written(name, request)["metadata"] for name in CODECS]
    assert all(one == found[0] and repr(one) == repr(found[0]) for one in found)


FOREIGN = re.compile("is no message, nor anything that one holds|is no datetime with a UTC offset")


@pytest.mark.parametrize("what", ["date", "datetime", "aware datetime", "time", "dataclass"])
def test_a_dict_holds_what_json_holds(what: str) -> None:
    """Not even where a hook puts in what orjson would make a text of."""
    for value in (NATIVES[what], [NATIVES[what]], {"k": {"k": NATIVES[what]}}):
        with pytest.raises(EncodeError, match=FOREIGN):
            codecs.get("dict").format.dumps(value)
