"""What a run is done with."""

from __future__ import annotations

from concurrent.futures import Executor

import attrs

from sagellm_protocol.archive.running.choices import SHARD_SIZE, is_share, is_whole, must
from sagellm_protocol.archive.running.watching import Watch


@attrs.frozen
class Means:
    """What a run is done with.

    Raises:
        OptionError: a choice is none.
    """

    executor: Executor | None = None
    """Somebody else's workers."""
    workers: int | None = attrs.field(
        default=None, validator=must(lambda it: it is None or is_whole(it, 1), "an integer, 1 or more, or None")
    )
    """Processes, where there is no executor; None: as many as there are cores, or fewer where that is faster."""
    shard_size: int = attrs.field(
        default=SHARD_SIZE, validator=must(lambda it: is_whole(it, 1), "a number of bytes, 1 or more")
    )
    """Bytes of a source that one worker takes at a time."""
    sample: float | None = attrs.field(
        default=None,
        validator=must(lambda it: it is None or (is_share(it) and it != 0), "a share above 0, 1 at the most, or None"),
    )
    """The share of the records to read, spread over the sources; None: all."""
    watch: Watch = attrs.field(factory=Watch)
