"""What became of each source, made from what the manifest says of its shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import orjson

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import ArchiveError
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.running.manifest import EXAMPLES, Done, Output, Rejection


@attrs.define
class FileReport:
    """What became of one source."""

    shards: int = 1
    """So many there are."""
    done: dict[int, Done] = attrs.field(factory=dict)
    """Those that are done, by number."""
    error: str | None = None
    """Why it could not be read, if it could not."""
    retries: list[Done] = attrs.field(factory=list)
    """What was set aside and fed back."""

    @property
    def finished(self) -> bool:
        """Whether its output is whole."""
        return self.error is None and len(self.done) == self.shards

    @property
    def releases(self) -> list[str] | None:
        """With ``since="auto"``: the revisions that could have written all of it; none, where it is of several."""
        return next((done.releases for done in self._in_order()), None)

    @property
    def counts(self) -> Counts:
        """Of all shards that are done, as they were first read."""
        return _sum(done.counts for done in self.done.values())

    @property
    def retried(self) -> Counts:
        """Of the records that were fed back: those that went through; ``rejected`` is how many did not, each time."""
        return _sum(done.counts for done in self.retries)

    @property
    def set_aside(self) -> int:
        """Records that are in ``rejected/`` now."""
        retried = self.retried
        return self.counts.rejected - retried.upgraded - retried.unchanged

    @property
    def outputs(self) -> list[Output]:
        """All files that were written, in order."""
        return [output for done in self._in_order() for output in done.outputs]

    @property
    def rejections(self) -> list[Rejection]:
        """The first five records that are in ``rejected/`` now; all of them stand there."""
        return [it for done in self._last_words() for it in done.rejections][:EXAMPLES]

    @property
    def reasons(self) -> dict[str, int]:
        """Why the records that are in ``rejected/`` now are there, and how many of them."""
        return _sum(done.counts for done in self._last_words()).reasons

    def _last_words(self) -> list[Done]:
        """Who wrote each file of records set aside last."""
        last: dict[str, Done] = {}
        for done in self._in_order():
            if done.rejected is not None:
                last[done.rejected.name] = done
        for done in self.retries:
            # With each retry there are fewer: those that feed nothing through are not kept.
            if done.counts.rejected < last[done.name].counts.rejected:
                last[done.name] = done
        return list(last.values())

    def _in_order(self) -> list[Done]:
        return [done for _, done in sorted(self.done.items())]

    def check(self) -> None:
        """Records that went through and records set aside are all that were read.

        Raises:
            ArchiveError: they are not.
        """
        for done in [*self.done.values(), *self.retries]:
            written = sum(output.records for output in done.outputs)
            aside = 0 if done.rejected is None else done.rejected.records
            if done.read != written + aside or done.read != done.counts.records:
                raise ArchiveError(
                    f"{done.name}: {done.read} records were read, {written} written and {aside} set aside"
                )

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        first = next(iter(self._in_order()), None)
        return {
            "source": None if first is None else attrs.asdict(first.source),
            "finished": self.finished,
            "error": self.error,
            "shards": self.shards,
            "releases": self.releases,
            **self.counts.to_plain(),
            "retried": self.retried.to_plain() if self.retries else None,
            "set_aside": self.set_aside,
            "reasons": dict(sorted(self.reasons.items())),
            "rejections": [attrs.asdict(rejection) for rejection in self.rejections],
            "outputs": [output.to_plain() for output in self.outputs],
        }


@attrs.define
class Report:
    """What became of every source whose output stands in a folder."""

    files: dict[str, FileReport] = attrs.field(factory=dict)
    """By the name of the source."""
    asked: tuple[str, ...] = ()
    """The sources of the run that gives this, among them."""

    @property
    def complete(self) -> bool:
        """Whether nothing remains to be done."""
        return all(file.finished or file.error is not None for file in self.files.values())

    @property
    def total(self) -> Counts:
        """All that was done, together."""
        return _sum(file.counts for file in self.files.values())

    @property
    def set_aside(self) -> int:
        """Records that are in ``rejected/`` now."""
        return sum(file.set_aside for file in self.files.values())

    @property
    def reasons(self) -> dict[str, int]:
        """Why they are there, and how many of them."""
        return _sum(Counts(reasons=file.reasons) for file in self.files.values()).reasons

    def check(self) -> None:
        """Records that went through and records set aside are all that were read, in every shard.

        Raises:
            ArchiveError: they are not.
        """
        for file in self.files.values():
            file.check()

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data. Names that are no UTF-8 are escaped: ``bytes:caf%E9.jsonl``."""
        return {
            "complete": self.complete,
            "total": self.total.to_plain() | {"reasons": dict(sorted(self.reasons.items()))},
            "set_aside": self.set_aside,
            "files": {to_text(name): file.to_plain() for name, file in sorted(self.files.items())},
        }

    def to_json(self) -> bytes:
        """As it stands in ``report.json``."""
        return orjson.dumps(self.to_plain(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def report_of(done: Mapping[str, Mapping[int, Done]], retried: Mapping[str, list[Done]]) -> Report:
    """The report of what the manifest has.

    Args:
        done: shards, by source and number.
        retried: what was fed back, by the file of records set aside.
    """
    report = Report()
    for name, shards in done.items():
        of = {shard.of for shard in shards.values()}
        file = report.files[name] = FileReport(max(of), dict(shards))
        aside = [shard.rejected.name for shard in shards.values() if shard.rejected is not None]
        file.retries = [again for rejected in aside for again in retried.get(rejected, ())]
    return report


def _sum(found: Iterable[Counts]) -> Counts:
    total = Counts()
    for counts in found:
        total.add(counts)
    return total
