"""Standard input to standard output: one stream in, one out, nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from sagellm_protocol.archive.formats import Reader, recognise
from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.running.archives import upgrading
from sagellm_protocol.archive.running.choices import LIMITS, WRITING, Limits, Writing
from sagellm_protocol.archive.running.jobs import Aside, pour
from sagellm_protocol.archive.running.manifest import Done, Stamp
from sagellm_protocol.archive.running.opening import guarded
from sagellm_protocol.archive.running.outputs import Outputs
from sagellm_protocol.archive.running.report import FileReport
from sagellm_protocol.archive.running.runs import refuse_too_many
from sagellm_protocol.archive.running.watching import Tick, unheard
from sagellm_protocol.archive.running.works import Work
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.model.exceptions import OptionError

NAME = "-"
"""What the source is called in ``rejected``."""


def upgrade_stream(
    source: BinaryIO,
    output: BinaryIO,
    rejected: BinaryIO,
    options: Options | None = None,
    *,
    writing: Writing = WRITING,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    history: History | str = HISTORY,
    tick: Tick = unheard,
) -> FileReport:
    """Bring the records of one stream to today's revision and write them to another, as they come.

    Args:
        source: records in any form; it need not be seekable.
        output: flushed after each batch, and left open.
        rejected: where records set aside go, as lines of ``rejected/`` have them.
        options: how records are read; ``since="auto"`` would need to read all of it twice.
        writing: the form of the output; it cannot be rotated.
        limits: what it puts up with.
        hooks: as :func:`upgrade_archive` takes them.
        history: revisions and messages, as :func:`upgrade_archive` takes them.
        tick: told after each batch.

    Returns:
        What became of it.

    Raises:
        OptionError: ``since="auto"``, or a choice that means nothing here.
        UnreadableError: the source holds no records by its beginning, or cannot be read.
        StrictError: a record would have been set aside, and the limits do not allow it.
        TooManyRejectedError: more records were set aside than the limits allow, which is told in the end.
        OSError: an output cannot be written.
    """
    work = upgrading(options, hooks, history)
    if work.options.since == AUTO:
        raise OptionError('since="auto" reads a source twice, and a stream can be read once: name the release')
    return pass_through(work, source, output, rejected, writing, limits, tick)


def pass_through(
    work: Work,
    source: BinaryIO,
    output: BinaryIO,
    rejected: BinaryIO,
    writing: Writing,
    limits: Limits,
    tick: Tick,
) -> FileReport:
    """Do something with the records of one stream, as :func:`upgrade_stream` does.

    Raises:
        OptionError, UnreadableError, StrictError, TooManyRejectedError, OSError: as that says.
    """
    if writing.rotate is not None:
        raise OptionError("rotate means nothing where the output is one stream")
    stream = guarded(source)
    form = recognise(stream, NAME)
    to = writing.form(form)
    outputs = Outputs(lambda _: output, lambda _: NAME, to)
    aside = Aside(lambda _: rejected, NAME, NAME, form, limits)
    reader = Reader(stream, form, max_record=limits.max_record)

    def flushing(size: int, records: int, amiss: int) -> None:
        output.flush()
        tick(size, records, amiss)

    counts = pour(reader, work.begin(form.wire, to.wire, ()), outputs, aside, flushing)
    report = FileReport(
        done={
            0: Done(
                Stamp(NAME, NAME, None, ""),
                "",
                0,
                1,
                0,
                None,
                aside.read,
                reader.digest,
                outputs.close(),
                aside.close(),
                counts,
                aside.first,
            )
        }
    )
    report.check()
    refuse_too_many(counts, limits)
    return report
