"""What was found."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import attrs

from sagellm_protocol.lint.files import Problem
from sagellm_protocol.lint.rules import RULES, Rule

Import: TypeAlias = tuple[str, str, str]
"""Module, name in it, and what the name is called where it is imported."""


@attrs.frozen(order=True)
class Edit:
    """Replace what stands between two places of a text, counted in characters from its beginning."""

    start: int
    end: int
    text: str


@attrs.frozen
class Mend:
    """How a finding can be mended without a doubt: places of the text, and names that must be imported for it."""

    edits: tuple[Edit, ...]
    imports: tuple[Import, ...] = ()


@attrs.frozen
class Finding:
    """A place that will not work."""

    path: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    end_line: int
    end_column: int
    rule: str
    message: str
    """What is there."""
    instead: str
    """What to write."""
    silent: bool
    """Whether nobody is told when it runs: nothing is raised, or what is raised is swallowed by a handler around it."""
    mend: Mend | None = attrs.field(default=None, eq=False)

    @property
    def about(self) -> Rule:
        """The rule."""
        return RULES[self.rule]


@attrs.frozen
class Report:
    """What was found in some files."""

    findings: tuple[Finding, ...]
    """Those that fail in silence first; then by path and place."""
    problems: tuple[Problem, ...]
    """What could not be looked at."""
    files: int
    """How many were looked at."""
    suppressed: int
    """How many findings are suppressed by a comment that says why."""

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each rule there are, in the order of rules."""
        found = Counter(finding.rule for finding in self.findings)
        return {rule: found[rule] for rule in RULES if found[rule]}

    @property
    def exit_code(self) -> int:
        """0 if there is nothing, 1 if something was found, 2 if a file could not be looked at."""
        return 2 if self.problems else min(len(self.findings), 1)


def ordered(finding: Finding) -> tuple[bool, str, int, int, str]:
    """What findings are sorted by."""
    return not finding.silent, finding.path, finding.line, finding.column, finding.rule
