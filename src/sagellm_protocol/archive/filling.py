"""What an upgrade writes where an old record does not say: told by the user, or made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Filling(dict[str, Any]):
    """The user's answers, by field; notes which were asked for, and which were not there."""

    __slots__ = ("filled", "made_up")

    def __init__(self, fill: Mapping[str, Any]) -> None:
        super().__init__(fill)
        self.filled: list[str] = []
        """Fields that got the user's answer, each time that one did."""
        self.made_up: list[str] = []
        """Fields that got what the history says of those who do not say."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        self.filled.append(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The user's answer, else ``default``, which then is made up."""
        if name in self:
            return self[name]
        self.made_up.append(name)
        return default
