"""A protocol's history: its classes of today, and the list of what each revision changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Added, Revision, Tables
from sagellm_protocol.history.detecting import Candidate, Shape, ShapeIndex, shapes_of
from sagellm_protocol.history.downgrading import UNSAYABLE, Downgrades
from sagellm_protocol.history.tables import message_table, revision_table
from sagellm_protocol.history.upgrading import Hook, Upgrades, not_an_object
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    Loss,
    LossyDowngradeError,
    UnknownPayloadError,
    UnsupportedRevisionError,
)
from sagellm_protocol.model.spec import Choice, Member, Spec, Type, nested_in, replace

H = TypeVar("H", bound=Hook)

LATEST = "latest"
"""A name for today's revision."""


@attrs.frozen
class Detection:
    """What a payload is: the message, a revision to upgrade it from, and all that it could have been."""

    message: str
    since: str
    candidates: tuple[Candidate, ...]


class History:
    """The revisions of a protocol, run forwards and backwards.

    Args:
        revisions: newest first; the classes of ``catalog`` are the newest.
        catalog: the messages of today.
    """

    def __init__(self, revisions: Iterable[Revision], catalog: Catalog) -> None:
        self._revisions = tuple(revisions)
        self.catalog = catalog
        self._hooks: dict[str, dict[str, list[Hook]]] = {}
        self.hooks_changed = 0
        """How often hooks were registered or taken out."""
        self._upgrades: dict[str, Upgrades] = {}
        self._downgrades: dict[str, Downgrades] = {}

    # Revisions and tables

    @cached_property
    def latest(self) -> str:
        """Today's revision."""
        return self._revisions[0].name

    @cached_property
    def revisions(self) -> tuple[str, ...]:
        """Every revision, oldest first."""
        return tuple(revision.name for revision in reversed(self._revisions))

    @cached_property
    def releases(self) -> dict[str, str]:
        """Every release and the revision that it speaks, oldest first."""
        return {release: revision.name for revision in reversed(self._revisions) for release in revision.releases}

    def resolve(self, release: str) -> str:
        """The revision that a release speaks; a revision's own name and ``"latest"`` do as well.

        Raises:
            UnsupportedRevisionError: no such release.
        """
        if release == LATEST:
            return self.latest
        found = self.releases.get(release)
        if found is None:
            known = ", ".join(self.revisions)
            raise UnsupportedRevisionError(f"no release is called {release!r}; the revisions are {known}")
        return found

    @cached_property
    def _tables(self) -> dict[str, Tables]:
        catalog = self.catalog
        tables = Tables(
            {name: spec_of(cls) for name, cls in catalog.messages.items()},
            {name: {key: item.value for key, item in cls.__members__.items()} for name, cls in catalog.enums.items()},
            {name: _typed_dict_fields(cls) for name, cls in catalog.typed_dicts.items()},
        )
        every = {}
        for revision in self._revisions:
            every[revision.name] = _as_of_then(tables)
            tables = tables.copy()
            for change in revision.changes:
                change.undo(tables)
        return every

    @cached_property
    def _unsaid(self) -> dict[tuple[str, str], Any]:
        """What is written for required fields that an older payload cannot have, by message and today's field name."""
        found = {}
        for revision in self._revisions:
            for change in revision.changes:
                if isinstance(change, Added) and change.unsaid is not None:
                    for field in self._tables[revision.name].messages[change.message].fields:
                        if field.name in change.fields:
                            found[change.message, field.origin] = change.unsaid
        return found

    def specs(self, release: str) -> Mapping[str, Spec]:
        """The messages of a revision, by full name."""
        return self._tables[self.resolve(release)].messages

    def spec(self, message: str | type, release: str) -> Spec:
        """A message at a revision.

        Raises:
            UnsupportedRevisionError: there was no such message yet.
        """
        name, revision = self.catalog.name(message), self.resolve(release)
        spec = self._tables[revision].messages.get(name)
        if spec is None:
            raise UnsupportedRevisionError(f"{name} came with {self.since(name)}; {revision} has no such message")
        return spec

    def fields(self, message: str | type, release: str = LATEST) -> dict[str, Any]:
        """The field table of a message at a revision: name to ``type``, ``bounds``, ``required`` or ``default``."""
        return message_table(self.spec(message, release))

    def table(self, release: str = LATEST) -> dict[str, Any]:
        """All that a revision defines, as plain data."""
        revision = self.resolve(release)
        return revision_table(revision, self._tables[revision])

    def changed_in(self, release: str) -> Revision:
        """What a revision changed."""
        name = self.resolve(release)
        return next(revision for revision in self._revisions if revision.name == name)

    def since(self, message: str, field: str | None = None) -> str:
        """The revision with which a message, or a field of it by today's name, came."""
        for name in self.revisions:
            spec = self._tables[name].messages.get(message)
            if spec is not None and (field is None or any(known.origin == field for known in spec.fields)):
                return name
        raise UnsupportedRevisionError(f"{message} has no field {field!r}")

    # Forwards

    def hook(self, message: str | type, *, since: str) -> Callable[[H], H]:
        """Register a site's own repair: it is given payloads of that message and revision before the published steps.

        The function gets a dict of its own and returns the dict to go on with.
        """
        name, revision = self.catalog.name(message), self.resolve(since)
        self.spec(name, revision)

        def register(function: H) -> H:
            self._hooks.setdefault(revision, {}).setdefault(name, []).append(function)
            self._upgrades.pop(revision, None)
            self.hooks_changed += 1
            return function

        return register

    def unhook(self, function: Hook) -> None:
        """Take a hook out again."""
        for revision, hooks in self._hooks.items():
            for functions in hooks.values():
                while function in functions:
                    functions.remove(function)
            self._upgrades.pop(revision, None)
        self.hooks_changed += 1

    def upgrades(self, release: str) -> Upgrades:
        """The functions that bring payloads of a revision forward."""
        revision = self.resolve(release)
        upgrades = self._upgrades.get(revision)
        if upgrades is None:
            hooks = self._hooks.get(revision, {})
            upgrades = self._upgrades[revision] = Upgrades(self._tables[revision].messages, self._unsaid, hooks)
        return upgrades

    def upgrade(
        self, payload: Any, message: str | type, *, since: str, fill: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A payload as today's revision writes it.

        Nothing is validated here beyond what the steps need; decode the result to do so. Fields that the protocol does
        not know stay as they are. The payload is not changed, and the result shares what did not change with it.

        Args:
            payload: what that release wrote, as a dict.
            message: full or short name, or the class.
            since: the release that wrote it, or any of its revision.
            fill: values for required fields that the old payload does not have, by field name: ``{"engine_id": "e7"}``.

        Raises:
            ValidationError: it is no dict, or the steps would lose a value.
            UnsupportedRevisionError: no such release, or no such message in it.
        """
        name = self.catalog.name(message)
        upgrades = self.upgrades(since)
        if name not in upgrades.specs:
            self.spec(name, since)
        step = upgrades.upgrade(name)
        if step is not None:
            upgraded: dict[str, Any] = step(payload, fill or {})
            return upgraded
        if not isinstance(payload, dict):
            raise not_an_object(name, payload)
        return dict(payload)

    # Backwards

    def downgrades(self, release: str) -> Downgrades:
        """What it takes to take payloads back to a revision."""
        revision = self.resolve(release)
        found = self._downgrades.get(revision)
        if found is None:
            found = Downgrades(revision, self._tables[revision].messages, self._unsaid, self.since)
            self._downgrades[revision] = found
        return found

    def downgrade(self, payload: Any, message: str | type, *, to: str, lossy: bool = False) -> dict[str, Any]:
        """A payload of today as an older revision writes it.

        Args:
            payload: as today's revision writes it.
            message: full or short name, or the class.
            to: a release, or any of its revision.
            lossy: leave out what the older revision cannot say, where a valid payload remains.

        Raises:
            LossyDowngradeError: naming each value that would be lost.
            ValidationError: it is no dict.
            UnsupportedRevisionError: no such release.
        """
        taken, losses = self._take_back(payload, message, to)
        if losses and (taken is UNSAYABLE or not lossy):
            raise LossyDowngradeError(self.catalog.name(message), self.resolve(to), losses)
        downgraded: dict[str, Any] = taken
        return downgraded

    def losses(self, payload: Any, message: str | type, *, to: str) -> tuple[Loss, ...]:
        """What taking a payload back to an older revision would lose."""
        return tuple(self._take_back(payload, message, to)[1])

    def _take_back(self, payload: Any, message: str | type, to: str) -> tuple[Any, list[Loss]]:
        name = self.catalog.name(message)
        if not isinstance(payload, dict):
            raise not_an_object(name, payload)
        losses: list[Loss] = []
        taken = self.downgrades(to).message(name, payload, "", losses)
        return (dict(payload) if taken is payload else taken), losses

    # Detection

    def _name(self, message: str | type | None) -> str | None:
        return None if message is None else self.catalog.name(message)

    @cached_property
    def _index(self) -> ShapeIndex:
        return ShapeIndex(self.revisions, shapes_of([self._tables[name].messages for name in self.revisions]))

    def detect(self, payload: Any, message: str | type | None = None) -> tuple[Candidate, ...]:
        """Every (message, first revision, last revision) that a bare payload can be.

        Fields that the protocol does not know do not hinder, where nothing fits without them.
        """
        return tuple(self._index.candidate(self._index.fitting(payload, self._name(message))))

    def detect_all(self, payloads: Iterable[Any], message: str | type | None = None) -> tuple[str, ...]:
        """The revisions that could have written all the payloads, oldest first; those that fit nothing do not count."""
        possible = set(range(len(self.revisions)))
        for payload in payloads:
            fitting = self._index.fitting(payload, self._name(message))
            if fitting:
                possible &= {number for shape in fitting for number in range(shape.first, shape.last + 1)}
        return tuple(self.revisions[number] for number in sorted(possible))

    def identify(
        self,
        payload: Any,
        message: str | type | None = None,
        *,
        among: Sequence[str] | None = None,
        fill: Mapping[str, Any] | None = None,
    ) -> Detection:
        """What a bare payload is, as far as it matters: which message, and a revision to upgrade it from.

        Args:
            message: full or short name, or the class, where it is known.
            among: the revisions that come into question; all, where it is None.
            fill: as for :meth:`upgrade`.

        Raises:
            AmbiguousPayloadError: it can be several messages, or it means different things in different revisions.
            UnknownPayloadError: it can be none.
        """
        fitting = self._index.fitting(payload, self._name(message))
        if among is not None:
            numbers = {self.revisions.index(self.resolve(release)) for release in among}
            fitting = [shape for shape in fitting if not numbers.isdisjoint(range(shape.first, shape.last + 1))]
        # Every release wrote its tags unless told not to, so what fits without leaving one out goes first.
        fitting = [shape for shape in fitting if shape.tags <= payload.keys()] or fitting
        candidates = tuple(self._index.candidate(fitting))
        if not fitting:
            raise UnknownPayloadError("the payload fits no message of any revision in question")
        newest = max(fitting, key=lambda shape: shape.last)
        if len(fitting) > 1 and not self._agree(payload, fitting, newest, fill):
            apart = (self._index.candidate([shape])[0] for shape in fitting)
            raise AmbiguousPayloadError(map(str, apart))
        return Detection(newest.message, self.revisions[newest.last], candidates)

    def _agree(self, payload: Any, shapes: Iterable[Shape], newest: Shape, fill: Mapping[str, Any] | None) -> bool:
        """Whether upgrades from all the shapes say the same: equal payloads, or payloads of equal messages."""
        cls = self.catalog.get(newest.message)
        expected = self.upgrade(payload, cls, since=self.revisions[newest.last], fill=fill)
        for shape in shapes:
            if shape.message != newest.message:
                return False
            upgraded = self.upgrade(payload, cls, since=self.revisions[shape.last], fill=fill)
            if upgraded != expected and from_plain(cls, upgraded, unknown="ignore") != from_plain(
                cls, expected, unknown="ignore"
            ):
                return False
        return True


def _as_of_then(tables: Tables) -> Tables:
    """The tables with every type as it was: enumerations with their members of then, unions with their messages."""

    def as_of_then(kind: Type) -> Type:
        match kind:
            case Member():
                members = tables.enums.get(kind.name, dict(kind.members))
                return kind if dict(kind.members) == members else Member(kind.name, members)
            case Choice(options=options):
                known = tuple(option for option in options if option.name in tables.messages)
                return Choice(known, kind.tag) if len(known) > 1 else known[0] if known else kind
            case _:
                return kind

    def fields_then(spec: Spec) -> Spec:
        fields = tuple(attrs.evolve(field, type=replace(field.type, as_of_then)) for field in spec.fields)
        for field in fields:
            for nested in nested_in(field.type):
                if nested.name not in tables.messages:
                    raise LookupError(
                        f"{spec.name}.{field.name} holds {nested.name} before it came: the history is wrong"
                    )
        return attrs.evolve(spec, fields=fields)

    return attrs.evolve(tables, messages={name: fields_then(spec) for name, spec in tables.messages.items()})


def _typed_dict_fields(cls: type) -> dict[str, str]:
    import typing

    hints = typing.get_type_hints(cls)
    return {
        name: hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
        for name, hint in hints.items()
    }
