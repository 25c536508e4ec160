"""``python -m benchmarks.archive``: archives upgraded, beside the loop that this replaces, and the parser alone.

Each competitor is a process of its own on one core, so that start and report count. What counts is the time that the
processor was at work for it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

import attrs

from benchmarks import BUILD, ROOT
from benchmarks.release import RELEASE
from published import Unavailable, published_release

WORK = "upgrade an archive"
DESCRIPTIONS = {
    WORK: "a record of a log, from a file to a file, in a process of its own: start and report count; the release: "
    "`json.loads`, renames by hand, `model_validate()`, `model_dump_json()`; the raw parser: `orjson` there and back"
}
SHORT = 300_000_000
"""Bytes of each log for the page: enough that most of the time is not the start."""
DELTAS = "deltas and responses of 0.4.0.8"
_RAW = """
import sys
from orjson import dumps, loads
with open(sys.argv[1], "rb") as lines, open(sys.argv[2], "wb") as output:
    for line in lines:
        output.write(dumps(loads(line)) + b"\\n")
"""


@attrs.frozen
class Log:
    """A file to upgrade."""

    name: str
    path: Path
    records: int
    size: int
    since: str | None = None
    """The release that wrote it, where that is told."""


@attrs.frozen
class Spent:
    """What a run took."""

    seconds: float
    """Of processor time."""
    records: int
    size: int

    @property
    def told(self) -> str:
        """In words."""
        rate = f"{self.records / self.seconds:>9,.0f} records/s  {self.size / self.seconds / 1e6:>6.1f} MB/s"
        return f"{rate}  {self.seconds / self.records * 1e6:>6.2f} us a record"


def logs(folder: Path, size: int) -> Iterator[Log]:
    """The traffic logs, each repeated to about so many bytes, and one of deltas and responses of 0.4.0.8."""
    for path in sorted((ROOT / "examples" / "archive").glob("*.jsonl")):
        yield _written(folder, path.stem, _lines(path), size, None)
    old = _lines(ROOT / "examples" / "archive" / "0.4.0.8.jsonl")
    deltas = [line for line in old if b'"event":"delta"' in line]
    responses = cycle([line for line in old if b'"output_text"' in line and b'"event"' not in line])
    mixed = [
        line for index, delta in enumerate(deltas) for line in ([delta] if index % 5 else [delta, next(responses)])
    ]
    yield _written(folder, DELTAS, mixed, size, "0.4.0.8")


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _written(folder: Path, name: str, lines: list[bytes], size: int, since: str | None) -> Log:
    path = folder / f"{name.replace(' ', '-')}.jsonl"
    times = max(1, round(size / sum(map(len, lines))))
    with path.open("wb") as output:
        output.writelines(islice(cycle([b"".join(lines)]), times))
    return Log(name, path, len(lines) * times, path.stat().st_size, since)


def commands() -> dict[str, Callable[[Log, Path], list[str]]]:
    """What each competitor runs for a log and a folder to write to."""
    found: dict[str, Callable[[Log, Path], list[str]]] = {}
    with contextlib.suppress(Unavailable):  # the timing run says why
        folder, loop = str(published_release(RELEASE)), str(Path(__file__).with_name("published_loop.py"))
        found["published"] = lambda log, to: [sys.executable, loop, folder, str(log.path), str(to / "published")]
    found["raw"] = lambda log, to: [sys.executable, "-I", "-c", _RAW, str(log.path), str(to / "raw")]
    found["core"] = _ours
    return found


def _ours(log: Log, to: Path) -> list[str]:
    since = [] if log.since is None else ["--since", log.since]
    upgrade = [sys.executable, "-m", "sagellm_protocol", "upgrade", str(log.path), "--output", str(to / "ours")]
    return [*upgrade, "--workers", "1", "--force", *since]


def spent(command: list[str], log: Log, environment: Mapping[str, str] | None = None) -> Spent:
    """What a command takes for a log.

    Args:
        command: what is run.
        log: what it is run on.
        environment: in which; that of this process, where it is None.

    Raises:
        SystemExit: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Spent(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, log.records, log.size)


def archives(
    size: int,
    passes: int,
    environment: Mapping[str, str] | None = None,
    told: Callable[[str], object] = lambda _: None,
) -> dict[str, dict[str, list[float]]]:
    """Seconds a record by log and competitor, in the form of the other measurements.

    Args:
        size: bytes of each log, about.
        passes: how often each competitor goes through each log; all of them do, one after the other.
        environment: in which they run.
        told: is given a line for each run.
    """
    found: dict[str, dict[str, list[float]]] = {}
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        for log in logs(Path(folder), size):
            row = found.setdefault(log.name, {})
            for _ in range(passes):
                once: dict[str, Spent] = {}
                for competitor, command in commands().items():
                    once[competitor] = spent(command(log, Path(folder)), log, environment)
                    row.setdefault(competitor, []).append(once[competitor].seconds / log.records)
                    ratio = once["published"].seconds / once[competitor].seconds if "published" in once else None
                    against = "" if ratio is None else f"  {ratio:.2f} times as fast as the release"
                    told(f"{log.name:<32} {competitor:<10} {once[competitor].told}{against}")
            log.path.unlink()  # they are written one at a time, as the disk may not hold all
    return found


def main() -> None:
    """Measure, and print a line for each run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description="Measure upgrades of archives.")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of each log")
    parser.add_argument("--passes", type=int, default=1, help="times that each log is gone through")
    options = parser.parse_args()
    archives(round(options.gigabytes * 1e9), options.passes, told=lambda line: print(line, flush=True))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    main()
