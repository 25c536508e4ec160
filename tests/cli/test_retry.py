"""``sagellm-protocol retry``: what is given goes over what the upgrade was asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sagellm_protocol.archive import Options, upgrade_archive
from sagellm_protocol.cli.app import app

SAMPLING = '{"temperature":0.5}\n'
OLD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'
BROKEN = '{"event":"delta","request_id":7}\n'


def retry(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["retry", *map(str, arguments)])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of an upgrade that could not tell two records, and not read one."""
    source = tmp_path / "log.jsonl"
    source.write_text(SAMPLING + OLD + BROKEN + SAMPLING)
    upgrade_archive(source, tmp_path / "out", Options(fill={"engine_id": "e"}))
    return tmp_path / "out"


def retried(out: Path) -> list[Any]:
    return [json.loads(line) for path in sorted(out.glob("retried/*")) for line in path.read_text().splitlines()]


def spread(text: str) -> list[str]:
    """Lines without what aligns them."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_what_goes_through_now_and_what_does_not(out: Path) -> None:
    done = retry(out, "--since", "0.4.0.8")
    assert (done.exit_code, done.stderr) == (1, "")
    assert retried(out) == [{"temperature": 0.5, "strategy": "greedy"}] * 2
    assert "file found upgraded as they were retried set aside" in spread(done.stdout)
    assert "log.jsonl 4 1 - 2 1" in spread(done.stdout)
    (reason,) = [line for line in spread(done.stdout) if line.startswith("log.jsonl 103 1 ")]
    assert "does not tell" not in done.stdout
    assert "StreamEventDelta" in reason + done.stdout
    assert len((out / "rejected/log.jsonl").read_text().splitlines()) == 1


def test_until_nothing_is_left(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repairs_for_retry.py").write_text(
        "def register(history):\n"
        "    @history.hook('types.StreamEventDelta', since='0.1.0')\n"
        "    def whole(payload):\n"
        "        return {'trace_id': 't', 'chunk': '', 'chunk_tokens': [], **payload, 'request_id': 'r'}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert retry(out, "--since", "0.4.0.8").exit_code == 1
    arguments = ["--type", "StreamEventDelta", "--since", "0.1.0", "--hooks", "repairs_for_retry:register", "--json"]
    done = retry(out, *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told == json.loads((out / "report.json").read_text())
    assert (told["set_aside"], told["total"]["reasons"], told["total"]["rejected"]) == (0, {}, 3)
    # What the upgrade filled in is filled in here as well.
    assert {"request_id": "r", "engine_id": "e"}.items() <= max(retried(out), key=len).items()
    assert not (out / "rejected/log.jsonl").exists()
    assert retry(out).exit_code == 0


def test_in_another_form(out: Path) -> None:
    arguments = ["--since", "0.4.0.8", "--format", "json", "--compress", "none", "--envelope", "--workers", "1"]
    assert retry(out, *arguments).exit_code == 1
    (written,) = out.glob("retried/*.json")
    assert [record["message"] for record in json.loads(written.read_bytes())] == ["sampling.SamplingParams"] * 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--since", "auto"], "no release is called 'auto'"),
        (["--fill", "engin_id=x"], "did you mean engine_id?"),
        (["--fill", "engine_id=7"], """text is --fill 'engine_id="7"'"""),
        (["--max-record", "0"], "'0' is no size"),
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--hooks", "nowhere:register"], "the hooks nowhere:register cannot be imported"),
    ],
)
def test_arguments_that_make_no_sense(out: Path, arguments: list[str], expected: str) -> None:
    before = (out / "rejected/log.jsonl").read_bytes()
    done = retry(out, *arguments)
    assert done.exit_code == 2
    assert expected in " ".join(done.stderr.split())
    assert (out / "rejected/log.jsonl").read_bytes() == before


def test_a_folder_without_an_upgrade(tmp_path: Path) -> None:
    done = retry(tmp_path)
    assert done.exit_code == 2
    assert "has no upgrade in it" in done.stderr
