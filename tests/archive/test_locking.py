"""One run at a time in a folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from sagellm_protocol.archive import RefusedError
from sagellm_protocol.archive.locking import LOCK, alone_in

HOLD = """
import sys
from pathlib import Path
from sagellm_protocol.archive.locking import alone_in
with alone_in(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        with pytest.raises(RefusedError, match=r"another upgrade into .* is at work"), alone_in(tmp_path):
            pass
        with pytest.raises(RefusedError), alone_in(tmp_path):
            pass
    with alone_in(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")
def test_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(path: Any, descriptor: int, answers: list[bool] = [False, True]) -> bool:  # noqa: B006
        return answers.pop(0)

    before = len(list(Path("/proc/self/fd").iterdir()))
    with alone_in(tmp_path), pytest.raises(RefusedError), alone_in(tmp_path):
        pass
    monkeypatch.setattr("sagellm_protocol.archive.locking._is", lose)
    with alone_in(tmp_path):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(RefusedError), alone_in(tmp_path):
            pass
        process.kill()
        process.wait()
    assert (tmp_path / LOCK).exists(), "what was killed could not remove it"
    with alone_in(tmp_path):
        pass


@pytest.mark.parametrize("put_back", [True, False])
def test_a_lock_on_a_file_that_was_removed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_back: bool
) -> None:
    opened: list[str] = []
    os_open = os.open

    def open_and_lose(path: Any, *arguments: Any, **more: Any) -> int:
        descriptor = os_open(path, *arguments, **more)
        opened.append(path)
        if len(opened) == 1:
            Path(path).unlink()
            if put_back:
                Path(path).write_bytes(b"")
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    with alone_in(tmp_path), pytest.raises(RefusedError), alone_in(tmp_path):
        pass
    assert len(opened) == 3


def test_a_folder_that_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError), alone_in(tmp_path / "absent"):
        pass
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks"), alone_in(tmp_path):
        pass


def test_where_there_is_no_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def locking(descriptor: int, mode: str, size: int) -> None:
        if held:
            raise PermissionError(errno.EACCES, "Permission denied")
        assert (mode, size) == ("non-blocking", 1)
        held.append(descriptor)

    msvcrt = types.SimpleNamespace(locking=locking, LK_NBLCK="non-blocking")
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr("sagellm_protocol.archive.locking._SYSTEM", "nt")
    with alone_in(tmp_path), pytest.raises(RefusedError), alone_in(tmp_path):
        pass
    assert len(held) == 1
