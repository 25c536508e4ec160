"""What the lint finds is true: the code works with 0.5.4.16, and not with this package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from lint.snippets import BROKEN, PREAMBLE, WORKING
from published import published_release
from sagellm_protocol import catalog
from sagellm_protocol.lint import RULES, lint_text
from sagellm_protocol.lint.checking.building import positional
from sagellm_protocol.lint.following.types import Known

CASES = [(rule, code) for rule, codes in BROKEN.items() for code in codes]
NOT_RUN = {
    "SLP102": "a question, which pydantic's names answer as long as they live on",
    "SLP502": "which messages take arguments by position is read off their classes, see below",
    "SLP901": "about comments",
}

RUNNER = """
import json, sys, warnings
folder, preamble = sys.argv[1:]
if folder:
    sys.path.insert(0, folder)
answers = []
names = {"__name__": "snippets"}
warnings.simplefilter("ignore")
exec(preamble, names)
if not folder:
    warnings.simplefilter("error", DeprecationWarning)
for code in json.load(sys.stdin):
    copied = dict(names)
    exec(preamble.split("\\n\\n", 1)[1], copied)
    try:
        exec(code, copied)
        answers.append(None)
    except BaseException as error:
        answers.append(f"{type(error).__name__}: {error}")
json.dump(answers, sys.stdout)
"""


def run(codes: list[str], folder: str) -> list[str | None]:
    """What each raises, with the package in a folder or with this one."""
    command = [sys.executable, "-I", "-c", RUNNER, folder, PREAMBLE]
    done = subprocess.run(command, input=json.dumps(codes), capture_output=True, text=True, check=True, timeout=120)
    answers: list[str | None] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def before(published: Callable[[str], Any]) -> dict[str, str | None]:
    published("0.5.4.16")  # skips the test where it cannot run
    codes = [*(code for _, code in CASES), *WORKING]
    return dict(zip(codes, run(codes, str(published_release("0.5.4.16"))), strict=True))


@pytest.fixture(scope="module")
def after() -> dict[str, str | None]:
    codes = [*(code for _, code in CASES), *WORKING]
    return dict(zip(codes, run(codes, ""), strict=True))


def test_every_rule_is_run() -> None:
    assert BROKEN.keys() | NOT_RUN.keys() == RULES.keys()
    assert not BROKEN.keys() & NOT_RUN.keys()


@pytest.mark.parametrize(("rule", "code"), CASES, ids=[f"{rule} {code[:50]!r}" for rule, code in CASES])
class TestBroken:
    def test_it_worked(self, rule: str, code: str, before: dict[str, str | None]) -> None:
        assert before[code] is None

    def test_it_does_not_any_more(self, rule: str, code: str, after: dict[str, str | None]) -> None:
        assert after[code] is not None

    def test_it_is_found_and_nothing_else_before_it(self, rule: str, code: str) -> None:
        report = lint_text(PREAMBLE + code)
        assert rule in report.counts
        first = PREAMBLE.count("\n") + 1
        assert all(finding.line >= first for finding in report.findings)


@pytest.mark.parametrize("code", WORKING)
def test_what_works_with_both_is_passed_over(
    code: str, before: dict[str, str | None], after: dict[str, str | None]
) -> None:
    assert before[code] is None
    assert after[code] is None
    assert lint_text(PREAMBLE + code).findings == ()


@pytest.mark.parametrize("name", catalog.messages())
def test_positional_arguments_are_counted_as_the_class_does(name: str) -> None:
    cls = catalog.get(name)
    takes = sum(not attribute.kw_only for attribute in attrs.fields(cls))
    assert positional(Known(name)) == takes
    module, _, short = name.rpartition(".")
    code = f"from sagellm_protocol.{module} import {short}\n{short}({'1, ' * (takes + 1)})\n"
    assert "SLP502" in lint_text(code).counts
    if takes:
        code = f"from sagellm_protocol.{module} import {short}\n{short}({'1, ' * takes})\n"
        assert "SLP502" not in lint_text(code).counts


def test_the_folder_of_the_code_base_is_not_imported() -> None:
    assert not any("codebase" in (getattr(module, "__file__", None) or "") for module in list(sys.modules.values()))
    assert Path(__file__).with_name("codebase").is_dir()
