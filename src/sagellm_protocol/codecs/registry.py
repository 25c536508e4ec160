"""Which codecs there are: by name, by media type, and from other packages."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from sagellm_protocol.codecs.codec import Codec
from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.codecs.options import Options
from sagellm_protocol.model.exceptions import OptionError, ProtocolError, UnknownCodecError
from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.wording import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "sagellm_protocol.codecs"
"""Entry-point group: each entry is named after its codec and loads a :class:`Registration` or a format maker."""

KEPT = 128
"""How many codecs are kept: of more, the one goes that has options and was not asked for the longest."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}")
"""RFC 6838, 4.2."""

PLAIN = Options()
"""The options of those who give none."""


def _check_make(_: Registration, __: attrs.Attribute[Any], make: object) -> None:
    if not callable(make):
        raise OptionError(f"make must be a function that gives a Format, got {short(make)}")


def _check_media_type(_: Registration, __: attrs.Attribute[Any], media_type: object) -> None:
    if media_type is not None and not (isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type)):
        raise OptionError(f"media_type must be like 'application/cbor', without parameters, got {short(media_type)}")


@attrs.frozen
class Registration:
    """A codec to be: how its format is made, and its media type.

    Raises:
        OptionError: ``make`` is no function, or ``media_type`` no media type.
    """

    make: Callable[[], Format] = attrs.field(validator=_check_make)
    media_type: str | None = attrs.field(default=None, validator=_check_media_type)


@attrs.define(eq=False)
class _Entry:
    """A name, what is registered under it, and its format; both are made once, when they are first asked for."""

    name: str
    load: Callable[[], Registration]
    source: str = ""
    """Where it comes from, if from another package."""
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _registration: Registration | None = attrs.field(default=None, init=False)
    _failure: str | None = attrs.field(default=None, init=False)
    _format: Format | None = attrs.field(default=None, init=False)

    def registration(self) -> Registration:
        """What is registered.

        Raises:
            UnknownCodecError: it comes from another package, which fails: now, or when it was first asked for.
        """
        with self._lock:
            if self._failure is not None:
                raise UnknownCodecError(self._failure)
            if self._registration is None:
                try:
                    self._registration = self.load()
                except Exception as error:  # whatever a package of others raises
                    self._failure = f"the codec {short(self.name)} cannot be loaded: {self.source}: {_told(error)}"
                    raise UnknownCodecError(self._failure) from error
            return self._registration

    def media_type(self, failures: list[str]) -> str | None:
        """Its media type; None where it has none, or fails, which is told among the failures."""
        try:
            return self.registration().media_type
        except UnknownCodecError as error:
            failures.append(str(error))
            return None

    def codec(self, options: Options) -> Codec[Any]:
        """A new codec with these options.

        Raises:
            UnknownCodecError: it cannot be loaded, or its format cannot be made.
        """
        registration = self.registration()
        with self._lock:
            if self._format is None:
                self._format = self._make(registration)
        return Codec(self.name, self._format, options, registration.media_type)

    def _make(self, registration: Registration) -> Format:
        try:
            format: object = registration.make()
        except ProtocolError:
            raise
        except Exception as error:  # whatever a maker of others raises
            raise UnknownCodecError(f"the codec {short(self.name)} cannot be made: {_told(error)}") from error
        if not isinstance(format, Format):
            raise UnknownCodecError(f"the codec {short(self.name)} cannot be made: {short(format)} is no Format")
        return format


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {cut(str(error), 300)}"


@attrs.define(eq=False)
class Registry:
    """Registered codecs, and those made so far: one for each name and choice of options, as long as it is kept."""

    _built_in: Mapping[str, Registration] = attrs.field(factory=dict)
    """What is always there, and never replaced."""
    _entries: dict[str, _Entry] = attrs.field(init=False)
    _made: OrderedDict[tuple[_Entry, Options], Codec[Any]] = attrs.field(factory=OrderedDict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    """Held for moments alone: never while something is loaded or made."""
    _found: dict[str, _Entry] | None = attrs.field(default=None, init=False)
    """What other packages bring; None until somebody asks."""
    _unreadable: list[str] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._entries = {name: _registered(name, registration) for name, registration in self._built_in.items()}

    def register(self, name: str, make: Callable[[], Format], *, media_type: str | None = None) -> None:
        """Add a codec. It goes before one of the same name that another package brings.

        Args:
            name: what :func:`get` is asked for.
            make: gives the format; called once, when the codec is first asked for.
            media_type: what :func:`negotiate` finds it by, e.g. ``application/cbor``.

        Raises:
            OptionError: the name or the media type is taken, or one of the three is not what it should be.
        """
        registration = Registration(make, media_type)
        if not _is_name(name):
            raise OptionError(f"name must be a text that is not empty, got {short(name)}")
        with self._lock:
            if name in self._entries:
                instead = "" if name in self._built_in else ", or unregister that one first"
                raise OptionError(f"there is a codec {short(name)} already: choose another name{instead}")
            for other, entry in self._entries.items():
                taken = entry.registration().media_type
                if media_type is not None and taken is not None and taken.lower() == media_type.lower():
                    raise OptionError(f"{media_type} is the media type of the codec {short(other)} already")
            self._entries[name] = _registered(name, registration)

    def unregister(self, name: str) -> None:
        """Take a codec out again that was registered; where there is none of that name, nothing happens.

        Raises:
            OptionError: the codec is built in.
        """
        if name in self._built_in:
            raise OptionError(f"the codec {name!r} is built in, and stays")
        with self._lock:
            gone = self._entries.pop(name, None)
            for key in [key for key in self._made if key[0] is gone]:
                del self._made[key]

    def names(self) -> tuple[str, ...]:
        """Every codec, those of other packages included, which are not loaded for that."""
        return tuple(self._all())

    def media_types(self) -> tuple[dict[str, str], list[str]]:
        """The media type of every codec that has one, by name; and why others cannot be asked."""
        media_types: dict[str, str] = {}
        failures: list[str] = []
        for name, entry in self._all().items():
            media_type = entry.media_type(failures)
            if media_type is not None:
                media_types[name] = media_type
        return media_types, failures

    def get(self, name: str, options: Options) -> Codec[Any]:
        """The codec of that name with those options, made on first use.

        Raises:
            OptionError: the name is no text.
            UnknownCodecError: none has that name, or the package that brings it fails.
        """
        entry = self._entry(name)
        key = (entry, options)
        with self._lock:
            codec = self._made.get(key)
            if codec is not None:
                self._made.move_to_end(key)
                return codec
        made = entry.codec(options)
        with self._lock:
            codec = self._made.setdefault(key, made)
            self._made.move_to_end(key)
            if len(self._made) > KEPT:
                self._drop_one()
        return codec

    def _drop_one(self) -> None:
        for key in self._made:
            if key[1] != PLAIN:
                del self._made[key]
                break

    def _entry(self, name: str) -> _Entry:
        if not isinstance(name, str):
            raise OptionError(f"name must be text, got {short(name)}")
        # Looking for other packages' codecs takes time that those of this package need not wait for.
        entry = self._entries.get(name) or self._others().get(name)
        if entry is None:
            names = self.names()
            raise UnknownCodecError(
                f"no codec is called {short(name)}{did_you_mean(name, names)}; there are {', '.join(sorted(names))}"
                + "".join(f"; {reason}" for reason in self._unreadable)
            )
        return entry

    def _all(self) -> dict[str, _Entry]:
        # First those of here, in their order, and none of them hidden by one of the same name from elsewhere.
        return {**self._entries, **self._others(), **self._entries}

    def _others(self) -> dict[str, _Entry]:
        found = self._found
        if found is None:
            unreadable: list[str] = []
            found = _from_packages(unreadable)
            with self._lock:
                if self._found is None:
                    self._found, self._unreadable = found, unreadable
                found = self._found
        return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _registered(name: str, registration: Registration) -> _Entry:
    return _Entry(name, lambda: registration)


def _from_packages(unreadable: list[str]) -> dict[str, _Entry]:
    """The entry points of what is installed, by name; and why the metadata of some cannot be read."""
    from importlib.metadata import distributions  # Programs that ask for built-in codecs alone need not load it.

    points: dict[str, dict[str, EntryPoint]] = {}
    packages = set()
    for distribution in distributions():
        try:
            found = distribution.entry_points.select(group=ENTRY_POINTS)
            package = distribution.metadata["Name"] if found else None
        except Exception as error:  # whatever the reader of the metadata raises: it knows no error of its own
            unreadable.append(f"the entry points of an installed package cannot be read: {_told(error)}")
            continue
        # As for modules, what stands first on the path hides what comes later.
        if found and package not in packages:
            packages.add(package)
            for point in found:
                points.setdefault(point.name, {})[point.value] = point
    return {name: _from_package(name, list(several.values())) for name, several in points.items()}


def _from_package(name: str, points: list[EntryPoint]) -> _Entry:
    def load() -> Registration:
        point, *others = points
        if others:
            raise UnknownCodecError("more than one package brings it")
        found = point.load()
        return found if isinstance(found, Registration) else Registration(found)

    return _Entry(name, load, " and ".join(f"entry point {name} = {cut(point.value)}" for point in points))
