"""What became of each source, kept as JSON and read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import orjson

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import ArchiveError
from sagellm_protocol.archive.naming import from_text, to_text
from sagellm_protocol.archive.strict import structure

_EXAMPLES = 5


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

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {**attrs.asdict(self, recurse=False), "source": to_text(self.source)}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Fingerprint:
        """Out of what :meth:`to_plain` gave."""
        found: Fingerprint = structure(cls, data)
        return attrs.evolve(found, source=from_text(found.source))


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
            **self.fingerprint.to_plain(),
            "finished": self.finished,
            "error": self.error,
            "releases": self.releases,
            **self.counts.to_plain(),
            "rejections": [attrs.asdict(rejection) for rejection in self.rejections],
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> FileReport:
        """Out of what :meth:`to_plain` gave; the sums are made anew."""
        return cls(
            Fingerprint.from_plain(data),
            structure(bool, data["finished"]),
            structure(str | None, data["error"]),
            structure(list[str] | None, data["releases"]),
            structure(Counts, data),
            structure(list[Rejection], data["rejections"]),
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

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data. Names that are no UTF-8 are escaped: ``bytes:caf%E9.jsonl``."""
        return {
            "complete": self.complete,
            "total": self.total.to_plain(),
            "files": {to_text(name): file.to_plain() for name, file in self.files.items()},
        }

    def to_json(self) -> bytes:
        """As it stands in ``report.json``."""
        return orjson.dumps(self.to_plain(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, path: Path) -> Report:
        """The report of an earlier run; an empty one where there is none.

        Raises:
            ArchiveError: the file holds something else.
            OSError: it cannot be read.
        """
        try:
            files = structure(dict, structure(dict, orjson.loads(path.read_bytes()))["files"])
            report = cls({from_text(name): FileReport.from_plain(file) for name, file in files.items()})
            # What cannot be written again, like numbers past all bounds, is no report either.
            report.to_json()
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (ValueError, TypeError, KeyError) as error:
            raise ArchiveError(f"{path} is no report of an upgrade") from error
        return report
