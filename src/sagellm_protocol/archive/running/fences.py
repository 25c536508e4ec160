"""Workers that outlive their run, as those of a cluster may, put nothing in its place any more."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import attrs

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage import OWN, Folder

_NAME = f"{OWN}/run"


@attrs.frozen
class Fence:
    """Which run a worker is of."""

    folder: Folder
    run: str

    def check(self) -> None:
        """See that the run still is the one at work in its folder.

        Raises:
            RefusedError: it is not.
        """
        if not self._stands():
            raise RefusedError([f"the run that this worker is of is at work in {self.folder.url} no more"])

    def take_down(self) -> None:
        """The run is over."""
        if self._stands():
            self.folder.remove(_NAME)

    def _stands(self) -> bool:
        return self.folder.read(_NAME) == self.run.encode()


@contextlib.contextmanager
def fenced(folder: Folder) -> Iterator[Fence]:
    """Around all that a run writes. Whoever does it is alone in the folder."""
    fence = Fence(folder, secrets.token_hex(16))
    folder.write(_NAME, fence.run.encode())
    try:
        yield fence
    finally:
        fence.take_down()
