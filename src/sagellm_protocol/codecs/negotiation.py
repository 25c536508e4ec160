"""Content negotiation: the codec that an ``Accept`` header asks for (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from sagellm_protocol.model.exceptions import UnknownCodecError

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*;\s*(?:({_TOKEN})\s*=\s*({_TOKEN}|"(?:[^"\\]|\\.)*"))?\s*')
_RANGE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})\s*")
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@attrs.frozen
class MediaRange:
    """One element of an ``Accept`` header."""

    kind: str
    subkind: str
    parameters: Mapping[str, str]
    weight: float
    """``q``, 0 to 1; 0 refuses."""

    def matches(self, media_type: str) -> bool:
        """Whether a media type lies in the range."""
        kind, _, subkind = media_type.lower().partition("/")
        return self.kind in ("*", kind) and self.subkind in ("*", subkind)

    @property
    def precision(self) -> tuple[bool, bool, int]:
        """How closely it describes what it matches; the closest decides."""
        return self.kind != "*", self.subkind != "*", len(self.parameters)


def media_ranges(accept: str) -> Iterator[MediaRange]:
    """The elements of an ``Accept`` header, in order.

    Raises:
        UnknownCodecError: it is malformed.
    """
    at = 0
    while at < len(accept):
        found = _RANGE.match(accept, at)
        if found is None:
            if accept[at] in ", \t":
                at += 1
                continue
            raise malformed(accept, at)
        at = found.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(accept, at):
            at = parameter.end()
            if parameter[1]:
                value = parameter[2]
                parameters[parameter[1].lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value
        if at < len(accept) and accept[at] != ",":
            raise malformed(accept, at)
        weight = parameters.pop("q", "1")
        if not _WEIGHT.fullmatch(weight):
            raise malformed(accept, at)
        yield MediaRange(found[1].lower(), found[2].lower(), parameters, float(weight))


def malformed(accept: str, at: int) -> UnknownCodecError:
    """The error for a header that is not one."""
    return UnknownCodecError(f"malformed Accept header at character {at}: {accept[:200]!r}")


def choices(accept: str, media_types: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Codec names with the revision asked for (None for any), best first.

    Args:
        accept: the header; an empty one accepts everything.
        media_types: codec name to media type, in the order of the server's preference.
    """
    ranges = list(media_ranges(accept)) or [MediaRange("*", "*", {}, 1.0)]
    found: list[tuple[float, int, int, str, str | None]] = []
    for preference, (name, media_type) in enumerate(media_types.items()):
        matching = [(place, asked) for place, asked in enumerate(ranges) if asked.matches(media_type)]
        for revision in dict.fromkeys(asked.parameters.get("revision") for _, asked in matching):
            deciding = [
                (asked.precision, -place, asked.weight)
                for place, asked in matching
                if asked.parameters.get("revision") == revision and not asked.parameters.keys() - {"revision"}
            ]
            if deciding:
                _, place, weight = max(deciding)
                if weight > 0:
                    found.append((-weight, -place, preference, name, revision))
    return [(name, revision) for *_, name, revision in sorted(found, key=lambda it: it[:3])]
