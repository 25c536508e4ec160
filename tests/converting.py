"""A history of one step, from revision 1 to 2 of a message ``toy.Thing``, and what becomes of payloads of it."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol.history import History, HistoryError
from sagellm_protocol.history.changes import Change, revision
from sagellm_protocol.model.exceptions import ValidationError
from toys import Declare

THING = """
@message
class Thing:
    {}
    other: str = "x"
"""


class Toy:
    """A history of one conversion, from 1 to 2."""

    def __init__(self, history: History) -> None:
        self.history = history

    def up(self, **payload: Any) -> dict[str, Any]:
        return self.history.upgrade(payload, "Thing", since="1")

    def down(self, **payload: Any) -> dict[str, Any]:
        return self.history.downgrade(payload, "Thing", to="1")

    def lost(self, **payload: Any) -> list[str]:
        return [str(loss) for loss in self.history.losses(payload, "Thing", to="1")]

    def anyway(self, **payload: Any) -> dict[str, Any]:
        return self.history.downgrade(payload, "Thing", to="1", lossy=True)

    def refused(self, **payload: Any) -> list[str]:
        with pytest.raises(ValidationError) as raised:
            self.up(**payload)
        return [str(violation) for violation in raised.value.violations]


def toy(declare: Declare, fields: str, *changes: Change, before: str = "") -> Toy:
    catalog = declare(before + THING.format("\n    ".join(fields.split("; "))))
    return Toy(History([revision("2", *changes), revision("1")], catalog))


def wrong(declare: Declare, fields: str, *changes: Change, before: str = "") -> str:
    with pytest.raises(HistoryError) as raised:
        toy(declare, fields, *changes, before=before).history.specs("1")
    return raised.value.reason
