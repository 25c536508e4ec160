"""``make soak-archive``: every disturbance, at length. ``KILLS=100`` and ``SEED=7`` say how many kills, and which."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from soaking.crashes import crash_everywhere
from soaking.dask_clusters import lose_a_worker, poison_workers
from soaking.disks import fill_disks, limit_files
from soaking.kills import kill_runs
from soaking.memory import MOST, measure
from soaking.processes import undisturbed

_MEBIBYTE = 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=300, help="size of the files that memory is measured with")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-archive-") as name:
        place = Path(name)
        print(f"below {place}, Python {sys.version.split()[0]}")
        whole = undisturbed(place, times=40)
        print(f"undisturbed: {whole.takes:.1f} s")
        kill_runs(whole, place, given.kills, given.seed)
        died = crash_everywhere(place / "crashes")
        for scenario, times in died.items():
            print(f"{scenario}: {times} crashes, one before each call that changes the folder; every byte was the same")
        fill_disks(whole, place, [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
        limit_files(whole, place, 40_000)
        lose_a_worker(whole, place)
        poison_workers(place)
        memory = place / "memory"
        memory.mkdir()
        too_much = measure(memory, given.megabytes * 1_000_000, 60 * _MEBIBYTE)
    if too_much:
        print(f"more than {MOST / 1e6:.0f} MB: {', '.join(too_much)}")
    return bool(too_much)


if __name__ == "__main__":
    sys.exit(main())
