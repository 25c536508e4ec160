"""What messages keep that they do not know, on its way through the revisions."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol import codecs
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    HistoryError,
    added,
    keeps_unknown,
    removed,
    renamed,
    rescaled,
    revision,
)
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.model.exceptions import LossyDowngradeError, ValidationError
from sagellm_protocol.schema import json_schema
from sagellm_protocol.schema.lock import check, update
from sagellm_protocol.testing.sample import SAMPLE
from toys import Declare, declare  # noqa: F401 - the fixture

SOURCE = """
@message(unknown="keep")
class Part:
    text: str
    extra: JsonObject = KEPT

@message(unknown="keep")
class Chat:
    model: str
    lasts_s: Annotated[float, Ge(0), Unit("s")] = 0.0
    tools: Sequence[str] | None = None
    parts: Sequence[Part] = ()
    extra: JsonObject = KEPT
"""


def made(declare: Declare, was: Any = "ignore") -> tuple[Any, History]:  # noqa: F811 - the fixture
    catalog = declare(SOURCE)
    history = History(
        [
            revision("4", keeps_unknown("toy.Chat", "toy.Part", was=was), added("toy.Chat", "tools")),
            revision("3", rescaled("toy.Chat", lasts_s="lasts_ms", by=1000)),
            revision("2", removed("toy.Chat", "user", was=str, default=""), renamed("toy.Chat", engine="model")),
            revision("1"),
        ],
        catalog,
    )
    return catalog.get("Chat"), history


def lost(history: History, payload: dict[str, Any], to: str) -> dict[str, str]:
    return {loss.path: loss.reason for loss in history.losses(payload, "Chat", to=to)}


def test_older_tables_say_what_they_said(declare: Declare) -> None:  # noqa: F811 - the fixture
    _, history = made(declare)
    assert [history.spec("Chat", name).unknown for name in "1234"] == ["ignore", "ignore", "ignore", "keep"]
    assert [json_schema("Chat", name, history).get("additionalProperties") for name in "34"] == [None, True]
    assert history.fields("Chat").keys() == {"model", "lasts_s", "tools", "parts"}
    assert [(it.path, it.before, it.after, it.breaks) for it in compare("3", "4", history=history)] == [
        ("toy.Chat", "ignore", "keep", "none"),
        ("toy.Chat.tools", "", "list[str] | None, default null", "none"),
        ("toy.Part", "ignore", "keep", "none"),
    ]
    _, strict = made(declare, "forbid")
    differences = {it.path: it.breaks for it in compare("3", "4", history=strict) if it.kind == "unknown fields"}
    assert differences == {"toy.Chat": "readers", "toy.Part": "readers"}
    assert {it.breaks for it in compare("4", "3", history=strict) if it.kind == "unknown fields"} == {"writers"}
    assert not [it for it in compare("4", "3", unknown="ignore", history=strict) if it.kind == "unknown fields"]


@pytest.mark.parametrize("since", ["1", "2", "3", "4"])
@pytest.mark.parametrize("name", ["dict", "json", "msgpack", "msgspec-json"])
def test_what_an_older_peer_says_is_kept(declare: Declare, since: str, name: str) -> None:  # noqa: F811
    chat, history = made(declare)
    payload = {"engine" if since == "1" else "model": "m", "top_k": [5], "parts": [{"text": "a", "x": {}}]}
    codec = codecs.get(name, revision=since, history=history)
    read = codec.decode(codecs.get(name).format.dumps(payload), chat)
    assert (read.model, read.extra, read.parts[0].extra) == ("m", {"top_k": (5,)}, {"x": {}})
    assert codec.decode(codec.encode(read), chat) == read
    written = codecs.get("dict", revision=since, history=history).encode(read)
    assert (written["top_k"], written["parts"]) == ([5], [{"text": "a", "x": {}}])
    for unknown in ("ignore", "forbid"):
        other = codecs.get(name, revision=since, history=history, unknown=unknown)
        if unknown == "forbid":
            with pytest.raises(ValidationError, match="top_k: must be a known field"):
                other.decode(codecs.get(name).format.dumps(payload), chat)
        else:
            assert other.decode(codecs.get(name).format.dumps(payload), chat).extra == {}


@pytest.mark.parametrize("value", [["a"], 5])
def test_a_stranger_is_not_taken_for_what_came_later(declare: Declare, value: Any) -> None:  # noqa: F811
    chat, history = made(declare)
    for since, name in (("3", "tools"), ("1", "tools"), ("1", "lasts_s"), ("1", "model"), ("2", "lasts_s")):
        old = {"engine" if since == "1" else "model": "m", name: value, "top_k": 1}
        read = codecs.get("dict", revision=since, history=history).decode(old, chat)
        assert (read.model, read.tools, read.lasts_s, read.extra) == ("m", None, 0.0, {"top_k": 1})


def test_names_that_an_older_revision_means_something_by_are_losses(declare: Declare) -> None:  # noqa: F811
    chat, history = made(declare)
    payload = {"model": "m", "lasts_ms": 5, "engine": "e", "user": "u", "other": 1}
    assert lost(history, payload, "3") == {}
    assert lost(history, payload, "2") == {"lasts_ms": "its name is that of what lasts_s was"}
    assert lost(history, payload, "1") == {
        "lasts_ms": "its name is that of what lasts_s was",
        "engine": "its name is what model is called in 1",
        "user": "its name is that of another field in 1, which is gone since",
    }
    kept = chat(model="m", lasts_s=2.0, extra={"lasts_ms": 5, "engine": "e", "user": "u", "other": 1})
    with pytest.raises(LossyDowngradeError, match="lasts_ms"):
        codecs.get("dict", revision="2", history=history).encode(kept)
    for release, expected in (("1", {"engine": "m", "other": 1}), ("3", {"model": "m", "engine": "e", "lasts_ms": 5})):
        written = codecs.get("dict", revision=release, history=history, lossy=True).encode(kept)
        assert written.items() >= expected.items()
    assert codecs.get("dict", revision="1", history=history, lossy=True).encode(kept)["lasts_ms"] == 2000


def test_what_is_kept_is_a_loss_to_those_who_forbid_it(declare: Declare) -> None:  # noqa: F811
    chat, history = made(declare, "forbid")
    kept = chat(model="m", extra={"top_k": 5}, parts=[{"text": "a", "x": 1}])
    plain = codecs.get("dict", history=history).encode(kept)
    assert lost(history, plain, "3") == {
        "top_k": "3 has no field of that name, and keeps none",
        "parts[0].x": "3 has no field of that name, and keeps none",
    }
    with pytest.raises(LossyDowngradeError, match="top_k"):
        codecs.get("json", revision="3", history=history).encode(kept)
    assert codecs.get("dict", revision="3", history=history, lossy=True).encode(kept) == {
        "model": "m",
        "lasts_s": 0.0,
        "parts": [{"text": "a"}],
    }
    with pytest.raises(ValidationError, match="top_k: must be a known field"):
        codecs.get("dict", revision="3", history=history).decode({"model": "m", "top_k": 1}, chat)


def test_a_codec_that_was_taught_names_them_apart_at_older_revisions_too(declare: Declare) -> None:  # noqa: F811
    from cattrs import override

    chat, history = made(declare)
    codec = codecs.get(
        "dict", revision="3", history=history, configure=lambda it: it.override(chat, model=override(rename="m"))
    )
    kept = chat(model="a", extra={"b": 1})
    assert codec.encode(kept) == {"m": "a", "lasts_s": 0.0, "parts": [], "b": 1}
    assert codec.decode({"m": "a", "b": 1}, chat) == kept


def test_the_lock_tells_of_the_step_that_is_missing(declare: Declare) -> None:  # noqa: F811
    before = declare(
        SOURCE.replace(", extra: JsonObject = KEPT", "")
        .replace('unknown="keep"', 'unknown="ignore"')
        .replace("    extra: JsonObject = KEPT\n", "")
    )
    lock = update("", History([revision("1")], before))
    catalog = declare(SOURCE)
    with pytest.raises(Exception, match=r'keeps_unknown\("toy.Chat", was="ignore"\)'):
        check(lock, History([revision("1")], catalog))
    steps = keeps_unknown("toy.Chat", was="ignore"), keeps_unknown("toy.Part", was="ignore")
    check(
        update(lock, History([revision("2", *steps), revision("1")], catalog)),
        History([revision("2", *steps), revision("1")], catalog),
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (keeps_unknown("testing.sample.Leaf", was="ignore"), "testing.sample.Leaf does not keep fields"),
        (keeps_unknown("testing.sample.Nope", was="ignore"), "testing.sample.Nope does not exist"),
        (keeps_unknown("testing.sample.Line", was="keep"), "was 'forbid' or 'ignore', not 'keep'"),  # type: ignore[arg-type]
    ],
)
def test_a_step_that_cannot_have_been(step: Any, said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        History([revision("2", step), revision("1")], SAMPLE).table("1")
