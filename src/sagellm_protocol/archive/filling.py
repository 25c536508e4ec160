"""What an upgrade writes where an old record does not say: told by the user, or made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Filling(dict[str, Any]):
    """The user's answers, by field; notes which were asked for, and which were not there."""

    __slots__ = ("filled", "lacking")

    def __init__(self, fill: Mapping[str, Any]) -> None:
        super().__init__(fill)
        self.filled: list[str] = []
        """Fields that got the user's answer, each time that one did."""
        self.lacking: list[str] = []
        """Fields that the user has no answer for, each time that one was asked for."""

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if not found:
            self.lacking.append(str(name))
        return found

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        self.filled.append(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The user's answer, else ``default``."""
        try:
            return self[name]
        except KeyError:
            self.lacking.append(name)
            return default
