"""The lock: what every published revision says, so that no change to a class alters it unseen.

``published.lock`` holds for each revision, oldest first, a digest of all its facts, and the facts that differ from the
revision before it: ``+`` came or changed, ``-`` went. It only ever grows at the end. ``python -m
sagellm_protocol.schema.lock`` adds the revisions that it lacks; with ``--check`` it compares and says which steps are
missing from the list of revisions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import revision as a_revision
from sagellm_protocol.history.named import PROTOCOL, named
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.schema.facts import Facts, Subject, digest, facts_of, line, parse
from sagellm_protocol.schema.steps import steps

PUBLISHED = Path(__file__).with_name("published.lock")
"""The lock of the protocol itself."""

_HEADER = "# What each published revision says. Generated: never edit it, and only ever add to it.\n"


class LockError(Exception):
    """The classes or the list of revisions say something else than what was published."""


def _section(revision: str, before: Facts, facts: Facts) -> Iterator[str]:
    yield f"\nrevision {revision} sha256:{digest(facts)}\n"
    for subject in sorted(before.keys() | facts.keys()):
        if subject not in facts:
            yield f"- {subject}\n"
        elif subject not in before or before[subject] != facts[subject]:
            yield f"+ {line(subject, facts[subject])}\n"


def read_lock(text: str) -> dict[str, Facts]:
    """What each locked revision says, oldest first.

    Raises:
        LockError: a revision's facts do not give its digest, so somebody edited the lock.
    """
    locked: dict[str, Facts] = {}
    facts: dict[Subject, Any] = {}
    digests: dict[str, str] = {}
    for entry in text.splitlines():
        sign, _, rest = entry.partition(" ")
        if sign == "revision":
            revision, _, digests[revision] = rest.partition(" sha256:")
            facts = dict(facts)
            locked[revision] = facts
        elif sign == "+":
            subject, value = parse(rest)
            facts[subject] = value
        elif sign == "-":
            subject, _ = parse(f"{rest} null")
            facts.pop(subject, None)
    for revision, found in locked.items():
        if digest(found) != digests[revision]:
            raise LockError(f"the facts of {revision} do not give its digest: the lock was edited; take it back")
    return locked


def check(text: str, history: History = HISTORY) -> None:
    """Compare a lock with what the classes and the list of revisions say.

    One revision may be missing from the lock: the newest, while it is in the works.

    Raises:
        LockError: they differ; the message says what to do.
    """
    locked = read_lock(text)
    if not locked:
        raise LockError("nothing is locked yet")
    listed = history.revisions
    if tuple(locked) != listed[: len(locked)] or len(listed) > len(locked) + 1:
        raise LockError(
            "the list of revisions and the lock do not go together: published revisions stay where they are, and one"
            f" at most is in the works\nlisted: {', '.join(listed)}\nlocked: {', '.join(locked)}"
        )
    newest = next(reversed(locked))
    missing = _drift(locked[newest], history, newest)
    if missing is not None:
        raise LockError(_advice(newest, locked[newest], history, missing))
    for revision, facts in locked.items():
        found = facts_of(history, revision)
        if found != facts:
            differences = "".join(f"  {entry}\n" for entry in _differences(facts, found))
            raise LockError(
                f"the list of revisions says something else of {revision} than what was published (-):\n{differences}"
                "what was published stays: take the change to the list back"
            )


def _drift(published: Facts, history: History, revision: str) -> list[str] | None:
    """How what is derived for a revision differs from what was published, or why it cannot be derived."""
    try:
        found = facts_of(history, revision)
    except (LookupError, ValueError) as error:
        return [f"the list cannot be undone: {error.args[0]}"]
    return None if found == published else list(_differences(published, found))


def _differences(published: Facts, found: Facts) -> Iterator[str]:
    for subject in sorted(published.keys() | found.keys()):
        if published.get(subject) != found.get(subject):
            if subject in published:
                yield f"- {line(subject, published[subject])}"
            if subject in found:
                yield f"+ {line(subject, found[subject])}"


def _advice(newest: str, published: Facts, history: History, differences: Sequence[str]) -> str:
    working = history.latest != newest
    today = History([a_revision(history.latest)], history.catalog)
    needed = steps(published, facts_of(today, history.latest))
    said = "".join(f"  {difference}\n" for difference in differences)
    lines = "".join(f"    {step}{'' if step.startswith('#') else ','}\n" for step in needed)
    place = f"revision {history.latest} needs these steps" if working else "add a revision at the top of the list"
    return (
        f"the classes, with the list of revisions undone, alter what {newest} means (- as published, + now):\n{said}"
        f"What was published stays. Take the change to the class back, or say what it changes; {place}:\n\n"
        f'revision(\n    "{history.latest if working else "NEXT"}",\n{lines}),\n'
    )


def update(text: str, history: History = HISTORY) -> str:
    """The lock with the revisions that it lacks added at its end; a new one, where ``text`` is empty.

    Raises:
        LockError: what it already holds does not hold any more.
    """
    if text:
        check(text, history)
    locked = read_lock(text)
    before: Facts = {}
    sections = [text or _HEADER]
    for revision in history.revisions:
        facts = locked[revision] if revision in locked else facts_of(history, revision)
        if revision not in locked:
            sections += _section(revision, before, facts)
        before = facts
    return "".join(sections)


def main(arguments: Sequence[str] | None = None) -> int:
    """Add to the lock, or compare it; 1 where it does not hold."""
    parser = argparse.ArgumentParser(prog="python -m sagellm_protocol.schema.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--history", metavar="MODULE:NAME", default=PROTOCOL, help="a history of your own")
    parser.add_argument("--lock", type=Path, default=PUBLISHED, metavar="FILE", help="the lock file")
    options = parser.parse_args(arguments)
    try:
        history = named(options.history)
    except OptionError as error:
        parser.error(str(error))
    text = options.lock.read_text(encoding="utf-8") if options.lock.exists() else ""
    try:
        if options.check:
            check(text, history)
        else:
            options.lock.write_text(update(text, history), encoding="utf-8")
    except LockError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
