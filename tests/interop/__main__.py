"""Exchange generated payloads with published releases, print what came of it, and fail where the sides disagree."""

from __future__ import annotations

import argparse
import sys

from interop.drawing import Draws
from interop.exchange import RELEASES, Failure, exchange
from losses import DOCUMENTED
from published import PublishedProcess, Unavailable
from sagellm_protocol.history import HISTORY

COLUMNS = ("release", "messages", "written", "(lossy)", "(not said)", "read", "ok", "failed", "least")
SHOWN = 20


def row(release: PublishedProcess, draws: Draws, failures: list[Failure]) -> tuple[object, ...]:
    """Talk to a release about all its messages."""
    messages = HISTORY.specs(release.release)
    tallies = [exchange(release, message, draws) for message in messages]
    written, read = sum(tally.written for tally in tallies), sum(tally.read for tally in tallies)
    failed = [failure for tally in tallies for failure in tally.failures]
    failures += failed
    return (
        release.release,
        len(messages),
        written,
        sum(tally.lossy for tally in tallies),
        sum(tally.unsayable for tally in tallies),
        read,
        written + read - len(failed),
        len(failed),
        min(min(tally.written, tally.read) for tally in tallies),
    )


def main() -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="interop", description=__doc__)
    parser.add_argument("releases", nargs="*", default=RELEASES, help=f"default: {' '.join(RELEASES)}")
    parser.add_argument("--examples", type=int, default=50, help="payloads a message, direction and format (50)")
    parser.add_argument("--seed", type=int, default=0, help="of what is generated (0)")
    options = parser.parse_args()

    draws, failures = Draws(options.examples, options.seed), []
    print(f"{COLUMNS[0]:<10}" + "".join(f"{column:>11}" for column in COLUMNS[1:]))
    for name in options.releases:
        try:
            with PublishedProcess(name) as release:
                cells = row(release, draws, failures)
        except Unavailable as reason:
            print(reason, file=sys.stderr)
            return 2
        print(f"{cells[0]:<10}" + "".join(f"{cell:>11}" for cell in cells[1:]), flush=True)
    print("\nwritten  by this library, read by the release: it finds the same values")
    print("(lossy)  of them, without what the release cannot say; (not said) nothing would have been left")
    print("read     by this library, written by the release: read, written again, and the release finds the same")
    print("least    payloads of one message in one direction; each message is said in JSON and in MessagePack")
    for loss in DOCUMENTED:
        print(f"but for  {loss.message} before {loss.before}: {loss.what}")
    for failure in failures[:SHOWN]:
        print(f"\n{failure}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
