"""What an older revision cannot say, as it is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import Loss
from sagellm_protocol.model.paths import Path, is_hidden, told
from sagellm_protocol.model.shortening import HIDDEN

Taking: TypeAlias = "bool | Callable[[Path, Loss], bool]"
"""Whether losses are taken: all, or none, or who says so of each, given where it is and what is told of it."""

UNSAYABLE: Any = object()
"""Stands for a value of which nothing is left that the older revision can say."""


@attrs.define
class Losses:
    """What an older revision cannot say, as it is found."""

    most: int | None = None
    """How many are held; all, where it is None."""
    taking: Taking = False
    """Which are taken. Where that is asked of each, what is found are those that are not; else all are."""
    found: list[Loss] = attrs.field(factory=list, init=False)
    more: int = attrs.field(default=0, init=False)
    """How many there are besides."""
    every: bool = attrs.field(default=False, kw_only=True)
    """Whether droppable values are told as well."""
    left_out: int = attrs.field(default=0, init=False)
    """How many values were left out that are not held against the payload: droppable, or taken."""

    def add(self, path: Path, value: object, reason: str) -> None:
        """Note one."""
        if isinstance(self.taking, bool):
            if self._has_room():
                self.found.append(_loss(path, value, reason))
            return
        loss = _loss(path, value, reason)
        if self.taking(path, loss):
            self.left_out += 1
        elif self._has_room():
            self.found.append(loss)

    def drop(self, path: Path, value: object, reason: Callable[[], str]) -> None:
        """Note a droppable value."""
        self.left_out += 1
        if self.every and self._has_room():
            self.found.append(attrs.evolve(_loss(path, value, reason()), droppable=True))

    def refused(self, checker: Checker, revision: str, path: Path, value: object) -> None:
        """Note what a check found in a value, which is left out whole."""
        if not isinstance(self.taking, bool):
            # To be asked about is what goes, and not each of the many reasons.
            first = checker.violations[0]
            where = "" if first.path == told(path) else f"{first.path} "
            self.add(path, value, f"{where}must be {first.rule} in {revision}")
            return
        for wrong in checker.violations:
            if self._has_room():
                self.found.append(Loss(wrong.path, wrong.value, f"must be {wrong.rule} in {revision}"))
        self.more += checker.more

    def whole(self, path: Path, value: object, revision: str) -> None:
        """Note that a message goes with what is lost in it: who takes that need not take the whole."""
        if not isinstance(self.taking, bool) and path is not None:
            self.add(path, value, f"nothing valid would be left of it in {revision}")

    def _has_room(self) -> bool:
        """Whether one more is held; else it is counted."""
        room = self.most is None or len(self.found) < self.most
        self.more += not room
        return room


def _loss(path: Path, value: object, reason: str) -> Loss:
    return Loss(told(path), HIDDEN if is_hidden(path) else value, reason)
