"""Which fields of a message became which, as far as facts show it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import attrs

from sagellm_protocol.history.conversions.rescaled import (
    SIZES,
    always_exact,
    holds_numbers_alone,
    scaled,
    scaled_type,
)
from sagellm_protocol.history.conversions.sides import close
from sagellm_protocol.history.fitting import units
from sagellm_protocol.history.tables import bare
from sagellm_protocol.model.kinds import Nested, Type
from sagellm_protocol.schema.facts import Facts, annotation, fields_in
from sagellm_protocol.schema.writing import call, quoted, renamed, was_text

Row = dict[str, Any]
"""The fact of a field."""


@attrs.define
class Becoming:
    """The fields of a message that went, those that came, and what is found out about them, one after the other."""

    owner: str
    before: dict[str, Row]
    after: dict[str, Row]
    gone: list[str]
    came: list[str]
    today: Facts
    read: Callable[[str], Type]
    renames: dict[str, str] = attrs.field(factory=dict, init=False)
    conversions: list[tuple[list[str], list[str], str]] = attrs.field(factory=list, init=False)
    """The fields of before, those of after, and the step."""
    open: list[str] = attrs.field(factory=list, init=False)
    """What facts leave open, as comments."""

    def __attrs_post_init__(self) -> None:
        # What measures in another unit may be declared alike, and is not merely renamed.
        self._convert(self._rescaled)
        self._rename()
        self._convert(self._nested)
        self._convert(self._flattened)
        if self.gone and self.came:
            skeleton = converted(self.owner, {name: self.before[name] for name in self.gone}, self.came)
            went, came = ", ".join(self.gone), ", ".join(self.came)
            self.open.append(f"# if what {went} said is what {came} say, put in place of added and removed: {skeleton}")

    def _convert(self, find: Callable[[], Iterator[tuple[list[str], list[str], str]]]) -> None:
        """Take what may have become which, where no field may have become, or been, another as well."""
        found = list(find())
        fields = [name for old, new, _ in found for name in (*old, *new)]
        for old, new, step in found:
            if all(fields.count(name) == 1 for name in (*old, *new)):
                self._take(old, new)
                self.conversions.append((old, new, step))

    def steps(self, before: list[str], now: list[str]) -> list[str]:
        """The conversions as steps, with the order in which the fields stood where that does not follow.

        Args:
            before: all fields as they stood.
            now: all fields as they stand.
        """
        steps = [step for _, _, step in self.conversions]
        wanted = [self.renames.get(name, name) for name in before if name not in self.gone]
        if steps and self.order(now) != wanted:
            steps[-1] = f"{steps[-1][:-1]}, order=({quoted(wanted)}{',' * (len(wanted) == 1)}))"
        return steps

    def order(self, now: list[str]) -> list[str]:
        """How fields stood, by the names of today, if those of before stood where those of after do."""
        order = [name for name in now if name not in self.came]
        for old, new, _ in self.conversions:
            place = min(map(order.index, new))
            order[place:place] = old
            order = [name for name in order if name not in new]
        return order

    def _take(self, old: list[str], new: list[str]) -> None:
        self.gone = [name for name in self.gone if name not in old]
        self.came = [name for name in self.came if name not in new]

    def _rename(self) -> None:
        """Fields that went while others of the same fact came, where only one did."""
        for old in list(self.gone):
            same = [new for new in self.came if self.before[old] == self.after[new]]
            rivals = [name for name in self.gone if self.before[name] == self.before[old]]
            if len(same) == len(rivals) == 1:
                self.renames[old] = same[0]
                self._take([old], same)
            elif same:
                pairs = dict(zip(rivals, same, strict=False))
                self.open.append(
                    f"# {', '.join(rivals)} of {self.owner} went and {', '.join(same)} came, all alike: say which"
                    f" became which, as in {renamed(self.owner, pairs)}"
                )
                self._take(rivals, same)

    def _rescaled(self) -> Iterator[tuple[list[str], list[str], str]]:
        for old in self.gone:
            for new in self.came:
                if rescales(old, new, self.before[old], self.after[new], self.read):
                    yield [old], [new], rescaled(self.owner, old, new, self.before[old], self.after[new], self.read)

    def _nested(self) -> Iterator[tuple[list[str], list[str], str]]:
        for new in self.came:
            inner = self._fields_within(self.after[new])
            outside = {name: _outside(name, row, self.after[new]) for name, row in inner.items()}
            if inner and outside == {name: self.before[name] for name in self.gone if name in inner}:
                yield list(inner), [new], call("nested", self.owner, new, *inner)

    def _flattened(self) -> Iterator[tuple[list[str], list[str], str]]:
        for old in self.gone:
            inner = self._fields_within(self.before[old])
            types = {name: {row["type"], f"{row['type']} | None"} for name, row in inner.items()}
            if inner and all(name in self.came and self.after[name]["type"] in types[name] for name in inner):
                yield (
                    [old],
                    list(inner),
                    f"{call('flattened', self.owner, old, *inner)[:-1]}, was={was_text(self.before[old])})",
                )

    def _fields_within(self, row: Row) -> dict[str, Row]:
        """The fields of the message that a field holds, as they are today; none where it holds something else."""
        kind = bare(self.read(row["type"]))
        computed = any(key in row for key in _COMPUTED)
        return fields_in(self.today, kind.name) if isinstance(kind, Nested) and not computed else {}


_COMPUTED = ("derived", "derived by", "made")


def factor_between(was: str, now: str) -> Fraction | None:
    """How many of one unit are one of another; None where they measure different things, or are the same."""
    if was == now or was not in SIZES or now not in SIZES or SIZES[was][0] != SIZES[now][0]:
        return None
    return SIZES[now][1] / SIZES[was][1]


def rescales(old: str, new: str, was: Row, now: Row, read: Callable[[str], Type]) -> bool:
    """Whether a field measures in another unit what another did, by their declarations or their names."""
    if any(key in row for key in _COMPUTED for row in (was, now)):
        return False
    measured = _measured(old, read(was["type"])), _measured(new, read(now["type"]))
    if measured[0] is None or measured[1] is None or measured[0][0] != measured[1][0]:
        return False
    return factor_between(measured[0][1], measured[1][1]) is not None


def rescaled(owner: str, old: str, new: str, was: Row, now: Row, read: Callable[[str], Type]) -> str:
    """The step for a field whose unit changed, by its declaration or its name."""
    kinds = read(was["type"]), read(now["type"])
    by = _by(old, new, *kinds)
    arguments = [
        json.dumps(owner),
        f"{new}={json.dumps(old)}",
        f"by={by if by.denominator == 1 else f'{by.numerator} / {by.denominator}'}",
    ]
    if not _follows(was, now, kinds, by):
        # Without was() around it, the default of then would follow from that of now.
        derived = "required" in was and "required" in now
        arguments.append(f"was={was_text(was) if derived or 'default' in was else f'was({was_text(was)})'}")
    if not always_exact(*kinds, by):
        arguments.append('lossy="rounded"')
    return f"rescaled({', '.join(arguments)})"


def _by(old: str, new: str, was: Type, now: Type) -> Fraction:
    measured = [_measured(name, kind) for name, kind in ((old, was), (new, now))]
    found = [each[1] for each in measured if each is not None]
    return factor_between(*found) or Fraction(1)


def _follows(was: Row, now: Row, kinds: tuple[Type, Type], by: Fraction) -> bool:
    """Whether what a field was follows from what it is."""
    try:
        if annotation(scaled_type(kinds[1], by)) != was["type"]:
            return False
        if "required" in now:
            return "required" in was
        return "default" in was and close(scaled(kinds[0], now["default"], by), was["default"])
    except ValueError:
        return False


def _measured(name: str, kind: Type) -> tuple[str, str] | None:
    """What a field is called, less its unit, and the unit: as it is declared, or else by its name."""
    if not holds_numbers_alone(kind):
        return None
    stem, _, suffix = name.rpartition("_")
    named = suffix if stem and suffix in SIZES else None
    declared = units(kind) or None
    if declared is not None and named not in (None, declared):
        return None
    unit = declared or named
    return None if unit is None else (stem if named else name, unit)


def _outside(name: str, inner: Row, holder: Row) -> Row:
    """A field as it was, if it moved into the message that another holds."""
    default = holder.get("default")
    if "default" in holder and default is None and "required" in inner:
        kind = inner["type"]
        return {"type": kind if kind.endswith(" | None") else f"{kind} | None", "default": None}
    if isinstance(default, dict) and name in default:
        return {"type": inner["type"], "default": default[name]}
    return inner


def converted(owner: str, was: dict[str, Row], names: list[str]) -> str:
    """A conversion whose functions are to be written."""
    before = ", ".join(f"{json.dumps(name)}: {was_text(row)}" for name, row in was.items())
    after = quoted(names) + ("," if len(names) == 1 else "")
    return f"converted({json.dumps(owner)}, before={{{before}}}, after=({after}), up=..., down=...)"
