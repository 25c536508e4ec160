"""A protocol's history, along which payloads go: forwards, backwards, and to where they are from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from threading import RLock
from types import MappingProxyType
from typing import Any, TypeVar

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.backwards import Backwards
from sagellm_protocol.history.changes import Revision
from sagellm_protocol.history.chronicle import Chronicle
from sagellm_protocol.history.detecting import Candidate, ShapeIndex, shapes_of
from sagellm_protocol.history.forwards import Forwards, Legs
from sagellm_protocol.history.holding import Upgrade
from sagellm_protocol.history.hooks import Hook, Repair
from sagellm_protocol.history.identifying import Detection, Past, detect, detect_all, identify
from sagellm_protocol.history.losing import Losses, Taking
from sagellm_protocol.history.lossy import Chosen, LossChoice, asked_of, chosen, refuse_unlosable
from sagellm_protocol.history.meaning import Meaning
from sagellm_protocol.history.payloads import walkable
from sagellm_protocol.history.resting import Naming, Way, rest_between, rest_of_today
from sagellm_protocol.history.routes import Routes
from sagellm_protocol.history.stashing import Stashes
from sagellm_protocol.history.stops import stops
from sagellm_protocol.history.unstashing import Rest
from sagellm_protocol.model.annotations import may_nest_without_end, read_type
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, Loss, UnknownPayloadError
from sagellm_protocol.model.kinds import Nested, Type
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.paths import ROOT

H = TypeVar("H", bound=Hook)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class History(Chronicle):
    """The revisions of a protocol, run forwards and backwards.

    Args:
        revisions: newest first; the classes of ``catalog`` are the newest.
        catalog: the messages of today.
        version: the version of the package that the classes stand in. Where no revision lists it as a release, since it
            is in the works, it speaks today's.

    Raises:
        HistoryError: revisions or releases are out of order, or given twice. What else contradicts itself in the list
            is found when a table is first derived from it, before any payload is touched.
    """

    def __init__(self, revisions: Iterable[Revision], catalog: Catalog, *, version: str | None = None) -> None:
        super().__init__(revisions, catalog, version=version)
        self._lock = RLock()
        """Held while hooks change, and while what is kept below is found out: that is with the hooks of then."""
        self._hooks: dict[str, dict[str, list[Repair]]] = {}
        """By revision, and the message's name in it."""
        self.hooks_changed = 0
        """How often hooks were registered or taken out."""
        self._upgrades: dict[tuple[str, str | None], Forwards] = {}
        self._steps: dict[tuple[str | type, str], tuple[str, Upgrade, bool]] = {}
        self._known: dict[tuple[str | type, str], tuple[type, str, bool]] = {}
        self._hooks_of: dict[tuple[str, str], tuple[Repair, ...]] = {}
        self._downgrades: dict[str, Backwards] = {}
        self._stashes: dict[str, Stashes] = {}
        self._namings: dict[str, Naming] = {}
        self._rests: dict[tuple[str, str], Rest] = {}

    @cached_property
    def _legs(self) -> Legs:
        return Legs(self._eras, self._hooks)

    # Forwards

    def hook(self, message: str | type, *, since: str, down: Hook | None = None) -> Callable[[H], H]:
        """Register a site's own repair of payloads of a message and revision, before the published steps go on.

        The function gets a dict that is its own to the bottom, and returns the dict to go on with, or None to set the
        payload aside. Whatever it raises is raised as a :class:`HookError`. It runs wherever payloads of that revision
        are brought forward, and those of older ones when they have its form; also for messages within others. Where a
        payload does not tell whether it is so old, :meth:`identify` asks, if what the hook does makes a difference.

        Codecs at an older revision check a payload before hooks see it, so that a hook cannot repair an invalid one
        there; :meth:`upgrade` runs hooks first. Codecs at today's revision run no hooks.

        Args:
            message: full or short name, of today or of that revision, or the class.
            since: a release, or any of its revision.
            down: takes a payload back again: it is given payloads that are taken back to that revision, or past it,
                when they have its form. None says that it cannot, which is a loss.
        """
        name, revision = self.spec(message, since).name, self.resolve(since)

        def register(function: H) -> H:
            with self._lock:
                self._hooks.setdefault(revision, {}).setdefault(name, []).append(Repair(function, down))
                self._forget(revision)
            return function

        return register

    def unhook(self, function: Hook) -> None:
        """Take a hook out again, with its way back."""
        with self._lock:
            for revision, hooks in self._hooks.items():
                for repairs in hooks.values():
                    repairs[:] = [repair for repair in repairs if repair.up != function]
                self._forget(revision)

    @property
    def hooked(self) -> tuple[str, ...]:
        """What hooks are registered, oldest revision first: ``repairs.add_engine for types.Request of 0.1.0``."""
        return tuple(
            f"{repair} for {message} of {revision}"
            for revision in self.revisions
            for message, repairs in self._hooks.get(revision, {}).items()
            for repair in repairs
        )

    def without_hooks(self) -> History:
        """The same revisions and messages, with no hooks: those registered there do not count here."""
        return History(self._revisions, self.catalog, version=self.version)

    def _forget(self, revision: str) -> None:
        """What was found out with the hooks of before holds no longer."""
        self._legs.forget(revision)
        older = self.revisions[: self.revisions.index(revision) + 1]
        for name in older:
            self._downgrades.pop(name, None)
        for way in [way for way in self._upgrades if way[0] in older]:
            self._upgrades.pop(way)
        self._steps.clear()
        self._hooks_of.clear()
        # Last: whoever sees that they changed finds nothing of before.
        self.hooks_changed += 1

    def hooks_for(self, message: str, release: str) -> tuple[Repair, ...]:
        """The hooks that run when payloads of a message and revision are brought forward, for messages in it too."""
        if not self._hooks:
            return ()
        revision = self.resolve(release)
        found = self._hooks_of.get((message, revision))
        if found is None:
            with self._lock:
                found = self._hooks_of[message, revision] = self.upgrades(revision).hooks(self.cls(message, revision))
        return found

    def upgrades(self, release: str, until: str | None = None) -> Forwards:
        """The functions that bring payloads of a revision forward, to today or to another revision."""
        way = self.resolve(release), until
        found = self._upgrades.get(way)
        if found is None:
            with self._lock:
                found = self._upgrades[way] = Forwards(self._legs, *way)
        return found

    def upgrade(
        self,
        payload: Any,
        message: str | type,
        *,
        since: str,
        fill: Mapping[str, Any] | None = None,
        stash: bool = False,
    ) -> dict[str, Any]:
        """A payload as today's revision writes it.

        Nothing is validated here beyond what the steps need; decode the result to do so. Fields that the protocol does
        not know stay as they are. The payload is not changed, and the result shares what did not change with it.

        Args:
            payload: what that release wrote, as a dict.
            message: full or short name, or the class.
            since: the release that wrote it, or any of its revision.
            fill: values for required fields that the old payload does not have, by field name: ``{"engine_id": "e7"}``.
            stash: put back what :meth:`downgrade` stashed in it, where the payload still says there what it did; also
                that of a revision between then and today.

        Raises:
            ValidationError: it is no dict, the steps would lose a value, or what is stashed in it does not fit.
            DecodeError: it nests too deep, or holds itself.
            HookError: a site's hook failed, or set it aside.
            UnsupportedRevisionError: no such release, or no such message in it.
        """
        found = self._steps.get((message, since))
        if found is None:
            with self._lock:
                found = self._steps[message, since] = self._step(message, since)
        name, step, endless = found
        given = walkable(name, payload, endless)
        if stash:
            return dict(self.unstashed(Nested(name, self.cls(message, since)), since, given, fill or _NOTHING, step))
        upgraded: dict[str, Any] = step(given, fill or _NOTHING)
        return upgraded

    def unstashed(self, kind: Type, since: str, payload: Any, fill: Mapping[str, Any], straight: Upgrade | None) -> Any:
        """A payload of a release brought forward, and what was stashed in it put back.

        Args:
            kind: what it is today.
            since: the release.
            payload: a plain one, as that release writes it.
            fill: as for :meth:`upgrade`.
            straight: what brings it forward where it need not stop on the way.

        Raises:
            ValidationError, DecodeError, HookError: as for :meth:`upgrade`.
        """
        revision = self.resolve(since)
        through: Sequence[str] = ()
        if named := set(self._naming(revision).named(kind, payload)):
            between = self.revisions[self.revisions.index(revision) : -1]
            through = [name for name in between if name in named]
        way = Way(kind, revision, through, fill, straight, self.upgrades, partial(self._rest, revision))
        return way.gone(payload, self.latest)

    def _step(self, message: str | type, since: str) -> tuple[str, Upgrade, bool]:
        spec = self.spec(message, since)
        step = self.upgrades(since).upgrade(spec.name) or (lambda payload, _: dict(payload))
        return full_name(spec.cls), step, may_nest_without_end(read_type(spec.cls))

    # Backwards

    def downgrades(self, release: str) -> Backwards:
        """What it takes to take payloads back to a revision."""
        revision = self.resolve(release)
        found = self._downgrades.get(revision)
        if found is None:
            with self._lock:
                passed = stops(self._eras, self._hooks, revision)[::-1]
                found = Backwards(self._eras, self._eras.places[revision], revision, passed)
                self._downgrades[revision] = found
        return found

    def downgrade(
        self, payload: Any, message: str | type, *, to: str, lossy: LossChoice = False, stash: bool = False
    ) -> dict[str, Any]:
        """A payload of today as an older revision writes it.

        Args:
            payload: as today's revision writes it.
            message: full or short name, or the class.
            to: a release, or any of its revision.
            lossy: leave out what the older revision cannot say, where a valid payload remains: all of it, what stands
                at some paths or below them (``"metrics.prompt_tokens"``, ``"choices[*].logprobs"``), or what a
                function says that is given each :class:`~sagellm_protocol.Loss`.
            stash: keep what the older revision cannot say in the free ``metadata`` of the message itself, or of the
                nearest one around what would be lost, under the key ``"sagellm_protocol.stash"``. What that is, is
                found by bringing the payload forward again, with the hooks that there are.

        Raises:
            LossyDowngradeError: naming each value that would be lost, and that ``lossy`` does not take.
            OptionError: ``lossy`` names what cannot be lost in that message, or its function fails.
            ValidationError: it is no dict, or the key of a stash is in its metadata.
            DecodeError: it nests too deep, or holds itself.
            UnsupportedRevisionError: no such release.
        """
        cls, name, endless = self._asked(message, to)
        given, taking = walkable(name, payload, endless), self._taking(lossy, cls)
        back = self.stashes(to) if stash else self.downgrades(to)
        return dict(back.taken_back(cls, given, lossy=taking))

    def stashes(self, release: str) -> Stashes:
        """What it takes to take payloads back to a revision, and stash what that cannot say."""
        revision = self.resolve(release)
        found = self._stashes.get(revision)
        if found is None:
            today = self._rest(revision, self.latest)
            found = Stashes(today, partial(self.downgrades, revision), partial(self.upgrades, revision))
            self._stashes[revision] = found
        return found

    def _naming(self, revision: str) -> Naming:
        found = self._namings.get(revision)
        if found is None:
            then = self._eras.today.by_class(self._eras.places[revision])
            found = self._namings[revision] = Naming(Meaning(then.__getitem__))
        return found

    def _rest(self, since: str, revision: str) -> Rest:
        """Where payloads of one revision stop for what a newer one, or today's, stashed in them."""
        key = since, revision
        found = self._rests.get(key)
        if found is None:
            make = rest_of_today if revision == self.latest else rest_between
            found = self._rests[key] = make(self._eras, *key)
        return found

    def _taking(self, lossy: LossChoice, message: type) -> Taking:
        if isinstance(lossy, bool):
            return lossy
        choice = chosen(lossy)
        self.refuse_unlosable(choice, message)
        return asked_of(choice)

    def refuse_unlosable(self, choice: Chosen, message: str | type | None = None) -> None:
        """Refuse paths at which nothing can be lost in a message; in any message, where it is None.

        Raises:
            OptionError: naming such a path.
        """
        if isinstance(choice, tuple):
            classes = self.catalog.messages.values() if message is None else [self.cls(message)]
            refuse_unlosable(choice, self._losable, [Nested(full_name(cls), cls) for cls in classes])

    def losses(self, payload: Any, message: str | type, *, to: str) -> tuple[Loss, ...]:
        """What taking a payload back to an older revision would lose.

        Those that are ``droppable`` :meth:`downgrade` leaves out whatever ``lossy`` says; any other is an error there.
        """
        cls, name, endless = self._asked(message, to)
        losses = Losses(every=True)
        self.downgrades(to).message(cls, walkable(name, payload, endless), ROOT, losses)
        return tuple(losses.found)

    def _asked(self, message: str | type, release: str) -> tuple[type, str, bool]:
        """The class of a message, its name of today, and whether it may nest without end; found out once."""
        found = self._known.get((message, release))
        if found is None:
            cls = self.cls(message, release)
            found = self._known[message, release] = cls, full_name(cls), may_nest_without_end(read_type(cls))
        return found

    # Detection

    @cached_property
    def shapes(self) -> ShapeIndex:
        """The shapes of all messages, over the revisions in which they did not change."""
        return ShapeIndex(self.revisions, shapes_of(self._eras, self._ways))

    @cached_property
    def _past(self) -> Past:
        return Past(self.catalog, self.revisions, self.shapes, self.resolve, self.name, self.hooks_for, self.upgrade)

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
        while True:
            hooks_then = self._hooks_now()
            try:
                found = identify(self._past, payload, message, among, fill)
            except (AmbiguousPayloadError, UnknownPayloadError):
                if hooks_then == self._hooks_now():
                    raise
            else:
                if hooks_then == self._hooks_now():
                    return found

    def _hooks_now(self) -> int:
        """How often hooks were changed, once no change is under way: what is found out between two is of one time."""
        with self._lock:
            return self.hooks_changed
