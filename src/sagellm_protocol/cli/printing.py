"""What goes to the terminal: escaped, and not taken for granted."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from sagellm_protocol.model.printable import printable


class Unprintable(click.ClickException):
    """All was done, but standard output took no more."""

    exit_code = 3


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Around all that is printed on standard output.

    Nothing is amiss where whoever reads it has had enough, as ``head`` has.

    Raises:
        Unprintable: it could not be written.
    """
    if sys.stdout is not None:
        # A file name may hold what the encoding of the terminal has not.
        getattr(sys.stdout, "reconfigure", _leave)(errors="backslashreplace")
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        give_up()
        if not isinstance(error, BrokenPipeError):
            raise Unprintable(f"standard output cannot be written: {error.strerror}") from None


def _leave(errors: str) -> None:
    """For a stream that is no file: it has no encoding."""


def give_up() -> None:
    """Let what is left go nowhere, so that the interpreter does not try it again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Plain data as JSON, whatever the encoding of standard output has."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(json.dumps(value, indent=indent, ensure_ascii=not encoding.lower().startswith("utf")))


def printable_lines(text: str) -> str:
    """A text of several lines, each made fit for a terminal."""
    return "\n".join(map(printable, text.split("\n")))
