"""One stream looked through, as it comes."""

from __future__ import annotations

from typing import BinaryIO

from sagellm_protocol.archive.formats import Reader, recognise
from sagellm_protocol.archive.running import Progress, Survey, Watch
from sagellm_protocol.archive.running.opening import guarded
from sagellm_protocol.archive.running.sampling import sampled
from sagellm_protocol.archive.storage import Source

NAME = "-"
"""What the source is called."""


def look_at_stream(stream: BinaryIO, survey: Survey, max_record: int, sample: float | None, watch: Watch) -> None:
    """Have a survey see a stream.

    Args:
        stream: records in any form; it need not be seekable, and is left open.
        survey: an empty one.
        max_record: bytes of a record.
        sample: the share of the records to look at; None: all.
        watch: told after each batch how far it is.

    Raises:
        UnreadableError: the stream holds no records by its beginning, or cannot be read.
    """
    watch.begin(None)
    progress = Progress()
    reading = guarded(stream)
    form = recognise(reading, NAME)
    survey.begin(Source(NAME, NAME, None, ""), form)
    for batch in sampled(Reader(reading, form, max_record=max_record), sample):
        amiss = survey.see(batch)
        progress = progress.plus(batch.size, len(batch.records) + (batch.damage is not None), amiss, NAME)
        watch.advance(progress)
