"""Messages of which an older peer misses nothing but nulls: they are written as if each was taken back step by step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import codecs, history
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import LossyDowngradeError
from sagellm_protocol.testing import messages
from sagellm_protocol.types import Metrics, Request, Response, StreamEventDelta, StreamEventEnd, TokenLogprobs

BEFORE = "0.5.4.16"
ANSWERS = (Response, StreamEventDelta, StreamEventEnd)
DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="x", content_tokens=[1])
TOLD = StreamEventDelta(
    request_id="r",
    trace_id="t",
    engine_id="e",
    content="x",
    content_tokens=[1],
    logprobs=[TokenLogprobs(token_id=1, text="x", logprob=-0.5)],
)


def test_answers_go_that_way_and_what_else_differs_does_not() -> None:
    nulls = HISTORY.downgrades(BEFORE).nulls
    assert nulls(StreamEventDelta) == ("logprobs",)
    assert set(nulls(Response)) == set(nulls(StreamEventEnd)) == {"logprobs", "cached_prompt_tokens"}
    assert nulls(Metrics) == (), "the same"
    assert nulls(Request) == (), "the messages in it changed"
    assert nulls(TokenLogprobs) == (), "there was none"
    assert HISTORY.downgrades("0.4.0.8").nulls(StreamEventDelta) == (), "fields were renamed"


@pytest.mark.parametrize("name", ["dict", "json", "msgpack", "msgspec-json", "msgspec-msgpack"])
@pytest.mark.parametrize("omitting", [{}, {"omit_defaults": True}, {"omit_nulls": True}])
@given(data=st.data())
def test_it_is_the_long_way(name: str, omitting: dict[str, bool], data: st.DataObject) -> None:
    cls: Any = data.draw(st.sampled_from(ANSWERS))
    message = data.draw(messages(cls))
    codec = codecs.get(name, revision=BEFORE, lossy=True, **omitting)
    long_way = history.downgrade(codecs.get("dict", **omitting).encode(message), cls, to=BEFORE, lossy=True)
    written = codec.format.loads(codec.encode(message))
    assert written == long_way
    assert list(written) == list(long_way)


def test_what_is_no_null_is_a_loss() -> None:
    codec = codecs.get("json", revision=BEFORE)
    assert b"logprobs" not in codec.encode(DELTA)
    with pytest.raises(LossyDowngradeError, match=r"logprobs = .* came with 0\.6\.0"):
        codec.encode(TOLD)
    assert codecs.get("json", revision=BEFORE, lossy=True).encode(TOLD) == codec.encode(DELTA)
