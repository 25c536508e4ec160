"""What an archive holds as one HTML page that needs nothing else: tables and charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sagellm_protocol.archive.surveys.inspection import Inspection, SourceSeen
from sagellm_protocol.display.pages import Page
from sagellm_protocol.measuring.page import tell

_ROWS = 200
"""Sources, reasons and unknown fields that are listed; of the others it is told how many there are."""


def page(inspection: Inspection) -> str:
    """The page.

    Raises:
        MissingExtraError: the extra ``html`` is not installed.
    """
    total = inspection.total
    made = Page(f"{total.records:,} records in {len(inspection.sources):,} files")
    sampled = "" if inspection.sample is None else f" A sample: {inspection.sample:.4%} of the records."
    made.paragraph(
        f"{total.bytes:,} bytes; {total.counts.rejected:,} records would be set aside by an upgrade, "
        f"{total.damaged:,} of them are damage.{sampled}"
    )
    _types(made, inspection)
    _sizes(made, inspection)
    if inspection.metrics.requests:
        made.heading(f"Metrics of {inspection.metrics.requests:,} requests")
        tell(made, inspection.metrics)
    _reasons(made, inspection)
    _sources(made, inspection)
    return made.whole()


def _types(page: Page, inspection: Inspection) -> None:
    types = dict(sorted(inspection.total.counts.types.items()))
    page.heading("Types")
    rows = (
        [name, f"{counts.records:,}", f"{counts.unchanged:,}", ranges(counts.revisions)]
        for name, counts in types.items()
    )
    page.table(["type", "records", "of today's form", "written by"], rows, texts=["written by"])
    by_revisions: dict[str, dict[str, float]] = {}
    for name, counts in types.items():
        for revisions, times in counts.revisions.items():
            by_revisions.setdefault(revisions, {})[name] = times
    page.bars("types", "Records by type and by the revisions that may have written them", "records", by_revisions)
    unknown = [(n, name, path) for name, counts in types.items() for path, n in counts.unknown_fields.items()]
    if unknown:
        page.heading("Fields that the protocol does not know")
        most = sorted(unknown, key=lambda row: (-row[0], row[1:]))
        page.table(
            ["field", "type", "records"], ([path, name, f"{n:,}"] for n, name, path in most[:_ROWS]), texts=["type"]
        )
        _more(page, len(most))


def _sizes(page: Page, inspection: Inspection) -> None:
    sizes = inspection.sizes
    if sizes.count:
        page.heading("Sizes")
        page.paragraph(f"{sizes.mean:,.0f} bytes a record on average, {sizes.most:,.0f} at most.")
        page.curves("sizes", "Size of a record by percentile", "bytes", {"size": sizes.quantile})


def _reasons(page: Page, inspection: Inspection) -> None:
    found = inspection.reasons.most_first()
    if found:
        page.heading("Why records would be set aside")
        rows = ([reason, f"{it.records:,}", f"{it.source} @ {it.offset}", it.example] for reason, it in found[:_ROWS])
        page.table(["reason", "records", "first", "example"], rows, texts=["first", "example"])
        _more(page, len(found))


def _sources(page: Page, inspection: Inspection) -> None:
    page.heading("Files")
    largest = sorted(inspection.sources.items(), key=lambda item: -item[1].seen.bytes)
    columns = ["file", "form", "bytes", "records", "would be set aside", "mean size", "largest", "could be of"]
    page.table(columns, _source_rows(largest[:_ROWS]), texts=["form", "could be of"])
    _more(page, len(largest))
    if inspection.unreadable:
        page.heading("Left out")
        page.table(["file", "why"], list(inspection.unreadable.items())[:_ROWS], texts=["why"])
        _more(page, len(inspection.unreadable))


def _source_rows(sources: list[tuple[str, SourceSeen]]) -> Iterator[list[str]]:
    for name, source in sources:
        seen = source.seen
        figures = [seen.bytes, seen.records, seen.counts.rejected, round(seen.mean), seen.largest]
        yield [name, source.form.suffix, *(f"{figure:,}" for figure in figures), writers(source)]


def _more(page: Page, count: int) -> None:
    if count > _ROWS:
        page.paragraph(f"and {count - _ROWS:,} more")


def ranges(revisions: Mapping[str, int]) -> str:
    """Records by the revisions that may have written them, as one line."""
    return "; ".join(f"{told}: {count:,}" for told, count in sorted(revisions.items()))


def writers(source: SourceSeen) -> str:
    """The releases that could have written a source, as a range."""
    if not source.seen.counts.types:
        return "-"
    if not source.releases:
        return "several releases"
    first, last = source.releases[0], source.releases[-1]
    return first if first == last else f"{first} to {last}"
