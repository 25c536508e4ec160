"""Many files into one folder: checked before any work, reported after each, gone on with after a stop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from sagellm_protocol.archive.exceptions import ArchiveError, RefusedError, UnreadableError
from sagellm_protocol.archive.files import releases_of, upgrade_file, whole_file
from sagellm_protocol.archive.options import AUTO, Options
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
    that cannot be read is noted in the report, and the others go on.

    Args:
        sources: files of JSON Lines, also ``.gz``.
        output: a folder, made if need be.
        options: how records are read and written.
        force: overwrite outputs, and do finished files again, unless the last run was stopped.
        history: the revisions and messages.
        watch: told how the work goes.

    Returns:
        All that stands in ``report.json``, files of earlier runs included.

    Raises:
        RefusedError: nothing was done, since something would be overwritten or sources share a name.
        ArchiveError: ``report.json`` is no report.
        UnsupportedRevisionError: the options name a message or release that does not exist.
        OSError: an output, or the report of an earlier run, cannot be written or read.
    """
    watch = watch or Watch()
    options = (options or Options()).resolved(history)
    tasks, report = _plan(list(sources), output, options, history, force=force)
    output.mkdir(parents=True, exist_ok=True)
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
        return FileReport(task.fingerprint, error=str(error))
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
        with whole_file(self.path) as file:
            file.write(self.report.to_json())
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
    reasons = [*_unfit_sources(sources), *_shared_names(sources)]
    if output.exists() and not output.is_dir():
        reasons.append(f"{output} is no folder")
    if (output / REJECTED).exists() and not (output / REJECTED).is_dir():
        reasons.append(f"{output / REJECTED} is no folder")
    if reasons:
        raise RefusedError(reasons)
    tasks = [_task(source, output, options, history) for source in sources]
    reasons = _overwritten_sources(tasks, output)
    if reasons:
        raise RefusedError(reasons)
    try:
        report = Report.read(output / REPORT)
    except ArchiveError:
        if not force:
            raise
        report = Report()
    # After a whole run force means again; after a stopped one it means what it meant then.
    again = force and report.complete
    remaining = [task for task in tasks if again or not _is_finished(task, report)]
    if not force:
        reasons = [
            f"{path} is there already"
            for task in remaining
            if not _was_begun(task, report)
            for path in (task.target, task.rejected)
            if path.exists()
        ]
        if reasons:
            raise RefusedError([*reasons, "nothing is overwritten without --force"])
    return remaining, report


def _unfit_sources(sources: Sequence[Path]) -> list[str]:
    reasons = [f"{source} is no file" for source in sources if not source.is_file()]
    reasons += [
        f"{source} cannot be written under its own name, which {REPORT} and {REJECTED} have"
        for source in sources
        if source.name in (REPORT, REJECTED)
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
