"""What a history says: its revisions and releases, and what each of them defines; no payload is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sagellm_protocol.catalog import Catalog, UnknownMessageError
from sagellm_protocol.history.changes import Revision
from sagellm_protocol.history.defining import HistoryError, Tables
from sagellm_protocol.history.deprecating import Deprecation, Deprecations, deprecations_of
from sagellm_protocol.history.eras import Eras
from sagellm_protocol.history.filling import Lacking, assumed, held, lacking
from sagellm_protocol.history.forwards import Forwards, Legs
from sagellm_protocol.history.lossy import Losable, losable
from sagellm_protocol.history.tables import message_table, revision_table
from sagellm_protocol.history.undoing import refuse_disorder
from sagellm_protocol.model.deprecated import ask_from_now_on
from sagellm_protocol.model.exceptions import DeclarationError, UnsupportedRevisionError
from sagellm_protocol.model.frozen import EMPTY
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.spec import Spec

LATEST = "latest"
"""A name for today's revision."""


class Chronicle:
    """The revisions of a protocol, and the messages of each; :class:`~.timeline.History` runs payloads along them."""

    def __init__(self, revisions: Iterable[Revision], catalog: Catalog, *, version: str | None = None) -> None:
        self._revisions = tuple(revisions)
        refuse_disorder(self._revisions)
        self.catalog = catalog
        self.version = version
        ask_from_now_on(catalog, self)

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
        """The revision that a release speaks; a revision's own name, ``"latest"`` and :attr:`version` do as well.

        Raises:
            UnsupportedRevisionError: no such release.
        """
        found = self._names.get(release)
        if found is None:
            known = ", ".join(self.revisions)
            raise UnsupportedRevisionError(f"no release is called {release!r}; the revisions are {known}")
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        """Whatever stands for a revision. What is listed as a release speaks what the list says."""
        own = {} if self.version is None else {self.version: self.latest}
        return {**own, **self.releases, LATEST: self.latest}

    @cached_property
    def _derived(self) -> tuple[Eras, Deprecations]:
        eras = Eras(self.catalog, self._revisions)
        return eras, deprecations_of(self._revisions, eras.tables)

    @property
    def _eras(self) -> Eras:
        return self._derived[0]

    @property
    def _tables(self) -> dict[str, Tables]:
        return self._eras.tables

    def cls(self, message: str | type, release: str | None = None) -> type:
        """The class of a message, by its name of today or of then: messages may have been renamed.

        Args:
            message: full or short name, or the class.
            release: whose names are looked at first; where it is None, those of today are, and then all older ones.

        Raises:
            UnknownMessageError: no message has that name, or which one is meant is not clear.
        """
        if isinstance(message, type):
            return self.catalog.get(message)
        revision = None if release is None else self.resolve(release)
        if revision not in (None, self.latest) and (spec := self._tables[revision].messages.get(message)) is not None:
            return spec.cls
        try:
            return self.catalog.get(message)
        except UnknownMessageError:
            for name in reversed(self.revisions) if revision is None else [revision]:
                then = self._tables[name].messages
                called = {full: spec.cls for full, spec in then.items() if message in (full, full.rpartition(".")[2])}
                if message in called or len(called) == 1:
                    return called.get(message) or next(iter(called.values()))
            raise

    def name(self, message: str | type, release: str | None = None) -> str:
        """What today calls a message; as for :meth:`cls`."""
        return full_name(self.cls(message, release))

    @property
    def eras(self) -> Eras:
        """The history in eras, between which values are converted."""
        return self._eras

    def specs(self, release: str) -> Mapping[str, Spec]:
        """The messages of a revision, by full name."""
        return self._tables[self.resolve(release)].messages

    def spec(self, message: str | type, release: str) -> Spec:
        """A message at a revision.

        Raises:
            UnsupportedRevisionError: there was no such message yet.
        """
        cls, revision = self.cls(message, release), self.resolve(release)
        spec = self._eras.today.by_class(self._eras.places[revision]).get(cls)
        if spec is None:
            name = full_name(cls)
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
        """What a revision changed, and what it says of itself: its date, a note, what it deprecates."""
        name = self.resolve(release)
        return next(revision for revision in self._revisions if revision.name == name)

    def deprecated(self, release: str = LATEST, *, ahead: bool = False) -> Mapping[str, Deprecation]:
        """What is deprecated at a revision, by it or an older one: by full name of then, ``types.Request.prompt``.

        Args:
            release: a release, or any of its revision.
            ahead: also what later revisions deprecate, under the names that it has at this one.
        """
        return self._derived[1].at(self.resolve(release), ahead=ahead)

    def deprecated_in(self, cls: type) -> Mapping[str, str]:
        """What is deprecated of a class of today, in sentences, for its help: see :mod:`.model.deprecated`.

        Nothing where the history is wrong: whoever uses it is told.
        """
        if cls.__module__ not in self.catalog.modules or not any(it.deprecates for it in self._revisions):
            return EMPTY
        try:
            return self._derived[1].deprecated_in(cls)
        except (HistoryError, DeclarationError):
            return EMPTY

    def since(self, message: str | type, field: str | None = None) -> str:
        """The revision with which a message, or a field of it by today's name, came."""
        found = self._eras.since(self._eras.today, self.cls(message), field)
        if found is None:
            raise UnsupportedRevisionError(f"{message} has no field {field!r}")
        return found

    def fillable(self, message: str | type | None = None, since: str | None = None) -> dict[str, tuple[Type, ...]]:
        """The fields that ``fill`` can give a value: required when they came, and lacking in an older revision.

        Args:
            message: only its fields and those of the messages in it; of every message, where it is None.
            since: only fields that this release lacks; that any lacks, where it is None.

        Returns:
            The types that such a field has in today's messages, or had when its values were converted, by its name.

        Raises:
            UnsupportedRevisionError: no such message, or no such release.
        """
        release = None if since is None else self.resolve(since)
        cls = None if message is None else self.cls(message, release)
        found: dict[str, dict[Type, None]] = {}
        for it in self._lacking:
            if release in (None, it.revision) and (cls is None or it.message in held(self._eras, cls, it.revision)):
                found.setdefault(it.field, {})[it.type] = None
        return {name: tuple(types) for name, types in found.items()}

    @cached_property
    def _lacking(self) -> tuple[Lacking, ...]:
        return tuple(lacking(self._eras, self._ways))

    @cached_property
    def _ways(self) -> tuple[Forwards, ...]:
        """The ways of payloads from each revision to today, oldest first, where a site has no hooks."""
        legs = Legs(self._eras, {})
        return tuple(Forwards(legs, revision) for revision in self.revisions)

    @cached_property
    def assumed(self) -> frozenset[str]:
        """The fields that an upgrade gives a value of its own, such as ``"unknown"``, where ``fill`` does not."""
        return frozenset(assumed(self._eras))

    @cached_property
    def _losable(self) -> Losable:
        return losable(tables.messages for tables in self._tables.values())

    @cached_property
    def droppable(self) -> Mapping[str, str]:
        """The fields that are left out for peers of before they came, whatever ``lossy`` says, and when that was.

        ``{"types.Response.prompt_tokens": "0.5.4.16"}``, and so on.
        """
        marked = sorted((full_name(cls), field) for cls, field in self._eras.today.first.droppable)
        return {f"{message}.{field}": self.since(message, field) for message, field in marked}
