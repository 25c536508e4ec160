"""Files that appear together when they are whole."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from elsewhere import Objects, emptied
from sagellm_protocol.archive import RefusedError
from sagellm_protocol.archive.storage import Folder, Source, find_sources

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX alone")


@pytest.fixture(params=["path", "file", "local", "memory", "abfs", "renaming"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    emptied()
    place = tmp_path / "not there yet"
    kinds = {"path": place, "file": place.as_uri(), "local": f"local://{place}"}
    yield Folder(kinds.get(request.param, f"{request.param}://bucket/out/"))
    emptied()


def contents(folder: Folder) -> dict[str, bytes | None]:
    return {name: folder.read(name) for name in folder.names()}


def everything(folder: Folder) -> list[str]:
    """Every name there is, also of what is being written."""
    return sorted(folder._store.names(""))


def test_they_appear_together(folder: Folder) -> None:
    folder.write("a", b"0")
    with folder.writing() as output:
        output("a").write(b"1")
        second = output("2024/b.jsonl")
        second.write(b"2" * 3_000_000)
        second.close()
        output(".sagellm/empty")
        assert contents(folder)["a"] == b"0"
        assert ".sagellm/empty" not in folder.names()
    assert contents(folder) == {"a": b"1", "2024/b.jsonl": b"2" * 3_000_000, ".sagellm/empty": b""}
    assert everything(folder) == sorted(folder.names())


def test_where_one_cannot_be_written_none_is(folder: Folder) -> None:
    def write() -> None:
        with folder.writing() as output:
            output("b/c").write(b"1" * 3_000_000)
            output("d").close()
            output("e").write(b"x")
            raise KeyboardInterrupt

    folder.write("a", b"0")
    with pytest.raises(KeyboardInterrupt):
        write()
    assert everything(folder) == ["a"]
    folder.write("b/c", b"again")
    assert contents(folder) == {"a": b"0", "b/c": b"again"}


def test_files_are_asked_for_and_removed(folder: Folder) -> None:
    assert folder.names() == folder.names("x") == []
    assert folder.read("x/a") is None
    assert not folder.exists("x/a")
    for name in ("x/b", "x/a", "xy", "x/y/[z]*", "z", "z?/[y]/a"):
        folder.write(name, name.encode())
    assert folder.names("x") == ["x/a", "x/b", "x/y/[z]*"]
    assert folder.names() == ["x/a", "x/b", "x/y/[z]*", "xy", "z", "z?/[y]/a"]
    assert folder.exists("x/y/[z]*")
    assert folder.exists("x")
    assert folder.read("x/y/[z]*") == b"x/y/[z]*"
    with folder.open("x/a") as file:
        assert (file.read(1), file.seekable(), file.seek(2), file.read()) == (b"x", True, 2, b"a")
    with pytest.raises(FileNotFoundError):
        folder.open("nope")
    for _ in range(2):
        folder.remove("x/a")
    assert not folder.exists("x/a")
    assert folder.names("x") == ["x/b", "x/y/[z]*"]


def test_where_a_folder_is_nothing_is_written(folder: Folder) -> None:
    folder.write("a/b", b"1")
    with pytest.raises(OSError, match=r"folder|directory"):
        folder.write("a", b"2")
    assert everything(folder) == ["a/b"]


@pytest.mark.parametrize("name", ["", "/", "/a", "../a", "a/../../b", "a//b", "a/", ".", "a\0b"])
def test_names_lead_nowhere_else(folder: Folder, name: str) -> None:
    for ask in (folder.open, folder.read, folder.exists, folder.remove, lambda name: folder.write(name, b"")):
        with pytest.raises(RefusedError, match="is no name in a folder"):
            ask(name)
    if name:
        with pytest.raises(RefusedError):
            folder.names(name)
    assert everything(folder) == []


def test_no_file_is_written_twice_at_a_time(folder: Folder) -> None:
    def write() -> None:
        with folder.writing() as output:
            output("a").write(b"1")
            output("a")

    with pytest.raises(RefusedError, match="a is being written already"):
        write()
    assert everything(folder) == []


def test_it_can_be_pickled(folder: Folder) -> None:
    folder.write("a", b"1")
    same = pickle.loads(pickle.dumps(folder))
    assert same == folder
    assert same.read("a") == b"1"
    assert not same.url.endswith("/")


def test_its_own_files_are_known(folder: Folder, tmp_path: Path) -> None:
    folder.write("a/log.jsonl", b"1")
    emptied_name = Source(f"{folder.url}/a/log.jsonl", "log.jsonl", 1, "")
    assert folder.holds(emptied_name)
    (tmp_path / "log.jsonl").touch()
    for other in (tmp_path / "log.jsonl", "memory://bucket/log.jsonl", "abfs://bucket/out2/log.jsonl"):
        assert not folder.holds(Source(str(other), "log.jsonl", 1, ""))


def test_without_a_name_or_a_kind_there_is_none() -> None:
    with pytest.raises(RefusedError, match="no name"):
        Folder("")
    with pytest.raises(RefusedError, match="nope"):
        Folder("nope://a").exists("b")
    assert Folder("memory://").url == "memory://"


# On this machine


@POSIX
def test_links_lead_to_sources(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out")
    source = tmp_path / "log.jsonl"
    source.write_bytes(b"1")
    (found,) = find_sources([source])
    assert not folder.holds(found)
    (tmp_path / "out").mkdir()
    os.link(source, tmp_path / "out/log.jsonl")
    assert folder.holds(found)
    (tmp_path / "out/log.jsonl").unlink()
    (tmp_path / "out/log.jsonl").symlink_to(source)
    assert folder.holds(found)
    (tmp_path / "way").symlink_to(tmp_path / "out")
    (tmp_path / "out/new").write_bytes(b"1")
    assert folder.holds(find_sources([tmp_path / "way/new"])[0])
    (tmp_path / "out/log.jsonl").unlink()
    (tmp_path / "out/log.jsonl").write_bytes(b"1")
    assert not folder.holds(found)
    assert not folder.holds(Source(str(source), "new/x", 1, "")), "new is a file"


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_where_one_cannot_take_its_place_none_does(tmp_path: Path, order: str) -> None:
    folder = Folder(tmp_path)

    def write() -> None:
        with folder.writing() as output:
            for name in order:
                output(name)
            (tmp_path / "a/full").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_longest_name_there_is(tmp_path: Path) -> None:
    Folder(tmp_path).write("n" * 255, b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"
    with pytest.raises(OSError, match=r"too long|No such"):
        Folder(tmp_path).write("n" * 256, b"x")
    assert len(list(tmp_path.iterdir())) == 1


@POSIX
def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9/log\n.jsonl")
    Folder(tmp_path).write(name, b"x")
    assert Folder(tmp_path).names() == [name]
    (source,) = find_sources([tmp_path])
    assert (source.name, pickle.loads(pickle.dumps(source))) == (name, source)
    with source.open() as file:
        assert file.read() == b"x"


@POSIX
def test_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    Folder(tmp_path).write("whole", b"x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_above_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="a"):
        Folder(tmp_path).write("a/b/c", b"x")
    assert Folder(tmp_path).read("a/b/c") is None
    Folder(tmp_path).remove("a/b/c")
    assert Folder(tmp_path).names("a") == []


@POSIX
def test_what_is_written_is_on_the_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))
        fsync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("no list of open files")
    monkeypatch.setattr(os, "fsync", watched)
    with Folder(tmp_path).writing() as output:
        output("a/b/c").write(b"x")
        assert synced == [".", "a"], "folders that were made"
    assert [name.rpartition("/")[0] for name in synced[2:]] == ["a/b", "a"]
    assert synced[-1] == "a/b"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EIO])
def test_folders_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    fsync = os.fsync

    def fails(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(code, "cannot")
        fsync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("no list of open files")
    monkeypatch.setattr(os, "fsync", fails)
    folder = Folder(tmp_path)
    if code == errno.EINVAL:
        folder.write("a", b"x")
        assert folder.names() == ["a"]
        return
    with pytest.raises(OSError, match="cannot"):
        folder.write("a", b"x")
    assert everything(folder) == []
    monkeypatch.setattr("sagellm_protocol.archive.storage.local._CAN_SYNC_FOLDERS", False)
    folder.write("a", b"x")


def test_names_that_windows_would_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a:b", "a?", "con", "x/NUL.txt", "a.", "a /b", "com1", "back\\slash", "x/lpt9/y", "tab\t"]
    if os.name == "posix":
        for name in names:
            Folder(tmp_path).write(name, b"x")
    monkeypatch.setattr("sagellm_protocol.archive.storage.places._SYSTEM", "nt")
    for name in names:
        with pytest.raises(RefusedError, match="no name of a file on Windows"):
            Folder(tmp_path).write(name, b"x")
    for name in ("console", "a.b", "nul1", "x.y/z", "com"):
        Folder(tmp_path).write(name, b"x")


WRITE = """
import os, sys
from sagellm_protocol.archive.storage import Folder
with Folder(sys.argv[1]).writing() as output:
    for name in ("a", "2024/b"):
        stream = output(name)
        stream.write(b"x" * 100_000)
        stream.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_what_was_left_over_is_removed_and_nothing_else(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WRITE, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
    for kept in ("2024/mine.part", ".sagellm-x.partly", "sagellm-.part"):
        (tmp_path / kept).touch()
    folder = Folder(tmp_path)
    assert len(everything(folder)) == 5
    folder.remove_left_over()
    assert everything(folder) == folder.names() == [".sagellm-x.partly", "2024/mine.part", "sagellm-.part"]
    Folder(tmp_path / "absent").remove_left_over()


FULL = """
import resource, signal, sys
from sagellm_protocol.archive.storage import Folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000,) * 2)
for sizes in [(3000, 5000), (5000, 3000), (5000, 0, 600_000), (600_000, 1)]:
    try:
        with Folder(sys.argv[1]).writing() as output:
            for number, size in enumerate(sizes):
                output(f"log.{number}").write(b"x" * size)
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on the size of files")
def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    Folder(tmp_path).write("log.0", b"old")
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n" * 4
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"log.0": b"old"}


# Elsewhere


def test_a_file_that_cannot_be_sent_leaves_what_was_there() -> None:
    emptied()
    folder = Folder("abfs://bucket")
    folder.write("a", b"old")
    Objects.out_of_order = True
    with pytest.raises(OSError, match="RuntimeError: 503 Slow Down"):
        folder.write("a", b"new")
    Objects.out_of_order = False
    assert contents(folder) == {"a": b"old"}


def test_a_name_that_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied()
    folder = Folder("renaming://bucket")

    def write() -> None:
        with folder.writing() as output:
            output("b").write(b"1")
            output("a").write(b"1")
            fsspec.filesystem("renaming").pipe_file("/bucket/a/full", b"")

    with pytest.raises(FileExistsError):
        write()
    assert everything(folder) == ["a/full"]


def test_nothing_can_be_written_by_http() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        Folder("http://127.0.0.1:9/a").write("b", b"x")
