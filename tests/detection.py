"""The recorded payloads of every revision sorted, as if nothing but the payload were known.

``python -m detection`` (``make detection``) prints the table, a line a revision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import published
from sagellm_protocol import history
from sagellm_protocol.model.exceptions import AmbiguousPayloadError


class Sorted(NamedTuple):
    """What came of one record."""

    record: published.Recorded
    among: bool
    """Whether its message, over revisions that hold its own, is among the candidates."""
    messages: tuple[str, ...]
    """The messages among the candidates; those that no release spoke are left aside, since one wrote the record."""
    identified: str | None
    """The message that it was taken for; None where the payload alone does not tell what it means."""


def sort(revision: str) -> Iterator[Sorted]:
    """Every recorded payload of a revision, sorted."""
    order = history.revisions.index
    for record in published.corpus(revision):
        candidates = history.detect(record.payload)
        among = any(
            candidate.message == record.type and order(candidate.first) <= order(revision) <= order(candidate.last)
            for candidate in candidates
        )
        try:
            identified = history.identify(record.payload).message
        except AmbiguousPayloadError:
            identified = None
        spoken = {found.message for found in candidates if order(found.first) < len(published.revisions())}
        yield Sorted(record, among, tuple(sorted(spoken)), identified)


COLUMNS = ("records", "true among", "only one", "identified", "asked")


def main() -> None:
    """Print the table, and what shares its payloads with what."""
    print(f"{'revision':<10}" + "".join(f"{column:>12}" for column in COLUMNS))
    total = [0] * len(COLUMNS)
    shared: Counter[tuple[str, ...]] = Counter()
    for revision in published.revisions():
        found = list(sort(revision))
        shared.update(each.messages for each in found if len(each.messages) > 1)
        cells = [
            len(found),
            sum(each.among for each in found),
            sum(len(each.messages) == 1 for each in found),
            sum(each.identified == each.record.type for each in found),
            sum(each.identified is None for each in found),
        ]
        total = [above + cell for above, cell in zip(total, cells, strict=True)]
        print(f"{revision:<10}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"{'all':<10}" + "".join(f"{cell:>12}" for cell in total))
    print("\nonly one    one message is a candidate;  identified  taken for the message that it is, without asking")
    print("asked       the candidates lead to different payloads, so it asks which one is meant\n")
    for messages, count in shared.most_common():
        shown = " or ".join(messages[:3]) + (f" or {len(messages) - 3} others" if len(messages) > 3 else "")
        print(f"{count:>5}  {shown}")


if __name__ == "__main__":
    main()
