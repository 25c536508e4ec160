"""How well the lint does on the code base beside this file, whose lines say what is to be found in them.

``# planted: SLP201`` marks what must be found, ``silent`` after it what a handler swallows; ``# innocent: why`` marks
what looks like it and must not be found. ``python tests/lint/precision.py`` prints the figures.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from sagellm_protocol.lint import RULES, Report, lint

CODEBASE = Path(__file__).with_name("codebase")
MARK = re.compile(r"# (planted|innocent): (.*)$")


class Figures(NamedTuple):
    """What was found, what was missed, and what was found where there is nothing."""

    found: set[tuple[str, int, str]]
    missed: set[tuple[str, int, str]]
    wrong: set[tuple[str, int, str]]
    innocent: int

    @property
    def precision(self) -> float:
        """How much of what was found is there."""
        return len(self.found) / max(1, len(self.found) + len(self.wrong))

    @property
    def recall(self) -> float:
        """How much of what is there was found."""
        return len(self.found) / max(1, len(self.found) + len(self.missed))


def marks() -> tuple[dict[tuple[str, int, str], bool], set[tuple[str, int]]]:
    """The planted cases (whether they are silent because of what is around them), and the innocent lines."""
    planted, innocent = {}, set()
    for path in sorted(CODEBASE.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            mark = MARK.search(line)
            if mark is None:
                continue
            if mark[1] == "innocent":
                innocent.add((str(path), number))
            else:
                words = mark[2].split()
                planted.update({(str(path), number, word): "silent" in words for word in words if word in RULES})
    return planted, innocent


def figures(report: Report) -> Figures:
    planted, innocent = marks()
    found = {(finding.path, finding.line, finding.rule) for finding in report.findings}
    return Figures(found & planted.keys(), planted.keys() - found, found - planted.keys(), len(innocent))


def main() -> None:
    result = figures(lint([CODEBASE]))
    print(f"planted {len(result.found) + len(result.missed)}, innocent {result.innocent}")
    print(f"found {len(result.found)}, wrongly {len(result.wrong)}")
    print(f"precision {result.precision:.3f}, recall {result.recall:.3f}")
    for title, cases in (("missed", result.missed), ("wrong", result.wrong)):
        for path, line, rule in sorted(cases):
            print(f"{title}: {Path(path).relative_to(CODEBASE)}:{line} {rule}")


if __name__ == "__main__":
    main()
