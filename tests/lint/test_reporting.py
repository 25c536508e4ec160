"""What is chosen, what is suppressed, and how it is written."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from lint.precision import CODEBASE, figures, main, marks
from lint.snippets import BROKEN, PREAMBLE
from published import ROOT
from sagellm_protocol.lint import RULES, LintError, Report, lint, lint_text
from sagellm_protocol.lint.formats import FORMATS, as_json, as_sarif, as_text
from sagellm_protocol.lint.rules import chosen

HEAD = "from sagellm_protocol import Request, Response\n\n\ndef f(r: Request, s: Response):\n"


def told(line: str) -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in lint_text(f"{HEAD}    {line}\n").findings]


# Choosing


@pytest.mark.parametrize(
    ("select", "ignore", "count"),
    [
        ([], [], len(RULES)),
        (["SLP2"], [], 2),
        (["slp201", "list-compared"], [], 2),
        (["SLP2"], ["SLP201"], 1),
        ([], ["SLP"], 0),
    ],
)
def test_rules_are_chosen(select: list[str], ignore: list[str], count: int) -> None:
    assert len(chosen(select, ignore)) == count


@pytest.mark.parametrize("word", ["SLP9999", "", "list-compare"])
def test_a_rule_that_there_is_not(word: str) -> None:
    with pytest.raises(LintError, match="no rule is called") as caught:
        chosen([word], [])
    assert ("did you mean list-compared?" in str(caught.value)) is (word == "list-compare")


def test_only_what_is_chosen_is_found() -> None:
    assert lint([CODEBASE], select=["SLP701"]).counts.keys() == {"SLP701"}
    assert "SLP701" not in lint([CODEBASE], ignore=["list-compared"]).counts


def test_rules_say_what_is_to_be_known() -> None:
    for rule in RULES.values():
        assert rule.title
        assert rule.why.endswith(".")
        assert rule.instead
        assert rule.silent is not bool(rule.raises)
    assert list(RULES) == sorted(RULES)


# Suppressing


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("r.prompt = ''  # noqa: SLP201 it is a mutable one", []),
        ("r.prompt = ''  # noqa: E501, SLP201 - it is a mutable one", []),
        ("r.prompt = ''  # noqa: SLP201: it is a mutable one", []),
        ("r.prompt = ''  # noqa: SLP201", ["SLP201", "SLP901"]),
        ("r.prompt = ''  # noqa: SLP202 another", ["SLP201", "SLP901"]),
        ("r.prompt = ''  # noqa: SLP999 no such", ["SLP201", "SLP901"]),
        ("r.prompt = ''  # noqa", ["SLP201"]),
        ("r.prompt = ''  # noqa: E501", ["SLP201"]),
        ("r.prompt = '# noqa: SLP201 in a text'", ["SLP201"]),
        ("s.output_tokens.append(\n        1)  # noqa: SLP202 at its end", []),
        ("pass  # noqa: SLP201 nothing here", ["SLP901"]),
        ("pass  # noqa: SLP901", ["SLP901"]),
        ("r.prompt = r.copy()  # noqa: SLP101,SLP201 both", []),
    ],
)
def test_suppressions_say_why_and_suppress_something(line: str, rules: list[str]) -> None:
    assert sorted(rule for rule, _ in told(line)) == rules


def test_what_suppressions_lack_is_told() -> None:
    assert told("r.prompt = ''  # noqa: SLP201")[1][1] == "SLP201 is suppressed without a reason"
    assert told("pass  # noqa: SLP201 x") == [("SLP901", "there is no SLP201 to suppress here")]
    assert told("pass  # noqa: SLP999 x") == [("SLP901", "no rule is called SLP999")]


def test_suppressed_ones_are_counted() -> None:
    report = lint_text(f"{HEAD}    r.prompt = ''  # noqa: SLP201 meant so\n")
    assert (report.suppressed, report.exit_code) == (1, 0)
    assert "1 suppressed" in as_text(report)


def test_a_suppression_of_what_was_not_looked_for_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(f"{HEAD}    r.prompt = ''  # noqa: SLP201 meant so\n")
    assert lint([path], select=["SLP7", "SLP9"]).findings == ()
    assert lint([path], ignore=["SLP901"]).findings == ()


def test_a_text_that_cannot_be_tokenized_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    import tokenize

    def refuse(readline: object) -> object:
        raise tokenize.TokenError("no")

    monkeypatch.setattr(tokenize, "generate_tokens", refuse)
    assert [rule for rule, _ in told("r.prompt = ''  # noqa: SLP201 meant so")] == ["SLP201"]


# Writing


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("code")
    (folder / "a b.py").write_text(
        f"{HEAD}    r.prompt = ''\n    r.copy()\n    return s.output_tokens == [1]\n", encoding="utf-8"
    )
    (folder / "broken.py").write_text("x = = 1\n")
    (folder / "bytes.py").write_bytes(b"\xff")
    return lint([folder])


def test_text(report: Report) -> None:
    lines = as_text(report).splitlines()
    assert lines[0] == "Fails in silence:"
    assert "a b.py:7:12: SLP701 a value out of a message is compared with a list [--fix]" in lines[1]
    assert lines[2].startswith("    write a tuple")
    assert lines[4] == "Fails:"
    assert "broken.py:1: not looked at: cannot be parsed" in lines[-4]
    assert "bytes.py: not looked at: cannot be read as text" in lines[-3]
    assert lines[-1] == "3 findings in 1 file, 1 in silence, 2 files not looked at"
    assert as_text(lint_text("")) == "0 findings in 1 file"


def test_hostile_text_does_not_reach_the_terminal() -> None:
    for text in ("r.model_dump.\x1b", "r.copy(update={'\x1b[31m': 1})"):
        assert "\x1b" not in as_text(lint_text(f"{HEAD}    {text}\n", path="\x1b[31m"))


def test_json(report: Report) -> None:
    document = json.loads(as_json(report))
    assert list(document) == ["findings", "problems", "counts", "files", "suppressed"]
    assert document["counts"] == {"SLP101": 1, "SLP201": 1, "SLP701": 1}
    assert [problem["line"] for problem in document["problems"]] == [1, 0]
    first = document["findings"][0]
    assert first.pop("path").endswith("a b.py")
    assert first == {
        "line": 7,
        "column": 12,
        "end_line": 7,
        "end_column": 34,
        "rule": "SLP701",
        "name": "list-compared",
        "message": "a value out of a message is compared with a list",
        "instead": RULES["SLP701"].instead,
        "silent": True,
        "fixable": True,
    }


LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
PLACE = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[^ \\]+$"}},
                },
                "region": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            },
        }
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "properties": {"message": TEXT, "locations": {"type": "array", "items": PLACE}},
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "ruleId": {"enum": list(RULES)},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": TEXT,
                                "locations": {"type": "array", "items": PLACE},
                                "properties": {"type": "object"},
                                "fixes": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["artifactChanges"],
                                        "properties": {
                                            "description": TEXT,
                                            "artifactChanges": {
                                                "type": "array",
                                                "minItems": 1,
                                                "items": {
                                                    "type": "object",
                                                    "required": ["artifactLocation", "replacements"],
                                                    "properties": {
                                                        "replacements": {
                                                            "type": "array",
                                                            "minItems": 1,
                                                            "items": {"type": "object", "required": ["deletedRegion"]},
                                                        }
                                                    },
                                                },
                                            },
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 asks of the parts that are written."""


def test_sarif(report: Report) -> None:
    document = json.loads(as_sarif(report))
    jsonschema.validate(document, SARIF)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["properties"]["silent"] for result in run["results"]] == [True, False, False]
    assert run["invocations"][0]["executionSuccessful"] is False
    first, second, third = run["results"]
    assert "fixes" in first
    assert "fixes" not in second
    assert "fixes" not in third, "it needs an import, which is no part of the places"
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("file:///")
    assert uri.endswith("a%20b.py")
    path = Path(report.findings[0].path)
    text = path.read_text(encoding="utf-8")
    for replacement in reversed(first["fixes"][0]["artifactChanges"][0]["replacements"]):
        region = replacement["deletedRegion"]
        begin, end = region["charOffset"], region["charOffset"] + region["charLength"]
        text = text[:begin] + replacement["insertedContent"]["text"] + text[end:]
    assert text.endswith("return s.output_tokens == (1,)\n")


def test_a_relative_path_stays_one_in_sarif() -> None:
    document = json.loads(as_sarif(lint_text(f"{HEAD}    r.prompt = ''\n", path="a/b c.py")))
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a/b%20c.py"
    assert document["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_each_format_ends_the_same_way() -> None:
    assert list(FORMATS) == ["text", "json", "sarif"]


# How well it does


def test_precision_and_recall() -> None:
    planted, innocent = marks()
    assert len(planted) >= 40
    assert len(innocent) >= 40
    result = figures(lint([CODEBASE]))
    assert result.wrong == set()
    assert result.precision == 1
    assert result.recall >= 0.97


def test_what_is_planted_in_silence_is_marked() -> None:
    planted, _ = marks()
    for finding in lint([CODEBASE]).findings:
        in_silence = planted[finding.path, finding.line, finding.rule]
        assert finding.silent is (in_silence or finding.about.silent)


def test_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    said = capsys.readouterr().out
    assert "precision 1.000, recall 0.97" in said
    assert "missed: runtime/serving.py" in said


# The page


def test_the_table_on_the_page_is_what_is_generated() -> None:
    spec = importlib.util.spec_from_file_location("generate_lint", ROOT / "docs" / "generate_lint.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert module.page(text) == text, "docs/lint.md is out of date: run make docs"
    assert all(f"`{rule}`" in text for rule in RULES)


def test_rules_that_say_that_they_mend_do() -> None:
    of_then = 'StreamEventDelta(chunk="x")'  # which 0.5.4.16 refused already
    broken = [lint_text(PREAMBLE + code) for codes in [*BROKEN.values(), [of_then]] for code in codes]
    mending = {found.rule for report in broken for found in report.findings if found.mend is not None}
    assert mending == {rule.id for rule in RULES.values() if rule.fixed}
