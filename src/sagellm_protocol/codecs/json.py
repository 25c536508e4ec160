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
    """Parse JSON that :func:`loads` accepts, with integers past 64 bits as integers: of 309 digits at the most."""
    return json.loads(data)


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
