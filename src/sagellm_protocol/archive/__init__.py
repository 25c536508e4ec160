"""Archives: files of bare payloads, one JSON object a line, brought to today's revision."""

from __future__ import annotations

from sagellm_protocol.archive.batch import REJECTED, REPORT, Watch, upgrade_archive
from sagellm_protocol.archive.counting import Counts, TypeCounts
from sagellm_protocol.archive.exceptions import ArchiveError, RefusedError, UnreadableError
from sagellm_protocol.archive.files import upgrade_file
from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.report import FileReport, Report
from sagellm_protocol.archive.upgrading import Upgraded, Upgrader

__all__ = [
    "AUTO",
    "REJECTED",
    "REPORT",
    "ArchiveError",
    "Counts",
    "FileReport",
    "Options",
    "RefusedError",
    "Report",
    "TypeCounts",
    "UnreadableError",
    "Upgraded",
    "Upgrader",
    "Watch",
    "upgrade_archive",
    "upgrade_file",
]
