"""The rules, as data: what each finds, why it matters, what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from sagellm_protocol.lint.files import LintError
from sagellm_protocol.model.wording import did_you_mean


@attrs.frozen
class Rule:
    """Something that worked with 0.5.4.16 and does not any more."""

    id: str
    name: str
    title: str
    why: str
    instead: str
    raises: tuple[str, ...] = ()
    """The builtin exceptions, one of which is raised where it runs; none where it goes on and does another thing."""
    fixed: bool = False
    """Whether some of what it finds can be mended by ``--fix``."""

    @property
    def silent(self) -> bool:
        """Whether nothing is raised, so that nobody is told."""
        return not self.raises


RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "SLP101",
            "pydantic-name",
            "a method or an attribute of pydantic, on a message",
            "Messages are attrs classes. pydantic's names are deprecated, and go with the next minor version.",
            "`to_plain`, `from_plain`, `evolve`, or a codec; the finding says which",
            ("AttributeError",),
            fixed=True,
        ),
        Rule(
            "SLP102",
            "pydantic-name-asked",
            '`hasattr(x, "model_dump")`, `getattr(x, "model_dump", None)`',
            "Once pydantic's names are gone the answer is no, and the branch for other values is taken.",
            "`attrs.has(type(x))`, then `to_plain(x)`",
        ),
        Rule(
            "SLP201",
            "field-assigned",
            "a field of a message is assigned or deleted",
            "Messages are immutable, so that threads may share them.",
            "`x = evolve(x, field=value)`; for state that lives, `mutable(Message)`",
            ("AttributeError",),
        ),
        Rule(
            "SLP202",
            "held-value-changed",
            "a list or a dict out of a message is changed in place",
            "A message holds tuples, and dicts that refuse change.",
            "a new one: `evolve(x, field=[*x.field, item])`, `evolve(x, field={**x.field, key: value})`",
            ("AttributeError", "TypeError"),
            fixed=True,
        ),
        Rule(
            "SLP301",
            "list-tested",
            "`isinstance(x.field, list)`, `type(x.field) is list`, `case list():`",
            "It is a tuple, so the other branch is taken. `type(x.field) is dict` is false as well.",
            "`isinstance(x.field, (list, tuple))`, or `Sequence`",
            fixed=True,
        ),
        Rule(
            "SLP302",
            "model-tested",
            "`isinstance(x, BaseModel)`, `issubclass(cls, BaseModel)`",
            "A message is no pydantic model, so the other branch is taken.",
            "`isinstance(x, Request)`, or `attrs.has(type(x))` for any message",
        ),
        Rule(
            "SLP401",
            "subclass-undeclared",
            "a subclass of a message with fields of its own, or of a pydantic model too, and without `@message`",
            "Fields are read by `@message`; without it, building one is refused.",
            "`@message` of `sagellm_protocol.model` above the class, and messages alone as bases that have fields",
            ("TypeError",),
        ),
        Rule(
            "SLP402",
            "pydantic-declaration",
            "`model_config`, `Config`, a validator, `model_post_init` or `__init__` in a subclass of a message",
            "Nobody reads them: what they checked is not checked any more.",
            "`field(validator=...)`, `__attrs_post_init__`, or a classmethod that builds",
        ),
        Rule(
            "SLP501",
            "argument-unknown",
            "an argument or a key that is no field of the message",
            "0.5.4.16 passed over it without a word; it is refused now.",
            "the field's name, or nothing",
            ("ValueError",),
            fixed=True,
        ),
        Rule(
            "SLP502",
            "argument-positional",
            "more arguments by position than the message takes",
            "The fields of a message are given by name.",
            "`Request(request_id=...)`",
            ("TypeError",),
        ),
        Rule(
            "SLP503",
            "value-coerced",
            "a value of another type that pydantic turned into the field's",
            "Nothing is turned into anything else but a list to a tuple, an int to a float and the like.",
            "a value of the field's type",
            ("ValueError",),
            fixed=True,
        ),
        Rule(
            "SLP601",
            "pydantic-error-caught",
            "`except pydantic.ValidationError` around code that builds messages",
            "Messages raise `sagellm_protocol.ValidationError`, which is a `ValueError` and not pydantic's.",
            "`except sagellm_protocol.ValidationError`, beside pydantic's where models of your own are read as well",
            ("ValueError",),
            fixed=True,
        ),
        Rule(
            "SLP701",
            "list-compared",
            "a sequence out of a message is compared with a list",
            "A tuple equals no list: `==` is always false, `!=` always true.",
            "a tuple, or `list(x.field) == [...]`",
            fixed=True,
        ),
        Rule(
            "SLP702",
            "list-joined",
            "a sequence out of a message is joined to a list by `+`, or ordered beside one",
            "A tuple and a list cannot be.",
            "`[*x.field, item]`, or `list(x.field) + [...]`",
            ("TypeError",),
            fixed=True,
        ),
        Rule(
            "SLP703",
            "list-as-index",
            "a sequence out of a message is the index of an array",
            "To numpy and torch a list picks elements, and a tuple is one place in so many dimensions.",
            "`array[list(x.field)]`",
            fixed=True,
        ),
        Rule(
            "SLP704",
            "list-in-percent",
            "a sequence out of a message is formatted by `%`",
            "The elements of a tuple are the arguments; of a list with one element, that element is shown instead.",
            '`"%s" % (list(x.field),)`, or an f-string',
            ("TypeError",),
            fixed=True,
        ),
        Rule(
            "SLP801",
            "message-iterated",
            "`dict(message)`, `for name, value in message`",
            "pydantic models give pairs of names and values; a message is no iterable.",
            "`to_plain(message)`, or `attrs.asdict(message, recurse=False)` for the values as they are",
            ("TypeError",),
        ),
        Rule(
            "SLP802",
            "message-inside",
            "`message.__dict__`, `vars(message)`",
            "A message has slots, and no `__dict__`.",
            "`attrs.asdict(message, recurse=False)`",
            ("AttributeError", "TypeError"),
        ),
        Rule(
            "SLP901",
            "suppression-idle",
            "`# noqa: SLP...` without a reason, or where there is nothing to suppress",
            "What is left in the code on purpose says why; what is not needed goes.",
            "`# noqa: SLP201 the pool's own handle, which is mutable`",
            ("AssertionError",),
        ),
    )
}
"""By id, in the order of ids. The first digit is the group: the module under ``checking`` that finds them."""

_NAMES = {rule.name: rule.id for rule in RULES.values()}


def chosen(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    """The ids of the rules to look for.

    Args:
        select: ids, the beginnings of ids (``SLP2``) or names; all rules where there are none.
        ignore: the same; goes before ``select``.

    Raises:
        LintError: no rule is called that.
    """
    wanted = [rule for word in select for rule in _meant(word)] or list(RULES)
    return frozenset(wanted) - {rule for word in ignore for rule in _meant(word)}


def _meant(word: str) -> list[str]:
    if word in _NAMES:
        return [_NAMES[word]]
    found = [rule for rule in RULES if word and rule.startswith(word.upper())]
    if not found:
        raise LintError(f"no rule is called {word!r}{did_you_mean(word, [*_NAMES, *map(str.lower, RULES)])}")
    return found
