"""Which steps a new revision needs: the lines to write, from what was published and what the classes say now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sagellm_protocol.history.changes import against_retyping
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.schema.becoming import Becoming, converted, rescaled, rescales
from sagellm_protocol.schema.facts import Facts, Subject, fields_in
from sagellm_protocol.schema.moves import likely, moves, translated
from sagellm_protocol.schema.reading import read_annotation
from sagellm_protocol.schema.writing import call, quoted, renamed, short_names
from sagellm_protocol.schema.written import rewritten, values_renamed, with_new_values

_NO_STEP = "no step undoes this: put it back, or add a kind of change to history/changes.py"


def steps(published: Facts, today: Facts) -> list[str]:
    """The steps that turn what was published into what the classes say, as Python text.

    A line that begins with ``#`` names a difference that no step can express, or that facts alone do not explain.
    """
    # Steps are undone one after the other: above those that say what moved, all goes by the names of today, and above
    # those that say how values were written, by the values of today.
    moved = moves(published, today)
    known = translated(published, moved)
    values = rewritten(known, today)
    known = with_new_values(known, values)
    return [
        *_arrivals(known, today),
        *_departures(known, today),
        *_fields(known, today),
        *(values_renamed(enum, changed) for enum, changed in values.items()),
        *(call("moved", old, new) for old, new in moved.items()),
    ]


def _arrivals(published: Facts, today: Facts) -> Iterator[str]:
    before, now = _owners(published), _owners(today)
    if new := sorted(now - before):
        yield call("introduced", *new)
    for owner in sorted(before & now):
        yield from _members(owner, fields_in(published, owner, "member"), fields_in(today, owner, "member"))
        kind = Subject(owner, "typed-dict")
        if published.get(kind) != today.get(kind):
            yield f"# the typed dict {owner} changed; {_NO_STEP}"


def _members(owner: str, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    gone = {name: value for name, value in before.items() if name not in now}
    came = {name: value for name, value in now.items() if name not in before}
    names = {
        old: new
        for old, value in gone.items()
        for new, other in came.items()
        if value == other and type(value) is type(other) and len([each for each in came.values() if each == value]) == 1
    }
    if added := [name for name in came if name not in names.values()]:
        yield call("members_added", owner, *added)
    if names:
        yield renamed(owner, names, "members_renamed")
    for name, value in gone.items():
        if name not in names:
            yield from _member_gone(owner, name, value, {new: came[new] for new in added})


def _member_gone(owner: str, name: str, value: Any, came: dict[str, Any]) -> Iterator[str]:
    instead = [
        f"{renamed(owner, {name: new}, 'members_renamed')} and {values_renamed(owner, {value: other})}"
        for new, other in came.items()
    ]
    said = f"# {owner}.{name} was {json.dumps(value)}, and is gone"
    yield f"{said}; if another took its place, {' or '.join(instead)}" if instead else f"{said}; {_NO_STEP}"


def _departures(published: Facts, today: Facts) -> Iterator[str]:
    for owner in sorted(_owners(published) - _owners(today)):
        like = " or ".join(call("moved", owner, new) for new in likely(owner, published, today))
        yield f"# {owner} is gone; {f'if it is called otherwise now, {like}' if like else _NO_STEP}"


def _fields(published: Facts, today: Facts) -> Iterator[str]:
    for subject in sorted(published.keys() & today.keys()):
        if subject.kind == "message":
            yield from _message(subject, published, today)


def _message(subject: Subject, published: Facts, today: Facts) -> Iterator[str]:
    owner = subject.path
    was, now = published[subject], today[subject]
    before, after = fields_in(published, owner), fields_in(today, owner)

    def read(text: str) -> Type:
        # Members that came later are a change of the enumeration, not of the field.
        return read_annotation(text, {**published, **today})

    found = Becoming(
        owner,
        before,
        after,
        [name for name in was["fields"] if name not in after],
        [name for name in now["fields"] if name not in before],
        today,
        read,
    )
    # Steps are undone one after the other: today's names are good until the renaming, those of before after it.
    for name, fact in before.items():
        if name in after:
            yield from _changed(owner, name, fact, after[name], read)
    # A required text that an older payload does not have can say so; what a number would be, only the author knows.
    unsaid = [name for name in found.came if after[name] == {"type": "str", "required": True}]
    if rest := [name for name in found.came if name not in unsaid]:
        yield call("added", owner, *rest)
    for name in unsaid:
        yield f'added({quoted([owner, name])}, unsaid="unknown")'
    yield from found.steps(was["fields"], now["fields"])
    if found.renames:
        yield renamed(owner, found.renames)
    for name in found.gone:
        yield _removed(owner, name, before[name], was["fields"])
    yield from found.open
    # Classes have no such rules: those that were published have all been dropped.
    for rule in was.get("not all null", ()):
        fields = quoted(rule) + ("," if len(rule) == 1 else "")
        yield f"rule_dropped({json.dumps(owner)}, NotAllNull(({fields})))"
    if was["unknown"] != now["unknown"] == "keep":
        yield f"keeps_unknown({json.dumps(owner)}, was={json.dumps(was['unknown'])})"
    elif was["unknown"] != now["unknown"]:
        yield f"# unknown fields of {owner}: it was unknown={json.dumps(was['unknown'])}; {_NO_STEP}"
    kept = [found.renames.get(name, name) for name in was["fields"] if name in after or name in found.renames]
    if not found.conversions and kept != [name for name in now["fields"] if name in kept]:
        yield f"# the fields of {owner} stood in the order {', '.join(was['fields'])}; {_NO_STEP}"


def _removed(owner: str, name: str, fact: dict[str, Any], order: list[str]) -> str:
    arguments = [quoted([owner, name]), f"was={short_names(fact['type'])}"]
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
    field = quoted([owner, name])
    default_was, default_now = ({key: fact[key] for key in fact if key != "type"} for fact in (was, now))
    if was["type"] == f"{now['type']} | None" and "required" not in now:
        yield f"null_forbidden({field})"
        default_now = {"default": None}
    elif now["type"] == f"{was['type']} | None" and default_was == default_now and "default" in now:
        yield f"null_allowed({field})"
        return
    elif was["type"] == f"{now['type']} | None" and default_was == {"default": None}:
        # What stands where null stood, only the author knows; a text can say so.
        yield f'required({field}, unsaid="unknown")' if now["type"] == "str" else f"required({field})"
        return
    elif was["type"] != now["type"]:
        if rescales(name, name, was, now, read):
            yield rescaled(owner, name, name, was, now, read)
            return
        if reason := against_retyping(read(was["type"]), read(now["type"])):
            instead = ""
            if default_was == default_now and not against_retyping(read(now["type"]), read(was["type"])):
                instead = f" say narrowed({field}, was={short_names(was['type'])}) if others are to be refused, or"
            yield f"# {owner}.{name} {reason};{instead} convert them: {converted(owner, {name: was}, [name])}"
            return
        yield f"retyped({field}, was={short_names(was['type'])})"
    if default_was == default_now:
        return
    if "required" in was:
        yield f"given_default({field})"
    elif "default" in was and "required" in now:
        yield f"required({field}, was={was['default']!r})" if was["default"] is not None else f"required({field})"
    elif "default" in was:
        step = "became_derived" if "derived" in now or "derived by" in now else "redefined"
        yield f"{step}({field}, was={was['default']!r})"
    elif "made" not in was and ("default" in now or "required" in now):
        shown = f", shown={was['derived']!r}" if "derived" in was else ""
        yield f"# {owner}.{name} was computed by default: underived({field}, was=...{shown}), with what computed it"
    else:
        yield f"# {owner}.{name} was {json.dumps(default_was)}; {_NO_STEP}"


def _owners(facts: Facts) -> set[str]:
    return {subject.owner for subject in facts}
