"""Names of files as JSON carries them, also those that are no UTF-8."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

_BYTES = "bytes:"
"""Begins a name whose bytes are escaped in the manner of URLs; no absolute path begins so."""


def to_text(name: str) -> str:
    """A name or path, or where that is no UTF-8 its bytes, escaped: ``bytes:caf%E9.jsonl``."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return _BYTES + quote_from_bytes(os.fsencode(name))
    return name if not name.startswith(_BYTES) else _BYTES + quote_from_bytes(os.fsencode(name))


def from_text(text: str) -> str:
    """The name that :func:`to_text` gave."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(_BYTES))) if text.startswith(_BYTES) else text
