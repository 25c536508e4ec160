"""Messages into payloads: one generated function a message, for each form that values take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sagellm_protocol.model.compiled import chained, plans_of, writer as compiled_writer
from sagellm_protocol.model.frozen import thaw
from sagellm_protocol.model.keeping import beside
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
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
)
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.once import Once
from sagellm_protocol.model.plans import Plans
from sagellm_protocol.model.source import Doubt, Function
from sagellm_protocol.model.spec import Field, Spec, spec_of
from sagellm_protocol.model.standing import Form, Omitting, as_it_is, held_class, shown_default
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching


@attrs.define
class Writers:
    """The generated writers for one form, each written when it is first needed."""

    form: Form
    omit_defaults: bool = False
    quote: Callable[[Any], bytes] | None = None
    """Gives the text of what orjson writes, in quotes: a UUID's several times faster than ``str`` does."""
    teaching: Teaching = UNTAUGHT
    omit_nulls: bool = False
    """Leave out what is None by default and None, and nothing else."""
    writer: Once[type, Callable[[Any], dict[str, Any]]] = attrs.field(init=False)
    """Gives the function that turns a message of a class into a payload."""
    _written: Once[type, Callable[[Any], dict[str, Any]]] = attrs.field(init=False)
    """The same in Python; with the compiled core, for what that leaves to it."""
    _plans: Plans = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._plans = plans_of(self.teaching)
        self._written = Once(lambda cls: self._short(cls) if self._shortens(cls) else self._whole(cls))
        self.writer = Once(self._writer)

    def compiled(self, cls: type) -> Callable[[Any], dict[str, Any]] | None:
        """The compiled core's function that does so, or raises ``Doubt``; None where there is none."""
        omitting: Omitting = "defaults" if self.omit_defaults else "nulls" if self.omit_nulls else "nothing"
        return compiled_writer(self._plans, Nested(full_name(cls), cls), self.form, omitting, self.quote)

    def _writer(self, cls: type) -> Callable[[Any], dict[str, Any]]:
        compiled, written = self.compiled(cls), self._written
        if compiled is None:
            return written(cls)

        def write(message: Any) -> dict[str, Any]:
            return written(cls)(message)

        return chained(compiled, None, (Doubt,), write, write)

    def write(self, kind: Type) -> Callable[[Any], Any]:
        """The function that turns what a message holds, or a message, into a payload; a user's own if it was taught."""
        kind = self.teaching.kind(kind)
        if isinstance(kind, Nested):
            return self.writer(kind.cls)
        to = Function("write_value")
        to.add(f"return {self._expression(to, kind, '_value')}")
        written: Callable[[Any], Any] = to.compile("_value")
        return written

    def spec(self, cls: type) -> Spec:
        """The message as it is written."""
        return self.teaching.spec(spec_of(cls))

    def _shortens(self, cls: type) -> bool:
        return self.omit_defaults or self.omit_nulls or any(field.omit_default for field in self.spec(cls).fields)

    def choice(self, choice: Choice) -> Callable[[Any], Any]:
        """The same for one of several messages."""
        writers = {option.cls: self.write(option) for option in choice.options}

        def write_choice(message: Any) -> Any:
            # A plain subclass of a message is written as that message.
            return next(writers[base] for base in type(message).__mro__ if base in writers)(message)

        return write_choice

    def _whole(self, cls: Any) -> Callable[[Any], dict[str, Any]]:
        to = Function("write_" + spec_of(cls).name.replace(".", "_"))
        to.add(f"return {self._display(to, cls, '_self', frozenset())}")
        return to.compile("_self")

    def packed(
        self,
        cls: Any,
        pack: Callable[[Any], Any],
        failures: tuple[type[Exception], ...],
        long_way: Callable[[Any], Any],
    ) -> Callable[[Any], Any]:
        """A function that writes a message and packs it, in one; on a failure it goes the long way."""
        to = Function("pack_" + spec_of(cls).name)
        to.add("try:")
        to.indent += 1
        display = self._display(to, cls, "_self", frozenset())
        to.add(f"return {to.bind('pack', pack)}({display})")
        to.indent -= 1
        to.add(f"except {to.bind('failures', failures)}: pass")
        to.add(f"return {to.bind('long_way', long_way)}(_self)")
        return to.compile("_self")

    def _display(self, to: Function, cls: Any, message: str, within: frozenset[type]) -> str:
        """A dict display of a message in a local variable; messages that are always in it are displayed in place."""
        within |= {cls}
        items = []
        for field in self.spec(cls).fields:
            value = f"{message}.{field.today}"
            if not as_it_is(field.type, self.form):
                local = to.fresh(field.name)
                to.add(f"{local} = {value}")
                inner = field.type.cls if isinstance(field.type, Nested) else None
                if inner is not None and inner not in within and not self._shortens(inner):
                    value = self._display(to, inner, local, within)
                else:
                    value = self._expression(to, field.type, local)
            items.append(f"{field.name!r}: {value}")
        if (kept := self.spec(cls).kept) is not None:
            items.append(f"**{self._kept(to, self.spec(cls), kept, message)}")
        return f"{{{', '.join(items)}}}"

    def _kept(self, to: Function, spec: Spec, kept: Field, message: str) -> str:
        """An expression for what a message in a local variable keeps beside its fields."""
        value = f"{message}.{kept.name}"
        if not spec.names <= spec_of(spec.cls).names:
            value = f"{to.bind('beside', beside(spec.name, spec.names))}({value})"
        return value if as_it_is(kept.type, self.form) else f"{to.bind('thaw', thaw)}({value})"

    def _short(self, cls: Any) -> Callable[[Any], dict[str, Any]]:
        spec = self.spec(cls)
        to = Function("write_short_" + spec.name.replace(".", "_"))
        to.add("_payload = {}")
        for field in spec.fields:
            local = to.local(field.name)
            to.add(f"{local} = _self.{field.today}")
            put = f"_payload[{field.name!r}] = {self._expression(to, field.type, local)}"
            omits = field.omit_default
            if omits is None:
                omits = self.omit_defaults or (self.omit_nulls and field.default is None)
            if field.always_written or not omits:
                to.add(put)
            else:
                to.add(f"if {self._differs(to, field, local)}: {put}")
        if spec.kept is not None:
            to.add(f"_payload.update({self._kept(to, spec, spec.kept, '_self')})")
        to.add("return _payload")
        return to.compile("_self")

    def _differs(self, to: Function, field: Field, local: str) -> str:
        if field.default is None:
            return f"{local} is not None"
        shown, alone = shown_default(field)
        unlike = f"_repr({local}) != {shown!r}"
        if alone:
            return unlike
        differs = f"{local} != {to.bind('default_' + field.name, field.default)}"
        return differs if shown is None else f"{differs} or {unlike}"

    def _flat(self, cls: type) -> bool:
        """Whether every field of a message can stand in the payload as it is."""
        return all(as_it_is(field.type, self.form) for field in self.spec(cls).fields)

    def _expression(self, to: Function, kind: Type, value: str) -> str:
        """An expression for the payload of a simple name."""
        if as_it_is(kind, self.form):
            return value
        match kind:
            case Nullable(inner=inner):
                return f"None if {value} is None else {self._expression(to, inner, value)}"
            case Taught(unstructure=unstructure) if unstructure is not None:
                return f"{to.bind('unstructure', unstructure)}({value})"
            case Limited(inner=inner):
                return self._expression(to, inner, value)
            case Converted() if self.quote is not None and "orjson" in kind.native:
                return f"{to.bind('quote', self.quote)}({value})[1:-1].decode()"
            case Converted():
                return f"{to.bind('dump_' + kind.name, kind.dump)}({value})"
            case Member():
                return f"{value}._value_"
            case Nested(cls=cls) if not self._shortens(cls) and self._flat(cls):
                return self._display(to, cls, value, frozenset())
            case Nested(cls=cls, name=name):
                return f"{to.bind('write_' + name, self.writer(cls))}({value})"
            case Choice():
                return f"{to.bind('write_choice', self.choice(kind))}({value})"
            case Items(item=inner):
                item = to.fresh("item")
                return f"[{self._expression(to, inner, item)} for {item} in {value}]"
            case Table(value=inner):
                key, item = to.fresh("key"), to.fresh("item")
                return f"{{{key}: {self._expression(to, inner, item)} for {key}, {item} in {value}.items()}}"
            case Free():
                return f"{to.bind('thaw', thaw)}({value})"
            case Either():
                return self._either(to, kind, value)
            case Text() | Flag() | Number() | OneOf():  # pragma: no cover - they stand as they are
                return value
            case _:
                assert_never(kind)

    def _either(self, to: Function, kind: Either, value: str) -> str:
        """Options that need work are told by the class that a message holds them in; the rest stand as they are."""
        text = value
        for option in kind.options:
            if not as_it_is(option, self.form):
                held = to.bind("held", held_class(option))
                text = f"{self._expression(to, option, value)} if _isinstance({value}, {held}) else {text}"
        return text
