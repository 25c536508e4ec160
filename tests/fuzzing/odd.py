"""Values that are no JSON, or only nearly: and how inputs that hold them are written down in a case."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID

from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model import from_plain, to_plain


class TameText(str):
    """A text of another class, with nothing changed."""


class TameInteger(int):
    pass


class TameFloat(float):
    pass


class TameDict(dict):  # type: ignore[type-arg]
    pass


class TameList(list):  # type: ignore[type-arg]
    pass


class TameBytes(bytes):
    pass


class Wild:
    """What copies of inputs share: nobody changes it."""

    def __deepcopy__(self, _: object) -> Wild:
        return self


class WildText(Wild, str):
    """A text whose methods lie or raise."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("wild")

    __hash__ = str.__hash__

    def __str__(self) -> str:
        raise RuntimeError("wild")

    def __repr__(self) -> str:
        raise RuntimeError("wild")

    def __len__(self) -> int:
        return 0

    def encode(self, *_: Any) -> bytes:
        raise RuntimeError("wild")


class WildInteger(Wild, int):
    """An integer whose methods lie or raise."""

    def __le__(self, other: object) -> bool:
        raise RuntimeError("wild")

    __ge__ = __lt__ = __gt__ = __le__

    def __int__(self) -> int:
        return 2**70

    def __float__(self) -> float:
        raise RuntimeError("wild")

    def __repr__(self) -> str:
        raise RuntimeError("wild")


class WildFloat(Wild, float):
    """A float whose methods lie or raise."""

    def __float__(self) -> float:
        return math.nan

    def __le__(self, other: object) -> bool:
        return True

    __ge__ = __lt__ = __gt__ = __le__

    def __repr__(self) -> str:
        raise RuntimeError("wild")


class WildDict(Wild, dict):  # type: ignore[type-arg]
    """A dict whose methods raise."""

    def keys(self) -> Any:
        raise RuntimeError("wild")

    def items(self) -> Any:
        raise RuntimeError("wild")

    def get(self, *_: Any) -> Any:
        raise RuntimeError("wild")

    def __iter__(self) -> Any:
        raise RuntimeError("wild")

    def __len__(self) -> int:
        raise RuntimeError("wild")

    def __contains__(self, _: object) -> bool:
        raise RuntimeError("wild")

    def __getitem__(self, _: Any) -> Any:
        raise RuntimeError("wild")


class WildList(Wild, list):  # type: ignore[type-arg]
    """A list whose methods raise."""

    def __iter__(self) -> Any:
        raise RuntimeError("wild")

    def __len__(self) -> int:
        raise RuntimeError("wild")

    def __getitem__(self, _: Any) -> Any:
        raise RuntimeError("wild")


class WildUuid(Wild, UUID):
    """A UUID whose text is none."""

    def __str__(self) -> str:
        return "wild"


class Odd:
    """No value of the protocol."""


class Untellable:
    """A value that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("wild")


class Rank(Enum):
    """An enumeration of the caller's."""

    FIRST = "first"
    SECOND = 2


CLASSES: dict[str, type] = {
    found.__name__: found
    for found in (
        *(TameText, TameInteger, TameFloat, TameDict, TameList, TameBytes),
        *(WildText, WildInteger, WildFloat, WildDict, WildList, WildUuid),
    )
}
_BASES = (str, int, float, dict, list, bytes, UUID)

_A_UUID = "12345678-1234-5678-1234-567812345678"
MESSAGES = {CATALOG.get(name): name for name in CATALOG.messages}
MEMBERS = [member for enum in (*CATALOG.enums.values(), Rank) for member in enum]
UNCARRIED: tuple[Any, ...] = (
    *(b"text", bytearray(b"x"), Decimal("1.5"), Decimal("NaN"), Fraction(1, 3), 1j, {1}, (1, "x"), range(3), ...),
    *(UUID(_A_UUID), Odd(), Untellable(), OrderedDict(k=1), Rank.FIRST, Rank.SECOND, "\ud800", ["\udfff"]),
    *(TameText("x"), TameText(""), TameInteger(1), TameInteger(2**64), TameFloat(0.5), TameFloat("nan")),
    *(TameDict(k=1), TameDict(), TameList([1]), TameList(), TameBytes(b"x")),
    *(WildText("x"), WildText("stop"), WildInteger(1), WildFloat(0.5), WildDict(k=1), WildList([1]), WildUuid(_A_UUID)),
    *({TameText("k"): 1}, {WildText("k"): 1}, {1: 1}, {None: 1}, {b"k": 1}, {(1,): 1}, {1.5: 1}, {True: 1}),
    *(10**400, -(10**400), 10**5000, 2**63, -(2**63) - 1),
)
"""Values that no wire format carries, for what takes Python's values."""


def is_wire(value: Any) -> bool:
    """Whether a value is of the classes that parsers give, to the bottom, and its texts are Unicode."""
    return all(map(_is_wire_leaf, leaves(value)))


def _is_wire_leaf(value: Any) -> bool:
    if type(value) is str:
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or type(value) in (bool, int, float)


def leaves(value: Any) -> Iterator[Any]:
    """What a value holds that holds nothing itself, and what is no text as a key; however deep it is."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            yield from (key if type(key) is str else (key,) for key in value)
            waiting.extend(value.values())
        elif type(value) is list:
            waiting.extend(value)
        else:
            yield value


# Written down


def written(value: Any) -> Any:
    """A value as JSON that says all of it: what JSON cannot say is an object with the key ``$``."""
    name = type(value).__name__
    if isinstance(value, Enum):
        return {"$": "member", "of": name, "name": value.name}
    if name in CLASSES:
        base = next(base for base in _BASES if isinstance(value, base))
        return {"$": name, "value": written(_plain(base, value))}
    match value:
        case float() if not math.isfinite(value):
            return {"$": "float", "text": repr(value)}
        case None | bool() | float() | str():
            return value
        case int():
            return value if abs(value) < 10**1000 else {"$": "hex", "text": hex(value)}
        case list():
            return [written(item) for item in value]
        case tuple():
            return {"$": "tuple", "items": [written(item) for item in value]}
        case OrderedDict():
            return {"$": "OrderedDict", "items": [[written(key), written(item)] for key, item in value.items()]}
        case dict() if all(type(key) is str for key in value) and "$" not in value:
            return {key: written(item) for key, item in value.items()}
        case dict():
            return {"$": "dict", "items": [[written(key), written(item)] for key, item in value.items()]}
        case bytes():
            return {"$": "bytes", "hex": value.hex()}
        case bytearray():
            return {"$": "bytearray", "hex": value.hex()}
        case set():
            return {"$": "set", "items": [written(item) for item in value]}
        case range():
            return {"$": "range", "to": value.stop}
        case _ if value is ...:
            return {"$": "..."}
        case Decimal() | Fraction() | complex() | UUID():
            return {"$": name, "text": str(value)}
        case Odd() | Untellable():
            return {"$": name}
        case _ if type(value) in MESSAGES:
            return {"$": "message", "of": MESSAGES[type(value)], "value": written(to_plain(value))}
    raise TypeError(f"no way to write down a {name}")


def read(value: Any) -> Any:
    """What :func:`written` wrote down."""
    if isinstance(value, list):
        return [read(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind is None:
        return {key: read(item) for key, item in value.items()}
    simple = {"Odd": Odd, "Untellable": Untellable, "...": lambda: ...}
    if kind in simple:
        return simple[kind]()
    if kind in CLASSES:
        return CLASSES[kind](read(value["value"]))
    if kind == "member":
        return next(found for found in MEMBERS if type(found).__name__ == value["of"] and found.name == value["name"])
    if kind == "message":
        return from_plain(CATALOG.get(value["of"]), read(value["value"]))
    if kind == "hex":
        return int(value["text"], 16)
    if "items" in value:
        items = [read(item) for item in value["items"]]
        return {"tuple": tuple, "set": set, "dict": dict, "OrderedDict": OrderedDict}[kind](items)
    if "hex" in value:
        return {"bytes": bytes, "bytearray": bytearray}[kind].fromhex(value["hex"])  # type: ignore[attr-defined]
    texts = {"float": float, "Decimal": Decimal, "Fraction": Fraction, "complex": complex, "UUID": UUID}
    return range(value["to"]) if kind == "range" else texts[kind](value["text"])


def _plain(base: type, value: Any) -> Any:
    """The value that a class of ours wraps, past its own methods."""
    if base is dict:
        return dict(zip(dict.keys(value), dict.values(value), strict=True))
    if base is list:
        return [list.__getitem__(value, index) for index in range(list.__len__(value))]
    if base is str:
        return str.__str__(value)
    if base is UUID:
        return UUID.hex.fget(value)  # type: ignore[attr-defined]
    return {int: int.__add__, float: float.__add__, bytes: bytes.__add__}[base](
        value, {int: 0, float: 0.0, bytes: b""}[base]
    )


def as_text(value: Any) -> str:
    """An input written down, a line for each part of it."""
    return json.dumps(written(value), indent=1, ensure_ascii=True) + "\n"
