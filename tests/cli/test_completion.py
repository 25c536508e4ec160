"""What shells are told, and the scripts that ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sagellm_protocol.cli.app import COMMANDS, app
from sagellm_protocol.history import HISTORY

SCRIPT = Path(sys.executable).parent / "sagellm-protocol"


def completed(words: str, shell: str = "bash") -> list[str]:
    """What ``sagellm-protocol WORDS<TAB>`` may go on with."""
    typed = ["sagellm-protocol", *words.split(" ")]
    environment = {
        "_SAGELLM_PROTOCOL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(typed),
        "COMP_CWORD": str(len(typed) - 1),
    }
    done = CliRunner().invoke(app, [], prog_name="sagellm-protocol", env=environment)
    assert done.exit_code == 0
    return [line.removeprefix("plain,") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", list(COMMANDS)),
        ("de", ["detect"]),
        ("schema --format ", ["json", "typescript"]),
        ("schema --re", ["--revision"]),
        ("schema strea", ["StreamEventDelta", "StreamEventEnd", "StreamEventStart", "StreamOptions"]),
        ("messages kv.types.KVH", ["kv.types.KVHandle"]),
        ("messages Request --revision 0.5.4.1", ["0.5.4.16", "0.5.4.13", "0.5.4.12", "0.5.4.11", "0.5.4.10"]),
        ("revisions la", ["latest"]),
        ("diff 0.1.0.", ["0.1.0.2", "0.1.0.1"]),
        ("diff 0.1.0 0.5.4.16 Metr", ["Metrics"]),
        ("detect --type Metr", ["Metrics"]),
        ("upgrade --type Metr", ["Metrics"]),
        ("upgrade --since a", ["auto"]),
        ("upgrade --since l", ["latest"]),
        ("completion f", ["fish"]),
    ],
)
def test_what_is_offered(words: str, expected: list[str]) -> None:
    assert completed(words) == expected


def test_everything_is_offered_where_nothing_is_typed() -> None:
    assert set(completed("messages ")) >= {*HISTORY.catalog.messages, "Request", "KVHandle"}
    assert completed("revisions ") == ["latest", *reversed(HISTORY.releases)]


def test_help_stands_beside() -> None:
    told = completed("schema Metr", "zsh")
    assert told[:2] == ["plain", "Metrics"]
    assert told[2].startswith("What serving one request cost")
    assert completed("revisions 0.5.2.13", "zsh")[2] == "speaks 0.5.2.11"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_the_script(shell: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell])
    assert done.exit_code == 0
    assert f"_SAGELLM_PROTOCOL_COMPLETE={shell}_complete" in done.stdout
    assert "sagellm-protocol" in done.stdout


def test_another_shell_is_refused() -> None:
    done = CliRunner().invoke(app, ["completion", "csh"])
    assert done.exit_code == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None or not SCRIPT.exists(), reason="no bash, or no script")
def test_bash_completes() -> None:
    code = """
        eval "$(sagellm-protocol completion bash)"
        COMP_WORDS=(sagellm-protocol messages Stre) COMP_CWORD=2
        _sagellm_protocol_completion sagellm-protocol
        echo "${COMPREPLY[*]}"
    """
    environment = os.environ | {"PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "StreamEventDelta StreamEventEnd StreamEventStart StreamOptions\n", done.stderr
