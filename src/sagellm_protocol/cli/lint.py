"""``sagellm-protocol lint``: what code that was written for 0.5.4.16 trips over."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import click

from sagellm_protocol.cli.printing import printing
from sagellm_protocol.lint.files import LintError
from sagellm_protocol.lint.finding import Report
from sagellm_protocol.lint.formats import FORMATS
from sagellm_protocol.lint.running import lint
from sagellm_protocol.model.exceptions import MissingExtraError


class NotFixed(click.ClickException):
    """Something could not be mended, for want of a package or of a right to write."""

    exit_code = 2


@click.command(
    "lint",
    short_help="Find what old code trips over.",
    epilog="""\b
Examples:
  sagellm-protocol lint examples/fastapi_service/before
  sagellm-protocol lint examples --select SLP1 --format sarif
  sagellm-protocol lint examples --diff
""",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="PATH...")
@click.option(
    "--select", multiple=True, metavar="RULE", help='Look for these rules alone: "SLP2", "SLP301", "list-compared".'
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Pass over these rules.")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="How to show it."
)
@click.option("--fix", "fixing", is_flag=True, help="Mend what can be mended without a doubt, and show what is left.")
@click.option("--diff", "showing", is_flag=True, help="Show what --fix would change, and change nothing.")
def lint_command(
    paths: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], form: str, fixing: bool, showing: bool
) -> None:
    """Find what code written for release 0.5.4.16 trips over with this one.

    PATH is a file or a folder. It is read, and neither imported nor run. What fails in silence is shown first. To leave
    something as it is, say why: "# noqa: SLP201 the pool's own handle".

    Exit codes: 0 nothing found, 1 something found, 2 something could not be looked at.
    """
    if fixing and showing:
        raise click.UsageError("--diff shows what --fix would do: give one of them")
    if showing and form != "text":
        raise click.UsageError("--diff has a format of its own: leave --format out")
    try:
        if fixing or showing:
            report = _fixed(paths, select, ignore, showing=showing)
        else:
            with _progress() as progress:
                report = lint(paths, select=select, ignore=ignore, progress=progress)
    except LintError as error:
        raise click.UsageError(str(error)) from None
    if not showing:
        with printing():
            click.echo(FORMATS[form](report))
    sys.exit(report.exit_code)


def _fixed(paths: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], *, showing: bool) -> Report:
    try:
        from sagellm_protocol.lint.fixing import fix
    except MissingExtraError as error:
        raise NotFixed(str(error)) from None
    fixed = fix(paths, select=select, ignore=ignore)
    if showing:
        with printing():
            click.echo(fixed.diff(), nl=False)
    else:
        fixed.write()
        click.echo(f"{fixed.mended} mended in {len(fixed.after)} file{'s' * (len(fixed.after) != 1)}", err=True)
    return fixed.report


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_interactive:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("lint", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
