"""Comments that say that a finding is meant so: ``# noqa: SLP201 the pool's own handle``."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Collection, Iterable, Iterator

import attrs

from sagellm_protocol.lint.files import Source
from sagellm_protocol.lint.finding import Finding
from sagellm_protocol.lint.rules import RULES

MARK = "noqa:"
PREFIX = "SLP"


@attrs.frozen
class Suppression:
    """A rule that a comment names."""

    line: int
    column: int
    """From 1, in characters."""
    rule: str
    reason: str


def suppressions(source: Source) -> list[Suppression]:
    """All of a file."""
    if PREFIX not in source.text:
        return []
    found: list[Suppression] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type == tokenize.COMMENT:
                found += _in_comment(token.string, token.start[0], token.start[1] + 1)
    except (tokenize.TokenError, SyntaxError):  # ast has parsed it all the same
        pass
    return found


def _in_comment(comment: str, line: int, column: int) -> Iterator[Suppression]:
    _, mark, rest = comment.partition(MARK)
    words = rest.replace(",", " ").split() if mark else []
    rules = []
    while words and _is_code(words[0].rstrip(":")):
        rules.append(words.pop(0).rstrip(":"))
    reason = " ".join(words).strip(" -:#")
    yield from (Suppression(line, column, rule, reason) for rule in rules if rule.startswith(PREFIX))


def _is_code(word: str) -> bool:
    letters = word.rstrip("0123456789")
    return letters.isalpha() and letters.isupper() and letters != word


def sifted(source: Source, findings: Iterable[Finding], chosen: Collection[str]) -> tuple[list[Finding], int]:
    """The findings that are not suppressed, and those that suppressions give rise to; how many are suppressed.

    Args:
        source: the file.
        findings: what was found in it.
        chosen: the rules that were looked for.
    """
    given = suppressions(source)
    used: set[Suppression] = set()
    left, suppressed = [], 0
    by_place = {(one.line, one.rule): one for one in given}
    for finding in findings:
        lines = (finding.line, finding.end_line)
        found = next((by_place[line, finding.rule] for line in lines if (line, finding.rule) in by_place), None)
        if found is None:
            left.append(finding)
            continue
        used.add(found)
        if found.reason:
            suppressed += 1
        else:
            left.append(finding)
    if "SLP901" in chosen:
        left += [_idle(source, one, one in used) for one in given if _is_idle(one, used, chosen)]
    return left, suppressed


def _is_idle(one: Suppression, used: Collection[Suppression], chosen: Collection[str]) -> bool:
    return not one.reason if one in used else one.rule in chosen or one.rule not in RULES


def _idle(source: Source, one: Suppression, used: bool) -> Finding:
    message, instead = f"there is no {one.rule} to suppress here", "nothing"
    if one.rule not in RULES:
        message = f"no rule is called {one.rule}"
    if used:
        message, instead = f"{one.rule} is suppressed without a reason", f"`# {MARK} {one.rule} why it is meant so`"
    end = len(source.lines[one.line - 1].rstrip()) + 1
    return Finding(source.shown, one.line, one.column, one.line, end, "SLP901", message, instead, silent=False)
