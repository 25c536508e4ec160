"""How records stand in a file: its form recognised, its records read in batches, and written."""

from __future__ import annotations

from sagellm_protocol.archive.formats.batches import BATCH, Batch, Damage
from sagellm_protocol.archive.formats.forms import Compression, Form, Layout, Wire, form_of, stem_of
from sagellm_protocol.archive.formats.reader import MAX_RECORD, Reader
from sagellm_protocol.archive.formats.recognising import opened, recognise
from sagellm_protocol.archive.formats.writer import Writer

__all__ = [
    "BATCH",
    "MAX_RECORD",
    "Batch",
    "Compression",
    "Damage",
    "Form",
    "Layout",
    "Reader",
    "Wire",
    "Writer",
    "form_of",
    "opened",
    "recognise",
    "stem_of",
]
