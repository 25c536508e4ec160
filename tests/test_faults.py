"""Whose fault an error is: a peer's, who is told that the request is wrong, or this program's own."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from sagellm_protocol import (
    Error,
    ErrorCode,
    Metrics,
    ProtocolError,
    Request,
    Response,
    StreamEvent,
    archive,
    codecs,
    error_of,
    errors,
    evolve,
    history,
)
from sagellm_protocol.catalog import UnknownMessageError
from sagellm_protocol.history.hooks import HookError
from sagellm_protocol.kv.types import KVHandle
from sagellm_protocol.model import derived, exceptions, from_plain, message
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    DecodeError,
    EncodeError,
    LossyDowngradeError,
    MissingExtraError,
    OptionError,
    UnknownCodecError,
    UnknownPayloadError,
    UnsupportedRevisionError,
    ValidationError,
    missing_extra,
)

CODECS = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
JSON = codecs.get("json")
OLD = codecs.get("json", revision="0.1.0")
METRICS = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
REQUEST: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
RESPONSE: dict[str, Any] = {
    "request_id": "r",
    "trace_id": "t",
    "output_text": "",
    "output_tokens": [],
    "finish_reason": "stop",
}
GOOD = Request(**REQUEST)
CHAT = Request(**REQUEST, messages=[{"role": "user", "content": "x"}])
OLD_DELTA = {"event": "delta", "request_id": "r", "chunk": "x"}


@message
class Twice:
    """A message whose derived field does not allow of every value."""

    ms: float
    metrics: Metrics = derived(lambda self: Metrics(**{**METRICS, "ttft_ms": self.ms}), default=None)


def even(_: object, __: object, value: int) -> None:
    if value % 2:
        raise ValueError(f"{value} is odd")


@message
class Even:
    """A message with a validator."""

    number: int = attrs.field(validator=even)


class Missing:
    """What cannot be imported, since an extra is missing."""

    @staticmethod
    def make() -> Any:
        raise missing_extra("cbor")


@contextmanager
def hooked(function: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    history.hook("StreamEventDelta", since="0.1.0")(function)
    try:
        yield
    finally:
        history.unhook(function)


def with_hook(function: Callable[[dict[str, Any]], Any]) -> None:
    with hooked(function):
        history.upgrade(OLD_DELTA, "StreamEventDelta", since="0.1.0")


def raise_key_error(payload: dict[str, Any]) -> Any:
    raise KeyError("gone")


def read_what_is_wrong(payload: dict[str, Any]) -> Any:
    return from_plain(Metrics, {})


def build_what_is_wrong(payload: dict[str, Any]) -> Any:
    return Metrics(ttft_ms=-1)  # type: ignore[call-arg]


def with_missing_extra() -> None:
    codecs.register("missing", Missing.make)
    try:
        codecs.get("missing")
    finally:
        codecs.unregister("missing")


def record(**changes: Any) -> bytes:
    envelope = {"protocol": "0.5.4.16", "message": "types.Request", "payload": REQUEST, **changes}
    return json.dumps(envelope).encode()


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


LOCAL: list[tuple[type[ProtocolError], str, Callable[[], Any]]] = [
    (ValidationError, "constructing", lambda: Metrics(**{**METRICS, "ttft_ms": -1})),
    (ValidationError, "a field that there is not", lambda: Request(**REQUEST, nope=1)),
    (ValidationError, "a dict within", lambda: Response(**RESPONSE, metrics={**METRICS, "ttft_ms": -1})),
    (ValidationError, "a dict within, too deep", lambda: Response(**RESPONSE, metrics={"timestamps": deep(200)})),
    (
        DecodeError,
        "a dict within, past 64 bits",
        lambda: Response(**RESPONSE, metrics={**METRICS, "peak_mem_mb": 2**64}),
    ),
    (ValidationError, "free JSON", lambda: Request(**REQUEST, metadata={"k": object()})),
    (ValidationError, "evolving", lambda: evolve(GOOD, max_tokens=-1)),
    (ValidationError, "unpickling", lambda: pickle.loads(pickle.dumps(GOOD).replace(b"max_tokens", b"max_tokenz"))),
    (ValidationError, "a derived value", lambda: Twice(ms=-1.0)),
    (ValidationError, "a validator", lambda: Even(number=1)),
    (ValidationError, "options of an upgrade", lambda: archive.Options(fill={"engine_id": object()})),
    (ValidationError, "useless options", lambda: archive.Options(fill={"nope": 1}).resolved()),
    (EncodeError, "a lone surrogate", lambda: JSON.encode(Request(**REQUEST, prompt="\ud800"))),
    (EncodeError, "no message", lambda: JSON.encode(object())),
    (LossyDowngradeError, "encoding", lambda: OLD.encode(CHAT)),
    (LossyDowngradeError, "an envelope", lambda: OLD.encode_envelope(CHAT)),
    (
        LossyDowngradeError,
        "downgrading",
        lambda: history.downgrade({**REQUEST, "messages": [{"role": "user"}]}, Request, to="0.1.0"),
    ),
    (OptionError, "an option", lambda: codecs.get("json", unknown="perhaps")),
    (OptionError, "a header that is no text", lambda: codecs.negotiate(None)),  # type: ignore[arg-type]
    (UnsupportedRevisionError, "a revision chosen", lambda: codecs.get("json", revision="9.9")),
    (
        UnsupportedRevisionError,
        "decoding what was not yet",
        lambda: OLD.decoder(KVHandle),
    ),
    (UnknownMessageError, "a message that there is not", lambda: history.upgrade({}, "Nope", since="0.1.0")),
    (UnknownCodecError, "a codec chosen", lambda: codecs.get("yaml")),
    (MissingExtraError, "a missing extra", with_missing_extra),
    (HookError, "a hook that raises", lambda: with_hook(raise_key_error)),
    (HookError, "a hook that builds", lambda: with_hook(build_what_is_wrong)),
    (HookError, "a hook that gives no payload", lambda: with_hook(lambda payload: 3)),
]

REMOTE: list[tuple[type[ProtocolError], str, Callable[[], Any]]] = [
    (ValidationError, "from plain", lambda: from_plain(Metrics, {**METRICS, "ttft_ms": -1})),
    (ValidationError, "a derived value", lambda: codecs.get("dict").decode({"ms": -1.0}, Twice)),
    (ValidationError, "a validator", lambda: codecs.get("json").decode(b'{"number":1}', Even)),
    (ValidationError, "a validator, from plain", lambda: from_plain(Even, {"number": 1})),
    (ValidationError, "a derived value, from plain", lambda: from_plain(Twice, {"ms": -1.0})),
    (ValidationError, "an envelope that is none", lambda: JSON.decode_envelope(b"{}")),
    (ValidationError, "the payload in one", lambda: JSON.decode_envelope(record(payload={}))),
    (DecodeError, "from plain, past 64 bits", lambda: from_plain(Metrics, {**METRICS, "peak_mem_mb": 2**64})),
    (DecodeError, "no JSON", lambda: JSON.decode(b"{", Request)),
    (DecodeError, "too deep", lambda: history.upgrade({"request_id": deep(200)}, "StreamEventDelta", since="0.1.0")),
    (ValidationError, "upgrading", lambda: history.upgrade([], "StreamEventDelta", since="0.1.0")),
    (UnsupportedRevisionError, "a record's revision", lambda: JSON.decode_envelope(record(protocol="9.9"))),
    (UnknownMessageError, "a record's message", lambda: JSON.decode_envelope(record(message="Nope"))),
    (UnsupportedRevisionError, "a header's revision", lambda: codecs.negotiate("application/json;revision=9.9")),
    (UnknownCodecError, "a header", lambda: codecs.negotiate("text/html")),
    (UnknownCodecError, "a malformed header", lambda: codecs.negotiate("text")),
    (UnknownCodecError, "a long header", lambda: codecs.negotiate("a" * 9000)),
    (UnknownCodecError, "a header of many ranges", lambda: codecs.negotiate("a/b," * 300)),
    (AmbiguousPayloadError, "a bare payload", lambda: history.identify({"request_id": "r", "trace_id": "t"})),
    (UnknownPayloadError, "a bare payload of none", lambda: history.identify({"nope": 1})),
    (HookError, "set aside", lambda: with_hook(lambda payload: None)),
    (HookError, "a hook that reads", lambda: with_hook(read_what_is_wrong)),
]


def raised(act: Callable[[], Any]) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        act()
    return caught.value


def case_id(value: object) -> str | None:
    return value.__name__ if isinstance(value, type) else value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("cls", "what", "act", "fault"),
    [*((*case, "local") for case in LOCAL), *((*case, "remote") for case in REMOTE)],
    ids=case_id,
)
def test_the_fault_is_told(cls: type[ProtocolError], what: str, act: Callable[[], Any], fault: str) -> None:
    error = raised(act)
    assert type(error) is cls
    assert error.fault == fault
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert same.fault == fault
        assert vars(same) == vars(error)
        answer = same.to_error()
        assert answer == error_of(error) == Error(code=ErrorCode(error.code), message=str(error), retryable=False)
        assert (answer.code is ErrorCode.INVALID_ARGUMENT) <= (fault == "remote")


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("revision", ["latest", "0.4.0.8"])
def test_what_a_codec_is_given_is_the_peers(name: str, revision: str) -> None:
    codec = codecs.get(name, revision=revision)
    dumps = codec.format.dumps
    wrong = {**RESPONSE, "output_tokens": ["x"]}
    for act in (
        lambda: codec.decode(dumps({**REQUEST, "max_tokens": "x"}), Request),
        lambda: codec.decode(dumps(wrong), Response),
        lambda: codec.decode(dumps([wrong]), list[Response]),
        lambda: codec.decode(dumps({"event": "nope"}), StreamEvent),
        lambda: codec.converter.structure({}, Request),
        lambda: codec.decode(b"\xc1" if name != "dict" else deep(200), Request),
    ):
        error = raised(act)
        assert (error.fault, error.to_error().code) == ("remote", ErrorCode.INVALID_ARGUMENT)


def test_every_class_is_tried() -> None:
    """In both directions, where it has both."""
    public = {
        found
        for found in vars(exceptions).values()
        if isinstance(found, type) and issubclass(found, ProtocolError) and found is not ProtocolError
    }
    tried = {fault: {cls for cls, _, _ in cases} for fault, cases in (("local", LOCAL), ("remote", REMOTE))}
    assert public <= tried["local"] | tried["remote"]
    both = {ValidationError, DecodeError, UnsupportedRevisionError, UnknownMessageError, UnknownCodecError, HookError}
    assert tried["local"] & tried["remote"] == both


def test_every_revision_can_say_it() -> None:
    for fault in ("local", "remote"):
        error = ProtocolError("what happened")
        error.fault = fault  # type: ignore[assignment]
        for revision in history.revisions:
            codec = codecs.get("json", revision=revision)
            assert codec.decode(codec.encode(error.to_error()), Error) == error.to_error()


def test_a_class_of_ones_own() -> None:
    class QuotaError(ProtocolError):
        code = "resource_exhausted"

    assert QuotaError("too much").to_error().code is errors.ErrorCode.RESOURCE_EXHAUSTED


def test_an_answer_needs_nothing_imported_before() -> None:
    program = (
        "import sys\n"
        "from sagellm_protocol.model.exceptions import EncodeError\n"
        "assert 'sagellm_protocol.errors' not in sys.modules\n"
        "print(EncodeError('x').to_error().code.value)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "unavailable\n"
