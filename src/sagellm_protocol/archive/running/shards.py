"""Sources cut into what one worker does at a time, and the names of what becomes of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

import attrs

from sagellm_protocol.archive.formats import Form
from sagellm_protocol.archive.storage import REJECTED, Source

_KNOWN = re.compile(r"(?:\.(?:jsonl|ndjson|json|msgpack|mpk|mp))?(?:\.(?:gz|gzip|zst|zstd))?$", re.IGNORECASE)
_LAST = re.compile(r"(?:\.[^./]*)?$")
_NUMBERED = re.compile(r"(?:\.[0-9]{5,}){1,2}$")

Releases: TypeAlias = "tuple[str, ...]"
"""The revisions that could have written a source; empty, where all come into question."""

RETRIED = "retried"
"""The folder of records that were set aside once, and upgraded later."""


@attrs.frozen
class Shard:
    """A source, or a stretch of one: a record belongs to the stretch in which it starts."""

    source: Source
    form: Form
    number: int = 0
    """From 0."""
    of: int = 1
    start: int = 0
    """Bytes."""
    stop: int | None = None
    """Bytes; None is the end of the source."""
    releases: Releases | None = None
    """The revisions that could have written the source, where they were looked for; none, where all may have."""

    @property
    def size(self) -> int | None:
        """Bytes; None where nobody knows before they are read."""
        if self.stop is not None:
            return self.stop - self.start
        return None if self.source.size is None else self.source.size - self.start


def cut(source: Source, form: Form, size: int, share: float | None = None) -> list[Shard]:
    """The shards of a source: stretches of ``size`` bytes at the most, where it can be cut.

    Args:
        source: a source.
        form: its form.
        size: bytes.
        share: of each stretch only so much is to be read.
    """
    if not form.splittable or not source.size:
        return [Shard(source, form)]
    count = -(-source.size // size)
    bounds = [number * source.size // count for number in range(count + 1)]
    shards = []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        end = stop if share is None else start + max(1, round((stop - start) * share))
        shards.append(Shard(source, form, number, count, start, end))
    return shards


@attrs.frozen
class Base:
    """The name of an output without numbers: what stands before them, and behind."""

    stem: str
    suffix: str

    def name(self, *numbers: int) -> str:
        """The name with numbers in it: ``log.00002.jsonl``."""
        return self.stem + "".join(f".{number:05}" for number in numbers) + self.suffix

    def owns(self, name: str) -> bool:
        """Whether a name is this one, with numbers or without."""
        if not (name.startswith(self.stem) and name.endswith(self.suffix)):
            return False
        between = name[len(self.stem) : len(name) - len(self.suffix)]
        return not between or _NUMBERED.fullmatch(between) is not None


def base_of(name: str, source: Form, output: Form) -> Base:
    """The base of the outputs of a source: its own name; where the form changes, with the suffix of the new one."""
    known = _KNOWN.search(name)
    start = len(name) if known is None else known.start()
    # A name that is nothing but suffix, such as ".jsonl", is a stem.
    if start == 0 or name[start - 1] == "/":
        start = len(name)
    if output != source:
        return Base(name[:start], output.suffix)
    if start == len(name):
        last = _LAST.search(name)
        start = last.start() if last is not None and last.start() > name.rfind("/") + 1 else start
    return Base(name[:start], name[start:])


def rejected_base(base: Base) -> Base:
    """The base of the files of records set aside, which are JSON Lines whatever the source is."""
    suffix = base.suffix if base.suffix.endswith(".jsonl") else base.suffix + ".jsonl"
    return Base(f"{REJECTED}/{base.stem}", suffix)


class Names:
    """The bases of outputs, found by a name of one of them."""

    def __init__(self, bases: Iterable[Base] = ()) -> None:
        self._bases: dict[str, list[Base]] = {}
        for base in bases:
            self.add(base)

    def add(self, base: Base) -> None:
        """One more."""
        self._bases.setdefault(base.stem, []).append(base)

    def owners(self, name: str) -> Iterator[Base]:
        """The bases that a name can come of."""
        # A stem ends at a dot of the name, or is all of it.
        ends = [match.start() for match in re.finditer(r"\.", name)] + [len(name)]
        for end in ends:
            for base in self._bases.get(name[:end], ()):
                if base.owns(name):
                    yield base
