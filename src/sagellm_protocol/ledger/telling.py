"""A report for people: as text, for the output of a test that fails, and as tables, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


class Report(dict[str, Any]):
    """What a ledger tells, as plain data that is fit for JSON. ``str`` of it is text, and rich prints it as tables."""

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __rich__(self) -> RenderableType:
        from rich.console import Group

        return Group(_in_all(self), *_tables(self))


def _in_all(report: Mapping[str, Any]) -> str:
    tokens = report["tokens"]
    of = "" if tokens["pool"] is None else f" of {tokens['pool']:,}"
    return f"{report['events']:,} events, {tokens['most']:,}{of} tokens at most, {tokens['held']:,} at the end"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield _in_all(report)
    yield from (f"  {state}: {count} handles" for state, count in report["handles"].items())
    for broken in report["violations"]:
        yield f"{broken['count']} x {broken['rule']} ({broken['code']})"
    for first in report["first"]:
        yield f"event {first['at']['number']}: {first['text']}"
        for name in ("before", "after"):
            yield from (f"  {name}  {_seen(seen)}" for seen in first[name])


def _seen(seen: Mapping[str, Any]) -> str:
    about = " of ".join(str(seen[name]) for name in ("handle_id", "request_id") if seen[name] is not None)
    return f"{seen['number']:>6} {seen['event']} {about}".rstrip()


def _tables(report: Mapping[str, Any]) -> Iterator[RenderableType]:
    if report["handles"]:
        yield _table(("state", "handles at the end"), report["handles"].items())
    if not report["violations"]:
        yield "nothing happened that must not"
        return
    yield _table(("rule", "code", "count"), (broken.values() for broken in report["violations"]))
    first = ((it["at"]["number"], it["at"]["event"], it["text"]) for it in report["first"])
    yield _table(("event", "what", "what is wrong"), first)


def _table(names: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> RenderableType:
    from rich.padding import Padding

    from sagellm_protocol.display.columns import cell, columns

    table = columns(*names)
    for row in rows:
        table.add_row(*(cell(str(value)) for value in row))
    return Padding(table, (1, 0, 0, 0))
