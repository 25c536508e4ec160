"""The short form: what it leaves out, and what it must not."""

from __future__ import annotations

from typing import Any

import pytest

from declared import Defaults
from sagellm_protocol import catalog, codecs
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import LossyDowngradeError
from sagellm_protocol.model.kinds import OneOf
from sagellm_protocol.model.spec import REQUIRED, Derived, Made, spec_of
from sagellm_protocol.openai_types import ChatCompletionStreamResponse
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.types import Request, StreamEventStart
from specimens import minimal

MESSAGES = catalog.messages()


def short(message: Any) -> dict[str, Any]:
    return codecs.get("dict", omit_defaults=True).encode(message)


@pytest.mark.parametrize("cls", MESSAGES.values(), ids=list(MESSAGES))
def test_it_keeps_what_is_required_derived_made_or_a_tag(cls: Any) -> None:
    kept = [
        field.name
        for field in spec_of(cls).fields
        if field.default is REQUIRED
        or isinstance(field.default, (Derived, Made))
        or (isinstance(field.type, OneOf) and len(field.type.values) == 1)
    ]
    assert list(short(cls(**minimal(cls)))) == kept


def test_it_keeps_what_differs() -> None:
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
    assert short(Request(**request)) == request
    params = SamplingParams(temperature=0.5)
    assert short(params) == {"strategy": "sampling", "temperature": 0.5}
    assert short(Request(**request, stream=True, sampling_params=params)) == {
        **request,
        "stream": True,
        "sampling_params": {"strategy": "sampling", "temperature": 0.5},
    }
    # In the order of the fields, whatever was left out.
    assert list(short(Request(**request, stream=True, prompt="x"))) == [
        "request_id",
        "trace_id",
        "prompt",
        "max_tokens",
        "stream",
    ]


def test_it_keeps_the_tag() -> None:
    start = StreamEventStart(request_id="r", trace_id="t", engine_id="e")
    assert short(start)["event"] == "start"


@pytest.mark.parametrize("free", [0, False, 0.0, 1, True, None, "", (), {}])
def test_a_value_that_only_equals_the_default_is_kept(free: Any) -> None:
    """0, 0.0 and False are equal in Python and three things on the wire."""
    message = Defaults(free=free)
    again = codecs.get("dict").decode(short(message), Defaults)
    assert again == message
    assert type(again.free) is type(message.free)


def test_nulls_alone() -> None:
    """What OpenAI clients expect of a chunk: no nulls, and the kind of object."""
    chunk = from_plain(
        ChatCompletionStreamResponse,
        {"id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
    )
    for name in ("json", "msgspec-json"):
        codec = codecs.get(name, omit_nulls=True)
        assert codec.encode(chunk) == (
            b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
            b'"choices":[{"index":0,"delta":{"content":"Hi"}}]}'
        )
        assert codec.decode(codec.encode(chunk), ChatCompletionStreamResponse) == chunk
    request = Request(request_id="r", trace_id="t", max_tokens=1)
    plain = codecs.get("dict", omit_nulls=True).encode(request)
    assert plain == {"request_id": "r", "trace_id": "t", "model": "", "prompt": "", "max_tokens": 1, "stream": False}
    both = codecs.get("dict", omit_nulls=True, omit_defaults=True)
    assert both.encode(request) == short(request)


@pytest.mark.parametrize("cls", MESSAGES.values(), ids=list(MESSAGES))
def test_without_nulls_it_reads_the_same_at_every_revision(cls: Any) -> None:
    message = cls(**minimal(cls))
    for revision in HISTORY.revisions:
        if catalog.name(cls) not in HISTORY.specs(revision):
            continue
        whole, without = (
            codecs.get("dict", revision=revision, lossy=True, omit_nulls=omits) for omits in (False, True)
        )
        try:
            payload = without.encode(message)
        except LossyDowngradeError:
            with pytest.raises(LossyDowngradeError):
                whole.encode(message)
            continue
        nullable = {field.name for field in HISTORY.spec(cls, revision).fields if field.default is None}
        assert not any(payload[name] is None for name in nullable & payload.keys())
        assert whole.encode(message).keys() - payload.keys() <= nullable
        assert without.decode(payload, cls) == whole.decode(whole.encode(message), cls)
