"""Content negotiation: the codec that an ``Accept`` header asks for (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import attrs

from sagellm_protocol.history import History
from sagellm_protocol.model.exceptions import OptionError, UnknownCodecError, UnsupportedRevisionError, blaming
from sagellm_protocol.model.shortening import short

MAX_LENGTH = 8192
"""How many characters a header may have."""
MAX_RANGES = 256
"""How many media ranges a header may list."""

REVISION = "revision"
"""The parameter of a media type that names a revision."""

# No two ways to read the same text, so that matching takes time that grows with the length, and no faster.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_BETWEEN = re.compile(r"[ \t,]*")
_SPACE = re.compile(r"[ \t]*")
_RANGE = re.compile(rf"({_TOKEN})/({_TOKEN})")
_PARAMETER = re.compile(rf"({_TOKEN})=({_TOKEN}|{_QUOTED})")
_ESCAPED = re.compile(r"\\(.)")
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


@attrs.frozen
class MediaRange:
    """One element of an ``Accept`` header."""

    kind: str
    subkind: str
    parameters: Mapping[str, str]
    """By name in small letters; ``q`` is not among them."""
    weight: float
    """``q``, 0 to 1; 0 refuses."""

    def matches(self, media_type: str) -> bool:
        """Whether a media type lies in the range, whatever its revision. One with other parameters is another type."""
        kind, _, subkind = media_type.lower().partition("/")
        return self.kind in ("*", kind) and self.subkind in ("*", subkind) and self.parameters.keys() <= {REVISION}

    @property
    def precision(self) -> tuple[bool, bool, int]:
        """How closely it describes what it matches; the closest decides."""
        return self.kind != "*", self.subkind != "*", len(self.parameters)


def media_ranges(accept: str) -> list[MediaRange]:
    """The elements of an ``Accept`` header, in order.

    Raises:
        OptionError: it is no text.
        UnknownCodecError: it is malformed, longer than 8,192 characters, or lists more than 256 ranges.
    """
    if not isinstance(accept, str):
        raise OptionError(f"accept must be text, got {short(accept)}")
    if len(accept) > MAX_LENGTH:
        raise unmatched(f"the Accept header has {len(accept)} characters, more than {MAX_LENGTH}: {short(accept)}")
    ranges = []
    for asked in _elements(accept):
        ranges.append(asked)
        if len(ranges) > MAX_RANGES:
            raise unmatched(f"the Accept header lists more than {MAX_RANGES} media ranges: {short(accept)}")
    return ranges


def _elements(accept: str) -> Iterator[MediaRange]:
    at = _after(_BETWEEN, accept, 0)
    while at < len(accept):
        start = at
        found = _RANGE.match(accept, at)
        if found is None:
            raise _malformed(accept, at, "a media range")
        kind, subkind = found[1].lower(), found[2].lower()
        if kind == "*" and subkind != "*":
            raise _malformed(accept, start, "*/*, or a type before the slash")
        parameters: dict[str, str] = {}
        at = _after(_SPACE, accept, found.end())
        while accept.startswith(";", at):
            at = _after(_SPACE, accept, at + 1)
            parameter = _PARAMETER.match(accept, at)
            if parameter is not None:
                name = parameter[1].lower()
                if name in parameters:
                    raise _malformed(accept, at, f"{name} once")
                if name == "q" and not _WEIGHT.fullmatch(_unquoted(parameter[2])):
                    raise _malformed(accept, parameter.start(2), "a weight of 0 to 1, with three decimals at most")
                parameters[name] = _unquoted(parameter[2])
                at = _after(_SPACE, accept, parameter.end())
        if at < len(accept) and accept[at] != ",":
            raise _malformed(accept, at, "a parameter, a comma or the end")
        weight = float(parameters.pop("q", "1"))
        yield MediaRange(kind, subkind, parameters, weight)
        at = _after(_BETWEEN, accept, at)


def _after(what: re.Pattern[str], accept: str, at: int) -> int:
    found = what.match(accept, at)
    return at if found is None else found.end()


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def unmatched(reason: str) -> UnknownCodecError:
    """The error for a header that no codec can answer: whoever sent it is to blame."""
    return blaming("remote", UnknownCodecError(reason))


def _malformed(accept: str, at: int, expected: str) -> UnknownCodecError:
    found = short(accept[at : at + 20]) if at < len(accept) else "the end"
    return unmatched(
        f"malformed Accept header at character {at}: expected {expected}, found {found}, in {short(accept)}"
    )


class Choices(NamedTuple):
    """What a header accepts."""

    found: list[tuple[str, str]]
    """Codec names, each with a revision; best first."""
    unknown: str | None
    """A revision that is asked for, of a codec that there is, and that does not exist; None where all exist."""


class _Deciding(NamedTuple):
    """The range that decides on something so far: of equally close ones the first."""

    precision: tuple[bool, bool, int]
    before: int
    """How far from the start it stands, negative."""
    weight: float


def choices(accept: str, media_types: Mapping[str, str], history: History, revision: str) -> Choices:
    """What a header accepts.

    A media range without a revision speaks of all revisions, one with a revision of that alone, and on each codec at
    each revision the closest range decides. Of what is accepted equally, what stands first in the header is better,
    then what the server prefers.

    Args:
        accept: the header; an empty one accepts everything.
        media_types: codec name to media type, in the order of the server's preference.
        history: the revisions.
        revision: the one that the server prefers; of the others it prefers the newest.

    Raises:
        OptionError, UnknownCodecError: as for :func:`media_ranges`.
    """
    ranges = media_ranges(accept) or [MediaRange("*", "*", {}, 1.0)]
    preferred = {name: at for at, name in enumerate(dict.fromkeys((revision, *reversed(history.revisions))))}
    resolved = {name: _resolved(history, name) for name in {asked.parameters.get(REVISION) for asked in ranges}}
    ranked: list[tuple[float, int, int, int, str, str]] = []
    unknown = None
    for preference, (name, media_type) in enumerate(media_types.items()):
        deciding: dict[str | None, _Deciding] = {}
        for place, asked in enumerate(ranges):
            if not asked.matches(media_type):
                continue
            wanted = asked.parameters.get(REVISION)
            if wanted is not None and resolved[wanted] is None:
                unknown = unknown or (wanted if asked.weight > 0 else None)
                continue
            found = _Deciding(asked.precision, -place, asked.weight)
            deciding[resolved[wanted]] = max(found, deciding.get(resolved[wanted], found))
        others = deciding.pop(None, None)
        if others is not None:
            deciding = {wanted: max(found, others) for wanted, found in deciding.items()}
            rest = next((other for other in preferred if other not in deciding), None)
            if rest is not None:
                deciding[rest] = others
        ranked += [
            (-weight, -before, preference, preferred[wanted], name, wanted)
            for wanted, (_, before, weight) in deciding.items()
            if wanted is not None and weight > 0
        ]
    return Choices([(name, wanted) for *_, name, wanted in sorted(ranked)], unknown)


def _resolved(history: History, release: str | None) -> str | None:
    """The revision of a release; None where there is no such release, and for None."""
    try:
        return None if release is None else history.resolve(release)
    except UnsupportedRevisionError:
        return None
