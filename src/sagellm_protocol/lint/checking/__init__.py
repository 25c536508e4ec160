"""The rules at work, a module for each group of them. A check is run on each node of one kind."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from sagellm_protocol.lint.checking import (
    building,
    catching,
    changing,
    comparing,
    declaring,
    looking,
    naming,
    testing,
)
from sagellm_protocol.lint.following.walking import Check


def _all() -> dict[type[ast.AST], tuple[Check, ...]]:
    found: dict[type[ast.AST], tuple[Check, ...]] = {}
    for group in (naming, changing, testing, declaring, building, catching, comparing, looking):
        for kind, checks in group.CHECKS.items():
            found[kind] = (*found.get(kind, ()), *checks)
    return found


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = _all()
"""Kind of node to what is looked for in it."""
