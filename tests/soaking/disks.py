"""Disks that are full in the middle of a run, and then have room."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from soaking.archives import contents
from soaking.processes import Undisturbed, begin, finish
from soaking.upgrading import NO_ROOM


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Callable[[int], None] | None]:
    """A file system of so many bytes; gives a function that makes it larger, or None where none can be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield lambda larger: _mount(["mount", "-o", f"remount,size={larger}", str(place)])
    finally:
        _mount(["umount", "--lazy", str(place)])


def _mount(command: list[str]) -> None:
    subprocess.run(command, check=True)


def fill_disks(
    whole: Undisturbed, place: Path, shares: list[float], *, told: Callable[[str], None] = print, **others: Any
) -> bool:
    """Run out of room when a share of the outputs is written, make room, and go on.

    Returns:
        Whether that can be done here.
    """
    # A file takes whole pages of such a file system.
    size = sum(-(-len(data) // 4096) * 4096 for data in contents(whole.output).values())
    for number, share in enumerate(shares):
        disk = place / f"disk-{number}"
        with small_disk(disk, int(size * share)) as grow:
            if grow is None:
                told("no small file system can be mounted here")
                return False
            asked = whole.asked(disk / "output", **others)
            finish(begin("soaking.upgrading", asked), NO_ROOM)
            there = len(contents(disk))
            grow(size * 3)
            finish(begin("soaking.upgrading", asked))
            files = whole.compare(disk / "output")
        told(f"a disk for {share:.0%} of the outputs was full with {there} of {files} files; then all were the same")
    return True


def limit_files(
    whole: Undisturbed, place: Path, largest: int, *, told: Callable[[str], None] = print, **others: Any
) -> None:
    """Let no file be larger than so many bytes, which is less than some outputs are; then let it, and go on."""
    output = place / "limited"
    finish(begin("soaking.upgrading", whole.asked(output, largest=largest, **others)), NO_ROOM)
    left = [name for name in contents(output) if name.endswith(".part")]
    assert not left, left
    finish(begin("soaking.upgrading", whole.asked(output, **others)))
    files = whole.compare(output)
    told(f"no file could be larger than {largest:,} bytes; then they could, and {files} files were the same")
