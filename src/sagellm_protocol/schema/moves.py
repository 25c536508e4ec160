"""What messages, enumerations and typed dicts are called now that were called something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sagellm_protocol.schema.facts import Facts, Subject

_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|\b(?:[A-Za-z_]\w*\.)+\w+')


def moves(published: Facts, today: Facts) -> dict[str, str]:
    """Old name to new name, of what went while its like came.

    A class of the same short name is it, whatever else changed; of another name one that says the same, if no two do.
    """
    gone, came = _kinds(published), _kinds(today)
    gone, came = (
        {owner: kind for owner, kind in some.items() if owner not in others}
        for some, others in ((gone, came), (came, gone))
    )
    found = {}
    for old in gone:
        like = [new for new in came if gone[old] == came[new] and _short(old) == _short(new)]
        rivals = [other for other in gone if gone[old] == gone[other] and _short(old) == _short(other)]
        if len(like) == len(rivals) == 1:
            found[old] = like[0]
    moved = translated(published, found)
    unsure = [old for old in gone if old not in found]
    for old in unsure:
        # One that holds itself says so by its name.
        like = [
            new
            for new in came.keys() - found.values()
            if gone[old] == came[new] and _says(translated(moved, {old: new}), new) == _says(today, new)
        ]
        rivals = [other for other in unsure if gone[old] == gone[other] and _says(moved, other) == _says(moved, old)]
        if len(like) == len(rivals) == 1:
            found[old] = like[0]
    return found


def translated(facts: Facts, moved: Mapping[str, str]) -> dict[Subject, Any]:
    """Facts with all that moved called as it is now."""
    translation = {}
    for subject, value in facts.items():
        path = moved.get(subject.owner, subject.owner) + subject.path.removeprefix(subject.owner)
        if subject.kind == "field":
            value = {**value, "type": _NAME.sub(lambda found: moved.get(found[0], found[0]), value["type"])}
        translation[Subject(path, subject.kind)] = value
    return translation


def likely(owner: str, published: Facts, today: Facts) -> Iterator[str]:
    """What came that is of the same kind as what went."""
    kind = _kinds(published)[owner]
    before = _kinds(published)
    yield from sorted(new for new, other in _kinds(today).items() if other == kind and new not in before)


def _kinds(facts: Facts) -> dict[str, str]:
    """What each message, enumeration and typed dict is."""
    return {subject.owner: subject.kind for subject in facts if subject.kind != "field"}


def _short(owner: str) -> str:
    return owner.rpartition(".")[2]


def _says(facts: Facts, owner: str) -> dict[str, Any]:
    """All facts of one owner, by what is left of their path."""
    return {
        f"{subject.kind} {subject.path.removeprefix(owner)}": value
        for subject, value in facts.items()
        if subject.owner == owner
    }
