"""What is printed: escaped, and every end of standard output told."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol.cli import main
from sagellm_protocol.cli.printing import Unprintable, printing
from sagellm_protocol.cli.terminal import Terminal
from sagellm_protocol.model.printable import printable


@given(st.text() | st.binary().map(os.fsdecode))
def test_whatever_is_printed_can_be_shown(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本 🚀", "plain é 日本 🚀"),
        ("\x1b[31m\n\t\x7f\x9b", "\\x1b[31m\\n\\t\\x7f\\x9b"),
        ("\u202eabc\u2028", "\\u202eabc\\u2028"),
        ("caf\udc80\udce9\udcff", "caf\\x80\\xe9\\xff"),
        ("\udc7f\udd00\ud800", "\\udc7f\\udd00\\ud800"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


# In this process


@contextlib.contextmanager
def standard_output(monkeypatch: pytest.MonkeyPatch, descriptor: int) -> Iterator[None]:
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        yield


def nobody() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_output(monkeypatch, nobody()):
        with printing():
            print("é")
        print("what comes later goes nowhere", flush=True)
    with standard_output(monkeypatch, nobody()), printing():
        Terminal().print("x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_nothing_more_fits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with standard_output(monkeypatch, os.open("/dev/full", os.O_WRONLY)):
        with pytest.raises(Unprintable, match="No space left on device"), printing():
            print("é")
        print("what comes later goes nowhere", flush=True)
    with standard_output(monkeypatch, os.open("/dev/full", os.O_WRONLY)), pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 3
    assert "standard output cannot be written: No space left on device" in capsys.readouterr().err


def test_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with printing():
        print("nowhere")


def test_a_stream_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with printing():
        print("é")
    assert sys.stdout.getvalue() == "é\n"


# In a process of its own

COMMANDS = [
    ["schema", "--all"],
    ["schema", "--all", "--format", "typescript"],
    ["diff", "0.1.0", "0.5.4.16"],
    ["diff", "0.1.0", "0.5.4.16", "--format", "json"],
    ["messages"],
    ["messages", "Request", "--json"],
    ["revisions"],
    ["revisions", "0.4.1.0"],
    ["completion", "fish"],
    ["--help"],
    ["diff", "--help"],
    ["--version"],
]


def run(arguments: list[str], output: int) -> tuple[int, bytes]:
    code = "from sagellm_protocol.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], stdout=output, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_reader_that_has_had_enough(arguments: list[str]) -> None:
    writing = nobody()
    assert run(arguments, writing) == (0, b"")
    os.close(writing)


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize("arguments", COMMANDS)
def test_standard_output_that_is_closed(arguments: list[str]) -> None:
    line = shlex.join([sys.executable, "-m", "sagellm_protocol", *arguments])
    done = subprocess.run(f"{line} >&-", shell=True, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["diff", "--help"]])
def test_help_that_nobody_reads(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_output(monkeypatch, nobody()), pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_full_disk(arguments: list[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    status, said = run(arguments, full)
    os.close(full)
    assert status == 3
    assert said == b"Error: standard output cannot be written: No space left on device\n"
