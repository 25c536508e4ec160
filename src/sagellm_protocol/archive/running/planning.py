"""What remains to be done in a folder, and every reason not to begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from sagellm_protocol.archive.exceptions import RefusedError, UnreadableError
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.running.choices import Writing
from sagellm_protocol.archive.running.jobs import asked_of
from sagellm_protocol.archive.running.manifest import Done, Manifest, Stamp
from sagellm_protocol.archive.running.opening import shards_of
from sagellm_protocol.archive.running.shards import (
    RETRIED,
    Base,
    Names,
    Releases,
    Shard,
    base_of,
    rejected_base,
)
from sagellm_protocol.archive.storage import OWN, PLAN, REJECTED, REPORT, Folder, Source

_OWN = "which is that of something else in the folder"
_LOOKING = 16
"""Sources looked at side by side, since servers take their time."""


@attrs.frozen
class Looked:
    """Sources, looked at and cut."""

    shards: dict[str, list[Shard]] = attrs.field(factory=dict)
    """By name of the source."""
    unreadable: dict[str, str] = attrs.field(factory=dict)
    """Why a source cannot be read, by its name."""

    def knowing(self, releases: Mapping[str, Releases], unreadable: Mapping[str, str]) -> Looked:
        """The same, where all was read to find out which revisions could have written each source.

        Args:
            releases: those, by name of the source.
            unreadable: why the others could not be read, after all.
        """
        known = {
            name: [attrs.evolve(shard, releases=releases[name]) for shard in shards]
            for name, shards in self.shards.items()
            if name in releases
        }
        return Looked(known, self.unreadable | dict(unreadable))


def look_at(sources: Sequence[Source], size: int, share: float | None = None) -> Looked:
    """Tell the form of each source, and cut it."""

    def shards(source: Source) -> list[Shard] | str:
        try:
            return shards_of(source, size, share)
        except UnreadableError as error:
            return str(error)

    looked = Looked()
    threads = ThreadPoolExecutor(_LOOKING)
    try:
        for source, found in zip(sources, threads.map(shards, sources), strict=True):
            if isinstance(found, str):
                looked.unreadable[source.name] = found
            else:
                looked.shards[source.name] = found
    finally:
        # After Ctrl-C no more are begun.
        threads.shutdown(cancel_futures=True)
    return looked


@attrs.frozen
class Standing:
    """What earlier runs left in a folder."""

    names: frozenset[str]
    """The files."""
    done: dict[str, dict[int, Done]]
    """Shards, by source and number."""
    retried: dict[str, list[Done]]
    """What was fed back, by the file of records set aside."""

    @classmethod
    def of(cls, manifest: Manifest) -> Standing:
        """That of a folder. Nobody else is at work in it."""
        return cls(frozenset(manifest.folder.names("")), manifest.done(), manifest.retried())

    @property
    def all_done(self) -> Iterator[Done]:
        """All shards."""
        return (done for shards in self.done.values() for done in shards.values())

    def is_whole(self, done: Done) -> bool:
        """Whether a shard's outputs are all there: the manifest tells of them before they take their places."""
        aside = done.rejected
        return all(output.name in self.names for output in done.outputs) and (
            aside is None or aside.name in self.names or aside.name in self.retried
        )

    def without(self, shards: Iterable[Done], retries: Iterable[Done]) -> Standing:
        """The same, where some of it is forgotten."""
        gone = {(it.name, it.number) for it in shards}
        taken_back = {(it.name, it.sha256) for it in retries}
        done = {
            name: {number: it for number, it in numbered.items() if (name, number) not in gone}
            for name, numbered in self.done.items()
        }
        retried = {
            name: [it for it in found if (name, it.sha256) not in taken_back] for name, found in self.retried.items()
        }
        return Standing(
            self.names,
            {name: numbered for name, numbered in done.items() if numbered},
            {name: found for name, found in retried.items() if found},
        )


@attrs.frozen
class Plan:
    """What a run does."""

    shards: list[Shard]
    """What remains."""
    stale: list[Done]
    """What was done, and is to be forgotten before it is done anew."""
    stale_retries: list[Done]


def plan(looked: Looked, standing: Standing, asked: str, foreign: Sequence[Done], *, again: bool) -> Plan:
    """What remains to be done.

    Args:
        looked: the sources.
        standing: what earlier runs left.
        asked: a digest of all that decides on the result.
        foreign: what was done of other sources, and is to give way.
        again: do also what is done.
    """
    remaining: list[Shard] = []
    stale = {(it.name, it.number): it for it in foreign}
    stale |= {(it.name, it.number): it for it in standing.all_done if not standing.is_whole(it)}
    for name, shards in looked.shards.items():
        before = standing.done.get(name, {})
        for shard in shards:
            done = before.get(shard.number)
            if again or (name, shard.number) in stale or done is None or not _fits(done, shard, asked):
                remaining.append(shard)
                if done is not None:
                    stale[name, shard.number] = done
        stale |= {(name, number): it for number, it in before.items() if number >= len(shards)}
    aside = {it.rejected.name for it in stale.values() if it.rejected is not None}
    return Plan(
        remaining, list(stale.values()), [it for name in sorted(aside) for it in standing.retried.get(name, ())]
    )


def bases_of(looked: Looked, writing: Writing) -> dict[str, tuple[Base, Base]]:
    """The names of the outputs and of the records set aside, by source."""
    return {name: _bases(shards[0], writing) for name, shards in looked.shards.items()}


def refuse_clashes(looked: Looked, bases: Mapping[str, tuple[Base, Base]], writing: Writing) -> None:
    """Refuse outputs that would get the same name, or that of something else in the folder.

    Args:
        looked: the sources.
        bases: the names of their outputs.
        writing: their form.

    Raises:
        RefusedError: with every reason.
    """
    _refuse(
        [
            *_clashes(looked, bases, writing),
            *(
                f"{name} would become {base.name()}, {_OWN}"
                for name, (base, _) in bases.items()
                if _is_own(base.name())
            ),
        ]
    )


def taken(
    bases: Mapping[str, tuple[Base, Base]], urls: Mapping[str, str], earlier: Sequence[Base], standing: Standing
) -> tuple[list[str], list[Done]]:
    """What would be overwritten: files that no run into this folder wrote, and what was made from other sources.

    Args:
        bases: the names of the outputs, by source.
        urls: where the sources are.
        earlier: the names of the outputs of earlier runs.
        standing: what those left.
    """
    ours: dict[Base, set[str]] = {}
    for name, pair in bases.items():
        for base in pair:
            ours.setdefault(base, set()).add(name)
    names, known = Names(ours), Names(earlier)
    files = [name for name in sorted(standing.names) if any(names.owners(name)) and not any(known.owners(name))]
    if REPORT in standing.names and PLAN not in standing.names:
        files.append(REPORT)
    others = [
        done
        for done in standing.all_done
        if any(
            done.name not in ours[base] or done.source.url != to_text(urls[done.name])
            for output in done.written
            for base in names.owners(output.name)
        )
    ]
    return files, others


def refuse_taken(files: Sequence[str], others: Sequence[Done]) -> None:
    """Refuse to overwrite.

    Raises:
        RefusedError: with every reason.
    """
    reasons = [f"{name} is there already" for name in files] + [
        f"{output.name} is there already, made from {done.source.url}" for done in others for output in done.outputs
    ]
    _refuse([*reasons, "nothing is overwritten without --force"] if reasons else [])


def refuse_unfit(sources: Sequence[Source], folder: Folder) -> None:
    """Refuse sources that would be overwritten, or whose names are those of something else.

    Raises:
        RefusedError: with every reason.
    """
    _refuse(
        [f"{source.url} is a source and would be overwritten" for source in sources if folder.holds(source)]
        + [
            f"{source.url} cannot be written under its own name, {_OWN}"
            for source in sources
            if _is_own(source.name) or any(part.startswith(OWN) for part in source.name.split("/"))
        ]
    )


def _is_own(name: str) -> bool:
    return name.partition("/")[0] in (REPORT, REJECTED, RETRIED)


def _refuse(reasons: Iterable[str]) -> None:
    told = tuple(reasons)
    if told:
        raise RefusedError(told)


def _bases(shard: Shard, writing: Writing) -> tuple[Base, Base]:
    base = base_of(shard.source.name, shard.form, writing.form(shard.form))
    return base, rejected_base(base)


def _fits(done: Done, shard: Shard, asked: str) -> bool:
    """Whether a shard is done as it would be done now."""
    return (
        done.asked == asked_of(asked, shard.releases)
        and done.source == Stamp.of(shard.source)
        and (done.of, done.start, done.stop) == (shard.of, shard.start, shard.stop)
    )


def _clashes(looked: Looked, bases: Mapping[str, tuple[Base, Base]], writing: Writing) -> Iterator[str]:
    """Sources whose outputs would get the same name."""
    single: dict[str, list[str]] = {}
    numbered: dict[str, list[str]] = {}
    for name, shards in looked.shards.items():
        many = len(shards) > 1 or writing.rotate is not None
        for base in bases[name]:
            (numbered if many else single).setdefault(base.name(), []).append(name)
    for place, names in [*single.items(), *numbered.items()]:
        if len(names) > 1:
            yield f"{' and '.join(names)} would both become {place}"
    many_names = Names(base for names in numbered.values() for name in names for base in bases[name])
    for place, names in single.items():
        if any(base.name() != place for base in many_names.owners(place)):
            yield f"{names[0]} would become {place}, which is the name of a part of another output"
