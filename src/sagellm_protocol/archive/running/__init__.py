"""Runs over archives: cut into shards, done side by side, kept in a manifest, and gone on with after any end."""

from __future__ import annotations

from sagellm_protocol.archive.running.archives import upgrade_archive
from sagellm_protocol.archive.running.choices import SHARD_SIZE, Limits, Writing
from sagellm_protocol.archive.running.clusters import dask
from sagellm_protocol.archive.running.looking import Looks, Survey, look
from sagellm_protocol.archive.running.manifest import Done, Output, Rejection
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.repairs import HooksError
from sagellm_protocol.archive.running.report import FileReport, Report
from sagellm_protocol.archive.running.retrying import history_of, options_of, retry
from sagellm_protocol.archive.running.shards import RETRIED
from sagellm_protocol.archive.running.streams import upgrade_stream
from sagellm_protocol.archive.running.watching import Progress, Watch
from sagellm_protocol.archive.storage import REJECTED, REPORT

__all__ = [
    "REJECTED",
    "REPORT",
    "RETRIED",
    "SHARD_SIZE",
    "Done",
    "FileReport",
    "HooksError",
    "Limits",
    "Looks",
    "Means",
    "Output",
    "Progress",
    "Rejection",
    "Report",
    "Survey",
    "Watch",
    "Writing",
    "dask",
    "history_of",
    "look",
    "options_of",
    "retry",
    "upgrade_archive",
    "upgrade_stream",
]
