"""What outputs look like, and what a run puts up with: checked when they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import attrs

from sagellm_protocol.archive.formats import MAX_RECORD, Compression, Form, Layout
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.wording import did_you_mean

SHARD_SIZE = 64 * 1024 * 1024
"""Bytes of a source that one worker takes at a time, where a source can be cut."""


def must(holds: Callable[[Any], bool], rule: str, near: tuple[str, ...] = ()) -> Callable[[Any, Any, Any], None]:
    """A validator that raises ``OptionError`` for a choice that breaks its rule."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not holds(value):
            raise OptionError(f"{attribute.name} must be {rule}, got {short(value)}{did_you_mean(value, near)}")

    return check


def is_whole(value: Any, least: int) -> bool:
    """Whether a value is an integer, and no smaller than ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_share(value: Any) -> bool:
    """Whether a value is a number from 0 to 1."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _one_of(names: tuple[str, ...]) -> Callable[[Any, Any, Any], None]:
    return must(lambda it: it is None or it in names, f"one of {', '.join(names)}, or None", names)


@attrs.frozen
class Writing:
    """What outputs look like.

    Raises:
        OptionError: a choice is none.
    """

    layout: Layout | None = attrs.field(default=None, validator=_one_of(get_args(Layout)))
    """How records stand in them; None: as in the source."""
    compression: Compression | None = attrs.field(default=None, validator=_one_of(get_args(Compression)))
    """None: as the source is."""
    rotate: int | None = attrs.field(
        default=None,
        validator=must(lambda it: it is None or is_whole(it, 1), "a number of bytes, 1 or more, or None"),
    )
    """Bytes of an output after which another one begins. It may be as much longer as a batch of records is (1 MiB)."""

    def form(self, source: Form) -> Form:
        """That of the outputs of a source."""
        return Form(self.layout or source.layout, self.compression or source.compression)

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        return attrs.asdict(self)


@attrs.frozen
class Limits:
    """What a run puts up with.

    Raises:
        OptionError: a choice is none.
    """

    max_record: int = attrs.field(
        default=MAX_RECORD, validator=must(lambda it: is_whole(it, 1), "a number of bytes, 1 or more")
    )
    """Bytes of a record; a longer one is set aside without being held."""
    max_rejected: float | None = attrs.field(
        default=None, validator=must(lambda it: it is None or is_share(it), "a share from 0 to 1, or None")
    )
    """The share of the records that may be set aside: where it is more, the run stops. It is looked at whenever a shard
    is done, once there are 1,000 records, and in the end."""
    strict: bool = attrs.field(default=False, validator=must(lambda it: isinstance(it, bool), "a bool"))
    """Stop at the first record that would be set aside."""


WRITING = Writing()
"""Outputs as the sources are."""
LIMITS = Limits()
"""Records of 64 MiB at the most; whatever is wrong with one sets it aside."""
