"""What a test may ask of a clock: the time of the processor that a thread took, to which a busy machine adds little."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def takes_at_most(seconds: float) -> Iterator[None]:
    """What is done within it takes the processor no longer, in this thread."""
    began = time.thread_time()
    yield
    took = time.thread_time() - began
    assert took < seconds, f"{took:.2f} s"
