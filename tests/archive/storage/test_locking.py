"""One run at a time in a folder on this machine."""

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
from sagellm_protocol.archive.storage import LOCK, Folder, locking

HOLD = """
import sys
from sagellm_protocol.archive.storage import Folder
with Folder(sys.argv[1]).alone():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.alone() as held:
        with pytest.raises(RefusedError, match=r"another upgrade into .* is at work"), folder.alone():
            pass
        with pytest.raises(RefusedError), folder.alone():
            pass
        held()
    with folder.alone():
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")
def test_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(path: Any, descriptor: int, answers: list[bool] = [False, True, True]) -> bool:  # noqa: B006
        return answers.pop(0)

    folder = Folder(tmp_path)
    with folder.alone(), pytest.raises(RefusedError), folder.alone():
        pass
    monkeypatch.setattr("sagellm_protocol.archive.storage.locking._is", lose)
    with folder.alone():
        pass
    opened = [descriptor.readlink() for descriptor in Path("/proc/self/fd").iterdir() if descriptor.is_symlink()]
    assert [path for path in opened if path.is_relative_to(tmp_path)] == []


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(RefusedError), Folder(tmp_path).alone():
            pass
        process.kill()
        process.wait()
    assert (tmp_path / LOCK).exists(), "what was killed could not remove it"
    with Folder(tmp_path).alone():
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
    folder = Folder(tmp_path)
    with folder.alone(), pytest.raises(RefusedError), folder.alone():
        pass
    assert len(opened) == 3


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be removed")
def test_whose_lock_is_removed_is_told_and_leaves_that_of_the_next(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.alone() as held:
        (tmp_path / LOCK).unlink()
        with pytest.raises(RefusedError, match="was removed: another upgrade may be at work"):
            held()
        (tmp_path / LOCK).touch()
    assert (tmp_path / LOCK).exists()


def test_a_folder_that_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), Folder(tmp_path / "file").alone():
        pass
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks"), Folder(tmp_path).alone():
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
    monkeypatch.setattr("sagellm_protocol.archive.storage.locking._SYSTEM", "nt")
    with Folder(tmp_path).alone(), pytest.raises(RefusedError), Folder(tmp_path).alone():
        pass
    assert len(held) == 1


FORKING = """
import os, sys, time
from sagellm_protocol.archive.storage import Folder
with Folder(sys.argv[1]).alone():
    child = os.fork()
    if not child:
        os.close(1)
        os.close(2)
        time.sleep(600)
    print(child, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
def test_a_process_that_was_forked_does_not_go_on_holding_the_lock(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", FORKING, tmp_path], capture_output=True, text=True, check=False)
    child = int(dead.stdout)
    try:
        with Folder(tmp_path).alone():
            pass
    finally:
        os.kill(child, 9)


def test_what_a_forked_process_lets_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    monkeypatch.setattr(locking, "_DESCRIPTORS", {descriptor})
    locking._let_go()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
