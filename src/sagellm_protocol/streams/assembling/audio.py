"""Recordings in base64, whose fragments are encoded each by itself."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable


def is_base64(text: str) -> bool:
    """Whether a text is base64."""
    try:
        b64decode(text, validate=True)
    except (Error, ValueError):  # the latter for what is not ASCII
        return False
    return True


def joined(fragments: Iterable[str]) -> str:
    """The recording that is made of the bytes of fragments."""
    return b64encode(b"".join(map(b64decode, fragments))).decode()
