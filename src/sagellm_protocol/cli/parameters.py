"""What commands are asked for by name: messages and releases. Checked, completed, and told what was perhaps meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from sagellm_protocol.history import HISTORY, LATEST
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.wording import did_you_mean
from sagellm_protocol.schema.descriptions import class_text

T = TypeVar("T", bound=Callable[..., Any])


def check_message(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a message, in full."""
    try:
        return value and HISTORY.catalog.name(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(f"{error}{did_you_mean(value, _message_names())}", context, parameter) from None


def check_release(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The revision of a release."""
    try:
        return value and HISTORY.resolve(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(
            f"{error}{did_you_mean(value, [LATEST, *HISTORY.releases])}", context, parameter
        ) from None


def complete_message(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The messages whose full or short name begins so, whatever its case, and what they are."""
    return [
        CompletionItem(name, help=first_line(class_text(HISTORY.catalog.get(name))))
        for name in _message_names()
        if name.lower().startswith(incomplete.lower())
    ]


def complete_release(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The releases whose name begins so, newest first, and the revisions that they speak."""
    spoken = {LATEST: HISTORY.latest, **dict(reversed(HISTORY.releases.items()))}
    return [
        CompletionItem(release, help=f"speaks {revision}" if release != revision else "a revision of its own")
        for release, revision in spoken.items()
        if release.startswith(incomplete)
    ]


def _message_names() -> Iterable[str]:
    """Short names, then full names."""
    return [*HISTORY.catalog.short_names, *HISTORY.catalog.messages]


def first_line(text: str) -> str:
    """What a text begins with: its first paragraph."""
    return text.partition("\n")[0]


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
