"""Reasons without what is particular to one record, so that they can be counted."""

from __future__ import annotations

import re

_PARTICULAR = (
    (re.compile(r", got .*?(?=; |$)"), ""),
    (re.compile(r"(?<=\[)[0-9]+(?=\])"), ""),
    (re.compile(r" \(at offset [0-9]+\)"), ""),
    (re.compile(r"(?<=\bthe number )[-+.0-9eE]+ "), ""),
)
"""What is taken out of a reason, and what stands there instead."""


def gist(reason: str) -> str:
    """A reason without the values, indices and positions of its record.

    Args:
        reason: in one line, as it stands in ``rejected/``.
    """
    for particular, instead in _PARTICULAR:
        reason = particular.sub(instead, reason)
    return reason
