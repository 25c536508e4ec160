"""Runs that are disturbed as ``make soak-archive`` does it, in short."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagellm_protocol.archive.formats import Form
from soaking.crashes import crash_everywhere
from soaking.dask_clusters import lose_a_worker
from soaking.disks import fill_disks, limit_files
from soaking.kills import kill_runs
from soaking.memory import MOST, large_file, peak
from soaking.processes import Undisturbed, undisturbed

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are watched as Linux tells"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed(tmp_path_factory.mktemp("whole"), times=8, since="0.4.0.8")


def test_a_run_that_is_killed_is_gone_on_with(whole: Undisturbed, tmp_path: Path) -> None:
    kill_runs(whole, tmp_path, kills=2, seed=int.from_bytes(os.urandom(4), "big"))


def test_a_crash_before_any_call_that_changes_the_folder(tmp_path: Path) -> None:
    died = crash_everywhere(tmp_path / "crashes", every=9)
    assert len(died) == 8
    assert min(died.values()) > 1


def test_a_full_disk(whole: Undisturbed, tmp_path: Path) -> None:
    if not fill_disks(whole, tmp_path, [0.5], workers=1):
        limit_files(whole, tmp_path, 30_000, workers=1)


def test_a_worker_of_a_cluster_is_lost(whole: Undisturbed, tmp_path: Path) -> None:
    lose_a_worker(whole, tmp_path)


def test_memory_is_bounded(tmp_path: Path) -> None:
    large = large_file(tmp_path, Form(compression="gzip"), 8_000_000)
    asked = {"sources": str(large), "output": str(tmp_path / "output"), "options": {"since": "0.4.0.8"}}
    assert peak(asked | {"shard": 1 << 26, "workers": 1}) < MOST
