"""Options of the timing run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often each statement is timed."""
    parser.addoption("--passes", type=int, default=3, help="times that the whole table is gone through")
    parser.addoption("--round-ms", type=float, default=3.0, help="length of a round in milliseconds")
    parser.addoption("--work", default="", help="only the works whose name contains this")
    parser.addoption("--who", default="", help="only these competitors, with commas between; all unless told")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Pass after pass; within one, the competitors of a message and work come right after each other."""
    from benchmarks.work import table

    who = metafunc.config.getoption("--who").split(",")
    cases = [
        case
        for case in table()[0]
        if metafunc.config.getoption("--work") in case.work and (who == [""] or case.competitor in who)
    ]
    passes = metafunc.config.getoption("--passes")
    parameters = [(number, case) for number in range(passes) for case in cases]
    names = [f"{number}-{case.work}-{case.message}-{case.competitor}" for number, case in parameters]
    metafunc.parametrize(("number", "case"), parameters, ids=names)
