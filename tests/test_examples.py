"""Every script in ``examples`` runs, from any directory, without a warning. Services in folders have tests there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from published import ROOT

SCRIPTS = sorted(ROOT.glob("examples/*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_script_runs(script: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""
