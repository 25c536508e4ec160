"""JSON, by orjson."""

from __future__ import annotations

import json
from typing import Any

import orjson

from sagellm_protocol.codecs.formats import Format, refusal
from sagellm_protocol.model.exceptions import DecodeError


def loads(data: bytes) -> Any:
    """Parse one JSON value.

    Raises:
        DecodeError: no JSON, trailing text, invalid UTF-8, ``NaN`` or the like, nested past what the parser takes.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"no JSON: {error.msg}", error.pos) from None


def exact(data: bytes) -> Any:
    """Parse JSON that :func:`loads` accepts, with integers past 64 bits as integers."""
    return json.loads(data, parse_int=_integer)


def _integer(digits: str) -> int | float:
    # Python refuses to convert thousands of digits; as past 64 bits as any, their exact value does not matter.
    return int(digits) if len(digits) < 1000 else (-1 if digits[0] == "-" else 1) * 10**400


def dumps(payload: Any) -> bytes:
    """Write JSON.

    Raises:
        EncodeError: an integer past 64 bits, a lone surrogate.
    """
    try:
        return orjson.dumps(payload)
    except TypeError:
        raise refusal(payload) from None


def make_json() -> Format:
    """The format ``json``."""
    return Format(
        loads,
        dumps,
        form="orjson",
        origin="json",
        parse=orjson.loads,
        pack=orjson.dumps,
        quote=orjson.dumps,
        exact=exact,
        text=True,
        called="JSON",
    )
