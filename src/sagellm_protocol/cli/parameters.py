"""What commands are asked for by name: a history, its messages and releases. Checked, completed, misspelt ones told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from sagellm_protocol.history import LATEST, History, HistoryError
from sagellm_protocol.history.named import PROTOCOL, found_at, named
from sagellm_protocol.model.exceptions import DeclarationError, OptionError, UnsupportedRevisionError
from sagellm_protocol.model.wording import did_you_mean
from sagellm_protocol.schema.descriptions import class_text

T = TypeVar("T", bound=Callable[..., Any])


def find_in_current_folder() -> None:
    """Have modules of the current folder found, as "python -m" does; worker processes take it over."""
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds texts
        sys.path.insert(0, os.getcwd())  # noqa: PTH109


def check_history(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The name of a history: it is there, and its list of revisions leads to its classes."""
    if value == PROTOCOL:
        return value
    find_in_current_folder()
    try:
        named(value).specs(LATEST)
    except OptionError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    except (HistoryError, DeclarationError, ImportError) as error:
        raise click.BadParameter(f"the history {value} cannot be used: {error}", context, parameter) from None
    return value


def history_in(context: click.Context) -> History:
    """That of ``--history``; the protocol's own, where a command has no such option, or is being typed."""
    name = context.params.get("history")
    return named(name if isinstance(name, str) else PROTOCOL)


def check_message(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a message, in full, as today has it: it may be asked for by an older one."""
    history = history_in(context)
    try:
        return value and history.name(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(f"{error}{did_you_mean(value, _message_names(history))}", context, parameter) from None


def check_release(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The revision of a release."""
    history = history_in(context)
    try:
        return value and history.resolve(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(
            f"{error}{did_you_mean(value, [LATEST, *history.releases])}", context, parameter
        ) from None


def complete_history(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The modules of the current folder whose name begins so; after a colon the histories of the module."""
    module, colon, attribute = incomplete.partition(":")
    if not colon:
        return [CompletionItem(f"{name}:") for name in _modules_here() if name.startswith(module)]
    find_in_current_folder()
    try:
        found = found_at(f"{module}:__dict__")
    except (ImportError, ValueError):
        return []
    return [
        CompletionItem(f"{module}:{name}", help=f"{history.revisions[0]} to {history.latest}")
        for name, history in found.items()
        if isinstance(history, History) and name.startswith(attribute)
    ]


def complete_message(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The messages whose full or short name begins so, whatever its case, and what they are."""
    history = history_in(context)
    return [
        CompletionItem(name, help=first_line(class_text(history.catalog.get(name))))
        for name in _message_names(history)
        if name.lower().startswith(incomplete.lower())
    ]


def complete_release(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The releases whose name begins so, newest first, and the revisions that they speak."""
    history = history_in(context)
    spoken = {LATEST: history.latest, **dict(reversed(history.releases.items()))}
    return [
        CompletionItem(release, help=f"speaks {revision}" if release != revision else "a revision of its own")
        for release, revision in spoken.items()
        if release.startswith(incomplete)
    ]


def _modules_here() -> list[str]:
    files = sorted(Path.cwd().glob("*.py")) + sorted(file.parent for file in Path.cwd().glob("*/__init__.py"))
    return [file.stem for file in files if file.stem.isidentifier()]


def _message_names(history: History) -> Iterable[str]:
    """Short names, then full names."""
    return [*history.catalog.short_names, *history.catalog.messages]


def first_line(text: str) -> str:
    """What a text begins with: its first paragraph."""
    return text.partition("\n")[0]


def history_option(function: T) -> T:
    """``--history``: as ``history``, a name. It is read first, as messages and releases are those of it."""
    return click.option(
        "--history",
        metavar="MODULE:NAME",
        default=PROTOCOL,
        is_eager=True,
        callback=check_history,
        shell_complete=complete_history,
        help="A history of your own, e.g. fleet.history:HISTORY. Modules of the current folder are found.",
    )(function)


def message_argument(function: T) -> T:
    """``[MESSAGE]``."""
    return click.argument("message", required=False, callback=check_message, shell_complete=complete_message)(function)


def revision_option(function: T) -> T:
    """``--revision``."""
    return click.option(
        "--revision",
        metavar="RELEASE",
        default=LATEST,
        show_default=True,
        callback=check_release,
        shell_complete=complete_release,
        help="As that release speaks; any release or revision.",
    )(function)


def json_option(function: T) -> T:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")(function)
