"""What code that was written for 0.5.4.16 trips over, found in its text alone.

Nothing of it is imported or run. What values may be is followed through imports, annotations, calls and loops, across
all files that are looked at; what cannot be followed is passed over.
"""

from sagellm_protocol.lint.files import LintError, Problem
from sagellm_protocol.lint.finding import Finding, Report
from sagellm_protocol.lint.rules import RULES, Rule
from sagellm_protocol.lint.running import lint, lint_text

__all__ = ["RULES", "Finding", "LintError", "Problem", "Report", "Rule", "lint", "lint_text"]
