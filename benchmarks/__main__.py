"""``python -m benchmarks``: measure, print the bars, write ``docs/benchmarks.md`` and its plot."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from benchmarks import BUILD, ROOT, archive
from benchmarks.measured import Measured
from benchmarks.plot import plot
from benchmarks.report import console, document
from benchmarks.startup import startup
from benchmarks.work import table

PACKAGES = ("pydantic", "pydantic-core", "attrs", "cattrs", "orjson", "msgpack", "msgspec")


def measure(processes: int, passes: int) -> Measured:
    """Take every figure. Several processes, since memory is laid out anew in each."""
    BUILD.mkdir(parents=True, exist_ok=True)
    figures: dict[str, dict[str, dict[str, list[float]]]] = {}
    machine: dict[str, Any] = {}
    for number in range(processes):
        print(f"timing, process {number + 1} of {processes}, {passes} passes", flush=True)
        target = BUILD / f"timing-{number}.json"
        command = ["pytest", "-c", "benchmarks/pytest.ini", "benchmarks", f"--passes={passes}"]
        _python("-m", *command, f"--benchmark-json={target}")
        machine = _add_timings(target, figures)
    print("bytes an object", flush=True)
    figures.update(json.loads(_python("-m", "benchmarks.memory")))
    print("import time", flush=True)
    figures.update(startup())
    print("archives", flush=True)
    figures[archive.WORK] = archive.archives(archive.SHORT, 1)
    return Measured(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine={
            "processor": f"{machine['cpu'].get('brand_raw', machine['machine'])}, {machine['cpu']['count']} cores",
            "system": f"{machine['system']}, {machine['machine']}",
            "Python": f"{machine['python_implementation']} {machine['python_version']}",
        },
        versions={package: version(package) for package in PACKAGES},
        missing=table()[1],
        figures=figures,
    )


def _python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments[:3])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _add_timings(path: Path, figures: dict[str, dict[str, dict[str, list[float]]]]) -> dict[str, Any]:
    """Read what pytest-benchmark has written: seconds a statement, the quickest round of each pass."""
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for benchmark in written["benchmarks"]:
        about = benchmark["extra_info"]
        row = figures.setdefault(about["work"], {}).setdefault(about["message"], {})
        row.setdefault(about["competitor"], []).append(benchmark["stats"]["min"] / about["count"])
    machine: dict[str, Any] = written["machine_info"]
    return machine


def main() -> None:
    """Missed bars do not fail the run: it reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("--processes", type=int, default=3, help="timing processes, one after the other")
    parser.add_argument("--passes", type=int, default=3, help="times that each goes through the whole table")
    parser.add_argument("--again", action="store_true", help="write the report of the last run anew")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the report and the plot")
    options = parser.parse_args()
    results = BUILD / "results.json"
    if options.again:
        measured = Measured.from_plain(json.loads(results.read_text(encoding="utf-8")))
    else:
        measured = measure(options.processes, options.passes)
        results.write_text(json.dumps(attrs.asdict(measured), indent=1) + "\n", encoding="utf-8")
    (options.docs / "benchmarks.md").write_text(document(measured), encoding="utf-8")
    (options.docs / "benchmarks.svg").write_text(plot(measured), encoding="utf-8")
    print(console(measured))


if __name__ == "__main__":
    main()
