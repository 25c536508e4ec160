"""The table of what is measured: works, competitors, and a statement for each of them and each message."""

from __future__ import annotations

from functools import cache

from benchmarks import kv, messages, streaming
from benchmarks.case import Case
from benchmarks.equals import AttrsTwins, StructTwins
from benchmarks.release import published_classes
from benchmarks.statements import of_cattrs, of_ours, of_published, of_raw, of_struct
from published import Unavailable
from sagellm_protocol import codecs

COMPETITORS = {
    "published": "the published 0.5.4.16",
    "core": "core codecs",
    "msgspec": "msgspec codecs",
    "cattrs": "cattrs, orjson, attrs validators",
    "struct": "msgspec.Struct",
    "raw": "raw parser",
}

WORKS = {
    "build": "a message from keyword arguments: lists, dicts, enum members, nested messages already built",
    "change a field": "a message with another value in its first field: `evolve()`; the release (`model_copy()`) and "
    "Structs (`replace()`) check nothing",
    "encode JSON": "a message to bytes; the release: `model_dump_json()`",
    "decode JSON": "bytes to a checked message; the release: `model_validate_json()`",
    "decode the same JSON": "as before, the same bytes each time; that suits parsers which keep texts they have seen",
    "encode MessagePack": 'a message to bytes; the release: `msgpack.packb(model_dump(mode="json"))`',
    "decode MessagePack": "bytes to a checked message; the release: `model_validate(msgpack.unpackb())`",
    "encode dict": "a message to a dict; the release: `model_dump()`",
    "decode dict": "a dict to a checked message; the release: `model_validate()`",
    "decode at 0.4.0.8": "JSON as that release wrote it to a checked message of today",
    "decode at 0.1.0": "JSON as that release wrote it to a checked message of today",
    "decode a list": "JSON of ten messages to a list of checked ones",
    "decode an envelope": "a self-describing JSON record to a checked message",
    "decode an envelope of 0.4.0.8": "such a record as that release would have written it, by the codec of today",
    "upgrade from 0.1.0": "a dict as that release wrote it to a dict of today, unchecked",
    "hash": "`hash()` of a message; the release has none",
    "equality": "`==` of two equal messages, decoded apart",
    **streaming.WORKS,
    **kv.WORKS,
}


@cache
def table() -> tuple[list[Case], dict[str, str]]:
    """Every case, those of one message and work next to each other; and why competitors are missing, by their key."""
    payloads, missing = messages(), {}
    try:
        published = published_classes([*payloads, *streaming.NESTED])
    except Unavailable as reason:
        published, missing["published"] = {}, str(reason)
    if "msgspec-json" not in codecs.names():
        missing["msgspec"] = "this build has no msgspec codecs"
    twins, structs, with_msgspec = AttrsTwins(), StructTwins(), "msgspec" not in missing
    found: dict[tuple[str, str], list[Case]] = {}
    for message, payload in payloads.items():
        cases = [*of_published(message, payload, published[message])] if published else []
        cases += of_ours(message, payload, with_msgspec=with_msgspec)
        cases += of_cattrs(message, payload, twins)
        cases += of_struct(message, payload, structs)
        cases += of_raw(message, payload)
        cases += streaming.cases(message, payload, published)
        for case in cases:
            found.setdefault((case.work, case.message), []).append(case)
    order = [(work, message) for work in WORKS for message in payloads]
    return [*(case for key in order for case in found.get(key, ())), *kv.cases()], missing
