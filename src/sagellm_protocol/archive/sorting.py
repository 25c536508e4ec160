"""What each record of a source is, without upgrading it: message and revisions, or why that cannot be said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Literal, TypeAlias

import attrs

from sagellm_protocol.archive.explaining import Nearness, one_line
from sagellm_protocol.archive.records import LongLine, read_lines
from sagellm_protocol.codecs import envelope
from sagellm_protocol.codecs.formats import MAX_BYTES
from sagellm_protocol.codecs.json import loads
from sagellm_protocol.history import HISTORY, Candidate, History
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, DecodeError, ProtocolError, UnknownPayloadError

Verdict: TypeAlias = Literal["message", "ambiguous", "unknown", "broken"]
"""What came of looking at a record: it is one message; it may be several; it is none; it is no JSON at all."""


@attrs.frozen
class Sorted:
    """What one record is."""

    verdict: Verdict
    message: str | None = None
    """Full name, where it is one message."""
    since: str | None = None
    """A revision to upgrade it from, where it is one message."""
    candidates: tuple[Candidate, ...] = ()
    """All that it can be. For an envelope, what that says."""
    envelope: bool = False
    """Whether the record says itself what it is."""
    reason: str | None = None
    """Why it is no one message, in one line."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {**attrs.asdict(self), "candidates": [attrs.asdict(candidate) for candidate in self.candidates]}

    @property
    def kind(self) -> Sorted:
        """The same without what is particular to one record, for counting."""
        return self if self.verdict == "ambiguous" else attrs.evolve(self, reason=None)

    def __str__(self) -> str:
        if self.envelope:
            return f"{self.message} ({self.since}, as its envelope says)"
        if self.verdict == "message":
            return ", ".join(map(str, self.candidates))
        return self.verdict if self.reason is None else f"{self.verdict}: {self.reason}"


class Sorter:
    """Looks at records one by one.

    Args:
        message: what every record is, by full or short name, where that is known; only its revisions are looked for.
        history: the revisions and messages.

    Raises:
        UnsupportedRevisionError: no such message.
    """

    def __init__(self, message: str | None = None, *, history: History = HISTORY) -> None:
        self._message = None if message is None else history.name(message)
        self._history = history
        self._nearness = Nearness(history, self._message, history.revisions)

    def sort(self, record: bytes | LongLine) -> Sorted:
        """What a record is. Whatever it holds, nothing is raised."""
        if isinstance(record, LongLine):
            return Sorted("broken", reason="the line is too long to be held")
        try:
            payload = loads(record)
        except DecodeError as error:
            return Sorted("broken", reason=one_line(error))
        try:
            if envelope.is_envelope(payload):
                message, since, _ = envelope.unwrap(payload, self._history)
                return Sorted("message", message, since, (Candidate(message, since, since),), envelope=True)
            found = self._history.identify(payload, self._message)
        except AmbiguousPayloadError as error:
            candidates = self._history.detect(payload, self._message)
            return Sorted("ambiguous", candidates=candidates, reason=" or ".join(error.candidates))
        except UnknownPayloadError:
            return Sorted("unknown", reason=one_line(self._nearness.explain(payload)))
        except ProtocolError as error:
            return Sorted("unknown", reason=one_line(error))
        return Sorted("message", found.message, found.since, found.candidates)


def records(stream: IO[bytes], max_bytes: int = MAX_BYTES) -> Iterator[tuple[int, bytes | LongLine]]:
    """The records of a stream, each with its line, from 1; blank lines are passed over.

    They are its lines, unless the first of them is no JSON by itself, and all together are: one record over many lines.
    Until that is clear lines are held back.

    Args:
        stream: JSON Lines, or one JSON document.
        max_bytes: so much is held back at the most; a longer line comes as a :class:`LongLine`.

    Raises:
        UnreadableError: the stream cannot be read to its end.
    """
    lines = ((number, line) for number, line in enumerate(read_lines(stream, max_bytes), 1) if not _is_blank(line))
    held: list[tuple[int, bytes | LongLine]] = []
    size = 0
    for number, line in lines:
        held.append((number, line))
        if isinstance(line, LongLine) or (len(held) == 1 and _is_json([line])):
            break
        size += len(line)
        if size > max_bytes:
            break
    else:
        whole = [line for _, line in held if isinstance(line, bytes)]
        if len(held) > 1 and _is_json(whole):
            yield held[0][0], b"".join(whole)
            return
    yield from chain(held, lines)


def _is_blank(line: bytes | LongLine) -> bool:
    return isinstance(line, bytes) and line.isspace()


def _is_json(lines: Iterable[bytes]) -> bool:
    try:
        loads(b"".join(lines))
    except DecodeError:
        return False
    return True
