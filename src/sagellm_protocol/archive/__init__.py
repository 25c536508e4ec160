"""Archives: files of bare payloads, in many forms and places, brought to today's revision."""

from __future__ import annotations

from sagellm_protocol.archive.batching import UpgradedBatch
from sagellm_protocol.archive.converting import convert_archive, convert_stream
from sagellm_protocol.archive.counting import Counts, TypeCounts
from sagellm_protocol.archive.exceptions import (
    ArchiveError,
    RefusedError,
    StrictError,
    TooManyRejectedError,
    UnreadableError,
)
from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.running import (
    REJECTED,
    REPORT,
    RETRIED,
    FileReport,
    HooksError,
    Limits,
    Progress,
    Report,
    Watch,
    Writing,
    dask,
    retry,
    upgrade_archive,
    upgrade_stream,
)
from sagellm_protocol.archive.upgraded import Upgraded
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.archive.wires import Wire

__all__ = [
    "AUTO",
    "REJECTED",
    "REPORT",
    "RETRIED",
    "ArchiveError",
    "Counts",
    "FileReport",
    "HooksError",
    "Limits",
    "Options",
    "Progress",
    "RefusedError",
    "Report",
    "StrictError",
    "TooManyRejectedError",
    "TypeCounts",
    "UnreadableError",
    "Upgraded",
    "UpgradedBatch",
    "Upgrader",
    "Watch",
    "Wire",
    "Writing",
    "convert_archive",
    "convert_stream",
    "dask",
    "retry",
    "upgrade_archive",
    "upgrade_stream",
]
