"""Arguments as ``model_validate`` took them: payloads, and in them, at any depth, values that are built already."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.converted import entry_of
from sagellm_protocol.model.nesting import MAX_DEPTH
from sagellm_protocol.model.plain import to_plain


@attrs.define
class Lowering:
    """One value turned into what stands on the wire; what cannot be is left for the check to refuse."""

    _done: dict[int, tuple[Any, Any]] = attrs.field(factory=dict, init=False)
    """By id: the container, so that its id stays its own, and what became of it; while it is looked at, itself."""

    def lower(self, value: Any, room: int = MAX_DEPTH) -> Any:
        """The value, down to so many levels."""
        if message_of(type(value)) is not None:
            return to_plain(value)
        if isinstance(value, Enum):
            return value.value
        if not isinstance(value, (list, tuple, Mapping)):
            entry = entry_of(value)
            return value if entry is None or type(value) is not entry.cls else entry.dump(value)
        if not room:
            return value
        if id(value) not in self._done:
            self._done[id(value)] = value, value
            self._done[id(value)] = value, self._container(value, room - 1)
        return self._done[id(value)][1]

    def _container(self, value: Any, room: int) -> Any:
        if isinstance(value, dict):
            return {key: self.lower(item, room) for key, item in dict.items(value)}
        if isinstance(value, Mapping):
            return value
        items: Any = list if isinstance(value, list) else tuple
        return [self.lower(item, room) for item in items.__iter__(value)]
