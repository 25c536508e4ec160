"""What forms a file of records may have, and how its name tells."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, TypeAlias

import attrs

Layout: TypeAlias = Literal["jsonl", "json", "msgpack"]
"""How records stand in a file: a line each; as the elements of one JSON array; as MessagePack, one after the other."""
Compression: TypeAlias = Literal["none", "gzip", "zstd"]
Wire: TypeAlias = Literal["json", "msgpack"]
"""How one record is written."""

LAYOUTS: dict[str, Layout] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".msgpack": "msgpack",
    ".mpk": "msgpack",
}
"""Layouts by the suffixes of file names. The first of each is the one that is written."""
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
"""Compressions by the suffixes of file names. The first of each is the one that is written."""
_LAYOUT_SUFFIXES = {layout: suffix for suffix, layout in reversed(LAYOUTS.items())}
_COMPRESSION_SUFFIXES = {compression: suffix for suffix, compression in reversed(COMPRESSIONS.items())}


@attrs.frozen
class Form:
    """The layout of a file and its compression."""

    layout: Layout = attrs.field(default="jsonl", validator=attrs.validators.in_(list(_LAYOUT_SUFFIXES)))
    compression: Compression = attrs.field(
        default="none", validator=attrs.validators.in_(["none", *_COMPRESSION_SUFFIXES])
    )

    @property
    def wire(self) -> Wire:
        """How one record is written."""
        return "msgpack" if self.layout == "msgpack" else "json"

    @property
    def suffix(self) -> str:
        """What the name of such a file ends in: ``.jsonl.gz``."""
        return _LAYOUT_SUFFIXES[self.layout] + _COMPRESSION_SUFFIXES.get(self.compression, "")

    @property
    def splittable(self) -> bool:
        """Whether a byte range of such a file can be read by itself."""
        return self == Form()


def form_of(name: str, default: Form) -> Form:
    """The form that the name of a file tells.

    What the name leaves open is as in ``default``. A name that tells the layout and no compression tells that there is
    none.
    """
    path = PurePosixPath(name.lower())
    compression = COMPRESSIONS.get(path.suffix)
    layout = LAYOUTS.get(path.suffix if compression is None else path.with_suffix("").suffix)
    if compression is None:
        compression = default.compression if layout is None else "none"
    return Form(default.layout if layout is None else layout, compression)


def stem_of(name: str) -> str:
    """The name of a file without the suffixes that tell its form: ``2025/log`` of ``2025/log.jsonl.gz``."""
    for suffixes in (COMPRESSIONS, LAYOUTS):
        path = PurePosixPath(name)
        if path.suffix.lower() in suffixes:
            name = name[: -len(path.suffix)]
    return name
