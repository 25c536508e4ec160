"""Records written anew without a loss: every number as the record wrote it, and no field that stands there twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from sagellm_protocol.codecs.json import dumps, exact
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN
from sagellm_protocol.model.nesting import refuse_too_deep_parsed
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.shortening import short

# An integer past 64 bits has at least 19 digits. Fewer lines than one in a thousand have so many in a row.
has_many_digits = re.compile(rb"[0-9]{19}").search
"""Whether a record may hold an integer past 64 bits."""

_WHITE = b" \t\r\n"
# What a number may hold that is written otherwise than it was read: an exponent, -0, more digits than a float has,
# zeros at its end or many at its start; and escaped quotes, colons and spaces, which would spoil the counting of keys.
_ODD = re.compile(
    rb"[:,\[\s]-?[0-9][0-9.]*[eE]|[:,\[\s]-0[^.]|[0-9.]{16}|\.[0-9]+0(?![0-9])|\.0000|\\u00(?:2[02]|3[aA])"
)


def refuse_big_integers(payload: Any, record: bytes) -> None:
    """Raise for an integer past 64 bits, which the fast parser turns into a float without a word.

    Args:
        payload: as parsed.
        record: as it stands in the file.

    Raises:
        DecodeError: there is one.
    """
    refuse_too_deep_parsed(payload)
    waiting: list[tuple[Path, Any]] = [(ROOT, exact(record))]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend(((path, index), item) for index, item in enumerate(value))
        elif type(value) is int and not INT_MIN <= value <= INT_MAX:
            raise DecodeError(f"{told(path) or 'the payload'} is an integer past 64 bits")


def is_kept(payload: Any, record: bytes) -> bool:
    """Whether writing a payload plainly keeps all that its record says. In doubt, no.

    Args:
        payload: the record as parsed.
        record: as it stands in the file.
    """
    # White space between values does not count, and in texts both have the same.
    plain, given = dumps(payload).translate(None, _WHITE), record.translate(None, _WHITE)
    if plain == given:
        return True
    # Texts may be escaped otherwise. Each key of the record is one of the payload unless it stands there twice.
    return not _ODD.search(record) and plain.count(b'":') == given.count(b'":')


def are_plain(payloads: list[Any], records: Iterable[bytes]) -> bool:
    """Whether the records, which are objects, are what writing their payloads plainly gives, but for white space."""
    plain, given = dumps(payloads)[1:-1].translate(None, _WHITE), b",".join(records).translate(None, _WHITE)
    return plain == given


class Exact:
    """A record whose numbers remember how they are written.

    Args:
        record: JSON that the fast parser takes.

    Raises:
        DecodeError: an object in it names a field twice, so that one of the values would be lost.
    """

    payload: Any
    """As parsed; of each number that is written otherwise the text is known by the object that stands for it."""

    def __init__(self, record: bytes) -> None:
        self._texts: dict[int, tuple[float, str]] = {}
        self.payload = json.loads(record, parse_float=self._float, parse_int=self._integer, object_pairs_hook=each_once)

    @property
    def differs(self) -> bool:
        """Whether any number would be written otherwise."""
        return bool(self._texts)

    def refuse_inexact(self) -> None:
        """Raise where a number is not the float that it is read as: MessagePack has no room for its digits.

        Raises:
            DecodeError: there is one.
        """
        for value, text in self._texts.values():
            # The shortest text of a float is what all formats take it for: 1.10 is 1.1, and 0.1 is 0.1.
            if not _same_number(text, value):
                raise DecodeError(f"the number {short(text)} has more digits than a float can hold")

    def write(self, payload: Any) -> bytes:
        """Write a payload that holds values of this one."""
        return dumps(self._told(payload))

    def _float(self, text: str) -> float:
        value = float(text)
        return value if dumps(value) == text.encode() else self._remember(value, text)

    def _integer(self, text: str) -> float:
        # No other integer within 64 bits can be written in two ways. Python has one object for all zeros but floats.
        return int(text) if text != "-0" else self._remember(float(text), text)

    def _remember(self, value: float, text: str) -> float:
        # Held, so that no other object gets its place in memory.
        self._texts[id(value)] = value, text
        return value

    def _told(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._told(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._told(item) for item in value]
        known = self._texts.get(id(value))
        return value if known is None else orjson.Fragment(known[1])


def _same_number(text: str, value: float) -> bool:
    try:
        return Decimal(text) == Decimal(repr(value))
    except InvalidOperation:  # an exponent past what even decimals have
        return False


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs.

    Raises:
        DecodeError: it names a field twice.
    """
    payload = dict(pairs)
    if len(payload) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise DecodeError(f"the field {short(name)} stands there twice, and one of its values would be lost")
    return payload
