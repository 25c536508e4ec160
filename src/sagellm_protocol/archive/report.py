"""What was found, what was changed and what was set aside: counted, added up, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import orjson

from sagellm_protocol.archive.exceptions import ArchiveError
from sagellm_protocol.archive.upgrading import Upgraded

_PATHS = 1000
OTHERS = "(others)"
"""What stands for the paths of unknown fields past the first thousand of a message."""
_EXAMPLES = 5


@attrs.define
class TypeCounts:
    """Records of one message."""

    upgraded: int = 0
    unchanged: int = 0
    revisions: dict[str, int] = attrs.field(factory=dict)
    """Records by the revisions that may have written them."""
    unknown_fields: dict[str, int] = attrs.field(factory=dict)
    """How many records have a field that the protocol does not know, by its path."""

    @property
    def records(self) -> int:
        """How many there are."""
        return self.upgraded + self.unchanged

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"records": self.records, **attrs.asdict(self)}


@attrs.define
class Counts:
    """What was found in a file, or in many."""

    rejected: int = 0
    blank: int = 0
    """Lines with nothing but white space: no records, but copied."""
    types: dict[str, TypeCounts] = attrs.field(factory=dict)

    @property
    def upgraded(self) -> int:
        """Records written anew."""
        return sum(counts.upgraded for counts in self.types.values())

    @property
    def unchanged(self) -> int:
        """Records that are today's form already, copied to the byte."""
        return sum(counts.unchanged for counts in self.types.values())

    @property
    def records(self) -> int:
        """All of them: upgraded, unchanged and rejected."""
        return self.upgraded + self.unchanged + self.rejected

    @property
    def revisions(self) -> dict[str, int]:
        """Records by the revisions that may have written them."""
        found: dict[str, int] = {}
        for counts in self.types.values():
            _add(found, counts.revisions)
        return dict(sorted(found.items()))

    def count(self, upgraded: Upgraded) -> None:
        """Count a record that went through."""
        counts = self.types.get(upgraded.message)
        if counts is None:
            counts = self.types[upgraded.message] = TypeCounts()
        if upgraded.record is None:
            counts.unchanged += 1
        else:
            counts.upgraded += 1
        counts.revisions[upgraded.revisions] = counts.revisions.get(upgraded.revisions, 0) + 1
        for path in upgraded.unknown:
            _count_path(counts.unknown_fields, path, 1)

    def add(self, other: Counts) -> None:
        """Add what was found elsewhere."""
        self.rejected += other.rejected
        self.blank += other.blank
        for name, theirs in other.types.items():
            ours = self.types.setdefault(name, TypeCounts())
            ours.upgraded += theirs.upgraded
            ours.unchanged += theirs.unchanged
            _add(ours.revisions, theirs.revisions)
            for path, count in theirs.unknown_fields.items():
                _count_path(ours.unknown_fields, path, count)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data, sums included."""
        return {
            "records": self.records,
            "upgraded": self.upgraded,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "blank": self.blank,
            "unknown_fields": sum(sum(counts.unknown_fields.values()) for counts in self.types.values()),
            "revisions": self.revisions,
            "types": {name: counts.to_plain() for name, counts in sorted(self.types.items())},
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Counts:
        """Out of what :meth:`to_plain` gave; the sums are made anew."""
        types = {
            name: TypeCounts(counts["upgraded"], counts["unchanged"], counts["revisions"], counts["unknown_fields"])
            for name, counts in data["types"].items()
        }
        return cls(data["rejected"], data["blank"], types)


def _add(ours: dict[str, int], theirs: Mapping[str, int]) -> None:
    for name, count in theirs.items():
        ours[name] = ours.get(name, 0) + count


def _count_path(counts: dict[str, int], path: str, count: int) -> None:
    # A key that is an identifier makes a path of its own in every record; memory stays bounded all the same.
    known = path in counts or len(counts) < _PATHS
    name = path if known else OTHERS
    counts[name] = counts.get(name, 0) + count


@attrs.define
class Rejection:
    """A record that was set aside."""

    line: int
    """From 1."""
    reason: str


@attrs.define
class Fingerprint:
    """A source as it was when it was read, and what was asked for: the same again need not be done again."""

    source: str
    """Absolute path."""
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970."""
    options: dict[str, Any]
    protocol: str
    """The revision that it was brought to."""


@attrs.define
class FileReport:
    """What became of one source."""

    fingerprint: Fingerprint
    finished: bool = False
    """Whether its output is whole."""
    error: str | None = None
    """Why it could not be read, if it could not."""
    releases: list[str] | None = None
    """With ``since="auto"``: the revisions that could have written the whole file; none, where it is of several."""
    counts: Counts = attrs.field(factory=Counts)
    rejections: list[Rejection] = attrs.field(factory=list)
    """The first five; all of them stand in ``rejected/``."""

    def reject(self, line: int, reason: str) -> None:
        """Count a record that is set aside."""
        self.counts.rejected += 1
        if len(self.rejections) < _EXAMPLES:
            self.rejections.append(Rejection(line, reason))

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            **attrs.asdict(self.fingerprint),
            "finished": self.finished,
            "error": self.error,
            "releases": self.releases,
            **self.counts.to_plain(),
            "rejections": [attrs.asdict(rejection) for rejection in self.rejections],
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> FileReport:
        """Out of what :meth:`to_plain` gave."""
        return cls(
            Fingerprint(**{field.name: data[field.name] for field in attrs.fields(Fingerprint)}),
            data["finished"],
            data["error"],
            data["releases"],
            Counts.from_plain(data),
            [Rejection(**rejection) for rejection in data["rejections"]],
        )


@attrs.define
class Report:
    """What became of every source whose output stands in a folder."""

    files: dict[str, FileReport] = attrs.field(factory=dict)
    """By file name."""

    @property
    def complete(self) -> bool:
        """Whether nothing remains to be done."""
        return all(file.finished or file.error is not None for file in self.files.values())

    @property
    def total(self) -> Counts:
        """All finished files together."""
        total = Counts()
        for file in self.files.values():
            if file.finished:
                total.add(file.counts)
        return total

    def to_json(self) -> bytes:
        """As it stands in ``report.json``."""
        plain = {
            "complete": self.complete,
            "total": self.total.to_plain(),
            "files": {name: file.to_plain() for name, file in self.files.items()},
        }
        return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, path: Path) -> Report:
        """The report of an earlier run; an empty one where there is none.

        Raises:
            ArchiveError: the file holds something else.
            OSError: it cannot be read.
        """
        try:
            data = orjson.loads(path.read_bytes())
            return cls({name: FileReport.from_plain(file) for name, file in data["files"].items()})
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArchiveError(f"{path} is no report of an upgrade") from error
