"""Where files are: sources, and the folder of outputs, on this machine or at any URL that fsspec knows."""

from __future__ import annotations

from sagellm_protocol.archive.storage.finding import find_sources
from sagellm_protocol.archive.storage.folder import Folder, Output
from sagellm_protocol.archive.storage.places import LEASE, LOCK, OWN, PLAN, REJECTED, REPORT
from sagellm_protocol.archive.storage.source import Source
from sagellm_protocol.archive.storage.store import Held

__all__ = ["LEASE", "LOCK", "OWN", "PLAN", "REJECTED", "REPORT", "Folder", "Held", "Output", "Source", "find_sources"]
