"""Which fields of an older place in a history became which of a newer one, over renamings and conversions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.enumerations import ValuesRenamed
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.eras import Crossing, Eras
from sagellm_protocol.history.renaming import Moved


@attrs.frozen
class Origin:
    """What a field was."""

    names: tuple[str, ...]
    """The older fields whose values went into it, by their names there; several, where it was converted."""
    converted: bool = False


def origins(eras: Eras, cls: type, older: int, newer: int) -> dict[str, Origin]:
    """What each field of a message was, by its name at the newer place; without those that came in between."""
    place = older
    found = {field.name: Origin((field.name,)) for field in eras.today.by_class(older)[cls].fields}
    for crossing in _between(eras, cls, older, newer):
        found = _called(found, eras, cls, place, crossing.below)
        if isinstance(crossing.conversion, ValueConversion):
            for before, after in crossing.conversion.parts:
                sources = [found.pop(name) for name in before if name in found]
                names = tuple(dict.fromkeys(name for source in sources for name in source.names))
                if names:
                    found.update({name: Origin(names, converted=True) for name in after})
        place = crossing.above
    return _called(found, eras, cls, place, newer)


def became(eras: Eras, cls: type, revision: str) -> dict[str, tuple[str, ...]]:
    """Today's fields that hold what fields of a revision were converted into, by the names there."""
    found: dict[str, tuple[str, ...]] = {}
    for name, origin in origins(eras, cls, eras.places[revision], 0).items():
        for old in origin.names if origin.converted else ():
            found[old] = (*found.get(old, ()), name)
    return found


def _between(eras: Eras, cls: type, older: int, newer: int) -> Iterator[Crossing]:
    return (each for each in eras.crossings if newer <= each.above < older and cls in each.ups)


def _called(found: Mapping[str, Origin], eras: Eras, cls: type, place: int, later: int) -> dict[str, Origin]:
    """The same by the names that a later place has for the fields, without those that went until then."""
    fields = eras.frame(later).by_class(place)[cls].fields
    return {field.today: found[field.name] for field in fields if field.today and field.name in found}


def moved_names(eras: Eras, older: int, newer: int) -> dict[str, str]:
    """Older name to newer name of the messages, enumerations and typed dicts that are called otherwise by then."""
    names: dict[str, str] = {}
    for change in reversed(eras.changes[newer:older]):
        if isinstance(change, Moved):
            first = next((old for old, new in names.items() if new == change.old), change.old)
            names[first] = change.new
    return {old: new for old, new in names.items() if old != new}


def rewritten_values(eras: Eras, older: int, newer: int) -> dict[str, dict[Any, Any]]:
    """Older value to newer value, by the older place's name of the enumeration, where they are written otherwise."""
    found: dict[str, dict[Any, Any]] = {}
    names: dict[str, str] = {}
    for change in reversed(eras.changes[newer:older]):
        if isinstance(change, Moved):
            names[change.new] = names.pop(change.old, change.old)
        elif isinstance(change, ValuesRenamed):
            values = found.setdefault(names.get(change.enum, change.enum), {})
            first = {new: old for old, new in values.items()}
            values.update({first.get(old, old): new for old, new in change.values.items()})
    return found
