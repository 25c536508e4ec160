"""What a gateway and an engine say to each other: frames over ZeroMQ, and how they agree on a revision when they meet.

Each says ``[kind, request id, body]``. Bodies are the protocol's messages, in the codec that was agreed on; those of
HELLO and WELCOME, which come before that, are JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from sagellm_protocol import codecs

HELLO, WELCOME = b"hello", b"welcome"
REQUEST, EVENT, RESPONSE = b"request", b"event", b"response"
EMBED, VECTORS = b"embed", b"vectors"
CANCEL, FAILED, STATE = b"cancel", b"failed", b"state"

PLAIN = codecs.get("json")
"""What is spoken before anything is agreed on."""


@attrs.frozen
class Hello:
    """The gateway's first words."""

    accept: str
    """What it reads, as the ``Accept`` header of HTTP has it."""


@attrs.frozen
class Welcome:
    """The engine's answer."""

    engine_id: str
    content_type: str
    """What both speak from now on: a format and a revision."""
    models: Sequence[str]


@attrs.frozen
class State:
    """What an engine tells of itself, unasked."""

    uptime_s: float
    """Seconds since its pool was made: the later of two states has the larger."""
    running: int
    """Requests that it serves."""
    blocks: Mapping[str, int]
    """Blocks of its KV pool by state."""
    events: int
    """So many its ledger was told of."""
    broken: Mapping[str, int]
    """Rules that were broken, as its ledger says: none."""
