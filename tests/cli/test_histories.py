"""``--history``: every command that speaks of messages and releases speaks of those of a team, too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner, Result

from fleets import NAME
from sagellm_protocol import schema
from sagellm_protocol.archive import Options
from sagellm_protocol.archive.running import upgrade_archive
from sagellm_protocol.cli.app import COMMANDS, app
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.history.named import named

OLD = {"node": "n1", "health": "good", "ping_ms": 3.5, "gpus": [{"index": 0, "busy": 0.25}]}
WITH = {"detect", "inspect", "validate", "upgrade", "retry", "messages", "revisions", "diff", "schema"}


@pytest.fixture(autouse=True)
def folder(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where the module is; it is on the path no more."""
    monkeypatch.chdir(fleet.parent)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(fleet.parent)])
    (fleet.parent / "reports.jsonl").write_text(f"{json.dumps(OLD)}\n" * 20)
    return fleet.parent


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def ours(*arguments: str, status: int = 0) -> str:
    done = run(*arguments, "--history", NAME)
    assert (done.exit_code, done.stderr) == (status, "")
    return done.stdout


def test_commands_that_take_one() -> None:
    found = set()
    for name in COMMANDS:
        command = app.get_command(click.Context(app), name)
        assert command is not None
        if any(parameter.name == "history" for parameter in command.params):
            found.add(name)
    assert found == WITH


def test_messages() -> None:
    listed = json.loads(ours("messages", "--json"))
    assert [(row["message"], row["since"]) for row in listed] == [
        *(("fleet_of_ours.GpuReading", "1.0"), ("fleet_of_ours.NodeLeft", "2.0"), ("fleet_of_ours.NodeReport", "1.0"))
    ]
    told = json.loads(ours("messages", "NodeReport", "--revision", "1.0", "--json"))
    assert [row["field"] for row in told["fields"]] == ["node", "health", "ping_ms", "gpus"]
    assert "came with 2.0" in run("messages", "NodeLeft", "--revision", "1.0", "--history", NAME).stderr


def test_revisions() -> None:
    assert [row["revision"] for row in json.loads(ours("revisions", "--json"))] == ["1.0", "1.1", "2.0"]
    assert "1.1" in ours("revisions")
    assert ours("revisions", "1.2").startswith("1.1, after 1.0, spoken by 1.1 to 1.2, 3 releases")
    assert json.loads(ours("revisions", "latest", "--json"))["before"] == "1.1"


def test_diff() -> None:
    found = json.loads(ours("diff", "1.0", "latest", "--json"))
    assert found == [attrs.asdict(it) for it in compare("1.0", "latest", history=named(NAME))]


def test_schema() -> None:
    ours("schema", "NodeReport")
    history = named(NAME)
    assert json.loads(ours("schema", "NodeReport", "--revision", "1.1")) == schema.json_schema(
        "NodeReport", "1.1", history
    )
    assert json.loads(ours("schema", "--all")) == schema.bundle("latest", history)
    assert ours("schema", "NodeLeft", "--format", "typescript").startswith(
        "// Messages of fleet_of_ours at revision 2.0"
    )
    assert run("schema", "Timestamps", "--format", "typescript").stdout.startswith("// Messages of sageLLM at ")


def test_detect() -> None:
    assert ours("detect", "reports.jsonl", "--summary").split()[-3:] == ["fleet_of_ours.NodeReport", "(1.0)", "20"]
    assert ours("detect", "reports.jsonl", "--type", "NodeReport").startswith("1: fleet_of_ours.NodeReport (1.0)\n")


def test_upgrade_on_several_workers(folder: Path) -> None:
    done = ours("upgrade", "reports.jsonl", "-o", "out", "--workers", "2", "--shard-size", "500b", "--json")
    assert json.loads(done)["total"]["records"] == 20
    outputs = sorted((folder / "out").glob("*.jsonl"))
    assert len(outputs) > 1
    assert all('"round_trip_ms":3.5' in path.read_text() for path in outputs)


def test_upgrade_of_standard_input() -> None:
    done = CliRunner().invoke(app, ["upgrade", "-", "--history", NAME, "--since", "1.0"], input=json.dumps(OLD))
    assert '"round_trip_ms":3.5' in done.stdout


def test_surveys() -> None:
    assert json.loads(ours("inspect", "reports.jsonl", "--json", "--since", "1.0"))["total"]["records"] == 20
    assert "20 records, 0 of them break a rule" in ours("validate", "reports.jsonl", "--type", "NodeReport")
    for name in ("inspect", "validate"):
        done = CliRunner().invoke(app, [name, "-", "--history", NAME], input=json.dumps(OLD))
        assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("given", [True, False])
def test_retry(folder: Path, *, given: bool) -> None:
    (folder / "reports.jsonl").write_text('{"index": 0, "busy": 1.0}\n' * 3)
    ours("revisions")
    options = Options("NodeReport", "1.0")
    upgrade_archive("reports.jsonl", "out", options, history=NAME if not given else named(NAME), workers=1)
    arguments = ["retry", "out", "--type", "GpuReading"]
    if given:
        done = run(*arguments)
        assert done.exit_code == 2
        assert "the upgrade had a history of its own, that has no name: give it once more" in done.stderr
        arguments += ["--history", NAME]
    done = run(*arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(list((folder / "out").glob("retried/*"))) == 1


def test_retry_where_there_was_no_upgrade() -> None:
    done = run("retry", "nowhere", "--type", "GpuReading")
    assert done.exit_code == 2
    assert (
        done.stderr
        == f"Error: {Path.cwd() / 'nowhere'} has no upgrade in it whose records set aside could be fed back\n"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fleet_of_ours", "no history is called fleet_of_ours; write module:attribute"),
        ("fleet_of_hours:HISTORY", "No module named 'fleet_of_hours'"),
        ("fleet_of_ours:HISTORIES", "has no attribute 'HISTORIES'"),
        ("fleet_of_ours:OLD", "fleet_of_ours:OLD is no History, but {"),
        ("broken:HISTORY", "cannot be imported: ZeroDivisionError: division by zero"),
        (
            "wrong:STEP",
            "the history wrong:STEP cannot be used: revision 2: fleet_of_ours.NodeReport has no field 'none'",
        ),
        ("wrong:CATALOG", "the history wrong:CATALOG cannot be used: No module named 'no_such_module'"),
        ("wrong:MESSAGE", "the history wrong:MESSAGE cannot be used: wrong.Wrong.x: "),
    ],
)
@pytest.mark.parametrize("command", [["revisions"], ["detect", "reports.jsonl"], ["upgrade", "reports.jsonl"]])
def test_a_history_that_is_none(command: list[str], name: str, told: str, folder: Path) -> None:
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "wrong.py").write_text(
        "from typing import Annotated\n"
        "from annotated_types import MultipleOf\n"
        "from sagellm_protocol.catalog import Catalog\n"
        "from sagellm_protocol.history import History\n"
        "from sagellm_protocol.history.changes import added, revision\n"
        "from sagellm_protocol.model import message\n"
        "STEP = History([revision('2', added('fleet_of_ours.NodeReport', 'none')), revision('1')], "
        "Catalog(['fleet_of_ours']))\n"
        "CATALOG = History([revision('1')], Catalog(['no_such_module']))\n"
        "@message\n"
        "class Wrong:\n"
        "    x: Annotated[float, MultipleOf(0.1)]\n"
        "MESSAGE = History([revision('1')], Catalog(['wrong']))\n"
    )
    try:
        done = run(*command, "--history", name)
    finally:
        sys.modules.pop("wrong", None)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["messages", "NodeReprot"], "no message is called 'NodeReprot' (did you mean NodeReport?)"),
        (["messages", "Request"], "no message is called 'Request'"),
        (["diff", "1.0", "0.5.4.16"], "no release is called '0.5.4.16'; the revisions are 1.0, 1.1, 2.0"),
        (["upgrade", "reports.jsonl", "--type", "Request"], "no message is called 'Request'"),
        (["upgrade", "reports.jsonl", "--since", "2.1"], "no release is called '2.1'"),
    ],
)
def test_names_are_those_of_the_history(arguments: list[str], told: str) -> None:
    # Wherever it stands, it is read first.
    for given in ([*arguments, "--history", NAME], [arguments[0], "--history", NAME, *arguments[1:]]):
        done = run(*given)
        assert done.exit_code == 2
        assert told in " ".join(done.stderr.split())


# Completion


def completed(words: str, shell: str = "zsh", separate: str = " ") -> list[str]:
    typed = ["sagellm-protocol", *words.split(" ")]
    if shell == "bash":
        typed = [part for word in typed for part in word.replace(":", " : ").split(" ") if part or not word]
    environment = {
        "_SAGELLM_PROTOCOL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": separate.join(typed),
        "COMP_CWORD": str(len(typed) - 1),
    }
    done = CliRunner().invoke(app, [], prog_name="sagellm-protocol", env=environment)
    assert done.exit_code == 0
    if shell == "bash":
        return [line.removeprefix("plain,") for line in done.stdout.splitlines()]
    return [line.replace("\\:", ":") for line in done.stdout.splitlines()[1::3]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f"messages --history {NAME} Node", ["NodeLeft", "NodeReport"]),
        (
            f"messages --history {NAME} ",
            [
                *("GpuReading", "NodeLeft", "NodeReport"),
                *("fleet_of_ours.GpuReading",),
                *("fleet_of_ours.NodeLeft", "fleet_of_ours.NodeReport"),
            ],
        ),
        (f"diff --history {NAME} 1.", ["1.2", "1.1.1", "1.1", "1.0"]),
        ("diff --history no_such_module:HISTORY 0.1.0.", ["0.1.0.2", "0.1.0.1"]),
        (f"upgrade --history {NAME} --since a", ["auto"]),
    ],
)
@pytest.mark.parametrize("shell", ["zsh", "bash"])
def test_names_are_completed(words: str, expected: list[str], shell: str) -> None:
    assert completed(words, shell) == expected


def test_the_history_is_completed(folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package/__init__.py").touch()
    (folder / "no-module.py").touch()
    assert completed("schema --history ") == ["fleet_of_ours:", "package:"]
    assert completed("schema --history fl") == ["fleet_of_ours:"]
    assert completed("schema --history fleet_of_ours:") == [NAME]
    assert completed("schema --history fleet_of_ours:H") == [NAME]
    assert completed("schema --history fleet_of_ours:O") == []
    assert completed("schema --history no_such_module:") == []
    assert completed("schema --history :") == []
    assert completed("retry out --history fl") == ["fleet_of_ours:"]


def test_bash_keeps_what_stands_before_a_colon() -> None:
    assert completed("schema --history fleet_of_ours:", "bash") == ["HISTORY"]
    assert completed("schema --history fleet_of_ours:H", "bash") == ["HISTORY"]
    assert completed("schema --history fl", "bash") == ["fleet_of_ours:"]


# diff --fail-on

FAILING = {
    ("0.4.0.8", "0.4.1.0", "readers"): 8,
    ("0.4.0.8", "0.4.1.0", "writers"): 3,
    ("0.4.0.8", "0.4.1.0", "any"): 8,
    ("0.4.0.7", "0.4.0.8", "any"): 0,
}


@pytest.mark.parametrize("form", ["table", "markdown", "json", "github"])
@pytest.mark.parametrize(("old", "new", "whom"), FAILING)
def test_what_breaks_somebody_fails(old: str, new: str, whom: str, form: str) -> None:
    count = FAILING[old, new, whom]
    plain = run("diff", old, new, "--format", form)
    done = run("diff", old, new, "--format", form, "--fail-on", whom)
    assert plain.exit_code == 0
    assert done.exit_code == (1 if count else 0)
    assert plain.stderr == ""
    if form != "github":
        assert done.stdout == plain.stdout
    if count:
        head, *told = done.stderr.splitlines()
        assert head == f"Error: {count} change{'s' * (count > 1)} that --fail-on {whom} does not allow:"
        assert len(told) == count
        assert all(f"(breaks {whom})" in line or "(breaks both)" in line or whom == "any" for line in told)
    else:
        assert done.stderr == ""


def test_only_what_is_asked_for_counts() -> None:
    assert run("diff", "0.4.0.8", "0.4.1.0", "Metrics", "--fail-on", "any").exit_code == 0
    assert run("diff", "1.1", "2.0", "--history", NAME, "--fail-on", "writers").exit_code == 0
    done = run("diff", "1.1", "2.0", "--history", NAME, "--fail-on", "readers", "--unknown", "ignore")
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: 1 change that --fail-on readers does not allow:\n"
        '  fleet_of_ours.Health.DRAINING: member added, "draining" (breaks readers)\n'
    )
    assert run("diff", "1.1", "2.0", "--fail-on", "everybody").exit_code == 2
    assert run("diff", "1.1", "2.0", "--fail-on", "any").exit_code == 2


def test_annotations_for_github() -> None:
    *told, summary = run("diff", "1.0", "latest", "--history", NAME, "--format", "github").stdout.splitlines()
    assert summary == "6 changes: 5 of them breaking for readers, 1 for writers, 1 for neither"
    assert len(told) == 5
    assert all(line.startswith("::warning title=fleet_of_ours.") for line in told)
    *told, _ = run(
        "diff", "1.0", "latest", "--history", NAME, "--format", "github", "--fail-on", "writers"
    ).stdout.splitlines()
    assert [line for line in told if line.startswith("::error")] == [
        "::error title=fleet_of_ours.NodeReport.round_trip_ms::renamed, ping_ms to round_trip_ms (breaks both)"
    ]


def test_texts_cannot_be_commands_to_github(folder: Path) -> None:
    source = (folder / "fleet_of_ours.py").read_text()
    (folder / "fleet_of_ours.py").write_text(source.replace('region: str = "unknown"', 'region: str = "100%\\n::x::"'))
    told = run("diff", "1.0", "latest", "--history", NAME, "--format", "github").stdout.splitlines()
    assert len(told) == 6
    assert (
        '::warning title=fleet_of_ours.NodeReport.region::field added, str, default "100%25\\n::x::" (breaks readers)'
        in told
    )
