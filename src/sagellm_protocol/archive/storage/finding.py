"""Which files are meant: by name, by pattern, and by folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from itertools import takewhile

import attrs

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage.elsewhere import find_at, path_of
from sagellm_protocol.archive.storage.local import files_below
from sagellm_protocol.archive.storage.patterns import EVERYTHING, Pattern, cut
from sagellm_protocol.archive.storage.places import PLAN, is_name, is_told, is_url, local_path
from sagellm_protocol.archive.storage.source import Source, local_source


def find_sources(places: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """The files that places stand for, each once, place by place and by name within each.

    A place is a file, a pattern (``logs/*.jsonl``, ``logs/**/*.gz``), or a folder, of which every file is meant at any
    depth; or the URL of one, where the storage can list (extra ``remote``). Hidden files and folders within are left
    out; so are, in a folder that a run wrote, its report and the records that it set aside. Links are followed; a file
    that several places or links lead to is taken once.

    The name of a source is relative to the folder, or to the part of the pattern before the first wildcard; that of a
    single file is its own. Where two would have one name, all are named relative to the folder that they have in
    common.

    Raises:
        RefusedError: with every reason: a place is not there, or stands for nothing, or cannot be read, or two sources
            would have one name all the same.
        MissingExtraError: a place is a URL, and the extra ``remote`` is not installed.
    """
    reasons: list[str] = []
    found: dict[str, Source] = {}
    for place in places:
        text = os.fspath(place)
        try:
            sources = sorted(find_at(text) if is_url(text) else _find(local_path(text)), key=lambda source: source.name)
        except OSError as error:
            reasons.append(f"{text} cannot be read: {error}")
            continue
        except RefusedError as error:
            reasons += error.reasons
            continue
        if not sources:
            reasons.append(f"{text} stands for no file")
        for source in sources:
            found.setdefault(source.url if is_url(source.url) else os.path.realpath(source.url), source)
    sources = _told_apart(list(found.values()))
    reasons += [f"{source.url} has no name that can be written" for source in sources if not is_name(source.name)]
    reasons += [
        f"{' and '.join(source.url for source in sharing)} would both become {name}"
        for name, sharing in _clashes(sources)
    ]
    if reasons:
        raise RefusedError(reasons)
    return sources


def _find(place: str) -> list[Source]:
    """Those on this machine."""
    path = os.path.abspath(place)
    # A file that is called log[1].jsonl is meant by its name.
    status = _status(path) if place else None
    if status is not None:
        if stat.S_ISDIR(status.st_mode):
            sources = _sources(path, EVERYTHING)
            written = os.path.isfile(os.path.join(path, PLAN))
            return [source for source in sources if not (written and is_told(source.name))]
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError([f"{place} is no file"])
        return [local_source(path, os.path.basename(path), status)]
    parts = cut(place.replace(os.sep, "/"))
    if parts is None:
        raise RefusedError([f"{place or 'a place without a name'} is not there"])
    base, pattern = parts
    return _sources(os.path.abspath(base or ("/" if place.startswith(("/", os.sep)) else ".")), pattern)


def _status(path: str) -> os.stat_result | None:
    """What the system says of a path; None where nothing is there."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        # So Windows says that no name has a wildcard in it.
        if error.errno == errno.EINVAL:
            return None
        raise


def _sources(base: str, pattern: Pattern) -> list[Source]:
    sources, lost = [], []
    for names, path in files_below(base, pattern.leads_into):
        if not pattern.means(names):
            continue
        status = _status(path)
        if status is None:
            lost.append(f"{path} is a link that leads nowhere")
        # What is neither file nor folder, as a socket, holds no records.
        elif stat.S_ISREG(status.st_mode):
            sources.append(local_source(path, "/".join(names), status))
    if lost:
        raise RefusedError(lost)
    return sources


# Names


def _told_apart(sources: list[Source]) -> list[Source]:
    """The same, named relative to what they have in common if two have one name."""
    if not _clashes(sources):
        return sources
    paths = [_segments(source.url) for source in sources]
    folders = zip(*(path[:-1] for path in paths), strict=False)
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, folders)))
    # What is here and what is elsewhere has nothing in common.
    if not shared:
        return sources
    return [attrs.evolve(source, name="/".join(path[shared:])) for source, path in zip(sources, paths, strict=True)]


def _segments(url: str) -> list[str]:
    return path_of(url).split("/") if is_url(url) else url.replace(os.sep, "/").split("/")


def _clashes(sources: Iterable[Source]) -> list[tuple[str, list[Source]]]:
    """Which sources would be written to one name, or one where another needs a folder."""
    by_name: dict[str, list[Source]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    for name, sharing in list(by_name.items()):
        folder = name.rpartition("/")[0]
        while folder:
            if folder in by_name:
                by_name[folder] += sharing
            folder = folder.rpartition("/")[0]
    return [(name, sharing) for name, sharing in by_name.items() if len(sharing) > 1]
