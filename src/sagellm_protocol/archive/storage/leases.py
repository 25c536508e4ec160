"""One run at a time in a folder where nothing can be locked: an object says who is at work, and that it still is."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator

import attrs

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage.places import LEASE
from sagellm_protocol.archive.storage.store import Held, Store


@attrs.frozen
class Terms:
    """How long things take, in seconds."""

    life: float = 120
    """An object that is older is one of a run that was killed."""

    every: float = 30
    """The object is written anew so often."""

    settling: float = 1
    """Two that find no object at the same time have both written theirs by then; the later one has the folder."""


TERMS = Terms()


@contextlib.contextmanager
def leased(store: Store, terms: Terms | None = None) -> Iterator[Held]:
    """Nobody else who asks for the same is in the folder for the time of the ``with``.

    Raises:
        RefusedError: somebody else is; at the end: somebody else came, since nothing could be written for too long.
        OSError: the object cannot be written.
    """
    lease = _Lease(store, terms or TERMS)
    lease.take()
    ended = threading.Event()
    renewing = threading.Thread(target=lease.renew_until, args=(ended,), daemon=True, name="sagellm-lease")
    renewing.start()
    try:
        yield lease.check
        lease.check()
    finally:
        ended.set()
        renewing.join()
        lease.give_back()


class _Lease:
    """The object, and whether it still is this run's."""

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store, self._terms = store, terms
        self._mine = secrets.token_hex(16)
        self._written = 0.0
        self._lost = False

    def take(self) -> None:
        owner, age = self._read()
        if owner is not None and age < self._terms.life:
            raise RefusedError(
                [
                    f"another upgrade into this folder is at work, or was killed less than {self._terms.life:g} s ago: "
                    f"{LEASE} is {max(age, 0):.0f} s old"
                ]
            )
        self._write()
        time.sleep(self._terms.settling)
        if self._read()[0] != self._mine:
            raise RefusedError(["another upgrade into this folder has begun at the same time"])

    def check(self) -> None:
        if self._lost or time.monotonic() - self._written > self._terms.life:
            raise RefusedError([f"{LEASE} could not be kept: another upgrade may be at work"])

    def renew_until(self, ended: threading.Event) -> None:
        while not ended.wait(self._terms.every):
            # What fails now may do the next time; if it does not for too long, check() says so.
            with contextlib.suppress(OSError):
                if self._read()[0] != self._mine:
                    self._lost = True
                    return
                self._write()

    def give_back(self) -> None:
        # If that fails it is taken over when it is old.
        with contextlib.suppress(OSError):
            if self._read()[0] == self._mine:
                self._store.remove(LEASE)

    def _write(self) -> None:
        began = time.monotonic()
        part = self._store.begin(LEASE)
        try:
            part.stream.write(json.dumps({"owner": self._mine, "renewed": time.time()}).encode())
            part.stream.close()
            part.place()
        except BaseException:
            part.discard()
            raise
        self._written = began

    def _read(self) -> tuple[str | None, float]:
        """Whose the object is, and how old; nobody's, where there is none or it says nothing."""
        try:
            with self._store.open(LEASE) as file:
                told = json.loads(file.read())
            return str(told["owner"]), time.time() - float(told["renewed"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None, 0.0
