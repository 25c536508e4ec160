"""Which codecs there are: by name, by media type, and from other packages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import attrs

from sagellm_protocol.codecs.codec import Codec, Options
from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.model.exceptions import UnknownCodecError

ENTRY_POINTS = "sagellm_protocol.codecs"
"""Entry-point group: each entry is named after its codec and loads a :class:`Registration` or a format maker."""


@attrs.frozen
class Registration:
    """A codec to be: how its format is made, and its media type."""

    make: Callable[[], Format]
    media_type: str | None = None


@attrs.define
class Registry:
    """Registered codecs, and those made so far: one for each name and choice of options."""

    _registered: dict[str, Registration] = attrs.field(factory=dict)
    _made: dict[tuple[Any, ...], Codec[Any]] = attrs.field(factory=dict)
    _formats: dict[str, Format] = attrs.field(factory=dict)
    _lock: threading.RLock = attrs.field(factory=threading.RLock)
    _searched: bool = False

    def register(self, name: str, make: Callable[[], Format], *, media_type: str | None = None) -> None:
        """Add a codec, or replace one of the same name.

        Args:
            name: what :meth:`get` is asked for.
            make: gives the format; called once, when the codec is first asked for.
            media_type: what :func:`negotiate` finds it by, e.g. ``application/cbor``.
        """
        with self._lock:
            self._registered[name] = Registration(make, media_type)
            self._formats.pop(name, None)
            self._made = {key: codec for key, codec in self._made.items() if key[0] != name}

    def unregister(self, name: str) -> None:
        """Take a codec out again."""
        with self._lock:
            self._registered.pop(name, None)
            self._formats.pop(name, None)
            self._made = {key: codec for key, codec in self._made.items() if key[0] != name}

    def registered(self) -> dict[str, Registration]:
        """Every codec by name, those of other packages included."""
        with self._lock:
            if not self._searched:
                for entry in entry_points(group=ENTRY_POINTS):
                    if entry.name not in self._registered:
                        found = entry.load()
                        self._registered[entry.name] = found if isinstance(found, Registration) else Registration(found)
                self._searched = True
            return dict(self._registered)

    def get(self, name: str, options: Options) -> Codec[Any]:
        """The codec of that name with those options, made on first use.

        Raises:
            UnknownCodecError: none has that name.
            UnsupportedRevisionError: no such revision.
        """
        options = attrs.evolve(options, revision=options.history.resolve(options.revision))
        key = (name, options, id(options.history), json.dumps(dict(options.fill), sort_keys=True, default=repr))
        codec = self._made.get(key)
        if codec is None:
            with self._lock:
                codec = self._made.get(key)
                if codec is None:
                    codec = self._made[key] = self._make(name, options)
        return codec

    def _make(self, name: str, options: Options) -> Codec[Any]:
        # Looking for other packages' codecs takes time that those of this package need not wait for.
        registration = self._registered.get(name) or self.registered().get(name)
        if registration is None:
            raise UnknownCodecError(f"no codec is called {name!r}; there are {', '.join(sorted(self._registered))}")
        if name not in self._formats:
            self._formats[name] = registration.make()
        return Codec(name, self._formats[name], options, registration.media_type)
