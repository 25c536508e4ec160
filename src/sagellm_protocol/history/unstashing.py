"""What was stashed (:mod:`.stashing`) taken out again, checked, and put back where the payload still agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from sagellm_protocol.history.forwards import called_then
from sagellm_protocol.history.meaning import Meaning
from sagellm_protocol.history.payloads import in_too_many_places, multiplies
from sagellm_protocol.history.places import FIELD, KEY, Places
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.kinds import Items, Nested, Table, Type
from sagellm_protocol.model.nesting import refuse_too_deep
from sagellm_protocol.model.paths import ROOT, Path, below, told
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.spec import Field, Spec
from sagellm_protocol.model.wording import describe


@attrs.frozen
class Rest:
    """Where payloads of a revision stop for what is stashed in them to be put back: today, or on the way there."""

    revision: str
    """The revision that stashed."""
    since: str
    """That of the payloads."""
    places: Places
    """Which messages may hold a stash."""
    specs: Mapping[str, Spec] | None = None
    """The messages of the revision, by name; None where it is today's."""


def put_back(rest: Rest, kind: Type, payload: Any, bare: Callable[[], Any]) -> Any:
    """A payload of a revision with what the stashes of that hold, and without them. It is not changed itself.

    Stashes of other revisions stay where they are, until today.

    Args:
        rest: the revision.
        kind: what the payload is, as today calls it.
        payload: what an upgrade gave.
        bare: gives the same with nothing filled in: with that a stash was compared when it was made.

    Raises:
        ValidationError: a stash holds what its field cannot; or, today, is none, or is of another revision.
        DecodeError: it holds the same values in too many places, or an integer past 64 bits, or nests too deep.
    """
    then = kind if rest.specs is None else called_then(kind, rest.specs)
    if next(rest.places.stashes(then, payload), None) is None:
        return payload
    found = _Unstashing(rest, describe(kind)).value(then, payload, bare(), ROOT)
    refuse_too_deep(found)
    return found


@attrs.define
class _Unstashing:
    rest: Rest
    message: str
    """What errors call the payload."""
    places: Places = attrs.field(init=False)
    meaning: Meaning = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.places = self.rest.places
        self.meaning = self.places.meaning

    def value(self, kind: Type, value: Any, bare: Any, path: Path) -> Any:
        """A value with the stashes in it put back."""
        option = self.meaning.holder(kind, value)
        if option is None or option != self.meaning.holder(kind, bare):
            return value
        if isinstance(option, Nested):
            return self._message(option.cls, value, bare, path)
        if isinstance(option, Table):
            return {key: self.value(option.value, it, bare.get(key), (path, key)) for key, it in value.items()}
        if len(value) != len(bare):
            return value  # Hooks that do not say the same twice: what is stashed cannot be told to be of this.
        pairs = enumerate(zip(value, bare, strict=True))
        return [self.value(option.item, item, then, (path, index)) for index, (item, then) in pairs]

    def _message(self, cls: type, payload: dict[str, Any], bare: dict[str, Any], path: Path) -> dict[str, Any]:
        made = dict(payload)
        for field in self.places.fields(cls):
            if field.name in payload:
                made[field.name] = self.value(field.type, payload[field.name], bare.get(field.name), (path, field.step))
        metadata = self.places.stashed(cls, payload)
        if metadata is None or not self._to_be_put_back(metadata[KEY]):
            return made
        made[FIELD] = {key: item for key, item in metadata.items() if key != KEY}
        unstashed = {**bare, FIELD: made[FIELD]}
        own = {id(made): made}
        where = ((path, FIELD), KEY)
        for index, entry in enumerate(self._entries(metadata[KEY], where)):
            place = self._agreeing(cls, unstashed, entry, ((where, "values"), index))
            if place is not None:
                self._apply(made, entry, place, ((where, "values"), index), own)
        return made

    def _to_be_put_back(self, stash: Any) -> bool:
        """Whether a stash is of this revision; today all are, or are wrong."""
        return self.rest.specs is None or (type(stash) is dict and stash.get("revision") == self.rest.revision)

    def _entries(self, stash: Any, path: Path) -> Sequence[dict[str, Any]]:
        """The entries of a stash, checked as far as can be without what they are for."""
        if multiplies(stash):
            raise in_too_many_places()
        if type(stash) is not dict or stash.keys() != {"revision", "values"}:
            raise self._wrong(path, "a stash: an object with revision and values", stash)
        if stash["revision"] != self.rest.revision:
            known = f"{self.rest.revision}, or a revision since {self.rest.since} that had a place for a stash there"
            raise self._wrong(
                (path, "revision"), f"{known}: values of other revisions are not put back", stash["revision"]
            )
        entries = stash["values"]
        if not isinstance(entries, (list, tuple)):
            raise self._wrong((path, "values"), "a list", entries)
        for index, entry in enumerate(entries):
            if type(entry) is not dict or not {"path"} < entry.keys() <= {"path", "value", "instead"}:
                rule = "an object with path, and value or instead or both"
                raise self._wrong(((path, "values"), index), rule, entry)
            steps = entry["path"]
            if not isinstance(steps, (list, tuple)) or not steps or not all(isinstance(step, str) for step in steps):
                raise self._wrong((((path, "values"), index), "path"), "a list of names", steps)
        return entries

    def _agreeing(self, cls: type, bare: dict[str, Any], entry: dict[str, Any], path: Path) -> Type | None:
        """The type of what an entry is for, where that still is what it was without the stash; None where it is not."""
        kind: Type = Nested(self.meaning.spec(cls).name, cls)
        field: Field | None = None
        now: Any = bare
        for step in entry["path"]:
            option = self.meaning.holder(kind, now)
            if option is None:
                return None
            if isinstance(option, Items):
                raise self._wrong((path, "path"), "names of fields and keys, and lead into no list", entry["path"])
            if isinstance(option, Table):
                field, kind, now = None, option.value, now.get(step, ABSENT)
                continue
            field = next((field for field in self.meaning.spec(option.cls).fields if field.name == step), None)
            if field is None or field.secret:
                raise self._wrong((path, "path"), f"names of fields that {option.name} shows", entry["path"])
            kind, now = field.type, self.meaning.said(field, now)
        instead = entry.get("instead", ABSENT if field is None else self.meaning.said(field, {}))
        return kind if self.meaning.same(kind, now, instead) else None

    def _apply(self, made: dict[str, Any], entry: dict[str, Any], kind: Type, path: Path, own: dict[int, Any]) -> None:
        """Put a value back into a payload, of which what is in ``own`` may be changed."""
        if "value" in entry:
            self._check(kind, entry["value"], (path, "value"))
        here: Any = made
        *above, last = entry["path"]
        for step in above:
            inner = here.get(step)
            if type(inner) is not dict:
                return
            if id(inner) not in own:
                inner = dict(inner)
                own[id(inner)] = inner
                here[step] = inner
            here = inner
        if "value" in entry:
            here[last] = entry["value"]
        else:
            here.pop(last, None)

    def _check(self, kind: Type, value: Any, path: Path) -> None:
        try:
            check_payload(kind, value, unknown="ignore", specs=self.rest.specs)  # as everywhere in an upgrade
        except ValidationError as error:
            violations = (attrs.evolve(it, path=below(told(path), it.path)) for it in error.violations)
            raise ValidationError(self.message, violations, error.more) from None

    def _wrong(self, path: Path, rule: str, value: object) -> ValidationError:
        return ValidationError(self.message, [Violation(told(path), rule, value)])
