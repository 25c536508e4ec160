"""Records that say what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagellm_protocol import StreamEventDelta, UnsupportedRevisionError, ValidationError, codecs
from sagellm_protocol.codecs.envelope import is_envelope, unwrap, wrap

DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="Hi", content_tokens=[42])


@pytest.mark.parametrize("name", ["json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"])
@pytest.mark.parametrize("revision", ["latest", "0.4.0.8"])
def test_a_record_is_read_at_whatever_revision_it_was_written_in(name: str, revision: str) -> None:
    record = codecs.get(name, revision=revision).encode_envelope(DELTA)
    assert codecs.get(name).decode_envelope(record) == DELTA
    assert codecs.get(name, revision="0.5.1.1").decode_envelope(record) == DELTA


def test_a_record_says_what_it_is() -> None:
    record = codecs.get("dict", revision="0.4.0.8").encode_envelope(DELTA)
    assert is_envelope(record)
    assert (record["protocol"], record["message"]) == ("0.4.0.7", "types.StreamEventDelta")
    assert record["payload"]["chunk"] == "Hi"
    assert unwrap(record) == ("types.StreamEventDelta", "0.4.0.7", record["payload"])


@pytest.mark.parametrize(
    ("record", "error", "words"),
    [
        ({"protocol": "9.9.9", "message": "types.Request", "payload": {}}, UnsupportedRevisionError, "9.9.9"),
        ({"protocol": "0.5.4.16", "message": "types.Nothing", "payload": {}}, UnsupportedRevisionError, "Nothing"),
        ({"protocol": "0.1.0", "message": "kv.types.KVBlock", "payload": {}}, UnsupportedRevisionError, "0.1.2.4"),
        ({"protocol": 1, "message": None, "payload": {}}, ValidationError, "protocol: must be str, got 1"),
        ({"protocol": "0.5.4.16", "message": "types.Request"}, ValidationError, "an envelope of"),
        ([1], ValidationError, "an envelope of"),
        ({"protocol": "0.5.4.16", "message": "errors.Error", "payload": {"code": 1}}, ValidationError, "code: must be"),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(record: Any, error: type[Exception], words: str) -> None:
    for data, name in ((record, "dict"), (json.dumps(record).encode(), "json")):
        with pytest.raises(error, match=words):
            codecs.get(name).decode_envelope(data)


def test_wrapping_is_plain_data() -> None:
    assert wrap({"a": 1}, "m", "1") == {"protocol": "1", "message": "m", "payload": {"a": 1}}
