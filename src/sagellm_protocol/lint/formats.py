"""A report as text, as JSON and as SARIF."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from sagellm_protocol import __version__
from sagellm_protocol.lint.files import Problem
from sagellm_protocol.lint.finding import Finding, Report
from sagellm_protocol.lint.rules import RULES, Rule
from sagellm_protocol.model.printable import printable

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(report: Report) -> str:
    """For people: what fails in silence first, and the counts last."""
    lines = [*_group("Fails in silence", True, report), *_group("Fails", False, report)]
    lines += [
        f"{_place(problem.path, problem.line)}: not looked at: {printable(problem.reason)}"
        for problem in report.problems
    ]
    return "\n".join([*lines, *([""] if lines else []), summary(report)])


def _group(title: str, silent: bool, report: Report) -> Iterator[str]:
    found = [finding for finding in report.findings if finding.silent is silent]
    if found:
        yield f"{title}:"
    for finding in found:
        mark = " [--fix]" if finding.mend is not None else ""
        yield f"{_place(finding.path, finding.line, finding.column)}: {finding.rule} {printable(finding.message)}{mark}"
        yield f"    write {printable(finding.instead)}"
    if found:
        yield ""


def _place(path: str, *numbers: int) -> str:
    return ":".join([printable(path), *(str(number) for number in numbers if number)])


def summary(report: Report) -> str:
    """What was found, in one line."""
    silent = sum(finding.silent for finding in report.findings)
    said = f"{_count(len(report.findings), 'finding')} in {_count(report.files, 'file')}"
    parts = [f"{silent} in silence"] * bool(silent) + [f"{report.suppressed} suppressed"] * bool(report.suppressed)
    parts += [f"{_count(len(report.problems), 'file')} not looked at"] * bool(report.problems)
    return ", ".join([said, *parts])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def as_json(report: Report) -> str:
    """For programs: ``findings``, ``problems``, ``counts`` by rule, ``files`` and ``suppressed``."""
    return _dumped(
        {
            "findings": [_row(finding) for finding in report.findings],
            "problems": [{"path": one.path, "line": one.line, "reason": one.reason} for one in report.problems],
            "counts": report.counts,
            "files": report.files,
            "suppressed": report.suppressed,
        }
    )


def _dumped(document: Any) -> str:
    # A path may hold bytes that are no text: they stay as they are, escaped.
    return json.dumps(document, indent=2)


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "rule": finding.rule,
        "name": finding.about.name,
        "message": finding.message,
        "instead": finding.instead,
        "silent": finding.silent,
        "fixable": finding.mend is not None,
    }


def as_sarif(report: Report) -> str:
    """For code scanning: SARIF 2.1.0."""
    rules = list(RULES)
    run = {
        "tool": {
            "driver": {
                "name": "sagellm-protocol lint",
                "version": __version__,
                "rules": [_rule(rule) for rule in RULES.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.problems,
                "toolExecutionNotifications": [_notification(problem) for problem in report.problems],
            }
        ],
        "results": [_result(finding, rules.index(finding.rule)) for finding in report.findings],
    }
    return _dumped({"$schema": SARIF, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"Write {rule.instead}."},
        "defaultConfiguration": {"level": "error"},
    }


def _notification(problem: Problem) -> dict[str, Any]:
    region = {"region": {"startLine": problem.line}} if problem.line else {}
    return {
        "level": "error",
        "message": {"text": problem.reason},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(problem.path), **region}}],
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": f"{finding.message}. Write {finding.instead}."},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region}}],
        "properties": {"silent": finding.silent},
    }
    if finding.mend is not None and not finding.mend.imports:
        replacements = [
            {
                "deletedRegion": {"charOffset": edit.start, "charLength": edit.end - edit.start},
                "insertedContent": {"text": edit.text},
            }
            for edit in finding.mend.edits
        ]
        change = {"artifactLocation": _artifact(finding.path), "replacements": replacements}
        result["fixes"] = [{"description": {"text": f"Write {finding.instead}."}, "artifactChanges": [change]}]
    return result


def _artifact(path: str) -> dict[str, str]:
    found = PurePath(path)
    text = quote(found.as_posix().encode(errors="surrogateescape"))
    return {"uri": f"file://{text}" if found.is_absolute() else text}


FORMATS: Mapping[str, Callable[[Report], str]] = {"text": as_text, "json": as_json, "sarif": as_sarif}
"""Name of a format to what writes a report in it."""
