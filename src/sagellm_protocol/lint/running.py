"""From paths to a report."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs

from sagellm_protocol.lint.checking import CHECKS
from sagellm_protocol.lint.files import Problem, Source, parsed, read_all
from sagellm_protocol.lint.finding import Finding, Mend, Report, ordered
from sagellm_protocol.lint.following.expressions import EVALUATORS
from sagellm_protocol.lint.following.guarding import is_swallowed
from sagellm_protocol.lint.following.modules import CodeBase, CodeModule
from sagellm_protocol.lint.following.statements import EXECUTORS
from sagellm_protocol.lint.following.walking import Facts, Walker
from sagellm_protocol.lint.rules import RULES, chosen
from sagellm_protocol.lint.suppressing import sifted

ROUNDS = 3
"""How often a code base is gone through, the last time to look for findings: so many functions may stand between the
place where a message comes from and that where it is misused, against the order of the code."""


def lint(
    paths: Iterable[str | os.PathLike[str]],
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Find what code that was written for 0.5.4.16 trips over.

    Args:
        paths: files, and folders of them. They are read, and neither imported nor run.
        select: rules to look for, by id, by the beginning of an id (``SLP2``) or by name; all, where there are none.
        ignore: rules to pass over; they go before ``select``.
        progress: called with how many steps of how many are done.

    Raises:
        LintError: there is no such path, or no such rule.
    """
    wanted = chosen(select, ignore)
    roots = [Path(path) for path in paths]
    sources, problems = read_all(roots)
    return look(sources, problems, roots, wanted, progress)


def lint_text(text: str, *, path: str = "<text>") -> Report:
    """The same for one module, as text.

    Args:
        text: its source.
        path: what findings call it.
    """
    found = parsed(Path(path), path, text, "utf-8")
    problems = [found] if isinstance(found, Problem) else []
    sources = [found] if isinstance(found, Source) else []
    return look(sources, problems, [], chosen((), ()), None)


def look(
    sources: Sequence[Source],
    problems: Sequence[Problem],
    roots: Iterable[Path],
    wanted: frozenset[str],
    progress: Callable[[int, int], None] | None,
) -> Report:
    """The report on files that were read."""
    folders = [root if root.is_dir() else root.parent for root in roots]
    code, facts = CodeBase(sources, folders), Facts()
    done, steps = 0, ROUNDS * len(code.modules)
    findings: list[Finding] = []
    suppressed = 0
    for number in range(ROUNDS):
        for module in code.modules:
            found = _findings(code, module, facts, wanted, looking=number + 1 == ROUNDS)
            if number + 1 == ROUNDS:
                left, quiet = sifted(module.source, found, wanted)
                findings += left
                suppressed += quiet
            done += 1
            if progress is not None:
                progress(done, steps)
        facts.next_round()
    return Report(tuple(sorted(findings, key=ordered)), tuple(problems), len(sources), suppressed)


def _findings(
    code: CodeBase, module: CodeModule, facts: Facts, wanted: frozenset[str], *, looking: bool
) -> list[Finding]:
    found: dict[tuple[int, int, str], Finding] = {}

    def report(rule: str, node: ast.AST, message: str, instead: str = "", *, mend: Mend | None = None) -> None:
        if rule not in wanted:
            return
        place: ast.AST = node if walker.stand_in is None else walker.stand_in
        finding = _finding(module.source, place, rule, message, instead or RULES[rule].instead)
        silent = RULES[rule].silent or is_swallowed(RULES[rule].raises, walker.guards)
        finding = attrs.evolve(finding, silent=silent, mend=mend if walker.stand_in is None else None)
        key = (finding.line, finding.column, rule)
        # Of several that a value may be, the same one is told of in every run.
        if key not in found or finding.message < found[key].message:
            found[key] = finding

    walker = Walker(code, module, facts, EVALUATORS, EXECUTORS, CHECKS, report)
    walker.looking = looking
    walker.walk()
    return list(found.values())


def _finding(source: Source, node: ast.AST, rule: str, message: str, instead: str) -> Finding:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line = getattr(node, "end_lineno", line)
    end_column = getattr(node, "end_col_offset", column)
    return Finding(
        source.shown,
        line,
        source.column(line, column) + 1,
        end_line,
        source.column(end_line, end_column) + 1,
        rule,
        message,
        instead,
        silent=False,
    )
