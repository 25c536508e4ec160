"""JSON Schema for pydantic and OpenAPI: each message and enumeration a component of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from sagellm_protocol.model.kinds import Member, Nested
from sagellm_protocol.model.spec import Spec, spec_of
from sagellm_protocol.pydantic_schema.core import core_schema_of, reference
from sagellm_protocol.schema.generating import Writing, enumeration

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_BEGUN: ContextVar[frozenset[str]] = ContextVar("_BEGUN", default=frozenset())
"""The messages that are being described: one that holds itself finds itself among them."""


def get_json_schema(cls: Any, _: CoreSchema, handler: Callable[[Any], Any]) -> dict[str, Any]:
    """The ``__get_pydantic_json_schema__`` of every message class: the schema of today's revision."""
    token = _BEGUN.set(_BEGUN.get() | {reference(cls)})
    try:
        return _Component(handler).message(spec_of(cls))
    finally:
        _BEGUN.reset(token)


@attrs.define
class _Component(Writing):
    """A schema in which what stands elsewhere is referred to by pydantic's references."""

    handler: Callable[[Any], Any]

    def refer(self, kind: Member | Nested) -> dict[str, Any]:
        """The reference to a message or enumeration, which pydantic describes where it has not yet."""
        from pydantic_core import core_schema as make

        found: CoreSchema
        ref = reference(kind.cls)  # type: ignore[arg-type] # today's enumerations have classes
        if ref in _BEGUN.get():
            found = make.definition_reference_schema(ref)
        elif isinstance(kind, Nested):
            found = core_schema_of(kind.cls)
        else:
            found = make.any_schema(ref=ref, metadata={"pydantic_js_functions": [partial(_enumerated, kind)]})
        # Of what stands in another schema pydantic makes a definition, and gives the reference to it.
        referred: dict[str, Any] = self.handler(make.list_schema(found))["items"]
        return referred

    def spec(self, nested: Nested) -> Spec | None:
        return spec_of(nested.cls)


def _enumerated(kind: Member, *_: Any) -> dict[str, Any]:
    return enumeration(kind, kind.cls)
