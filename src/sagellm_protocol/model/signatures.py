"""What ``inspect.signature``, ``help`` and editors show of a message class: its fields, as arguments."""

from __future__ import annotations

import inspect
from typing import Any

import attrs

from sagellm_protocol.model.shortening import HIDDEN


class _Shown:
    """A default that is no value: shown, and never given."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


MADE = _Shown("<factory>")
"""Stands for a default that is made anew for each message."""
DERIVED = _Shown("<derived>")
"""Stands for a default that follows from the rest of the message."""
_SECRET = _Shown(HIDDEN)
_FACTORY: Any = attrs.Factory


class SlotTexts(dict[str, Any]):
    """The ``__slots__`` of a message class, with the text of each field, for ``help``: read when it is asked for."""

    def __init__(self, cls: type) -> None:
        super().__init__(dict.fromkeys(vars(cls)["__slots__"]))
        self._cls = cls

    def __getitem__(self, name: str) -> str | None:
        from sagellm_protocol.model.texts import own_texts

        return own_texts(self._cls).get(name)


def default_of(field: attrs.Attribute[Any]) -> Any:
    """The default of a field as signatures have it."""
    default: Any = field.default
    if default is attrs.NOTHING:
        return inspect.Parameter.empty
    if field.repr is False:
        return _SECRET
    if isinstance(default, _FACTORY):
        return DERIVED if default.takes_self else MADE
    return default
