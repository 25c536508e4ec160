"""The published releases answer as recorded, so the other tests may rely on them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import published as facts
from published import PublishedProcess, Unavailable

Published = Callable[[str], PublishedProcess]


def test_the_facts_are_whole() -> None:
    assert len(facts.releases()) == 49
    assert len(facts.revisions()) == 14
    newest = facts.revision_table("0.5.4.16")
    assert (len(newest["messages"]), len(newest["enums"]), len(newest["typed_dicts"])) == (82, 38, 7)
    for revision in facts.revisions():
        assert {recorded.type for recorded in facts.corpus(revision)} == set(facts.revision_table(revision)["messages"])


@pytest.mark.parametrize("release", ["0.1.0", "0.5.4.16"])
def test_a_release_accepts_its_own_corpus(published: Published, release: str) -> None:
    process = published(release)
    for recorded in facts.corpus(release):
        verdict, answer = process.validate(recorded.type, recorded.payload)
        assert verdict == "ok", (recorded.type, answer)
        if recorded.style == "all":
            assert answer == recorded.payload, recorded.type


def test_a_release_rejects_what_is_wrong(published: Published) -> None:
    process = published("0.5.4.16")
    verdict, reason = process.validate("types.Request", {"temperature": -1})
    assert verdict == "error"
    assert "temperature" in reason
    assert process.validate("heterogeneous_types.KVOffloadSpec", {"no_such_field": []})[0] == "error"


def test_a_process_that_ended_says_why(published: Published) -> None:
    published("0.5.4.16")  # skips where releases cannot run
    with PublishedProcess("0.5.4.16") as process, pytest.raises(RuntimeError, match="NoSuchMessage"):
        process.validate("types.NoSuchMessage", {})


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache of releases, with this interpreter taken for theirs."""
    monkeypatch.setattr(facts, "CACHE", tmp_path)
    monkeypatch.setattr(facts, "INTERPRETER", sys.version_info[:2])
    facts._outcome.cache_clear()
    yield tmp_path
    facts._outcome.cache_clear()


def test_a_failed_installation_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    def fails(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr="ERROR: nobody there")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(Unavailable, match="nobody there") as raised:
        facts.published_release("0.5.4.16")
    assert not raised.value.excused
    assert list(own_cache.iterdir()) == []


def test_of_two_installations_at_once_one_stays(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    home = own_cache / "0.5.4.16"

    def installs_while_another_finishes(release: str, folder: Path) -> None:
        for place in (folder, home):
            place.mkdir(exist_ok=True)
            (place / "installed").touch()

    monkeypatch.setattr(facts, "_install", installs_while_another_finishes)
    assert facts.published_release("0.5.4.16") == home
    assert list(own_cache.iterdir()) == [home]


def test_another_interpreter_is_an_excuse(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    monkeypatch.setattr(facts, "INTERPRETER", (2, 7))
    with pytest.raises(Unavailable, match=r"CPython 3\.11 alone") as raised:
        facts.published_release("0.5.4.16")
    assert raised.value.excused
    assert list(own_cache.iterdir()) == []
