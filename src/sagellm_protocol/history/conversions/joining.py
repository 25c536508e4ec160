"""One text that became several fields, or several fields that became one text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.conversions.converted import Was, fields_that_were
from sagellm_protocol.history.conversions.passing import Function, Values
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.tables import bare
from sagellm_protocol.model.kinds import Number, Type, wire_kind
from sagellm_protocol.model.spec import Field

Separator: TypeAlias = "str | re.Pattern[str]"
"""What stands between the parts; or a pattern of the whole, with a group for each part by its name."""


@attrs.frozen
class _Seam:
    """How parts stand in a text."""

    by: Separator
    joined: str
    """A pattern with a group a part needs the way back: ``"{host}:{port}"``."""

    def apart(self, text: str, fields: tuple[Field, ...]) -> Values:
        """The parts of a text, each as its field holds it.

        Raises:
            ValueError: it has no such parts.
        """
        names = [field.name for field in fields]
        if isinstance(self.by, str):
            parts = text.split(self.by, len(fields) - 1)
            if len(parts) < len(fields):
                raise ValueError(f"it has {len(parts)} parts between {self.by!r}, and is to have {len(fields)}")
            texts = dict(zip(names, parts, strict=True))
        else:
            found = self.by.fullmatch(text)
            if found is None or any(found[name] is None for name in names):
                raise ValueError(f"it is none of the pattern {self.by.pattern!r}")
            texts = {name: found[name] for name in names}
        return {field.name: _read(field.type, texts[field.name]) for field in fields}

    def together(self, values: Values, fields: tuple[Field, ...]) -> str:
        """The text of several parts.

        Raises:
            ValueError: one of them is null, or is not told.
        """
        for field in fields:
            if values.get(field.name) is None:
                raise ValueError(f"{field.name} is not given")
        texts = {field.name: str(values[field.name]) for field in fields}
        return self.by.join(texts.values()) if isinstance(self.by, str) else self.joined.format(**texts)

    def against(self, names: tuple[str, ...]) -> str | None:
        """Why no text can be taken apart so, and put together again; None where it can."""
        if isinstance(self.by, str):
            return None if self.by and not self.joined else 'by="..." is what stands between, and needs no joined='
        if missing := sorted(set(names) - self.by.groupindex.keys()):
            return f"the pattern has no group called {', '.join(missing)}"
        if missing := [name for name in names if f"{{{name}}}" not in self.joined]:
            return f"a pattern has no way back: say it in joined=, with {{{missing[0]}}}"
        return None


@attrs.frozen
class Joined(ValueConversion):
    """One text, and the fields that are its parts; one of these was before, the other is after."""

    text: str
    seam: _Seam
    told: Mapping[str, Any] = attrs.field(hash=False)
    """What the fields of then were; those that are not told were required texts."""
    split: bool
    """Whether the parts are after."""
    names: tuple[str, ...]
    """The parts."""

    @property
    def before(self) -> tuple[str, ...]:
        return (self.text,) if self.split else self.names

    @property
    def after(self) -> tuple[str, ...]:
        return self.names if self.split else (self.text,)

    def was(self, tables: Tables) -> Mapping[str, Field]:
        if len(set(self.names)) < max(2, len(self.names)):
            raise tables.wrong(f"{self.message}.{self.text} has several parts, of a name each: say renamed(...) of one")
        if reason := self.seam.against(self.names):
            raise tables.wrong(f"{self.message}.{self.text}: {reason}")
        now = [tables.field(self.message, name) for name in self.after]
        if not self.told and not any(field.required for field in now):
            raise tables.wrong(
                f"{', '.join(self.after)} of {self.message} can be left out: say what {', '.join(self.before)} was"
                ", with its default, as was(str, default=...)"
            )
        was = fields_that_were(self.message, {name: self.told.get(name, Was(str)) for name in self.before}, tables)
        parts = now if self.split else was.values()
        for field in parts:
            if wire_kind(bare(field.type)) not in ("text", "number"):
                raise tables.wrong(f"{self.message}.{field.name} is no text or number: say converted(...)")
        return was

    def functions(self, then: Side, now: Side) -> tuple[Function, Function]:
        text, parts = (then, now) if self.split else (now, then)

        def apart(values: Values) -> Values:
            if _says_nothing(text, values, parts):
                return {}
            if values.get(self.text) is None:
                raise ValueError("it is not given")
            return self.seam.apart(values[self.text], parts.fields)

        def together(values: Values) -> Values:
            if _says_nothing(parts, values, text):
                return {}
            joined = self.seam.together(values, parts.fields)
            if not (self.split or self.lossy) and parts.differing(self.seam.apart(joined, parts.fields), values):
                raise ValueError(f"{joined!r} does not come apart again")
            return {self.text: joined}

        return (apart, together) if self.split else (together, apart)


def split(
    message: str,
    field: str,
    into: Iterable[str],
    *,
    by: Separator,
    joined: str = "",
    was: Any = None,
    lossy: str | None = None,
    order: Iterable[str] = (),
) -> Joined:
    """A text became several fields: ``split("types.X", "address", into=("host", "port"), by=":")``.

    Where the field of then said what leaving it out says, and the fields of now can be left out, they are.

    Args:
        message: its full name.
        field: the field as it was.
        into: the fields that became of it, in order; numbers are read as such.
        by: what stands between the parts; what follows the last one needed is the last part's. Or a pattern of the
            whole text, with a group for each field by its name.
        joined: how a text that a pattern takes apart is put together: ``"{host}:{port}"``.
        was: the annotation of then, or what :func:`was` gives; a required ``str``, where it is not told.
        lossy: what is lost on the way, and why, if anything is.
        order: all fields of the message as they stood, where it did not stand where the first of these does.
    """
    told = {} if was is None else {field: was}
    return Joined(message, field, _Seam(by, joined), told, True, tuple(into), lossy=lossy, order=tuple(order))


def merged(
    message: str,
    field: str,
    of: Iterable[str] | Mapping[str, Any],
    *,
    by: Separator,
    joined: str = "",
    lossy: str | None = None,
    order: Iterable[str] = (),
) -> Joined:
    """Several fields became one text: ``merged("types.X", "address", of=("host", "port"), by=":")``.

    Values that would not come apart again are refused, unless ``lossy`` says that this is lost. All but ``of`` is as
    for :func:`split`.

    Args:
        message: its full name.
        field: the field as it is.
        of: the fields as they were, in order, by name; with annotations, or what :func:`was` gives, where they were not
            all required ``str``.
        by: what stands between the parts, or a pattern.
        joined: how the parts are put together, where ``by`` is a pattern.
        lossy: what is lost on the way, and why, if anything is.
        order: all fields of the message as they stood, where these did not stand where it does.
    """
    told = dict(of) if isinstance(of, Mapping) else {}
    return Joined(message, field, _Seam(by, joined), told, False, tuple(of), lossy=lossy, order=tuple(order))


def _says_nothing(side: Side, values: Values, other: Side) -> bool:
    return not side.said(values) and not any(field.required for field in other.fields)


def _read(kind: Type, text: str) -> Any:
    """A part of a text as a field holds it.

    Raises:
        ValueError: it is no number, or one that is not written so.
    """
    held = bare(kind)
    if wire_kind(held) != "number":
        return text
    number: int | float = int(text) if not (isinstance(held, Number) and held.kind is float) else float(text)
    if str(number) != text:
        raise ValueError(f"{text!r} is no number as numbers are written: {number}")
    return number
