"""MessagePack, one object after the other."""

from __future__ import annotations

from collections.abc import Iterator

from sagellm_protocol.codecs.walking import BrokenObjectError, Walk, whole_objects
from sagellm_protocol.streams.framing.damage import Damage, too_large


class ObjectSplitter:
    """Splits bytes into MessagePack objects. Implements ``Splitter``.

    Args:
        limit: how many bytes an object may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        """The object that has not ended."""
        self._start = 0
        """Where it begins."""
        self._walk: Walk | None = None
        """Over what is held."""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The objects that end in this data: where each begins, and its bytes."""
        at = 0
        for end in self._ends(data):
            part = data[at:end]
            if self._held:
                part = bytes(self._held) + part
                self._held.clear()
            if len(part) > self._limit:
                raise too_large(self._start, self._limit)
            yield self._start, part
            self._start += len(part)
            at = end
        self._held += data[at:]
        if len(self._held) > self._limit:
            raise too_large(self._start, self._limit)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """Nothing, if the bytes end here between two objects.

        Raises:
            Damage: an object has begun.
        """
        if self._held:
            raise Damage(self._start, "the object breaks off before its end")
        yield from ()

    def _ends(self, data: bytes) -> Iterator[int]:
        at = 0
        while at < len(data):
            if self._walk is None:
                for end in whole_objects(data, at):
                    at = end
                    yield end
                if at == len(data):
                    return
                # What does not end here, or is nested deeper than the library goes, is gone over by ourselves.
                self._walk = Walk()
            try:
                found = self._walk.end(data, at)
            except BrokenObjectError as error:
                raise Damage(self._start, f"no MessagePack: {error}") from None
            if found is None:
                return
            self._walk = None
            at = found
            yield at
