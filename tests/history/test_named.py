"""Histories found by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.named import PROTOCOL, named
from sagellm_protocol.model.exceptions import OptionError

OURS = HISTORY.without_hooks()


def test_a_history_is_found_by_its_name() -> None:
    assert named(PROTOCOL) is named(HISTORY) is HISTORY
    assert named(OURS) is OURS


def test_an_attribute_may_have_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "team_of_ours.py").write_text(
        "from sagellm_protocol.history import HISTORY\n\n\nclass Team:\n    OURS = HISTORY\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert named("team_of_ours:Team.OURS") is HISTORY


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fleet", "no history is called fleet; write module:attribute, as sagellm_protocol.history:HISTORY"),
        (":HISTORY", "no history is called :HISTORY"),
        ("fleet:", "no history is called fleet:"),
        ("", "no history is called ;"),
        ("no_such_module:HISTORY", "no_such_module:HISTORY cannot be imported: ModuleNotFoundError: No module named"),
        (".fleet:HISTORY", "cannot be imported: TypeError: "),
        ("antigravity_\0:HISTORY", "cannot be imported: "),
        ("math:HISTORY", "there is no history math:HISTORY: module 'math' has no attribute 'HISTORY'"),
        ("math:pi.OURS", "there is no history math:pi.OURS: 'float' object has no attribute 'OURS'"),
        ("math:pi", "math:pi is no History, but 3.14"),
        (7, "history must be a History, or text like 'fleet.history:HISTORY', got 7"),
    ],
)
def test_a_name_of_none(name: str, told: str) -> None:
    with pytest.raises(OptionError, match=re.escape(told)):
        named(name)
