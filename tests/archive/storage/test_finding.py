"""Which files places stand for, here and elsewhere."""

from __future__ import annotations

import errno
import glob
import gzip
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
import pytest
from hypothesis import example, given, strategies as st

from elsewhere import emptied, served
from sagellm_protocol.archive import RefusedError
from sagellm_protocol.archive.storage import Folder, find_sources
from sagellm_protocol.model.exceptions import MissingExtraError

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX alone")
FILES = (
    *("log.jsonl", "log[1].jsonl", "2024/log.jsonl", "2024/01/a.jsonl", "2024/01/b.json.gz", "2025/log.jsonl"),
    *(".hidden/x.jsonl", "2024/.x.jsonl", "2024/.sagellm/m.json"),
)
ALL = ["2024/01/a.jsonl", "2024/01/b.json.gz", "2024/log.jsonl", "2025/log.jsonl", "log.jsonl", "log[1].jsonl"]

FOUND: dict[str, list[str]] = {
    "": ALL,
    "/": ALL,
    "/log.jsonl": ["log.jsonl"],
    "/2024/01/a.jsonl": ["a.jsonl"],
    "/log[1].jsonl": ["log[1].jsonl"],
    "/log[[]1].jsonl": ["log[1].jsonl"],
    "/*.jsonl": ["log.jsonl", "log[1].jsonl"],
    "/*/*.jsonl": ["2024/log.jsonl", "2025/log.jsonl"],
    "/202[45]/log.jsonl": ["2024/log.jsonl", "2025/log.jsonl"],
    "/202?": [name for name in ALL if "/" in name],
    "/2024/*": ["01/a.jsonl", "01/b.json.gz", "log.jsonl"],
    "/**": ALL,
    "/**/*.jsonl": [name for name in ALL if not name.endswith(".gz")],
    "/**/01/*": ["2024/01/a.jsonl", "2024/01/b.json.gz"],
    "/2024/**/*.gz": ["01/b.json.gz"],
    "/*/.x*": ["2024/.x.jsonl"],
    "/2024/.x.jsonl": [".x.jsonl"],
    "/.hidden": ["x.jsonl"],
}
"""What is found by what follows the folder's own place."""


def fill(root: Path) -> Path:
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


@pytest.fixture(params=["path", "local", "memory", "abfs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    emptied()
    if request.param in ("path", "local"):
        yield str(fill(tmp_path / "in")) if request.param == "path" else f"local://{fill(tmp_path / 'in')}"
    else:
        system = fsspec.filesystem(request.param)
        for name in FILES:
            system.pipe_file(f"/bucket/in/{name}", name.encode())
        yield f"{request.param}://bucket/in"
    emptied()


def test_files_patterns_and_folders(root: str) -> None:
    for place, names in FOUND.items():
        sources = find_sources([root + place])
        assert [source.name for source in sources] == names, place
        for source in sources:
            with source.open() as file:
                assert file.seekable()
                content = file.read()
            assert content.decode().endswith(source.name)
            assert source.size == len(content)
            assert source.now() == source
            assert source.url.endswith(f"/in/{content.decode()}")


def test_what_stands_for_nothing_is_refused_with_every_reason(root: str) -> None:
    with pytest.raises(RefusedError) as caught:
        find_sources([f"{root}/nope", f"{root}/*.nope", root, f"{root}/2024/.sagellm/.*", f"{root}/nope/*/x"])
    assert len(caught.value.reasons) == 4
    assert str(caught.value).startswith(f"{root}/nope is not there\n{root}/*.nope stands for no file\n")


def test_each_is_found_once_place_by_place(root: str) -> None:
    sources = find_sources([f"{root}/2024", f"{root}/log.jsonl", root, f"{root}/log.jsonl"])
    assert [source.url.removeprefix(f"{root}/") for source in sources] == [
        *("2024/01/a.jsonl", "2024/01/b.json.gz", "2024/log.jsonl"),
        *("log.jsonl", "2025/log.jsonl", "log[1].jsonl"),
    ]
    assert len({source.name for source in sources}) == len(sources)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["2024/log.jsonl", "2025/log.jsonl"], ["2024/log.jsonl", "2025/log.jsonl"]),
        (["2024", "2025"], ["2024/01/a.jsonl", "2024/01/b.json.gz", "2024/log.jsonl", "2025/log.jsonl"]),
        (["2024/01", "2025"], ["a.jsonl", "b.json.gz", "log.jsonl"]),
        (["2025/log.jsonl", "log.jsonl"], ["2025/log.jsonl", "log.jsonl"]),
    ],
)
def test_two_of_one_name_are_told_apart_by_their_folders(root: str, places: list[str], names: list[str]) -> None:
    assert [source.name for source in find_sources(f"{root}/{place}" for place in places)] == names


def test_a_file_where_another_needs_a_folder(tmp_path: Path) -> None:
    for name in ("one/log", "two/log/a", "two/log/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    sources = find_sources([tmp_path / "one", tmp_path / "two"])
    assert [source.name for source in sources] == ["one/log", "two/log/a", "two/log/b"]


def test_what_has_nothing_in_common_is_refused(tmp_path: Path) -> None:
    emptied()
    (tmp_path / "log").touch()
    fsspec.filesystem("memory").pipe_file("/log", b"")
    with pytest.raises(RefusedError, match=r"log and memory://log would both become log$"):
        find_sources([tmp_path / "log", "memory://log"])


def test_a_source_that_changed_is_noticed(root: str) -> None:
    (source,) = find_sources([f"{root}/log.jsonl"])
    system, path = fsspec.core.url_to_fs(root)
    system.pipe_file(f"{path}/log.jsonl", b"LOG.jsonl")
    assert source.now() != source
    system.rm_file(f"{path}/log.jsonl")
    with pytest.raises(FileNotFoundError):
        source.now()
    with pytest.raises(FileNotFoundError):
        source.open()


def test_files_that_are_open_twice_have_two_positions(root: str) -> None:
    (source,) = find_sources([f"{root}/log.jsonl"])
    with source.open() as one, source.open() as two:
        assert (one.read(3), two.read(), one.read()) == (b"log", b"log.jsonl", b".jsonl")


# On this machine


def test_no_place_is_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fill(tmp_path))
    assert [source.name for source in find_sources(["2024/*.jsonl", "./*.jsonl", "**/*.gz"])] == [
        *("2024/log.jsonl", "log.jsonl", "log[1].jsonl", "2024/01/b.json.gz")
    ]
    assert [source.name for source in find_sources([tmp_path / "log.jsonl", Path("log.jsonl"), "2024/../log.jsonl"])]
    assert find_sources([]) == []
    for place in ("", "file://"):
        with pytest.raises(RefusedError, match="a place without a name is not there"):
            find_sources([place])
    with pytest.raises(RefusedError, match="is not there"):
        find_sources(["a\0b"])


@POSIX
def test_patterns_from_the_root_and_names_of_urls(tmp_path: Path) -> None:
    fill(tmp_path / "a b%")
    for place in (f"/?{str(tmp_path)[2:]}/a b%/*.jsonl", f"{(tmp_path / 'a b%').as_uri()}/*.jsonl"):
        urls = [source.url for source in find_sources([place])]
        assert urls == [str(tmp_path / "a b%" / name) for name in ("log.jsonl", "log[1].jsonl")]
    assert find_sources([f"file://localhost{tmp_path}"])[0].url.startswith(str(tmp_path))


@POSIX
def test_links_are_followed_and_go_round_in_no_circles(tmp_path: Path) -> None:
    fill(tmp_path / "in")
    fill(tmp_path / "elsewhere")
    (tmp_path / "in/2023").symlink_to(tmp_path / "elsewhere/2024")
    for name in ("round", "2024/about", "2024/01/again"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "in")
    (tmp_path / "in/current.jsonl").symlink_to("2025/log.jsonl")
    for place in ("in", "in/**"):
        names = [source.name for source in find_sources([tmp_path / place])]
        assert names[:3] == ["2023/01/a.jsonl", "2023/01/b.json.gz", "2023/log.jsonl"]
        assert len(names) == len(ALL) + 3, "each once"
    (tmp_path / "in/self").symlink_to("self")
    with pytest.raises(RefusedError, match="cannot be read"):
        find_sources([tmp_path / "in"])


def test_systems_that_know_no_wildcards_in_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os_stat = os.stat

    def refusing(path: Any, *arguments: Any, **more: Any) -> os.stat_result:
        if "*" in str(path):
            raise OSError(errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect")
        return os_stat(path, *arguments, **more)

    fill(tmp_path)
    monkeypatch.setattr(os, "stat", refusing)
    assert [source.name for source in find_sources([tmp_path / "2025/*"])] == ["log.jsonl"]


@POSIX
def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "also.gone").symlink_to("nowhere")
    with pytest.raises(RefusedError, match=r"gone is a link that leads nowhere\n.*gone is a link that leads nowhere"):
        find_sources([tmp_path])
    with pytest.raises(RefusedError, match="gone is not there"):
        find_sources([tmp_path / "gone"])
    (tmp_path / "self").symlink_to("self")
    with pytest.raises(RefusedError, match=r"self cannot be read: .*symbolic links"):
        find_sources([tmp_path / "self"])
    (tmp_path / "self").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RefusedError, match="pipe is no file"):
        find_sources([tmp_path / "pipe"])
    with pytest.raises(RefusedError, match="stands for no file"):
        find_sources([tmp_path / "p*"])


def globbed(pattern: Path) -> list[Path]:
    # Path.glob finds hidden files too; and glob says "a/" of "a/**" where a is a file.
    return [Path(match) for match in glob.glob(str(pattern), recursive=True) if os.path.exists(match)]  # noqa: PTH110, PTH207


NAMES = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
SEGMENTS = st.one_of(st.sampled_from(["*", "**", "?", "a*", "*b", "[ab]", ".*", "*.*"]), NAMES)


@example({("a",)}, ["*", "**"])
@example({("a", "b")}, ["a", "**", "**"])
@example({("a", ".b", "c")}, ["a", ".*"])
@given(
    st.sets(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=8), st.lists(SEGMENTS, min_size=1, max_size=3)
)
def test_patterns_mean_what_they_mean_to_glob(
    tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, ...]], pattern: list[str]
) -> None:
    """And what a folder that is meant has in it."""
    root = tmp_path_factory.mktemp("in")
    for names in sorted(files, key=len, reverse=True):
        path = root.joinpath(*names)
        if not path.exists() and not any(above.is_file() for above in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    matches = globbed(root / "/".join(pattern))
    below = [file for match in matches if match.is_dir() for file in globbed(match / "**")]
    expected = {str(file) for file in [*matches, *below] if file.is_file()}
    try:
        found = {source.url for source in find_sources([root / "/".join(pattern)])}
    except RefusedError:
        found = set()
    assert found == expected


# By HTTP


def test_files_and_folders_by_http(tmp_path: Path) -> None:
    content = bytes(range(256)) * 100_000
    fill(tmp_path)
    (tmp_path / "2024/log.jsonl").write_bytes(content)
    with served(tmp_path) as url:
        (source,) = find_sources([f"{url}/2024/log.jsonl?token=[x]#c"])
        assert (source.name, source.size) == ("log.jsonl", len(content))
        assert source.now() == source
        with source.open() as file:
            assert file.seekable()
            assert file.read(300) == content[:300]
            assert file.seek(20_000_001) == file.tell() == 20_000_001
            assert file.read(3) == content[20_000_001:20_000_004]
            assert file.seek(-2, os.SEEK_END)
            assert file.read() == content[-2:]
        os.utime(tmp_path / "2024/log.jsonl", (0, 0))
        assert source.now() != source
        assert {unquote(source.name) for source in find_sources([f"{url}/"])} == set(ALL)
        assert [source.name for source in find_sources([f"{url}/2024/*/*.jsonl"])] == ["01/a.jsonl"]
        assert [source.name for source in find_sources([f"{url}/2024/log.jsonl", f"{url}/2025/log.jsonl"])] == [
            *("2024/log.jsonl", "2025/log.jsonl")
        ]
        with pytest.raises(RefusedError) as caught:
            find_sources([f"{url}/nope.jsonl", f"{url}/nope/", f"{url}/*.nope"])
        assert len(caught.value.reasons) == 3
        assert "404" in caught.value.reasons[0]


@pytest.mark.parametrize(
    ("how", "size"),
    [({}, 5_000_000), ({"said": True}, 5_000_000), ({"length": False}, 5_000_000), ({}, 2), ({}, 1), ({}, 0)],
)
def test_servers_that_send_files_from_the_beginning_only(tmp_path: Path, how: dict[str, bool], size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "log").write_bytes(content)
    with served(tmp_path, ranges=False, **how) as url:
        (source,) = find_sources([f"{url}/log"])
        assert source.size == (size if how.get("length", True) else None)
        assert source.now() == source
        with source.open() as file:
            assert not file.seekable()
            assert file.read(100) + file.read() == content
            assert file.tell() == size
            with pytest.raises(OSError, match="not seekable"):
                file.seek(0)


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
def test_a_file_comes_as_it_is_stored(tmp_path: Path, name: str) -> None:
    content = gzip.compress(b"x" * 10_000) if name.endswith(".gz") else b"x" * 10_000
    (tmp_path / name).write_bytes(content)
    with served(tmp_path, packed=True) as url:
        (source,) = find_sources([f"{url}/{name}"])
        with source.open() as file:
            assert file.read() == content


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off(tmp_path: Path, ranges: bool) -> None:
    (tmp_path / "log").write_bytes(os.urandom(3_000_000))
    with served(tmp_path) as url:
        (source,) = find_sources([f"{url}/log"])
    port = int(url.rpartition(":")[2])
    with served(tmp_path, broken=True, ranges=ranges) as url:
        (source,) = find_sources([f"{url}/log"])

        def read() -> None:
            with source.open() as file:
                file.read()

        with pytest.raises(OSError, match="payload"):
            read()
    with pytest.raises(RefusedError, match=r"is not there: .*Connect"):
        find_sources([f"http://127.0.0.1:{port}/log"])


def test_pages_that_lead_anywhere(tmp_path: Path) -> None:
    links = ["/", "../", "/other/", "?C=N", "a.jsonl?x=1", "sub/../../etc/x", "http://127.0.0.1:1/x", "a.jsonl", "sub/"]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    for name in ("in/a.jsonl", "in/sub/a.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with served(tmp_path, page=page) as url, pytest.raises(RefusedError):
        find_sources([f"{url}/in/"])
    with served(tmp_path, page=page.replace("sub/../../etc/x", "").replace("sub/", "")) as url:
        assert [source.name for source in find_sources([f"{url}/in/"])] == ["a.jsonl"]


def test_files_within_files(tmp_path: Path) -> None:
    fill(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as packed:
        for name in FILES:
            packed.write(tmp_path / "in" / name, name)
    with served(tmp_path) as url:
        tail = f"::{url}/logs.zip"
        assert [source.name for source in find_sources([f"zip://{tail}"])] == ALL
        (source,) = find_sources([f"zip://2024/*.jsonl{tail}"])
        assert (source.name, source.url) == ("log.jsonl", f"zip://2024/log.jsonl{tail}")
        assert source.now() == source
        with source.open() as file:
            assert file.read() == b"2024/log.jsonl"


@pytest.mark.parametrize(("package", "place"), [("fsspec.core", "memory://x"), ("aiohttp", "http://127.0.0.1:9/x")])
def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, package: str, place: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for ask in (lambda: find_sources([place]), lambda: Folder(place).read("a")):
        with pytest.raises(MissingExtraError, match=r"isagellm-protocol\[remote\]"):
            ask()


def test_a_bucket_may_be_called_http() -> None:
    emptied()
    Folder("abfs://https-logs").write("a", b"12")
    (source,) = find_sources(["abfs://https-logs/a"])
    with source.open() as file:
        assert (file.seek(1), file.read()) == (1, b"2")


def test_kinds_that_there_are_not() -> None:
    with pytest.raises(RefusedError, match="nope://x: Protocol not known: nope"):
        find_sources(["nope://x"])
