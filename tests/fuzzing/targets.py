"""What is fuzzed: for each target how an input is made, and what must hold of it.

A check raises ``Fault`` for what may never happen; any exception that it lets through is a fault as well.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import attrs
import msgpack

from fuzzing.breaking import broken, broken_bytes, broken_text, doubled, strange
from fuzzing.making import free, of_message, some_message
from fuzzing.odd import is_wire, written
from fuzzing.verdicts import CODECS, FORMS, Fault, agree, comes_back, exact_json, finite, verdicts
from losses import said as without
from payloads import Outcome, exactly, outcome
from sagellm_protocol import codecs, history
from sagellm_protocol.archive import Options, UnreadableError, Upgraded, Upgrader, Writing, upgrade_stream
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import EncodeError, LossyDowngradeError, ProtocolError
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.types import StreamEvent

Input = dict[str, Any]
"""The parts of an input by name; what is broken of it is under ``payload``, ``data`` or ``text``."""


@attrs.frozen
class Target:
    """Something that is fuzzed."""

    name: str
    make: Callable[[Random], Input]
    check: Callable[[Input], None]


# Decoders

_EVENTS = ("types.StreamEventStart", "types.StreamEventDelta", "types.StreamEventEnd")
_UNKNOWN = (None, None, "forbid", "ignore")


def kind_of(given: Input) -> Any:
    """What is asked for: a message, a list or a table of one, the union of stream events."""
    cls: Any = (
        StreamEvent if given["message"] in _EVENTS and given["as"] != "message" else CATALOG.get(given["message"])
    )
    if given["as"] == "list":
        return list[cls]
    return dict[str, cls] if given["as"] == "table" else cls


def options_of(given: Input) -> dict[str, Any]:
    return {"revision": given["revision"], "unknown": given["unknown"], "fill": {"engine_id": "e"}}


def make_decoding(rng: Random, *, wire: bool = True) -> Input:
    message, revision = some_message(rng)
    form = rng.choice(("message", "message", "message", "union", "list", "table"))
    made: Any = of_message(rng, message, revision)
    if form == "list":
        made = [made, *(of_message(rng, message, revision) for _ in range(rng.randrange(3)))]
    elif form == "table":
        made = {"a": made, "": of_message(rng, message, revision)}
    if rng.random() < 0.85:
        made = broken(rng, made, wire=wire)
    unknown = rng.choice(_UNKNOWN) if revision == history.latest else None
    return {"message": message, "as": form, "revision": revision, "unknown": unknown, "payload": made}


def check_decoding(given: Input) -> None:
    cls, options = kind_of(given), options_of(given)
    before = outside(given["payload"])
    said = agree("decode", verdicts(given["payload"], cls, options))
    if outside(given["payload"]) != before:
        raise Fault("the dict codec changes what it is given")
    others: dict[str, Outcome] = {"dict": said}
    if given["revision"] == history.latest:
        others["from_plain"] = outcome(lambda: from_plain(cls, given["payload"], unknown=given["unknown"]))
    if said[0] == "taken":
        agree("decode", others)
        comes_back(codecs.get("dict", **options).decode(given["payload"], cls), cls, options | {"lossy": True})
    elif others.get("from_plain", ("",))[0] == "taken" and said[0] != "DecodeError":
        agree("decode", others)


def outside(value: Any) -> str:
    """The value as text, so that a change can be seen."""
    with suppress(RecursionError, TypeError):
        return json.dumps(written(value))
    return ""


def make_bytes(rng: Random, format: str) -> Input:
    given = make_decoding(rng)
    if rng.random() < 0.6:
        given["payload"] = of_message(rng, given["message"], given["revision"])
        given["as"] = "message" if given["as"] != "union" else "union"
    made = given.pop("payload")
    try:
        if format == "json":
            space = rng.choice(((",", ":"), (", ", ": ")))
            data = json.dumps(made, separators=space, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
        else:
            data = msgpack.packb(made, use_single_float=rng.random() < 0.1)
    except (ValueError, OverflowError):
        data = b"{}"
    if format == "json" and rng.random() < 0.15:
        data = doubled(rng, data)
    return {**given, "data": broken_bytes(rng, data) if rng.random() < 0.8 else data}


def _said(names: Sequence[str], given: Input, data: Any) -> dict[str, Outcome]:
    """What some codecs say to some data."""
    cls, options = kind_of(given), options_of(given)
    found = {}
    for name in names:
        codec = codecs.get(name, **options)
        found[name] = outcome(lambda: codec.decode(data, cls))  # noqa: B023 - called at once
    return found


def check_json(given: Input) -> None:
    data, names = given["data"], ("json", "msgspec-json")
    said = agree("bytes", _said(names, given, data))
    for form in (bytearray, memoryview):
        for name, again in _said(names, given, form(data)).items():
            agree("bytes", {"bytes": said, f"{form.__name__} for {name}": again})
    try:
        parsed = exact_json(data)
    except (ValueError, KeyError, RecursionError):
        return
    if said[0] != "DecodeError" and is_wire(parsed) and finite(parsed):
        agree("parsed", {"json": said, **_said(("dict",), given, parsed)})


def check_msgpack(given: Input) -> None:
    data = given["data"]
    said = agree("bytes", _said(("msgpack", "msgspec-msgpack"), given, data))
    try:
        parsed = msgpack.unpackb(data, strict_map_key=False, timestamp=0)
    except Exception:
        if said[0] != "DecodeError":
            raise Fault("msgpack takes what its parser refuses", said) from None
        return
    if said[0] != "DecodeError" and is_wire(parsed):
        agree("parsed", {"msgpack": said, **_said(("dict",), given, parsed)})


def make_python(rng: Random) -> Input:
    return make_decoding(rng, wire=False)


def make_envelope(rng: Random) -> Input:
    message, revision = some_message(rng)
    made: Any = {"protocol": revision, "message": message, "payload": of_message(rng, message, revision)}
    return {"unknown": rng.choice(_UNKNOWN), "payload": broken(rng, made) if rng.random() < 0.8 else made}


def check_envelope(given: Input) -> None:
    found: dict[str, Outcome] = {}
    for name in CODECS:
        data = FORMS[name](given["payload"])
        if data is not None and is_wire(given["payload"]):
            codec = codecs.get(name, unknown=given["unknown"])
            found[name] = outcome(lambda: codec.decode_envelope(data))  # noqa: B023 - called at once
    if not found or agree("envelope", found)[0] != "taken":
        return
    message = codecs.get("dict", unknown=given["unknown"]).decode_envelope(given["payload"])
    for name in CODECS:
        with suppress(EncodeError):
            if codecs.get(name).decode_envelope(codecs.get(name).encode_envelope(message)) != message:
                raise Fault(f"{name} does not give back the envelope that it wrote")


# Building and writing


def make_arguments(rng: Random) -> Input:
    message = rng.choice(list(CATALOG.messages))
    made = of_message(rng, message, history.latest)
    if rng.random() < 0.5:
        with suppress(ProtocolError):
            read = from_plain(CATALOG.get(message), made)
            made = {name: getattr(read, name) for name in made if hasattr(read, name)}
    wild = broken(rng, {name: value for name, value in made.items() if is_wire(value)}, wire=False)
    return {"message": message, "payload": {**made, **wild} if type(wild) is dict else made}


def check_arguments(given: Input) -> None:
    cls = CATALOG.get(given["message"])
    arguments = {name: value for name, value in given["payload"].items() if name in _names(cls)}
    try:
        message = cls(**arguments)
    except ProtocolError as error:
        _tell(error)
        return
    repr(message)
    if copy.deepcopy(message) != message or pickle.loads(pickle.dumps(message)) != message or hash(message) == 0.5:
        raise Fault("a copy differs from the message")
    comes_back(message, cls, {})


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in spec_of(cls).fields)


def _tell(error: ProtocolError) -> None:
    """All the texts of an error."""
    if len(str(error)) > 500_000:
        raise Fault("an error of half a million characters") from error
    repr(error), one_line(error), error.to_error()
    if str(pickle.loads(pickle.dumps(error))) != str(error):
        raise Fault("an error that is pickled says something else") from error


def make_writing(rng: Random) -> Input:
    made: Any = of_message(rng, *some_message(rng)) if rng.random() < 0.5 else free(rng)
    made = broken(rng, rng.choice((made, [made], {"k": made})), times=3, wire=False)
    return {
        "revision": rng.choice(history.revisions),
        "payload": made if rng.random() < 0.7 else strange(rng, wire=False),
    }


def check_writing(given: Input) -> None:
    """What is no message."""
    found: dict[str, Outcome] = {}
    for name in CODECS:
        codec = codecs.get(name, revision=given["revision"])
        try:
            codec.encode(given["payload"])
        except ProtocolError as error:
            _tell(error)
            found[name] = "refused", ""
        else:
            found[name] = "taken", ""
    agree("encode", found)


# History


def make_payload(rng: Random) -> Input:
    """A payload of a revision, and whether to say of which message."""
    message, revision = some_message(rng)
    made: Any = of_message(rng, message, revision)
    if rng.random() < 0.7:
        made = broken(rng, made, wire=rng.random() < 0.8)
    return {"message": message, "revision": revision, "payload": made}


def taken_then(given: Input) -> bool:
    """Whether the payload is a message of its revision, with nothing unknown."""
    codec = codecs.get("dict", revision=given["revision"], unknown="forbid", fill={"engine_id": "e"})
    try:
        codec.decode(given["payload"], CATALOG.get(given["message"]))
    except ProtocolError:
        return False
    return True


def check_detect(given: Input) -> None:
    right = taken_then(given)
    order = history.revisions.index
    for message in (None, given["message"]):
        found = history.detect(given["payload"], message)
        if right and not any(
            candidate.message == given["message"]
            and order(candidate.first) <= order(given["revision"]) <= order(candidate.last)
            for candidate in found
        ):
            raise Fault("detect does not find where a payload is from", (given["message"], given["revision"], found))
    history.detect_all([given["payload"]] * 2)


def check_identify(given: Input) -> None:
    right = taken_then(given)
    for message in (None, given["message"]):
        for among in (None, [given["revision"]]):
            try:
                found = history.identify(given["payload"], message, among=among, fill={"engine_id": "e"})
            except ProtocolError as error:
                _tell(error)
                if right and type(error).__name__ == "UnknownPayloadError":
                    raise Fault("identify knows nothing of a right payload", str(error)) from error
                if right and message is not None and among is not None:
                    raise Fault("identify refuses a payload of which all is told", str(error)) from error
                continue
            if among is not None and found.since not in among:
                raise Fault("identify answers with a revision that was not in question", found)
            history.upgrade(given["payload"], found.message, since=found.since)


def check_upgrade(given: Input) -> None:
    before = outside(given["payload"])
    right = taken_then(given)
    try:
        today = history.upgrade(given["payload"], given["message"], since=given["revision"], fill={"engine_id": "e"})
    except ProtocolError as error:
        _tell(error)
        if right:
            raise Fault("upgrade refuses what the codec of then takes", str(error)) from error
        return
    finally:
        if outside(given["payload"]) != before:
            raise Fault("upgrade changes what it is given")
    cls = CATALOG.get(given["message"])
    if right:
        then = codecs.get("dict", revision=given["revision"], fill={"engine_id": "e"})
        agree(
            "upgrade",
            {
                "the codec of then": outcome(lambda: then.decode(given["payload"], cls)),
                "upgrade": outcome(lambda: from_plain(cls, today)),
            },
        )


def make_downgrade(rng: Random) -> Input:
    message, revision = some_message(rng)
    made: Any = of_message(rng, message, history.latest)
    return {"message": message, "revision": revision, "payload": broken(rng, made) if rng.random() < 0.5 else made}


def check_downgrade(given: Input) -> None:
    payload, cls, to = given["payload"], CATALOG.get(given["message"]), given["revision"]
    before = outside(payload)
    codec = codecs.get("dict", revision=to, unknown="forbid")
    right = outcome(lambda: from_plain(cls, payload, unknown="forbid"))[0] == "taken"
    for lossy in (False, True):
        try:
            then = history.downgrade(payload, cls, to=to, lossy=lossy)
        except ProtocolError as error:
            _tell(error)
            if right and not isinstance(error, LossyDowngradeError):
                raise Fault("downgrade refuses a right payload", str(error)) from error
            continue
        if outside(payload) != before:
            raise Fault("downgrade changes what it is given")
        if right:
            said = outcome(lambda: codec.decode(then, cls))  # noqa: B023 - called at once
            if said[0] != "taken":
                raise Fault(f"downgrade{', lossy,' if lossy else ''} makes what the codec of then refuses", said)
            dropped = {loss.path for loss in history.losses(payload, cls, to=to)}
            if not lossy and said[1] != exactly(from_plain(cls, without(given["message"], payload, dropped))):
                raise Fault("down and up again is another message", f"\n  {payload}\n  {then}\n  {said[1]}")


# Archives


def make_records(rng: Random) -> Input:
    lines = []
    for _ in range(rng.randint(1, 6)):
        given = make_payload(rng)
        record = given["payload"]
        if rng.random() < 0.15:
            record = {"protocol": given["revision"], "message": given["message"], "payload": record}
        with suppress(ValueError, TypeError, RecursionError, RuntimeError):
            line = json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass")
            lines.append(broken_bytes(rng, line) if rng.random() < 0.3 else line)
        if rng.random() < 0.1:
            lines.append(rng.choice((b"", b" ", b"null", b"[]", b"\xff\xfe", b"\xef\xbb\xbf{}", b"\x00")))
    told = some_message(rng)
    return {
        "message": told[0] if rng.random() < 0.2 else None,
        "since": rng.choice((None, None, told[1], "auto")),
        "envelope": rng.random() < 0.3,
        "data": rng.choice((b"\n", b"\r\n")).join(lines) + rng.choice((b"", b"\n")),
    }


def check_records(given: Input) -> None:
    try:
        since = None if given["since"] == "auto" else given["since"]
        among = history.revisions[:3] if given["since"] == "auto" else None
        upgrader = Upgrader(Options(given["message"], since, {"engine_id": "e"}, given["envelope"]), among=among)
    except ProtocolError:
        return
    target, aside = io.BytesIO(), io.BytesIO()
    try:
        told = upgrade_stream(
            io.BytesIO(given["data"]), target, aside, attrs.evolve(upgrader.options, since=since), writing=_LINES
        )
    except UnreadableError:
        return
    wrote, set_aside = (stream.getvalue().count(b"\n") for stream in (target, aside))
    if (told.counts.records, told.counts.rejected) != (wrote + set_aside, set_aside):
        raise Fault("an archive loses records, or makes some up", (told.counts, wrote, set_aside))
    for line in given["data"].split(b"\n"):
        with suppress(ProtocolError):
            if line.strip():
                _look_at_record(upgrader.upgrade(line), line, given["envelope"])


_LINES = Writing("jsonl", "none")


def _look_at_record(upgraded: Upgraded, line: bytes, envelope: bool) -> None:
    """What is written must be readable today."""
    wrote = line.strip() if upgraded.record is None else upgraded.record
    if envelope:
        codec = codecs.get("json", unknown="ignore")
        said = outcome(lambda: codec.decode_envelope(wrote))
    else:
        cls = CATALOG.get(upgraded.message)
        said = outcome(lambda: from_plain(cls, json.loads(wrote), unknown="ignore"))
    if said[0] != "taken":
        raise Fault(f"an archive writes a record that is {said[0]}", f"{said[1]}\n  {wrote[:300]!r}")


# Accept

_HEADERS = ("application/json", "application/msgpack;revision=0.4.0.8, application/json;q=0.5", "*/*;q=0.1", "", "a/b")
_PIECES = (
    *(";", ",", "=", '"', "\\", "/", "*", "q=0", "q=1.0001", ";q=0.5", "revision=", "0.4.0.8", " ", "\t", "\x00", "é"),
    *(
        ";revision=latest",
        'a="b\\"c"',
        "application",
        "application/json",
        "application/*",
        ";q=nan",
        ";q=-1",
        ";;",
        '=""',
    ),
)


def make_header(rng: Random) -> Input:
    return {"text": broken_text(rng, rng.choice(_HEADERS), _PIECES)}


def check_header(given: Input) -> None:
    try:
        found = codecs.negotiate(given["text"])
    except ProtocolError as error:
        _tell(error)
        return
    if codecs.negotiate(given["text"]) is not found:
        raise Fault("negotiation answers otherwise the second time")


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("decode", make_decoding, check_decoding),
        Target("decode-json", lambda rng: make_bytes(rng, "json"), check_json),
        Target("decode-msgpack", lambda rng: make_bytes(rng, "msgpack"), check_msgpack),
        Target("decode-python", make_python, check_decoding),
        Target("envelope", make_envelope, check_envelope),
        Target("construct", make_arguments, check_arguments),
        Target("encode", make_writing, check_writing),
        Target("detect", make_payload, check_detect),
        Target("identify", make_payload, check_identify),
        Target("upgrade", make_payload, check_upgrade),
        Target("downgrade", make_downgrade, check_downgrade),
        Target("archive", make_records, check_records),
        Target("accept", make_header, check_header),
    )
}
