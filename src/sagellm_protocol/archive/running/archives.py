"""An archive brought to today's revision, and records set aside fed back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor

import attrs

from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.running.choices import LIMITS, SHARD_SIZE, WRITING, Limits, Writing
from sagellm_protocol.archive.running.manifest import Kept, Manifest, digest
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.planning import Looked
from sagellm_protocol.archive.running.releases import releases_of
from sagellm_protocol.archive.running.report import Report
from sagellm_protocol.archive.running.runs import Asked, Place, places_of, run
from sagellm_protocol.archive.running.shards import Releases
from sagellm_protocol.archive.running.watching import Watch
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.named import PROTOCOL, named
from sagellm_protocol.model.exceptions import OptionError


def upgrade_archive(
    sources: Iterable[Place] | Place,
    output: Place,
    options: Options | None = None,
    *,
    writing: Writing = WRITING,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    sample: float | None = None,
    dry_run: bool = False,
    force: bool = False,
    executor: Executor | None = None,
    workers: int | None = None,
    shard_size: int = SHARD_SIZE,
    history: History | str = HISTORY,
    watch: Watch | None = None,
) -> Report:
    """Bring an archive to today's revision: each source under its own name, ``rejected/`` and ``report.json`` beside.

    Sources are cut into shards, which are done side by side. Each shard that is done is kept in the folder's manifest
    (``.sagellm/``), so that a run that was stopped, however it was, is gone on with by the same call; what it gives in
    the end is byte for byte what an undisturbed run gives. A source that has changed since, or for which something else
    is asked now, is done again. A source that cannot be read is noted in the report, and the others go on. Two runs are
    not at work in one folder at a time.

    Args:
        sources: files, folders, globs, or URLs (extra ``remote``), in any form.
        output: a folder, made if need be, or its URL.
        options: how records are read.
        writing: the form of the outputs.
        limits: what the run puts up with.
        hooks: ``module:function``, called with a history to register a site's repairs on; each worker does that anew.
        sample: the share of the records to take, above 0 and 1 at the most; None: all.
        dry_run: write nothing, and only report.
        force: overwrite what no run into this folder wrote, and do finished sources again, unless the last run was
            stopped.
        executor: who does the shards: threads, processes, a cluster. Its workers read and write the storage themselves.
        workers: processes of this machine that do them, where there is no executor; None: as many as there are cores,
            or fewer where that is faster, as for an archive of a few megabytes.
            A script that calls this must be importable without doing so: ``if __name__ == "__main__":``.
        shard_size: bytes of a source that one worker takes at a time.
        history: revisions and messages; one of your own as ``module:attribute``, which each worker imports anew. A
            ``History`` that is not the protocol's, or has hooks, is of this process alone: it works alone then.
        watch: told how the work goes.

    Returns:
        All that stands in ``report.json``, sources of earlier runs included.

    Raises:
        RefusedError: nothing was done, since something would be overwritten, sources are not there or share a name, or
            another run is at work in the folder.
        HooksError: hooks cannot be found, or fail.
        OptionError: a choice is none, choices contradict each other, or the history cannot be found.
        UnsupportedRevisionError: the options name a message or release that does not exist.
        ValidationError: they fill a field that no record in question can lack.
        StrictError, TooManyRejectedError: records were set aside, and the limits do not allow it.
        WorkersError: the workers are gone, or do not begin.
        ArchiveError: what earlier runs kept in the folder cannot be read.
        OSError: an output cannot be written.
    """
    work = upgrading(options, hooks, history, executor, workers)
    means = Means(executor, 1 if work.local else workers, shard_size, sample, watch or Watch())
    search = _Search(work, limits) if work.options.since == AUTO else None
    kept = Kept(options=work.options.to_plain(), hooks=list(hooks), history=work.named)
    return run(
        places_of(sources), output, Asked(work, writing, limits, search, kept), means, force=force, dry_run=dry_run
    )


def upgrading(
    options: Options | None,
    hooks: Sequence[str],
    history: History | str,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Upgrading:
    """What is done with records, checked.

    Raises:
        OptionError: the history cannot be found, or cannot go where the work is to be done.
        HooksError, UnsupportedRevisionError, ValidationError: as :func:`upgrade_archive` says.
    """
    found = named(history)
    name = PROTOCOL if found is HISTORY else history if isinstance(history, str) else None
    local = found if name is None or (found is HISTORY and found.hooked) else None
    if hooks and (local is not None or found.hooked):
        raise OptionError("hooks are registered on a history of their own: give them, or a history with hooks")
    if local is not None and (executor is not None or workers not in (None, 1)):
        raise OptionError(
            "hooks registered in this process, and histories of one's own, do not reach other workers: "
            'give hooks=["module:function"] or history="module:attribute", which they can import, or workers=1'
        )
    work = Upgrading((options or Options()).resolved(found), tuple(hooks), name, local)
    work.to_plain()  # hooks that cannot be found are told before anything is done
    return work


@attrs.frozen
class _Search:
    """Finds out which revisions could have written each source, and keeps that."""

    work: Upgrading
    limits: Limits

    def __call__(self, manifest: Manifest | None, looked: Looked, means: Means) -> Looked:
        asked = digest([self.work.to_plain(), self.limits.max_record, means.sample])
        found: dict[str, Releases] = {}
        unknown = []
        for name, shards in looked.shards.items():
            known = None if manifest is None else manifest.releases(shards[0].source, asked)
            if known is None:
                unknown += shards
            else:
                found[name] = tuple(known)
        searched, unreadable = releases_of(unknown, self.work, self.limits, means)
        if manifest is not None:
            for name, releases in searched.items():
                manifest.add_releases(looked.shards[name][0].source, asked, releases)
        return looked.knowing(found | searched, unreadable)
