"""What is in an archive, and whether it keeps the rules: looked through, and nothing written."""

from __future__ import annotations

from sagellm_protocol.archive.surveys.findings import Finding, Findings
from sagellm_protocol.archive.surveys.inspecting import inspect_archive, inspect_stream
from sagellm_protocol.archive.surveys.inspection import Inspection, Seen, SourceSeen
from sagellm_protocol.archive.surveys.rules import Broken, Rules
from sagellm_protocol.archive.surveys.validating import SourceChecked, Validation, validate_archive, validate_stream

__all__ = [
    "Broken",
    "Finding",
    "Findings",
    "Inspection",
    "Rules",
    "Seen",
    "SourceChecked",
    "SourceSeen",
    "Validation",
    "inspect_archive",
    "inspect_stream",
    "validate_archive",
    "validate_stream",
]
