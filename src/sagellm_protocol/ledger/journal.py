"""What a ledger was told of last, and what of that must not have happened."""

from __future__ import annotations

from collections import Counter, deque

import attrs

from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.ledger.records import LedgerViolation, Seen
from sagellm_protocol.ledger.rules import Rule

TOLD_IN_FULL = 100
"""So many violations are kept with the events around them; of the others it is counted what they were."""
_BEFORE = 8
"""So many events are shown before a violation."""
_AFTER = 4


class Journal:
    """Events by number, and violations with the events around them. Whoever holds it sees to threads."""

    def __init__(self) -> None:
        self.events = 0
        """Events noted."""
        self.broken: Counter[tuple[str, KVErrorCode]] = Counter()
        """Violations by rule and code."""
        self._recent: deque[tuple[int, str, str | None, str | None]] = deque(maxlen=_BEFORE + 1)
        self._kept: list[tuple[LedgerViolation, list[Seen]]] = []
        self._found: list[LedgerViolation] = []

    def note(self, event: str, handle_id: str | None, request_id: str | None) -> None:
        """An event."""
        self.events += 1
        self._recent.append((self.events, event, handle_id, request_id))
        if self._kept and len(self._kept[-1][1]) < _AFTER:
            for _, after in reversed(self._kept):
                if len(after) == _AFTER:
                    break
                after.append(Seen(self.events, event, handle_id, request_id))

    def break_rule(self, rule: Rule, text: str) -> None:
        """The last event broke a rule of the ledger's own."""
        self.violate(rule.name, rule.code, text)

    def violate(self, rule: str, code: KVErrorCode, text: str) -> None:
        """The last event broke a rule."""
        self.broken[rule, code] += 1
        *before, at = (Seen(*seen) for seen in self._recent)
        violation = LedgerViolation(rule, code, text, at, tuple(before))
        if len(self._kept) < TOLD_IN_FULL:
            self._kept.append((violation, []))
        self._found.append(violation)

    def take(self) -> list[LedgerViolation]:
        """The violations since this was asked last."""
        found = self._found
        if found:
            self._found = []
        return found

    def violations(self) -> tuple[LedgerViolation, ...]:
        """The first :data:`TOLD_IN_FULL`, with what came before and after."""
        return tuple(attrs.evolve(violation, after=tuple(after)) for violation, after in self._kept)
