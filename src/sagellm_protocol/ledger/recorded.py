"""What an engine recorded of its KV cache: one event a line, as JSON.

A line is a ``KVHookPayload``, or a :class:`Told`: what hooks are not told of.
"""

from __future__ import annotations

from typing import Literal

from sagellm_protocol import codecs
from sagellm_protocol.kv_hooks import KVHookPayload
from sagellm_protocol.ledger.watching import KVLedger
from sagellm_protocol.lifecycle.blocks import Event
from sagellm_protocol.model import message
from sagellm_protocol.model.exceptions import ValidationError, Violation, blaming
from sagellm_protocol.model.units import PositiveTokens


@message
class Told:
    """What an engine tells of references, pins and requests: the arguments of ``KVLedger.tell`` and its like."""

    tell: Literal[Event, "begin_request", "end_request"]
    """What happened."""
    handle_id: str | None = None
    """What it happened to; None for requests."""
    request_id: str | None = None
    """The request that began or ended, or whose reference it is; None where that is not known."""
    prefix_hash: str | None = None
    """Hash under which the prefix cache finds the handle from now on."""
    force: bool = False
    """Whether it is freed in spite of pins and references."""
    kv_budget_tokens: PositiveTokens | None = None
    """What a request that begins may hold; None where it has no budget."""


def feed(ledger: KVLedger, line: bytes) -> None:
    """One line of a recording.

    Raises:
        DecodeError: it is no JSON.
        ValidationError: it is no event.
        LedgerError: what it tells must not have happened, and the ledger raises.
    """
    decode = codecs.get("json").decode
    if b'"tell"' not in line:
        ledger(decode(line, KVHookPayload))
        return
    told = decode(line, Told)
    if told.tell == "begin_request":
        ledger.begin_request(_given(told.request_id, "request_id"), told.kv_budget_tokens)
    elif told.tell == "end_request":
        ledger.end_request(_given(told.request_id, "request_id"))
    else:
        handle_id = _given(told.handle_id, "handle_id")
        ledger.tell(told.tell, handle_id, request_id=told.request_id, prefix_hash=told.prefix_hash, force=told.force)


def _given(value: str | None, path: str) -> str:
    if value is None:
        raise blaming("remote", ValidationError("Told", [Violation(path, "required", None)]))
    return value
