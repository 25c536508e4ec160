"""One run at a time in a folder elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from elsewhere import Objects, emptied
from sagellm_protocol.archive import RefusedError
from sagellm_protocol.archive.storage import LEASE, Folder
from sagellm_protocol.archive.storage.leases import Terms

FOLDER = Folder("memory://out")


@pytest.fixture(autouse=True)
def terms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terms]:
    emptied()
    quick = Terms(life=2, every=0.05, settling=0.02)  # a busy machine may not let a thread run for a second
    monkeypatch.setattr("sagellm_protocol.archive.storage.leases.TERMS", quick)
    yield quick
    emptied()


def write(owner: str, age: float) -> None:
    FOLDER.write(LEASE, json.dumps({"owner": owner, "renewed": time.time() - age}).encode())


def test_a_second_one_is_refused_until_the_first_is_done(terms: Terms) -> None:
    with FOLDER.alone() as held:
        with pytest.raises(RefusedError, match=r"at work, or was killed less than 2 s ago: .sagellm.lease is [01] s"):
            FOLDER.alone().__enter__()
        time.sleep(terms.life * 1.2)
        held()
        with pytest.raises(RefusedError):
            FOLDER.alone().__enter__()
        assert FOLDER.names() == [LEASE]
    assert FOLDER.names() == []
    assert not any(thread.name == "sagellm-lease" for thread in threading.enumerate())


def test_that_of_a_killed_one_is_taken_over_when_it_is_old(terms: Terms) -> None:
    write("another", age=terms.life * 0.2)
    with pytest.raises(RefusedError):
        FOLDER.alone().__enter__()
    write("another", age=terms.life * 1.2)
    with FOLDER.alone():
        assert b"another" not in (FOLDER.read(LEASE) or b"")


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"owner":"x","renewed":"y"}', b"\xff"])
def test_what_says_nothing_is_nobodys(said: bytes) -> None:
    FOLDER.write(LEASE, said)
    with FOLDER.alone():
        pass


def test_of_two_at_the_same_time_the_later_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagellm_protocol.archive.storage.leases.time.sleep", lambda _: write("another", age=0))
    with pytest.raises(RefusedError, match="begun at the same time"):
        FOLDER.alone().__enter__()
    assert b"another" in (FOLDER.read(LEASE) or b"")


def test_whose_lease_is_taken_over_is_told_and_leaves_that_of_the_next(terms: Terms) -> None:
    def lose() -> None:
        with FOLDER.alone() as held:
            write("another", age=0)
            time.sleep(terms.every * 3)
            with pytest.raises(RefusedError, match="could not be kept: another upgrade may be at work"):
                held()

    with pytest.raises(RefusedError, match="could not be kept"):
        lose()
    assert b"another" in (FOLDER.read(LEASE) or b"")


def test_what_cannot_be_written_for_a_while_is_written_again_and_for_too_long_is_lost(terms: Terms) -> None:
    folder = Folder("abfs://out")
    with folder.alone() as held:
        Objects.out_of_order = True
        time.sleep(terms.every * 3)
        Objects.out_of_order = False
        time.sleep(terms.life)
        held()
        Objects.out_of_order = True
        time.sleep(terms.life + terms.every)
        with pytest.raises(RefusedError):
            held()
        Objects.out_of_order = False
        time.sleep(terms.every * 3)
    Objects.out_of_order = True
    with pytest.raises(OSError, match="503 Slow Down"):
        folder.alone().__enter__()
    assert folder.names() == []
