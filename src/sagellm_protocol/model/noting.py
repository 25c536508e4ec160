"""What a check has found so far: the first hundred violations, and how many there are besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import MOST_TOLD, DecodeError, ValidationError, Violation
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN
from sagellm_protocol.model.numbers import Source
from sagellm_protocol.model.paths import ROOT, Path, below, is_hidden, told
from sagellm_protocol.model.shortening import HIDDEN
from sagellm_protocol.model.wording import meant

BROKEN = object()
"""Stands for a value that is wrong."""

UNKNOWN_FIELD = "a known field"
"""The rule that a field breaks which its message does not have."""


@attrs.define
class Notes:
    """The violations of one value, and where the value comes from."""

    source: Source
    violations: list[Violation] = attrs.field(factory=list, kw_only=True)
    """The first hundred."""
    more: int = attrs.field(default=0, kw_only=True)
    """How many there are besides."""

    @property
    def found(self) -> int:
        """How many violations there are in all."""
        return len(self.violations) + self.more

    def broken(
        self, path: Path, rule: str | Callable[[], str], value: object, hint: Callable[[], str] | None = None
    ) -> Any:
        """Note a violation; gives the mark that stands for the broken value."""
        if len(self.violations) < MOST_TOLD:
            shown = HIDDEN if is_hidden(path) else value
            rule, hinted = rule if isinstance(rule, str) else rule(), "" if hint is None else hint()
            self.violations.append(Violation(told(path), rule, shown, hinted))
        else:
            self.more += 1
        return BROKEN

    def stray(self, path: Path, name: str, known: Iterable[str], value: object) -> Any:
        """Note a value under a name that is none of those known; a misspelt one is told what it may be meant for."""
        return self.broken(path, UNKNOWN_FIELD, value, lambda: meant(name, known))

    def also(self, violations: Sequence[Violation], more: int, path: Path = ROOT) -> Any:
        """Note what another check found in the value at a path."""
        room = MOST_TOLD - len(self.violations)
        above = told(path)
        self.violations += (attrs.evolve(found, path=below(above, found.path)) for found in violations[:room])
        self.more += more + len(violations[room:])
        return BROKEN

    def raise_for(self, message_name: str) -> None:
        """Raise all that was found, if anything was."""
        if self.violations:
            raise ValidationError(message_name, self.violations, self.more) from None

    def integer(self, value: int, path: Path) -> Any:
        """An integer itself; it must fit 64 bits, as no format carries others."""
        number = int.__int__(value)
        if INT_MIN <= number <= INT_MAX:
            return number
        if self.source == "wire":
            raise DecodeError(f"{told(path) or 'the payload'} is an integer past 64 bits") from None
        return self.broken(path, "an integer within 64 bits", value)
