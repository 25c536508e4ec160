"""What is wrong with a message in the shape that pydantic tells it: ``loc``, ``type``, ``msg``, ``ctx`` and ``input``.

Where a rule means what one of pydantic's does, ``type``, ``msg`` and ``ctx`` are pydantic's own, save that lengths do
not say of what (``too_short``, ``too_long``), and that enumerations are told like literals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import attrs

Loc: TypeAlias = "tuple[str | int, ...]"


@attrs.frozen
class LineError:
    """One violation, as a line of pydantic's errors."""

    loc: Loc
    """Where, step by step: ``("choices", 0, "delta")``; empty for the message itself."""
    type: str
    """A slug that stays the same for a rule: ``missing``, ``greater_than_equal``, ``value_error``."""
    msg: str
    """The rule in a sentence, without the value."""
    ctx: Mapping[str, Any] = attrs.field(hash=False)
    """What the rule speaks of, such as its limit: texts and numbers that JSON can carry; often empty."""
    input: str | None
    """``repr`` of what was found, cut short and without secrets; None where nothing was given."""


_LIMIT = "[^ ]+"
"""A limit: a number, or a time, a duration or a Decimal as it stands on the wire."""
_VALUE = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+)"
"""``repr`` of a literal, or of the value of an enumeration."""

_RULES: tuple[tuple[str, str, str], ...] = (
    ("required", "missing", "Field required"),
    (r"a known field.*", "extra_forbidden", "Extra inputs are not permitted"),
    (r"given as (?P<name>\w+)", "extra_forbidden", "Input should be given as {name}"),
    ("str", "string_type", "Input should be a valid string"),
    ("int", "int_type", "Input should be a valid integer"),
    ("float", "float_type", "Input should be a valid number"),
    ("bool", "bool_type", "Input should be a valid boolean"),
    (r"a sequence(?: that can be read .*)?", "list_type", "Input should be a valid list"),
    (r"an? (?:mapping|object)(?: that can be read .*)?", "dict_type", "Input should be a valid dictionary"),
    (r"(?:a mapping from text|.* with texts as keys)", "invalid_key", "Keys should be strings"),
    ("finite", "finite_number", "Input should be a finite number"),
    (rf">= (?P<ge>{_LIMIT})", "greater_than_equal", "Input should be greater than or equal to {ge}"),
    (rf"> (?P<gt>{_LIMIT})", "greater_than", "Input should be greater than {gt}"),
    (rf"<= (?P<le>{_LIMIT})", "less_than_equal", "Input should be less than or equal to {le}"),
    (rf"< (?P<lt>{_LIMIT})", "less_than", "Input should be less than {lt}"),
    (rf"a multiple of (?P<multiple_of>{_LIMIT})", "multiple_of", "Input should be a multiple of {multiple_of}"),
    (r"at least (?P<min_length>\d+) long", "too_short", "Input should be at least {min_length} long"),
    (r"at most (?P<max_length>\d+) long", "too_long", "Input should be at most {max_length} long"),
    (rf"(?:one of )?(?P<expected>{_VALUE}(?:, {_VALUE})*)", "literal_error", "Input should be {expected}"),
    ("date", "date_type", "Input should be a valid date"),
    ("timedelta", "time_delta_type", "Input should be a valid timedelta"),
    ("bytes", "bytes_type", "Input should be a valid bytes"),
    ("UUID", "uuid", "Input should be a UUID"),
    (r"datetime with a UTC offset.*", "datetime_with_offset", "Input should be a datetime with a UTC offset"),
    ("given once", "duplicate_key", "Input should be given once"),
    (r"at most (?P<max_levels>\d+) levels deep", "too_deep", "Input should be at most {max_levels} levels deep"),
    (r"JSON.*", "json_value", "Input should be a JSON value"),
)
"""Rule as a violation says it, slug, and message; the first row that fits a whole rule counts."""

_FITTING = re.compile("|".join(f"(?P<row{number}>{rule})" for number, (rule, *_) in enumerate(_RULES)), re.DOTALL)
_STEP = re.compile(r"\[(?P<index>\d+)\]|\.\.\.|[^.\[\]]+|[\[\]]")


class Telling(Protocol):
    """A ``ValidationError``, whose module imports this one."""

    @property
    def violations(self) -> Sequence[Any]:
        """The first 100."""
        ...


def line_errors(error: Telling) -> list[LineError]:
    """The violations that an error holds, 100 at the most, in their order."""
    return [line_error(found) for found in error.violations]


def line_error(violation: Any) -> LineError:
    """One ``Violation`` as a line; a rule that no row of the table fits is a ``value_error``."""
    slug, msg, ctx = _told(violation.rule)
    absent = slug == "missing"
    return LineError(loc_of(violation.path), slug, msg, ctx, None if absent else str(violation.value))


def loc_of(path: str) -> Loc:
    """The steps of a path; a key that holds dots or brackets is several, and what was cut out of a path is ``...``."""
    return tuple(_steps(_STEP.finditer(path)))


def _steps(found: Iterable[re.Match[str]]) -> Iterable[str | int]:
    for step in found:
        yield step[0] if step["index"] is None else int(step["index"])


def _told(rule: str) -> tuple[str, str, dict[str, Any]]:
    """Slug, message and context of a rule."""
    found = _FITTING.fullmatch(rule)
    if found is None:
        return "value_error", f"Value error, must be {rule}", {"error": f"must be {rule}"}
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    row = next(number for number in range(len(_RULES)) if f"row{number}" in groups)
    _, slug, words = _RULES[row]
    shown = {name: text for name, text in groups.items() if not name.startswith("row")}
    if "expected" in shown:
        shown["expected"] = _listed(shown["expected"])
    return slug, words.format(**shown), {name: _limit(text) for name, text in shown.items()}


def _listed(values: str) -> str:
    """``'a', 'b' or 'c'``, as pydantic lists them."""
    found = re.findall(_VALUE, values)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"


def _limit(text: str) -> Any:
    """A limit as the number that it is; any other, and one that a float cannot say exactly, as text."""
    kind = int if text.lstrip("-").isdecimal() else float
    try:
        limit = kind(text)
    except ValueError:
        return text
    return limit if repr(limit) == text else text
