"""Many files into one folder: checked before any work, reported after each, gone on with after a stop."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from sagellm_protocol.archive.exceptions import ArchiveError, RefusedError, UnreadableError
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.archive.files import releases_of, upgrade_file
from sagellm_protocol.archive.locking import LOCK, alone_in
from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.outputs import remove_left_over, whole_files
from sagellm_protocol.archive.report import FileReport, Fingerprint, Report
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.history import HISTORY, History

REPORT = "report.json"
REJECTED = "rejected"

_REPORT_SHARE = 20
"""One part in so many of the time may go into writing the report."""


class Watch:
    """Told how the work goes; does nothing with it. What a method raises stops the work, and nothing is half-done."""

    def begin(self, total: int) -> None:
        """The files that remain to be done have so many bytes, counted once for each time that they are read."""

    def begin_file(self, name: str) -> None:
        """A file is begun."""

    def advance(self, size: int) -> None:
        """So many more bytes are behind."""


@attrs.frozen
class _Task:
    """A source and where what becomes of it goes."""

    source: Path
    fingerprint: Fingerprint
    target: Path
    rejected: Path

    @property
    def name(self) -> str:
        return self.source.name


def upgrade_archive(
    sources: Iterable[Path],
    output: Path,
    options: Options | None = None,
    *,
    force: bool = False,
    history: History = HISTORY,
    watch: Watch | None = None,
) -> Report:
    """Upgrade files into a folder, each under its own name, with ``rejected/`` and ``report.json`` beside them.

    ``report.json`` names each finished source as it was when it was read. A source that has not changed since, and
    for which the same was asked, is not read again; so a run that was stopped is gone on with by the same call. A file
    that cannot be read is noted in the report, and the others go on. Two runs are not at work in one folder at a time.

    Args:
        sources: files of JSON Lines, also within gzip.
        output: a folder, made if need be.
        options: how records are read and written.
        force: overwrite outputs, and do finished files again, unless the last run was stopped.
        history: the revisions and messages.
        watch: told how the work goes.

    Returns:
        All that stands in ``report.json``, files of earlier runs included.

    Raises:
        RefusedError: nothing was done, since something would be overwritten, sources share a name, or another run is at
            work in the folder.
        ArchiveError: ``report.json`` is no report.
        UnsupportedRevisionError: the options name a message or release that does not exist.
        ValidationError: they fill a field that no record in question can lack.
        OSError: an output, or the report of an earlier run, cannot be written or read.
    """
    watch = watch or Watch()
    options = (options or Options()).resolved(history)
    sources = list(sources)
    _refuse([*_unfit_sources(sources), *_shared_names(sources), *_no_folders(output)])
    output.mkdir(parents=True, exist_ok=True)
    with alone_in(output):
        for folder in (output, output / REJECTED):
            remove_left_over(folder)
        tasks, report = _plan(sources, output, options, history, force=force)
        for task in tasks:
            report.files[task.name] = FileReport(task.fingerprint)
        writer = _ReportWriter(report, output / REPORT)
        writer.write()
        upgraders = _Upgraders(options, history)
        try:
            watch.begin(sum(task.fingerprint.size for task in tasks) * (2 if options.since == AUTO else 1))
            for task in tasks:
                watch.begin_file(task.name)
                report.files[task.name] = _upgrade(task, upgraders, watch)
                writer.write_in_turn()
        finally:
            writer.write()
    return report


def _upgrade(task: _Task, upgraders: _Upgraders, watch: Watch) -> FileReport:
    report = FileReport(task.fingerprint)
    try:
        if upgraders.options.since == AUTO:
            report.releases = releases_of(
                task.source, upgraders.history, upgraders.options.message, progress=watch.advance
            )
        # A file that no single release can have written tells nothing of its records.
        upgrader = upgraders.among(tuple(report.releases or ()))
        upgrade_file(task.source, task.target, task.rejected, upgrader, report, progress=watch.advance)
    except UnreadableError as error:
        return FileReport(task.fingerprint, error=one_line(error))
    report.finished = True
    return report


@attrs.define
class _Upgraders:
    """One upgrader for each set of releases in question: they generate code when they are first used."""

    options: Options
    history: History
    _made: dict[tuple[str, ...], Upgrader] = attrs.field(factory=dict, init=False)

    def among(self, releases: tuple[str, ...]) -> Upgrader:
        """That for some releases; for all, where there are none."""
        if releases not in self._made:
            self._made[releases] = Upgrader(self.options, history=self.history, among=releases or None)
        return self._made[releases]


@attrs.define
class _ReportWriter:
    """Writes the report as often as it may cost."""

    report: Report
    path: Path
    _next: float = 0.0

    def write(self) -> None:
        """Write it now."""
        began = time.monotonic()
        with whole_files() as output:
            output(self.path, False).write(self.report.to_json())
        ended = time.monotonic()
        self._next = ended + (ended - began) * _REPORT_SHARE

    def write_in_turn(self) -> None:
        """Write it unless it was written just now."""
        if time.monotonic() >= self._next:
            self.write()


# What is to be done


def _plan(
    sources: Sequence[Path], output: Path, options: Options, history: History, *, force: bool
) -> tuple[list[_Task], Report]:
    """What remains to be done, and the report of what was done before.

    Raises:
        RefusedError: with every reason.
        ArchiveError: there is a report that is none.
    """
    tasks = [_task(source, output, options, history) for source in sources]
    _refuse(_overwritten_sources(tasks, output))
    try:
        report = Report.read(output / REPORT)
    except ArchiveError:
        if not force:
            raise
        report = Report()
    # After a whole run force means again; after a stopped one it means what it meant then.
    again = force and report.complete
    remaining = [task for task in tasks if again or not _is_finished(task, report)]
    places = [(task, place) for task in remaining for place in (task.target, task.rejected)]
    _refuse([f"{place} is a folder" for _, place in places if place.is_dir()])
    if not force:
        taken = [
            f"{place} is there already"
            for task, place in places
            if not _was_begun(task, report) and os.path.lexists(place)
        ]
        _refuse([*taken, "nothing is overwritten without --force"] if taken else [])
    return remaining, report


def _refuse(reasons: Iterable[str]) -> None:
    """Raise ``RefusedError`` if there are any reasons."""
    told = tuple(reasons)
    if told:
        raise RefusedError(told)


def _no_folders(output: Path) -> list[str]:
    return [f"{path} is no folder" for path in (output, output / REJECTED) if path.exists() and not path.is_dir()]


def _unfit_sources(sources: Sequence[Path]) -> list[str]:
    reasons = [f"{source} is no file" for source in sources if not source.is_file()]
    reasons += [
        f"{source} cannot be written under its own name, which is that of something else in the folder"
        for source in sources
        if source.name in (REPORT, REJECTED, LOCK)
    ]
    return reasons


def _shared_names(sources: Sequence[Path]) -> list[str]:
    by_name: dict[str, list[Path]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    return [
        f"{' and '.join(map(str, sharing))} would both become {name}"
        for name, sharing in by_name.items()
        if len(sharing) > 1
    ]


def _task(source: Path, output: Path, options: Options, history: History) -> _Task:
    status = source.stat()
    fingerprint = Fingerprint(
        str(source.resolve()), status.st_size, status.st_mtime_ns, options.to_plain(), history.latest
    )
    return _Task(source, fingerprint, output / source.name, output / REJECTED / source.name)


def _overwritten_sources(tasks: Sequence[_Task], output: Path) -> list[str]:
    places = [output / REPORT, *(place for task in tasks for place in (task.target, task.rejected))]
    taken = {(status.st_dev, status.st_ino) for place in places if place.exists() for status in [place.stat()]}
    return [
        f"{task.source} is a source and would be overwritten"
        for task in tasks
        for status in [task.source.stat()]
        if (status.st_dev, status.st_ino) in taken
    ]


def _is_finished(task: _Task, report: Report) -> bool:
    earlier = report.files.get(task.name)
    if earlier is None or not earlier.finished or earlier.fingerprint != task.fingerprint:
        return False
    return task.target.exists() and (task.rejected.exists() or not earlier.counts.rejected)


def _was_begun(task: _Task, report: Report) -> bool:
    """Whether an output without an end is this work's own: of a run that was killed between a file and its report."""
    earlier = report.files.get(task.name)
    return earlier is not None and not earlier.finished
