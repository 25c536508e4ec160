"""Which codec an ``Accept`` header asks for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec, Format
from sagellm_protocol.codecs.negotiation import MAX_LENGTH, MAX_RANGES
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.model.exceptions import OptionError, ProtocolError, UnknownCodecError, UnsupportedRevisionError
from stopwatch import takes_at_most
from toys import Declare, declare  # noqa: F401 - the fixture

JSON, MSGPACK = codecs.get("json"), codecs.get("msgpack")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("  ", JSON),
        (",", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/msgpack", MSGPACK),
        ("application/msgpack, application/json", MSGPACK),
        ("application/json, application/msgpack", JSON),
        ("application/msgpack;q=0.5, application/json;q=0.4", MSGPACK),
        ("application/msgpack;q=0.4, application/json;q=0.5", JSON),
        ("application/msgpack;q=0.001, application/json;q=0", MSGPACK),
        ("application/msgpack ; q=0.5 , application/json ; q=0.6", JSON),
        ("application/msgpack;Q=0.5, application/json;q=0.6", JSON),
        ("text/html, application/json;q=0.1", JSON),
        ("text/html;q=1.000, application/msgpack;q=1.", MSGPACK),
        # The closest range decides on a type, wherever it stands.
        ("*/*, application/json;q=0", MSGPACK),
        ("application/json;q=0, */*", MSGPACK),
        ("*/*;q=0.1, application/msgpack;q=0.2", MSGPACK),
        ("application/*;q=0.9, application/json;q=0.1", MSGPACK),
        ("*/*;q=0, application/msgpack", MSGPACK),
        ("application/*;q=0, application/json;q=0.1", JSON),
        ("*/*;q=1, application/*;q=0, application/msgpack;q=0.1", MSGPACK),
        # Quoted parameters, and commas in them.
        ('application/json;revision="0.6.0"', JSON),
        ('application/json;revision="latest";q=0.1', JSON),
        ('text/plain;title="a, b;q=1 \\" c", application/msgpack', MSGPACK),
        ("application/json;", JSON),
        ("application/json;;q=0.5", JSON),
        (",,application/json,,", JSON),
        ('application/json;q="0.5", application/msgpack;q=0.4', JSON),
        ("\tapplication/json\t;\tq=0.1\t,\tapplication/msgpack\t", MSGPACK),
        ('application/json;revision="0\\.6.\\0"', JSON),
        # Parameters that a type does not have: it is another type.
        ("application/json;profile=x, application/msgpack;q=0.1", MSGPACK),
    ],
)
def test_negotiating(accept: str, expected: Codec[Any]) -> None:
    assert codecs.negotiate(accept) is expected


@pytest.mark.parametrize(
    ("accept", "name", "revision"),
    [
        ("application/msgpack;revision=0.4.0.8, application/json;q=0.5", "msgpack", "0.4.0.7"),
        ("application/msgpack;q=0.4;revision=0.4.0.8, application/json;q=0.5", "json", HISTORY.latest),
        ("application/json, application/json;revision=0.1.0", "json", HISTORY.latest),
        ("application/json;q=0.5, application/json;revision=0.1.0", "json", "0.1.0"),
        ("*/*;revision=0.4.0.8", "json", "0.4.0.7"),
        ("application/msgpack;revision=9.9, application/json;q=0.5", "json", HISTORY.latest),
        ("application/msgpack;revision=9.9, application/msgpack;revision=0.4.0.8;q=0.1", "msgpack", "0.4.0.7"),
        ("application/json;q=0, application/json;revision=0.4.0.8", "json", "0.4.0.7"),
        ("application/json;Revision=0.4.0.8", "json", "0.4.0.7"),
        # Releases of one revision are one revision.
        ("application/json;revision=0.4.0.8;q=0.5, application/json;revision=0.4.0.7;q=0", "json", "0.4.0.7"),
        # What is refused is not given: neither today's revision, nor one by way of a wider range.
        ("application/json, application/json;revision=0.6.0;q=0", "json", "0.5.4.16"),
        ("application/json, application/json;revision=latest;q=0.5", "json", "0.5.4.16"),
        ("*/*;revision=0.4.0.8, application/json;q=0", "msgpack", "0.4.0.7"),
        ("*/*;revision=0.4.0.8;q=0, application/json", "json", HISTORY.latest),
        ("application/msgpack;q=0.1, */*;revision=0.4.0.8;q=0.9, application/json;q=0.2", "json", HISTORY.latest),
    ],
)
def test_negotiating_a_revision(accept: str, name: str, revision: str) -> None:
    codec = codecs.negotiate(accept)
    assert (codec.name, codec.revision) == (name, revision)


@pytest.mark.parametrize(
    "accept",
    [
        *("text/html", "*/*;q=0", "application/json;q=0, application/msgpack;q=0", "application/json;q=0.0"),
        "application/json;revision=0.4.0.8;q=0, application/json;revision=0.4.0.7;q=0.5",
        *("application/*;q=0", "text/*", "application/json;profile=x", "*/*;q=0, text/html"),
    ],
)
def test_nothing_matches(accept: str) -> None:
    with pytest.raises(UnknownCodecError, match="no codec matches") as raised:
        codecs.negotiate(accept)
    assert "application/json, application/msgpack" in str(raised.value)


@pytest.mark.parametrize(
    "accept",
    [
        *("json", "application/", "/json", "application json", "application/json text/html", "application/json;q=2"),
        *("application/json;q=-1", "application/json;q=x", "application/json;q=0.1234", "application/json;q=1.1"),
        *(
            'application/json;a="b',
            "application/json;=b",
            "application/json;q",
            "a/b/c",
            "*/json;q=0.5, é/x",
            "a/b;c d",
        ),
        *("application/json;q=\u0660", "*", "application/json;q=", "*/json", "*/json;q=0", "application/json;a = b"),
        *("application/json;a= b", "application/json;a =b", "application/json;q=1;q=1", "application/json;a=1;A=2"),
        *("application/json\r\n", "application/json;\n", "\u00a0*/*", 'a/b;c="\u0100"', 'a/b;c="\\\u0100"'),
        'a/b;c="\n"',
        *("application /json", "application/ json", 'application/json;a="b"c', "application/json;q=0,5", "\udc80/x"),
    ],
)
def test_malformed_headers(accept: str) -> None:
    with pytest.raises(UnknownCodecError, match="malformed Accept header"):
        codecs.negotiate(accept)


def test_only_an_unknown_revision_matches() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '9\.9'"):
        codecs.negotiate("application/msgpack;revision=9.9, text/html")


@pytest.mark.parametrize(
    ("accept", "at", "reason"),
    [
        ("json", 0, "expected a media range, found 'json', in 'json'"),
        ("a/b, */json", 5, "expected */*, or a type before the slash, found '*/json'"),
        ("a/b;q=2", 6, "expected a weight of 0 to 1, with three decimals at most, found '2'"),
        ("a/b;c=1 ; C=2", 10, "expected c once, found 'C=2'"),
        ("a/b;c=d e", 8, "expected a parameter, a comma or the end, found 'e'"),
        ('a/b;c="d', 4, "found 'c=\"d'"),
        ("a/b, c/", 5, "found 'c/'"),
    ],
)
def test_where_a_header_is_malformed(accept: str, at: int, reason: str) -> None:
    with pytest.raises(UnknownCodecError, match=re.escape(f"malformed Accept header at character {at}: ")) as raised:
        codecs.negotiate(accept)
    assert reason in str(raised.value)


@pytest.mark.parametrize("accept", [None, b"*/*", 5, ["*/*"]])
def test_what_is_no_header(accept: Any) -> None:
    with pytest.raises(OptionError, match="accept must be text, got"):
        codecs.negotiate(accept)


def test_headers_that_are_too_long() -> None:
    assert codecs.negotiate("application/json" + " " * (MAX_LENGTH - len("application/json"))) is JSON
    assert codecs.negotiate(", ".join(["a/b"] * (MAX_RANGES - 1) + ["*/*"])) is JSON
    with pytest.raises(UnknownCodecError, match="has 8193 characters, more than 8192"):
        codecs.negotiate("*/*" + " " * (MAX_LENGTH - 2))
    with pytest.raises(UnknownCodecError, match="lists more than 256 media ranges"):
        codecs.negotiate(", ".join(["a/b"] * MAX_RANGES + ["*/*"]))


@pytest.mark.parametrize("accept", ["text/" + "x" * 8_000, "(" * 8_000, "x" * 10**6, "a/b;" + "\U0001f600" * 8_000])
def test_a_long_header_is_cut_short_in_words(accept: str) -> None:
    with pytest.raises(UnknownCodecError) as raised:
        codecs.negotiate(accept)
    assert len(str(raised.value)) < 500


# Options


def test_negotiating_takes_the_options_of_get() -> None:
    options = {"lossy": True, "unknown": "ignore", "max_bytes": 9, "omit_defaults": True, "fill": {"engine_id": "e"}}
    chosen = codecs.negotiate("application/msgpack;revision=0.1.0", **options)
    assert chosen is codecs.get("msgpack", revision="0.1.0", **options)
    assert codecs.negotiate("application/json", **options) is codecs.get("json", **options)
    with pytest.raises(OptionError, match="lossy"):
        codecs.negotiate("*/*", lossy=1)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedRevisionError):
        codecs.negotiate("*/*", revision="9.9")


def test_a_revision_for_those_who_ask_for_none() -> None:
    old = codecs.get("json", revision="0.4.0.8")
    assert codecs.negotiate("application/json", revision="0.4.0.8") is old
    assert codecs.negotiate("", revision="0.4.0.8") is old
    assert codecs.negotiate("*/*;revision=latest", revision="0.4.0.8") is JSON
    accept = "application/json, application/json;revision=0.4.0.7;q=0"
    assert codecs.negotiate(accept, revision="0.4.0.8") is JSON


def test_negotiating_over_another_history(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(
        """
        @message
        class Ping:
            number: int
            note: str | None = None
        """
    )
    own = History([revision("2.0", added("toy.Ping", "note")), revision("1.0")], catalog)
    codec = codecs.negotiate("application/json;revision=1.0", history=own)
    assert codec is codecs.get("json", revision="1.0", history=own)
    assert codec.encode(catalog.get("Ping")(number=1)) == b'{"number":1}'
    assert codecs.negotiate("application/json", history=own).revision == "2.0"
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '0\.4\.0\.8'"):
        codecs.negotiate("application/json;revision=0.4.0.8", history=own)


def test_a_codec_that_cannot_be_made_is_passed_over() -> None:
    def make() -> Format:
        raise LookupError("no table")

    codecs.register("unmade", make, media_type="application/x-unmade")
    try:
        assert codecs.negotiate("application/x-unmade, application/msgpack;q=0.1") is MSGPACK
        with pytest.raises(
            UnknownCodecError, match=r"no codec matches .*; the codec 'unmade' cannot be made: LookupErr"
        ):
            codecs.negotiate("application/x-unmade, application/x-unmade;revision=0.4.0.8;q=0.5")
    finally:
        codecs.unregister("unmade")


def test_every_revision_has_a_range_of_its_own() -> None:
    ranges = [f"application/json;revision={spoken};q=0" for spoken in HISTORY.revisions]
    with pytest.raises(UnknownCodecError, match="no codec matches"):
        codecs.negotiate(", ".join(["application/json", *ranges]))
    assert codecs.negotiate(", ".join(["application/json", *ranges[1:]])).revision == HISTORY.revisions[0]


# What RFC 9110 says, read slowly

MEDIA_TYPES = {"json": "application/json", "msgpack": "application/msgpack"}


class Asked:
    """A media range, as it is meant, and as it may be written."""

    def __init__(self, kind: str, parameters: Mapping[str, str], thousandths: int | None) -> None:
        self.kind = kind
        self.parameters = parameters
        self.weight = 1000 if thousandths is None else thousandths
        self.given = thousandths is not None

    def level(self, name: str, revision: str) -> int | None:
        """How specific it is about what a codec writes at a revision; None where that is not in the range."""
        wanted = self.parameters.get("revision")
        if wanted is not None and HISTORY.releases.get(wanted.replace("latest", HISTORY.latest)) != revision:
            return None
        if "profile" in self.parameters:
            return None
        levels = ["*/*", "application/*", MEDIA_TYPES[name]]
        if self.kind not in levels:
            return None
        return 2 * levels.index(self.kind) + (wanted is not None)


@st.composite
def written(draw: Callable[[st.SearchStrategy[Any]], Any], asked: Asked) -> str:
    """One of the ways to write a media range."""

    def anyhow(text: str) -> str:
        return "".join(draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in text)

    def quoted(text: str) -> str:
        if not draw(st.booleans()):
            return text
        return '"' + "".join(draw(st.sampled_from([letter, "\\" + letter])) for letter in text) + '"'

    space = st.sampled_from(["", "", " ", "\t", " \t "])
    parameters = [f"{anyhow(name)}={quoted(value)}" for name, value in asked.parameters.items()]
    if asked.given:
        weight = f"{asked.weight / 1000:.3f}"
        shorter = weight.rstrip("0")
        forms = [weight, shorter, shorter.rstrip(".")]
        parameters.append(f"{anyhow('q')}={quoted(draw(st.sampled_from(forms)))}")
    parameters += [""] * draw(st.integers(0, 1))
    text = anyhow(asked.kind)
    for parameter in draw(st.permutations(parameters)):
        text += f"{draw(space)};{draw(space)}{parameter}"
    return f"{draw(space)}{text}{draw(space)}"


KINDS = st.sampled_from(["*/*", "application/*", "application/json", "application/msgpack", "text/plain", "text/*"])
RELEASES = st.sampled_from(["0.4.0.8", "0.4.0.7", "0.1.0", "0.5.4.16", "0.6.0", "latest", "9.9"])
PARAMETERS = st.one_of(
    st.just({}),
    st.builds(lambda release: {"revision": release}, RELEASES),
    st.builds(lambda release: {"profile": "x", "revision": release}, RELEASES),
)
WEIGHTS = st.one_of(st.none(), st.sampled_from([0, 1, 500, 999, 1000]))
RANGES = st.lists(st.builds(Asked, KINDS, PARAMETERS, WEIGHTS), max_size=6)


def expected(ranges: list[Asked]) -> tuple[str, str] | None:
    """The codec and the revision that a header asks for."""
    ranges = ranges or [Asked("*/*", {}, None)]
    best, best_rank = None, None
    for name in MEDIA_TYPES:
        for spoken in reversed(HISTORY.revisions):
            levels = [asked.level(name, spoken) for asked in ranges]
            highest = max((level for level in levels if level is not None), default=None)
            if highest is None:
                continue
            place = levels.index(highest)
            rank = (ranges[place].weight, -place)
            if ranges[place].weight and (best_rank is None or rank > best_rank):
                best, best_rank = (name, spoken), rank
    return best


@settings(max_examples=100)
@given(st.data(), RANGES)
def test_headers_mean_what_the_rfc_says(data: st.DataObject, ranges: list[Asked]) -> None:
    texts = [data.draw(written(asked)) for asked in ranges]
    for _ in range(data.draw(st.integers(0, 2))):
        texts.insert(data.draw(st.integers(0, len(texts))), data.draw(st.sampled_from(["", " ", "\t"])))
    accept = ",".join(texts)
    wanted = expected(ranges)
    if wanted is not None:
        codec = codecs.negotiate(accept)
        assert (codec.name, codec.revision) == wanted
        return
    strange = [asked for asked in ranges if asked.parameters == {"revision": "9.9"} and asked.kind[0] in "*a"]
    with pytest.raises(UnsupportedRevisionError if any(asked.weight for asked in strange) else UnknownCodecError):
        codecs.negotiate(accept)


# Hostile headers

PIECES = st.sampled_from(
    ["a", "/", "*", ";", ",", "=", "q", '"', "\\", " ", "\t", "0", "1", ".", "revision", "application/json", "\n", "é"]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join))


@settings(max_examples=300)
@given(TEXTS)
def test_no_text_raises_anything_of_another_kind(accept: str) -> None:
    with contextlib.suppress(ProtocolError):
        assert isinstance(codecs.negotiate(accept), Codec)


@settings(max_examples=60)
@given(TEXTS, TEXTS.filter(bool), TEXTS)
@example("a/b", " ", "(")
@example("a/b", ";", "(")
@example("a/b", "; ", "(")
@example('a/b;c="', "\\", "")
@example('a/b;c="', "\\a", "")
@example("", "a", "")
@example("", ",", "(")
@example("", "*/*;revision=0.1.0,", "")
@example("", "a/b,", "")
@example("a/b", ";a=b", "(")
def test_headers_take_time_by_their_length(head: str, body: str, tail: str) -> None:
    accept = head + body * ((MAX_LENGTH - len(head) - len(tail)) // len(body)) + tail
    with takes_at_most(0.5):
        with contextlib.suppress(ProtocolError):
            codecs.negotiate(accept)
        with contextlib.suppress(ProtocolError):
            codecs.negotiate(accept * 100)


def test_many_revisions_of_many_codecs_take_no_time() -> None:
    releases = list(HISTORY.releases)
    accept = ",".join(f"*/*;revision={releases[at % len(releases)]};q=0" for at in range(MAX_RANGES))
    with takes_at_most(0.5), pytest.raises(UnknownCodecError, match="no codec matches"):
        codecs.negotiate(accept)
