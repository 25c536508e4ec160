"""What revisions deprecate, under the names that it has at any of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

import attrs

from sagellm_protocol.history.changes import Change, Introduced, MembersAdded, Revision
from sagellm_protocol.history.defining import HistoryError, Tables
from sagellm_protocol.history.renaming import MembersRenamed, Moved
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.wording import did_you_mean

_Member: TypeAlias = tuple[str, str]
"""The full name of an enumeration, and the name of a member."""


@attrs.frozen
class Deprecation:
    """A message, a field or a member of an enumeration that is not to be used any more."""

    path: str
    """Its name today, ``types.Request.prompt``; of what is gone, the last that it had."""
    since: str
    """The revision that deprecates it."""
    text: str
    """Why, or what to use instead."""

    @property
    def told(self) -> str:
        """Since when, and why: the rest of a sentence."""
        return f"since {self.since}: {self.text}{'' if self.text[-1] in '.!?' else '.'}"

    def __str__(self) -> str:
        return f"Deprecated {self.told}"


@attrs.define
class Deprecations:
    """All that a history deprecates."""

    _found: Mapping[Hashable, Deprecation]
    """By what stays the same while names change."""
    _subjects: Mapping[str, Mapping[str, Hashable]]
    """That of all that can be deprecated, by revision, oldest first, and by path; nothing where nothing is."""
    _at: dict[tuple[str, bool], Mapping[str, Deprecation]] = attrs.field(factory=dict, init=False)

    def at(self, revision: str, *, ahead: bool = False) -> Mapping[str, Deprecation]:
        """What is deprecated at a revision, by the names of then; with ``ahead``, also what later ones deprecate."""
        if not self._found:
            return EMPTY
        at = self._at.get((revision, ahead))
        if at is None:
            order = list(self._subjects)
            known = order if ahead else order[: order.index(revision) + 1]
            found = ((path, self._found.get(key)) for path, key in self._subjects[revision].items())
            at = FrozenDict((path, it) for path, it in found if it is not None and it.since in known)
            self._at[revision, ahead] = at
        return at

    def deprecated_in(self, cls: type) -> Mapping[str, str]:
        """What is deprecated of a class of today: sentences by field or member, under an empty name on the class."""
        inside = [(key, it) for key, it in self._found.items() if isinstance(key, tuple)]
        found = {key[1]: str(it) for key, it in inside if key[0] in (cls, full_name(cls))}
        return {"": str(self._found[cls]), **found} if cls in self._found else found


def deprecations_of(revisions: Sequence[Revision], tables: Mapping[str, Tables]) -> Deprecations:
    """What revisions deprecate, of which the tables are given by name; ``revisions`` come newest first.

    Raises:
        HistoryError: a revision deprecates what it does not have or an older one has deprecated, or does not say why.
    """
    found: dict[Hashable, Deprecation] = {}
    if not any(revision.deprecates for revision in revisions):
        return Deprecations(found, {})
    newest_first = _subjects(revisions, tables)
    newest: dict[Hashable, str] = {}
    for subjects in newest_first.values():
        for path, key in subjects.items():
            newest.setdefault(key, path)
    for revision in reversed(revisions):
        subjects = newest_first[revision.name]
        for path, text in revision.deprecates.items():
            found_key = subjects.get(path)
            if found_key is None:
                raise HistoryError(
                    revision.name,
                    f"it deprecates {path!r}, which is no message, field of one or member of an enumeration at this"
                    f" revision{did_you_mean(path, subjects)}",
                )
            if found_key in found:
                raise HistoryError(revision.name, f"{path} is deprecated by {found[found_key].since} already")
            said = _text(revision.name, path, found_key, text)
            found[found_key] = Deprecation(newest[found_key], revision.name, said)
    return Deprecations(found, dict(reversed(newest_first.items())))


def _text(revision: str, path: str, key: Hashable, text: str) -> str:
    """Why something is deprecated: a class may say so itself, where type checkers see it."""
    said = str(vars(key).get("__deprecated__", "")) if isinstance(key, type) else ""
    said = " ".join(said.split())
    if text and said and text != said:
        raise HistoryError(revision, f"the class {path} is deprecated with other words: leave the text empty here")
    if not (text or said):
        raise HistoryError(revision, f"it does not say why {path} is deprecated, or what to use instead")
    return text or said


def _subjects(revisions: Sequence[Revision], tables: Mapping[str, Tables]) -> dict[str, dict[str, Hashable]]:
    """All that can be deprecated, by revision, newest first, and by path, with what stays the same of it at them all.

    Messages have their class, and fields what they are called today, or themselves where they are gone. Members have
    the last names of their enumeration and of themselves.
    """
    called: dict[_Member, _Member] = {}
    every = {}
    for revision in revisions:
        then = tables[revision.name]
        subjects: dict[str, Hashable] = {}
        for name, spec in then.messages.items():
            subjects[name] = spec.cls
            for field in spec.fields:
                subjects[f"{name}.{field.name}"] = (spec.cls, field.today) if field.today else field.identity
        for enum, members in then.enums.items():
            # Of several names for one value the first is the member: on the wire the others are it.
            for member in dict(reversed([(value, name) for name, value in members.items()])).values():
                subjects[f"{enum}.{member}"] = called.setdefault((enum, member), (enum, member))
        every[revision.name] = subjects
        for change in revision.changes:
            called = _called_before(change, called)
    return every


def _called_before(change: Change, called: Mapping[_Member, _Member]) -> dict[_Member, _Member]:
    """The members of enumerations by the names that they had before a change."""
    match change:
        case Introduced(names=came):
            return {key: last for key, last in called.items() if key[0] not in came}
        case MembersAdded(enum=of, members=came):
            return {key: last for key, last in called.items() if key[0] != of or key[1] not in came}
        case Moved(old=old, new=new):
            return {(old if enum == new else enum, member): last for (enum, member), last in called.items()}
        case MembersRenamed(enum=of, names=names):
            before = {(of, new): (of, old) for old, new in names.items()}
            return {before.get(key, key): last for key, last in called.items()}
        case _:
            return dict(called)
