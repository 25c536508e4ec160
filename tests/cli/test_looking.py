"""``messages``, ``revisions``, ``diff`` and ``schema``: what the protocol is, on a terminal and as JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from marked import marked_in
from sagellm_protocol import schema
from sagellm_protocol.cli.app import app
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.comparing import compare


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def lines(*arguments: str) -> list[str]:
    """What is printed, without the blanks between columns."""
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def as_json(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sagellm_protocol", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


# messages


@pytest.mark.parametrize("revision", ["0.1.0", "0.4.0.8", "latest"])
def test_every_message_is_on_a_line(revision: str) -> None:
    listed = as_json("messages", "--revision", revision)
    assert [row["message"] for row in listed] == list(HISTORY.specs(revision))
    assert all(row.keys() == {"message", "since", "text", "deprecated"} and row["text"] for row in listed)
    told = lines("messages", "--revision", revision)[2:]
    assert len(told) == len(listed)
    for line, row in zip(told, listed, strict=True):
        assert line.startswith(f"{row['message']} {row['since']} ")


@pytest.mark.parametrize("revision", ["0.1.0", "0.4.0.7", "0.5.4.16", HISTORY.latest])
def test_every_field_is_told(revision: str) -> None:
    for name, spec in HISTORY.specs(revision).items():
        described = as_json("messages", name, "--revision", revision)
        assert (described["message"], described["revision"]) == (name, revision)
        assert [row["field"] for row in described["fields"]] == [field.name for field in spec.fields]
        rows = HISTORY.fields(name, revision)
        for row in described["fields"]:
            assert row.keys() == {
                *("field", "type", "bounds", "unit", "required", "default", "computed", "text", "deprecated"),
            }
            known = rows[row["field"]]
            assert row["type"] == known["type"]
            assert row["required"] == ("default" not in known)
            # Several bounds of one name, on a mapping and on what it holds, share a place in the table.
            assert len(row["bounds"]) >= len(known.get("bounds", ()))
            assert bool(row["bounds"]) == ("bounds" in known)
        told = "\n".join(lines("messages", name, "--revision", revision))
        assert all(f"\n{field.name} " in told for field in spec.fields)


def test_the_facts_of_a_field() -> None:
    told = lines("messages", "Metrics")
    assert told[0] == f"types.Metrics, since 0.1.0, at {HISTORY.latest}"
    assert any(line.startswith("ttft_ms float ms >= 0 required Time to first token") for line in told)
    assert any(line.startswith("tbt_ms float ms >= 0 0.0 ") for line in told)
    assert any(
        line.startswith("strategy sampling.DecodingStrategy derived ") for line in lines("messages", "SamplingParams")
    )
    assert 'sampling.DecodingStrategy: "greedy", "sampling", ' in "\n".join(lines("messages", "SamplingParams"))
    assert any(line.startswith("transfer_id UUID made anew ") for line in lines("messages", "KVTransferRequest"))
    assert "Other fields are kept." in lines("messages", "ChatMessage")
    assert "Other fields are let through." in lines("messages", "ChatMessage", "--revision", "0.5.4.16")
    assert not any(line.startswith("Other fields") for line in lines("messages", "Metrics"))
    old = lines("messages", "StreamEventDelta", "--revision", "0.1.0")
    assert any(line.startswith("chunk str required") and "Today called `content`." in line for line in old)
    rules = [name for name, spec in HISTORY.specs("0.4.1.0").items() if spec.rules]
    assert all(
        any(line.startswith("Must be not null in") for line in lines("messages", name, "--revision", "0.4.1.0"))
        for name in rules
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["messages", "Reqest"], "no message is called 'Reqest' (did you mean Request?)"),
        (["messages", "types.reqest"], "(did you mean types.Request?)"),
        (["messages", "kvhandel"], "(did you mean KVHandle?)"),
        (["messages", "\x1b[31m"], "no message is called '\\x1b[31m'"),
        (["messages", "SamplingParams", "--revision", "0.1.0"], "sampling.SamplingParams came with 0.4.0.7"),
        (["messages", "--revision", "0.5.4.61"], "no release is called '0.5.4.61'; the revisions are"),
        (["messages", "--revision", "latest1"], "(did you mean latest?)"),
        (["revisions", "0.5.4.61"], "(did you mean 0.5.4.6?)"),
        (["diff", "0.4.0.8", "latest", "Reqest"], "(did you mean Request?)"),
        (["diff", "0.4.0.8", "0.5"], "no release is called '0.5'"),
        (["diff", "0.1.0", "0.4.0.8", "PDDispatchPlan"], "0.4.0.7 has no such message"),
        (["diff", "0.1.0", "latest", "--json", "--format", "markdown"], "--json is --format json, and not"),
        (["schema", "Reqest"], "(did you mean Request?)"),
        (["schema", "SamplingParams", "--revision", "0.1.0"], "sampling.SamplingParams came with 0.4.0.7"),
        (["schema", "SamplingParams", "--revision", "0.1.0", "--format", "typescript"], "came with 0.4.0.7"),
        (["schema"], "name a MESSAGE, or ask for --all"),
        (["schema", "Request", "--all"], "name a MESSAGE, or ask for --all"),
        (["schema", "Request", "--format", "yaml"], "'yaml' is not one of 'json', 'typescript'"),
        (["schema", "Request", "--revison", "0.1.0"], "--revision"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert told in " ".join(done.stderr.split())


# revisions and diff


def test_every_revision_is_on_a_line() -> None:
    listed = as_json("revisions")
    assert [row["revision"] for row in listed] == list(HISTORY.revisions)
    assert [release for row in listed for release in row["releases"]] == list(HISTORY.releases)
    assert {tuple(row) for row in listed} == {
        (
            *("revision", "releases", "date", "note", "deprecates", "messages", "fields", "enums", "changes"),
            *("breaking_readers", "breaking_writers"),
        )
    }
    told = lines("revisions")[2:]
    assert told[0] == "0.1.0 27 128 4 - - -"
    assert told[-2].startswith("0.5.4.16 82 ")
    assert told[-1].startswith(f"{HISTORY.latest} ")
    assert "0.5.1.1 0.5.1.2 to 0.5.2.9, 10 releases " in told[9]


def test_what_a_revision_changed() -> None:
    found = as_json("revisions", "0.4.1.0")
    assert (found["revision"], found["before"], found["changes"]) == ("0.4.1.0", "0.4.0.7", len(found["changed"]))
    assert found["changed"] == [attrs.asdict(it) for it in compare("0.4.0.7", "0.4.1.0")]
    told = lines("revisions", "0.4.1.0")
    assert told[0] == "0.4.1.0, after 0.4.0.7, spoken by 0.4.1.0"
    assert "types.StreamEventDelta.content renamed chunk content both" in told
    assert told[-1].startswith(f"{found['changes']} changes: ")
    assert told[1] == found["note"] != ""
    assert lines("revisions", "0.1.0") == ["0.1.0, the first revision, spoken by 0.1.0"]
    assert as_json("revisions", "0.1.0")["before"] is None


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    yield from marked_in(monkeypatch)


def test_what_is_deprecated_is_marked(marked: History) -> None:
    told = lines("messages", "Request")
    assert sum("Deprecated" in line for line in told) == 1
    assert any(
        line.startswith("prompt ") and line.endswith(" Deprecated since 0.5.4.16: use messages.") for line in told
    )
    assert not any("Deprecated" in line for line in lines("messages", "Request", "--revision", "0.5.4.13"))
    fields = {row["field"]: row["deprecated"] for row in as_json("messages", "Request")["fields"]}
    assert fields["prompt"] == {
        "since": "0.5.4.16",
        "text": "use messages",
        "told": "Deprecated since 0.5.4.16: use messages.",
    }
    assert [name for name, found in fields.items() if found] == ["prompt"]
    gone = "Deprecated since 0.5.4.16: ends come by themselves."
    assert gone in lines("messages", "StreamEventEnd")
    assert any(line.startswith("types.StreamEventEnd ") and line.endswith(gone) for line in lines("messages"))
    assert [row["message"] for row in as_json("messages") if row["deprecated"]] == ["types.StreamEventEnd"]
    assert any("Deprecated since 0.1.0: no." in line for line in lines("messages", "StreamEventDelta"))
    assert "errors.ErrorCode.NOT_IMPLEMENTED: Deprecated since 0.1.0: wait." in lines("messages", "Error")


def test_what_a_revision_says_of_itself(marked: History) -> None:
    assert lines("revisions")[0].startswith("revision date also spoken by ")
    assert lines("revisions")[-2].startswith("0.5.4.16 2025-11-30 82 ")
    assert lines("revisions")[2].startswith("0.1.0 27 128 ")
    told = lines("revisions", "0.5.4.16")
    assert told[0] == "0.5.4.16, after 0.5.4.13, spoken by 0.5.4.16, of 2025-11-30"
    assert told[2:5] == [
        "Deprecates types.Request.prompt: use messages",
        "Deprecates types.StreamEventEnd: ends come by themselves",
        "",
    ]
    listed = as_json("revisions", "0.5.4.16")
    assert (listed["date"], listed["note"]) == ("2025-11-30", marked.changed_in("0.5.4.16").note)
    assert listed["deprecates"] == dict(marked.changed_in("0.5.4.16").deprecates)
    assert as_json("revisions")[0]["date"] is None
    assert lines("revisions", "0.1.0")[1:] == [
        "Deprecates types.StreamEventDelta.chunk: no",
        "Deprecates errors.ErrorCode.NOT_IMPLEMENTED: wait",
    ]


def test_a_difference_as_json() -> None:
    arguments = ("diff", "0.4.0.8", "latest", "Request")
    expected = [attrs.asdict(it) for it in compare(*arguments[1:])]
    assert as_json(*arguments) == expected
    assert as_json(*arguments, "--format", "json") == expected
    assert json.loads(run(*arguments, "--format", "json").stdout) == expected
    assert lines("diff", "latest", "latest") == [
        "0 changes: 0 of them breaking for readers, 0 for writers, 0 for neither"
    ]
    assert lines(*arguments, "--format", "markdown")[0] == "| where | change | before | after | breaks |"


# schema


def test_schemas() -> None:
    assert json.loads(run("schema", "Request").stdout) == schema.json_schema("Request")
    assert json.loads(run("schema", "--all", "--revision", "0.4.0.8").stdout) == schema.bundle("0.4.0.7")
    assert run("schema", "--all", "--format", "typescript").stdout == schema.typescript()
    assert run("schema", "Request", "--format", "typescript").stdout == schema.typescript("Request")


# Processes


@pytest.mark.parametrize("arguments", [["messages"], ["messages", "Request"], ["revisions"]])
def test_a_row_is_a_line_where_no_terminal_is(arguments: list[str]) -> None:
    # Some programs tell those that they start how wide their own terminal is.
    told, wide = process(*arguments, COLUMNS="20").stdout, process(*arguments, COLUMNS="200").stdout
    assert told == wide
    assert max(map(len, told.decode().splitlines())) > 100


@pytest.mark.skipif(os.name != "posix", reason="terminals")
def test_a_terminal_is_as_wide_as_it_is() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sagellm_protocol", "messages", "Metrics"]
    environment = os.environ | {"COLUMNS": "70", "TERM": "xterm"}
    started = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 1 << 16):
            drawn += piece
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(ours)
    assert started.wait(timeout=60) == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn.decode())
    assert "ttft_ms" in plain
    assert max(map(len, plain.splitlines())) <= 70


@pytest.mark.parametrize(
    "arguments", [["schema", "--all"], ["messages", "Request", "--json"], ["revisions", "--json"], ["messages"]]
)
def test_where_only_ascii_can_be_written(arguments: list[str]) -> None:
    done = process(*arguments, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    if arguments != ["messages"]:
        assert json.loads(done.stdout) == json.loads(process(*arguments, PYTHONIOENCODING="utf-8").stdout)


def test_texts_beyond_ascii_stay_json(monkeypatch: pytest.MonkeyPatch) -> None:
    from sagellm_protocol.cli.printing import print_json

    for encoding in ("ascii", "utf-8", "latin-1"):
        code = "from sagellm_protocol.cli.printing import print_json; print_json({'\\U0001f680': '\\xe9'})"
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        assert json.loads(done.stdout) == {"\U0001f680": "é"}
    monkeypatch.setattr(sys, "stdout", None)
    print_json({})
