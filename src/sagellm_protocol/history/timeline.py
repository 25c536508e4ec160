"""A protocol's history: its classes of today, and the list of what each revision changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Revision, Tables
from sagellm_protocol.history.detecting import Candidate, ShapeIndex, shapes_of
from sagellm_protocol.history.downgrading import Downgrades, Losses
from sagellm_protocol.history.hooks import Hook, hook_name
from sagellm_protocol.history.identifying import Detection, Past, detect, detect_all, identify
from sagellm_protocol.history.payloads import walkable
from sagellm_protocol.history.routes import Routes
from sagellm_protocol.history.tables import message_table, reachable, revision_table
from sagellm_protocol.history.undoing import refuse_disorder, tables_of
from sagellm_protocol.history.upgrading import Upgrade, Upgrades
from sagellm_protocol.model.annotations import may_nest_without_end, read_type
from sagellm_protocol.model.exceptions import Loss, UnsupportedRevisionError
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import REQUIRED, Field, Spec

H = TypeVar("H", bound=Hook)

_NOTHING: Mapping[str, Any] = MappingProxyType({})

LATEST = "latest"
"""A name for today's revision."""


class History:
    """The revisions of a protocol, run forwards and backwards.

    Args:
        revisions: newest first; the classes of ``catalog`` are the newest.
        catalog: the messages of today.

    Raises:
        HistoryError: revisions or releases are out of order, or given twice. What else contradicts itself in the list
            is found when a table is first derived from it, before any payload is touched.
    """

    def __init__(self, revisions: Iterable[Revision], catalog: Catalog) -> None:
        self._revisions = tuple(revisions)
        refuse_disorder(self._revisions)
        self.catalog = catalog
        self._hooks: dict[str, dict[str, list[Hook]]] = {}
        self.hooks_changed = 0
        """How often hooks were registered or taken out."""
        self._upgrades: dict[str, Upgrades] = {}
        self._steps: dict[tuple[str | type, str], tuple[str, Upgrade, bool]] = {}
        self._endless = cache(lambda name: may_nest_without_end(read_type(catalog.get(name))))
        self._hooks_of: dict[tuple[str, str], tuple[Hook, ...]] = {}
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
    def _derived(self) -> tuple[dict[str, Tables], Tables]:
        return tables_of(self.catalog, self._revisions)

    @property
    def _tables(self) -> dict[str, Tables]:
        return self._derived[0]

    @property
    def _unsaid(self) -> Mapping[tuple[str, str], Any]:
        """What older payloads hold in fields that came later and were required, by message and today's field name."""
        return self._derived[1].unsaid

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
            if spec is not None and (field is None or any(known.today == field for known in spec.fields)):
                return name
        raise UnsupportedRevisionError(f"{message} has no field {field!r}")

    def fillable(self, message: str | type | None = None, since: str | None = None) -> dict[str, tuple[Type, ...]]:
        """The fields that ``fill`` can give a value: required when they came, and lacking in an older revision.

        Args:
            message: only its fields and those of the messages in it; of every message, where it is None.
            since: only fields that this release lacks; that any lacks, where it is None.

        Returns:
            The types that such a field has in today's messages, by its name.

        Raises:
            UnsupportedRevisionError: no such message, or no such release.
        """
        names = None if message is None else reachable(self.catalog.name(message), self._tables[self.latest].messages)
        release = None if since is None else self.resolve(since)
        found: dict[str, dict[Type, None]] = {}
        for revision, name, field in self._lacking:
            if release in (None, revision) and (names is None or name in names):
                found.setdefault(field.name, {})[field.type] = None
        return {name: tuple(types) for name, types in found.items()}

    @cached_property
    def _lacking(self) -> tuple[tuple[str, str, Field], ...]:
        """The revisions and messages that lack a field of today's which was required when it came."""
        today = self._tables[self.latest].messages
        return tuple(
            (revision, name, field)
            for revision in self.revisions
            for name, old in self._tables[revision].messages.items()
            for field in today[name].fields
            if (name, field.name) in self._unsaid and all(known.today != field.name for known in old.fields)
        )

    @cached_property
    def assumed(self) -> frozenset[str]:
        """The fields that an upgrade gives a value of its own, such as ``"unknown"``, where ``fill`` does not."""
        return frozenset(field for (_, field), value in self._unsaid.items() if value is not REQUIRED)

    # Forwards

    def hook(self, message: str | type, *, since: str) -> Callable[[H], H]:
        """Register a site's own repair: it is given payloads of that message and revision before the published steps.

        The function gets a dict that is its own to the bottom, and returns the dict to go on with, or None to set the
        payload aside. Whatever it raises is raised as a :class:`HookError`. It runs wherever payloads of that revision
        are brought forward, also for messages within messages. Where a bare payload does not tell whether it is of that
        revision, :meth:`identify` asks, if what the hook does makes a difference.

        Codecs at an older revision check a payload before hooks see it, so that a hook cannot repair an invalid one
        there; :meth:`upgrade` runs hooks first. Codecs at today's revision run no hooks.
        """
        name, revision = self.catalog.name(message), self.resolve(since)
        self.spec(name, revision)

        def register(function: H) -> H:
            self._hooks.setdefault(revision, {}).setdefault(name, []).append(function)
            self._upgrades.pop(revision, None)
            self._forget()
            return function

        return register

    def unhook(self, function: Hook) -> None:
        """Take a hook out again."""
        for revision, hooks in list(self._hooks.items()):
            for functions in hooks.values():
                while function in functions:
                    functions.remove(function)
            self._upgrades.pop(revision, None)
        self._forget()

    @property
    def hooked(self) -> tuple[str, ...]:
        """What hooks are registered: ``repairs.add_engine for types.Request of 0.1.0``."""
        return tuple(
            f"{hook_name(hook)} for {message} of {revision}"
            for revision, messages in self._hooks.items()
            for message, hooks in messages.items()
            for hook in hooks
        )

    def without_hooks(self) -> History:
        """The same revisions and messages, with no hooks: those registered there do not count here."""
        return History(self._revisions, self.catalog)

    def _forget(self) -> None:
        """What was found out with the hooks of before holds no longer."""
        self.hooks_changed += 1
        self._steps = {}
        self._hooks_of = {}

    def hooks_for(self, message: str, release: str) -> tuple[Hook, ...]:
        """The hooks that run when payloads of a message and revision are brought forward, for messages in it too."""
        if not self._hooks:
            return ()
        revision = self.resolve(release)
        found = self._hooks_of.get((message, revision))
        if found is None:
            hooks = self._hooks.get(revision, {})
            held = sorted(reachable(message, self._tables[revision].messages)) if hooks else ()
            found = self._hooks_of[message, revision] = tuple(hook for name in held for hook in hooks.get(name, ()))
        return found

    def upgrades(self, release: str) -> Upgrades:
        """The functions that bring payloads of a revision forward."""
        revision = self.resolve(release)
        upgrades = self._upgrades.get(revision)
        if upgrades is None:
            hooks = self._hooks.setdefault(revision, {})
            upgrades = Upgrades(revision, self._tables[revision].messages, self._derived[1], hooks)
            self._upgrades[revision] = upgrades
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
            DecodeError: it nests too deep, or holds itself.
            HookError: a site's hook failed, or set it aside.
            UnsupportedRevisionError: no such release, or no such message in it.
        """
        found = self._steps.get((message, since))
        if found is None:
            found = self._steps[message, since] = self._step(message, since)
        name, step, endless = found
        upgraded: dict[str, Any] = step(walkable(name, payload, endless), fill or _NOTHING)
        return upgraded

    def _step(self, message: str | type, since: str) -> tuple[str, Upgrade, bool]:
        name = self.catalog.name(message)
        upgrades = self.upgrades(since)
        if name not in upgrades.specs:
            self.spec(name, since)
        return name, upgrades.upgrade(name) or (lambda payload, _: dict(payload)), self._endless(name)

    # Backwards

    def downgrades(self, release: str) -> Downgrades:
        """What it takes to take payloads back to a revision."""
        revision = self.resolve(release)
        found = self._downgrades.get(revision)
        if found is None:
            found = Downgrades(revision, self._tables[revision].messages, self._derived[1], self.since)
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
            DecodeError: it nests too deep, or holds itself.
            UnsupportedRevisionError: no such release.
        """
        name = self.catalog.name(message)
        taken = self.downgrades(to).taken_back(name, walkable(name, payload, self._endless(name)), lossy=lossy)
        return dict(taken)

    def losses(self, payload: Any, message: str | type, *, to: str) -> tuple[Loss, ...]:
        """What taking a payload back to an older revision would lose."""
        name = self.catalog.name(message)
        losses = Losses()
        self.downgrades(to).message(name, walkable(name, payload, self._endless(name)), ROOT, losses)
        return tuple(losses.found)

    # Detection

    @cached_property
    def shapes(self) -> ShapeIndex:
        """The shapes of all messages, over the revisions in which they did not change."""
        return ShapeIndex(self.revisions, shapes_of([self._tables[name].messages for name in self.revisions]))

    @cached_property
    def _past(self) -> Past:
        return Past(self.catalog, self.revisions, self.shapes, self.resolve, self.hooks_for, self.upgrade)

    def routes(
        self,
        among: Sequence[str] | None = None,
        fill: Mapping[str, Any] | None = None,
        frame: Callable[[Any, str], Any] = lambda today, _: today,
    ) -> Routes:
        """What finds routes for payloads that are read and brought forward alike, with the hooks of now.

        Args:
            among: as for :meth:`identify`.
            fill: as for :meth:`upgrade`.
            frame: puts something around a payload of today, given with the full name of its message.
        """
        return Routes(self._past, self.upgrades, among, fill or {}, frame)

    def detect(self, payload: Any, message: str | type | None = None) -> tuple[Candidate, ...]:
        """Every (message, first revision, last revision) that a bare payload can be.

        Fields that the protocol does not know do not hinder, where nothing fits without them.
        """
        return detect(self._past, payload, message)

    def detect_all(self, payloads: Iterable[Any], message: str | type | None = None) -> tuple[str, ...]:
        """The revisions that could have written all the payloads, oldest first; those that fit nothing do not count."""
        return detect_all(self._past, payloads, message)

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
        return identify(self._past, payload, message, among, fill)
