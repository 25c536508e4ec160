"""Sources at URLs: files, patterns and folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage.connecting import (
    HTTP,
    connected,
    is_object_store,
    is_there,
    told_as_os_error,
)
from sagellm_protocol.archive.storage.looking import seen
from sagellm_protocol.archive.storage.patterns import EVERYTHING, Pattern, cut
from sagellm_protocol.archive.storage.places import PLAN, is_told
from sagellm_protocol.archive.storage.source import Source


@attrs.frozen
class _Link:
    """A URL, which may be chained: ``zip://2024/*.jsonl::https://host/logs.zip``, of which the path is searched in."""

    before: str
    """``simplecache::https://``"""
    path: str
    after: str
    """``::https://host/logs.zip``"""

    @property
    def http(self) -> bool:
        return self.before.rpartition("::")[2].removesuffix("://") in HTTP

    @property
    def plain(self) -> str:
        """The path without the query that may follow it by HTTP."""
        return re.split(r"[?#]", self.path, maxsplit=1)[0] if self.http else self.path

    def to(self, path: str) -> str:
        return self.before + path + self.after


def find_at(place: str) -> list[Source]:
    """The sources that a URL stands for.

    Raises:
        RefusedError: it is not there, or is no URL that can be read.
        OSError: it cannot be asked about.
    """
    link = _parsed(place)
    system, path = connected(place)
    with told_as_os_error(place):
        parts = cut(link.path, http=link.http)
        if parts is not None and (link.http or not is_there(system, path)):
            return list(_sources(link, *parts))
        if link.http and path.endswith("/"):
            return list(_sources(link, link.path.rstrip("/"), EVERYTHING))
        try:
            info = system.info(path)
        except FileNotFoundError as error:
            raise RefusedError(
                [f"{place} is not there" + (f": {error.__cause__}" if error.__cause__ else "")]
            ) from None
        if info["type"] == "directory":
            written = system.exists(f"{path.rstrip('/')}/{PLAN}")
            sources = _sources(link, link.path.rstrip("/"), EVERYTHING)
            return [source for source in sources if not (written and is_told(source.name))]
        return [Source(place, link.plain.rpartition("/")[2], *seen(system, path, info))]


def path_of(url: str) -> str:
    """A URL without what is no part of a path: what follows one by HTTP, and what it is chained to."""
    link = _parsed(url)
    return link.before + link.plain


def _parsed(url: str) -> _Link:
    match = re.match(r"((?:[^:/]+::)*[^:/]+://)(.*?)((?:::.*)?)$", url, re.DOTALL)
    assert match is not None
    return _Link(*match.groups())


def _sources(link: _Link, base: str, pattern: Pattern) -> Iterator[Source]:
    system, root = connected(link.to(base))
    for name, info in _files(system, root, pattern, link.http):
        if pattern.means(name.split("/")):
            path = f"{root.rstrip('/')}/{name}"
            yield Source(link.to(f"{base}/{name}" if base else name), name, *seen(system, path, info))


def _files(system: Any, root: str, pattern: Pattern, http: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files below a folder that may be meant: name relative to it, and what the file system says of it."""
    start = root.rstrip("/") + "/" if root else ""
    if is_object_store(system):
        # Listing a bucket costs by the file, not by the folder.
        yield from ((path.removeprefix(start), info) for path, info in system.find(root, detail=True).items())
        return
    ahead, known = [root], {root.rstrip("/")}
    while ahead:
        # Unlike find() this fails where a folder cannot be read.
        for info in sorted(system.ls(ahead.pop(), detail=True), key=lambda info: info["name"]):
            path = info["name"].rstrip("/")
            # A page may lead anywhere, also up, and to itself in another order.
            if path in known or (http and re.search("[?#]", path)):
                continue
            known.add(path)
            name = path.removeprefix(start)
            if info["type"] != "directory":
                yield name, info
            elif pattern.leads_into(name.split("/")):
                ahead.append(info["name"])
