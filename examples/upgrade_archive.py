"""Traffic logs of six releases brought to today's revision, told as it goes, and packed small."""

import sys
import tempfile
from pathlib import Path

from sagellm_protocol.archive import Limits, Options, Progress, Report, Watch, Writing, convert_archive, upgrade_archive

LOGS = Path(__file__).parent / "archive"


class Milestones(Watch):
    """Prints a line for every 2,000 records."""

    def __init__(self) -> None:
        self.next = 2000

    def advance(self, progress: Progress) -> None:
        """The run is so far; to raise an error here would stop it, and leave nothing half-done."""
        if progress.records >= self.next:
            print(f"{progress.records:,} records, {progress.rejected:,} of them set aside, now in {progress.source}")
            self.next = progress.records + 2000


def size(report: Report) -> int:
    """Bytes of all that a run wrote."""
    return sum(output.bytes for file in report.files.values() for output in file.outputs)


def main(folder: Path) -> None:
    """Upgrade the logs into a folder, then write them as compressed MessagePack."""
    # A file, a folder, a pattern, a URL, or several of them.
    report = upgrade_archive(
        LOGS,
        folder / "upgraded",
        Options(fill={"engine_id": "engine-7"}),
        limits=Limits(max_rejected=0.001),
        watch=Milestones(),
    )
    for name, file in report.files.items():
        counts = file.counts
        print(f"{name}: {counts.records:,} records, {counts.upgraded:,} upgraded, {file.set_aside:,} set aside")
    for message, found in report.total.types.items():
        print(f"{message}: {found.records:,}, of {', '.join(sorted(found.revisions))}")

    # The same call again finds all of it done.
    assert upgrade_archive(LOGS, folder / "upgraded", Options(fill={"engine_id": "engine-7"})).total == report.total

    packed = convert_archive(folder / "upgraded", folder / "packed", Writing("msgpack", "gzip"))
    print(f"{size(report):,} bytes as JSON Lines, {size(packed):,} packed")


# Worker processes import this module; they must not begin a run of their own.
if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(sys.argv[1] if sys.argv[1:] else place))
