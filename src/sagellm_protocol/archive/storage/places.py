"""What is given as a place, and what names in the output may be."""

from __future__ import annotations

import os
import re
from urllib.request import url2pathname

from sagellm_protocol.archive.exceptions import RefusedError

LOCK = ".sagellm.lock"
"""The file that is locked in a local folder. It is there while a run is at work; what a killed one leaves does not
hinder."""

LEASE = ".sagellm.lease"
"""The object that says who is at work in a folder elsewhere, and since when."""

OWN = ".sagellm"
"""The folder, in that of the outputs, where a run keeps what it needs to go on."""
PLAN = f"{OWN}/plan.json"
"""The file in there that every run writes."""
REPORT = "report.json"
"""The file in the output folder that has the report."""
REJECTED = "rejected"
"""The folder of records set aside."""

PART_PREFIX, PART_SUFFIX = ".sagellm-", ".part"
"""How the names of files begin and end that have not taken their places yet."""

_SYSTEM = os.name
_URL = re.compile(r"(?:[A-Za-z][\w+.-]+::)*[A-Za-z][\w+.-]+://")
_FILE = "file://"
_WINDOWS_REFUSES = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ](?:/|$)|(?:^|/)(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:[./]|$)', re.IGNORECASE
)


def is_url(place: str) -> bool:
    """Whether a place is not on this machine: ``s3://bucket/key``, ``zip://log.jsonl::https://host/logs.zip``."""
    return _URL.match(place) is not None and not place.startswith(_FILE)


def local_path(place: str) -> str:
    """The path that a place on this machine means, which may be given as ``file:///path``."""
    return url2pathname(place.removeprefix(_FILE).removeprefix("localhost")) if place.startswith(_FILE) else place


def is_name(name: str) -> bool:
    """Whether a name leads from a folder to a place below it."""
    return "\0" not in name and not {"", ".", ".."} & set(name.split("/"))


def is_told(name: str) -> bool:
    """Whether a file in the folder of a run tells about records, and holds none that went through."""
    return name == REPORT or name.partition("/")[0] == REJECTED


def check_name(name: str) -> None:
    """See that a name leads to a place below a folder.

    Raises:
        RefusedError: it leads elsewhere.
    """
    if not is_name(name):
        raise RefusedError([f"{name!r} is no name in a folder"])


def check_local_name(name: str) -> None:
    """See that the system takes a name as it is, and does not make another of it.

    Raises:
        RefusedError: it does not.
    """
    if _SYSTEM == "nt" and _WINDOWS_REFUSES.search(name):
        raise RefusedError([f"{name!r} is no name of a file on Windows"])


def is_part(name: str) -> bool:
    """Whether a file has not taken its place yet."""
    name = name.rpartition("/")[2]
    return name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX)
