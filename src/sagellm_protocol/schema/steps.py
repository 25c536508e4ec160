"""Which steps a new revision needs: the lines to write, from what was published and what the classes say now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sagellm_protocol.history.changes import against_retyping
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.schema.facts import Facts, Subject
from sagellm_protocol.schema.reading import read_annotation

_NO_STEP = "no step undoes this: put it back, or add a kind of change to history/changes.py"


def steps(published: Facts, today: Facts) -> list[str]:
    """The steps that turn what was published into what the classes say, as Python text.

    A line that begins with ``#`` names a difference that no step can express.
    """
    return [*_arrivals(published, today), *_departures(published, today), *_fields(published, today)]


def _arrivals(published: Facts, today: Facts) -> Iterator[str]:
    before, now = _owners(published), _owners(today)
    if new := sorted(now - before):
        yield f"introduced({_quoted(new)})"
    for owner in sorted(before & now):
        members = {kind: _of(facts, "member", owner) for kind, facts in (("before", published), ("now", today))}
        if added := [name for name in members["now"] if name not in members["before"]]:
            yield f"members_added({_quoted([owner, *added])})"
        for name, value in members["before"].items():
            if members["now"].get(name) != value:
                yield f"# {owner}.{name} was {json.dumps(value)}; {_NO_STEP}"
        kind = Subject(owner, "typed-dict")
        if published.get(kind) != today.get(kind):
            yield f"# the typed dict {owner} changed; {_NO_STEP}"


def _departures(published: Facts, today: Facts) -> Iterator[str]:
    for owner in sorted(_owners(published) - _owners(today)):
        yield f"# {owner} is gone; {_NO_STEP}"


def _fields(published: Facts, today: Facts) -> Iterator[str]:
    for subject in sorted(published.keys() & today.keys()):
        if subject.kind == "message":
            yield from _message(subject, published, today)


def _message(subject: Subject, published: Facts, today: Facts) -> Iterator[str]:
    owner = subject.path
    was, now = published[subject], today[subject]
    before, after = _of(published, "field", owner), _of(today, "field", owner)
    gone = [name for name in was["fields"] if name not in after]
    came = [name for name in now["fields"] if name not in before]
    renames = _renames(gone, came, before, after)
    # Steps are undone one after the other: today's names are good until the renaming, those of before after it.
    for name, fact in before.items():
        if (current := renames.get(name, name)) in after:
            yield from _changed(owner, current, fact, after[current], lambda text: _read(text, published, today))
    added = [name for name in came if name not in renames.values()]
    # A required text that an older payload does not have can say so; what a number would be, only the author knows.
    unsaid = [name for name in added if after[name] == {"type": "str", "required": True}]
    if rest := [name for name in added if name not in unsaid]:
        yield f"added({_quoted([owner, *rest])})"
    for name in unsaid:
        yield f'added({_quoted([owner, name])}, unsaid="unknown")'
    if renames:
        yield f"renamed({json.dumps(owner)}, {', '.join(f'{old}={json.dumps(new)}' for old, new in renames.items())})"
    for name in gone:
        if name not in renames:
            yield _removed(owner, name, before[name], was["fields"])
    # Classes have no such rules: those that were published have all been dropped.
    for rule in was.get("not all null", ()):
        fields = _quoted(rule) + ("," if len(rule) == 1 else "")
        yield f"rule_dropped({json.dumps(owner)}, NotAllNull(({fields})))"
    if was["unknown"] != now["unknown"]:
        yield f"# unknown fields of {owner}: it was unknown={json.dumps(was['unknown'])}; {_NO_STEP}"
    kept = [renames.get(name, name) for name in was["fields"] if name not in gone or name in renames]
    if kept != [name for name in now["fields"] if name in kept]:
        yield f"# the fields of {owner} stood in the order {', '.join(was['fields'])}; {_NO_STEP}"


def _renames(gone: list[str], came: list[str], before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Fields that went while others of the same fact came: taken for renamed, in order."""
    renames: dict[str, str] = {}
    for old in gone:
        same = [new for new in came if before[old] == after[new] and new not in renames.values()]
        if same:
            renames[old] = same[0]
    return renames


def _removed(owner: str, name: str, fact: dict[str, Any], order: list[str]) -> str:
    arguments = [_quoted([owner, name]), f"was={_short_names(fact['type'])}"]
    if "default" in fact:
        arguments.append(f"default={fact['default']!r}")
    elif "required" not in fact:
        return f"# {owner}.{name} had a default that was computed; {_NO_STEP}"
    if order.index(name) > 0:
        arguments.append(f"after={json.dumps(order[order.index(name) - 1])}")
    return f"removed({', '.join(arguments)})"


def _changed(
    owner: str, name: str, was: dict[str, Any], now: dict[str, Any], read: Callable[[str], Type]
) -> Iterator[str]:
    if was == now:
        return
    field = _quoted([owner, name])
    default_was, default_now = ({key: fact[key] for key in fact if key != "type"} for fact in (was, now))
    if was["type"] == f"{now['type']} | None" and "required" not in now:
        yield f"null_forbidden({field})"
        default_now = {"default": None}
    elif was["type"] != now["type"]:
        if reason := against_retyping(read(was["type"]), read(now["type"])):
            yield f"# {owner}.{name} {reason}; {_NO_STEP}"
        else:
            yield f"retyped({field}, was={_short_names(was['type'])})"
    if default_was == default_now:
        return
    if "required" in was:
        yield f"given_default({field})"
    elif "default" in was and "required" not in now:
        yield f"redefined({field}, was={was['default']!r})"
    else:
        yield f"# {owner}.{name} was {json.dumps(default_was)}; {_NO_STEP}"


def _read(text: str, published: Facts, today: Facts) -> Type:
    # Members that came later are a change of the enumeration, not of the field.
    return read_annotation(text, {**published, **today})


def _owners(facts: Facts) -> set[str]:
    return {subject.owner for subject in facts}


def _of(facts: Facts, kind: str, owner: str) -> dict[str, Any]:
    """The fields or members that belong to a message or enumeration, by name."""
    return {subject.name: fact for subject, fact in facts.items() if subject.kind == kind and subject.owner == owner}


def _quoted(names: list[str]) -> str:
    return ", ".join(json.dumps(name) for name in names)


def _short_names(annotation: str) -> str:
    """An annotation with the classes in it called as a module that imports them does."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|\b(?:[A-Za-z_]\w*\.)+(\w+)', lambda found: found[1] or found[2], annotation)
