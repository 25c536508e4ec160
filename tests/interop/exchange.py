"""One message, one release: what this library writes it reads, and what it writes this library reads."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgpack

from interop.drawing import Draws
from losses import comes_back, contains, outgrown, said
from published import PublishedProcess
from sagellm_protocol import catalog, codecs
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import LossyDowngradeError, ProtocolError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.surplus import without_unknown

RELEASES = ("0.1.0", "0.1.2.4", "0.4.0.8", "0.4.1.0", "0.5.1.1", "0.5.2.13", "0.5.4.16")


class Format(NamedTuple):
    """A wire format, written and parsed without this library."""

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


FORMATS = {
    "json": Format(lambda payload: json.dumps(payload).encode(), json.loads),
    "msgpack": Format(msgpack.packb, msgpack.unpackb),
}


class Failure(NamedTuple):
    """One payload that the two sides do not agree on."""

    release: str
    message: str
    format: str
    what: str
    payload: Any
    answer: Any

    def __str__(self) -> str:
        return (
            f"{self.release} {self.message} ({self.format}): {self.what}\n"
            f"  payload: {self.payload!r}\n  answer:  {self.answer!r}"
        )


class Tally:
    """What came of the payloads of one message at one release, all formats together."""

    def __init__(self) -> None:
        self.written = 0
        """Payloads that this library wrote for the release to read."""
        self.lossy = 0
        """Of them, those that leave something out that the release cannot say."""
        self.unsayable = 0
        """Messages of which nothing is left that the release can say; this library said so."""
        self.read = 0
        """Payloads that the release wrote for this library to read."""
        self.failures: list[Failure] = []


def exchange(release: PublishedProcess, message: str, draws: Draws) -> Tally:
    """Talk to a release about one message, both ways, in every format."""
    talk = _Talk(release, message)
    for format in FORMATS:
        talk.write(format, draws.messages(message))
        talk.read(format, draws.payloads(message, HISTORY.resolve(release.release)))
    return talk.tally


class _Talk:
    def __init__(self, release: PublishedProcess, message: str) -> None:
        self.release = release
        self.message = message
        self.cls = catalog.get(message)
        self.tally = Tally()

    def write(self, format: str, drawn: Iterable[Any]) -> None:
        """This library writes messages of today; the release reads them, and writes what it found in them."""
        written = [said for value in drawn if (said := self._say(format, value)) is not None]
        codec = codecs.get(format, revision=self.release.release)
        found = self._ask(format, [data for _, data in written])
        then = HISTORY.spec(self.message, self.release.release)
        for (value, data), (payload, answer) in zip(written, found, strict=True):
            # What a message keeps the releases pass over.
            known = without_unknown(Nested(then.name, self.cls), payload, HISTORY.specs(self.release.release))
            left = None if value is None else self._without_unsaid(value)
            same = answer == known if left is not None and left == value else contains(answer, known)
            if answer is not None and not same:
                self._failed(format, "the release finds something else in what this library wrote", payload, answer)
            if value is not None and codec.decode(data, self.cls) != left:
                self._failed(format, "this library finds something else in what it wrote", payload, value)

    def _without_unsaid(self, value: Any) -> Any:
        """A message whose nulls that say nothing are left out, as they are where the release knows no null."""
        return from_plain(self.cls, said(self.message, to_plain(value), ()))

    def _say(self, format: str, value: Any) -> tuple[Any, bytes] | None:
        """What was said, None where only a part of it was, and as what; nothing where the release cannot say it."""
        with contextlib.suppress(LossyDowngradeError):
            said = codecs.get(format, revision=self.release.release).encode(value)
            # What is droppable is left out without an error.
            if not HISTORY.losses(to_plain(value), self.cls, to=self.release.release):
                return value, said
            self.tally.lossy += 1
            return None, said
        with contextlib.suppress(LossyDowngradeError):
            said = codecs.get(format, revision=self.release.release, lossy=True).encode(value)
            self.tally.lossy += 1
            return None, said
        self.tally.unsayable += 1
        return None

    def read(self, format: str, drawn: Iterable[Any]) -> None:
        """The release writes messages; this library reads them and writes them again; the release finds the same."""
        codec = codecs.get(format, revision=self.release.release)
        dumps = FORMATS[format].dumps
        expected, again = [], []
        for payload, (verdict, wrote) in zip(drawn, self._answers(format, map(dumps, drawn)), strict=True):
            self.tally.read += 1
            if verdict != "ok":
                self._failed(format, "the release refuses what its tables allow", payload, wrote)
                continue
            try:
                again.append(codec.encode(codec.decode(dumps(wrote), self.cls)))
                expected.append(comes_back(self.message, codec.revision, wrote))
            except ProtocolError as error:
                if outgrown(self.message, HISTORY.upgrade(wrote, self.message, since=codec.revision)):
                    continue  # The narrower bounds of today are meant to refuse it.
                self._failed(format, "this library refuses what the release wrote", wrote, str(error))
        for wanted, (_, answer) in zip(expected, self._ask(format, again), strict=True):
            if answer is not None and answer != wanted:
                self._failed(format, "the release finds something else in what this library read", wanted, answer)

    def _ask(self, format: str, encoded: list[bytes]) -> Iterator[tuple[Any, Any]]:
        """Each payload that this library wrote, and what the release found in it, None where it refused."""
        self.tally.written += len(encoded)
        for data, (verdict, answer) in zip(encoded, self._answers(format, encoded), strict=True):
            payload = FORMATS[format].loads(data)
            if verdict != "ok":
                self._failed(format, "the release refuses what this library wrote", payload, answer)
            yield payload, answer if verdict == "ok" else None

    def _answers(self, format: str, encoded: Iterable[bytes]) -> list[tuple[str, Any]]:
        return self.release.read(self.message, format, encoded)

    def _failed(self, format: str, what: str, payload: Any, answer: Any) -> None:
        self.tally.failures.append(Failure(self.release.release, self.message, format, what, payload, answer))
