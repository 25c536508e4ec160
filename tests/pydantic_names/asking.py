"""What is asked of dumps, drawn, and what ours answer."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pydantic
from hypothesis import strategies as st

from published_server import spelled
from sagellm_protocol.model.exceptions import ProtocolError


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
                "by_alias": st.booleans(),
                "warnings": st.sampled_from((True, False, "none", "warn", "error")),
                "include": st.none() | chosen(payload),
                "exclude": st.none() | chosen(payload),
            },
        )
    )
    return asked


@st.composite
def calls(draw: st.DrawFn, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A method and its options, of those that the installed pydantic has."""
    asked = draw(options(payload))
    if draw(st.booleans()):
        method, asked["mode"] = "model_dump", draw(st.sampled_from(("python", "json")))
    else:
        own = {"indent": st.integers(0, 5) | st.none(), "ensure_ascii": st.booleans()}
        method, asked = "model_dump_json", {**asked, **draw(st.fixed_dictionaries({}, optional=own))}
    known = inspect.signature(getattr(pydantic.BaseModel, method)).parameters
    return method, {name: value for name, value in asked.items() if name in known}
