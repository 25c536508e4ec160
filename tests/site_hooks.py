"""Hooks that workers find by name: ``site_hooks:repair``."""

from __future__ import annotations

from typing import Any

from sagellm_protocol.history import History


def repair(history: History) -> None:
    @history.hook("types.StreamEventDelta", since="0.4.0.8")
    def named(payload: dict[str, Any]) -> dict[str, Any]:
        return {"trace_id": "site"} | payload


def nothing(history: History) -> None:
    pass


def failing(history: History) -> None:
    raise ValueError("no")


class Site:
    @staticmethod
    def repair(history: History) -> None:
        repair(history)
