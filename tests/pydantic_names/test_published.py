"""The old names answer as the published package does, asked live: every message, every option."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from losses import outgrown
from published import corpus, revisions
from pydantic_names.asking import answer, calls
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.testing import messages

NEWEST = "0.5.4.16"
PLAIN = {"backend_types.CapabilityDescriptor"} | {
    name for name in CATALOG.messages if name.startswith("heterogeneous_types.")
}
"""Those that were no models, and had none of the names."""
SAME = {
    name for name, cls in CATALOG.messages.items() if HISTORY.downgrades(NEWEST).same(cls) and spec_of(cls).kept is None
}
"""Those that are now what they were, and so are the messages in them: the others hold what that release does not."""
MODELS = sorted(SAME - PLAIN)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=30)
@given(data=st.data())
def test_dumps(published: Any, name: str, data: st.DataObject) -> None:
    message = data.draw(messages(CATALOG.messages[name]))
    payload = to_plain(message)
    method, asked = data.draw(calls(payload))
    verdict, said = published(NEWEST).ask(name, payload, method, asked)
    ours = answer(message, method, asked)
    assert ours[0] == verdict, (ours, said)
    if verdict == "ok":
        assert ours[1] == said


@pytest.mark.parametrize("recorded", corpus(revisions()[-1]), ids=lambda recorded: f"{recorded.type}-{recorded.style}")
def test_the_corpus(published: Any, recorded: Any) -> None:
    if recorded.type in PLAIN:
        pytest.skip("was no model")
    if outgrown(recorded.type, recorded.payload):
        pytest.skip("holds what today refuses")
    message = from_plain(CATALOG.messages[recorded.type], recorded.payload)
    # What came since is null, and so left out where nulls or defaults are.
    alike = [{"exclude_none": True}, {"exclude_defaults": True}, *([{}] if recorded.type in SAME else [])]
    for method in ("model_dump", "model_dump_json"):
        for asked in alike:
            assert answer(message, method, asked) == published(NEWEST).ask(
                recorded.type, to_plain(message), method, asked
            )
