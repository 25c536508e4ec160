from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import attrs
import distributed
import pytest

from sagellm_protocol.archive import Options
from sagellm_protocol.archive.exceptions import ArchiveError, UnreadableError
from sagellm_protocol.archive.formats import Batch, Form
from sagellm_protocol.archive.running import HooksError, Limits, Means, Writing, dask, upgrade_archive, works
from sagellm_protocol.archive.running.jobs import Job, made_with
from sagellm_protocol.archive.running.opening import reading
from sagellm_protocol.archive.running.releases import ReleasesSurvey
from sagellm_protocol.archive.running.repairs import prints, repaired
from sagellm_protocol.archive.running.shards import Base, Shard, base_of, cut
from sagellm_protocol.archive.running.watching import unheard
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.storage import Source
from sagellm_protocol.archive.storage.source import local_source
from sagellm_protocol.codecs import envelope
from sagellm_protocol.codecs.json import dumps
from sagellm_protocol.model.exceptions import MissingExtraError, OptionError
from soaking.archives import LOG


@pytest.mark.parametrize(
    ("choice", "values"),
    [
        (Writing, {"layout": "jsonlines"}),
        (Writing, {"compression": "xz"}),
        (Writing, {"rotate": 0}),
        (Writing, {"rotate": True}),
        (Limits, {"max_record": 0}),
        (Limits, {"max_rejected": 1.1}),
        (Limits, {"max_rejected": float("nan")}),
        (Limits, {"strict": 1}),
        (Means, {"workers": 0}),
        (Means, {"shard_size": 0.5}),
        (Means, {"sample": 0}),
        (Means, {"sample": "1%"}),
    ],
)
def test_choices_that_are_none(choice: Any, values: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(values))} must be"):
        choice(**values)


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("log.jsonl", Form(), "log.00001.jsonl"),
        ("2025/log.ndjson", Form(), "2025/log.00001.ndjson"),
        ("log.jsonl", Form("msgpack", "zstd"), "log.00001.msgpack.zst"),
        ("log", Form(), "log.00001"),
        ("log.txt", Form(), "log.00001.txt"),
        ("log.txt", Form(compression="gzip"), "log.txt.00001.jsonl.gz"),
        (".jsonl", Form(), ".jsonl.00001"),
        ("a/.log", Form(), "a/.log.00001"),
        ("a.b/log", Form(), "a.b/log.00001"),
    ],
)
def test_names_of_outputs(name: str, output: Form, expected: str) -> None:
    base = base_of(name, Form(), output)
    assert base.name(1) == expected
    assert base.owns(expected)


def test_names_that_are_no_outputs() -> None:
    base = Base("log", ".jsonl")
    assert base.owns("log.jsonl")
    assert not any(map(base.owns, ["log.jsonl.gz", "log.1.jsonl", "log.00001.00002.00003.jsonl", "logs.jsonl"]))


def test_a_source_of_no_known_size_is_not_cut() -> None:
    (shard,) = cut(Source("memory://a", "a", None, ""), Form(), 10)
    assert (shard.start, shard.stop, shard.size) == (0, None, None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("site_hooks", "no hooks are called"),
        ("nowhere:repair", "cannot be imported"),
        ("site_hooks:none", "are no function"),
        ("site_hooks:Site.none", "are no function"),
        ("site_hooks:nothing", "registered none"),
        ("site_hooks:failing", "raised ValueError: no"),
        ("math:sqrt", "raised TypeError"),
    ],
)
def test_hooks_that_are_none(log: Path, out: Path, name: str, told: str) -> None:
    with pytest.raises(HooksError, match=told):
        upgrade_archive(log, out, Options(since="0.4.0.8"), hooks=[name])
    assert not out.exists()


def test_hooks_are_known_by_their_files() -> None:
    ((name, digest),) = prints(["site_hooks:Site.repair"])
    assert (name, len(digest)) == ("site_hooks:Site.repair", 64)
    assert repaired(["site_hooks:Site.repair"]).hooked
    assert prints(["math:sqrt"]) == [["math:sqrt", ""]]


def test_hooks_take_part(log: Path, tmp_path: Path) -> None:
    plain, repaired_ = tmp_path / "plain", tmp_path / "repaired"
    old = log.read_bytes()
    log.write_bytes(old + b'{"event":"delta","request_id":"r","engine_id":"e","chunk":"x","chunk_tokens":[1]}\n')
    options = Options(since="0.4.0.8", message="types.StreamEventDelta")
    asides = [
        upgrade_archive(log, folder, options, hooks=hooks).set_aside
        for folder, hooks in ((plain, ()), (repaired_, ["site_hooks:repair"]))
    ]
    assert asides[0] == asides[1] + 1


def test_what_is_no_utf8_in_an_error(tmp_path: Path) -> None:
    class Odd(Source):
        def open(self) -> Any:
            raise ValueError("caf\udce9")

    with pytest.raises(UnreadableError, match=r"ValueError: caf\\udce9"), reading(Odd("/x", "x", 0, "")):
        pass


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match="dask"), dask("tcp://127.0.0.1:1"):
        pass


def test_the_executor_of_a_cluster() -> None:
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")
    with cluster, dask(cluster.scheduler_address) as executor:
        assert executor.submit(pow, 2, 5).result() == 32


def test_a_worker_with_other_hooks(log: Path, out: Path) -> None:
    work = Upgrading(hooks=("site_hooks:repair",))
    job = Job(work, "", made_with(attrs.evolve(work, hooks=())))
    with pytest.raises(ArchiveError, match="another version"):
        job(Shard(local_source(str(log), "log.jsonl", log.stat()), Form()), unheard)


def test_upgraders_are_kept_but_not_all() -> None:
    for number in range(20):
        Upgrading(Options(since="0.4.0.8", message="types.StreamEventDelta")).begin("json", "json", (str(number),))
    assert len(works._UPGRADERS._made) < 20


def test_releases_of_sources_that_are_of_several(log: Path) -> None:
    survey = ReleasesSurvey(Upgrading(Options(since="auto")))
    survey.begin(local_source(str(log), "log.jsonl", log.stat()), Form())
    enveloped = dumps(envelope.wrap({}, "types.Response", "0.4.0.8"))
    lines = log.read_bytes().splitlines()
    survey.see(Batch([*lines, enveloped, b"no record"]))
    assert "0.4.0.7" in survey.possible["log.jsonl"]
    survey.see(Batch([(LOG.parent / "0.1.0.jsonl").read_bytes().splitlines()[4]]))
    assert survey.possible == {"log.jsonl": set()}
    survey.see(Batch(lines))
    assert survey.possible == {"log.jsonl": set()}
