"""Specs into plans: what the compiled core (:mod:`.native`) is told of a message class.

A plan says of each field where the slot is, what it may hold, and what its default is. The descriptions of types are
dicts whose keys are the members of ``Node`` in ``native/node.h``.
"""

from __future__ import annotations

import inspect
import sys
import threading
from functools import partial
from types import ModuleType
from typing import Any

from sagellm_protocol.model import native
from sagellm_protocol.model.bounds import Bound, integers_within, tightest
from sagellm_protocol.model.choosing import chosen, tags
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Kept,
    Limited,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Taught,
    Text,
    Type,
    assert_never,
    parts,
    wire_kind,
)
from sagellm_protocol.model.source import doubting
from sagellm_protocol.model.spec import Derived, Field, Made, Spec, spec_of
from sagellm_protocol.model.standing import as_it_is, held_class, shown_default
from sagellm_protocol.model.statements import within
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching
from sagellm_protocol.model.untracked import holds_fields_alone, is_atomic, is_in_no_cycle, is_permanent
from sagellm_protocol.model.validating import validation_of

_LOCK = threading.RLock()
"""Held while plans are made: those of messages that hold each other are seen by other threads when all are whole."""


class Inexpressible(Exception):
    """What no plan can say, and Python does."""


class Plans:
    """The plans of messages as they are read and written by those who were taught the same."""

    def __init__(self, teaching: Teaching) -> None:
        self._teaching = teaching
        self._made: dict[type, Any] = {}
        """Of those who were taught something; else each class has its own."""
        self._making: dict[type, Any] = {}

    def of(self, cls: Any) -> Any:
        """The plan of a message class.

        Raises:
            Inexpressible: there is no core, or something in the class is left to Python.
        """
        core = native.core
        if core is None:
            raise Inexpressible("there is no compiled core")
        with _LOCK:
            found = self._found(cls)
            if found is None:
                outermost = not self._making
                found = self._making[cls] = core.Plan(cls)
                try:
                    self._fill(core, found, cls)
                    if outermost:
                        self._keep()
                finally:
                    if outermost:
                        self._making.clear()
            return found

    def _found(self, cls: type) -> Any:
        kept = vars(cls).get("_message_compiled") if self._teaching is UNTAUGHT else self._made.get(cls)
        return self._making.get(cls) if kept is None else kept

    def _keep(self) -> None:
        if self._teaching is not UNTAUGHT:
            self._made.update(self._making)
            return
        made: Any
        for made, plan in self._making.items():
            made._message_compiled = plan

    def _fill(self, core: ModuleType, plan: Any, cls: Any) -> None:
        if inspect.isabstract(cls):
            raise Inexpressible(f"{cls.__qualname__} is abstract")
        today = spec_of(cls)
        spec = self._teaching.spec(today)
        told = {field.today for field in spec.fields}
        fields = [self._field(core, field, field.name) for field in spec.fields]
        fields += [self._field(core, field, None) for field in today.fields if field.name not in told]
        if today.kept is not None:
            if spec.names != today.names:
                raise Inexpressible(f"{cls.__qualname__} keeps fields beside those that were taught other names")
            fields.append(self._field(core, today.kept, None))
        validation = validation_of(cls)
        bare = holds_fields_alone(cls)
        plan.fill(
            tuple(fields),
            _ordered(cls, spec),
            core.UNKNOWN[spec.unknown],
            today.kept is not None,
            bare,
            bare and is_permanent(cls) and is_in_no_cycle(cls, set()),
            validation and validation.check,
            validation and validation.doubt,
        )

    def _field(self, core: ModuleType, field: Field, name: str | None) -> tuple[Any, ...]:
        default = field.default
        fallback: Any
        shown, alone = None, False
        if field.required:
            kind, fallback = "required", None
        elif isinstance(default, Made):
            kind, fallback = "made", default.factory
        elif isinstance(default, Derived):
            kind, fallback = "derived", default.function
        else:
            kind, fallback = "fixed", default
            shown, alone = shown_default(field)
        return (
            name,
            field.today or field.name,
            field.argument,
            core.DEFAULTS[kind],
            fallback,
            shown,
            alone,
            field.always_written,
            -1 if field.omit_default is None else int(field.omit_default),
            self.node(core, field.type),
        )

    def node(self, core: ModuleType, kind: Type) -> dict[str, Any]:
        """The description of a type.

        Raises:
            Inexpressible: it is left to Python.
        """
        described = self._described(core, kind)
        if isinstance(kind, Nullable):
            return {**described, "nullable": 1}
        operation = described.pop("operation", type(kind).__name__.lower())
        return {
            "operation": core.OPERATIONS[operation],
            "as_it_is": sum(bit for form, bit in core.FORMS.items() if as_it_is(kind, form)),
            "atomic": int(is_atomic(kind, set())),
            "floats": int(_holds_floats(kind)),
            "shape": core.SHAPES[wire_kind(kind)],
            **described,
        }

    def _described(self, core: ModuleType, kind: Type) -> dict[str, Any]:
        match kind:
            case Text() | Flag() | Free():
                return {}
            case Number():
                return _integer(kind) if kind.kind is int else _real(kind)
            case OneOf(values=values):
                return {"operation": "one of", "held": values, "wire": values}
            case Member():
                return _member(kind)
            case Converted():
                return self._converted(core, kind)
            case Nested(cls=cls):
                return {"cls": cls, "plan": self.of(cls)}
            case Choice():
                return self._choice(kind)
            case Items(item=inner) | Table(value=inner):
                return {"inner": (self.node(core, inner),)}
            case Either(options=options):
                return {"inner": tuple(map(partial(self._option, core), options))}
            case Taught(inner=inner, structure=structure, unstructure=unstructure):
                load = structure and doubting(structure)
                return {"inner": (self.node(core, inner),), "load": load, "dump": unstructure}
            case Kept(inner=inner, bounds=bounds):
                return {"operation": "limited", "inner": (self.node(core, inner),), **_limits(bounds)}
            case Limited(inner=inner, bounds=bounds):
                return {"inner": (self.node(core, inner),), **_limits(bounds)}
            case Nullable(inner=inner):
                return self.node(core, inner)
            case _:
                assert_never(kind)

    def _converted(self, core: ModuleType, kind: Converted) -> dict[str, Any]:
        return {
            "operation": "UUID" if kind.name == "UUID" else "converted",
            "cls": kind.cls,
            "exact": kind.exact,
            "load": kind.load,
            "hold": kind.hold,
            "dump": kind.dump,
            "quoted": int("orjson" in kind.native),
            "read_by_msgspec": int("from msgspec" in kind.native),
            # Where that is text, ``load`` makes sure of it itself.
            "inner": () if isinstance(kind.wire, Text) else (self.node(core, kind.wire),),
        }

    def _choice(self, kind: Choice) -> dict[str, Any]:
        if any(not isinstance(self._teaching.kind(option), Nested) for option in kind.options):
            raise Inexpressible("one of several messages, of which one was taught")
        specs = [self._teaching.spec(spec_of(option.cls)) for option in kind.options]
        plans = {spec.name: self.of(spec.cls) for spec in specs}
        tag = kind.tag

        def choose(payload: Any) -> Any:
            spec = chosen(specs, tag, payload)
            return None if spec is None else plans[spec.name]

        return {
            "tag": tag,
            "table": {text: plans[spec.name] for text, spec in tags(specs, tag).items()},
            "choose": choose,
            "held": tuple(spec.cls for spec in specs),
            "wire": tuple(plans[spec.name] for spec in specs),
        }

    def _option(self, core: ModuleType, kind: Type) -> dict[str, Any]:
        """A type of several that no value can be confused between; one that needs work is told by its class."""
        described = self.node(core, kind)
        classes = held_class(kind)
        return {**described, "cls": classes[0]} if classes else described


def _ordered(cls: Any, spec: Spec) -> int:
    """How many fields a call may give by their place; none, unless those come first."""
    by_place = [field.name for field in cls.__attrs_attrs__ if not field.kw_only]
    return len(by_place) if by_place == [field.today for field in spec.fields[: len(by_place)]] else 0


def _integer(kind: Number) -> dict[str, Any]:
    least, most = integers_within(kind.bounds, INT_MIN, INT_MAX)
    if most < max(least, 0) or least >= 2**63:
        raise Inexpressible(f"integers from {least} to {most}")
    return {"operation": "integer", "least": least, "most": most}


def _real(kind: Number) -> dict[str, Any]:
    described = {"operation": "real", "low": -sys.float_info.max, "high": sys.float_info.max, "above": 0, "below": 0}
    for lower, limit, strict in ((True, "low", "above"), (False, "high", "below")):
        bound = tightest(kind.bounds, lower=lower)
        if bound is not None:
            if float(bound.limit) != bound.limit:
                raise Inexpressible(f"a bound that is no float: {bound.limit}")
            described |= {limit: float(bound.limit), strict: int(bound.meaning.strict)}
    return described


def _member(kind: Member) -> dict[str, Any]:
    cls: Any = kind.cls  # without one they are an older revision's, which no plan is made for
    members = {value: cls[name] for value, name in kind.names.items()}
    held = tuple(dict.fromkeys(members.values()))
    return {
        "cls": cls,
        "table": members,
        "held": held,
        "wire": tuple(member._value_ for member in held),
        "texts": int(wire_kind(kind) == "text"),
    }


def _limits(bounds: tuple[Bound, ...]) -> dict[str, Any]:
    """Lengths, which the core measures, and a function that asks the rest."""
    least = [bound.limit for bound in bounds if bound.name == "min_length"]
    most = [bound.limit for bound in bounds if bound.name == "max_length"]
    rest = tuple(bound for bound in bounds if bound.meaning.measure != "length")
    return {"shortest": max(least, default=0), "longest": min(most, default=-1), "hold": within(rest) if rest else None}


def _holds_floats(kind: Type) -> bool:
    return any(
        isinstance(part, Free)
        or (isinstance(part, Number) and part.kind is float)
        or (isinstance(part, Converted) and _holds_floats(part.wire))
        for part in parts(kind)
    )
