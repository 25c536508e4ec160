"""``python -m benchmarks``: measure, print the bars, write ``docs/benchmarks.md`` and its plot."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from benchmarks import BUILD, ROOT, archive, gateway
from benchmarks.measured import Figures, Measured
from benchmarks.plot import plot
from benchmarks.report import console, document
from benchmarks.startup import startup
from benchmarks.ways import BESIDE, NATIVE, ways
from benchmarks.work import COMPETITORS, table

PACKAGES = ("pydantic", "pydantic-core", "attrs", "cattrs", "orjson", "msgpack", "msgspec")


def measure(processes: int, passes: int, work: str) -> Measured:
    """Take every figure. Several processes, since memory is laid out anew in each."""
    BUILD.mkdir(parents=True, exist_ok=True)
    environments, missing = ways(), table()[1]
    figures: dict[str, Figures] = {way: {} for way in environments}
    if NATIVE not in environments:
        missing = {**missing, NATIVE: "it is not installed, or the environment forbids it"}
    # All competitors beside the first way; beside the second, those that a ratio of ours needs.
    who = {way: BESIDE if number else tuple(COMPETITORS) for number, way in enumerate(environments)}
    machine: dict[str, Any] = {}
    for number in range(processes):
        for way, environment in environments.items():
            print(f"timing, {way}, process {number + 1} of {processes}, {passes} passes", flush=True)
            target = BUILD / f"timing-{way}-{number}.json"
            command = ["pytest", "-c", "benchmarks/pytest.ini", "benchmarks", f"--passes={passes}", f"--work={work}"]
            _python(environment, "-m", *command, f"--who={','.join(who[way])}", f"--benchmark-json={target}")
            machine = _add_timings(target, figures[way])
    for way, environment in environments.items():
        print(f"bytes an object, garbage collection and import time, {way}", flush=True)
        for module in ("memory", "collecting"):
            figures[way].update(json.loads(_python(environment, "-m", f"benchmarks.{module}", *who[way])))
        figures[way].update(startup(environment))
        print(f"archives, {way}", flush=True)
        figures[way][archive.WORK] = archive.archives(archive.SHORT, 1, environment)
        print(f"gateways, {way}", flush=True)
        figures[way].update(gateway.measured(gateway.REQUESTS, passes, environment))
    return Measured(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine={
            "processor": f"{machine['cpu'].get('brand_raw', machine['machine'])}, {machine['cpu']['count']} cores",
            "system": f"{machine['system']}, {machine['machine']}",
            "Python": f"{machine['python_implementation']} {machine['python_version']}",
        },
        versions={package: version(package) for package in PACKAGES},
        missing=missing,
        figures=figures,
    )


def _python(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments[:3])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _add_timings(path: Path, figures: Figures) -> dict[str, Any]:
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
    parser.add_argument("--work", default="", help="of what is timed, only the works whose name contains this")
    parser.add_argument("--again", action="store_true", help="write the report of the last run anew")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the report and the plot")
    options = parser.parse_args()
    results = BUILD / "results.json"
    if options.again:
        measured = Measured.from_plain(json.loads(results.read_text(encoding="utf-8")))
    else:
        measured = measure(options.processes, options.passes, options.work)
        results.write_text(json.dumps(attrs.asdict(measured), indent=1) + "\n", encoding="utf-8")
    (options.docs / "benchmarks.md").write_text(document(measured), encoding="utf-8")
    (options.docs / "benchmarks.svg").write_text(plot(measured), encoding="utf-8")
    print(console(measured))


if __name__ == "__main__":
    main()
