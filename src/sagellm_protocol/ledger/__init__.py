"""A ledger of KV cache, for an engine's own tests: it is told what happens, and tells what must not have happened."""

from __future__ import annotations

from sagellm_protocol.ledger.figures import Snapshot
from sagellm_protocol.ledger.records import Facts, LedgerViolation, Seen
from sagellm_protocol.ledger.telling import Report
from sagellm_protocol.ledger.watching import KVLedger, LedgerError

__all__ = ["Facts", "KVLedger", "LedgerError", "LedgerViolation", "Report", "Seen", "Snapshot"]
