"""How a message is declared, and what it promises."""

from attrs import field

from sagellm_protocol.model.declaring import derived, evolve, message
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.keeping import KEPT, JsonObject
from sagellm_protocol.model.own_types import field_type
from sagellm_protocol.model.plain import from_plain, to_plain
from sagellm_protocol.model.rules import Rule, rule

__all__ = [
    "EMPTY",
    "KEPT",
    "FrozenDict",
    "JsonObject",
    "Rule",
    "derived",
    "evolve",
    "field",
    "field_type",
    "from_plain",
    "message",
    "rule",
    "to_plain",
]
