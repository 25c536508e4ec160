"""Plain dicts, inside one process: what JSON would hold, without the text."""

from __future__ import annotations

from typing import Any

import orjson

from sagellm_protocol.codecs.formats import Format, refusal

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""What orjson would write as text or object stays what it is in a dict, and is no JSON there."""


def loads(data: Any) -> Any:
    """The payload itself."""
    return data


def dumps(payload: Any) -> Any:
    """The payload itself, where any format could carry it.

    Raises:
        EncodeError: an integer past 64 bits, a lone surrogate, a date.
    """
    try:
        orjson.dumps(payload, option=_OPTIONS)
    except TypeError:
        raise refusal(payload) from None
    return payload


def make_dict() -> Format:
    """The format ``dict``."""
    return Format(loads, dumps, parse=loads, quote=orjson.dumps, sized=False)
