"""The report of a run: in the terminal, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks import archive, collecting, gateway, memory, startup
from benchmarks.bars import Bar, Verdict, unmeasured, verdicts
from benchmarks.measured import Column, Measured
from benchmarks.ways import NATIVE, OURS, PURE
from benchmarks.work import COMPETITORS, WORKS

_DESCRIPTIONS = {
    **WORKS,
    memory.KINDS["build"]: "what a message takes beyond the values that it is built from, by tracemalloc",
    memory.KINDS["decode JSON"]: "what a message decoded from JSON takes with all its texts and numbers",
    **collecting.DESCRIPTIONS,
    **startup.DESCRIPTIONS,
    **archive.DESCRIPTIONS,
    **gateway.DESCRIPTIONS,
}
_BASELINES = ("published", "raw", "core")
"""What the others are compared with: the first of these that does the work."""
_HEADINGS = {**COMPETITORS, "published": "published", "cattrs": "cattrs", "raw": "raw parser"}
_WAYS = {NATIVE: "the compiled core", PURE: "Python alone"}


def console(measured: Measured) -> str:
    """The bars as a table in plain text, and the verdict."""
    found = list(verdicts(measured))
    rows = [["work", "codecs", "way", "against", "bar", "median (passes)", "worst", "holds"]]
    rows += map(_verdict_row, found)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    missed = [verdict for verdict in found if verdict.missed]
    if missed:
        lines += ["", f"{len(missed)} OF {len(found)} BARS ARE MISSED:"]
        lines += [f"  {_title(verdict.bar)}: {verdict.missed}" for verdict in missed]
    else:
        lines += ["", f"All {len(found)} bars that were measured hold."]
    lines += _left_out(measured)
    return "\n".join(lines)


def document(measured: Measured) -> str:
    """The page ``docs/benchmarks.md``."""
    return "\n".join([*_head(measured), *_bars(measured), *_overview(measured), *_losses(measured), *_full(measured)])


def _head(measured: Measured) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`; to be changed there, not here."
    yield ""
    yield from _table(
        ["", ""],
        [
            ["date", measured.date],
            *map(list, measured.machine.items()),
            ["versions", ", ".join(f"{name} {number}" for name, number in measured.versions.items())],
        ],
    )
    yield ""
    for line in _left_out(measured):
        yield f"{line}"
        yield ""
    yield "Ratios are times (or bytes) of the other divided by ours, so over 1 is better. All competitors of one work"
    yield "and message are timed right after each other, pass after pass, in several processes, with the garbage"
    yield "collector off. Of each pass the quickest round counts, ratios are taken within a pass, and the median over"
    yield "the passes is given, with its range in brackets. The nine messages and their values stand in"
    yield "`benchmarks/messages.json`; encoders and decoders are bound before the loop. No two of the wires that are"
    yield "decoded are the same: they differ in their ids, and within a stream in the new text. What is called pure is"
    yield "this package without its [compiled core](native.md), in processes of its own, beside the same others."
    yield ""


def _left_out(measured: Measured) -> list[str]:
    names = {**COMPETITORS, **_WAYS}
    lines = [f"Left out: {names[name]} ({reason})." for name, reason in measured.missing.items()]
    bars = unmeasured(measured)
    if bars:
        lines.append(f"Not measured: {'; '.join(map(_title, bars))}.")
    return lines


def _title(bar: Bar) -> str:
    plain = bar.work.startswith(("bytes", "garbage", archive.WORK, *gateway.DESCRIPTIONS))
    parts = [bar.work if bar.message is None else f"{bar.work} of {bar.message}"]
    parts += [] if plain else [COMPETITORS[bar.competitor]]
    parts += [bar.way] if bar.way == PURE else []
    return ", ".join(parts) + ("" if bar.against == "published" else f" against {COMPETITORS[bar.against]}")


def _verdict_row(verdict: Verdict) -> list[str]:
    bar = verdict.bar
    return [
        bar.work,
        bar.competitor,
        bar.way,
        _HEADINGS[bar.against],
        f"{bar.median:.3g}" + ("" if bar.worst is None else f", none below {bar.worst:.3g}"),
        f"{verdict.median:.2f} ({verdict.lowest:.2f} to {verdict.highest:.2f})",
        f"{verdict.worst:.2f} {verdict.worst_message}",
        "MISSED" if verdict.missed else "yes",
    ]


def _bars(measured: Measured) -> Iterator[str]:
    found = list(verdicts(measured))
    missed = sum(bool(verdict.missed) for verdict in found)
    yield "## The bars"
    yield ""
    yield f"{missed} of {len(found)} are missed." if missed else f"All {len(found)} hold."
    yield ""
    heading = ["work", "codecs", "way", "against", "bar on the median", "median of the messages (range over passes)"]
    yield from _table([*heading, "worst message", "holds"], [_in_bold(_verdict_row(verdict)) for verdict in found])
    yield ""
    yield "![Ratios against the published release by work, a dot a message](benchmarks.svg)"
    yield ""


def _in_bold(row: list[str]) -> list[str]:
    return [*row[:-1], "**missed**" if row[-1] == "MISSED" else row[-1]]


def _overview(measured: Measured) -> Iterator[str]:
    yield "## By work"
    yield ""
    yield "Times as good as the published release: the median of the messages, and the lowest and highest of them."
    yield ""
    others = list(measured.columns([name for name in COMPETITORS if name != "published"]))
    rows = []
    for work in measured.works():
        cells = [_range(measured.ratio(work, column, "published").values()) for column in others]
        if any(cells):
            rows.append([work, *cells])
    yield from _table(["work", *(_heading(measured, column) for column in others)], rows)
    yield ""
    yield "msgspec.Struct checks nothing when it is built, and the raw parsers and writers check nothing at all."
    leanest = measured.ratio(memory.KINDS["decode JSON"], Column("struct", measured.main), "published").values()
    if leanest:
        yield "Most of a decoded message is its own texts and numbers, which weigh the same for all: msgspec.Struct"
        yield f"gets to {median(leanest):.2f} there, in the median."
    yield ""


def _heading(measured: Measured, column: Column) -> str:
    """The way is named where it is not the one that everything else was measured beside."""
    return _HEADINGS[column.competitor] + ("" if column.way == measured.main else f", {column.way}")


def _range(values: Iterable[float]) -> str:
    found = sorted(values)
    if not found:
        return ""
    if len(found) == 1:
        return f"{found[0]:.2f}"
    return f"{median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"


def _losses(measured: Measured) -> Iterator[str]:
    yield "## Where we lose"
    yield ""
    missed = [verdict for verdict in verdicts(measured) if verdict.missed]
    yield from (f"- Missed: {_title(verdict.bar)}: {verdict.missed}." for verdict in missed)
    slower = list(_slower(measured))
    yield from slower
    if not missed and not slower:
        yield "- No bar is missed, and no message is behind the published release in any work."
    yield ""
    rows = list(_behind(measured))
    if rows:
        yield "Behind the others, in the median of the messages and for the message that fares worst:"
        yield ""
        yield from _table(["work", "ours", "behind", "times as long, or as large", "worst message"], rows)
        yield ""


def _slower(measured: Measured) -> Iterator[str]:
    for work in measured.works():
        for ours in measured.columns(list(OURS)):
            behind = {message: ratio for message, ratio in measured.ratio(work, ours, "published").items() if ratio < 1}
            if behind:
                named = ", ".join(
                    f"{message} {ratio:.2f}" for message, ratio in sorted(behind.items(), key=lambda it: it[1])
                )
                yield f"- Behind the published release: {work}, {_heading(measured, ours)}: {named}."


def _behind(measured: Measured) -> Iterator[list[str]]:
    for work in measured.works():
        for ours in measured.columns(list(OURS)):
            for other in ("cattrs", "struct", "raw"):
                ratios = measured.ratio(work, ours, other)
                if ratios and median(ratios.values()) < 0.99:
                    worst = min(ratios, key=ratios.__getitem__)
                    factor, most = 1 / median(ratios.values()), 1 / ratios[worst]
                    whose = _heading(measured, ours)
                    yield [work, whose, COMPETITORS[other], f"{factor:.2f}", f"{most:.2f} {worst}"]


def _full(measured: Measured) -> Iterator[str]:
    yield "## In full"
    yield ""
    for work in measured.works():
        columns = [column for column in measured.columns(list(COMPETITORS)) if measured.does(work, column)]
        present = {column.competitor: column for column in reversed(columns)}
        baseline = next((present[name] for name in _BASELINES if name in present), columns[0])
        others = [column for column in columns if column != baseline]
        yield f"### {work[0].upper()}{work[1:]}"
        yield ""
        yield f"{_DESCRIPTIONS[work][0].upper()}{_DESCRIPTIONS[work][1:]}."
        yield ""
        body = []
        for message in measured.figures[measured.main][work]:
            cells = [_cell(measured, work, message, baseline)]
            for column in others:
                passes = measured.ratios(work, column, baseline.competitor).get(message)
                ratio = "" if passes is None else f"{median(passes):.2f}" + _spread(passes)
                cells += [_cell(measured, work, message, column), ratio]
            body.append([message, *cells])
        headings = [heading for column in others for heading in (_heading(measured, column), "ratio")]
        yield from _table(["message", _heading(measured, baseline), *headings], body)
        yield ""


def _cell(measured: Measured, work: str, message: str, column: Column) -> str:
    figure = measured.figure(work, message, column)
    return "" if figure is None else _quantity(work, figure)


def _spread(passes: Sequence[float]) -> str:
    return f" ({min(passes):.2f} to {max(passes):.2f})" if len(passes) > 1 else ""


def _quantity(work: str, figure: float) -> str:
    if work.startswith("bytes"):
        return f"{figure:.0f} B"
    if figure >= 1e-3:
        return f"{figure * 1e3:.1f} ms"
    return f"{figure * 1e6:.2f} us"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield f"| {' | '.join(row)} |"
