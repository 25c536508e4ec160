"""Archives validated: each record held against the rules of the release that it is of, or of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, BinaryIO

import attrs

from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.formats import Batch, Form
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.running import SHARD_SIZE, Limits, Means, Watch, look
from sagellm_protocol.archive.running.archives import upgrading
from sagellm_protocol.archive.running.choices import LIMITS
from sagellm_protocol.archive.running.keeping import Kept
from sagellm_protocol.archive.running.runs import Place, places_of
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.storage import Source
from sagellm_protocol.archive.surveys.findings import Findings
from sagellm_protocol.archive.surveys.rules import Broken, Checker, Faults, Rules, unreadable
from sagellm_protocol.archive.surveys.streams import look_at_stream
from sagellm_protocol.archive.wires import Wire
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.named import named


def _broken_rules() -> Findings[Broken]:
    return Findings(Broken(OTHERS, "", ""))


@attrs.define
class SourceChecked:
    """What was found in one source."""

    form: Form
    records: int = 0
    """Damage included."""
    invalid: int = 0
    """Those that break a rule."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {**attrs.asdict(self.form), "records": self.records, "invalid": self.invalid}


@attrs.define
class Validation:
    """Which records break which rules. Of two parts of an archive the second can be added to the first."""

    sources: dict[str, SourceChecked] = attrs.field(factory=dict)
    violations: Findings[Broken] = attrs.field(factory=_broken_rules)
    """A record counts once for each rule that it breaks, at however many indices."""
    unreadable: dict[str, str] = attrs.field(factory=dict)
    """Why a source could not be read, by its name."""
    sample: float | None = None
    """The share of the records that was read; None: all."""

    @property
    def records(self) -> int:
        """How many were read."""
        return sum(source.records for source in self.sources.values())

    @property
    def invalid(self) -> int:
        """How many of them break a rule."""
        return sum(source.invalid for source in self.sources.values())

    @property
    def is_valid(self) -> bool:
        """Whether all could be read, and nothing is amiss."""
        return not self.invalid and not self.unreadable

    def add(self, other: Validation) -> None:
        """What was found in sources, or stretches of them, that come after."""
        for name, source in other.sources.items():
            ours = self.sources.setdefault(name, SourceChecked(source.form))
            ours.records += source.records
            ours.invalid += source.invalid
        self.violations.add(other.violations)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "valid": self.is_valid,
            "sample": self.sample,
            "records": self.records,
            "invalid": self.invalid,
            "violations": [
                {**attrs.asdict(broken), **found.to_plain()} for broken, found in self.violations.most_first()
            ],
            "sources": {to_text(name): source.to_plain() for name, source in sorted(self.sources.items())},
            "unreadable": {to_text(name): reason for name, reason in sorted(self.unreadable.items())},
        }


def validate_archive(
    sources: Iterable[Place] | Place,
    rules: Rules | None = None,
    *,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    sample: float | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    shard_size: int = SHARD_SIZE,
    history: History | str = HISTORY,
    watch: Watch | None = None,
) -> Validation:
    """Hold each record of an archive against the rules, and write nothing.

    Args:
        sources: files, folders, globs, or URLs (extra ``remote``), in any form.
        rules: what is held against the records.
        limits: ``max_record`` counts alone.
        hooks: as :func:`upgrade_archive` takes them; they tell what a record is, and repair none here.
        sample: the share of the records to read, above 0 and 1 at the most; None: all.
        executor: who reads the shards.
        workers: processes of this machine that do, where there is no executor; None: as many as there are cores.
        shard_size: bytes of a source that one worker takes at a time.
        history: revisions and messages, as :func:`upgrade_archive` takes them.
        watch: told how the work goes.

    Raises:
        RefusedError: sources are not there, or share a name.
        HooksError: hooks cannot be found, or fail.
        OptionError: a choice is none, or choices contradict each other.
        UnsupportedRevisionError: the rules name a message or release that does not exist.
    """
    asked = (rules or Rules()).resolved(named(history))
    work = upgrading(Options(asked.message, asked.release), hooks, history, executor, workers)
    means = Means(executor, 1 if work.local else workers, shard_size, sample, watch or Watch())
    looks = look(places_of(sources), partial(Validating, work, asked), means, limits)
    found = looks.survey.found
    found.sample, found.unreadable = sample, looks.unreadable
    return found


def validate_stream(
    source: BinaryIO,
    rules: Rules | None = None,
    *,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    sample: float | None = None,
    history: History | str = HISTORY,
    watch: Watch | None = None,
) -> Validation:
    """Hold each record of one stream against the rules, as :func:`validate_archive` does; the source is called ``-``.

    Raises:
        UnreadableError: it holds no records by its beginning, or cannot be read.
    """
    asked = (rules or Rules()).resolved(named(history))
    means = Means(sample=sample, watch=watch or Watch())
    survey = Validating(upgrading(Options(asked.message, asked.release), hooks, history), asked)
    look_at_stream(source, survey, limits.max_record, means.sample, means.watch)
    survey.found.sample = sample
    return survey.found


class Validating:
    """Holds the records of shards against rules."""

    def __init__(self, work: Upgrading, rules: Rules) -> None:
        self._work, self._rules = work, rules
        self._name, self._form = "", Form()
        self.found = Validation()

    def begin(self, source: Source, form: Form) -> None:
        """What follows is from this source."""
        self._name, self._form = source.name, form
        self.found.sources.setdefault(source.name, SourceChecked(form))

    def see(self, batch: Batch) -> int:
        """Hold a batch against them; gives how many of its records break any."""
        checker = _checker(self._rules, self._work, self._form.wire)
        invalid, damage = 0, batch.damage
        for index in self._doubtful(batch.records, checker):
            faults = checker.check(batch.records[index])
            invalid += bool(faults)
            self._note(faults, partial(batch.offset, index))
        if damage is not None:
            invalid += 1
            self._note([unreadable(damage.reason)], lambda: damage.offset)
        source = self.found.sources[self._name]
        source.records += len(batch.records) + (damage is not None)
        source.invalid += invalid
        return invalid

    def _doubtful(self, records: Sequence[bytes], checker: Checker) -> Iterable[int]:
        """Which records are to be looked at one by one: those that an upgrade of all of them does not vouch for."""
        rules, history, wire = self._rules, self._work.history, self._form.wire
        told = rules.message is not None and rules.release is not None
        if told or rules.consistent or history.hooked or (rules.since is not None and rules.revision is not None):
            return range(len(records))
        result = self._work.begin(wire, wire, ())(records)
        strange = any(counts.unknown_fields for counts in result.counts.types.values())
        rejected = {index for index, _ in result.rejected}
        outputs = iter(result.records)
        # What is of today's form before and after keeps today's rules.
        todays = rules.release in (None, history.latest) and not strange
        return (
            index
            for index, record in enumerate(records)
            if index in rejected or not ((next(outputs) == record and todays) or checker.is_plainly_right(record))
        )

    def _note(self, faults: Faults, offset: Callable[[], int]) -> None:
        first: dict[Broken, str] = {}
        for broken, example in faults:
            first.setdefault(broken, example)
        for broken, example in first.items():
            self.found.violations.note(broken, self._name, offset, example)

    def add(self, other: Validating) -> None:
        """What another has found, in shards that come after."""
        self.found.add(other.found)


_CHECKERS: Kept[Checker] = Kept()


def _checker(rules: Rules, work: Upgrading, wire: Wire) -> Checker:
    """A checker of this thread."""
    key = (rules, work.hooks, id(work.history), work.history.hooks_changed, wire)
    return _CHECKERS.get(key, lambda: Checker(rules, work.history, wire))
