"""What a message keeps of a payload though it has no field for it: where it is held, and how it is gathered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.model.spec import Mark

JsonObject: TypeAlias = Mapping[str, Any]
"""Free JSON by name."""

KEPT: JsonObject = cast("JsonObject", Mark("KEPT"))
"""Stands as the default of the one field of a message that holds what it keeps: ``extra: JsonObject = KEPT``.

It goes with ``@message(unknown="keep")``. The field is no field on the wire: what it holds stands there flat beside
the fields, after them. It is empty where nothing else is given.
"""


PLACE = Mark("PLACE")
"""The key, in the metadata of an attrs field, that says that it is that field."""


def keeper(known: frozenset[str], freeze: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], FrozenDict[str, Any]]:
    """A function that gathers what a payload holds beside the fields, frozen by ``freeze``."""

    def keep(payload: Mapping[str, Any]) -> FrozenDict[str, Any]:
        kept: FrozenDict[str, Any] = freeze({name: value for name, value in payload.items() if name not in known})
        return kept

    return keep


def beside(message: str, names: frozenset[str]) -> Callable[[JsonObject], JsonObject]:
    """A function that lets kept fields stand beside those on the wire, which a codec was taught to call otherwise.

    Raises (the function does):
        EncodeError: one of them has such a name: two values would stand under it.
    """

    def stand(kept: JsonObject) -> JsonObject:
        for name in kept:
            if name in names:
                raise EncodeError(f"{message}: {name!r} is kept, and is what this codec calls a field")
        return kept

    return stand
