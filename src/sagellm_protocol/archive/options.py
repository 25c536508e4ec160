"""What the user decided about an upgrade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sagellm_protocol.codecs.json import dumps, loads
from sagellm_protocol.codecs.options import check_choice
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.model.exceptions import DecodeError, EncodeError, ValidationError, Violation, blaming
from sagellm_protocol.model.kinds import Flag, Free, Nullable, Text, Type
from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.wording import did_you_mean

AUTO = "auto"
"""As ``since``: only the releases that could have written the whole file come into question for its records."""


@attrs.frozen
class Options:
    """How records are read and written.

    Raises:
        ValidationError: a choice is of the wrong type, or no format can carry what ``fill`` says.
    """

    message: str | None = None
    """What every record is, by full or short name; where it is None, each record is looked at."""
    since: str | None = None
    """The release that wrote the records, or ``"auto"``; where it is None, each record is looked at by itself."""
    fill: Mapping[str, Any] = attrs.field(factory=dict)
    """Values for required fields that an older revision does not have, by field name. A copy is kept."""
    envelope: bool = False
    """Write records that say what they are: protocol revision, message, payload."""

    def __attrs_post_init__(self) -> None:
        violations = [
            *_broken("message", Nullable(Text()), self.message),
            *_broken("since", Nullable(Text()), self.since),
            *_unfit_fill(self.fill),
            *_broken("envelope", Flag(), self.envelope),
        ]
        if violations:
            raise blaming("local", ValidationError(_NAME, violations))
        object.__setattr__(self, "fill", {str(name): loads(dumps(value)) for name, value in self.fill.items()})

    def resolved(self, history: History = HISTORY) -> Options:
        """The same with the full name of the message and the revision of the release.

        Raises:
            UnsupportedRevisionError: no such message or release, or the release has no such message.
            ValidationError: ``fill`` names a field that no record in question can lack, or has a wrong value for it.
        """
        since = self.since if self.since is None or self.since == AUTO else history.resolve(self.since)
        release = None if since == AUTO else since
        message = None if self.message is None else history.name(self.message, release)
        if message is not None and release is not None:
            history.spec(history.catalog.get(message), release)
        if self.fill:
            fillable = history.fillable(message, release)
            if violations := [it for name in self.fill for it in _useless(name, self.fill[name], fillable)]:
                raise blaming("local", ValidationError(_NAME, violations))
        return attrs.evolve(self, message=message, since=since)

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"type": self.message, "since": self.since, "fill": dict(self.fill), "envelope": self.envelope}

    def to_json(self) -> bytes:
        """As JSON."""
        return dumps(self.to_plain())

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Options:
        """Out of what :meth:`to_plain` gave.

        Raises:
            ValidationError: a choice is of the wrong type.
            KeyError: one is missing.
        """
        return cls(data["type"], data["since"], data["fill"], data["envelope"])


_NAME = "archive.Options"


def _broken(path: str, kind: Type, value: object) -> tuple[Violation, ...]:
    """What is wrong with a value that should be of a type."""
    try:
        check_choice(kind, value, path, _NAME)
    except ValidationError as error:
        return error.violations
    except DecodeError:
        return (Violation(path, "an integer within 64 bits", value),)
    return ()


def _unfit_fill(fill: object) -> Iterator[Violation]:
    """What is wrong with the values of ``fill``, whatever the fields are."""
    if not isinstance(fill, Mapping):
        yield Violation("fill", "a mapping", fill)
        return
    for name, value in fill.items():
        if not isinstance(name, str):
            yield Violation("fill", "a mapping from text", name)
            continue
        path = f"fill.{cut(name)}"
        if broken := _broken(path, Free(), value):
            yield from broken
            continue
        try:
            dumps([name, value])
        except EncodeError:
            yield Violation(path, "text without lone surrogates", value)


def _useless(name: str, value: Any, fillable: Mapping[str, tuple[Type, ...]]) -> Iterator[Violation]:
    """Why what ``fill`` says of a field would never be right, if so."""
    path = f"fill.{cut(name)}"
    if name not in fillable:
        known = ", ".join(sorted(fillable)) or "no field of these messages and releases"
        rule = f"a field that old records lack and today's require{did_you_mean(name, fillable)}: {known}"
        yield Violation(path, rule, name)
        return
    broken = [_broken(path, kind, value) for kind in fillable[name]]
    if all(broken):
        yield from broken[0]
