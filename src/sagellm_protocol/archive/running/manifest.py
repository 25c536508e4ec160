"""What is done: a small file for each shard, written when its outputs are whole, just before they take their places.

So whatever stands in its place is known here, and a shard counts as done where all its outputs are there.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import orjson

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import ArchiveError
from sagellm_protocol.archive.naming import from_text, to_text
from sagellm_protocol.archive.running.shards import Base
from sagellm_protocol.archive.storage import OWN, PLAN, Folder, Source
from sagellm_protocol.archive.strict import structure
from sagellm_protocol.history.named import PROTOCOL

_SHARDS, _RETRIES, _RELEASES = f"{OWN}/shards", f"{OWN}/retries", f"{OWN}/releases"
_READING = 16
"""Files read side by side."""
_CHUNK = 1 << 20
EXAMPLES = 5
"""So many records set aside are told of, for each shard; the files in ``rejected/`` have them all."""


def digest(value: Any) -> str:
    """A digest of plain data."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


@attrs.frozen
class Rejection:
    """A record that was set aside."""

    offset: int
    """Bytes before it in the source, decompressed."""
    reason: str


@attrs.frozen
class Output:
    """A file that was written."""

    name: str
    records: int
    bytes: int
    sha256: str

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return attrs.asdict(self) | {"name": to_text(self.name)}


@attrs.frozen
class Stamp:
    """A source as it was when it was read."""

    name: str
    url: str
    size: int | None
    stamp: str

    @classmethod
    def of(cls, source: Source) -> Stamp:
        """That of a source."""
        return cls(to_text(source.name), to_text(source.url), source.size, source.stamp)


@attrs.frozen
class Done:
    """What became of one shard, or of a file of records set aside that was fed back."""

    source: Stamp
    asked: str
    """A digest of all else that decides on the result: options, hooks, forms, limits, the version of this package."""
    number: int
    of: int
    start: int
    stop: int | None
    read: int
    """Records read, damage included."""
    sha256: str
    """Of what was read: of all the source's bytes, or of those of the stretch."""
    outputs: list[Output]
    rejected: Output | None
    counts: Counts
    rejections: list[Rejection]
    """The first five."""
    releases: list[str] | None = None
    """With ``since="auto"``: the revisions that could have written the whole source; none, where it is of several."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return attrs.asdict(self, recurse=False) | {
            "source": attrs.asdict(self.source),
            "outputs": [output.to_plain() for output in self.outputs],
            "rejected": None if self.rejected is None else self.rejected.to_plain(),
            "counts": self.counts.to_plain(),
            "rejections": [attrs.asdict(rejection) for rejection in self.rejections],
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Done:
        """Out of what :meth:`to_plain` gave.

        Raises:
            TypeError, KeyError: it is something else.
        """
        done: Done = structure(cls, data)
        named = [attrs.evolve(output, name=from_text(output.name)) for output in done.outputs]
        aside = done.rejected and attrs.evolve(done.rejected, name=from_text(done.rejected.name))
        return attrs.evolve(done, outputs=named, rejected=aside)

    @property
    def name(self) -> str:
        """The source's."""
        return from_text(self.source.name)

    @property
    def written(self) -> list[Output]:
        """All its outputs, those of records set aside included."""
        return [*self.outputs, *([] if self.rejected is None else [self.rejected])]


@attrs.frozen
class _Found:
    """The revisions that could have written a source."""

    source: Stamp
    asked: str
    releases: list[str]


class Manifest:
    """What is done in a folder: by source, and by shard. Kept in files of the folder, so that it outlives the run."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def done(self) -> dict[str, dict[int, Done]]:
        """Shards by source and number.

        Raises:
            ArchiveError: a file of the manifest is none.
        """
        found: dict[str, dict[int, Done]] = {}
        for done in self._read(_SHARDS):
            found.setdefault(done.name, {})[done.number] = done
        return found

    def retried(self) -> dict[str, list[Done]]:
        """What was fed back, by the file of records set aside that it came from."""
        found: dict[str, list[Done]] = {}
        for done in self._read(_RETRIES):
            found.setdefault(done.name, []).append(done)
        return found

    def unfinished_retries(self, retried: Mapping[str, Sequence[Done]]) -> list[Done]:
        """Those that ended before the file of records set aside had changed."""
        unfinished = []
        for name, retries in retried.items():
            now = self.sha256(name)
            unfinished += [it for it in retries if it.sha256 == now]
        return unfinished

    def sha256(self, name: str) -> str | None:
        """The digest of a file of the folder; None where there is none."""
        sha256 = hashlib.sha256()
        try:
            with self.folder.open(name) as file:
                while data := file.read(_CHUNK):
                    sha256.update(data)
        except FileNotFoundError:
            return None
        return sha256.hexdigest()

    def _read(self, under: str) -> Iterator[Done]:
        # Storage elsewhere takes its time over each.
        with ThreadPoolExecutor(_READING) as threads:
            yield from threads.map(self._done, self.folder.names(under))

    def _done(self, name: str) -> Done:
        with self._understood(name):
            return Done.from_plain(orjson.loads(self.folder.read(name) or b""))

    @contextlib.contextmanager
    def _understood(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, KeyError) as error:
            raise ArchiveError(
                f"{name} in {self.folder.url} is no part of a manifest, or one of a later version. To begin anew, "
                f"remove {OWN} there and overwrite with --force"
            ) from error

    def add(self, done: Done) -> None:
        """A shard is done: its outputs are about to take their places."""
        self.folder.write(_shard_name(done.name, done.number), _pretty(done.to_plain()))

    def add_retry(self, done: Done) -> None:
        """A file of records set aside was fed back: the outputs, and then what remains, are about to take places."""
        self.folder.write(_retry_name(done), _pretty(done.to_plain()))

    def forget(self, shards: Sequence[Done], retries: Sequence[Done]) -> None:
        """What was done is to be done anew.

        Its outputs go before what is said of them, so that there never are any that nobody knows; those of a shard go
        first, so that it is done anew also where this ends in between.
        """
        for done in [*shards, *retries]:
            for output in done.outputs:
                self.folder.remove(output.name)
        for done in shards:
            if done.rejected is not None:
                self.folder.remove(done.rejected.name)
        for done in retries:
            self.folder.remove(_retry_name(done))
        for done in shards:
            self.folder.remove(_shard_name(done.name, done.number))

    def releases(self, source: Source, asked: str) -> list[str] | None:
        """The revisions that could have written a source, where that was found out before.

        Raises:
            ArchiveError: what was kept of it is something else.
        """
        name = _releases_name(source.name)
        data = self.folder.read(name)
        if data is None:
            return None
        with self._understood(name):
            found: _Found = structure(_Found, orjson.loads(data))
        return found.releases if (found.source, found.asked) == (Stamp.of(source), asked) else None

    def add_releases(self, source: Source, asked: str, releases: Sequence[str]) -> None:
        """Keep the revisions that could have written a source."""
        found = _Found(Stamp.of(source), asked, list(releases))
        self.folder.write(_releases_name(source.name), _pretty(attrs.asdict(found)))


@attrs.frozen
class Kept:
    """What is kept of all runs into a folder: the names that are theirs, and what the last one was asked."""

    bases: list[Base] = attrs.field(factory=list)
    options: dict[str, Any] | None = None
    hooks: list[str] = attrs.field(factory=list)
    history: str | None = PROTOCOL
    """``module:attribute``; None: one that has no such name."""
    complete: bool = False
    """Whether the last run came to its end."""

    @classmethod
    def read(cls, folder: Folder) -> Kept:
        """What is kept in a folder.

        Raises:
            ArchiveError: its file holds something else.
        """
        data = folder.read(PLAN)
        if data is None:
            return cls()
        try:
            kept: Kept = structure(cls, orjson.loads(data))
        except (ValueError, TypeError, KeyError) as error:
            raise ArchiveError(f"{PLAN} in {folder.url} is no plan of a run") from error
        named = [Base(from_text(base.stem), from_text(base.suffix)) for base in kept.bases]
        return attrs.evolve(kept, bases=named)

    def write(self, folder: Folder) -> None:
        """Keep it."""
        bases = [{"stem": to_text(base.stem), "suffix": to_text(base.suffix)} for base in self.bases]
        folder.write(PLAN, _pretty(attrs.asdict(self, recurse=False) | {"bases": bases}))


def _shard_name(name: str, number: int) -> str:
    return f"{_SHARDS}/{_short(name)}-{number:05}.json"


def _retry_name(done: Done) -> str:
    return f"{_RETRIES}/{_short(done.name)}-{done.sha256[:16]}.json"


def _releases_name(name: str) -> str:
    return f"{_RELEASES}/{_short(name)}.json"


def _short(name: str) -> str:
    """A name of a file for any name of a source: they may be long, and hold anything."""
    return digest(to_text(name))[:24]


def _pretty(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
