"""Values that hold messages, brought forward: an expression for each type, and for each message its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.kinds import Choice, Either, Items, Limited, Nested, Nullable, Table, Type, wire_kind
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import Spec

Upgrade: TypeAlias = Callable[[Any, Mapping[str, Any]], Any]
"""Takes a payload and the values for what it does not say; gives today's payload, sharing what did not change."""

_GUARDS = {"object": "_dict", "array": "(_list, _tuple)"}
"""What a value that holds messages is in Python, by what it is on the wire."""


@attrs.frozen
class Holding:
    """Writes what brings values of any type forward, by what does so for the messages in them."""

    specs: Mapping[str, Spec]
    """The messages of then."""
    upgrade: Callable[[str], Upgrade | None]
    """Gives the function for a message; None where nothing in it changed."""

    def of(self, kind: Type) -> Upgrade | None:
        """The function for a type that holds messages; None where nothing in it changed."""
        if isinstance(kind, Nested):
            return self.upgrade(kind.name)
        to = Function("upgrade_value")
        expression = self.expression(to, kind, "_value")
        if expression is None:
            return None
        to.add(f"return {expression}")
        return to.compile("_value, _fill")

    def expression(self, to: Function, kind: Type, value: str) -> str | None:
        """How a value that holds messages is brought forward; None where nothing in it changed."""
        match kind:
            case Nullable(inner=inner) | Limited(inner=inner):
                return self.expression(to, inner, value)
            case Nested(name=name):
                upgrade = self.upgrade(name)
                if upgrade is None:
                    return None
                return f"{to.bind('upgrade_' + name, upgrade)}({value}, _fill) if _type({value}) is _dict else {value}"
            case Items(item=inner):
                item = to.fresh("item")
                each = self.expression(to, inner, item)
                return each and f"[{each} for {item} in {value}] if _isinstance({value}, (_list, _tuple)) else {value}"
            case Table(value=inner):
                key, item = to.fresh("key"), to.fresh("item")
                each = self.expression(to, inner, item)
                pairs = f"{{{key}: {each} for {key}, {item} in {value}.items()}}"
                return each and f"{pairs} if _isinstance({value}, _dict) else {value}"
            case Choice():
                upgrades = {option.name: self.upgrade(option.name) for option in kind.options}
                if not any(upgrades.values()):
                    return None
                return f"{to.bind('upgrade_choice', self._choice(kind))}({value}, _fill)"
            case Either(options=options):
                found = [(option, self.expression(to, option, value)) for option in options]
                told = "".join(
                    f"({each}) if _isinstance({value}, {_GUARDS[wire_kind(option)]}) else "
                    for option, each in found
                    if each is not None
                )
                return told + value if told else None
            case _:
                return None

    def _choice(self, choice: Choice) -> Upgrade:
        """The function for one of several messages, told apart as they were at that revision."""
        specs = [self.specs[option.name] for option in choice.options if option.name in self.specs]

        def upgrade_choice(payload: Any, fill: Mapping[str, Any]) -> Any:
            spec = chosen(specs, choice.tag, payload)
            upgrade = None if spec is None else self.upgrade(spec.name)
            return payload if upgrade is None else upgrade(payload, fill)

        return upgrade_choice
