"""Files that appear together when they are whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sagellm_protocol.archive.outputs import remove_left_over, whole_files


def test_they_appear_together(tmp_path: Path) -> None:
    with whole_files() as output:
        output(tmp_path / "a", False).write(b"1")
        output(tmp_path / "b", False).write(b"2")
        assert all(path.name.endswith(".part") for path in tmp_path.iterdir())
        assert len(list(tmp_path.iterdir())) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_where_one_cannot_take_its_place_none_does(tmp_path: Path, order: str) -> None:
    (tmp_path / "a/full").mkdir(parents=True)

    def write() -> None:
        with whole_files() as output:
            for name in order:
                output(tmp_path / name, False)

    with pytest.raises(OSError, match="directory"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_longest_name_there_is(tmp_path: Path) -> None:
    with whole_files() as output:
        output(tmp_path / ("n" * 255), False).write(b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"


def test_what_was_left_over_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with whole_files() as output:
        output(tmp_path / "a", False)
        (left,) = tmp_path.iterdir()
    (tmp_path / "a").rename(left)
    kept = left.with_name(left.name + "b")
    kept.touch()
    (tmp_path / "mine.part").touch()
    remove_left_over(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([kept, tmp_path / "mine.part"])
    remove_left_over(tmp_path / "absent")


# A full disk

UPGRADE = """
import resource, signal, sys
from pathlib import Path
from sagellm_protocol.archive import upgrade_archive
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    upgrade_archive([Path(sys.argv[1])], Path(sys.argv[2]))
except OSError as error:
    print(error.strerror)
"""
GOOD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on the size of files")
@pytest.mark.parametrize(
    ("good", "bad", "name"), [(100, 1, "log"), (1, 100, "log"), (20_000, 1, "log"), (1, 20_000, "log.gz")]
)
def test_a_full_disk_leaves_none_of_the_outputs_of_a_source(tmp_path: Path, good: int, bad: int, name: str) -> None:
    source, out = tmp_path / name, tmp_path / "out"
    noise = "".join(f'{{"{os.urandom(30).hex()}\n' for _ in range(bad))
    content = (GOOD * good + noise).encode()
    if name.endswith(".gz"):
        import gzip

        content = gzip.compress(content)
    source.write_bytes(content)
    limit = 4000
    done = subprocess.run(
        [sys.executable, "-c", UPGRADE, str(source), str(out), str(limit)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "File too large"
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert left == ["report.json"]
    assert not json.loads((out / "report.json").read_bytes())["complete"]
