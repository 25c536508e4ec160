"""Patterns of paths: ``*``, ``?``, ``[a-z]``, and ``**`` for any number of folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch

import attrs

_ANY_DEPTH = "**"
_WILD = re.compile(r"[*?[]")
_WILD_IN_HTTP = re.compile(r"\*")
"""``?`` begins a query there."""


@attrs.frozen
class Pattern:
    """Which files below a folder are meant; without segments all are. What is meant as a folder means its files.

    Hidden files and folders are not, unless the pattern names them with their dot.
    """

    segments: tuple[str, ...] = ()

    def means(self, names: Sequence[str]) -> bool:
        """Whether it means a file, given by the names of the folders to it and its own."""
        return any(
            _matches(names[:end], self.segments) and not any(map(_is_hidden, names[end:]))
            for end in range(len(names) + 1)
        )

    def leads_into(self, names: Sequence[str]) -> bool:
        """Whether it may mean files in a folder."""
        for name, segment in zip(names, self.segments, strict=False):
            if segment == _ANY_DEPTH:
                return True
            if not _fits(name, segment):
                return False
        return not any(map(_is_hidden, names[len(self.segments) :]))


EVERYTHING = Pattern()


def cut(path: str, *, http: bool = False) -> tuple[str, Pattern] | None:
    """The folder that a path with wildcards begins with, and the rest as a pattern; None where it has none."""
    segments = path.split("/")
    wild = (_WILD_IN_HTTP if http else _WILD).search
    for index, segment in enumerate(segments):
        if wild(segment):
            return "/".join(segments[:index]), Pattern(tuple(filter(None, segments[index:])))
    return None


def _matches(names: Sequence[str], segments: Sequence[str]) -> bool:
    if not segments:
        return not names
    if segments[0] == _ANY_DEPTH:
        # No folder at all, unless it is what is in one that is meant.
        if len(segments) > 1 and _matches(names, segments[1:]):
            return True
        if not names or _is_hidden(names[0]):
            return False
        return _matches(names[1:], segments) or (len(segments) == 1 and len(names) == 1)
    return bool(names) and _fits(names[0], segments[0]) and _matches(names[1:], segments[1:])


def _fits(name: str, segment: str) -> bool:
    return fnmatch(name, segment) and (not _is_hidden(name) or _is_hidden(segment))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
