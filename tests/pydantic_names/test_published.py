"""The old names answer as the published package does, asked live: every message, every option."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from published import corpus, revision_table, revisions
from published_server import spelled
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.testing import messages

NEWEST = "0.5.4.16"
PLAIN = {"backend_types.CapabilityDescriptor"} | {
    name for name in CATALOG.messages if name.startswith("heterogeneous_types.")
}
"""Those that were no models, and had none of the names."""
MODELS = sorted(
    name for name in CATALOG.messages if name in revision_table(revisions()[-1])["messages"] and name not in PLAIN
)


def answer(message: Any, name: str, options: dict[str, Any]) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return "ok", spelled(getattr(message, name)(**options))
        except (ProtocolError, TypeError) as error:
            return "error", str(error)


def steps(value: Any) -> list[Any]:
    """What may be named at one place of a payload."""
    if isinstance(value, dict):
        return [*value, "__all__", "nowhere"]
    if isinstance(value, list):
        return [*range(len(value)), -1, -2, 7, "__all__"]
    return ["nowhere"]


@st.composite
def chosen(draw: st.DrawFn, value: Any, depth: int = 3) -> Any:
    """An ``include`` or ``exclude`` that fits a payload, as a set or as a dict."""
    named = draw(st.sets(st.sampled_from(steps(value)), max_size=4))
    if not depth or draw(st.booleans()):
        return named
    found = {}
    for step in sorted(named, key=repr):
        below = value
        if isinstance(value, dict):
            below = value.get(step, next(iter(value.values()), None))
        elif isinstance(value, list) and value:
            below = value[step % len(value)] if isinstance(step, int) else value[0]
        found[step] = draw(st.just(...) | st.just(True) | st.none() | chosen(below, depth - 1))
    return found


@st.composite
def options(draw: st.DrawFn, payload: dict[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(
                    ("exclude_none", "exclude_defaults", "round_trip", "exclude_computed_fields", "serialize_as_any"),
                    st.booleans(),
                ),
                "by_alias": st.none() | st.booleans(),
                "warnings": st.sampled_from((True, False, "none", "warn", "error")),
                "include": st.none() | chosen(payload),
                "exclude": st.none() | chosen(payload),
            },
        )
    )
    return asked


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=30)
@given(data=st.data())
def test_dumps(published: Any, name: str, data: st.DataObject) -> None:
    message = data.draw(messages(CATALOG.messages[name]))
    payload = to_plain(message)
    asked = data.draw(options(payload))
    if data.draw(st.booleans()):
        asked["mode"] = data.draw(st.sampled_from(("python", "json")))
        method = "model_dump"
    else:
        asked |= data.draw(
            st.fixed_dictionaries({}, optional={"indent": st.integers(0, 5) | st.none(), "ensure_ascii": st.booleans()})
        )
        method = "model_dump_json"
    verdict, said = published(NEWEST).ask(name, payload, method, asked)
    ours = answer(message, method, asked)
    assert ours[0] == verdict, (ours, said)
    if verdict == "ok":
        assert ours[1] == said


@pytest.mark.parametrize("recorded", corpus(revisions()[-1]), ids=lambda recorded: f"{recorded.type}-{recorded.style}")
def test_the_corpus(published: Any, recorded: Any) -> None:
    if recorded.type in PLAIN:
        pytest.skip("was no model")
    message = from_plain(CATALOG.messages[recorded.type], recorded.payload)
    for method in ("model_dump", "model_dump_json"):
        for asked in ({}, {"exclude_none": True}, {"exclude_defaults": True}):
            assert answer(message, method, asked) == published(NEWEST).ask(
                recorded.type, to_plain(message), method, asked
            )
